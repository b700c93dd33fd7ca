/* The reduced flow: derivatives against finite differences, every reference value, BDF against Adams, thresholds near
 * the start against Runge-Kutta, conserved quantity. */
#include "models/flow.h"
#include "models/flow_solver.h"
#include "models/start.h"
#include "test.h"
#include "reference.h"
#include <string.h>

static const double REFERENCE_RTOL = 5e-6;  /* the references carry 6 to 8 digits */
static const double DIFFERENCE_RTOL = 1e-6; /* central differences, step 1e-5 */
static const double METHODS_RTOL = 1e-6;    /* BDF against Adams */
static const double CONSERVED_RTOL = 2e-5;
static const double PLATEAU_RTOL = 1e-6; /* against Runge-Kutta */

static struct flow_request request(enum loss loss, double threshold)
{
    return (struct flow_request){
        .loss = loss, .method = METHOD_BDF, .rtol = 1e-8, .atol = 1e-11, .threshold = threshold, .all_crossings = true};
}

static struct flow_solution solve(const struct flow *f, const struct flow_request *q)
{
    struct flow_solver *solver;
    struct flow_solution s;
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    enum status rc = flow_solver_solve(solver, f, q, &s);
    ck_assert_msg(rc == OK, "%s", error_message());
    flow_solver_free(solver);
    return s;
}

START_TEST(reference_values)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        const struct reference *r = &references[i];
        struct flow f = reference_flow(r);
        struct flow_request q = request(r->loss, r->level / flow_null_loss(&f, r->loss));
        struct flow_solution s = solve(&f, &q);
        test_close(s.plateau, r->flow, REFERENCE_RTOL, 0, "row %zu T=%g d=%g B=%g p=%g metric %d", i, r->T, r->d, r->B,
                   r->p, r->metric);
        ck_assert(s.counts.steps > 10 && s.counts.rhs_evals >= s.counts.steps);
    }
}
END_TEST

/* Every field differs from a special value, so that no term can hide. */
static struct flow generic(double p, bool with_u, double d)
{
    struct flow_start start = {
        .n = {1.2, d > 1 ? 5 : 0}, .w = {.1, d > 1 ? -.2 : 0}, .u = {with_u ? 1 : 0, with_u && d > 1 ? 5.5 : 0}};
    struct flow f;
    ck_assert_int_eq(flow_init(64, d, 3, p, METRIC_FULL, &start, &f), OK);
    double state[FLOW_DIM] = {.7, -.4, .9, 2.1, 0};
    memcpy(f.y0, state, sizeof state);
    f.y0[f.dim - 1] = 1.7;
    return f;
}

START_TEST(derivatives)
{
    const double h = 1e-5;
    for (int variant = 0; variant < 8; variant++) {
        struct flow f = generic(variant & 1 ? .3 : 0, variant & 2, variant & 4 ? 1 : 20);
        int n = f.dim;
        double dy[FLOW_DIM], H[FLOW_DIM * FLOW_DIM], J[FLOW_DIM * FLOW_DIM];
        flow_rhs(&f, f.y0, dy);
        flow_hessian(&f, f.y0, H);
        flow_jacobian(&f, f.y0, J);
        for (int j = 0; j < n; j++) {
            double a[FLOW_DIM], b[FLOW_DIM], fa[FLOW_DIM], fb[FLOW_DIM], weight = j == n - 1 ? f.m : 1;
            memcpy(a, f.y0, sizeof a), memcpy(b, f.y0, sizeof b);
            a[j] -= h, b[j] += h;
            double slope = (flow_loss(&f, b, LOSS_TRAIN) - flow_loss(&f, a, LOSS_TRAIN)) / (2 * h);
            test_close(dy[j], -weight * slope, DIFFERENCE_RTOL, 1e-9, "gradient %d variant %d", j, variant);
            flow_rhs(&f, a, fa), flow_rhs(&f, b, fb);
            for (int i = 0; i < n; i++) {
                test_close(J[i + n * j], (fb[i] - fa[i]) / (2 * h), DIFFERENCE_RTOL, 1e-9, "jacobian %d %d", i, j);
                test_close(H[i + n * j], H[j + n * i], 1e-12, 1e-15, "symmetry %d %d", i, j);
                double G = i == n - 1 ? f.m : 1;
                test_close(J[i + n * j], -G * H[i + n * j], 1e-12, 1e-15, "J = -G H %d %d", i, j);
            }
        }
    }
}
END_TEST

