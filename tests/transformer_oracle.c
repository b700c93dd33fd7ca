#include "transformer_oracle.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct oracle {
    const struct transformer *model;
    const double *parameters;
    size_t T, W, H, D, A, F, inputs, outputs; /* A = H D, F = mlp W */
};

static double *zeros(size_t n)
{
    return calloc(n + 1, sizeof(double));
}

static const double *tensor(const struct oracle *o, int layer, const char *module, const char *part)
{
    char name[64];
    if (layer)
        snprintf(name, sizeof name, "layer.%d.%s.%s", layer, module, part);
    else
        snprintf(name, sizeof name, "%s.%s", module, part);
    return o->parameters + transformer_find(o->model, name)->offset;
}

/* y[rows][out] = W x + b of every row */
static void linear(const struct oracle *o, int layer, const char *module, size_t rows, size_t out, size_t in,
                   const double *x, double *y)
{
    const double *W = tensor(o, layer, module, "weight"), *b = tensor(o, layer, module, "bias");
    for (size_t row = 0; row < rows; row++, x += in, y += out) {
        for (size_t i = 0; i < out; i++) {
            y[i] = b[i];
            for (size_t j = 0; j < in; j++)
                y[i] += W[i * in + j] * x[j];
        }
    }
}

/* n(x) of every row. */
static void normalise(const struct oracle *o, int layer, const char *module, size_t rows, const double *x, double *n)
{
    const size_t W = o->W;
    memcpy(n, x, rows * W * sizeof *n);
    if (o->model->config.norm == NORM_NONE)
        return;
    const double *gain = tensor(o, layer, module, "weight"), *bias = tensor(o, layer, module, "bias");
    for (size_t row = 0; row < rows; row++, x += W, n += W) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < W; i++)
            mean += x[i] / (double)W;
        for (size_t i = 0; i < W; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)W;
        for (size_t i = 0; i < W; i++)
            n[i] = (x[i] - mean) / sqrt(variance + 1e-5) * gain[i] + bias[i];
    }
}

static double activation(const struct oracle *o, double u)
{
    if (o->model->config.activation == ACTIVATION_RELU)
        return u > 0 ? u : 0;
    return 0.5 * u * (1 + erf(u / sqrt(2)));
}

/* Adds f[T][W] to x (skip), or puts it in its place. */
static void add(const struct oracle *o, const double *f, double *x)
{
    for (size_t i = 0; i < o->T * o->W; i++)
        x[i] = f[i] + (o->model->config.skip ? x[i] : 0);
}

/* row[seen] becomes the softmax of the scores; or what is held, whatever the scores, so that they have no slope. */
static void weigh(const struct oracle *o, size_t seen, const double *q, const double *k, const double *held,
                  double *row)
{
    double sum = 0;
    for (size_t s = 0; s < seen; s++) {
        double score = 0;
        for (size_t i = 0; i < o->D; i++)
            score += q[i] * k[s * 3 * o->A + i];
        sum += row[s] = exp(score / sqrt((double)o->D));
    }
    for (size_t s = 0; s < seen; s++)
        row[s] = held && !isnan(held[s]) ? held[s] : row[s] / sum;
}

/* o[t][A] of qkv[T][3A]; p[H][T][T]; held[H][T][T] or NULL */
static void attend(const struct oracle *o, const double *qkv, const double *held, double *out, double *p)
{
    const size_t T = o->T, D = o->D, A = o->A;
    memset(p, 0, o->H * T * T * sizeof *p);
    memset(out, 0, T * A * sizeof *out);
    for (size_t h = 0; h < o->H; h++) {
        for (size_t t = 0; t < T; t++) {
            const size_t seen = o->model->config.mask == MASK_CAUSAL ? t + 1 : T;
            const double *q = qkv + t * 3 * A + h * D, *k = qkv + A + h * D, *v = qkv + 2 * A + h * D;
            double *row = p + (h * T + t) * T;
            weigh(o, seen, q, k, held ? held + (h * T + t) * T : NULL, row);
            for (size_t s = 0; s < seen; s++) {
                for (size_t i = 0; i < D; i++)
                    out[t * A + h * D + i] += row[s] * v[s * 3 * A + i];
            }
        }
    }
}

static void layer_forward(const struct oracle *o, int layer, const double *held, double *x, double *p)
{
    const size_t T = o->T, W = o->W, A = o->A, F = o->F;
    double *n = zeros(T * W), *qkv = zeros(3 * T * A), *out = zeros(T * A), *y = zeros(T * W), *u = zeros(T * F);
    normalise(o, layer, "norm1", T, x, n);
    linear(o, layer, "attn.qkv", T, 3 * A, W, n, qkv);
    attend(o, qkv, held, out, p);
    linear(o, layer, "attn.out", T, W, A, out, y);
    add(o, y, x);
    if (F > 0) {
        normalise(o, layer, "norm2", T, x, n);
        linear(o, layer, "mlp.up", T, F, W, n, u);
        for (size_t i = 0; i < T * F; i++)
            u[i] = activation(o, u[i]);
        linear(o, layer, "mlp.down", T, W, F, u, y);
        add(o, y, x);
    }
    free(n);
    free(qkv);
    free(out);
    free(y);
    free(u);
}

