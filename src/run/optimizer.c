#include "optimizer.h"
#include "clones.h"
#include <math.h>
#include <stdlib.h>

enum { PIECE = 1 << 16 }; /* numbers, about, that a thread takes at a time */

/* Element by element, without contraction: every instruction set gives the same bits. */
#define REAL double
#define SQRT sqrt
#define UPDATE update_double
#include "optimizer_loops.h"
#undef REAL
#undef SQRT
#undef UPDATE
#define REAL float
#define SQRT sqrtf
#define UPDATE update_float
#include "optimizer_loops.h"

enum status optimizer_init(const struct keys *keys, size_t count, size_t size, struct optimizer_state *o)
{
    *o = (struct optimizer_state){.lr = keys_real(keys, KEY_lr),
                                  .momentum = keys_real(keys, KEY_momentum),
                                  .beta1 = keys_real(keys, KEY_beta1),
                                  .beta2 = keys_real(keys, KEY_beta2),
                                  .eps = keys_real(keys, KEY_eps),
                                  .decay = keys_real(keys, KEY_decay),
                                  .count = count,
                                  .size = size};
    bool adam = keys_integer(keys, KEY_optimizer) == OPTIMIZER_ADAM;
    o->kind = adam ? OPTIMIZER_ADAPTIVE : o->momentum > 0 ? OPTIMIZER_MOMENTUM : OPTIMIZER_PLAIN;
    if (o->kind != OPTIMIZER_PLAIN)
        o->first = calloc(count, size);
    if (adam)
        o->second = calloc(count, size);
    if ((o->kind != OPTIMIZER_PLAIN && !o->first) || (adam && !o->second)) {
        optimizer_free(o);
        return error_set(ERR_MEMORY, "out of memory for the optimizer's state of %zu parameters", count);
    }
    return OK;
}

void optimizer_update(struct optimizer_state *o, const double *g, double *x)
{
    o->step++;
    update_double(o, 0, o->count, g, x);
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
    update_float(u->o, at, end - at, u->g + at, u->x + at);
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
