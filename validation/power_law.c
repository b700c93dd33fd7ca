#include "power_law.h"
#include "random.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Most coefficients (log C and the exponents) and most parameters (those and sigma). */
enum { K = POWER_LAW_MAX + 1, M = K + 1 };

/* A column counts as a combination of those before it when what they leave of it is below this part of its norm. */
static const double collinear = 1e-10;
/* Rounding error of the logarithm of a length, and of sums of a few: residuals below it are no noise. */
static const double rounding = 1e-14;

/* The data on logarithms. Row i of x is (1, log x_1, .., log x_m, -target), target = log y - log f: with the residual
 * on the right it reads  -row.(beta, 1) = target - z.beta. */
struct logs {
    size_t n, k, n_censored; /* rows; coefficients; rows with a lower bound only */
    const char *names[K];    /* of the columns from 1 on; borrowed from the caller's data */
    double *x;               /* owned, n x (k + 1) */
    bool *censored;          /* n, in the allocation of x */
};

/* log C or the exponent of column j. */
static struct power_law_estimate *coefficient(struct power_law *fit, size_t j)
{
    return j ? &fit->exponent[j - 1] : &fit->log_constant;
}

static enum status solver(int gsl_code, const char *what)
{
    return gsl_code == GSL_SUCCESS ? OK : error_set(ERR_SOLVER, "power law, %s: %s", what, gsl_strerror(gsl_code));
}

static enum status memory(const void *pointer, size_t n)
{
    return pointer ? OK : error_set(ERR_MEMORY, "power law: no memory for %zu rows", n);
}

/* To be undone with free(l->x), also when a function that calls this fails later. */
static enum status logs_allocate(size_t n, size_t k, struct logs *l)
{
    *l = (struct logs){.n = n, .k = k, .x = calloc(n + 1, (k + 1) * sizeof *l->x + sizeof *l->censored)};
    l->censored = l->x ? (void *)(l->x + n * (k + 1)) : NULL;
    return memory(l->x, n);
}

/* The logarithm of a value of row i; `remedy` completes the message when there is none. */
static enum status take_log(double value, size_t i, const char *name, const char *remedy, double *out)
{
    if (!(isfinite(value) && value > 0))
        return error_set(ERR_INPUT, "power law, row %zu: %s = %g is not positive and finite, so has no logarithm; %s",
                         i + 1, name, value, remedy);
    *out = log(value);
    return OK;
}

static enum status logs_init(const struct power_law_data *data, struct logs *l)
{
    enum status rc = OK;
    REQUIRE(data->n_x <= POWER_LAW_MAX, ERR_INPUT, "power law: %zu regressors; at most %d are fitted: leave some out",
            data->n_x, POWER_LAW_MAX);
    TRY(logs_allocate(data->n, data->n_x + 1, l));
    for (size_t j = 1; j < l->k; j++)
        l->names[j] = data->names[j - 1];
    for (size_t i = 0; i < l->n; i++) {
        double log_y = 0, log_f = 0, *row = l->x + i * (l->k + 1);
        TRY(take_log(data->y[i], i, "the length", "leave it out, or mark a run cut off as censored", &log_y));
        TRY(take_log(data->factor ? data->factor[i] : 1, i, "the factor", "use a form that is defined there", &log_f));
        row[0] = 1;
        for (size_t j = 1; j < l->k; j++)
            TRY(take_log(data->x[i * data->n_x + j - 1], i, l->names[j],
                         "leave it out, or regress on a combination that is positive everywhere", &row[j]));
        row[l->k] = log_f - log_y;
        l->censored[i] = data->censored && data->censored[i];
        l->n_censored += l->censored[i];
    }
done:
    return rc;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* True if column j has one value over the uncensored rows (those with times[i] > 0, if times is given). */
static bool is_constant(const struct logs *l, const size_t *times, size_t j)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < l->n; i++) {
        if (l->censored[i] || (times && !times[i]))
            continue;
        low = fmin(low, l->x[i * (l->k + 1) + j]);
        high = fmax(high, l->x[i * (l->k + 1) + j]);
    }
    return high - low <= collinear * fmax(1, fabs(high));
}

