/* Kaplan-Meier: against published numbers and cases counted by hand. */
#include "validation/kaplan_meier.h"
#include "test.h"

enum { PATIENTS = 21 };

/* Weeks of remission under 6-mercaptopurine (Freireich et al., Blood 21, 1963), negative: cut off. S and Greenwood's
 * standard error as in any textbook on survival, to three and four digits. */
START_TEST(remissions)
{
    static const int weeks[PATIENTS] = {6,   6,   6,   7,   10,  13,  16,  22,  23,  -6, -9,
                                        -10, -11, -17, -19, -20, -25, -32, -32, -34, -35};
    static const struct {
        double time, survival, error;
        size_t at_risk;
    } want[] = {{6, .857, .0764, 21},  {7, .807, .0869, 17}, {10, .753, .0963, 15}, {13, .690, .1068, 12},
                {16, .627, .1141, 11}, {22, .538, .1282, 7}, {23, .448, .1346, 6}};
    struct kaplan_meier_run runs[PATIENTS];
    struct kaplan_meier_step steps[PATIENTS];
    bool reached;
    for (int i = 0; i < PATIENTS; i++) /* in another order than that of time */
        runs[i * 8 % PATIENTS] = (struct kaplan_meier_run){abs(weeks[i]), weeks[i] > 0};
    size_t n = kaplan_meier_curve(runs, PATIENTS, steps);
    ck_assert_uint_eq(n, 7);
    for (size_t i = 0; i < n; i++) {
        const double S = want[i].survival, z = 1.96 * want[i].error / (S * fabs(log(S)));
        test_close(steps[i].time, want[i].time, 0, 0, "time %zu", i);
        ck_assert_uint_eq(steps[i].at_risk, want[i].at_risk);
        test_close(steps[i].survival, S, 0, 6e-4, "S %zu", i);
        test_close(steps[i].low, pow(S, exp(z)), 0, 3e-3, "low %zu", i);
        test_close(steps[i].high, pow(S, exp(-z)), 0, 3e-3, "high %zu", i);
    }
    ck_assert_uint_eq(steps[0].emerged, 3);
    test_close(kaplan_meier_median(runs, PATIENTS, steps, n, &reached), 23, 0, 0, "median");
    ck_assert(reached);
}
END_TEST

/* By hand: of 5, one emerges at 1, one is cut off at 2, two emerge at 3, the last at 4. S = 4/5, 4/5 x 1/3, 0. */
START_TEST(by_hand)
{
    struct kaplan_meier_run runs[] = {{4, true}, {3, true}, {1, true}, {2, false}, {3, true}};
    struct kaplan_meier_step steps[5];
    bool reached;
    ck_assert_uint_eq(kaplan_meier_curve(runs, 5, steps), 3);
    test_close(steps[0].survival, 0.8, 1e-14, 0, "S(1)");
    test_close(steps[1].survival, 0.8 / 3, 1e-14, 0, "S(3)");
    ck_assert(steps[2].survival == 0 && isnan(steps[2].low) && isnan(steps[2].high));
    /* Greenwood at 3: 1/(5 4) + 2/(3 1) = 0.716667 */
    const double S = 0.8 / 3, s = sqrt(0.05 + 2. / 3) / fabs(log(S));
    test_close(steps[1].low, pow(S, exp(1.959964 * s)), 1e-6, 0, "low");
    test_close(steps[1].high, pow(S, exp(-1.959964 * s)), 1e-6, 0, "high");
    test_close(kaplan_meier_median(runs, 5, steps, 3, &reached), 3, 0, 0, "median");
}
END_TEST

static double median_of(struct kaplan_meier_run *runs, size_t n, bool *reached)
{
    struct kaplan_meier_step steps[8];
    size_t n_steps = kaplan_meier_curve(runs, n, steps);
    return kaplan_meier_median(runs, n, steps, n_steps, reached);
}

START_TEST(medians)
{
    bool reached;
    test_close(median_of((struct kaplan_meier_run[]){{2, true}, {1, true}, {9, true}}, 3, &reached), 2, 0, 0,
               "of three");
    test_close(median_of((struct kaplan_meier_run[]){{2, true}, {1, true}, {9, true}, {4, true}}, 4, &reached), 3, 0, 0,
               "of four");
    ck_assert(reached);
    /* Two of four cut off: half way between the second and where the others were, at least. */
    test_close(median_of((struct kaplan_meier_run[]){{2, true}, {1, true}, {9, false}, {9, false}}, 4, &reached), 5.5,
               0, 0, "a bound");
    ck_assert(!reached);
    test_close(median_of((struct kaplan_meier_run[]){{2, true}, {7, false}, {9, false}}, 3, &reached), 9, 0, 0,
               "a later bound");
    ck_assert(!reached);
    /* One that diverged never emerges: of 1, 2, never the median is 2, of 1, never, never it is beyond 1. */
    test_close(median_of((struct kaplan_meier_run[]){{INFINITY, false}, {1, true}, {2, true}}, 3, &reached), 2, 0, 0,
               "one never");
    ck_assert(reached);
    test_close(median_of((struct kaplan_meier_run[]){{INFINITY, false}, {1, true}, {INFINITY, false}}, 3, &reached), 1,
               0, 0, "two never");
    ck_assert(!reached);
    ck_assert(isinf(median_of((struct kaplan_meier_run[]){{INFINITY, false}}, 1, &reached)) && !reached);
}
END_TEST

static const struct test tests[] = {{"remissions", &remissions}, {"by hand", &by_hand}, {"medians", &medians}};
TEST_MAIN("kaplan_meier", tests)
