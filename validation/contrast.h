/* Contrasts: how much shorter the plateau becomes when some keys change, run against run, everything else (seed too)
 * being equal. */
#ifndef CONTRAST_H
#define CONTRAST_H
#include "grid.h"
#include "store.h"

struct contrast_request {
    struct store_filter before; /* runs before the change */
    const struct grid *change;  /* the keys that change, and their values after it */
    double at;                  /* the threshold at which runs are read (reading.h) */
    const char *column;         /* NULL: the plateau as recorded, on the test set; else that of this trace column, such
                                   as accuracy_train */
    enum key best;              /* of runs that differ in this key alone the fastest counts, before and after;
                                   KEY_COUNT: none */
};
/* One pair of runs. */
struct contrast_pair {
    int64_t id;       /* of the run before the change */
    struct keys keys; /* before the change */
    double log_ratio; /* ln(plateau before / plateau after the change) */
    bool cut;         /* the run before was cut off and counts as long as it went: the ratio is at least this */
};
struct contrast {
    struct contrast_pair *pairs; /* owned */
    size_t n, allocated;
    size_t undefined;     /* pairs whose second run has no plateau */
    size_t at_once, late; /* pairs of which a run was over the threshold from the start, or at its first
                                    evaluation (result_is_late) */
};

/* Pairs of the runs before the change with those that differ from them by it alone. Overwrites *c; release with
 * contrast_free, also after an error. */
enum status contrast_measure(struct store *store, const struct contrast_request *request, struct contrast *c);
void contrast_free(struct contrast *c);

#endif
