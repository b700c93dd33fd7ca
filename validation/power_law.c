#include "validation/power_law_solver.h"
#include "base/random.h"
#include <gsl/gsl_math.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = POWER_LAW_K };

/* Rounding error of the logarithm of a length. */
static const double rounding = 1e-14;

/* Over the rows with y or both bounds, which have a y too; NaN when y is constant there, up to rounding. */
static double r_squared(const struct power_law_data *data, const struct power_law_logs *l, const struct power_law *fit)
{
    double mean = 0, rss = 0, tss = 0, n = 0;
    for (size_t i = 0; i < fit->n; i++) {
        if (power_law_is_open(l, i))
            continue;
        double from_mean = log(data->y[i]) - mean;
        mean += from_mean / ++n;
        tss += gsl_pow_2(from_mean) * (n - 1) / n; /* Welford's update */
        rss += gsl_pow_2(fit->residuals[i]);
    }
    return tss > n * gsl_pow_2(rounding) ? 1 - rss / tss : NAN;
}

/* What the public functions start with. On an error l->x and s are to be freed all the same. */
static enum status take_and_solve(const struct power_law_data *data, double confidence, struct power_law_logs *l,
                                  struct power_law_solution *s, struct power_law *fit)
{
    enum status rc = OK;
    REQUIRE(confidence > 0 && confidence < 1, ERR_INPUT,
            "power law: confidence %g is not between 0 and 1 (exclusive); the usual one is 0.95", confidence);
    TRY(power_law_logs_init(data, l));
    TRY(power_law_solve(l, s));
    power_law_take(l, s, confidence, fit);
done:
    return rc;
}

enum status power_law_fit(const struct power_law_data *data, double confidence, struct power_law *fit)
{
    enum status rc = OK;
    struct power_law_logs l = {0};
    struct power_law_solution solution = {0};
    *fit = (struct power_law){0};
    TRY(take_and_solve(data, confidence, &l, &solution, fit));
    fit->residuals = calloc(l.n + 1, sizeof *fit->residuals);
    REQUIRE(fit->residuals, ERR_MEMORY, "power law: no memory for %zu rows", l.n);
    for (size_t i = 0; i < l.n; i++) {
        fit->residuals[i] = -l.x[i * (l.k + 1) + l.k];
        for (size_t j = 0; j < l.k; j++)
            fit->residuals[i] -= l.x[i * (l.k + 1) + j] * power_law_coefficient(fit, j)->value;
    }
    fit->r2 = r_squared(data, &l, fit);
done:
    free(l.x);
    power_law_solution_free(&solution);
    if (rc != OK)
        power_law_free(fit);
    return rc;
}

void power_law_free(struct power_law *fit)
{
    free(fit->residuals);
    *fit = (struct power_law){0};
}

const char *power_law_method_text(enum power_law_method method)
{
    return method == POWER_LAW_TOBIT ? "tobit" : "least squares";
}

struct numbered {
    int64_t cluster;
    size_t row;
};

static int by_cluster(const void *a, const void *b)
{
    const struct numbered *p = a, *q = b;
    return (p->cluster > q->cluster) - (p->cluster < q->cluster);
}

/* Numbers the distinct clusters in increasing order: index[i] is that of row i; rows are their own without clusters.
 * *found: how many there are. */
