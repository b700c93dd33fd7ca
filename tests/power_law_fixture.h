/* What the tests of fits share: runs with a planted law on a grid of T and d, the fit, and whether its interval holds
 * the truth. The columns are static, since each test has its own process. */
#ifndef POWER_LAW_FIXTURE_H
#define POWER_LAW_FIXTURE_H
#include "validation/power_law.h"
#include "base/random.h"
#include "test.h"
#include <gsl/gsl_errno.h>
#include <stdlib.h>

enum { ROWS = 1024 };
static const char *const names[] = {"T", "d"};
static double x[2 * ROWS], y[ROWS];
static bool censored[ROWS];
static int64_t seeds[ROWS];

static inline double gauss(uint64_t seed, size_t i)
{
    const struct stream s = {.seed = seed, .purpose = PURPOSE_DATA};
    double u = random_uniform(&s, (uint32_t)(2 * i)), v = random_uniform(&s, (uint32_t)(2 * i + 1));
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* y = 1.5 T^0.98 d^0.49 exp(sigma e) on n_t values of T, n_d of d, n_seeds seeds. */
static inline struct power_law_data planted(size_t n_t, size_t n_d, size_t n_seeds, double sigma, uint64_t seed)
{
    size_t n = 0;
    gsl_set_error_handler_off();
    for (size_t i = 0; i < n_t; i++)
        for (size_t j = 0; j < n_d; j++)
            for (size_t q = 0; q < n_seeds; q++, n++) {
                x[2 * n] = ldexp(64, (int)i);
                x[2 * n + 1] = ldexp(16, (int)j);
                y[n] = 1.5 * pow(x[2 * n], 0.98) * pow(x[2 * n + 1], 0.49) * exp(sigma * gauss(seed, n));
                seeds[n] = (int64_t)q;
                censored[n] = false;
            }
    return (struct power_law_data){.n = n, .n_x = 2, .names = names, .x = x, .y = y};
}

/* The fit without its residuals. */
static inline struct power_law fitted(const struct power_law_data *data)
{
    struct power_law fit;
    ck_assert_msg(power_law_fit(data, 0.95, &fit) == OK, "%s", error_message());
    free(fit.residuals);
    fit.residuals = NULL;
    return fit;
}

static inline bool holds(struct power_law_estimate e, double value)
{
    return e.low <= value && value <= e.high;
}

#endif
