/* The short answer: how far is each prediction of the plateau length off, over all runs of a database?
 *
 * Flows count if they are the stated model's (metric=full) from the zero start: |prediction/plateau - 1|, in three
 * groups of problems. Toy models count by how far their plateau is from that of the flow with the same start:
 * |plateau/flow - 1|. All are read at the usual threshold (reading.h). Transformers of the paper's own kind (its Table
 * 1; only the problem and the seed are free, p = 0) count by how much later they emerge than its published law says:
 * plateau/law, for recall at the 5 % accuracy that it is about. Imported runs do not count: it is not known here from
 * what start they began. */
#ifndef ACCURACY_H
#define ACCURACY_H
#include "reading.h"
#include "store.h"

#define ACCURACY_GROUPS(X)                                                                                             \
    X(ACCURACY_SINGLE, "B = 1, p = 0") X(ACCURACY_CONTEXT, "B > 1, p = 0") X(ACCURACY_CROSS, "p > 0")
enum accuracy_group {
#define AS_ENUMERATOR(enumerator, name) enumerator,
    ACCURACY_GROUPS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        ACCURACY_GROUP_COUNT
};
#define AS_ENUMERATOR(name, meaning) ACCURACY_##name,
enum accuracy_column { PREDICTIONS(AS_ENUMERATOR) ACCURACY_toy, ACCURACY_COLUMNS };
#undef AS_ENUMERATOR

enum accuracy_law { ACCURACY_REGRESSION, ACCURACY_RECALL, ACCURACY_LAWS };

struct accuracy_errors {
    double *values; /* owned */
    size_t n, allocated;
};
struct accuracy {
    struct run_flow *tools; /* owned; made with the first run */
    struct accuracy_errors errors[ACCURACY_GROUP_COUNT][ACCURACY_COLUMNS], ratios[ACCURACY_LAWS];
    size_t at_once[ACCURACY_LAWS]; /* left out: over the threshold at the start or the first evaluation */
};

/* A store_visit: adds a row to a zero-initialised struct accuracy. ERR_MEMORY. */
enum status accuracy_add(void *accuracy, const struct store_row *row);
/* How many runs, their median error and their largest (NaN if there are none). Sorts in place. */
size_t accuracy_of(struct accuracy *a, enum accuracy_group group, enum accuracy_column column, double *median,
                   double *largest);
/* How many Transformers emerged, and the median, smallest and largest plateau/law (NaN if there are none). Sorts in
 * place. */
size_t accuracy_of_law(struct accuracy *a, enum accuracy_law law, double *median, double *smallest, double *largest);
const char *accuracy_group_name(enum accuracy_group group);
void accuracy_free(struct accuracy *a);

#endif
