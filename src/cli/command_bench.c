/* plateau bench: throughput of this machine on fixed work.
 *
 * flow_*     A grid of 100 x 100 flows, T 32..8192 and d 4..512 logarithmic (rounded), B = 1, p = 0, the defaults else
 *            (BDF, rtol 1e-8). Each item does what the one before it does, and one thing more, so that differences are
 *            what that costs.
 * toy_*      Steps of SGD at T = d = 256, batch 32, lr 1 from W = 0: draw a batch, gradient, update (no evaluation).
 * step_*     Steps of Adam as `plateau train model=transformer` makes them, batch 32, two threads: draw, gradient,
 *            update.
 * product_*  An 8192 x 1024 x 256 product with a packed weight, half of the rows on each of two threads: what this
 *            processor's products can give, to set the steps' necessary work (25 GFLOP in step_regression) against.
 * part_*     Where step_regression goes: milliseconds, and the share of the whole, of each part of a step.
 *
 * One thread, but for flow_all_cores, step_* and product_*. Work is cut into REPETITIONS equal parts (of the grid:
 * every fifth diagonal, so that each part has every T and every d), and the items take turns: a disturbance hits all of
 * them. Shown: median, least and most. */
#include "cli/bench_parts.h"
#include "cli/cli.h"
#include "tensor/kernels.h"
#include "run/optimizer.h"
#include "study/outcome.h"
#include "base/progress.h"
#include "parallel/scheduler.h"
#include "parallel/team.h"
#include "models/toy.h"
#include "models/transformer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPETITIONS = 5, POINTS = 100, GRID = POINTS * POINTS, PART = GRID / REPETITIONS };
enum { TOY_SIZE = 256, TOY_BATCH = 32, TOKENS_STEPS = 20, STATISTICS_STEPS = 100 };
enum { LARGE_STEPS = 3, SMALL_STEPS = 100, THREADS = 2 };
enum { PRODUCT_ROWS = 8192, PRODUCT_OUT = 1024, PRODUCT_IN = 256, PRODUCTS = 10 };

struct bench {
    struct flow_solver *solver;
    struct prediction_workspace *quadrature;
    struct run_context runs; /* the same two, as `plateau flow` uses them */
    struct toy *toy;
    struct optimizer_state sgd;
    double *gradient;
    struct text json;
    enum precision precision; /* of the item in hand */
    size_t repetition;
    int part;                      /* of the item in hand: which part of a step */
    size_t parts_measured;         /* repetitions of them */
    double parts[BENCH_PARTS];     /* of this repetition */
    double parts_sum[BENCH_PARTS]; /* of all so far */
    size_t points[PART];           /* of the part in hand: T index x POINTS + d index */
};

struct item {
    const char *name, *unit, *meaning;
    enum precision precision; /* that it needs; a processor that has no bf16 leaves such items out */
    enum status (*run)(struct bench *b, double *value); /* one part: value in `unit` */
    int part;                                           /* of a step, for items part_* */
};

static double T_at(size_t point)
{
    const size_t i = point / POINTS;
    return rint(32 * pow(256, (double)i / (POINTS - 1)));
}

static double d_at(size_t point)
{
    const size_t j = point % POINTS;
    return rint(4 * pow(128, (double)j / (POINTS - 1)));
}

static void choose_part(struct bench *b, size_t part)
{
    for (size_t i = 0, n = 0; i < GRID; i++) {
        if ((i / POINTS + i % POINTS) % REPETITIONS == part)
            b->points[n++] = i;
    }
}

static void nothing_given(double given[KEY_COUNT])
{
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
}

static enum status resolve(enum model model, double T, double d, struct keys *keys)
{
    double given[KEY_COUNT];
    nothing_given(given);
    given[KEY_model] = model, given[KEY_T] = T, given[KEY_d] = d;
    return keys_resolve(given, keys);
}

