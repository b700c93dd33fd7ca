/* Runs that are compared one by one: which are the same but for some keys, which of those is the fastest, and how much
 * shorter the plateau becomes from one run to its partner, everything else (the seed too) being equal. */
#ifndef PAIRS_H
#define PAIRS_H
#include "study/grid.h"
#include "store/store.h"

/* The same run but for the keys with but[key] > 0, and for what only says how long or how fast it goes? */
bool pairs_twins(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT]);
/* As store_each. With a key `best` (KEY_COUNT: none), of the runs that differ in that key alone only the one with the
 * shortest plateau at the threshold `at` (reading.h) is visited: "the best learning rate of three". Runs without a
 * plateau count as longer. ERR_MEMORY. */
enum status pairs_each_best(struct store *store, const struct store_filter *filter, enum key best, double at,
                            store_visit *visit, void *context);

struct pairs_request {
    struct store_filter before; /* runs before the change */
    const struct grid *change;  /* the keys that change, and their values after it */
    double at;                  /* the threshold at which runs are read (reading.h) */
    const char *column;         /* NULL: the plateau as recorded, on the test set; else that of this trace column, such
                                   as accuracy_train */
    enum key best;              /* of runs that differ in this key alone the fastest counts, before and after;
                                   KEY_COUNT: none */
};
struct pair {
    int64_t id, id_after;        /* of the run before the change, and of that after it */
    struct keys keys;            /* before the change */
    double log_ratio;            /* ln(plateau before / plateau after the change) */
    double log_low, log_high;    /* what it is between, where a plateau is known to a coarse bracket alone (result.h) */
    double unsure, unsure_after; /* variance of the two logarithms, from these brackets */
    bool cut;       /* the run before was cut off and counts as long as it went: the ratio is at least this */
    bool cut_after; /* that after the change was: at most this. Not both */
};
struct pairs {
    struct pair *list; /* owned */
    size_t n, allocated;
    size_t undefined;     /* pairs of which too little is known: both cut off, or one diverged */
    size_t may_be_larger; /* of all that are left out, those whose ratio may be larger than that of the others */
    size_t at_once, late; /* pairs of which a run was over the threshold from the start, or at its first evaluation
                             (result_is_late) */
};

/* Pairs of the runs before the change with those that differ from them by it alone. Overwrites *pairs; release with
 * pairs_free, also after an error. */
enum status pairs_measure(struct store *store, const struct pairs_request *request, struct pairs *pairs);
/* The variance that coarse brackets bring into the mean of all log_ratio; a run may be in several pairs. ERR_MEMORY. */
enum status pairs_unsure(const struct pairs *pairs, double *variance);
void pairs_free(struct pairs *pairs);

#endif
