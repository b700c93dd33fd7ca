/* In-context associative recall (arXiv 2505.17863, section 4): key value key value .. query, predict the query's value.
 *
 * Tokens are whole numbers below vocab; keys and values come from the same pool; T = 2 pairs + 1. For every sequence
 *
 *     query         (1-p)/vocab for every token, and p/repeated_tokens more for those below repeated_tokens
 *     key -> value  a fresh random permutation of the tokens
 *     slots         the query, with its value, in exactly B of the pairs (placement=exact), or in each with probability
 *                   B/pairs (bernoulli: the paper's rule; at B = 1 it leaves the query out of about 37 % of them)
 *     the others    distinct keys that are not the query, each followed by its value
 *
 * The loss is the cross-entropy at the query only; its null loss is ln vocab. Test samples have no repetition at all:
 * p = 0, B = 1, placement=exact. A plateau ends when the test accuracy rises to its threshold, 0.05 in the paper.
 * Naming any value of the context is right in a share 1/pairs, and so the level half way from there to 1 is recorded,
 *
 *     midpoint = (1/pairs + 1) / 2. */
#ifndef RECALL_H
#define RECALL_H
#include "models/task.h"

extern const struct task_kind recall_task;

#endif
