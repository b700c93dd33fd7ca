/* What a Transformer computes in: the packed weights, what each thread works in (one block of memory each), and the
 * accumulators of the gradient. Everything is made once and kept from call to call. */
#include "models/transformer_internal.h"
#include <math.h>
#include <stdlib.h>

enum {
    ROWS = 1024,   /* rows of a micro-batch, about: its activations then stay in the second cache */
    TILE = 1 << 16 /* attention scores worked on at a time, about */
};

struct transformer_sizes transformer_workspace_sizes(const struct transformer *model, int sequences)
{
    const struct transformer_config *c = &model->config;
    return (struct transformer_sizes){.S = sequences,
                                      .T = c->T,
                                      .R = sequences * c->T,
                                      .W = c->width,
                                      .H = c->heads,
                                      .D = c->head_dim,
                                      .A = c->heads * c->head_dim,
                                      .F = c->mlp * c->width};
}

/* A block is handed out piece by piece, each aligned; with base = NULL the pieces are only counted. */
struct block {
    char *base;
    size_t used;
};

static void *take(struct block *block, size_t n, size_t size)
{
    enum { ALIGNMENT = 64 };
    char *piece = block->base ? block->base + block->used : NULL;
    block->used += (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return piece;
}

/* The buffers of a worker: called twice, to count and to hand out. */
static void lay_out_layer(const struct transformer *model, const struct transformer_worker *w, struct block *block,
                          struct transformer_activations *a)
{
    const struct transformer_sizes z = model->workspace->sizes;
    const size_t size = model->kernels->element_size, R = (size_t)z.R, RW = R * (size_t)z.W;
    const size_t RA = R * (size_t)z.A, pre = model->config.norm == NORM_PRE;
    const int layer = (int)(a - w->layer);
    const bool whole = layer < model->config.layers - model->workspace->is_short;
    const bool by_name = !pre && size == sizeof(real); /* n(x) is x, and need not be kept where x stays as it is */
    a->n = by_name && !whole ? w->x : take(block, RW, size);
    a->z = take(block, pre * RW, size);
    a->scale = take(block, R, sizeof(real));
    a->p = take(block, R * (size_t)z.T * (size_t)z.H, size);
    if (!whole)
        return;
    a->qkv = take(block, 3 * RA, size);
    a->c = take(block, RA, size);
    a->mlp = (struct transformer_mlp){.n = by_name && layer == model->workspace->held ? w->x : take(block, RW, size),
                                      .z = take(block, pre * RW, size),
                                      .scale = take(block, R, sizeof(real)),
                                      .u = take(block, R * (size_t)z.F, size),
                                      .g = take(block, R * (size_t)z.F, size),
                                      .du = w->du,
                                      .dy = w->dy};
}

static void lay_out_worker(const struct transformer *model, struct block *block, struct transformer_worker *w)
{
    const struct transformer_sizes z = model->workspace->sizes;
    const size_t size = model->kernels->element_size, S = (size_t)z.S, R = (size_t)z.R, W = (size_t)z.W,
                 A = (size_t)z.A;
    const size_t H = (size_t)z.H, T = (size_t)z.T, tile = (size_t)model->workspace->tile_heads * T * T;
    const size_t F = (size_t)z.F, inputs = (size_t)model->config.inputs, held = model->workspace->held >= 0;
    const bool vectors = !model->config.tokens, mean = model->config.readout == READOUT_MEAN;
    w->x = take(block, R * W, sizeof(real));
    w->dx = take(block, R * W, sizeof(real));
    w->dn = take(block, R * W, sizeof(real));
    w->xl = take(block, S * W, sizeof(real));
    w->dxl = take(block, S * W, sizeof(real));
    w->dh = take(block, S * W, sizeof(real));
    w->in_room = take(block, vectors * R * inputs, size);
    w->row = take(block, inputs > F ? inputs : F, sizeof(real));
    w->dy = take(block, R * W, size);
    w->qkv = take(block, (size != sizeof(real)) * R * 3 * A, sizeof(real));
    w->dqkv = take(block, R * 3 * A, size);
    w->dc = take(block, R * A, size);
    w->tile = take(block, tile, sizeof(real));
    w->dtile = take(block, tile, size);
    w->du = take(block, R * F, size);
    w->score = take(block, S * H * T, sizeof(real));
    w->held_row = take(block, T, sizeof(real));
    w->p_ds = take(block, S * 2 * H * T, size);
    w->dm_r = take(block, S * 2 * H * W, size);
    w->dm_r_held = take(block, held * S * 2 * H * F, size);
    w->held = take(block, held * S * H * F, size);
    w->sums = take(block, held * S * H * W, sizeof(real));
    w->last_held = take(block, held * S * F, sizeof(real));
    w->nf = take(block, mean * R * W, size);
    w->zf = take(block, mean * R * W, size);
    w->scalef = take(block, R, sizeof(real));
    w->out = take(block, S * (size_t)model->config.outputs, sizeof(real));
    for (int l = 0; l < model->config.layers; l++)
        lay_out_layer(model, w, block, &w->layer[l]);
}

/* N rows of `length` numbers; the place of row `first`. */
static void *take_rows(struct block *block, int N, int first, int length, size_t size)
{
    char *rows = take(block, (size_t)N * (size_t)length, size);
    return rows ? rows + (size_t)first * (size_t)length * size : NULL;
}

static struct transformer_rows lay_out_rows(const struct transformer *model, struct block *b, int N, int first)
{
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const size_t size = model->kernels->element_size;
    const int row = model->workspace->is_short; /* 0: a layer that is computed whole keeps its own */
    const int held = model->workspace->held >= 0;
    return (struct transformer_rows){
        .last = take_rows(b, N, first, row * z.W, size),
        .q = take_rows(b, N, first, row * z.A, size),
        .dq = take_rows(b, N, first, row * z.A, size),
        .o = take_rows(b, N, first, row * z.A, size),
        .dO = take_rows(b, N, first, row * z.A, size),
        .m = take_rows(b, N, first, row * z.H * z.W, size),
        .dr = take_rows(b, N, first, row * z.H * z.W, size),
        .da = take_rows(b, N, first, row * z.W, size),
        .r = take_rows(b, N, first, held * z.H * z.W, size),
        .dm = take_rows(b, N, first, held * z.H * z.W, size),
        .m_held = take_rows(b, N, first, held * z.H * z.F, size),
        .ds_held = take_rows(b, N, first, held * z.H * z.F, size),
        .dx = take_rows(b, N, first, held * z.W, size),
        .g_held = take_rows(b, N, first, held * z.F, size),
        .mlp = {.n = take_rows(b, N, first, row * z.W, size),
                .z = take_rows(b, N, first, row * z.W, size),
                .scale = take_rows(b, N, first, row, sizeof(real)),
                .u = take_rows(b, N, first, row * z.F, size),
                .g = take_rows(b, N, first, row * z.F, size),
                .du = take_rows(b, N, first, row * z.F, size),
                .dy = take_rows(b, N, first, row * z.W, size)},
        .z = take_rows(b, N, first, z.W, size),
        .h = take_rows(b, N, first, z.W, size),
        .scale = take_rows(b, N, first, 1, sizeof(real)),
        .dout = take_rows(b, N, first, model->config.outputs, size),
    };
}

struct transformer_rows transformer_workspace_rows(const struct transformer *model, int first)
{
    return lay_out_rows(model, &(struct block){.base = model->workspace->rows_block}, model->workspace->N, first);
}

enum status transformer_workspace_reserve(struct transformer *model, int N, bool accumulators)
{
    struct transformer_workspace *workspace = model->workspace;
    enum status rc = OK;
    if (N > workspace->N) {
        struct block count = {0};
        lay_out_rows(model, &count, N, 0);
        free(workspace->rows_block);
        workspace->N = 0;
        workspace->rows_block = kernels_allocate(count.used, 1);
        REQUIRE(workspace->rows_block, ERR_MEMORY, "Transformer: no memory for a batch of %d sequences", N);
        workspace->N = N;
    }
    for (int i = 1; i < TRANSFORMER_ACCUMULATORS && accumulators; i++) {
        if (!workspace->accumulator[i])
            workspace->accumulator[i] = kernels_allocate(model->count, sizeof(real));
        REQUIRE(workspace->accumulator[i], ERR_MEMORY, "Transformer: no memory for gradients of %zu numbers",
                model->count);
    }
    for (int i = 0; i < TRANSFORMER_ACCUMULATORS && accumulators && workspace->first.wanted; i++) {
        if (!workspace->first.accumulator[i])
            workspace->first.accumulator[i] = kernels_allocate(transformer_first_qkv_sums(model), sizeof(real));
        REQUIRE(workspace->first.accumulator[i], ERR_MEMORY, "Transformer: no memory for gradients of the first layer");
    }
done:
    return rc;
}

/* Every prepared weight, with the module and the row of its matrix where it begins. */
struct entry {
    struct weight *weight;
    enum transformer_module module;
    int layer, first_row, out, in, rows;
};

enum { ENTRIES = 5 }; /* per layer, beside those per head */

static int layer_entries(const struct transformer *model)
{
    return ENTRIES + 2 * model->config.heads;
}

int transformer_workspace_weights(const struct transformer *model)
{
    return 2 + model->config.layers * layer_entries(model);
}

/* Entry `i`; weight = NULL where this model has none. */
static struct entry entry_at(const struct transformer *model, int i)
{
    struct transformer_workspace *workspace = model->workspace;
    const struct transformer_sizes z = workspace->sizes;
    const struct transformer_config *c = &model->config;
    if (i == 0)
        return (struct entry){!c->tokens ? &workspace->embed : NULL, MODULE_EMBED, 0, 0, z.W, c->inputs, z.R};
    if (i == 1)
        return (struct entry){&workspace->unembed, MODULE_UNEMBED, 0, 0, c->outputs, z.W, z.S};
    const int layer = (i - 2) / layer_entries(model), which = (i - 2) % layer_entries(model), head = which - ENTRIES;
    const bool is_short = workspace->is_short && layer == c->layers - 1, first = layer == 0 && workspace->first.wanted;
    const int rows = is_short ? z.S : z.R, down_rows = layer == workspace->held ? z.S * z.H : rows;
    struct transformer_weights *L = &workspace->layer[layer];
    switch (which) {
    case 0:
        return (struct entry){
            (is_short && !workspace->whole_last) || first ? NULL : &L->qkv, MODULE_QKV, layer, 0, 3 * z.A, z.W, z.R};
    case 1:
        return (struct entry){&L->out, MODULE_OUT, layer, 0, z.W, z.A, rows};
    case 2:
        return (struct entry){z.F ? &L->up : NULL, MODULE_UP, layer, 0, z.F, z.W, rows};
    case 3:
        return (struct entry){z.F ? &L->down : NULL, MODULE_DOWN, layer, 0, z.W, z.F, down_rows};
    case 4:
        return (struct entry){is_short ? &L->q : NULL, MODULE_QKV, layer, 0, z.A, z.W, rows};
    default:
        if (head < z.H)
            return (struct entry){is_short ? &L->key[head] : NULL, MODULE_QKV, layer, z.A + head * z.D, z.D, z.W, rows};
        return (struct entry){
            is_short ? &L->value[head - z.H] : NULL, MODULE_QKV, layer, z.A + head * z.D, z.D, z.W, rows};
    }
}

void transformer_workspace_pack(struct transformer_worker *w, int i)
{
    const struct entry e = entry_at(w->model, i);
    if (e.weight)
        w->model->kernels->weight_pack(
            &w->kernel, e.weight, transformer_weight(w->model, e.layer, e.module) + (size_t)e.first_row * (size_t)e.in);
}

static enum status open_weights(struct transformer *model)
{
    for (int i = 0; i < transformer_workspace_weights(model); i++) {
        const struct entry e = entry_at(model, i);
        if (!e.weight || e.weight->out)
            continue;
        *e.weight = (struct weight){.out = e.out, .in = e.in, .rows = e.rows};
        enum status rc = model->kernels->weight_open(&model->workspace->worker[0].kernel, e.weight);
        if (rc != OK)
            return rc;
    }
    return OK;
}

enum status transformer_workspace_open_last(struct transformer *model)
{
    model->workspace->whole_last = true;
    return open_weights(model);
}

static enum status open_worker(struct transformer *model, struct transformer_worker *w)
{
    struct block block = {0};
    lay_out_worker(model, &block, w);
    w->model = model;
    w->block = kernels_allocate(block.used, 1);
    if (!w->block)
        return error_set(ERR_MEMORY, "Transformer: no memory for the %zu MB that a thread works in", block.used >> 20);
    lay_out_worker(model, &(struct block){.base = w->block}, w);
    return kernels_worker_open(model->kernels, &w->kernel);
}

/* pos_t: sin at even, cos at odd features, frequency 10000^(-2i/width). */
static void fill_positions(const struct transformer *model)
{
    const int W = model->config.width;
    real *x = model->workspace->position;
    for (int t = 0; t < model->config.T; t++, x += W) {
        for (int i = 0; i < W; i += 2) {
            const double angle = t * pow(10000.0, -(double)i / W);
            x[i] = (real)sin(angle);
            x[i + 1] = (real)cos(angle);
        }
    }
}

/* What of the work can be left out (transformer.h). The first layer's shorter products are worth their preparation
 * while an input has no more numbers than a row of the stream. */
static void choose_identities(struct transformer *model)
{
    struct transformer_workspace *workspace = model->workspace;
    const struct transformer_config *c = &model->config;
    const bool linear = c->norm == NORM_NONE && !c->full;
    workspace->is_short = c->readout == READOUT_LAST && !c->full;
    workspace->held = workspace->is_short && linear && c->mlp > 0 && c->layers > 1 ? c->layers - 2 : -1;
    workspace->first.wanted = linear && c->inputs <= c->width && c->layers > workspace->is_short;
}

static enum status open_first(struct transformer *model)
{
    enum status rc = OK;
    struct transformer_first_qkv *f = &model->workspace->first;
    const struct transformer_sizes z = transformer_workspace_sizes(model, 1);
    const size_t size = model->kernels->element_size, inputs = (size_t)model->config.inputs, A = (size_t)z.A;
    const size_t T = (size_t)z.T, W = (size_t)z.W;
    if (!f->wanted)
        return OK;
    f->P = kernels_allocate(T * W, sizeof(real));
    f->M = kernels_allocate(inputs * 3 * A, sizeof(real));
    f->C = kernels_allocate(T * 3 * A, sizeof(real));
    f->qkv = kernels_allocate(3 * A * W, size);
    f->embed = kernels_allocate(W * inputs, size);
    f->position = kernels_allocate(T * W, size);
    f->M_element = kernels_allocate(inputs * 3 * A, size);
    f->sums = kernels_allocate(transformer_first_qkv_sums(model), size);
    REQUIRE(f->P && f->M && f->C && f->qkv && f->embed && f->position && f->M_element && f->sums, ERR_MEMORY,
            "Transformer: no memory for the first layer, T=%d width=%d", z.T, z.W);
done:
    return rc;
}

static void close_first(struct transformer_first_qkv *f)
{
    void *owned[] = {f->P, f->M, f->C, f->qkv, f->embed, f->position, f->M_element, f->sums};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free(owned[i]);
    for (int i = 0; i < TRANSFORMER_ACCUMULATORS; i++)
        free(f->accumulator[i]);
}

enum status transformer_workspace_create(struct transformer *model)
{
    enum status rc = OK;
    struct transformer_workspace *workspace = model->workspace;
    const struct transformer_config *c = &model->config;
    const int sequences = ROWS / c->T > 1 ? ROWS / c->T : 1, heads = TILE / c->T / c->T;
    choose_identities(model);
    workspace->sizes = transformer_workspace_sizes(model, sequences);
    workspace->tile_heads = heads < 1 ? 1 : heads < c->heads ? heads : c->heads;
    workspace->position = kernels_allocate((size_t)c->T * (size_t)c->width, sizeof(real));
    workspace->lookup = kernels_allocate((size_t)c->inputs * (size_t)c->width, sizeof(real));
    struct transformer_weights *last = &workspace->layer[c->layers - 1];
    last->key = calloc((size_t)c->heads, sizeof *last->key);
    last->value = calloc((size_t)c->heads, sizeof *last->value);
    workspace->workers = model->threads < TRANSFORMER_ACCUMULATORS ? model->threads : TRANSFORMER_ACCUMULATORS;
    workspace->worker = calloc((size_t)workspace->workers, sizeof *workspace->worker);
    REQUIRE(workspace->position && workspace->lookup && last->key && last->value && workspace->worker, ERR_MEMORY,
            "Transformer: no memory for T=%d width=%d", c->T, c->width);
    fill_positions(model);
    TRY(open_first(model));
    TRY(team_open(workspace->workers, &model->team));
    for (int i = 0; i < workspace->workers; i++)
        TRY(open_worker(model, &workspace->worker[i]));
    TRY(open_weights(model));
done:
    return rc;
}

void transformer_workspace_free(struct transformer *model)
{
    struct transformer_workspace *workspace = model->workspace;
    if (!workspace)
        return;
    struct transformer_weights *last = &workspace->layer[model->config.layers - 1];
    for (int i = 0; i < transformer_workspace_weights(model) && last->key && last->value; i++) {
        const struct entry e = entry_at(model, i);
        if (e.weight && e.weight->out)
            model->kernels->weight_close(e.weight);
    }
    team_close(model->team);
    close_first(&workspace->first);
    free(last->key);
    free(last->value);
    for (int i = 0; workspace->worker && i < workspace->workers; i++) {
        kernels_worker_close(&workspace->worker[i].kernel);
        free(workspace->worker[i].block);
    }
    for (int i = 1; i < TRANSFORMER_ACCUMULATORS; i++)
        free(workspace->accumulator[i]);
    free(workspace->worker);
    free(workspace->position);
    free(workspace->lookup);
    free(workspace->rows_block);
    free(workspace);
    model->workspace = NULL;
}