START_TEST(bdf_against_adams)
{
    for (int variant = 0; variant < 4; variant++) {
        struct flow f = generic(variant & 1 ? .3 : 0, variant & 2, 20);
        f.y0[f.dim - 1] = 0;
        struct flow_request q = request(LOSS_TEST, .2);
        struct flow_solution a = solve(&f, &q);
        q.method = METHOD_ADAMS;
        struct flow_solution b = solve(&f, &q);
        test_close(a.plateau, b.plateau, METHODS_RTOL, 0, "plateau, variant %d", variant);
        for (int i = 0; i < FLOW_LEVELS; i++)
            test_close(a.crossings[i], b.crossings[i], METHODS_RTOL, 1e-6, "crossing %d, variant %d", i, variant);
    }
}
END_TEST

/* A state of the two blocks at p -> 0, seen by the one block that they merge to at p = 0. */
static enum status compare_views(void *context, const struct flow *two, double t, const double *y)
{
    const struct flow *one = context;
    struct flow_view b = flow_view_at(two, y), a = flow_view_at(one, (double[]){b.w, b.u, b.delta_a});
    test_close(a.w_repeated, b.w_repeated, 0, 1e-7, "w_repeated at t=%g", t);
    return OK;
}

START_TEST(blocks_agree)
{
    /* d = 1 has one block whatever p; at p = 0 one block equals two (p -> 0). */
    struct flow_start start = {.n = {1.2, 5}, .w = {.1, -.2}, .u = {1, 5.5}};
    struct flow one, two;
    ck_assert_int_eq(flow_init(128, 20, 2, 0, METRIC_TIED, &start, &one), OK);
    ck_assert_int_eq(flow_init(128, 20, 2, 1e-13, METRIC_TIED, &start, &two), OK);
    ck_assert_int_eq(one.dim, 3);
    ck_assert_int_eq(two.dim, 5);
    struct flow_request q = request(LOSS_TEST, .2);
    struct flow_solution a = solve(&one, &q);
    q.step = compare_views, q.context = &one;
    struct flow_solution b = solve(&two, &q);
    test_close(a.plateau, b.plateau, 1e-6, 0, "one block against two");
    struct flow_view va = flow_view_at(&one, one.y0), vb = flow_view_at(&two, two.y0);
    test_close(va.w, vb.w, 1e-12, 0, "w");
    test_close(va.u, vb.u, 1e-12, 0, "u");
}
END_TEST

START_TEST(crossings_in_order)
{
    struct flow_start start = flow_unit_start(64);
    struct flow f;
    ck_assert_int_eq(flow_init(512, 64, 1, 0, METRIC_FULL, &start, &f), OK);
    struct flow_request q = request(LOSS_TEST, .2);
    struct flow_solution s = solve(&f, &q);
    for (int i = 1; i < FLOW_LEVELS; i++)
        ck_assert(s.crossings[i] > s.crossings[i - 1]);
    test_close(s.crossings[7], s.plateau, 1e-9, 0, "the 0.2 crossing and the root");
    /* each dense crossing equals the root found with that threshold */
    q.threshold = .5;
    test_close(solve(&f, &q).plateau, s.crossings[4], 1e-9, 0, "the 0.5 crossing and the root");
}
END_TEST

