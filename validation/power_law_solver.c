#include "validation/power_law_solver.h"
#include "base/room.h"
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
/* A bracket narrower than this, in units of sigma (and of sigma over the residual), is known by its middle: what that
 * neglects is below 1e-10, and so is what the difference of two tails loses to rounding in wider ones. */
static const double narrow_bracket = 1e-3;

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
    *l = (struct power_law_logs){.n = n, .k = k, .x = calloc(n + 1, (k + 1) * sizeof *l->x + sizeof *l->bounds)};
    l->bounds = l->x ? (void *)(l->x + n * (k + 1)) : NULL;
    return memory(l->x, n);
}

static bool is_exact(struct power_law_bounds b)
{
    return b.below == 0 && b.above == 0;
}

static bool is_open(struct power_law_bounds b)
{
    return isinf(b.below) || isinf(b.above);
}

bool power_law_is_exact(const struct power_law_logs *l, size_t i)
{
    return is_exact(l->bounds[i]);
}

bool power_law_is_open(const struct power_law_logs *l, size_t i)
{
    return is_open(l->bounds[i]);
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

/* What is known of y in row i. */
static enum status take_bounds(const struct power_law_data *data, size_t i, struct power_law_bounds *b)
{
    enum status rc = OK;
    const double y = data->y[i], low = data->low ? data->low[i] : y, high = data->high ? data->high[i] : y;
    *b = (struct power_law_bounds){0, INFINITY};
    if (data->censored && data->censored[i])
        goto done;
    REQUIRE(low >= 0 && low <= y && y <= high && isfinite(high), ERR_INPUT,
            "power law, row %zu: the length %g is not in its bracket %g .. %g", i + 1, y, low, high);
    *b = (struct power_law_bounds){low == y ? 0 : log(y / low), high == y ? 0 : log(high / y)};
done:
    return rc;
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
        TRY(take_bounds(data, i, &l->bounds[i]));
        l->n_bounded += !power_law_is_exact(l, i);
        l->n_open += power_law_is_open(l, i);
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
        if (power_law_is_open(l, i) || (times && !times[i]))
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
    bool late = false;
    for (size_t i = 0; i < l->n; i++)
        late = late || isinf(l->bounds[i].below);
    for (size_t j = 1; j < l->k; j++) {
        gsl_vector_const_view column = gsl_matrix_const_subcolumn(r, j, 0, j + 1);
        double norm = fmax(gsl_blas_dnrm2(&column.vector), sqrt((double)r->size1));
        const char *why =
            power_law_is_constant(l, NULL, j) ? "has one value" : "is a product of powers of those before it";
        REQUIRE(fabs(gsl_matrix_get(r, j, j)) > collinear * norm, ERR_INPUT,
                "power law: regressor %s %s in all %zu uncensored rows, so it has no exponent of its own; leave it out "
                "or add runs in which it differs%s",
                l->names[j], why, r->size1, late ? ", or evaluate more often (eval_every)" : "");
    }
done:
    return rc;
}

/* Mean square of what a length that may be anywhere in its bracket is off, over the rows that have one. */
static double mean_square(const struct power_law_logs *l)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const double width = l->bounds[i].below + l->bounds[i].above;
        if (!power_law_is_exact(l, i) && !power_law_is_open(l, i))
            sum += gsl_pow_2(width) / 12, n++;
    }
    return n > 0 ? sum / n : 0;
}

/* Least squares over the N rows that are not open: X = QR with the target as the last column of X, so that |R_kk|^2 is
 * the residual sum of squares. Overwrites w with sqrt(N) R^-1, the last column signed to make w_kk positive: the last
 * column of the white rows is -residual/unit. The unit is the rms residual, or what brackets leave unknown where that
 * is more. exact: no noise above rounding, and then the rms is taken to be the rounding. */
