/* Repetition schedules: the text and its rules; the detector; the flow's switches against a Runge-Kutta integration of
 * all parameters and against each other; what a switch is worth. Runs of toy and Transformer with a schedule:
 * test_run_toy, test_training. */
#include "models/optimum.h"
#include "base/schedule.h"
#include "models/start.h"
#include "test.h"
#include "test_keys.h"
#include "models/toy.h"

static const double FLOW_RTOL = 1e-6; /* BDF at rtol 1e-8, through up to three switches */

/* ---- text ---- */

START_TEST(texts)
{
    static const char *const same[] = {"none", "p=0@5000", "p=0.25@attention=0.5", "B=1@loss=0.2",
                                       "p=0.4@3000/p=0@attention=0.5/B=1@9000"};
    static const struct {
        const char *text, *canonical;
    } other[] = {{"p=.5@1e3", "p=0.5@1000"},
                 {"B=08@attention=.10", "B=8@attention=0.1"},
                 {"p=0@5000.0/p=0.10@5000", "p=0@5000/p=0.1@5000"}};
    double value, again;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        ck_assert_msg(schedule_value(same[i], &value) == OK, "%s", error_message());
        ck_assert_str_eq(schedule_name(value), same[i]);
        ck_assert_int_eq(value == 0, i == 0);
        ck_assert(value == rint(value) && value < 9007199254740992.0);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        ck_assert_int_eq(schedule_value(other[i].text, &value), OK);
        ck_assert_str_eq(schedule_name(value), other[i].canonical);
        ck_assert_int_eq(schedule_value(other[i].canonical, &again), OK);
        ck_assert(value == again);
    }
    ck_assert_int_eq(schedule_value("p=0.4@3000/p=0@attention=0.5/B=1@9000", &value), OK);
    const struct schedule s = schedule_of(value);
    ck_assert(s.n == 3 && s.list[0].value == .4 && s.list[1].when == SCHEDULE_ATTENTION &&
              s.list[2].variable == SCHEDULE_B);
    ck_assert(schedule_largest(&s, SCHEDULE_P, .7) == .7 && schedule_largest(&s, SCHEDULE_P, 0) == .4 &&
              schedule_last(&s, SCHEDULE_P, .7) == 0);
    ck_assert(schedule_last(&s, SCHEDULE_B, 8) == 1 && schedule_has(&s, SCHEDULE_B) && schedule_of(0).n == 0);
    ck_assert(!schedule_has(&(struct schedule){0}, SCHEDULE_P));
    ck_assert(value != 0 && (schedule_value("p=0.4@3000/p=0@attention=0.5/B=1@9001", &again), again != value));
}
END_TEST

START_TEST(longest)
{
    char words[SCHEDULE_TEXT] = "", text[SCHEDULE_TEXT];
    struct schedule s;
    for (int i = 0; i < SCHEDULE_SWITCHES; i++)
        strcat(words, i ? "/p=0.00012345678901234567@attention=0.00012345678901234567"
                        : "p=0.00012345678901234567@attention=0.00012345678901234567");
    ck_assert_int_eq(schedule_parse(words, &s), OK);
    ck_assert_uint_lt(strlen(schedule_text(&s, text)), SCHEDULE_TEXT);
    ck_assert_int_eq(schedule_parse("p=1e-320@attention=1.2345678901234567e-300", &s), OK);
    ck_assert_uint_lt((strlen(schedule_text(&s, text)) + 1) * SCHEDULE_SWITCHES, SCHEDULE_TEXT);
}
END_TEST

