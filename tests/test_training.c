/* Training: optimizers by their definition, crossings by an independent reading of the trace, checkpoints to the bit,
 * and how runs end. */
#include "run/checkpoint.h"
#include "run/optimizer.h"
#include "models/published.h"
#include "run/measure.h"
#include "run/run_transformer.h"
#include "test.h"
#include "test_keys.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double TOL_FLOAT = 1e-5, TOL_DOUBLE = 1e-13; /* relative, after a hundred updates */
static const double TOL_TIME = 1e-12;

/* A tiny regression that emerges within a few hundred steps. */
#define TINY                                                                                                           \
    "T=4 d=2 layers=1 heads=2 width=16 head_dim=8 mlp=2 batch=8 eval_every=10 eval_size=64 lr=3e-3 backend=reference "

static char path[64];

static const char *file_path(void)
{
    snprintf(path, sizeof path, "test_training.%ld", (long)getpid());
    return path;
}

/* ---- optimizers ---- */

/* One number of each optimizer, from PyTorch's documentation (SGD with momentum, AdamW), in long double. */
struct number {
    long double x, m, v;
};

static void by_definition(const struct keys *k, int t, long double g, struct number *n)
{
    const long double lr = keys_real(k, KEY_lr), b1 = keys_real(k, KEY_beta1), b2 = keys_real(k, KEY_beta2);
    n->x -= lr * keys_real(k, KEY_decay) * n->x;
    if (keys_integer(k, KEY_optimizer) == OPTIMIZER_ADAM) {
        n->m += (1 - b1) * (g - n->m);
        n->v += (1 - b2) * (g * g - n->v);
        n->x -= lr * n->m / (1 - powl(b1, t)) / (sqrtl(n->v / (1 - powl(b2, t))) + keys_real(k, KEY_eps));
    } else {
        n->m = keys_real(k, KEY_momentum) * n->m + g;
        n->x -= lr * n->m;
    }
}

static void check_optimizer(const struct keys *k)
{
    enum { N = 37, STEPS = 100 };
    struct optimizer_state in_double, in_float;
    struct number want[N];
    double x[N], g[N];
    float xf[N], gf[N];
    ck_assert_int_eq(optimizer_init(k, N, sizeof(double), &in_double), OK);
    ck_assert_int_eq(optimizer_init(k, N, sizeof(float), &in_float), OK);
    for (int i = 0; i < N; i++) {
        xf[i] = (float)sin(i + 1);
        x[i] = xf[i];
        want[i] = (struct number){.x = x[i]};
    }
    for (int t = 1; t <= STEPS; t++) {
        for (int i = 0; i < N; i++) {
            gf[i] = (float)((cos(i * t) + 0.5) * pow(10, i % 5 - 4)); /* sizes from 1e-4 to 1 */
            g[i] = gf[i];
            by_definition(k, t, g[i], &want[i]);
        }
        optimizer_update(&in_double, g, x);
        optimizer_update_single(&in_float, NULL, gf, xf);
    }
    for (int i = 0; i < N; i++) {
        test_close(x[i], (double)want[i].x, TOL_DOUBLE, TOL_DOUBLE, "number %d", i);
        test_close(xf[i], (double)want[i].x, TOL_FLOAT, TOL_FLOAT, "number %d in single precision", i);
    }
    optimizer_free(&in_double);
    optimizer_free(&in_float);
}

START_TEST(optimizers)
{
    struct keys k[] = {test_keys("optimizer=sgd lr=0.01"), test_keys("optimizer=sgd lr=0.01 momentum=0.9 decay=0.1"),
                       test_keys("optimizer=adam lr=0.01"),
                       test_keys("optimizer=adam lr=0.003 beta1=0.8 beta2=0.95 eps=1e-4 decay=0.5")};
    for (size_t i = 0; i < sizeof k / sizeof k[0]; i++)
        check_optimizer(&k[i]);
}
END_TEST

