/* The short answer: how far is each prediction of the plateau length off, over all runs of a database?
 *
 * Flows count if they are the stated model's (metric=full) from the zero start: |prediction/plateau - 1|, in three groups of
 * problems. Toy models count by how far their plateau is from that of the flow with the same start: |plateau/flow - 1|. */
#ifndef ACCURACY_H
#define ACCURACY_H
#include "store.h"

#define ACCURACY_GROUPS(X) X(ACCURACY_SINGLE, "B = 1, p = 0") X(ACCURACY_CONTEXT, "B > 1, p = 0") X(ACCURACY_CROSS, "p > 0")
enum accuracy_group {
#define AS_ENUMERATOR(enumerator, name) enumerator,
    ACCURACY_GROUPS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        ACCURACY_GROUP_COUNT
};
#define AS_ENUMERATOR(name, meaning) ACCURACY_##name,
enum accuracy_column { PREDICTIONS(AS_ENUMERATOR) ACCURACY_toy, ACCURACY_COLUMNS };
#undef AS_ENUMERATOR

struct accuracy_errors {
    double *values; /* owned */
    size_t n, allocated;
};
struct accuracy {
    struct accuracy_errors errors[ACCURACY_GROUP_COUNT][ACCURACY_COLUMNS];
};

/* A store_visit: adds a row to a zero-initialised struct accuracy. ERR_MEMORY. */
enum status accuracy_add(void *accuracy, const struct store_row *row);
/* How many runs, their median error and their largest (NaN if there are none). Sorts in place. */
size_t accuracy_of(struct accuracy *a, enum accuracy_group group, enum accuracy_column column, double *median, double *largest);
const char *accuracy_group_name(enum accuracy_group group);
void accuracy_free(struct accuracy *a);

#endif
