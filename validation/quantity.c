#include "validation/quantity.h"
#include "validation/extrapolate.h"
#include "validation/flow_observables.h"
#include "base/list.h"
#include "validation/pairs.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CONFIDENCE = 0.95; /* of the intervals */

/* "key=value key=value" into a grid. */
static enum status add_words(const char *words, struct grid *grid)
{
    char copy[sizeof(struct claim)], *rest = copy;
    enum status rc = OK;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; rc == OK && (word = strsep(&rest, " "));) {
        if (*word)
            rc = grid_add(grid, word);
    }
    return rc;
}

static void set_estimate(struct claim *c, double estimate, double low, double high)
{
    c->estimate = estimate, c->low = low, c->high = high;
}

/* ---- a fit to the runs ---- */

static void clear_fit(struct quantity_fit *f)
{
    power_law_free(&f->law);
    dataset_free(&f->set);
    f->of = NULL;
}

static bool same_fit(const struct claim *a, const struct claim *b)
{
    return a && !strcmp(a->on, b->on) && !strcmp(a->where, b->where) && !strcmp(a->study, b->study) &&
           !strcmp(a->response, b->response) && !strcmp(a->best, b->best) && a->at == b->at;
}

static enum status fit_runs(struct measurement *m, const struct claim *c)
{
    enum status rc = OK;
    struct quantity_fit *f = &m->fit;
    if (same_fit(f->of, c))
        return OK;
    clear_fit(f);
    TRY(dataset_init(c->on, claim_threshold(c), &f->set));
    if (*c->response)
        TRY(dataset_response(c->response, &f->set));
    f->rc = pairs_each_best(m->store, &m->filter, claim_best(c), claim_threshold(c), dataset_add, &f->set);
    f->of = c;
    f->refused = f->rc != OK;
    if (!f->refused)
        f->rc = power_law_fit(&f->set.data, CONFIDENCE, &f->law);
    snprintf(f->why, sizeof f->why, "%.199s", f->rc == OK ? "" : error_message());
    rc = f->rc == ERR_INPUT ? OK : f->rc;
done:
    return rc;
}

/* The law of the runs into m->law, if they have one. */
static enum status find_law(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    const struct quantity_fit *f = &m->fit;
    TRY(fit_runs(m, c));
    c->runs = f->set.data.n;
    memcpy(c->read_at, f->set.read_at, sizeof c->read_at);
    m->at_once = f->set.at_once, m->unknown = f->set.unknown, m->diverged = f->set.diverged;
    if (f->rc == OK)
        m->set = &f->set, m->law = &f->law;
    else if (c->runs || f->refused)
        claim_say(c, "%s", f->why);
done:
    return rc;
}

static enum status measure_exponent(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    const struct dataset *set = &m->fit.set;
    size_t k = 0;
    TRY(find_law(m, c));
    while (k < set->data.n_x && strcmp(set->names[k], c->of))
        k++;
    REQUIRE(k < set->data.n_x, ERR_INPUT, "of: %s is not among the regressors %s", c->of, c->on);
    if (m->law)
        set_estimate(c, m->law->exponent[k].value, m->law->exponent[k].low, m->law->exponent[k].high);
done:
    return rc;
}

static enum status measure_constant(struct measurement *m, struct claim *c)
{
    enum status rc = find_law(m, c);
    if (m->law)
        set_estimate(c, m->law->constant.value, m->law->constant.low, m->law->constant.high);
    return rc;
}

static enum status measure_r2(struct measurement *m, struct claim *c)
{
    enum status rc = find_law(m, c);
    if (m->law)
        set_estimate(c, m->law->r2, m->law->r2, m->law->r2);
    return rc;
}

/* ---- a value of each run ---- */

static enum status add_value(struct measurement *m, const struct store_row *row, double x)
{
    if (!isfinite(x)) {
        m->undefined++;
        m->uncrossed += row->result.state != RUN_EMERGED;
        return OK;
    }
    enum status rc = list_room(&m->values, m->n, &m->allocated, sizeof *m->values, "runs");
    if (rc == OK)
        m->values[m->n++] = (struct quantity_value){row->id, (int64_t)row->result.keys.value[KEY_seed], x, ""};
    return rc;
}

struct runs {
    struct measurement *m;
    struct claim *claim;
    struct monomial product;
    struct run_flow *tools; /* owned: if the product needs them */
};