START_TEST(refuses)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "an empty switch: a schedule is none"},
               {"p", "p: a schedule is none, or switches such as"},
               {"p=0", "a schedule is"},
               {"p=0@", "a schedule is"},
               {"d=4@5", "a schedule is"},
               {"p=0@attention", "a schedule is"},
               {"p=x@5", "p=x@5: a schedule is"},
               {"p=0@time=5", "a schedule is"},
               {"p=1@5", "p must be in [0,1)"},
               {"p=-.1@5", "p must be in [0,1)"},
               {"B=0@5", "B must be a whole number"},
               {"B=1.5@5", "B must be a whole number"},
               {"p=0@0", "a time must be in (0,1e12]"},
               {"p=0@attention=1", "must be a number in (0,1)"},
               {"p=0@loss=0", "must be a number in (0,1)"},
               {"p=0@nan", "a schedule is"},
               {"p=0@5/", "an empty switch"},
               {"/p=0@5", "an empty switch"},
               {"p=.5@90/p=0@40", "@40 comes after @90"},
               {"p=0@1/p=0@2/p=0@3/p=0@4/p=0@5/p=0@6/p=0@7/p=0@8/p=0@9", "more than 8 switches"}};
    double value;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(schedule_value(bad[i].text, &value), ERR_INPUT);
        ck_assert_msg(strstr(error_message(), bad[i].why) && strstr(error_message(), "schedule="), "%s: %s",
                      bad[i].text, error_message());
    }
}
END_TEST

static void hash_of(struct keys keys, char hash[33])
{
    keys_hash(&keys, hash);
}

/* What has no schedule hashes as before there were any: two hashes of the program, as its numerics revision makes them.
 */
START_TEST(hashes)
{
    char a[33], b[33];
    hash_of(test_keys("model=flow T=64 d=16"), a);
    ck_assert_str_eq(a, "fa24443a7eb7c6292b88a8cb864b2d6d");
    hash_of(test_keys("model=transformer T=64 d=16 p=0.5 seed=3"), a);
    ck_assert_str_eq(a, "69ce60e587b633f6002771b8e5e08960");
    hash_of(test_keys("model=flow T=64 d=16 p=0.5 schedule=p=0@5"), a);
    hash_of(test_keys("model=flow T=64 d=16 p=0.5 schedule=p=.0@5.0"), b);
    ck_assert_str_eq(a, b);
    hash_of(test_keys("model=flow T=64 d=16 p=0.5 schedule=p=0@6"), b);
    ck_assert_str_ne(a, b);
    hash_of(test_keys("model=flow T=64 d=16 p=0.5 schedule=none"), b);
    ck_assert_str_ne(a, b);
}
END_TEST

/* ---- the detector ---- */

START_TEST(detector)
{
    struct schedule s;
    struct schedule_state state = {0};
    ck_assert_int_eq(schedule_parse("p=0.5@10/p=0.2@attention=0.5/B=1@10/p=0@loss=0.2", &s), OK);
    ck_assert(!schedule_at_time(&s, &state, 9.9));
    ck_assert(!schedule_at_evaluation(&s, &state, &(struct schedule_reading){9, .9, .1})); /* waits for its turn */
    ck_assert_ptr_eq(schedule_at_time(&s, &state, 10), &s.list[0]);
    ck_assert(!schedule_at_time(&s, &state, 11));
    static const double noisy[] = {.6, .4, NAN, .5, .1, .5};
    for (int i = 0; i < 6; i++) /* never twice in a row */
        ck_assert(!schedule_at_evaluation(&s, &state, &(struct schedule_reading){12 + i, noisy[i], .1}));
    ck_assert_ptr_eq(schedule_at_evaluation(&s, &state, &(struct schedule_reading){20, .55, .1}), &s.list[1]);
    ck_assert_ptr_eq(schedule_at_time(&s, &state, 20), &s.list[2]);
    ck_assert(!schedule_at_evaluation(&s, &state,
                                      &(struct schedule_reading){21, NAN, .1})); /* the count begins with its turn */
    ck_assert_ptr_eq(schedule_at_evaluation(&s, &state, &(struct schedule_reading){22, NAN, .2}), &s.list[3]);
    ck_assert(!schedule_at_time(&s, &state, 1e9) &&
              !schedule_at_evaluation(&s, &state, &(struct schedule_reading){23, 1, 0}));
}
END_TEST

/* ---- the flow ---- */

static struct flow flow_with(double T, double d, double B, double p, enum metric metric, bool generic,
                             const char *words)
{
    const struct flow_start unit = flow_unit_start(d),
                            start = generic ? (struct flow_start){{1.2, 5}, {.1, -.2}, {1, 3.5}} : unit;
    struct schedule s;
    struct flow f;
    ck_assert_msg(schedule_parse(words, &s) == OK && flow_init_scheduled(T, d, B, p, metric, &start, &s, &f) == OK,
                  "%s", error_message());
    return f;
}

