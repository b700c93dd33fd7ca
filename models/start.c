#include "models/start.h"
#include "base/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Row i of a d x d matrix of N(0, 1). Rows are streams of their own, so a matrix can be read in any order. */
static void draw_row(enum purpose purpose, uint64_t seed, int i, int d, float *z)
{
    const struct stream s = {.seed = seed, .purpose = purpose, .sample = (uint32_t)i};
    random_normal(&s, 0, (size_t)d, z);
}

/* scale[c]: what column c of the normals is multiplied with to give W*. `z` is a row of scratch. */
static void target_scale(int d, bool gaussian, uint64_t seed, float *restrict z, double *restrict scale)
{
    for (int c = 0; c < d; c++)
        scale[c] = gaussian ? (double)d : 0.0;
    for (int i = 0; i < d && !gaussian; i++) {
        draw_row(PURPOSE_TARGET, seed, i, d, z);
        for (int c = 0; c < d; c++)
            scale[c] += (double)z[c] * z[c];
    }
    for (int c = 0; c < d; c++)
        scale[c] = 1.0 / sqrt(scale[c]);
}

enum status start_weights(int d, bool gaussian, uint64_t seed, double *W)
{
    enum status rc = OK;
    float *z = NULL;
    REQUIRE(d >= 1, ERR_INPUT, "d=%d: d must be at least 1", d);
    const size_t n = (size_t)d;
    memset(W, 0, n * n * sizeof *W);
    if (gaussian) {
        const double scale = 1.0 / sqrt(d);
        REQUIRE(z = malloc(n * sizeof *z), ERR_MEMORY, "initial weights: no memory for a row of %d numbers", d);
        for (int i = 0; i < d; i++, W += d) {
            draw_row(PURPOSE_WEIGHTS, seed, i, d, z);
            for (int c = 0; c < d; c++)
                W[c] = scale * z[c];
        }
    }
done:
    free(z);
    return rc;
}

enum status start_target(int d, bool gaussian, uint64_t seed, double *target)
{
    enum status rc = OK;
    float *z = NULL;
    double *scale = NULL;
    REQUIRE(d >= 1, ERR_INPUT, "d=%d: d must be at least 1", d);
    REQUIRE(z = malloc((size_t)d * sizeof *z), ERR_MEMORY, "target: no memory for a row of %d numbers", d);
    REQUIRE(scale = malloc((size_t)d * sizeof *scale), ERR_MEMORY, "target: no memory for a row of %d numbers", d);
    target_scale(d, gaussian, seed, z, scale);
    for (int i = 0; i < d; i++, target += d) {
        draw_row(PURPOSE_TARGET, seed, i, d, z);
        for (int c = 0; c < d; c++)
            target[c] = scale[c] * z[c];
    }
done:
    free(z);
    free(scale);
    return rc;
}

void start_scores(int T, int hop, double sd, uint64_t seed, double *a)
{
    enum { BLOCK = 256 };
    const struct stream s = {.seed = seed, .purpose = PURPOSE_WEIGHTS, .step = 1, .sample = (uint32_t)hop};
    float z[BLOCK];
    memset(a, 0, (size_t)T * sizeof *a);
    for (int t = 0; t < T && sd > 0; t += BLOCK) {
        const int n = T - t < BLOCK ? T - t : BLOCK;
        random_normal(&s, (uint32_t)t, (size_t)n, z);
        for (int i = 0; i < n; i++)
            a[t + i] = sd * (double)z[i];
    }
}

/* Sums over a block: <W, W*>, ||W||^2, ||W*||^2. */
struct sums {
    double product, weight, target;
};

/* Adds n elements of a row, W = w_scale z_w and W* = scale z_t. Eight partial sums: a fixed order that vectorises. */
static void add_row(int n, double w_scale, const float *restrict z_w, const double *restrict scale,
                    const float *restrict z_t, struct sums *sums)
{
    enum { LANES = 8 };
    double product[LANES] = {0}, weight[LANES] = {0}, target[LANES] = {0};
    for (int c = 0; c < n; c += LANES) {
        for (int lane = 0; lane < LANES && lane < n - c; lane++) {
            double w = w_scale * z_w[c + lane], t = scale[c + lane] * z_t[c + lane];
            product[lane] += w * t;
            weight[lane] += w * w;
            target[lane] += t * t;
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        sums->product += product[lane];
        sums->weight += weight[lane];
        sums->target += target[lane];
    }
}

/* One block's numbers. W of a block with one entry is parallel to W*, of which rounding would leave a trace in u. */
static void reduce(const struct sums *sums, bool one_entry, double *n, double *w, double *u)
{
    *n = sqrt(sums->target);
    *w = sums->product / *n;
    *u = one_entry ? 0.0 : sqrt(fmax(0.0, sums->weight - *w * *w));
}

enum status start_reduced(int d, bool gaussian_start, bool gaussian_target, uint64_t seed, struct flow_start *out)
{
    enum status rc = OK;
    float *z_w = NULL, *z_t = NULL;
    double *scale = NULL;
    struct sums along = {0}, across = {0};
    REQUIRE(d >= 1, ERR_INPUT, "d=%d: d must be at least 1", d);
    const size_t n = (size_t)d;
    *out = flow_unit_start(d);
    if (!gaussian_start && !gaussian_target)
        return OK;
    REQUIRE(z_w = calloc(n, sizeof *z_w), ERR_MEMORY, "start: no memory for a row of %d numbers", d);
    REQUIRE(z_t = malloc(n * sizeof *z_t), ERR_MEMORY, "start: no memory for a row of %d numbers", d);
    REQUIRE(scale = malloc(n * sizeof *scale), ERR_MEMORY, "start: no memory for a row of %d numbers", d);
    target_scale(d, gaussian_target, seed, z_t, scale);
    for (int i = 0; i < d; i++) {
        draw_row(PURPOSE_TARGET, seed, i, d, z_t);
        if (gaussian_start)
            draw_row(PURPOSE_WEIGHTS, seed, i, d, z_w); /* zero start: z_w stays 0 */
        add_row(1, 1.0 / sqrt(d), z_w, scale, z_t, &along);
        add_row(d - 1, 1.0 / sqrt(d), z_w + 1, scale + 1, z_t + 1, &across);
    }
    reduce(&along, d == 1, &out->n[0], &out->w[0], &out->u[0]);
    if (d > 1)
        reduce(&across, false, &out->n[1], &out->w[1], &out->u[1]);
done:
    free(z_w);
    free(z_t);
    free(scale);
    return rc;
}
