/* Power laws of plateau lengths, fitted on logarithms, with censored and coarsely evaluated runs kept.
 *
 *     y = C f x_1^g1 x_2^g2 ..     log y = log C + log f + sum_k g_k log x_k + sigma e,   e ~ N(0, 1)
 *
 * All logarithms are natural. f is a known factor (1 unless given). Without censored rows the fit is least squares on
 * the logs (the paper's); with them it is the maximum likelihood of the Tobit model: a run cut off at s says y > s. A
 * run that was evaluated at a, before the end of its plateau, and next at b, after it, says a < y <= b (a = 0: the
 * first evaluation came too late, and there is an upper bound alone).
 *
 *     log L = sum_exact log phi((log y - m)/sigma)/sigma + sum_censored log Q((log s - m)/sigma)        Q: upper tail
 *           + sum_bracketed log [ Q((log a - m)/sigma) - Q((log b - m)/sigma) ]
 *
 * Where no more rows than coefficients are exact, a law without scatter may pass through all brackets. They do not tell
 * sigma then, and it is held at no less than the scatter of a length that may be anywhere in its bracket, the root mean
 * square of (log b - log a)/sqrt 12.
 *
 * A ratio such as T/B is a column of its own, made by the caller. Forms other than the pure power law are the same fit
 * with other columns, so that their AICc compare:
 *
 *     one free constant, y = c prediction:      n_x = 0, factor = prediction
 *     power law times a logarithm of X > 1:     factor = log X (or log X as one more column: a free power of it)
 *
 * Nothing here reads files or keeps state. Functions leave a message with error_set; only the last argument is written.
 * GSL's error handler has to be off (gsl_set_error_handler_off in main), or GSL aborts where we return ERR_SOLVER. */
#ifndef POWER_LAW_H
#define POWER_LAW_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most regressors of one fit. */
enum { POWER_LAW_MAX = 8 };

/* What is fitted; every pointer is borrowed from the caller. Zero-initialise, so that what is left out is NULL. */
struct power_law_data {
    size_t n, n_x;            /* rows (runs); regressors, 0 .. POWER_LAW_MAX */
    const char *const *names; /* n_x regressor names, for messages */
    const double *x;          /* n rows of n_x positive values (not their logarithms), row after row */
    const double *y;          /* n positive plateau lengths in any one unit; of a censored row, where it was cut off */
    const double *factor;     /* n positive values of f; or NULL: 1 */
    const bool *censored;     /* n flags: y is a lower bound; or NULL: none */
    const double *low, *high; /* n brackets low <= y <= high, of rows that are not censored; low = high: y is exact;
                                 low = 0: high alone is known; or both NULL: all are exact */
    const int64_t *cluster;   /* n seeds, for power_law_bootstrap; or NULL: every row is its own */
};

/* A number with its standard error and its interval low .. high. */
struct power_law_estimate {
    double value, se, low, high;
};

enum power_law_method { POWER_LAW_LEAST_SQUARES, POWER_LAW_TOBIT };

struct power_law {
    enum power_law_method method;
    size_t n, n_censored, n_x;              /* n_censored: a lower bound alone */
    size_t n_coarse, n_late;                /* a bracket alone; and of them those with an upper bound alone */
    size_t dof;                             /* N - coefficients (1 + n_x), N: rows with y or both bounds */
    struct power_law_estimate constant;     /* C = exp(log_constant): se linearised, interval by exp */
    struct power_law_estimate log_constant; /* log C */
    struct power_law_estimate exponent[POWER_LAW_MAX]; /* g_k, in the order of the columns */
    double sigma;                                      /* residual s.d. of log y, on dof degrees of freedom */
    double r2;             /* 1 - RSS/TSS of log y about the fit, over those N rows; NaN if y is constant there */
    double log_likelihood; /* of log y, at its maximum (where sigma has no correction for degrees of freedom) */
    double aicc;           /* -2 log L + 2q + 2q(q+1)/(N-q-1), q = n_x + 2; NaN if N < q + 2 */
    double *residuals;     /* owned: n of log y - fit; of a censored row a lower bound of it */
};

/* Fits `data`, with intervals at level `confidence` (0.95) by Student's t with dof degrees of freedom.
 *
 * Tobit: standard errors come from the observed information; sigma and standard errors are multiplied by sqrt(N/dof),
 * N as above. With that factor a Tobit fit whose censored rows say nothing is the least-squares fit, number
 * for number; without it intervals from few rows are too narrow.
 *
 * An rms residual below 1e-14, the rounding of the logs, counts as 1e-14: a perfect fit has a finite AICc.
 *
 * Ownership: the caller's, to be undone with power_law_free. On an error `fit` is zeroed.
 *
 * ERR_INPUT: a value that is not positive and finite; y outside its bracket; not more rows with y or both bounds than
 * coefficients; a regressor that is constant, or a product of powers of others, over the uncensored rows (it is named).
 * ERR_SOLVER: GSL failed, or the maximisation did not converge. ERR_MEMORY. */