/* The flow at one point, without and with all crossings, predictions. */
static enum status solve(struct bench *b, size_t point, bool all_crossings, bool predictions)
{
    enum status rc = OK;
    struct flow flow;
    struct flow_solution solution;
    struct prediction predicted;
    const struct flow_request q = {.loss = LOSS_TEST,
                                   .method = METHOD_BDF,
                                   .rtol = 1e-8,
                                   .atol = 1e-11,
                                   .threshold = 0.2,
                                   .all_crossings = all_crossings};
    const struct flow_start start = flow_unit_start(d_at(point));
    TRY(flow_init(T_at(point), d_at(point), 1, 0, METRIC_FULL, &start, &flow));
    TRY(flow_solver_solve(b->solver, &flow, &q, &solution));
    if (predictions)
        prediction_compute(b->quadrature, &flow, q.loss, q.threshold, &predicted);
done:
    return rc;
}

static enum status solve_part(struct bench *b, bool all_crossings, bool predictions, double *us)
{
    enum status rc = OK;
    double begin = progress_clock();
    for (size_t i = 0; i < PART; i++)
        TRY(solve(b, b->points[i], all_crossings, predictions));
    *us = 1e6 * (progress_clock() - begin) / PART;
done:
    return rc;
}

static enum status flow_root(struct bench *b, double *us)
{
    return solve_part(b, false, false, us);
}

static enum status flow_crossings(struct bench *b, double *us)
{
    return solve_part(b, true, false, us);
}

static enum status flow_predictions(struct bench *b, double *us)
{
    return solve_part(b, true, true, us);
}

static enum status run_point(void *context, size_t point, struct text *outcome)
{
    struct bench *b = context;
    struct keys keys;
    enum status rc = resolve(MODEL_FLOW, T_at(point), d_at(point), &keys);
    return rc == OK ? outcome_make(&b->runs, &keys, false, outcome) : rc;
}

static enum status take_point(void *context, size_t point, enum status rc, const char *message, const void *outcome,
                              size_t bytes)
{
    (void)point, (void)bytes;
    struct bench *b = context;
    struct result result;
    struct trace curve;
    if (rc != OK)
        return error_set(rc, "%s", message);
    outcome_read(outcome, &result, &curve);
    result_json(&result, &b->json);
    return text_status(&b->json);
}

static enum status jobs_part(struct bench *b, size_t jobs, double *us)
{
    const struct scheduler scheduler = {.jobs = jobs, .task = run_point, .deliver = take_point, .context = b};
    double begin = progress_clock();
    text_clear(&b->json);
    enum status rc = scheduler_run(&scheduler, b->points, PART);
    *us = 1e6 * (progress_clock() - begin) / PART;
    return rc;
}

static enum status flow_json(struct bench *b, double *us)
{
    return jobs_part(b, 1, us);
}

static enum status flow_all_cores(struct bench *b, double *us)
{
    return jobs_part(b, scheduler_cores(), us);
}

typedef enum status gradient_function(struct toy *, int, uint64_t, uint32_t, double *, double *);

static enum status toy_part(struct bench *b, gradient_function *gradient, uint32_t steps, double *ms)
{
    enum status rc = OK;
    double loss, begin = progress_clock();
    for (uint32_t step = 0; step < steps; step++) {
        TRY(gradient(b->toy, TOY_BATCH, 1, step, b->gradient, &loss));
        optimizer_update(&b->sgd, b->gradient, b->toy->parameters);
    }
    *ms = 1e3 * (progress_clock() - begin) / steps;
done:
    return rc;
}

static enum status toy_tokens(struct bench *b, double *ms)
{
    return toy_part(b, toy_gradient_tokens, TOKENS_STEPS, ms);
}

static enum status toy_statistics(struct bench *b, double *ms)
{
    return toy_part(b, toy_gradient_statistics, STATISTICS_STEPS, ms);
}

/* ---- Transformers ---- */

