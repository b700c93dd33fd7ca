#include "optimizer.h"
#include "clones.h"
#include <math.h>
#include <stdlib.h>

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
    *o = (struct optimizer_state){.lr = keys_real(keys, KEY_lr), .momentum = keys_real(keys, KEY_momentum),
                                  .beta1 = keys_real(keys, KEY_beta1), .beta2 = keys_real(keys, KEY_beta2),
                                  .eps = keys_real(keys, KEY_eps), .decay = keys_real(keys, KEY_decay),
                                  .count = count, .size = size};
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

void optimizer_update_single(struct optimizer_state *o, const float *g, float *x)
{
    o->step++;
    update_float(o, 0, o->count, g, x);
}

void optimizer_free(struct optimizer_state *o)
{
    free(o->first);
    free(o->second);
    o->first = o->second = NULL;
}
