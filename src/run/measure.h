/* The time of emergence measured on a Transformer's first steps: for any number of layers and heads, with or without
 * layer norm, where no reduced flow is known.
 *
 * Two measurements replace the formulas of reduced.h.
 *
 * The rates: the model takes 40 + 100 training steps. With g the gradient of an entry, V is the mean of g^2 over the
 * last 100 steps, and S the sum of g^2 over the first 40 less 40 V, what Adam remembers of the start. Adam's rate is
 * then
 *
 *     D(t) = eta/sqrt(V + S/t),      D = eta/(1 - momentum) for SGD.
 *
 * The pull: m = E[y . y*]/E|y*|^2 is the overlap of output and target on samples whose relevant token is never the
 * last. Each sample has a twin in which the relevant token and the target change their sign, so that all that does not
 * depend on that token cancels. With G = grad m, u = D(inf) G and
 *
 *     h = [grad m(theta + e u) - grad m(theta - e u)]/(2 e),   e max|u| = 0.003,
 *
 * kept for queries and keys alone, and n_0 = |W*|^2/d, score and value drive each other at the rate
 *
 *     lambda(t)^2 = n_0^2 (h.D(t) h)(G.D(t) G)/(G.D(inf) G)^2
 *     T_em:  30 lambda(40) + int_40^T_em lambda dt = sqrt(pi/2),      t_e = sqrt(pi/2)/lambda(inf). */
#ifndef MEASURE_H
#define MEASURE_H
#include "base/keys.h"
#include <stdbool.h>

struct measure {
    /* Steps: emergence (attention 1/2), without and with Adam's memory of the start. NaN: never, or (too_soon) so soon
     * that the steps which are measured are no part of the plateau. */
    double t_e, T_em;
    bool too_soon;
    double lambda; /* lambda(inf) */
    double steps;  /* that were trained for it */
};

/* Overwrites *out. ERR_INPUT unless the keys are those of a Transformer that learns regression; ERR_INTERRUPTED if
 * *stop, ERR_SOLVER if it diverges; those of training. */
enum status measure_emergence(const struct keys *keys, const volatile int *stop, struct measure *out);

#endif
