/* The reduced flow of a Transformer: the training of a one-layer regression Transformer, by SGD or Adam, in twenty
 * numbers, from its initialisation alone. doc/theory.md derives it and says how well it does; this page has its
 * equations. Time t is counted in optimizer steps.
 *
 * The setting: T, d, B as everywhere; N = width, k = head_dim, H = heads, K = H k, M = mlp, b = batch, eta = lr, Adam's
 * beta_1 and beta_2, skip 1 or 0. Model and start are those of transformer.h without norm (PyTorch's initialisation,
 * biases, GELU, the last token reads out), the task is that of regression.h with its feature and p = 0. Every vector
 * with index j has N entries.
 *
 *     nu = 1/(3 (d+1)),  c = 1/sqrt(d+1)         variance and half-width of a weight of the embedding
 *     r = sqrt(2/pi)
 *     pbar_j, P_j, C_ij                          positions: their mean, the last one, their covariance
 *     C_j = C_jj,  C2_j = sum_i C_ij^2,  trC = sum_j C_j,  lam = sum_j C2_j/trC
 *
 * Each of the interfaces between matrices has two orthogonal d-dimensional subspaces: f, what the matrices below write
 * for the relevant token, and g, what those above read. They do not overlap at the start. The state:
 *
 *     a               score of a relevant token less that of another
 *     q2, k2          |q|^2, and |K E_f|^2
 *     n               variance of the output that random positions add under sharp attention
 *     D               noise of the skip path, U E x_T
 *     x               how far noise has shrunk q (its soft threshold)
 *     m               Adam's memory of the attention's noise
 *     l               the MLP's block from f to g
 *     E, U            (E_f, E_g) and (U_f, U_g): embedding and readout
 *     O, V            [2][2], rows to f and g, columns from f and g
 *
 * From it,
 *
 *     s = 1/(1 + ((T-B)/B) e^-a),  z = 1 - s,  s2 = s^2 + z^2/(T-B),  se = (s T - B)/(T-B)
 *     Y = (U_f + l U_g, U_g),  F = V E,  W = Y O,  G = O F,  I = W V,  w = Y.G      (w: overlap of U O V E with W*)
 *     L = (1 - s w)^2 + z^2 w^2/(T-B) + se^2 n + D                                  (test loss over the null loss)
 *     gh = [w (1 - s w) + z w^2/(T-B) - se n]/H,  g = s z gh           (-dL/da of one head; T/(T-B) is left out of n)
 *     Sg = [s (1 - s w) - z^2 w/(T-B)]/d                                            (-dL/dw)
 *
 * and with a rate r for each matrix (u2 = |U|^2, E2 = |E|^2, ..)
 *
 *     a'   = g (q2 fK + k2 fQ)/sqrt k - gam a
 *     q2'  = 2 fQ sqrt k a g - 2 gam q2
 *     k2'  = 2 fK sqrt k a g
 *     n'   = -2 se^2 lam n [rV W2 + rO K u2/(3 N) + rU/9]
 *     D'   = -2 (rE u2 + rU E2) D/d
 *     E_i' = rE Sg I_i - skip rE D E_i/(d E2)
 *     U_f' = rU Sg G_f - skip rU D U_f/(d u2)
 *     U_g' = rU Sg (G_g + l G_f) - skip rU D U_g/(d u2)
 *     O_ij' = rO Sg Y_i F_j,  V_ij' = rV Sg W_i E_j,  l' = rP Sg U_g G_f
 *
 * SGD's rates are constants. Adam's are eta over the root of the gradient's mean square, of which the noise of a batch
 * is by far the most: reduced_rates.c has them. */
#ifndef REDUCED_H
#define REDUCED_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

struct reduced_setting {
    double T, d, B;
    double N, k, H, M; /* width, head_dim, heads, mlp */
    double b, eta;     /* batch, lr */
    double beta1, beta2;
    bool adam;  /* else SGD without momentum */
    bool skip;  /* skip connections */
    bool fixed; /* the relevant positions are the same in every sequence */
};

