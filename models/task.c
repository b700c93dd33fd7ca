#include "task.h"
#include <stdlib.h>

static const struct {
    const char *name;
    enum preset preset;
} probes[] = {
#define AS_ENTRY(name, preset, meaning) {#name, preset},
    TASK_PROBES(AS_ENTRY)
#undef AS_ENTRY
};

const char *task_probe_name(enum task_probe_kind kind)
{
    return probes[kind].name;
}

bool task_probe_applies(enum task_probe_kind kind, enum preset preset)
{
    return probes[kind].preset == preset;
}

enum status task_init(const struct keys *keys, struct task *task)
{
    *task = (struct task){.preset = keys->preset};
    if (keys->preset == PRESET_RECALL) {
        recall_init(keys, &task->recall);
        task->T = 2 * task->recall.pairs + 1;
        task->null_loss = task->recall.null_loss;
        return OK;
    }
    if (keys->preset != PRESET_REGRESSION)
        return error_set(ERR_INPUT, "only a Transformer has batches: give model=transformer");
    enum status rc = regression_init(keys, &task->regression);
    task->T = task->regression.T;
    task->null_loss = task->regression.null_loss;
    return rc;
}

void task_free(struct task *task)
{
    regression_free(&task->regression);
}

enum status task_samples(const struct task *task, size_t n, struct samples *s)
{
    return task->preset == PRESET_RECALL ? recall_samples(&task->recall, n, s) : regression_samples(&task->regression, n, s);
}

enum status task_draw(const struct task *task, const struct samples_range *range, struct samples *s)
{
    return task->preset == PRESET_RECALL ? recall_draw(&task->recall, range, s) : regression_draw(&task->regression, range, s);
}

enum status task_probes(const struct samples *s, enum task_probe_kind kind, struct task_probe **pairs, size_t *n)
{
    const size_t each = kind == TASK_PROBE_copy ? s->T / 2 : s->slots;
    *n = 0;
    *pairs = malloc(s->n * each * sizeof **pairs);
    if (!*pairs)
        return error_set(ERR_MEMORY, "out of memory for %zu probes", s->n * each);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < each; k++) {
            struct task_probe probe = {(int32_t)i, (int32_t)(s->T - 1), s->relevant[i * s->slots + (kind == TASK_PROBE_copy ? 0 : k)]};
            if (kind == TASK_PROBE_copy)
                probe = (struct task_probe){(int32_t)i, (int32_t)(2 * k + 1), (int32_t)(2 * k)};
            if (probe.key >= 0)
                (*pairs)[(*n)++] = probe;
        }
    }
    return OK;
}
