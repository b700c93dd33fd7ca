/* Single-location linear regression (arXiv 2505.17863, section 2.1), as Transformers learn it.
 *
 * Tokens x_t ~ N(0, I_d/d). One token, the relevant one, stands at B distinct positions of the T; the target is y* = W*
 * x_rel with one W* per seed (start.h: target=gaussian or unit). With probability p (training only) x_rel is the fixed
 * vector x~ = e_1. The relevant positions are drawn anew for every sequence (position=random) or once per seed (fixed),
 * and feature=yes marks them by an extra input of 1. Loss 1/2 |y - y*|^2, mean over samples; y = 0 costs the null loss
 * ||W*||_F^2/(2 d), of data without repetition p. */
#ifndef REGRESSION_H
#define REGRESSION_H
#include "keys.h"
#include "samples.h"

struct regression {
    size_t T, d, B; /* B and p: of training, may be changed between batches; B up to most_B */
    size_t test_B, most_B;
    double p;
    bool feature;
    uint64_t seed;
    float *target;      /* owned: W*[d][d], [out][in] */
    float *transposed;  /* owned: W* transposed */
    int32_t *positions; /* owned: the most_B fixed positions, of which the first B count; NULL when drawn for every
                           sequence */
    double null_loss;
    double along; /* ||W*_{:1}||^2, the repeated vector's share: training costs p along/2 + (1-p) null_loss at y =
                           0 */
};

/* The task of `keys` (preset regression). ERR_MEMORY. Release with regression_free, also after an error. */
enum status regression_init(const struct keys *keys, struct regression *r);
void regression_free(struct regression *r);
/* Room for n samples of this task. */
enum status regression_samples(const struct regression *r, size_t n, struct samples *s);
/* Overwrites s with the samples of `range`. Test samples: p = 0, test_B copies (those of training, or with a schedule
 * its last B). ERR_MEMORY. */
enum status regression_draw(const struct regression *r, const struct samples_range *range, struct samples *s);

#endif