/* In X = QR |R_jj| is the norm of what columns 0 .. j-1 leave of column j. */
static enum status check_rank(const struct logs *l, const gsl_matrix *r)
{
    enum status rc = OK;
    for (size_t j = 1; j < l->k; j++) {
        gsl_vector_const_view column = gsl_matrix_const_subcolumn(r, j, 0, j + 1);
        double norm = fmax(gsl_blas_dnrm2(&column.vector), sqrt((double)r->size1));
        const char *why = is_constant(l, NULL, j) ? "has one value" : "is a product of powers of those before it";
        REQUIRE(fabs(gsl_matrix_get(r, j, j)) > collinear * norm, ERR_INPUT,
                "power law: regressor %s %s in all %zu uncensored rows, so it has no exponent of its own; leave it out "
                "or add runs in which it differs",
                l->names[j], why, r->size1);
    }
done:
    return rc;
}

/* Least squares over the N uncensored rows: X = QR with the target as the last column of X, so that |R_kk|^2 is the
 * residual sum of squares. Overwrites w[(k+1) x (k+1)] with sqrt(N) R^-1, the last column signed to make w_kk positive.
 * The rows of X w are white: over the uncensored rows their Gram matrix is N, and their last column is -residual/rms.
 * *exact: no noise above rounding, and then the rms is taken to be the rounding. */
static enum status whiten(const struct logs *l, double *w, bool *exact)
{
    enum status rc = OK;
    const size_t k = l->k, m = k + 1, n = l->n - l->n_censored;
    double tau[M];
    gsl_vector_view tau_view = gsl_vector_view_array(tau, m);
    gsl_matrix_view inverse = gsl_matrix_view_array(w, m, m);
    gsl_matrix *r = NULL;
    REQUIRE(
        n > k, ERR_INPUT,
        "power law: %zu of %zu rows are uncensored, and %zu coefficients (constant and exponents) need at least %zu; "
        "add runs, raise the step cap or leave out a regressor",
        n, l->n, k, k + 1);
    r = gsl_matrix_alloc(n, m);
    TRY(memory(r, n));
    for (size_t i = 0, row = 0; i < l->n; i++)
        if (!l->censored[i])
            memcpy(gsl_matrix_ptr(r, row++, 0), l->x + i * m, m * sizeof *l->x);
    TRY(solver(gsl_linalg_QR_decomp(r, &tau_view.vector), "QR decomposition"));
    TRY(check_rank(l, r));
    double rms = fabs(gsl_matrix_get(r, k, k)) / sqrt((double)n);
    *exact = rms <= rounding;
    gsl_matrix_set(r, k, k, fmax(rms, rounding) * sqrt((double)n));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            gsl_matrix_set(&inverse.matrix, i, j, j < i ? 0 : gsl_matrix_get(r, i, j) / sqrt((double)n));
    TRY(solver(gsl_linalg_tri_invert(CblasUpper, CblasNonUnit, &inverse.matrix), "inverse of R"));
done:
    gsl_matrix_free(r);
    return rc;
}

/* log Q(e), lambda = phi(e)/Q(e) and lambda (lambda - e); NaN if GSL fails, which the maximisation reports. */
static double upper_tail(double e, double *hazard, double *curvature)
{
    gsl_sf_result log_erfc, lambda = {0};
    int code = gsl_sf_log_erfc_e(e / M_SQRT2, &log_erfc);
    if (code == GSL_SUCCESS && e > -30) /* further down lambda < 1e-190, and GSL would report an underflow */
        code = gsl_sf_hazard_e(e, &lambda);
    *hazard = lambda.val;
    *curvature = lambda.val * (lambda.val - e);
    return code == GSL_SUCCESS ? log_erfc.val - M_LN2 : NAN;
}

/* The likelihood in Olsen's parameters p = (beta/sigma, 1/sigma), in which it is concave everywhere. With rows a_i as
 * in struct logs, e_i = -a_i.p is the standardised residual; gamma = 1/sigma, lambda is the hazard: log L         =
 * sum_u (log gamma - (e^2 + log 2 pi)/2) + sum_c log Q(e) gradient      = (0, N/gamma)       + sum_u e a         +
 * sum_c lambda a minus Hessian = diag(0, N/gamma^2) + sum_u a a'        + sum_c lambda (lambda - e) a a' Returns log L;
 * overwrites gradient[k+1] and information[(k+1) x (k+1)] (minus the Hessian), unless they are NULL. */