/* y after a step h of the classical Runge-Kutta method. */
static void runge_kutta(const struct flow *f, double h, double *y)
{
    static const double at[] = {0, .5, .5, 1}, weight[] = {1. / 6, 1. / 3, 1. / 3, 1. / 6};
    double k[4][FLOW_DIM], z[FLOW_DIM], sum[FLOW_DIM];
    memcpy(sum, y, sizeof sum);
    for (int s = 0; s < 4; s++) {
        for (int i = 0; i < f->dim; i++)
            z[i] = y[i] + (s ? at[s] * h * k[s - 1][i] : 0);
        flow_rhs(f, z, k[s]);
        for (int i = 0; i < f->dim; i++)
            sum[i] += weight[s] * h * k[s][i];
    }
    memcpy(y, sum, sizeof sum);
}

/* The plateau that the solver gives for `threshold` ends within PLATEAU_RTOL of its length. */
static void check_plateau(struct flow_solver *solver, const struct flow *f, double threshold, uint64_t seed)
{
    struct flow_request q = request(LOSS_TEST, threshold);
    struct flow_solution s;
    double y[FLOW_DIM];
    ck_assert_msg(flow_solver_solve(solver, f, &q, &s) == OK, "T=%g d=%g B=%g p=%g threshold=%g seed=%d: %s", f->T,
                  f->d, f->B, f->p, threshold, (int)seed, error_message());
    const double level = threshold * s.null_loss, end = s.plateau * (1 - PLATEAU_RTOL);
    const int steps = (int)fmax(500, 20 * f->sigma[0] * end); /* w_1 follows at up to sigma_1 */
    memcpy(y, f->y0, sizeof y);
    ck_assert_int_eq(s.plateau == 0, s.initial_loss <= level);
    for (int i = 0; i < steps && s.plateau > 0; i++) {
        runge_kutta(f, end / steps, y);
        ck_assert_msg(flow_loss(f, y, LOSS_TEST) > level, "T=%g d=%g B=%g p=%g threshold=%g seed=%d: over before %g",
                      f->T, f->d, f->B, f->p, threshold, (int)seed, end * (i + 1) / steps);
    }
    runge_kutta(f, 2 * PLATEAU_RTOL * s.plateau, y);
    ck_assert_msg(flow_loss(f, y, LOSS_TEST) <= level, "T=%g d=%g B=%g p=%g threshold=%g seed=%d: not over after %g",
                  f->T, f->d, f->B, f->p, threshold, (int)seed, s.plateau);
}

/* Thresholds so near 1 that the loss is flat, to the last digit, around the end of the plateau.
 * PLATEAU_TEST_FULL=1: more starts. */
START_TEST(flat_thresholds)
{
    static const double thresholds[] = {.9, .95, .99, .999, .9999};
    static const struct {
        double T, d, B;
    } problems[] = {{4, 1, 1},    {4, 1, 3},     {4, 512, 2},  {64, 8, 1},      {512, 64, 1},
                    {512, 1, 64}, {512, 512, 8}, {8192, 1, 1}, {8192, 512, 16}, {8192, 64, 4096}};
    const bool all = getenv("PLATEAU_TEST_FULL") != NULL;
    struct flow_solver *solver;
    struct flow_start start;
    struct flow f;
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    for (int k = 0; k < 5; k++) {
        for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
            for (uint64_t seed = 0; seed < (all ? 8 : 4); seed++) { /* 0, 1: the zero start */
                start_reduced((int)problems[i].d, seed > 1, false, seed, &start);
                const double p = seed % 2 ? .4 : 0;
                ck_assert_int_eq(flow_init(problems[i].T, problems[i].d, problems[i].B, p, METRIC_FULL, &start, &f),
                                 OK);
                check_plateau(solver, &f, thresholds[k], seed);
            }
        }
        for (uint64_t seed = 40; seed <= 1000; seed += all ? 1 : 40) { /* 280 is one that CVODE refused */
            start_reduced(1, true, false, seed, &start);
            ck_assert_int_eq(flow_init(4, 1, 1, 0, METRIC_FULL, &start, &f), OK);
            check_plateau(solver, &f, thresholds[k], seed);
        }
    }
    flow_solver_free(solver);
}
END_TEST

/* dQ/dt = -(1-beta) K N along the flow, integrated by the trapezoidal rule over the solver's own steps. */
struct ledger {
    double t, rate, start, sum, worst;
    bool begun;
};

