#include "plots/figures/laws.h"
#include "plots/figures/law.h"
#include "plots/figures/points.h"
#include "run/run_flow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZES = 32 };
static const struct runs_setting of_full = {1, {{KEY_metric, METRIC_FULL}}};

static bool is_flow(const struct store_row *row)
{
    return runs_key(row, KEY_model) == MODEL_FLOW;
}

/* The plateau lengths of one set of measured runs, seeds grouped, as rows of `series`, with the exact X as abscissa if
 * wanted; returns how many. */
static size_t add_groups(struct figure_table *table, const char *series, const struct runs *runs,
                         const struct runs_setting *setting, bool with_flow, bool with_X)
{
    struct runs_group g;
    size_t n = 0;
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &g);
        if (!runs_belongs(setting, g.first) || (is_flow(g.first) && !with_flow))
            continue;
        double x = with_X ? monomial_X(&g.first->result.keys, true) : NAN;
        points_group(table, series, &g, x);
        n++;
    }
    return n;
}

/* Where measured runs are shown: at the places of the figure's entry, and at its constants. */
static struct runs_setting places(const struct figure_data *data)
{
    struct runs_setting setting = data->figure->shown;
    for (int i = 0; i < FIGURE_NAMES && data->figure->constants[i].name; i++) {
        const enum key key = data->figure->constants[i].key;
        setting.list[setting.n].key = key;
        setting.list[setting.n++].value = runs_key(&data->shown->list[0], key);
    }
    return setting;
}

/* ERR_INPUT, if the user has points, but not one of them was shown. */
static enum status check_own(const struct figure_data *data, size_t shown)
{
    if (shown || !data->own_name)
        return OK;
    return error_set(ERR_INPUT, "%s: no line belongs in this figure, which shows %s", data->own_name,
                     data->figure->takes_data);
}

/* Simulations of the study, and the user's points; the script's list `simulation` says whether there are any. */
static enum status add_measured(struct figure_data *data, bool with_X)
{
    const struct runs_setting setting = places(data);
    const size_t n = add_groups(data->tables, "simulation", data->shown, &setting, false, with_X);
    figure_data_set_text(data, "simulation", n ? "simulation" : "");
    return check_own(data, add_groups(data->tables, "data", &data->own, &setting, true, with_X));
}

/* ---- the figures ---- */

/* The flow, the law fitted to it, and what is predicted. */
enum status laws_grid(struct figure_data *data)
{
    enum status rc = OK;
    struct law law;
    struct figure_table *table = data->tables;
    TRY(law_fit(&data->runs, &of_full, data->figure->regressors, &law));
    law_set_label(data, "law", &law);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        if (!is_flow(row))
            continue;
        points_line(table, "flow", row, row->result.plateau);
        points_line(table, "law", row, law_at(&law, row));
        points_line(table, "eq6", row, row->result.predicted.eq6);
        points_line(table, "closed", row, row->result.predicted.closed);
    }
    TRY(add_measured(data, false));
done:
    law_free(&law);
    return rc;
}

/* Fig. 2 left: plateau against B for each d at one T, the paper's metric and the model's; the laws fitted to the
 * study's own grid (which holds other points) are drawn through them. */
enum status laws_metrics(struct figure_data *data)
{
    enum status rc = OK;
    struct law laws[2] = {{.fit = {0}}, {.fit = {0}}};
    static const struct {
        enum metric metric;
        const char *flow, *law;
    } kinds[] = {{METRIC_FULL, "full", "law_full"}, {METRIC_PAPER, "paper", "law_paper"}};
    struct figure_table *table = data->tables;
    for (int k = 0; k < 2; k++) {
        TRY(law_fit(&data->runs, &(struct runs_setting){1, {{KEY_metric, kinds[k].metric}}}, data->figure->regressors,
                    &laws[k]));
        law_set_label(data, kinds[k].law, &laws[k]);
        for (size_t i = 0; i < data->more.n; i++) {
            const struct store_row *row = &data->more.list[i];
            if (!is_flow(row) || runs_key(row, KEY_metric) != kinds[k].metric)
                continue;
            points_line(table, kinds[k].flow, row, row->result.plateau);
            points_line(table, kinds[k].law, row, law_at(&laws[k], row));
        }
    }
    TRY(add_measured(data, false));
done:
    law_free(&laws[0]);
    law_free(&laws[1]);
    return rc;
}

/* An end of a line over X, which belongs to no run. */
static void add_end(struct figure_table *table, const char *series, double X, double value)
{
    figure_data_row(table, &(struct figure_row){.series = series,
                                                .values = {{"T", NAN},
                                                           {"d", NAN},
                                                           {"B", NAN},
                                                           {"p", NAN},
                                                           {"x", X},
                                                           {"value", value},
                                                           {"low", NAN},
                                                           {"high", NAN},
                                                           {"censored", 0}}});
}

/* c X^g through the plateau lengths of the flow, as the two ends of a line, and its label; X (monomial.h) is the
 * paper's, or the exact one. */
