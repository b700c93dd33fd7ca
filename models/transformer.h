/* A small Transformer, its loss and its gradient.
 *
 * Input: regression, tokens in_t of `inputs` numbers; recall, token numbers k_t < inputs, which stand for one-hot
 * vectors.
 *
 *     x_t = E in_t + e + pos_t,   pos_t,2i = sin(t w_i),   pos_t,2i+1 = cos(t w_i),   w_i = 10000^(-2i/width)
 *
 * Then for each layer, with n(x) = x (norm=none) or layer norm with eps 1e-5 (norm=pre), and X + only for skip=yes:
 *
 *     (q, k, v) = QKV n(x) + b
 *     p_h = softmax_s(q_h,t . k_h,s / sqrt(head_dim)),   o_h,t = sum_s p_h,ts v_h,s        mask=causal: s <= t
 *     x <- x + O [o_1 .. o_heads] + b_O
 *     x <- x + D f(U n(x) + b_U) + b_D,   f = GELU (erf) or ReLU                           mlp=0: this line is left out
 *
 *     y = R h + r,   h = n(x) at the last position, or its mean over positions
 *
 * Loss: regression, 1/2 |y - y*|^2; recall, cross-entropy of softmax(y) at the label; mean over the sequences.
 *
 * Only what y needs is computed. The function, its gradient and its parameters are what they are without these three
 * identities (tested; config.full leaves them out):
 *
 * - With readout=last the last layer has one query, one attention output and one MLP row a sequence, and no keys or
 *   values (transformer_last_query.c). With n_t = n(x_t) and q the last query
 *
 *       q . k_t = n_t . (K^T q) + q . b_K (the same for all t: softmax does not see it),   o = V sum_t p_t n_t + b_V
 *
 * - Without norm that layer reads the MLP below it through such sums alone. With y_t the stream before that MLP, g_t
 *   its activations and r = K^T q
 *
 *       x_t = y_t + D g_t + b_D
 *       r . x_t = r . y_t + (D^T r) . g_t + const
 *       sum_t p_t x_t = sum_t p_t y_t + D sum_t p_t g_t + b_D
 *
 *   so that D is multiplied with a few rows a sequence, never with all T. ("Held back" below is this MLP's output.)
 *
 * - Without norm the first layer's queries, keys and values are linear in the input (transformer_first_qkv.c):
 *
 *       QKV x_t + b = (QKV E) in_t + [QKV (e + pos_t) + b]
 *
 * A step is a fixed list of micro-batches of a few sequences, whose activations stay in the cache; each is run whole,
 * forward and backward, by one thread. Micro-batch i adds its gradient to accumulator i mod 4, in the order of i, and
 * the accumulators are added up in their order: the same bits for any number of threads.
 *
 * Call order: transformer_create, transformer_initialise (or fill `parameters`), then transformer_gradient and
 * transformer_evaluate in any order while an optimizer changes `parameters`, transformer_free. One caller per model at
 * a time; it may have `threads` threads of its own inside a call. */
#ifndef TRANSFORMER_H
#define TRANSFORMER_H
#include "tensor/kernels.h"
#include "parallel/team.h"

struct transformer_config {
    bool tokens; /* reads token numbers and predicts one (recall); else reads vectors and predicts one (regression) */
    int T;       /* tokens a sequence */
    int inputs;  /* numbers of a vector (regression: d, one more for the relevance feature); or tokens there are */
    int outputs; /* regression: d; recall: vocab */
    int layers, heads, width, head_dim, mlp;
    bool skip;
    enum norm norm;
    enum activation activation;
    enum mask mask;
    enum readout readout;
    bool full; /* compute the last layer whole (for tests; the result is the same but for rounding) */
};

/* One tensor of the parameter block. */
struct transformer_tensor {
    char name[48]; /* "embed.weight", "layer.1.attn.qkv.weight", ...: as checkpoints have them */
    int rank;      /* 1 or 2 */
    int shape[2];  /* [out, in] for weights, [out] for the rest */
    size_t offset; /* in parameters[] and in a gradient; a multiple of 16 numbers */
    size_t count;  /* numbers: the product of shape */
};

struct transformer_workspace;

/* Where the time of a call goes: X(enumerator, name, what it is). */
#define TRANSFORMER_PARTS(X)                                                                                           \
    X(PART_PREPARE, "prepare", "weights packed for their products, the first layer's matrices")                        \
    X(PART_SAMPLE, "sample", "sequences drawn")                                                                        \
    X(PART_EMBED, "embed", "the embedding and its gradient")                                                           \
    X(PART_QKV, "qkv", "queries, keys and values of the layers that are computed whole")                               \
    X(PART_ATTENTION, "attention", "scores, softmax, heads' outputs and their projection")                             \
    X(PART_MLP, "mlp", "MLPs of those layers")                                                                         \
    X(PART_LAST, "last", "the last layer, short")                                                                      \
    X(PART_READOUT, "readout", "the readout and the loss")                                                             \
    X(PART_FINISH, "finish", "sums of gradients, those of the last layer's weights")

