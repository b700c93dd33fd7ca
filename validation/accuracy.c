#include "accuracy.h"
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

const char *accuracy_group_name(enum accuracy_group group)
{
    static const char *const names[] = {
#define AS_NAME(enumerator, name) name,
        ACCURACY_GROUPS(AS_NAME)
#undef AS_NAME
    };
    return names[group];
}

static enum status add(struct accuracy_errors *e, double error)
{
    if (isnan(error))
        return OK;
    if (e->n == e->allocated) {
        size_t want = e->allocated ? 2 * e->allocated : 64;
        double *values = realloc(e->values, want * sizeof *values);
        if (!values)
            return error_set(ERR_MEMORY, "out of memory for %zu errors", want);
        e->values = values;
        e->allocated = want;
    }
    e->values[e->n++] = error;
    return OK;
}

enum status accuracy_add(void *context, const struct store_row *row)
{
    const struct result *r = &row->result;
    const double *v = r->keys.value;
    struct accuracy_errors *errors =
        ((struct accuracy *)context)->errors[v[KEY_p] > 0 ? ACCURACY_CROSS : v[KEY_B] > 1 ? ACCURACY_CONTEXT : ACCURACY_SINGLE];
    if (r->keys.preset == PRESET_TOY)
        return add(&errors[ACCURACY_toy], fabs(r->plateau / r->flow_plateau - 1));
    if (r->keys.preset != PRESET_FLOW || v[KEY_metric] != METRIC_FULL || v[KEY_init] != INIT_ZERO)
        return OK;
    enum status rc = OK;
#define AS_ADDITION(name, meaning)                                                                                     \
    if (rc == OK)                                                                                                      \
        rc = add(&errors[ACCURACY_##name], fabs(r->predicted.name / r->plateau - 1));
    PREDICTIONS(AS_ADDITION)
#undef AS_ADDITION
    return rc;
}

size_t accuracy_of(struct accuracy *a, enum accuracy_group group, enum accuracy_column column, double *median, double *largest)
{
    struct accuracy_errors *e = &a->errors[group][column];
    *median = *largest = NAN;
    if (e->n) {
        gsl_sort(e->values, 1, e->n);
        *median = gsl_stats_median_from_sorted_data(e->values, 1, e->n);
        *largest = e->values[e->n - 1];
    }
    return e->n;
}

void accuracy_free(struct accuracy *a)
{
    for (int g = 0; g < ACCURACY_GROUP_COUNT; g++) {
        for (int c = 0; c < ACCURACY_COLUMNS; c++)
            free(a->errors[g][c].values);
    }
    *a = (struct accuracy){0};
}
