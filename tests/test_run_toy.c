/* One training run of the toy: every recorded state against steps made here, bit for bit; the times read off it against
 * the trace; plateau lengths against the reduced flow, for each optimizer in the limit in which it follows the flow;
 * the ways a run ends; checkpoints to the bit, and wrong ones. */
#include "run/optimizer.h"
#include "run/run_toy.h"
#include "run/safetensors.h"
#include "test.h"
#include "test_keys.h"
#include "models/toy.h"
#include <unistd.h>

static const double TIME_RTOL = 1e-12;

struct run {
    struct keys keys;
    struct result result;
    struct trace trace; /* owned */
};

static enum status try(struct run *run, const struct run_request *request)
{
    struct run_flow *tools;
    ck_assert_int_eq(run_flow_create(&tools), OK);
    enum status rc = run_toy(tools, &run->keys, request, &run->result, &run->trace);
    run_flow_free(tools);
    return rc;
}

static struct run train(struct keys keys, const struct run_request *request)
{
    struct run run = {.keys = keys};
    enum status rc = try(&run, request);
    ck_assert_msg(rc == OK, "%s", error_message());
    return run;
}

static struct run make(struct keys keys, const volatile int *stop)
{
    return train(keys, &(struct run_request){.stop = stop});
}

static const double *row(const struct run *run, size_t i)
{
    return run->trace.rows + i * (size_t)run->trace.columns;
}

static struct toy *toy_of(const struct keys *k)
{
    struct toy *toy;
    ck_assert_int_eq(toy_create((int)keys_integer(k, KEY_T), (int)keys_integer(k, KEY_d), (int)keys_integer(k, KEY_B),
                                keys_real(k, KEY_p), &toy),
                     OK);
    ck_assert_int_eq(toy_start(toy, keys_integer(k, KEY_init) == INIT_GAUSSIAN,
                               keys_integer(k, KEY_target) == TARGET_GAUSSIAN, (uint64_t)keys_integer(k, KEY_seed)),
                     OK);
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
        const double want[] = {
            step,       step * keys_real(k, KEY_lr), m.loss_train, m.loss_test, m.w, m.w_orthogonal, m.delta_a[0],
            m.attention};
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
                 {"optimizer=sgd sampler=statistics batch=4 lr=.01 steps=9001",
                  toy_gradient_statistics}}; /* the trace is thinned */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run = make(test_keys("model=toy T=12 d=5 %s", cases[i].keys), NULL);
        check_rows(&run, cases[i].sample);
        const double evaluations = run.result.steps_done / keys_real(&run.keys, KEY_eval_every);
        ck_assert_int_eq(run.trace.length<evaluations, evaluations> 4000);
        for (size_t k = 2; k < run.trace.length; k++)
            ck_assert(row(&run, k)[0] == (double)k * row(&run, 1)[0]);
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
        struct run run =
            make(test_keys("model=toy T=16 d=6 B=2 p=.2 batch=16 lr=.5 eval_every=4 threshold=.25 loss=%s", losses[i]),
                 NULL);
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

/* Mean over seeds of T_pl in the flow's time, over the T_pl of the flow from the same start. The flow's time is steps x
 * lr; momentum sums gradients to 1/(1 - momentum) of one; Adam divides by sqrt(s) + eps, which with eps far above every
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
    ck_assert(capped.result.steps_done == 25 && capped.result.cap == 10); /* its last evaluation's */
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

/* ---- checkpoints ---- */

static char whole_path[64], part_path[64];

static void name_files(void)
{
    snprintf(whole_path, sizeof whole_path, "test_run_toy.%ld.whole", (long)getpid());
    snprintf(part_path, sizeof part_path, "test_run_toy.%ld.part", (long)getpid());
}

static struct text bytes_of(const char *path)
{
    struct text t = {0};
    ck_assert_int_eq(text_read_file(path, 1 << 28, &t), OK);
    return t;
}

static void check_same(const struct run *a, const struct run *b)
{
    const struct result *x = &a->result, *y = &b->result;
    ck_assert(a->trace.length == b->trace.length);
    ck_assert_mem_eq(a->trace.rows, b->trace.rows, a->trace.length * (size_t)a->trace.columns * sizeof(double));
    ck_assert_mem_eq(x->crossings, y->crossings, sizeof x->crossings);
    ck_assert_mem_eq(x->switched, y->switched, sizeof x->switched);
    ck_assert_mem_eq(&x->plateau, &y->plateau, sizeof x->plateau);
    ck_assert_mem_eq(&x->final_loss, &y->final_loss, sizeof x->final_loss);
    ck_assert(x->initial_loss == y->initial_loss && x->null_loss == y->null_loss && x->cap == y->cap);
    ck_assert(x->state == y->state && x->steps_done == y->steps_done);
}

