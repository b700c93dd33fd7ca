#include "power_law_solver.h"
#include "room.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = POWER_LAW_K, M = POWER_LAW_M };

/* A column counts as a combination of those before it when what they leave of it is below this part of its norm. */
static const double collinear = 1e-10;
/* Rounding error of the logarithm of a length, and of sums of a few: residuals below it are no noise. */
static const double rounding = 1e-14;
/* A pivot of a Gram matrix below this part of its diagonal is rounding: the column depends on those before it. */
static const double dependent = 1e-12;

struct power_law_estimate *power_law_coefficient(struct power_law *fit, size_t j)
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

enum status power_law_logs_allocate(size_t n, size_t k, struct power_law_logs *l)
{
    *l = (struct power_law_logs){.n = n, .k = k, .x = calloc(n + 1, (k + 1) * sizeof *l->x + sizeof *l->censored)};
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

enum status power_law_logs_init(const struct power_law_data *data, struct power_law_logs *l)
{
    enum status rc = OK;
    REQUIRE(data->n_x <= POWER_LAW_MAX, ERR_INPUT, "power law: %zu regressors; at most %d are fitted: leave some out",
            data->n_x, POWER_LAW_MAX);
    TRY(power_law_logs_allocate(data->n, data->n_x + 1, l));
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

bool power_law_is_constant(const struct power_law_logs *l, const size_t *times, size_t j)
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
static enum status check_rank(const struct power_law_logs *l, const gsl_matrix *r)
{
    enum status rc = OK;
    for (size_t j = 1; j < l->k; j++) {
        gsl_vector_const_view column = gsl_matrix_const_subcolumn(r, j, 0, j + 1);
        double norm = fmax(gsl_blas_dnrm2(&column.vector), sqrt((double)r->size1));
        const char *why =
            power_law_is_constant(l, NULL, j) ? "has one value" : "is a product of powers of those before it";
        REQUIRE(fabs(gsl_matrix_get(r, j, j)) > collinear * norm, ERR_INPUT,
                "power law: regressor %s %s in all %zu uncensored rows, so it has no exponent of its own; leave it out "
                "or add runs in which it differs",
                l->names[j], why, r->size1);
    }
done:
    return rc;
}

/* Least squares over the N uncensored rows: X = QR with the target as the last column of X, so that |R_kk|^2 is the
 * residual sum of squares. Overwrites w with sqrt(N) R^-1, the last column signed to make w_kk positive: the last
 * column of the white rows is -residual/rms. exact: no noise above rounding, and then the rms is taken to be the
 * rounding. */
static enum status whiten(const struct power_law_logs *l, struct power_law_solution *s)
{
    enum status rc = OK;
    const size_t k = l->k, m = k + 1, n = l->n - l->n_censored;
    double tau[M];
    gsl_vector_view tau_view = gsl_vector_view_array(tau, m);
    gsl_matrix_view inverse = gsl_matrix_view_array(s->w, m, m);
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
    s->exact = rms <= rounding;
    s->unit = fmax(rms, rounding);
    gsl_matrix_set(r, k, k, s->unit * sqrt((double)n));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            gsl_matrix_set(&inverse.matrix, i, j, j < i ? 0 : gsl_matrix_get(r, i, j) / sqrt((double)n));
    TRY(solver(gsl_linalg_tri_invert(CblasUpper, CblasNonUnit, &inverse.matrix), "inverse of R"));
done:
    gsl_matrix_free(r);
    return rc;
}

/* log Q(e) and, unless hazard is NULL, lambda = phi(e)/Q(e) and lambda (lambda - e); NaN if GSL fails, which the
 * maximisation reports. */
static double upper_tail(double e, double *hazard, double *curvature)
{
    gsl_sf_result log_erfc, lambda = {0};
    int code = gsl_sf_log_erfc_e(e / M_SQRT2, &log_erfc);
    if (hazard) {
        if (code == GSL_SUCCESS && e > -30) /* further down lambda < 1e-190, and GSL would report an underflow */
            code = gsl_sf_hazard_e(e, &lambda);
        *hazard = lambda.val;
        *curvature = lambda.val * (lambda.val - e);
    }
    return code == GSL_SUCCESS ? log_erfc.val - M_LN2 : NAN;
}

/* A set of rows in the white basis: all of them (times = NULL), or a resample. */
struct sample {
    size_t m, n_censored;
    const double *gram;
    const double *censored; /* n_censored x m */
    const size_t *times;    /* n_censored: how often each was drawn; NULL: once */
};

/* The likelihood in Olsen's parameters p = (beta/sigma, 1/sigma), in which it is concave everywhere. e_i = -a_i.p is
 * the standardised residual; gamma = 1/sigma, lambda is the hazard, G = sum_u a a':
 *     log L         = N (log gamma - log(2 pi)/2) - p'Gp/2   + sum_c log Q(e)
 *     gradient      = (0, N/gamma) - Gp                      + sum_c lambda a
 *     minus Hessian = diag(0, N/gamma^2) + G                 + sum_c lambda (lambda - e) a a'
 * Returns log L; overwrites gradient[m] and information[m x m] (minus the Hessian), unless they are NULL. */
static double evaluate(const struct sample *s, const double *p, double *gradient, double *information)
{
    const size_t m = s->m;
    const double gamma = p[m - 1], n = s->gram[0], *G = s->gram + 1;
    double sum = n * (log(gamma) - (M_LNPI + M_LN2) / 2);
    for (size_t j = 0; j < m; j++) {
        double Gp = dot(G + j * m, p, m);
        sum -= p[j] * Gp / 2;
        if (gradient)
            gradient[j] = -Gp + (j == m - 1 ? n / gamma : 0);
    }
    if (gradient) {
        memcpy(information, G, m * m * sizeof *information);
        information[m * m - 1] += n / (gamma * gamma);
    }
    for (size_t i = 0; i < s->n_censored; i++) {
        const double times = s->times ? (double)s->times[i] : 1, *a = s->censored + i * m;
        double slope, curvature;
        if (times == 0)
            continue;
        sum += times * upper_tail(-dot(a, p, m), gradient ? &slope : NULL, &curvature);
        for (size_t j = 0; gradient && j < m; j++) {
            gradient[j] += times * slope * a[j];
            for (size_t q = 0; q < m; q++)
                information[j * m + q] += times * curvature * a[j] * a[q];
        }
    }
    return sum;
}

/* The longest step 1, 1/2, 1/4 .. along d from p that raises log L as its slope there promises (Armijo); 0 if none
 * does. */
static double step_along(const double *d, const struct sample *s, const double *p, double log_l, double slope)
{
    const size_t last = s->m - 1;
    double trial[M], step = d[last] < 0 ? fmin(1, -0.9 * p[last] / d[last]) : 1; /* gamma stays positive */
    for (int halvings = 0; halvings < 60; halvings++, step /= 2) {
        for (size_t j = 0; j <= last; j++)
            trial[j] = p[j] + step * d[j];
        if (evaluate(s, trial, NULL, NULL) >= log_l + 1e-4 * step * slope)
            return step;
    }
    return 0;
}

/* Newton's method from p; overwrites p with the maximum and covariance[m x m] with the inverse information there. g'
 * H^-1 g is the squared distance to the maximum in standard errors: below 1e-4 full steps converge quadratically (and
 * log L does not resolve them); one below `enough` is the last. */
static enum status maximise(const struct sample *s, double enough, double *p, double *covariance)
{
    enum status rc = OK;
    const size_t m = s->m;
    double gradient[M], direction[M];
    gsl_matrix_view information = gsl_matrix_view_array(covariance, m, m);
    gsl_vector_view g = gsl_vector_view_array(gradient, m), d = gsl_vector_view_array(direction, m);
    for (int iteration = 0; iteration < 200; iteration++) {
        double log_l = evaluate(s, p, gradient, covariance);
        TRY(solver(gsl_linalg_cholesky_decomp1(&information.matrix), "Tobit information"));
        TRY(solver(gsl_linalg_cholesky_solve(&information.matrix, &g.vector, &d.vector), "Tobit step"));
        double decrement = dot(gradient, direction, m);
        double step = decrement < 1e-4 ? 1 : step_along(direction, s, p, log_l, decrement);
        REQUIRE(step > 0, ERR_SOLVER, "power law, Tobit: no step raises the likelihood (decrement %g)", decrement);
        for (size_t j = 0; j < m; j++)
            p[j] += step * direction[j];
        if (decrement < enough) {
            TRY(solver(gsl_linalg_cholesky_invert(&information.matrix), "Tobit covariance"));
            goto done;
        }
    }
    rc = error_set(ERR_SOLVER, "power law, Tobit: no convergence in 200 Newton steps");
done:
    return rc;
}

void power_law_gram_add(double *gram, const double *a, size_t m)
{
    gram[0]++;
    for (size_t j = 0; j < m; j++)
        for (size_t q = 0; q < m; q++)
            gram[1 + j * m + q] += a[j] * a[q];
}

/* The white rows, the Gram matrix of the uncensored and a copy of the censored ones. */
static enum status take_rows(const struct power_law_logs *l, struct power_law_solution *s)
{
    enum status rc = OK;
    const size_t m = l->k + 1;
    s->rows = calloc(l->n + 1, m * sizeof *s->rows);
    s->censored = calloc(l->n_censored + 1, m * sizeof *s->censored);
    TRY(memory(s->rows && s->censored ? s->rows : NULL, l->n));
    memcpy(s->rows, l->x, l->n * m * sizeof *s->rows);
    gsl_matrix_view white = gsl_matrix_view_array(s->rows, l->n, m), w = gsl_matrix_view_array(s->w, m, m);
    TRY(solver(gsl_blas_dtrmm(CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, 1, &w.matrix, &white.matrix),
               "white rows"));
    for (size_t i = 0, c = 0; i < l->n; i++) {
        if (l->censored[i])
            memcpy(s->censored + c++ * m, s->rows + i * m, m * sizeof *s->rows);
        else
            power_law_gram_add(s->gram, s->rows + i * m, m);
    }
done:
    return rc;
}

/* Least squares is the maximum p = (0, .., 0, 1) over the white rows, with minus the Hessian N diag(1, .., 1, 2),
 * however small sigma is and however close to collinear the regressors are. Censored rows move it, except that without
 * noise the likelihood grows without bound as sigma -> 0, unless a censored row contradicts the fit. */
enum status power_law_solve(const struct power_law_logs *l, struct power_law_solution *s)
{
    enum status rc = OK;
    const size_t m = l->k + 1;
    bool moved = false;
    memset(s, 0, sizeof *s);
    TRY(room_for_products(1));
    TRY(whiten(l, s));
    TRY(take_rows(l, s));
    s->p[l->k] = 1;
    for (size_t j = 0; j < m; j++)
        s->covariance[j * m + j] = 1 / ((j < l->k ? 1.0 : 2.0) * s->gram[0]);
    for (size_t i = 0; i < l->n_censored; i++)
        moved = moved || !s->exact || -s->censored[i * m + l->k] > 1;
    struct sample all = {.m = m, .n_censored = l->n_censored, .gram = s->gram, .censored = s->censored};
    if (moved)
        TRY(maximise(&all, 1e-18, s->p, s->covariance));
done:
    return rc;
}

void power_law_solution_free(struct power_law_solution *s)
{
    free(s->rows);
    free(s->censored);
    s->rows = s->censored = NULL;
}

/* b[k] that minimises |a_1..k b + a_k+1|^2 over rows with the Gram matrix G, by Cholesky; false if it is not
 * determined. */
static bool least_squares(const double *G, size_t k, double *b)
{
    const size_t m = k + 1;
    double c[K][K];
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            double rest = G[i * m + j] - dot(c[i], c[j], j);
            if (i == j && !(rest > dependent * G[i * m + i]))
                return false;
            c[i][j] = i == j ? sqrt(rest) : rest / c[j][j];
        }
        b[i] = (-G[i * m + k] - dot(c[i], b, i)) / c[i][i];
    }
    for (size_t i = k; i-- > 0;) {
        for (size_t j = i + 1; j < k; j++)
            b[i] -= c[j][i] * b[j];
        b[i] /= c[i][i];
    }
    return true;
}

