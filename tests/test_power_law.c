#include "power_law_fixture.h"
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_statistics_double.h>
#include <stdio.h>
#include <string.h>

/* Runs longer than `cap` are cut off there. Returns the fraction of them. */
static double cut_off(struct power_law_data *data, double cap)
{
    size_t count = 0;
    for (size_t i = 0; i < data->n; i++) {
        censored[i] = y[i] > cap;
        y[i] = censored[i] ? cap : y[i];
        count += censored[i];
    }
    data->censored = censored;
    return (double)count / (double)data->n;
}

/* Leaves out the rows marked in `out`. */
static void leave_out(struct power_law_data *data, const bool *out)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++) {
        x[2 * n] = x[2 * i];
        x[2 * n + 1] = x[2 * i + 1];
        y[n] = y[i];
        n += !out[i];
    }
    data->n = n;
}

START_TEST(test_exact)
{
    struct power_law_data data = planted(5, 4, 1, 0, 0);
    struct power_law fit = fitted(&data);
    ck_assert_str_eq(power_law_method_text(fit.method), "least squares");
    ck_assert(fit.n == 20 && fit.dof == 17 && isfinite(fit.aicc));
    test_close(fit.constant.value, 1.5, 1e-12, 0, "C");
    test_close(fit.exponent[0].value, 0.98, 1e-13, 0, "T exponent");
    test_close(fit.exponent[1].value, 0.49, 1e-13, 0, "d exponent");
    test_close(fit.r2, 1, 1e-13, 0, "R^2");
    test_close(fit.sigma, 0, 0, 3e-14, "sigma");

    double factor[ROWS]; /* a known factor: the same data with one constant, in other units */
    for (size_t i = 0; i < data.n; i++)
        factor[i] = y[i] / 7;
    data.n_x = 0;
    data.factor = factor;
    fit = fitted(&data);
    test_close(fit.constant.value, 7, 1e-13, 0, "C of a prediction");
    test_close(fit.r2, 1, 1e-13, 0, "R^2 of a prediction");
}
END_TEST

/* One regressor, five rows: the textbook formulas of simple regression. */
START_TEST(test_by_hand)
{
    const double log_x[5] = {0, 1, 2, 4, 5}, log_y[5] = {1.1, 1.9, 3.2, 4.8, 6.1}, t_975_3 = 3.182446305284263;
    struct power_law_data data = planted(5, 1, 1, 0, 0);
    /* sums over rows: x 12, y 17.1, x^2 46, xy 58, y^2 75.31 */
    const double mean_x = 2.4, mean_y = 3.42, sxx = 46 - 5 * 2.4 * 2.4, sxy = 58 - 5 * 2.4 * 3.42;
    const double slope = sxy / sxx, start = mean_y - slope * mean_x, syy = 75.31 - 5 * 3.42 * 3.42;
    double rss = 0;
    data.n_x = 1;
    for (size_t i = 0; i < 5; i++) {
        x[i] = exp(log_x[i]);
        y[i] = exp(log_y[i]);
    }
    struct power_law fit;
    ck_assert_int_eq(power_law_fit(&data, 0.95, &fit), OK);
    for (size_t i = 0; i < 5; i++) {
        double r = log_y[i] - start - slope * log_x[i];
        test_close(fit.residuals[i], r, 0, 1e-13, "residual %zu", i);
        rss += r * r;
    }
    const double s2 = rss / 3, se = sqrt(s2 / sxx), se0 = sqrt(s2 * (1.0 / 5 + mean_x * mean_x / sxx));
    const double log_l = -2.5 * (log(2 * M_PI * rss / 5) + 1);
    test_close(fit.exponent[0].value, slope, 1e-13, 0, "slope");
    test_close(fit.exponent[0].se, se, 1e-12, 0, "se");
    test_close(fit.exponent[0].low, slope - t_975_3 * se, 1e-9, 0, "low");
    test_close(fit.exponent[0].high, slope + t_975_3 * se, 1e-9, 0, "high");
    test_close(fit.log_constant.se, se0, 1e-12, 0, "se of log C");
    test_close(fit.constant.se, se0 * exp(start), 1e-11, 0, "se of C");
    test_close(fit.constant.high, exp(start + t_975_3 * se0), 1e-9, 0, "C, high");
    test_close(fit.sigma, sqrt(s2), 1e-12, 0, "sigma");
    test_close(fit.r2, 1 - rss / syy, 1e-13, 0, "R^2");
    test_close(fit.log_likelihood, log_l, 1e-12, 0, "log L");
    test_close(fit.aicc, -2 * log_l + 6 + 24, 1e-12, 0, "AICc"); /* 2q(q+1)/(n-q-1), q = 3, n = 5 */
    power_law_free(&fit);
    power_law_free(&fit); /* of a zeroed struct */
}
END_TEST

