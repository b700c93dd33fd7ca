/* One training run of the toy: every recorded state against steps made here, bit for bit; the times read off it against
 * the trace; plateau lengths against the reduced flow, for each optimizer in the limit in which it follows the flow; the
 * ways a run ends. */
#include "optimizer.h"
#include "run_toy.h"
#include "test.h"
#include "test_keys.h"
#include "toy.h"

static const double TIME_RTOL = 1e-12;

struct run {
    struct keys keys;
    struct result result;
    struct trace trace; /* owned */
};

static struct run make(struct keys keys, const volatile int *stop)
{
    struct run run = {.keys = keys};
    struct run_flow *tools;
    ck_assert_int_eq(run_flow_create(&tools), OK);
    enum status rc = run_toy(tools, &run.keys, &(struct run_request){.stop = stop}, &run.result, &run.trace);
    ck_assert_msg(rc == OK, "%s", error_message());
    run_flow_free(tools);
    return run;
}

static const double *row(const struct run *run, size_t i)
{
    return run->trace.rows + i * (size_t)run->trace.columns;
}

static struct toy *toy_of(const struct keys *k)
{
    struct toy *toy;
    ck_assert_int_eq(toy_create((int)keys_integer(k, KEY_T), (int)keys_integer(k, KEY_d), (int)keys_integer(k, KEY_B),
                                keys_real(k, KEY_p), &toy), OK);
    ck_assert_int_eq(toy_start(toy, keys_integer(k, KEY_init) == INIT_GAUSSIAN, keys_integer(k, KEY_target) == TARGET_GAUSSIAN,
                               (uint64_t)keys_integer(k, KEY_seed)), OK);
    return toy;
}

typedef enum status (*sampled)(struct toy *, int, uint64_t, uint32_t, double *, double *);

/* The same run step by step: batch k of the seed once, at step k. Every row of the trace must be the state after its
 * steps. sample = NULL: the exact gradient. */
static void check_rows(const struct run *run, sampled sample)
{
    const struct keys *k = &run->keys;
    const int batch = (int)keys_integer(k, KEY_batch);
    const uint64_t seed = (uint64_t)keys_integer(k, KEY_seed);
    struct toy *toy = toy_of(k);
    struct optimizer_state optimizer;
    double *gradient = malloc(toy->count * sizeof *gradient), loss;
    ck_assert_int_eq(optimizer_init(k, toy->count, sizeof(double), &optimizer), OK);
    ck_assert(run->trace.length > 10 && row(run, 0)[0] == 0);
    uint32_t step = 0;
    for (size_t i = 0; i < run->trace.length; i++) {
        for (; step < row(run, i)[0]; step++) {
            if (sample)
                ck_assert_int_eq(sample(toy, batch, seed, step, gradient, &loss), OK);
            else
                toy_gradient_exact(toy, gradient, &loss);
            optimizer_update(&optimizer, gradient, toy->parameters);
        }
        struct toy_measure m;
        toy_measure(toy, &m);
        const double want[] = {step, step * keys_real(k, KEY_lr), m.loss_train, m.loss_test,
                               m.w,  m.w_orthogonal,              m.delta_a,    m.attention};
        ck_assert_msg(!memcmp(row(run, i), want, sizeof want), "row %zu: not the state after %u steps", i, step);
    }
    optimizer_free(&optimizer);
    free(gradient);
    toy_free(toy);
}

START_TEST(every_state)
{
    static const struct {
        const char *keys;
        sampled sample;
    } cases[] = {{"optimizer=gd B=2 p=.2", NULL},
                 {"optimizer=sgd sampler=tokens batch=5 B=2 p=.3 init=gaussian target=gaussian", toy_gradient_tokens},
                 {"optimizer=sgd sampler=statistics batch=9 eval_every=3 seed=4", toy_gradient_statistics},
                 {"optimizer=sgd sampler=statistics momentum=.7 lr=.2 loss=train p=.1", toy_gradient_statistics},
                 {"optimizer=adam sampler=tokens batch=3 lr=.01 decay=.001", toy_gradient_tokens},
                 {"optimizer=sgd sampler=statistics batch=4 lr=.01 steps=9001", toy_gradient_statistics}}; /* the trace is thinned */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run = make(test_keys("model=toy T=12 d=5 %s", cases[i].keys), NULL);
        check_rows(&run, cases[i].sample);
        const double evaluations = run.result.steps_done / keys_real(&run.keys, KEY_eval_every);
        ck_assert_int_eq(run.trace.length < evaluations, evaluations > 4000);
        trace_free(&run.trace);
    }
}
END_TEST

/* When the trace first falls to `level`, on the line between two rows; the rows are all evaluations. */
static double fall(const struct run *run, int column, double level)
{
    for (size_t i = 1; i < run->trace.length; i++) {
        const double *before = row(run, i - 1), *after = row(run, i);
        if (after[column] <= level)
            return before[1] + (after[1] - before[1]) * (before[column] - level) / (before[column] - after[column]);
    }
    return NAN;
}

