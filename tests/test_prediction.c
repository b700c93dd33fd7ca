/* Predictions: reference values, the pieces of one quadrature, the stated errors against the integrated flow on a grid
 * and over the whole range of every key, the linearised flow against the flow. */
#include "models/flow_solver.h"
#include "models/prediction.h"
#include "base/random.h"
#include "models/start.h"
#include "test.h"
#include "reference.h"
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <string.h>

static const double REFERENCE_RTOL = 1e-6; /* 7 digits */
static const double RATE_RTOL = 1e-6;
static const double PIECES_RTOL = 1e-7;

static struct prediction predict(const struct flow *f, enum loss loss, double threshold)
{
    gsl_set_error_handler_off();
    struct prediction_workspace *work;
    struct prediction p;
    ck_assert_int_eq(prediction_create(&work), OK);
    prediction_compute(work, f, loss, threshold, &p);
    prediction_free(work);
    return p;
}

static struct flow unit(double T, double d, double B, double p, enum metric metric)
{
    struct flow_start start = flow_unit_start(d);
    struct flow f;
    ck_assert_int_eq(flow_init(T, d, B, p, metric, &start, &f), OK);
    return f;
}

START_TEST(reference_values)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        const struct reference *r = &references[i];
        if (r->quadrature == 0)
            continue;
        struct flow f = reference_flow(r);
        struct prediction p = predict(&f, r->loss, r->level / flow_null_loss(&f, r->loss));
        test_close(p.quadrature, r->quadrature, REFERENCE_RTOL, 0, "quadrature, row %zu", i);
        if (isnan(r->closed))
            ck_assert(isnan(p.closed));
        else
            test_close(p.closed, r->closed, REFERENCE_RTOL, 0, "closed, row %zu", i);
    }
}
END_TEST

START_TEST(pieces)
{
    struct flow f = unit(512, 64, 4, .3, METRIC_FULL);
    struct prediction p = predict(&f, LOSS_TEST, .2);
    test_close(f.R, .32282929, PIECES_RTOL, 0, "R");
    test_close(p.lambda0, 1.2759755e-3, PIECES_RTOL, 0, "lambda_0");
    test_close(p.delta, .024105380, PIECES_RTOL, 0, "delta");
    test_close(p.jump, 986.30763, PIECES_RTOL, 0, "T_jump");
    test_close(p.w_jump, 6.2008657, PIECES_RTOL, 0, "w_j");
    test_close(p.om, .21008617, PIECES_RTOL, 0, "om");
    test_close(p.q, .54925106, PIECES_RTOL, 0, "q");
    test_close(p.w_q, 7.1732156, PIECES_RTOL, 0, "w_q");
    test_close(p.integral, 275.14193, PIECES_RTOL, 0, "integral");
    test_close(p.start, 0, 0, 1e-9, "start, from w = 0");
    /* What w(0) adds is what it adds to the jump: p = 0, x_0 = sqrt(m) w(0), to first order -x_0/lambda_0. */
    struct flow_start start = flow_unit_start(32);
    struct flow g;
    const double w = 1e-3;
    start.w[0] = w / sqrt(32), start.w[1] = w * sqrt(31. / 32);
    ck_assert(flow_init(512, 32, 1, 0, METRIC_FULL, &start, &g) == OK);
    struct flow zero = unit(512, 32, 1, 0, METRIC_FULL);
    struct prediction with = predict(&g, LOSS_TEST, .2), without = predict(&zero, LOSS_TEST, .2);
    test_close(with.start, with.jump - without.jump, 1e-9, 0, "start, part of the jump");
    test_close(with.start, -w * sqrt(g.m) / g.lambda0, 1e-2, 0, "start, to first order");
}
END_TEST

START_TEST(paper_times)
{
    struct flow f = unit(512, 64, 1, 0, METRIC_FULL), g = unit(1024, 128, 4, .1, METRIC_PAPER);
    test_close(predict(&f, LOSS_TEST, .2).asinh, 17997.35, REFERENCE_RTOL, 0, "asinh");
    test_close(predict(&f, LOSS_TEST, .2).eq6, 16577.79, REFERENCE_RTOL, 0, "eq6");
    test_close(predict(&g, LOSS_TEST, .2).asinh, 8086.415, REFERENCE_RTOL, 0, "asinh, p");
    test_close(predict(&g, LOSS_TEST, .2).eq6, 7392.083, REFERENCE_RTOL, 0, "eq6, p");
    struct flow tiny = unit(2, 1, 1, 0, METRIC_FULL); /* eps X = .9 x 2 > 1, then .3 x 2 < 1 */
    ck_assert(!isnan(predict(&tiny, LOSS_TEST, .1).eq6));
    ck_assert(isnan(predict(&tiny, LOSS_TEST, .7).eq6));
}
END_TEST

