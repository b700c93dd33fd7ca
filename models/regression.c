#include "models/regression.h"
#include "models/flow_solver.h"
#include "models/start.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Uniform number of the choices stream: 0 is the coin for x~, then come the positions. */
enum { COIN, POSITIONS };

static enum status draw_target(const struct keys *keys, struct task *task)
{
    enum status rc = OK;
    struct regression *r = task->own;
    double sum = 0, *target = malloc(r->d * r->d * sizeof *target);
    REQUIRE(target, ERR_MEMORY, "out of memory for a target of %zu x %zu numbers", r->d, r->d);
    TRY(start_target((int)r->d, keys_integer(keys, KEY_target) == TARGET_GAUSSIAN, task->seed, target));
    for (size_t i = 0; i < r->d; i++) {
        for (size_t c = 0; c < r->d; c++) {
            r->target[i * r->d + c] = r->transposed[c * r->d + i] = (float)target[i * r->d + c];
            sum += target[i * r->d + c] * target[i * r->d + c];
        }
        r->along += target[i * r->d] * target[i * r->d];
    }
    task->null_loss = sum / (2 * (double)r->d);
    task->target = r->target;
done:
    free(target);
    return rc;
}

static enum status init(const struct keys *keys, struct task *task)
{
    enum status rc = OK;
    const size_t d = (size_t)keys_integer(keys, KEY_d);
    struct regression *r = task->own = calloc(1, sizeof *r);
    REQUIRE(r, ERR_MEMORY, "out of memory for a task");
    r->d = d;
    r->feature = keys_integer(keys, KEY_feature) == CHOICE_YES;
    r->target = malloc(d * d * sizeof *r->target);
    r->transposed = malloc(d * d * sizeof *r->transposed);
    REQUIRE(r->target && r->transposed, ERR_MEMORY, "out of memory for a target of %zu x %zu numbers", d, d);
    TRY(draw_target(keys, task));
    if (keys_integer(keys, KEY_position) == POSITION_FIXED) {
        REQUIRE(r->positions = malloc(task->T * sizeof *r->positions), ERR_MEMORY, "out of memory for %zu positions",
                task->T);
        /* W* is drawn at step 0 of this purpose. */
        random_distinct(&(struct stream){.seed = task->seed, .purpose = PURPOSE_TARGET, .step = 1}, 0, task->T,
                        task->slots, r->positions);
    }
done:
    return rc;
}

static void release(struct task *task)
{
    struct regression *r = task->own;
    free(r->target);
    free(r->transposed);
    free(r->positions);
    free(r);
}

/* Tokens into inputs[T][d + feature], feature 0. They are drawn as T x d numbers into the end of the place, from where
 * each row moves to its own, never over one that is still to move. */
static void draw_tokens(const struct regression *r, size_t T, const struct stream *normals, float *inputs)
{
    const size_t d = r->d, row = d + r->feature;
    const float scale = (float)(1 / sqrt((double)d));
    float *drawn = inputs + T * (row - d);
    random_normal(normals, 0, T * d, drawn);
    for (size_t t = 0; t < T; t++) {
        for (size_t c = 0; c < d; c++)
            inputs[t * row + c] = scale * drawn[t * d + c];
        if (r->feature)
            inputs[t * row + d] = 0;
    }
}

static void set_relevant(const struct regression *r, bool repeated, const int32_t *relevant, size_t B, float *inputs,
                         float *y)
{
    const size_t d = r->d, row = d + r->feature;
    float *x = inputs + (size_t)relevant[0] * row;
    if (repeated) {
        memset(x, 0, d * sizeof *x);
        x[0] = 1;
    }
    if (r->feature)
        x[d] = 1;
    for (size_t b = 1; b < B; b++)
        memcpy(inputs + (size_t)relevant[b] * row, x, row * sizeof *x);
    memset(y, 0, d * sizeof *y);
    for (size_t c = 0; c < d; c++) {
        for (size_t i = 0; i < d; i++)
            y[i] += r->transposed[c * d + i] * x[c];
    }
}

static enum status draw(const struct task *task, const struct samples_range *range, struct samples *s)
{
    const struct regression *r = task->own;
    int32_t *drawn = r->positions ? NULL : malloc(task->T * sizeof *drawn);
    if (!r->positions && !drawn)
        return error_set(ERR_MEMORY, "out of memory for %zu positions", task->T);
    const size_t B = range->test ? task->test_B : task->B;
    for (size_t i = 0; i < s->n; i++) {
        struct stream normals, choices;
        samples_streams(task->seed, range, i, &normals, &choices);
        float *inputs = s->inputs + i * s->T * s->features;
        int32_t *relevant = s->relevant + i * s->slots;
        draw_tokens(r, task->T, &normals, inputs);
        if (drawn)
            random_distinct(&choices, POSITIONS, task->T, B, drawn);
        memcpy(relevant, drawn ? drawn : r->positions, B * sizeof *relevant);
        for (size_t b = B; b < s->slots; b++)
            relevant[b] = -1;
        bool repeated = !range->test && task->p > 0 && random_uniform(&choices, COIN) < task->p;
        set_relevant(r, repeated, relevant, B, inputs, s->targets + i * s->outputs);
    }
    free(drawn);
    return OK;
}

static double train_null(const struct task *task)
{
    const struct regression *r = task->own;
    return 0.5 * task->p * r->along + (1 - task->p) * task->null_loss;
}

static void sizes(const struct keys *keys, int *T, int *inputs, int *outputs)
{
    const int d = (int)keys_integer(keys, KEY_d);
    *T = (int)keys_integer(keys, KEY_T);
    *inputs = d + (keys_real(keys, KEY_feature) == CHOICE_YES); /* NaN: the toy has none */
    *outputs = d;
}

/* Fractions of the null loss. */
static double level(const struct keys *keys, int i)
{
    (void)keys;
    return flow_solver_level(i);
}

static double usual(const struct keys *keys)
{
    (void)keys;
    return 0.2;
}

const struct task_kind regression_task = {
    .preset = PRESET_REGRESSION,
    .name = TASK_REGRESSION,
    .regressors = "d,T,B",
    .has_flow = true,
    .levels = FLOW_LEVELS,
    .level_names = {"0.9", "0.8", "0.7", "0.6", "0.5", "0.4", "0.3", "0.2", "0.1"},
    .level = level,
    .usual = usual,
    .sizes = sizes,
    .init = init,
    .free = release,
    .draw = draw,
    .train_null = train_null,
    .probes = {{"attention", task_slots, task_last_to_relevant, false}},
    .n_probes = 1,
};
