/* What a Transformer learns: one of the two tasks, with its batches, its null loss, and the attention worth watching. */
#ifndef TASK_H
#define TASK_H
#include "recall.h"
#include "regression.h"

struct task {
    enum preset preset;           /* PRESET_REGRESSION or PRESET_RECALL */
    struct regression regression; /* the one that preset names */
    struct recall recall;
    size_t T;          /* positions of a sequence */
    double null_loss;  /* of knowing nothing: see the tasks */
};

/* Attention from a position to another, of one sample. */
struct task_probe {
    int32_t sample, query, key;
};
/* X(name, task, from -> to): what is averaged over the pairs of a probe is one trace column per layer and head. */
#define TASK_PROBES(X)                                                                                                 \
    X(attention, PRESET_REGRESSION, "the readout position to the relevant ones")                                       \
    X(copy, PRESET_RECALL, "each value to the key before it")                                                          \
    X(select, PRESET_RECALL, "the query to its value")
enum task_probe_kind {
#define AS_ENUMERATOR(name, preset, meaning) TASK_PROBE_##name,
    TASK_PROBES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
    TASK_PROBE_KINDS
};

/* The task of `keys`. ERR_INPUT unless they are a Transformer's; ERR_MEMORY. Release with task_free, also after an error. */
enum status task_init(const struct keys *keys, struct task *task);
void task_free(struct task *task);
/* Room for n samples; samples_free releases it. */
enum status task_samples(const struct task *task, size_t n, struct samples *s);
/* Overwrites s with the samples of `range`. ERR_MEMORY. */
enum status task_draw(const struct task *task, const struct samples_range *range, struct samples *s);
/* The pairs of positions of a probe in samples s: *pairs (the caller frees) and their number. ERR_MEMORY. */
enum status task_probes(const struct samples *s, enum task_probe_kind kind, struct task_probe **pairs, size_t *n);
/* "attention", ..; does the probe belong to that kind of run? */
const char *task_probe_name(enum task_probe_kind kind);
bool task_probe_applies(enum task_probe_kind kind, enum preset preset);

#endif
