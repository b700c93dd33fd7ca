#include "transformer_internal.h"
#include <math.h>

/* n(x) with what its backward pass needs: layer norm, or x as elements. */
void transformer_layer_normalise(struct transformer_worker *w, int layer, enum transformer_module module, int rows,
                                 const real *x, void *n, void *z, real *scale)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int W = model->config.width;
    if (model->config.norm == NORM_PRE)
        k->norm(rows, W, x, transformer_weight(model, layer, module), transformer_bias(model, layer, module), z, n,
                scale);
    else
        k->narrow((size_t)rows * (size_t)W, x, n);
}

void transformer_layer_denormalise(struct transformer_worker *w, int layer, enum transformer_module module, int rows,
                                   const real *dn, const void *z, const real *scale, bool add, real *dx)
{
    const struct transformer *model = w->model;
    model->kernels->norm_backward(rows, model->config.width, dn, z, scale, transformer_weight(model, layer, module),
                                  add, dx, transformer_weight_gradient(w, layer, module),
                                  transformer_bias_gradient(w, layer, module));
}

/* dx behind y = [x +] F(n(x)), where F begins with the product n W^T of gradient dy: dx = [dx +] n'(dy W). */
static void through_input(struct transformer_worker *w, int layer, enum transformer_module module,
                          const struct weight *W, int rows, const void *dy, const void *z, const real *scale, real *dx)
{
    const struct transformer *model = w->model;
    const bool skip = model->config.skip;
    if (model->config.norm == NORM_PRE) {
        model->kernels->backward(&w->kernel, W, rows, dy, W->out, w->dn, W->in, RESULT_REAL);
        transformer_layer_denormalise(w, layer, module, rows, w->dn, z, scale, skip, dx);
    } else {
        model->kernels->backward(&w->kernel, W, rows, dy, W->out, dx, W->in, skip ? RESULT_REAL_ADDED : RESULT_REAL);
    }
}

/* dW += dy^T x, db += sum of dy over the rows. */
void transformer_layer_weight_gradient(struct transformer_worker *w, int layer, enum transformer_module module,
                                       int rows, int out, int in, const void *dy, const void *x)
{
    const struct kernels *k = w->model->kernels;
    const struct product p = {.batch = 1,
                              .m = out,
                              .n = in,
                              .k = rows,
                              .a_transposed = true,
                              .a_row = out,
                              .b_row = in,
                              .c_row = in,
                              .to_real = true,
                              .accumulate = !w->first};
    k->multiply(&w->kernel, &p, dy, x, transformer_weight_gradient(w, layer, module));
    k->sum_rows(rows, out, dy, !w->first, transformer_bias_gradient(w, layer, module));
}

void transformer_layer_mlp(struct transformer_worker *w, int layer, int rows, real *x, const struct transformer_mlp *s)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_weights *L = &model->machine->layer[layer];
    const int W = L->up.in, F = L->up.out;
    transformer_layer_normalise(w, layer, MODULE_NORM2, rows, x, s->n, s->z, s->scale);
    k->forward(&w->kernel, &L->up, transformer_bias(model, layer, MODULE_UP), rows, s->n, W, s->u, F, RESULT_ELEMENT);
    k->activate(model->config.activation, (size_t)rows * (size_t)F, s->u, s->g);
    k->forward(&w->kernel, &L->down, transformer_bias(model, layer, MODULE_DOWN), rows, s->g, F, x, W,
               model->config.skip ? RESULT_REAL_ADDED : RESULT_REAL);
}

/* The activation's output is computed once more, beside its slope: so a layer need not keep it. */
void transformer_layer_mlp_backward(struct transformer_worker *w, int layer, int rows, real *dx,
                                    const struct transformer_mlp *s, bool deferred)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_weights *L = &model->machine->layer[layer];
    const int W = L->up.in, F = L->up.out;
    k->narrow((size_t)rows * (size_t)W, dx, s->dy);
    k->backward(&w->kernel, &L->down, rows, s->dy, W, s->du, F, RESULT_ELEMENT);
    k->activate_backward(model->config.activation, (size_t)rows * (size_t)F, s->u, s->g, s->du);
    if (!deferred) {
        transformer_layer_weight_gradient(w, layer, MODULE_DOWN, rows, W, F, s->dy, s->g);
        transformer_layer_weight_gradient(w, layer, MODULE_UP, rows, F, W, s->du, s->n);
    }
    through_input(w, layer, MODULE_NORM2, &L->up, rows, s->du, s->z, s->scale, dx);
}

