#include "laws.h"
#include "dataset.h"
#include "run_flow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 32 };
/* The law published with Fig. 2 right, in the paper's X. */
static const double PUBLISHED_C = 2.15, PUBLISHED_G = 1.02;
static const double CONFIDENCE = 0.95;

/* ---- rows: every figure here has the same columns ---- */

static const char columns[] = "T,d,B,p,x,value,low,high,censored";

/* x: the abscissa where it is not a key, else NaN; low, high: the spread of the seeds. */
static void add_point(struct page_table *table, const char *series, const struct store_row *row, double x, double value,
                      double low, double high, bool censored)
{
    page_row(table, series, 9,
             (double[]){runs_key(row, KEY_T), runs_key(row, KEY_d), runs_key(row, KEY_B), runs_key(row, KEY_p), x,
                        value, low, high, censored});
}

/* A point of a line. */
static void add_line(struct page_table *table, const char *series, const struct store_row *row, double value)
{
    add_point(table, series, row, NAN, value, NAN, NAN, false);
}

static bool is_flow(const struct store_row *row)
{
    return runs_key(row, KEY_model) == MODEL_FLOW;
}

/* What a figure shows: rows with these values (NaN: any). */
struct setting {
    double T, d, B, p;
};

static bool belongs(const struct setting *s, const struct store_row *row)
{
    const double wanted[] = {s->T, s->d, s->B, s->p};
    const enum key keys[] = {KEY_T, KEY_d, KEY_B, KEY_p};
    for (int i = 0; i < 4; i++) {
        if (!isnan(wanted[i]) && wanted[i] != runs_key(row, keys[i]))
            return false;
    }
    return true;
}

/* The plateau lengths of one set of measured runs, seeds grouped, as rows of `series`, with the exact X as abscissa if
 * wanted; returns how many. */
static size_t add_groups(struct page_table *table, const char *series, const struct runs *runs,
                         const struct setting *setting, bool with_flow, bool with_X)
{
    struct runs_group g;
    size_t n = 0;
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &g);
        if (!belongs(setting, g.first) || (is_flow(g.first) && !with_flow))
            continue;
        double x = with_X ? monomial_X(&g.first->result.keys, true) : NAN;
        add_point(table, series, g.first, x, g.mean, g.low, g.high, g.censored);
        n++;
    }
    return n;
}

/* Simulations of the study, and the user's points; the script's list `simulation` says whether there are any. */
static enum status add_measured(struct page *page, struct page_table *table, const struct runs *runs,
                                const struct setting *setting, bool with_X, const char *rule)
{
    enum status rc = OK;
    size_t n = add_groups(table, "simulation", runs, setting, false, with_X);
    page_set_text(page, "simulation", n ? "simulation" : "");
    n = add_groups(table, "data", &page->data, setting, true, with_X);
    REQUIRE(n || !page->data_name, ERR_INPUT, "%s: no line belongs in this figure, which shows %s", page->data_name,
            rule);
done:
    return rc;
}

/* ---- fits ---- */

/* A power law with the names of its regressors. */
struct law {
    struct dataset set;
    struct power_law fit;
};

static void law_free(struct law *law)
{
    power_law_free(&law->fit);
    dataset_free(&law->set);
}

/* The law of the flow's plateau lengths in `runs`, of one metric. Overwrites *law; release with law_free, also after an
 * error. */
static enum status law_fit(const struct runs *runs, enum metric metric, const char *regressors, struct law *law)
{
    enum status rc = OK;
    *law = (struct law){0};
    TRY(dataset_init(regressors, 0, &law->set));
    for (size_t i = 0; i < runs->n; i++) {
        const struct store_row *row = &runs->list[i];
        if (is_flow(row) && runs_key(row, KEY_metric) == metric)
            TRY(dataset_add(&law->set, row));
    }
    TRY(power_law_fit(&law->set.data, CONFIDENCE, &law->fit));
done:
    return rc;
}

static double law_at(const struct law *law, const struct store_row *row)
{
    double value = law->fit.constant.value;
    for (size_t k = 0; k < law->fit.n_x; k++)
        value *= pow(monomial_value(&law->set.regressors[k].product, &row->result), law->fit.exponent[k].value);
    return value;
}

