/* With s = softmax(a), v = sum over the other positions of s_t x_t, beta = sum over the relevant ones of s_t, S2 = sum over
 * the other positions of s_t^2, e = y - y* = W (beta x_rel + v) - W* x_rel and q = W^T e:
 *
 *   one sample    dL/dW = e (beta x_rel + v)^T,   g_t = dL/ds_t = x_t . q,   dL/da_t = s_t (g_t - sum_k s_k g_k)
 *
 *   population    x_rel and v are independent, with second moments diag(sigma), sigma_1 = p + (1-p)/d and sigma_r =
 *                 (1-p)/d else, and S2/d I, so that with columns W_c
 *                     L       = 1/2 [ S2/d ||W||^2 + sum_c sigma_c ||beta W_c - W*_c||^2 ]
 *                     dL/dW_c = S2/d W_c + beta sigma_c (beta W_c - W*_c)
 *                     g_t     = s_t/d ||W||^2 (other),  sum_c sigma_c (beta W_c - W*_c) . W_c (relevant)
 *
 *   statistics    Of the other tokens a sample's gradient needs v, and then g_t = x_t . q. Now q depends on these tokens
 *                 through v alone, so given (x_rel, v) it is a constant, and the g_t are linear in tokens that are
 *                 Gaussian given v. The pairs (x_t, v) are jointly Gaussian with covariances I/d (x_t), s_t I/d, S2 I/d (v),
 *                 and x_rel is independent of them, hence
 *                     E[x_t | v] = s_t v / S2,   cov[x_t, x_t' | v] = (delta_tt' - s_t s_t'/S2) I/d
 *                     E[g_t | v, x_rel] = s_t (v . q)/S2,   cov[g_t, g_t'] = |q|^2/d (delta_tt' - s_t s_t'/S2)
 *                 The last is |q|^2/d times the projection across s. So v ~ N(0, S2/d I) and, z ~ N(0, I_{T-B}),
 *                     g = |q|/sqrt(d) (z - s (s.z)/S2) + s (v.q)/S2
 *                 give (x_rel, v, g), and with it the gradient, the law that all T tokens give: exactly, not
 *                 approximately, at 2 d + T - B instead of (T-B+1) d normals a sample. */
#include "toy.h"
#include "random.h"
#include "start.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples are worked on in groups whose random numbers stay in the processor's second cache. */
#define GROUP_FLOATS ((size_t)1 << 18)

/* Everything is owned. */
struct toy_scratch {
    double *s, *g;                /* [T]: softmax(a); sum over the batch of dL/ds_t */
    float *s32, *projection;      /* [T]: s in single precision; x_t . q of one sample */
    float *W32, *target32, *dW32; /* [d][d] */
    int batch;                    /* what the next five have room for: [batch][d] */
    float *relevant, *v, *context, *error, *q; /* x_rel, v, beta x_rel + v, e, q */
    size_t draws_size;
    float *draws; /* [draws_size]: the normals of a group of samples */
};

/* softmax(a) and its two sums. */
struct attention {
    double beta, S2;
};

struct sums {
    double product, product_along; /* <W, W*>, its part in column 0 */
    double weight, weight_along;   /* ||W||^2, its part in column 0 */
};

/* Zeroed and aligned for vector instructions; NULL if there is no memory. */
static void *allocate(size_t n, size_t size)
{
    void *p = NULL;
    if (n > (SIZE_MAX - 63) / size || !(p = aligned_alloc(64, (n * size + 63) / 64 * 64)))
        return NULL;
    return memset(p, 0, n * size);
}

static void free_batch(struct toy_scratch *k)
{
    free(k->relevant);
    free(k->v);
    free(k->context);
    free(k->error);
    free(k->q);
    free(k->draws);
    k->relevant = k->v = k->context = k->error = k->q = k->draws = NULL;
    k->batch = 0;
    k->draws_size = 0;
}

