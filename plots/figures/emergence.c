#include "emergence.h"
#include "law.h"
#include "points.h"
#include "reading.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One kind of run in a figure: NAME is the series of its points, NAME_law and NAME_published are those of the laws. */
struct kind {
    const char *name;
    struct runs_setting setting;
    enum published law;
};
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

/* Fits the law of the kind's runs; too few of them, or none that can be fitted, is no error: then there is no law.
 * Release with laws_free, also after an error. */
static enum status find_laws(struct figure_data *data, const struct runs *runs, const struct kind *kind,
                             struct laws *laws)
{
    enum status rc = law_fit(runs, &kind->setting, published_law(kind->law)->regressors, &laws->fitted);
    if (rc == OK || rc == ERR_INPUT || rc == ERR_SOLVER)
        rc = law_of(kind->law, &laws->published);
    set_labels(data, kind->name, laws);
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

/* The kind's runs that are shown, seeds grouped, and both laws there, in a panel that may hold more. */
static enum status fill(struct figure_data *data, struct panel *panel, const struct runs *runs, const struct kind *kind,
                        const struct runs_setting *shown, struct laws *laws)
{
    struct runs_group g;
    enum status rc = find_laws(data, runs, kind, laws);
    for (size_t i = 0; i < runs->n && rc == OK;) {
        i = runs_group_at(runs, i, &g);
        if (!runs_belongs(&kind->setting, g.first) || !runs_belongs(shown, g.first))
            continue;
        add_point(panel, g.first,
                  &(struct point){.x = NAN, .value = g.mean, .low = g.low, .high = g.high, .censored = g.censored});
        add_laws(panel, g.first, laws);
    }
    set_range(data, panel);
    return rc;
}

/* A panel of them alone. */
static enum status add_kind(struct figure_data *data, struct figure_table *table, const struct runs *runs,
                            const struct kind *kind, const struct runs_setting *shown, struct laws *laws)
{
    struct panel panel = panel_of(table, kind->name);
    return fill(data, &panel, runs, kind, shown, laws);
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

static void set_values(struct figure_data *data, const char *name, enum key key)
{
    points_set_values(data, name, &data->runs, MODEL_TRANSFORMER, key);
}

static const struct runs_setting all = {0};

/* ---- in-context repetition and size (Fig. 3 left, middle) ---- */

static enum status add_grid(struct figure_data *data, const struct runs_setting *shown)
{
    static const struct kind kind = {"steps", {0}, PUBLISHED_FIG3};
    struct laws laws = {0};
    struct figure_table *table = figure_data_table(data, "", "T,d,B,value,low,high,censored");
    enum status rc = add_kind(data, table, &data->runs, &kind, shown, &laws);
    set_values(data, "ds", KEY_d);
    laws_free(&laws);
    return rc;
}

/* Steps against T for each d, B = 1; the laws are those of all runs. */
enum status emergence_3_left(struct figure_data *data)
{
    runs_keep_largest(&data->runs, KEY_width);
    return add_grid(data, &(struct runs_setting){1, {{KEY_B, 1}}});
}

/* Steps against B for each d, at the largest T where B varies. */
enum status emergence_3_middle(struct figure_data *data)
{
    double T = 0;
    runs_keep_largest(&data->runs, KEY_width);
    for (size_t i = 0; i < data->runs.n; i++) {
        if (runs_key(&data->runs.list[i], KEY_B) > 1)
            T = fmax(T, runs_key(&data->runs.list[i], KEY_T));
    }
    if (T == 0)
        return error_set(ERR_INPUT, "its study holds no run with B > 1; sweep the study as shipped");
    figure_data_set_real(data, "T", T);
    return add_grid(data, &(struct runs_setting){1, {{KEY_T, T}}});
}

/* ---- cross-sample repetition (Fig. 3 right), and the best learning rate ---- */

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

/* Steps to 0.8 of the null loss against p for each d, at every learning rate; the best one is series `best`. */
enum status emergence_3_right(struct figure_data *data)
{
    enum status rc = OK;
    struct runs_group g;
    struct runs read = {0};
    struct figure_table *table = figure_data_table(data, "", "T,d,p,lr,value,low,high,censored");
    runs_keep_largest(&data->runs, KEY_width);
    runs_keep_largest(&data->runs, KEY_T);
    TRY(runs_read(&data->runs, 0.8, &read));
    for (size_t i = 0; i < read.n;) {
        i = runs_group_at(&read, i, &g);
        points_group(table, "steps", &g, NAN);
        if (!g.censored && is_best(&read, &g, KEY_d, KEY_p))
            points_line(table, "best", g.first, g.mean);
    }
    set_values(data, "ds", KEY_d);
    set_values(data, "lrs", KEY_lr);
done:
    runs_free(&read);
    return rc;
}

/* ---- recall (Fig. 4 right) ---- */

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

/* Steps against pairs for each vocabulary, at 5 % accuracy (as the paper has it) and half way between 1/pairs and 1;
 * laws of the learning rate that is best for that. */
enum status emergence_4_right(struct figure_data *data)
{
    enum status rc = OK;
    static const struct kind kinds[] = {{"stirs", {0}, PUBLISHED_FIG4}, {"halfway", {0}, PUBLISHED_FIG4}};
    static const double thresholds[] = {0.05, READING_USUAL};
    struct laws laws[2] = {0};
    struct runs read[2] = {0};
    size_t others = 0;
    struct figure_table *table = figure_data_table(data, "", "pairs,vocab,lr,value,low,high,censored");
    runs_keep_largest(&data->runs, KEY_width);
    for (int k = 0; k < 2; k++) {
        struct panel panel = panel_of(table, kinds[k].name);
        TRY(runs_read(&data->runs, thresholds[k], &read[k]));
        TRY(keep_best(&panel, &read[k], KEY_pairs, KEY_vocab, &others));
        TRY(fill(data, &panel, &read[k], &kinds[k], &all, &laws[k]));
    }
    figure_data_set_real(data, "others", (double)others);
    set_values(data, "vocabs", KEY_vocab);
    set_values(data, "pairs_values", KEY_pairs);
done:
    for (int k = 0; k < 2; k++) {
        laws_free(&laws[k]);
        runs_free(&read[k]);
    }
    return rc;
}

/* ---- layers and heads (Fig. 13) ---- */

/* Steps over those of the smallest number of layers (heads), all else equal, and what the laws say of that ratio. */
static void add_ratios(struct figure_data *data, struct figure_table *table, const char *name, enum key key,
                       enum key other, const struct laws *laws)
{
    const struct runs *runs = &data->runs;
    struct panel panel = panel_of(table, name);
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

enum status emergence_13(struct figure_data *data)
{
    enum status rc = OK;
    static const struct kind kind = {"steps", {0}, PUBLISHED_FIG13};
    struct laws laws = {0};
    struct figure_table *table = figure_data_table(data, "", "T,d,layers,heads,value,low,high,censored");
    runs_keep_largest(&data->runs, KEY_width);
    TRY(find_laws(data, &data->runs, &kind, &laws));
    add_ratios(data, table, "by_layers", KEY_layers, KEY_heads, &laws);
    add_ratios(data, table, "by_heads", KEY_heads, KEY_layers, &laws);
    set_values(data, "ds", KEY_d);
    set_values(data, "Ts", KEY_T);
done:
    laws_free(&laws);
    return rc;
}

/* ---- one layer, one head (Figs. 14, 15) ---- */

/* Steps against T for each d: the relevant position marked by a feature and random, marked and fixed, fixed alone. */
enum status emergence_14(struct figure_data *data)
{
    enum status rc = OK;
    static const struct kind kinds[] = {
        {"random", {2, {{KEY_feature, CHOICE_YES}, {KEY_position, POSITION_RANDOM}}}, PUBLISHED_FIG14_RANDOM},
        {"fixed", {2, {{KEY_feature, CHOICE_YES}, {KEY_position, POSITION_FIXED}}}, PUBLISHED_FIG14_FIXED},
        {"unmarked", {2, {{KEY_feature, CHOICE_NO}, {KEY_position, POSITION_FIXED}}}, PUBLISHED_FIG14_UNMARKED},
    };
    struct figure_table *table = figure_data_table(data, "", "T,d,value,low,high,censored");
    runs_keep_largest(&data->runs, KEY_width);
    for (int k = 0; k < 3; k++) {
        struct laws laws = {0};
        rc = add_kind(data, table, &data->runs, &kinds[k], &all, &laws);
        laws_free(&laws);
        TRY(rc);
    }
    set_values(data, "ds", KEY_d);
done:
    return rc;
}

/* How many times slower SGD is than Adam, at every size that both have, and by the laws. */
static void add_gap(struct figure_data *data, struct figure_table *table, const struct laws *sgd,
                    const struct laws *adam)
{
    const struct runs *runs = &data->runs;
    const struct laws gap = {law_ratio(&sgd->fitted, &adam->fitted), law_ratio(&sgd->published, &adam->published)};
    struct panel panel = panel_of(table, "gap");
    struct runs_group slow, fast;
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &slow);
        const struct store_row *row = slow.first;
        const struct runs_setting same = {
            3, {{KEY_T, runs_key(row, KEY_T)}, {KEY_d, runs_key(row, KEY_d)}, {KEY_optimizer, OPTIMIZER_ADAM}}};
        if (runs_key(row, KEY_optimizer) != OPTIMIZER_SGD || !find_group(runs, &same, &fast) || fast.censored)
            continue;
        add_point(&panel, row,
                  &(struct point){.x = NAN,
                                  .value = slow.mean / fast.mean,
                                  .low = slow.low / fast.high,
                                  .high = slow.high / fast.low,
                                  .censored = slow.censored});
        add_laws(&panel, row, &gap);
    }
    set_labels(data, "gap", &gap);
    set_range(data, &panel);
}

/* Steps against T for each d under SGD and Adam, and their ratio. */
enum status emergence_15(struct figure_data *data)
{
    enum status rc = OK;
    static const struct kind kinds[] = {
        {"sgd", {1, {{KEY_optimizer, OPTIMIZER_SGD}}}, PUBLISHED_FIG15_SGD},
        {"adam", {1, {{KEY_optimizer, OPTIMIZER_ADAM}}}, PUBLISHED_FIG15_ADAM},
    };
    struct laws laws[2] = {0};
    struct figure_table *table = figure_data_table(data, "", "T,d,lr,value,low,high,censored");
    runs_keep_largest(&data->runs, KEY_width);
    for (int k = 0; k < 2; k++)
        TRY(add_kind(data, table, &data->runs, &kinds[k], &all, &laws[k]));
    add_gap(data, table, &laws[0], &laws[1]);
    set_values(data, "ds", KEY_d);
done:
    laws_free(&laws[0]);
    laws_free(&laws[1]);
    return rc;
}
