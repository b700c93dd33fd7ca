/* How an imported run ended: what its line says, or else its curve. */
#ifndef IMPORT_OUTCOME_H
#define IMPORT_OUTCOME_H
#include "store/import_curves.h"
#include "store/import_expect.h"

/* What is doubtful of curves, for the user to know. Zero-initialise; `differs` is the owner's to free. */
struct import_doubts {
    size_t differing;    /* given plateaus that are not their curves', by more than evaluations are apart */
    size_t coarse;       /* plateaus of curves that are known to more than a twentieth only */
    size_t off;          /* curves whose loss is not about the null loss on the plateau */
    struct text differs; /* owned: the first of the differing, in words */
};

struct import_outcome {
    const int *from;               /* borrowed: the columns of the file of runs (import_columns.h) */
    const char *unit;              /* "line", for messages */
    const char *curves;            /* the file of curves; NULL: there is none */
    bool dry;                      /* predictions are not asked for */
    struct run_flow *tools;        /* borrowed */
    struct import_expect expected; /* the owner's to free */
    struct import_doubts *doubts;  /* borrowed: added to */
};

/* The run as it is kept, with what theory expects of it, into *r (overwritten). ERR_INPUT, without the place, if what
 * is said of it does not fit together; ERR_SOLVER, ERR_MEMORY. */
enum status import_outcome_find(struct import_outcome *o, const struct import_run *run, struct result *r);

#endif
