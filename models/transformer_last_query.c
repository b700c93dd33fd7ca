/* The last layer when only the last position is read: one query a sequence (the first two identities of
 * transformer.h). */
#include "models/transformer_internal.h"
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

/* What the layer reads of a position is n_t = n(x_t), or, where the layer below holds its MLP back, the sum of two
 * parts: x_t = [y_t +] D g_t + b_D. Products with all positions are made with each part on its own. */
struct part {
    const void *n; /* [S][T][width] */
    int width;
    void *dm_r;     /* [S][2][H][width]: the factors of n in dp and in the scores */
    void *m, *ds_n; /* [S][H][width]: sum_t p_t n_t, sum_t ds_t n_t */
};

enum { PARTS = 2 };

/* The parts that there are: at most the stream, and behind it the activations that are held back. */
static int parts_of(const struct transformer_worker *w, const struct transformer_rows *r, struct part part[PARTS])
{
    const struct transformer *model = w->model;
    const int held = model->workspace->held;
    int parts = 0;
    if (held < 0 || model->config.skip)
        part[parts++] = (struct part){w->layer[model->config.layers - 1].n, model->config.width, w->dm_r, r->m, r->dr};
    if (held >= 0)
        part[parts++] =
            (struct part){w->layer[held].mlp.g, model->workspace->sizes.F, w->dm_r_held, r->m_held, r->ds_held};
    return parts;
}

/* What is in slot 0 (dm) or 1 (r) of dm_r, [S][H][W], times D, into that slot of dm_r_held; `rows` keeps it. */
static void multiply_down(struct transformer_worker *w, int S, size_t slot, void *rows)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct weight *down = &model->workspace->layer[model->workspace->held].down;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t HW = (size_t)z.H * (size_t)z.W, HF = (size_t)z.H * (size_t)z.F;
    k->copy_blocks(S, z.H, z.W, at(w, w->dm_r, slot * HW), 2 * HW, z.W, rows, HW, z.W);
    k->backward(&w->kernel, down, S * z.H, rows, z.W, w->held, z.F, RESULT_ELEMENT);
    k->copy_blocks(S, z.H, z.F, w->held, HF, z.F, at(w, w->dm_r_held, slot * HF), 2 * HF, z.F);
}

/* sums [S][H][W] += D sums_held + b_D, or what is added alone, if the layers have no skip paths. */
static void add_down(struct transformer_worker *w, int S, const void *sums_held, bool with_bias, void *sums)
{
    const struct kernels *k = w->model->kernels;
    const struct transformer_sizes z = transformer_workspace_sizes(w->model, S);
    const size_t n = (size_t)(S * z.H) * (size_t)z.W;
    k->widen(n, sums, w->sums);
    transformer_layer_down(w, w->model->workspace->held, S * z.H, sums_held, with_bias, w->model->config.skip, w->sums);
    k->narrow(n, w->sums, sums);
}

/* xl = x at the last position, last = n(xl). */
static void last_position(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const int held = model->workspace->held;
    const size_t before = (size_t)(z.T - 1);
    transformer_last_rows(w, S);
    if (held >= 0) {
        k->copy_blocks(1, S, z.F, at(w, w->layer[held].mlp.g, before * (size_t)z.F), 0, z.T * z.F, r->g_held, 0, z.F);
        transformer_layer_down(w, held, S, r->g_held, true, model->config.skip, w->xl);
        k->narrow((size_t)S * (size_t)z.W, w->xl, r->last);
    } else {
        k->copy_blocks(1, S, z.W, at(w, w->layer[model->config.layers - 1].n, before * (size_t)z.W), 0, z.T * z.W,
                       r->last, 0, z.W);
    }
}

/* scores[S][H][T] of what is in a slot of dm_r with all positions. */
static void multiply_positions(struct transformer_worker *w, int S, size_t slot, const struct part *part, int parts)
{
    const struct transformer_sizes z = transformer_workspace_sizes(w->model, S);
    for (int i = 0; i < parts; i++) {
        const size_t H = (size_t)z.H, T = (size_t)z.T, width = (size_t)part[i].width;
        struct product p = per_sequence(S, z.H, z.T, part[i].width, 2 * H * width, T * width, H * T);
        p.b_transposed = p.to_real = true;
        p.b_row = part[i].width;
        p.accumulate = i > 0;
        w->model->kernels->multiply(&w->kernel, &p, at(w, part[i].dm_r, slot * H * width), part[i].n, w->score);
    }
}