enum status power_law_resolve(const struct power_law_logs *l, const struct power_law_solution *s, const double *gram,
                              const size_t *times, double *beta)
{
    enum status rc = OK;
    const size_t k = l->k, m = k + 1;
    const double *G = gram + 1, n = gram[0], all = G[m * m - 1];
    double p[M], covariance[M * M];
    bool moved = false;
    REQUIRE(n > (double)k && least_squares(G, k, p), ERR_INPUT, "power law: this resample does not determine the fit");
    double rss = all;
    for (size_t j = 0; j < k; j++)
        rss += p[j] * G[j * m + k];
    bool exact = s->exact || rss <= dependent * all; /* few distinct rows can be met exactly */
    double sigma = sqrt(fmax(exact ? dependent * all : rss, 1e-300) / n);
    p[k] = 1;
    for (size_t i = 0; i < l->n_censored; i++)
        moved = moved || (times[i] && (!exact || -dot(s->censored + i * m, p, m) > sigma));
    struct sample sample = {.m = m, .n_censored = l->n_censored, .gram = gram, .censored = s->censored, .times = times};
    if (moved) {
        memcpy(p, s->p, m * sizeof *p);
        TRY(maximise(&sample, 1e-8, p, covariance));
    }
    double last = dot(s->w + k * m, p, m);
    for (size_t j = 0; j < k; j++)
        beta[j] = dot(s->w + j * m, p, m) / last;
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

/* From the white parameters p: w p = (beta/sigma, 1/sigma). Variances of beta by the delta method, c' V c with
 * c_i = d beta_j/d p_i = sigma (w_ji - beta_j w_ki), with the correction for dof. */
void power_law_take(const struct power_law_logs *l, const struct power_law_solution *s, double confidence,
                    struct power_law *fit)
{
    const double *w = s->w, *p = s->p, *covariance = s->covariance;
    const struct sample all = {.m = l->k + 1, .n_censored = l->n_censored, .gram = s->gram, .censored = s->censored};
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
        *power_law_coefficient(fit, j) = by_student(beta, correction * sqrt(variance), fit, confidence);
    }
    fit->constant = exponential(fit->log_constant);
    fit->sigma = correction / olsen[k];
    fit->log_likelihood = evaluate(&all, p, NULL, NULL) + (double)n * log(w[m * m - 1]); /* gamma = w_kk p_k */
    fit->aicc = left > 0 ? -2 * fit->log_likelihood + 2 * q + 2 * q * (q + 1) / left : NAN;
}