static enum status check_conserved(void *context, const struct flow *f, double t, const double *y)
{
    struct ledger *l = context;
    double rate, Q = flow_conserved(f, y, &rate);
    if (l->begun)
        l->sum += (t - l->t) * (rate + l->rate) / 2;
    else
        l->start = Q;
    l->worst = fmax(l->worst, fabs(Q - l->start - l->sum));
    l->t = t, l->rate = rate, l->begun = true;
    return OK;
}

START_TEST(conserved_quantity)
{
    for (int variant = 0; variant < 4; variant++) {
        struct flow f = generic(variant & 1 ? .3 : 0, variant & 2, 20);
        f.y0[f.dim - 1] = 0;
        for (int noise = 0; noise < 2; noise++) {
            if (!noise)
                f.K = 0;
            else
                f.K = 1 / (f.d * (f.T - f.B));
            struct ledger l = {0};
            struct flow_request q = request(LOSS_TEST, .2);
            q.step = check_conserved, q.context = &l;
            solve(&f, &q);
            double rate, scale = 1 + fabs(flow_conserved(&f, f.y0, &rate));
            ck_assert_msg(l.worst <= (noise ? 1e-3 : CONSERVED_RTOL) * scale, "Q drifts by %g (noise %d variant %d)",
                          l.worst, noise, variant);
        }
    }
}
END_TEST

START_TEST(late_phase)
{
    /* 4 m t L -> 1: 1.0004 at t = 1e7, (T,d,B) = (64,16,1) */
    struct flow_start start = flow_unit_start(16);
    struct flow f;
    ck_assert_int_eq(flow_init(64, 16, 1, 0, METRIC_FULL, &start, &f), OK);
    struct flow_request q = request(LOSS_TEST, .2);
    q.time = 1e7;
    struct flow_solution s = solve(&f, &q);
    test_close(4 * f.m * s.final_time * s.final_loss, 1.0004, 1e-3, 0, "4 m t L");
}
END_TEST

START_TEST(extreme_attention)
{
    struct flow f = generic(0, false, 20);
    double beta, rest;
    flow_attention(&f, 800, &beta, &rest);
    ck_assert(beta == 1 && rest == 0);
    flow_attention(&f, -800, &beta, &rest);
    ck_assert(beta == 0 && rest == 1);
    flow_attention(&f, 40, &beta, &rest);
    test_close(rest, exp(-40) / f.b, 1e-12, 0, "1 - beta keeps its digits");
}
END_TEST

START_TEST(refuses)
{
    struct flow_start start = flow_unit_start(4);
    struct flow f;
    ck_assert_int_eq(flow_init(3, 4, 4, 0, METRIC_FULL, &start, &f), ERR_INPUT);
    ck_assert(strstr(error_message(), "T=3 B=4"));
    ck_assert_int_eq(flow_init(8, 4, 0, 0, METRIC_FULL, &start, &f), ERR_INPUT);
    ck_assert_int_eq(flow_init(8, 4, 1, 1, METRIC_FULL, &start, &f), ERR_INPUT);
    ck_assert_int_eq(flow_init(8, 4, NAN, 0, METRIC_FULL, &start, &f), ERR_INPUT);
    ck_assert_int_eq(flow_init(8, 4, 1, NAN, METRIC_FULL, &start, &f), ERR_INPUT);
    start.n[0] = start.n[1] = 0;
    ck_assert_int_eq(flow_init(8, 4, 1, 0, METRIC_FULL, &start, &f), ERR_INPUT);
}
END_TEST

static const struct test tests[] = {{"reference values", &reference_values},     {"derivatives", &derivatives},
                                    {"bdf against adams", &bdf_against_adams},   {"blocks agree", &blocks_agree},
                                    {"crossings in order", &crossings_in_order}, {"flat thresholds", &flat_thresholds},
                                    {"conserved quantity", &conserved_quantity}, {"late phase", &late_phase},
                                    {"extreme attention", &extreme_attention},   {"refuses", &refuses}};
TEST_MAIN("flow", tests)
