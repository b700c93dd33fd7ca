/* The Transformer: loss, outputs, attention and gradient against its definition (transformer_oracle), the short cuts
 * against the whole computation, and the same bits for any number of threads.
 *
 * Compiled twice: test_transformer_double with real = double, where central differences can see every term of the
 * gradient, and test_transformer as it is used, there for every backend and precision of this build. */
#include "base/random.h"
#include "test.h"
#include "models/transformer.h"
#include "transformer_oracle.h"
#include <stdio.h>
#include <string.h>

static const double STEP = 2e-5; /* of central differences of fourth order */
static const double TOL_DOUBLE = 1e-9, TOL_DOUBLE_GRADIENT = 1e-7;
static const double TOL_F32 = 3e-6, TOL_F32_GRADIENT = 1e-4; /* relative, gradients by tensor */
static const double TOL_BF16 = 3e-2, TOL_BF16_GRADIENT = 5e-2;

enum { SEQUENCES = 3, T_REGRESSION = 6, PAIRS = 3, VOCAB = 7, MANY = 1 << 16 };

/* A random batch; static storage, one at a time. */
static struct transformer_batch random_batch(const struct transformer_config *c, int sequences)
{
    static float inputs[MANY], targets[MANY];
    static int32_t tokens[MANY], labels[MANY];
    const struct stream s = {.seed = 7, .purpose = PURPOSE_DATA}, choice = {.seed = 7, .purpose = PURPOSE_CHOICE};
    const size_t n = (size_t)sequences, numbers = n * (size_t)c->T * (size_t)c->inputs;
    if (!c->tokens) {
        ck_assert(numbers <= MANY);
        random_normal(&s, 0, numbers, inputs);
        random_normal(&s, MANY, n * (size_t)c->outputs, targets);
    }
    for (int i = 0; i < sequences * c->T && c->tokens; i++)
        tokens[i] = (int32_t)(random_uniform(&choice, (uint32_t)i) * c->inputs);
    for (int i = 0; i < sequences && c->tokens; i++)
        labels[i] = (int32_t)(random_uniform(&choice, (uint32_t)(MANY + i)) * c->outputs);
    return (struct transformer_batch){sequences, inputs, targets, tokens, labels, NULL, NULL, NULL, 0};
}

/* Variant number i of the settings: task, norm, mask, readout and skip in all combinations, the others in turn; tiny.
 */
static struct transformer_config variant(int i)
{
    const bool recall = i & 1;
    return (struct transformer_config){
        .tokens = recall,
        .T = recall ? 2 * PAIRS + 1 : T_REGRESSION,
        .inputs = recall ? VOCAB : 4,
        .outputs = recall ? VOCAB : 3,
        .norm = i & 2 ? NORM_PRE : NORM_NONE,
        .mask = i & 4 ? MASK_CAUSAL : MASK_NONE,
        .readout = i & 8 ? READOUT_MEAN : READOUT_LAST,
        .skip = !(i & 16),
        .activation = i % 7 < 2 ? ACTIVATION_RELU : ACTIVATION_GELU,
        .layers = 1 + (i + i / 3) % 3,
        .heads = 1 + (i + i / 8) % 3,
        .width = 6,
        .head_dim = 2 + i % 2,
        .mlp = i % 5 == 4 ? 0 : 2,
    };
}
enum { VARIANTS = 32 };

static const char *describe(const struct transformer_config *c)
{
    static char text[160];
    snprintf(text, sizeof text,
             "%s layers=%d heads=%d head_dim=%d mlp=%d skip=%d norm=%d activation=%d mask=%d readout=%d",
             c->tokens ? "recall" : "regression", c->layers, c->heads, c->head_dim, c->mlp, c->skip, c->norm,
             c->activation, c->mask, c->readout);
    return text;
}

/* Parameters with nothing special about them: PyTorch's start and noise, so that norms do something. */
static struct transformer *create(const struct transformer_config *c, enum backend backend, enum precision precision,
                                  int threads)
{
    struct transformer *model;
    ck_assert_msg(transformer_create(c, backend, precision, threads, &model) == OK, "%s", error_message());
    transformer_initialise(model, 3);
    const struct stream s = {.seed = 4, .purpose = PURPOSE_BOOTSTRAP};
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        for (size_t j = 0; j < t->count; j++)
            model->parameters[t->offset + j] =
                model->parameters[t->offset + j] + (real)(0.4 * random_uniform(&s, (uint32_t)(t->offset + j)) - 0.2);
    }
    return model;
}

