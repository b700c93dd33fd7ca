/* With s = softmax(a), v = sum of s_t x_t and S2 = sum of s_t^2 over the other positions, beta = sum of s_t over the
 * relevant ones, e = y - y* = W (beta x_rel + v) - W* x_rel and q = W^T e:
 *
 *   one sample    dL/dW = e (beta x_rel + v)^T,   g_t = dL/ds_t = x_t . q,   dL/da_t = s_t (g_t - sum_k s_k g_k)
 *
 *   population    x_rel and v are independent, with second moments diag(sigma), sigma_1 = p + (1-p)/d and sigma_r =
 *                 (1-p)/d else, and S2/d I, so that with columns W_c
 *                     L       = 1/2 [ S2/d ||W||^2 + sum_c sigma_c ||beta W_c - W*_c||^2 ]
 *                     dL/dW_c = S2/d W_c + beta sigma_c (beta W_c - W*_c)
 *                     g_t     = s_t/d ||W||^2 (other),  sum_c sigma_c (beta W_c - W*_c) . W_c (relevant)
 *
 *   statistics    Of the other tokens a sample's gradient needs v, and then g_t = x_t . q. Now q depends on these
 *                 tokens through v alone, so given (x_rel, v) it is a constant, and the g_t are linear in tokens that
 *                 are Gaussian given v. x_t and v are jointly Gaussian, with covariances I/d of x_t, S2/d I of v and
 *                 s_t/d I between them, and x_rel is independent of both, hence
 *                     E[x_t | v] = s_t v / S2,   cov[x_t, x_t' | v] = (delta_tt' - s_t s_t'/S2) I/d
 *                     E[g_t | v, x_rel] = s_t (v . q)/S2,   cov[g_t, g_t'] = |q|^2/d (delta_tt' - s_t s_t'/S2)
 *                 The last is |q|^2/d times the projection across s. So v ~ N(0, S2/d I) and, z ~ N(0, I_{T-B}),
 *                     g = |q|/sqrt(d) (z - s (s.z)/S2) + s (v.q)/S2
 *                 give (x_rel, v, g), and with it the gradient, the law that all T tokens give: exactly, not
 *                 approximately, at 2 d + T - B instead of (T-B+1) d normals a sample. */
#include "models/toy.h"
#include "models/toy_products.h"
#include "base/clones.h"
#include "base/random.h"
#include "models/start.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES = TOY_PRODUCTS_LANES, /* the multiple that rows are padded to */
    GROUP = 1 << 18, /* normals of a group of samples: a megabyte, which stays in the processor's second cache */
    PANEL = 16       /* rows of dL/dW at a time in single precision */
};

/* Everything is owned. `stride` is d rounded up to LANES; what pads a row is zero except in `draws`. */
struct toy_scratch {
    int stride;
    double *s, *g;            /* [T]: softmax(a); sum over the batch of dL/ds_t */
    double *hop, *spare;      /* [hops][T], [2][T] of a chain, else NULL: softmax of each hop; scratch */
    double *product, *weight; /* [d]: see column_sums */
    float *s32, *projection;  /* [T]: s in single precision; x_t . q of one sample */
    float *W32, *target32;    /* [d][stride] */
    float *panel;             /* [PANEL][stride]: rows of dL/dW */
    int batch;                /* what the next five have room for: [batch][stride] */
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
    float **const owned[] = {&k->relevant, &k->v, &k->context, &k->error, &k->q, &k->draws};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        free(*owned[i]);
        *owned[i] = NULL;
    }
    k->batch = 0;
    k->draws_size = 0;
}

