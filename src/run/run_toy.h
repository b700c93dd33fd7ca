/* One training run of the toy model: keys -> toy and optimizer -> steps -> crossings, plateau length, trace.
 *
 * Time is steps x lr, so that gd and sgd follow the flow. The loss is the exact population loss of (a, W) every
 * eval_every steps; a crossing is interpolated between the two evaluations around it. A run that has not crossed the
 * threshold after `steps` updates is censored there; a loss that is not finite ends it as diverged. Switches of the
 * schedule wait for a time, or for two evaluations in a row (schedule.h): attention is the population's, the training
 * loss too. */
#ifndef RUN_TOY_H
#define RUN_TOY_H
#include "run/run_flow.h"
#include "run/run_request.h"

/* Overwrites *result; *trace (may be NULL) is begun and filled. `tools` gives the reduced flow from the same start, for
 * comparison. The run goes on to 0.1 of the null loss (or the cap). ERR_INPUT (checkpoint), ERR_MEMORY, ERR_IO,
 * ERR_PROGRAM. */
enum status run_toy(struct run_flow *tools, const struct keys *keys, const struct run_request *request,
                    struct result *result, struct trace *trace);

#endif
