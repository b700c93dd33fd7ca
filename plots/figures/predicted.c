#include "plots/figures/predicted.h"
#include "plots/figures/points.h"
#include "run/reading.h"
#include "validation/extrapolate.h"
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Transformers and their reduced flow ---- */

static const char *kind_of(const struct keys *keys)
{
    return keys_integer(keys, KEY_layers) > 1                    ? "two_layers"
           : keys_integer(keys, KEY_optimizer) == OPTIMIZER_ADAM ? "adam"
                                                                 : "sgd";
}

/* A setting of the study, predicted by a law of its cheapest third. */
static void add_law(struct figure_table *table, const char *series, const struct extrapolation *e)
{
    for (size_t i = e->cheap; i < e->n && isfinite(e->error); i++) {
        const double measured = exp(e->list[i].log_y);
        figure_data_row(table, &(struct figure_row){.series = series,
                                                    .values = {{"predicted", exp(e->list[i].log_law)},
                                                               {"measured", measured},
                                                               {"low", measured},
                                                               {"high", measured}}});
    }
}

static enum status add_laws(struct figure_data *data)
{
    enum status rc = OK;
    struct extrapolation shape, power;
    TRY(extrapolate_begin("reduced", "1", &shape));
    TRY(extrapolate_begin("1", "d,T", &power));
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct result *r = &data->runs.list[i].result;
        if (!isfinite(r->plateau) || !isfinite(r->predicted.reduced))
            continue;
        TRY(extrapolate_add(&shape, r));
        TRY(extrapolate_add(&power, r));
    }
    TRY(extrapolate_finish(&shape));
    TRY(extrapolate_finish(&power));
    add_law(data->tables, "power", &power);
    figure_data_set_real(data, "shape_error", shape.error);
    figure_data_set_real(data, "power_error", power.error);
done:
    extrapolate_free(&shape);
    extrapolate_free(&power);
    return rc;
}

enum status predicted_transformers(struct figure_data *data)
{
    enum status rc = OK;
    struct runs all = {0};
    struct runs_group g;
    TRY(runs_load(data->store, NULL, READING_USUAL, &all));
    for (size_t i = 0; i < all.n;) {
        i = runs_group_at(&all, i, &g);
        const struct result *r = &g.first->result;
        if (r->keys.preset != PRESET_REGRESSION || g.censored || !isfinite(r->predicted.reduced))
            continue;
        figure_data_row(data->tables, &(struct figure_row){.series = kind_of(&r->keys),
                                                           .values = {{"predicted", r->predicted.reduced},
                                                                      {"measured", g.mean},
                                                                      {"low", g.low},
                                                                      {"high", g.high}}});
    }
    TRY(add_laws(data));
done:
    runs_free(&all);
    return rc;
}

/* ---- forecasts ---- */

enum { BINS = 16 };
enum rule { RULE_FORECAST, RULE_TWICE, RULE_ODDS, RULES };
static const char *const rules[RULES] = {"forecast", "twice", "odds"};

/* |ln(said/emergence)| of each rule at fractions (bin + 1)/BINS of the time. */
struct errors {
    double *list[RULES][BINS]; /* owned: [runs] each */
    size_t n[RULES][BINS];
};

/* When a straight line through 1/odds = (1-s)/s of the last half of the rows so far comes down to 1; NaN: it does not.
 * */
static double line_through_odds(const struct trace *curve, size_t last, double copies)
{
    double n = 0, mt = 0, my = 0, tt = 0, ty = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = last / 2; i <= last; i++) {
            double s = 0;
            for (int cell = 0; cell < curve->layers * curve->heads; cell++)
                s = fmax(s, copies * curve->rows[i * (size_t)curve->columns + TRANSFORMER_PROBES + (size_t)cell]);
            const double t = runs_at(curve, i, "step"), y = (1 - s) / s;
            if (pass == 0)
                n++, mt += t, my += y;
            else
                tt += (t - mt) * (t - mt), ty += (t - mt) * (y - my);
        }
        if (pass == 0)
            mt /= n, my /= n;
    }
    const double slope = ty / tt;
    return slope < 0 ? mt + (1 - my) / slope : NAN;
}

static void note(struct errors *e, enum rule rule, size_t bin, double said, double emergence)
{
    if (isfinite(said) && said > 0)
        e->list[rule][bin][e->n[rule][bin]++] = fabs(log(said / emergence));
}

