/* A layer that is computed whole, forward and backward: attention and MLP (transformer.h has the equations), and the
 * pieces that the first and the last layer share with it. */
#include "models/transformer_internal.h"
#include <math.h>

const void *transformer_layer_elements(const struct transformer_worker *w, size_t n, const real *x, void *room)
{
    const struct kernels *k = w->model->kernels;
    if (k->element_size == sizeof(real))
        return x;
    k->narrow(n, x, room);
    return room;
}

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
    else if (n != x)
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

/* g = f(U n(x) + b_U). */
static void mlp_activations(struct transformer_worker *w, int layer, int rows, const real *x,
                            const struct transformer_mlp *s)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct weight *up = &model->workspace->layer[layer].up;
    transformer_layer_normalise(w, layer, MODULE_NORM2, rows, x, s->n, s->z, s->scale);
    k->forward(&w->kernel, up, transformer_bias(model, layer, MODULE_UP), rows, s->n, up->in, s->u, up->out,
               RESULT_ELEMENT);
    k->activate(model->config.activation, (size_t)rows * (size_t)up->out, s->u, s->g);
}

void transformer_layer_down(struct transformer_worker *w, int layer, int rows, const void *g, bool with_bias, bool add,
                            real *x)
{
    const struct transformer *model = w->model;
    const struct weight *down = &model->workspace->layer[layer].down;
    model->kernels->forward(&w->kernel, down, with_bias ? transformer_bias(model, layer, MODULE_DOWN) : NULL, rows, g,
                            down->in, x, down->out, add ? RESULT_REAL_ADDED : RESULT_REAL);
}

void transformer_layer_mlp(struct transformer_worker *w, int layer, int rows, real *x, const struct transformer_mlp *s)
{
    mlp_activations(w, layer, rows, x, s);
    transformer_layer_down(w, layer, rows, s->g, true, w->model->config.skip, x);
}

/* From du, which holds the gradient of g. */
static void mlp_backward_from_g(struct transformer_worker *w, int layer, int rows, real *dx,
                                const struct transformer_mlp *s, bool deferred)
{
    const struct kernels *k = w->model->kernels;
    const struct weight *up = &w->model->workspace->layer[layer].up;
    k->activate_backward((size_t)rows * (size_t)up->out, s->u, s->du);
    if (!deferred)
        transformer_layer_weight_gradient(w, layer, MODULE_UP, rows, up->out, up->in, s->du, s->n);
    through_input(w, layer, MODULE_NORM2, up, rows, s->du, s->z, s->scale, dx);
}

void transformer_layer_mlp_backward(struct transformer_worker *w, int layer, int rows, real *dx,
                                    const struct transformer_mlp *s, bool deferred)
{
    const struct kernels *k = w->model->kernels;
    const struct weight *down = &w->model->workspace->layer[layer].down;
    const void *dy = s->dy;
    if (deferred)
        k->narrow((size_t)rows * (size_t)down->out, dx, s->dy);
    else
        dy = transformer_layer_elements(w, (size_t)rows * (size_t)down->out, dx, s->dy);
    k->backward(&w->kernel, down, rows, dy, down->out, s->du, down->in, RESULT_ELEMENT);
    if (!deferred)
        transformer_layer_weight_gradient(w, layer, MODULE_DOWN, rows, down->out, down->in, dy, s->g);
    mlp_backward_from_g(w, layer, rows, dx, s, deferred);
}

static real attention_scale(const struct transformer *model)
{
    return (real)(1.0 / sqrt(model->config.head_dim));
}

/* Heads lie side by side: q, k and v of one head in columns of the rows [R][3A], its output in columns of [R][A]. */

/* A product of heads with heads, [T][D] [T][D]^T: scores [T][T]. */
static struct product scoring(const struct transformer *model, int heads, int a_row, int b_row)
{
    const int T = model->config.T, D = model->config.head_dim;
    return (struct product){.batch = heads,
                            .m = T,
                            .n = T,
                            .k = D,
                            .b_transposed = true,
                            .a_row = a_row,
                            .b_row = b_row,
                            .c_row = T,
                            .a_next = (size_t)D,
                            .b_next = (size_t)D,
                            .c_next = (size_t)T * (size_t)T,
                            .to_real = true};
}