/* NIST StRD, Longley: nearly collinear regressors, certified values. Scaled, since the data are logarithms here. */
START_TEST(test_longley)
{
    static const double table[16][7] = {
        {60323, 83.0, 234289, 2356, 1590, 107608, 1947},  {61122, 88.5, 259426, 2325, 1456, 108632, 1948},
        {60171, 88.2, 258054, 3682, 1616, 109773, 1949},  {61187, 89.5, 284599, 3351, 1650, 110929, 1950},
        {63221, 96.2, 328975, 2099, 3099, 112075, 1951},  {63639, 98.1, 346999, 1932, 3594, 113270, 1952},
        {64989, 99.0, 365385, 1870, 3547, 115094, 1953},  {63761, 100.0, 363112, 3578, 3350, 116219, 1954},
        {66019, 101.2, 397469, 2904, 3048, 117388, 1955}, {67857, 104.6, 419180, 2822, 2857, 118734, 1956},
        {68169, 108.4, 442769, 2936, 2798, 120445, 1957}, {66513, 110.8, 444546, 4681, 2637, 121950, 1958},
        {68655, 112.6, 482704, 3813, 2552, 123366, 1959}, {69564, 114.2, 502601, 3931, 2514, 125368, 1960},
        {69331, 115.7, 518173, 4806, 2572, 127852, 1961}, {70551, 116.9, 554894, 4007, 2827, 130081, 1962}};
    static const double scale[7] = {1e4, 100, 1e5, 1e3, 1e3, 1e5, 100};
    static const double certified[7] = {-3482258.63459582, 15.0618722713733,  -0.358191792925910e-01,
                                        -2.02022980381683, -1.03322686717359, -0.511041056535807e-01,
                                        1829.15146461355};
    static const double errors[7] = {890420.383607373,  84.9149257747669,  0.334910077722432e-01, 0.488399681651699,
                                     0.214274163161675, 0.226073200069370, 455.478499142212};
    static const char *const columns[6] = {"deflator", "gnp", "unemployed", "forces", "population", "year"};
    double rows[16 * 6], lengths[16];
    gsl_set_error_handler_off();
    for (size_t i = 0; i < 16; i++) {
        lengths[i] = exp(table[i][0] / scale[0]);
        for (size_t j = 1; j < 7; j++)
            rows[i * 6 + j - 1] = exp(table[i][j] / scale[j]);
    }
    const struct power_law_data data = {.n = 16, .n_x = 6, .names = columns, .x = rows, .y = lengths};
    struct power_law fit = fitted(&data);
    for (size_t j = 0; j < 7; j++) {
        const struct power_law_estimate *e = j ? &fit.exponent[j - 1] : &fit.log_constant;
        double unit = j ? scale[0] / scale[j] : scale[0];
        test_close(e->value * unit, certified[j], 1e-8, 0, "Longley coefficient %zu", j);
        test_close(e->se * unit, errors[j], 1e-8, 0, "Longley standard error %zu", j);
    }
    test_close(fit.sigma * scale[0], 304.854073561965, 1e-9, 0, "Longley s.d.");
    test_close(fit.r2, 0.995479004577296, 1e-10, 0, "Longley R^2");
}
END_TEST