enum status toy_create(int T, int d, int B, double p, struct toy **out)
{
    enum status rc = OK;
    struct toy *toy = NULL;
    *out = NULL;
    REQUIRE(d >= 1, ERR_INPUT, "d=%d: d must be at least 1", d);
    REQUIRE(B >= 1 && B < T, ERR_INPUT, "T=%d B=%d: B must be at least 1 and smaller than T", T, B);
    REQUIRE(p >= 0.0 && p <= 1.0, ERR_INPUT, "p=%g: p must lie between 0 and 1", p);
    const size_t dd = (size_t)d * (size_t)d, positions = (size_t)T;
    struct toy_scratch *k = NULL;
    REQUIRE(toy = calloc(1, sizeof *toy), ERR_MEMORY, "toy model: out of memory");
    toy->T = T, toy->d = d, toy->B = B, toy->p = p, toy->count = dd + positions;
    toy->scratch = k = calloc(1, sizeof *k);
    toy->parameters = allocate(toy->count, sizeof(double));
    toy->target = allocate(dd, sizeof(double));
    REQUIRE(k && toy->parameters && toy->target, ERR_MEMORY, "toy model: no memory for d=%d T=%d", d, T);
    toy->W = toy->parameters;
    toy->a = toy->parameters + dd;
    k->s = allocate(positions, sizeof(double));
    k->g = allocate(positions, sizeof(double));
    k->s32 = allocate(positions, sizeof(float));
    k->projection = allocate(positions, sizeof(float));
    k->W32 = allocate(dd, sizeof(float));
    k->target32 = allocate(dd, sizeof(float));
    k->dW32 = allocate(dd, sizeof(float));
    REQUIRE(k->s && k->g && k->s32 && k->projection && k->W32 && k->target32 && k->dW32, ERR_MEMORY,
            "toy model: no memory for the scratch of d=%d T=%d", d, T);
    *out = toy;
    return OK;
done:
    toy_free(toy);
    return rc;
}

void toy_free(struct toy *toy)
{
    if (!toy)
        return;
    struct toy_scratch *k = toy->scratch;
    if (k) {
        free_batch(k);
        free(k->s);
        free(k->g);
        free(k->s32);
        free(k->projection);
        free(k->W32);
        free(k->target32);
        free(k->dW32);
        free(k);
    }
    free(toy->parameters);
    free(toy->target);
    free(toy);
}

/* ||.||^2 of W*, in all and in column 0. */
static void target_changed(struct toy *toy)
{
    const size_t d = (size_t)toy->d;
    double all = 0, along = 0;
    for (size_t i = 0; i < d * d; i++) {
        all += toy->target[i] * toy->target[i];
        toy->scratch->target32[i] = (float)toy->target[i];
    }
    for (size_t i = 0; i < d; i++)
        along += toy->target[i * d] * toy->target[i * d];
    toy->n2 = all;
    toy->n2_along = along;
}

enum status toy_start(struct toy *toy, bool gaussian_start, bool gaussian_target, uint64_t seed)
{
    enum status rc = OK;
    TRY(start_weights(toy->d, gaussian_start, seed, toy->W));
    TRY(start_target(toy->d, gaussian_target, seed, toy->target));
    memset(toy->a, 0, (size_t)toy->T * sizeof *toy->a);
    target_changed(toy);
done:
    return rc;
}

void toy_set_target(struct toy *toy, const double *target)
{
    memcpy(toy->target, target, (size_t)toy->d * (size_t)toy->d * sizeof *target);
    target_changed(toy);
}

/* Fills scratch->s with softmax(a). Both parts of the denominator are sums of positive numbers: no cancellation. */
static struct attention attend(const struct toy *toy)
{
    const int T = toy->T, others = T - toy->B;
    double *s = toy->scratch->s, largest = toy->a[0], relevant = 0, other = 0, S2 = 0;
    for (int t = 1; t < T; t++)
        largest = fmax(largest, toy->a[t]);
    for (int t = 0; t < T; t++)
        s[t] = exp(toy->a[t] - largest);
    for (int t = 0; t < others; t++)
        other += s[t];
    for (int t = others; t < T; t++)
        relevant += s[t];
    for (int t = 0; t < T; t++)
        s[t] /= relevant + other;
    for (int t = 0; t < others; t++)
        S2 += s[t] * s[t];
    return (struct attention){relevant / (relevant + other), S2};
}