enum transformer_part {
#define TRANSFORMER_AS_PART(part, name, meaning) part,
    TRANSFORMER_PARTS(TRANSFORMER_AS_PART)
#undef TRANSFORMER_AS_PART
        PART_COUNT
};

struct transformer {
    struct transformer_config config;
    const struct kernels *kernels; /* borrowed: name and precision of what computes */
    int threads;
    int tensors;
    struct transformer_tensor *tensor;       /* owned */
    size_t count;                            /* numbers in the block, padding between tensors (always 0) included */
    real *parameters;                        /* owned, aligned: change it between calls */
    struct team *team;                       /* owned: the model's threads, at the caller's service between calls */
    struct transformer_workspace *workspace; /* owned */
};

struct samples;

/* Attention that is held: in a layer, of one head or all, each query of the pairs attends to its keys in equal shares,
 * whatever the scores, which have no gradient there. */
struct transformer_clamp {
    int layer, head; /* from 0; head -1: all */
    /* Pair k < most of a sequence of the batch; those of one query stand one behind the other. false: there is none.
     * NULL: every query attends to all that it may see. */
    bool (*pair)(const struct samples *samples, size_t sequence, size_t k, int32_t *query, int32_t *key);
    size_t most;
    const struct samples *samples; /* borrowed, handed to `pair` */
};

/* Sequences, borrowed. Regression reads inputs and targets, recall tokens and labels. */
struct transformer_batch {
    int sequences;
    const float *inputs;   /* [sequences][T][inputs] */
    const float *targets;  /* [sequences][outputs] */
    const int32_t *tokens; /* [sequences][T] */
    const int32_t *labels; /* [sequences] */
    /* May be NULL. Called once for each micro-batch before it is read, by the thread that will read it (several at a
     * time, for different sequences): puts sequences first .. first + count - 1 into the arrays. So samples are drawn
     * in parallel and used while they are in the cache. */
    void (*fill)(void *context, int first, int count);
    void *context;
    const struct transformer_clamp *clamps; /* [n_clamps] */
    int n_clamps;
};

struct transformer_measure {
    double loss;     /* mean over the sequences */
    double accuracy; /* recall: share of sequences whose largest output is the label; regression: NaN */
};

/* Attention to be averaged: p(query -> key) of sequence[i] at query[i], key[i], i < count. */
struct transformer_pairs {
    int count;
    const int32_t *sequence, *query, *key; /* borrowed: [count], sequence ascending */
    double *attention;                     /* borrowed, overwritten: [layers][heads], the mean (NaN for count = 0) */
};

/* The config that a resolved set of keys asks for (model=transformer; recall: T = 2 pairs + 1). */
struct transformer_config transformer_config(const struct keys *keys);
/* ERR_INPUT for sizes out of range, which transformer_create refuses, too. */
enum status transformer_check(const struct transformer_config *config, int threads);
/* A Transformer with all parameters 0 in *out (NULL on error). backend, precision, threads: as the keys; more than four
 * threads find no work. ERR_INPUT
 * (sizes out of range; a backend or precision that this build or processor has not), ERR_MEMORY, ERR_PROGRAM (library).
 */
enum status transformer_create(const struct transformer_config *config, enum backend backend, enum precision precision,
                               int threads, struct transformer **out);
/* NULL is allowed. */
void transformer_free(struct transformer *model);
/* PyTorch's default start from the stream PURPOSE_WEIGHTS of the seed: weights and biases uniform in +-1/sqrt(in),
 * tensor number i (its place in `tensor`) from sample i; layer norm gains 1, biases 0. */
void transformer_initialise(struct transformer *model, uint64_t seed);
/* The tensor of that name, borrowed; NULL if there is none. */
const struct transformer_tensor *transformer_find(const struct transformer *model, const char *name);

/* Loss, accuracy and dL/dparameters of a batch: overwrites *measure, gradient[count] (padding: 0) and, unless NULL,
 * outputs[sequences][config.outputs]. ERR_INPUT (no sequences; a token or label out of range), ERR_MEMORY, ERR_PROGRAM.
 */
enum status transformer_gradient(struct transformer *model, const struct transformer_batch *batch, real *gradient,
                                 struct transformer_measure *measure, real *outputs);
/* Loss and accuracy of a batch, forward only: overwrites *measure, unless NULL outputs, and the attention of each of
 * pairs[lists] (lists = 0: none). If a query is not the last position, the last layer's attention is computed whole.
 * Same errors; also ERR_INPUT for a pair out of range. */
enum status transformer_evaluate(struct transformer *model, const struct transformer_batch *batch, int lists,
                                 const struct transformer_pairs *pairs, struct transformer_measure *measure,
                                 real *outputs);

/* Seconds of work in each part since the last question, those of all threads added up, into seconds[PART_COUNT]. */
void transformer_spent(struct transformer *model, double seconds[PART_COUNT]);

#endif
