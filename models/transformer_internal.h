/* What the files of the Transformer share: modules and their parameters, packed weights, and what a thread works in.
 *
 * Sizes in comments: S sequences of T tokens in a micro-batch, R = S T rows, W width, H heads, D head_dim, A = H D,
 * F = mlp W, N sequences in the batch. Everything is row-major; void pointers hold elements (real.h). */
#ifndef TRANSFORMER_INTERNAL_H
#define TRANSFORMER_INTERNAL_H
#include "models/transformer.h"

enum {
    TRANSFORMER_LAYERS = 64,     /* at most */
    TRANSFORMER_ACCUMULATORS = 4 /* partial sums of a gradient */
};

/* Modules with .weight and .bias, in the order of the parameter block. */
enum transformer_module {
    MODULE_EMBED,
    MODULE_NORM1,
    MODULE_QKV,
    MODULE_OUT,
    MODULE_NORM2,
    MODULE_UP,
    MODULE_DOWN,
    MODULE_FINAL_NORM,
    MODULE_UNEMBED,
    MODULE_COUNT
};

struct transformer_sizes {
    int S, T, R, W, H, D, A, F;
};

/* Weights of a layer, prepared for products. A layer that is computed whole has qkv; the short last layer has q and,
 * per head, key and value ([D][W] each), and also qkv if its whole attention is looked at. What does not exist is
 * zeroed. */
struct transformer_weights {
    struct weight qkv, out, up, down, q;
    struct weight *key, *value; /* [H], owned */
};

/* Buffers of one MLP: what its forward pass keeps for the backward pass, and what both work in. All hold elements,
 * except scale. */
struct transformer_mlp {
    void *n, *z; /* [rows][W]: n(x), and x normalised */
    real *scale; /* [rows]: see kernels.norm */
    void *u;     /* [rows][F]: input of the activation, then its slope there */
    void *g;     /* [rows][F]: its output */
    void *du;    /* [rows][F]: gradient of g, then of u */
    void *dy;    /* [rows][W]: gradient of the MLP's output */
};

/* What a layer that is computed whole leaves for its backward pass. */
struct transformer_activations {
    void *n, *z; /* [R][W]: n(x), and x normalised */
    real *scale; /* [R] */
    void *qkv;   /* [R][3A]: q, k, v of all heads */
    void *p;     /* [S][H][T][T] */
    void *c;     /* [R][A]: the heads' outputs */
    struct transformer_mlp mlp;
};

/* Rows of the short last layer and of the readout, one a sequence: kept for the whole batch, because their weight
 * gradients are products over all of it, made at the end. */
struct transformer_rows {
    void *last;            /* [N][W]: n(x) at the last position */
    void *q, *dq, *o, *dO; /* [N][A]: query, the heads' outputs; their gradients */
    void *m, *dr;          /* [N][H][W]: sum_t p_t n_t; gradient of r = K^T q */
    void *da;              /* [N][W]: gradient of the attention's output */
    /* Where the layer below holds its MLP back (g_t its activations there), see transformer_last_query.c: */
    void *r, *dm;           /* [N][H][W]: K^T q; gradient of m */
    void *m_held, *ds_held; /* [N][H][F]: sum_t p_t g_t, sum_t ds_t g_t */
    void *dx, *g_held;      /* [N][W], [N][F]: at the last position, gradient of what the layer reads, and g */
    struct transformer_mlp mlp;
    void *z, *h; /* [N][W]: x normalised by the final norm (readout=last); what the readout reads */
    real *scale; /* [N] */
    void *dout;  /* [N][outputs]: gradient of the outputs */
};

/* One thread's own. All buffers lie in one block. */
struct transformer_worker {
    const struct transformer *model; /* borrowed */
    struct kernels_worker kernel;
    const struct transformer_batch *batch; /* borrowed: in hand, .. */
    int first_sequence;                    /* .. and where the micro-batch begins in it */
    double clock, spent[PART_COUNT];       /* when the part in hand began; seconds so far */
    char *block;                           /* owned */
    struct transformer_activations layer[TRANSFORMER_LAYERS];
    real *x, *dx, *dn;      /* [R][W]: the stream, its gradient, a gradient behind a norm */
    real *xl, *dxl, *dh;    /* [S][W]: the stream at the last position, its gradient; dh */
    void *in_room;          /* [R][inputs] (regression) */
    const void *in;         /* the inputs as elements: there, or where the batch has them */
    const int32_t *token;   /* [R], borrowed (recall; else NULL) */
    void *dy;               /* [R][W]: dx as elements */
    void *du;               /* [R][F] */
    real *qkv;              /* [R][3A]: the first layer's, before they are rounded; NULL where elements are not */
    void *dqkv;             /* [R][3A] */
    void *dc;               /* [R][A]: gradient of the heads' outputs */
    real *tile;             /* [heads of a tile][T][T]: scores, then their gradient */
    void *dtile;            /* the same as elements */
    real *score;            /* [S][H][T]: of the short last layer */
    real *held_row;         /* [T]: a row of attention that is held */
    void *p_ds;             /* [S][2][H][T]: its p and ds */
    void *dm_r;             /* [S][2][H][W]: dm and r of it */
    void *dm_r_held;        /* [S][2][H][F]: D^T of them */
    void *held;             /* [S][H][F] */
    real *sums, *last_held; /* [S][H][W]; [S][F] */
    void *nf, *zf;          /* [R][W]: final norm (readout=mean) */
    real *scalef;           /* [R] */
    real *out, *row;        /* [S][outputs]; [inputs] or [F] */
    real *gradient;         /* borrowed: the accumulator's, [count]; NULL: forward only */
    real *first_sums;       /* borrowed: the accumulator's, see transformer_first_qkv */
    bool first;             /* no matrix gradient was added to it yet */
};