/* The state, in the order of the integrator's y[REDUCED_DIM]. */
struct reduced_state {
    double a, q2, k2, n, D, x, m, l;
    double E[2], U[2], O[2][2], V[2][2];
};
enum { REDUCED_DIM = sizeof(struct reduced_state) / sizeof(double), REDUCED_QUANTILES = 8 };

/* Constants of a setting. */
struct reduced {
    struct reduced_setting setting;
    double K; /* H k */
    double nu, c, trC, lam;
    double *pbar, *P, *C, *C2; /* [N] each, owned by pbar: |pbar_j|, skip |P_j|, C_j, C2_j */
    double *f_U, *f_V;         /* scratch of the rates, owned by pbar too: so one thread at a time */
    double v2, o2, c_h; /* mean square of V ebar + b_V and of O v + b_O; half-width of the constant part of e_T + O v */
    double h1, e1, v1;  /* L1 norms of h, ebar, v */
    double eT1, eT2;    /* query token: divided by its noise, and squared norm */
    double y0;          /* root mean square of an output's constant part at the start */
    double tau, tau_i[REDUCED_QUANTILES]; /* Adam's memory of its removal, for quantiles of its size, and their mean */
    double g0, g1, g2;                    /* moments of the activation */
    double Q0;                            /* |q| at the start */
    double xi0;                           /* noise of the key gradient at the start */
    struct reduced_state start;
};

/* What follows from a state. */
struct reduced_view {
    double s, z, w, L;                     /* attention to all B copies, 1 - s, overlap, loss over the null loss */
    double s2, se, gh, g, Sg;              /* as above */
    double Y[2], F[2], W[2], G[2], I[2];   /* as above */
    double u2, E2, F2, W2, G2, I2, bs, bg; /* squared norms; the signal's part of the mean squares, times b */
};

/* Speeds of the matrices. */
struct reduced_rates {
    double U, O, V, E, P, K, Q; /* rU, rO, rV, rE, rP, fK, fQ */
    double gam, x, m;           /* gam, x', m' */
    double chi;                 /* Adam: what the output's fluctuating constant adds to its noise */
};

/* ERR_INPUT unless 1 <= B < T and the setting is one that the equations are about; ERR_MEMORY. Release with
 * reduced_free, also after an error. */
enum status reduced_init(const struct reduced_setting *setting, struct reduced *r);
void reduced_free(struct reduced *r);
/* Overwrites *view. */
void reduced_look(const struct reduced *r, const struct reduced_state *y, struct reduced_view *view);
/* Overwrites dy with y' at time t. false where it is not finite. Nothing is allocated. */
bool reduced_rhs(const struct reduced *r, double t, const struct reduced_state *y, struct reduced_state *dy);
/* The rates at time t; INFINITY: after all memory of the start is gone. Overwrites *rates. */
void reduced_rates(const struct reduced *r, double t, const struct reduced_state *y, const struct reduced_view *v,
                   struct reduced_rates *rates);
/* Noise of the key gradient, xi, in a state. */
double reduced_key_noise(const struct reduced *r, const struct reduced_state *y, const struct reduced_view *v);

/* Closed forms of the time of emergence (attention 1/2), from the start alone. While s and w are small w' = c_w e^a
 * and a' = c_a w e^a, with
 *
 *     c_w = (B/(d T)) [rU G2 + rO u2 F2 + rV W2 E2 + rE I2 + rP u2 G2]
 *     c_a = (B/(H T)) (q2 fK + k2 fQ)/sqrt k
 *     t_e = sqrt(pi/2)/sqrt(c_w c_a)
 *
 * SGD: T_em = t_e. Adam's memory of the first steps slows it, t_i = tau_i/(1 + chi):
 *
 *     mean_i [ sqrt(T_em (T_em + t_i)) - t_i asinh sqrt(T_em/t_i) ] = t_e
 *
 * Cross-sample repetition p divides t_e by (1-p) sqrt(1 + 2 p + p^2 d). */
struct reduced_closed {
    double c_w, c_a, t_e, T_em;
};
struct reduced_closed reduced_closed(const struct reduced *r, double p);

#endif