/* Part 0, 1, 2 (q, k, v) of rows [R][row] <-> dense heads [S][H][T][D]. */
static void split_heads(const struct transformer_worker *w, int S, const void *rows, int row, int part, void *heads)
{
    const struct transformer_sizes z = transformer_machine_sizes(w->model, S);
    const size_t size = w->model->kernels->element_size, sequence = (size_t)z.T * size;
    for (int s = 0; s < S; s++)
        w->model->kernels->copy_blocks(
            z.H, z.T, z.D, (const char *)rows + (size_t)s * sequence * (size_t)row + (size_t)(part * z.A) * size,
            (size_t)z.D, row, (char *)heads + (size_t)s * sequence * (size_t)z.A, (size_t)z.T * (size_t)z.D, z.D);
}

static void merge_heads(const struct transformer_worker *w, int S, const void *heads, int row, int part, void *rows)
{
    const struct transformer_sizes z = transformer_machine_sizes(w->model, S);
    const size_t size = w->model->kernels->element_size, sequence = (size_t)z.T * size;
    for (int s = 0; s < S; s++)
        w->model->kernels->copy_blocks(
            z.H, z.T, z.D, (const char *)heads + (size_t)s * sequence * (size_t)z.A, (size_t)z.T * (size_t)z.D, z.D,
            (char *)rows + (size_t)s * sequence * (size_t)row + (size_t)(part * z.A) * size, (size_t)z.D, row);
}

static real attention_scale(const struct transformer *model)
{
    return (real)(1.0 / sqrt(model->config.head_dim));
}

/* A product of heads with heads, [T][D] [T][D]^T: scores [T][T]. */
static struct product scoring(const struct transformer *model, int heads)
{
    const int T = model->config.T, D = model->config.head_dim;
    const size_t TT = (size_t)T * (size_t)T, TD = (size_t)T * (size_t)D;
    return (struct product){.batch = heads,
                            .m = T,
                            .n = T,
                            .k = D,
                            .b_transposed = true,
                            .a_row = D,
                            .b_row = D,
                            .c_row = T,
                            .a_next = TD,
                            .b_next = TD,
                            .c_next = TT,
                            .to_real = true};
}

/* A product of attention p or ds, [T][T] (transposed or not), with heads [T][D]: heads. */
static struct product mixing(const struct transformer *model, int heads, bool transposed)
{
    const int T = model->config.T, D = model->config.head_dim;
    const size_t TT = (size_t)T * (size_t)T, TD = (size_t)T * (size_t)D;
    return (struct product){.batch = heads,
                            .m = T,
                            .n = D,
                            .k = T,
                            .a_transposed = transposed,
                            .a_row = T,
                            .b_row = D,
                            .c_row = D,
                            .a_next = TT,
                            .b_next = TD,
                            .c_next = TD};
}

/* p = softmax(q k^T / sqrt D) of `heads` heads, through a tile of scores. */
static void attend(struct transformer_worker *w, int heads, const void *q, const void *key, void *p)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct product scores = scoring(model, heads);
    const int T = scores.m;
    k->multiply(&w->kernel, &scores, q, key, w->tile);
    if (model->config.mask == MASK_NONE) {
        k->softmax(heads * T, T, -1, attention_scale(model), w->tile, p);
        return;
    }
    for (size_t h = 0; h < (size_t)heads; h++)
        k->softmax(T, T, 0, attention_scale(model), w->tile + h * scores.c_next,
                   (char *)p + h * scores.c_next * k->element_size);
}

/* q, k, v of n [R][W], dense. */
void transformer_layer_qkv(struct transformer_worker *w, int layer, int S, const void *n, void *q, void *k, void *v)
{
    const struct transformer *model = w->model;
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    model->kernels->forward(&w->kernel, &model->machine->layer[layer].qkv, transformer_bias(model, layer, MODULE_QKV),
                            z.R, n, z.W, w->qkv, 3 * z.A, RESULT_ELEMENT);
    split_heads(w, S, w->qkv, 3 * z.A, 0, q);
    split_heads(w, S, w->qkv, 3 * z.A, 1, k);
    if (v)
        split_heads(w, S, w->qkv, 3 * z.A, 2, v);
}

/* How many heads of S H, from head `first` on, make the next tile; 0 at the end. */
static int tile_at(const struct transformer_worker *w, int S, int first)
{
    const int rest = S * w->model->config.heads - first, most = w->model->machine->tile_heads;
    return rest < most ? rest : most;
}

/* The place of head `head` in [S][H][T][width] elements. */
static void *head_at(const struct transformer_worker *w, const void *heads, int head, int width)
{
    return (char *)heads + (size_t)head * (size_t)w->model->config.T * (size_t)width * w->model->kernels->element_size;
}