/* The first layer's queries, keys and values straight from the input (transformer_first_qkv.c). */
struct transformer_first_qkv {
    bool wanted;
    real *P, *M, *C;                          /* owned: [T][W], [inputs][3A], [T][3A] */
    void *qkv, *embed, *position, *M_element; /* owned, as elements: [3A][W], [W][inputs], [T][W] (P), [inputs][3A] */
    real *accumulator[TRANSFORMER_ACCUMULATORS]; /* owned: G [inputs][3A] and H [T][3A] */
    void *sums;                                  /* owned: those of all accumulators, as elements */
};

struct transformer_workspace {
    struct transformer_sizes sizes; /* of the largest micro-batch */
    bool is_short;                  /* the last layer is computed for the last position only */
    bool whole_last;                /* .. but probes have looked at all of its attention */
    int held; /* the layer whose MLP's output is held back: the short last one reads its activations; -1: none */
    struct transformer_first_qkv first;
    int tile_heads;
    int index[TRANSFORMER_LAYERS][MODULE_COUNT]; /* number of .weight in `tensor` (.bias follows); -1: no such module */
    struct transformer_weights layer[TRANSFORMER_LAYERS];
    struct weight embed, unembed; /* embed: regression only */
    real *position;               /* owned, [T][W] */
    real *lookup;                 /* owned, [inputs][W]: embed.weight transposed (recall), or its gradient */
    int workers;
    struct transformer_worker *worker;           /* owned, [workers] */
    real *accumulator[TRANSFORMER_ACCUMULATORS]; /* owned, [count]; the first is the caller's gradient, NULL here */
    int N;                                       /* sequences that rows_block has room for */
    char *rows_block;                            /* owned */
};

/* A file calls only those before it in this list (transformer_NAME.c): parameters; workspace; clamp; layer, first_qkv,
 * last_query and embed_readout; step. */

/* transformer_parameters.c: names, places and starts of the parameters. */
/* Lists the tensors of model->config and makes room for their numbers. ERR_MEMORY. */
enum status transformer_parameters_create(struct transformer *model);
/* Where a module's parameters are, and where their gradients in the worker's. */
real *transformer_weight(const struct transformer *model, int layer, enum transformer_module module);
real *transformer_bias(const struct transformer *model, int layer, enum transformer_module module);
real *transformer_weight_gradient(const struct transformer_worker *w, int layer, enum transformer_module module);
real *transformer_bias_gradient(const struct transformer_worker *w, int layer, enum transformer_module module);

/* transformer_step.c: the part that ends here takes the time since the last one ended. */
void transformer_part_ends(struct transformer_worker *w, enum transformer_part part);

/* transformer_workspace.c: storage and packed weights. */
struct transformer_sizes transformer_workspace_sizes(const struct transformer *model, int sequences);
enum status
transformer_workspace_create(struct transformer *model); /* `workspace` is zeroed, all else set. ERR_MEMORY, .. */
void transformer_workspace_free(struct transformer *model);
/* Room for rows of N sequences and, if wanted, for the accumulators of a gradient. ERR_MEMORY. */
enum status transformer_workspace_reserve(struct transformer *model, int N, bool accumulators);
/* The rows from sequence `first` on. */
struct transformer_rows transformer_workspace_rows(const struct transformer *model, int first);
/* Prepared weights: how many places there are; packs the one in place i, if this model has one there. */
int transformer_workspace_weights(const struct transformer *model);
void transformer_workspace_pack(struct transformer_worker *w, int i);
/* Makes qkv of the short last layer, unless it exists. */
enum status transformer_workspace_open_last(struct transformer *model);

/* transformer_clamp.c: overwrites the rows of attention p (gradient: of its gradient, by 0) that the batch's clamps
 * hold in a layer, for some heads of sequence s of the micro-batch: rows [heads][T][T], or, single, [heads][T] of the
 * last query. */
