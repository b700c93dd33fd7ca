#include "plots/figures/exponents.h"
#include "models/task.h"
#include "plots/figures/chosen.h"
#include "validation/dataset.h"
#include "run/run_flow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GROUPS = 4, REGRESSORS = 3 };
static const double CONFIDENCE = 0.95;

/* A theory to set beside the runs: what it is called, and of which kind of run. */
static const struct theory {
    const char *name;
    bool quadrature; /* else integrated */
    enum metric metric;
} flow_theory[] = {{"quadrature", true, METRIC_FULL}}, toy_theory[] = {{"flow", false, METRIC_FULL}},
  transformer_theory[] = {{"flow", false, METRIC_FULL}, {"tied", false, METRIC_TIED}};

/* The runs of one kind: all but the regressors and the seed are alike. */
struct group {
    struct text label; /* owned */
    const struct theory *theory;
    size_t n_theory;
};

/* Times at which a run, or a theory, crosses each level; NaN: it did not, and was cut off at `cap`. */
struct times {
    const struct store_row *row;
    size_t group;
    double at[FLOW_LEVELS], cap;
};

struct study {
    struct figure_table *table;
    const char *regressors;
    enum key keys[REGRESSORS];
    struct group groups[MOST_GROUPS];
    size_t n_groups;
    struct times *runs, *expected;            /* owned: n each; expected: one a cell */
    size_t n, n_expected, n_rows, n_drawn;    /* runs, cells; rows of the table; groups in it */
    double low[REGRESSORS], high[REGRESSORS]; /* of the exponents drawn */
};

/* ---- groups ---- */

static void choose_theory(const struct chosen *chosen, const struct keys *keys, struct group *group)
{
    const bool tied = chosen->varies[KEY_B]; /* at B = 1 there is nothing to tie */
    group->theory = keys->preset == PRESET_FLOW  ? flow_theory
                    : keys->preset == PRESET_TOY ? toy_theory
                                                 : transformer_theory;
    const bool none = !task_of(keys)->has_flow || keys->value[KEY_schedule] != 0 || keys->preset == PRESET_REDUCED ||
                      run_flow_is_chain(keys);
    group->n_theory = none ? 0 : keys->preset == PRESET_REGRESSION && tied ? 2 : 1;
}

static enum status find_group(struct study *s, const struct chosen *chosen, const struct store_row *row, size_t *group)
{
    enum status rc = OK;
    struct text label = {0};
    chosen_label(chosen, row, s->keys, REGRESSORS, &label);
    text_add(&label, label.length ? "" : "runs");
    TRY(text_status(&label));
    for (*group = 0; *group < s->n_groups && strcmp(s->groups[*group].label.data, label.data); ++*group)
        ;
    if (*group < s->n_groups)
        goto done;
    REQUIRE(s->n_groups < MOST_GROUPS, ERR_INPUT,
            "the runs are of more than %d kinds, such as %s; choose with key=value", MOST_GROUPS, label.data);
    choose_theory(chosen, &row->result.keys, &s->groups[s->n_groups]);
    s->groups[s->n_groups++].label = label;
    label = (struct text){0};
done:
    text_free(&label);
    return rc;
}

static enum status collect(struct figure_data *data, const struct chosen *chosen, struct study *s)
{
    enum status rc = OK;
    s->runs = calloc(data->runs.n, sizeof *s->runs);
    s->expected = calloc(data->runs.n, sizeof *s->expected);
    REQUIRE(s->runs && s->expected, ERR_MEMORY, "out of memory for %zu runs", data->runs.n);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        if (row->result.state == RUN_DIVERGED)
            continue;
        struct times *t = &s->runs[s->n];
        *t = (struct times){.row = row, .cap = row->result.cap};
        TRY(find_group(s, chosen, row, &t->group));
        for (int level = 0; level < result_levels(&row->result.keys); level++) {
            bool known;
            t->at[level] = result_plateau_at(&row->result, result_level(&row->result.keys, level), &known);
            if (!known || (isnan(t->at[level]) && !(t->cap > 0)))
                t->at[level] = 0; /* as one that was over it from the start: it says nothing */
        }
        s->n++;
    }
done:
    return rc;
}

/* ---- theory at the same points ---- */

