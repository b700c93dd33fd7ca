/* What a Transformer learns: its samples, what knowing nothing costs, the attention worth watching, and what ends a
 * plateau.
 *
 * A kind of task is one file (regression.c, recall.c) and one entry of task.c's list; its keys and their defaults are a
 * column of keys.def. Flow and toy learn regression, so task_of answers for them too; samples are a Transformer's. */
#ifndef TASK_H
#define TASK_H
#include "base/keys.h"
#include "models/samples.h"

enum { TASK_PROBES = 3, TASK_LEVELS = 9 };

/* Pairs of positions whose attention shows what was learned: the mean attention of the pairs is one column of the trace
 * per layer and head. */
struct task_probe {
    const char *name;                        /* of the column: attention_l1h1 */
    size_t (*most)(const struct samples *s); /* the largest number of pairs in one sample */
    /* Pair k < most of sample i: `query` attends to `key`. false: there is no such pair. */
    bool (*pair)(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key);
    bool contrast; /* the column is that of the probe before, over the mean attention of these pairs */
};
/* The last position to the relevant ones (samples.relevant). */
size_t task_slots(const struct samples *s);
bool task_last_to_relevant(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key);

struct task;
struct task_kind {
    enum preset preset;     /* the runs of Transformers that learn it */
    enum task_name name;    /* the value of the key `task` */
    const char *regressors; /* what plateau lengths are fitted to by default: "d,T,B" */
    bool has_flow;          /* the reduced flow is a theory of it */
    bool tokens;            /* reads token numbers and predicts one; else reads vectors and predicts one */

    /* What ends a plateau: accuracy that rises to a level, or a test loss that falls to a fraction of the null loss. */
    bool rises;
    int levels;
    const char *level_names[TASK_LEVELS];
    double (*level)(const struct keys *keys, int i);
    double (*usual)(const struct keys *keys);  /* the threshold at which runs of different keys are compared */
    double (*chance)(const struct keys *keys); /* guessing gives it; a level up to it means nothing. NULL: none */

    /* A sequence's T, the numbers of a token (or how many tokens there are), and the numbers that are predicted. */
    void (*sizes)(const struct keys *keys, int *T, int *inputs, int *outputs);
    /* Fills `own`, null_loss and target; the other fields are set. ERR_MEMORY: `own` may then be part done. */
    enum status (*init)(const struct keys *keys, struct task *task);
    void (*free)(struct task *task);
    enum status (*draw)(const struct task *task, const struct samples_range *range, struct samples *s);
    double (*train_null)(const struct task *task); /* what knowing nothing costs in training, at the present p */

    struct task_probe probes[TASK_PROBES];
    int n_probes, needed; /* needed: the query's attention to what the readout needs */
};

struct task {
    const struct task_kind *kind;
    void *own;     /* owned: what the kind needs besides */
    size_t T;      /* positions of a sequence */
    size_t B;      /* copies of the relevant token in training; may be changed between batches, up to slots */
    size_t test_B; /* and in the test set */
    size_t slots;  /* the largest number of relevant positions that a sample may have */
    double p;      /* share of training samples that repeat; may be changed between batches */
    uint64_t seed;
    double null_loss;    /* of knowing nothing, in the test set */
    const float *target; /* W*[d][d], which checkpoints keep; borrowed from `own`, NULL: the kind has none */
};

/* What the keys are about; never NULL. */
const struct task_kind *task_of(const struct keys *keys);
/* The same for a kind of run. */
const struct task_kind *task_of_preset(enum preset preset);
/* The kinds in their order; NULL beyond the last. */
const struct task_kind *task_at(int i);
/* The task of `keys`. ERR_INPUT unless they are a Transformer's; ERR_MEMORY. Release with task_free, also after an
 * error. */
enum status task_init(const struct keys *keys, struct task *task);
void task_free(struct task *task);
/* Room for n samples; samples_free releases it. ERR_MEMORY. */
enum status task_samples(const struct keys *keys, const struct task *task, size_t n, struct samples *s);
/* Overwrites s with the samples of `range`. Test samples have no cross-sample repetition (p = 0). ERR_MEMORY. */
enum status task_draw(const struct task *task, const struct samples_range *range, struct samples *s);
/* p or B of training is another from now on; samples that there is room for stay right. */
void task_switch(struct task *task, const struct schedule_switch *s);
double task_train_null(const struct task *task);

/* The pairs of a probe: how much does query[i] attend to key[i] in sample[i]? sample is ascending. */
struct task_pairs {
    size_t count;
    int32_t *sample, *query, *key; /* owned by sample: [count] each */
};
/* Those in samples s. ERR_MEMORY. Release with task_pairs_free. */
enum status task_pairs(const struct samples *s, const struct task_probe *probe, struct task_pairs *pairs);
void task_pairs_free(struct task_pairs *pairs);

#endif