static struct flow_request request(double threshold)
{
    return (struct flow_request){
        .loss = LOSS_TEST, .rtol = 1e-9, .atol = 1e-12, .threshold = threshold, .all_crossings = true};
}

static struct flow_solution solve(const struct flow *f, const struct flow_request *q)
{
    static struct flow_solver *solver; /* one for all: a solve must not depend on those before it */
    struct flow_solution s;
    ck_assert(solver || flow_solver_create(&solver) == OK);
    ck_assert_msg(flow_solver_solve(solver, f, q, &s) == OK, "%s", error_message());
    return s;
}

/* The gradient flow of all d^2 + T parameters by Runge and Kutta's fourth order rule in steps of h, from any W(0); p
 * and B change where the condition comes true, found to a fraction of a step by halving it. Times of the switches, then
 * of test loss `level`. */
static void descend(struct toy *toy, double h, double *x)
{
    const size_t n = toy->count;
    double *k = calloc(5 * n, sizeof *k), *at = k + 4 * n, loss;
    memcpy(x, toy->parameters, n * sizeof *x);
    for (int stage = 0; stage < 4; stage++) {
        toy_gradient_exact(toy, k + (size_t)stage * n, &loss);
        const double step = stage < 2 ? h / 2 : h;
        for (size_t i = 0; i < n && stage < 3; i++)
            toy->parameters[i] = x[i] - step * k[(size_t)stage * n + i];
    }
    for (size_t i = 0; i < n; i++)
        at[i] = x[i] - h / 6 * (k[i] + 2 * k[n + i] + 2 * k[2 * n + i] + k[3 * n + i]);
    memcpy(toy->parameters, at, n * sizeof *at);
    free(k);
}

static double beyond(struct toy *toy, const struct schedule_switch *s, double t)
{
    struct toy_measure m;
    toy_measure(toy, &m);
    return s->when == SCHEDULE_TIME        ? t - s->at
           : s->when == SCHEDULE_ATTENTION ? toy->B * m.attention - s->at
                                           : s->at - m.loss_train / m.null_train;
}

static void all_parameters(struct toy *toy, const struct schedule *s, double level, double h, double *switched,
                           double *end)
{
    const struct schedule_switch reached = {.when = SCHEDULE_LOSS};
    double t = 0, *before = calloc(toy->count, sizeof *before);
    toy->test_B = (int)schedule_last(s, SCHEDULE_B, toy->B);
    for (size_t next = 0; next <= s->n;) {
        double step = h;
        struct toy_measure m;
        for (;;) { /* a step, or as much of it as leads up to the next event */
            const struct schedule_switch *event = next < s->n ? &s->list[next] : &reached;
            descend(toy, step, before);
            toy_measure(toy, &m);
            const bool passed = next < s->n ? beyond(toy, event, t + step) >= 0 : m.loss_test <= level;
            if (!passed || step < h * 1e-9)
                break;
            memcpy(toy->parameters, before, toy->count * sizeof *before);
            step /= 2;
        }
        t += step;
        if (step >= h * 1e-9)
            continue;
        if (next == s->n)
            break;
        switched[next] = t;
        toy->p = s->list[next].variable == SCHEDULE_P ? s->list[next].value : toy->p;
        toy->B = s->list[next].variable == SCHEDULE_B ? (int)s->list[next].value : toy->B;
        next++;
    }
    *end = t;
    free(before);
}

/* The flow with metric=full against all parameters, from the zero start and from a random one, for switches of p and of
 * B both ways. */
