#include "plots/figures/law.h"
#include <math.h>
#include <string.h>

static const double CONFIDENCE = 0.95;

enum status law_begin(const char *regressors, struct law *law)
{
    *law = (struct law){0};
    return dataset_init(regressors, READING_OWN, &law->set);
}

enum status law_solve(struct law *law)
{
    dataset_drop_constant(&law->set);
    return power_law_fit(&law->set.data, CONFIDENCE, &law->fit);
}

enum status law_fit(const struct runs *runs, const struct runs_setting *setting, const char *regressors,
                    struct law *law)
{
    enum status rc = OK;
    TRY(law_begin(regressors, law));
    for (size_t i = 0; i < runs->n; i++) {
        const struct store_row *row = &runs->list[i];
        if (runs_belongs(setting, row))
            TRY(dataset_add(&law->set, row));
    }
    TRY(law_solve(law));
done:
    return rc;
}

enum status law_of(enum published which, struct law *law)
{
    enum status rc = OK;
    const struct published_law *published = published_law(which);
    *law = (struct law){.fit = {.r2 = NAN}};
    TRY(dataset_init(published->regressors, READING_OWN, &law->set));
    law->fit.n_x = law->set.data.n_x;
    law->fit.constant.value = published->constant;
    for (size_t k = 0; k < law->fit.n_x; k++)
        law->fit.exponent[k].value = published->exponents[k];
done:
    return rc;
}

void law_free(struct law *law)
{
    power_law_free(&law->fit);
    dataset_free(&law->set);
}

static bool exists(const struct law *law)
{
    return law->fit.constant.value > 0;
}

struct law law_ratio(const struct law *a, const struct law *b)
{
    struct law ratio = *a;
    bool alike = exists(a) && exists(b) && a->fit.n_x == b->fit.n_x;
    for (size_t k = 0; k < a->fit.n_x && alike; k++) {
        alike = !strcmp(a->set.names[k], b->set.names[k]);
        ratio.fit.exponent[k].value -= b->fit.exponent[k].value;
    }
    ratio.fit.constant.value = alike ? a->fit.constant.value / b->fit.constant.value : NAN;
    ratio.fit.n_x = alike ? a->fit.n_x : 0;
    ratio.fit.r2 = NAN;
    return ratio;
}

double law_at(const struct law *law, const struct store_row *row)
{
    double value = exists(law) ? law->fit.constant.value : NAN;
    for (size_t k = 0; k < law->fit.n_x; k++)
        value *= pow(monomial_value(&law->set.regressors[k].product, &row->result), law->fit.exponent[k].value);
    return value;
}

void law_set_label(struct figure_data *data, const char *name, const struct law *law)
{
    struct text label = {0};
    char variable[48], r2[32] = "";
    if (exists(law))
        text_addf(&label, "%.2f", law->fit.constant.value);
    for (size_t k = 0; k < law->fit.n_x; k++) {
        const double exponent = law->fit.exponent[k].value;
        text_addf(&label, " {/:Italic %s}^{%s%.2f}", law->set.names[k], exponent < 0 ? "−" : "", fabs(exponent));
    }
    if (exists(law) && !isnan(law->fit.r2))
        text_fixed(r2, 4, law->fit.r2);
    snprintf(variable, sizeof variable, "%s_r2", name);
    figure_data_set_text(data, name, label.data ? label.data : "");
    figure_data_set_text(data, variable, r2);
    text_free(&label);
}
