/* Measures: numbers that a claim states about one flow (not about a fit), each by its own short integration or
 * derivative.
 *
 * A measure gets a problem (keys: T, d, B, p, metric, ..) and returns one number. Anything else is a monomial
 * (monomial.h) in the columns of the run that these keys give: `1.51*d^0.49*T^0.99/plateau`.
 *
 * "The paper's" derivatives are written out from its text (doc/theory.md: E1, E2), in measure.c; finite differences are
 * taken of the loss alone, at a state in the middle of the transition. The late phase is the limit e = 1 - beta -> 0 at
 * w = w_inf, p = 0. */
#ifndef MEASURE_H
#define MEASURE_H
#include "flow_cvode.h"
#include "keys.h"

/* X(name, meaning) */
#define MEASURES(X)                                                                                                    \
    X(steepness, "steepest slope of log L over its value at 0.2 T_pl")                                                 \
    X(w_rise_10, "time at which w reaches 10 % of sqrt d, in T_pl")                                                    \
    X(attention_rise_10, "time at which alpha reaches 10 % of 1/B, in T_pl")                                           \
    X(half_rise_order, "time of half-rise of w over that of alpha: above 1, alpha is first")                           \
    X(overshoot, "largest w over |W*|")                                                                                \
    X(fall, "w at the end (`time`) over the largest w")                                                                \
    X(final_w, "w at the end (`time`) over |W*|")                                                                      \
    X(final_attention, "attention mass on the copies at the end (`time`)")                                             \
    X(rate, "growth rate at the zero start: largest eigenvalue of the Jacobian, over theory's lambda")                 \
    X(rate_paper, "the same over the paper's rate")                                                                    \
    X(rate_signal, "the same over the paper's rate when the other tokens make no noise (K = 0)")                       \
    X(rate_signal_exact, "the same over sqrt(m) R B (T-B)/T^2, the exact rate without noise")                          \
    X(linear_w, "largest relative departure of w from the linearised flow while lambda t < 0.5")                       \
    X(linear_D, "the same of the score difference D")                                                                  \
    X(equilibrium, "largest |w/w_inf - 1| for t > T_pl + 4 d, up to `time`")                                           \
    X(sharpest, "time of the largest Hessian eigenvalue, in T_pl")                                                     \
    X(late_sharpness, "d times the largest Hessian eigenvalue at the end (`time`)")                                    \
    X(late_loss, "4 m t L at the end (`time`)")                                                                        \
    X(hessian_DD, "L_DD of the Hessian that is integrated, over a finite difference of L")                             \
    X(hessian_wD, "L_wD of that Hessian, over a finite difference of L")                                               \
    X(paper_DD, "the paper's L_DD over a finite difference of L")                                                      \
    X(paper_DD_corrected, "the paper's L_DD times alpha (1 - B alpha), over a finite difference of L")                 \
    X(paper_wD, "the paper's L_wD over a finite difference of L")                                                      \
    X(late_wD, "sqrt d L_wD/e in the late phase")                                                                      \
    X(late_DD, "L_DD/e^2 in the late phase, over 1 + 2/(T-B)")                                                         \
    X(late_DD_order, "the power of e in L_DD in the late phase")                                                       \
    X(late_smallest, "smallest eigenvalue of the Hessian in the late phase, over 2 e^2/(T-B)")                         \
    X(eq6_gap, "(asinh - eq6)/(X/2): what Eq. 6 leaves out of its own logarithm")                                      \
    X(speed_up, "plateau length at p = 0, no schedule, over that at p and its schedule")                               \
    X(schedule_speed_up,                                                                                               \
      "plateau length at p = 0 over that with the best p and its best switch to 0 (`plateau schedule`)")               \
    X(schedule_over_constant, "plateau length at the best constant p over that")                                       \
    X(attention_speed_up, "time of half-rise of attention at p = 0 over that at p")                                    \
    X(disadvantage, "test loss at `time` over that at p = 0")                                                          \
    X(largest_disadvantage, "largest test loss over that at p = 0, from the end of the plateau at p = 0 until `time`") \
    X(repeated_first,                                                                                                  \
      "time at which w_r reaches half of |W*_r| over that of w_1: above 1, the repeated direction is first")

/* The measure called `name`, or the monomial, at `keys` (flow). ERR_INPUT: neither; ERR_SOLVER. */
enum status measure(const char *name, const struct keys *keys, double *value);
/* Smallest and largest eigenvalue of the Hessian of the training loss at a state; NaN if GSL fails. */
void measure_curvature(const struct flow *f, const double *y, double *smallest, double *largest);
/* True if there is such a measure. */
bool measure_exists(const char *name);

#endif
