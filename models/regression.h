/* Single-location linear regression (arXiv 2505.17863, section 2.1), as Transformers learn it.
 *
 * Tokens x_t ~ N(0, I_d/d). One token, the relevant one, stands at B distinct positions of the T; the target is
 *
 *     y* = W* x_rel,   one W* per seed (start.h: target=gaussian or unit).
 *
 * With probability p (training only) x_rel is the fixed vector x~ = e_1. The relevant positions are drawn anew for
 * every sequence (position=random) or once per seed (fixed), and feature=yes marks them by an extra input of 1. The
 * loss is 1/2 |y - y*|^2, mean over samples. y = 0 costs
 *
 *     null loss        ||W*||_F^2 / (2 d)                                of data without repetition p,
 *     in training      p ||W*_{:1}||^2 / 2 + (1 - p) (null loss).
 *
 * Test samples have p = 0, and the last B of a schedule. */
#ifndef REGRESSION_H
#define REGRESSION_H
#include "models/task.h"

struct regression {
    size_t d;
    bool feature;
    float *target;     /* owned: W*[d][d], [out][in] */
    float *transposed; /* owned: W* transposed */
    int32_t
        *positions; /* owned: the fixed positions, task.slots of them, of which the first B count; NULL when drawn for
                           every sequence */
    double along;   /* ||W*_{:1}||^2, the repeated vector's share */
};

extern const struct task_kind regression_task; /* whose `own` is a struct regression */

#endif
