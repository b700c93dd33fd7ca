#include "models/reduced.h"
#include "models/root.h"
#include <math.h>
#include <stdlib.h>

static const double BASE = 10000; /* of the frequencies of positions */

/* sum over t = 0 .. T-1 of e^{i theta t} */
static void sum_of_waves(double T, double theta, double *cosine, double *sine)
{
    const double half = theta / 2, size = fabs(sin(half)) > 0 ? sin(T * half) / sin(half) : T;
    *cosine = size * cos((T - 1) * half);
    *sine = size * sin((T - 1) * half);
}

/* Positions are sines (even j) and cosines (odd j) of t omega_i. Products of two are sums of waves of omega_i +-
 * omega_j. Adds to C_j and C2_j what the frequencies i and j have in common. */
static void add_covariance(struct reduced *r, const double *mean, size_t i, size_t j, double omega_i, double omega_j)
{
    const double T = r->setting.T;
    double plus_c, plus_s, minus_c, minus_s;
    sum_of_waves(T, omega_i + omega_j, &plus_c, &plus_s);
    sum_of_waves(T, omega_i - omega_j, &minus_c, &minus_s);
    const double products[2][2] = {{minus_c - plus_c, plus_s + minus_s}, {plus_s - minus_s, minus_c + plus_c}};
    for (size_t a = 0; a < 2; a++) {
        for (size_t b = 0; b < 2; b++) {
            const double C = products[a][b] / (2 * T) - mean[2 * i + a] * mean[2 * j + b];
            r->C2[2 * i + a] += C * C;
            if (i != j)
                r->C2[2 * j + b] += C * C;
            else if (a == b)
                r->C[2 * i + a] = fmax(C, 0);
        }
    }
}

static double frequency(const struct reduced *r, size_t i)
{
    return pow(BASE, -2 * (double)i / r->setting.N);
}

/* pbar, P, C, C2 and what follows from them. */
static void set_positions(struct reduced *r)
{
    const size_t half = (size_t)r->setting.N / 2;
    const double T = r->setting.T;
    double sum_C2 = 0;
    for (size_t i = 0; i < half; i++) {
        double cosine, sine, omega = frequency(r, i);
        sum_of_waves(T, omega, &cosine, &sine);
        r->pbar[2 * i] = sine / T;
        r->pbar[2 * i + 1] = cosine / T;
        r->P[2 * i] = sin((T - 1) * omega);
        r->P[2 * i + 1] = cos((T - 1) * omega);
    }
    for (size_t i = 0; i < half; i++) {
        for (size_t j = 0; j <= i; j++)
            add_covariance(r, r->pbar, i, j, frequency(r, i), frequency(r, j));
    }
    for (size_t j = 0; j < 2 * half; j++) {
        r->trC += r->C[j];
        sum_C2 += r->C2[j];
    }
    r->lam = sum_C2 / r->trC;
}

/* The mean of |p + x| for x uniform in +-c. */
static double mean_size(double p, double c)
{
    return fabs(p) >= c ? fabs(p) : (p * p + c * c) / (2 * c);
}

/* The norms at the start of what the matrices read and write; from here on pbar and P are the sizes |pbar_j| and
 * skip |P_j|, which is all that is asked of them. */
static void set_norms(struct reduced *r)
{
    const struct reduced_setting *q = &r->setting;
    const double root = sqrt(M_2_PI), skip = q->skip, nu = r->nu;
    const size_t n = (size_t)q->N;
    double pbar2 = 0, P2 = 0;
    for (size_t j = 0; j < n; j++) {
        const double p2 = r->P[j] * r->P[j];
        pbar2 += r->pbar[j] * r->pbar[j] + nu;
        P2 += p2 + nu;
        r->eT1 += (p2 + nu) / sqrt(p2 + 2 * nu);
    }
    r->eT2 = P2;
    r->v2 = (pbar2 + 1) / (3 * q->N);
    r->o2 = r->v2 / 3 + 1 / (3 * r->K);
    r->c_h = sqrt(3 * (skip * nu + r->o2));
    r->y0 = sqrt((skip * P2 + q->N * r->o2 + 1) / (3 * q->N));
    for (size_t j = 0; j < n; j++) {
        r->h1 += mean_size(skip * r->P[j], r->c_h);
        r->e1 += mean_size(r->pbar[j], r->c);
        r->pbar[j] = fabs(r->pbar[j]);
        r->P[j] = skip * fabs(r->P[j]);
    }
    r->v1 = root * r->K * sqrt(r->v2);
}

