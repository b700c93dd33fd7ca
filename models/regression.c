#include "regression.h"
#include "start.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Uniform number of the choices stream: 0 is the coin for x~, then come the positions. */
enum { COIN, POSITIONS };

static enum status draw_target(const struct keys *keys, struct regression *r)
{
    enum status rc = OK;
    double sum = 0, *target = malloc(r->d * r->d * sizeof *target);
    REQUIRE(target, ERR_MEMORY, "out of memory for a target of %zu x %zu numbers", r->d, r->d);
    TRY(start_target((int)r->d, keys_integer(keys, KEY_target) == TARGET_GAUSSIAN, r->seed, target));
    for (size_t i = 0; i < r->d; i++) {
        for (size_t c = 0; c < r->d; c++) {
            r->target[i * r->d + c] = r->transposed[c * r->d + i] = (float)target[i * r->d + c];
            sum += target[i * r->d + c] * target[i * r->d + c];
        }
        r->along += target[i * r->d] * target[i * r->d];
    }
    r->null_loss = sum / (2 * (double)r->d);
done:
    free(target);
    return rc;
}

enum status regression_init(const struct keys *keys, struct regression *r)
{
    enum status rc = OK;
    const struct schedule schedule = schedule_of(keys_real(keys, KEY_schedule));
    *r = (struct regression){.T = (size_t)keys_integer(keys, KEY_T),
                             .d = (size_t)keys_integer(keys, KEY_d),
                             .B = (size_t)keys_integer(keys, KEY_B),
                             .test_B = (size_t)schedule_last(&schedule, SCHEDULE_B, keys_real(keys, KEY_B)),
                             .most_B = (size_t)schedule_largest(&schedule, SCHEDULE_B, keys_real(keys, KEY_B)),
                             .p = keys_real(keys, KEY_p),
                             .feature = keys_integer(keys, KEY_feature) == CHOICE_YES,
                             .seed = (uint64_t)keys_integer(keys, KEY_seed)};
    r->target = malloc(r->d * r->d * sizeof *r->target);
    r->transposed = malloc(r->d * r->d * sizeof *r->transposed);
    REQUIRE(r->target && r->transposed, ERR_MEMORY, "out of memory for a target of %zu x %zu numbers", r->d, r->d);
    TRY(draw_target(keys, r));
    if (keys_integer(keys, KEY_position) == POSITION_FIXED) {
        REQUIRE(r->positions = malloc(r->T * sizeof *r->positions), ERR_MEMORY, "out of memory for %zu positions",
                r->T);
        /* W* is drawn at step 0 of this purpose. */
        random_distinct(&(struct stream){.seed = r->seed, .purpose = PURPOSE_TARGET, .step = 1}, 0, r->T, r->most_B,
                        r->positions);
    }
done:
    if (rc != OK)
        regression_free(r);
    return rc;
}

void regression_free(struct regression *r)
{
    free(r->target);
    free(r->transposed);
    free(r->positions);
    *r = (struct regression){0};
}

enum status regression_samples(const struct regression *r, size_t n, struct samples *s)
{
    return samples_init(n, r->T, r->d + r->feature, r->d, r->most_B, s);
}

/* Tokens into inputs[T][d + feature], feature 0. They are drawn as T x d numbers into the end of the place, from where
 * each row moves to its own, never over one that is still to move. */
static void draw_tokens(const struct regression *r, const struct stream *normals, float *inputs)
{
    const size_t d = r->d, row = d + r->feature;
    const float scale = (float)(1 / sqrt((double)d));
    float *drawn = inputs + r->T * (row - d);
    random_normal(normals, 0, r->T * d, drawn);
    for (size_t t = 0; t < r->T; t++) {
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

enum status regression_draw(const struct regression *r, const struct samples_range *range, struct samples *s)
{
    int32_t *drawn = r->positions ? NULL : malloc(r->T * sizeof *drawn);
    if (!r->positions && !drawn)
        return error_set(ERR_MEMORY, "out of memory for %zu positions", r->T);
    const size_t B = range->test ? r->test_B : r->B;
    for (size_t i = 0; i < s->n; i++) {
        struct stream normals, choices;
        samples_streams(r->seed, range, i, &normals, &choices);
        float *inputs = s->inputs + i * s->T * s->features;
        int32_t *relevant = s->relevant + i * s->slots;
        draw_tokens(r, &normals, inputs);
        if (drawn)
            random_distinct(&choices, POSITIONS, r->T, B, drawn);
        memcpy(relevant, drawn ? drawn : r->positions, B * sizeof *relevant);
        for (size_t b = B; b < s->slots; b++)
            relevant[b] = -1;
        bool repeated = !range->test && r->p > 0 && random_uniform(&choices, COIN) < r->p;
        set_relevant(r, repeated, relevant, B, inputs, s->targets + i * s->outputs);
    }
    free(drawn);
    return OK;
}
