#include "tensor/vector.h"
#include "base/clones.h"
#include <math.h>

enum { LANES = 16 }; /* partial sums of a row */

/* e^x within 1e-7 relative, x <= 88; below -87, e^-87; NaN stays. x = n ln 2 + r, e^r = 1 + r + r^2 P(r), P minimax. */
static inline real exponential(real x)
{
    const real shift = 0x1.8p23f; /* adding it rounds to a whole number, in the low bits */
    x = x < -87.0f ? -87.0f : x;
    const real shifted = x * 1.44269504f + shift, n = shifted - shift;
    const real r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    real P = 1.3814467e-3f;
    P = P * r + 8.3687808e-3f;
    P = P * r + 4.1668393e-2f;
    P = P * r + 1.6666520e-1f;
    P = P * r + 4.9999994e-1f;
    const real mantissa = 1.0f + (r + r * r * P);
    uint32_t bits, power;
    memcpy(&bits, &mantissa, sizeof bits);
    memcpy(&power, &shifted, sizeof power);
    bits += power << 23;
    real value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The normal law: P(u) = (1 + erf(u/sqrt 2))/2 and *density = exp(-u^2/2)/sqrt(2 pi). 1 - P(|u|) = exp(-u^2/2) R(t)
 * with t = 1/(1 + 0.3 |u|), R minimax: u P(u) within 1e-7. */
static inline real normal_law(real u, real *density)
{
    const real size = u < 0 ? -u : u, t = 1.0f / (1.0f + 0.3f * size), e = exponential(-0.5f * (u * u));
    real R = -6.5651998e-2f;
    R = R * t + 1.6747244e-1f;
    R = R * t + 6.3254178e-2f;
    R = R * t + 7.9662465e-2f;
    R = R * t + 1.3907626e-1f;
    R = R * t + 1.1618658e-1f;
    const real tail = e * (R * t);
    *density = e * 0.398942280f;
    return u < 0 ? tail : 1.0f - tail;
}

/* The sum of the partial sums, always in the same order. */
static inline real across(const real *y)
{
    real z[LANES / 4];
    for (int i = 0; i < LANES / 4; i++)
        z[i] = (y[i] + y[i + LANES / 4]) + (y[i + LANES / 2] + y[i + 3 * LANES / 4]);
    return (z[0] + z[1]) + (z[2] + z[3]);
}

CLONES static void narrow(size_t n, const real *in, void *out)
{
    element *restrict y = out;
    for (size_t i = 0; i < n; i++)
        y[i] = element_of(in[i]);
}

CLONES static void widen(size_t n, const void *in, real *restrict out)
{
    const element *x = in;
    for (size_t i = 0; i < n; i++)
        out[i] = element_value(x[i]);
}

CLONES static void sum_rows(int rows, int columns, const void *in, bool accumulate, real *restrict out)
{
    const element *restrict x = in;
    if (!accumulate)
        memset(out, 0, (size_t)columns * sizeof *out);
    for (int i = 0; i < rows; i++, x += columns) {
        for (int j = 0; j < columns; j++)
            out[j] += element_value(x[j]);
    }
}

CLONES static void sum_rows_real(int rows, int columns, const real *restrict in, bool accumulate, real *restrict out)
{
    if (!accumulate)
        memset(out, 0, (size_t)columns * sizeof *out);
    for (int i = 0; i < rows; i++, in += columns) {
        for (int j = 0; j < columns; j++)
            out[j] += in[j];
    }
}

static inline real largest_of(int n, const real *x)
{
    real most[LANES], top = x[0];
    int j = 0;
    for (int lane = 0; lane < LANES; lane++)
        most[lane] = x[0];
    for (; j + LANES <= n; j += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            most[lane] = x[j + lane] > most[lane] ? x[j + lane] : most[lane];
    }
    for (; j < n; j++)
        top = x[j] > top ? x[j] : top;
    for (int lane = 0; lane < LANES; lane++)
        top = most[lane] > top ? most[lane] : top;
    return top;
}

/* A NaN that largest_of overlooks comes back through the exponential. */
CLONES static void softmax(int rows, int columns, int first, real scale, real *restrict score, void *out)
{
    element *restrict p = out;
    for (int i = 0; i < rows; i++, score += columns, p += columns) {
        const int seen = first < 0 || first + i + 1 > columns ? columns : first + i + 1;
        const real top = largest_of(seen, score);
        real sums[LANES] = {0};
        int j = 0;
        for (; j + LANES <= seen; j += LANES) {
            for (int lane = 0; lane < LANES; lane++)
                sums[lane] += score[j + lane] = exponential(scale * (score[j + lane] - top));
        }
        for (; j < seen; j++)
            sums[j % LANES] += score[j] = exponential(scale * (score[j] - top));
        const real share = 1.0f / across(sums);
        for (j = 0; j < seen; j++)
            p[j] = element_of(share * score[j]);
        for (; j < columns; j++)
            p[j] = 0;
    }
}

CLONES static void softmax_backward(int rows, int columns, real scale, const void *p_, const real *restrict dp,
                                    void *ds_)
{
    const element *restrict p = p_;
    element *restrict ds = ds_;
    for (int i = 0; i < rows; i++, p += columns, dp += columns, ds += columns) {
        real sums[LANES] = {0};
        int j = 0;
        for (; j + LANES <= columns; j += LANES) {
            for (int lane = 0; lane < LANES; lane++)
                sums[lane] += element_value(p[j + lane]) * dp[j + lane];
        }
        for (; j < columns; j++)
            sums[j % LANES] += element_value(p[j]) * dp[j];
        const real mean = across(sums);
        for (j = 0; j < columns; j++)
            ds[j] = element_of(scale * element_value(p[j]) * (dp[j] - mean));
    }
}

CLONES static void activate(enum activation activation, size_t n, void *u_, void *g_)
{
    element *restrict u = u_, *restrict g = g_;
    for (size_t i = 0; i < n && activation == ACTIVATION_RELU; i++) {
        const real x = element_value(u[i]);
        g[i] = element_of(x < 0 ? 0 : x);
        u[i] = element_of(x > 0 ? 1.0f : 0.0f);
    }
    for (size_t i = 0; i < n && activation == ACTIVATION_GELU; i++) {
        real density;
        const real x = element_value(u[i]), P = normal_law(x, &density);
        g[i] = element_of(x * P);
        u[i] = element_of(P + x * density);
    }
}

CLONES static void activate_backward(size_t n, const void *slope_, void *du_)
{
    const element *restrict slope = slope_;
    element *restrict du = du_;
    for (size_t i = 0; i < n; i++)
        du[i] = element_of(element_value(du[i]) * element_value(slope[i]));
}

/* The sums over a row of x, and of (x - shift)^2. */
static inline real sum_of(int n, const real *x)
{
    real sums[LANES] = {0};
    int j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += x[j + lane];
    }
    for (; j < n; j++)
        sums[j % LANES] += x[j];
    return across(sums);
}

