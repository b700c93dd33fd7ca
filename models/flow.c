#include "models/flow.h"
#include <math.h>
#include <string.h>

struct flow_start flow_unit_start(double d)
{
    return (struct flow_start){.n = {1, sqrt(d - 1)}};
}

static enum status check(double T, double d, double B, double p, double n, const struct schedule *schedule)
{
    if (!(B >= 1 && B < T))
        return error_set(ERR_INPUT, "T=%.0f B=%.0f: B must be at least 1 and smaller than T", T, B);
    if (!(p >= 0 && p < 1))
        return error_set(ERR_INPUT, "p=%g: p must be in [0,1)", p);
    if (!(n > 0 && d >= 1))
        return error_set(ERR_INPUT, "d=%.0f |W*|=%g: d must be at least 1 and the target not zero", d, n);
    if (!(schedule_largest(schedule, SCHEDULE_B, B) < T))
        return error_set(ERR_INPUT, "T=%.0f B=%.0f: B must be smaller than T, after a switch too", T,
                         schedule_largest(schedule, SCHEDULE_B, B));
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

/* The distinct B of the run, in descending order, are how far each group reaches. */
static void set_groups(struct flow *f, double B)
{
    f->groups = 1;
    f->reach[0] = B;
    for (size_t i = 0; i < f->schedule.n && f->metric == METRIC_FULL; i++) {
        const struct schedule_switch *s = &f->schedule.list[i];
        int g = 0;
        while (g < f->groups && f->reach[g] > s->value)
            g++;
        if (s->variable != SCHEDULE_B || (g < f->groups && f->reach[g] == s->value))
            continue;
        memmove(&f->reach[g + 1], &f->reach[g], sizeof(double) * (size_t)(f->groups - g));
        f->reach[g] = s->value;
        f->groups++;
    }
    f->reach[f->groups] = 0;
}

enum status flow_init(double T, double d, double B, double p, enum metric metric, const struct flow_start *start,
                      struct flow *f)
{
    return flow_init_scheduled(T, d, B, p, metric, start, &(struct schedule){0}, f);
}

enum status flow_init_scheduled(double T, double d, double B, double p, enum metric metric,
                                const struct flow_start *start, const struct schedule *schedule, struct flow *f)
{
    double n = hypot(start->n[0], start->n[1]);
    enum status rc = check(T, d, B, p, n, schedule);
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
    set_groups(f, B);
    f->dim = f->blocks * (f->has_u ? 2 : 1) + f->groups;
    set_problem(f, B, p);
    f->test_B = B = schedule_last(schedule, SCHEDULE_B, B);
    f->test_b = B / (T - B);
    f->test_K = 1 / (d * (T - B));
    return OK;
}

void flow_switch(struct flow *f, const struct schedule_switch *s)
{
    set_problem(f, s->variable == SCHEDULE_B ? s->value : f->B, s->variable == SCHEDULE_P ? s->value : f->p);
}

/* Where attention is: on the relevant positions, elsewhere, and what the latter costs, X = S2/d. */
struct masses {
    double beta, rest, noise;
    double group[FLOW_GROUPS]; /* several groups: the mass of each */
};

static struct masses attend_alone(double b, double K, double D)
{
    const double odds = b * exp(D); /* beta over rest; may be inf or 0, both quotients stay right */
    struct masses a = {.beta = 1 / (1 + 1 / odds), .rest = 1 / (1 + odds)};
    a.noise = a.rest * a.rest * K;
    return a;
}

static double size_of(const struct flow *f, int g)
{
    return f->reach[g] - f->reach[g + 1];
}

static bool is_relevant(const struct flow *f, int g, double B)
{
    return f->reach[g] <= B;
}

/* Sums of positive numbers only, for B relevant positions. */
static struct masses attend_groups(const struct flow *f, const double *D, double B)
{
    struct masses a = {.beta = 0};
    const double never = f->T - f->reach[0];
    double top = 0, sum, S2;
    for (int g = 0; g < f->groups; g++)
        top = fmax(top, D[g]);
    sum = never * exp(-top);
    for (int g = 0; g < f->groups; g++)
        sum += a.group[g] = size_of(f, g) * exp(D[g] - top);
    a.rest = never * exp(-top) / sum;
    S2 = a.rest * a.rest / never;
    for (int g = 0; g < f->groups; g++) {
        a.group[g] /= sum;
        *(is_relevant(f, g, B) ? &a.beta : &a.rest) += a.group[g];
        S2 += is_relevant(f, g, B) ? 0 : a.group[g] * a.group[g] / size_of(f, g);
    }
    a.noise = S2 / f->d;
    return a;
}

static const double *scores(const struct flow *f, const double *y)
{
    return y + f->dim - f->groups;
}

static struct masses attend(const struct flow *f, const double *y, enum loss which)
{
    const bool test = which == LOSS_TEST;
    if (f->groups > 1)
        return attend_groups(f, scores(f, y), test ? f->test_B : f->B);
    return test ? attend_alone(f->test_b, f->test_K, y[f->dim - 1]) : attend_alone(f->b, f->K, y[f->dim - 1]);
}

void flow_attention(const struct flow *f, double D, double *beta, double *rest)
{
    const struct masses a = attend_alone(f->b, f->K, D);
    *beta = a.beta, *rest = a.rest;
}

double flow_beyond(const struct flow *f, const struct schedule_switch *s, double t, const double *y)
{
    if (s->when == SCHEDULE_TIME)
        return t / s->at - 1;
    if (s->when == SCHEDULE_LOSS)
        return s->at - flow_loss(f, y, LOSS_TRAIN) / flow_null_loss(f, LOSS_TRAIN);
    return attend(f, y, LOSS_TRAIN).beta - s->at;
}

/* u of block c: 0 when u is not part of the state. */
static double u_of(const struct flow *f, const double *y, int c)
{
    return f->has_u ? y[f->blocks + c] : 0;
}

static double norm_squared(const struct flow *f, const double *y)
{
    double N = 0;
    for (int i = 0; i < f->dim - f->groups; i++)
        N += y[i] * y[i];
    return N;
}

double flow_loss(const struct flow *f, const double *y, enum loss which)
{
    const struct masses a = attend(f, y, which);
    double sum = 0;
    for (int c = 0; c < f->blocks; c++) {
        double sigma = which == LOSS_TEST ? 1 / f->d : f->sigma[c];
        double miss = a.beta * y[c] - f->n[c], across = a.beta * u_of(f, y, c);
        sum += sigma * (miss * miss + across * across);
    }
    return 0.5 * (a.noise * norm_squared(f, y) + sum);
}

double flow_null_loss(const struct flow *f, enum loss which)
{
    double sum = 0;
    for (int c = 0; c < f->blocks; c++)
        sum += (which == LOSS_TEST ? 1 / f->d : f->sigma[c]) * f->n[c] * f->n[c];
    return sum / 2;
}

/* d beta/d D_g = pi_g (r_g - beta) and d X/d D_g = 2 pi_g ((1 - r_g) pi_g/(m_g d) - X), each over pi_g (X: and 2). */
static void group_slopes(const struct flow *f, const struct masses *a, int g, double *beta, double *noise)
{
    const bool relevant = is_relevant(f, g, f->B);
    *beta = relevant ? a->rest : -a->beta;
    *noise = (relevant ? 0 : a->group[g] / (size_of(f, g) * f->d)) - a->noise;
}

/* y' of the scores from dL/dD_g: D_g is a group's score less that of the positions which are never relevant. */
static void descend_groups(const struct flow *f, const double *L, double *dD)
{
    double sum = 0;
    for (int g = 0; g < f->groups; g++)
        sum += L[g];
    for (int g = 0; g < f->groups; g++)
        dD[g] = -L[g] / size_of(f, g) - sum / (f->T - f->reach[0]);
}

void flow_rhs(const struct flow *f, const double *y, double *dy)
{
    const struct masses a = attend(f, y, LOSS_TRAIN);
    const double beta = a.beta, N = norm_squared(f, y);
    double pull = 0, L[FLOW_GROUPS];
    for (int c = 0; c < f->blocks; c++) {
        double sigma = f->sigma[c], h = a.noise + beta * beta * sigma, u = u_of(f, y, c);
        dy[c] = beta * sigma * f->n[c] - h * y[c];
        if (f->has_u)
            dy[f->blocks + c] = -h * u;
        pull += sigma * (y[c] * (beta * y[c] - f->n[c]) + beta * u * u);
    }
    if (f->groups == 1) {
        dy[f->dim - 1] = f->m * beta * a.rest * (a.rest * f->K * N - pull);
        return;
    }
    for (int g = 0; g < f->groups; g++) {
        double by_beta, by_noise;
        group_slopes(f, &a, g, &by_beta, &by_noise);
        L[g] = a.group[g] * (by_beta * pull + by_noise * N);
    }
    descend_groups(f, L, dy + f->dim - f->groups);
}

/* Rows and columns of the scores, several groups; pull = L_beta and weight = L_beta,beta as in flow_hessian. */
static void group_hessian(const struct flow *f, const double *y, const struct masses *a, double pull, double weight,
                          double *H)
{
    const int dim = f->dim, first = dim - f->groups;
    const double N = norm_squared(f, y);
    double beta[FLOW_GROUPS], noise[FLOW_GROUPS];
    for (int g = 0; g < f->groups; g++)
        group_slopes(f, a, g, &beta[g], &noise[g]);
    for (int g = 0; g < f->groups; g++) {
        const double pi = a->group[g], own = is_relevant(f, g, f->B) ? 0 : pi / (size_of(f, g) * f->d);
        for (int c = 0; c < f->blocks; c++) {
            const double w = y[c], u = u_of(f, y, c);
            H[c + dim * (first + g)] = H[first + g + dim * c] =
                pi * (f->sigma[c] * (2 * a->beta * w - f->n[c]) * beta[g] + 2 * w * noise[g]);
            if (f->has_u)
                H[f->blocks + c + dim * (first + g)] = H[first + g + dim * (f->blocks + c)] =
                    2 * pi * u * (a->beta * f->sigma[c] * beta[g] + noise[g]);
        }
        for (int h = 0; h < f->groups; h++) { /* d pi_g/d D_h = pi_g (delta_gh - pi_h) */
            const double share = (g == h) - a->group[h], both = pi * a->group[h];
            const double beta_gh = pi * share * beta[g] - both * beta[h];
            const double noise_gh = pi * share * noise[g] + pi * (own * share - 2 * a->group[h] * noise[h]);
            H[first + g + dim * (first + h)] = weight * both * beta[g] * beta[h] + pull * beta_gh + N * noise_gh;
        }
    }
}

void flow_hessian(const struct flow *f, const double *y, double *H)
{
    const struct masses a = attend(f, y, LOSS_TRAIN);
    const double beta = a.beta, rest = a.rest;
    int dim = f->dim, D = dim - 1;
    double N = norm_squared(f, y), pull = 0, weight = 0;
    memset(H, 0, sizeof(double) * (size_t)(dim * dim));
    for (int c = 0; c < f->blocks; c++) {
        double sigma = f->sigma[c], w = y[c], u = u_of(f, y, c), h = a.noise + beta * beta * sigma;
        int iu = f->blocks + c;
        H[c + dim * c] = h;
        H[c + dim * D] = H[D + dim * c] = beta * rest * (-2 * rest * f->K * w + sigma * (2 * beta * w - f->n[c]));
        if (f->has_u) {
            H[iu + dim * iu] = h;
            H[iu + dim * D] = H[D + dim * iu] = 2 * beta * rest * (beta * sigma - rest * f->K) * u;
        }
        pull += sigma * (w * (beta * w - f->n[c]) + beta * u * u);
        weight += sigma * (w * w + u * u);
    }
    if (f->groups > 1) {
        group_hessian(f, y, &a, pull, weight, H);
        return;
    }
    /* The paper's L_DD is too large by 1/(alpha (1 - B alpha)) (our E1); this is the derivative of L. */
    double L_D = beta * rest * (pull - rest * f->K * N);
    H[D + dim * D] = (rest - beta) * L_D + beta * beta * rest * rest * (f->K * N + weight);
}

void flow_jacobian(const struct flow *f, const double *y, double *J)
{
    const int dim = f->dim, first = dim - f->groups;
    flow_hessian(f, y, J);
    for (int j = 0; j < dim; j++) {
        for (int i = 0; i < first; i++)
            J[i + dim * j] *= -1;
        if (f->groups == 1)
            J[first + dim * j] *= -f->m;
        else
            descend_groups(f, &J[first + dim * j], &J[first + dim * j]);
    }
}

struct flow_view flow_view_at(const struct flow *f, const double *y)
{
    struct flow_view v = {.delta_a = y[f->dim - 1], .attention = attend(f, y, LOSS_TRAIN).beta / f->B};
    const double n = hypot(f->full_n[0], f->full_n[1]);
    if (f->groups > 1) {
        v.delta_a = 0;
        for (int g = 0; g < f->groups; g++)
            v.delta_a += scores(f, y)[g] * size_of(f, g) / (is_relevant(f, g, f->B) ? f->B : f->B - f->T);
    }
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