/* 95 % intervals from `sets` data sets hold the truth 95 % of the time, to 4 binomial standard deviations. */
static void check_coverage(size_t sets, size_t n_t, size_t n_d, double sigma, double cap, const char *what)
{
    size_t t = 0, d = 0, c = 0;
    for (size_t i = 0; i < sets; i++) {
        struct power_law_data data = planted(n_t, n_d, 1, sigma, 100 + i);
        if (cap > 0)
            cut_off(&data, cap);
        struct power_law fit = fitted(&data);
        t += holds(fit.exponent[0], 0.98);
        d += holds(fit.exponent[1], 0.49);
        c += holds(fit.constant, 1.5);
    }
    const double width = 4 * sqrt(0.95 * 0.05 / (double)sets);
    test_close((double)t / (double)sets, 0.95, 0, width, "%s: coverage, T", what);
    test_close((double)d / (double)sets, 0.95, 0, width, "%s: coverage, d", what);
    test_close((double)c / (double)sets, 0.95, 0, width, "%s: coverage, C", what);
}

START_TEST(test_coverage)
{
    check_coverage(500, 4, 3, 0.2, 0, "least squares, 12 rows");
    check_coverage(500, 3, 2, 0.2, 0, "least squares, 6 rows");
    check_coverage(300, 6, 5, 0.3, 5000, "Tobit, 30 rows");
}
END_TEST

/* Over a third of 1000 runs are cut off: Tobit finds the law; dropping those runs, or taking the cap for their length,
 * is wrong by many standard errors. */
START_TEST(test_tobit_bias)
{
    struct power_law_data data = planted(5, 5, 40, 0.6, 7);
    const double fraction = cut_off(&data, 4500);
    ck_assert(fraction > 0.3 && fraction < 0.4);
    struct power_law fit = fitted(&data);
    ck_assert_str_eq(power_law_method_text(fit.method), "tobit");
    ck_assert_uint_eq(fit.n_censored, (size_t)(fraction * 1000 + 0.5));
    const double se_t = fit.exponent[0].se, se_d = fit.exponent[1].se;
    test_close(fit.exponent[0].value, 0.98, 0, 3 * se_t, "Tobit, T");
    test_close(fit.exponent[1].value, 0.49, 0, 3 * se_d, "Tobit, d");
    test_close(fit.log_constant.value, log(1.5), 0, 3 * fit.log_constant.se, "Tobit, log C");
    test_close(fit.sigma, 0.6, 0.1, 0, "Tobit, sigma");

    data.censored = NULL; /* the cap taken for a length */
    fit = fitted(&data);
    ck_assert(fit.exponent[0].value < 0.98 - 5 * se_t && fit.exponent[1].value < 0.49 - 5 * se_d);

    leave_out(&data, censored); /* those runs dropped */
    fit = fitted(&data);
    ck_assert(fit.exponent[0].value < 0.98 - 5 * se_t && fit.exponent[1].value < 0.49 - 3 * se_d);
}
END_TEST

/* The Tobit log-likelihood in (log C, g_T, g_d, log sigma), written out. */
static double tobit_log_likelihood(const struct power_law_data *data, const double *p)
{
    double sum = 0, sigma = exp(p[3]);
    for (size_t i = 0; i < data->n; i++) {
        double e = (log(data->y[i]) - p[0] - p[1] * log(data->x[2 * i]) - p[2] * log(data->x[2 * i + 1])) / sigma;
        sum += data->censored[i] ? log(erfc(e / sqrt(2)) / 2) : -e * e / 2 - log(sigma) - log(2 * M_PI) / 2;
    }
    return sum;
}

static double shifted(const struct power_law_data *data, const double *p, size_t i, double hi, size_t j, double hj)
{
    double q[4];
    memcpy(q, p, sizeof q);
    q[i] += hi;
    q[j] += hj;
    return tobit_log_likelihood(data, q);
}

