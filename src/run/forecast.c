#include "run/forecast.h"
#include <math.h>

enum { BLOCKS = 8, LEAST_ROWS = 8, ITERATIONS = 6, POINTS = 400, STEADY = 3 };
/* Settled on runs that no score in doc/theory.md is about. */
static const double WINDOW = 0.1;             /* rows from this fraction of the time on count */
static const double PROGRESS = 0.07;          /* the least x^2/2; half of the time has passed at .23 */
static const double RESIDUALS = 4;            /* .. and x^2/2 in residuals */
static const double MODEL_ERROR = 0.25;       /* of the time that is left, in units of the whole */
static const double FLOOR = 0.08, MOST = 0.3; /* of sd: always there; too wide to say anything */
static const double WIDTH_80 = 1.28;
static const double LARGEST = 30; /* argument of sinh */

double forecast_growth(double head_dim, double d, int adam)
{
    return (adam ? 1.5 : 1) * sqrt(head_dim / (54 * (d + 1)));
}

void forecast_join(const struct forecast *head, struct forecast *out)
{
    const bool sooner = head->word == FORECAST_SAYS && (out->word == FORECAST_SILENT || head->T < out->T);
    if (head->word == FORECAST_ARRIVED || (sooner && out->word != FORECAST_ARRIVED))
        *out = *head;
}

static double potential(double z, double D_c)
{
    return D_c * sinh(fmin(z * z / (2 * D_c), LARGEST));
}

double forecast_mills(double x, double D_c)
{
    if (isinf(D_c))
        return sqrt(M_PI_2) * exp(x * x / 2) * erfc(x / M_SQRT2);
    const double end = fmax(x, 0) + 6, step = (end - x) / (POINTS - 1), here = potential(x, D_c);
    double sum = 0;
    for (int i = 0; i < POINTS; i++)
        sum += (i == 0 || i == POINTS - 1 ? 0.5 : 1) * exp(here - potential(x + i * step, D_c));
    return sum * step;
}

/* The rows of a window, some of them left out. */
struct rows {
    const double *z, *D; /* [n]: J/J_n and scores */
    size_t n, from, to;  /* left out: from <= i < to */
    double *Y;           /* scratch [n] */
};

static bool left_out(const struct rows *r, size_t i)
{
    return i >= r->from && i < r->to;
}

/* Y = least + slope at the end.. of the least-squares parabola a0 + a1 z + a2 z^2, by polynomials that are orthogonal
 * on the rows. */
struct parabola {
    double a0, a1, a2, sigma;
};

static struct parabola fit(const struct rows *r)
{
    double n = 0, mean = 0, S2 = 0, S3 = 0, level = 0, tilt = 0, square = 0, bend = 0, rest = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (left_out(r, i))
            continue;
        n++;
        mean += r->z[i];
        level += r->Y[i];
    }
    mean /= n, level /= n;
    for (size_t i = 0; i < r->n; i++) {
        const double z = r->z[i] - mean;
        if (left_out(r, i))
            continue;
        S2 += z * z;
        S3 += z * z * z;
        tilt += z * r->Y[i];
    }
    const double alpha = S3 / S2, beta = S2 / n;
    tilt /= S2;
    for (size_t i = 0; i < r->n; i++) {
        const double z = r->z[i] - mean, p2 = z * z - alpha * z - beta;
        if (left_out(r, i))
            continue;
        square += p2 * p2;
        bend += p2 * r->Y[i];
    }
    bend /= square;
    for (size_t i = 0; i < r->n; i++) {
        const double z = r->z[i] - mean, p2 = z * z - alpha * z - beta;
        if (!left_out(r, i))
            rest += pow(r->Y[i] - level - tilt * z - bend * p2, 2);
    }
    const double slope = tilt - bend * alpha; /* of z - mean */
    return (struct parabola){.a0 = level - bend * beta - slope * mean + bend * mean * mean,
                             .a1 = slope - 2 * bend * mean,
                             .a2 = bend,
                             .sigma = sqrt(rest / (n - 3))};
}

struct fall {
    double T, x, lambda, s, sigma, a2;
};

static double start_of_scores(const struct rows *r, double *least)
{
    size_t rows = 0, first;
    double sum = 0, n = 0;
    *least = INFINITY;
    for (size_t i = 0; i < r->n; i++)
        rows += !left_out(r, i);
    first = rows / 10 > 0 ? rows / 10 : 1;
    for (size_t i = 0; i < r->n; i++) {
        if (left_out(r, i))
            continue;
        *least = fmin(*least, r->D[i]);
        if (n < (double)first) {
            sum += r->D[i];
            n++;
        }
    }
    return sum / n;
}

