#include "flow.h"
#include <math.h>
#include <string.h>

struct flow_start flow_unit_start(double d)
{
    return (struct flow_start){.n = {1, sqrt(d - 1)}};
}

static enum status check(double T, double d, double B, double p, enum metric metric, double n, const struct schedule *schedule)
{
    if (!(B >= 1 && B < T))
        return error_set(ERR_INPUT, "T=%.0f B=%.0f: B must be at least 1 and smaller than T", T, B);
    if (!(p >= 0 && p < 1))
        return error_set(ERR_INPUT, "p=%g: p must be in [0,1)", p);
    if (!(n > 0 && d >= 1))
        return error_set(ERR_INPUT, "d=%.0f |W*|=%g: d must be at least 1 and the target not zero", d, n);
    if (!(schedule_largest(schedule, SCHEDULE_B, B) < T))
        return error_set(ERR_INPUT, "T=%.0f B=%.0f: B must be smaller than T, after a switch too", T, schedule_largest(schedule, SCHEDULE_B, B));
    if (metric == METRIC_FULL && schedule_has(schedule, SCHEDULE_B))
        return error_set(ERR_INPUT, "schedule: a switch of B leaves scores apart that the reduced flow of metric=full holds together; take "
                                    "metric=tied, or model=toy");
    return OK;
}

/* B and p, and what follows from them. */
static void set_problem(struct flow *f, double B, double p)
{
    const double T = f->T, d = f->d;
    double R2 = 0;
    f->B = B, f->p = p;
    f->b = B / (T - B);
    f->K = 1 / (d * (T - B));
    f->m = f->metric == METRIC_FULL ? T / (B * (T - B)) : f->metric == METRIC_PAPER ? 1 : 1 + 1 / (T - B);
    for (int c = 0; c < f->blocks; c++) {
        f->sigma[c] = f->blocks == 1 ? 1 / d : (c == 0 ? p : 0) + (1 - p) / d;
        R2 += pow(f->sigma[c] * f->n[c], 2);
    }
    f->R = sqrt(R2);
    f->lambda0 = sqrt(f->m) * f->b * f->R;
}

enum status flow_init(double T, double d, double B, double p, enum metric metric, const struct flow_start *start,
                      struct flow *f)
{
    return flow_init_scheduled(T, d, B, p, metric, start, &(struct schedule){0}, f);
}

enum status flow_init_scheduled(double T, double d, double B, double p, enum metric metric, const struct flow_start *start,
                                const struct schedule *schedule, struct flow *f)
{
    double n = hypot(start->n[0], start->n[1]);
    enum status rc = check(T, d, B, p, metric, n, schedule);
    if (rc != OK)
        return rc;
    memset(f, 0, sizeof *f);
    f->T = T, f->d = d, f->metric = metric, f->schedule = *schedule;
    f->full_n[0] = start->n[0], f->full_n[1] = start->n[1];
    double *w = f->y0, w0[FLOW_BLOCKS], u0[FLOW_BLOCKS];
    if (schedule_largest(schedule, SCHEDULE_P, p) > 0 && d > 1) {
        f->blocks = 2;
        for (int c = 0; c < 2; c++) {
            f->n[c] = start->n[c];
            w0[c] = start->w[c];
            u0[c] = start->u[c];
        }
    } else {
        /* Equal sigma: the blocks merge. N = |W|^2 splits into w along W* and u across. */
        const double *sw = start->w, *sn = start->n, *su = start->u;
        f->blocks = 1;
        f->n[0] = n;
        w0[0] = (sn[0] * sw[0] + sn[1] * sw[1]) / n;
        u0[0] = sqrt(su[0] * su[0] + su[1] * su[1] + pow((sw[0] * sn[1] - sw[1] * sn[0]) / n, 2));
        f->apart = u0[0] > 0 ? (sw[0] - w0[0] * sn[0] / n) / u0[0] : 0;
    }
    for (int c = 0; c < f->blocks; c++) {
        f->has_u = f->has_u || u0[c] > 0;
        w[c] = w0[c];
    }
    for (int c = 0; c < f->blocks && f->has_u; c++)
        f->y0[f->blocks + c] = u0[c];
    f->dim = f->blocks * (f->has_u ? 2 : 1) + 1;
    f->y0[f->dim - 1] = 0;
    set_problem(f, B, p);
    B = schedule_last(schedule, SCHEDULE_B, B);
    f->test_b = B / (T - B);
    f->test_K = 1 / (d * (T - B));
    return OK;
}

void flow_switch(struct flow *f, const struct schedule_switch *s)
{
    set_problem(f, s->variable == SCHEDULE_B ? s->value : f->B, s->variable == SCHEDULE_P ? s->value : f->p);
}

double flow_beyond(const struct flow *f, const struct schedule_switch *s, double t, const double *y)
{
    double beta, rest;
    if (s->when == SCHEDULE_TIME)
        return t / s->at - 1;
    if (s->when == SCHEDULE_LOSS)
        return s->at - flow_loss(f, y, LOSS_TRAIN) / flow_null_loss(f, LOSS_TRAIN);
    flow_attention(f, y[f->dim - 1], &beta, &rest);
    return beta - s->at;
}

/* Mass on the copies and elsewhere, for b = B/(T-B). */
static void attention(double b, double D, double *beta, double *rest)
{
    double odds = b * exp(D); /* the one over the other; may be inf or 0, both quotients stay right */
    *beta = 1 / (1 + 1 / odds);
    *rest = 1 / (1 + odds);
}

void flow_attention(const struct flow *f, double D, double *beta, double *rest)
{
    attention(f->b, D, beta, rest);
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
    attention(which == LOSS_TEST ? f->test_b : f->b, y[f->dim - 1], &beta, &rest);
    for (int c = 0; c < f->blocks; c++) {
        double sigma = which == LOSS_TEST ? 1 / f->d : f->sigma[c];
        double miss = beta * y[c] - f->n[c], across = beta * u_of(f, y, c);
        sum += sigma * (miss * miss + across * across);
    }
    return 0.5 * (rest * rest * (which == LOSS_TEST ? f->test_K : f->K) * norm_squared(f, y) + sum);
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