/* Ended by a cap at each of stops[n], gone on with, stopped on request before the first step and gone on with: the same
 * as never stopped, down to the last checkpoint. */
static void check_resume(struct keys keys, const double *stops, size_t n)
{
    name_files();
    struct run whole = train(keys, &(struct run_request){.checkpoint = whole_path});
    for (size_t i = 0; i < n; i++) {
        struct keys now = keys;
        now.value[KEY_steps] = stops[i] < 1 ? floor(stops[i] * whole.result.steps_done) : stops[i];
        struct run part = train(now, &(struct run_request){.resume = i ? part_path : NULL, .checkpoint = part_path});
        ck_assert(part.result.steps_done == now.value[KEY_steps] && part.result.steps_done < whole.result.steps_done);
        trace_free(&part.trace);
        part = train(keys,
                     &(struct run_request){.resume = part_path, .checkpoint = part_path, .stop = &(volatile int){1}});
        ck_assert(part.result.state == RUN_INTERRUPTED && part.result.steps_done == now.value[KEY_steps]);
        trace_free(&part.trace);
    }
    struct run last = train(keys, &(struct run_request){.resume = part_path, .checkpoint = part_path});
    struct run none = train(keys, &(struct run_request){.resume = part_path}); /* with nothing left to do */
    struct text want = bytes_of(whole_path), got = bytes_of(part_path);
    check_same(&whole, &last);
    check_same(&whole, &none);
    ck_assert(want.length == got.length && !memcmp(want.data, got.data, want.length));
    text_free(&want), text_free(&got);
    trace_free(&whole.trace), trace_free(&last.trace), trace_free(&none.trace);
    remove(whole_path), remove(part_path);
}

START_TEST(resume_to_the_bit)
{
    static const char *const cases[] = {
        "optimizer=gd B=2 p=.2 lr=.2", "optimizer=sgd batch=5 B=2 p=.3 init=gaussian target=gaussian eval_every=3",
        "optimizer=sgd batch=5 eval_every=10 steps=37", /* censored, its cap between two evaluations */
        "optimizer=sgd sampler=statistics momentum=.7 lr=.2 loss=train p=.1",
        "optimizer=adam batch=3 lr=.01 decay=.001 eval_every=2",
        /* switches in time and by reading: made, shown once or to come at each stop */
        "optimizer=sgd sampler=statistics batch=8 lr=.5 p=.7 schedule=p=0.5@4/p=0.3@attention=0.12/p=0@attention=0.13",
        ("optimizer=gd lr=.2 p=.8 B=3 eval_every=4 "
         "schedule=B=2@attention=0.2/p=0.3@attention=0.15/p=0.1@loss=0.9/p=0@9")};
    static const double stops[] = {0, .02, .1, .2, .3, .4, .45, .5, .6, .7, .8, .9, .97};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_resume(test_keys("model=toy T=12 d=5 %s", cases[i]), stops, sizeof stops / sizeof stops[0]);
    /* on both sides of where the trace is thinned, for the first and the second time */
    static const double late[] = {1, 3998, 3999, 4000, 4001, 7997, 7998, 7999, 9000};
    check_resume(test_keys("model=toy T=12 d=5 optimizer=gd lr=.001 steps=9001"), late, 9);
    check_resume(test_keys("model=toy T=12 d=5 optimizer=gd lr=.0005 eval_every=2 steps=16003"),
                 (double[]){7998, 7999, 15997}, 3);
}
END_TEST

/* checkpoint_every saves on the way: what is there when the run goes on is as good as the last. */
START_TEST(saved_on_the_way)
{
    name_files();
    const struct keys keys = test_keys("model=toy T=12 d=5 batch=4 eval_every=3 checkpoint_every=7 steps=20");
    struct run whole = train(keys, &(struct run_request){0});
    struct run run = train(keys, &(struct run_request){.checkpoint = part_path, .transient = true}); /* saved at 14 */
    check_same(&whole, &run);
    trace_free(&run.trace);
    run = train(keys, &(struct run_request){.resume = part_path, .stop = &(volatile int){1}});
    ck_assert(run.result.steps_done == 14);
    trace_free(&run.trace);
    run = train(keys, &(struct run_request){.resume = part_path});
    check_same(&whole, &run);
    trace_free(&run.trace);
    remove(part_path);
    struct keys rare = keys;
    rare.value[KEY_checkpoint_every] = 0;
    run = train(rare, &(struct run_request){.checkpoint = part_path, .transient = true});
    ck_assert(access(part_path, F_OK) != 0); /* nothing is written that nobody needs */
    trace_free(&run.trace), trace_free(&whole.trace);
}
END_TEST