static double tobit_evaluate(const struct logs *l, const double *rows, const double *p, double *gradient,
                             double *information)
{
    const size_t m = l->k + 1;
    const double gamma = p[m - 1], n = (double)(l->n - l->n_censored);
    double sum = n * (log(gamma) - (M_LNPI + M_LN2) / 2);
    if (gradient) {
        memset(gradient, 0, m * sizeof *gradient);
        memset(information, 0, m * m * sizeof *information);
        gradient[m - 1] = n / gamma;
        information[m * m - 1] = n / (gamma * gamma);
    }
    for (size_t i = 0; i < l->n; i++) {
        const double *a = rows + i * m, e = -dot(a, p, m);
        double slope = e, curvature = 1;
        sum += l->censored[i] ? upper_tail(e, &slope, &curvature) : -e * e / 2;
        for (size_t j = 0; gradient && j < m; j++) {
            gradient[j] += slope * a[j];
            for (size_t q = 0; q < m; q++)
                information[j * m + q] += curvature * a[j] * a[q];
        }
    }
    return sum;
}

/* The longest step 1, 1/2, 1/4 .. along d that raises log L as its slope there promises (Armijo); 0 if none does. */
static double step_along(const double *d, const struct logs *l, const double *rows, const double *p, double slope)
{
    const double log_l = tobit_evaluate(l, rows, p, NULL, NULL);
    double trial[M], step = d[l->k] < 0 ? fmin(1, -0.9 * p[l->k] / d[l->k]) : 1; /* gamma stays positive */
    for (int halvings = 0; halvings < 60; halvings++, step /= 2) {
        for (size_t j = 0; j <= l->k; j++)
            trial[j] = p[j] + step * d[j];
        if (tobit_evaluate(l, rows, trial, NULL, NULL) >= log_l + 1e-4 * step * slope)
            return step;
    }
    return 0;
}

/* Newton's method from p; overwrites p with the maximum and covariance with the inverse information there. g' H^-1 g is
 * the squared distance to the maximum in standard errors: below 1e-4 full steps converge quadratically (and log L does
 * not resolve them), below 1e-18 we are there. */
static enum status tobit_maximise(const struct logs *l, const double *rows, double *p, double *covariance)
{
    enum status rc = OK;
    const size_t m = l->k + 1;
    double gradient[M], direction[M];
    gsl_matrix_view information = gsl_matrix_view_array(covariance, m, m);
    gsl_vector_view g = gsl_vector_view_array(gradient, m), d = gsl_vector_view_array(direction, m);
    for (int iteration = 0; iteration < 200; iteration++) {
        tobit_evaluate(l, rows, p, gradient, covariance);
        TRY(solver(gsl_linalg_cholesky_decomp1(&information.matrix), "Tobit information"));
        TRY(solver(gsl_linalg_cholesky_solve(&information.matrix, &g.vector, &d.vector), "Tobit step"));
        double decrement = dot(gradient, direction, m);
        if (decrement < 1e-18) {
            TRY(solver(gsl_linalg_cholesky_invert(&information.matrix), "Tobit covariance"));
            goto done;
        }
        double step = decrement < 1e-4 ? 1 : step_along(direction, l, rows, p, decrement);
        REQUIRE(step > 0, ERR_SOLVER, "power law, Tobit: no step raises the likelihood (decrement %g)", decrement);
        for (size_t j = 0; j < m; j++)
            p[j] += step * direction[j];
    }
    rc = error_set(ERR_SOLVER, "power law, Tobit: no convergence in 200 Newton steps");
done:
    return rc;
}

/* value +- se with its interval by Student's t. */
static struct power_law_estimate by_student(double value, double se, const struct power_law *fit, double confidence)
{
    double half = se * gsl_cdf_tdist_Pinv(0.5 + confidence / 2, (double)fit->dof);
    return (struct power_law_estimate){value, se, value - half, value + half};
}

/* C from log C: an interval stays one under exp, the standard error is that of the linearisation. */
static struct power_law_estimate exponential(struct power_law_estimate e)
{
    return (struct power_law_estimate){exp(e.value), exp(e.value) * e.se, exp(e.low), exp(e.high)};
}

/* All of the fit but residuals and R^2, from the white parameters p: w p = (beta/sigma, 1/sigma). Variances of beta by
 * the delta method, c' V c with c_i = d beta_j/d p_i = sigma (w_ji - beta_j w_ki), with the correction for dof. */