static double *parameters_of(const struct transformer *model)
{
    double *parameters = malloc(model->count * sizeof *parameters);
    for (size_t i = 0; i < model->count; i++)
        parameters[i] = (double)model->parameters[i];
    return parameters;
}

/* |got - want| <= rtol |want| + atol for a tensor as a whole. */
static void close_tensor(size_t n, const real *got, const double *want, double rtol, double atol, const char *name)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        error += pow((double)got[i] - want[i], 2);
        size += want[i] * want[i];
    }
    test_close(sqrt(error), 0.0, 0.0, rtol * sqrt(size) + atol, "%s (norm %.3g)", name, sqrt(size));
}

struct tolerance {
    double value, gradient;
};

static struct tolerance tolerance_of(enum precision precision)
{
    if (sizeof(real) == sizeof(double))
        return (struct tolerance){TOL_DOUBLE, TOL_DOUBLE_GRADIENT};
    return precision == PRECISION_F32 ? (struct tolerance){TOL_F32, TOL_F32_GRADIENT}
                                      : (struct tolerance){TOL_BF16, TOL_BF16_GRADIENT};
}

/* What a model should give, from its definition; static storage, one at a time. */
static struct {
    double loss, outputs[SEQUENCES * VOCAB], norm;
    double gradient[4096];
} right;

static void compute_right(const struct transformer_config *c, const struct transformer_batch *batch)
{
    struct transformer *model = create(c, BACKEND_REFERENCE, PRECISION_F32, 1);
    double *parameters = parameters_of(model), squares = 0;
    ck_assert(model->count <= sizeof right.gradient / sizeof right.gradient[0]);
    right.loss = oracle_loss(model, batch, parameters, right.outputs, NULL);
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        for (size_t j = t->offset; j < t->offset + t->count; j++) {
            right.gradient[j] = oracle_slope(model, batch, parameters, j, STEP);
            squares += right.gradient[j] * right.gradient[j];
        }
    }
    right.norm = sqrt(squares);
    free(parameters);
    transformer_free(model);
}

/* Loss, outputs and every gradient tensor against what is right; nothing but zeros between tensors. */
static void check_gradient(const struct transformer_config *c, const struct transformer_batch *batch,
                           enum backend backend, enum precision precision)
{
    const struct tolerance tol = tolerance_of(precision);
    struct transformer *model = create(c, backend, precision, 1);
    real *gradient = malloc(model->count * sizeof *gradient), outputs[SEQUENCES * VOCAB];
    struct transformer_measure measure;
    char name[240];
    for (size_t i = 0; i < model->count; i++)
        gradient[i] = (real)NAN;
    ck_assert_msg(transformer_gradient(model, batch, gradient, &measure, outputs) == OK, "%s", error_message());
    snprintf(name, sizeof name, "%s %s", model->kernels->name, describe(c));
    test_close(measure.loss, right.loss, tol.value, 0.0, "loss, %s", name);
    close_tensor((size_t)batch->sequences * (size_t)c->outputs, outputs, right.outputs, tol.value, 0.0, name);
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        snprintf(name, sizeof name, "%s: gradient of %s, %s", model->kernels->name, t->name, describe(c));
        close_tensor(t->count, gradient + t->offset, right.gradient + t->offset, tol.gradient,
                     0.1 * tol.gradient * right.norm, name);
        const size_t end = i + 1 < model->tensors ? t[1].offset : model->count;
        for (size_t j = t->offset + t->count; j < end; j++)
            ck_assert_msg(gradient[j] == 0, "padding behind %s", t->name);
    }
    free(gradient);
    transformer_free(model);
}

START_TEST(gradient_by_definition)
{
    const struct kernels *kernels;
    for (int i = 0; i < VARIANTS; i++) {
        const struct transformer_config c = variant(i);
        const struct transformer_batch batch = random_batch(&c, SEQUENCES);
        compute_right(&c, &batch);
        for (enum backend backend = BACKEND_REFERENCE; backend <= BACKEND_ONEDNN; backend++) {
            for (enum precision precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
                const enum status rc = kernels_open(backend, precision, &kernels);
                if (rc == OK)
                    check_gradient(&c, &batch, backend, precision);
                else
                    ck_assert_msg(rc == ERR_INPUT && backend == BACKEND_ONEDNN, "%s", error_message());
            }
        }
    }
}
END_TEST

/* A model of a size at which a batch is several micro-batches a lane, the last of them smaller. */
static struct transformer_config larger(bool tokens, enum readout readout, enum norm norm)
{
    struct transformer_config c = variant(0);
    c.tokens = tokens;
    c.T = 80;
    c.inputs = c.outputs = 5;
    c.layers = 2;
    c.readout = readout;
    c.norm = norm;
    c.mask = norm == NORM_PRE ? MASK_CAUSAL : MASK_NONE;
    return c;
}

