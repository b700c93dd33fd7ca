/* The gradient and the evaluation of a batch: its micro-batches are shared among the threads, each runs forward and
 * backward through the layers, and the accumulators are added up. */
#include "base/progress.h"
#include "models/transformer_internal.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A call in progress. Work is done in three phases, each a list of tasks that threads take from as they come free; what
 * a task computes does not depend on who does it, nor when. */
struct call {
    struct transformer *model;
    const struct transformer_batch *batch;
    int S, microbatches, accumulators; /* sequences of a micro-batch, micro-batches, accumulators in use */
    real *gradient, *outputs;          /* borrowed; NULL: not wanted */
    int lists;
    const struct transformer_pairs *pairs;
    bool whole_last;        /* probes look at queries before the last one */
    double *attention;      /* owned, [microbatches][lists][layers][heads]: sums over the pairs of a micro-batch */
    double *loss, *correct; /* owned, [sequences]; correct is 1 or 0 */
    atomic_int bad;         /* 1 + first sequence of a micro-batch with a token or label out of range; 0: none */
};

struct phase {
    struct call *call;
    void (*task)(struct call *call, struct transformer_worker *w, int i);
};

static void run_task(void *context, int member, int i)
{
    const struct phase *phase = context;
    struct transformer_worker *w = &phase->call->model->workspace->worker[member];
    w->clock = progress_clock();
    phase->task(phase->call, w, i);
}

static void run_phase(struct call *call, void (*task)(struct call *, struct transformer_worker *, int), int tasks)
{
    team_run(call->model->team, tasks, run_task, &(struct phase){.call = call, .task = task});
}

void transformer_part_ends(struct transformer_worker *w, enum transformer_part part)
{
    const double now = progress_clock();
    w->spent[part] += now - w->clock;
    w->clock = now;
}

void transformer_spent(struct transformer *model, double seconds[PART_COUNT])
{
    for (int part = 0; part < PART_COUNT; part++) {
        seconds[part] = 0;
        for (int i = 0; i < model->workspace->workers; i++) {
            seconds[part] += model->workspace->worker[i].spent[part];
            model->workspace->worker[i].spent[part] = 0;
        }
    }
}

/* out[columns][rows] = in[rows][columns] transposed. */
static void transpose(int rows, int columns, const real *in, real *out)
{
    for (size_t j = 0; j < (size_t)columns; j++) {
        for (size_t i = 0; i < (size_t)rows; i++)
            out[j * (size_t)rows + i] = in[i * (size_t)columns + j];
    }
}

static void pack(struct call *call, struct transformer_worker *w, int i)
{
    const struct transformer *model = call->model;
    if (i < transformer_workspace_weights(model))
        transformer_workspace_pack(w, i);
    else if (i > transformer_workspace_weights(model) && model->workspace->first.wanted)
        transformer_first_qkv_elements(w);
    else if (i == transformer_workspace_weights(model) && model->config.tokens)
        transpose(model->config.width, model->config.inputs, transformer_weight(model, 0, MODULE_EMBED),
                  model->workspace->lookup);
    transformer_part_ends(w, PART_PREPARE);
}

static void prepare_first(struct call *call, struct transformer_worker *w, int i)
{
    (void)call;
    transformer_first_qkv_prepare(w, i);
    transformer_part_ends(w, PART_PREPARE);
}

static void add_first(struct call *call, struct transformer_worker *w, int i)
{
    transformer_first_qkv_add_up(w, i, call->accumulators);
    transformer_part_ends(w, PART_FINISH);
}

/* Attention of one pair in the micro-batch that w holds: sequence s of it. */
static double attention(const struct call *call, const struct transformer_worker *w, int layer, int head, int s,
                        int query, int key)
{
    const struct transformer_config *c = &call->model->config;
    const struct kernels *k = call->model->kernels;
    const size_t T = (size_t)c->T, H = (size_t)c->heads, row = (size_t)s * H + (size_t)head;
    const bool is_short = call->model->workspace->is_short && layer == c->layers - 1 && !call->whole_last;
    const char *p = is_short ? w->p_ds : w->layer[layer].p;
    const size_t at = is_short ? ((size_t)s * 2 * H + (size_t)head) * T : (row * T + (size_t)query) * T;
    real value;
    k->widen(1, p + (at + (size_t)key) * k->element_size, &value);
    return (double)value;
}

