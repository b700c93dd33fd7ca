#include "models/transformer_internal.h"

/* The first layer without norm is linear in the input up to its attention:
 *
 *     (q, k, v)_t = QKV (E in_t + e + pos_t) + b = in_t M + C_t,   M = (QKV E)^T,   C_t = QKV (e + pos_t) + b
 *
 * M [inputs][3A] and C [T][3A] are made once a step, and the products with all rows have `inputs` numbers a row where
 * they had `width`. The way back is the same identity: with G = sum over the rows of in_t dqkv_t^T (as M) and H_t = sum
 * over the sequences of dqkv_t (as C),
 *
 *     dQKV = G^T E^T + sum_t H_t (e + pos_t)^T,   db = sum_t H_t,   dE += QKV^T G^T,   de += QKV^T db
 *
 * beside what dE and de get by the skip path. A token of recall is a one-hot input: in_t M is a row of M. */

/* P[T][W] = e + pos_t. */
static void shifted_positions(const struct transformer *model, real *P)
{
    const struct transformer_config *c = &model->config;
    const real *position = model->workspace->position, *bias = transformer_bias(model, 0, MODULE_EMBED);
    for (int t = 0; t < c->T; t++) {
        for (int i = 0; i < c->width; i++)
            *P++ = *position++ + bias[i];
    }
}

void transformer_first_qkv_elements(struct transformer_worker *w)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const struct transformer_first_qkv *f = &model->workspace->first;
    k->narrow((size_t)(3 * z.A) * (size_t)z.W, transformer_weight(model, 0, MODULE_QKV), f->qkv);
    k->narrow((size_t)z.W * (size_t)model->config.inputs, transformer_weight(model, 0, MODULE_EMBED), f->embed);
    shifted_positions(model, f->P);
    k->narrow((size_t)z.T * (size_t)z.W, f->P, f->position);
}

/* Rows first .. first + rows - 1 of C. */
static void make_C(struct transformer_worker *w, int first, int rows)
{
    const struct transformer *model = w->model;
    const struct transformer_first_qkv *f = &model->workspace->first;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const size_t row = 3 * (size_t)z.A;
    const real *bias = transformer_bias(model, 0, MODULE_QKV);
    real *C = f->C + (size_t)first * row;
    const struct product p = {.batch = 1,
                              .m = rows,
                              .n = 3 * z.A,
                              .k = z.W,
                              .b_transposed = true,
                              .a_row = z.W,
                              .b_row = z.W,
                              .c_row = 3 * z.A,
                              .to_real = true,
                              .accumulate = true};
    for (size_t t = 0; t < (size_t)rows; t++)
        memcpy(C + t * row, bias, row * sizeof *C);
    model->kernels->multiply(&w->kernel, &p,
                             (const char *)f->position + (size_t)first * (size_t)z.W * model->kernels->element_size,
                             f->qkv, C);
}

static void make_M(struct transformer_worker *w)
{
    const struct transformer *model = w->model;
    const struct transformer_first_qkv *f = &model->workspace->first;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const int inputs = model->config.inputs;
    const struct product p = {.batch = 1,
                              .m = inputs,
                              .n = 3 * z.A,
                              .k = z.W,
                              .a_transposed = true,
                              .b_transposed = true,
                              .a_row = inputs,
                              .b_row = z.W,
                              .c_row = 3 * z.A,
                              .to_real = true};
    model->kernels->multiply(&w->kernel, &p, f->embed, f->qkv, f->M);
    model->kernels->narrow((size_t)inputs * 3 * (size_t)z.A, f->M, f->M_element);
}

void transformer_first_qkv_prepare(struct transformer_worker *w, int task)
{
    const int T = w->model->config.T, from = T * (task - 1) / TRANSFORMER_ACCUMULATORS,
              to = T * task / TRANSFORMER_ACCUMULATORS;
    if (task == 0)
        make_M(w);
    else if (to > from)
        make_C(w, from, to - from);
}

void transformer_first_qkv_forward(struct transformer_worker *w, int S, void *qkv)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_first_qkv *f = &model->workspace->first;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t row = 3 * (size_t)z.A, R = (size_t)z.R, sequence = (size_t)z.T * row;
    real *sum = k->element_size == sizeof(real) ? qkv : w->qkv;
    for (size_t s = 0; s < (size_t)S; s++)
        memcpy(sum + s * sequence, f->C, sequence * sizeof *sum);
    for (size_t r = 0; r < R && w->token; r++) {
        const real *M = f->M + (size_t)w->token[r] * row;
        for (size_t i = 0; i < row; i++)
            sum[r * row + i] += M[i];
    }
    const struct product p = {.batch = 1,
                              .m = z.R,
                              .n = 3 * z.A,
                              .k = model->config.inputs,
                              .a_row = model->config.inputs,
                              .b_row = 3 * z.A,
                              .c_row = 3 * z.A,
                              .to_real = true,
                              .accumulate = true};
    if (!w->token)
        k->multiply(&w->kernel, &p, w->in, f->M_element, sum);
    if (sum != qkv)
        k->narrow(R * row, sum, qkv);
}

