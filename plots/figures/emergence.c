#include "plots/figures/emergence.h"
#include "plots/figures/law.h"
#include "plots/figures/points.h"
#include "run/reading.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a series. */
struct laws {
    struct law fitted, published;
};

static void laws_free(struct laws *laws)
{
    law_free(&laws->fitted);
    law_free(&laws->published);
}

static void set_labels(struct figure_data *data, const char *name, const struct laws *laws)
{
    char variable[40];
    snprintf(variable, sizeof variable, "%s_law", name);
    law_set_label(data, variable, &laws->fitted);
    snprintf(variable, sizeof variable, "%s_published", name);
    law_set_label(data, variable, &laws->published);
}

/* Fits the law of the runs of a series; too few of them, or none that can be fitted, is no error: then there is no law.
 * Release with laws_free, also after an error. */
static enum status find_laws(struct figure_data *data, const struct runs *runs, const struct figure_series *series,
                             struct laws *laws)
{
    enum status rc = law_fit(runs, &series->runs, published_law(series->law)->regressors, &laws->fitted);
    if (rc == OK || rc == ERR_INPUT || rc == ERR_SOLVER)
        rc = law_of(series->law, &laws->published);
    set_labels(data, series->name, laws);
    return rc;
}

/* What a panel shows: points, and the laws at them. low, high: the range, for its axis. */
struct panel {
    struct figure_table *table;
    const char *name;
    double low, high;
};

static struct panel panel_of(struct figure_table *table, const char *name)
{
    return (struct panel){.table = table, .name = name, .low = INFINITY, .high = 0};
}

static void extend(struct panel *panel, double value)
{
    panel->low = fmin(panel->low, value > 0 ? value : INFINITY);
    panel->high = fmax(panel->high, value);
}

static void add_point(struct panel *panel, const struct store_row *row, const struct point *point)
{
    points_add(panel->table, panel->name, row, point);
    extend(panel, point->low);
    extend(panel, point->high);
}

static void add_laws(struct panel *panel, const struct store_row *row, const struct laws *laws)
{
    char series[40];
    double fitted = law_at(&laws->fitted, row), published = law_at(&laws->published, row);
    snprintf(series, sizeof series, "%s_law", panel->name);
    points_line(panel->table, series, row, fitted);
    snprintf(series, sizeof series, "%s_published", panel->name);
    points_line(panel->table, series, row, published);
    extend(panel, fitted);
    extend(panel, published);
}

/* NAME_low and NAME_high of the script. */
static void set_range(struct figure_data *data, const struct panel *panel)
{
    char name[40];
    snprintf(name, sizeof name, "%s_low", panel->name);
    figure_data_set_real(data, name, panel->high > 0 ? panel->low : 1);
    snprintf(name, sizeof name, "%s_high", panel->name);
    figure_data_set_real(data, name, panel->high > 0 ? panel->high : 10);
}

/* The runs of a series at the places that are shown, seeds grouped, and both laws there, in a panel that may hold
 * more. */
static enum status fill(struct figure_data *data, struct panel *panel, const struct runs *runs,
                        const struct figure_series *series, const struct runs_setting *shown, struct laws *laws)
{
    struct runs_group g;
    enum status rc = find_laws(data, runs, series, laws);
    for (size_t i = 0; i < runs->n && rc == OK;) {
        i = runs_group_at(runs, i, &g);
        if (!runs_belongs(&series->runs, g.first) || !runs_belongs(shown, g.first))
            continue;
        add_point(panel, g.first,
                  &(struct point){.x = NAN, .value = g.mean, .low = g.low, .high = g.high, .censored = g.censored});
        add_laws(panel, g.first, laws);
    }
    set_range(data, panel);
    return rc;
}

/* A panel for each series of the figure. laws[FIGURE_SERIES]: release each with laws_free, also after an error. */
static enum status add_series(struct figure_data *data, const struct runs_setting *shown, struct laws *laws)
{
    enum status rc = OK;
    const struct figure_series *series = data->figure->series;
    for (int k = 0; k < FIGURE_SERIES && series[k].name && rc == OK; k++) {
        struct panel panel = panel_of(data->tables, series[k].name);
        rc = fill(data, &panel, &data->runs, &series[k], shown, &laws[k]);
    }
    return rc;
}

static void free_all(struct laws laws[FIGURE_SERIES])
{
    for (int k = 0; k < FIGURE_SERIES; k++)
        laws_free(&laws[k]);
}

