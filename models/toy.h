/* The toy model y = W sum_t softmax(a)_t x_t with all its d^2 + T parameters.
 *
 * Task (paper, section 2): tokens x_t ~ N(0, I_d/d); the last B positions hold one and the same relevant token, which
 * is x~ = e_1 with probability p, else one more N(0, I_d/d). Loss 1/2 ||y - W* x_rel||^2, mean over samples.
 * Reduced (doc/theory.md) it is the flow; here nothing is reduced. Three gradients of the same loss:
 *     toy_gradient_exact       the population's, in closed form and double precision
 *     toy_gradient_tokens      of a batch, every token drawn: T d normals a sample
 *     toy_gradient_statistics  of a batch, from a statistic with the same law: 2 d + T - B normals a sample
 * Parameters are double; sampling and what follows from a sample is single precision.
 *
 * Call order: toy_create, toy_start (then perhaps other `parameters`), then gradients and toy_measure in any
 * order while an optimizer changes `parameters`, toy_free. Gradients and toy_measure use scratch in the toy: one thread
 * per toy. Every sum has a fixed order: the same bits in every process and on every processor (libm permitting). */
#ifndef TOY_H
#define TOY_H
#include "base/error.h"
#include "models/toy_chain.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct toy_scratch;

struct toy {
    int T, d, B; /* B and p may be changed at any time, within the rules of toy_create */
    double p;
    int hops;                    /* attentions in series (toy_chain.h): 1 but for toy_create_chain */
    bool held[TOY_CHAIN_HOPS];   /* of a chain: hops that stay at their right move; may be changed at any time */
    int test_B;                  /* B of the test loss; that of training unless changed */
    size_t count;                /* of parameters: d^2 + hops T */
    double *parameters;          /* owned: W[d][d] (row-major, [out][in]), then a[hops][T] */
    double *W, *a;               /* borrowed from parameters */
    double *target;              /* owned: W*[d][d]; set by toy_start */
    double n2, n2_along;         /* ||W*||_F^2 and its part in column 0 (along x~) */
    struct toy_scratch *scratch; /* owned */
};

/* What one looks at along a run; population values at the present parameters. */
struct toy_measure {
    double loss_train;              /* relevant tokens as in training */
    double loss_test;               /* relevant tokens as for p = 0, at test_B positions */
    double null_train;              /* loss_train of W = 0 */
    double w;                       /* <W, W*>_F / n, n = ||W*||_F */
    double w_orthogonal;            /* ||W - (w/n) W*||_F */
    double delta_a[TOY_CHAIN_HOPS]; /* of each hop: mean score of the relevant positions (of a chain: of the right move)
                                       minus mean of the others */
    double attention;               /* mean of softmax(a) over the relevant positions: alpha = beta / B */
};

/* A toy with W = 0, a = 0, W* = 0, in *out (NULL on error). 1 <= B < T, d >= 1, 0 <= p <= 1. ERR_INPUT, ERR_MEMORY. */
enum status toy_create(int T, int d, int B, double p, struct toy **out);
/* The same with B = 1, p = 0 and 1 <= hops <= TOY_CHAIN_HOPS attentions in series. */
enum status toy_create_chain(int T, int d, int hops, struct toy **out);
/* NULL is allowed. */
void toy_free(struct toy *toy);

/* a = 0, W and W* as start.h draws them for the seed. ERR_MEMORY. */
enum status toy_start(struct toy *toy, bool gaussian_start, bool gaussian_target, uint64_t seed);

/* a = sd N(0, 1) from the seed, to which D[hops] is added at each right move (without a chain: at the B relevant
 * positions). After toy_start. */
void toy_start_scores(struct toy *toy, double sd, const double *D, uint64_t seed);

/* Overwrites gradient[count] (dL/dW, then dL/da) and *loss with the population's. */
void toy_gradient_exact(struct toy *toy, double *gradient, double *loss);
/* Overwrites gradient[count] and *loss with those of a batch of `batch` >= 1 samples. Sample i is a function of (seed,
 * step, i), whatever the batch size. Memory is taken when first needed (tokens: at least (T-B+1) d floats), not again.
 * ERR_INPUT for batch < 1, ERR_MEMORY. */
enum status toy_gradient_tokens(struct toy *toy, int batch, uint64_t seed, uint32_t step, double *gradient,
                                double *loss);
/* The same with another way to sample the same law (toy.c derives it). */
enum status toy_gradient_statistics(struct toy *toy, int batch, uint64_t seed, uint32_t step, double *gradient,
                                    double *loss);

/* Writes *out: O(d^2 + T), cheap beside any gradient. */
void toy_measure(struct toy *toy, struct toy_measure *out);

#endif