START_TEST(flow_against_all_parameters)
{
    static const struct {
        int T, d, B;
        double p;
        bool gaussian;
        const char *words;
    } cases[] = {{24, 6, 1, .8, false, "p=0@attention=0.3"},
                 {24, 6, 1, .9, true, "p=0.3@20/p=0@loss=0.5"},
                 {24, 6, 1, 0, false, "p=0.5@30/p=0@attention=0.4"},
                 {24, 6, 6, 0, false, "B=1@attention=0.5"},
                 {24, 6, 2, .4, true, "B=5@8/p=0@attention=0.6/B=1@attention=0.6"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keys keys = test_keys("model=toy T=%d d=%d B=%d p=%g init=%s target=%s schedule=%s", cases[i].T,
                                     cases[i].d, cases[i].B, cases[i].p, cases[i].gaussian ? "gaussian" : "zero",
                                     cases[i].gaussian ? "gaussian" : "unit", cases[i].words);
        const struct schedule s = schedule_of(keys.value[KEY_schedule]);
        struct flow_start start;
        struct flow f;
        struct toy *toy;
        double switched[SCHEDULE_SWITCHES], end;
        ck_assert_int_eq(start_reduced(cases[i].d, cases[i].gaussian, cases[i].gaussian, 1, &start), OK);
        ck_assert_int_eq(
            flow_init_scheduled(cases[i].T, cases[i].d, cases[i].B, cases[i].p, METRIC_FULL, &start, &s, &f), OK);
        const struct flow_request q = request(.1);
        const struct flow_solution got = solve(&f, &q);
        ck_assert_int_eq(toy_create(cases[i].T, cases[i].d, cases[i].B, cases[i].p, &toy), OK);
        ck_assert_int_eq(toy_start(toy, cases[i].gaussian, cases[i].gaussian, 1), OK);
        all_parameters(toy, &s, .1 * got.null_loss, .25, switched, &end);
        for (size_t k = 0; k < s.n; k++)
            test_close(got.switched[k], switched[k], FLOW_RTOL, 1e-7, "case %zu: switch %zu", i, k);
        test_close(got.plateau, end, FLOW_RTOL, 0, "case %zu: plateau", i);
        test_close(got.crossings[8], got.plateau, 1e-8, 0, "case %zu: the crossing and the root", i);
        toy_free(toy);
    }
}
END_TEST

/* Derivatives with several groups of scores: the gradient of L against differences of L, in the metric of D_g (a
 * group's score less that of the rest), the Jacobian against differences of the flow. */
START_TEST(groups)
{
    const double h = 1e-5;
    for (int variant = 0; variant < 8; variant++) {
        struct flow f = flow_with(30, 20, (double[]){7, 2, 4, 9}[variant % 4], .3, METRIC_FULL, variant & 4,
                                  "p=0.2@1/B=2@2/B=7@3/B=4@4/B=9@5");
        double dy[FLOW_DIM], J[FLOW_DIM * FLOW_DIM], H[FLOW_DIM * FLOW_DIM], slope[FLOW_DIM], sum = 0;
        const int n = f.dim, first = n - f.groups;
        ck_assert_int_eq(f.groups, 4);
        for (int i = 0; i < n; i++)
            f.y0[i] = (double[]){.7, -.4, .9, 2.1, 1.7, .3, -.6, 2.2}[i];
        flow_rhs(&f, f.y0, dy), flow_jacobian(&f, f.y0, J), flow_hessian(&f, f.y0, H);
        for (int j = 0; j < n; j++) {
            double a[FLOW_DIM], b[FLOW_DIM], fa[FLOW_DIM], fb[FLOW_DIM];
            memcpy(a, f.y0, sizeof a), memcpy(b, f.y0, sizeof b);
            a[j] -= h, b[j] += h;
            slope[j] = (flow_loss(&f, b, LOSS_TRAIN) - flow_loss(&f, a, LOSS_TRAIN)) / (2 * h);
            sum += j >= first ? slope[j] : 0;
            flow_rhs(&f, a, fa), flow_rhs(&f, b, fb);
            for (int i = 0; i < n; i++) {
                test_close(J[i + n * j], (fb[i] - fa[i]) / (2 * h), 1e-6, 1e-9, "jacobian %d %d", i, j);
                test_close(H[i + n * j], H[j + n * i], 1e-12, 1e-15, "symmetry %d %d", i, j);
            }
        }
        for (int j = 0; j < n; j++)
            test_close(dy[j],
                       j < first ? -slope[j]
                                 : -slope[j] / (f.reach[j - first] - f.reach[j - first + 1]) - sum / (30 - 9),
                       1e-6, 1e-9, "gradient %d variant %d", j, variant);
    }
}
END_TEST

struct seen {
    double p, beta, before;
    int switches;
};

/* Before a switch attention is below its value, at it equal to it. */
static enum status watch(void *context, const struct flow *f, double t, const double *y)
{
    struct seen *s = context;
    (void)t;
    const double beta = f->B * flow_view_at(f, y).attention;
    if (f->p != s->p) {
        s->beta = beta;
        s->switches++;
    } else if (!s->switches) {
        s->before = beta;
    }
    s->p = f->p;
    return OK;
}

START_TEST(exact_events)
{
    struct flow_request q = request(.05);
    struct seen seen = {.p = .8};
    q.step = watch, q.context = &seen;
    struct flow f = flow_with(256, 32, 1, .8, METRIC_FULL, false, "p=0@attention=0.3");
    const struct flow_solution a = solve(&f, &q);
    ck_assert(seen.switches == 1 && seen.before < .3 && a.plateau > a.switched[0] && isnan(a.switched[1]));
    test_close(seen.beta, .3, 1e-9, 0, "attention at the switch");
    q.step = NULL;
    /* the same by time, by Adams' method, in two switches, and in the tied metric, which is the same at B = 1 */
    char words[80];
    snprintf(words, sizeof words, "p=0@%.17g", a.switched[0]);
    struct flow by_time = flow_with(256, 32, 1, .8, METRIC_FULL, false, words);
    test_close(solve(&by_time, &q).plateau, a.plateau, 1e-8, 0, "by time");
    struct flow twice = flow_with(256, 32, 1, .8, METRIC_TIED, false, "p=0.4@attention=0.3/p=0@attention=0.3");
    const struct flow_solution b = solve(&twice, &q);
    test_close(b.plateau, a.plateau, 1e-7, 0, "two at once");
    ck_assert(b.switched[0] == b.switched[1]);
    q.method = METHOD_ADAMS;
    test_close(solve(&f, &q).plateau, a.plateau, 1e-6, 0, "Adams");
    /* switches to what there is already change nothing */
    q = request(.2);
    struct flow plain = flow_with(256, 32, 4, .5, METRIC_FULL, true, "none");
    struct flow idle = flow_with(256, 32, 4, .5, METRIC_FULL, true, "p=0.5@50/B=4@100/p=0.5@attention=0.2");
    const struct flow_solution c = solve(&plain, &q), d = solve(&idle, &q);
    test_close(d.plateau, c.plateau, 1e-7, 0, "idle switches");
    ck_assert(d.switched[0] == 50 || fabs(d.switched[0] - 50) < 1e-9);
    for (int i = 0; i < FLOW_LEVELS; i++)
        test_close(d.crossings[i], c.crossings[i], 1e-7, 0, "idle switches, crossing %d", i);
    /* one that is due at the start: all of the run is at the new p */
    struct flow late = flow_with(256, 32, 1, .1, METRIC_FULL, false, "p=0.6@attention=0.003"),
                high = flow_with(256, 32, 1, .6, METRIC_FULL, false, "none");
    ck_assert(solve(&late, &q).switched[0] == 0);
    test_close(solve(&late, &q).plateau, solve(&high, &q).plateau, 1e-8, 0, "due at the start");
}
END_TEST

/* ---- what it is worth ---- */

START_TEST(gains)
{
    struct flow_solver *solver;
    struct optimum found[OPTIMUM_COUNT];
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    for (int i = 0; i < 2; i++) {
        const double d = i ? 1024 : 256;
        struct optimum_problem q = {4096, d, 1, METRIC_FULL, flow_unit_start(d), METHOD_BDF, 1e-8, 1e-11, .01};
        ck_assert_msg(optimum_find(solver, &q, found) == OK, "%s", error_message());
        const double none = found[OPTIMUM_none].time, best = none / found[OPTIMUM_best].time;
        test_close(none / found[OPTIMUM_constant].time, i ? 11 : 8.5, .01, 0, "d=%g: best constant p", d);
        test_close(none / found[OPTIMUM_half].time, i ? 15.6 : 10.5, .01, 0, "d=%g: switch at 1/2", d);
        ck_assert_msg(best >= (i ? 20 : 13), "d=%g: best switch %g x", d, best);
        /* by trial of other single switches, by attention and by time; and more switches gain no more than the slack */
        double time;
        struct schedule s = {0};
        for (double p = .4; p < .9; p += .01) {
            ck_assert_int_eq(optimum_time(solver, &q, p, &s, &time), OK);
            ck_assert_msg(time > found[OPTIMUM_constant].time * (1 - 1e-5), "d=%g: constant p=%g takes %g", d, p, time);
        }
        static const char *const others[] = {
            "p=0@attention=0.1",
            "p=0@attention=0.22",
            "p=0@attention=0.24",
            "p=0@5200",
            "p=0@5230",
            "p=0.5@attention=0.1/p=0@attention=0.22",
            "p=0.2@attention=0.22/p=0@attention=0.3",
            "p=0.9@attention=0.05/p=0.6@attention=0.15/p=0.2@attention=0.22/p=0@attention=0.4"};
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
            ck_assert_int_eq(schedule_parse(others[k], &s), OK);
            ck_assert_int_eq(optimum_time(solver, &q, OPTIMUM_P, &s, &time), OK);
            ck_assert_msg(time > found[OPTIMUM_best].time / (1 + OPTIMUM_SLACK) * .9999,
                          "d=%g: %s takes %g, the best %g", d, others[k], time, found[OPTIMUM_best].time);
        }
    }
    flow_solver_free(solver);
}
END_TEST