/* "1.51 T^{0.99} d^{0.49}" in gnuplot's enhanced text, and R^2, as the script's NAME and NAME_r2. */
static void set_label(struct page *page, const char *name, const struct power_law *fit, const char *const *names)
{
    struct text label = {0}, r2 = {0};
    char variable[32];
    text_addf(&label, "%.2f", fit->constant.value);
    for (size_t k = 0; k < fit->n_x; k++)
        text_addf(&label, " {/:Italic %s}^{%s%.2f}", names[k], fit->exponent[k].value < 0 ? "−" : "",
                  fabs(fit->exponent[k].value));
    text_addf(&r2, "%.4f", fit->r2);
    snprintf(variable, sizeof variable, "%s_r2", name);
    page_set_text(page, name, label.data ? label.data : "");
    page_set_text(page, variable, r2.data ? r2.data : "");
    text_free(&label);
    text_free(&r2);
}

static void set_values(struct page *page, const char *name, const struct runs *runs, enum key key)
{
    double values[MOST_VALUES];
    page_set_list(page, name, values, runs_values(runs, MODEL_FLOW, key, values, MOST_VALUES));
}

/* ---- the figures ---- */

/* Fig. 1c: plateau against T for each d, B = 1; fitted law, Eq. 6, closed form. */
enum status laws_1c(struct page *page)
{
    enum status rc = OK;
    struct law law;
    const struct setting setting = {.T = NAN, .d = NAN, .B = 1, .p = 0};
    struct page_table *table = page_table(page, "", columns);
    TRY(law_fit(&page->runs, METRIC_FULL, "T,d", &law));
    set_label(page, "law", &law.fit, law.set.names);
    set_values(page, "ds", &page->runs, KEY_d);
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        if (!is_flow(row))
            continue;
        add_line(table, "flow", row, row->result.plateau);
        add_line(table, "law", row, law_at(&law, row));
        add_line(table, "eq6", row, row->result.predicted.eq6);
        add_line(table, "closed", row, row->result.predicted.closed);
    }
    TRY(add_measured(page, table, &page->runs, &setting, false, "B=1 and p=0"));
done:
    law_free(&law);
    return rc;
}

/* Fig. 2 left: plateau against B for each d at one T, the paper's metric and the model's; the laws fitted to the
 * study's own grid (which holds other points) are drawn through them. */
enum status laws_2_left(struct page *page)
{
    enum status rc = OK;
    struct law laws[2] = {{.fit = {0}}, {.fit = {0}}};
    static const struct {
        enum metric metric;
        const char *flow, *law;
    } kinds[] = {{METRIC_FULL, "full", "law_full"}, {METRIC_PAPER, "paper", "law_paper"}};
    struct page_table *table = page_table(page, "", columns);
    runs_keep_largest(&page->more, KEY_T);
    for (int k = 0; k < 2; k++) {
        TRY(law_fit(&page->runs, kinds[k].metric, "T,B,d", &laws[k]));
        set_label(page, kinds[k].law, &laws[k].fit, laws[k].set.names);
        for (size_t i = 0; i < page->more.n; i++) {
            const struct store_row *row = &page->more.list[i];
            if (!is_flow(row) || runs_key(row, KEY_metric) != kinds[k].metric)
                continue;
            add_line(table, kinds[k].flow, row, row->result.plateau);
            add_line(table, kinds[k].law, row, law_at(&laws[k], row));
        }
    }
    set_values(page, "ds", &page->more, KEY_d);
    const struct setting setting = {.T = runs_key(&page->more.list[0], KEY_T), .d = NAN, .B = NAN, .p = 0};
    page_set_real(page, "T", setting.T);
    TRY(add_measured(page, table, &page->more, &setting, false, "the study's T (4096 as shipped) and p=0"));
done:
    law_free(&laws[0]);
    law_free(&laws[1]);
    return rc;
}

/* c X^g through the plateau lengths of the flow, as the two ends of a line, and its label; X (monomial.h) is the
 * paper's, or the exact one. */
