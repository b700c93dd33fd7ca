#include "models/task.h"
#include "models/recall.h"
#include "models/regression.h"
#include <stdlib.h>

static const struct task_kind *const kinds[] = {&regression_task, &recall_task};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const struct task_kind *task_at(int i)
{
    return i < KINDS ? kinds[i] : NULL;
}

const struct task_kind *task_of_preset(enum preset preset)
{
    for (int i = 0; i < KINDS; i++) {
        if (kinds[i]->preset == preset)
            return kinds[i];
    }
    return &regression_task; /* what flow and toy learn */
}

const struct task_kind *task_of(const struct keys *keys)
{
    return task_of_preset(keys->preset);
}

enum status task_init(const struct keys *keys, struct task *task)
{
    const struct task_kind *kind = task_of(keys);
    const struct schedule schedule = schedule_of(keys_real(keys, KEY_schedule));
    const double B = keys_real(keys, KEY_B);
    int T, inputs, outputs;
    *task = (struct task){.kind = kind};
    if (kind->preset != keys->preset)
        return error_set(ERR_INPUT, "only a Transformer has batches: give model=transformer");
    kind->sizes(keys, &T, &inputs, &outputs);
    task->T = (size_t)T;
    task->B = (size_t)B;
    task->test_B = (size_t)schedule_last(&schedule, SCHEDULE_B, B);
    task->slots = (size_t)schedule_largest(&schedule, SCHEDULE_B, B);
    task->p = keys_real(keys, KEY_p);
    task->seed = (uint64_t)keys_integer(keys, KEY_seed);
    return kind->init(keys, task);
}

void task_free(struct task *task)
{
    if (task->own)
        task->kind->free(task);
    *task = (struct task){0};
}

enum status task_samples(const struct keys *keys, const struct task *task, size_t n, struct samples *s)
{
    int T, inputs, outputs;
    const bool tokens = task->kind->tokens;
    task->kind->sizes(keys, &T, &inputs, &outputs);
    return samples_init(n, task->T, tokens ? 0 : (size_t)inputs, tokens ? 0 : (size_t)outputs, task->slots, s);
}

enum status task_draw(const struct task *task, const struct samples_range *range, struct samples *s)
{
    return task->kind->draw(task, range, s);
}

void task_switch(struct task *task, const struct schedule_switch *s)
{
    if (s->variable == SCHEDULE_P)
        task->p = s->value;
    else
        task->B = (size_t)s->value;
}

double task_train_null(const struct task *task)
{
    return task->kind->train_null(task);
}

size_t task_slots(const struct samples *s)
{
    return s->slots;
}

bool task_last_to_relevant(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key)
{
    *query = (int32_t)(s->T - 1);
    *key = s->relevant[i * s->slots + k];
    return *key >= 0;
}

enum status task_pairs(const struct samples *s, const struct task_probe *probe, struct task_pairs *pairs)
{
    const size_t most = probe->most(s), room = s->n * most;
    *pairs = (struct task_pairs){.sample = malloc(3 * room * sizeof *pairs->sample)};
    if (!pairs->sample)
        return error_set(ERR_MEMORY, "out of memory for %zu pairs of positions", room);
    pairs->query = pairs->sample + room;
    pairs->key = pairs->query + room;
    for (size_t i = 0; i < room; i++) {
        const size_t n = pairs->count;
        pairs->sample[n] = (int32_t)(i / most);
        pairs->count += probe->pair(s, i / most, i % most, &pairs->query[n], &pairs->key[n]);
    }
    return OK;
}

void task_pairs_free(struct task_pairs *pairs)
{
    free(pairs->sample);
    *pairs = (struct task_pairs){0};
}