START_TEST(times)
{
    static const char *const losses[] = {"train", "test"};
    for (int i = 0; i < 2; i++) {
        struct run run = make(test_keys("model=toy T=16 d=6 B=2 p=.2 batch=16 lr=.5 eval_every=4 threshold=.25 loss=%s",
                                         losses[i]), NULL);
        const struct result *r = &run.result;
        const int column = trace_find(&run.trace, i ? "loss_test" : "loss_train");
        ck_assert_int_eq(r->state, RUN_EMERGED);
        test_close(r->initial_loss, r->null_loss, TIME_RTOL, 0, "the loss of W = 0");
        test_close(r->plateau, fall(&run, column, .25 * r->null_loss), TIME_RTOL, 0, "plateau");
        for (int level = 0; level < FLOW_LEVELS; level++)
            test_close(r->crossings[level], fall(&run, column, (9 - level) / 10.0 * r->null_loss), TIME_RTOL, 0,
                       "crossing %d", level);
        ck_assert(r->final_loss == row(&run, run.trace.length - 1)[column] && r->final_loss <= .1 * r->null_loss);
        ck_assert(r->cap == .5 * r->steps_done && r->steps_done == row(&run, run.trace.length - 1)[0]);
        trace_free(&run.trace);
    }
}
END_TEST

/* Mean over seeds of T_pl in the flow's time, over the T_pl of the flow from the same start. The flow's time is steps x lr;
 * momentum sums gradients to 1/(1 - momentum) of one; Adam divides by sqrt(s) + eps, which with eps far above every
 * gradient is eps = 1. A memory of past gradients and finite steps delay the run, here by up to 1 % of T_pl. */
START_TEST(follows_the_flow)
{
    static const struct {
        const char *keys;
        int seeds;
        double rate, rtol;
    } cases[] = {{"optimizer=gd lr=.2", 1, 1, .002},
                 {"optimizer=gd lr=.2 B=3 p=.3 init=gaussian target=gaussian", 2, 1, .01},
                 {"optimizer=sgd lr=.5 batch=64 sampler=statistics", 6, 1, .015},
                 {"optimizer=sgd lr=.5 batch=32 sampler=tokens B=4", 6, 1, .015},
                 {"optimizer=gd lr=.05 p=.8 schedule=p=0@attention=0.3", 1, 1, .002},
                 {"optimizer=gd lr=.05 p=.8 schedule=p=0.3@90/p=0@attention=0.4", 1, 1, .002},
                 {"optimizer=gd lr=.05 p=.5 B=6 init=gaussian schedule=p=0@loss=0.5/B=1@attention=0.6", 2, 1, .002},
                 {"optimizer=sgd lr=.25 batch=64 sampler=statistics p=.8 schedule=p=0@attention=0.25", 6, 1, .015},
                 {"optimizer=sgd lr=.5 batch=64 sampler=tokens B=8 schedule=B=2@attention=0.5", 6, 1, .015},
                 {"optimizer=sgd lr=.25 batch=32 momentum=.5 sampler=statistics", 6, 2, .015},
                 {"optimizer=adam lr=.5 batch=64 eps=1 beta1=.5 sampler=statistics", 6, 1, .015}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double sum = 0;
        for (int seed = 1; seed <= cases[i].seeds; seed++) {
            struct run run = make(test_keys("model=toy T=64 d=16 eval_every=2 seed=%d %s", seed, cases[i].keys), NULL);
            ck_assert_int_eq(run.result.state, RUN_EMERGED);
            sum += cases[i].rate * run.result.plateau / run.result.flow_plateau;
            trace_free(&run.trace);
        }
        test_close(sum / cases[i].seeds, 1, cases[i].rtol, 0, "%s", cases[i].keys);
    }
}
END_TEST

START_TEST(ends)
{
    struct run capped = make(test_keys("model=toy T=64 d=16 steps=25 eval_every=10 lr=.5"), NULL);
    ck_assert_int_eq(capped.result.state, RUN_CENSORED);
    ck_assert(isnan(capped.result.plateau) && isnan(capped.result.crossings[0]));
    ck_assert(capped.result.steps_done == 25 && capped.result.cap == 12.5); /* evaluated at the cap, too */
    struct run wild = make(test_keys("model=toy T=64 d=16 lr=1000"), NULL);
    ck_assert_int_eq(wild.result.state, RUN_DIVERGED);
    const volatile int stop = 1;
    struct run stopped = make(test_keys("model=toy T=64 d=16"), &stop);
    ck_assert_int_eq(stopped.result.state, RUN_INTERRUPTED);
    ck_assert(stopped.result.steps_done == 0);
    trace_free(&capped.trace);
    trace_free(&wild.trace);
    trace_free(&stopped.trace);
}
END_TEST

static const struct test tests[] = {{"every state", &every_state},
                                    {"times", &times},
                                    {"follows the flow", &follows_the_flow},
                                    {"ends", &ends}};
TEST_MAIN("run_toy", tests)