static void embed(const struct oracle *o, const struct transformer_batch *batch, size_t s, double *x)
{
    double *in = zeros(o->T * o->inputs);
    for (size_t t = 0; t < o->T; t++) {
        for (size_t i = 0; i < o->inputs; i++)
            in[t * o->inputs + i] = o->model->config.tokens ? batch->tokens[s * o->T + t] == (int32_t)i
                                                            : (double)batch->inputs[(s * o->T + t) * o->inputs + i];
    }
    linear(o, 0, "embed", o->T, o->W, o->inputs, in, x);
    for (size_t t = 0; t < o->T; t++, x += o->W) {
        for (size_t i = 0; i < o->W; i++) {
            const double pair = (double)(i - i % 2), angle = (double)t / pow(10000.0, pair / (double)o->W);
            x[i] += i % 2 ? cos(angle) : sin(angle);
        }
    }
    free(in);
}

/* y[outputs] of the stream x[T][W] behind the last layer. */
static void read_out(const struct oracle *o, const double *x, double *y)
{
    const size_t first = o->model->config.readout == READOUT_LAST ? o->T - 1 : 0;
    const size_t rows = o->T - first;
    double *h = zeros(o->W), *n = zeros(rows * o->W);
    normalise(o, 0, "final_norm", rows, x + first * o->W, n);
    for (size_t i = 0; i < rows * o->W; i++)
        h[i % o->W] += n[i] / (double)rows;
    linear(o, 0, "unembed", 1, o->outputs, o->W, h, y);
    free(h);
    free(n);
}

static double loss_of(const struct oracle *o, const struct transformer_batch *batch, size_t s, const double *y)
{
    const bool recall = o->model->config.tokens;
    double sum = 0;
    for (size_t i = 0; i < o->outputs; i++)
        sum += recall ? exp(y[i]) : 0.5 * pow(y[i] - (double)batch->targets[s * o->outputs + i], 2);
    return recall ? log(sum) - y[batch->labels[s]] : sum;
}

static struct oracle oracle_of(const struct transformer *model, const double *parameters)
{
    const struct transformer_config *c = &model->config;
    struct oracle o = {.model = model, .parameters = parameters, .T = (size_t)c->T, .W = (size_t)c->width};
    o.H = (size_t)c->heads;
    o.D = (size_t)c->head_dim;
    o.A = o.H * o.D;
    o.F = (size_t)c->mlp * o.W;
    o.inputs = (size_t)c->inputs;
    o.outputs = (size_t)c->outputs;
    return o;
}

/* Is k among what position t attends to? */
static bool chosen(const struct oracle_clamp *clamp, size_t T, size_t seen, size_t slots, const int32_t *relevant,
                   size_t t, size_t k)
{
    if (clamp->kind == ORACLE_COPY)
        return t % 2 == 1 && k + 1 == t;
    if (clamp->kind == ORACLE_UNIFORM)
        return k < seen;
    for (size_t i = 0; i < slots && t == T - 1; i++) {
        if (relevant[i] == (int32_t)k)
            return true;
    }
    return false;
}

void oracle_hold(const struct transformer_config *c, int sequences, const struct oracle_clamp *clamp, size_t slots,
                 const int32_t *relevant, double *held)
{
    const size_t T = (size_t)c->T, H = (size_t)c->heads, L = (size_t)c->layers;
    for (size_t row = 0; row < (size_t)sequences * L * H * T; row++) {
        const size_t t = row % T, h = row / T % H, layer = row / (T * H) % L, s = row / (T * H * L);
        const size_t seen = c->mask == MASK_CAUSAL ? t + 1 : T;
        double n = 0;
        if (layer != (size_t)clamp->layer || (clamp->head >= 0 && h != (size_t)clamp->head))
            continue;
        for (size_t k = 0; k < T; k++)
            n += chosen(clamp, T, seen, slots, relevant + s * slots, t, k);
        for (size_t k = 0; k < T && n > 0; k++)
            held[row * T + k] = chosen(clamp, T, seen, slots, relevant + s * slots, t, k) ? 1 / n : 0;
    }
}

double oracle_loss(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                   const double *parameters, double *outputs, double *attention)
{
    const struct oracle o = oracle_of(model, parameters);
    const size_t square = o.H * o.T * o.T, layers = (size_t)model->config.layers;
    double *x = zeros(o.T * o.W), *p = zeros(square), *y = zeros(o.outputs), loss = 0;
    for (size_t s = 0; s < (size_t)batch->sequences; s++) {
        embed(&o, batch, s, x);
        for (size_t layer = 0; layer < layers; layer++) {
            const size_t at = (s * layers + layer) * square;
            layer_forward(&o, (int)layer + 1, held ? held + at : NULL, x, p);
            if (attention)
                memcpy(attention + at, p, square * sizeof *p);
        }
        read_out(&o, x, y);
        if (outputs)
            memcpy(outputs + s * o.outputs, y, o.outputs * sizeof *y);
        loss += loss_of(&o, batch, s, y) / batch->sequences;
    }
    free(x);
    free(p);
    free(y);
    return loss;
}

/* Steps and weights of central differences of fourth order. */
static const double step[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};

double oracle_slope(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                    double *parameters, size_t i, double h)
{
    const double start = parameters[i];
    double slope = 0;
    for (int j = 0; j < 4; j++) {
        parameters[i] = start + step[j] * h;
        slope += weight[j] * oracle_loss(model, batch, held, parameters, NULL, NULL) / (12 * h);
    }
    parameters[i] = start;
    return slope;
}

double oracle_slope_along(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                          double *parameters, const double *direction, double h)
{
    double *start = zeros(model->count), slope = 0;
    memcpy(start, parameters, model->count * sizeof *start);
    for (int j = 0; j < 4; j++) {
        for (size_t i = 0; i < model->count; i++)
            parameters[i] = start[i] + step[j] * h * direction[i];
        slope += weight[j] * oracle_loss(model, batch, held, parameters, NULL, NULL) / (12 * h);
    }
    memcpy(parameters, start, model->count * sizeof *start);
    free(start);
    return slope;
}
