/* Observables of one flow: numbers that a claim states about it (not about a fit), each by its own short integration
 * or derivative. flow_observables.def has the table.
 *
 * An observable gets a problem (keys: T, d, B, p, metric, ..) and is one number. Any other name is a monomial
 * (monomial.h) in the columns of the run that these keys give: `1.51*d^0.49*T^0.99/plateau`.
 *
 * "The paper's" derivatives are written out from its text (doc/theory.md: E1, E2); finite differences are taken of the
 * loss alone, at a state in the middle of the transition. The late phase is the limit e = 1 - beta -> 0 at w = w_inf,
 * p = 0. */
#ifndef FLOW_OBSERVABLES_H
#define FLOW_OBSERVABLES_H
#include "models/flow_solver.h"
#include "base/keys.h"

/* True if there is an observable of this name. */
bool flow_observables_has(const char *name);
/* The observable called `name`, or the monomial, at `keys` (flow). ERR_INPUT: neither; ERR_SOLVER. */
enum status flow_observables_measure(const char *name, const struct keys *keys, double *value);
/* Smallest and largest eigenvalue of the Hessian of the training loss at a state; NaN if GSL fails. */
void flow_observables_curvature(const struct flow *f, const double *y, double *smallest, double *largest);

#endif