static enum status expect(struct flow_solver *solver, struct prediction_workspace *work, const struct theory *theory,
                          struct times *t)
{
    enum status rc = OK;
    const struct keys *keys = &t->row->result.keys;
    const double *v = keys->value;
    const enum loss loss = isnan(v[KEY_loss]) ? LOSS_TEST : (enum loss)keys_integer(keys, KEY_loss);
    const enum metric metric = theory->quadrature ? (enum metric)keys_integer(keys, KEY_metric) : theory->metric;
    const struct flow_start start = flow_unit_start(v[KEY_d]);
    struct flow_request q = {.loss = loss, .rtol = 1e-8, .atol = 1e-11, .threshold = 0.2, .all_crossings = true};
    struct flow_solution solution;
    struct flow f;
    TRY(flow_init(v[KEY_T], v[KEY_d], v[KEY_B], v[KEY_p], metric, &start, &f));
    if (!theory->quadrature) {
        TRY(flow_solver_solve(solver, &f, &q, &solution));
        memcpy(t->at, solution.crossings, sizeof t->at);
    }
    for (int level = 0; level < FLOW_LEVELS && theory->quadrature; level++) {
        struct prediction p;
        prediction_compute(work, &f, loss, flow_solver_level(level), &p);
        t->at[level] = isnan(p.quadrature) ? 0 : p.quadrature; /* not known: says nothing */
    }
done:
    return rc;
}

/* True if the run differs from the one before it by more than the seed. */
static bool is_new_cell(const struct study *s, size_t i)
{
    for (int k = 0; i > 0 && k < REGRESSORS; k++) {
        if (runs_key(s->runs[i].row, s->keys[k]) != runs_key(s->runs[i - 1].row, s->keys[k]))
            return true;
    }
    return i == 0 || s->runs[i].group != s->runs[i - 1].group;
}

static enum status expect_all(struct study *s, size_t group, const struct theory *theory)
{
    enum status rc = OK;
    struct flow_solver *solver = NULL;
    struct prediction_workspace *work = NULL;
    TRY(flow_solver_create(&solver));
    TRY(prediction_create(&work));
    s->n_expected = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->runs[i].group != group || !is_new_cell(s, i))
            continue;
        struct times *t = &s->expected[s->n_expected++];
        *t = s->runs[i];
        TRY(expect(solver, work, theory, t));
    }
done:
    flow_solver_free(solver);
    prediction_free(work);
    return rc;
}

/* ---- fits ---- */

static void add_row(struct study *s, const char *series, double threshold, const struct dataset *set,
                    const struct power_law *law)
{
    char low[REGRESSORS][FIGURE_COLUMN_NAME], high[REGRESSORS][FIGURE_COLUMN_NAME];
    struct figure_row row = {
        .series = series,
        .values = {{"threshold", threshold}, {"runs", (double)law->n}, {"censored", (double)law->n_censored}}};
    struct figure_value *next = row.values + 3;
    for (int k = 0; k < REGRESSORS; k++) {
        const char *name = keys_name(s->keys[k]);
        const struct power_law_estimate *e = NULL;
        for (size_t i = 0; i < law->n_x; i++) {
            if (!strcmp(set->names[i], name))
                e = &law->exponent[i];
        }
        snprintf(low[k], sizeof low[k], "%s_low", name);
        snprintf(high[k], sizeof high[k], "%s_high", name);
        *next++ = (struct figure_value){name, e ? e->value : NAN};
        *next++ = (struct figure_value){low[k], e ? e->low : NAN};
        *next++ = (struct figure_value){high[k], e ? e->high : NAN};
        if (e) {
            s->low[k] = fmin(s->low[k], e->value), s->high[k] = fmax(s->high[k], e->value);
            s->low[k] = fmin(s->low[k], fmax(e->low, e->value - 0.5)),
            s->high[k] = fmax(s->high[k], fmin(e->high, e->value + 0.5));
        }
    }
    s->n_rows++;
    figure_data_row(s->table, &row);
}

/* The law of one group at one level; no row if too few have crossed it. */
static enum status fit_level(struct study *s, const char *series, const struct times *list, size_t n, size_t group,
                             int level, double threshold)
{
    enum status rc = OK;
    struct dataset set;
    struct power_law law = {0};
    TRY(dataset_init(s->regressors, READING_OWN, &set));
    for (size_t i = 0; i < n; i++) {
        const double t = list[i].at[level];
        if (list[i].group == group && t != 0)
            TRY(dataset_row(&set, list[i].row, isnan(t) ? list[i].cap : t, isnan(t)));
        if (list[i].group == group && t > 0 && list == s->runs)
            dataset_bracket(&set, &list[i].row->result, t);
    }
    dataset_drop_constant(&set);
    rc = power_law_fit(&set.data, CONFIDENCE, &law);
    if (rc == OK && law.n_x)
        add_row(s, series, threshold, &set, &law);
    rc = rc == ERR_INPUT || rc == ERR_SOLVER ? OK : rc;
done:
    power_law_free(&law);
    dataset_free(&set);
    return rc;
}

