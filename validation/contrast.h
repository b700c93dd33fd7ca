/* Contrasts: how much shorter the plateau becomes when some keys change, run against run, everything else (seed too)
 * being equal. */
#ifndef CONTRAST_H
#define CONTRAST_H
#include "grid.h"
#include "store.h"

/* One pair of runs. */
struct contrast_pair {
    int64_t seed;
    double log_ratio; /* ln(plateau before / plateau after the change); a run before that was cut off counts as long as
                         it went */
};
struct contrast {
    struct contrast_pair *pairs; /* owned */
    size_t n, undefined;         /* undefined: pairs whose second run has no plateau */
};

/* Pairs of the runs that `before` lets through with those that differ from them by the values of `change` alone. at: the threshold at
 * which they are read (reading.h). Overwrites *c; release with contrast_free, also after an error. */
enum status contrast_measure(struct store *store, const struct store_filter *before, const struct grid *change, double at,
                             struct contrast *c);
void contrast_free(struct contrast *c);

#endif