/* Sums over the positions, weighted by p (into m) or ds (into ds_n). */
static void sum_positions(struct transformer_worker *w, int S, bool by_ds, const struct part *part, int parts)
{
    const struct transformer_sizes z = transformer_workspace_sizes(w->model, S);
    const size_t H = (size_t)z.H, T = (size_t)z.T;
    for (int i = 0; i < parts; i++) {
        const size_t width = (size_t)part[i].width;
        const struct product p = per_sequence(S, z.H, part[i].width, z.T, 2 * H * T, T * width, H * width);
        w->model->kernels->multiply(&w->kernel, &p, at(w, w->p_ds, by_ds ? H * T : 0), part[i].n,
                                    by_ds ? part[i].ds_n : part[i].m);
    }
}

void transformer_last_query_forward(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int layer = model->config.layers - 1, held = model->workspace->held;
    const struct transformer_weights *L = &model->workspace->layer[layer];
    const struct transformer_activations *a = &w->layer[layer];
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t T = (size_t)z.T, W = (size_t)z.W, H = (size_t)z.H, D = (size_t)z.D;
    struct part part[PARTS];
    const int parts = parts_of(w, r, part);
    if (held < 0 || model->config.skip)
        transformer_layer_normalise(w, layer, MODULE_NORM1, z.R, w->x, a->n, a->z, a->scale);
    last_position(w, S, r);
    k->forward(&w->kernel, &L->q, transformer_bias(model, layer, MODULE_QKV), S, r->last, z.W, r->q, z.A,
               RESULT_ELEMENT);
    for (size_t h = 0; h < H; h++)
        k->backward(&w->kernel, &L->key[h], S, at(w, r->q, h * D), z.A, at(w, w->dm_r, (H + h) * W), 2 * z.H * z.W,
                    RESULT_ELEMENT);
    if (held >= 0)
        multiply_down(w, S, 1, r->r);
    multiply_positions(w, S, 1, part, parts);
    for (size_t s = 0; s < (size_t)S; s++) {
        k->softmax(z.H, z.T, -1, (real)(1.0 / sqrt(z.D)), w->score + s * H * T, at(w, w->p_ds, 2 * s * H * T));
        transformer_clamp_hold(w, layer, (int)s, 0, z.H, true, false, at(w, w->p_ds, 2 * s * H * T));
    }
    sum_positions(w, S, false, part, parts);
    if (held >= 0)
        add_down(w, S, r->m_held, true, r->m);
    const real *bias = transformer_bias(model, layer, MODULE_QKV) + 2 * H * D;
    for (size_t h = 0; h < H; h++)
        k->forward(&w->kernel, &L->value[h], bias + h * D, S, at(w, r->m, h * W), z.H * z.W, at(w, r->o, h * D), z.A,
                   RESULT_ELEMENT);
    k->forward(&w->kernel, &L->out, transformer_bias(model, layer, MODULE_OUT), S, r->o, z.A, w->xl, z.W,
               model->config.skip ? RESULT_REAL_ADDED : RESULT_REAL);
    if (z.F > 0)
        transformer_layer_mlp(w, layer, S, w->xl, &r->mlp);
}

/* dm = V^T dO, dp = dm n, ds = p (dp - sum p dp)/sqrt D, dr = sum_t ds_t n_t, dq = K dr,
 * dn_t = sum over heads of p_t dm + ds_t r, in each part; of the activations held back into w->du. */