static inline real squares_of(int n, const real *x, real shift)
{
    real sums[LANES] = {0};
    int j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += (x[j + lane] - shift) * (x[j + lane] - shift);
    }
    for (; j < n; j++)
        sums[j % LANES] += (x[j] - shift) * (x[j] - shift);
    return across(sums);
}

CLONES static void norm(int rows, int columns, const real *restrict x, const real *restrict gain,
                        const real *restrict bias, void *z_, void *y_, real *restrict scale)
{
    element *restrict z = z_, *restrict y = y_;
    for (int i = 0; i < rows; i++, x += columns, z += columns, y += columns) {
        const real mean = sum_of(columns, x) / (real)columns, variance = squares_of(columns, x, mean) / (real)columns;
        const real share = 1.0f / sqrtf(variance + (real)KERNELS_NORM_EPS);
        scale[i] = share;
        for (int j = 0; j < columns; j++) {
            const element rounded = element_of((x[j] - mean) * share);
            z[j] = rounded;
            y[j] = element_of(gain[j] * element_value(rounded) + bias[j]);
        }
    }
}

CLONES static void norm_backward(int rows, int columns, const real *restrict dy, const void *z_,
                                 const real *restrict scale, const real *restrict gain, bool accumulate,
                                 real *restrict dx, real *restrict dgain, real *restrict dbias)
{
    const element *restrict z = z_;
    if (!accumulate)
        memset(dx, 0, (size_t)rows * (size_t)columns * sizeof *dx);
    for (int i = 0; i < rows; i++, dy += columns, z += columns, dx += columns) {
        real mean[LANES] = {0}, along[LANES] = {0};
        int j = 0;
        for (; j + LANES <= columns; j += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                const real h = gain[j + lane] * dy[j + lane];
                mean[lane] += h;
                along[lane] += h * element_value(z[j + lane]);
            }
        }
        for (; j < columns; j++) {
            mean[j % LANES] += gain[j] * dy[j];
            along[j % LANES] += gain[j] * dy[j] * element_value(z[j]);
        }
        const real m = across(mean) / (real)columns, a = across(along) / (real)columns, s = scale[i];
        for (j = 0; j < columns; j++) {
            const real value = element_value(z[j]);
            dx[j] += s * (gain[j] * dy[j] - m - value * a);
            dgain[j] += dy[j] * value;
            dbias[j] += dy[j];
        }
    }
}

void ELEMENT_NAME(vector_override)(struct kernels *kernels)
{
    kernels->narrow = narrow;
    kernels->widen = widen;
    kernels->sum_rows = sum_rows;
    kernels->sum_rows_real = sum_rows_real;
    kernels->softmax = softmax;
    kernels->softmax_backward = softmax_backward;
    kernels->activate = activate;
    kernels->activate_backward = activate_backward;
    kernels->norm = norm;
    kernels->norm_backward = norm_backward;
    kernels->name = "vector";
}
