/* Runs that were evaluated too seldom for their length: the bracket is what is known of it, in the fit and in what is
 * said of it. */
#include "claims_fixture.h"
#include "power_law_fixture.h"
#include <gsl/gsl_linalg.h>

static double exact[ROWS], low[ROWS], high[ROWS];

/* Each length of the law with its bracket between evaluations `every` apart; y somewhere in it, as interpolation would
 * have it. */
static struct power_law_data bracketed(size_t n_t, size_t n_d, size_t n_seeds, double sigma, double every,
                                       uint64_t seed)
{
    struct power_law_data data = planted(n_t, n_d, n_seeds, sigma, seed);
    for (size_t i = 0; i < data.n; i++) {
        exact[i] = y[i];
        high[i] = every * ceil(exact[i] / every);
        low[i] = high[i] - every;
        y[i] = low[i] > 0 ? low[i] + 0.8 * every : high[i];
    }
    data.low = low, data.high = high, data.cluster = seeds;
    return data;
}

static double lower_tail(double e)
{
    return erfc(-e / sqrt(2)) / 2;
}

/* The log-likelihood in (log C, g_T, g_d, log sigma), written out. */
static double log_likelihood(const struct power_law_data *data, const double *p)
{
    double sum = 0, sigma = exp(p[3]);
    for (size_t i = 0; i < data->n; i++) {
        const double m = p[0] + p[1] * log(data->x[2 * i]) + p[2] * log(data->x[2 * i + 1]);
        const double a = (log(data->low[i]) - m) / sigma, b = (log(data->high[i]) - m) / sigma;
        sum += data->censored[i]   ? log(lower_tail(-(log(data->y[i]) - m) / sigma))
               : a == b            ? -a * a / 2 - log(sigma) - log(2 * M_PI) / 2
               : data->low[i] == 0 ? log(lower_tail(b))
               : a > 0             ? log(lower_tail(-a) - lower_tail(-b))
                                   : log(lower_tail(b) - lower_tail(a));
    }
    return sum;
}

static double shifted(const struct power_law_data *data, const double *p, size_t i, double hi, size_t j, double hj)
{
    double q[4];
    memcpy(q, p, sizeof q);
    q[i] += hi;
    q[j] += hj;
    return log_likelihood(data, q);
}

/* Of rows of every kind: the numerical gradient vanishes at the fit, and the numerical Hessian gives its errors. */
START_TEST(test_derivatives)
{
    struct power_law_data data = bracketed(6, 6, 2, 0.4, 2000, 11);
    size_t late = 0;
    for (size_t i = 0; i < data.n; i++) {
        if (i % 3 == 0)
            y[i] = low[i] = high[i] = exact[i];
        if (i % 3 == 1 && exact[i] > 5000)
            censored[i] = true, y[i] = 5000;
        late += low[i] == 0;
    }
    data.censored = censored;
    ck_assert(late > 5);
    const struct power_law fit = fitted(&data);
    ck_assert(fit.n_late == late && fit.n_coarse > late + 10 && fit.n_censored > 5);
    const double n = (double)(fit.dof + 3), correction = sqrt(n / (double)fit.dof);
    const double p[4] = {fit.log_constant.value, fit.exponent[0].value, fit.exponent[1].value,
                         log(fit.sigma / correction)};
    const double se[4] = {fit.log_constant.se, fit.exponent[0].se, fit.exponent[1].se, 0.1};
    double information[4][4];
    gsl_matrix_view view = gsl_matrix_view_array(information[0], 4, 4);
    test_close(fit.log_likelihood, log_likelihood(&data, p), 1e-11, 0, "log L");
    for (size_t i = 0; i < 4; i++) {
        double h = 1e-4 * se[i], slope = (shifted(&data, p, i, h, i, 0) - shifted(&data, p, i, -h, i, 0)) / (2 * h);
        test_close(slope * se[i], 0, 0, 1e-6, "gradient %zu in standard errors", i);
        for (size_t j = 0; j < 4; j++) {
            const double a = 0.03 * se[i], b = 0.03 * se[j];
            information[i][j] = -(shifted(&data, p, i, a, j, b) - shifted(&data, p, i, a, j, -b) -
                                  shifted(&data, p, i, -a, j, b) + shifted(&data, p, i, -a, j, -b)) /
                                (4 * a * b);
        }
    }
    ck_assert_int_eq(gsl_linalg_cholesky_decomp1(&view.matrix), GSL_SUCCESS);
    ck_assert_int_eq(gsl_linalg_cholesky_invert(&view.matrix), GSL_SUCCESS);
    for (size_t i = 0; i < 3; i++)
        test_close(se[i], correction * sqrt(information[i][i]), 1e-3, 0, "se %zu", i);
}
END_TEST

