/* A chain of sparse attentions: the smallest model of an induction head that can be solved (doc/theory.md).
 *
 * Tokens x_1..x_T in R^d, N(0, I_d/d); target y* = W* x_rel. `hops` attentions in series, each with scores of its own
 * over relative positions, taken round the sequence: hop i moves by o with probability g_i(o) = softmax(c_i)_o, and the
 * right move is o_i*. So
 *
 *     y = W sum_s pi_s x_s,   pi = g_1 * .. * g_k  (cyclic convolution),
 *
 * and the relevant token is at the sum of the right moves. One hop is the toy model of the paper with B = 1, p = 0.
 *
 * Where per hop all wrong moves have equal scores, one number per hop remains: D_i, the score of the right move less
 * that of another. With b_i its probability, e_i = (b_i - 1/T) T/(T-1) from -1/(T-1) to 1, E the product of the
 * e_i, and pi the attention to the relevant token,
 *
 *     b_i = 1/(1 + (T-1) e^{-D_i}),   e_i = (e^{D_i} - 1)/(e^{D_i} - 1 + T),   pi = E + (1-E)/T
 *     L   = 1/2 [ (1-pi)^2 K N + ((pi w - n)^2 + pi^2 u^2)/d ],   K = 1/(d(T-1)),  N = w^2 + u^2,  n = ||W*||
 *     w'  = pi n/d - h w,   u' = -h u,   h = (1-pi)^2 K + pi^2/d
 *     D_i' = -m L_pi (prod_{j != i} e_j) b_i (1 - b_i),   L_pi = -(1-pi) K N + (w (pi w - n) + pi u^2)/d
 *
 * with m = T/(T-1) (metric=full) or 1 (paper).
 *
 * The start D = 0 of two hops or more is a saddle: while copying is uniform, selecting does nothing, and the other way
 * round. What leaves it is the start's asymmetry, and where it leans decides whether attention ever emerges. While w
 * pulls towards W* all D_i move on one curve: with
 *
 *     F(D) = e^D + (T-2) D + (T-1) e^{-D}      (least at D = 0)
 *
 * the differences F(D_i) - F(D_j) do not change. So a start with all D_i > 0 emerges; one with a single D_i < 0 emerges
 * if and only if F(D_i) is the least of all, for then it is the first to arrive at 0; any other never does. */
#ifndef CHAIN_H
#define CHAIN_H
#include "models/flow_solver.h"

enum { CHAIN_HOPS = 3, CHAIN_DIM = 2 + CHAIN_HOPS };

struct chain {
    double T, d, K, m, n;
    int hops, dim;
    int which[CHAIN_HOPS]; /* where each hop stands in the chain, of which some may be held (base/clamp.h); from 0 */
    double y0[CHAIN_DIM];  /* w, u, D_1 .. */
};

/* ERR_INPUT unless T >= 2, d >= 1, 1 <= hops <= CHAIN_HOPS, W* != 0. D[hops]: the scores at the start. */
enum status chain_init(double T, double d, int hops, enum metric metric, const struct flow_start *start,
                       const double *D, struct chain *c);
/* pi, the attention to the relevant token, at scores D[hops]. */
double chain_attention(const struct chain *c, const double *D);
/* The loss; of W = 0. */
double chain_loss(const struct chain *c, const double *y);
double chain_null_loss(const struct chain *c);
/* dy = y' (overwritten). */
void chain_rhs(const struct chain *c, const double *y, double *dy);
/* false: from here attention never emerges, as long as w pulls towards W* (w > 0, which W = 0 leads to at once). */
bool chain_emerges(const struct chain *c, const double *D);
/* From the state y the loss never falls to `level`, a fraction of the null loss: attention does not emerge, and what is
 * left of it, pi <= 1/T + (1-1/T)/(T-1)^2, does not take the loss so far,
 *
 *     least L at fixed pi = 1/2 n^2/d [1 - pi^2/(d h)]. */
bool chain_hopeless(const struct chain *c, const double *y, double level);

struct chain_request {
    enum method method;
    double rtol, atol;
    double threshold;   /* fraction of the null loss that ends the plateau, in (0,1) */
    double time;        /* integrate at least this far */
    bool all_crossings; /* also find those of flow_solver_level */
    /* Called at the start and after every step, if not NULL; a status other than OK stops. */
    enum status (*step)(void *context, const struct chain *c, double t, const double *y);
    void *context;
};
/* Overwrites *out: plateau and crossings are NaN where attention never emerges, and the integration ends as soon as
 * that is known. Errors of ode.h. */
enum status chain_solve(struct ode *ode, const struct chain *c, const struct chain_request *request,
                        struct flow_solution *out);

/* The plateau length in closed form, W(0) = 0 and two hops or more: NaN elsewhere, and where attention never emerges.
 *
 * In the plateau pi ~ 1/T, so w relaxes to n at the rate 1/(dT) whatever attention does. With z_i = e^{-D_i} and the
 * clock tau' = w/n the scores obey dz_i/dtau = -(n^2/d) T^-k prod_{j != i} (1 - z_j)/z_j, so all of them arrive at 0
 * when
 *
 *     tau = T^k G d/n^2,   G = int_0^{z_i(0)} prod_{j != i} z_j/(1 - z_j) dz_i,   z_j = -W_0(-z_i e^{c_j - z_i})
 *
 * with i the hop of the smallest D (c_j from the start); for equal ones G_2 = -z - ln(1-z) and G_3 = z + 2 ln(1-z) +
 * z/(1-z). And
 *
 *     T_pl = dT [ 1 + x + W_0(-e^{-1-x}) ],   x = T^{k-1} G/n^2        (solves t - dT (1 - e^{-t/dT}) = tau).
 *
 * It leaves out the end of the jump, where b_i is no longer small: too short by about 3/T. ERR_SOLVER if GSL cannot. */
enum status chain_closed(const struct chain *c, double *plateau);
/* G, for equal or unequal starts. */
enum status chain_closed_integral(const struct chain *c, double *G);

#endif