/* <W - shift W*, W*> and ||W - shift W*||^2. The partial sums make a fixed order that vectorises. */
static struct sums block_sums(const struct toy *toy, double shift)
{
    enum { LANES = 32 };
    const size_t d = (size_t)toy->d, n = d * d;
    const double *restrict W = toy->W, *restrict target = toy->target;
    double product[LANES] = {0}, weight[LANES] = {0};
    for (size_t i = 0; i + LANES <= n; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            const double w = W[i + lane] - shift * target[i + lane];
            product[lane] += w * target[i + lane];
            weight[lane] += w * w;
        }
    }
    struct sums sums = {0};
    for (size_t lane = 0; lane < LANES; lane++) {
        sums.product += product[lane];
        sums.weight += weight[lane];
    }
    for (size_t i = n - n % LANES; i < n; i++) {
        const double w = W[i] - shift * target[i];
        sums.product += w * target[i];
        sums.weight += w * w;
    }
    for (size_t i = 0; i < n; i += d) {
        const double w = W[i] - shift * target[i];
        sums.product_along += w * target[i];
        sums.weight_along += w * w;
    }
    return sums;
}

/* sum_c sigma_c x_c for block sums x_1 = along, x_1 + x_r = all. */
static double over_blocks(double p, int d, double all, double along)
{
    return p * along + (1.0 - p) / d * all;
}

/* L at the given sums; p = 0 gives the test loss. */
static double population_loss(const struct toy *toy, double p, const struct attention *x, const struct sums *m)
{
    const double along = x->beta * (x->beta * m->weight_along - 2 * m->product_along) + toy->n2_along;
    const double all = x->beta * (x->beta * m->weight - 2 * m->product) + toy->n2;
    return 0.5 * (x->S2 / toy->d * m->weight + over_blocks(p, toy->d, all, along));
}

void toy_gradient_exact(struct toy *toy, double *gradient, double *loss)
{
    const size_t d = (size_t)toy->d;
    const int T = toy->T, others = T - toy->B;
    const struct attention x = attend(toy);
    const struct sums m = block_sums(toy, 0.0);
    const double across = (1.0 - toy->p) / toy->d, along = toy->p + across, noise = x.S2 / toy->d, *s = toy->scratch->s;
    for (size_t i = 0; i < d; i++) {
        const double *W = toy->W + i * d, *target = toy->target + i * d;
        double *dW = gradient + i * d;
        for (size_t c = 0; c < d; c++)
            dW[c] = noise * W[c] + x.beta * across * (x.beta * W[c] - target[c]);
        dW[0] = noise * W[0] + x.beta * along * (x.beta * W[0] - target[0]);
    }
    double *da = gradient + d * d;
    const double relevant = over_blocks(toy->p, toy->d, x.beta * m.weight - m.product,
                                        x.beta * m.weight_along - m.product_along);
    const double mean = noise * m.weight + x.beta * relevant; /* sum_k s_k g_k */
    for (int t = 0; t < others; t++)
        da[t] = s[t] * (s[t] / toy->d * m.weight - mean);
    for (int t = others; t < T; t++)
        da[t] = s[t] * (relevant - mean);
    *loss = population_loss(toy, toy->p, &x, &m);
}

/* x . y, in double: sums of products of floats lose nothing there. */
static double dot(int n, const float *x, const float *y)
{
    enum { LANES = 16 };
    double sum[LANES] = {0}, all = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            sum[lane] += (double)x[i + lane] * y[i + lane];
    }
    for (; i < n; i++)
        all += (double)x[i] * y[i];
    for (int lane = 0; lane < LANES; lane++)
        all += sum[lane];
    return all;
}

/* How a sample's other tokens are drawn. z: the sample's normals after the first d, which are x_rel's. */
struct sampler {
    size_t (*numbers)(const struct toy *toy); /* normals a sample, those of x_rel included */
    void (*context)(const struct toy *toy, const struct attention *x, const float *z, float *v); /* overwrites v[d] */
    /* Adds g_t of the other positions to scratch->g. */
    void (*project)(const struct toy *toy, const struct attention *x, const float *z, const float *v, const float *q);
};

static size_t tokens_numbers(const struct toy *toy)
{
    return (size_t)(toy->T - toy->B + 1) * (size_t)toy->d;
}

static void tokens_context(const struct toy *toy, const struct attention *x, const float *z, float *v)
{
    (void)x;
    const int others = toy->T - toy->B, d = toy->d;
    cblas_sgemv(CblasRowMajor, CblasTrans, others, d, (float)(1.0 / sqrt(d)), z, d, toy->scratch->s32, 1, 0.0f, v, 1);
}

