#include "flow.h"
#include <math.h>
#include <string.h>

struct flow_start flow_unit_start(double d)
{
    return (struct flow_start){.n = {1, sqrt(d - 1)}};
}

enum status flow_init(double T, double d, double B, double p, enum metric metric, const struct flow_start *start,
                      struct flow *f)
{
    if (!(B >= 1 && B < T))
        return error_set(ERR_INPUT, "T=%.0f B=%.0f: B must be at least 1 and smaller than T", T, B);
    if (!(p >= 0 && p < 1))
        return error_set(ERR_INPUT, "p=%g: p must be in [0,1)", p);
    double n = hypot(start->n[0], start->n[1]);
    if (!(n > 0 && d >= 1))
        return error_set(ERR_INPUT, "d=%.0f |W*|=%g: d must be at least 1 and the target not zero", d, n);

    memset(f, 0, sizeof *f);
    f->T = T, f->d = d, f->B = B, f->p = p, f->metric = metric;
    f->b = B / (T - B);
    f->K = 1 / (d * (T - B));
    f->m = metric == METRIC_FULL ? T / (B * (T - B)) : metric == METRIC_PAPER ? 1 : 1 + 1 / (T - B);
    f->full_n[0] = start->n[0], f->full_n[1] = start->n[1];
    double *w = f->y0, w0[FLOW_BLOCKS], u0[FLOW_BLOCKS];
    if (p > 0 && d > 1) {
        f->blocks = 2;
        for (int c = 0; c < 2; c++) {
            f->n[c] = start->n[c];
            f->sigma[c] = (c == 0 ? p : 0) + (1 - p) / d;
            w0[c] = start->w[c];
            u0[c] = start->u[c];
        }
    } else {
        /* Equal sigma: the blocks merge. N = |W|^2 splits into w along W* and u across. */
        const double *sw = start->w, *sn = start->n, *su = start->u;
        f->blocks = 1;
        f->n[0] = n;
        f->sigma[0] = 1 / d;
        w0[0] = (sn[0] * sw[0] + sn[1] * sw[1]) / n;
        u0[0] = sqrt(su[0] * su[0] + su[1] * su[1] + pow((sw[0] * sn[1] - sw[1] * sn[0]) / n, 2));
        f->apart = u0[0] > 0 ? (sw[0] - w0[0] * sn[0] / n) / u0[0] : 0;
    }
    for (int c = 0; c < f->blocks; c++) {
        f->has_u = f->has_u || u0[c] > 0;
        f->R += pow(f->sigma[c] * f->n[c], 2);
        w[c] = w0[c];
    }
    for (int c = 0; c < f->blocks && f->has_u; c++)
        f->y0[f->blocks + c] = u0[c];
    f->dim = f->blocks * (f->has_u ? 2 : 1) + 1;
    f->y0[f->dim - 1] = 0;
    f->R = sqrt(f->R);
    f->lambda0 = sqrt(f->m) * f->b * f->R;
    return OK;
}

void flow_attention(const struct flow *f, double D, double *beta, double *rest)
{
    double odds = f->b * exp(D); /* mass on the copies over mass elsewhere; may be inf or 0, both quotients stay right */
    *beta = 1 / (1 + 1 / odds);
    *rest = 1 / (1 + odds);
}

/* u of block c: 0 when u is not part of the state. */
static double u_of(const struct flow *f, const double *y, int c)
{
    return f->has_u ? y[f->blocks + c] : 0;
}

static double norm_squared(const struct flow *f, const double *y)
{
    double N = 0;
    for (int i = 0; i < f->dim - 1; i++)
        N += y[i] * y[i];
    return N;
}

double flow_loss(const struct flow *f, const double *y, enum loss which)
{
    double beta, rest, sum = 0;
    flow_attention(f, y[f->dim - 1], &beta, &rest);
    for (int c = 0; c < f->blocks; c++) {
        double sigma = which == LOSS_TEST ? 1 / f->d : f->sigma[c];
        double miss = beta * y[c] - f->n[c], across = beta * u_of(f, y, c);
        sum += sigma * (miss * miss + across * across);
    }
    return 0.5 * (rest * rest * f->K * norm_squared(f, y) + sum);
}