/* The first pair of the list in sequence `first` or behind. */
static int pairs_from(const struct transformer_pairs *pairs, int first)
{
    int low = 0, high = pairs->count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (pairs->sequence[middle] < first)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Sums the attention of the pairs in sequences first .. first + S - 1. */
static void probe(const struct call *call, struct transformer_worker *w, int microbatch, int first, int S)
{
    const struct transformer_config *c = &call->model->config;
    const struct transformer_activations *last = &w->layer[c->layers - 1];
    if (call->whole_last && call->model->workspace->is_short) {
        transformer_last_query_whole_input(w, S);
        transformer_layer_qkv(w, c->layers - 1, S, last->n, w->dqkv);
        transformer_layer_attention(w, c->layers - 1, S, w->dqkv, last->p, NULL);
    }
    double *sum = call->attention + (size_t)microbatch * (size_t)call->lists * (size_t)c->layers * (size_t)c->heads;
    for (int list = 0; list < call->lists; list++) {
        const struct transformer_pairs *pairs = &call->pairs[list];
        const int low = pairs_from(pairs, first), high = pairs_from(pairs, first + S);
        for (int layer = 0; layer < c->layers; layer++) {
            for (int head = 0; head < c->heads; head++, sum++) {
                for (int i = low; i < high; i++)
                    *sum += attention(call, w, layer, head, pairs->sequence[i] - first, pairs->query[i], pairs->key[i]);
            }
        }
    }
}

static void forward(const struct call *call, struct transformer_worker *w, int first, int S,
                    const struct transformer_rows *r)
{
    const struct transformer *model = call->model;
    const int layers = model->config.layers - model->workspace->is_short;
    transformer_embed(w, call->batch, first, S);
    transformer_part_ends(w, PART_EMBED);
    for (int layer = 0; layer < layers; layer++)
        transformer_layer_forward(w, layer, S, w->x);
    if (model->workspace->is_short)
        transformer_last_query_forward(w, S, r);
    transformer_part_ends(w, PART_LAST);
    transformer_readout(w, S, r);
    const size_t outputs = (size_t)model->config.outputs;
    if (call->outputs)
        memcpy(call->outputs + (size_t)first * outputs, w->out, (size_t)S * outputs * sizeof(real));
    transformer_loss(w, call->batch, first, S, call->loss + first, call->correct + first);
    transformer_part_ends(w, PART_READOUT);
}

static void backward(const struct call *call, struct transformer_worker *w, int S, const struct transformer_rows *r)
{
    const struct transformer *model = call->model;
    transformer_readout_backward(w, S, r);
    transformer_part_ends(w, PART_READOUT);
    if (model->workspace->is_short)
        transformer_last_query_backward(w, S, r);
    transformer_part_ends(w, PART_LAST);
    for (int layer = model->config.layers - model->workspace->is_short; layer-- > 0;)
        transformer_layer_backward(w, layer, S, w->dx);
    transformer_embed_backward(w, S);
    transformer_part_ends(w, PART_EMBED);
    w->first = false;
}

/* What is added to and never overwritten begins at 0: norms, the embedding, and the sums of a lookup. */
static void clear_sums(const struct call *call, struct transformer_worker *w)
{
    const struct transformer *model = call->model;
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i], *weight = i % 2 ? t - 1 : t;
        if (weight->rank == 1 || i < 2)
            memset(w->gradient + t->offset, 0, t->count * sizeof *w->gradient);
    }
    if (model->workspace->first.wanted && model->config.tokens)
        memset(w->first_sums, 0, transformer_first_qkv_sums(model) * sizeof *w->first_sums);
}

static bool in_range(const struct call *call, int first, int S)
{
    const struct transformer_config *c = &call->model->config;
    const struct transformer_batch *batch = call->batch;
    const size_t T = (size_t)c->T;
    bool good = true;
    for (size_t i = (size_t)first * T; i < (size_t)(first + S) * T && c->tokens; i++)
        good = good && batch->tokens[i] >= 0 && batch->tokens[i] < c->inputs;
    for (int s = first; s < first + S && c->tokens; s++)
        good = good && batch->labels[s] >= 0 && batch->labels[s] < c->outputs;
    return good;
}