static enum status create(int T, int d, int B, double p, int hops, struct toy **out)
{
    enum status rc = OK;
    struct toy *toy = NULL;
    *out = NULL;
    REQUIRE(d >= 1, ERR_INPUT, "d=%d: d must be at least 1", d);
    REQUIRE(B >= 1 && B < T, ERR_INPUT, "T=%d B=%d: B must be at least 1 and smaller than T", T, B);
    REQUIRE(p >= 0.0 && p <= 1.0, ERR_INPUT, "p=%g: p must lie between 0 and 1", p);
    const size_t dd = (size_t)d * (size_t)d, positions = (size_t)T;
    const size_t stride = ((size_t)d + LANES - 1) / LANES * LANES;
    struct toy_scratch *k = NULL;
    REQUIRE(toy = calloc(1, sizeof *toy), ERR_MEMORY, "toy model: out of memory");
    toy->T = T, toy->d = d, toy->B = toy->test_B = B, toy->p = p, toy->hops = hops;
    toy->count = dd + (size_t)hops * positions;
    toy->scratch = k = calloc(1, sizeof *k);
    toy->parameters = allocate(toy->count, sizeof(double));
    toy->target = allocate(dd, sizeof(double));
    REQUIRE(k && toy->parameters && toy->target, ERR_MEMORY, "toy model: no memory for d=%d T=%d", d, T);
    toy->W = toy->parameters;
    toy->a = toy->parameters + dd;
    k->stride = (int)stride;
    k->s = allocate(positions, sizeof(double));
    k->g = allocate(positions, sizeof(double));
    if (hops > 1) {
        k->hop = allocate(((size_t)hops + 2) * positions, sizeof(double));
        REQUIRE(k->hop, ERR_MEMORY, "toy model: no memory for %d hops over T=%d", hops, T);
        k->spare = k->hop + (size_t)hops * positions;
    }
    k->product = allocate((size_t)d, sizeof(double));
    k->weight = allocate((size_t)d, sizeof(double));
    k->s32 = allocate(positions, sizeof(float));
    k->projection = allocate(positions, sizeof(float));
    k->W32 = allocate((size_t)d * stride, sizeof(float));
    k->target32 = allocate((size_t)d * stride, sizeof(float));
    k->panel = allocate(PANEL * stride, sizeof(float));
    REQUIRE(k->s && k->g && k->product && k->weight && k->s32 && k->projection && k->W32 && k->target32 && k->panel,
            ERR_MEMORY, "toy model: no memory for the scratch of d=%d T=%d", d, T);
    *out = toy;
    return OK;
done:
    toy_free(toy);
    return rc;
}

enum status toy_create(int T, int d, int B, double p, struct toy **out)
{
    return create(T, d, B, p, 1, out);
}

enum status toy_create_chain(int T, int d, int hops, struct toy **out)
{
    *out = NULL;
    if (hops < 1 || hops > TOY_CHAIN_HOPS)
        return error_set(ERR_INPUT, "hops=%d: hops must be in [1,%d]", hops, TOY_CHAIN_HOPS);
    return create(T, d, 1, 0, hops, out);
}

void toy_free(struct toy *toy)
{
    if (!toy)
        return;
    struct toy_scratch *k = toy->scratch;
    if (k) {
        void *const owned[] = {k->s,   k->g,          k->hop, k->product,  k->weight,
                               k->s32, k->projection, k->W32, k->target32, k->panel};
        for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
            free(owned[i]);
        free_batch(k);
        free(k);
    }
    free(toy->parameters);
    free(toy->target);
    free(toy);
}

/* from[d][d] in single precision with padded rows. */
CLONES static void to_float(int d, const double *restrict from, int stride, float *restrict to)
{
    for (int i = 0; i < d; i++, from += d, to += stride) {
        for (int c = 0; c < d; c++)
            to[c] = (float)from[c];
    }
}

static void target_changed(struct toy *toy)
{
    const size_t d = (size_t)toy->d;
    double all = 0, along = 0;
    for (size_t i = 0; i < d * d; i++)
        all += toy->target[i] * toy->target[i];
    for (size_t i = 0; i < d; i++)
        along += toy->target[i * d] * toy->target[i * d];
    toy->n2 = all;
    toy->n2_along = along;
    to_float(toy->d, toy->target, toy->scratch->stride, toy->scratch->target32);
}