static void tokens_project(const struct toy *toy, const struct attention *x, const float *z, const float *v,
                           const float *q)
{
    (void)x;
    (void)v;
    const int others = toy->T - toy->B, d = toy->d;
    float *projection = toy->scratch->projection;
    cblas_sgemv(CblasRowMajor, CblasNoTrans, others, d, (float)(1.0 / sqrt(d)), z, d, q, 1, 0.0f, projection, 1);
    for (int t = 0; t < others; t++)
        toy->scratch->g[t] += projection[t];
}

static size_t statistics_numbers(const struct toy *toy)
{
    return 2 * (size_t)toy->d + (size_t)(toy->T - toy->B);
}

static void statistics_context(const struct toy *toy, const struct attention *x, const float *z, float *v)
{
    const float scale = (float)sqrt(x->S2 / toy->d);
    for (int c = 0; c < toy->d; c++)
        v[c] = scale * z[c];
}

static void statistics_project(const struct toy *toy, const struct attention *x, const float *z, const float *v,
                               const float *q)
{
    const int others = toy->T - toy->B, d = toy->d;
    const double scale = sqrt(dot(d, q, q) / d), *s = toy->scratch->s;
    z += d;
    const double along = (dot(d, v, q) - scale * dot(others, toy->scratch->s32, z)) / x->S2;
    for (int t = 0; t < others; t++)
        toy->scratch->g[t] += scale * z[t] + s[t] * along;
}

static const struct sampler tokens = {tokens_numbers, tokens_context, tokens_project};
static const struct sampler statistics = {statistics_numbers, statistics_context, statistics_project};

/* Room for a batch and for the normals of a group of samples. */
static enum status reserve(struct toy *toy, int batch, size_t draws_size)
{
    struct toy_scratch *k = toy->scratch;
    if (batch <= k->batch && draws_size <= k->draws_size)
        return OK;
    const int room = batch > k->batch ? batch : k->batch;
    const size_t rows = (size_t)room * (size_t)toy->d, draws = draws_size > k->draws_size ? draws_size : k->draws_size;
    free_batch(k);
    k->relevant = allocate(rows, sizeof(float));
    k->v = allocate(rows, sizeof(float));
    k->context = allocate(rows, sizeof(float));
    k->error = allocate(rows, sizeof(float));
    k->q = allocate(rows, sizeof(float));
    k->draws = allocate(draws, sizeof(float));
    if (!k->relevant || !k->v || !k->context || !k->error || !k->q || !k->draws) {
        free_batch(k);
        return error_set(ERR_MEMORY, "toy model: no memory for a batch of %d samples at T=%d d=%d", batch, toy->T, toy->d);
    }
    k->batch = room;
    k->draws_size = draws;
    return OK;
}

/* Draws sample number i: x_rel, v and beta x_rel + v; leaves the normals in z[numbers]. */
static void draw_sample(struct toy *toy, const struct sampler *how, const struct attention *x, struct stream stream,
                        int i, float *z)
{
    const int d = toy->d;
    const float beta = (float)x->beta, scale = (float)(1.0 / sqrt(d));
    float *relevant = toy->scratch->relevant + (size_t)i * (size_t)d, *v = toy->scratch->v + (size_t)i * (size_t)d;
    float *context = toy->scratch->context + (size_t)i * (size_t)d;
    stream.sample = (uint32_t)i;
    random_normal(&stream, 0, how->numbers(toy), z);
    stream.purpose = PURPOSE_CHOICE;
    if (random_uniform(&stream, 0) < toy->p) {
        memset(relevant, 0, (size_t)d * sizeof *relevant);
        relevant[0] = 1.0f;
    } else {
        for (int c = 0; c < d; c++)
            relevant[c] = scale * z[c];
    }
    how->context(toy, x, z + d, v);
    for (int c = 0; c < d; c++)
        context[c] = beta * relevant[c] + v[c];
}

/* e = W context - W* x_rel and q = W^T e of samples first .. first + n - 1. */
static void propagate(const struct toy *toy, int first, int n)
{
    const struct toy_scratch *k = toy->scratch;
    const int d = toy->d;
    const size_t at = (size_t)first * (size_t)d;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, d, d, 1.0f, k->context + at, d, k->W32, d, 0.0f,
                k->error + at, d);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, d, d, -1.0f, k->relevant + at, d, k->target32, d, 1.0f,
                k->error + at, d);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, d, d, 1.0f, k->error + at, d, k->W32, d, 0.0f, k->q + at,
                d);
}

