#include "validation/fit.h"
#include "models/task.h"
#include <math.h>
#include <string.h>

static const double CONFIDENCE = 0.95;
enum { REPLICATES = 1000, BOOTSTRAP_SEED = 1 };

static const struct {
    const char *name, *factor;
    bool regressors;
} forms[] = {
#define AS_FORM(name, factor, regressors) {name, factor, regressors},
    FIT_FORMS_TABLE(AS_FORM)
#undef AS_FORM
};
_Static_assert(sizeof forms / sizeof forms[0] == FIT_FORMS, "FIT_FORMS counts the table");

/* log X of the second form takes the place of X. */
static void take_logs(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = log(x[i]);
}

/* Ranks the forms that are defined for every run; with too few runs for AICc, none. */
static void compare_forms(struct fit *fit)
{
    struct power_law_data data[FIT_FORMS];
    struct power_law_rank ranks[FIT_FORMS];
    size_t index[FIT_FORMS], n = 0;
    for (size_t i = 0, column = 0; i < FIT_FORMS; i++) {
        struct power_law_data d = fit->set.data;
        d.factor = forms[i].factor ? fit->set.f[column++] : NULL;
        d.n_x = forms[i].regressors ? d.n_x : 0;
        for (size_t row = 0; d.factor && row < d.n; row++)
            fit->undefined[i] += !(d.factor[row] > 0 && isfinite(d.factor[row]));
        if (!fit->undefined[i]) {
            data[n] = d;
            index[n++] = i;
        }
    }
    fit->ranked = power_law_compare(data, n, ranks) == OK;
    for (size_t i = 0; i < n && fit->ranked; i++)
        fit->ranks[index[i]] = ranks[i];
}

/* The runs of a filter. `threshold` says where to read them, not which they are (reading.h): threshold=0.5 is --at
 * 0.5. */
static struct store_filter rows_of(const struct store_filter *filter)
{
    struct store_filter rows = *filter;
    rows.n[KEY_threshold] = 0;
    rows.bare = true;
    return rows;
}

static enum status threshold_of(const struct store_filter *filter, const struct fit_request *request, double *threshold)
{
    enum status rc = OK;
    size_t n = filter->n[KEY_threshold];
    *threshold = request->threshold;
    REQUIRE(n <= 1, ERR_INPUT, "threshold: one law has one threshold; give a single value");
    REQUIRE(!n || !(request->threshold > 0), ERR_INPUT, "threshold=%g and --at %g ask the same thing; give one of them",
            filter->values[KEY_threshold][0], request->threshold);
    if (n)
        *threshold = filter->values[KEY_threshold][0];
done:
    return rc;
}

/* A length is one up to a threshold, and so is a law. */
static enum status refuse_mixture(const struct dataset *set)
{
    return dataset_mixes(set, KEY_threshold)
               ? error_set(ERR_INPUT,
                           "these runs hold the thresholds of several sweeps (the first: %s), and a law is of "
                           "one: give it with --at",
                           set->read_at)
               : OK;
}

/* The rows that a fit lacks may be those that were left out. */
static enum status name_left_out(const struct dataset *set, enum status rc)
{
    struct text why = {0};
    if (rc == ERR_INPUT) {
        text_add(&why, error_message());
        dataset_left_out(set, &why);
        error_set(rc, "%s", why.failed ? "out of memory" : why.data);
    }
    text_free(&why);
    return rc;
}

/* The regressors that nobody chose: those of the task, if all these runs are of one; else the first kind's. */
static enum status usual_regressors(struct store *store, const struct store_filter *rows, const char **on)
{
    enum status rc = OK;
    const struct task_kind *task;
    size_t all = 0, n = 0;
    double seconds;
    *on = task_at(0)->regressors;
    if (rows->n[KEY_task] == 0)
        TRY(store_total(store, rows, &all, &seconds));
    for (int i = 1; (task = task_at(i)) && rows->n[KEY_task] <= 1; i++) {
        const double name = task->name, *const names = &name;
        struct store_filter of_task = *rows;
        of_task.n[KEY_task] = 1;
        of_task.values[KEY_task] = names;
        if (rows->n[KEY_task] == 1 && rows->values[KEY_task][0] == name)
            *on = task->regressors;
        if (rows->n[KEY_task] == 1 || all == 0)
            continue;
        TRY(store_total(store, &of_task, &n, &seconds));
        if (n == all)
            *on = task->regressors;
    }
done:
    return rc;
}

