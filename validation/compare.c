#include "compare.h"
#include "contrast.h"
#include "fit.h"
#include "grid.h"
#include "list.h"
#include "measure.h"
#include "reading.h"
#include "selection.h"
#include "verdict.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CONFIDENCE = 0.95;

enum verdict compare_verdict(double estimate, double low, double high, double published, double tolerance)
{
    if (isnan(estimate) || isnan(low) || isnan(high))
        return VERDICT_INCONCLUSIVE;
    double from = published - tolerance, to = published + tolerance;
    if (high < from || low > to)
        return VERDICT_DEVIATES;
    return estimate >= from && estimate <= to && (high - low) / 2 <= tolerance ? VERDICT_REPRODUCED
                                                                               : VERDICT_INCONCLUSIVE;
}

/* Runs are compared at one threshold, whatever they were last asked for. */
static double threshold_of(const struct claim *c)
{
    return c->at > 0 ? c->at : READING_USUAL;
}

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

/* ---- fits ---- */

/* The last fit: claims on one law come one after the other, and a fit reads every run. */
struct fitted {
    const struct claim *of; /* NULL: none yet */
    struct dataset set;
    struct power_law law;
    enum status rc; /* ERR_INPUT: it cannot be made, and the message says why */
    bool refused;   /* because of one of the runs */
    char why[200];
};

/* Who is shown what each claim rests on. */
struct audience {
    compare_witness *witness; /* NULL: nobody */
    void *context;
};

static enum status show(const struct audience *a, const struct compare_evidence *evidence)
{
    return a->witness ? a->witness(a->context, evidence) : OK;
}

static void fitted_clear(struct fitted *f)
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

static enum status fit(struct store *store, const struct store_filter *filter, const struct claim *c, struct fitted *f)
{
    enum status rc = OK;
    if (same_fit(f->of, c))
        return OK;
    fitted_clear(f);
    TRY(dataset_init(c->on, threshold_of(c), &f->set));
    if (*c->response)
        TRY(dataset_response(c->response, &f->set));
    f->rc = selection_each(store, filter, compare_best(c), threshold_of(c), dataset_add, &f->set);
    f->of = c;
    f->refused = f->rc != OK;
    if (!f->refused)
        f->rc = power_law_fit(&f->set.data, CONFIDENCE, &f->law);
    snprintf(f->why, sizeof f->why, "%.199s", f->rc == OK ? "" : error_message());
    rc = f->rc == ERR_INPUT ? OK : f->rc;
done:
    return rc;
}

static enum status measure_fit(struct store *store, const struct store_filter *filter, struct fitted *f,
                               const struct audience *a, struct claim *c)
{
    enum status rc = OK;
    TRY(fit(store, filter, c, f));
    const struct power_law_estimate *e = &f->law.constant;
    c->runs = f->set.data.n;
    memcpy(c->read_at, f->set.read_at, sizeof c->read_at);
    if (compare_is(c, "exponent")) {
        e = NULL;
        for (size_t k = 0; k < f->set.data.n_x; k++)
            e = !strcmp(f->set.names[k], c->of) ? &f->law.exponent[k] : e;
        REQUIRE(e, ERR_INPUT, "of: %s is not among the regressors %s", c->of, c->on);
    }
    if (f->rc != OK && (c->runs || f->refused)) {
        verdict_say(c, "%s", f->why);
    } else if (!c->runs) { /* if there are some that do not know the threshold, that is said below */
        if (!f->set.unknown)
            verdict_missing(c);
    } else if (compare_is(c, "r2")) {
        c->estimate = c->low = c->high = f->law.r2;
        c->verdict = isnan(f->law.r2)                           ? VERDICT_INCONCLUSIVE
                     : f->law.r2 >= c->published - c->tolerance ? VERDICT_REPRODUCED
                                                                : VERDICT_DEVIATES;
    } else {
        c->estimate = e->value, c->low = e->low, c->high = e->high;
        c->verdict = compare_verdict(e->value, e->low, e->high, c->published, c->tolerance);
        if (c->verdict == VERDICT_INCONCLUSIVE)
            verdict_more_runs(c);
    }
    if (f->set.at_once)
        verdict_at_once(c, f->set.at_once);
    if (f->set.unknown) {
        verdict_unknown(c, f->set.unknown);
    } else if (f->set.diverged) {
        verdict_doubt(c);
        verdict_say(c, "%zu more runs diverged and are left out: a smaller lr", f->set.diverged);
    }
    if (f->rc == OK)
        TRY(show(a, &(struct compare_evidence){.claim = c, .set = &f->set, .law = &f->law}));
done:
    return rc;
}