enum { LARGER = 53 };

/* Runs gradient and evaluation of `larger` and keeps all numbers. */
struct numbers {
    size_t count;
    real *gradient, outputs[LARGER * 5];
    struct transformer_measure measure, evaluated;
    double attention[2 * 3];
};

static struct numbers numbers_of(const struct transformer_config *c, enum backend backend, int threads)
{
    static const int32_t sequence[] = {0, 7, 7, 52}, query[] = {3, 79, 11, 5}, key[] = {2, 0, 11, 1};
    struct numbers n = {0};
    const struct transformer_batch batch = random_batch(c, LARGER);
    const struct transformer_pairs pairs = {4, sequence, query, key, n.attention};
    struct transformer *model = create(c, backend, PRECISION_F32, threads);
    n.count = model->count;
    n.gradient = malloc(n.count * sizeof *n.gradient);
    ck_assert_msg(transformer_gradient(model, &batch, n.gradient, &n.measure, n.outputs) == OK, "%s", error_message());
    ck_assert_msg(transformer_evaluate(model, &batch, 1, &pairs, &n.evaluated, NULL) == OK, "%s", error_message());
    transformer_free(model);
    return n;
}

START_TEST(threads_change_nothing)
{
    for (int i = 0; i < 4; i++) {
        struct transformer_config c = larger(i & 1, READOUT_LAST, i & 2 ? NORM_PRE : NORM_NONE);
        c.mlp = 128 / c.width + 1; /* sums of over 128 terms may have a library of their own */
        const struct numbers one = numbers_of(&c, BACKEND_AUTO, 1);
        for (int threads = 2; threads <= 5; threads++) {
            const struct numbers n = numbers_of(&c, BACKEND_AUTO, threads);
            ck_assert_mem_eq(n.gradient, one.gradient, n.count * sizeof *n.gradient);
            ck_assert_mem_eq(n.outputs, one.outputs, sizeof n.outputs);
            ck_assert_mem_eq(&n.measure, &one.measure, sizeof n.measure);
            ck_assert_mem_eq(&n.evaluated, &one.evaluated, sizeof n.evaluated);
            ck_assert_mem_eq(n.attention, one.attention, sizeof n.attention);
            free(n.gradient);
        }
        free(one.gradient);
    }
}
END_TEST

/* The identities that leave work out, and an evaluation, against the whole computation, in several micro-batches: the
 * short last layer, what it reads of the MLP below, and the first layer from the input; each where it applies alone. */
START_TEST(short_cuts_against_the_whole)
{
    const struct tolerance tol = tolerance_of(PRECISION_F32);
    for (int i = 0; i < 48; i++) {
        struct transformer_config c = larger(i & 1, i & 4 ? READOUT_MEAN : READOUT_LAST, i & 2 ? NORM_PRE : NORM_NONE);
        c.skip = !(i & 8);
        c.layers = 1 + i / 16;
        c.mlp = i % 5 == 4 ? 0 : c.mlp;
        const struct numbers brief = numbers_of(&c, BACKEND_REFERENCE, 1);
        c.full = true;
        const struct numbers whole = numbers_of(&c, BACKEND_REFERENCE, 1);
        double squares = 0, error = 0;
        for (size_t j = 0; j < whole.count; j++) {
            squares += pow((double)whole.gradient[j], 2);
            error += pow((double)(brief.gradient[j] - whole.gradient[j]), 2);
        }
        test_close(sqrt(error / squares), 0.0, 0.0, tol.value, "gradients, %s", describe(&c));
        test_close(brief.measure.loss, whole.measure.loss, tol.value, 0.0, "loss, %s", describe(&c));
        test_close(brief.evaluated.loss, whole.measure.loss, tol.value, 0.0, "loss of the evaluation");
        if (c.tokens)
            test_close(brief.evaluated.accuracy, brief.measure.accuracy, 0.0, 0.0, "accuracy");
        for (int j = 0; j < c.layers * c.heads; j++)
            test_close(brief.attention[j], whole.attention[j], 10 * tol.value, 0.0, "attention %d", j);
        free(brief.gradient);
        free(whole.gradient);
    }
}
END_TEST

