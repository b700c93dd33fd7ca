/* The reduced gradient flow: the toy model's training in at most five numbers.
 *
 * Model (arXiv 2505.17863, section 2): y = W sum_t softmax(a)_t x_t, target W* x_T, tokens N(0, I_d/d), the relevant
 * token at B positions, with probability p equal to a fixed unit vector x~. Gradient flow from a = 0 closes in
 *     w_c = <W_c, W*_c>/n_c,   u_c = ||W_c - w_c W*_c/n_c||,   D = score of a relevant position minus score of another,
 * for two blocks c of columns: 1 (along x~) and r (the other d - 1). doc/theory.md derives it; in short
 *     b = B/(T-B), K = 1/(d(T-B)), beta = 1/(1 + e^-D/b) (attention mass on the B copies), alpha = beta/B,
 *     sigma_1 = p + (1-p)/d, sigma_r = (1-p)/d, N = sum (w_c^2 + u_c^2), h_c = (1-beta)^2 K + beta^2 sigma_c
 *     L    = 1/2 [ (1-beta)^2 K N + sum sigma_c ((beta w_c - n_c)^2 + beta^2 u_c^2) ]
 *     w_c' = beta sigma_c n_c - h_c w_c,   u_c' = -h_c u_c
 *     D'   = m beta (1-beta) [ (1-beta) K N - sum sigma_c (w_c (beta w_c - n_c) + beta u_c^2) ]
 * so y' = -G grad L with G = diag(1,..,1,m). Equations of the paper: 3-4, 13-14, 18-21 are metric=paper.
 *
 * State y: w of each block, then u of each block (only if any u(0) > 0: u = 0 stays 0), then D. One block where two
 * would do the same: p = 0 all along (w, u then mean those of all columns) or d = 1. Nothing here allocates, reads
 * files or fails except flow_init.
 *
 * Schedules: p and B may change along the flow (schedule.h). W and the scores go on, the equations get new sigma_c, b,
 * K, m. Columns of a block share their sigma_c before and after, so two blocks stay exact, at p = 0 too. Where copies
 * share a score (metric=tied), or the equations have one number D (paper), D goes on when B changes. With metric=full
 * every position has its own: those among the last B of one stage and not of another part from the rest, and D becomes
 * one number for each group g of positions that are relevant in the same stages (B' of the schedule, nested; m_g
 * positions, m_0 never relevant, r_g = 1 while relevant), with masses pi_g:
 *     beta = sum_{r=1} pi_g,   X = sum_{r=0} pi_g^2/(m_g d)   ((1-beta)^2 K above)
 *     P    = sum sigma_c (w_c (beta w_c - n_c) + beta u_c^2)
 *     L_g  = pi_g [ (r_g - beta) P + N ((1 - r_g) pi_g/(m_g d) - X) ],   D_g' = -L_g/m_g - sum_h L_h/m_0
 * The test loss has p = 0 and the last B of the schedule. */
#ifndef FLOW_H
#define FLOW_H
#include "base/error.h"
#include "base/keys.h"
#include <stdbool.h>

enum { FLOW_BLOCKS = 2, FLOW_GROUPS = SCHEDULE_SWITCHES + 1, FLOW_DIM = 2 * FLOW_BLOCKS + FLOW_GROUPS };

/* Norms of W* and the start, per block {1, r}; see start.h for draws.
 *     n_c = ||W*_c||_F,  w_c = <W_c, W*_c>_F / n_c,  u_c = ||W_c - w_c W*_c / n_c||_F */
struct flow_start {
    double n[FLOW_BLOCKS], w[FLOW_BLOCKS], u[FLOW_BLOCKS];
};

struct flow {
    double T, d, B, p; /* the problem */
    enum metric metric;
    double b, K, m;                /* as above */
    double test_B, test_b, test_K; /* B, b, K of the test loss: the last of the schedule */
    struct schedule schedule;      /* what comes after p and B */
    int blocks;                    /* 1 or 2 */
    bool has_u;                    /* u is part of the state */
    int groups;                    /* of scores: 1 but for metric=full and B that changes */
    double reach[FLOW_GROUPS + 1]; /* several groups: g is positions reach[g+1] .. reach[g] - 1 from the end;
                                      descending, reach[groups] = 0 */
    int dim;                       /* length of y; the scores are its last */
    double n[FLOW_BLOCKS];         /* norms of the blocks of W* (one block: of all of W*) */
    double sigma[FLOW_BLOCKS];     /* second moments of the relevant token, training */
    double full_n[FLOW_BLOCKS];    /* n_1, n_r whatever `blocks` */
    double apart;                  /* one block: (w_1(0) - w(0) n_1/n)/u(0), or 0 if u(0) = 0 */
    double R, lambda0;             /* R = (sum sigma_c^2 n_c^2)^1/2; lambda0 = sqrt(m) b R, the plateau's rate */
    double y0[FLOW_DIM];           /* the start */
};

/* The start of the theory: W = 0, W* with columns of norm 1. */
struct flow_start flow_unit_start(double d);
/* ERR_INPUT unless 1 <= B < T, 0 <= p < 1, d >= 1 and W* != 0. Overwrites *f. */
enum status flow_init(double T, double d, double B, double p, enum metric metric, const struct flow_start *start,
                      struct flow *f);
/* The same with a schedule of switches, which whoever integrates makes with flow_switch. ERR_INPUT too for a B that is
 * not below T. */
enum status flow_init_scheduled(double T, double d, double B, double p, enum metric metric,
                                const struct flow_start *start, const struct schedule *schedule, struct flow *f);
/* p or B is another from now on; the state goes on. */
void flow_switch(struct flow *f, const struct schedule_switch *s);
/* How far the state at time t is beyond what a switch waits for: negative before, then 0 or more. */
double flow_beyond(const struct flow *f, const struct schedule_switch *s, double t, const double *y);

/* beta and 1 - beta at score difference D, each right for any D (no subtraction of near-equal numbers). */
void flow_attention(const struct flow *f, double D, double *beta, double *rest);
/* The loss: training sigmas, or the test loss (p replaced by 0 in the loss alone). */
double flow_loss(const struct flow *f, const double *y, enum loss which);
/* Loss of W = 0: sum sigma_c n_c^2 / 2. */
double flow_null_loss(const struct flow *f, enum loss which);
/* dy = y' (overwritten). */
void flow_rhs(const struct flow *f, const double *y, double *dy);
/* J[i + dim j] = d y'_i / d y_j = -(G Hess L)_ij, column-major dim x dim, overwritten. */
void flow_jacobian(const struct flow *f, const double *y, double *J);
/* Hess L (training loss), same layout, overwritten. */
void flow_hessian(const struct flow *f, const double *y, double *H);

/* What a trace shows at a state (columns of the trace files). */
struct flow_view {
    double w, w_repeated, u, delta_a, attention; /* w = <W,W'>/|W'|, w_1, |W - w W'/|W'||, D, alpha; W' = W* */
};
struct flow_view flow_view_at(const struct flow *f, const double *y);
/* w_inf(alpha) = beta n/(d h): the equilibrium of w at fixed attention, p = 0 (paper, Fig. 8). */
double flow_w_infinity(const struct flow *f, double D);
/* Q = N/2 - (D + b e^D)/m, constant of the noise-free flow; and its exact rate dQ/dt = -(1-beta) K N. Not for several
 * groups. */
double flow_conserved(const struct flow *f, const double *y, double *rate);

#endif