static void take_fit(const struct logs *l, const double *w, const double *p, const double *covariance,
                     double confidence, struct power_law *fit)
{
    const size_t k = l->k, m = k + 1, n = l->n - l->n_censored;
    const double q = (double)m, left = (double)n - q - 1; /* parameters, with sigma */
    double olsen[M] = {0};
    *fit = (struct power_law){.n = l->n, .n_censored = l->n_censored, .n_x = k - 1, .dof = n - k};
    fit->method = l->n_censored ? POWER_LAW_TOBIT : POWER_LAW_LEAST_SQUARES;
    const double correction = sqrt((double)n / (double)fit->dof);
    for (size_t j = 0; j < m; j++)
        olsen[j] = dot(w + j * m, p, m);
    for (size_t j = 0; j < k; j++) {
        double c[M], variance = 0, beta = olsen[j] / olsen[k];
        for (size_t i = 0; i < m; i++)
            c[i] = (w[j * m + i] - beta * w[k * m + i]) / olsen[k];
        for (size_t i = 0; i < m; i++)
            variance += c[i] * dot(covariance + i * m, c, m);
        *coefficient(fit, j) = by_student(beta, correction * sqrt(variance), fit, confidence);
    }
    fit->constant = exponential(fit->log_constant);
    fit->sigma = correction / olsen[k];
    fit->log_likelihood = tobit_evaluate(l, l->x, olsen, NULL, NULL);
    fit->aicc = left > 0 ? -2 * fit->log_likelihood + 2 * q + 2 * q * (q + 1) / left : NAN;
}

/* Least squares is the maximum p = (0, .., 0, 1) over the white rows X w, with minus the Hessian N diag(1, .., 1, 2),
 * however small sigma is and however close to collinear the regressors are. Censored rows move it, except that without
 * noise the likelihood grows without bound as sigma -> 0, unless a censored row contradicts the fit. */
static enum status solve(const struct logs *l, double confidence, struct power_law *fit)
{
    enum status rc = OK;
    const size_t m = l->k + 1;
    double w[M * M], p[M] = {0}, covariance[M * M] = {0}, *rows = NULL;
    bool exact = false, moved = false;
    TRY(whiten(l, w, &exact));
    p[l->k] = 1;
    for (size_t j = 0; j < m; j++)
        covariance[j * m + j] = 1 / ((j < l->k ? 1.0 : 2.0) * (double)(l->n - l->n_censored));
    rows = calloc(l->n + 1, m * sizeof *rows);
    TRY(memory(rows, l->n));
    memcpy(rows, l->x, l->n * m * sizeof *rows);
    gsl_matrix_view white = gsl_matrix_view_array(rows, l->n, m), w_view = gsl_matrix_view_array(w, m, m);
    TRY(solver(gsl_blas_dtrmm(CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, 1, &w_view.matrix, &white.matrix),
               "white rows"));
    for (size_t i = 0; i < l->n; i++)
        moved = moved || (l->censored[i] && (!exact || -rows[i * m + l->k] > 1));
    if (moved)
        TRY(tobit_maximise(l, rows, p, covariance));
    take_fit(l, w, p, covariance, confidence, fit);
done:
    free(rows);
    return rc;
}

/* Over the uncensored rows; NaN when y is constant there, up to rounding. */
static double r_squared(const struct power_law_data *data, const struct power_law *fit)
{
    double mean = 0, rss = 0, tss = 0, n = 0;
    for (size_t i = 0; i < fit->n; i++) {
        if (data->censored && data->censored[i])
            continue;
        double from_mean = log(data->y[i]) - mean;
        mean += from_mean / ++n;
        tss += gsl_pow_2(from_mean) * (n - 1) / n; /* Welford's update */
        rss += gsl_pow_2(fit->residuals[i]);
    }
    return tss > n * gsl_pow_2(rounding) ? 1 - rss / tss : NAN;
}

/* What the public functions start with. On an error l->x is to be freed all the same. */
static enum status take_and_solve(const struct power_law_data *data, double confidence, struct logs *l,
                                  struct power_law *fit)
{
    enum status rc = OK;
    REQUIRE(confidence > 0 && confidence < 1, ERR_INPUT,
            "power law: confidence %g is not between 0 and 1 (exclusive); the usual one is 0.95", confidence);
    TRY(logs_init(data, l));
    TRY(solve(l, confidence, fit));
done:
    return rc;
}

