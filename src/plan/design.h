/* Which runs of a plan to make when there is time for some of them only: those that tell most of the exponents of its
 * power laws.
 *
 * Runs that differ in nothing but regressors and seed share a law, log y = x.g + noise, x = (1, log x_1, ..), and give
 * information M = sum over cells of x x' v_n w,   v_n = 1/(s_cell^2 + s_seed^2/n),   n seeds in the cell s_cell is how
 * far a cell lies from the law (these laws bend), s_seed the scatter of seeds: so more seeds in one cell tell less and
 * less. w is what is left where the cap may cut the run off: of a normal variable cut at z standard deviations, w =
 * Phi(z) - z phi(z) + phi(z)^2/(1 - Phi(z)). Greedy: first what makes every law fit at all, then always the run that
 * adds most to log det of the exponents' information (the constant's taken off: log det M - log M_00, D_s-optimal) for
 * an expected second. */
#ifndef DESIGN_H
#define DESIGN_H
#include "plan.h"

/* Chooses among the runs to be made those that fit into `seconds` of wall time; notes the others as left out, in the
 * plan and in `study`, which is the plan's. Appends to `out` what was assumed, how well the exponents will be known,
 * and what was left out. ERR_INPUT: there is no time for a fit; ERR_MEMORY. */
enum status design_choose(struct plan *plan, struct study *study, double seconds, struct text *out);
/* "90s", "15min", "2h", "1.5d" -> seconds; ERR_INPUT with the rule. */
enum status design_budget(const char *text, double *seconds);

#endif
