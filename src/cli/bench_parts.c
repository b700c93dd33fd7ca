#include "bench_parts.h"
#include "optimizer.h"
#include "task.h"
#include "progress.h"
#include <math.h>
#include <stdlib.h>

struct step {
    struct keys keys;
    struct task task;
    struct transformer *model;
    struct optimizer_state optimizer;
    struct samples batch, test;
    real *gradient; /* owned */
};

static void fill(void *context, int first, int count)
{
    struct step *s = context;
    struct samples part = samples_part(&s->batch, (size_t)first, (size_t)count);
    const struct samples_range range = {.step = (uint32_t)s->optimizer.step, .first = (uint32_t)first};
    task_draw(&s->task, &range, &part); /* if it cannot, the numbers of the step before serve as well */
}

static struct transformer_batch as_batch(const struct samples *s)
{
    return (struct transformer_batch){
        .sequences = (int)s->n, .inputs = s->inputs, .targets = s->targets, .tokens = s->tokens, .labels = s->labels};
}

static enum status prepare(struct step *s)
{
    enum status rc = OK;
    double given[KEY_COUNT];
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = MODEL_TRANSFORMER, given[KEY_threads] = 2;
    TRY(keys_resolve(given, &s->keys));
    const struct transformer_config config = transformer_config(&s->keys);
    TRY(task_init(&s->keys, &s->task));
    TRY(transformer_create(&config, BACKEND_AUTO, PRECISION_F32, 2, &s->model));
    transformer_initialise(s->model, 1);
    TRY(optimizer_init(&s->keys, s->model->count, sizeof(real), &s->optimizer));
    REQUIRE(s->gradient = calloc(s->model->count, sizeof *s->gradient), ERR_MEMORY, "out of memory for a gradient");
    TRY(task_samples(&s->keys, &s->task, (size_t)keys_integer(&s->keys, KEY_batch), &s->batch));
    TRY(task_samples(&s->keys, &s->task, (size_t)keys_integer(&s->keys, KEY_eval_size), &s->test));
    TRY(task_draw(&s->task, &(struct samples_range){.test = true}, &s->test));
done:
    return rc;
}

/* One step; the seconds of the optimizer are added to *update. */
static enum status run_step(struct step *s, double *update)
{
    enum status rc = OK;
    struct transformer_measure m;
    struct transformer_batch batch = as_batch(&s->batch);
    batch.fill = fill;
    batch.context = s;
    TRY(transformer_gradient(s->model, &batch, s->gradient, &m, NULL));
    const double begun = progress_clock();
    optimizer_update_single(&s->optimizer, s->model->team, s->gradient, s->model->parameters);
    *update += progress_clock() - begun;
done:
    return rc;
}

enum status bench_parts(int steps, double ms[BENCH_PARTS])
{
    enum status rc = OK;
    struct step s = {0};
    struct transformer_measure m;
    double seconds[PART_COUNT], update = 0;
    TRY(prepare(&s));
    const struct transformer_batch test = as_batch(&s.test);
    TRY(run_step(&s, &update)); /* the library makes its code at the first call */
    TRY(transformer_evaluate(s.model, &test, 0, NULL, &m, NULL));
    transformer_spent(s.model, seconds);
    update = 0;
    for (int i = 0; i < steps; i++)
        TRY(run_step(&s, &update));
    transformer_spent(s.model, seconds);
    for (int part = 0; part < PART_COUNT; part++)
        ms[part] = 1e3 * seconds[part] / s.model->threads / steps; /* as long as both threads are at work */
    ms[BENCH_OPTIMIZER] = 1e3 * update / steps;
    const double begun = progress_clock();
    TRY(transformer_evaluate(s.model, &test, 0, NULL, &m, NULL));
    ms[BENCH_EVALUATION] = 1e3 * (progress_clock() - begun) / keys_real(&s.keys, KEY_eval_every);
done:
    samples_free(&s.batch);
    samples_free(&s.test);
    optimizer_free(&s.optimizer);
    transformer_free(s.model);
    task_free(&s.task);
    free(s.gradient);
    return rc;
}