/* Moments of GELU, z Phi(z), and its derivative over the start's pre-activations, of variance v_a. */
static void set_activation(struct reduced *r)
{
    const struct reduced_setting *q = &r->setting;
    const double skip = q->skip, v_a = r->y0 * r->y0 + skip * r->nu / 3; /* y0^2 = [sum_j .. + 1]/(3 N) as well */
    double total = 0;
    if (q->M == 0)
        return;
    for (int i = -120; i <= 120; i++) {
        const double x = i / 20., weight = exp(-x * x / 2), z = x * sqrt(v_a), Phi = erfc(-z / M_SQRT2) / 2;
        const double value = z * Phi, slope = Phi + z * exp(-z * z / 2) / sqrt(2 * M_PI);
        total += weight;
        r->g0 += weight * slope * slope;
        r->g1 += weight * fabs(slope);
        r->g2 += weight * slope * slope / sqrt(value * value + slope * slope * r->nu * (skip + 1 / (9 * q->T)) / 3);
    }
    r->g0 /= total, r->g1 /= total, r->g2 /= total;
}

/* x with erf(x/sqrt 2) = u, for u in (0, 1): a quantile of |normal|. */
static double half_normal_quantile(double u)
{
    double x = u;
    for (int i = 0; i < 60; i++) {
        const double step = (erf(x / M_SQRT2) - u) / (2 * exp(-x * x / 2) / sqrt(2 * M_PI));
        x -= step;
        if (fabs(step) < 1e-15)
            break;
    }
    return x;
}

/* Sum of the squared gradients x_t of an output that Adam brings to 0 from x, in steps of at most about 1. */
static double squares_of_descent(double beta1, double beta2, double x)
{
    double sum = 0, m = 0, v = 0, power1 = 1, power2 = 1;
    const long steps = (long)floor(4 * x) + 100;
    for (long t = 1; t <= steps; t++) {
        power1 *= beta1, power2 *= beta2;
        sum += x * x;
        m = beta1 * m + (1 - beta1) * x;
        v = beta2 * v + (1 - beta2) * x * x;
        x -= m / (1 - power1) / sqrt(v / (1 - power2));
    }
    return sum;
}

/* In its first steps Adam removes the constant y_0 that each output begins with, and vhat remembers that. An output of
 * size y_0 z moves by R_i a step: through U and b_U, and through O and V. */
static enum status set_memory(struct reduced *r)
{
    const struct reduced_setting *q = &r->setting;
    const double root = sqrt(M_2_PI), longest = 1e6;
    for (int i = 0; q->adam && i < REDUCED_QUANTILES; i++) {
        const double z = half_normal_quantile((i + 0.5) / REDUCED_QUANTILES);
        const double inner = sqrt(q->N / 3) * r->v1 + sqrt(r->K) * r->e1 / 3;
        const double R = q->eta * (r->h1 + 1 + root * inner * z / sqrt(q->d));
        if (!(r->y0 * z / R < longest))
            return error_set(ERR_INPUT,
                             "lr=%g: the reduced flow follows Adam's first %g steps one by one; lr is too small for it",
                             q->eta, r->y0 * z / R);
        r->tau_i[i] = q->b * q->d * R * R * squares_of_descent(q->beta1, q->beta2, r->y0 * z / R);
        r->tau += r->tau_i[i] / REDUCED_QUANTILES;
    }
    return OK;
}

static void set_start(struct reduced *r)
{
    const struct reduced_setting *q = &r->setting;
    const double third = 1 / sqrt(3);
    struct reduced_view view;
    r->start = (struct reduced_state){.m = 1,
                                      .q2 = q->k * (r->eT2 + 1) / (3 * q->N),
                                      .k2 = q->k * (q->N * r->nu + q->fixed * r->trC) / (3 * q->N),
                                      .n = q->fixed ? 0 : q->d * r->trC / (27 * q->N * q->B),
                                      .D = q->skip * q->d * r->nu / 3,
                                      .E = {sqrt(q->N * r->nu), 0},
                                      .U = {0, third},
                                      .O = {{sqrt(q->N / (3 * r->K)), 0}, {0, third}},
                                      .V = {{sqrt(r->K / (3 * q->N)), 0}, {0, third}}};
    r->Q0 = sqrt(r->start.q2);
    reduced_look(r, &r->start, &view);
    r->xi0 = reduced_key_noise(r, &r->start, &view);
}