/* ---- runs ---- */

struct runs {
    struct monomial product;
    struct run_flow *tools; /* owned: if the product needs them */
    double threshold;
    char read_at[READING_TEXT];     /* what that is in words, of the last run */
    size_t n, undefined, allocated; /* runs with a value, and without: censored, diverged, no such prediction .. */
    size_t unknown, cut;            /* .. and among those: did not record the threshold, did not emerge */
    size_t at_once, late;           /* left out: over the threshold from the start, or at the first evaluation */
    struct seeded {
        int64_t seed, id;
        double x;
    } * list; /* owned */
};

static enum status add_run(struct runs *r, const struct store_row *row, double x)
{
    if (!isfinite(x)) {
        r->undefined++;
        r->cut += row->result.state != RUN_EMERGED;
        return OK;
    }
    enum status rc = list_room(&r->list, r->n, &r->allocated, sizeof *r->list, "runs");
    if (rc == OK)
        r->list[r->n++] = (struct seeded){(int64_t)row->result.keys.value[KEY_seed], row->id, x};
    return rc;
}

static enum status visit(void *context, const struct store_row *row)
{
    struct runs *r = context;
    struct result read = row->result;
    bool known;
    enum status rc = reading_at(r->tools, r->threshold, &read, &known);
    if (rc != OK)
        return rc;
    reading_text(&read.keys, READING_OWN, r->read_at);
    double x = monomial_value(&r->product, &read);
    const bool late = result_is_late(&read, read.plateau);
    if (monomial_reads_plateau(&r->product) && (read.plateau == 0 || late)) {
        r->at_once += !late;
        r->late += late;
        return OK;
    }
    r->unknown += !known && !isfinite(x);
    return add_run(r, row, x);
}

/* Every run inside the band? The estimate is the run furthest from the published value. */
static void judge_each(const struct runs *r, struct claim *c)
{
    c->low = INFINITY, c->high = -INFINITY;
    for (size_t i = 0; i < r->n; i++) {
        c->low = fmin(c->low, r->list[i].x);
        c->high = fmax(c->high, r->list[i].x);
    }
    c->estimate = fabs(c->low - c->published) > fabs(c->high - c->published) ? c->low : c->high;
    bool inside = c->low >= c->published - c->tolerance && c->high <= c->published + c->tolerance;
    c->verdict = inside ? VERDICT_REPRODUCED : VERDICT_DEVIATES;
}

static int by_seed(const void *a, const void *b)
{
    const struct seeded *p = a, *q = b;
    return (p->seed > q->seed) - (p->seed < q->seed);
}

/* Runs of a seed share random numbers, so the mean of each seed is one observation; of runs with a single seed, each
 * run is. */
static size_t average_seeds(struct runs *r, double *means)
{
    size_t seeds = 0, count = 0;
    qsort(r->list, r->n, sizeof *r->list, by_seed);
    for (size_t i = 0; i < r->n; i++) {
        bool fresh = i == 0 || r->list[i].seed != r->list[i - 1].seed || r->list[0].seed == r->list[r->n - 1].seed;
        seeds += fresh;
        count = fresh ? 1 : count + 1;
        means[seeds - 1] = fresh ? r->list[i].x : means[seeds - 1] + (r->list[i].x - means[seeds - 1]) / (double)count;
    }
    return seeds;
}

/* The mean over seeds and its interval (none for a single observation). */
static enum status estimate_mean(struct runs *r, struct claim *c)
{
    double *means = calloc(r->n, sizeof *means);
    if (!means)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", r->n);
    size_t n = average_seeds(r, means);
    c->estimate = gsl_stats_mean(means, 1, n);
    if (n >= 2) {
        double half =
            gsl_cdf_tdist_Pinv(0.5 + CONFIDENCE / 2, (double)n - 1) * gsl_stats_sd(means, 1, n) / sqrt((double)n);
        c->low = c->estimate - half, c->high = c->estimate + half;
    } else {
        verdict_say(c, "one run has no interval: it takes two seeds at least");
    }
    free(means);
    return OK;
}