static enum status collapse(struct figure_data *data, struct figure_table *table, const char *flow, const char *name,
                            bool exact)
{
    enum status rc = OK;
    struct law law;
    const struct published_law *published = published_law(PUBLISHED_FIG2_RIGHT);
    const struct store_row *ends[2] = {NULL};
    double X[2] = {INFINITY, 0};
    TRY(law_fit(&data->runs, &of_full, exact ? "X_exact" : "X_paper", &law));
    law.set.names[0] = "X"; /* in place of X_paper, X_exact */
    law_set_label(data, name, &law);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        double x = monomial_X(&row->result.keys, exact);
        if (!is_flow(row) || runs_key(row, KEY_metric) != METRIC_FULL || isnan(row->result.plateau))
            continue;
        points_add(table, flow, row, &(struct point){.x = x, .value = row->result.plateau, .low = NAN, .high = NAN});
        for (int end = 0; end < 2; end++) {
            if (end ? x > X[1] : x < X[0])
                X[end] = x, ends[end] = row;
        }
    }
    for (int end = 0; end < 2; end++) {
        add_end(table, name, X[end], law_at(&law, ends[end]));
        if (!exact)
            add_end(table, "published", X[end], published->constant * pow(X[end], published->exponents[0]));
    }
done:
    law_free(&law);
    return rc;
}

/* Fig. 2 right: plateau against X with cross-sample repetition, for the paper's X and the exact one. */
enum status laws_collapse(struct figure_data *data)
{
    enum status rc = OK;
    struct figure_table *table = data->tables;
    TRY(collapse(data, table, "paper", "law_paper", false));
    TRY(collapse(data, table, "exact", "law_exact", true));
    TRY(add_measured(data, true));
done:
    return rc;
}

/* |plateau/flow - 1| in percent, for a run of the toy or of the user, against the flow from the same start. */
static enum status departure(struct run_flow *tools, const struct result *r, double *percent)
{
    struct flow_solution flow = {.plateau = r->flow_plateau};
    struct prediction predicted;
    enum status rc = isnan(r->flow_plateau) ? run_flow_expect(tools, &r->keys, METRIC_FULL, &flow, &predicted) : OK;
    *percent = 100 * fabs((isnan(r->plateau) ? r->cap : r->plateau) / flow.plateau - 1);
    return rc;
}

/* Mean and range of the departure over the seeds of each group. */
static enum status add_departures(struct figure_table *table, struct run_flow *tools, const char *series,
                                  const struct runs *runs, size_t *n)
{
    struct runs_group g;
    *n = 0;
    for (size_t i = 0; i < runs->n;) {
        double mean = 0, low = INFINITY, high = 0, percent;
        i = runs_group_at(runs, i, &g);
        if (runs_key(g.first, KEY_model) == MODEL_TRANSFORMER || is_flow(g.first) || runs_key(g.first, KEY_B) != 1 ||
            runs_key(g.first, KEY_p) != 0)
            continue;
        for (size_t k = 0; k < g.n; k++) {
            enum status rc = departure(tools, &g.first[k].result, &percent);
            if (rc != OK)
                return rc;
            mean += percent / (double)g.n;
            low = fmin(low, percent);
            high = fmax(high, percent);
        }
        points_add(table, series, g.first,
                   &(struct point){.x = NAN, .value = mean, .low = low, .high = high, .censored = g.censored});
        ++*n;
    }
    return OK;
}

/* Prediction error against T, B = 1. */
enum status laws_errors(struct figure_data *data)
{
    enum status rc = OK;
    struct run_flow *tools = NULL;
    size_t n;
    struct figure_table *table = data->tables;
    TRY(run_flow_create(&tools));
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        if (!is_flow(row))
            continue;
#define AS_LINE(name, meaning)                                                                                         \
    points_line(table, #name, row, 100 * fabs(row->result.predicted.name / row->result.plateau - 1));
        PREDICTIONS_FLOW(AS_LINE)
#undef AS_LINE
    }
    TRY(add_departures(table, tools, "simulation", &data->runs, &n));
    figure_data_set_text(data, "simulation", n ? "simulation" : "");
    TRY(add_departures(table, tools, "data", &data->own, &n));
    TRY(check_own(data, n));
done:
    run_flow_free(tools);
    return rc;
}

/* Plateau against B: the three metrics of the flow, and SGD on the model. */
enum status laws_repetition(struct figure_data *data)
{
    enum status rc = OK;
    static const char *const metrics[] = {"full", "paper", "tied"};
    struct figure_table *table = data->tables;
    const struct runs_setting setting = places(data);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        if (is_flow(row) && runs_belongs(&setting, row))
            points_line(table, metrics[(int)runs_key(row, KEY_metric)], row, row->result.plateau);
    }
    TRY(add_measured(data, false));
done:
    return rc;
}

/* What a run of the flow is in the figure of schedules. */
static const char *schedule_kind(const struct store_row *row)
{
    const struct schedule s = schedule_of(runs_key(row, KEY_schedule));
    if (!s.n)
        return runs_key(row, KEY_p) > 0 ? "constant" : "none";
    return s.list[0].at == 0.5 ? "half" : "early";
}

/* Plateau against d at one T: the shortest of each kind of schedule. */
enum status laws_schedule(struct figure_data *data)
{
    static const char *const kinds[] = {"none", "constant", "half", "early"};
    double ds[MOST_SIZES];
    const struct runs *runs = &data->runs;
    struct figure_table *table = data->tables;
    const size_t n = runs_values(runs, MODEL_FLOW, KEY_d, ds, MOST_SIZES);
    for (size_t k = 0; k < 4 * n; k++) {
        const struct store_row *best = NULL;
        for (size_t i = 0; i < runs->n; i++) {
            const struct store_row *row = &runs->list[i];
            const bool fits =
                is_flow(row) && runs_key(row, KEY_d) == ds[k % n] && !strcmp(schedule_kind(row), kinds[k / n]);
            if (fits && (!best || row->result.plateau < best->result.plateau))
                best = row;
        }
        if (best)
            points_line(table, kinds[k / n], best, best->result.plateau);
    }
    return OK;
}