enum status reduced_init(const struct reduced_setting *setting, struct reduced *r)
{
    enum status rc = OK;
    const size_t n = (size_t)setting->N;
    *r = (struct reduced){.setting = *setting, .K = setting->H * setting->k};
    REQUIRE(setting->B >= 1 && setting->B < setting->T, ERR_INPUT, "T=%g B=%g: B must be smaller than T", setting->T,
            setting->B);
    REQUIRE(setting->d <= setting->N, ERR_INPUT,
            "d=%g width=%g: the reduced flow needs room for a token: d must not be larger than width", setting->d,
            setting->N);
    REQUIRE(!setting->adam || setting->beta2 > 0, ERR_INPUT, "beta2=0: the reduced flow needs a beta2 above 0");
    REQUIRE(r->pbar = calloc(6 * n, sizeof *r->pbar), ERR_MEMORY, "out of memory for the positions of width %zu", n);
    r->P = r->pbar + n;
    r->C = r->P + n;
    r->C2 = r->C + n;
    r->f_U = r->C2 + n;
    r->f_V = r->f_U + n;
    r->nu = 1 / (3 * (setting->d + 1));
    r->c = 1 / sqrt(setting->d + 1);
    set_positions(r);
    set_norms(r);
    set_activation(r);
    TRY(set_memory(r));
    set_start(r);
done:
    return rc;
}

void reduced_free(struct reduced *r)
{
    free(r->pbar);
    *r = (struct reduced){0};
}

/* ---- the flow ---- */

static double square(const double x[2])
{
    return x[0] * x[0] + x[1] * x[1];
}

void reduced_look(const struct reduced *r, const struct reduced_state *y, struct reduced_view *v)
{
    const struct reduced_setting *q = &r->setting;
    const double B = q->B, rest = q->T - B;
    v->s = 1 / (1 + rest / B * exp(-y->a));
    v->z = 1 / (1 + B / rest * exp(y->a));
    v->s2 = v->s * v->s + v->z * v->z / rest;
    v->se = (v->s * q->T - B) / rest;
    v->Y[0] = y->U[0] + y->l * y->U[1];
    v->Y[1] = y->U[1];
    for (int i = 0; i < 2; i++)
        v->F[i] = y->V[i][0] * y->E[0] + y->V[i][1] * y->E[1];
    for (int i = 0; i < 2; i++) {
        v->W[i] = v->Y[0] * y->O[0][i] + v->Y[1] * y->O[1][i];
        v->G[i] = y->O[i][0] * v->F[0] + y->O[i][1] * v->F[1];
    }
    for (int i = 0; i < 2; i++)
        v->I[i] = v->W[0] * y->V[0][i] + v->W[1] * y->V[1][i];
    v->u2 = square(y->U), v->E2 = square(y->E), v->F2 = square(v->F);
    v->W2 = square(v->W), v->G2 = square(v->G), v->I2 = square(v->I);
    const double w = v->w = v->Y[0] * v->G[0] + v->Y[1] * v->G[1], lack = 1 - v->s * w;
    v->L = lack * lack + v->z * v->z * w * w / rest + v->se * v->se * y->n + y->D;
    v->gh = (w * lack + v->z * w * w / rest - v->se * y->n) / q->H;
    v->g = v->s * v->z * v->gh;
    v->Sg = (v->s * lack - v->z * v->z * w / rest) / q->d;
    v->bs = q->b * pow(v->s * lack / q->d, 2);
    v->bg = q->b * v->g * v->g;
}

