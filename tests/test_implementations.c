/* No product of a training step, of whatever precision, is left to oneDNN's reference loops, and every backend's
 * gradient is the reference's.
 *
 * What the library chooses is asked of it when it makes a primitive (-Wl,--wrap=dnnl_primitive_create). It depends on
 * the processor and on ONEDNN_MAX_CPU_ISA: tests/test_instruction_sets.sh runs this program for each instruction set.
 */
#include "base/random.h"
#include "test.h"
#include "models/transformer.h"
#include <stdio.h>
#include <string.h>

enum { SEQUENCES = 5, MOST_NUMBERS = SEQUENCES * 512 * 129, MOST_TOKENS = SEQUENCES * 512 };

#ifdef HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.h>
static int made, by_reference;
static char name_of_one[64];

/* The linker's names. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
dnnl_status_t __real_dnnl_primitive_create(dnnl_primitive_t *out, const_dnnl_primitive_desc_t description);
dnnl_status_t __wrap_dnnl_primitive_create(dnnl_primitive_t *out, const_dnnl_primitive_desc_t description);
dnnl_status_t __wrap_dnnl_primitive_create(dnnl_primitive_t *out, const_dnnl_primitive_desc_t description)
{
    const char *name = "ref: no name";
    dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, (void *)&name);
    made++;
    if (!strncmp(name, "ref", 3)) {
        by_reference++;
        snprintf(name_of_one, sizeof name_of_one, "%s", name);
    }
    return __real_dnnl_primitive_create(out, description);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#endif

static struct transformer_config config_of(bool tokens, int T, int d, int layers, int heads, enum norm norm)
{
    return (struct transformer_config){.tokens = tokens,
                                       .T = T,
                                       .inputs = tokens ? d : d + 1,
                                       .outputs = d,
                                       .norm = norm,
                                       .mask = tokens ? MASK_CAUSAL : MASK_NONE,
                                       .readout = READOUT_LAST,
                                       .skip = true,
                                       .activation = ACTIVATION_GELU,
                                       .layers = layers,
                                       .heads = heads,
                                       .width = 256,
                                       .head_dim = 64,
                                       .mlp = 4};
}

static struct transformer_batch batch_of(const struct transformer_config *c)
{
    static float inputs[MOST_NUMBERS], targets[SEQUENCES * 128];
    static int32_t tokens[MOST_TOKENS], labels[SEQUENCES];
    const struct stream s = {.seed = 7, .purpose = PURPOSE_DATA};
    if (inputs[0] == 0) {
        random_normal(&s, 0, MOST_NUMBERS, inputs);
        random_normal(&s, MOST_NUMBERS, SEQUENCES * 128, targets);
    }
    for (int i = 0; i < MOST_TOKENS; i++)
        tokens[i] = (int32_t)(random_uniform(&s, (uint32_t)i) * c->inputs);
    for (int i = 0; i < SEQUENCES; i++)
        labels[i] = (int32_t)(random_uniform(&s, (uint32_t)(MOST_TOKENS + i)) * c->outputs);
    return (struct transformer_batch){SEQUENCES, inputs, targets, tokens, labels, NULL, NULL, NULL, 0};
}

/* The gradient of one batch, and an evaluation; owned by the caller. */
static real *gradient_of(const struct transformer_config *c, enum backend backend, enum precision precision,
                         size_t *count)
{
    struct transformer *model;
    struct transformer_measure m;
    const struct transformer_batch batch = batch_of(c);
    ck_assert_msg(transformer_create(c, backend, precision, 2, &model) == OK, "%s", error_message());
    transformer_initialise(model, 3);
    real *gradient = malloc(model->count * sizeof *gradient);
    ck_assert_msg(transformer_gradient(model, &batch, gradient, &m, NULL) == OK, "%s", error_message());
    ck_assert_msg(transformer_evaluate(model, &batch, 0, NULL, &m, NULL) == OK, "%s", error_message());
    ck_assert(isfinite(m.loss));
    *count = model->count;
    transformer_free(model);
    return gradient;
}

#ifdef HAVE_ONEDNN
static void check_made(enum precision precision)
{
    static const int shapes[][4] = {{16, 4, 1, 1},  {16, 128, 2, 8}, {32, 16, 3, 3}, {64, 32, 1, 1},   {65, 64, 2, 4},
                                    {128, 8, 4, 2}, {256, 64, 2, 4}, {256, 5, 1, 6}, {512, 128, 2, 1}, {512, 4, 3, 8}};
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof shapes[0]; i++) {
        const int *s = shapes[i / 2];
        const struct transformer_config c = config_of(i % 2, s[0], s[1], s[2], s[3], i % 2 ? NORM_PRE : NORM_NONE);
        size_t count;
        made = by_reference = 0;
        free(gradient_of(&c, BACKEND_ONEDNN, precision, &count));
        ck_assert_int_gt(made, 0);
        ck_assert_msg(by_reference == 0, "T=%d d=%d layers=%d heads=%d: %d of %d by %s", s[0], s[1], s[2], s[3],
                      by_reference, made, name_of_one);
    }
}
#endif

START_TEST(no_product_by_reference)
{
#ifdef HAVE_ONEDNN
    const struct kernels *k;
    check_made(PRECISION_F32);
    if (kernels_open(BACKEND_ONEDNN, PRECISION_BF16, &k) == OK)
        check_made(PRECISION_BF16);
#endif
}
END_TEST

/* bf16 against the reference's f32: its products round each factor to 8 bits. */
START_TEST(gradients_of_every_backend)
{
    for (int i = 0; i < 3; i++) {
        const struct transformer_config c = config_of(i == 1, 20, 9, 1 + i, 2, i == 1 ? NORM_PRE : NORM_NONE);
        size_t count;
        real *right = gradient_of(&c, BACKEND_REFERENCE, PRECISION_F32, &count);
        for (enum backend backend = BACKEND_BLAS; backend <= BACKEND_ONEDNN; backend++) {
            for (enum precision precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
                const struct kernels *k;
                const enum status rc = kernels_open(backend, precision, &k);
                ck_assert_msg(rc == OK || (rc == ERR_INPUT && backend == BACKEND_ONEDNN), "%s", error_message());
                if (rc != OK)
                    continue;
                real *g = gradient_of(&c, backend, precision, &count);
                double error = 0, squares = 0;
                for (size_t j = 0; j < count; j++) {
                    error += pow((double)(g[j] - right[j]), 2);
                    squares += pow((double)right[j], 2);
                }
                test_close(sqrt(error / squares), 0.0, 0.0, precision == PRECISION_BF16 ? 2e-2 : 1e-5,
                           "gradient of %s %s, layers=%d", k->name, precision == PRECISION_BF16 ? "bf16" : "f32",
                           1 + i);
                free(g);
            }
        }
        free(right);
    }
}
END_TEST

static const struct test tests[] = {{"no_product_by_reference", &no_product_by_reference},
                                    {"gradients_of_every_backend", &gradients_of_every_backend}};
TEST_MAIN("implementations", tests)