enum status power_law_fit(const struct power_law_data *data, double confidence, struct power_law *fit);
/* Frees what `fit` owns and zeroes it; a zeroed struct is accepted. */
void power_law_free(struct power_law *fit);
/* "least squares" or "tobit". */
const char *power_law_method_text(enum power_law_method method);

/* What one draw of the bootstrap is. */
enum power_law_resampling { POWER_LAW_CLUSTERS, POWER_LAW_ROWS };

struct power_law_bootstrap {
    enum power_law_resampling resampling;
    size_t n_clusters;      /* distinct seeds; the rows if no cluster was given */
    size_t fitted, skipped; /* replicates in the intervals; replicates that could not be fitted */
    struct power_law_estimate constant, log_constant, exponent[POWER_LAW_MAX];
};

/* Percentile intervals from `replicates` resamples. In each estimate, value is the fit of the data themselves, se the
 * standard deviation over replicates, low and high percentiles over replicates (for `constant`, as in power_law_fit).
 *
 * A cluster is a seed. Runs that share a seed share random streams across cells (T, d, B, p), so they are not
 * independent. Whole seeds are drawn with replacement, over all cells at once, which also keeps the grid balanced;
 * drawing seeds inside each cell on its own would lose that correlation and make the intervals too narrow.
 * It takes at least 3 distinct seeds; with fewer, and without clusters, rows are drawn one by one (pairs bootstrap: the
 * grid of a replicate differs from that of the data), and `resampling` says so.
 *
 * Limits: S seeds give intervals narrower by about sqrt((S-1)/S), and coarse ones for S < 10 (3 seeds have 10 different
 * resamples). No bootstrap over one grid tells what another grid would give.
 *
 * Deterministic in (data, replicates, seed): draw i of replicate r is element i of stream (seed, PURPOSE_BOOTSTRAP, r).
 * A replicate that cannot be fitted (a regressor became constant, too few uncensored rows) is skipped and counted.
 * Cost: a replicate sums one (n_x + 2)^2 matrix a cluster, and visits the censored rows a few times.
 *
 * ERR_INPUT: as power_law_fit; fewer than 2/(1 - confidence) replicates; fewer than half of them could be fitted. */
enum status power_law_bootstrap(const struct power_law_data *data, size_t replicates, uint64_t seed, double confidence,
                                struct power_law_bootstrap *out);

/* One form in a comparison. */
struct power_law_rank {
    size_t parameters;     /* fitted numbers: the constant, the exponents, sigma */
    double constant, r2;   /* as in struct power_law */
    double log_likelihood; /* of log y: the same measure for all forms, also with censored rows */
    double aicc;
    double delta;  /* aicc - the smallest aicc: 0 for the best form; above about 10 no support is left */
    double weight; /* exp(-delta/2), normalised over the forms (Akaike weight) */
};

/* Fits `n_forms` forms to the same y and ranks them by AICc: forms[i] -> ranks[i] (n_forms of them, order kept). Copy
 * one struct power_law_data and change its columns: n, y and what is known of it (the pointers) have to be those of
 * forms[0].
 *
 * ERR_INPUT: as power_law_fit, prefixed with the number of the form, from 1; other n, y, censored, low or high; too few
 * uncensored rows for AICc. */
enum status power_law_compare(const struct power_law_data *forms, size_t n_forms, struct power_law_rank *ranks);

/* The exponent of one regressor at both ends of its range. */
struct power_law_ends {
    struct power_law_estimate low, high; /* local exponents at the small and at the large values; all NaN if no fit */
    double low_to, high_from;            /* largest value of the low end, smallest of the high end; NaN if m < 3 */
    size_t n_low, n_high;                /* rows used, censored ones included */
};

/* Local exponents: these laws bend, and one exponent per regressor hides it.
 *
 * For each regressor x_k with m >= 3 distinct values (relative difference above 1e-12) the law is refitted on the rows
 * with its lowest e = max(2, ceil(m/3)) distinct values, and on those with its highest e; for m = 3 both ends hold the
 * middle value. Of the other regressors all rows are kept and the exponents are free, but one that has a single value
 * over the uncensored rows kept is left out: on a cross-shaped grid B may vary at one T only; then C takes its effect.
 * NaN where m < 3 or the kept rows cannot be fitted: too few uncensored ones, x_k constant or collinear over them.
 *
 * `ends` has data->n_x entries. Errors as power_law_fit, of the whole data. */
enum status power_law_local(const struct power_law_data *data, double confidence, struct power_law_ends *ends);

#endif
