#include "models/samples.h"
#include <stdlib.h>

enum status samples_init(size_t n, size_t T, size_t features, size_t outputs, size_t slots, struct samples *s)
{
    *s = (struct samples){.n = n, .T = T, .features = features, .outputs = outputs, .slots = slots};
    s->relevant = calloc(n * slots, sizeof *s->relevant);
    bool good = s->relevant != NULL;
    if (features) {
        s->inputs = calloc(n * T, features * sizeof *s->inputs);
        s->targets = calloc(n * outputs, sizeof *s->targets);
        good = good && s->inputs && s->targets;
    } else {
        s->tokens = calloc(n * T, sizeof *s->tokens);
        s->labels = calloc(n, sizeof *s->labels);
        good = good && s->tokens && s->labels;
    }
    if (good)
        return OK;
    samples_free(s);
    return error_set(ERR_MEMORY, "out of memory for %zu samples of %zu positions; use a smaller batch or eval_size", n,
                     T);
}

void samples_free(struct samples *s)
{
    free(s->inputs);
    free(s->targets);
    free(s->tokens);
    free(s->labels);
    free(s->relevant);
    *s = (struct samples){0};
}

struct samples samples_part(const struct samples *s, size_t first, size_t n)
{
    struct samples part = *s;
    part.n = n;
    part.relevant += first * s->slots;
    if (s->features) {
        part.inputs += first * s->T * s->features;
        part.targets += first * s->outputs;
    } else {
        part.tokens += first * s->T;
        part.labels += first;
    }
    return part;
}

/* Training and test sets use different purposes; within each, normals and choices different purposes or steps. */
void samples_streams(uint64_t seed, const struct samples_range *range, size_t i, struct stream *normals,
                     struct stream *choices)
{
    *normals = (struct stream){.seed = seed,
                               .purpose = range->test ? PURPOSE_EVALUATION : PURPOSE_DATA,
                               .step = range->test ? 0 : range->step,
                               .sample = range->first + (uint32_t)i};
    *choices = *normals;
    choices->purpose = range->test ? PURPOSE_EVALUATION : PURPOSE_CHOICE;
    choices->step = range->test ? 1 : range->step;
}
