#include "laws.h"
#include "dataset.h"
#include <math.h>
#include <string.h>

enum { MOST_VALUES = 32 };
static const double CONFIDENCE = 0.95;

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

/* The law of the flow's plateau lengths in `runs`, of one metric. Overwrites *law; release with law_free, also after an error. */
static enum status law_fit(const struct runs *runs, enum metric metric, const char *regressors, struct law *law)
{
    enum status rc = OK;
    *law = (struct law){0};
    TRY(dataset_init(regressors, 0, &law->set));
    for (size_t i = 0; i < runs->n; i++) {
        const struct store_row *row = &runs->list[i];
        if (runs_key(row, KEY_model) == MODEL_FLOW && runs_key(row, KEY_metric) == metric)
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

/* "1.51 T^{0.99} d^{0.49}" as gnuplot's enhanced text; R^2 apart. */
static void law_label(struct page *page, const char *name, const struct law *law)
{
    struct text label = {0};
    text_addf(&label, "%.2f", law->fit.constant.value);
    for (size_t k = 0; k < law->fit.n_x; k++)
        text_addf(&label, " {/:Italic %s}^{%.2f}", law->set.names[k], law->fit.exponent[k].value);
    page_set_text(page, name, label.data ? label.data : "");
    label.length = 0;
    text_addf(&label, "%.4f", law->fit.r2);
    char variable[32];
    snprintf(variable, sizeof variable, "%s_r2", name);
    page_set_text(page, variable, label.data ? label.data : "");
    text_free(&label);
}

/* ---- 1c ---- */

/* Groups of seeds of one kind of run that `belongs` lets through: series,T,d,plateau,low,high,censored. */
static size_t add_points(struct page_table *table, const char *series, const struct runs *runs, bool (*belongs)(const struct store_row *))
{
    struct runs_group g;
    size_t points = 0;
    for (size_t i = 0; i < runs->n;) {
        i = runs_group_at(runs, i, &g);
        if (!belongs(g.first))
            continue;
        page_row(table, series, 6, (double[]){runs_key(g.first, KEY_T), runs_key(g.first, KEY_d), g.mean, g.low, g.high, g.censored});
        points++;
    }
    return points;
}

static bool plain(const struct store_row *row)
{
    return runs_key(row, KEY_B) == 1 && runs_key(row, KEY_p) == 0;
}

static bool plain_simulation(const struct store_row *row)
{
    return runs_key(row, KEY_model) != MODEL_FLOW && plain(row);
}

/* Fig. 1c: plateau against T for each d, B = 1; fitted law, Eq. 6, closed form. */
enum status laws_1c(struct page *page)
{
    enum status rc = OK;
    struct law law;
    double ds[MOST_VALUES];
    struct page_table *table = page_table(page, "", "T,d,plateau,low,high,censored");
    TRY(law_fit(&page->runs, METRIC_FULL, "T,d", &law));
    law_label(page, "law", &law);
    page_set_list(page, "ds", ds, runs_values(&page->runs, MODEL_FLOW, KEY_d, ds, MOST_VALUES));
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        if (runs_key(row, KEY_model) != MODEL_FLOW)
            continue;
        const struct { const char *series; double value; } lines[] = {{"flow", row->result.plateau}, {"law", law_at(&law, row)},
            {"eq6", row->result.predicted.eq6}, {"closed", row->result.predicted.closed}};
        for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++)
            page_row(table, lines[k].series, 6, (double[]){runs_key(row, KEY_T), runs_key(row, KEY_d), lines[k].value, NAN, NAN, 0});
    }
    page_set_text(page, "simulation", add_points(table, "simulation", &page->runs, plain_simulation) ? "simulation" : "");
    REQUIRE(add_points(table, "data", &page->data, plain) || !page->data_name, ERR_INPUT, "%s: no line has B=1 and p=0, which this figure shows",
            page->data_name);
done:
    law_free(&law);
    return rc;
}