/* A product of attention p or ds, [T][T] (transposed or not), with heads [T][D]: heads. */
static struct product mixing(const struct transformer *model, int heads, bool transposed, int b_row, int c_row)
{
    const int T = model->config.T, D = model->config.head_dim;
    return (struct product){.batch = heads,
                            .m = T,
                            .n = D,
                            .k = T,
                            .a_transposed = transposed,
                            .a_row = T,
                            .b_row = b_row,
                            .c_row = c_row,
                            .a_next = (size_t)T * (size_t)T,
                            .b_next = (size_t)D,
                            .c_next = (size_t)D};
}

/* Some heads of one sequence, whose scores make a tile: how many, and where in q, k, v (for k add A, for v 2A), in the
 * heads' outputs and in p they begin, in numbers. */
struct tile {
    int heads, first_head, s;
    size_t qkv, out, p;
};

/* The tile behind one of `done` heads out of S H; heads = 0 at the end. */
static struct tile tile_at(const struct transformer_worker *w, int S, int done)
{
    const struct transformer_sizes z = transformer_workspace_sizes(w->model, S);
    const int s = done / z.H, h = done % z.H, rest = z.H - h, most = w->model->workspace->tile_heads;
    const size_t T = (size_t)z.T, row = (size_t)s * T, column = (size_t)h * (size_t)z.D;
    return (struct tile){.heads = s >= S        ? 0
                                  : rest < most ? rest
                                                : most,
                         .first_head = h,
                         .s = s,
                         .qkv = row * 3 * (size_t)z.A + column,
                         .out = row * (size_t)z.A + column,
                         .p = (size_t)done * T * T};
}

/* Element `i` of `p`. */
static void *at(const struct transformer_worker *w, const void *p, size_t i)
{
    return (char *)p + i * w->model->kernels->element_size;
}

void transformer_layer_qkv(struct transformer_worker *w, int layer, int S, const void *n, void *qkv)
{
    const struct transformer *model = w->model;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    model->kernels->forward(&w->kernel, &model->workspace->layer[layer].qkv, transformer_bias(model, layer, MODULE_QKV),
                            z.R, n, z.W, qkv, 3 * z.A, RESULT_ELEMENT);
}

/* p = softmax(q k^T / sqrt D), and out = p v. */
void transformer_layer_attention(struct transformer_worker *w, int layer, int S, const void *qkv, void *p, void *out)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t A = (size_t)z.A, TT = (size_t)z.T * (size_t)z.T;
    struct tile t;
    for (int done = 0; (t = tile_at(w, S, done)).heads > 0; done += t.heads) {
        const struct product scores = scoring(model, t.heads, 3 * z.A, 3 * z.A);
        const struct product mix = mixing(model, t.heads, false, 3 * z.A, z.A);
        k->multiply(&w->kernel, &scores, at(w, qkv, t.qkv), at(w, qkv, t.qkv + A), w->tile);
        if (model->config.mask == MASK_NONE) {
            k->softmax(t.heads * z.T, z.T, -1, attention_scale(model), w->tile, at(w, p, t.p));
        } else {
            for (size_t h = 0; h < (size_t)t.heads; h++)
                k->softmax(z.T, z.T, 0, attention_scale(model), w->tile + h * TT, at(w, p, t.p + h * TT));
        }
        transformer_clamp_hold(w, layer, t.s, t.first_head, t.heads, false, false, at(w, p, t.p));
        if (out)
            k->multiply(&w->kernel, &mix, at(w, p, t.p), at(w, qkv, t.qkv + 2 * A), at(w, out, t.out));
    }
}