double flow_null_loss(const struct flow *f, enum loss which)
{
    double sum = 0;
    for (int c = 0; c < f->blocks; c++)
        sum += (which == LOSS_TEST ? 1 / f->d : f->sigma[c]) * f->n[c] * f->n[c];
    return sum / 2;
}

void flow_rhs(const struct flow *f, const double *y, double *dy)
{
    double beta, rest, pull = 0;
    flow_attention(f, y[f->dim - 1], &beta, &rest);
    for (int c = 0; c < f->blocks; c++) {
        double sigma = f->sigma[c], h = rest * rest * f->K + beta * beta * sigma, u = u_of(f, y, c);
        dy[c] = beta * sigma * f->n[c] - h * y[c];
        if (f->has_u)
            dy[f->blocks + c] = -h * u;
        pull += sigma * (y[c] * (beta * y[c] - f->n[c]) + beta * u * u);
    }
    dy[f->dim - 1] = f->m * beta * rest * (rest * f->K * norm_squared(f, y) - pull);
}

void flow_hessian(const struct flow *f, const double *y, double *H)
{
    int dim = f->dim, D = dim - 1;
    double beta, rest, N = norm_squared(f, y), pull = 0, weight = 0;
    flow_attention(f, y[D], &beta, &rest);
    memset(H, 0, sizeof(double) * (size_t)(dim * dim));
    for (int c = 0; c < f->blocks; c++) {
        double sigma = f->sigma[c], w = y[c], u = u_of(f, y, c), h = rest * rest * f->K + beta * beta * sigma;
        int iu = f->blocks + c;
        H[c + dim * c] = h;
        H[c + dim * D] = H[D + dim * c] =
            beta * rest * (-2 * rest * f->K * w + sigma * (2 * beta * w - f->n[c]));
        if (f->has_u) {
            H[iu + dim * iu] = h;
            H[iu + dim * D] = H[D + dim * iu] = 2 * beta * rest * (beta * sigma - rest * f->K) * u;
        }
        pull += sigma * (w * (beta * w - f->n[c]) + beta * u * u);
        weight += sigma * (w * w + u * u);
    }
    /* The paper's L_DD is too large by 1/(alpha (1 - B alpha)) (our E1); this is the derivative of L. */
    double L_D = beta * rest * (pull - rest * f->K * N);
    H[D + dim * D] = (rest - beta) * L_D + beta * beta * rest * rest * (f->K * N + weight);
}

void flow_jacobian(const struct flow *f, const double *y, double *J)
{
    int dim = f->dim;
    flow_hessian(f, y, J);
    for (int j = 0; j < dim; j++) {
        for (int i = 0; i < dim; i++)
            J[i + dim * j] *= i == dim - 1 ? -f->m : -1;
    }
}

struct flow_view flow_view_at(const struct flow *f, const double *y)
{
    struct flow_view v = {.delta_a = y[f->dim - 1]};
    double beta, rest, n = hypot(f->full_n[0], f->full_n[1]);
    flow_attention(f, v.delta_a, &beta, &rest);
    v.attention = beta / f->B;
    if (f->blocks == 1) {
        v.w = y[0];
        v.u = u_of(f, y, 0);
        v.w_repeated = y[0] * f->full_n[0] / n + f->apart * v.u; /* w_1 - w n_1/n decays as u does: at the rate h */
        return v;
    }
    double cross = (y[0] * f->n[1] - y[1] * f->n[0]) / n;
    v.w = (f->n[0] * y[0] + f->n[1] * y[1]) / n;
    v.w_repeated = y[0];
    v.u = sqrt(pow(u_of(f, y, 0), 2) + pow(u_of(f, y, 1), 2) + cross * cross);
    return v;
}

double flow_w_infinity(const struct flow *f, double D)
{
    double beta, rest, sigma = f->sigma[0];
    flow_attention(f, D, &beta, &rest);
    return beta * sigma * f->n[0] / (rest * rest * f->K + beta * beta * sigma);
}

double flow_conserved(const struct flow *f, const double *y, double *rate)
{
    double beta, rest, D = y[f->dim - 1], N = norm_squared(f, y);
    flow_attention(f, D, &beta, &rest);
    *rate = -rest * f->K * N;
    return N / 2 - (D + f->b * exp(D)) / f->m;
}