enum status fit_run(struct store *store, const struct store_filter *filter, const struct fit_request *request,
                    struct fit *fit)
{
    enum status rc = OK;
    const struct store_filter rows = rows_of(filter);
    const char *on = request->on;
    double threshold;
    memset(fit, 0, sizeof *fit);
    TRY(threshold_of(filter, request, &threshold));
    if (!on)
        TRY(usual_regressors(store, &rows, &on));
    TRY(dataset_init(on, threshold, &fit->set));
    if (request->response)
        TRY(dataset_response(request->response, &fit->set));
    for (size_t i = 0; i < FIT_FORMS; i++) {
        if (forms[i].factor)
            TRY(dataset_factor(forms[i].factor, &fit->set));
    }
    TRY(store_each(store, &rows, dataset_add, &fit->set));
    REQUIRE(fit->set.data.n > 0 || !fit->set.unknown, ERR_INPUT,
            "the crossing of %g was not recorded in any of the runs; those made here have 0.1, 0.2 .. 0.9 (recall: "
            "0.05, 0.5, 0.9), imported ones their own threshold",
            threshold);
    REQUIRE(fit->set.data.n > 0, ERR_INPUT, "no run matches%s%s; `plateau export` lists the runs of a database",
            fit->set.left_out ? " but those that diverged, were interrupted or were cut off at once" : "",
            fit->set.at_once ? " but those that were over the threshold from the start" : "");
    TRY(refuse_mixture(&fit->set));
    if (!request->on)
        dataset_drop_constant(&fit->set);
    take_logs(fit->set.f[0], fit->set.data.n);
    TRY(name_left_out(&fit->set, power_law_fit(&fit->set.data, CONFIDENCE, &fit->law)));
    TRY(power_law_local(&fit->set.data, CONFIDENCE, fit->ends));
    rc = power_law_bootstrap(&fit->set.data, REPLICATES, BOOTSTRAP_SEED, CONFIDENCE, &fit->bootstrap);
    if (rc == ERR_INPUT) { /* too few runs: the page says so */
        fit->bootstrap.fitted = 0;
        rc = OK;
    }
    if (rc == OK)
        compare_forms(fit);
done:
    return rc;
}

void fit_free(struct fit *fit)
{
    power_law_free(&fit->law);
    dataset_free(&fit->set);
}

/* ---- for people ---- */

void fit_formula(const struct fit *fit, struct text *out)
{
    text_addf(out, "%.4g", fit->law.constant.value);
    for (size_t k = 0; k < fit->law.n_x; k++) {
        const char *name = fit->set.names[k];
        bool product = strpbrk(name, "*/^") != NULL;
        text_addf(out, product ? " (%s)^%.3g" : " %s^%.3g", name, fit->law.exponent[k].value);
    }
}

static void add_interval(struct text *out, double low, double high, int width)
{
    char buffer[64];
    snprintf(buffer, sizeof buffer, "%.4g .. %.4g", low, high);
    text_addf(out, "  %-*s", width, buffer);
}