/* At the fit the numerical gradient vanishes and the numerical Hessian gives the standard errors. */
START_TEST(test_tobit_derivatives)
{
    struct power_law_data data = planted(6, 6, 2, 0.4, 11);
    ck_assert(cut_off(&data, 5000) > 0.2);
    struct power_law fit = fitted(&data);
    const double n = (double)(fit.n - fit.n_censored), correction = sqrt(n / (double)fit.dof);
    const double p[4] = {fit.log_constant.value, fit.exponent[0].value, fit.exponent[1].value,
                         log(fit.sigma / correction)};
    const double se[4] = {fit.log_constant.se, fit.exponent[0].se, fit.exponent[1].se, 0.1};
    double information[4][4];
    gsl_matrix_view view = gsl_matrix_view_array(information[0], 4, 4);
    test_close(fit.log_likelihood, tobit_log_likelihood(&data, p), 1e-12, 0, "log L");
    for (size_t i = 0; i < 4; i++) {
        double h = 1e-4 * se[i], slope = (shifted(&data, p, i, h, i, 0) - shifted(&data, p, i, -h, i, 0)) / (2 * h);
        test_close(slope * se[i], 0, 0, 1e-6, "gradient %zu in standard errors", i);
        for (size_t j = 0; j < 4; j++) {
            double a = 0.03 * se[i], b = 0.03 * se[j];
            information[i][j] = -(shifted(&data, p, i, a, j, b) - shifted(&data, p, i, a, j, -b) -
                                  shifted(&data, p, i, -a, j, b) + shifted(&data, p, i, -a, j, -b)) /
                                (4 * a * b);
        }
    }
    ck_assert_int_eq(gsl_linalg_cholesky_decomp1(&view.matrix), GSL_SUCCESS);
    ck_assert_int_eq(gsl_linalg_cholesky_invert(&view.matrix), GSL_SUCCESS);
    for (size_t i = 0; i < 3; i++)
        test_close(se[i], correction * sqrt(information[i][i]), 1e-4, 0, "se %zu", i);
}
END_TEST

/* Runs cut off long before the law says they end tell nothing: Tobit is least squares, to the last digits. */
START_TEST(test_tobit_is_least_squares)
{
    struct power_law_data data = planted(4, 4, 1, 0.2, 3);
    struct power_law plain = fitted(&data);
    for (size_t i = data.n; i < data.n + 5; i++) {
        x[2 * i] = 128;
        x[2 * i + 1] = ldexp(8, (int)(i - data.n));
        y[i] = 1e-200;
        censored[i] = true;
    }
    data.n += 5;
    data.censored = censored;
    struct power_law fit = fitted(&data);
    ck_assert(fit.n_censored == 5 && fit.dof == plain.dof);
    for (size_t j = 0; j < 2; j++) {
        test_close(fit.exponent[j].value, plain.exponent[j].value, 1e-11, 0, "exponent %zu", j);
        test_close(fit.exponent[j].se, plain.exponent[j].se, 1e-9, 0, "se %zu", j);
        test_close(fit.exponent[j].low, plain.exponent[j].low, 1e-9, 0, "low %zu", j);
    }
    test_close(fit.constant.value, plain.constant.value, 1e-11, 0, "C");
    test_close(fit.sigma, plain.sigma, 1e-9, 0, "sigma");
    test_close(fit.log_likelihood, plain.log_likelihood, 1e-11, 0, "log L");
    test_close(fit.r2, plain.r2, 1e-12, 0, "R^2");
}
END_TEST

