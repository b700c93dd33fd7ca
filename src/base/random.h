/* Random numbers: Philox4x32-10 (Salmon et al. 2011; Random123), a function of (seed, purpose, step, sample, element).
 *
 * Nothing is remembered between calls, so a result does not depend on threads, order, batch splitting or resumption.
 * key = the 64-bit seed (low word first); counter = (block, sample, step, purpose). A block is four 32-bit words.
 *
 * Normals come in groups of 64 made of 16 blocks, so that sixteen of them are worked on side by side:
 *     element e:  group e/64, row (e%64)/16, lane e%16;  block = 16 (e/64) + e%16
 *     rows 0 and 1 are the Box-Muller pair of words 0 and 1 of the block, rows 2 and 3 that of words 2 and 3.
 * Uniform number i is made of block i. So normals and uniforms must not be read from the same stream. */
#ifndef RANDOM_H
#define RANDOM_H
#include <stddef.h>
#include <stdint.h>

/* Normals per group: `first` in random_normal is a multiple of it. */
#define RANDOM_GROUP 64

/* Independent streams of one seed. */
enum purpose { PURPOSE_WEIGHTS, PURPOSE_TARGET, PURPOSE_DATA, PURPOSE_CHOICE, PURPOSE_EVALUATION, PURPOSE_BOOTSTRAP };

struct stream {
    uint64_t seed;
    enum purpose purpose;
    uint32_t step, sample;
};

/* Raw block of four 32-bit numbers number `block` of the stream; the same as Random123's philox4x32 (tested). */
void random_block(const struct stream *s, uint32_t block, uint32_t out[4]);
/* out[i] ~ N(0, 1), i = first .. first + n - 1 of the stream: Box-Muller in single precision, within 1e-6 relative of
 * the formulas in random.c; never 0, |out| < 6.7; the same bits on every processor. `first` is a multiple of
 * RANDOM_GROUP, so that a stream can be read in pieces; n may be any number; first + n <= 2^34 (that is, 2^32 blocks).
 * Overwrites out[0..n). */
void random_normal(const struct stream *s, size_t first, size_t n, float *out);
/* Uniform in the open interval (0, 1): (k + 1/2) / 2^52 with k the first 52 bits of block `i` of the stream. */
double random_uniform(const struct stream *s, uint32_t i);
/* out[0..k): k <= n distinct whole numbers below n, every ordered choice equally likely, from uniforms first .. first +
 * k - 1 of the stream. out has room for n numbers and all of it is overwritten: the rest holds those not chosen. */
void random_distinct(const struct stream *s, uint32_t first, size_t n, size_t k, int32_t *out);

#endif