START_TEST(diverged_stays_so)
{
    name_files();
    const struct keys keys = test_keys("model=toy T=64 d=16 lr=1000");
    struct run wild = train(keys, &(struct run_request){.checkpoint = part_path});
    struct run again = train(keys, &(struct run_request){.resume = part_path});
    ck_assert_int_eq(wild.result.state, RUN_DIVERGED);
    check_same(&wild, &again);
    trace_free(&wild.trace), trace_free(&again.trace);
    remove(part_path);
}
END_TEST

/* The threshold is no part of what a run is: another one is answered from what is noted, or refused. */
START_TEST(other_threshold)
{
    static const struct {
        const char *saved, *wanted;
        double at; /* of the steps of the whole run */
        bool refused;
    } cases[] = {{".2", ".5", .95, false},  {".2", ".35", .3, false}, {".35", ".2", .95, false},
                 {".15", ".17", .3, false}, {".2", ".35", .99, true}, {".35", ".33", .99, true},
                 {".2", ".13", .9, false},  {".2", ".05", .95, false}};
    name_files();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run whole = make(test_keys("model=toy T=12 d=5 optimizer=gd lr=.1 threshold=%s", cases[i].wanted), NULL);
        struct keys keys = test_keys("model=toy T=12 d=5 optimizer=gd lr=.1 threshold=%s", cases[i].saved);
        keys.value[KEY_steps] = floor(cases[i].at * whole.result.steps_done);
        struct run part = train(keys, &(struct run_request){.checkpoint = part_path}), last = {.keys = whole.keys};
        enum status rc = try(&last, &(struct run_request){.resume = part_path});
        ck_assert_msg(rc == (cases[i].refused ? ERR_INPUT : OK), "case %zu: %s", i, error_message());
        if (cases[i].refused)
            ck_assert_msg(strstr(error_message(), "with threshold=0."), "%s", error_message());
        else
            check_same(&whole, &last);
        if (cases[i].refused) { /* a sweep, which has a folder, begins anew */
            struct run anew = train(
                whole.keys, &(struct run_request){
                                .resume = part_path, .checkpoint = part_path, .folder = "/tmp", .transient = true});
            check_same(&whole, &anew);
            trace_free(&anew.trace);
        }
        trace_free(&whole.trace), trace_free(&part.trace), trace_free(&last.trace);
    }
    remove(part_path);
}
END_TEST

/* Room for the numbers of tensor k; bytes 0: none. */
static void *tensor_numbers(size_t k, size_t bytes)
{
    static void *numbers[10];
    free(numbers[k]);
    return numbers[k] = bytes ? malloc(bytes) : NULL;
}

/* Tensor k with its numbers. */
static struct safetensors_tensor tensor_at(const struct safetensors *file, size_t k)
{
    struct safetensors_tensor t = file->entries[k].tensor;
    void *numbers = tensor_numbers(k, file->entries[k].bytes);
    ck_assert_int_eq(safetensors_copy(file, t.name, t.type, t.rank, t.shape, numbers), OK);
    t.data = numbers;
    return t;
}

static size_t index_of(const struct safetensors *file, const char *name)
{
    size_t k = 0;
    while (strcmp(file->entries[k].tensor.name, name) != 0)
        k++;
    return k;
}

/* The file again, with tensor i replaced by `other` (NULL: left out). */
static void rewrite(const struct safetensors *file, const struct keys *keys, size_t i,
                    const struct safetensors_tensor *other)
{
    struct safetensors_tensor tensors[10];
    struct safetensors_note notes[KEY_COUNT + 2] = {{"step", safetensors_note(file, "step")},
                                                    {"numerics_revision", safetensors_note(file, "numerics_revision")}};
    size_t n = 0, n_notes = 2;
    for (size_t k = 0; k < file->n; k++) {
        if (k != i || other)
            tensors[n++] = k == i ? *other : tensor_at(file, k);
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        if (keys_is_hashed((enum key)key) && !isnan(keys->value[key]))
            notes[n_notes++] =
                (struct safetensors_note){keys_name((enum key)key), safetensors_note(file, keys_name((enum key)key))};
    }
    ck_assert_int_eq(safetensors_write(part_path, tensors, n, notes, n_notes), OK);
    for (size_t k = 0; k < 10; k++)
        tensor_numbers(k, 0);
}

