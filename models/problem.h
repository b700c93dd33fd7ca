/* What a Transformer learns: one of the two tasks, with its batches, its null loss, and the attention worth watching.
 */
#ifndef PROBLEM_H
#define PROBLEM_H
#include "recall.h"
#include "regression.h"

struct problem {
    enum preset preset;           /* PRESET_REGRESSION or PRESET_RECALL */
    struct regression regression; /* the one that preset names */
    struct recall recall;
    size_t T;         /* positions of a sequence */
    double null_loss; /* of knowing nothing: see the tasks */
};

/* X(name, kind of run, from -> to): a probe's mean attention is one trace column per layer and head. */
#define PROBLEM_PROBES(X)                                                                                              \
    X(attention, PRESET_REGRESSION, "the last position to the relevant ones")                                          \
    X(copy, PRESET_RECALL, "each value to the key before it")                                                          \
    X(select, PRESET_RECALL, "the query to its value")
enum problem_probe {
#define AS_ENUMERATOR(name, preset, meaning) PROBE_##name,
    PROBLEM_PROBES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        PROBE_COUNT
};
/* Pairs of positions: how much does query[i] attend to key[i] in sample[i]? sample is ascending. */
struct problem_pairs {
    size_t count;
    int32_t *sample, *query, *key; /* owned by sample: [count] each */
};

/* The task of `keys`. ERR_INPUT unless they are a Transformer's; ERR_MEMORY. Release with problem_free, also after an
 * error. */
enum status problem_init(const struct keys *keys, struct problem *problem);
void problem_free(struct problem *problem);
/* Room for n samples; samples_free releases it. */
enum status problem_samples(const struct problem *problem, size_t n, struct samples *s);
/* Overwrites s with the samples of `range`. ERR_MEMORY. */
enum status problem_draw(const struct problem *problem, const struct samples_range *range, struct samples *s);
/* p or B of training is another from now on; samples that there is room for stay right. */
void problem_switch(struct problem *problem, const struct schedule_switch *s);
/* What knowing nothing costs in training, at the present p. */
double problem_train_null(const struct problem *problem);
/* How many positions hold what the readout needs, in the test set. */
size_t problem_test_copies(const struct problem *problem);
/* The probes of a kind of run: the first of them, and how many there are (0: not a Transformer); they are consecutive.
 */
int problem_probes(enum preset preset, enum problem_probe *first);
const char *problem_probe_name(enum problem_probe probe);
/* The pairs of a probe in samples s. ERR_MEMORY. Release with problem_pairs_free. */
enum status problem_pairs(const struct samples *s, enum problem_probe probe, struct problem_pairs *pairs);
void problem_pairs_free(struct problem_pairs *pairs);

#endif
