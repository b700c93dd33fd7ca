/* Measures: numbers that a claim states about one flow (not about a fit), each by its own short integration or derivative.
 *
 * A measure gets a problem (keys: T, d, B, p, metric, ..) and returns one number. X(name, meaning). */
#ifndef MEASURE_H
#define MEASURE_H
#include "flow_cvode.h"
#include "keys.h"

#define MEASURES(X)                                                                                                    \
    X(steepness, "steepest slope of log L over its value at 0.2 T_pl")                                                 \
    X(w_rise_10, "time at which w reaches 10 % of sqrt d, in T_pl")                                                    \
    X(attention_rise_10, "time at which alpha reaches 10 % of 1/B, in T_pl")                                           \
    X(half_rise_order, "time of half-rise of w over that of alpha: above 1, alpha is first")                           \
    X(overshoot, "largest w over |W*|")                                                                                \
    X(rate, "growth rate at the zero start: largest eigenvalue of the Jacobian, over theory's lambda")                 \
    X(rate_paper, "the same over the paper's rate")                                                                    \
    X(linear_w, "largest relative departure of w from the linearised flow while lambda t < 0.5")                       \
    X(linear_D, "the same of the score difference D")                                                                  \
    X(equilibrium, "largest |w/w_inf - 1| for t > T_pl + 4 d, up to `time`")                                           \
    X(sharpest, "time of the largest Hessian eigenvalue, in T_pl")                                                     \
    X(late_sharpness, "d times the largest Hessian eigenvalue at the end (`time`)")                                    \
    X(late_loss, "4 m t L at the end (`time`)")                                                                        \
    X(paper_L_DD, "the paper's L_DD times alpha (1 - B alpha), over a finite difference of L (1: the factor is all)")  \
    X(speed_up, "plateau length at p = 0 over that at p")                                                              \
    X(repeated_first, "time at which w_r reaches half of |W*_r| over that of w_1: above 1, the repeated direction is first")

/* The measure called `name` at `keys` (flow). ERR_INPUT: no such measure; ERR_SOLVER. */
enum status measure(const char *name, const struct keys *keys, double *value);
/* True if there is such a measure. */
bool measure_exists(const char *name);

#endif
