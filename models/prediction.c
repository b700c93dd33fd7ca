#include "models/prediction.h"
#include "models/root.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>

const struct prediction prediction_none = {
#define AS_NAN(name, meaning) .name = NAN,
    PREDICTIONS(AS_NAN)
#undef AS_NAN
};

enum { INTERVALS = 200 };
static const double QUADRATURE_RTOL = 1e-9;
static const double LOOSEST_RTOL = 1e-6; /* where rounding allows no better */
enum { MOST_STEPS = 200 };
static const double ROOT_RTOL = 1e-13;

struct prediction_workspace {
    gsl_integration_workspace *gsl;
};

enum status prediction_create(struct prediction_workspace **workspace)
{
    struct prediction_workspace *w = calloc(1, sizeof *w);
    if (w)
        w->gsl = gsl_integration_workspace_alloc(INTERVALS);
    if (!w || !w->gsl) {
        free(w);
        return error_set(ERR_MEMORY, "out of memory for the quadrature");
    }
    *workspace = w;
    return OK;
}

void prediction_free(struct prediction_workspace *w)
{
    if (!w)
        return;
    gsl_integration_workspace_free(w->gsl);
    free(w);
}

/* z = ln y with y + ln y = x: Newton on e^z + z - x, which is convex and increasing, so it converges from either
 * start. */
static double log_root(double x)
{
    double z = x <= 1 ? x : log(x);
    for (int i = 0; i < 8; i++) {
        double e = exp(z), dz = (e + z - x) / (e + 1);
        z -= dz;
        if (fabs(dz) <= 1e-15 * (1 + fabs(z)))
            break;
    }
    return z;
}

/* The noise-free flow conserves Q, so attention in the jump is a function of w alone.
 * p = 0: y + ln y = ln b + b + m w^2/2, beta = y/(1+y). */
static double beta_of_w(const struct flow *f, double w)
{
    return 1 / (1 + exp(-log_root(log(f->b) + f->b + f->m * w * w / 2)));
}

/* p > 0, after the jump of the repeated block, w_1 = n_1/beta:
 * (n_1^2/beta^2 + w^2)/2 = (ln(y/b) + y - b)/m, a bracketed root in z = ln y (the left falls, the right rises with
 * y). */
static double beta_after_jump(const struct flow *f, double w)
{
    double n1 = f->n[0], low = log(f->b), high = log(1 + f->b + f->m * (2 * n1 * n1 + w * w / 2));
    double z = 0.5 * (low + high);
    for (int i = 0; i < 200; i++) {
        double e = exp(z), inv = 1 + 1 / e; /* 1/beta */
        double g = (z - log(f->b) + e - f->b) / f->m - 0.5 * (n1 * n1 * inv * inv + w * w);
        double slope = (1 + e) / f->m + n1 * n1 * inv / e;
        if (g > 0)
            high = z;
        else
            low = z;
        double newton = z - g / slope;
        double previous = z;
        z = newton > low && newton < high ? newton : 0.5 * (low + high);
        if (fabs(z - previous) <= ROOT_RTOL * (1 + fabs(z)))
            break;
    }
    return 1 / (1 + exp(-z));
}

static double attention_of_w(const struct flow *f, double w)
{
    return f->blocks == 1 ? beta_of_w(f, w) : beta_after_jump(f, w);
}

struct end {
    const struct flow *f;
    double qn;
};

static enum status beyond_end(void *context, double w, double *beyond)
{
    const struct end *end = context;
    *beyond = attention_of_w(end->f, w) * w - end->qn;
    return OK;
}

/* w_q with beta(w_q) w_q = q n: beta(w) w rises with w, and lies in [q n, q n T/B]. */
static double end_of_integral(const struct flow *f, double q, double n)
{
    double low = q * n, high = q * n * f->T / f->B;
    if (f->blocks == 2) /* beta may start below B/T only before the jump; widen until bracketed */
        while (attention_of_w(f, high) * high < q * n)
            high *= 2;
    struct end end = {f, q * n};
    struct root r = {
        .f = beyond_end, .context = &end, .a = low, .b = high, .rtol = ROOT_RTOL, .bisect = 8, .most = MOST_STEPS};
    beyond_end(&end, r.a, &r.fa);
    beyond_end(&end, r.b, &r.fb);
    root_find(&r);
    return r.b;
}

/* dt/dw of the slow phase: 1/(sigma beta (n - beta w)), block r (or the only one). */
static double slow_integrand(double w, void *data)
{
    const struct flow *f = data;
    int c = f->blocks - 1;
    double beta = attention_of_w(f, w);
    return 1 / (f->sigma[c] * beta * (f->n[c] - beta * w));
}