static enum status whiten(const struct power_law_logs *l, struct power_law_solution *s)
{
    enum status rc = OK;
    const size_t k = l->k, m = k + 1, n = l->n - l->n_open;
    const double within = sqrt(mean_square(l));
    double tau[M];
    gsl_vector_view tau_view = gsl_vector_view_array(tau, m);
    gsl_matrix_view inverse = gsl_matrix_view_array(s->w, m, m);
    gsl_matrix *r = NULL;
    REQUIRE(
        n > k, ERR_INPUT,
        "power law: %zu of %zu rows are uncensored, and %zu coefficients (constant and exponents) need at least %zu; "
        "add runs, raise the step cap, evaluate more often (eval_every) or leave out a regressor",
        n, l->n, k, k + 1);
    r = gsl_matrix_alloc(n, m);
    TRY(memory(r, n));
    for (size_t i = 0, row = 0; i < l->n; i++)
        if (!power_law_is_open(l, i))
            memcpy(gsl_matrix_ptr(r, row++, 0), l->x + i * m, m * sizeof *l->x);
    TRY(solver(gsl_linalg_QR_decomp(r, &tau_view.vector), "QR decomposition"));
    TRY(check_rank(l, r));
    double rms = fabs(gsl_matrix_get(r, k, k)) / sqrt((double)n);
    s->exact = rms <= rounding;
    s->unit = fmax(fmax(rms, rounding), within);
    s->most = within > 0 ? s->unit / within : INFINITY;
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

/* log phi(e) */
static double log_density(double e)
{
    return -(e * e + M_LNPI + M_LN2) / 2;
}

/* log [Q(low) - Q(high)] of the standardised bounds of a row, one of which may be infinite. first: its derivatives by
 * low and by high; second: minus those of second order, low low, high high, low high. Both NULL, or neither. */
static double between(double low, double high, double first[2], double second[3])
{
    double near = 0, far = 0;
    if (isinf(high)) {
        const double log_p = upper_tail(low, first ? &near : NULL, &far);
        if (first)
            first[0] = -near, first[1] = second[1] = second[2] = 0, second[0] = far;
        return log_p;
    }
    const bool mirrored = low + high < 0; /* so that differences are taken in the thinner tail */
    near = upper_tail(mirrored ? -high : low, NULL, NULL);
    far = isinf(low) ? -INFINITY : upper_tail(mirrored ? -low : high, NULL, NULL);
    const double log_p = near + log1p(-exp(far - near));
    if (first) {
        const double a = isinf(low) ? 0 : exp(log_density(low) - log_p), b = exp(log_density(high) - log_p);
        first[0] = -a, first[1] = b;
        second[0] = isinf(low) ? 0 : a * (a - low), second[1] = b * (b + high), second[2] = -a * b;
    }
    return log_p;
}

/* The same of a narrow row by its middle and its width h, to order h^3: log [h phi(middle)] + h^2 (middle^2 - 1)/24.
 * first, second: derivatives by middle and width. By low and high they are as 1/h^2 and cancel. */
static double narrow(double middle, double h, double first[2], double second[3])
{
    const double bend = (middle * middle - 1) / 24;
    if (first) {
        first[0] = middle * (h * h / 12 - 1), first[1] = 1 / h + 2 * h * bend;
        second[0] = 1 - h * h / 12, second[1] = 1 / (h * h) - 2 * bend, second[2] = -h * middle / 6;
    }
    return log_density(middle) + log(h) + h * h * bend;
}

/* A set of rows in the white basis: all of them (times = NULL), or a resample. */
struct sample {
    size_t m, n_bounded;
    const double *gram;
    const struct power_law_bounded *bounded;
    const size_t *times; /* n_bounded: how often each was drawn; NULL: once */
    double most;         /* gamma is held at no more */
};

/* The standardised bounds e = -b.p of a row as coefficients b of p; false: there is none. */
static bool bound_of(const struct power_law_bounded *r, size_t m, bool upper, double *b)
{
    const double shift = upper ? -r->bounds.above : r->bounds.below;
    memcpy(b, r->a, m * sizeof *b);
    b[m - 1] += isinf(shift) ? 0 : shift;
    return !isinf(shift);
}

/* Log L of a bounded row, and what it is derived by: its ends -u.p and -v.p, or its middle -u.p and width -v.p. */
static double bounded_row(const struct power_law_bounded *r, size_t m, const double *p, double *u, double *v,
                          double first[2], double second[3])
{
    const bool has_low = bound_of(r, m, false, u), has_high = bound_of(r, m, true, v);
    const double low = has_low ? -dot(u, p, m) : -INFINITY, high = has_high ? -dot(v, p, m) : INFINITY;
    const double width = r->bounds.below + r->bounds.above, h = width * p[m - 1], middle = (low + high) / 2;
    if (!(h * fmax(1, fabs(middle)) < narrow_bracket)) /* an infinite end, too */
        return between(low, high, first, second);
    for (size_t j = 0; j < m; j++)
        u[j] = (u[j] + v[j]) / 2, v[j] = 0;
    v[m - 1] = -width;
    return narrow(middle, h, first, second);
}

/* The likelihood in Olsen's parameters p = (beta/sigma, 1/sigma), in which it is concave everywhere. e_i = -a_i.p is
 * the standardised residual, e = -b.p that of a bound; gamma = 1/sigma, G = sum a a' over the N exact rows:
 *     log L         = N (log gamma - log(2 pi)/2) - p'Gp/2   + sum_bounded log [Q(e_low) - Q(e_high)]
 *     gradient      = (0, N/gamma) - Gp                      - sum_bounded sum_i first_i b_i
 *     minus Hessian = diag(0, N/gamma^2) + G                 + sum_bounded sum_ij second_ij b_i b_j'
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
    for (size_t i = 0; i < s->n_bounded; i++) {
        const double times = s->times ? (double)s->times[i] : 1;
        double first[2], second[3], u[M], v[M];
        if (times == 0)
            continue;
        sum += times * bounded_row(&s->bounded[i], m, p, u, v, gradient ? first : NULL, second);
        for (size_t j = 0; gradient && j < m; j++) {
            gradient[j] -= times * (first[0] * u[j] + first[1] * v[j]);
            for (size_t q = 0; q < m; q++)
                information[j * m + q] += times * (second[0] * u[j] * u[q] + second[1] * v[j] * v[q] +
                                                   second[2] * (u[j] * v[q] + v[j] * u[q]));
        }
    }
    return sum;
}

/* The longest step 1, 1/2, 1/4 .. along d from p, with gamma cut at its most, that raises log L as its slope g promises
 * (Armijo), into trial; false if none does. */
static bool step_along(const double *d, const struct sample *s, const double *p, double log_l, const double *g,
                       double *trial)
{
    const size_t last = s->m - 1;
    double step = d[last] < 0 ? fmin(1, -0.9 * p[last] / d[last]) : 1; /* gamma stays positive */
    for (int halvings = 0; halvings < 60; halvings++, step /= 2) {
        double rise = 0;
        for (size_t j = 0; j <= last; j++) {
            trial[j] = j < last ? p[j] + step * d[j] : fmin(p[j] + step * d[j], s->most);
            rise += g[j] * (trial[j] - p[j]);
        }
        if (evaluate(s, trial, NULL, NULL) >= log_l + 1e-4 * rise)
            return true;
    }
    return false;
}

/* gamma is at its most, and would go on: p[last] is no parameter then. */
static bool hold(const struct sample *s, const double *p, double *gradient, double *information)
{
    const size_t m = s->m, last = m - 1;
    if (!(p[last] >= s->most * (1 - 1e-12) && gradient[last] >= 0))
        return false;
    for (size_t j = 0; j < m; j++)
        information[j * m + last] = information[last * m + j] = j == last;
    gradient[last] = 0;
    return true;
}

/* Newton's method from p; overwrites p with the maximum and covariance[m x m] with the inverse information there. g'
 * H^-1 g is the squared distance to the maximum in standard errors: below 1e-4 full steps converge quadratically (and
 * log L does not resolve them); one below `enough` is the last. */
static enum status maximise(const struct sample *s, double enough, double *p, double *covariance)
{
    enum status rc = OK;
    const size_t m = s->m;
    double gradient[M], direction[M], trial[M];
    gsl_matrix_view information = gsl_matrix_view_array(covariance, m, m);
    gsl_vector_view g = gsl_vector_view_array(gradient, m), d = gsl_vector_view_array(direction, m);
    for (int iteration = 0; iteration < 200; iteration++) {
        double log_l = evaluate(s, p, gradient, covariance);
        const bool held = hold(s, p, gradient, covariance);
        REQUIRE(gsl_linalg_cholesky_decomp1(&information.matrix) == GSL_SUCCESS, ERR_INPUT,
                "power law: runs that were cut off or are known to a bracket alone leave the law open; raise the cap "
                "(steps), evaluate more often (eval_every), or leave out a regressor");
        TRY(solver(gsl_linalg_cholesky_solve(&information.matrix, &g.vector, &d.vector), "Tobit step"));
        double decrement = dot(gradient, direction, m);
        if (decrement < 1e-4) {
            for (size_t j = 0; j < m; j++)
                trial[j] = p[j] + direction[j];
            trial[m - 1] = fmin(trial[m - 1], s->most);
        } else {
            REQUIRE(step_along(direction, s, p, log_l, gradient, trial), ERR_SOLVER,
                    "power law, Tobit: no step raises the likelihood (decrement %g)", decrement);
        }
        memcpy(p, trial, m * sizeof *p);
        if (decrement < enough) {
            TRY(solver(gsl_linalg_cholesky_invert(&information.matrix), "Tobit covariance"));
            covariance[m * m - 1] = held ? 0 : covariance[m * m - 1];
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

/* The white rows, the Gram matrix of the exact and a copy of the other ones. */
static enum status take_rows(const struct power_law_logs *l, struct power_law_solution *s)
{
    enum status rc = OK;
    const size_t m = l->k + 1;
    s->rows = calloc(l->n + 1, m * sizeof *s->rows);
    s->bounded = calloc(l->n_bounded + 1, sizeof *s->bounded);
    TRY(memory(s->rows && s->bounded ? s->rows : NULL, l->n));
    memcpy(s->rows, l->x, l->n * m * sizeof *s->rows);
    gsl_matrix_view white = gsl_matrix_view_array(s->rows, l->n, m), w = gsl_matrix_view_array(s->w, m, m);
    TRY(solver(gsl_blas_dtrmm(CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, 1, &w.matrix, &white.matrix),
               "white rows"));
    for (size_t i = 0, b = 0; i < l->n; i++) {
        if (power_law_is_exact(l, i)) {
            power_law_gram_add(s->gram, s->rows + i * m, m);
            continue;
        }
        memcpy(s->bounded[b].a, s->rows + i * m, m * sizeof *s->rows);
        s->bounded[b++].bounds = (struct power_law_bounds){l->bounds[i].below / s->unit, l->bounds[i].above / s->unit};
    }
done:
    return rc;
}

/* Does this row move a fit p without noise? One with a bracket does, and a bound that p is beyond by more than
 * `sigma`. */
static bool moves(const struct power_law_bounded *r, const double *p, size_t m, bool exact, double sigma)
{
    const double e = -dot(r->a, p, m);
    return !exact || !is_open(r->bounds) || e - r->bounds.below > sigma || e + r->bounds.above < -sigma;
}

/* Of the rows with that Gram matrix and those bounded ones. Sigma is held by exact rows if there are more than
 * coefficients. */
static struct sample sample_of(const struct power_law_logs *l, const struct power_law_solution *s, const double *gram,
                               const size_t *times)
{
    return (struct sample){.m = l->k + 1,
                           .n_bounded = l->n_bounded,
                           .gram = gram,
                           .bounded = s->bounded,
                           .times = times,
                           .most = gram[0] > (double)l->k ? INFINITY : s->most};
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
        s->covariance[j * m + j] = 1 / ((j < l->k ? 1.0 : 2.0) * (double)(l->n - l->n_open));
    for (size_t i = 0; i < l->n_bounded; i++)
        moved = moved || moves(&s->bounded[i], s->p, m, s->exact, 1);
    const struct sample all = sample_of(l, s, s->gram, NULL);
    s->p[l->k] = fmin(1, all.most);
    if (moved)
        TRY(maximise(&all, 1e-18, s->p, s->covariance));
done:
    return rc;
}

void power_law_solution_free(struct power_law_solution *s)
{
    free(s->rows);
    free(s->bounded);
    s->rows = NULL;
    s->bounded = NULL;
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
    double p[M], covariance[M * M], whole[POWER_LAW_GRAM];
    bool moved = false;
    memcpy(whole, gram, (1 + m * m) * sizeof *whole);
    for (size_t i = 0; i < l->n_bounded; i++)
        for (size_t t = 0; t < times[i] && !is_open(s->bounded[i].bounds); t++)
            power_law_gram_add(whole, s->bounded[i].a, m);
    const double *G = whole + 1, n = whole[0], all = G[m * m - 1];
    REQUIRE(n > (double)k && least_squares(G, k, p), ERR_INPUT, "power law: this resample does not determine the fit");
    double rss = all;
    for (size_t j = 0; j < k; j++)
        rss += p[j] * G[j * m + k];
    bool exact = s->exact || rss <= dependent * all; /* few distinct rows can be met exactly */
    double sigma = sqrt(fmax(exact ? dependent * all : rss, 1e-300) / n);
    p[k] = 1;
    for (size_t i = 0; i < l->n_bounded; i++)
        moved = moved || (times[i] && moves(&s->bounded[i], p, m, exact, sigma));
    const struct sample sample = sample_of(l, s, gram, times);
    if (moved) {
        memcpy(p, s->p, m * sizeof *p);
        p[k] = fmin(p[k], sample.most);
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
    const struct sample all = sample_of(l, s, s->gram, NULL);
    const size_t k = l->k, m = k + 1, n = l->n - l->n_open;
    const double q = (double)m, left = (double)n - q - 1; /* parameters, with sigma */
    double olsen[M] = {0};
    *fit = (struct power_law){.n = l->n, .n_x = k - 1, .dof = n - k};
    for (size_t i = 0; i < l->n; i++)
        fit->n_censored += isinf(l->bounds[i].above), fit->n_late += isinf(l->bounds[i].below);
    fit->n_coarse = l->n_bounded - fit->n_censored;
    fit->method = l->n_bounded ? POWER_LAW_TOBIT : POWER_LAW_LEAST_SQUARES;
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
    fit->log_likelihood = evaluate(&all, p, NULL, NULL) + s->gram[0] * log(w[m * m - 1]); /* gamma = w_kk p_k */
    fit->aicc = left > 0 ? -2 * fit->log_likelihood + 2 * q + 2 * q * (q + 1) / left : NAN;
}
