#include "transformer_internal.h"
#include <math.h>

/* Element `i` of `p`. */
static void *at(const struct transformer_worker *w, const void *p, size_t i)
{
    return (char *)p + i * w->model->kernels->element_size;
}

/* C[S] = A[S] B[S], with matrices that lie densely but for the step from one sequence to the next. */
static struct product per_sequence(int S, int m, int n, int k, size_t a_next, size_t b_next, size_t c_next)
{
    return (struct product){.batch = S,
                            .m = m,
                            .n = n,
                            .k = k,
                            .a_row = k,
                            .b_row = n,
                            .c_row = n,
                            .a_next = a_next,
                            .b_next = b_next,
                            .c_next = c_next};
}

void transformer_last_forward(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int layer = model->config.layers - 1;
    const struct transformer_weights *L = &model->machine->layer[layer];
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    const size_t T = (size_t)z.T, W = (size_t)z.W, H = (size_t)z.H, D = (size_t)z.D;
    void *n = w->layer[layer].n, *R = at(w, w->dm_r, H * W);
    transformer_layer_normalise(w, layer, MODULE_NORM1, z.R, w->x, n, w->layer[layer].z, w->layer[layer].scale);
    k->copy_blocks(1, S, z.W, at(w, n, (T - 1) * W), 0, z.T * z.W, r->last, 0, z.W);
    k->forward(&w->kernel, &L->q, transformer_bias(model, layer, MODULE_QKV), S, r->last, z.W, r->q, z.A,
               RESULT_ELEMENT);
    for (size_t h = 0; h < H; h++)
        k->backward(&w->kernel, &L->key[h], S, at(w, r->q, h * D), z.A, at(w, R, h * W), 2 * z.H * z.W, RESULT_ELEMENT);
    struct product scores = per_sequence(S, z.H, z.T, z.W, 2 * H * W, T * W, H * T);
    scores.b_transposed = scores.to_real = true;
    scores.b_row = z.W;
    k->multiply(&w->kernel, &scores, R, n, w->score);
    for (size_t s = 0; s < (size_t)S; s++)
        k->softmax(z.H, z.T, -1, (real)(1.0 / sqrt(z.D)), w->score + s * H * T, at(w, w->p_ds, 2 * s * H * T));
    const struct product mix = per_sequence(S, z.H, z.W, z.T, 2 * H * T, T * W, H * W);
    k->multiply(&w->kernel, &mix, w->p_ds, n, r->m);
    const real *bias = transformer_bias(model, layer, MODULE_QKV) + 2 * H * D;
    for (size_t h = 0; h < H; h++)
        k->forward(&w->kernel, &L->value[h], bias + h * D, S, at(w, r->m, h * W), z.H * z.W, at(w, r->o, h * D), z.A,
                   RESULT_ELEMENT);
    transformer_ends_last_rows(w, S);
    k->forward(&w->kernel, &L->out, transformer_bias(model, layer, MODULE_OUT), S, r->o, z.A, w->xl, z.W,
               model->config.skip ? RESULT_REAL_ADDED : RESULT_REAL);
    if (z.F > 0)
        transformer_layer_mlp(w, layer, S, w->xl, &r->mlp);
}

/* dm = V^T dO, dp = dm n, ds = p (dp - sum p dp)/sqrt D, dr = sum_t ds_t n_t, dq = K dr,
 * dn_t = sum over heads of p_t dm + ds_t r, and at the last position also Q^T dq. */
