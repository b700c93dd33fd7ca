/* In-context associative recall (arXiv 2505.17863, section 4): key value key value .. query, predict the query's value.
 *
 * Tokens are whole numbers below vocab; keys and values come from the same pool; T = 2 pairs + 1. For every sequence
 *     query         (1-p)/vocab for every token, and p/repeated_tokens more for those below repeated_tokens
 *     key -> value  a fresh random permutation of the tokens
 *     slots         the query, with its value, in exactly B of the pairs (placement=exact), or in each with probability
 *                   B/pairs (bernoulli: the paper's rule; at B = 1 it leaves the query out of about 37 % of them)
 *     the others    distinct keys that are not the query, each followed by its value
 *
 * Cross-entropy at the query only. Test samples have no repetition at all: p = 0, B = 1, placement=exact. */
#ifndef RECALL_H
#define RECALL_H
#include "keys.h"
#include "samples.h"

struct recall {
    size_t pairs, vocab, repeated_tokens;
    size_t B, most_B; /* B and p may be changed between batches; B up to most_B */
    double p;
    bool bernoulli;
    uint64_t seed;
    double null_loss; /* ln vocab: every token equally likely */
};

/* The task of `keys` (preset recall). Nothing to free. */
void recall_init(const struct keys *keys, struct recall *r);
/* Room for n samples of this task. */
enum status recall_samples(const struct recall *r, size_t n, struct samples *s);
/* Overwrites s with the samples of `range`; relevant: positions of the query's value. ERR_MEMORY. */
enum status recall_draw(const struct recall *r, const struct samples_range *range, struct samples *s);

#endif
