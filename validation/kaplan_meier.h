/* Kaplan and Meier's estimate of how many runs have not yet emerged at a time, with censored runs kept.
 *
 *     S(t) = prod_{t_i <= t} (1 - e_i/n_i)       e_i of the n_i runs still at risk emerge at t_i
 *     var S/S^2 = sum e_i/(n_i (n_i - e_i))      Greenwood (1926); Kaplan, Meier (1958)
 *     band: S^exp(+-z s), s = sqrt(var S)/(S |ln S|), z = 1.96: Greenwood's, on the scale ln(-ln S), so that it stays
 *         within 0 and 1
 *
 * A run that was cut off at the time of an emergence was still at risk then. */
#ifndef KAPLAN_MEIER_H
#define KAPLAN_MEIER_H
#include <stdbool.h>
#include <stddef.h>

struct kaplan_meier_run {
    double time; /* of emergence, or where it was cut off; INFINITY: it never will (diverged), and stays at risk */
    bool emerged;
};
/* From `time` on. */
struct kaplan_meier_step {
    double time, survival, low, high; /* 95 % band; NaN where S = 0 */
    size_t at_risk, emerged;
};

/* Sorts the n runs by time; a step for each distinct time of emergence, ascending, into steps (room for n). Returns how
 * many. */
size_t kaplan_meier_curve(struct kaplan_meier_run *runs, size_t n, struct kaplan_meier_step *steps);
/* The time at which S falls to 1/2; where it stands at 1/2 for a while, the middle of that while. *reached is false if
 * it does not fall below: then a lower bound, from the last finite time of the n sorted runs; INFINITY if there is
 * none. */
double kaplan_meier_median(const struct kaplan_meier_run *runs, size_t n, const struct kaplan_meier_step *steps,
                           size_t n_steps, bool *reached);

#endif