/* The best is the best of all, also where a switch gains nothing or the search ends at the end of its range. */
START_TEST(order)
{
    static const double problems[][4] = {/* T, d, B, threshold */
                                         {4, 64, 1, .2},   {64, 8, 1, .1},    {64, 4, 60, .2},
                                         {8, 1, 3, .5},    {256, 16, 16, .9}, {3, 512, 2, .05},
                                         {32, 256, 8, .2}, {512, 2, 1, .02},  {256, 512, 16, .2}};
    struct flow_solver *solver;
    struct optimum o[OPTIMUM_COUNT];
    ck_assert_int_eq(flow_solver_create(&solver), OK);
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        const double *v = problems[i];
        struct optimum_problem q = {v[0],       v[1], v[2],  METRIC_FULL, flow_unit_start(v[1]),
                                    METHOD_BDF, 1e-8, 1e-11, v[3]};
        ck_assert_msg(optimum_find(solver, &q, o) == OK, "%s", error_message());
        for (int kind = 0; kind < OPTIMUM_best; kind++)
            ck_assert_msg(o[OPTIMUM_best].time <= o[kind].time && o[kind].time <= o[OPTIMUM_none].time,
                          "T=%g d=%g B=%g: best %.9g, %s %.9g", v[0], v[1], v[2], o[OPTIMUM_best].time,
                          optimum_name((enum optimum_kind)kind), o[kind].time);
        double time;
        struct schedule switched = {1, {{SCHEDULE_P, 0, SCHEDULE_ATTENTION, 0}}};
        for (double attention = .05; attention < .5; attention += .01) {
            switched.list[0].at = attention;
            ck_assert_int_eq(optimum_time(solver, &q, OPTIMUM_P, &switched, &time), OK);
            ck_assert_msg(o[OPTIMUM_best].time <= (1 + 2 * OPTIMUM_SLACK) * time,
                          "T=%g d=%g B=%g: best %.9g, at %g %.9g", v[0], v[1], v[2], o[OPTIMUM_best].time, attention,
                          time);
        }
        ck_assert_int_eq(optimum_time(solver, &q, o[OPTIMUM_best].p, &o[OPTIMUM_best].schedule, &time), OK);
        ck_assert(time == o[OPTIMUM_best].time);
    }
    flow_solver_free(solver);
}
END_TEST

static const struct test tests[] = {
    {"texts", &texts},   {"longest", &longest},           {"refuses", &refuses},
    {"hashes", &hashes}, {"detector", &detector},         {"flow against all parameters", &flow_against_all_parameters},
    {"groups", &groups}, {"exact events", &exact_events}, {"gains", &gains},
    {"order", &order}};
TEST_MAIN("schedule", tests)