/* The mean over the batch. With G_t = sum over samples of g_t, M = that of sum_k s_k g_k = v . q + beta x_rel . q:
 * da_t = s_t (G_t - M) / batch. */
static enum status gradient_sampled(struct toy *toy, const struct sampler *how, int batch, struct stream stream,
                                    double *gradient, double *loss)
{
    if (batch < 1)
        return error_set(ERR_INPUT, "batch=%d: a batch has at least one sample", batch);
    struct toy_scratch *k = toy->scratch;
    const int T = toy->T, d = toy->d, others = T - toy->B;
    const size_t dd = (size_t)d * (size_t)d, numbers = how->numbers(toy), most = GROUP_FLOATS / numbers;
    const int group = most < 1 ? 1 : most < (size_t)batch ? (int)most : batch;
    enum status rc = reserve(toy, batch, (size_t)group * numbers);
    if (rc != OK)
        return rc;
    const struct attention x = attend(toy);
    for (int t = 0; t < others; t++)
        k->s32[t] = (float)k->s[t];
    for (size_t i = 0; i < dd; i++)
        k->W32[i] = (float)toy->W[i];
    memset(k->g, 0, (size_t)T * sizeof *k->g);
    double relevant = 0, mean = 0, squares = 0; /* G_t of a relevant position, M, sum of |e|^2 */
    for (int first = 0; first < batch; first += group) {
        const int n = batch - first < group ? batch - first : group;
        for (int i = 0; i < n; i++)
            draw_sample(toy, how, &x, stream, first + i, k->draws + (size_t)i * numbers);
        propagate(toy, first, n);
        for (int i = 0; i < n; i++) {
            const size_t at = (size_t)(first + i) * (size_t)d;
            const float *q = k->q + at, *e = k->error + at, *v = k->v + at;
            const double g = dot(d, k->relevant + at, q);
            how->project(toy, &x, k->draws + (size_t)i * numbers + d, v, q);
            relevant += g;
            mean += dot(d, v, q) + x.beta * g;
            squares += dot(d, e, e);
        }
    }
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, d, d, batch, 1.0f / (float)batch, k->error, d, k->context, d,
                0.0f, k->dW32, d);
    for (size_t i = 0; i < dd; i++)
        gradient[i] = k->dW32[i];
    for (int t = 0; t < T; t++)
        gradient[dd + (size_t)t] = k->s[t] * ((t < others ? k->g[t] : relevant) - mean) / batch;
    *loss = 0.5 * squares / batch;
    return OK;
}

enum status toy_gradient_tokens(struct toy *toy, int batch, uint64_t seed, uint32_t step, double *gradient, double *loss)
{
    const struct stream stream = {.seed = seed, .purpose = PURPOSE_DATA, .step = step};
    return gradient_sampled(toy, &tokens, batch, stream, gradient, loss);
}

enum status toy_gradient_statistics(struct toy *toy, int batch, uint64_t seed, uint32_t step, double *gradient,
                                    double *loss)
{
    const struct stream stream = {.seed = seed, .purpose = PURPOSE_DATA, .step = step};
    return gradient_sampled(toy, &statistics, batch, stream, gradient, loss);
}

void toy_measure(struct toy *toy, struct toy_measure *out)
{
    const int T = toy->T, others = T - toy->B;
    const struct attention x = attend(toy);
    const struct sums m = block_sums(toy, 0.0);
    double relevant = 0, other = 0;
    for (int t = 0; t < others; t++)
        other += toy->a[t];
    for (int t = others; t < T; t++)
        relevant += toy->a[t];
    const double n = sqrt(toy->n2), w = n > 0 ? m.product / n : 0.0;
    double orthogonal2 = m.weight - w * w;
    /* Nearly parallel to W*, the difference is rounding error: sum the squares of W - (w/n) W* themselves. */
    if (n > 0 && orthogonal2 < 1e-6 * m.weight)
        orthogonal2 = block_sums(toy, w / n).weight;
    *out = (struct toy_measure){
        .loss_train = population_loss(toy, toy->p, &x, &m),
        .loss_test = population_loss(toy, 0.0, &x, &m),
        .w = w,
        .w_orthogonal = sqrt(orthogonal2),
        .delta_a = relevant / toy->B - other / others,
        .attention = x.beta / toy->B,
    };
}