bool reduced_rhs(const struct reduced *r, double t, const struct reduced_state *y, struct reduced_state *dy)
{
    const struct reduced_setting *q = &r->setting;
    const double root = sqrt(q->k), d = q->d, skip = q->skip;
    struct reduced_view v;
    struct reduced_rates rate;
    reduced_look(r, y, &v);
    reduced_rates(r, t, y, &v, &rate);
    dy->a = v.g * (y->q2 * rate.K + y->k2 * rate.Q) / root - rate.gam * y->a;
    dy->q2 = 2 * rate.Q * root * y->a * v.g - 2 * rate.gam * y->q2;
    dy->k2 = 2 * rate.K * root * y->a * v.g;
    dy->n = -2 * v.se * v.se * r->lam * y->n * (rate.V * v.W2 + rate.O * r->K * v.u2 / (3 * q->N) + rate.U / 9);
    dy->D = -2 * (rate.E * v.u2 + rate.U * v.E2) * y->D / d;
    dy->x = rate.x;
    dy->m = rate.m;
    dy->l = q->M > 0 ? rate.P * v.Sg * y->U[1] * v.G[0] : 0;
    const double forget_E = skip * rate.E * y->D / (d * v.E2), forget_U = skip * rate.U * y->D / (d * v.u2);
    for (int i = 0; i < 2; i++) {
        dy->E[i] = rate.E * v.Sg * v.I[i] - forget_E * y->E[i];
        for (int j = 0; j < 2; j++) {
            dy->O[i][j] = rate.O * v.Sg * v.Y[i] * v.F[j];
            dy->V[i][j] = rate.V * v.Sg * v.W[i] * y->E[j];
        }
    }
    dy->U[0] = rate.U * v.Sg * v.G[0] - forget_U * y->U[0];
    dy->U[1] = rate.U * v.Sg * (v.G[1] + y->l * v.G[0]) - forget_U * y->U[1];
    return isfinite(dy->a) && isfinite(dy->q2) && isfinite(dy->U[1]) && isfinite(dy->x);
}

/* ---- closed forms ---- */

struct memory {
    const double *t; /* [REDUCED_QUANTILES] */
    double t_e;
};

static enum status behind(void *context, double T, double *value)
{
    const struct memory *m = context;
    double mean = 0;
    for (int i = 0; i < REDUCED_QUANTILES; i++)
        mean += (sqrt(T * (T + m->t[i])) - m->t[i] * asinh(sqrt(T / m->t[i]))) / REDUCED_QUANTILES;
    *value = mean - m->t_e;
    return OK;
}

struct reduced_closed reduced_closed(const struct reduced *r, double p)
{
    const struct reduced_setting *q = &r->setting;
    struct reduced_view v;
    struct reduced_rates rate;
    struct reduced_closed out;
    reduced_look(r, &r->start, &v);
    reduced_rates(r, INFINITY, &r->start, &v, &rate);
    out.c_w = q->B / (q->d * q->T) *
              (rate.U * v.G2 + rate.O * v.u2 * v.F2 + rate.V * v.W2 * v.E2 + rate.E * v.I2 + rate.P * v.u2 * v.G2);
    out.c_a = q->B / (q->H * q->T) * (r->start.q2 * rate.K + r->start.k2 * rate.Q) / sqrt(q->k);
    out.t_e = sqrt(M_PI_2) / sqrt(out.c_w * out.c_a) / ((1 - p) * sqrt(1 + 2 * p + p * p * q->d));
    out.T_em = out.t_e;
    if (!q->adam)
        return out;
    double t[REDUCED_QUANTILES], longest = 0;
    for (int i = 0; i < REDUCED_QUANTILES; i++) {
        t[i] = r->tau_i[i] / (1 + rate.chi);
        longest = fmax(longest, t[i]);
    }
    /* The mean is below T and, as sqrt(T (T + t)) - t asinh sqrt(T/t) > T - t asinh sqrt(T/t), soon above t_e. */
    struct memory memory = {t, out.t_e};
    struct root root = {.f = behind,
                        .context = &memory,
                        .a = out.t_e,
                        .b = 2 * (out.t_e + longest),
                        .rtol = 1e-13,
                        .bisect = 8,
                        .most = 200};
    behind(&memory, root.a, &root.fa);
    for (behind(&memory, root.b, &root.fb); !(root.fb > 0); behind(&memory, root.b, &root.fb))
        root.b *= 2;
    root_find(&root);
    out.T_em = root.b;
    return out;
}
