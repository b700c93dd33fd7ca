#include "problem.h"
#include <stdlib.h>

static const struct {
    const char *name;
    enum preset preset;
} probes[PROBE_COUNT] = {
#define AS_ENTRY(name, preset, meaning) {#name, preset},
    PROBLEM_PROBES(AS_ENTRY)
#undef AS_ENTRY
};

int problem_probes(enum preset preset, enum problem_probe *first)
{
    int n = 0;
    for (int i = PROBE_COUNT - 1; i >= 0; i--) {
        if (probes[i].preset == preset) {
            *first = (enum problem_probe)i;
            n++;
        }
    }
    return n;
}

const char *problem_probe_name(enum problem_probe probe)
{
    return probes[probe].name;
}

enum status problem_init(const struct keys *keys, struct problem *problem)
{
    *problem = (struct problem){.preset = keys->preset};
    if (keys->preset == PRESET_RECALL) {
        recall_init(keys, &problem->recall);
        problem->T = 2 * problem->recall.pairs + 1;
        problem->null_loss = problem->recall.null_loss;
        return OK;
    }
    if (keys->preset != PRESET_REGRESSION)
        return error_set(ERR_INPUT, "only a Transformer has batches: give model=transformer");
    enum status rc = regression_init(keys, &problem->regression);
    problem->T = problem->regression.T;
    problem->null_loss = problem->regression.null_loss;
    return rc;
}

void problem_free(struct problem *problem)
{
    regression_free(&problem->regression);
}

enum status problem_samples(const struct problem *problem, size_t n, struct samples *s)
{
    return problem->preset == PRESET_RECALL ? recall_samples(&problem->recall, n, s)
                                            : regression_samples(&problem->regression, n, s);
}

enum status problem_draw(const struct problem *problem, const struct samples_range *range, struct samples *s)
{
    return problem->preset == PRESET_RECALL ? recall_draw(&problem->recall, range, s)
                                            : regression_draw(&problem->regression, range, s);
}

void problem_switch(struct problem *problem, const struct schedule_switch *s)
{
    const bool recall = problem->preset == PRESET_RECALL;
    if (s->variable == SCHEDULE_P)
        *(recall ? &problem->recall.p : &problem->regression.p) = s->value;
    else
        *(recall ? &problem->recall.B : &problem->regression.B) = (size_t)s->value;
}

double problem_train_null(const struct problem *problem)
{
    const struct regression *r = &problem->regression;
    return problem->preset == PRESET_RECALL ? problem->null_loss : 0.5 * r->p * r->along + (1 - r->p) * r->null_loss;
}

size_t problem_test_copies(const struct problem *problem)
{
    return problem->preset == PRESET_RECALL ? 1 : problem->regression.test_B;
}

enum status problem_pairs(const struct samples *s, enum problem_probe probe, struct problem_pairs *pairs)
{
    const bool copy = probe == PROBE_copy;
    const size_t each = copy ? s->T / 2 : s->slots, room = s->n * each;
    *pairs = (struct problem_pairs){.sample = malloc(3 * room * sizeof *pairs->sample)};
    if (!pairs->sample)
        return error_set(ERR_MEMORY, "out of memory for %zu pairs of positions", room);
    pairs->query = pairs->sample + room;
    pairs->key = pairs->query + room;
    for (size_t i = 0; i < room; i++) {
        const size_t k = i % each;
        const int32_t key = copy ? (int32_t)(2 * k) : s->relevant[i];
        if (key < 0)
            continue;
        pairs->sample[pairs->count] = (int32_t)(i / each);
        pairs->query[pairs->count] = copy ? key + 1 : (int32_t)(s->T - 1);
        pairs->key[pairs->count++] = key;
    }
    return OK;
}

void problem_pairs_free(struct problem_pairs *pairs)
{
    free(pairs->sample);
    *pairs = (struct problem_pairs){0};
}
