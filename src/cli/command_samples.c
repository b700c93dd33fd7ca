/* plateau batch, plateau gradient: the samples that a Transformer reads, and what it makes of them, for other programs
 * to check. */
#include "run/checkpoint.h"
#include "cli/cli.h"
#include "study/grid.h"
#include "models/task.h"
#include "run/safetensors.h"
#include "run/train_step.h"
#include <stdlib.h>
#include <string.h>

/* The keys of the one run that the command line describes. */
static enum status single_run(const struct arguments *a, const char *command, struct keys *keys)
{
    enum status rc = OK;
    struct grid grid = {0};
    size_t n;
    REQUIRE(a->n_files == 0, ERR_INPUT, "%s: expected key=value (`plateau keys` lists the keys)", a->files[0]);
    TRY(grid_set(&grid, "model", "transformer"));
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(&grid, a->assignments[i]));
    TRY(grid_size(&grid, &n));
    REQUIRE(n == 1, ERR_INPUT, "%s: needs a single run, and the grid has %zu", command, n);
    TRY(grid_at(&grid, 0, keys));
done:
    grid_free(&grid);
    return rc;
}

/* inputs, targets, relevant (doc/formats.md). */
enum { SAMPLE_TENSORS = 3 };
static void describe(const struct samples *s, struct safetensors_tensor *t)
{
    const bool vectors = s->features > 0;
    t[0] = (struct safetensors_tensor){
        "inputs", vectors ? SAFETENSORS_F32 : SAFETENSORS_I32, vectors ? 3 : 2, {s->n, s->T, s->features}, s->inputs};
    t[1] = (struct safetensors_tensor){
        "targets", vectors ? SAFETENSORS_F32 : SAFETENSORS_I32, vectors ? 2 : 1, {s->n, s->outputs}, s->targets};
    t[2] = (struct safetensors_tensor){"relevant", SAFETENSORS_I32, 2, {s->n, s->slots}, s->relevant};
    if (!vectors)
        t[0].data = s->tokens, t[1].data = s->labels;
}

enum status command_batch(const struct arguments *a)
{
    enum status rc = OK;
    struct keys keys;
    struct task task = {0};
    struct samples samples = {0};
    struct safetensors_tensor tensors[SAMPLE_TENSORS];
    const struct samples_range range = {.test = a->test, .step = a->step ? (uint32_t)a->step - 1 : 0};
    REQUIRE(a->out, ERR_INPUT, "batch: needs --out FILE (`plateau help batch`)");
    TRY(single_run(a, "batch", &keys));
    TRY(task_init(&keys, &task));
    TRY(task_samples(&keys, &task, (size_t)keys_integer(&keys, a->test ? KEY_eval_size : KEY_batch), &samples));
    TRY(task_draw(&task, &range, &samples));
    describe(&samples, tensors);
    TRY(safetensors_write(a->out, tensors, SAMPLE_TENSORS, NULL, 0));
done:
    samples_free(&samples);
    task_free(&task);
    return rc;
}

/* Samples from a file, of any number of sequences, but otherwise as `keys` say. */
static enum status read_samples(const char *path, const struct keys *keys, const struct task *task, struct samples *s)
{
    enum status rc = OK;
    struct safetensors file = {0};
    struct safetensors_tensor t[SAMPLE_TENSORS];
    TRY(safetensors_read(path, &file));
    const struct safetensors_tensor *inputs = safetensors_find(&file, "inputs");
    REQUIRE(inputs && inputs->rank > 0 && inputs->shape[0] > 0 && inputs->shape[0] <= 1000000, ERR_INPUT,
            "no inputs [batch, ..] in it");
    TRY(task_samples(keys, task, inputs->shape[0], s));
    describe(s, t);
    const int needed = keys_real(keys, KEY_clamp) != 0 ? SAMPLE_TENSORS : SAMPLE_TENSORS - 1; /* relevant: for clamps */
    for (int i = 0; i < needed; i++)
        TRY(safetensors_copy(&file, t[i].name, t[i].type, t[i].rank, t[i].shape, (void *)t[i].data));
    for (size_t i = 0; i < s->n * s->slots && needed == SAMPLE_TENSORS; i++)
        REQUIRE(s->relevant[i] >= -1 && s->relevant[i] < (int32_t)s->T, ERR_INPUT,
                "relevant: %d is no position of a sequence of %zu (-1: none)", (int)s->relevant[i], s->T);
done:
    safetensors_free(&file);
    return rc == OK ? OK : error_prefix(rc, "%.150s", path);
}

/* loss, outputs, then the gradient under the parameters' names. */
static enum status write_gradient(const char *path, const struct transformer *model, size_t n, float loss,
                                  const real *outputs, const real *gradient)
{
    enum status rc = OK;
    const size_t count = (size_t)model->tensors;
    struct safetensors_tensor *t = calloc(count + 2, sizeof *t);
    REQUIRE(t, ERR_MEMORY, "out of memory for the list of %zu tensors", count);
    t[0] = (struct safetensors_tensor){"loss", SAFETENSORS_F32, 0, {0}, &loss};
    t[1] = (struct safetensors_tensor){"outputs", SAFETENSORS_F32, 2, {n, (size_t)model->config.outputs}, outputs};
    for (size_t i = 0; i < count; i++) {
        const struct transformer_tensor *p = &model->tensor[i];
        t[i + 2] = (struct safetensors_tensor){
            p->name, SAFETENSORS_F32, p->rank, {(size_t)p->shape[0], (size_t)p->shape[1]}, gradient + p->offset};
    }
    TRY(safetensors_write(path, t, count + 2, NULL, 0));
done:
    free(t);
    return rc;
}

enum status command_gradient(const struct arguments *a)
{
    enum status rc = OK;
    struct keys keys;
    struct task task = {0};
    struct samples s = {0};
    struct transformer *model = NULL;
    struct transformer_measure measure;
    real *gradient = NULL, *outputs = NULL;
    REQUIRE(a->checkpoint && a->batch && a->out, ERR_INPUT,
            "gradient: needs --checkpoint FILE, --batch FILE and --out FILE (`plateau help gradient`)");
    TRY(single_run(a, "gradient", &keys));
    TRY(task_init(&keys, &task));
    TRY(read_samples(a->batch, &keys, &task, &s));
    const struct transformer_config config = transformer_config(&keys);
    TRY(transformer_create(&config, (enum backend)keys_integer(&keys, KEY_backend),
                           (enum precision)keys_integer(&keys, KEY_precision), (int)keys_integer(&keys, KEY_threads),
                           &model));
    TRY(checkpoint_read_weights(a->checkpoint, model));
    gradient = calloc(model->count, sizeof *gradient);
    outputs = calloc(s.n * (size_t)config.outputs, sizeof *outputs);
    REQUIRE(gradient && outputs, ERR_MEMORY, "out of memory for a gradient of %zu numbers", model->count);
    const struct clamps clamps = clamp_of(keys_real(&keys, KEY_clamp));
    struct transformer_clamp held[CLAMPS];
    const struct transformer_batch batch = {.sequences = (int)s.n,
                                            .inputs = s.inputs,
                                            .targets = s.targets,
                                            .tokens = s.tokens,
                                            .labels = s.labels,
                                            .clamps = held,
                                            .n_clamps = train_step_clamps(&clamps, task.kind, 0, &s, held)};
    TRY(transformer_gradient(model, &batch, gradient, &measure, outputs));
    TRY(write_gradient(a->out, model, s.n, (float)measure.loss, outputs, gradient));
done:
    free(gradient);
    free(outputs);
    transformer_free(model);
    samples_free(&s);
    task_free(&task);
    return rc;
}
