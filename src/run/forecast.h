/* When will a run on its plateau emerge? Read off the attention that its trace holds (doc/theory.md, "Forecast").
 *
 * While the loss is flat, attention s to the relevant tokens rises: s ~ b e^D with w' = kappa s, D' = gamma s w. With
 * J = int s dt (here int s(1-s) dt, which is the same as long as s is small) D is a parabola,
 *
 *     D = D_r + lambda^2 (J - J_r)^2/2,    lambda^2 = kappa gamma,
 *
 * so three numbers by linear least squares say how the fall goes on. With x = lambda (J - J_r) what is left of it is
 *
 *     R = M(x)/(lambda s),    M(x) = sqrt(pi/2) e^{x^2/2} erfc(x/sqrt 2)      (Mills ratio).
 *
 * In a Transformer the score is a product of query and key, and gamma grows with it: gamma_0 sqrt(1 + ((D-D_r)/D_c)^2).
 * Then Y = D_r + D_c asinh((D - D_r)/D_c) is the parabola, and
 *
 *     M_c(x) = int_x^inf exp(g(x) - g(z)) dz,    g(z) = D_c sinh(z^2/(2 D_c)).
 *
 * Emergence T_E is when attention passes a half, or the loss falls below 0.8 of the null loss for good. */
#ifndef FORECAST_H
#define FORECAST_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

enum forecast_word {
    FORECAST_SILENT,  /* it cannot tell yet */
    FORECAST_SAYS,    /* T, low, high */
    FORECAST_ARRIVED, /* attention is there */
};

struct forecast {
    enum forecast_word word;
    double T, low, high; /* when, and the ends of an 80 % interval; NaN unless it says so */
    double sd;           /* of ln T; NaN: not computed */
    double x, lambda, s; /* how far the fall is, its rate, attention now; NaN: no fit */
};

/* From one head: s[n], the attention of the last position to all copies of the relevant token (in (0,1)), at the times
 * t[n], ascending, t[0] the first evaluation (or the last switch of a schedule). D_c: INFINITY for the toy model.
 * scratch: [4 n], overwritten. Overwrites *out. */
void forecast_head(const double *t, const double *s, size_t n, double D_c, double *scratch, struct forecast *out);

/* Of several heads: the earliest word stands in *out, or that it has arrived. *out begins as FORECAST_SILENT. */
void forecast_join(const struct forecast *head, struct forecast *out);

/* D_c of a Transformer with the default initialisation: f sqrt(head_dim/(54 (d+1))), where f is 1 for SGD and 1.5 for
 * Adam, whose noise shrinks the queries and so works against the growth. */
double forecast_growth(double head_dim, double d, int adam);

/* M_c(x), for tests and the curious. */
double forecast_mills(double x, double D_c);

#endif