/* Any number of threads: the same bits, for sizes that do not divide evenly. */
START_TEST(optimizer_threads)
{
    enum { N = 300007 };
    const struct keys k = test_keys("optimizer=adam lr=0.01 decay=0.1");
    float *x[3], *g = malloc(N * sizeof *g);
    for (int i = 0; i < N; i++)
        g[i] = (float)sin(i);
    for (int threads = 1; threads <= 3; threads++) {
        struct optimizer_state o;
        struct team *team;
        ck_assert_int_eq(team_open(threads, &team), OK);
        ck_assert_int_eq(optimizer_init(&k, N, sizeof(float), &o), OK);
        x[threads - 1] = calloc(N, sizeof(float));
        for (int t = 0; t < 5; t++)
            optimizer_update_single(&o, team, g, x[threads - 1]);
        team_close(team);
        ck_assert_mem_eq(x[threads - 1], x[0], N * sizeof(float));
        ck_assert(x[0][N - 1] != 0);
        optimizer_free(&o);
    }
    for (int i = 0; i < 3; i++)
        free(x[i]);
    free(g);
}
END_TEST

/* ---- runs ---- */

struct outcome {
    struct result result;
    struct trace trace;
};

static struct outcome run(const struct keys *keys, const char *resume, const char *checkpoint, const volatile int *stop)
{
    struct outcome x = {0};
    const struct run_request q = {.resume = resume, .checkpoint = checkpoint, .stop = stop};
    ck_assert_msg(run_transformer(keys, &q, &x.result, &x.trace) == OK, "%s", error_message());
    return x;
}

/* The first of two consecutive evaluations beyond the level, interpolated with the one before it; NaN if there is none.
 */
static double crossing_by_trace(const struct trace *t, bool rising, double level, double unit)
{
    const double *rows = t->rows;
    const size_t columns = (size_t)t->columns, of = (size_t)trace_find(t, rising ? "accuracy_test" : "loss_test");
    for (size_t i = 0; i + 1 < t->length; i++) {
        double now = rows[i * columns + of] / unit, next = rows[(i + 1) * columns + of] / unit;
        if (rising ? now < level || next < level : now > level || next > level)
            continue;
        if (i == 0)
            return 0;
        double before = rows[(i - 1) * columns + of] / unit, t0 = rows[(i - 1) * columns], t1 = rows[i * columns];
        return t0 + (t1 - t0) * (before - level) / (before - now);
    }
    return NAN;
}

static void check_crossings(const struct outcome *x)
{
    const struct keys *k = &x->result.keys;
    const bool recall = k->preset == PRESET_RECALL;
    const double unit = recall ? 1 : x->result.null_loss;
    for (int i = 0; i <= result_levels(k); i++) {
        bool last = i == result_levels(k);
        double level = last ? keys_real(k, KEY_threshold) : result_level(k, i),
               got = last ? x->result.plateau : x->result.crossings[i];
        double want = crossing_by_trace(&x->trace, recall, level, unit);
        if (isnan(want))
            ck_assert_msg(isnan(got), "level %g: %g, and the trace has none", level, got);
        else
            test_close(got, want, TOL_TIME, 0.0, "crossing of %g", level);
    }
}

START_TEST(regression_emerges)
{
    const struct keys k = test_keys(TINY "steps=4000");
    struct outcome x = run(&k, NULL, NULL, NULL);
    ck_assert_msg(x.result.state == RUN_EMERGED, "%s", result_state_name(x.result.state));
    ck_assert(x.result.crossings[8] > x.result.plateau && x.result.plateau > x.result.crossings[0]);
    ck_assert(x.result.steps_done < 4000 && x.result.cap == x.result.steps_done);
    check_crossings(&x);
    const double *first = x.trace.rows, *last = first + (x.trace.length - 1) * (size_t)x.trace.columns;
    ck_assert_int_eq(x.trace.columns, 10); /* two heads, and the forecast */
    ck_assert(first[0] == 0 && isnan(first[1]) && first[2] == x.result.initial_loss && isnan(first[3]) &&
              isnan(first[4]));
    test_close(first[2], x.result.null_loss, 0.5, 0.0, "initial loss");
    test_close(last[1], last[2], 0.7, 0.0, "training and test loss"); /* the same law, few samples */
    ck_assert(fmax(last[5], last[6]) > 0.6 &&
              fmax(first[5], first[6]) < 0.4); /* attention has found the relevant token */
    trace_free(&x.trace);
}
END_TEST