/* Steps of the run that `given` asks for; its one evaluation is of a single sequence. */
static enum status step_part(double given[KEY_COUNT], uint32_t steps, double *ms)
{
    enum status rc = OK;
    struct keys keys;
    struct result result;
    given[KEY_model] = MODEL_TRANSFORMER, given[KEY_threads] = THREADS, given[KEY_steps] = steps;
    given[KEY_eval_every] = steps + 1, given[KEY_eval_size] = 1;
    TRY(keys_resolve(given, &keys));
    TRY(run_transformer(&keys, &(struct run_request){0}, &result, NULL));
    double tokens = keys_real(&keys, KEY_batch) * transformer_config(&keys).T;
    *ms = 1e3 * tokens / result.tokens_per_s;
done:
    return rc;
}

/* The paper's default problem. */
static enum status step_regression(struct bench *b, double *ms)
{
    double given[KEY_COUNT];
    nothing_given(given);
    given[KEY_T] = 256, given[KEY_d] = 64, given[KEY_precision] = b->precision;
    return step_part(given, LARGE_STEPS, ms);
}

static enum status step_recall(struct bench *b, double *ms)
{
    double given[KEY_COUNT];
    nothing_given(given);
    given[KEY_task] = TASK_RECALL, given[KEY_pairs] = 32, given[KEY_vocab] = 256, given[KEY_precision] = b->precision;
    return step_part(given, LARGE_STEPS, ms);
}

static enum status step_small(struct bench *b, double *ms)
{
    double given[KEY_COUNT];
    nothing_given(given);
    given[KEY_T] = 64, given[KEY_d] = 32, given[KEY_layers] = 1, given[KEY_heads] = 1,
    given[KEY_precision] = b->precision;
    return step_part(given, SMALL_STEPS, ms);
}

/* One thread's share of the product. */
struct multiplier {
    struct kernels_worker worker;
    struct weight weight;
    real *W;     /* owned: [PRODUCT_OUT][PRODUCT_IN] */
    void *x, *y; /* owned */
    int member;  /* the thread that did it */
};

static void multiply(void *context, int member, int task)
{
    enum { ROWS = PRODUCT_ROWS / THREADS };
    struct multiplier *m = (struct multiplier *)context + task;
    m->member = member;
    for (int i = 0; i < PRODUCTS; i++)
        m->worker.kernels->forward(&m->worker, &m->weight, NULL, ROWS, m->x, PRODUCT_IN, m->y, PRODUCT_OUT,
                                   RESULT_ELEMENT);
}

static enum status multiplier_open(const struct kernels *kernels, struct multiplier *m)
{
    enum status rc = OK;
    enum { ROWS = PRODUCT_ROWS / THREADS };
    TRY(kernels_worker_open(kernels, &m->worker));
    m->weight = (struct weight){.out = PRODUCT_OUT, .in = PRODUCT_IN, .rows = ROWS};
    TRY(kernels->weight_open(&m->worker, &m->weight));
    m->W = kernels_allocate((size_t)PRODUCT_OUT * PRODUCT_IN, sizeof *m->W);
    m->x = kernels_allocate((size_t)ROWS * PRODUCT_IN, kernels->element_size);
    m->y = kernels_allocate((size_t)ROWS * PRODUCT_OUT, kernels->element_size);
    REQUIRE(m->W && m->x && m->y, ERR_MEMORY, "out of memory for a product");
    kernels->weight_pack(&m->worker, &m->weight, m->W);
    multiply(m, 0, 0); /* the library makes its code at the first call */
    rc = kernels_status(&m->worker);
done:
    return rc;
}

static void multiplier_close(const struct kernels *kernels, struct multiplier *m)
{
    kernels->weight_close(&m->weight);
    kernels_worker_close(&m->worker);
    free(m->W);
    free(m->x);
    free(m->y);
}

