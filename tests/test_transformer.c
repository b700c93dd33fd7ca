/* The Transformer: loss, outputs, attention and gradient against its definition (transformer_oracle), the short cuts against
 * the whole computation, and the same bits for any number of threads.
 *
 * Compiled twice: test_transformer_double with real = double, where central differences can see every term of the gradient,
 * and test_transformer as it is used, there for every backend and precision of this build. */
#include "random.h"
#include "test.h"
#include "transformer.h"
#include "transformer_oracle.h"
#include <stdio.h>
#include <string.h>

static const double STEP = 2e-5; /* of central differences of fourth order */
static const double TOL_DOUBLE = 1e-9, TOL_DOUBLE_GRADIENT = 1e-7;
static const double TOL_F32 = 1e-5, TOL_F32_GRADIENT = 3e-4; /* relative, gradients by tensor */
static const double TOL_BF16 = 2e-2, TOL_BF16_GRADIENT = 1e-1;

enum { SEQUENCES = 3, T_REGRESSION = 6, PAIRS = 3, VOCAB = 7, MANY = 1 << 16 };

/* A random batch; static storage, one at a time. */
static struct transformer_batch random_batch(const struct transformer_config *c, int sequences)
{
    static float inputs[MANY], targets[MANY];
    static int32_t tokens[MANY], labels[MANY];
    const struct stream s = {.seed = 7, .purpose = PURPOSE_DATA}, choice = {.seed = 7, .purpose = PURPOSE_CHOICE};
    const size_t numbers = (size_t)(sequences * c->T) * (size_t)c->inputs;
    if (c->task == TASK_REGRESSION) {
        ck_assert(numbers <= MANY);
        random_normal(&s, 0, numbers, inputs);
        random_normal(&s, MANY, (size_t)(sequences * c->outputs), targets);
    }
    for (int i = 0; i < sequences * c->T && c->task == TASK_RECALL; i++)
        tokens[i] = (int32_t)(random_uniform(&choice, (uint32_t)i) * c->inputs);
    for (int i = 0; i < sequences && c->task == TASK_RECALL; i++)
        labels[i] = (int32_t)(random_uniform(&choice, (uint32_t)(MANY + i)) * c->outputs);
    return (struct transformer_batch){sequences, inputs, targets, tokens, labels, NULL, NULL};
}

/* Variant number i of the settings: task, norm, mask, readout and skip in all combinations, the others in turn; tiny. */
static struct transformer_config variant(int i)
{
    const bool recall = i & 1;
    return (struct transformer_config){
        .task = recall ? TASK_RECALL : TASK_REGRESSION,
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
    static char text[200];
    snprintf(text, sizeof text, "%s layers=%d heads=%d head_dim=%d mlp=%d skip=%d norm=%d activation=%d mask=%d readout=%d",
             c->task == TASK_RECALL ? "recall" : "regression", c->layers, c->heads, c->head_dim, c->mlp, c->skip, c->norm,
             c->activation, c->mask, c->readout);
    return text;
}

/* Parameters with nothing special about them: PyTorch's start, three times as large, and norms that do something. */
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
                2 * model->parameters[t->offset + j] + (real)(0.6 * random_uniform(&s, (uint32_t)(t->offset + j)) - 0.3);
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

/* Loss, outputs and every gradient tensor against the definition. */
static void check_gradient(const struct transformer_config *c, enum backend backend, enum precision precision)
{
    const struct tolerance tol = tolerance_of(precision);
    const struct transformer_batch batch = random_batch(c, SEQUENCES);
    struct transformer *model = create(c, backend, precision, 1);
    double *parameters = parameters_of(model), *want = calloc(model->count, sizeof *want);
    real *gradient = malloc(model->count * sizeof *gradient), outputs[SEQUENCES * VOCAB];
    double right[SEQUENCES * VOCAB];
    struct transformer_measure measure;
    for (size_t i = 0; i < model->count; i++)
        gradient[i] = (real)NAN;
    ck_assert_msg(transformer_gradient(model, &batch, gradient, &measure, outputs) == OK, "%s", error_message());
    test_close(measure.loss, oracle_loss(model, &batch, parameters, right, NULL), tol.value, 0.0, "loss, %s", describe(c));
    close_tensor((size_t)(SEQUENCES * c->outputs), outputs, right, tol.value, 0.0, "outputs");
    double norm = 0;
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        for (size_t j = t->offset; j < t->offset + t->count; j++) {
            want[j] = oracle_slope(model, &batch, parameters, j, STEP);
            norm += want[j] * want[j];
        }
    }
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        char name[300];
        snprintf(name, sizeof name, "gradient of %s, %s", t->name, describe(c));
        close_tensor(t->count, gradient + t->offset, want + t->offset, tol.gradient, 0.1 * tol.gradient * sqrt(norm), name);
        const size_t end = i + 1 < model->tensors ? t[1].offset : model->count;
        for (size_t j = t->offset + t->count; j < end; j++)
            ck_assert_msg(gradient[j] == 0, "padding behind %s", t->name);
    }
    free(parameters);
    free(want);
    free(gradient);
    transformer_free(model);
}

START_TEST(gradient_by_definition)
{
    for (int i = 0; i < VARIANTS; i++) {
        const struct transformer_config c = variant(i);
        check_gradient(&c, BACKEND_REFERENCE, PRECISION_F32);
    }
}
END_TEST

#ifndef REAL_IS_DOUBLE
/* Every fourth variant on every backend of this build. */
static void check_backend(enum backend backend, enum precision precision)
{
    const struct kernels *kernels;
    if (kernels_open(backend, precision, &kernels) != OK)
        return;
    for (int i = 0; i < VARIANTS; i += 3) {
        const struct transformer_config c = variant(i);
        check_gradient(&c, backend, precision);
    }
}

START_TEST(backends)
{
    for (enum backend backend = BACKEND_AUTO; backend <= BACKEND_ONEDNN; backend++)
        check_backend(backend, PRECISION_F32);
}
END_TEST
#endif

static const struct test tests[] = {
    {"gradient_by_definition", &gradient_by_definition},
#ifndef REAL_IS_DOUBLE
    {"backends", &backends},
#endif
};
TEST_MAIN("transformer", tests)