static enum status fit_levels(struct study *s, const char *series, const struct times *list, size_t n, size_t group)
{
    enum status rc = OK;
    const struct keys *keys = &s->runs[0].row->result.keys;
    for (int level = 0; level < result_levels(keys) && rc == OK; level++) {
        if (strcmp(result_level_name(keys, level), "midpoint")) /* which is another accuracy for each number of pairs */
            rc = fit_level(s, series, list, n, group, level, result_level(keys, level));
    }
    figure_data_gap(s->table);
    return rc;
}

static enum status fit_group(struct figure_data *data, struct study *s, size_t g)
{
    enum status rc = OK;
    struct text series = {0};
    struct group *group = &s->groups[g];
    char variable[32];
    const size_t before = s->n_rows;
    TRY(fit_levels(s, group->label.data, s->runs, s->n, g));
    if (s->n_rows == before) { /* no law: no theory beside it */
        group->n_theory = 0;
        goto done;
    }
    snprintf(variable, sizeof variable, "group_%zu", ++s->n_drawn);
    figure_data_set_text(data, variable, group->label.data);
    for (size_t k = 0; k < group->n_theory; k++) {
        text_clear(&series);
        text_addf(&series, "%s: %s", group->label.data, group->theory[k].name);
        TRY(text_status(&series));
        TRY(expect_all(s, g, &group->theory[k]));
        TRY(fit_levels(s, series.data, s->expected, s->n_expected, g));
    }
done:
    text_free(&series);
    return rc;
}

/* Which exponents there are, and their ranges: lists of the script. */
static enum status set_ranges(struct figure_data *data, const struct study *s)
{
    enum status rc = OK;
    struct text names = {0};
    double low[REGRESSORS], high[REGRESSORS];
    size_t n = 0;
    for (int k = 0; k < REGRESSORS; k++) {
        if (!(s->high[k] >= s->low[k]))
            continue;
        text_addf(&names, "%s%s", n ? " " : "", keys_name(s->keys[k]));
        low[n] = s->low[k], high[n++] = s->high[k];
    }
    TRY(text_status(&names));
    REQUIRE(n, ERR_INPUT, "no level was crossed by enough runs for a fit in %s; `plateau fit` says what a fit lacks",
            s->regressors);
    figure_data_set_text(data, "exponents", names.data);
    figure_data_set_list(data, "lows", low, n);
    figure_data_set_list(data, "highs", high, n);
    figure_data_set_real(data, "n_groups", (double)s->n_drawn);
    figure_data_set_real(data, "recall", s->keys[0] == KEY_pairs);
done:
    text_free(&names);
    return rc;
}

/* The names of the theories drawn, for the key. */
static void set_theories(struct figure_data *data, const struct study *s)
{
    char names[64] = "";
    for (size_t g = 0; g < s->n_groups; g++) {
        for (size_t k = 0; k < s->groups[g].n_theory; k++) {
            if (!strstr(names, s->groups[g].theory[k].name))
                snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", s->groups[g].theory[k].name);
        }
    }
    figure_data_set_text(data, "shown", names);
}

enum status exponents_draw(struct figure_data *data)
{
    enum status rc = OK;
    struct chosen chosen;
    struct figure_table *table;
    struct study s = {.low = {INFINITY, INFINITY, INFINITY}, .high = {-INFINITY, -INFINITY, -INFINITY}};
    TRY(chosen_load(data, &chosen));
    const bool recall = data->runs.list[0].result.keys.preset == PRESET_RECALL;
    REQUIRE(!chosen.varies[KEY_task], ERR_INPUT,
            "runs of regression and of recall have no law in common; choose with task=regression or task=recall");
    memcpy(s.keys, recall ? (enum key[]){KEY_pairs, KEY_vocab, KEY_B} : (enum key[]){KEY_d, KEY_T, KEY_B},
           sizeof s.keys);
    s.regressors = recall ? "pairs,vocab,B" : "d,T,B";
    TRY(figure_data_table(
        data, "",
        recall ? "threshold,pairs,pairs_low,pairs_high,vocab,vocab_low,vocab_high,B,B_low,B_high,runs,censored"
               : "threshold,d,d_low,d_high,T,T_low,T_high,B,B_low,B_high,runs,censored",
        &table));
    s.table = table;
    TRY(collect(data, &chosen, &s));
    REQUIRE(s.n, ERR_INPUT, "every run of these has diverged");
    for (size_t g = 0; g < s.n_groups; g++)
        TRY(fit_group(data, &s, g));
    TRY(set_ranges(data, &s));
    set_theories(data, &s);
done:
    for (size_t g = 0; g < s.n_groups; g++)
        text_free(&s.groups[g].label);
    free(s.runs);
    free(s.expected);
    return rc;
}
