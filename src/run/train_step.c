#include "run/train_step.h"
#include "base/progress.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Multiplies queries and keys by the root of `scale`. */
static void scale_scores(struct transformer *model, double scale)
{
    const size_t A = (size_t)model->config.heads * (size_t)model->config.head_dim;
    const real factor = (real)sqrt(scale);
    for (int i = 0; i < model->tensors && scale != 1; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        const size_t in = t->rank == 2 ? (size_t)t->shape[1] : 1;
        for (size_t j = 0; j < 2 * A * in && strstr(t->name, ".qkv."); j++)
            model->parameters[t->offset + j] *= factor;
    }
}

enum status train_step_init(const struct keys *k, struct train_step *s)
{
    enum status rc = OK;
    const struct samples_range all = {.test = true};
    s->clamps = clamp_of(keys_real(k, KEY_clamp));
    TRY(task_init(k, &s->task));
    const struct transformer_config config = transformer_config(k);
    TRY(transformer_create(&config, (enum backend)keys_integer(k, KEY_backend),
                           (enum precision)keys_integer(k, KEY_precision), (int)keys_integer(k, KEY_threads),
                           &s->model));
    transformer_initialise(s->model, (uint64_t)keys_integer(k, KEY_seed));
    scale_scores(s->model, keys_real(k, KEY_score_scale));
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

/* What a clamp holds is what the probe of this name looks at. */
static const char *const probe_names[CLAMP_KIND_COUNT] = {
    [CLAMP_COPY] = "copy", [CLAMP_SELECT] = "select", [CLAMP_RELEVANT] = "attention"};

int train_step_clamps(const struct clamps *clamps, const struct task_kind *kind, int64_t steps,
                      const struct samples *samples, struct transformer_clamp *held)
{
    int n = 0;
    for (size_t i = 0; i < clamps->n; i++) {
        const struct clamp *c = &clamps->list[i];
        struct transformer_clamp one = {.layer = c->layer - 1, .head = c->head - 1, .samples = samples};
        for (int k = 0; k < kind->n_probes && probe_names[c->kind]; k++) {
            if (strcmp(kind->probes[k].name, probe_names[c->kind]))
                continue;
            one.pair = kind->probes[k].pair;
            one.most = kind->probes[k].most(samples);
        }
        if (clamp_holds(c, steps))
            held[n++] = one;
    }
    return n;
}

enum status train_step_run(struct train_step *s, struct transformer_measure *m)
{
    enum status rc = OK;
    struct transformer_batch batch = as_batch(&s->batch);
    batch.fill = fill_batch;
    batch.context = s;
    batch.clamps = s->held;
    batch.n_clamps = train_step_clamps(&s->clamps, s->task.kind, s->optimizer.step, &s->batch, s->held);
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

struct transformer_batch train_step_test(struct train_step *s)
{
    struct transformer_batch test = as_batch(&s->test);
    test.clamps = s->held_test;
    test.n_clamps = train_step_clamps(&s->clamps, s->task.kind, s->optimizer.step, &s->test, s->held_test);
    return test;
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
