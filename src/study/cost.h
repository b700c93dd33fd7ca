/* What a run costs, guessed from its keys alone. It decides the order in which runs are started and the shards of a
 * study, and carries a measured rate from one model to another.
 *
 *     cost of a run = steps to its end x cost of a step
 *
 * The cost of a step is its number of operations: the arithmetic of forward and backward pass, and what does not
 * multiply matrices (sampling, softmax, activation, update), which counts as the products that take as long; with the
 * step's share of an evaluation. The number of steps comes from the published laws (published.def), with their
 * exponents rounded to quarters. Only products, quotients and square roots are used, which have the same bits on every
 * machine. So all machines agree which run is the longer, and thus on the shards of a study. */
#ifndef COST_H
#define COST_H
#include "base/keys.h"

/* Operations of a step, and its share of an evaluation; of a flow, which has no steps, those of the whole. */
double cost_step(const struct keys *keys);
/* Steps until the run ends, its cap at most; of a flow 1. */
double cost_steps(const struct keys *keys);
/* The product of both. */
double cost_run(const struct keys *keys);
/* Tokens of a sequence of a toy or a Transformer. */
double cost_tokens(const struct keys *keys);
/* Bytes that a process needs for the run, its own included; about. */
double cost_memory(const struct keys *keys);
/* eval_every=auto: as many steps between evaluations as give 60 on the plateau that is expected, or as let evaluations
 * take 5 % of the time if that is more; 1, 2 or 5 times a power of ten. */
double cost_eval_every(const struct keys *keys);

#endif
