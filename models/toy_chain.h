/* Several attentions in series in the toy model (chain.h): their scores to the attention that the output sees, and
 * back.
 *
 * Hop i moves round the sequence by o with probability g_i(o) = softmax(a_i)_o; all of them together reach position t
 * with probability pi_t, the cyclic convolution of the g_i:
 *
 *     pi = g_1 * .. * g_k,    (g * h)_t = sum_o g_o h_{t - o mod T}
 *
 * With G_t = dL/dpi_t and m = sum_t pi_t G_t, the gradient with respect to the scores is
 *
 *     dL/da_i,o = g_i(o) [ sum_t G_t (convolution of the other g_j)_{t - o} - m ]
 *
 * The right move of the first hop is T-1, and 0 of every other, so that the relevant token is at T-1, as without a
 * chain. Every product is of T x T numbers. */
#ifndef TOY_CHAIN_H
#define TOY_CHAIN_H
#include <stdbool.h>
#include <stddef.h>

enum { TOY_CHAIN_HOPS = 3 };

/* The right move of a hop. */
size_t toy_chain_right(int T, int hop);
/* Overwrites g[hops][T] with the softmax of each a[hops][T], or, where held[hop], with the right move alone; and pi[T].
 * spare: [T], overwritten. */
void toy_chain_attention(int T, int hops, const bool *held, const double *a, double *g, double *pi, double *spare);
/* Overwrites da[hops][T] with the gradient above, over `batch`; G[T] and m are sums over it. That of a hop that is held
 * is 0. spare: [2][T]. */
void toy_chain_gradient(int T, int hops, const bool *held, const double *g, const double *G, double m, double batch,
                        double *da, double *spare);

#endif