/* 95 % intervals hold the truth 95 % of the time, to 4 binomial standard deviations, however wide the brackets. */
START_TEST(test_coverage)
{
    static const double evaluated[] = {100, 1000, 3000};
    for (size_t k = 0; k < 3; k++) {
        enum { SETS = 300 };
        size_t t = 0, d = 0, c = 0;
        for (uint64_t i = 0; i < SETS; i++) {
            const struct power_law_data data = bracketed(6, 5, 1, 0.3, evaluated[k], 100 + i);
            const struct power_law fit = fitted(&data);
            t += holds(fit.exponent[0], 0.98), d += holds(fit.exponent[1], 0.49), c += holds(fit.constant, 1.5);
        }
        const double width = 4 * sqrt(0.95 * 0.05 / SETS);
        test_close((double)t / SETS, 0.95, 0, width, "coverage, T, every %g", evaluated[k]);
        test_close((double)d / SETS, 0.95, 0, width, "coverage, d, every %g", evaluated[k]);
        test_close((double)c / SETS, 0.95, 0, width, "coverage, C, every %g", evaluated[k]);
    }
}
END_TEST

/* Brackets that are narrow against the scatter are as good as lengths; a bound far away says nothing. */
START_TEST(test_limits)
{
    struct power_law_data data = bracketed(5, 4, 1, 0.2, 1e-3, 3);
    struct power_law fit = fitted(&data), plain;
    ck_assert(fit.n_coarse == 20);
    data.low = data.high = NULL;
    plain = fitted(&data);
    for (size_t k = 0; k < 2; k++) {
        test_close(fit.exponent[k].value, plain.exponent[k].value, 0, 1e-5, "exponent %zu", k);
        test_close(fit.exponent[k].se, plain.exponent[k].se, 1e-7, 0, "its error");
    }
    test_close(fit.sigma, plain.sigma, 1e-7, 0, "sigma");
    for (size_t i = data.n; i < data.n + 5; i++)
        x[2 * i] = 128, x[2 * i + 1] = 16, low[i] = 0, y[i] = high[i] = 1e200;
    for (size_t i = 0; i < data.n; i++)
        low[i] = high[i] = y[i];
    data.n += 5, data.low = low, data.high = high;
    fit = fitted(&data);
    ck_assert(fit.n_late == 5 && fit.dof == plain.dof);
    test_close(fit.exponent[1].value, plain.exponent[1].value, 1e-11, 0, "upper bounds that say nothing");
}
END_TEST

/* A law without scatter passes through all brackets: sigma is held at what they leave open, and the truth is inside. */
START_TEST(test_no_scatter)
{
    struct power_law_data data = bracketed(4, 3, 1, 0, 200, 0);
    struct power_law_bootstrap boot;
    struct power_law_ends ends[2];
    const struct power_law fit = fitted(&data);
    double square = 0, n = 0;
    for (size_t i = 0; i < data.n; i++)
        if (low[i] > 0)
            square += pow(log(high[i] / low[i]), 2) / 12, n++;
    test_close(fit.sigma, sqrt(square / n * n / (n - 3)), 1e-9, 0, "sigma");
    ck_assert(holds(fit.exponent[0], 0.98) && holds(fit.exponent[1], 0.49) && holds(fit.constant, 1.5));
    ck_assert(fit.exponent[0].se > 0.01 && fit.exponent[0].se < 0.2);
    data.cluster = NULL;
    ok(power_law_bootstrap(&data, 200, 1, 0.95, &boot));
    ok(power_law_local(&data, 0.95, ends));
    for (size_t i = 0; i < data.n; i++) /* a constant that hides in wide brackets: no length is known to 1 % */
        low[i] = 1000, high[i] = 2000, y[i] = 1400.4;
    const struct power_law flat = fitted(&data);
    ck_assert_msg(flat.sigma > 0.1 && flat.exponent[0].se > 0.01, "%g %g", flat.sigma, flat.exponent[0].se);
}
END_TEST

START_TEST(test_refused)
{
    struct power_law fit;
    struct power_law_data data = bracketed(4, 3, 1, 0.1, 1e6, 0);
    refused(power_law_fit(&data, 0.95, &fit), "evaluate more often");
    data = bracketed(4, 3, 1, 0.1, 100, 0);
    y[2] = low[2] - 1;
    refused(power_law_fit(&data, 0.95, &fit), "row 3: the length");
}
END_TEST