static enum status collapse(struct page *page, struct page_table *table, const char *flow, const char *name, bool exact)
{
    enum status rc = OK;
    struct law law;
    const struct store_row *ends[2] = {NULL};
    double X[2] = {INFINITY, 0};
    TRY(law_fit(&page->runs, METRIC_FULL, exact ? "X_exact" : "X_paper", &law));
    law.set.names[0] = "X"; /* in place of X_paper, X_exact */
    set_label(page, name, &law.fit, law.set.names);
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        double x = monomial_X(&row->result.keys, exact);
        if (!is_flow(row) || runs_key(row, KEY_metric) != METRIC_FULL || isnan(row->result.plateau))
            continue;
        add_point(table, flow, row, x, row->result.plateau, NAN, NAN, false);
        for (int end = 0; end < 2; end++) {
            if (end ? x > X[1] : x < X[0])
                X[end] = x, ends[end] = row;
        }
    }
    for (int end = 0; end < 2; end++) {
        page_row(table, name, 9, (double[]){NAN, NAN, NAN, NAN, X[end], law_at(&law, ends[end]), NAN, NAN, 0});
        if (!exact)
            page_row(table, "published", 9, (double[]){NAN, NAN, NAN, NAN, X[end], PUBLISHED_C * pow(X[end], PUBLISHED_G), NAN, NAN, 0});
    }
done:
    law_free(&law);
    return rc;
}

/* Fig. 2 right: plateau against X with cross-sample repetition, for the paper's X and the exact one. */
enum status laws_2_right(struct page *page)
{
    enum status rc = OK;
    const struct setting setting = {.T = NAN, .d = NAN, .B = 1, .p = NAN};
    struct page_table *table = page_table(page, "", columns);
    TRY(collapse(page, table, "paper", "law_paper", false));
    TRY(collapse(page, table, "exact", "law_exact", true));
    set_values(page, "ps", &page->runs, KEY_p);
    TRY(add_measured(page, table, &page->runs, &setting, true, "B=1"));
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
static enum status add_departures(struct page_table *table, struct run_flow *tools, const char *series,
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
        add_point(table, series, g.first, NAN, mean, low, high, g.censored);
        ++*n;
    }
    return OK;
}

/* Prediction error against T, B = 1. */
enum status laws_errors(struct page *page)
{
    enum status rc = OK;
    struct run_flow *tools = NULL;
    size_t n;
    struct page_table *table = page_table(page, "", columns);
    TRY(run_flow_create(&tools));
    set_values(page, "ds", &page->runs, KEY_d);
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        if (!is_flow(row))
            continue;
#define AS_LINE(name, meaning)                                                                                         \
    add_line(table, #name, row, 100 * fabs(row->result.predicted.name / row->result.plateau - 1));
        PREDICTIONS(AS_LINE)
#undef AS_LINE
    }
    TRY(add_departures(table, tools, "simulation", &page->runs, &n));
    page_set_text(page, "simulation", n ? "simulation" : "");
    TRY(add_departures(table, tools, "data", &page->data, &n));
    REQUIRE(n || !page->data_name, ERR_INPUT, "%s: no line belongs in this figure, which shows model=toy, B=1 and p=0",
            page->data_name);
done:
    run_flow_free(tools);
    return rc;
}

/* Plateau against B: the three metrics of the flow, and SGD on the model. */
enum status laws_repetition(struct page *page)
{
    enum status rc = OK;
    static const char *const metrics[] = {"full", "paper", "tied"};
    struct page_table *table = page_table(page, "", columns);
    runs_keep_largest(&page->runs, KEY_T);
    const struct store_row *first = &page->runs.list[0];
    const struct setting setting = {.T = runs_key(first, KEY_T), .d = runs_key(first, KEY_d), .B = NAN, .p = 0};
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        if (is_flow(row) && belongs(&setting, row))
            add_line(table, metrics[(int)runs_key(row, KEY_metric)], row, row->result.plateau);
    }
    page_set_real(page, "T", setting.T);
    page_set_real(page, "d", setting.d);
    TRY(add_measured(page, table, &page->runs, &setting, false, "the study's T and d (256 and 32 as shipped) and p=0"));
done:
    return rc;
}
