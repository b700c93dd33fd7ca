#include "optimizer.h"
#include <math.h>
#include <stdlib.h>

enum status optimizer_init(const struct keys *keys, size_t count, struct optimizer_state *o)
{
    *o = (struct optimizer_state){.lr = keys_real(keys, KEY_lr), .momentum = keys_real(keys, KEY_momentum),
                            .beta1 = keys_real(keys, KEY_beta1), .beta2 = keys_real(keys, KEY_beta2),
                            .eps = keys_real(keys, KEY_eps), .decay = keys_real(keys, KEY_decay), .count = count};
    bool adam = keys_integer(keys, KEY_optimizer) == OPTIMIZER_ADAM;
    o->kind = adam ? OPTIMIZER_ADAPTIVE : o->momentum > 0 ? OPTIMIZER_MOMENTUM : OPTIMIZER_PLAIN;
    if (o->kind != OPTIMIZER_PLAIN)
        o->first = calloc(count, sizeof *o->first);
    if (adam)
        o->second = calloc(count, sizeof *o->second);
    if ((o->kind != OPTIMIZER_PLAIN && !o->first) || (adam && !o->second)) {
        optimizer_free(o);
        return error_set(ERR_MEMORY, "out of memory for the optimizer's state of %zu parameters", count);
    }
    return OK;
}

void optimizer_update(struct optimizer_state *o, const double *restrict g, double *restrict x)
{
    double lr = o->lr;
    o->step++;
    if (o->decay > 0) {
        for (size_t i = 0; i < o->count; i++)
            x[i] *= 1 - lr * o->decay;
    }
    if (o->kind == OPTIMIZER_PLAIN) {
        for (size_t i = 0; i < o->count; i++)
            x[i] -= lr * g[i];
    } else if (o->kind == OPTIMIZER_MOMENTUM) {
        double *restrict v = o->first;
        for (size_t i = 0; i < o->count; i++) {
            v[i] = o->momentum * v[i] + g[i];
            x[i] -= lr * v[i];
        }
    } else {
        double *restrict m = o->first, *restrict s = o->second, b1 = o->beta1, b2 = o->beta2;
        double c1 = 1 - pow(b1, (double)o->step), c2 = 1 - pow(b2, (double)o->step);
        for (size_t i = 0; i < o->count; i++) {
            m[i] = b1 * m[i] + (1 - b1) * g[i];
            s[i] = b2 * s[i] + (1 - b2) * g[i] * g[i];
            x[i] -= lr * (m[i] / c1) / (sqrt(s[i] / c2) + o->eps);
        }
    }
}

void optimizer_free(struct optimizer_state *o)
{
    free(o->first);
    free(o->second);
    o->first = o->second = NULL;
}
