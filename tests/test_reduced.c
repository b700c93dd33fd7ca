/* The reduced flow of a Transformer against values that another program computed from the same equations (doc/theory.md
 * has the equations), and against the limits that they have. */
#include "models/reduced_solver.h"
#include "test.h"
#include <math.h>
#include <string.h>

static const double ODE_DIGITS = 1e-5, CLOSED_DIGITS = 1e-5;

static struct reduced_setting setting(double T, double d, double M)
{
    return (struct reduced_setting){.T = T,
                                    .d = d,
                                    .B = 1,
                                    .N = 256,
                                    .k = 64,
                                    .H = 1,
                                    .M = M,
                                    .b = 32,
                                    .eta = 1e-4,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .adam = true,
                                    .skip = true};
}

static struct reduced_setting sgd(double T, double d, double M)
{
    struct reduced_setting q = setting(T, d, M);
    q.adam = false;
    q.eta = 5e-3;
    return q;
}

struct row {
    struct reduced_setting q;
    double threshold, T_pl, s50, t_e, T_em;
};

/* What a test changes in a setting. */
#define WITH(base, ...)                                                                                                \
    ({                                                                                                                 \
        const struct reduced_setting base_ = base;                                                                     \
        struct reduced_setting q = base_;                                                                              \
        __VA_ARGS__;                                                                                                   \
        q;                                                                                                             \
    })

static void check(const struct row *row, int number)
{
    struct ode *ode;
    struct reduced r;
    struct reduced_solution s;
    const struct reduced_request q = {.threshold = row->threshold, .cap = 1e6, .rtol = 1e-8, .atol = 1e-10};
    ck_assert_int_eq(ode_create(&ode), OK);
    ck_assert_msg(reduced_init(&row->q, &r) == OK, "%s", error_message());
    ck_assert_msg(reduced_solver_solve(ode, &r, &q, &s) == OK, "%s", error_message());
    const struct reduced_closed c = reduced_closed(&r, 0);
    test_close(c.t_e, row->t_e, CLOSED_DIGITS, 0, "row %d: t_e", number);
    test_close(c.T_em, row->T_em, CLOSED_DIGITS, 0, "row %d: T_em", number);
    test_close(s.plateau, row->T_pl, ODE_DIGITS, 0, "row %d: T_pl", number);
    test_close(s.s50, row->s50, ODE_DIGITS, 0, "row %d: s50", number);
    reduced_free(&r);
    ode_free(ode);
}

START_TEST(reference_values)
{
    const struct row rows[] = {
        {setting(16, 8, 4), .2, 221.624, 144.710, 103.973, 164.770},
        {setting(16, 16, 4), .2, 498.858, 288.164, 213.398, 338.622},
        {setting(64, 16, 4), .2, 989.232, 797.036, 733.607, 980.626},
        {setting(256, 16, 4), .2, 2841.18, 2659.93, 2671.78, 3130.92},
        {setting(64, 32, 4), .2, 2216.69, 1720.14, 1559.52, 2077.34},
        {setting(16, 64, 4), .2, 2658.18, 1441.16, 966.040, 1510.69},
        {setting(64, 64, 4), .2, 5309.76, 4152.45, 3370.02, 4452.98},
        {setting(256, 64, 4), .2, 14025.3, 12885.7, 12437.2, 14452.4},
        {setting(32, 128, 4), .2, 9177.34, 6664.79, 3747.84, 5319.57},
        {setting(64, 16, 4), .8, 830.274, 797.036, 733.607, 980.626},
        {setting(64, 16, 0), .2, 1136.55, 855.825, 796.169, 1053.64},
        {WITH(setting(64, 16, 0), q.skip = false), .2, 659.926, 480.855, 516.740, 557.777},
        {WITH(setting(64, 16, 2), q.skip = false), .2, 512.612, 424.884, 448.486, 487.683},
        {WITH(setting(64, 16, 4), q.fixed = true), .2, 679.440, 464.367, 336.139, 499.297},
        {WITH(setting(64, 16, 4), q.H = 4), .2, 910.368, 799.892, 772.738, 974.720},
        {WITH(setting(256, 32, 4), q.B = 4), .2, 2146.83, 1610.67, 1492.08, 2002.86},
        {WITH(setting(32, 64, 2), q.H = 4, q.B = 2), .2, 2269.19, 1272.35, 1060.99, 1557.13},
        {WITH(setting(64, 16, 4), q.b = 512), .2, 487.632, 384.233, 208.138, 517.384},
        {WITH(setting(64, 16, 4), q.eta = 3e-4), .2, 380.065, 307.833, 265.683, 364.258},
        {WITH(setting(64, 16, 4), q.eta = 1e-5), .2, 8436.81, 6797.99, 6911.46, 9480.43},
        {WITH(setting(64, 16, 4), q.N = 128, q.k = 32), .2, 2344.49, 1941.42, 1969.01, 2586.23},
        {WITH(setting(64, 64, 4), q.beta2 = .99), .2, 4995.72, 3849.70, 3370.02, 4452.95},
        {WITH(setting(64, 16, 4), q.beta1 = .5), .2, 990.539, 797.954, 733.607, 981.520},
        {sgd(16, 4, 4), .2, 1392.61, 1371.57, 1458.85, 1458.85},
        {sgd(64, 16, 4), .2, 31157.4, 30718.0, 41094.1, 41094.1},
        {sgd(64, 16, 0), .2, 32471.2, 31961.9, 42733.4, 42733.4},
        {WITH(sgd(64, 8, 4), q.B = 4), .2, 3268.26, 3173.21, 3805.36, 3805.36},
        {WITH(sgd(32, 8, 0), q.skip = false), .2, 6601.27, 6491.92, 7921.86, 7921.86},
        {WITH(sgd(16, 8, 4), q.fixed = true), .2, 2110.37, 1917.11, 1960.80, 1960.80},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i], (int)i + 1);
}
END_TEST