static void add_row(const struct fit *fit, const char *name, const struct power_law_estimate *e,
                    const struct power_law_estimate *boot, const struct power_law_ends *ends, struct text *out)
{
    text_addf(out, "  %-12s %10.5g", name, e->value);
    add_interval(out, e->low, e->high, 22);
    if (fit->bootstrap.fitted)
        add_interval(out, boot->low, boot->high, 22);
    if (ends && !isnan(ends->low.value))
        text_addf(out, "  %.4g up to %g", ends->low.value, ends->low_to);
    if (ends && !isnan(ends->high.value))
        text_addf(out, ", %.4g from %g", ends->high.value, ends->high_from);
    while (out->length && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    text_add(out, "\n");
}

/* Runs that differ in what is not in the fit share one law at most by chance. */
static void add_warning(const struct fit *fit, struct text *out)
{
    size_t n = 0;
    for (int key = 0; key < KEY_COUNT; key++) {
        if (dataset_mixes(&fit->set, (enum key)key))
            text_addf(out, "%s%s", n++ ? ", " : "  note: these runs differ in ", keys_name((enum key)key));
    }
    text_add(out, n ? ", which is not in the fit: filter (key=value) or regress on it (--on)\n" : "");
    if (fit->set.oldest != fit->set.newest)
        text_addf(out,
                  "  note: these runs were made by numerics revisions %d to %d, which give different bits: sweep their "
                  "study again to make the older ones anew\n",
                  fit->set.oldest, fit->set.newest);
    if (fit->law.n_coarse)
        text_addf(out,
                  "  note: %zu runs were evaluated too seldom for their length (eval_every): they ended between two "
                  "evaluations%s\n",
                  fit->law.n_coarse, fit->law.n_late ? ", or before the first, which is an upper bound alone" : "");
}

static void add_table(const struct fit *fit, struct text *out)
{
    const struct power_law_bootstrap *b = &fit->bootstrap;
    text_addf(out, "\n  %-12s %10s  %-22s", "", "value", "95 % interval");
    text_addf(out, b->fitted ? "  %-22s  %s\n" : "%.0s  %s\n", "95 % by bootstrap", "local exponents");
    add_row(fit, "C", &fit->law.constant, &b->constant, NULL, out);
    for (size_t k = 0; k < fit->law.n_x; k++)
        add_row(fit, fit->set.names[k], &fit->law.exponent[k], &b->exponent[k], &fit->ends[k], out);
    if (!b->fitted)
        text_add(out, "  no bootstrap: too few runs\n");
    else
        text_addf(out, "  bootstrap: %zu resamples of %s", b->fitted,
                  b->resampling == POWER_LAW_CLUSTERS ? "whole seeds" : "single runs (whole seeds from 3 on)");
    if (b->fitted)
        text_addf(out, b->skipped ? "; %zu more do not determine the law\n" : "\n", b->skipped);
}

static void add_forms(const struct fit *fit, struct text *out)
{
    size_t order[FIT_FORMS], n = 0;
    char r2[32];
    for (size_t i = 0; i < FIT_FORMS; i++) {
        if (fit->undefined[i])
            continue;
        size_t at = n++;
        for (; at > 0 && fit->ranks[order[at - 1]].delta > fit->ranks[i].delta; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    text_addf(out, "\n  %-18s %10s %10s %9s %12s %8s\n", "form", "parameters", "constant", "R^2", "delta AICc",
              "weight");
    for (size_t i = 0; i < n; i++) {
        const struct power_law_rank *r = &fit->ranks[order[i]];
        text_addf(out, "  %-18s %10zu %10.5g %9s %12.1f %8.3f\n", forms[order[i]].name, r->parameters, r->constant,
                  text_fixed(r2, 5, r->r2), r->delta, r->weight);
    }
    for (size_t i = 0; i < FIT_FORMS; i++) {
        if (fit->undefined[i] && fit->undefined[i] < fit->set.data.n)
            text_addf(out, "  %s: left out, undefined for %zu of the runs\n", forms[i].name, fit->undefined[i]);
    }
}

void fit_text(const struct fit *fit, struct text *out)
{
    const struct power_law *law = &fit->law;
    char r2[32], aicc[32];
    text_addf(out, "%s = ", *fit->set.response.name ? fit->set.response.name : "plateau");
    fit_formula(fit, out);
    text_addf(out, "\n  read at: %s\n  %s on logarithms, %zu runs", fit->set.read_at,
              power_law_method_text(law->method), law->n);
    if (law->n_censored)
        text_addf(out, ", %zu of them censored", law->n_censored);
    if (law->n_coarse)
        text_addf(out, ", %zu known to a bracket alone", law->n_coarse);
    dataset_left_out(&fit->set, out);
    text_addf(out, "; R^2 %s, residuals %.2g %%, AICc %s\n", text_fixed(r2, 5, law->r2), 100 * law->sigma,
              text_fixed(aicc, 1, law->aicc));
    add_warning(fit, out);
    add_table(fit, out);
    if (fit->ranked)
        add_forms(fit, out);
}

/* ---- for programs ---- */

static void add_number(struct text *out, const char *name, double value)
{
    text_addf(out, "\"%s\": ", name);
    text_add_real(out, value);
}

static void add_estimate(struct text *out, const struct power_law_estimate *e)
{
    add_number(out, "value", e->value);
    text_add(out, ", ");
    add_number(out, "se", e->se);
    text_add(out, ", ");
    add_number(out, "low", e->low);
    text_add(out, ", ");
    add_number(out, "high", e->high);
}

/* A coefficient with its bootstrap interval and, for an exponent, its values at both ends of the grid. */
static void add_coefficient(const struct fit *fit, const struct power_law_estimate *e,
                            const struct power_law_estimate *boot, const struct power_law_ends *ends, struct text *out)
{
    text_add(out, "{");
    add_estimate(out, e);
    if (fit->bootstrap.fitted) {
        text_add(out, ", \"bootstrap\": {");
        add_estimate(out, boot);
        text_add(out, "}");
    }
    for (int high = 0; ends && high <= 1; high++) {
        text_addf(out, ", \"%s\": {", high ? "local_high" : "local_low");
        add_estimate(out, high ? &ends->high : &ends->low);
        text_add(out, ", ");
        add_number(out, high ? "from" : "to", high ? ends->high_from : ends->low_to);
        text_addf(out, ", \"runs\": %zu}", high ? ends->n_high : ends->n_low);
    }
    text_add(out, "}");
}

static void add_json_forms(const struct fit *fit, struct text *out)
{
    text_add(out, ", \"forms\": [");
    for (size_t i = 0; i < FIT_FORMS; i++) {
        const struct power_law_rank *r = &fit->ranks[i];
        bool there = fit->ranked && !fit->undefined[i];
        text_addf(out, "%s{\"form\": \"%s\", \"undefined\": %zu", i ? ", " : "", forms[i].name, fit->undefined[i]);
        const struct {
            const char *name;
            double value;
        } numbers[] = {{"parameters", (double)r->parameters},
                       {"constant", r->constant},
                       {"r2", r->r2},
                       {"log_likelihood", r->log_likelihood},
                       {"aicc", r->aicc},
                       {"delta_aicc", r->delta},
                       {"weight", r->weight}};
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            text_add(out, ", ");
            add_number(out, numbers[k].name, there ? numbers[k].value : NAN);
        }
        text_add(out, "}");
    }
    text_add(out, "]");
}

void fit_json(const struct fit *fit, struct text *out)
{
    const struct power_law *law = &fit->law;
    const struct power_law_bootstrap *b = &fit->bootstrap;
    text_add(out, "{\"read_at\": ");
    text_add_json(out, fit->set.read_at);
    text_addf(out,
              ", \"method\": \"%s\", \"runs\": %zu, \"censored\": %zu, \"coarse\": %zu, \"left_out\": %zu, "
              "\"at_once\": %zu, \"unknown\": %zu, ",
              power_law_method_text(law->method), law->n, law->n_censored, law->n_coarse, fit->set.left_out,
              fit->set.at_once, fit->set.unknown);
    add_number(out, "r2", law->r2);
    text_add(out, ", ");
    add_number(out, "sigma", law->sigma);
    text_add(out, ", ");
    add_number(out, "aicc", law->aicc);
    text_add(out, ", \"constant\": ");
    add_coefficient(fit, &law->constant, &b->constant, NULL, out);
    text_add(out, ", \"exponents\": {");
    for (size_t k = 0; k < law->n_x; k++) {
        text_add(out, k ? ", " : "");
        text_add_json(out, fit->set.names[k]);
        text_add(out, ": ");
        add_coefficient(fit, &law->exponent[k], &b->exponent[k], &fit->ends[k], out);
    }
    text_addf(out, "}, \"bootstrap\": {\"resampling\": \"%s\", \"seeds\": %zu, \"fitted\": %zu, \"skipped\": %zu}",
              b->resampling == POWER_LAW_CLUSTERS ? "seeds" : "runs", b->n_clusters, b->fitted, b->skipped);
    text_add(out, ", \"mixed\": [");
    for (int key = 0, n = 0; key < KEY_COUNT; key++) {
        if (dataset_mixes(&fit->set, (enum key)key))
            text_addf(out, "%s\"%s\"", n++ ? ", " : "", keys_name((enum key)key));
    }
    text_add(out, "]");
    add_json_forms(fit, out);
    text_add(out, "}\n");
}

/* ---- residuals ---- */

struct residual_writer {
    const struct fit *fit;
    struct text *out;
    size_t row; /* the next one */
};

/* True if the key applies to any of the runs. */
static bool applies(const struct dataset *set, int key)
{
    return set->varies[key] || !isnan(set->first[key]);
}

static enum status write_residual(void *context, const struct store_row *row)
{
    struct residual_writer *w = context;
    const struct dataset *set = &w->fit->set;
    size_t i = w->row;
    char buffer[32];
    if (i == set->data.n || set->ids[i] != row->id) /* left out of the fit, or written since */
        return OK;
    w->row++;
    text_addf(w->out, "%lld", (long long)row->id);
    for (int key = 0; key < KEY_COUNT; key++) {
        double value =
            key == KEY_threshold ? reading_threshold(&row->result.keys, set->threshold) : row->result.keys.value[key];
        if (applies(set, key))
            text_addf(w->out, ",%s", keys_text((enum key)key, value, buffer));
    }
    double residual = w->fit->law.residuals[i];
    const double numbers[] = {set->y[i], set->y[i] * exp(-residual), residual};
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
        text_addf(w->out, ",%s", text_real(buffer, numbers[k]));
    text_addf(w->out, ",%s\n", set->censored[i] ? "yes" : set->low[i] < set->high[i] ? "bracket" : "no");
    return text_status(w->out);
}

enum status fit_residuals(const struct fit *fit, struct store *store, const struct store_filter *filter,
                          struct text *out)
{
    enum status rc = OK;
    const struct store_filter rows = rows_of(filter);
    struct residual_writer w = {.fit = fit, .out = out};
    text_add(out, "id");
    for (int key = 0; key < KEY_COUNT; key++) {
        if (applies(&fit->set, key))
            text_addf(out, ",%s", keys_name((enum key)key));
    }
    text_add(out, ",y,fit,residual,censored\n");
    TRY(store_each(store, &rows, write_residual, &w));
    REQUIRE(w.row == fit->set.data.n, ERR_DATABASE, "runs were taken away while the fit was made; run it again");
    TRY(text_status(out));
done:
    return rc;
}
