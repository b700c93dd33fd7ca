#include "plots/figures/collapse.h"
#include "models/task.h"
#include "plots/figures/chosen.h"
#include "plots/figures/figure.h"
#include "models/prediction.h"
#include "run/run_flow.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURVES = 24, MOST = 150, GRID = 131, LEVELS = 99 };
static const double LAST = 1.3;                    /* t/T_pl to which curves are shown */
static const double BAND = 0.05, LEAST_PART = 0.5; /* of the runs that a point of the band stands for */

static int by_plateau(const void *a, const void *b)
{
    const struct store_row *p = a, *q = b;
    const double x = p->result.plateau, y = q->result.plateau;
    return x != y ? (x > y) - (x < y) : (p->id > q->id) - (p->id < q->id);
}

static double time_at(const struct trace *curve, size_t r)
{
    return runs_at(curve, r, curve->preset <= PRESET_TOY ? "time" : "step");
}

/* The column of attention to the relevant token: of a Transformer, that of the head with most of it in the end. */
static int attention_column(const struct trace *curve)
{
    const double *last = curve->rows + (curve->length - 1) * (size_t)curve->columns;
    char buffer[TRACE_NAME];
    int best = -1;
    for (int i = 0; i < curve->columns; i++) {
        const char *name = trace_column(curve, i, buffer);
        const bool relevant = !strncmp(name, "attention", 9) || !strncmp(name, "select", 6);
        if (relevant && !isnan(last[i]) && (best < 0 || last[i] > last[best]))
            best = i;
    }
    return best;
}

/* A row of the curve, scaled. */
struct point {
    double time, loss, attention;
};

static struct point point_at(const struct store_row *row, const struct trace *curve, size_t r, int attention)
{
    const double *at = curve->rows + r * (size_t)curve->columns, *first = curve->rows;
    const bool train = runs_key(row, KEY_loss) == LOSS_TRAIN;
    return (struct point){.time = time_at(curve, r) / row->result.plateau,
                          .loss = runs_at(curve, r, train ? "loss_train" : "loss_test") / row->result.null_loss,
                          .attention = attention < 0 ? NAN : at[attention] / first[attention]};
}

static void add_row(struct figure_table *table, const char *series, const struct point *p, double plateau)
{
    figure_data_row(
        table,
        &(struct figure_row){
            .series = series,
            .values = {{"time", p->time}, {"loss", p->loss}, {"attention", p->attention}, {"plateau", plateau}}});
}

static enum status add_curve(struct figure_data *data, struct figure_table *table, const struct store_row *row)
{
    struct trace curve;
    enum status rc = runs_curve(data->store, row, &curve);
    const int attention = rc == OK && curve.length ? attention_column(&curve) : -1;
    for (size_t r = 0; rc == OK && r < curve.length; r = runs_next(&curve, r, MOST)) {
        const struct point p = point_at(row, &curve, r, attention);
        if (p.time <= LAST)
            add_row(table, "run", &p, row->result.plateau);
    }
    figure_data_gap(table);
    trace_free(&curve);
    return rc;
}

/* ---- the band ---- */

/* The curve at GRID places from 0 to LAST, straight between its rows. */
static enum status sample_curve(struct figure_data *data, const struct store_row *row, float *loss, float *attention)
{
    struct trace curve;
    enum status rc = runs_curve(data->store, row, &curve);
    const int column = rc == OK && curve.length ? attention_column(&curve) : -1;
    struct point before = {.time = NAN}, after = {.time = -INFINITY};
    size_t next = 0;
    for (size_t i = 0; i < GRID && rc == OK; i++) {
        const double time = LAST * (double)i / (GRID - 1);
        while (after.time < time && next < curve.length) {
            before = after;
            after = point_at(row, &curve, next++, column);
        }
        const double part = after.time == time ? 1 : (time - before.time) / (after.time - before.time);
        const bool inside = after.time >= time;
        loss[i] = inside ? (float)(part == 1 ? after.loss : before.loss + part * (after.loss - before.loss)) : NAN;
        attention[i] = inside ? (float)(part == 1 ? after.attention
                                                  : before.attention + part * (after.attention - before.attention))
                              : NAN;
    }
    trace_free(&curve);
    return rc;
}

/* Low, middle and high of column i, over the curves that reach so far; NaN if those are too few. */
static void quantiles(const float *values, size_t n, size_t i, double *scratch, double out[3])
{
    size_t there = 0;
    for (size_t k = 0; k < n; k++) {
        if (!isnan(values[k * GRID + i]))
            scratch[there++] = values[k * GRID + i];
    }
    gsl_sort(scratch, 1, there);
    for (int q = 0; q < 3; q++)
        out[q] = (double)there < LEAST_PART * (double)n ? NAN
                                                        : gsl_stats_quantile_from_sorted_data(scratch, 1, there,
                                                                                              q == 0   ? BAND
                                                                                              : q == 1 ? 0.5
                                                                                                       : 1 - BAND);
}