static enum status add_forecasts(struct figure_data *data, const struct store_row *row, struct errors *errors)
{
    struct trace curve;
    const double T_E = row->result.predicted.emergence, copies = runs_key(row, KEY_B);
    enum { DRAWN = 60 }; /* rows of a run, about */
    size_t bin = 0;
    enum status rc = runs_curve(data->store, row, &curve);
    const size_t thin = curve.length / DRAWN + 1;
    for (size_t i = 1; i < curve.length && rc == OK; i++) {
        const double t = runs_at(&curve, i, "step"), said = runs_at(&curve, i, "forecast");
        if (t > T_E)
            break;
        if (isfinite(said) && i % thin == 0)
            figure_data_row(data->tables,
                            &(struct figure_row){.series = "forecast",
                                                 .values = {{"time", t / T_E},
                                                            {"value", said / T_E},
                                                            {"low", runs_at(&curve, i, "forecast_low") / T_E},
                                                            {"high", runs_at(&curve, i, "forecast_high") / T_E}}});
        if (bin < BINS && t / T_E >= (double)(bin + 1) / (BINS + 1)) {
            note(errors, RULE_FORECAST, bin, said, T_E);
            note(errors, RULE_TWICE, bin, 2 * t, T_E);
            note(errors, RULE_ODDS, bin, line_through_odds(&curve, i, copies), T_E);
            bin++;
        }
    }
    figure_data_gap(data->tables);
    trace_free(&curve);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

enum status predicted_forecasts(struct figure_data *data)
{
    enum status rc = OK;
    enum { LEAST = 4 }; /* runs, for a median */
    struct errors errors = {.n = {{0}}};
    struct figure_table *medians;
    TRY(figure_data_table(data, "-medians", "time,error,share", &medians));
    for (size_t i = 0; i < (size_t)RULES * BINS; i++)
        REQUIRE(errors.list[i / BINS][i % BINS] = calloc(data->runs.n, sizeof(double)), ERR_MEMORY,
                "out of memory for %zu forecasts", data->runs.n);
    size_t n = 0;
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        if (row->result.keys.preset != PRESET_REGRESSION || !isfinite(row->result.predicted.emergence))
            continue;
        n++;
        TRY(add_forecasts(data, row, &errors));
    }
    for (int rule = 0; rule < RULES; rule++) {
        for (size_t bin = 0; bin < BINS; bin++) {
            double *list = errors.list[rule][bin];
            const size_t said = errors.n[rule][bin];
            qsort(list, said, sizeof *list, by_number);
            if (said >= LEAST)
                figure_data_row(medians, &(struct figure_row){
                                             .series = rules[rule],
                                             .values = {{"time", (double)(bin + 1) / (BINS + 1)},
                                                        {"error", gsl_stats_median_from_sorted_data(list, 1, said)},
                                                        {"share", (double)said / (double)n}}});
        }
        figure_data_gap(medians);
    }
    figure_data_set_real(data, "runs", (double)n);
done:
    for (size_t i = 0; i < (size_t)RULES * BINS; i++)
        free(errors.list[i / BINS][i % BINS]);
    return rc;
}

/* ---- chains ---- */

enum status predicted_chains(struct figure_data *data)
{
    struct runs_group g;
    for (size_t i = 0; i < data->runs.n;) {
        i = runs_group_at(&data->runs, i, &g);
        const struct result *r = &g.first->result;
        const struct point closed = {NAN, r->predicted.chain, NAN, NAN, false};
        if (r->keys.preset == PRESET_FLOW && isfinite(r->plateau)) {
            points_line(data->tables, "flow", g.first, r->plateau);
            if (isfinite(r->predicted.chain))
                points_add(data->tables, "closed", g.first, &closed);
        }
        if (r->keys.preset == PRESET_TOY && r->keys.value[KEY_init_scores] == 0 &&
            keys_integer(&r->keys, KEY_optimizer) == OPTIMIZER_SGD)
            points_group(data->tables, "sgd", &g, NAN);
    }
    return OK;
}

/* ---- clamps ---- */

enum status predicted_clamps(struct figure_data *data)
{
    enum status rc = OK;
    for (size_t i = 0; i < data->runs.n && rc == OK; i++) {
        const struct store_row *row = &data->runs.list[i];
        const struct clamps clamps = clamp_of(runs_key(row, KEY_clamp));
        struct trace curve;
        if (runs_key(row, KEY_score_scale) != 1)
            continue;
        rc = runs_curve(data->store, row, &curve);
        for (size_t k = 0; k < curve.length && rc == OK; k = runs_next(&curve, k, 200))
            figure_data_row(data->tables,
                            &(struct figure_row){.series = clamps.n ? clamp_kind_name(clamps.list[0].kind) : "none",
                                                 .run = row,
                                                 .curve = &curve,
                                                 .at = k});
        figure_data_gap(data->tables);
        trace_free(&curve);
    }
    return rc;
}