START_TEST(recall_is_learned)
{
    const struct keys k = test_keys("task=recall pairs=2 vocab=4 layers=2 heads=1 width=16 head_dim=16 mlp=2 batch=16 "
                                    "eval_every=20 eval_size=64 lr=3e-3 steps=600 backend=reference until=cap");
    struct outcome x = run(&k, NULL, NULL, NULL);
    char name[TRACE_NAME];
    const double *first = x.trace.rows, *last = first + (x.trace.length - 1) * (size_t)x.trace.columns;
    ck_assert(x.result.steps_done == 600 && x.trace.length == 31 && x.result.state == RUN_EMERGED);
    test_close(x.result.null_loss, log(4), TOL_TIME, 0.0, "null loss");
    test_close(first[2], log(4), 0.3, 0.0, "initial loss");
    ck_assert(last[2] < first[2] && last[3] > 0.3 && last[4] > 0.3);
    check_crossings(&x);
    ck_assert_str_eq(trace_column(&x.trace, 6, name), "copy_l2h1");
    ck_assert_str_eq(trace_column(&x.trace, 7, name), "select_l1h1");
    for (int i = 5; i < 9; i++)
        ck_assert_msg(first[i] > 0 && first[i] < 1, "%s: %g", trace_column(&x.trace, i, name), first[i]);
    trace_free(&x.trace);
}
END_TEST

static bool same_trace(const struct trace *a, const struct trace *b)
{
    return a->length == b->length && !memcmp(a->rows, b->rows, a->length * (size_t)a->columns * sizeof(double));
}

static struct text bytes_of(const char *file)
{
    struct text t = {0};
    ck_assert_int_eq(text_read_file(file, 1 << 28, &t), OK);
    return t;
}

/* Stopped at several steps and gone on with: the trace, every crossing and the last checkpoint are those of the run
 * that never stopped. */
static void check_resume(struct keys keys)
{
    char part[80], whole[80];
    struct text want, got;
    snprintf(part, sizeof part, "%s.part", file_path());
    snprintf(whole, sizeof whole, "%s.whole", path);
    struct outcome x = run(&keys, NULL, whole, NULL);
    want = bytes_of(whole);
    struct keys now = keys;
    for (int i = 0; i < 4; i++) { /* at the start, between two evaluations, at one, near the end */
        now.value[KEY_steps] = (double[]){0, 13, 20, 31}[i];
        struct outcome y = run(&now, i ? part : NULL, part, NULL);
        ck_assert(y.result.steps_done == now.value[KEY_steps]);
        trace_free(&y.trace);
    }
    struct outcome y = run(&keys, part, part, NULL);
    got = bytes_of(part);
    ck_assert(want.length == got.length && !memcmp(want.data, got.data, want.length));
    ck_assert(same_trace(&x.trace, &y.trace));
    ck_assert_mem_eq(x.result.crossings, y.result.crossings, sizeof x.result.crossings);
    ck_assert_mem_eq(x.result.switched, y.result.switched, sizeof x.result.switched);
    struct outcome z = run(&keys, part, NULL, NULL); /* with nothing left to do */
    ck_assert_mem_eq(x.result.switched, z.result.switched, sizeof x.result.switched);
    trace_free(&z.trace);
    ck_assert(x.result.final_loss == y.result.final_loss);
    ck_assert(x.result.initial_loss == y.result.initial_loss && x.result.cap == y.result.cap &&
              x.result.state == y.result.state);
    trace_free(&x.trace), trace_free(&y.trace);
    text_free(&want), text_free(&got);
    remove(part), remove(whole);
}

