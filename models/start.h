/* The state from which a seed starts: W(0) and the target W*, as matrices for the toy and reduced for the flow.
 *
 * Both read the same random numbers (element c of row i is normal number c of the stream with sample = i), so the flow
 * for seed s starts exactly where the toy for seed s starts. The repeated direction x~ is e_1 without loss of
 * generality: the other tokens, W and a Gaussian W* do not single out a direction.
 *     W(0):  0, or independent N(0, 1/d)
 *     W*:    independent N(0, 1/d), or such columns divided by their norms (unit columns) */
#ifndef START_H
#define START_H
#include "models/flow.h"
#include <stdint.h>

/* Overwrites W[d][d] (row-major [out][in], borrowed) with W(0) of the seed. ERR_INPUT for d < 1, ERR_MEMORY. */
enum status start_weights(int d, bool gaussian, uint64_t seed, double *W);
/* Overwrites target[d][d] with W* of the seed; `gaussian` false: unit columns. ERR_INPUT for d < 1, ERR_MEMORY. */
enum status start_target(int d, bool gaussian, uint64_t seed, double *target);
/* Overwrites a[T] with sd N(0, 1): the scores of a hop (toy_chain.h) at the start. */
void start_scores(int T, int hop, double sd, uint64_t seed, double *a);
/* The reduction of the two, row by row, without a d x d matrix; in closed form where nothing in it is random (zero
 * start, unit columns). Writes *out, all 0 for the missing block r when d = 1. ERR_INPUT for d < 1, ERR_MEMORY. About
 * 1.5 s at most for d = 16384. */
enum status start_reduced(int d, bool gaussian_start, bool gaussian_target, uint64_t seed, struct flow_start *out);

#endif