static enum status read_run(void *context, const struct store_row *row)
{
    struct runs *r = context;
    struct result read = row->result;
    bool known;
    enum status rc = reading_at(r->tools, claim_threshold(r->claim), &read, &known);
    if (rc != OK)
        return rc;
    if (monomial_reads_plateau(&r->product))
        reading_text(&read.keys, READING_OWN, r->claim->read_at);
    const double x = monomial_value(&r->product, &read);
    const bool late = result_is_late(&read, read.plateau);
    if (monomial_reads_plateau(&r->product) && (read.plateau == 0 || late)) {
        r->m->at_once += !late;
        r->m->late += late;
        return OK;
    }
    r->m->unknown += !known && !isfinite(x);
    if (!isfinite(x) && monomial_forecasts(&r->product)) {
        r->m->silent++;
        return OK;
    }
    const size_t before = r->m->n;
    rc = add_value(r->m, row, x);
    if (r->m->n > before && r->claim->kind == QUANTITY_share) {
        read.keys.value[KEY_seed] = 0;
        keys_hash(&read.keys, r->m->values[before].setting);
    }
    return rc;
}

static enum status read_runs(struct measurement *m, struct claim *c)
{
    struct runs r = {.m = m, .claim = c};
    enum status rc = monomial_parse(c->of, &r.product);
    if (rc == OK && monomial_expects(&r.product))
        rc = run_flow_create(&r.tools);
    if (rc == OK)
        rc = pairs_each_best(m->store, &m->filter, claim_best(c), claim_threshold(c), read_run, &r);
    run_flow_free(r.tools);
    c->runs = m->n;
    return rc;
}

/* The range of all values; the estimate is the one furthest from what was published. */
static void find_range(struct measurement *m, struct claim *c)
{
    m->deviation_stands = true;
    if (m->n == 0)
        return;
    c->low = INFINITY, c->high = -INFINITY;
    for (size_t i = 0; i < m->n; i++) {
        c->low = fmin(c->low, m->values[i].value);
        c->high = fmax(c->high, m->values[i].value);
    }
    c->estimate = fabs(c->low - c->published) > fabs(c->high - c->published) ? c->low : c->high;
}

static int by_seed(const void *a, const void *b)
{
    const struct quantity_value *p = a, *q = b;
    return (p->seed > q->seed) - (p->seed < q->seed);
}

/* Runs of a seed share random numbers, so the mean of each seed is one observation; of runs with a single seed, each
 * run is. */
static size_t average_seeds(struct measurement *m, double *means)
{
    const struct quantity_value *list = m->values;
    size_t seeds = 0, count = 0;
    qsort(m->values, m->n, sizeof *m->values, by_seed);
    for (size_t i = 0; i < m->n; i++) {
        bool fresh = i == 0 || list[i].seed != list[i - 1].seed || list[0].seed == list[m->n - 1].seed;
        seeds += fresh;
        count = fresh ? 1 : count + 1;
        means[seeds - 1] =
            fresh ? list[i].value : means[seeds - 1] + (list[i].value - means[seeds - 1]) / (double)count;
    }
    return seeds;
}

/* The mean over seeds and its interval (none for a single observation); geometric: that of the logarithms. */
static enum status find_mean(struct measurement *m, struct claim *c, bool geometric)
{
    if (m->n == 0)
        return OK;
    double *means = calloc(m->n, sizeof *means);
    if (!means)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", m->n);
    for (size_t i = 0; i < m->n && geometric; i++)
        m->values[i].value = log(m->values[i].value);
    const size_t n = average_seeds(m, means);
    c->estimate = gsl_stats_mean(means, 1, n);
    if (n >= 2) {
        double half =
            gsl_cdf_tdist_Pinv(0.5 + CONFIDENCE / 2, (double)n - 1) * gsl_stats_sd(means, 1, n) / sqrt((double)n);
        c->low = c->estimate - half, c->high = c->estimate + half;
    } else {
        claim_say(c, "one run has no interval: it takes two seeds at least");
    }
    for (size_t i = 0; i < m->n && geometric; i++)
        m->values[i].value = exp(m->values[i].value);
    if (geometric)
        set_estimate(c, exp(c->estimate), exp(c->low), exp(c->high));
    free(means);
    return OK;
}