/* The first group of runs like that. */
static bool find_group(const struct runs *runs, const struct runs_setting *setting, struct runs_group *g)
{
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, g);
        if (runs_belongs(setting, g->first))
            return true;
    }
    return false;
}

/* ---- grids (Figs. 3 left, middle, 14) ---- */

static enum status add_grid(struct figure_data *data, const struct runs_setting *shown)
{
    struct laws laws[FIGURE_SERIES] = {0};
    enum status rc = add_series(data, shown, laws);
    free_all(laws);
    return rc;
}

enum status emergence_grid(struct figure_data *data)
{
    return add_grid(data, &data->figure->shown);
}

enum status emergence_repetition(struct figure_data *data)
{
    double T = 0;
    for (size_t i = 0; i < data->runs.n; i++) {
        if (runs_key(&data->runs.list[i], KEY_B) > 1)
            T = fmax(T, runs_key(&data->runs.list[i], KEY_T));
    }
    if (T == 0)
        return error_set(ERR_INPUT, "its study holds no run with B > 1; sweep the study as shipped");
    figure_data_set_real(data, "T", T);
    return add_grid(data, &(struct runs_setting){1, {{KEY_T, T}}});
}

/* ---- the best learning rate (Figs. 3 right, 4 right) ---- */

/* No other learning rate emerges earlier, where the keys `a` and `b` are the same. */
static bool is_best(const struct runs *runs, const struct runs_group *g, enum key a, enum key b)
{
    const struct runs_setting cell = {2, {{a, runs_key(g->first, a)}, {b, runs_key(g->first, b)}}};
    struct runs_group other;
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &other);
        if (runs_belongs(&cell, other.first) && !other.censored && (g->censored || other.mean < g->mean))
            return false;
    }
    return true;
}

enum status emergence_learning_rates(struct figure_data *data)
{
    enum status rc = OK;
    struct runs_group g;
    struct runs read = {0};
    TRY(runs_read(&data->runs, 0.8, &read));
    for (size_t i = 0; i < read.n;) {
        i = runs_group_at(&read, i, &g);
        points_group(data->tables, "steps", &g, NAN);
        if (!g.censored && is_best(&read, &g, KEY_d, KEY_p))
            points_line(data->tables, "best", g.first, g.mean);
    }
done:
    runs_free(&read);
    return rc;
}

/* Keeps the runs of the best learning rate of each size; the others become points of the series NAME_other. Returns
 * through *n how many. */
static enum status keep_best(struct panel *panel, struct runs *runs, enum key a, enum key b, size_t *n)
{
    struct runs_group g;
    struct runs best = {.list = malloc(runs->n * sizeof *best.list), .allocated = runs->n};
    char series[40];
    snprintf(series, sizeof series, "%s_other", panel->name);
    if (!best.list)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", runs->n);
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &g);
        if (is_best(runs, &g, a, b)) {
            memcpy(best.list + best.n, g.first, g.n * sizeof *g.first);
            best.n += g.n;
        } else {
            points_group(panel->table, series, &g, NAN);
            extend(panel, g.low);
            extend(panel, g.high);
            ++*n;
        }
    }
    runs_free(runs);
    *runs = best;
    return OK;
}

enum status emergence_recall(struct figure_data *data)
{
    enum status rc = OK;
    const struct figure_series *series = data->figure->series;
    struct laws laws[FIGURE_SERIES] = {0};
    struct runs read[FIGURE_SERIES] = {0};
    size_t others = 0;
    for (int k = 0; k < FIGURE_SERIES && series[k].name; k++) {
        struct panel panel = panel_of(data->tables, series[k].name);
        TRY(runs_read(&data->runs, series[k].threshold, &read[k]));
        TRY(keep_best(&panel, &read[k], KEY_pairs, KEY_vocab, &others));
        TRY(fill(data, &panel, &read[k], &series[k], &data->figure->shown, &laws[k]));
    }
    figure_data_set_real(data, "others", (double)others);
done:
    for (int k = 0; k < FIGURE_SERIES; k++)
        runs_free(&read[k]);
    free_all(laws);
    return rc;
}

/* ---- layers and heads (Fig. 13) ---- */