static void attention_backward(struct transformer_worker *w, int S, const struct transformer_rows *r, real *dn)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int layer = model->config.layers - 1, held = model->workspace->held;
    const struct transformer_weights *L = &model->workspace->layer[layer];
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const size_t T = (size_t)z.T, W = (size_t)z.W, H = (size_t)z.H, D = (size_t)z.D;
    struct part part[PARTS];
    const int parts = parts_of(w, r, part);
    for (size_t h = 0; h < H; h++)
        k->backward(&w->kernel, &L->value[h], S, at(w, r->dO, h * D), z.A, at(w, w->dm_r, h * W), 2 * z.H * z.W,
                    RESULT_ELEMENT);
    if (held >= 0)
        multiply_down(w, S, 0, r->dm);
    multiply_positions(w, S, 0, part, parts);
    for (size_t s = 0; s < (size_t)S; s++) {
        void *ds = at(w, w->p_ds, (2 * s + 1) * H * T);
        k->softmax_backward(z.H, z.T, (real)(1.0 / sqrt(z.D)), at(w, w->p_ds, 2 * s * H * T), w->score + s * H * T, ds);
        transformer_clamp_hold(w, layer, (int)s, 0, z.H, true, true, ds);
    }
    sum_positions(w, S, true, part, parts);
    if (held >= 0)
        add_down(w, S, r->ds_held, false, r->dr); /* sum_t ds_t = 0 leaves nothing of b_D */
    for (size_t h = 0; h < H; h++)
        k->forward(&w->kernel, &L->key[h], NULL, S, at(w, r->dr, h * W), z.H * z.W, at(w, r->dq, h * D), z.A,
                   RESULT_ELEMENT);
    for (int i = 0; i < parts; i++) {
        /* p and ds, dm and r lie one behind the other: one product over 2 H. */
        const size_t width = (size_t)part[i].width;
        struct product spread = per_sequence(S, z.T, part[i].width, 2 * z.H, 2 * H * T, 2 * H * width, T * width);
        const bool is_held = held >= 0 && i == parts - 1;
        spread.a_transposed = true;
        spread.to_real = !is_held;
        spread.a_row = z.T;
        k->multiply(&w->kernel, &spread, w->p_ds, part[i].dm_r, is_held ? w->du : (void *)dn);
    }
}

/* du at the last position += D^T x, x the gradient at that position (elements in r->dx). */
static void add_last_held(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct kernels *k = w->model->kernels;
    const struct weight *down = &w->model->workspace->layer[w->model->workspace->held].down;
    const size_t T = (size_t)w->model->config.T, F = (size_t)down->in;
    k->narrow((size_t)S * (size_t)down->out, w->dxl, r->dx);
    k->backward(&w->kernel, down, S, r->dx, down->out, w->last_held, down->in, RESULT_REAL);
    for (size_t s = 0; s < (size_t)S; s++) {
        void *du = at(w, w->du, (s * T + T - 1) * F);
        k->widen(F, du, w->row);
        for (size_t i = 0; i < F; i++)
            w->row[i] += w->last_held[s * F + i];
        k->narrow(F, w->row, du);
    }
}

/* The gradient of the query's input Q^T dq belongs to the last position alone, as does that of the skip path. */
void transformer_last_query_backward(struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct kernels *k = model->kernels;
    const int layer = model->config.layers - 1;
    const struct transformer_weights *L = &model->workspace->layer[layer];
    const struct transformer_sizes z = transformer_workspace_sizes(model, S);
    const struct transformer_activations *a = &w->layer[layer];
    const size_t T = (size_t)z.T, W = (size_t)z.W;
    const bool norm = model->config.norm == NORM_PRE, skip = model->config.skip;
    if (z.F > 0)
        transformer_layer_mlp_backward(w, layer, S, w->dxl, &r->mlp, true);
    k->narrow((size_t)S * W, w->dxl, r->da);
    k->backward(&w->kernel, &L->out, S, r->da, z.W, r->dO, z.A, RESULT_ELEMENT);
    attention_backward(w, S, r, norm ? w->dn : w->dx);
    if (norm) {
        k->backward(&w->kernel, &L->q, S, r->dq, z.A, w->dn + (T - 1) * W, z.T * z.W, RESULT_REAL_ADDED);
        transformer_layer_denormalise(w, layer, MODULE_NORM1, z.R, w->dn, a->z, a->scale, false, w->dx);
    } else {
        k->backward(&w->kernel, &L->q, S, r->dq, z.A, w->dxl, z.W, skip ? RESULT_REAL_ADDED : RESULT_REAL);
        if (model->workspace->held >= 0)
            add_last_held(w, S, r);
    }
    for (size_t s = 0; s < (size_t)S && (skip || !norm); s++) {
        for (size_t i = 0; i < W; i++)
            w->dx[(s * T + T - 1) * W + i] += w->dxl[s * W + i];
    }
}

