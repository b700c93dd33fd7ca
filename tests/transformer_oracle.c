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

/* y[out] = W x + b */
static void linear(const struct oracle *o, int layer, const char *module, size_t out, size_t in, const double *x,
                   double *y)
{
    const double *W = tensor(o, layer, module, "weight"), *b = tensor(o, layer, module, "bias");
    for (size_t i = 0; i < out; i++) {
        y[i] = b[i];
        for (size_t j = 0; j < in; j++)
            y[i] += W[i * in + j] * x[j];
    }
}

/* n(x) of one position. */
static void normalise(const struct oracle *o, int layer, const char *module, const double *x, double *n)
{
    const size_t W = o->W;
    double mean = 0, variance = 0;
    memcpy(n, x, W * sizeof *n);
    if (o->model->config.norm == NORM_NONE)
        return;
    const double *gain = tensor(o, layer, module, "weight"), *bias = tensor(o, layer, module, "bias");
    for (size_t i = 0; i < o->W; i++)
        mean += x[i] / (double)W;
    for (size_t i = 0; i < o->W; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)W;
    for (size_t i = 0; i < o->W; i++)
        n[i] = (x[i] - mean) / sqrt(variance + 1e-5) * gain[i] + bias[i];
}

static double activation(const struct oracle *o, double u)
{
    if (o->model->config.activation == ACTIVATION_RELU)
        return u > 0 ? u : 0;
    return 0.5 * u * (1 + erf(u / sqrt(2)));
}

/* Adds f to x (skip), or puts it in its place. */
static void add(const struct oracle *o, const double *f, double *x)
{
    for (size_t i = 0; i < o->W; i++)
        x[i] = f[i] + (o->model->config.skip ? x[i] : 0);
}

/* o[t][A] of qkv[T][3A]; p[H][T][T] */
static void attend(const struct oracle *o, const double *qkv, double *out, double *p)
{
    const size_t T = o->T, D = o->D, A = o->A;
    memset(p, 0, o->H * T * T * sizeof *p);
    memset(out, 0, T * A * sizeof *out);
    for (size_t h = 0; h < o->H; h++) {
        for (size_t t = 0; t < T; t++) {
            const size_t seen = o->model->config.mask == MASK_CAUSAL ? t + 1 : T;
            const double *q = qkv + t * 3 * A + h * D, *k = qkv + A + h * D, *v = qkv + 2 * A + h * D;
            double *row = p + (h * T + t) * T, sum = 0;
            for (size_t s = 0; s < seen; s++) {
                double score = 0;
                for (size_t i = 0; i < D; i++)
                    score += q[i] * k[s * 3 * A + i];
                sum += row[s] = exp(score / sqrt((double)D));
            }
            for (size_t s = 0; s < seen; s++) {
                row[s] /= sum;
                for (size_t i = 0; i < D; i++)
                    out[t * A + h * D + i] += row[s] * v[s * 3 * A + i];
            }
        }
    }
}

static void layer_forward(const struct oracle *o, int layer, double *x, double *p)
{
    const size_t T = o->T, W = o->W, A = o->A, F = o->F;
    double *n = zeros(W), *qkv = zeros(3 * T * A), *out = zeros(T * A), *y = zeros(W), *u = zeros(F);
    for (size_t t = 0; t < T; t++) {
        normalise(o, layer, "norm1", x + t * W, n);
        linear(o, layer, "attn.qkv", 3 * A, W, n, qkv + t * 3 * A);
    }
    attend(o, qkv, out, p);
    for (size_t t = 0; t < T; t++) {
        linear(o, layer, "attn.out", W, A, out + t * A, y);
        add(o, y, x + t * W);
        if (F == 0)
            continue;
        normalise(o, layer, "norm2", x + t * W, n);
        linear(o, layer, "mlp.up", F, W, n, u);
        for (size_t i = 0; i < F; i++)
            u[i] = activation(o, u[i]);
        linear(o, layer, "mlp.down", W, F, u, y);
        add(o, y, x + t * W);
    }
    free(n);
    free(qkv);
    free(out);
    free(y);
    free(u);
}

static void embed(const struct oracle *o, const struct transformer_batch *batch, size_t s, double *x)
{
    double *in = zeros(o->inputs);
    for (size_t t = 0; t < o->T; t++, x += o->W) {
        for (size_t i = 0; i < o->inputs; i++)
            in[i] = o->model->config.tokens ? batch->tokens[s * o->T + t] == (int32_t)i
                                            : (double)batch->inputs[(s * o->T + t) * o->inputs + i];
        linear(o, 0, "embed", o->W, o->inputs, in, x);
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
    double *h = zeros(o->W), *n = zeros(o->W);
    for (size_t t = first; t < o->T; t++) {
        normalise(o, 0, "final_norm", x + t * o->W, n);
        for (size_t i = 0; i < o->W; i++)
            h[i] += n[i] / (double)(o->T - first);
    }
    linear(o, 0, "unembed", o->outputs, o->W, h, y);
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

double oracle_loss(const struct transformer *model, const struct transformer_batch *batch, const double *parameters,
                   double *outputs, double *attention)
{
    const struct oracle o = oracle_of(model, parameters);
    const size_t square = o.H * o.T * o.T, layers = (size_t)model->config.layers;
    double *x = zeros(o.T * o.W), *p = zeros(square), *y = zeros(o.outputs), loss = 0;
    for (size_t s = 0; s < (size_t)batch->sequences; s++) {
        embed(&o, batch, s, x);
        for (size_t layer = 0; layer < layers; layer++) {
            layer_forward(&o, (int)layer + 1, x, p);
            if (attention)
                memcpy(attention + (s * layers + layer) * square, p, square * sizeof *p);
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

double oracle_slope(const struct transformer *model, const struct transformer_batch *batch, double *parameters,
                    size_t i, double h)
{
    const double start = parameters[i], step[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    double slope = 0;
    for (int j = 0; j < 4; j++) {
        parameters[i] = start + step[j] * h;
        slope += weight[j] * oracle_loss(model, batch, parameters, NULL, NULL) / (12 * h);
    }
    parameters[i] = start;
    return slope;
}