static enum status number_clusters(const int64_t *cluster, size_t n, size_t *index, size_t *found)
{
    struct numbered *sorted = calloc(n + 1, sizeof *sorted);
    if (!sorted)
        return error_set(ERR_MEMORY, "bootstrap: no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct numbered){cluster ? cluster[i] : (int64_t)i, i};
    qsort(sorted, n, sizeof *sorted, by_cluster);
    *found = 0;
    for (size_t i = 0; i < n; i++) {
        *found += i == 0 || sorted[i].cluster != sorted[i - 1].cluster;
        index[sorted[i].row] = *found - 1;
    }
    free(sorted);
    return OK;
}

/* What is drawn from, and what is drawn. */
struct urn {
    const struct power_law_logs *l;
    const struct power_law_solution *solution;
    size_t n;              /* clusters */
    size_t *index;         /* owned, l->n: the cluster of a row */
    double *grams;         /* owned, n of 1 + m m numbers: of the exact rows of each cluster */
    size_t *drawn, *times; /* owned: how often each of the n clusters, and each other row, was drawn */
};

static void urn_free(struct urn *u)
{
    free(u->index);
    free(u->grams);
    free(u->drawn);
    free(u->times);
}

/* Clusters of the rows by `cluster` (NULL: each its own), and their Gram matrices. */
static enum status urn_fill(struct urn *u, const int64_t *cluster)
{
    const size_t n = u->l->n, m = u->l->k + 1, size = 1 + m * m;
    urn_free(u);
    u->grams = NULL, u->drawn = u->times = NULL;
    u->index = calloc(n + 1, sizeof *u->index);
    enum status rc = u->index ? number_clusters(cluster, n, u->index, &u->n) : ERR_MEMORY;
    if (rc == OK && cluster && u->n < 3)
        return OK; /* not drawn from */
    u->grams = calloc(u->n + 1, size * sizeof *u->grams);
    u->drawn = calloc(u->n + 1, sizeof *u->drawn);
    u->times = calloc(u->l->n_bounded + 1, sizeof *u->times);
    if (rc != OK || !u->grams || !u->drawn || !u->times)
        return error_set(ERR_MEMORY, "bootstrap: no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        if (power_law_is_exact(u->l, i))
            power_law_gram_add(u->grams + u->index[i] * size, u->solution->rows + i * m, m);
    }
    return OK;
}

/* Draws as many clusters as there are, with replacement; overwrites *total with the sum of their Gram matrices. */
static void urn_draw(struct urn *u, const struct stream *stream, double *total)
{
    const size_t size = 1 + (u->l->k + 1) * (u->l->k + 1);
    memset(u->drawn, 0, u->n * sizeof *u->drawn);
    memset(total, 0, size * sizeof *total);
    for (size_t i = 0; i < u->n; i++) {
        size_t one = (size_t)(random_uniform(stream, (uint32_t)i) * (double)u->n);
        u->drawn[one < u->n ? one : u->n - 1]++; /* u n may round up to n */
    }
    for (size_t c = 0; c < u->n; c++) {
        for (size_t j = 0; u->drawn[c] && j < size; j++)
            total[j] += (double)u->drawn[c] * u->grams[c * size + j];
    }
    for (size_t i = 0, bounded = 0; i < u->l->n; i++) {
        if (!power_law_is_exact(u->l, i))
            u->times[bounded++] = u->drawn[u->index[i]];
    }
}

/* samples[j * replicates + r]: coefficient j of the r-th replicate that could be fitted. */
static enum status fit_replicates(struct urn *u, size_t replicates, uint64_t seed, double *samples,
                                  struct power_law_bootstrap *out)
{
    for (size_t r = 0; r < replicates; r++) {
        struct stream stream = {.seed = seed, .purpose = PURPOSE_BOOTSTRAP, .step = (uint32_t)r};
        double total[POWER_LAW_GRAM], beta[K];
        urn_draw(u, &stream, total);
        if (power_law_resolve(u->l, u->solution, total, u->times, beta) != OK)
            continue; /* this draw does not determine the law */
        for (size_t j = 0; j < u->l->k; j++)
            samples[j * replicates + out->fitted] = beta[j];
        out->fitted++;
    }
    out->skipped = replicates - out->fitted;
    if (2 * out->fitted >= replicates)
        return OK;
    return error_set(ERR_INPUT, "bootstrap: only %zu of %zu resamples of %zu %s can be fitted; add runs", out->fitted,
                     replicates, u->n, out->resampling == POWER_LAW_CLUSTERS ? "seeds" : "rows");
}

static struct power_law_estimate by_percentiles(double value, double *sample, size_t n, double confidence)
{
    gsl_sort(sample, 1, n);
    return (struct power_law_estimate){value, gsl_stats_sd(sample, 1, n),
                                       gsl_stats_quantile_from_sorted_data(sample, 1, n, 0.5 - confidence / 2),
                                       gsl_stats_quantile_from_sorted_data(sample, 1, n, 0.5 + confidence / 2)};
}

enum status power_law_bootstrap(const struct power_law_data *data, size_t replicates, uint64_t seed, double confidence,
                                struct power_law_bootstrap *out)
{
    enum status rc = OK;
    struct power_law_logs l = {0};
    struct power_law_solution solution = {0};
    struct power_law fit = {0};
    struct urn urn = {.l = &l, .solution = &solution};
    double *samples = NULL;
    *out = (struct power_law_bootstrap){0};
    TRY(take_and_solve(data, confidence, &l, &solution, &fit));
    double least = ceil(2 / (1 - confidence) - 1e-9); /* one in each tail; 1 - 0.95 is a little more than 1/20 */
    REQUIRE((double)replicates >= least && replicates <= UINT32_MAX, ERR_INPUT,
            "bootstrap: %zu replicates; confidence %g needs at least %.0f (one in each tail), 2000 are usual",
            replicates, confidence, least);
    samples = calloc(replicates + 1, K * sizeof *samples);
    REQUIRE(samples, ERR_MEMORY, "bootstrap: no memory for %zu replicates", replicates);
    TRY(urn_fill(&urn, data->cluster));
    out->n_clusters = urn.n;
    out->resampling = data->cluster && urn.n >= 3 ? POWER_LAW_CLUSTERS : POWER_LAW_ROWS;
    if (data->cluster && out->resampling == POWER_LAW_ROWS)
        TRY(urn_fill(&urn, NULL));
    TRY(fit_replicates(&urn, replicates, seed, samples, out));
    for (size_t j = 0; j < l.k; j++)
        *(j ? &out->exponent[j - 1] : &out->log_constant) =
            by_percentiles(power_law_coefficient(&fit, j)->value, samples + j * replicates, out->fitted, confidence);
    out->constant =
        (struct power_law_estimate){exp(out->log_constant.value), exp(out->log_constant.value) * out->log_constant.se,
                                    exp(out->log_constant.low), exp(out->log_constant.high)};
done:
    free(samples);
    urn_free(&urn);
    free(l.x);
    power_law_solution_free(&solution);
    return rc;
}

enum status power_law_compare(const struct power_law_data *forms, size_t n_forms, struct power_law_rank *ranks)
{
    enum status rc = OK;
    struct power_law fit = {0};
    double best = INFINITY, sum = 0;
    for (size_t i = 0; i < n_forms; i++) {
        size_t p = forms[i].n_x + 2;
        REQUIRE(forms[i].n == forms->n && forms[i].y == forms->y && forms[i].censored == forms->censored &&
                    forms[i].low == forms->low && forms[i].high == forms->high,
                ERR_INPUT, "form %zu: AICc compares forms on the same rows; give all the n, y and censored of form 1",
                i + 1);
        power_law_free(&fit);
        rc = power_law_fit(&forms[i], 0.95, &fit);
        if (rc != OK)
            return error_prefix(rc, "form %zu", i + 1);
        REQUIRE(isfinite(fit.aicc), ERR_INPUT,
                "form %zu: AICc of %zu parameters (with sigma) needs %zu uncensored rows, not %zu; add runs", i + 1, p,
                p + 2, fit.dof + forms[i].n_x + 1);
        ranks[i] = (struct power_law_rank){p, fit.constant.value, fit.r2, fit.log_likelihood, fit.aicc, 0, 0};
        best = fmin(best, fit.aicc);
    }
    for (size_t i = 0; i < n_forms; i++) {
        ranks[i].delta = ranks[i].aicc - best;
        ranks[i].weight = exp(-ranks[i].delta / 2);
        sum += ranks[i].weight;
    }
    for (size_t i = 0; i < n_forms; i++)
        ranks[i].weight /= sum;
done:
    power_law_free(&fit);
    return rc;
}

/* Fits the rows of `from` that are kept, on its columns columns[0..k). */
static enum status refit(const struct power_law_logs *from, const size_t *kept, size_t k, const size_t *columns,
                         double confidence, struct power_law *fit)
{
    enum status rc = OK;
    struct power_law_logs l = {0};
    struct power_law_solution solution = {0};
    size_t n = 0, row = 0;
    for (size_t i = 0; i < from->n; i++)
        n += kept[i];
    TRY(power_law_logs_allocate(n, k, &l));
    for (size_t j = 0; j < k; j++)
        l.names[j] = from->names[columns[j]];
    for (size_t i = 0; i < from->n; i++) {
        if (!kept[i])
            continue;
        const double *x = from->x + i * (from->k + 1);
        for (size_t j = 0; j < k; j++)
            l.x[row * (k + 1) + j] = x[columns[j]];
        l.x[row * (k + 1) + k] = x[from->k];
        l.bounds[row] = from->bounds[i];
        l.n_bounded += !power_law_is_exact(&l, row);
        l.n_open += power_law_is_open(&l, row++);
    }
    TRY(power_law_solve(&l, &solution));
    power_law_take(&l, &solution, confidence, fit);
done:
    free(l.x);
    power_law_solution_free(&solution);
    return rc;
}

/* The exponent of column j over the rows with low <= its logarithm <= high; *e stays NaN if they do not determine it.
 * kept: storage for n numbers. */
static enum status fit_end(const struct power_law_logs *l, size_t j, double low, double high, double confidence,
                           size_t *kept, struct power_law_estimate *e, size_t *n)
{
    struct power_law fit = {0};
    size_t columns[K] = {0, j}, k = 2;
    for (size_t i = 0; i < l->n; i++) {
        double value = l->x[i * (l->k + 1) + j];
        kept[i] = value >= low && value <= high;
        *n += kept[i];
    }
    for (size_t i = 1; i < l->k; i++)
        if (i != j && !power_law_is_constant(l, kept, i))
            columns[k++] = i;
    enum status rc = refit(l, kept, k, columns, confidence, &fit);
    if (rc == OK)
        *e = fit.exponent[0];
    return rc == ERR_INPUT ? OK : rc;
}

/* Sorts v and keeps one of each run of values equal to 1e-12; returns how many are left. */
static size_t distinct(double *v, size_t n)
{
    size_t m = 0;
    gsl_sort(v, 1, n);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || v[i] - v[m - 1] > 1e-12)
            v[m++] = v[i];
    return m;
}

