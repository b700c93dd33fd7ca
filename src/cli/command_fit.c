/* plateau fit: the power law of the plateau lengths in a database, with intervals, local exponents and a seed bootstrap. */
#include "cli.h"
#include "dataset.h"
#include "grid.h"
#include <math.h>

static const double CONFIDENCE = 0.95;
enum { REPLICATES = 1000, BOOTSTRAP_SEED = 1 };

static void add_estimate(struct text *out, const char *name, const struct power_law_estimate *e, const struct power_law_estimate *boot,
                         const struct power_law_ends *ends)
{
    text_addf(out, "  %-6s %10.5g   95 %% %.5g .. %.5g", name, e->value, e->low, e->high);
    if (boot)
        text_addf(out, "   bootstrap %.5g .. %.5g", boot->low, boot->high);
    if (ends && !isnan(ends->low.value))
        text_addf(out, "   local %.4g (to %g), %.4g (from %g)", ends->low.value, ends->low_to, ends->high.value, ends->high_from);
    text_add(out, "\n");
}

static void add_json_estimate(struct text *out, const char *name, const struct power_law_estimate *e)
{
    text_add_json(out, name);
    text_add(out, ": {\"value\": ");
    text_add_real(out, e->value);
    text_add(out, ", \"se\": ");
    text_add_real(out, e->se);
    text_add(out, ", \"low\": ");
    text_add_real(out, e->low);
    text_add(out, ", \"high\": ");
    text_add_real(out, e->high);
    text_add(out, "}");
}

static void fit_json(const struct dataset *set, const struct power_law *fit, struct text *out)
{
    text_addf(out, "{\"method\": \"%s\", \"runs\": %zu, \"censored\": %zu, \"left_out\": %zu, \"r2\": ",
              power_law_method_text(fit->method), fit->n, fit->n_censored, set->left_out);
    text_add_real(out, fit->r2);
    text_add(out, ", \"sigma\": ");
    text_add_real(out, fit->sigma);
    text_add(out, ", \"aicc\": ");
    text_add_real(out, fit->aicc);
    text_add(out, ", ");
    add_json_estimate(out, "constant", &fit->constant);
    text_add(out, ", \"exponents\": {");
    for (size_t k = 0; k < fit->n_x; k++) {
        text_add(out, k ? ", " : "");
        add_json_estimate(out, set->names[k], &fit->exponent[k]);
    }
    text_add(out, "}}\n");
}

static enum status fit_text(const struct dataset *set, const struct power_law *fit, struct text *out)
{
    struct power_law_ends ends[POWER_LAW_MAX];
    struct power_law_bootstrap boot;
    enum status rc = power_law_local(&set->data, CONFIDENCE, ends);
    if (rc != OK)
        return rc;
    bool resampled = power_law_bootstrap(&set->data, REPLICATES, BOOTSTRAP_SEED, CONFIDENCE, &boot) == OK;
    text_addf(out, "plateau = %.4g", fit->constant.value);
    for (size_t k = 0; k < fit->n_x; k++)
        text_addf(out, " (%s)^%.4g", set->names[k], fit->exponent[k].value);
    text_addf(out, "   R^2 %.5f   %s, %zu runs", fit->r2, power_law_method_text(fit->method), fit->n);
    if (fit->n_censored)
        text_addf(out, ", %zu of them censored", fit->n_censored);
    if (set->left_out)
        text_addf(out, "; %zu diverged or interrupted left out", set->left_out);
    text_add(out, "\n");
    add_estimate(out, "C", &fit->constant, resampled ? &boot.constant : NULL, NULL);
    for (size_t k = 0; k < fit->n_x; k++)
        add_estimate(out, set->names[k], &fit->exponent[k], resampled ? &boot.exponent[k] : NULL, &ends[k]);
    if (resampled)
        text_addf(out, "  bootstrap: %zu replicates of %s\n", boot.fitted, boot.resampling == POWER_LAW_CLUSTERS ? "whole seeds" : "single runs");
    return OK;
}

enum status command_fit(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct grid grid = {0};
    struct store_filter filter;
    struct dataset set = {0};
    struct power_law fit = {0};
    struct text out = {0};
    double threshold = 0;
    REQUIRE(a->n_files == 1, ERR_INPUT, "fit: needs one database (`plateau help fit`)");
    REQUIRE(!a->at || (text_to_real(a->at, &threshold) && threshold > 0 && threshold < 1), ERR_INPUT,
            "--at %s: a fraction between 0 and 1", a->at);
    TRY(cli_filter(a, &grid, &filter));
    TRY(dataset_init(a->on ? a->on : "d,T,B", threshold, &set));
    TRY(store_open(a->files[0], STORE_READ, NULL, &store));
    TRY(store_each(store, &filter, dataset_add, &set));
    REQUIRE(set.data.n > 0, ERR_INPUT, "%s: no run matches", a->files[0]);
    if (!a->on)
        dataset_drop_constant(&set);
    TRY(power_law_fit(&set.data, CONFIDENCE, &fit));
    if (a->json)
        fit_json(&set, &fit, &out);
    else
        TRY(fit_text(&set, &fit, &out));
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    power_law_free(&fit);
    dataset_free(&set);
    store_close(store);
    grid_free(&grid);
    return rc;
}