/* The integral over [a, b], split where the integrand changes its scale; NaN if it cannot be had. */
static double slow_phase(struct prediction_workspace *work, const struct flow *f, double a, double b, double w_jump)
{
    double width = 1 / sqrt(f->m);
    double cuts[] = {width, 2 * width, 4 * width, 6 * width, w_jump, b};
    const double n = f->n[f->blocks - 1];
    double integral = 0;
    if (n - attention_of_w(f, b) * b <= 10 * ROOT_RTOL * n) /* b is w_q, known to ROOT_RTOL: too near to infinity */
        return NAN;
    gsl_function function = {slow_integrand, (void *)f};
    while (a < b) {
        double next = b, part, error;
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
            if (cuts[i] > a && cuts[i] < next)
                next = cuts[i];
        }
        int flag = gsl_integration_qag(&function, a, next, 0, QUADRATURE_RTOL, INTERVALS, GSL_INTEG_GAUSS21, work->gsl,
                                       &part, &error);
        if (flag != GSL_SUCCESS && !(flag == GSL_EROUND && error <= LOOSEST_RTOL * part))
            return NAN;
        integral += part;
        a = next;
    }
    return integral;
}

/* Mills ratio M(x) = C e^{x^2/2} erfc(x/sqrt 2), C = sqrt(pi/2); asymptotic series where e^{x^2/2} would overflow. */
static double mills(double x)
{
    if (x > 30)
        return (1 - 1 / (x * x) + 3 / pow(x, 4)) / x;
    return x < -37 ? INFINITY : sqrt(M_PI_2) * exp(x * x / 2) * erfc(x / M_SQRT2);
}

static void jump_time(const struct flow *f, struct prediction *out)
{
    const double C = sqrt(M_PI_2);
    double delta = f->K / f->lambda0, x0 = 0;
    for (int c = 0; c < f->blocks; c++)
        x0 += f->sigma[c] * f->n[c] * f->y0[c];
    x0 *= sqrt(f->m) / f->R;
    double extra = (1 - M_PI_4) * delta + C * (M_PI - 3) / 6 * delta * delta; /* Phi - C */
    out->lambda0 = f->lambda0;
    out->delta = delta;
    out->jump = (extra + mills(x0)) / f->lambda0;
    out->start = (mills(x0) - C) / f->lambda0;
    out->w_jump = sqrt(2 * fmax(0, log(1 / f->b)) / f->m);
}

static void paper_times(const struct flow *f, double threshold, struct prediction *out)
{
    double X = sqrt(f->d) * f->T / (f->B * sqrt(f->p * f->p * f->d + (1 - f->p) * (1 - f->p))), eps = 1 - threshold;
    out->asinh = X / 2 * asinh(eps * X);
    out->eq6 = eps * X > 1 ? X / 2 * log(eps * X) : NAN;
}

/* T_jump + d [2 om + om^2/2 + ln((1-om)/(1-q))], the logarithm only where the slow phase is not over with the jump. */
static double closed_form(const struct flow *f, double level, struct prediction *out)
{
    double n = f->n[0], om = out->w_jump / n, q = 1 - sqrt(2 * level / f->sigma[0]) / n;
    double rest = 2 * om + om * om / 2 + (om < q ? log((1 - om) / (1 - q)) : 0);
    out->om = om, out->q = q;
    return out->jump + rest / f->sigma[0];
}

/* One block (p = 0). */
static void predict_one(struct prediction_workspace *work, const struct flow *f, double level, struct prediction *out)
{
    const double C = sqrt(M_PI_2);
    out->closed = closed_form(f, level, out);
    out->w_q = end_of_integral(f, out->q, f->n[0]);
    out->integral = slow_phase(work, f, 0, out->w_q, out->w_jump);
    out->quadrature = out->jump - C / f->lambda0 + out->integral;
}

/* Two blocks (p > 0): the repeated direction jumps, the other columns follow. */
static void predict_two(struct prediction_workspace *work, const struct flow *f, enum loss loss, double level,
                        struct prediction *out)
{
    double sr = f->sigma[1], nr = f->n[1], om = sr * out->w_jump / f->R;
    double q = 1 - sqrt(2 * level / (loss == LOSS_TEST ? 1 / f->d : sr)) / nr;
    out->om = om, out->q = q;
    out->closed = NAN;
    out->quadrature = out->jump;
    if (!(q > 0))
        return;
    out->w_q = end_of_integral(f, q, nr);
    if (out->w_q > om * nr)
        out->integral = slow_phase(work, f, om * nr, out->w_q, out->w_jump);
    out->quadrature += (2 * om + om * om / 2) / sr + out->integral;
}

static double sigma_of(const struct flow *f, enum loss loss, int c)
{
    return loss == LOSS_TEST ? 1 / f->d : f->sigma[c];
}