/* No noise, few uncensored rows, censored rows far off the law of the others. */
START_TEST(test_tobit_extremes)
{
    struct power_law_data data = planted(6, 4, 1, 0, 0);
    ck_assert(cut_off(&data, 3000) > 0.3);
    struct power_law fit = fitted(&data); /* no noise */
    test_close(fit.exponent[0].value, 0.98, 1e-12, 0, "T without noise");
    y[0] = 1e9; /* no noise, and a censored row that contradicts the others: sigma is large */
    censored[0] = true;
    fit = fitted(&data);
    ck_assert(fit.sigma > 1 && isfinite(fit.exponent[0].se));
    data.n_x = 0;
    for (size_t i = 0; i < data.n; i++) /* not even rounding for noise: sigma would fall to 0 */
        y[i] = censored[i] ? 0.5 : 1;
    fit = fitted(&data);
    ck_assert(fit.constant.value == 1 && isfinite(fit.aicc) && isnan(fit.r2));
    data = planted(8, 8, 4, 0.3, 5); /* almost everything is censored */
    ck_assert(cut_off(&data, 1500) > 0.8);
    fit = fitted(&data);
    test_close(fit.exponent[0].value, 0.98, 0, 4 * fit.exponent[0].se, "T with over 80 %% censored");
}
END_TEST

static struct power_law_bootstrap resampled(const struct power_law_data *data, size_t replicates, uint64_t seed)
{
    struct power_law_bootstrap out;
    ck_assert_msg(power_law_bootstrap(data, replicates, seed, 0.95, &out) == OK, "%s", error_message());
    return out;
}

START_TEST(test_bootstrap)
{
    struct power_law_data data = planted(5, 4, 10, 0.3, 21);
    struct power_law fit = fitted(&data);
    struct power_law_bootstrap rows = resampled(&data, 1000, 1), again = resampled(&data, 1000, 1);
    struct power_law_bootstrap other = resampled(&data, 1000, 2);
    ck_assert(rows.resampling == POWER_LAW_ROWS && rows.n_clusters == 200 && rows.fitted == 1000);
    for (size_t j = 0; j < 2; j++) {
        const double width = fit.exponent[j].high - fit.exponent[j].low;
        ck_assert(rows.exponent[j].low == again.exponent[j].low && rows.exponent[j].high == again.exponent[j].high);
        ck_assert(rows.exponent[j].low != other.exponent[j].low);
        ck_assert(rows.exponent[j].value == fit.exponent[j].value);
        test_close(rows.exponent[j].se, fit.exponent[j].se, 0.2, 0, "se %zu", j);
        test_close(rows.exponent[j].low, fit.exponent[j].low, 0, 0.15 * width, "low %zu", j);
        test_close(rows.exponent[j].high, fit.exponent[j].high, 0, 0.15 * width, "high %zu", j);
    }
    test_close(rows.constant.high, exp(rows.log_constant.high), 1e-12, 0, "C, high");

    data.cluster = seeds; /* independent errors: seeds say the same as rows, within what 10 of them can */
    struct power_law_bootstrap clusters = resampled(&data, 1000, 1);
    ck_assert(clusters.resampling == POWER_LAW_CLUSTERS && clusters.n_clusters == 10 && clusters.fitted == 1000);
    for (size_t j = 0; j < 2; j++)
        test_close(log(clusters.exponent[j].se / fit.exponent[j].se), 0, 0, 0.6, "se over seeds %zu", j);
}
END_TEST