static enum status fit_ends(const struct power_law_logs *l, const double *x, size_t j, double confidence,
                            struct power_law_ends *ends)
{
    enum status rc = OK;
    const struct power_law_estimate none = {NAN, NAN, NAN, NAN};
    double *values = calloc(l->n + 1, sizeof *values);
    size_t *kept = calloc(l->n + 1, sizeof *kept);
    *ends = (struct power_law_ends){.low = none, .high = none, .low_to = NAN, .high_from = NAN};
    REQUIRE(values && kept, ERR_MEMORY, "power law: no memory for %zu rows", l->n);
    for (size_t i = 0; i < l->n; i++)
        values[i] = l->x[i * (l->k + 1) + j];
    size_t m = distinct(values, l->n), end = m > 6 ? (m + 2) / 3 : 2;
    if (m < 3)
        goto done;
    for (size_t i = 0; i < l->n; i++) { /* the values themselves: exp of their logarithms would be rounded */
        double log_x = l->x[i * (l->k + 1) + j];
        ends->low_to = log_x == values[end - 1] ? x[i * (l->k - 1) + j - 1] : ends->low_to;
        ends->high_from = log_x == values[m - end] ? x[i * (l->k - 1) + j - 1] : ends->high_from;
    }
    TRY(fit_end(l, j, -INFINITY, values[end - 1] + 1e-12, confidence, kept, &ends->low, &ends->n_low));
    TRY(fit_end(l, j, values[m - end], INFINITY, confidence, kept, &ends->high, &ends->n_high));
done:
    free(values);
    free(kept);
    return rc;
}

enum status power_law_local(const struct power_law_data *data, double confidence, struct power_law_ends *ends)
{
    enum status rc = OK;
    struct power_law_logs l = {0};
    struct power_law_solution solution = {0};
    struct power_law fit = {0};
    TRY(take_and_solve(data, confidence, &l, &solution, &fit));
    for (size_t j = 1; j < l.k; j++)
        TRY(fit_ends(&l, data->x, j, confidence, &ends[j - 1]));
done:
    free(l.x);
    power_law_solution_free(&solution);
    return rc;
}