static enum status product(struct bench *b, double *rate)
{
    enum status rc = OK;
    const struct kernels *kernels;
    struct multiplier m[THREADS] = {0};
    TRY(kernels_open(BACKEND_AUTO, b->precision, &kernels));
    for (int i = 0; i < THREADS && rc == OK; i++)
        rc = multiplier_open(kernels, &m[i]);
    double begin = progress_clock();
    if (rc == OK)
        rc = team_parallel_for(THREADS, THREADS, multiply, m);
    *rate = 2e-9 * PRODUCTS * PRODUCT_ROWS * PRODUCT_OUT * PRODUCT_IN / (progress_clock() - begin);
    if (rc == OK && m[0].member == m[1].member)
        rc = error_set(ERR_MEMORY, "no thread could be started");
    for (int i = 0; i < THREADS; i++)
        multiplier_close(kernels, &m[i]);
done:
    return rc;
}

/* All parts are measured at once, when the first of a repetition is asked for. */
static enum status part_of_step(struct bench *b, double *ms)
{
    enum { STEPS = 5 };
    enum status rc = OK;
    if (b->parts_measured == b->repetition) {
        TRY(bench_parts(STEPS, b->parts));
        b->parts_measured++;
        for (int i = 0; i < BENCH_PARTS; i++)
            b->parts_sum[i] += b->parts[i];
    }
    *ms = b->parts[b->part];
done:
    return rc;
}

// clang-format off
#define ITEM(name, unit, meaning) {#name, unit, meaning, PRECISION_F32, name, 0},
#define PART_ITEM(part, name, meaning) {"part_" name, "ms/step", meaning, PRECISION_F32, part_of_step, part},
static const struct item items[] = {
    ITEM(flow_root, "us/flow", "one crossing: the plateau length")
    ITEM(flow_crossings, "us/flow", "and those of 0.9, 0.8 .. 0.1 of the null loss")
    ITEM(flow_predictions, "us/flow", "and every prediction")
    ITEM(flow_json, "us/flow", "and its line of JSON, from the keys: what `plateau flow --json --jobs 1` does")
    ITEM(flow_all_cores, "us/flow", "the same by one worker a core")
    ITEM(toy_tokens, "ms/step", "a step of the toy, every token drawn")
    ITEM(toy_statistics, "ms/step", "the same from statistics of the same law")
    ITEM(step_regression, "ms/step",
         "a step of the regression Transformer, T = 256, d = 64, 2 layers, 4 heads, width 256")
    ITEM(step_recall, "ms/step", "a step of the recall Transformer, 32 pairs, 256 tokens, 4 layers")
    ITEM(step_small, "ms/step", "a step of one layer with one head, T = 64, d = 32")
    {"product_f32", "GFLOP/s", "a product, 8192 x 1024 x 256", PRECISION_F32, product, 0},
    {"step_regression_bf16", "ms/step", "step_regression in bf16", PRECISION_BF16, step_regression, 0},
    {"step_recall_bf16", "ms/step", "step_recall in bf16", PRECISION_BF16, step_recall, 0},
    {"product_bf16", "GFLOP/s", "product_f32 in bf16", PRECISION_BF16, product, 0},
    TRANSFORMER_PARTS(PART_ITEM)
    PART_ITEM(BENCH_OPTIMIZER, "optimizer", "Adam's update")
    PART_ITEM(BENCH_EVALUATION, "evaluation", "the test loss, one evaluation every 25 steps")
};
// clang-format on
enum { N_ITEMS = sizeof items / sizeof items[0] };

