/* Which runs of a plan to make when there is time for some of them only: those that tell most of the exponents of its
 * power laws.
 *
 * Runs that differ in nothing but regressors and seed share a law,
 *
 *     log y = x.g + noise,   x = (1, log x_1, log x_2, ..).
 *
 * A cell is one setting of the regressors; n runs of it differ in their seeds. All cells together give the information
 *
 *     M = sum over cells of x x' v_n w,   v_n = 1/(s_cell^2 + s_seed^2/n).
 *
 * Here s_cell is how far a cell lies from the law (these laws bend) and s_seed is the scatter of seeds, so more seeds
 * in one cell tell less and less. The factor w is what is left where the cap may cut the run off; of a normal variable
 * that is cut at z standard deviations,
 *
 *     w = Phi(z) - z phi(z) + phi(z)^2/(1 - Phi(z)).
 *
 * The choice is greedy. It first takes the runs without which a law could not be fitted at all. Then it always takes
 * the run that, for each second it is expected to last, adds most to the information about the exponents,
 *
 *     log det M - log M_00   (D_s-optimal: the constant's part is taken off). */
#ifndef BUDGET_H
#define BUDGET_H
#include "plan/plan.h"

/* Chooses among the runs to be made those that fit into `seconds` of wall time; notes the others as left out, in the
 * plan and in `study`, which is the plan's. Appends to `out` what was assumed, how well the exponents will be known,
 * and what was left out. ERR_INPUT: there is no time for a fit; ERR_MEMORY. */
enum status budget_choose(struct plan *plan, struct study *study, double seconds, struct text *out);
/* "90s", "15min", "2h", "1.5d" -> seconds; ERR_INPUT with the rule. */
enum status budget_parse(const char *text, double *seconds);

#endif