static void attention_backward(struct transformer_worker *w, int S, const struct transformer_rows *r, real *dn)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int layer = model->config.layers - 1;
    const struct transformer_weights *L = &model->machine->layer[layer];
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    const size_t T = (size_t)z.T, W = (size_t)z.W, H = (size_t)z.H, D = (size_t)z.D;
    void *n = w->layer[layer].n, *ds = at(w, w->p_ds, H * T);
    for (size_t h = 0; h < H; h++)
        k->backward(&w->kernel, &L->value[h], S, at(w, r->dO, h * D), z.A, at(w, w->dm_r, h * W), 2 * z.H * z.W,
                    RESULT_ELEMENT);
    struct product scores = per_sequence(S, z.H, z.T, z.W, 2 * H * W, T * W, H * T);
    scores.b_transposed = scores.to_real = true;
    scores.b_row = z.W;
    k->multiply(&w->kernel, &scores, w->dm_r, n, w->score);
    for (size_t s = 0; s < (size_t)S; s++)
        k->softmax_backward(z.H, z.T, (real)(1.0 / sqrt(z.D)), at(w, w->p_ds, 2 * s * H * T), w->score + s * H * T,
                            at(w, ds, 2 * s * H * T));
    const struct product mix = per_sequence(S, z.H, z.W, z.T, 2 * H * T, T * W, H * W);
    k->multiply(&w->kernel, &mix, ds, n, r->dr);
    for (size_t h = 0; h < H; h++)
        k->forward(&w->kernel, &L->key[h], NULL, S, at(w, r->dr, h * W), z.H * z.W, at(w, r->dq, h * D), z.A,
                   RESULT_ELEMENT);
    /* p and ds, dm and r lie one behind the other: one product over 2 H. */
    struct product spread = per_sequence(S, z.T, z.W, 2 * z.H, 2 * H * T, 2 * H * W, T * W);
    spread.a_transposed = spread.to_real = true;
    spread.a_row = z.T;
    k->multiply(&w->kernel, &spread, w->p_ds, w->dm_r, dn);
    k->backward(&w->kernel, &L->q, S, r->dq, z.A, dn + (T - 1) * W, z.T * z.W, RESULT_REAL_ADDED);
}

void transformer_last_backward(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int layer = model->config.layers - 1;
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    const struct transformer_activations *a = &w->layer[layer];
    const size_t T = (size_t)z.T, W = (size_t)z.W;
    if (z.F > 0)
        transformer_layer_mlp_backward(w, layer, S, w->dxl, &r->mlp, true);
    k->narrow((size_t)S * W, w->dxl, r->da);
    k->backward(&w->kernel, &model->machine->layer[layer].out, S, r->da, z.W, r->dO, z.A, RESULT_ELEMENT);
    if (model->config.norm == NORM_PRE) {
        attention_backward(w, S, r, w->dn);
        transformer_layer_denormalise(w, layer, MODULE_NORM1, z.R, w->dn, a->z, a->scale, false, w->dx);
    } else {
        attention_backward(w, S, r, w->dx);
    }
    for (size_t s = 0; s < (size_t)S && model->config.skip; s++) {
        for (size_t i = 0; i < W; i++)
            w->dx[(s * T + T - 1) * W + i] += w->dxl[s * W + i];
    }
}

/* dW[out][in] = dy^T x over N rows, `batch` blocks of them; db = sum of dy (NULL: none). */
static void product_gradient(struct transformer_worker *w, int N, int batch, int out, int in, const void *dy,
                             const void *x, real *dW, real *db)
{
    const struct kernels *k = w->model->kernels;
    const struct product p = {.batch = batch,
                              .m = out,
                              .n = in,
                              .k = N,
                              .a_transposed = true,
                              .a_row = batch * out,
                              .b_row = batch * in,
                              .c_row = in,
                              .a_next = (size_t)out,
                              .b_next = (size_t)in,
                              .c_next = (size_t)out * (size_t)in,
                              .to_real = true};
    k->multiply(&w->kernel, &p, dy, x, dW);
    if (db)
        k->sum_rows(N, batch * out, dy, false, db);
}

/* The bias of the keys has no gradient: softmax does not see q . b_K. */
void transformer_last_gradient(struct transformer_worker *w, enum transformer_module module, int N,
                               const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct transformer_sizes z = transformer_machine_sizes(model, 1);
    const int layer = module == MODULE_UNEMBED ? 0 : model->config.layers - 1;
    real *dW = transformer_weight_gradient(w, layer, module), *db = transformer_bias_gradient(w, layer, module);
    const size_t A = (size_t)z.A, AW = A * (size_t)z.W;
    if (module == MODULE_QKV) {
        product_gradient(w, N, 1, z.A, z.W, r->dq, r->last, dW, db);
        product_gradient(w, N, z.H, z.D, z.W, r->q, r->dr, dW + AW, NULL);
        memset(db + A, 0, A * sizeof *db);
        product_gradient(w, N, z.H, z.D, z.W, r->dO, r->m, dW + 2 * AW, db + 2 * A);
    } else if (module == MODULE_OUT) {
        product_gradient(w, N, 1, z.W, z.A, r->da, r->o, dW, db);
    } else if (module == MODULE_UP) {
        product_gradient(w, N, 1, z.F, z.W, r->mlp.du, r->mlp.n, dW, db);
    } else if (module == MODULE_DOWN) {
        product_gradient(w, N, 1, z.W, z.F, r->mlp.dy, r->mlp.g, dW, db);
    } else {
        product_gradient(w, N, 1, model->config.outputs, z.W, r->dout, r->h, dW, db);
    }
}