START_TEST(rates)
{
    struct flow a = unit(64, 6, 4, 0, METRIC_FULL), b = unit(64, 6, 4, .3, METRIC_FULL),
                c = unit(64, 6, 8, .8, METRIC_FULL);
    test_close(prediction_rate(&a), 0.01090282, RATE_RTOL, 0, "p = 0");
    test_close(prediction_rate(&b), 0.01312952, RATE_RTOL, 0, "p = .3");
    test_close(prediction_rate(&c), 0.02782818, RATE_RTOL, 0, "p = .8");
}
END_TEST

/* The largest errors, in %, of doc/theory.md, "Plateau law": zero start, unit columns, test loss 0.2 of the null
 * loss. */
static double quadrature_bound(const struct flow *f)
{
    static const double percent[8][4] = {
        /* p: 0, .1 to .6, .7 and .8, .9 */
        {.38, 1.6, 5.3, 13.6}, /* B = 1, T < 512 */
        {.06, .16, .58, 1.9},  /* B = 1, T >= 512 */
        {.45, 6.1, 4.9, 13.7}, /* B > 1, full: T/B >= 64 */
        {2.5, 20, 11, 25},     /* 16 <= T/B < 64 */
        {7.3, 51, 4.8, 13.6},  /* T/B < 16 */
        {.11, 1.5, 1.6, 4.3},  /* paper: the same three */
        {.5, 5, 5, 11.1},      {.71, 12.7, 4.8, 6},
    };
    const double ratio = f->T / f->B;
    const int far = ratio >= 64 ? 0 : ratio >= 16 ? 1 : 2;
    const int row = f->B == 1 ? f->T >= 512 : (f->metric == METRIC_FULL ? 2 : 5) + far;
    const int column = f->p == 0 ? 0 : f->p < .65 ? 1 : f->p < .85 ? 2 : 3;
    if (row == 2 && column == 1 && f->d >= 8)
        return .031; /* 6.1 % is that of d = 4 */
    return percent[row][column] / 100;
}

static void check_point(struct flow_solver *solver, struct prediction_workspace *work, const struct flow *f)
{
    struct flow_request q = {.loss = LOSS_TEST, .rtol = 1e-8, .atol = 1e-11, .threshold = .2};
    struct flow_solution s;
    struct prediction out;
    double quadrature = quadrature_bound(f), closed = prediction_closed_error(f, .2);
    ck_assert_int_eq(flow_solver_solve(solver, f, &q, &s), OK);
    prediction_compute(work, f, LOSS_TEST, .2, &out);
    if (!isnan(out.quadrature))
        test_close(out.quadrature, s.plateau, quadrature, 0, "quadrature T=%g d=%g B=%g p=%g metric %d", f->T, f->d,
                   f->B, f->p, f->metric);
    else
        ck_assert_msg(f->B > 1, "quadrature is not known at T=%g d=%g p=%g", f->T, f->d, f->p);
    ck_assert(isnan(closed) == (f->p > 0));
    ck_assert(f->p > 0 ? isnan(prediction_closed(f, LOSS_TEST, .2))
                       : isnan(out.closed) || prediction_closed(f, LOSS_TEST, .2) == out.closed);
    if (!isnan(out.closed))
        test_close(out.closed, s.plateau, closed, 0, "closed T=%g d=%g B=%g metric %d", f->T, f->d, f->B, f->metric);
}