void transformer_last_query_whole_input(struct transformer_worker *w, int S)
{
    const struct transformer *model = w->model;
    const int layer = model->config.layers - 1, held = model->workspace->held;
    const struct transformer_activations *a = &w->layer[layer];
    const int R = S * model->config.T;
    if (held < 0)
        return;
    transformer_layer_down(w, held, R, w->layer[held].mlp.g, true, model->config.skip, w->x);
    transformer_layer_normalise(w, layer, MODULE_NORM1, R, w->x, a->n, a->z, a->scale);
}

/* dW[out][in] (+)= dy^T x over `rows` rows, `batch` blocks of them; db (+)= sum of dy (NULL: none). */
static void product_gradient(struct transformer_worker *w, int rows, int batch, int out, int in, const void *dy,
                             const void *x, bool add, real *dW, real *db)
{
    const struct kernels *k = w->model->kernels;
    const struct product p = {.batch = batch,
                              .m = out,
                              .n = in,
                              .k = rows,
                              .a_transposed = true,
                              .a_row = batch * out,
                              .b_row = batch * in,
                              .c_row = in,
                              .a_next = (size_t)out,
                              .b_next = (size_t)in,
                              .c_next = (size_t)out * (size_t)in,
                              .to_real = true,
                              .accumulate = add};
    k->multiply(&w->kernel, &p, dy, x, dW);
    if (db)
        k->sum_rows(rows, batch * out, dy, add, db);
}

/* The bias of the keys has no gradient: softmax does not see q . b_K. Of the MLP held back, with dx_t = sum over heads
 * of p_t dm + ds_t r, and dx at the last position:  dD = sum_t dx_t g_t^T = dm (sum p g)^T + r (sum ds g)^T + dx g^T.
 */
void transformer_last_query_gradient(struct transformer_worker *w, int layer, enum transformer_module module, int N,
                                     const struct transformer_rows *r)
{
    const struct transformer *model = w->model;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    real *dW = transformer_weight_gradient(w, layer, module), *db = transformer_bias_gradient(w, layer, module);
    const size_t A = (size_t)z.A, AW = A * (size_t)z.W;
    if (module == MODULE_QKV) {
        product_gradient(w, N, 1, z.A, z.W, r->dq, r->last, false, dW, db);
        product_gradient(w, N, z.H, z.D, z.W, r->q, r->dr, false, dW + AW, NULL);
        memset(db + A, 0, A * sizeof *db);
        product_gradient(w, N, z.H, z.D, z.W, r->dO, r->m, false, dW + 2 * AW, db + 2 * A);
    } else if (module == MODULE_OUT) {
        product_gradient(w, N, 1, z.W, z.A, r->da, r->o, false, dW, db);
    } else if (module == MODULE_UP) {
        product_gradient(w, N, 1, z.F, z.W, r->mlp.du, r->mlp.n, false, dW, db);
    } else if (module == MODULE_DOWN && layer == model->workspace->held) {
        product_gradient(w, N * z.H, 1, z.W, z.F, r->dm, r->m_held, false, dW, db);
        product_gradient(w, N * z.H, 1, z.W, z.F, r->r, r->ds_held, true, dW, NULL);
        product_gradient(w, N, 1, z.W, z.F, r->dx, r->g_held, true, dW, db);
    } else if (module == MODULE_DOWN) {
        product_gradient(w, N, 1, z.W, z.F, r->mlp.dy, r->mlp.g, false, dW, db);
    } else {
        product_gradient(w, N, 1, model->config.outputs, z.W, r->dout, r->h, false, dW, db);
    }
}