/* The mean over the pairs of attention[sequences][layers][heads][T][T], for head number j of all layers. */
static double mean_of_pairs(const struct transformer_config *c, const double *attention,
                            const struct transformer_pairs *pairs, int j)
{
    const size_t T = (size_t)c->T, heads = (size_t)c->layers * (size_t)c->heads;
    double sum = 0;
    for (int i = 0; i < pairs->count; i++) {
        const size_t row = ((size_t)pairs->sequence[i] * heads + (size_t)j) * T + (size_t)pairs->query[i];
        sum += attention[row * T + (size_t)pairs->key[i]];
    }
    return sum / pairs->count;
}

/* Means of attention against the definition; also those that look at the last position only, and no pairs at all. */
START_TEST(attention_of_pairs)
{
    static const int32_t sequence[] = {0, 0, 2}, query[] = {5, 5, 5}, key[] = {0, 3, 5}, early[] = {5, 2, 4};
    static double attention[SEQUENCES * 3 * 3 * 7 * 7];
    for (int i = 0; i < VARIANTS; i++) {
        struct transformer_config c = variant(i);
        c.T = 6;
        const struct transformer_batch batch = random_batch(&c, SEQUENCES);
        struct transformer *model = create(&c, BACKEND_AUTO, PRECISION_F32, 1);
        double *parameters = parameters_of(model), got[3][9];
        const struct transformer_pairs pairs[] = {
            {3, sequence, query, key, got[0]}, {3, sequence, early, key, got[1]}, {0, NULL, NULL, NULL, got[2]}};
        struct transformer_measure measure;
        oracle_loss(model, &batch, parameters, NULL, attention);
        for (int lists = 1; lists <= 3; lists++) {
            ck_assert_int_eq(transformer_evaluate(model, &batch, lists, pairs, &measure, NULL), OK);
            for (int j = 0; j < c.layers * c.heads; j++) {
                for (int list = 0; list < lists && list < 2; list++)
                    test_close(got[list][j], mean_of_pairs(&c, attention, &pairs[list], j), 1e-5, 1e-7,
                               "list %d head %d, %s", list, j, describe(&c));
                ck_assert(lists < 3 || isnan(got[2][j]));
            }
        }
        free(parameters);
        transformer_free(model);
    }
}
END_TEST

/* Counts how often each sequence was asked for, and fills it. */
struct filling {
    const struct transformer_config *config;
    float *inputs;
    const float *from;
    int asked[LARGER];
};

static void fill(void *context, int first, int count)
{
    struct filling *f = context;
    const size_t n = (size_t)f->config->T * (size_t)f->config->inputs;
    memcpy(f->inputs + (size_t)first * n, f->from + (size_t)first * n, (size_t)count * n * sizeof *f->inputs);
    for (int s = first; s < first + count; s++)
        f->asked[s]++;
}

START_TEST(filled_on_demand)
{
    const struct transformer_config c = larger(false, READOUT_MEAN, NORM_NONE);
    struct transformer_batch batch = random_batch(&c, LARGER);
    struct transformer *model = create(&c, BACKEND_REFERENCE, PRECISION_F32, 2);
    real *gradient = malloc(2 * model->count * sizeof *gradient);
    struct transformer_measure measure[2];
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient, &measure[0], NULL), OK);
    struct filling f = {.config = &c, .from = batch.inputs};
    f.inputs = calloc(LARGER * (size_t)c.T * (size_t)c.inputs, sizeof *f.inputs);
    batch.inputs = f.inputs;
    batch.fill = fill;
    batch.context = &f;
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient + model->count, &measure[1], NULL), OK);
    ck_assert_mem_eq(gradient, gradient + model->count, model->count * sizeof *gradient);
    for (int s = 0; s < LARGER; s++)
        ck_assert_int_eq(f.asked[s], 1);
    free(f.inputs);
    free(gradient);
    transformer_free(model);
}
END_TEST