/* An effect common to all runs of a seed: rows alone take it for noise that averages out, seeds do not. */
START_TEST(test_bootstrap_clusters)
{
    struct power_law_data data = planted(5, 4, 10, 0.02, 22);
    double effect[10];
    data.cluster = seeds;
    for (size_t q = 0; q < 10; q++)
        effect[q] = 0.3 * gauss(23, q);
    const double sd_of_mean = gsl_stats_sd(effect, 1, 10) * sqrt(0.9 / 10);
    for (size_t i = 0; i < data.n; i++)
        y[i] *= exp(effect[seeds[i]]);
    struct power_law_bootstrap clusters = resampled(&data, 1000, 1);
    data.cluster = NULL;
    struct power_law_bootstrap rows = resampled(&data, 1000, 1);
    /* The grid is balanced in every resample, so the seeds move C alone: by the s.d. of the mean of ten. */
    test_close(clusters.log_constant.se, sd_of_mean, 0.15, 0, "se of log C over seeds");
    ck_assert(clusters.exponent[0].se < 0.2 * rows.exponent[0].se);
    cut_off(&data, 5000);
    data.cluster = seeds;
    clusters = resampled(&data, 200, 1);
    ck_assert_uint_eq(clusters.fitted, 200);
    test_close(clusters.exponent[0].value, 0.98, 0, 0.1, "T, censored");

    for (size_t i = 0; i < data.n; i++) /* two seeds are too few */
        seeds[i] %= 2;
    rows = resampled(&data, 100, 1);
    ck_assert(rows.resampling == POWER_LAW_ROWS && rows.n_clusters == 2);

    data = planted(2, 1, 3, 0.1, 1); /* six rows, two values of T: a draw of one value is skipped */
    data.n_x = 1;
    for (size_t i = 0; i < data.n; i++)
        x[i] = i < 3 ? 64 : 128;
    rows = resampled(&data, 1000, 1);
    ck_assert(rows.skipped > 5 && rows.skipped < 100 && rows.fitted + rows.skipped == 1000);
}
END_TEST

/* y = 3 T log T: with noise of 1 % on T 64..8192 the form with the logarithm wins; and a pure power wins on its own. */
START_TEST(test_compare)
{
    struct power_law_data forms[3];
    struct power_law_rank ranks[3];
    double t_log_t[ROWS], logarithm[ROWS];
    forms[0] = forms[1] = forms[2] = planted(8, 1, 5, 0, 31);
    for (size_t i = 0; i < forms[0].n; i++) {
        x[i] = x[2 * i];
        logarithm[i] = log(x[i]);
        t_log_t[i] = x[i] * log(x[i]);
        y[i] = 3 * t_log_t[i] * exp(0.01 * gauss(31, i));
    }
    forms[0].n_x = forms[1].n_x = 1; /* C T^g, C T^g log T */
    forms[1].factor = logarithm;
    forms[2].n_x = 0; /* C T log T */
    forms[2].factor = t_log_t;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) { /* the same with runs cut off */
            ck_assert(cut_off(&forms[0], 4e4) > 0.2);
            forms[1].censored = forms[2].censored = censored;
        }
        ck_assert_msg(power_law_compare(forms, 3, ranks) == OK, "%s", error_message());
        ck_assert(ranks[0].parameters == 3 && ranks[2].parameters == 2);
        test_close(ranks[2].delta, 0, 0, 0, "delta of the true form");
        ck_assert(ranks[1].delta > 0 && ranks[1].delta < 6);
        ck_assert(ranks[0].delta > 20 && ranks[0].weight < 1e-4);
        test_close(ranks[2].constant, 3, 0.02, 0, "constant");
        test_close(ranks[0].weight / ranks[2].weight, exp(-ranks[0].delta / 2), 1e-12, 0, "Akaike weight");
        test_close(ranks[0].weight + ranks[1].weight + ranks[2].weight, 1, 1e-12, 0, "sum of weights");
        struct power_law fit = fitted(&forms[1]);
        test_close(ranks[1].aicc, fit.aicc, 0, 0, "AICc");
    }
    for (size_t i = 0; i < forms[0].n; i++) {
        y[i] = 3 * pow(x[i], 1.2) * exp(0.01 * gauss(32, i));
        censored[i] = false;
    }
    ck_assert(power_law_compare(forms, 3, ranks) == OK);
    ck_assert(ranks[0].delta == 0 && ranks[1].delta > 10 && ranks[2].delta > 10);
}
END_TEST

