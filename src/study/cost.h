/* What a run costs, guessed from its keys alone: for order and balance, and to carry a measured rate from one model to
 * another.
 *
 *     work of a run = steps to its end x work of a step
 *
 * A step: the arithmetic of forward and backward pass, and what does not multiply matrices (sampling, softmax,
 * activation, update), each in as many floating-point operations of the products as it takes the time of; with its
 * share of an evaluation. Steps: the plateau laws with their exponents rounded to quarters. Nothing but products,
 * quotients and square roots, which have the same bits on every machine: so all machines agree which run is the longer,
 * and thus on the shards of a study. */
#ifndef COST_H
#define COST_H
#include "keys.h"

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

#endif