static enum status judge_mean(struct runs *r, struct claim *c)
{
    enum status rc = estimate_mean(r, c);
    c->verdict = compare_verdict(c->estimate, c->low, c->high, c->published, c->tolerance);
    if (c->verdict == VERDICT_INCONCLUSIVE && !isnan(c->low))
        verdict_more_runs(c);
    return rc;
}

static enum status judge_runs(struct runs *r, struct claim *c)
{
    enum status rc = OK;
    c->runs = r->n;
    memcpy(c->read_at, r->read_at, sizeof c->read_at);
    if (!r->n && !r->undefined && !r->at_once && !r->late)
        verdict_missing(c);
    else if (r->n && compare_is(c, "mean"))
        rc = judge_mean(r, c);
    else if (r->n)
        judge_each(r, c);
    if (r->at_once)
        verdict_at_once(c, r->at_once);
    if (r->unknown) {
        verdict_unknown(c, r->unknown);
    } else if (r->late) {
        verdict_late(c, r->late);
    } else if (r->undefined) {
        verdict_doubt(c);
        verdict_say(c, "%zu of %zu runs have no %.60s; %s", r->undefined, r->n + r->undefined, c->of,
                    r->cut ? "some did not emerge: a larger cap (steps) may give it"
                           : "it is not defined or was not stored for such runs");
    }
    return rc;
}

/* What each run gave, exp'ed for ratios. */
static enum status show_runs(const struct audience *a, const struct seeded *list, size_t n, bool logarithms,
                             const struct claim *c)
{
    enum status rc = OK;
    struct compare_value *runs = a->witness && n ? calloc(n, sizeof *runs) : NULL;
    if (!a->witness || !n)
        return OK;
    REQUIRE(runs, ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t i = 0; i < n; i++)
        runs[i] = (struct compare_value){list[i].id, logarithms ? exp(list[i].x) : list[i].x};
    TRY(show(a, &(struct compare_evidence){.claim = c, .n = n, .runs = runs}));
done:
    free(runs);
    return rc;
}

static enum status measure_runs(struct store *store, const struct store_filter *filter, const struct audience *a,
                                struct claim *c)
{
    struct runs r = {.threshold = threshold_of(c)};
    enum status rc = monomial_parse(c->of, &r.product);
    if (rc == OK && monomial_expects(&r.product))
        rc = run_flow_create(&r.tools);
    if (rc == OK)
        rc = selection_each(store, filter, compare_best(c), r.threshold, visit, &r);
    if (rc == OK)
        rc = judge_runs(&r, c);
    if (rc == OK)
        rc = show_runs(a, r.list, r.n, false, c);
    run_flow_free(r.tools);
    free(r.list);
    return rc;
}

/* ---- pairs of runs ---- */

/* At least published - tolerance? */
static void judge_least(struct claim *c)
{
    const double least = c->published - c->tolerance;
    if (!isnan(c->low))
        c->verdict = c->low >= least ? VERDICT_REPRODUCED : c->high < least ? VERDICT_DEVIATES : VERDICT_INCONCLUSIVE;
    if (c->verdict == VERDICT_INCONCLUSIVE && !*c->why)
        verdict_say(c, "the interval of %zu pairs of runs contains %g; more seeds or a larger grid would narrow it",
                    c->runs, least);
}

/* A geometric mean of ratios, so its interval is that of a mean of logarithms. */
static enum status judge_speedup(const struct contrast *pairs, const struct audience *a, struct claim *c)
{
    struct runs r = {.n = pairs->n};
    if (!(r.list = calloc(pairs->n, sizeof *r.list)))
        return error_set(ERR_MEMORY, "out of memory for %zu runs", pairs->n);
    for (size_t i = 0; i < pairs->n; i++) {
        const struct contrast_pair *p = &pairs->pairs[i];
        r.list[i] = (struct seeded){keys_integer(&p->keys, KEY_seed), p->id, p->log_ratio};
        r.cut += p->cut;
    }
    enum status rc = estimate_mean(&r, c);
    c->estimate = exp(c->estimate), c->low = exp(c->low), c->high = exp(c->high);
    judge_least(c);
    if (r.cut && c->verdict == VERDICT_DEVIATES) {
        c->verdict = VERDICT_INCONCLUSIVE;
        verdict_say(
            c, "%zu of %zu runs were cut off before they emerged: the ratio may be larger; a larger cap (steps) tells",
            r.cut, r.n);
    }
    if (rc == OK)
        rc = show_runs(a, r.list, r.n, true, c);
    free(r.list);
    return rc;
}