/* y = x + x^2 bends from exponent 1 to 2. */
START_TEST(test_local)
{
    struct power_law_ends ends[2];
    struct power_law_data data = planted(13, 1, 1, 0, 0);
    data.n_x = 1;
    for (size_t i = 0; i < data.n; i++) {
        x[i] = ldexp(1, (int)i - 6);
        y[i] = x[i] + x[i] * x[i];
    }
    struct power_law fit = fitted(&data);
    ck_assert_int_eq(power_law_local(&data, 0.95, ends), OK);
    ck_assert(ends[0].n_low == 5 && ends[0].n_high == 5);
    test_close(ends[0].low_to, 0.25, 1e-12, 0, "end of the low end");
    test_close(ends[0].high_from, 4, 1e-12, 0, "start of the high end");
    ck_assert(ends[0].low.value > 1 && ends[0].low.value < 1.2 && ends[0].high.value > 1.8 && ends[0].high.value < 2);
    ck_assert(ends[0].low.high < fit.exponent[0].value && fit.exponent[0].value < ends[0].high.low);

    data = planted(5, 4, 2, 0, 0); /* a straight law has the same exponents at both ends */
    ck_assert_int_eq(power_law_local(&data, 0.95, ends), OK);
    ck_assert(ends[0].n_low == 16 && ends[1].n_high == 20);
    test_close(ends[0].low.value, 0.98, 1e-11, 0, "T, low");
    test_close(ends[1].high.value, 0.49, 1e-11, 0, "d, high");

    cut_off(&data, 1.5 * pow(400, 0.98) * 4); /* the highest values of T are all censored */
    ck_assert_int_eq(power_law_local(&data, 0.95, ends), OK);
    ck_assert(isfinite(ends[0].low.value) && isnan(ends[0].high.value) && isnan(ends[0].high.low));
    ck_assert_uint_eq(ends[0].n_high, 16);

    /* A cross-shaped grid: T varies at d = 16 only, d at T = 64 only. */
    data = planted(7, 7, 1, 0, 0);
    for (size_t i = 0; i < data.n; i++)
        censored[i] = x[2 * i] > 64 && x[2 * i + 1] > 16;
    leave_out(&data, censored);
    ck_assert_int_eq(power_law_local(&data, 0.95, ends), OK);
    ck_assert(ends[0].n_low == 9 && ends[0].n_high == 3); /* T = 64, 128, 256: seven and one and one */
    test_close(ends[0].high.value, 0.98, 1e-10, 0, "T, high, without d");
    test_close(ends[1].low.value, 0.49, 1e-10, 0, "d, low");

    data = planted(2, 5, 1, 0.1, 1); /* two values of T have no ends */
    ck_assert_int_eq(power_law_local(&data, 0.95, ends), OK);
    ck_assert(isnan(ends[0].low.value) && isnan(ends[0].high.value) && isnan(ends[0].low_to));
    ck_assert(isfinite(ends[1].low.value));
}
END_TEST

static void refusal(enum status rc, const char *thing, const char *remedy)
{
    ck_assert_int_eq(rc, ERR_INPUT);
    ck_assert_msg(strstr(error_message(), thing) && strstr(error_message(), remedy), "%s", error_message());
}

static void refused(const struct power_law_data *data, const char *thing, const char *remedy)
{
    struct power_law fit;
    refusal(power_law_fit(data, 0.95, &fit), thing, remedy);
    ck_assert(!fit.residuals);
}