static enum status prepare(struct bench *b)
{
    enum status rc = OK;
    struct keys keys;
    TRY(flow_solver_create(&b->solver));
    TRY(prediction_create(&b->quadrature));
    TRY(run_flow_create(&b->runs.tools));
    TRY(toy_create(TOY_SIZE, TOY_SIZE, 1, 0, &b->toy));
    TRY(toy_start(b->toy, false, false, 1));
    TRY(resolve(MODEL_TOY, TOY_SIZE, TOY_SIZE, &keys));
    TRY(optimizer_init(&keys, b->toy->count, sizeof *b->gradient, &b->sgd));
    b->gradient = calloc(b->toy->count, sizeof *b->gradient);
    REQUIRE(b->gradient, ERR_MEMORY, "out of memory for a gradient of %zu numbers", b->toy->count);
done:
    return rc;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of a part of a step in the whole; NaN for other items. */
static double share_of(const struct bench *b, const struct item *item)
{
    double whole = 0;
    for (int i = 0; i < BENCH_PARTS; i++)
        whole += b->parts_sum[i];
    return item->run == part_of_step ? b->parts_sum[item->part] / whole : (double)NAN;
}

static void report(const struct item *item, double value[REPETITIONS], double share, bool json, struct text *out)
{
    qsort(value, REPETITIONS, sizeof *value, ascending);
    const double median = value[REPETITIONS / 2], least = value[0], most = value[REPETITIONS - 1];
    if (json)
        text_addf(out, "{\"item\": \"%s\", \"value\": %.6g, \"least\": %.6g, \"most\": %.6g, \"unit\": \"%s\", ",
                  item->name, median, least, most, item->unit);
    else
        text_addf(out, "%-20s %8.4g %s  (%.4g .. %.4g)  ", item->name, median, item->unit, least, most);
    if (json && !isnan(share))
        text_addf(out, "\"share\": %.4g, ", share);
    else if (!isnan(share))
        text_addf(out, "%4.1f %%  ", 100 * share);
    if (json)
        text_addf(out, "\"version\": \"%s\"}\n", PACKAGE_VERSION);
    else
        text_addf(out, "%s\n", item->meaning);
}

/* wanted[i]: item i was named, or none was and this processor can do it. */
static enum status choose_items(const struct arguments *a, bool wanted[N_ITEMS])
{
    const char *names[N_ITEMS];
    const struct kernels *kernels;
    const bool bf16 = kernels_open(BACKEND_AUTO, PRECISION_BF16, &kernels) == OK;
    for (size_t i = 0; i < N_ITEMS; i++) {
        names[i] = items[i].name;
        wanted[i] = a->n_files == 0 && (bf16 || items[i].precision == PRECISION_F32);
    }
    if (!bf16 && a->n_files == 0)
        fprintf(stderr, "bench: items in bf16 are left out: %s\n", error_message());
    for (size_t k = 0; k < a->n_files; k++) {
        size_t i = 0;
        while (i < N_ITEMS && strcmp(a->files[k], names[i]))
            i++;
        if (i == N_ITEMS) {
            const char *nearest = text_nearest(a->files[k], names, N_ITEMS);
            return error_set(ERR_INPUT, "bench: %s: no such item%s%s%s", a->files[k], nearest ? "; did you mean " : "",
                             nearest ? nearest : "", nearest ? "?" : "");
        }
        wanted[i] = true;
    }
    return OK;
}

enum status command_bench(const struct arguments *a)
{
    enum status rc = OK;
    struct bench b = {0};
    struct text out = {0};
    bool wanted[N_ITEMS];
    double value[N_ITEMS][REPETITIONS];
    TRY(choose_items(a, wanted));
    TRY(prepare(&b));
    for (size_t part = 0; part < REPETITIONS; part++) {
        choose_part(&b, part);
        for (size_t i = 0; i < N_ITEMS; i++) {
            b.precision = items[i].precision;
            b.part = items[i].part;
            b.repetition = part;
            if (wanted[i])
                TRY(items[i].run(&b, &value[i][part]));
        }
    }
    for (size_t i = 0; i < N_ITEMS; i++) {
        if (wanted[i])
            report(&items[i], value[i], share_of(&b, &items[i]), a->json, &out);
    }
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    flow_solver_free(b.solver);
    prediction_free(b.quadrature);
    run_free(&b.runs);
    toy_free(b.toy);
    optimizer_free(&b.sgd);
    free(b.gradient);
    text_free(&b.json);
    text_free(&out);
    return rc;
}