static void check_refused(const struct keys *keys, const char *message)
{
    struct run run = {.keys = *keys};
    ck_assert_int_eq(try(&run, &(struct run_request){.resume = part_path, .checkpoint = part_path}), ERR_INPUT);
    ck_assert_msg(strstr(error_message(), part_path) && strstr(error_message(), message), "%s: %s", message,
                  error_message());
    trace_free(&run.trace);
}

START_TEST(refused)
{
    static const struct {
        const char *keys, *message;
    } others[] = {{"seed=2", "seed=1, not 2"},
                  {"d=4", "d=5, not 4"},
                  {"optimizer=sgd", "optimizer=adam, not sgd"},
                  {"schedule=p=0@5", "schedule=none, not p=0@5"}};
    name_files();
    const struct keys keys = test_keys("model=toy T=12 d=5 optimizer=adam lr=.01 steps=7");
    struct run run = train(keys, &(struct run_request){.checkpoint = whole_path});
    struct text bytes = bytes_of(whole_path);
    struct safetensors file;
    ck_assert_int_eq(safetensors_read(whole_path, &file), OK);
    ck_assert_uint_eq(file.n, 7);
    for (size_t i = 0; i < file.n; i++) { /* every tensor is missed, and must have its shape; but W* is not read */
        struct safetensors_tensor wrong = tensor_at(&file, i);
        if (!strcmp(wrong.name, "task.target"))
            continue;
        rewrite(&file, &keys, i, NULL);
        check_refused(&keys, wrong.name);
        wrong = tensor_at(&file, i);
        wrong.shape[wrong.rank - 1] -=
            strcmp(wrong.name, "run.trace") ? 1 : 4; /* without a forecast it is an older one */
        rewrite(&file, &keys, i, &wrong);
        check_refused(&keys, wrong.name);
    }
    struct safetensors_tensor rows = tensor_at(&file, index_of(&file, "run.trace")),
                              state = *safetensors_find(&file, "run.state");
    rows.shape[0]--;
    rewrite(&file, &keys, index_of(&file, "run.trace"), &rows);
    check_refused(&keys, "run.trace has 7 rows, and the run 8");
    double numbers[64];
    for (int i = 0; i < 4; i++) { /* switches that the schedule does not have, no loss at the start */
        ck_assert_int_eq(safetensors_copy(&file, "run.state", SAFETENSORS_F64, 1, state.shape, numbers), OK);
        numbers[i < 3 ? 5 : 0] = (double[]){1, -1, NAN, NAN}[i];
        state.data = numbers;
        rewrite(&file, &keys, index_of(&file, "run.state"), &state);
        check_refused(&keys, "switches of the schedule");
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct keys other = test_keys("model=toy T=12 d=5 optimizer=adam lr=.01 steps=7 %s", others[i].keys);
        ck_assert_int_eq(text_write_file(part_path, bytes.data, bytes.length), OK);
        check_refused(&other, others[i].message);
    }
    for (size_t n = 0; n < bytes.length; n += bytes.length / 11) { /* cut short */
        ck_assert_int_eq(text_write_file(part_path, bytes.data, n), OK);
        check_refused(&keys, "");
        struct text left = bytes_of(part_path); /* and left as it is */
        ck_assert_uint_eq(left.length, n);
        text_free(&left);
    }
    safetensors_free(&file);
    text_free(&bytes);
    trace_free(&run.trace);
    remove(whole_path), remove(part_path);
}
END_TEST

static const struct test tests[] = {{"every state", &every_state},
                                    {"times", &times},
                                    {"follows the flow", &follows_the_flow},
                                    {"ends", &ends},
                                    {"resume to the bit", &resume_to_the_bit},
                                    {"saved on the way", &saved_on_the_way},
                                    {"diverged stays so", &diverged_stays_so},
                                    {"other threshold", &other_threshold},
                                    {"refused", &refused}};
TEST_MAIN("run_toy", tests)