START_TEST(resume_to_the_bit)
{
    check_resume(test_keys(TINY "steps=47"));
    check_resume(test_keys(TINY "steps=47 optimizer=sgd momentum=0.5"));
    check_resume(test_keys(TINY "steps=47 optimizer=sgd norm=pre"));
    check_resume(test_keys("task=recall pairs=2 vocab=4 layers=1 heads=1 width=8 head_dim=8 mlp=1 batch=4 "
                           "eval_every=10 eval_size=16 steps=47 backend=reference"));
    /* with a schedule, of which some switch has been made, shown once or is to come at each stop */
    check_resume(test_keys(TINY "steps=47 p=0.7 schedule=p=0.5@5/p=0.4@attention=0.001/p=0.3@5/p=0@attention=0.002"));
    check_resume(
        test_keys(TINY "steps=47 p=0.7 schedule=p=0.5@20/p=0.1@attention=0.001")); /* what row 20 shows comes before */
    check_resume(
        test_keys(TINY "steps=47 p=0.7 B=2 eval_every=5 schedule=B=1@12.5/p=0.2@20/p=0@loss=0.999/p=0.9@31/p=0@46"));
    check_resume(
        test_keys("task=recall pairs=3 vocab=4 layers=1 heads=1 width=8 head_dim=8 mlp=1 batch=4 eval_every=10 "
                  "eval_size=16 steps=47 backend=reference B=3 p=0.5 schedule=B=1@13/p=0@attention=0.01"));
}
END_TEST

/* Replaces the first letter of `what` in the checkpoint. */
static void edit_note(const char *what, char letter)
{
    struct text file = bytes_of(path);
    char *found = strstr(file.data + 8, what);
    ck_assert_ptr_nonnull(found);
    *found = letter;
    ck_assert_int_eq(text_write_file(path, file.data, file.length), OK);
    text_free(&file);
}

/* A run that goes on with another library names both, once; also if one name ends in the other. */
START_TEST(resume_elsewhere)
{
    const struct keys there = test_keys(TINY "steps=10"), here = test_keys(TINY "steps=20");
    struct outcome x = run(&there, NULL, file_path(), NULL);
    const char *own = x.result.library;
    char want[4][RESULT_LIBRARY];
    trace_free(&x.trace);
    edit_note(own, '~');
    snprintf(want[0], sizeof want[0], "~%.40s; %.40s", own + 1, own);
    snprintf(want[1], sizeof want[1], "%s", want[0]);
    snprintf(want[2], sizeof want[2], "~%.40s+ %.40s; %.40s", own + 1, own, own);
    snprintf(want[3], sizeof want[3], "%s", want[2]);
    for (int times = 0; times < 4; times++) {
        if (times == 2) /* "A; B" -> "A+ B" */
            edit_note(strchr(want[0], ';'), '+');
        struct outcome y = run(&here, path, path, NULL);
        ck_assert_str_eq(y.result.library, want[times]);
        trace_free(&y.trace);
    }
    remove(path);
}
END_TEST

/* What a schedule changes, and when: the steps before a switch are those of a run without it; afterwards those of a run
 * that had the new p (positions, tokens) in its data from there on. */
START_TEST(schedule_in_training)
{
    const struct keys plain = test_keys(TINY "steps=60 until=cap p=0.7"),
                      by_step = test_keys(TINY "steps=60 until=cap p=0.7 schedule=p=0@30"),
                      never = test_keys(TINY "steps=60 until=cap p=0.7 schedule=p=0@61"),
                      at_once = test_keys(TINY "steps=60 until=cap p=0.7 schedule=p=0@attention=0.001"),
                      idle = test_keys(TINY "steps=60 until=cap p=0.7 schedule=p=0.7@5");
    struct outcome a = run(&plain, NULL, NULL, NULL), b = run(&by_step, NULL, NULL, NULL),
                   c = run(&never, NULL, NULL, NULL), d = run(&at_once, NULL, NULL, NULL),
                   e = run(&idle, NULL, NULL, NULL);
    const size_t columns = (size_t)a.trace.columns;
    ck_assert(same_trace(&a.trace, &c.trace) && same_trace(&a.trace, &e.trace) && a.trace.length == 7);
    ck_assert_mem_eq(a.trace.rows, b.trace.rows, 4 * columns * sizeof(double)); /* 0, 10, 20, 30 */
    ck_assert(memcmp(a.trace.rows + 4 * columns, b.trace.rows + 4 * columns, columns * sizeof(double)));
    ck_assert(b.result.switched[0] == 30 && isnan(c.result.switched[0]) && e.result.switched[0] == 5);
    ck_assert(d.result.switched[0] == 10); /* the second evaluation that shows it; the first is at step 0 */
    ck_assert_mem_eq(a.trace.rows, d.trace.rows, 2 * columns * sizeof(double));
    ck_assert(memcmp(a.trace.rows + 2 * columns, d.trace.rows + 2 * columns, columns * sizeof(double)));
    trace_free(&a.trace), trace_free(&b.trace), trace_free(&c.trace), trace_free(&d.trace), trace_free(&e.trace);
}
END_TEST

