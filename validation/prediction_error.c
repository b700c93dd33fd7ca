#include "validation/prediction_error.h"
#include "base/list.h"
#include "models/published.h"
#include "validation/pairs.h"
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

const char *prediction_error_group_name(enum prediction_error_group group)
{
    static const char *const names[] = {
#define AS_NAME(enumerator, name) name,
        PREDICTION_ERROR_GROUPS(AS_NAME)
#undef AS_NAME
    };
    return names[group];
}

static enum status add(struct prediction_error_list *e, double error)
{
    if (isnan(error))
        return OK;
    enum status rc = list_room(&e->values, e->n, &e->allocated, sizeof *e->values, "errors");
    if (rc != OK)
        return rc;
    e->values[e->n++] = error;
    return OK;
}

/* Are all keys but those of the problem and the seed at their defaults? */
static bool is_papers(const struct keys *keys)
{
    static const enum key free_keys[] = {KEY_T, KEY_d, KEY_B, KEY_pairs, KEY_vocab, KEY_seed};
    double given[KEY_COUNT];
    size_t but[KEY_COUNT] = {0};
    struct keys papers;
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = keys->value[KEY_model];
    given[KEY_task] = keys->value[KEY_task];
    for (size_t i = 0; i < sizeof free_keys / sizeof free_keys[0]; i++) {
        given[free_keys[i]] = keys->value[free_keys[i]];
        but[free_keys[i]] = 1;
    }
    return keys_resolve(given, &papers) == OK && pairs_twins(keys, &papers, but);
}

static enum status add_transformer(struct prediction_error *a, const struct result *r)
{
    const bool recall = r->keys.preset == PRESET_RECALL;
    bool known;
    if (!is_papers(&r->keys))
        return OK;
    double plateau = result_plateau_at(r, recall ? 0.05 : reading_threshold(&r->keys, READING_USUAL), &known);
    if (plateau == 0 || result_is_late(r, plateau)) { /* at 0: vocab is too small for 5 % to mean anything */
        a->at_once[recall ? PREDICTION_ERROR_RECALL : PREDICTION_ERROR_REGRESSION]++;
        return OK;
    }
    return add(&a->ratios[recall ? PREDICTION_ERROR_RECALL : PREDICTION_ERROR_REGRESSION],
               plateau / published_plateau(&r->keys));
}

enum status prediction_error_add(void *context, const struct store_row *row)
{
    enum status rc = OK;
    struct prediction_error *a = context;
    struct result read = row->result;
    const struct result *r = &read;
    const double *v = r->keys.value;
    struct prediction_error_list *errors = a->errors[v[KEY_p] > 0   ? PREDICTION_ERROR_CROSS
                                                     : v[KEY_B] > 1 ? PREDICTION_ERROR_CONTEXT
                                                                    : PREDICTION_ERROR_SINGLE];
    bool known;
    if (isnan(r->initial_loss)) /* imported: whose start is not known here */
        return OK;
    if (r->keys.preset >= PRESET_REGRESSION)
        return add_transformer(a, r);
    if (!keys_follow_flow(&r->keys)) /* its steps x lr is not the flow's time */
        return OK;
    if (!a->tools)
        TRY(run_flow_create(&a->tools));
    TRY(reading_at(a->tools, READING_USUAL, &read, &known));
    if (r->keys.preset == PRESET_TOY && result_is_late(r, r->plateau)) /* an upper bound alone */
        return OK;
    if (r->keys.preset == PRESET_TOY)
        return add(&errors[PREDICTION_ERROR_toy], fabs(r->plateau / r->flow_plateau - 1));
    if (r->keys.preset != PRESET_FLOW || v[KEY_metric] != METRIC_FULL || v[KEY_init] != INIT_ZERO)
        return OK;
#define AS_ADDITION(name, meaning) TRY(add(&errors[PREDICTION_ERROR_##name], fabs(r->predicted.name / r->plateau - 1)));
    PREDICTIONS_FLOW(AS_ADDITION)
#undef AS_ADDITION
done:
    return rc;
}

size_t prediction_error_of(struct prediction_error *a, enum prediction_error_group group,
                           enum prediction_error_column column, double *median, double *largest)
{
    struct prediction_error_list *e = &a->errors[group][column];
    *median = *largest = NAN;
    if (e->n) {
        gsl_sort(e->values, 1, e->n);
        *median = gsl_stats_median_from_sorted_data(e->values, 1, e->n);
        *largest = e->values[e->n - 1];
    }
    return e->n;
}

size_t prediction_error_of_law(struct prediction_error *a, enum prediction_error_law law, double *median,
                               double *smallest, double *largest)
{
    struct prediction_error_list *e = &a->ratios[law];
    *median = *smallest = *largest = NAN;
    if (e->n) {
        gsl_sort(e->values, 1, e->n);
        *median = gsl_stats_median_from_sorted_data(e->values, 1, e->n);
        *smallest = e->values[0], *largest = e->values[e->n - 1];
    }
    return e->n;
}

void prediction_error_free(struct prediction_error *a)
{
    for (int g = 0; g < PREDICTION_ERROR_GROUP_COUNT; g++) {
        for (int c = 0; c < PREDICTION_ERROR_COLUMNS; c++)
            free(a->errors[g][c].values);
    }
    for (int law = 0; law < PREDICTION_ERROR_LAWS; law++)
        free(a->ratios[law].values);
    run_flow_free(a->tools);
    *a = (struct prediction_error){0};
}