void transformer_clamp_hold(struct transformer_worker *w, int layer, int s, int first_head, int heads, bool single,
                            bool gradient, void *rows);

/* transformer_layer.c: layers that are computed whole. x and dx are [R][W], changed in place; an MLP takes any rows. */
void transformer_layer_forward(struct transformer_worker *w, int layer, int S, real *x);
void transformer_layer_backward(struct transformer_worker *w, int layer, int S, real *dx);
void transformer_layer_mlp(struct transformer_worker *w, int layer, int rows, real *x, const struct transformer_mlp *s);
/* x [rows][W] = [x +] D g [+ b_D]. */
void transformer_layer_down(struct transformer_worker *w, int layer, int rows, const void *g, bool with_bias, bool add,
                            real *x);
/* deferred: the weight gradients are not added up here. */
void transformer_layer_mlp_backward(struct transformer_worker *w, int layer, int rows, real *dx,
                                    const struct transformer_mlp *s, bool deferred);
/* x[n] as elements: itself where elements are reals, else rounded, in `room`. */
const void *transformer_layer_elements(const struct transformer_worker *w, size_t n, const real *x, void *room);
/* n = n(x) with z and scale (see kernels.norm; norm=none: n = x rounded); and back: dx = [dx +] n'(dn). */
void transformer_layer_normalise(struct transformer_worker *w, int layer, enum transformer_module module, int rows,
                                 const real *x, void *n, void *z, real *scale);
void transformer_layer_denormalise(struct transformer_worker *w, int layer, enum transformer_module module, int rows,
                                   const real *dn, const void *z, const real *scale, bool add, real *dx);
/* qkv [R][3A] of n [R][W]; p [S][H][T][T] and, unless out [R][A] is NULL, the heads' outputs. */
void transformer_layer_qkv(struct transformer_worker *w, int layer, int S, const void *n, void *qkv);
void transformer_layer_attention(struct transformer_worker *w, int layer, int S, const void *qkv, void *p, void *out);
/* Adds dy^T x to the gradient of the weight, and the sum of dy over the rows to that of the bias. */
void transformer_layer_weight_gradient(struct transformer_worker *w, int layer, enum transformer_module module,
                                       int rows, int out, int in, const void *dy, const void *x);

/* transformer_last_query.c: the short last layer: w->x [R][W] -> w->xl [S][W], w->dxl -> w->dx; then the gradients over
 * a batch of N of its weights and biases and of the readout's. */
void transformer_last_query_forward(struct transformer_worker *w, int S, const struct transformer_rows *r);
void transformer_last_query_backward(struct transformer_worker *w, int S, const struct transformer_rows *r);
void transformer_last_query_gradient(struct transformer_worker *w, int layer, enum transformer_module module, int N,
                                     const struct transformer_rows *r);
/* What the last layer reads at every position, into its n, for probes of its whole attention. Changes w->x. */
void transformer_last_query_whole_input(struct transformer_worker *w, int S);

/* transformer_first_qkv.c: the first layer's queries, keys and values. Once a step: _elements, then _prepare (tasks
 * 0 .. TRANSFORMER_ACCUMULATORS); for a micro-batch: _forward and _backward; at the end of a gradient: _add_up (shares
 * 0 .. TRANSFORMER_ACCUMULATORS - 1), then the gradients: of QKV overwritten, of the embedding added. */
void transformer_first_qkv_elements(struct transformer_worker *w);
void transformer_first_qkv_prepare(struct transformer_worker *w, int task);
void transformer_first_qkv_forward(struct transformer_worker *w, int S, void *qkv);
void transformer_first_qkv_backward(struct transformer_worker *w, int S);
size_t transformer_first_qkv_sums(const struct transformer *model); /* numbers in first_sums */
void transformer_first_qkv_add_up(struct transformer_worker *w, int share, int accumulators);
void transformer_first_qkv_gradient(struct transformer_worker *w);
void transformer_first_qkv_gradient_embed(struct transformer_worker *w);

/* transformer_embed_readout.c: what is before the first layer (into w->x) and behind the last (into w->out). */
void transformer_embed(struct transformer_worker *w, const struct transformer_batch *batch, int first, int S);
void transformer_embed_backward(struct transformer_worker *w, int S);
void transformer_last_rows(struct transformer_worker *w, int S);
void transformer_readout(struct transformer_worker *w, int S, const struct transformer_rows *r);
/* w->out becomes the gradient of the mean loss; overwrites loss[S] and (recall) correct[S], 1 or 0. */
void transformer_loss(struct transformer_worker *w, const struct transformer_batch *batch, int first, int S,
                      double *loss, double *correct);
void transformer_readout_backward(struct transformer_worker *w, int S, const struct transformer_rows *r);

#endif