/* Threads change nothing: not the trace (losses, attention), not the weights. */
START_TEST(threads_change_nothing)
{
    char other[80];
    snprintf(other, sizeof other, "%s.other", file_path());
    for (int recall = 0; recall < 2; recall++) {
        const char *task = recall ? "task=recall pairs=5 vocab=9" : "T=9 d=3",
                   *rest = "layers=2 heads=2 width=32 head_dim=16 batch=13 eval_every=5 eval_size=37 steps=20";
        const struct keys one = test_keys("%s %s threads=1", task, rest),
                          three = test_keys("%s %s threads=3", task, rest);
        struct outcome x = run(&one, NULL, path, NULL), y = run(&three, NULL, other, NULL);
        struct text a = bytes_of(path), b = bytes_of(other);
        ck_assert(same_trace(&x.trace, &y.trace) && a.length == b.length && !memcmp(a.data, b.data, a.length));
        text_free(&a), text_free(&b);
        trace_free(&x.trace), trace_free(&y.trace);
    }
    remove(path), remove(other);
}
END_TEST

/* A request to stop saves and says so; the run goes on as if nothing had been. checkpoint_every saves on the way. */
START_TEST(stop_and_go_on)
{
    const struct keys k = test_keys(TINY "steps=25");
    struct outcome whole = run(&k, NULL, NULL, NULL), x = run(&k, NULL, file_path(), &(volatile int){1});
    ck_assert(x.result.state == RUN_INTERRUPTED && x.result.steps_done == 0);
    trace_free(&x.trace);
    x = run(&k, path, NULL, NULL);
    ck_assert(same_trace(&x.trace, &whole.trace));
    trace_free(&x.trace), trace_free(&whole.trace);
    remove(path);
}
END_TEST

START_TEST(refused_checkpoints)
{
    struct keys k = test_keys(TINY "steps=0"), other;
    struct outcome x = run(&k, NULL, file_path(), NULL);
    static const char *const change[] = {"seed=2", "d=3", "lr=1e-3", "optimizer=sgd"};
    static const char *const message[] = {"seed=1, not 2", "d=2, not 3", "lr=0.003, not 0.001",
                                          "optimizer=adam, not sgd"};
    const struct run_request q = {.resume = path};
    struct result r;
    trace_free(&x.trace);
    for (int i = 0; i < 4; i++) {
        other = test_keys(TINY "steps=0 %s", change[i]);
        ck_assert_int_eq(run_transformer(&other, &q, &r, NULL), ERR_INPUT);
        ck_assert_msg(strstr(error_message(), message[i]), "%s", error_message());
    }
    other = test_keys(TINY "steps=0 threshold=0.5 until=cap checkpoint_every=7"); /* only how long it goes */
    ck_assert_int_eq(run_transformer(&other, &q, &r, NULL), OK);
    ck_assert_int_eq(text_write_file(path, "nonsense", 8), OK);
    ck_assert_int_eq(run_transformer(&k, &q, &r, NULL), ERR_INPUT);
    ck_assert(strstr(error_message(), path));
    remove(path);
    ck_assert_int_eq(run_transformer(&k, &q, &r, NULL), ERR_INPUT);
}
END_TEST

START_TEST(divergence_is_reported)
{
    const struct keys k = test_keys(TINY "optimizer=sgd lr=1000 steps=500");
    struct outcome x = run(&k, NULL, NULL, NULL);
    ck_assert(x.result.state == RUN_DIVERGED && isnan(x.result.plateau));
    ck_assert(x.result.cap > 0 && x.result.cap < 200 && x.result.steps_done < 200);
    trace_free(&x.trace);
}
END_TEST