/* p [S][H][T][T] from dense q, k; and, unless v is NULL, the heads' outputs [S][H][T][D]. */
void transformer_layer_attention(struct transformer_worker *w, int S, const void *q, const void *k, const void *v,
                                 void *p, void *out)
{
    const struct transformer *model = w->model;
    const int T = model->config.T, D = model->config.head_dim;
    for (int h = 0, n; (n = tile_at(w, S, h)) > 0; h += n) {
        attend(w, n, head_at(w, q, h, D), head_at(w, k, h, D), head_at(w, p, h, T));
        const struct product mix = mixing(model, n, false);
        if (v)
            model->kernels->multiply(&w->kernel, &mix, head_at(w, p, h, T), head_at(w, v, h, D), head_at(w, out, h, D));
    }
}

void transformer_layer_forward(struct transformer_worker *w, int layer, int S, real *x)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    const struct transformer_activations *a = &w->layer[layer];
    transformer_layer_normalise(w, layer, MODULE_NORM1, z.R, x, a->n, a->z, a->scale);
    transformer_layer_qkv(w, layer, S, a->n, a->q, a->k, a->v);
    transformer_layer_attention(w, S, a->q, a->k, a->v, a->p, w->head[0]);
    merge_heads(w, S, w->head[0], z.A, 0, a->c);
    k->forward(&w->kernel, &model->machine->layer[layer].out, transformer_bias(model, layer, MODULE_OUT), z.R, a->c,
               z.A, x, z.W, model->config.skip ? RESULT_REAL_ADDED : RESULT_REAL);
    if (z.F > 0)
        transformer_layer_mlp(w, layer, z.R, x, &a->mlp);
}

/* Gradients of q, k, v, merged into w->qkv, from those of the heads' outputs in w->merged. With dc = head output's
 * gradient: dp = dc v^T,  ds = p (dp - sum p dp) / sqrt D,  dv = p^T dc,  dq = ds k,  dk = ds^T q */
static void attention_backward(struct transformer_worker *w, int layer, int S)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_activations *a = &w->layer[layer];
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    void *dc = w->head[0], *dq = w->head[0], *dk = w->head[1], *dv = w->head[2];
    split_heads(w, S, w->merged, z.A, 0, dc);
    for (int h = 0, n; (n = tile_at(w, S, h)) > 0; h += n) {
        const struct product scores = scoring(model, n);
        const struct product mix = mixing(model, n, false), mix_transposed = mixing(model, n, true);
        k->multiply(&w->kernel, &scores, head_at(w, dc, h, z.D), head_at(w, a->v, h, z.D), w->tile);
        k->softmax_backward(n * z.T, z.T, attention_scale(model), head_at(w, a->p, h, z.T), w->tile, w->dtile);
        k->multiply(&w->kernel, &mix_transposed, head_at(w, a->p, h, z.T), head_at(w, dc, h, z.D),
                    head_at(w, dv, h, z.D));
        k->multiply(&w->kernel, &mix_transposed, w->dtile, head_at(w, a->q, h, z.D), head_at(w, dk, h, z.D));
        k->multiply(&w->kernel, &mix, w->dtile, head_at(w, a->k, h, z.D), head_at(w, dq, h, z.D));
    }
    merge_heads(w, S, dq, 3 * z.A, 0, w->qkv);
    merge_heads(w, S, dk, 3 * z.A, 1, w->qkv);
    merge_heads(w, S, dv, 3 * z.A, 2, w->qkv);
}

void transformer_layer_backward(struct transformer_worker *w, int layer, int S, real *dx)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_weights *L = &model->machine->layer[layer];
    const struct transformer_activations *a = &w->layer[layer];
    const struct transformer_sizes z = transformer_machine_sizes(model, S);
    if (z.F > 0)
        transformer_layer_mlp_backward(w, layer, z.R, dx, &a->mlp, false);
    k->narrow((size_t)z.R * (size_t)z.W, dx, w->dy);
    k->backward(&w->kernel, &L->out, z.R, w->dy, z.W, w->merged, z.A, RESULT_ELEMENT);
    transformer_layer_weight_gradient(w, layer, MODULE_OUT, z.R, z.W, z.A, w->dy, a->c);
    attention_backward(w, layer, S);
    transformer_layer_weight_gradient(w, layer, MODULE_QKV, z.R, 3 * z.A, z.W, w->qkv, a->n);
    through_input(w, layer, MODULE_NORM1, &L->qkv, z.R, w->qkv, a->z, a->scale, dx);
}