/* T 64..16384, d 4..512 in steps of 2; PLATEAU_TEST_FULL=1 (check --full): of 2^(1/4), rounded, and more p. */
START_TEST(stated_errors)
{
    gsl_set_error_handler_off();
    const bool all = getenv("PLATEAU_TEST_FULL") != NULL;
    const int fine = all ? 4 : 1; /* steps in a factor of 2 */
    static const double few[] = {0, .1, .3, .6, .8, .9};
    struct prediction_workspace *work;
    struct flow_solver *solver;
    ck_assert_int_eq(prediction_create(&work), OK);
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    for (int i = 0; i <= 8 * fine; i++)
        for (int j = 0; j <= 7 * fine; j++)
            for (double B = 1; B <= 16; B *= 4)
                for (int k = 0; k < (all ? 10 : 6); k++)
                    for (int metric = 0; metric < 2; metric++) {
                        double T = rint(64 * pow(2, (double)i / fine)), d = rint(4 * pow(2, (double)j / fine)),
                               p = all ? k / 10.0 : few[k];
                        if (B == 1 && metric == METRIC_PAPER)
                            continue;
                        struct flow f = unit(T, d, B, p, (enum metric)metric);
                        check_point(solver, work, &f);
                    }
    for (double T = 2060; T < 2100; T += 10) { /* between these points, where `closed` is worst */
        struct flow f = unit(T, 49.5, 1, 0, METRIC_FULL);
        check_point(solver, work, &f);
    }
    prediction_free(work);
    flow_solver_free(solver);
}
END_TEST

/* A number between a and b, evenly in its logarithm. */
static double between(const struct stream *stream, uint32_t i, double a, double b)
{
    return a * pow(b / a, random_uniform(stream, i));
}

/* A random problem out of the whole range of every key. */
static struct flow draw(uint64_t seed, enum loss *loss, double *threshold)
{
    const struct stream s = {.seed = seed, .purpose = PURPOSE_CHOICE};
    const double T = rint(between(&s, 0, 2, 1e9)), d = rint(between(&s, 1, 1, random_uniform(&s, 2) < .3 ? 64 : 1e6));
    const double B = random_uniform(&s, 3) < .3 ? 1 : rint(between(&s, 4, 1, T - 1));
    const double kind = random_uniform(&s, 5);
    const double p = kind < .4 ? 0 : kind < .7 ? random_uniform(&s, 6) : 1 - between(&s, 6, 1e-7, 1);
    const bool gaussian = d <= 64 && random_uniform(&s, 7) < .7;
    struct flow_start start;
    struct flow f;
    *loss = random_uniform(&s, 8) < .5 ? LOSS_TEST : LOSS_TRAIN;
    *threshold = random_uniform(&s, 9) < .5 ? between(&s, 10, 1e-4, 1) : 1 - between(&s, 10, 1e-4, 1);
    start_reduced((int)d, gaussian, gaussian && random_uniform(&s, 11) < .5, seed, &start);
    ck_assert_int_eq(flow_init(T, d, B, p, (enum metric)(3 * random_uniform(&s, 12)), &start, &f), OK);
    return f;
}

/* What is given is within a factor of 2 of the flow, wherever that is; and most of what there is at p = 0 is given.
 * PLATEAU_TEST_FULL=1: 50 times as many. */
START_TEST(known)
{
    enum { PROBLEMS = 4000 };
    gsl_set_error_handler_off();
    const uint64_t n = getenv("PLATEAU_TEST_FULL") ? 50 * PROBLEMS : PROBLEMS;
    struct prediction_workspace *work;
    struct flow_solver *solver;
    double given = 0, all = 0;
    ck_assert_int_eq(prediction_create(&work), OK);
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    for (uint64_t seed = 0; seed < n; seed++) {
        struct flow_request q = {.rtol = 1e-8, .atol = 1e-11};
        const struct flow f = draw(seed, &q.loss, &q.threshold);
        struct flow_solution s;
        struct prediction out;
        prediction_compute(work, &f, q.loss, q.threshold, &out);
        all += f.blocks == 1 && !f.has_u;
        given += f.blocks == 1 && !f.has_u && !isnan(out.quadrature);
        ck_assert(isnan(out.closed) || !isnan(out.quadrature));
        if (isnan(out.quadrature))
            continue;
        ck_assert_msg(flow_solver_solve(solver, &f, &q, &s) == OK, "%s", error_message());
        const double ratio = out.quadrature / s.plateau, closed = isnan(out.closed) ? 1 : out.closed / s.plateau;
        ck_assert_msg(ratio > .5 && ratio < 2 && closed > .4 && closed < 2,
                      "seed %d: T=%g d=%g B=%g 1-p=%g metric %d loss %d threshold=%g: quadrature %g, closed %g of %g",
                      (int)seed, f.T, f.d, f.B, 1 - f.p, f.metric, q.loss, q.threshold, ratio, closed, s.plateau);
    }
    ck_assert_msg(given > .75 * all, "%g of %g", given, all);
    prediction_free(work);
    flow_solver_free(solver);
}
END_TEST