/* The names and shapes that checkpoints promise; PyTorch's start: uniform, within and up to 1/sqrt(in). */
START_TEST(parameters_and_their_start)
{
    static const char *const names[] = {"embed.weight",
                                        "embed.bias",
                                        "layer.1.norm1.weight",
                                        "layer.1.norm1.bias",
                                        "layer.1.attn.qkv.weight",
                                        "layer.1.attn.qkv.bias",
                                        "layer.1.attn.out.weight",
                                        "layer.1.attn.out.bias",
                                        "layer.1.norm2.weight",
                                        "layer.1.norm2.bias",
                                        "layer.1.mlp.up.weight",
                                        "layer.1.mlp.up.bias",
                                        "layer.1.mlp.down.weight",
                                        "layer.1.mlp.down.bias",
                                        "final_norm.weight",
                                        "final_norm.bias",
                                        "unembed.weight",
                                        "unembed.bias"};
    struct transformer_config c = variant(2);
    c.layers = 1, c.mlp = 4, c.width = 32, c.heads = 3, c.head_dim = 5;
    struct transformer *model;
    ck_assert_int_eq(transformer_create(&c, BACKEND_AUTO, PRECISION_F32, 1, &model), OK);
    transformer_initialise(model, 1);
    ck_assert_int_eq(model->tensors, sizeof names / sizeof names[0]);
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i], *weight = i % 2 ? t - 1 : t;
        const double bound = 1 / sqrt(weight->shape[1]);
        double most = 0, sum = 0;
        ck_assert_str_eq(t->name, names[i]);
        ck_assert_ptr_eq(transformer_find(model, names[i]), t);
        ck_assert_uint_eq(t->offset % 16, 0);
        for (size_t j = t->offset; j < t->offset + t->count; j++) {
            most = fmax(most, fabs((double)model->parameters[j]));
            sum += (double)model->parameters[j];
        }
        if (weight->rank == 1)
            test_close(sum / (double)t->count, i % 2 ? 0.0 : 1.0, 0.0, 0.0, "%s", t->name);
        else if (t->count > 500)
            test_close(most, bound, 0.02, 0.0, "%s", t->name);
        ck_assert(weight->rank == 1 || most <= bound * (1 + 1e-6));
    }
    ck_assert_ptr_null(transformer_find(model, "layer.2.attn.qkv.weight"));
    const struct transformer_tensor *qkv = transformer_find(model, "layer.1.attn.qkv.weight");
    ck_assert(qkv->rank == 2 && qkv->shape[0] == 3 * 3 * 5 && qkv->shape[1] == 32);
    transformer_free(model);
}
END_TEST

START_TEST(bad_input)
{
    struct transformer *model = NULL;
    struct transformer_config good = variant(1), c;
    double attention[9] = {0};
    c = good, c.width = 7;
    ck_assert_int_eq(transformer_create(&c, BACKEND_REFERENCE, PRECISION_F32, 1, &model), ERR_INPUT);
    ck_assert_ptr_null(model);
    c = good, c.layers = 65;
    ck_assert_int_eq(transformer_create(&c, BACKEND_REFERENCE, PRECISION_F32, 1, &model), ERR_INPUT);
    c = good, c.T = 1 << 20;
    ck_assert_int_eq(transformer_create(&c, BACKEND_REFERENCE, PRECISION_F32, 1, &model), ERR_INPUT);
    ck_assert_int_eq(transformer_create(&good, BACKEND_REFERENCE, PRECISION_F32, 0, &model), ERR_INPUT);
#ifndef REAL_IS_DOUBLE
    ck_assert_int_eq(transformer_create(&good, BACKEND_CUDA, PRECISION_F32, 1, &model), ERR_INPUT);
#endif
    model = create(&good, BACKEND_REFERENCE, PRECISION_F32, 2);
    real *gradient = malloc(model->count * sizeof *gradient);
    struct transformer_measure measure;
    struct transformer_batch batch = random_batch(&good, SEQUENCES);
    int32_t *tokens = (int32_t *)batch.tokens, kept = tokens[3];
    tokens[3] = VOCAB;
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient, &measure, NULL), ERR_INPUT);
    tokens[3] = -1;
    ck_assert_int_eq(transformer_evaluate(model, &batch, 0, NULL, &measure, NULL), ERR_INPUT);
    tokens[3] = kept;
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient, &measure, NULL), OK);
    const int32_t sequence[] = {1, 0}, position[] = {0, 1}, outside[] = {0, 7};
    struct transformer_pairs pairs = {2, sequence, position, position, attention};
    ck_assert_int_eq(transformer_evaluate(model, &batch, 1, &pairs, &measure, NULL), ERR_INPUT);
    pairs = (struct transformer_pairs){2, position, outside, position, attention};
    ck_assert_int_eq(transformer_evaluate(model, &batch, 1, &pairs, &measure, NULL), ERR_INPUT);
    batch.sequences = 0;
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient, &measure, NULL), ERR_INPUT);
    free(gradient);
    transformer_free(model);
    transformer_free(NULL);
}
END_TEST

static const struct test tests[] = {
    {"gradient_by_definition", &gradient_by_definition},
    {"threads_change_nothing", &threads_change_nothing},
    {"short_cuts_against_the_whole", &short_cuts_against_the_whole},
    {"attention_of_pairs", &attention_of_pairs},
    {"filled_on_demand", &filled_on_demand},
    {"parameters_and_their_start", &parameters_and_their_start},
    {"bad_input", &bad_input},
};
TEST_MAIN("transformer", tests)