/* Steps over those of the smallest number of layers (heads), all else equal, and what the laws say of that ratio. */
static void add_ratios(struct figure_data *data, const char *name, enum key key, enum key other,
                       const struct laws *laws)
{
    const struct runs *runs = &data->runs;
    struct panel panel = panel_of(data->tables, name);
    double values[8];
    struct runs_group g, base;
    size_t n = runs_values(runs, MODEL_TRANSFORMER, key, values, sizeof values / sizeof values[0]);
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &g);
        const struct runs_setting smallest = {4,
                                              {{KEY_T, runs_key(g.first, KEY_T)},
                                               {KEY_d, runs_key(g.first, KEY_d)},
                                               {other, runs_key(g.first, other)},
                                               {key, values[0]}}};
        if (runs_key(g.first, key) == values[0] || !find_group(runs, &smallest, &base) || base.censored)
            continue;
        add_point(&panel, g.first,
                  &(struct point){.x = NAN,
                                  .value = g.mean / base.mean,
                                  .low = g.low / base.high,
                                  .high = g.high / base.low,
                                  .censored = g.censored});
    }
    for (size_t k = 0; k < n; k++) {
        struct store_row here = runs->list[0], first = here;
        here.result.keys.value[key] = values[k];
        first.result.keys.value[key] = values[0];
        struct laws relative = *laws;
        relative.fitted.fit.constant.value /= law_at(&laws->fitted, &first);
        relative.published.fit.constant.value /= law_at(&laws->published, &first);
        add_laws(&panel, &here, &relative);
    }
    set_range(data, &panel);
}

enum status emergence_depth(struct figure_data *data)
{
    struct laws laws = {0};
    enum status rc = find_laws(data, &data->runs, data->figure->series, &laws);
    if (rc == OK) {
        add_ratios(data, "by_layers", KEY_layers, KEY_heads, &laws);
        add_ratios(data, "by_heads", KEY_heads, KEY_layers, &laws);
    }
    laws_free(&laws);
    return rc;
}

/* ---- optimizers (Fig. 15) ---- */

/* How many times slower SGD is than Adam from run i on, where both have runs; false: there are no more. */
static bool next_gap(const struct runs *runs, size_t *i, const struct store_row **row, struct point *point)
{
    struct runs_group slow, fast;
    while (*i < runs->n) {
        *i = runs_group_at(runs, *i, &slow);
        *row = slow.first;
        const struct runs_setting same = {
            3, {{KEY_T, runs_key(*row, KEY_T)}, {KEY_d, runs_key(*row, KEY_d)}, {KEY_optimizer, OPTIMIZER_ADAM}}};
        if (runs_key(*row, KEY_optimizer) == OPTIMIZER_SGD && find_group(runs, &same, &fast) && !fast.censored) {
            *point = (struct point){.x = NAN,
                                    .value = slow.mean / fast.mean,
                                    .low = slow.low / fast.high,
                                    .high = slow.high / fast.low,
                                    .censored = slow.censored};
            return true;
        }
    }
    return false;
}

/* At every size that both have, with a law of its own: each optimizer's is that of its grid, and their ratio would be
 * that of neither. */
static enum status add_gap(struct figure_data *data, const struct laws *sgd, const struct laws *adam)
{
    struct laws gap = {.published = law_ratio(&sgd->published, &adam->published)};
    struct panel panel = panel_of(data->tables, "gap");
    const struct store_row *row;
    struct point point;
    enum status rc = law_begin(published_law(data->figure->series[0].law)->regressors, &gap.fitted);
    for (size_t i = 0; rc == OK && next_gap(&data->runs, &i, &row, &point);)
        rc = dataset_row(&gap.fitted.set, row, point.value, point.censored);
    if (rc == OK)
        rc = law_solve(&gap.fitted);
    if (rc == ERR_INPUT || rc == ERR_SOLVER) /* too few: no law */
        rc = OK;
    for (size_t i = 0; rc == OK && next_gap(&data->runs, &i, &row, &point);) {
        add_point(&panel, row, &point);
        add_laws(&panel, row, &gap);
    }
    set_labels(data, "gap", &gap);
    set_range(data, &panel);
    law_free(&gap.fitted);
    return rc;
}

enum status emergence_optimizers(struct figure_data *data)
{
    struct laws laws[FIGURE_SERIES] = {0};
    enum status rc = add_series(data, &data->figure->shown, laws);
    if (rc == OK)
        rc = add_gap(data, &laws[0], &laws[1]);
    free_all(laws);
    return rc;
}