/* A power law of the ratios, and of it the exponent of the first regressor; the others are held. */
static enum status judge_gain(const struct contrast *pairs, const struct audience *a, struct claim *c)
{
    enum status rc = OK;
    struct dataset set;
    struct power_law law = {0};
    TRY(dataset_init(c->on, threshold_of(c), &set));
    for (size_t i = 0; i < pairs->n; i++) {
        const struct contrast_pair *p = &pairs->pairs[i];
        const struct store_row row = {.id = p->id,
                                      .result = {.keys = p->keys, .state = p->cut ? RUN_CENSORED : RUN_EMERGED}};
        TRY(dataset_row(&set, &row, exp(p->log_ratio), p->cut));
    }
    rc = power_law_fit(&set.data, CONFIDENCE, &law);
    if (rc == OK) {
        c->estimate = law.exponent[0].value, c->low = law.exponent[0].low, c->high = law.exponent[0].high;
        judge_least(c);
        TRY(show(a, &(struct compare_evidence){.claim = c, .set = &set, .law = &law}));
    } else if (rc == ERR_INPUT) {
        verdict_say(c, "%s", error_message());
        rc = OK;
    }
done:
    power_law_free(&law);
    dataset_free(&set);
    return rc;
}

static enum status measure_pairs(struct store *store, const struct store_filter *filter, const struct audience *a,
                                 struct claim *c)
{
    enum status rc = OK;
    struct contrast pairs = {0};
    struct grid change = {0};
    const struct contrast_request request = {.before = *filter,
                                             .change = &change,
                                             .at = threshold_of(c),
                                             .best = compare_best(c),
                                             .column = *c->response ? c->response : NULL};
    TRY(add_words(c->of, &change));
    TRY(contrast_measure(store, &request, &pairs));
    c->runs = pairs.n;
    if (pairs.n)
        reading_text(&pairs.pairs[0].keys, request.at, c->read_at);
    if (!pairs.n && !pairs.at_once && !pairs.late)
        verdict_missing(c);
    else if (pairs.n && compare_is(c, "gain"))
        TRY(judge_gain(&pairs, a, c));
    else if (pairs.n)
        TRY(judge_speedup(&pairs, a, c));
    if (pairs.at_once)
        verdict_at_once(c, pairs.at_once);
    if (pairs.late)
        verdict_late(c, pairs.late);
    if (pairs.undefined) {
        verdict_doubt(c);
        verdict_say(c, "%zu runs with %.60s have no plateau length; a larger cap (steps) may give it", pairs.undefined,
                    c->of);
    }
done:
    contrast_free(&pairs);
    grid_free(&change);
    return rc;
}

/* ---- curves ---- */

struct curves {
    struct store *store;
    const char *column; /* or `one-other`: their difference */
    struct runs runs;   /* of which the list is used */
};

static enum status visit_curve(void *context, const struct store_row *row)
{
    struct curves *k = context;
    struct trace t = {0};
    enum status rc = row->has_curve ? store_curve(k->store, row->id, &t) : OK;
    const char *minus = strchr(k->column, '-');
    double x = trace_last(&t, k->column, minus ? (size_t)(minus - k->column) : strlen(k->column));
    if (minus)
        x -= trace_last(&t, minus + 1, strlen(minus + 1));
    trace_free(&t);
    return rc == OK ? add_run(&k->runs, row, x) : rc;
}

static enum status measure_final(struct store *store, const struct store_filter *filter, const struct audience *a,
                                 struct claim *c)
{
    struct curves k = {.store = store, .column = c->of};
    enum status rc = store_each(store, filter, visit_curve, &k);
    if (rc == OK)
        rc = judge_runs(&k.runs, c);
    if (rc == OK)
        rc = show_runs(a, k.runs.list, k.runs.n, false, c);
    free(k.runs.list);
    return rc;
}

/* ---- one flow, keys ---- */