/* The fall that the rows show, at the last of them: time t_n, J = J_n. */
static struct fall fall_of(const struct rows *r, double t_n, double J_n, double D_c)
{
    double least, D_r = start_of_scores(r, &least), now;
    struct parabola p;
    if (isinf(D_c)) {
        for (size_t i = 0; i < r->n; i++)
            r->Y[i] = r->D[i];
        p = fit(r);
        now = p.a0 + p.a1 + p.a2;
    } else {
        for (int k = 0; k < ITERATIONS; k++) {
            for (size_t i = 0; i < r->n; i++)
                r->Y[i] = D_r + D_c * asinh((r->D[i] - D_r) / D_c);
            p = fit(r);
            if (p.a2 > 0)
                D_r = fmax(least - 0.5, p.a0 - p.a1 * p.a1 / (4 * p.a2));
        }
        now = D_r + D_c * sinh((p.a0 + p.a1 + p.a2 - D_r) / D_c);
    }
    struct fall f = {.a2 = p.a2, .sigma = p.sigma, .s = 1 / (1 + exp(-now))};
    f.lambda = sqrt(2 * p.a2) / J_n;
    f.x = (p.a1 + 2 * p.a2) / sqrt(2 * p.a2);
    f.T = t_n + forecast_mills(f.x, D_c) / (f.lambda * f.s);
    return f;
}

/* Variance of ln T by leaving out one block after the other; the last row always stays. */
static double jackknife(struct rows *r, double t_n, double J_n, double D_c, double T)
{
    double e[BLOCKS], mean = 0, sum = 0;
    size_t begin = 0;
    for (size_t k = 0; k < BLOCKS; k++) {
        const size_t length = r->n / BLOCKS + (k < r->n % BLOCKS);
        r->from = begin;
        r->to = begin + length < r->n ? begin + length : r->n - 1;
        begin += length;
        const struct fall f = fall_of(r, t_n, J_n, D_c);
        e[k] = f.a2 > 0 ? log(f.T / T) : 1;
        mean += e[k] / BLOCKS;
    }
    r->from = r->to = 0;
    for (size_t k = 0; k < BLOCKS; k++)
        sum += (e[k] - mean) * (e[k] - mean);
    return sum * (BLOCKS - 1) / BLOCKS;
}

void forecast_head(const double *t, const double *s, size_t n, double D_c, double *scratch, struct forecast *out)
{
    double *J = scratch, *D = J + n, *z = D + n;
    size_t first = 0;
    *out = (struct forecast){FORECAST_SILENT, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    bool arrived = n >= STEADY;
    for (size_t i = n >= STEADY ? n - STEADY : 0; i < n; i++)
        arrived = arrived && s[i] > 0.5;
    if (arrived) {
        out->word = FORECAST_ARRIVED;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        J[i] = i ? J[i - 1] + 0.5 * (t[i] - t[i - 1]) * (s[i] * (1 - s[i]) + s[i - 1] * (1 - s[i - 1])) : 0;
        D[i] = log(s[i] / (1 - s[i]));
        first += t[i] < WINDOW * t[n - 1];
    }
    if (n - first < LEAST_ROWS)
        return;
    const double t_n = t[n - 1], J_n = J[n - 1];
    for (size_t i = 0; i < n; i++)
        z[i] = J[i] / J_n;
    struct rows rows = {.z = z + first, .D = D + first, .n = n - first, .Y = z + n};
    const struct fall f = fall_of(&rows, t_n, J_n, D_c);
    if (!(f.a2 > 0))
        return;
    out->x = f.x, out->lambda = f.lambda, out->s = f.s;
    const double progress = f.x * f.x / 2;
    if (!(f.x > 0) || !(progress >= fmax(PROGRESS, RESIDUALS * f.sigma)) || !isfinite(f.T))
        return;
    const double left = MODEL_ERROR * (f.T - t_n) / f.T;
    out->sd = sqrt(jackknife(&rows, t_n, J_n, D_c, f.T) + left * left + FLOOR * FLOOR);
    if (!(out->sd <= MOST))
        return;
    out->word = FORECAST_SAYS;
    out->T = f.T;
    out->low = fmax(f.T * exp(-WIDTH_80 * out->sd), t_n);
    out->high = f.T * exp(WIDTH_80 * out->sd);
}