enum status power_law_fit(const struct power_law_data *data, double confidence, struct power_law *fit)
{
    enum status rc = OK;
    struct logs l = {0};
    *fit = (struct power_law){0};
    TRY(take_and_solve(data, confidence, &l, fit));
    fit->residuals = calloc(l.n + 1, sizeof *fit->residuals);
    TRY(memory(fit->residuals, l.n));
    for (size_t i = 0; i < l.n; i++) {
        fit->residuals[i] = -l.x[i * (l.k + 1) + l.k];
        for (size_t j = 0; j < l.k; j++)
            fit->residuals[i] -= l.x[i * (l.k + 1) + j] * coefficient(fit, j)->value;
    }
    fit->r2 = r_squared(data, fit);
done:
    free(l.x);
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

/* Numbers the distinct clusters in order of appearance: index[i] is that of row i. Returns how many there are. */
static size_t number_clusters(const int64_t *cluster, size_t n, size_t *index)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (same < i && (!cluster || cluster[same] != cluster[i]))
            same++;
        index[i] = same < i ? index[same] : found++;
    }
    return found;
}

/* Fits row i of `from` times[i] times over, on its columns columns[0..k). */
static enum status refit(const struct logs *from, const size_t *times, size_t k, const size_t *columns,
                         double confidence, struct power_law *fit)
{
    enum status rc = OK;
    struct logs l = {0};
    size_t n = 0, row = 0;
    for (size_t i = 0; i < from->n; i++)
        n += times[i];
    TRY(logs_allocate(n, k, &l));
    for (size_t j = 0; j < k; j++)
        l.names[j] = from->names[columns[j]];
    for (size_t i = 0; i < from->n; i++) {
        const double *x = from->x + i * (from->k + 1);
        for (size_t copy = 0; copy < times[i]; copy++, row++) {
            for (size_t j = 0; j < k; j++)
                l.x[row * (k + 1) + j] = x[columns[j]];
            l.x[row * (k + 1) + k] = x[from->k];
            l.censored[row] = from->censored[i];
            l.n_censored += l.censored[row];
        }
    }
    TRY(solve(&l, confidence, fit));
done:
    free(l.x);
    return rc;
}

/* Draws as many clusters as there are, with replacement: times[i] is how often row i of cluster index[i] was drawn.
 * drawn: storage for n_clusters numbers. */
static void draw(const struct stream *stream, size_t n, const size_t *index, size_t n_clusters, size_t *drawn,
                 size_t *times)
{
    memset(drawn, 0, n_clusters * sizeof *drawn);
    for (size_t i = 0; i < n_clusters; i++) {
        size_t one = (size_t)(random_uniform(stream, (uint32_t)i) * (double)n_clusters);
        drawn[one < n_clusters ? one : n_clusters - 1]++; /* u n may round up to n */
    }
    for (size_t i = 0; i < n; i++)
        times[i] = drawn[index[i]];
}

/* samples[j * replicates + r]: coefficient j of the r-th replicate that could be fitted. index[i]: the cluster of row
 * i, followed by storage for 2 n numbers. */
static enum status fit_replicates(const struct logs *l, size_t n_drawn, size_t *index, size_t replicates, uint64_t seed,
                                  double *samples, struct power_law_bootstrap *out)
{
    size_t *drawn = index + l->n, *times = drawn + l->n, columns[K];
    for (size_t j = 0; j < l->k; j++)
        columns[j] = j;
    for (size_t r = 0; r < replicates; r++) {
        struct stream stream = {.seed = seed, .purpose = PURPOSE_BOOTSTRAP, .step = (uint32_t)r};
        struct power_law fit = {0};
        draw(&stream, l->n, index, n_drawn, drawn, times);
        enum status rc = refit(l, times, l->k, columns, 0.95, &fit);
        if (rc != OK && rc != ERR_INPUT)
            return rc;
        for (size_t j = 0; rc == OK && j < l->k; j++)
            samples[j * replicates + out->fitted] = coefficient(&fit, j)->value;
        out->fitted += rc == OK;
    }
    out->skipped = replicates - out->fitted; /* these draws do not determine the law */
    if (2 * out->fitted >= replicates)
        return OK;
    return error_set(ERR_INPUT, "bootstrap: only %zu of %zu resamples of %zu %s can be fitted; add runs", out->fitted,
                     replicates, n_drawn, out->resampling == POWER_LAW_CLUSTERS ? "seeds" : "rows");
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
    struct logs l = {0};
    struct power_law fit = {0};
    double *samples = NULL;
    size_t *index = NULL, n_drawn;
    *out = (struct power_law_bootstrap){0};
    TRY(take_and_solve(data, confidence, &l, &fit));
    double least = ceil(2 / (1 - confidence) - 1e-9); /* one in each tail; 1 - 0.95 is a little more than 1/20 */
    REQUIRE((double)replicates >= least && replicates <= UINT32_MAX, ERR_INPUT,
            "bootstrap: %zu replicates; confidence %g needs at least %.0f (one in each tail), 2000 are usual",
            replicates, confidence, least);
    index = calloc(l.n + 1, 3 * sizeof *index);
    TRY(memory(index, l.n));
    samples = calloc(replicates + 1, K * sizeof *samples);
    TRY(memory(samples, replicates));
    out->n_clusters = n_drawn = number_clusters(data->cluster, l.n, index);
    out->resampling = data->cluster && n_drawn >= 3 ? POWER_LAW_CLUSTERS : POWER_LAW_ROWS;
    if (out->resampling == POWER_LAW_ROWS)
        n_drawn = number_clusters(NULL, l.n, index);
    TRY(fit_replicates(&l, n_drawn, index, replicates, seed, samples, out));
    for (size_t j = 0; j < l.k; j++)
        *(j ? &out->exponent[j - 1] : &out->log_constant) =
            by_percentiles(coefficient(&fit, j)->value, samples + j * replicates, out->fitted, confidence);
    out->constant = exponential(out->log_constant);
done:
    free(samples);
    free(index);
    free(l.x);
    return rc;
}