/* until=threshold ends earlier than until=levels, with the same plateau; until=cap later. */
START_TEST(ends)
{
    static const char *const until[] = {"until=threshold", "until=levels", "until=cap"};
    double steps[3], plateau[3];
    for (int i = 0; i < 3; i++) {
        const struct keys k = test_keys(TINY "threshold=0.7 steps=3000 %s", until[i]);
        struct outcome x = run(&k, NULL, NULL, NULL);
        ck_assert(x.result.state == RUN_EMERGED);
        steps[i] = x.result.steps_done, plateau[i] = x.result.plateau;
        trace_free(&x.trace);
    }
    ck_assert(plateau[0] == plateau[1] && plateau[1] == plateau[2]);
    ck_assert(steps[0] < steps[1] && steps[1] < steps[2] && steps[2] == 3000);
    ck_assert(steps[0] > plateau[0] && steps[0] <= plateau[0] + 20); /* the confirming evaluation is the last */
}
END_TEST

/* Measured on the first steps. SGD's rates are constant, so that 30 lambda + (T_em - 40) lambda = sqrt(pi/2); threads
 * change nothing. */
START_TEST(measured_emergence)
{
    const struct keys sgd = test_keys(TINY "optimizer=sgd lr=1e-2"), adam = test_keys(TINY "lr=1e-4 seed=2"),
                      threads = test_keys(TINY "lr=1e-4 seed=2 threads=3"), recall = test_keys("task=recall"),
                      mean = test_keys(TINY "readout=mean");
    struct measure m, n;
    ck_assert_msg(measure_emergence(&sgd, NULL, &m) == OK, "%s", error_message());
    test_close(m.lambda * m.t_e, sqrt(M_PI_2), 1e-12, 0, "lambda t_e");
    test_close(m.T_em, m.t_e + 10, 1e-9, 0, "T_em of SGD");
    ck_assert(m.t_e > 40 && m.steps == 140);
    ck_assert_msg(measure_emergence(&adam, &(volatile int){0}, &m) == OK, "%s", error_message());
    ck_assert_msg(m.T_em > 40 && fabs(m.T_em - m.t_e - 10) > 1, "Adam remembers the start: %g, %g", m.T_em, m.t_e);
    ck_assert_int_eq(measure_emergence(&threads, NULL, &n), OK);
    ck_assert(m.t_e == n.t_e && m.T_em == n.T_em && m.lambda == n.lambda && m.steps == n.steps);
    ck_assert_int_eq(measure_emergence(&adam, &(volatile int){1}, &m), ERR_INTERRUPTED);
    ck_assert_int_eq(measure_emergence(&recall, NULL, &m), ERR_INPUT);
    ck_assert_int_eq(measure_emergence(&mean, NULL, &m), ERR_INPUT);
    ck_assert(strstr(error_message(), "task=regression with readout=last"));
}
END_TEST

START_TEST(published_laws)
{
    struct keys k = test_keys("d=16 T=64");
    test_close(published_plateau(&k), 757, 0.002, 0.0, "d=16, T=64");
    k = test_keys("task=recall pairs=4 vocab=32");
    test_close(published_plateau(&k), 192, 0.01, 0.0, "4 pairs, 32 tokens");
    k = test_keys("position=fixed");
    ck_assert(isnan(published_plateau(&k)));
}
END_TEST

static const struct test tests[] = {
    {"optimizers", &optimizers},
    {"optimizer_threads", &optimizer_threads},
    {"regression_emerges", &regression_emerges},
    {"recall_is_learned", &recall_is_learned},
    {"resume_to_the_bit", &resume_to_the_bit},
    {"resume_elsewhere", &resume_elsewhere},
    {"schedule in training", &schedule_in_training},
    {"threads_change_nothing", &threads_change_nothing},
    {"stop_and_go_on", &stop_and_go_on},
    {"refused_checkpoints", &refused_checkpoints},
    {"divergence_is_reported", &divergence_is_reported},
    {"ends", &ends},
    {"measured_emergence", &measured_emergence},
    {"published_laws", &published_laws},
};
TEST_MAIN("training", tests)