START_TEST(pieces)
{
    struct reduced r;
    const struct reduced_setting of = setting(64, 16, 4);
    ck_assert_int_eq(reduced_init(&of, &r), OK);
    const struct reduced_closed c = reduced_closed(&r, 0);
    test_close(r.y0, .4348, 1e-4, 0, "y0");
    test_close(r.h1, 163.804, 5e-6, 0, "h1");
    test_close(r.e1, 111.608, 5e-6, 0, "e1");
    test_close(r.v1, 17.339, 3e-5, 0, "v1");
    test_close(r.tau_i[0], 2.0317, 3e-5, 0, "tau_0");
    test_close(r.tau_i[7], 3049.0, 3e-5, 0, "tau_7");
    test_close(r.g0, .33927, 2e-5, 0, "g0");
    test_close(r.g1, .50501, 2e-5, 0, "g1");
    test_close(r.g2, 2.3121, 3e-5, 0, "g2");
    test_close(c.c_w, 7.17699e-5, 2e-6, 0, "c_w");
    test_close(c.c_a, 4.06678e-2, 2e-6, 0, "c_a");
    reduced_free(&r);
}
END_TEST

/* The covariance of positions by its definition. */
START_TEST(positions)
{
    enum { T = 37, N = 12 };
    struct reduced r;
    const struct reduced_setting of = WITH(setting(T, 8, 0), q.N = N, q.k = 4);
    double pos[T][N], mean[N] = {0}, C2[N] = {0}, trC = 0;
    for (int t = 0; t < T; t++) {
        for (int j = 0; j < N; j++) {
            const double angle = t * pow(10000, -(double)(j / 2 * 2) / N);
            pos[t][j] = j % 2 ? cos(angle) : sin(angle);
            mean[j] += pos[t][j] / T;
        }
    }
    ck_assert_int_eq(reduced_init(&of, &r), OK);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double C = 0;
            for (int t = 0; t < T; t++)
                C += (pos[t][i] - mean[i]) * (pos[t][j] - mean[j]) / T;
            C2[i] += C * C;
            trC += i == j ? C : 0;
        }
        test_close(r.C2[i], C2[i], 1e-9, 1e-15, "C2 of %d", i);
        test_close(r.pbar[i], fabs(mean[i]), 1e-12, 1e-14, "mean of %d", i);
    }
    test_close(r.trC, trC, 1e-12, 0, "trace");
    reduced_free(&r);
}
END_TEST

/* SGD without MLP in closed form, where |pos|^2 = N/2 is taken for all norms. */
START_TEST(printed_law)
{
    struct reduced r;
    const double d = 16, T = 64, N = 256, k = 64;
    const struct reduced_setting of = sgd(T, d, 0);
    ck_assert_int_eq(reduced_init(&of, &r), OK);
    const double law = sqrt(M_PI_2) * T * (d + 1) * sqrt(243 * d / (N * (2 * N + k + d + 1))) / of.eta;
    test_close(reduced_closed(&r, 0).T_em, law, 0.05, 0, "printed law");
    const double p = .3, factor = (1 - p) * sqrt(1 + 2 * p + p * p * d);
    test_close(reduced_closed(&r, p).t_e, reduced_closed(&r, 0).t_e / factor, 1e-14, 0, "factor of p");
    reduced_free(&r);
}
END_TEST

/* At any state the loss is that of the linear map s w W* + noise; its gradient with respect to the score is -H g, by
 * central differences; without n, in whose part g leaves out a factor T/(T-B). */
START_TEST(gradient_of_score)
{
    struct reduced r;
    struct reduced_view v, up, down;
    const struct reduced_setting of = WITH(setting(32, 8, 4), q.B = 2, q.H = 2);
    ck_assert_int_eq(reduced_init(&of, &r), OK);
    struct reduced_state y = r.start, moved;
    y.a = 1.5, y.n = 0, y.l = .1, y.U[0] = .2, y.O[0][1] = .1, y.V[1][0] = .05;
    const double h = 1e-5;
    reduced_look(&r, &y, &v);
    moved = y, moved.a += h;
    reduced_look(&r, &moved, &up);
    moved = y, moved.a -= h;
    reduced_look(&r, &moved, &down);
    test_close(-(up.L - down.L) / (2 * h) / 2, of.H * v.g, 1e-8, 1e-12, "dL/da");
    reduced_free(&r);
}
END_TEST

START_TEST(refused)
{
    struct reduced r;
    struct reduced_setting of = WITH(setting(16, 8, 4), q.B = 16);
    ck_assert_int_eq(reduced_init(&of, &r), ERR_INPUT);
    reduced_free(&r);
    of = WITH(setting(16, 257, 1), q.N = 256);
    ck_assert_int_eq(reduced_init(&of, &r), ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(error_message(), "d=257 width=256"));
    reduced_free(&r);
    of.d = 256;
    ck_assert_int_eq(reduced_init(&of, &r), OK);
    reduced_free(&r);
    of = WITH(setting(16, 8, 4), q.eta = 1e-11);
    ck_assert_int_eq(reduced_init(&of, &r), ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(error_message(), "lr=1e-11"));
    reduced_free(&r);
}
END_TEST

static const struct test tests[] = {{"reference values", &reference_values},
                                    {"pieces", &pieces},
                                    {"positions", &positions},
                                    {"printed law", &printed_law},
                                    {"gradient of the score", &gradient_of_score},
                                    {"refused", &refused}};
TEST_MAIN("reduced", tests)