enum status power_law_compare(const struct power_law_data *forms, size_t n_forms, struct power_law_rank *ranks)
{
    enum status rc = OK;
    struct power_law fit = {0};
    double best = INFINITY, sum = 0;
    for (size_t i = 0; i < n_forms; i++) {
        size_t p = forms[i].n_x + 2;
        REQUIRE(forms[i].n == forms->n && forms[i].y == forms->y && forms[i].censored == forms->censored, ERR_INPUT,
                "form %zu: AICc compares forms on the same rows; give all the n, y and censored of form 1", i + 1);
        power_law_free(&fit);
        rc = power_law_fit(&forms[i], 0.95, &fit);
        if (rc != OK)
            return error_prefix(rc, "form %zu", i + 1);
        REQUIRE(isfinite(fit.aicc), ERR_INPUT,
                "form %zu: AICc of %zu parameters (with sigma) needs %zu uncensored rows, not %zu; add runs", i + 1, p,
                p + 2, fit.n - fit.n_censored);
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

/* The exponent of column j over the rows with low <= its logarithm <= high; *e stays NaN if they do not determine it.
 * times: storage for n numbers. */
static enum status fit_end(const struct logs *l, size_t j, double low, double high, double confidence, size_t *times,
                           struct power_law_estimate *e, size_t *n)
{
    struct power_law fit = {0};
    size_t columns[K] = {0, j}, k = 2;
    for (size_t i = 0; i < l->n; i++) {
        double value = l->x[i * (l->k + 1) + j];
        times[i] = value >= low && value <= high;
        *n += times[i];
    }
    for (size_t i = 1; i < l->k; i++)
        if (i != j && !is_constant(l, times, i))
            columns[k++] = i;
    enum status rc = refit(l, times, k, columns, confidence, &fit);
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

static enum status fit_ends(const struct logs *l, size_t j, double confidence, struct power_law_ends *ends)
{
    enum status rc = OK;
    const struct power_law_estimate none = {NAN, NAN, NAN, NAN};
    double *values = calloc(l->n + 1, sizeof *values);
    size_t *times = calloc(l->n + 1, sizeof *times);
    *ends = (struct power_law_ends){.low = none, .high = none, .low_to = NAN, .high_from = NAN};
    TRY(memory(values && times ? values : NULL, l->n));
    for (size_t i = 0; i < l->n; i++)
        values[i] = l->x[i * (l->k + 1) + j];
    size_t m = distinct(values, l->n), end = m > 6 ? (m + 2) / 3 : 2;
    if (m < 3)
        goto done;
    ends->low_to = exp(values[end - 1]);
    ends->high_from = exp(values[m - end]);
    TRY(fit_end(l, j, -INFINITY, values[end - 1] + 1e-12, confidence, times, &ends->low, &ends->n_low));
    TRY(fit_end(l, j, values[m - end], INFINITY, confidence, times, &ends->high, &ends->n_high));
done:
    free(values);
    free(times);
    return rc;
}

enum status power_law_local(const struct power_law_data *data, double confidence, struct power_law_ends *ends)
{
    enum status rc = OK;
    struct logs l = {0};
    struct power_law fit = {0};
    TRY(take_and_solve(data, confidence, &l, &fit));
    for (size_t j = 1; j < l.k; j++)
        TRY(fit_ends(&l, j, confidence, &ends[j - 1]));
done:
    free(l.x);
    return rc;
}
