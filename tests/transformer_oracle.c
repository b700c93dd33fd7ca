#include "transformer_oracle.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct oracle {
    const struct transformer *model;
    const double *parameters;
};

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
static void linear(const struct oracle *o, int layer, const char *module, int out, int in, const double *x, double *y)
{
    const double *W = tensor(o, layer, module, "weight"), *b = tensor(o, layer, module, "bias");
    for (int i = 0; i < out; i++) {
        y[i] = b[i];
        for (int j = 0; j < in; j++)
            y[i] += W[i * in + j] * x[j];
    }
}

/* n(x) of one position. */
static void normalise(const struct oracle *o, int layer, const char *module, const double *x, double *n)
{
    const int W = o->model->config.width;
    double mean = 0, variance = 0;
    memcpy(n, x, (size_t)W * sizeof *n);
    if (o->model->config.norm == NORM_NONE)
        return;
    const double *gain = tensor(o, layer, module, "weight"), *bias = tensor(o, layer, module, "bias");
    for (int i = 0; i < W; i++)
        mean += x[i] / W;
    for (int i = 0; i < W; i++)
        variance += (x[i] - mean) * (x[i] - mean) / W;
    for (int i = 0; i < W; i++)
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
    for (int i = 0; i < o->model->config.width; i++)
        x[i] = f[i] + (o->model->config.skip ? x[i] : 0);
}

/* o[t][A] of qkv[T][3A]; p[H][T][T] */
static void attend(const struct oracle *o, const double *qkv, double *out, double *p)
{
    const struct transformer_config *c = &o->model->config;
    const int T = c->T, D = c->head_dim, A = c->heads * D;
    memset(p, 0, (size_t)(c->heads * T * T) * sizeof *p);
    memset(out, 0, (size_t)(T * A) * sizeof *out);
    for (int h = 0; h < c->heads; h++) {
        for (int t = 0; t < T; t++) {
            const int seen = c->mask == MASK_CAUSAL ? t + 1 : T;
            double *row = p + (h * T + t) * T, sum = 0;
            for (int s = 0; s < seen; s++) {
                double score = 0;
                for (int i = 0; i < D; i++)
                    score += qkv[t * 3 * A + h * D + i] * qkv[s * 3 * A + A + h * D + i];
                sum += row[s] = exp(score / sqrt(D));
            }
            for (int s = 0; s < seen; s++) {
                row[s] /= sum;
                for (int i = 0; i < D; i++)
                    out[t * A + h * D + i] += row[s] * qkv[s * 3 * A + 2 * A + h * D + i];
            }
        }
    }
}

static void layer_forward(const struct oracle *o, int layer, double *x, double *p)
{
    const struct transformer_config *c = &o->model->config;
    const int T = c->T, W = c->width, A = c->heads * c->head_dim, F = c->mlp * W;
    double *n = malloc((size_t)W * sizeof *n), *qkv = malloc((size_t)(3 * T * A) * sizeof *qkv);
    double *out = malloc((size_t)(T * A) * sizeof *out), *y = malloc((size_t)W * sizeof *y);
    double *u = malloc((size_t)(F + 1) * sizeof *u);
    for (int t = 0; t < T; t++) {
        normalise(o, layer, "norm1", x + t * W, n);
        linear(o, layer, "attn.qkv", 3 * A, W, n, qkv + t * 3 * A);
    }
    attend(o, qkv, out, p);
    for (int t = 0; t < T; t++) {
        linear(o, layer, "attn.out", W, A, out + t * A, y);
        add(o, y, x + t * W);
        if (F == 0)
            continue;
        normalise(o, layer, "norm2", x + t * W, n);
        linear(o, layer, "mlp.up", F, W, n, u);
        for (int i = 0; i < F; i++)
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

static void embed(const struct oracle *o, const struct transformer_batch *batch, int s, double *x)
{
    const struct transformer_config *c = &o->model->config;
    double *in = malloc((size_t)c->inputs * sizeof *in);
    for (int t = 0; t < c->T; t++, x += c->width) {
        for (int i = 0; i < c->inputs; i++)
            in[i] = c->task == TASK_RECALL ? batch->tokens[s * c->T + t] == i
                                           : (double)batch->inputs[(s * c->T + t) * c->inputs + i];
        linear(o, 0, "embed", c->width, c->inputs, in, x);
        for (int i = 0; i < c->width; i++) {
            const double angle = t / pow(10000.0, (double)(i / 2 * 2) / c->width);
            x[i] += i % 2 ? cos(angle) : sin(angle);
        }
    }
    free(in);
}

/* y[outputs] of the stream x[T][W] behind the last layer. */
static void read_out(const struct oracle *o, const double *x, double *y)
{
    const struct transformer_config *c = &o->model->config;
    const int W = c->width;
    double *h = calloc((size_t)W, sizeof *h), *n = malloc((size_t)W * sizeof *n);
    for (int t = c->readout == READOUT_LAST ? c->T - 1 : 0; t < c->T; t++) {
        normalise(o, 0, "final_norm", x + t * W, n);
        for (int i = 0; i < W; i++)
            h[i] += n[i] / (c->readout == READOUT_LAST ? 1 : c->T);
    }
    linear(o, 0, "unembed", c->outputs, W, h, y);
    free(h);
    free(n);
}

static double loss_of(const struct transformer_config *c, const struct transformer_batch *batch, int s, const double *y)
{
    double sum = 0;
    for (int i = 0; i < c->outputs; i++)
        sum += c->task == TASK_RECALL ? exp(y[i]) : 0.5 * pow(y[i] - (double)batch->targets[s * c->outputs + i], 2);
    return c->task == TASK_RECALL ? log(sum) - y[batch->labels[s]] : sum;
}

double oracle_loss(const struct transformer *model, const struct transformer_batch *batch, const double *parameters,
                   double *outputs, double *attention)
{
    const struct oracle o = {model, parameters};
    const struct transformer_config *c = &model->config;
    const int square = c->heads * c->T * c->T;
    double *x = malloc((size_t)(c->T * c->width) * sizeof *x), *p = malloc((size_t)square * sizeof *p);
    double *y = malloc((size_t)c->outputs * sizeof *y), loss = 0;
    for (int s = 0; s < batch->sequences; s++) {
        embed(&o, batch, s, x);
        for (int layer = 1; layer <= c->layers; layer++) {
            layer_forward(&o, layer, x, p);
            if (attention)
                memcpy(attention + (s * c->layers + layer - 1) * square, p, (size_t)square * sizeof *p);
        }
        read_out(&o, x, y);
        if (outputs)
            memcpy(outputs + s * c->outputs, y, (size_t)c->outputs * sizeof *y);
        loss += loss_of(c, batch, s, y) / batch->sequences;
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