START_TEST(test_errors)
{
    const double bad[] = {0, -1, (double)NAN, (double)INFINITY};
    double factor[ROWS];
    for (size_t i = 0; i < 4; i++) {
        struct power_law_data data = planted(4, 4, 1, 0.1, 1);
        y[2] = bad[i];
        refused(&data, "row 3: the length", "censored");
        data = planted(4, 4, 1, 0.1, 1);
        x[2 * 5 + 1] = bad[i];
        refused(&data, "row 6: d = ", "combination");
        data = planted(4, 4, 1, 0.1, 1);
        for (size_t q = 0; q < data.n; q++)
            factor[q] = q == 15 ? bad[i] : 1;
        data.factor = factor;
        refused(&data, "row 16: the factor", "form");
    }
    struct power_law_data data = planted(3, 1, 1, 0.1, 1);
    refused(&data, "3 of 3 rows", "at least 4");
    data.n = 0;
    refused(&data, "0 of 0 rows", "add runs");
    data = planted(4, 4, 1, 0.1, 1);
    cut_off(&data, 0.1);
    refused(&data, "0 of 16 rows are uncensored", "raise the step cap");
    data = planted(4, 1, 4, 0.1, 1);
    refused(&data, "regressor d has one value in all 16 uncensored rows", "leave it out");
    data = planted(4, 4, 1, 0.1, 1);
    for (size_t i = 0; i < data.n; i++)
        censored[i] = x[2 * i] > 64; /* T varies, but not among the runs that emerged */
    data.censored = censored;
    refused(&data, "regressor T has one value in all 4 uncensored rows", "add runs");
    data = planted(4, 4, 1, 0.1, 1);
    for (size_t i = 0; i < data.n; i++)
        x[2 * i + 1] = 3 / (x[2 * i] * x[2 * i]);
    refused(&data, "regressor d is a product of powers of those before it", "leave it out");
    data.n_x = POWER_LAW_MAX + 1;
    refused(&data, "9 regressors", "at most 8");
}
END_TEST

START_TEST(test_errors_of_others)
{
    struct power_law fit;
    struct power_law_bootstrap out;
    struct power_law_rank ranks[2];
    struct power_law_ends ends[2];
    struct power_law_data data = planted(4, 4, 1, 0.1, 1), forms[2] = {data, data};
    const double levels[] = {0, 1, -0.5, (double)NAN};
    for (size_t i = 0; i < 4; i++) {
        refusal(power_law_fit(&data, levels[i], &fit), "confidence", "0.95");
        refusal(power_law_bootstrap(&data, 1000, 1, levels[i], &out), "confidence", "0.95");
        refusal(power_law_local(&data, levels[i], ends), "confidence", "0.95");
    }
    refusal(power_law_bootstrap(&data, 39, 1, 0.95, &out), "39 replicates", "at least 40");
    ck_assert_int_eq(power_law_bootstrap(&data, 40, 1, 0.95, &out), OK);
    forms[1].n = 15;
    refusal(power_law_compare(forms, 2, ranks), "form 2: ", "same rows");
    forms[1] = data;
    forms[1].n_x = 9;
    refusal(power_law_compare(forms, 2, ranks), "form 2: power law: 9 regressors", "");
    data.n = 5;
    refusal(power_law_compare(&data, 1, ranks), "AICc of 4 parameters", "needs 6");

    data = planted(1, 4, 1, 0.1, 1);
    refusal(power_law_local(&data, 0.95, ends), "regressor T", "");
    data = planted(1, 1, 6, 0.1, 1); /* T differs in one of three seeds, d in another: most draws miss one */
    for (size_t i = 0; i < data.n; i++) {
        seeds[i] = (int64_t)i / 2;
        x[2 * i + seeds[i] / 2] *= seeds[i] ? 2 : 1;
    }
    data.cluster = seeds;
    refusal(power_law_bootstrap(&data, 100, 1, 0.95, &out), "resamples of 3 seeds", "");
}
END_TEST

static const struct test tests[] = {
    {"exact laws", &test_exact},
    {"formulas by hand", &test_by_hand},
    {"NIST Longley", &test_longley},
    {"coverage", &test_coverage},
    {"Tobit bias", &test_tobit_bias},
    {"Tobit derivatives", &test_tobit_derivatives},
    {"Tobit is least squares", &test_tobit_is_least_squares},
    {"Tobit extremes", &test_tobit_extremes},
    {"bootstrap", &test_bootstrap},
    {"bootstrap of seeds", &test_bootstrap_clusters},
    {"comparison", &test_compare},
    {"local exponents", &test_local},
    {"refused input", &test_errors},
    {"refused requests", &test_errors_of_others},
};
TEST_MAIN("power_law", tests)
