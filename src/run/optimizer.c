#include "optimizer.h"
#include "clones.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { MOST_THREADS = 16, LEAST_PIECE = 1 << 16 }; /* numbers that are worth a thread */

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

/* What one thread updates. */
struct piece {
    const struct optimizer_state *o;
    size_t at, n;
    const float *g;
    float *x;
};

static void *update_piece(void *context)
{
    const struct piece *p = context;
    update_float(p->o, p->at, p->n, p->g + p->at, p->x + p->at);
    return NULL;
}

void optimizer_update_single(struct optimizer_state *o, int threads, const float *g, float *x)
{
    struct piece pieces[MOST_THREADS];
    pthread_t helpers[MOST_THREADS];
    size_t n = 1, started = 0;
    while (n < MOST_THREADS && (int)n < threads && n * LEAST_PIECE < o->count)
        n++;
    o->step++;
    for (size_t i = 0; i < n; i++) {
        const size_t at = o->count * i / n;
        pieces[i] = (struct piece){o, at, o->count * (i + 1) / n - at, g, x};
    }
    while (started + 1 < n && pthread_create(&helpers[started], NULL, update_piece, &pieces[started + 1]) == 0)
        started++;
    update_piece(&pieces[0]);
    for (size_t i = started + 1; i < n; i++) /* those for which there was no thread */
        update_piece(&pieces[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(helpers[i], NULL);
}

void optimizer_free(struct optimizer_state *o)
{
    free(o->first);
    free(o->second);
    o->first = o->second = NULL;
}