/* Deterministic, so the interval is a point. Of several flows the one furthest in the wrong direction counts. */
static enum status measure_flow(struct grid *grid, struct claim *c)
{
    enum status rc = OK;
    struct keys keys;
    size_t size;
    bool floor = compare_is(c, "floor"), ceiling = compare_is(c, "ceiling"), undefined = false;
    TRY(grid_set(grid, "model", "flow"));
    TRY(grid_size(grid, &size));
    for (size_t i = 0; i < size; i++) {
        double x;
        TRY(grid_at(grid, i, &keys));
        TRY(measure(c->of, &keys, &x));
        undefined = undefined || isnan(x);
        if (i == 0 || (floor     ? x < c->estimate
                       : ceiling ? x > c->estimate
                                 : fabs(x - c->published) > fabs(c->estimate - c->published)))
            c->estimate = x;
        c->low = i ? fmin(c->low, x) : x, c->high = i ? fmax(c->high, x) : x;
    }
    bool good = (ceiling || c->low >= c->published - c->tolerance) && (floor || c->high <= c->published + c->tolerance);
    c->verdict = undefined ? VERDICT_INCONCLUSIVE : good ? VERDICT_REPRODUCED : VERDICT_DEVIATES;
    if (undefined)
        verdict_say(c, "%.60s is not defined there: choose another flow", c->of);
done:
    return rc;
}

/* How many of the defaults in `of` are others here. */
static enum status measure_defaults(const struct grid *grid, struct claim *c)
{
    enum status rc = OK;
    struct keys keys;
    struct grid published = {0};
    struct text other = {0};
    char buffer[32];
    size_t differ = 0;
    TRY(grid_at(grid, 0, &keys));
    TRY(add_words(c->of, &published));
    for (size_t i = 0; i < published.n_order; i++) {
        enum key key = published.order[i];
        if (keys.value[key] == published.values[key][0])
            continue;
        const char *value = isnan(keys.value[key]) ? "(none)" : keys_text(key, keys.value[key], buffer);
        text_addf(&other, "%s%s=%s", differ++ ? ", " : "", keys_name(key), value);
    }
    TRY(text_status(&other));
    c->estimate = c->low = c->high = (double)differ;
    c->verdict = compare_verdict(c->estimate, c->low, c->high, c->published, c->tolerance);
    if (differ)
        verdict_say(c, "here %.190s", other.data);
done:
    grid_free(&published);
    text_free(&other);
    return rc;
}

/* ---- all ---- */

static enum status measure_claim(struct store *store, struct fitted *fitted, const struct audience *a, struct claim *c)
{
    enum status rc = OK;
    struct grid grid = {0};
    struct store_filter filter = {.study = *c->study ? c->study : NULL};
    c->verdict = VERDICT_INCONCLUSIVE;
    TRY(add_words(c->where, &grid));
    enum claim_kind kind = compare_kind(c);
    REQUIRE(!grid.count[KEY_threshold] || kind == CLAIM_FLOW || kind == CLAIM_KEYS, ERR_INPUT,
            "where: threshold=%g: runs are read at any threshold; write at: %g", grid.values[KEY_threshold][0],
            grid.values[KEY_threshold][0]);
    for (int key = 0; key < KEY_COUNT; key++) {
        filter.values[key] = grid.values[key];
        filter.n[key] = grid.count[key];
    }
    filter.bare = kind == CLAIM_FIT || kind == CLAIM_RUNS;
    switch (kind) {
    case CLAIM_FIT:
        TRY(measure_fit(store, &filter, fitted, a, c));
        break;
    case CLAIM_RUNS:
        TRY(measure_runs(store, &filter, a, c));
        break;
    case CLAIM_PAIRS:
        TRY(measure_pairs(store, &filter, a, c));
        break;
    case CLAIM_CURVES:
        TRY(measure_final(store, &filter, a, c));
        break;
    case CLAIM_FLOW:
        TRY(measure_flow(&grid, c));
        break;
    default:
        TRY(measure_defaults(&grid, c));
    }
done:
    grid_free(&grid);
    return rc;
}

enum status compare_watch(struct store *store, struct claims *claims, compare_witness *witness, void *context)
{
    enum status rc = OK;
    struct fitted fitted = {0};
    const struct audience audience = {witness, context};
    for (size_t i = 0; i < claims->n && rc == OK; i++) {
        rc = measure_claim(store, &fitted, &audience, &claims->list[i]);
        if (rc != OK)
            error_prefix(rc, "claim %s", claims->list[i].id);
    }
    fitted_clear(&fitted);
    return rc;
}

enum status compare_run(struct store *store, struct claims *claims)
{
    return compare_watch(store, claims, NULL, NULL);
}
