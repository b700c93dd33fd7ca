#include "run/train_step.h"
#include "base/progress.h"
#include <math.h>
#include <stdlib.h>

enum status train_step_init(const struct keys *k, struct train_step *s)
{
    enum status rc = OK;
    const struct samples_range all = {.test = true};
    TRY(task_init(k, &s->task));
    const struct transformer_config config = transformer_config(k);
    TRY(transformer_create(&config, (enum backend)keys_integer(k, KEY_backend),
                           (enum precision)keys_integer(k, KEY_precision), (int)keys_integer(k, KEY_threads),
                           &s->model));
    transformer_initialise(s->model, (uint64_t)keys_integer(k, KEY_seed));
    TRY(optimizer_init(k, s->model->count, sizeof(real), &s->optimizer));
    REQUIRE(s->gradient = calloc(s->model->count, sizeof *s->gradient), ERR_MEMORY,
            "out of memory for a gradient of %zu numbers", s->model->count);
    TRY(task_samples(k, &s->task, (size_t)keys_integer(k, KEY_batch), &s->batch));
    TRY(task_samples(k, &s->task, (size_t)keys_integer(k, KEY_eval_size), &s->test));
    TRY(task_draw(&s->task, &all, &s->test));
done:
    return rc;
}

/* Called by the model's threads for the sequences that they are about to read. */
static void fill_batch(void *context, int first, int count)
{
    struct train_step *s = context;
    struct samples part = samples_part(&s->batch, (size_t)first, (size_t)count);
    const struct samples_range range = {.step = (uint32_t)s->optimizer.step, .first = (uint32_t)first};
    if (task_draw(&s->task, &range, &part) != OK)
        s->failed = true;
}

static struct transformer_batch as_batch(const struct samples *s)
{
    return (struct transformer_batch){
        .sequences = (int)s->n, .inputs = s->inputs, .targets = s->targets, .tokens = s->tokens, .labels = s->labels};
}

enum status train_step_run(struct train_step *s, struct transformer_measure *m)
{
    enum status rc = OK;
    struct transformer_batch batch = as_batch(&s->batch);
    batch.fill = fill_batch;
    batch.context = s;
    TRY(transformer_gradient(s->model, &batch, s->gradient, m, NULL));
    REQUIRE(!s->failed, ERR_MEMORY, "out of memory for the samples of a batch");
    if (!isfinite(m->loss))
        return OK;
    const double begun = progress_clock();
    optimizer_update_single(&s->optimizer, s->model->team, s->gradient, s->model->parameters);
    s->update_s += progress_clock() - begun;
done:
    return rc;
}

struct transformer_batch train_step_test(const struct train_step *s)
{
    return as_batch(&s->test);
}

void train_step_free(struct train_step *s)
{
    samples_free(&s->batch);
    samples_free(&s->test);
    optimizer_free(&s->optimizer);
    transformer_free(s->model);
    task_free(&s->task);
    free(s->gradient);
}