enum status toy_start(struct toy *toy, bool gaussian_start, bool gaussian_target, uint64_t seed)
{
    enum status rc = OK;
    TRY(start_weights(toy->d, gaussian_start, seed, toy->W));
    TRY(start_target(toy->d, gaussian_target, seed, toy->target));
    memset(toy->a, 0, (size_t)toy->hops * (size_t)toy->T * sizeof *toy->a);
    target_changed(toy);
done:
    return rc;
}

void toy_start_scores(struct toy *toy, double sd, const double *D, uint64_t seed)
{
    for (int i = 0; i < toy->hops; i++) {
        double *a = toy->a + (size_t)i * (size_t)toy->T;
        start_scores(toy->T, i, sd, seed, a);
        for (int t = toy->T - toy->B; t < toy->T && toy->hops == 1; t++)
            a[t] += D[i];
        if (toy->hops > 1)
            a[toy_chain_right(toy->T, i)] += D[i];
    }
}

/* Fills scratch->s with softmax(a), or what a chain makes of several; its sums are for B relevant positions. Both parts
 * of the denominator are sums of positive numbers: no cancellation. */
static struct attention attend(const struct toy *toy, int B)
{
    const int T = toy->T, others = T - B;
    double *s = toy->scratch->s, largest = toy->a[0], relevant = 0, other = 0, S2 = 0;
    for (int t = 1; t < T; t++)
        largest = fmax(largest, toy->a[t]);
    for (int t = 0; t < T && toy->hops == 1; t++)
        s[t] = exp(toy->a[t] - largest);
    if (toy->hops > 1)
        toy_chain_attention(T, toy->hops, toy->held, toy->a, toy->scratch->hop, s, toy->scratch->spare);
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

/* product[c] = <R_c, W*_c>, weight[c] = ||R_c||^2 for the columns of R = W - shift W*. */
CLONES static void column_sums(int d, const double *restrict W, const double *restrict target, double shift,
                               double *restrict product, double *restrict weight)
{
    memset(product, 0, (size_t)d * sizeof *product);
    memset(weight, 0, (size_t)d * sizeof *weight);
    for (int i = 0; i < d; i++, W += d, target += d) {
        for (int c = 0; c < d; c++) {
            const double r = W[c] - shift * target[c];
            product[c] += r * target[c];
            weight[c] += r * r;
        }
    }
}

static struct sums block_sums(const struct toy *toy, double shift)
{
    const double *product = toy->scratch->product, *weight = toy->scratch->weight;
    column_sums(toy->d, toy->W, toy->target, shift, toy->scratch->product, toy->scratch->weight);
    struct sums sums = {.product_along = product[0], .weight_along = weight[0]};
    for (int c = 0; c < toy->d; c++) {
        sums.product += product[c];
        sums.weight += weight[c];
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

/* dL/da over a batch, from the sums over it of G_t = dL/ds_t, in scratch->g, and of their mean under s. */
static void scores_gradient(const struct toy *toy, double mean, double batch, double *da)
{
    const struct toy_scratch *k = toy->scratch;
    if (toy->hops > 1) {
        toy_chain_gradient(toy->T, toy->hops, toy->held, k->hop, k->g, mean, batch, da, k->spare);
        return;
    }
    for (int t = 0; t < toy->T; t++)
        da[t] = k->s[t] * (k->g[t] - mean) / batch;
}

void toy_gradient_exact(struct toy *toy, double *gradient, double *loss)
{
    const size_t d = (size_t)toy->d;
    const int T = toy->T, others = T - toy->B;
    const struct attention x = attend(toy, toy->B);
    const struct sums m = block_sums(toy, 0.0);
    const double share = (1.0 - toy->p) / toy->d, along = toy->p + share, noise = x.S2 / toy->d, *s = toy->scratch->s;
    for (size_t i = 0; i < d; i++) {
        const double *W = toy->W + i * d, *target = toy->target + i * d;
        double *dW = gradient + i * d;
        for (size_t c = 0; c < d; c++)
            dW[c] = noise * W[c] + x.beta * share * (x.beta * W[c] - target[c]);
        dW[0] = noise * W[0] + x.beta * along * (x.beta * W[0] - target[0]);
    }
    double *da = gradient + d * d;
    const double relevant =
        over_blocks(toy->p, toy->d, x.beta * m.weight - m.product, x.beta * m.weight_along - m.product_along);
    const double mean = noise * m.weight + x.beta * relevant; /* sum_k s_k g_k */
    for (int t = 0; t < T; t++)
        toy->scratch->g[t] = t < others ? s[t] / toy->d * m.weight : relevant;
    scores_gradient(toy, mean, 1, da);
    *loss = population_loss(toy, toy->p, &x, &m);
}

/* How a sample's other tokens are drawn. z: the sample's normals after those of x_rel. */
struct sampling {
    size_t (*numbers)(const struct toy *toy); /* normals a sample, those of x_rel included: [stride], then z */
    void (*context)(const struct toy *toy, const struct attention *x, const float *z, float *v); /* overwrites v */
    /* Adds g_t of the other positions to scratch->g. */
    void (*project)(const struct toy *toy, const struct attention *x, const float *z, const float *v, const float *q);
};

/* z: [T-B][stride], of which the first d columns are tokens. */
static size_t tokens_numbers(const struct toy *toy)
{
    return (size_t)(toy->T - toy->B + 1) * (size_t)toy->scratch->stride;
}

static void tokens_context(const struct toy *toy, const struct attention *x, const float *z, float *v)
{
    (void)x;
    const int stride = toy->scratch->stride;
    const float scale = (float)(1.0 / sqrt(toy->d));
    toy_products_combine(1, stride, toy->T - toy->B, toy->scratch->s32, 0, 1, z, (size_t)stride, v, 0);
    for (int c = 0; c < stride; c++)
        v[c] = c < toy->d ? scale * v[c] : 0.0f;
}

static void tokens_project(const struct toy *toy, const struct attention *x, const float *z, const float *v,
                           const float *q)
{
    (void)x;
    (void)v;
    const int others = toy->T - toy->B, stride = toy->scratch->stride;
    const float scale = (float)(1.0 / sqrt(toy->d));
    float *projection = toy->scratch->projection;
    memset(projection, 0, (size_t)others * sizeof *projection);
    toy_products_project(others, 1, stride, z, (size_t)stride, q, 0, scale, projection, 1, 0);
    for (int t = 0; t < others; t++)
        toy->scratch->g[t] += projection[t];
}

/* z: [stride] for v, [T-B] for the g_t. */
static size_t statistics_numbers(const struct toy *toy)
{
    return 2 * (size_t)toy->scratch->stride + (size_t)(toy->T - toy->B);
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
    const double scale = sqrt(toy_products_dot(d, q, q) / d), *s = toy->scratch->s;
    z += toy->scratch->stride;
    /* S2 = 0: so sharp an attention that the g_t, which s_t multiplies, no longer matter. */
    const double along =
        x->S2 > 0 ? (toy_products_dot(d, v, q) - scale * toy_products_dot(others, toy->scratch->s32, z)) / x->S2 : 0.0;
    for (int t = 0; t < others; t++)
        toy->scratch->g[t] += scale * z[t] + s[t] * along;
}

static const struct sampling tokens = {tokens_numbers, tokens_context, tokens_project};
static const struct sampling statistics = {statistics_numbers, statistics_context, statistics_project};

/* Room for a batch and for the normals of a group of samples. */
static enum status reserve(struct toy *toy, int batch, size_t draws_size)
{
    struct toy_scratch *k = toy->scratch;
    if (batch <= k->batch && draws_size <= k->draws_size)
        return OK;
    const int room = batch > k->batch ? batch : k->batch;
    const size_t draws = draws_size > k->draws_size ? draws_size : k->draws_size;
    const size_t rows = (size_t)room * (size_t)k->stride;
    free_batch(k);
    k->relevant = allocate(rows, sizeof(float));
    k->v = allocate(rows, sizeof(float));
    k->context = allocate(rows, sizeof(float));
    k->error = allocate(rows, sizeof(float));
    k->q = allocate(rows, sizeof(float));
    k->draws = allocate(draws, sizeof(float));
    if (!k->relevant || !k->v || !k->context || !k->error || !k->q || !k->draws) {
        free_batch(k);
        return error_set(ERR_MEMORY, "toy model: no memory for a batch of %d samples at T=%d d=%d", batch, toy->T,
                         toy->d);
    }
    k->batch = room;
    k->draws_size = draws;
    return OK;
}

/* Draws sample number i: x_rel, v and beta x_rel + v; leaves the normals in draws[numbers]. */
static void draw_sample(struct toy *toy, const struct sampling *how, const struct attention *x, struct stream stream,
                        int i, float *draws)
{
    const int d = toy->d, stride = toy->scratch->stride;
    const size_t at = (size_t)i * (size_t)stride;
    const float beta = (float)x->beta, scale = (float)(1.0 / sqrt(d));
    float *relevant = toy->scratch->relevant + at, *v = toy->scratch->v + at, *context = toy->scratch->context + at;
    stream.sample = (uint32_t)i;
    random_normal(&stream, 0, how->numbers(toy), draws);
    for (int c = 0; c < d; c++)
        relevant[c] = scale * draws[c];
    stream.purpose = PURPOSE_CHOICE;
    if (toy->p > 0.0 && random_uniform(&stream, 0) < toy->p) {
        memset(relevant, 0, (size_t)d * sizeof *relevant);
        relevant[0] = 1.0f;
    }
    how->context(toy, x, draws + stride, v);
    for (int c = 0; c < d; c++)
        context[c] = beta * relevant[c] + v[c];
}

/* e = W context - W* x_rel and q = W^T e of samples first .. first + n - 1. */
static void propagate(const struct toy *toy, int first, int n)
{
    const struct toy_scratch *k = toy->scratch;
    const int d = toy->d, stride = k->stride;
    const size_t row = (size_t)stride, at = (size_t)first * row;
    memset(k->error + at, 0, (size_t)n * row * sizeof(float));
    toy_products_project(n, d, stride, k->context + at, row, k->W32, row, 1.0f, k->error + at, row, 1);
    toy_products_project(n, d, stride, k->relevant + at, row, k->target32, row, -1.0f, k->error + at, row, 1);
    toy_products_combine(n, stride, d, k->error + at, row, 1, k->W32, row, k->q + at, row);
}

/* dL/dW = sum over samples of e context^T / batch. */
CLONES static void weight_gradient(int d, int batch, const struct toy_scratch *k, double *restrict dW)
{
    const size_t row = (size_t)k->stride;
    for (int i = 0; i < d; i += PANEL) {
        const int rows = d - i < PANEL ? d - i : PANEL;
        const float *restrict panel = k->panel;
        toy_products_combine(rows, k->stride, batch, k->error + i, 1, row, k->context, row, k->panel, row);
        for (int j = 0; j < rows; j++, dW += d, panel += row) {
            for (int c = 0; c < d; c++)
                dW[c] = (double)panel[c] / batch;
        }
    }
}

/* The sums over a batch that the gradient with respect to a, and the loss, are made of. */
struct batch_sums {
    double relevant; /* of g_t of a relevant position */
    double mean;     /* of sum_k s_k g_k = v . q + beta x_rel . q */
    double squares;  /* of |e|^2 */
};

/* Samples first .. first + n - 1, from their random numbers to their part of the sums and of scratch->g. */
static void add_samples(struct toy *toy, const struct sampling *how, const struct attention *x, struct stream stream,
                        int first, int n, struct batch_sums *sums)
{
    const struct toy_scratch *k = toy->scratch;
    const int d = toy->d;
    const size_t numbers = how->numbers(toy), row = (size_t)k->stride;
    for (int i = 0; i < n; i++)
        draw_sample(toy, how, x, stream, first + i, k->draws + (size_t)i * numbers);
    propagate(toy, first, n);
    for (int i = 0; i < n; i++) {
        const size_t at = (size_t)(first + i) * row;
        const float *q = k->q + at, *e = k->error + at, *v = k->v + at;
        const double relevant = toy_products_dot(d, k->relevant + at, q);
        how->project(toy, x, k->draws + (size_t)i * numbers + row, v, q);
        sums->relevant += relevant;
        sums->mean += toy_products_dot(d, v, q) + x->beta * relevant;
        sums->squares += toy_products_dot(d, e, e);
    }
}

static enum status gradient_sampled(struct toy *toy, const struct sampling *how, int batch, struct stream stream,
                                    double *gradient, double *loss)
{
    if (batch < 1)
        return error_set(ERR_INPUT, "batch=%d: a batch has at least one sample", batch);
    struct toy_scratch *k = toy->scratch;
    const int T = toy->T, d = toy->d, others = T - toy->B;
    const size_t numbers = how->numbers(toy), fit = GROUP / numbers;
    /* As many samples as fit, in fours (see toy_products.h) if there are four. */
    const int many = fit < 1 ? 1 : fit < 4 ? (int)fit : fit < (size_t)batch ? (int)(fit / 4 * 4) : batch;
    const int group = many < batch ? many : batch;
    enum status rc = reserve(toy, batch, (size_t)group * numbers);
    if (rc != OK)
        return rc;
    const struct attention x = attend(toy, toy->B);
    for (int t = 0; t < others; t++)
        k->s32[t] = (float)k->s[t];
    to_float(d, toy->W, k->stride, k->W32);
    memset(k->g, 0, (size_t)T * sizeof *k->g);
    struct batch_sums sums = {0};
    for (int first = 0; first < batch; first += group)
        add_samples(toy, how, &x, stream, first, batch - first < group ? batch - first : group, &sums);
    weight_gradient(d, batch, k, gradient);
    for (int t = others; t < T; t++)
        k->g[t] = sums.relevant;
    scores_gradient(toy, sums.mean, batch, gradient + (size_t)d * (size_t)d);
    *loss = 0.5 * sums.squares / batch;
    return OK;
}

enum status toy_gradient_tokens(struct toy *toy, int batch, uint64_t seed, uint32_t step, double *gradient,
                                double *loss)
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

/* The mean score of what hop i should choose, less that of the others. */
static double score_difference(const struct toy *toy, int i)
{
    const double *a = toy->a + (size_t)i * (size_t)toy->T;
    const size_t T = (size_t)toy->T, B = (size_t)toy->B, first = toy->hops > 1 ? toy_chain_right(toy->T, i) : T - B;
    double relevant = 0, other = 0;
    for (size_t t = 0; t < T; t++) {
        if (t >= first && t < first + B)
            relevant += a[t];
        else
            other += a[t];
    }
    return relevant / toy->B - other / (toy->T - toy->B);
}

void toy_measure(struct toy *toy, struct toy_measure *out)
{
    const struct attention x = attend(toy, toy->B), test = toy->test_B == toy->B ? x : attend(toy, toy->test_B);
    const struct sums m = block_sums(toy, 0.0);
    const double n = sqrt(toy->n2), w = n > 0 ? m.product / n : 0.0;
    double orthogonal2 = m.weight - w * w;
    /* Nearly parallel to W*, the difference is rounding error: sum the squares of W - (w/n) W* themselves. */
    if (n > 0 && orthogonal2 < 1e-6 * m.weight)
        orthogonal2 = block_sums(toy, w / n).weight;
    *out = (struct toy_measure){
        .loss_train = population_loss(toy, toy->p, &x, &m),
        .loss_test = population_loss(toy, 0.0, &test, &m),
        .null_train = 0.5 * over_blocks(toy->p, toy->d, toy->n2, toy->n2_along),
        .w = w,
        .w_orthogonal = sqrt(orthogonal2),
        .attention = x.beta / toy->B,
    };
    for (int i = 0; i < toy->hops; i++)
        out->delta_a[i] = score_difference(toy, i);
}
