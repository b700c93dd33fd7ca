/* The inside of power_law.c: least squares and the Tobit likelihood on logarithms, in a basis where both are well
 * conditioned.
 *
 * Rows are a_i = (1, log x_1, .., log x_m, -target), target = log y - log f, so that -a_i.(beta, 1) is a residual.
 * Least squares gives a matrix w such that the rows a_i w are white: over the N uncensored ones their Gram matrix is N,
 * whatever the scale and the correlation of the regressors, and the least-squares fit is p = (0, .., 0, 1).
 *
 * Exact rows enter the likelihood through their number and their Gram matrix alone, so a resample of seeds costs the
 * sum of their Gram matrices, and only the others are visited one by one. */
#ifndef POWER_LAW_SOLVER_H
#define POWER_LAW_SOLVER_H
#include "validation/power_law.h"

/* Most coefficients (log C and the exponents) and most parameters (those and sigma). */
enum { POWER_LAW_K = POWER_LAW_MAX + 1, POWER_LAW_M = POWER_LAW_K + 1 };

/* What is known of log y: that it is between log y - below and log y + above; both 0: it is exact, INFINITY: no bound
 * on that side. */
struct power_law_bounds {
    double below, above;
};

struct power_law_logs {
    size_t n, k;                     /* rows; coefficients */
    size_t n_bounded, n_open;        /* rows that are not exact; those of them with one bound alone */
    const char *names[POWER_LAW_K];  /* of the columns from 1 on; borrowed from the caller's data */
    double *x;                       /* owned, n x (k + 1) */
    struct power_law_bounds *bounds; /* n, in the allocation of x */
};

/* What the likelihood sees of exact rows: gram[0] their number, gram[1 + j m + q] the sum of a_j a_q, m = k +
 * 1. */
enum { POWER_LAW_GRAM = 1 + POWER_LAW_M * POWER_LAW_M };

struct power_law_solution {
    double w[POWER_LAW_M * POWER_LAW_M];          /* (k+1) x (k+1): white rows = rows w */
    double unit;                                  /* the residual rms that is 1 in the white basis */
    bool exact;                                   /* no noise above rounding */
    double p[POWER_LAW_M];                        /* the maximum, (beta/sigma, 1/sigma) in the white basis */
    double covariance[POWER_LAW_M * POWER_LAW_M]; /* of p */
    double most;                                  /* of p[k], where exact rows do not hold sigma; INFINITY: no need */
    double gram[POWER_LAW_GRAM];                  /* of the exact white rows */
    double *rows;                                 /* owned: n x (k+1) white rows */
    struct power_law_bounded {
        double a[POWER_LAW_M];          /* white row */
        struct power_law_bounds bounds; /* in units of residuals at p[k] = 1 */
    } * bounded;                        /* owned: of the rows that are not exact, in order */
};

/* To be undone with free(l->x), also when a function that calls this fails later. */
enum status power_law_logs_allocate(size_t n, size_t k, struct power_law_logs *l);
/* Logarithms of the data. ERR_INPUT: a value that has none. The same. */
enum status power_law_logs_init(const struct power_law_data *data, struct power_law_logs *l);
/* True if log y of the row is exact; if one bound alone is known, so that it says nothing without others. */
bool power_law_is_exact(const struct power_law_logs *l, size_t i);
bool power_law_is_open(const struct power_law_logs *l, size_t i);
/* True if column j has one value over the rows that are not open (those with times[i] > 0, if times is given). */
bool power_law_is_constant(const struct power_law_logs *l, const size_t *times, size_t j);
/* Errors as power_law_fit. Release with power_law_solution_free, also after an error. */
enum status power_law_solve(const struct power_law_logs *l, struct power_law_solution *s);
void power_law_solution_free(struct power_law_solution *s);
/* Adds row a[m]. */
void power_law_gram_add(double *gram, const double *a, size_t m);
/* The coefficients beta[k] of a resample of what `s` solved: its gram, and how often each row that is not exact was
 * drawn. ERR_INPUT: the resample does not determine them. */
enum status power_law_resolve(const struct power_law_logs *l, const struct power_law_solution *s, const double *gram,
                              const size_t *times, double *beta);
/* log C (j = 0) or the exponent of column j. */
struct power_law_estimate *power_law_coefficient(struct power_law *fit, size_t j);
/* Overwrites *fit with all of it but residuals and R^2. */
void power_law_take(const struct power_law_logs *l, const struct power_law_solution *s, double confidence,
                    struct power_law *fit);

#endif