void transformer_layer_forward(struct transformer_worker *w, int layer, int S, real *x)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const struct transformer_activations *a = &w->layer[layer];
    if (layer == 0 && model->workspace->first.wanted) {
        transformer_first_qkv_forward(w, S, a->qkv);
    } else {
        transformer_layer_normalise(w, layer, MODULE_NORM1, z.R, x, a->n, a->z, a->scale);
        transformer_layer_qkv(w, layer, S, a->n, a->qkv);
    }
    transformer_part_ends(w, PART_QKV);
    transformer_layer_attention(w, layer, S, a->qkv, a->p, a->c);
    k->forward(&w->kernel, &model->workspace->layer[layer].out, transformer_bias(model, layer, MODULE_OUT), z.R, a->c,
               z.A, x, z.W, model->config.skip ? RESULT_REAL_ADDED : RESULT_REAL);
    transformer_part_ends(w, PART_ATTENTION);
    if (layer == model->workspace->held)
        mlp_activations(w, layer, z.R, x, &a->mlp);
    else if (z.F > 0)
        transformer_layer_mlp(w, layer, z.R, x, &a->mlp);
    transformer_part_ends(w, PART_MLP);
}

/* Gradients of q, k, v in w->dqkv, from those of the heads' outputs in w->dc: dp = dc v^T,
 * ds = p (dp - sum p dp) / sqrt D,  dv = p^T dc,  dq = ds k,  dk = ds^T q. */
static void attention_backward(struct transformer_worker *w, int layer, int S)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_activations *a = &w->layer[layer];
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t A = (size_t)z.A;
    const int row = 3 * z.A;
    struct tile t;
    for (int done = 0; (t = tile_at(w, S, done)).heads > 0; done += t.heads) {
        const struct product scores = scoring(model, t.heads, z.A, row);
        const struct product from_out = mixing(model, t.heads, true, z.A, row);
        const struct product from_q = mixing(model, t.heads, true, row, row);
        const struct product from_k = mixing(model, t.heads, false, row, row);
        const void *dc = at(w, w->dc, t.out), *p = at(w, a->p, t.p);
        k->multiply(&w->kernel, &scores, dc, at(w, a->qkv, t.qkv + 2 * A), w->tile);
        k->softmax_backward(t.heads * z.T, z.T, attention_scale(model), p, w->tile, w->dtile);
        transformer_clamp_hold(w, layer, t.s, t.first_head, t.heads, false, true, w->dtile);
        k->multiply(&w->kernel, &from_out, p, dc, at(w, w->dqkv, t.qkv + 2 * A));
        k->multiply(&w->kernel, &from_q, w->dtile, at(w, a->qkv, t.qkv), at(w, w->dqkv, t.qkv + A));
        k->multiply(&w->kernel, &from_k, w->dtile, at(w, a->qkv, t.qkv + A), at(w, w->dqkv, t.qkv));
    }
}

void transformer_layer_backward(struct transformer_worker *w, int layer, int S, real *dx)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_weights *L = &model->workspace->layer[layer];
    const struct transformer_activations *a = &w->layer[layer];
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    if (layer == model->workspace->held)
        mlp_backward_from_g(w, layer, z.R, dx, &a->mlp, false);
    else if (z.F > 0)
        transformer_layer_mlp_backward(w, layer, z.R, dx, &a->mlp, false);
    transformer_part_ends(w, PART_MLP);
    const void *dy = transformer_layer_elements(w, (size_t)z.R * (size_t)z.W, dx, w->dy);
    k->backward(&w->kernel, &L->out, z.R, dy, z.W, w->dc, z.A, RESULT_ELEMENT);
    transformer_layer_weight_gradient(w, layer, MODULE_OUT, z.R, z.W, z.A, dy, a->c);
    attention_backward(w, layer, S);
    transformer_part_ends(w, PART_ATTENTION);
    if (layer == 0 && model->workspace->first.wanted) {
        transformer_first_qkv_backward(w, S);
    } else {
        transformer_layer_weight_gradient(w, layer, MODULE_QKV, z.R, 3 * z.A, z.W, w->dqkv, a->n);
        through_input(w, layer, MODULE_NORM1, &L->qkv, z.R, w->dqkv, a->z, a->scale, dx);
    }
    transformer_part_ends(w, PART_QKV);
}