/* D at which the loss has dropped by the fraction eps, while all grow as in the noise-free plateau, where
 * w_c = sigma_c n_c sqrt(2 D/m)/R. */
static double score_at_drop(const struct flow *f, enum loss loss, double eps)
{
    double null = 0, pull = 0;
    for (int c = 0; c < f->blocks; c++) {
        const double square = sigma_of(f, loss, c) * f->n[c] * f->n[c];
        null += square;
        pull += square * f->sigma[c];
    }
    const double z = (1 - sqrt(1 - eps)) * null * f->R / pull, x = f->m * z * z / (f->b * f->b);
    return exp(log_root(log(x))) / 2; /* W(x): y e^y = x is y + ln y = ln x */
}

/* The loss that attention noise leaves at the end of the slow phase: (1-beta)^2 K N/2, and what w lacks. */
static double noise_loss(const struct flow *f, enum loss loss, const struct prediction *out)
{
    const int c = f->blocks - 1;
    const double n = f->n[c], beta = out->q * n / out->w_q, noise = (1 - beta) * (1 - beta) * f->K;
    const double lack = n * noise / (noise + beta * beta * f->sigma[c]);
    const double other = c > 0 ? f->n[0] / beta : 0; /* w_1 */
    const double N = out->w_q * out->w_q + other * other;
    return out->w_q > 0 ? (noise * N + sigma_of(f, loss, c) * lack * lack) / 2 : 0;
}

/* p > 0: w_1 = n_1/beta holds while the other columns learn, for noise does not wear w_1 away; those gain little in
 * the jump; and the loss does not pass the threshold long before its end. */
static bool has_clear_jump(const struct flow *f, enum loss loss, double threshold, const struct prediction *out)
{
    const double om = out->om, along = (2 * om + om * om / 2) / f->sigma[1];
    return fmax(1, out->w_jump * out->w_jump) <= 1.5 * (f->T - f->B) * (1 - f->p) &&
           (om <= 1.5 || along <= 0.1 * out->quadrature) && erfc(sqrt(score_at_drop(f, loss, 1 - threshold))) <= 0.1;
}

/* p > 0, T the jump alone (q <= 0): soon after it, w_1 is back from om_1 and so near its target that its part of the
 * loss is what the threshold leaves for it, which is more than the noise does, 1/(4 m t). */
static bool ends_with_jump(const struct flow *f, enum loss loss, double level, const struct prediction *out)
{
    const double T = out->quadrature, om = f->sigma[0] * out->w_jump / f->R;
    const double left = level - sigma_of(f, loss, 1) * f->n[1] * f->n[1] / 2;
    const double learn = -log(left / (sigma_of(f, loss, 0) * f->n[0] * f->n[0] / 2)) / 2;
    return 2 * om + om * om / 2 + learn <= 0.5 * f->sigma[0] * T && 1 <= 0.2 * left * 4 * f->m * T;
}

/* Time to bring u of the last block down to where its loss is `level`, and one 1/sigma more. */
static double unlearning(const struct flow *f, enum loss loss, double level)
{
    const int c = f->blocks - 1;
    const double u = f->has_u ? f->y0[f->blocks + c] : 0;
    return u > 0 ? (1 + log(fmax(1, sigma_of(f, loss, c) * u * u / (2 * level))) / 2) / f->sigma[c] : 0;
}

/* What the formulas leave out is small against the length T that they give. Each bound is needed, and together they
 * suffice, as a scan of random problems over the whole range of every key shows: `quadrature` is within a factor of 2
 * of the integrated flow then (tests/test_prediction.c), and may be off by 1e7 elsewhere. */
static bool is_known(const struct flow *f, enum loss loss, double threshold, const struct prediction *out)
{
    const double C = sqrt(M_PI_2), T = out->quadrature, mills = C + out->start * f->lambda0;
    const double level = threshold * flow_null_loss(f, loss);
    if (!(T > 0 && isfinite(T) && out->delta <= 1)) /* Phi is a series in delta */
        return false;
    /* What Phi adds for noise; more of it in a longer fall. */
    if ((1 - M_PI_4) * out->delta * pow(fmax(mills, C) / C, 2) > 0.2 * T * f->lambda0)
        return false;
    if (noise_loss(f, loss, out) > 0.3 * level)
        return false;
    if (f->blocks == 2 && !has_clear_jump(f, loss, threshold, out))
        return false;
    if (f->blocks == 2 && out->q <= 0 && !ends_with_jump(f, loss, level, out))
        return false;
    if (!f->has_u && out->start == 0)
        return true;
    /* u must be unlearned, w(0) counts as if all attention were elsewhere, and a start has a loss of its own. */
    return threshold < 0.9 && unlearning(f, loss, level) <= (f->blocks == 2 ? 0.05 : 0.1) * T &&
           f->b * fabs(out->start) <= 0.05 * T;
}