static void run_microbatches(struct call *call, struct transformer_worker *w, int accumulator)
{
    const struct transformer_batch *batch = call->batch;
    w->gradient = accumulator == 0 ? call->gradient : call->model->workspace->accumulator[accumulator];
    w->first = true;
    w->first_sums = call->model->workspace->first.accumulator[accumulator];
    if (call->gradient)
        clear_sums(call, w);
    for (int microbatch = accumulator; microbatch < call->microbatches; microbatch += call->accumulators) {
        const int first = microbatch * call->S, rest = batch->sequences - first, S = rest < call->S ? rest : call->S;
        const struct transformer_rows rows =
            transformer_workspace_rows(call->model, call->gradient ? first : accumulator * call->S);
        w->batch = batch;
        w->first_sequence = first;
        if (batch->fill)
            batch->fill(batch->context, first, S);
        transformer_part_ends(w, PART_SAMPLE);
        if (!in_range(call, first, S)) {
            atomic_store(&call->bad, first + 1);
            return;
        }
        forward(call, w, first, S, &rows);
        if (call->gradient)
            backward(call, w, S, &rows);
        if (call->lists > 0)
            probe(call, w, microbatch, first, S);
    }
}

/* gradient += the other accumulators, in their order. */
static void add_up(const struct call *call, const struct transformer_tensor *t)
{
    real *sum = call->gradient + t->offset;
    for (int accumulator = 1; accumulator < call->accumulators; accumulator++) {
        const real *part = call->model->workspace->accumulator[accumulator] + t->offset;
        for (size_t i = 0; i < t->count; i++)
            sum[i] += part[i];
    }
}

/* Task i: the gradient of module i % MODULE_COUNT of layer i / MODULE_COUNT. */
static void finish(struct call *call, struct transformer_worker *w, int i)
{
    const struct transformer *model = call->model;
    const struct transformer_workspace *workspace = model->workspace;
    const int layer = i / MODULE_COUNT, index = workspace->index[layer][i % MODULE_COUNT];
    const enum transformer_module module = (enum transformer_module)(i % MODULE_COUNT);
    if (index < 0)
        return;
    const struct transformer_tensor *t = &model->tensor[index];
    const bool in_rows =
        (workspace->is_short && layer == model->config.layers - 1 && t->rank == 2 && module != MODULE_EMBED) ||
        module == MODULE_UNEMBED || (module == MODULE_DOWN && layer == workspace->held);
    const bool from_input = layer == 0 && workspace->first.wanted;
    w->gradient = call->gradient;
    if (in_rows) {
        const struct transformer_rows rows = transformer_workspace_rows(model, 0);
        transformer_last_query_gradient(w, layer, module, call->batch->sequences, &rows);
    } else if (from_input && module == MODULE_QKV) {
        transformer_first_qkv_gradient(w);
    } else {
        add_up(call, t);
        add_up(call, t + 1);
    }
    if (module == MODULE_EMBED) {
        memcpy(workspace->lookup, call->gradient + t->offset, t->count * sizeof(real));
        transpose(model->config.inputs, model->config.width, workspace->lookup, call->gradient + t->offset);
        if (from_input)
            transformer_first_qkv_gradient_embed(w);
    }
    for (int part = 0; part < 2; part++) {
        const size_t end = t[part].offset + t[part].count;
        const size_t next = index + part + 1 < model->tensors ? t[part + 1].offset : model->count;
        memset(call->gradient + end, 0, (next - end) * sizeof(real));
    }
    transformer_part_ends(w, PART_FINISH);
}

/* Also finds out whether the short last layer must be looked at whole. */
static enum status check_call(struct call *call)
{
    enum status rc = OK;
    const int N = call->batch->sequences, T = call->model->config.T;
    REQUIRE(N >= 1, ERR_INPUT, "batch=%d: a batch has at least one sequence", N);
    for (int list = 0; list < call->lists; list++) {
        const struct transformer_pairs *pairs = &call->pairs[list];
        for (int i = 0; i < pairs->count; i++) {
            const int s = pairs->sequence[i], query = pairs->query[i], key = pairs->key[i];
            REQUIRE(s >= 0 && s < N && query >= 0 && query < T && key >= 0 && key < T, ERR_INPUT,
                    "attention pair %d (sequence %d, query %d, key %d): there are %d sequences of %d tokens", i, s,
                    query, key, N, T);
            REQUIRE(i == 0 || pairs->sequence[i - 1] <= s, ERR_INPUT,
                    "attention pair %d: sequences must ascend, but %d follows %d", i, s, pairs->sequence[i - 1]);
            call->whole_last = call->whole_last || query != T - 1;
        }
    }
done:
    return rc;
}

