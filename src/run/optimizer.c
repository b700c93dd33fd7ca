#include "run/optimizer.h"
#include "base/clones.h"
#include <math.h>
#include <stdlib.h>

enum { PIECE = 1 << 16 }; /* numbers, about, that a thread takes at a time */

/* Element by element, without contraction: every instruction set gives the same bits. */
#define REAL double
#define SQRT sqrt
#define FOR_REAL(name) name##_double
#include "run/optimizer_loops.h"
#undef REAL
#undef SQRT
#undef FOR_REAL
#define REAL float
#define SQRT sqrtf
#define FOR_REAL(name) name##_float
#include "run/optimizer_loops.h"

struct optimizer_update {
    int blocks; /* kept from step to step, a number for each parameter: first, second */
    void (*in_double)(const struct optimizer_state *o, size_t at, size_t n, const double *g, double *x);
    void (*in_float)(const struct optimizer_state *o, size_t at, size_t n, const float *g, float *x);
};
/* One for each row of OPTIMIZERS. */
static const struct optimizer_update update_OPTIMIZER_GD = {0, plain_double, plain_float},
                                     update_OPTIMIZER_SGD = {1, momentum_double, momentum_float},
                                     update_OPTIMIZER_ADAM = {2, adam_double, adam_float};

static const struct optimizer_update *update_of(const struct keys *keys)
{
#define AS_ENTRY(enumerator, ...) &update_##enumerator,
    static const struct optimizer_update *const updates[] = {OPTIMIZERS(AS_ENTRY)};
#undef AS_ENTRY
    const struct optimizer_update *update = updates[keys_integer(keys, KEY_optimizer)];
    return update == &update_OPTIMIZER_SGD && keys_real(keys, KEY_momentum) == 0 ? &update_OPTIMIZER_GD : update;
}

enum status optimizer_init(const struct keys *keys, size_t count, size_t size, struct optimizer_state *o)
{
    *o = (struct optimizer_state){.update = update_of(keys),
                                  .lr = keys_real(keys, KEY_lr),
                                  .momentum = keys_real(keys, KEY_momentum),
                                  .beta1 = keys_real(keys, KEY_beta1),
                                  .beta2 = keys_real(keys, KEY_beta2),
                                  .eps = keys_real(keys, KEY_eps),
                                  .decay = keys_real(keys, KEY_decay),
                                  .count = count,
                                  .size = size};
    const int blocks = o->update->blocks;
    if (blocks > 0)
        o->first = calloc(count, size);
    if (blocks > 1)
        o->second = calloc(count, size);
    if ((blocks > 0 && !o->first) || (blocks > 1 && !o->second)) {
        optimizer_free(o);
        return error_set(ERR_MEMORY, "out of memory for the optimizer's state of %zu parameters", count);
    }
    return OK;
}

void optimizer_update(struct optimizer_state *o, const double *g, double *x)
{
    o->step++;
    o->update->in_double(o, 0, o->count, g, x);
}

/* An update in progress, in pieces. */
struct update {
    const struct optimizer_state *o;
    size_t pieces;
    const float *g;
    float *x;
};

static void update_piece(void *context, int member, int piece)
{
    const struct update *u = context;
    const size_t at = u->o->count * (size_t)piece / u->pieces, end = u->o->count * ((size_t)piece + 1) / u->pieces;
    (void)member;
    u->o->update->in_float(u->o, at, end - at, u->g + at, u->x + at);
}

void optimizer_update_single(struct optimizer_state *o, struct team *team, const float *g, float *x)
{
    struct update update = {.o = o, .pieces = o->count / PIECE + 1, .g = g, .x = x};
    o->step++;
    team_run(team, (int)update.pieces, update_piece, &update);
}

void optimizer_free(struct optimizer_state *o)
{
    free(o->first);
    free(o->second);
    o->first = o->second = NULL;
}
