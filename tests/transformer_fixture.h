/* Tiny Transformers, batches for them, with attention that is held or without, and what they should give: for the tests
 * of test_transformer.c, which is compiled twice. */
#ifndef TRANSFORMER_FIXTURE_H
#define TRANSFORMER_FIXTURE_H
#include "base/random.h"
#include "models/samples.h"
#include "models/transformer.h"
#include "test.h"
#include "transformer_oracle.h"
#include <stdio.h>
#include <string.h>

static const double STEP = 2e-5; /* of central differences of fourth order */
static const double TOL_DOUBLE = 1e-9, TOL_DOUBLE_GRADIENT = 1e-7;
static const double TOL_F32 = 3e-6, TOL_F32_GRADIENT = 1e-4; /* relative, gradients by tensor */
static const double TOL_BF16 = 3e-2, TOL_BF16_GRADIENT = 5e-2,
                    TOL_BF16_CLAMPED = 8e-2; /* in more cases, of which one came to 0.06 */

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

static const char *describe(const struct transformer_config *c)
{
    static char text[160];
    snprintf(text, sizeof text,
             "%s layers=%d heads=%d head_dim=%d mlp=%d skip=%d norm=%d activation=%d mask=%d readout=%d",
             c->tokens ? "recall" : "regression", c->layers, c->heads, c->head_dim, c->mlp, c->skip, c->norm,
             c->activation, c->mask, c->readout);
    return text;
}

/* ---- attention that is held ---- */

/* The pairs as the tasks have them (regression.c, recall.c). */
static bool value_to_key(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key)
{
    (void)s, (void)i;
    *key = (int32_t)(2 * k);
    *query = *key + 1;
    return true;
}

static bool last_to_relevant(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key)
{
    *query = (int32_t)(s->T - 1);
    *key = s->relevant[i * s->slots + k];
    return *key >= 0;
}

enum { SLOTS = 2, CLAMPED = 3 };

/* The same clamps as the model has them, and as the oracle. */
struct holding {
    struct samples samples;
    struct transformer_clamp clamp[CLAMPED];
    double *held;
    char text[160]; /* the model and its clamps, in words */
};

/* Gives the batch n clamps. A sequence has two relevant positions, or one, or none, by turns. Free `held`. */
static void hold(const struct transformer_config *c, struct transformer_batch *batch, int n,
                 const struct oracle_clamp *oracle, struct holding *h)
{
    static int32_t relevant[MANY];
    const int T = c->T, sequences = batch->sequences;
    const size_t numbers = (size_t)sequences * (size_t)(c->layers * c->heads) * (size_t)(T * T);
    h->samples = (struct samples){.n = (size_t)sequences, .T = (size_t)T, .slots = SLOTS, .relevant = relevant};
    for (int s = 0; s < sequences; s++) {
        relevant[SLOTS * s] = s % 3 > 0 ? -1 : (3 * s + 1) % T;
        relevant[SLOTS * s + 1] = s % 3 > 1 ? -1 : (3 * s + 1 + T / 2) % T;
    }
    h->held = malloc(numbers * sizeof *h->held);
    for (size_t i = 0; i < numbers; i++)
        h->held[i] = (double)NAN;
    snprintf(h->text, sizeof h->text, "%s", describe(c));
    for (int i = 0; i < n; i++) {
        const enum oracle_kind kind = oracle[i].kind;
        const bool copy = kind == ORACLE_COPY, uniform = kind == ORACLE_UNIFORM;
        oracle_hold(c, sequences, &oracle[i], SLOTS, relevant, h->held);
        h->clamp[i] = (struct transformer_clamp){.layer = oracle[i].layer,
                                                 .head = oracle[i].head,
                                                 .pair = uniform ? NULL
                                                         : copy  ? value_to_key
                                                                 : last_to_relevant,
                                                 .most = copy ? (size_t)T / 2 : SLOTS,
                                                 .samples = &h->samples};
        snprintf(h->text + strlen(h->text), sizeof h->text - strlen(h->text), " %s@%d.h%d",
                 copy      ? "copy"
                 : uniform ? "uniform"
                           : "last",
                 oracle[i].layer + 1, oracle[i].head + 1);
    }
    batch->clamps = h->clamp;
    batch->n_clamps = n;
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

static void compute_right(const struct transformer_config *c, const struct transformer_batch *batch, const double *held)
{
    struct transformer *model = create(c, BACKEND_REFERENCE, PRECISION_F32, 1);
    double *parameters = parameters_of(model), squares = 0;
    ck_assert(model->count <= sizeof right.gradient / sizeof right.gradient[0]);
    right.loss = oracle_loss(model, batch, held, parameters, right.outputs, NULL);
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        for (size_t j = t->offset; j < t->offset + t->count; j++) {
            right.gradient[j] = oracle_slope(model, batch, held, parameters, j, STEP);
            squares += right.gradient[j] * right.gradient[j];
        }
    }
    right.norm = sqrt(squares);
    free(parameters);
    transformer_free(model);
}

/* Loss, outputs and every gradient tensor against what is right; nothing but zeros between tensors. */
static void check_backend(const struct transformer_config *c, const struct transformer_batch *batch, const char *what,
                          enum backend backend, enum precision precision)
{
    struct tolerance tol = tolerance_of(precision);
    if (precision == PRECISION_BF16 && batch->n_clamps > 0)
        tol.gradient = TOL_BF16_CLAMPED;
    struct transformer *model = create(c, backend, precision, 1);
    real *gradient = malloc(model->count * sizeof *gradient), outputs[SEQUENCES * VOCAB];
    struct transformer_measure measure;
    char name[240];
    for (size_t i = 0; i < model->count; i++)
        gradient[i] = (real)NAN;
    ck_assert_msg(transformer_gradient(model, batch, gradient, &measure, outputs) == OK, "%s", error_message());
    snprintf(name, sizeof name, "%s%s %s", model->kernels->name, c->full ? " full" : "", what);
    test_close(measure.loss, right.loss, tol.value, 0.0, "loss, %s", name);
    close_tensor((size_t)batch->sequences * (size_t)c->outputs, outputs, right.outputs, tol.value, 0.0, name);
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        snprintf(name, sizeof name, "%s%s: gradient of %s, %s", model->kernels->name, c->full ? " full" : "", t->name,
                 what);
        close_tensor(t->count, gradient + t->offset, right.gradient + t->offset, tol.gradient,
                     0.1 * tol.gradient * right.norm, name);
        const size_t end = i + 1 < model->tensors ? t[1].offset : model->count;
        for (size_t j = t->offset + t->count; j < end; j++)
            ck_assert_msg(gradient[j] == 0, "padding behind %s", t->name);
    }
    free(gradient);
    transformer_free(model);
}

/* The same for every backend and precision of this build. what: is checked, for messages. */
static void check_gradient(const struct transformer_config *c, const struct transformer_batch *batch, const char *what)
{
    const struct kernels *kernels;
    for (enum backend backend = BACKEND_REFERENCE; backend <= BACKEND_ONEDNN; backend++) {
        for (enum precision precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
            const enum status rc = kernels_open(backend, precision, &kernels);
            if (rc == OK)
                check_backend(c, batch, what, backend, precision);
            else
                ck_assert_msg(rc == ERR_INPUT && backend == BACKEND_ONEDNN, "%s", error_message());
        }
    }
}

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

#endif