/* The bracket of a length from eval_every, in the unit of the length; flows and imports are exact. */
START_TEST(test_bracket)
{
    static const struct {
        const char *words;
        double length, low, high;
    } cases[] = {{"model=toy T=8 d=2 lr=0.5 eval_every=1000", 400.38, 0, 500},
                 {"model=toy T=8 d=2 lr=0.1 eval_every=3", 0.9, 0.6, 0.9},
                 {"model=toy T=8 d=2 lr=0.1 eval_every=3", 0.91, 0.9, 1.2},
                 {"model=transformer T=8 d=2 eval_every=25", 75, 50, 75},
                 {"model=transformer T=8 d=2 eval_every=25", 80, 75, 100},
                 {"model=transformer T=8 d=2", 0, 0, 0},
                 {"model=flow T=8 d=2", 17.3, 17.3, 17.3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct result r = {.keys = keys_of(cases[i].words), .plateau = cases[i].length};
        double a, b;
        result_bracket(&r, r.plateau, &a, &b);
        test_close(a, cases[i].low, 1e-12, 0, "low end, %s", cases[i].words);
        test_close(b, cases[i].high, 1e-12, 0, "high end, %s", cases[i].words);
        ck_assert(result_is_late(&r, r.plateau) == (i == 0) && result_is_coarse(r.plateau, a, b) == (a < b));
        r.initial_loss = NAN;
        result_bracket(&r, r.plateau, &a, &b);
        ck_assert(a == r.plateau && b == r.plateau);
    }
}
END_TEST

/* Puts a run of that length into the store. */
static void put(struct store *store, const char *words, double plateau)
{
    struct result r = {.keys = keys_of(words), .state = RUN_EMERGED, .plateau = plateau, .cap = 1e6};
    for (int level = 0; level < FLOW_LEVELS; level++)
        r.crossings[level] = NAN;
    ok(store_put(store, "s", NULL, &r, NULL));
}

/* What was past the threshold at the start or at its first evaluation is counted, and a mean or ratio is not of it. */
START_TEST(test_counted)
{
    struct store *store = fresh_store();
    struct fit fit;
    struct text page = {0};
    gsl_set_error_handler_off();
    for (int i = 0; i < 6; i++) {
        char words[120];
        snprintf(words, sizeof words, "model=transformer task=recall pairs=4 threshold=0.05 vocab=%d", 32 << i % 3);
        snprintf(words + strlen(words), sizeof words - strlen(words), " seed=%d", i);
        put(store, words, 1000 << i % 3);
    }
    put(store, "model=transformer task=recall pairs=4 vocab=16 threshold=0.05", 0);
    put(store, "model=transformer task=recall pairs=4 vocab=16 threshold=0.05 seed=2", 40);
    ok(fit_run(store, &(struct store_filter){0}, &(struct fit_request){0}, &fit));
    ck_assert(fit.set.at_once == 1 && fit.law.n == 7 && fit.law.n_late == 1 && fit.law.n_coarse >= 1);
    fit_text(&fit, &page);
    ck_assert_msg(
        strstr(page.data, "1 over the threshold from the start left out; guessing gives 1/vocab, up to 0.0625"), "%s",
        page.data);
    ck_assert_msg(strstr(page.data, "or before the first, which is an upper bound alone"), "%s", page.data);
    text_clear(&page);
    fit_json(&fit, &page);
    ck_assert(strstr(page.data, "\"at_once\": 1, ") && strstr(page.data, "\"coarse\": "));
    text_free(&page);
    fit_free(&fit);
    struct claim c = outcome(store, "- {id: A, quantity: each, of: plateau/vocab, at: 0.05, published: 31, "
                                    "tolerance: 2, where: task=recall model=transformer}");
    ck_assert_msg(c.runs == 6 && c.verdict == VERDICT_INCONCLUSIVE &&
                      strstr(c.why, "1 runs were past the threshold at"),
                  "%zu %s", c.runs, c.why);
    c = outcome(store, "- {id: A, quantity: speedup, of: vocab=16, at: 0.05, where: vocab=32 task=recall "
                       "model=transformer, best: seed, published: 1, tolerance: 0}");
    ck_assert_msg(!c.runs && strstr(c.why, "from the start"), "%zu %s", c.runs, c.why);
    ck_assert_str_eq(c.read_at, "");
    clean(store);
}
END_TEST

static const struct test tests[] = {{"derivatives", &test_derivatives}, {"coverage", &test_coverage},
                                    {"limits", &test_limits},           {"no scatter", &test_no_scatter},
                                    {"refused", &test_refused},         {"bracket", &test_bracket},
                                    {"counted", &test_counted}};
TEST_MAIN("brackets", tests)