START_TEST(unknown)
{
    const struct flow half = unit(1e9, 1, 5e8, 0, METRIC_FULL), late = unit(512, 64, 1, .9999, METRIC_FULL),
                      start = unit(8, 2, 1, 0, METRIC_TIED), usual = unit(512, 64, 1, .9, METRIC_FULL);
    ck_assert(isnan(predict(&half, LOSS_TEST, .2).closed));
    test_close(predict(&half, LOSS_TEST, .2).quadrature, 3.2188758, .05, 0, "quadrature at T/B = 2");
    ck_assert(isnan(predict(&late, LOSS_TEST, .2).quadrature));
    ck_assert(isnan(predict(&start, LOSS_TEST, .9999).quadrature));
    ck_assert(!isnan(predict(&usual, LOSS_TEST, .2).quadrature) && !isnan(predict(&usual, LOSS_TRAIN, .2).quadrature));
    ck_assert(!isnan(predict(&half, LOSS_TEST, .2).eq6)); /* the paper's, as it states them */
}
END_TEST

struct early {
    double lambda, worst_w, worst_D, worst_L;
};

static enum status compare_early(void *context, const struct flow *f, double t, const double *y)
{
    struct early *e = context;
    double w, D, L;
    if (e->lambda * t < 1e-3 || e->lambda * t > .5) /* below, D is under atol */
        return OK;
    prediction_linear(f, t, &w, &D, &L);
    e->worst_w = fmax(e->worst_w, fabs(y[0] / w - 1));
    e->worst_D = fmax(e->worst_D, fabs(y[1] / D - 1));
    e->worst_L = fmax(e->worst_L, fabs(flow_loss(f, y, LOSS_TEST) - L));
    return OK;
}

START_TEST(linearised)
{
    struct flow f = unit(512, 512, 1, 0, METRIC_FULL);
    struct early e = {.lambda = prediction_rate(&f)};
    struct flow_request q = {
        .loss = LOSS_TEST, .rtol = 1e-10, .atol = 1e-14, .threshold = .2, .step = compare_early, .context = &e};
    struct flow_solver *solver;
    struct flow_solution s;
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    ck_assert_int_eq(flow_solver_solve(solver, &f, &q, &s), OK);
    flow_solver_free(solver);
    ck_assert_msg(e.worst_w > 0 && e.worst_w < .02, "w departs by %g", e.worst_w);
    ck_assert_msg(e.worst_D > 0 && e.worst_D < .075, "D departs by %g", e.worst_D);
    ck_assert_msg(e.worst_L > 0 && e.worst_L < 1e-2, "L departs by %g", e.worst_L);
}
END_TEST

START_TEST(loss_drop)
{
    gsl_set_error_handler_off();
    struct flow f = unit(1024, 64, 1, 0, METRIC_FULL);
    struct flow_request q = {.loss = LOSS_TEST, .rtol = 1e-8, .atol = 1e-11};
    struct flow_solver *solver;
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    const double drops[] = {.001, .01, .1, .5, .8};
    for (int i = 0; i < 5; i++) {
        struct flow_solution s;
        q.threshold = 1 - drops[i];
        ck_assert_int_eq(flow_solver_solve(solver, &f, &q, &s), OK);
        test_close(prediction_drop(&f, drops[i]), s.plateau, .1, 0, "drop %g", drops[i]);
    }
    flow_solver_free(solver);
}
END_TEST

/* These libraries are compiled as the C standard has it: without -fno-math-errno, which is for loops over elements
 * alone. */
START_TEST(math_errors)
{
    if (!(math_errhandling & MATH_ERRNO))
        return;
    struct flow f = unit(64, 16, 1, 0, METRIC_FULL);
    errno = 0;
    ck_assert(isnan(prediction_drop(&f, 2))); /* the root of -1 */
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

static const struct test tests[] = {{"reference values", &reference_values},
                                    {"pieces", &pieces},
                                    {"paper's times", &paper_times},
                                    {"rates", &rates},
                                    {"stated errors", &stated_errors},
                                    {"linearised", &linearised},
                                    {"known", &known},
                                    {"unknown", &unknown},
                                    {"loss drop", &loss_drop},
                                    {"math errors", &math_errors}};
TEST_MAIN("prediction", tests)
