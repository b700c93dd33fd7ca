/* The exponents of the power law against the threshold: a run records when each level is crossed, so one database gives
 * them all.
 *
 * Fitted as `plateau fit` does (power_law.h), in d, T and B, or for recall in pairs, vocab and B, those that vary.
 * Beside it the same fit of theory at the same points: of the quadrature for flows, of the integrated flow for the toy
 * and the regression Transformer, and there of the flow with tied copies too, whose exponent in B is another
 * (theory.md). */
#ifndef EXPONENTS_H
#define EXPONENTS_H
#include "plots/figures/figure_data.h"

/* ERR_INPUT: the runs are of too many kinds, or too few for any fit; ERR_SOLVER; ERR_MEMORY. */
enum status exponents_draw(struct figure_data *data);

#endif