void prediction_compute(struct prediction_workspace *work, const struct flow *f, enum loss loss, double threshold,
                        struct prediction *out)
{
    *out = prediction_none;
    paper_times(f, threshold, out);
    jump_time(f, out);
    const double level = threshold * flow_null_loss(f, loss);
    if (f->blocks == 1)
        predict_one(work, f, level, out);
    else
        predict_two(work, f, loss, level, out);
    if (!is_known(f, loss, threshold, out))
        out->quadrature = NAN;
    if (!(fabs(out->closed / out->quadrature - 1) <= 0.3))
        out->closed = NAN;
}

double prediction_closed(const struct flow *f, enum loss loss, double threshold)
{
    struct prediction out;
    if (f->blocks != 1)
        return NAN;
    jump_time(f, &out);
    return closed_form(f, threshold * flow_null_loss(f, loss), &out);
}

double prediction_closed_error(const struct flow *f, double threshold)
{
    const bool known = f->blocks == 1 && f->p == 0 && !f->has_u && f->y0[0] == 0 &&
                       fabs(f->n[0] - sqrt(f->d)) < 1e-9 * f->n[0] && fabs(threshold - 0.2) < 1e-12 && f->T >= 64 &&
                       f->T <= 16384 && f->d >= 4 && f->d <= 512;
    if (!known || f->metric == METRIC_TIED || !(f->B == 1 || (f->B >= 4 && f->B <= 16)))
        return NAN;
    if (f->B > 1 && f->T / f->B < 64)
        return f->T / f->B < 32 ? .6 : .14;
    if (f->B > 1)
        return f->metric == METRIC_PAPER ? .018 : f->d < 16 ? .078 : .036;
    return f->T < 128    ? .018
           : f->T < 256  ? .0095
           : f->T < 512  ? .0047
           : f->T < 1024 ? .0024
           : f->T < 2048 ? .0013
                         : .0006;
}

struct balance {
    const struct flow *f;
    double k[FLOW_BLOCKS], h[FLOW_BLOCKS];
};

static enum status over_balance(void *context, double lambda, double *over)
{
    const struct balance *b = context;
    double sum = 0;
    for (int c = 0; c < b->f->blocks; c++)
        sum += b->f->m * b->k[c] * b->k[c] / (lambda + b->h[c]);
    *over = lambda > sum ? 1 : -1;
    return OK;
}

double prediction_rate(const struct flow *f)
{
    /* lambda = m sum k_c^2/(lambda + h_c): the left rises, the right falls, so one root in (0, sqrt(sum m k_c^2)). */
    struct balance b = {.f = f};
    struct root r = {
        .f = over_balance, .context = &b, .fa = -1, .fb = 1, .rtol = 1e-15, .bisect = 1, .most = MOST_STEPS};
    for (int c = 0; c < f->blocks; c++) {
        b.h[c] = ((f->T - f->B) / f->d + f->B * f->B * f->sigma[c]) / (f->T * f->T);
        b.k[c] = f->sigma[c] * f->n[c] * f->B * (f->T - f->B) / (f->T * f->T);
        r.b += f->m * b.k[c] * b.k[c];
    }
    r.b = sqrt(r.b);
    root_find(&r);
    return 0.5 * (r.a + r.b);
}

double prediction_rate_paper(const struct flow *f)
{
    /* The paper: +-B/(sqrt d T), with p +-sqrt(p^2 d + (1-p)^2)/(sqrt d T); its own metric, m = 1. */
    return f->B * sqrt(f->p * f->p * f->d + (1 - f->p) * (1 - f->p)) / (sqrt(f->d) * f->T);
}

void prediction_linear(const struct flow *f, double t, double *w, double *D, double *L)
{
    double T = f->T, B = f->B, d = f->d, n = f->n[0];
    double drive = B * n / (d * T), h = (T - B + B * B) / (d * T * T), k = n * B * (T - B) / (d * T * T);
    double s = sqrt(h * h / 4 + f->m * k * k), up = -h / 2 + s, down = -h / 2 - s;
    *w = drive * exp(-h * t / 2) * sinh(s * t) / s;
    *D = T / (T - B) * (up * expm1(down * t) - down * expm1(up * t)) / (2 * s);
    *L = n * n / (2 * d) - drive * *w - k * *w * *D + h * *w * *w / 2;
}

double prediction_drop(const struct flow *f, double eps)
{
    const double C = sqrt(M_PI_2), delta = f->K / f->lambda0;
    const double Phi = C + (1 - M_PI_4) * delta + C * (M_PI - 3) / 6 * delta * delta;
    return Phi / f->lambda0 * erf(sqrt(score_at_drop(f, LOSS_TRAIN, eps)));
}
