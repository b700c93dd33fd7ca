/* The short answer: how far is each prediction of the plateau length off, over all runs of a database?
 *
 * Flows count if they are the stated model's (metric=full) from the zero start: |prediction/plateau - 1|, in three
 * groups of problems. Toy models count by how far their plateau is from that of the flow with the same start:
 * |plateau/flow - 1|. All are read at the usual threshold (reading.h). Transformers of the paper's own kind (its Table
 * 1; only the problem and the seed are free, p = 0) count by how much later they emerge than its published law says:
 * plateau/law, for recall at the 5 % accuracy that it is about. Imported runs do not count: it is not known here from
 * what start they began. */
#ifndef PREDICTION_ERROR_H
#define PREDICTION_ERROR_H
#include "run/reading.h"
#include "store/store.h"

#define PREDICTION_ERROR_GROUPS(X)                                                                                     \
    X(PREDICTION_ERROR_SINGLE, "B = 1, p = 0")                                                                         \
    X(PREDICTION_ERROR_CONTEXT, "B > 1, p = 0") X(PREDICTION_ERROR_CROSS, "p > 0")
enum prediction_error_group {
#define AS_ENUMERATOR(enumerator, name) enumerator,
    PREDICTION_ERROR_GROUPS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        PREDICTION_ERROR_GROUP_COUNT
};
#define AS_ENUMERATOR(name, meaning) PREDICTION_ERROR_##name,
enum prediction_error_column { PREDICTIONS_FLOW(AS_ENUMERATOR) PREDICTION_ERROR_toy, PREDICTION_ERROR_COLUMNS };
#undef AS_ENUMERATOR

enum prediction_error_law { PREDICTION_ERROR_REGRESSION, PREDICTION_ERROR_RECALL, PREDICTION_ERROR_LAWS };

struct prediction_error_list {
    double *values; /* owned */
    size_t n, allocated;
};
struct prediction_error {
    struct run_flow *tools; /* owned; made with the first run */
    struct prediction_error_list errors[PREDICTION_ERROR_GROUP_COUNT][PREDICTION_ERROR_COLUMNS],
        ratios[PREDICTION_ERROR_LAWS];
    size_t at_once[PREDICTION_ERROR_LAWS]; /* left out: over the threshold at the start or the first evaluation */
};

/* A store_visit: adds a row to a zero-initialised struct prediction_error. ERR_MEMORY. */
enum status prediction_error_add(void *errors, const struct store_row *row);
/* How many runs, their median error and their largest (NaN if there are none). Sorts in place. */
size_t prediction_error_of(struct prediction_error *a, enum prediction_error_group group,
                           enum prediction_error_column column, double *median, double *largest);
/* How many Transformers emerged, and the median, smallest and largest plateau/law (NaN if there are none). Sorts in
 * place. */
size_t prediction_error_of_law(struct prediction_error *a, enum prediction_error_law law, double *median,
                               double *smallest, double *largest);
const char *prediction_error_group_name(enum prediction_error_group group);
void prediction_error_free(struct prediction_error *a);

#endif