static enum status prepare(struct call *call)
{
    enum status rc = OK;
    struct transformer *model = call->model;
    const struct transformer_config *c = &model->config;
    /* Two micro-batches at least, for two threads; of few rows no more, since each reads the short layer's weights. */
    const int N = call->batch->sequences, share = (N + 1) / 2;
    const int most = model->workspace->sizes.S;
    call->S = share < most ? share : most;
    call->microbatches = (N + call->S - 1) / call->S;
    call->accumulators = call->microbatches < TRANSFORMER_ACCUMULATORS ? call->microbatches : TRANSFORMER_ACCUMULATORS;
    TRY(transformer_workspace_reserve(model, call->gradient ? N : TRANSFORMER_ACCUMULATORS * call->S,
                                      call->gradient != NULL));
    if (call->whole_last && model->workspace->is_short)
        TRY(transformer_workspace_open_last(model));
    call->loss = calloc((size_t)N, sizeof *call->loss);
    call->correct = calloc((size_t)N, sizeof *call->correct);
    const size_t sums = (size_t)call->lists * (size_t)c->layers * (size_t)c->heads;
    call->attention = calloc((size_t)call->microbatches * sums + 1, sizeof *call->attention);
    REQUIRE(call->loss && call->correct && call->attention, ERR_MEMORY, "Transformer: no memory for %d sequences", N);
done:
    return rc;
}

/* Means over the batch, summed in its order. */
static void collect(const struct call *call, struct transformer_measure *measure)
{
    const struct transformer_config *c = &call->model->config;
    const int N = call->batch->sequences, heads = c->layers * c->heads;
    double loss = 0, correct = 0;
    for (int s = 0; s < N; s++) {
        loss += call->loss[s];
        correct += call->correct[s];
    }
    measure->loss = loss / N;
    measure->accuracy = c->tokens ? correct / N : (double)NAN;
    for (int i = 0; i < call->lists * heads; i++) {
        double sum = 0;
        for (int microbatch = 0; microbatch < call->microbatches; microbatch++)
            sum += call->attention[(size_t)microbatch * (size_t)call->lists * (size_t)heads + (size_t)i];
        const struct transformer_pairs *pairs = &call->pairs[i / heads];
        pairs->attention[i % heads] = sum / pairs->count;
    }
}

static enum status run(struct call *call, struct transformer_measure *measure)
{
    enum status rc = OK;
    struct transformer *model = call->model;
    TRY(check_call(call));
    TRY(prepare(call));
    run_phase(call, pack, transformer_workspace_weights(model) + 2);
    if (model->workspace->first.wanted)
        run_phase(call, prepare_first, TRANSFORMER_ACCUMULATORS + 1);
    run_phase(call, run_microbatches, call->accumulators);
    const int bad = atomic_load(&call->bad);
    REQUIRE(!bad, ERR_INPUT, "sequence %d or one behind it: tokens and labels must lie in [0,%d)", bad - 1,
            model->config.inputs);
    if (call->gradient && model->workspace->first.wanted)
        run_phase(call, add_first, TRANSFORMER_ACCUMULATORS);
    if (call->gradient)
        run_phase(call, finish, model->config.layers * MODULE_COUNT);
    for (int i = 0; i < model->workspace->workers; i++)
        TRY(kernels_status(&model->workspace->worker[i].kernel));
    collect(call, measure);
done:
    free(call->loss);
    free(call->correct);
    free(call->attention);
    return rc;
}

enum status transformer_gradient(struct transformer *model, const struct transformer_batch *batch, real *gradient,
                                 struct transformer_measure *measure, real *outputs)
{
    return run(&(struct call){.model = model, .batch = batch, .gradient = gradient, .outputs = outputs}, measure);
}

enum status transformer_evaluate(struct transformer *model, const struct transformer_batch *batch, int lists,
                                 const struct transformer_pairs *pairs, struct transformer_measure *measure,
                                 real *outputs)
{
    return run(&(struct call){.model = model, .batch = batch, .lists = lists, .pairs = pairs, .outputs = outputs},
               measure);
}