/* Adds to G and H of the accumulator. */
void transformer_first_qkv_backward(struct transformer_worker *w, int S)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t row = 3 * (size_t)z.A;
    const int inputs = model->config.inputs;
    real *G = w->first_sums, *H = G + (size_t)inputs * row;
    const struct product p = {.batch = 1,
                              .m = inputs,
                              .n = 3 * z.A,
                              .k = z.R,
                              .a_transposed = true,
                              .a_row = inputs,
                              .b_row = 3 * z.A,
                              .c_row = 3 * z.A,
                              .to_real = true,
                              .accumulate = !w->first};
    if (!w->token)
        k->multiply(&w->kernel, &p, w->in, w->dqkv, G);
    for (size_t r = 0; r < (size_t)z.R && w->token; r++)
        k->sum_rows(1, 3 * z.A, (const char *)w->dqkv + r * row * k->element_size, true, G + (size_t)w->token[r] * row);
    k->sum_rows(S, z.T * 3 * z.A, w->dqkv, !w->first, H);
}

size_t transformer_first_qkv_sums(const struct transformer *model)
{
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    return (size_t)(model->config.inputs + z.T) * 3 * (size_t)z.A;
}

/* One of TRANSFORMER_ACCUMULATORS shares of the sums: those of all accumulators into the first, and as elements. */
void transformer_first_qkv_add_up(struct transformer_worker *w, int share, int accumulators)
{
    const struct transformer *model = w->model;
    const struct transformer_first_qkv *f = &model->workspace->first;
    const size_t all = transformer_first_qkv_sums(model);
    const size_t from = all * (size_t)share / TRANSFORMER_ACCUMULATORS,
                 to = all * ((size_t)share + 1) / TRANSFORMER_ACCUMULATORS;
    for (int accumulator = 1; accumulator < accumulators; accumulator++) {
        for (size_t i = from; i < to; i++)
            f->accumulator[0][i] += f->accumulator[accumulator][i];
    }
    model->kernels->narrow(to - from, f->accumulator[0] + from, (char *)f->sums + from * model->kernels->element_size);
}

void transformer_first_qkv_gradient(struct transformer_worker *w)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_first_qkv *f = &model->workspace->first;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const int inputs = model->config.inputs;
    const size_t G = (size_t)inputs * 3 * (size_t)z.A;
    real *dQKV = transformer_weight_gradient(w, 0, MODULE_QKV);
    struct product p = {.batch = 1,
                        .m = 3 * z.A,
                        .n = z.W,
                        .k = inputs,
                        .a_transposed = true,
                        .b_transposed = true,
                        .a_row = 3 * z.A,
                        .b_row = inputs,
                        .c_row = z.W,
                        .to_real = true};
    k->multiply(&w->kernel, &p, f->sums, f->embed, dQKV);
    p.k = z.T;
    p.b_transposed = false;
    p.b_row = z.W;
    p.accumulate = true;
    k->multiply(&w->kernel, &p, (const char *)f->sums + G * k->element_size, f->position, dQKV);
    k->sum_rows_real(z.T, 3 * z.A, f->accumulator[0] + G, false, transformer_bias_gradient(w, 0, MODULE_QKV));
}

/* db is summed here once more, because the task that makes it may not be done. */
void transformer_first_qkv_gradient_embed(struct transformer_worker *w)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_first_qkv *f = &model->workspace->first;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const int inputs = model->config.inputs;
    real *db = f->M; /* the step is over: M is free */
    const struct product p = {.batch = 1,
                              .m = z.W,
                              .n = inputs,
                              .k = 3 * z.A,
                              .a_transposed = true,
                              .b_transposed = true,
                              .a_row = z.W,
                              .b_row = 3 * z.A,
                              .c_row = inputs,
                              .to_real = true,
                              .accumulate = true};
    const struct product q = {.batch = 1,
                              .m = 1,
                              .n = z.W,
                              .k = 3 * z.A,
                              .a_row = 3 * z.A,
                              .b_row = z.W,
                              .c_row = z.W,
                              .to_real = true,
                              .accumulate = true};
    k->multiply(&w->kernel, &p, f->qkv, f->sums, transformer_weight_gradient(w, 0, MODULE_EMBED));
    k->sum_rows_real(z.T, 3 * z.A, f->accumulator[0] + (size_t)inputs * 3 * (size_t)z.A, false, db);
    k->narrow(3 * (size_t)z.A, db, f->M_element);
    k->multiply(&w->kernel, &q, f->M_element, f->qkv, transformer_bias_gradient(w, 0, MODULE_EMBED));
}
