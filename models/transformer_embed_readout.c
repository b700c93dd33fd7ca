/* What is before the first layer and behind the last: the embedding with its positions; the readout with its loss. */
#include "models/transformer_internal.h"
#include <math.h>

static void embed_numbers(struct transformer_worker *w, const struct transformer_batch *batch, int first, int S)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const size_t inputs = (size_t)model->config.inputs, R = (size_t)S * (size_t)model->config.T;
    const float *in = batch->inputs + (size_t)first * (size_t)model->config.T * inputs;
    w->in = k->element_size == sizeof *in ? (const void *)in : w->in_room;
    for (size_t r = 0; r < R && w->in != in; r++, in += inputs) {
        for (size_t i = 0; i < inputs; i++)
            w->row[i] = (real)in[i];
        k->narrow(inputs, w->row, (char *)w->in_room + r * inputs * k->element_size);
    }
    k->forward(&w->kernel, &model->workspace->embed, transformer_bias(model, 0, MODULE_EMBED), (int)R, w->in,
               (int)inputs, w->x, model->config.width, RESULT_REAL_ADDED);
}

static void embed_tokens(struct transformer_worker *w, const struct transformer_batch *batch, int first, int S)
{
    const struct transformer *model = w->model;
    const size_t W = (size_t)model->config.width, T = (size_t)model->config.T;
    const real *bias = transformer_bias(model, 0, MODULE_EMBED);
    real *x = w->x;
    w->token = batch->tokens + (size_t)first * T;
    for (size_t r = 0; r < (size_t)S * T; r++, x += W) {
        const real *row = model->workspace->lookup + (size_t)w->token[r] * W;
        for (size_t i = 0; i < W; i++)
            x[i] += row[i] + bias[i];
    }
}

void transformer_embed(struct transformer_worker *w, const struct transformer_batch *batch, int first, int S)
{
    const struct transformer *model = w->model;
    const size_t TW = (size_t)model->config.T * (size_t)model->config.width;
    for (size_t s = 0; s < (size_t)S; s++)
        memcpy(w->x + s * TW, model->workspace->position, TW * sizeof(real));
    if (!model->config.tokens)
        embed_numbers(w, batch, first, S);
    else
        embed_tokens(w, batch, first, S);
}

/* The gradient of the weight is summed as [inputs][W]; transformer_step.c turns it when the accumulators are added
 * up. */
void transformer_embed_backward(struct transformer_worker *w, int S)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int W = model->config.width, R = S * model->config.T, inputs = model->config.inputs;
    real *sums = transformer_weight_gradient(w, 0, MODULE_EMBED);
    if (model->workspace->first.wanted && !model->config.skip)
        return; /* nothing but the first layer's attention reads the embedding */
    const struct product p = {.batch = 1,
                              .m = inputs,
                              .n = W,
                              .k = R,
                              .a_transposed = true,
                              .a_row = inputs,
                              .b_row = W,
                              .c_row = W,
                              .to_real = true,
                              .accumulate = true};
    if (!w->token)
        k->multiply(&w->kernel, &p, w->in, transformer_layer_elements(w, (size_t)R * (size_t)W, w->dx, w->dy), sums);
    const real *dx = w->dx;
    for (int r = 0; r < R && w->token; r++, dx += W) {
        real *row = sums + (size_t)w->token[r] * (size_t)W;
        for (int i = 0; i < W; i++)
            row[i] += dx[i];
    }
    k->sum_rows_real(R, W, w->dx, true, transformer_bias_gradient(w, 0, MODULE_EMBED));
}

/* xl = mean over the positions of n(x). */
static void mean_position(struct transformer_worker *w, int S)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int T = model->config.T, W = model->config.width;
    const size_t TW = (size_t)T * (size_t)W;
    const bool norm = model->config.norm == NORM_PRE;
    if (norm)
        transformer_layer_normalise(w, 0, MODULE_FINAL_NORM, S * T, w->x, w->nf, w->zf, w->scalef);
    for (size_t s = 0; s < (size_t)S; s++) {
        real *mean = w->xl + s * (size_t)W;
        if (norm)
            k->sum_rows(T, W, (char *)w->nf + s * TW * k->element_size, false, mean);
        else
            k->sum_rows_real(T, W, w->x + s * TW, false, mean);
        for (int i = 0; i < W; i++)
            mean[i] /= (real)T;
    }
}

