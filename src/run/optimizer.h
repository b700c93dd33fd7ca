/* Optimizers as flat loops over one parameter block, as PyTorch defines them.
 *
 *
 *     gd, sgd   v <- momentum v + g
 *               x <- x - lr v                                              (momentum = 0: x <- x - lr g)
 *
 *     adam      m <- b1 m + (1 - b1) g
 *               s <- b2 s + (1 - b2) g^2
 *               x <- x - lr (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)
 *
 * decay, when not 0, first scales x by 1 - lr decay. Which optimizers there are, and what keys they read, is the table
 * OPTIMIZERS of keys.h; an update is a loop in optimizer_loops.h and an entry in optimizer.c.
 *
 * Every number of the block is on its own, so the block may be worked on in pieces, by several threads, with the same
 * result. */
#ifndef OPTIMIZER_H
#define OPTIMIZER_H
#include "base/keys.h"
#include "parallel/team.h"

struct optimizer_update;
struct optimizer_state {
    const struct optimizer_update *update; /* what is done to each number */
    double lr, momentum, beta1, beta2, eps, decay;
    size_t count, size;   /* numbers of the block; bytes of each: sizeof(double) or sizeof(float) */
    void *first, *second; /* owned, [count] of that size: momentum or mean; variance. NULL where not needed */
    int64_t step;         /* updates done */
};

/* For `count` parameters of `size` bytes each, settings from keys. ERR_MEMORY. Release with optimizer_free. */
enum status optimizer_init(const struct keys *keys, size_t count, size_t size, struct optimizer_state *o);
/* x[count] is updated in place with gradient g[count]; size must be sizeof(double). */
void optimizer_update(struct optimizer_state *o, const double *g, double *x);
/* The same for size = sizeof(float), by the threads of a team (NULL: by this one). */
void optimizer_update_single(struct optimizer_state *o, struct team *team, const float *g, float *x);
void optimizer_free(struct optimizer_state *o);

#endif