static enum status measure_each(struct measurement *m, struct claim *c)
{
    enum status rc = read_runs(m, c);
    find_range(m, c);
    return rc;
}

static enum status measure_mean(struct measurement *m, struct claim *c)
{
    enum status rc = read_runs(m, c);
    return rc == OK ? find_mean(m, c, false) : rc;
}

static enum status measure_gmean(struct measurement *m, struct claim *c)
{
    enum status rc = read_runs(m, c);
    return rc == OK ? find_mean(m, c, true) : rc;
}

static int by_number(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* The factor by which half of the runs are off at most: exp of the median of |ln x|. */
static enum status measure_typical(struct measurement *m, struct claim *c)
{
    enum status rc = read_runs(m, c);
    if (rc != OK || m->n == 0)
        return rc;
    double *off = malloc(m->n * sizeof *off);
    if (!off)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", m->n);
    for (size_t i = 0; i < m->n; i++)
        off[i] = fabs(log(m->values[i].value));
    qsort(off, m->n, sizeof *off, by_number);
    c->estimate = c->low = c->high = exp(gsl_stats_median_from_sorted_data(off, 1, m->n));
    free(off);
    return OK;
}

static int by_setting(const void *a, const void *b)
{
    return strcmp(((const struct quantity_value *)a)->setting, ((const struct quantity_value *)b)->setting);
}

/* The share of settings, runs that differ in the seed alone, whose geometric mean is within the factor of 1. */
static enum status measure_share(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    double factor, settings = 0, inside = 0;
    REQUIRE(text_to_real(c->on, &factor) && factor > 1, ERR_INPUT, "on: %s: the factor, a number above 1", c->on);
    TRY(read_runs(m, c));
    if (m->n)
        qsort(m->values, m->n, sizeof *m->values, by_setting);
    for (size_t i = 0, next; i < m->n; i = next) {
        double sum = 0;
        for (next = i; next < m->n && !by_setting(&m->values[i], &m->values[next]); next++)
            sum += log(m->values[next].value);
        settings++;
        inside += fabs(sum / (double)(next - i)) <= log(factor);
    }
    if (settings > 0)
        c->estimate = c->low = c->high = inside / settings;
done:
    return rc;
}

struct carrying {
    struct measurement *m;
    struct claim *claim;
    struct extrapolation law;
    struct run_flow *tools; /* owned */
};

static enum status add_length(void *context, const struct store_row *row)
{
    struct carrying *k = context;
    struct result read = row->result;
    bool known;
    enum status rc = reading_at(k->tools, claim_threshold(k->claim), &read, &known);
    if (rc != OK)
        return rc;
    reading_text(&read.keys, READING_OWN, k->claim->read_at);
    const double f = monomial_value(&k->law.f, &read);
    const bool late = result_is_late(&read, read.plateau);
    if (read.plateau == 0 || late) {
        k->m->at_once += !late;
        k->m->late += late;
        return OK;
    }
    if (!isfinite(read.plateau) || !isfinite(f)) {
        k->m->undefined++;
        k->m->uncrossed += read.state != RUN_EMERGED;
        return OK;
    }
    rc = add_value(k->m, row, read.plateau / f);
    return rc == OK ? extrapolate_add(&k->law, &read) : rc;
}

/* How far a law that is fitted to the cheapest third of the settings is off on the others. */
static enum status measure_carries(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    struct carrying k = {.m = m, .claim = c};
    TRY(extrapolate_begin(c->of, c->on, &k.law));
    TRY(run_flow_create(&k.tools));
    TRY(pairs_each_best(m->store, &m->filter, claim_best(c), claim_threshold(c), add_length, &k));
    TRY(extrapolate_finish(&k.law));
    c->runs = m->n;
    c->estimate = c->low = c->high = k.law.error;
    if (isnan(k.law.error) && m->n)
        claim_say(c, "%zu settings are too few: a third of them has to determine the law", k.law.n);
done:
    extrapolate_free(&k.law);
    run_flow_free(k.tools);
    return rc;
}

/* ---- curves ---- */

struct curves {
    struct measurement *m;
    const char *column; /* or `one-other`: their difference */
};

static enum status read_curve(void *context, const struct store_row *row)
{
    const struct curves *k = context;
    struct trace t = {0};
    if (row->result.state == RUN_EMERGED && keys_real(&row->result.keys, KEY_until) != UNTIL_CAP &&
        row->result.steps_done < keys_real(&row->result.keys, KEY_steps)) {
        k->m->stopped++;
        return OK;
    }
    enum status rc = row->has_curve ? store_curve(k->m->store, row->id, &t) : OK;
    const char *minus = strchr(k->column, '-');
    double x = trace_last(&t, k->column, minus ? (size_t)(minus - k->column) : strlen(k->column));
    if (minus)
        x -= trace_last(&t, minus + 1, strlen(minus + 1));
    trace_free(&t);
    return rc == OK ? add_value(k->m, row, x) : rc;
}

static enum status measure_final(struct measurement *m, struct claim *c)
{
    enum status rc = store_each(m->store, &m->filter, read_curve, &(struct curves){m, c->of});
    c->runs = m->n;
    find_range(m, c);
    return rc;
}

/* ---- pairs of runs ---- */

static enum status read_pairs(struct measurement *m, struct claim *c, struct pairs *pairs)
{
    enum status rc = OK;
    struct grid change = {0};
    const struct pairs_request request = {.before = m->filter,
                                          .change = &change,
                                          .at = claim_threshold(c),
                                          .best = claim_best(c),
                                          .column = *c->response ? c->response : NULL};
    TRY(add_words(c->of, &change));
    TRY(pairs_measure(m->store, &request, pairs));
    c->runs = pairs->n;
    if (pairs->n)
        reading_text(&pairs->list[0].keys, request.at, c->read_at);
    m->at_once = pairs->at_once, m->late = pairs->late, m->partners = pairs->undefined;
done:
    grid_free(&change);
    return rc;
}

/* What is unknown of each length makes the interval of the mean wider. */
static enum status widen(const struct pairs *pairs, struct claim *c)
{
    double variance;
    const enum status rc = pairs_unsure(pairs, &variance);
    const double half = hypot((c->high - c->low) / 2, gsl_cdf_ugaussian_Pinv(0.5 + CONFIDENCE / 2) * sqrt(variance));
    if (rc == OK && variance > 0)
        c->low = c->estimate - half, c->high = c->estimate + half;
    return rc;
}

/* A geometric mean of ratios, so its interval is that of a mean of logarithms. */
static enum status measure_speedup(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    struct pairs pairs = {0};
    TRY(read_pairs(m, c, &pairs));
    m->deviation_stands = pairs.may_be_larger == 0;
    for (; m->n < pairs.n; m->n++) {
        const struct pair *p = &pairs.list[m->n];
        TRY(list_room(&m->values, m->n, &m->allocated, sizeof *m->values, "runs"));
        m->values[m->n] = (struct quantity_value){p->id, keys_integer(&p->keys, KEY_seed), p->log_ratio, ""};
        m->cut += p->cut;
        m->cut_after += p->cut_after;
    }
    TRY(find_mean(m, c, false));
    TRY(widen(&pairs, c));
    set_estimate(c, exp(c->estimate), exp(c->low), exp(c->high));
    c->bound = m->cut && m->cut_after ? CLAIM_NEITHER : m->cut ? CLAIM_LOWER : m->cut_after ? CLAIM_UPPER : CLAIM_EXACT;
    for (size_t i = 0; i < m->n; i++)
        m->values[i].value = exp(m->values[i].value);
done:
    pairs_free(&pairs);
    return rc;
}

/* A power law of the ratios, and of it the exponent of the first regressor; the others are held. */
static enum status measure_gain(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    struct pairs pairs = {0};
    struct quantity_fit *f = &m->fit;
    TRY(read_pairs(m, c, &pairs));
    if (!pairs.n)
        goto done;
    clear_fit(f);
    TRY(dataset_init(c->on, claim_threshold(c), &f->set));
    for (size_t i = 0; i < pairs.n; i++) {
        const struct pair *p = &pairs.list[i];
        if (p->cut_after) { /* a law of upper bounds is not what fits know */
            m->partners++;
            continue;
        }
        const struct store_row row = {.id = p->id,
                                      .result = {.keys = p->keys, .state = p->cut ? RUN_CENSORED : RUN_EMERGED}};
        TRY(dataset_row(&f->set, &row, exp(p->log_ratio), p->cut));
        if (!p->cut && p->log_low < p->log_high)
            dataset_between(&f->set, exp(p->log_low), exp(p->log_high));
    }
    c->runs = f->set.data.n;
    rc = power_law_fit(&f->set.data, CONFIDENCE, &f->law);
    if (rc == OK) {
        set_estimate(c, f->law.exponent[0].value, f->law.exponent[0].low, f->law.exponent[0].high);
        m->set = &f->set, m->law = &f->law;
    } else if (rc == ERR_INPUT) {
        claim_say(c, "%s", error_message());
        rc = OK;
    }
done:
    pairs_free(&pairs);
    return rc;
}

/* ---- a flow, keys ---- */

/* Deterministic. Of several flows the one furthest in the wrong direction is the estimate. */
static enum status measure_flow(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    struct keys keys;
    size_t size;
    const enum claim_rule rule = claim_rule(c);
    TRY(grid_set(&m->grid, "model", "flow"));
    TRY(grid_size(&m->grid, &size));
    for (size_t i = 0; i < size; i++) {
        double x;
        TRY(grid_at(&m->grid, i, &keys));
        TRY(flow_observables_measure(c->of, &keys, &x));
        m->some_undefined = m->some_undefined || isnan(x);
        if (i == 0 || (rule == CLAIM_AT_LEAST  ? x < c->estimate
                       : rule == CLAIM_AT_MOST ? x > c->estimate
                                               : fabs(x - c->published) > fabs(c->estimate - c->published)))
            c->estimate = x;
        c->low = i ? fmin(c->low, x) : x, c->high = i ? fmax(c->high, x) : x;
    }
    if (m->some_undefined)
        claim_say(c, "%.60s is not defined there: choose another flow", c->of);
done:
    return rc;
}

/* How many of the defaults in `of` are others here. */
static enum status measure_defaults(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    struct keys keys;
    struct grid published = {0};
    struct text other = {0};
    char buffer[32];
    size_t differ = 0;
    TRY(grid_at(&m->grid, 0, &keys));
    TRY(add_words(c->of, &published));
    for (size_t i = 0; i < published.n_order; i++) {
        enum key key = published.order[i];
        if (keys.value[key] == published.values[key][0])
            continue;
        const char *value = isnan(keys.value[key]) ? "(none)" : keys_text(key, keys.value[key], buffer);
        text_addf(&other, "%s%s=%s", differ++ ? ", " : "", keys_name(key), value);
    }
    TRY(text_status(&other));
    set_estimate(c, (double)differ, (double)differ, (double)differ);
    if (differ)
        claim_say(c, "here %.190s", other.data);
done:
    grid_free(&published);
    text_free(&other);
    return rc;
}

/* ---- all ---- */

static enum status (*const measures[])(struct measurement *, struct claim *) = {
#define AS_MEASURE(name, measured, ...) [QUANTITY_##name] = measure_##measured,
    QUANTITIES(AS_MEASURE)
#undef AS_MEASURE
};

/* Forgets the last claim, but for its fit. */
static void begin(struct measurement *m, struct claim *c)
{
    grid_free(&m->grid);
    *m = (struct measurement){.store = m->store, .values = m->values, .allocated = m->allocated, .fit = m->fit};
    set_estimate(c, NAN, NAN, NAN);
    c->bound = CLAIM_EXACT;
    c->runs = 0;
    *c->read_at = *c->why = '\0';
}

enum status quantity_measure(struct measurement *m, struct claim *c)
{
    enum status rc = OK;
    const enum claim_basis basis = claim_basis(c);
    begin(m, c);
    TRY(add_words(c->where, &m->grid));
    REQUIRE(!m->grid.count[KEY_threshold] || basis == CLAIM_FLOW || basis == CLAIM_KEYS, ERR_INPUT,
            "where: threshold=%g: runs are read at any threshold; write at: %g", m->grid.values[KEY_threshold][0],
            m->grid.values[KEY_threshold][0]);
    m->filter.study = *c->study ? c->study : NULL;
    m->filter.bare = basis == CLAIM_FIT || basis == CLAIM_RUNS;
    for (int key = 0; key < KEY_COUNT; key++) {
        m->filter.values[key] = m->grid.values[key];
        m->filter.n[key] = m->grid.count[key];
    }
    rc = measures[c->kind](m, c);
done:
    return rc;
}

void quantity_free(struct measurement *m)
{
    grid_free(&m->grid);
    free(m->values);
    clear_fit(&m->fit);
}