/* Copies the last of each sequence's T rows: [S][T][W] -> [S][W]. */
void transformer_last_rows(struct transformer_worker *w, int S)
{
    const size_t T = (size_t)w->model->config.T, W = (size_t)w->model->config.width;
    for (size_t s = 0; s < (size_t)S; s++)
        memcpy(w->xl + s * W, w->x + (s * T + T - 1) * W, W * sizeof(real));
}

void transformer_readout(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int W = model->config.width;
    if (model->config.readout == READOUT_MEAN) {
        mean_position(w, S);
        k->narrow((size_t)S * (size_t)W, w->xl, r->h);
    } else {
        if (!model->workspace->is_short)
            transformer_last_rows(w, S);
        transformer_layer_normalise(w, 0, MODULE_FINAL_NORM, S, w->xl, r->h, r->z, r->scale);
    }
    k->forward(&w->kernel, &model->workspace->unembed, transformer_bias(model, 0, MODULE_UNEMBED), S, r->h, W, w->out,
               model->config.outputs, RESULT_REAL);
}

/* 1/2 |y - y*|^2; y <- (y - y*)/N. */
static double squared_error(int n, int N, const float *target, real *y)
{
    double loss = 0;
    for (int i = 0; i < n; i++) {
        const real error = y[i] - (real)target[i];
        loss += 0.5 * (double)error * (double)error;
        y[i] = error / (real)N;
    }
    return loss;
}

/* log sum_i exp y_i - y_label; y <- (softmax(y) - 1 at the label)/N. *correct: is the label's output the largest? */
static double cross_entropy(int n, int N, int label, real *y, double *correct)
{
    int largest = 0;
    for (int i = 1; i < n; i++)
        largest = y[i] > y[largest] ? i : largest;
    double sum = 1; /* of the largest */
    const double top = (double)y[largest], own = (double)y[label];
    for (int i = 0; i < n; i++)
        sum += i == largest ? 0 : exp((double)y[i] - top);
    for (int i = 0; i < n; i++)
        y[i] = (real)((exp((double)y[i] - top) / sum - (i == label)) / N);
    *correct = largest == label;
    return log(sum) + top - own;
}

void transformer_loss(struct transformer_worker *w, const struct transformer_batch *batch, int first, int S,
                      double *loss, double *correct)
{
    const struct transformer_config *c = &w->model->config;
    real *y = w->out;
    for (int s = 0; s < S; s++, y += c->outputs) {
        if (!c->tokens)
            loss[s] = squared_error(c->outputs, batch->sequences,
                                    batch->targets + (size_t)(first + s) * (size_t)c->outputs, y);
        else
            loss[s] = cross_entropy(c->outputs, batch->sequences, batch->labels[first + s], y, &correct[s]);
    }
}

void transformer_readout_backward(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const bool norm = model->config.norm == NORM_PRE, mean = model->config.readout == READOUT_MEAN;
    const size_t T = (size_t)model->config.T, W = (size_t)model->config.width;
    real *dh = norm && !mean ? w->dh : w->dxl;
    k->narrow((size_t)S * (size_t)model->config.outputs, w->out, r->dout);
    k->backward(&w->kernel, &model->workspace->unembed, S, r->dout, model->config.outputs, dh, (int)W, RESULT_REAL);
    if (norm && !mean)
        transformer_layer_denormalise(w, 0, MODULE_FINAL_NORM, S, dh, r->z, r->scale, false, w->dxl);
    if (model->workspace->is_short)
        return;
    /* Spread over the positions: evenly, or at the last alone. */
    real *dx = norm && mean ? w->dn : w->dx;
    for (size_t row = 0; row < (size_t)S * T; row++) {
        const real share = mean ? 1 / (real)T : (real)(row % T == T - 1);
        for (size_t i = 0; i < W; i++)
            dx[row * W + i] = share * w->dxl[row / T * W + i];
    }
    if (norm && mean)
        transformer_layer_denormalise(w, 0, MODULE_FINAL_NORM, S * (int)T, dx, w->zf, w->scalef, false, w->dx);
}