static enum status add_band(struct figure_data *data)
{
    enum status rc = OK;
    const size_t n = data->runs.n;
    double *scratch = calloc(n, sizeof *scratch), loss[3], attention[3];
    float *losses = malloc(n * GRID * sizeof *losses),
          *attentions = malloc(n * GRID * sizeof *attentions); /* [n][GRID] */
    struct figure_table *table;
    TRY(figure_data_table(data, "-band", "time,loss,loss_low,loss_high,attention,attention_low,attention_high",
                          &table));
    REQUIRE(scratch && losses && attentions, ERR_MEMORY, "out of memory for %zu curves", n);
    for (size_t k = 0; k < n; k++)
        TRY(sample_curve(data, &data->runs.list[k], losses + k * GRID, attentions + k * GRID));
    for (size_t i = 0; i < GRID; i++) {
        quantiles(losses, n, i, scratch, loss);
        quantiles(attentions, n, i, scratch, attention);
        if (!isnan(loss[1]))
            figure_data_row(table, &(struct figure_row){.series = "band",
                                                        .values = {{"time", LAST * (double)i / (GRID - 1)},
                                                                   {"loss", loss[1]},
                                                                   {"loss_low", loss[0]},
                                                                   {"loss_high", loss[2]},
                                                                   {"attention", attention[1]},
                                                                   {"attention_low", attention[0]},
                                                                   {"attention_high", attention[2]}}});
    }
done:
    free(scratch);
    free(losses);
    free(attentions);
    return rc;
}

/* ---- theory ---- */

static void add_master(struct figure_table *table)
{
    for (int i = 0; i < 200; i++) { /* denser towards 1 */
        const double s = 1 - pow(1 - i / 200.0, 3), x = gsl_cdf_ugaussian_Pinv((1 + s) / 2) / M_SQRT2; /* erf^-1(s) */
        add_row(table, "master", &(struct point){s, NAN, exp(x * x)}, NAN);
    }
    figure_data_gap(table);
}

/* When the quadrature has the loss fall to 0.99 .. 0.01, relative to when it has it fall to the threshold. */
static enum status add_theory(struct figure_table *table, const struct store_row *row)
{
    enum status rc = OK;
    const struct keys *keys = &row->result.keys;
    struct prediction_workspace *work = NULL;
    struct prediction at, end;
    struct flow f;
    const enum metric metric =
        keys_applies(KEY_metric, keys->preset) ? (enum metric)keys_integer(keys, KEY_metric) : METRIC_FULL;
    const enum loss loss = keys_applies(KEY_loss, keys->preset) ? (enum loss)keys_integer(keys, KEY_loss) : LOSS_TEST;
    const struct flow_start start = flow_unit_start(keys_real(keys, KEY_d));
    if (!task_of(keys)->has_flow || keys_real(keys, KEY_schedule) != 0 || keys->preset == PRESET_REDUCED ||
        run_flow_is_chain(keys))
        return OK;
    TRY(prediction_create(&work));
    TRY(flow_init(keys_real(keys, KEY_T), keys_real(keys, KEY_d), keys_real(keys, KEY_B), keys_real(keys, KEY_p),
                  metric, &start, &f));
    prediction_compute(work, &f, loss, keys_real(keys, KEY_threshold), &end);
    for (int i = 1; i <= LEVELS; i++) {
        const double level = 1 - i / (LEVELS + 1.0);
        prediction_compute(work, &f, loss, level, &at);
        if (at.quadrature <= LAST * end.quadrature)
            add_row(table, "theory", &(struct point){at.quadrature / end.quadrature, level, NAN}, row->result.plateau);
    }
    figure_data_gap(table);
done:
    prediction_free(work);
    return rc;
}

/* ---- the whole ---- */

/* Keeps the emerged runs that have a curve, sorted by their plateau. */
static enum status choose_runs(struct runs *runs)
{
    const size_t n = runs->n;
    runs->n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &runs->list[i].result;
        if (r->state == RUN_EMERGED && r->plateau > 0 && r->null_loss > 0 && runs->list[i].has_curve)
            runs->list[runs->n++] = runs->list[i];
    }
    if (!runs->n)
        return error_set(ERR_INPUT,
                         "none of these %zu runs has emerged and has a curve; sweep a study with `curves: yes`", n);
    qsort(runs->list, runs->n, sizeof *runs->list, by_plateau);
    return OK;
}

enum status collapse_draw(struct figure_data *data)
{
    enum status rc = OK;
    struct chosen chosen;
    struct figure_table *table = data->tables;
    TRY(chosen_load(data, &chosen));
    TRY(choose_runs(&data->runs));
    const size_t n = data->runs.n, shown = n < CURVES ? n : CURVES;
    const struct store_row *list = data->runs.list;
    for (size_t k = 0; k < shown; k++) /* evenly from the shortest plateau to the longest */
        TRY(add_curve(data, table, &list[shown > 1 ? k * (n - 1) / (shown - 1) : 0]));
    const struct figure_column *attention = figure_data_column(table, "attention");
    figure_data_set_real(data, "attention_least", attention->low); /* of the runs alone: the master curve goes on */
    figure_data_set_real(data, "attention_most", attention->high);
    add_master(table);
    const size_t last = n > 1 ? n - 1 : 1;
    for (size_t k = 0; k < n; k += last)
        TRY(add_theory(table, &list[k]));
    if (n > CURVES)
        TRY(add_band(data));
    figure_data_set_real(data, "n_curves", (double)n);
    figure_data_set_real(data, "n_shown", (double)shown);
    figure_data_set_real(data, "shortest", list[0].result.plateau);
    figure_data_set_real(data, "longest", list[n - 1].result.plateau);
    figure_data_set_real(data, "accuracy", task_of(&list[0].result.keys)->rises);
    chosen_set_labels(data, &chosen);
done:
    return rc;
}
