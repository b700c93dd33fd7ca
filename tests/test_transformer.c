/* The Transformer: loss, outputs, attention and gradient against its definition (transformer_oracle), with attention
 * that is held and without; the short cuts against the whole computation, and the same bits for any number of threads.
 *
 * Compiled twice: test_transformer_double with real = double, where central differences can see every term of the
 * gradient, and test_transformer as it is used, there for every backend and precision of this build. */
#include "test.h"
#include "transformer_fixture.h"

START_TEST(gradient_by_definition)
{
    for (int i = 0; i < VARIANTS; i++) {
        const struct transformer_config c = variant(i);
        const struct transformer_batch batch = random_batch(&c, SEQUENCES);
        compute_right(&c, &batch, NULL);
        check_gradient(&c, &batch, describe(&c));
    }
}
END_TEST

/* Number k of a variant's clamps: one of each kind, in the first layer or the last, in all heads or in the last one;
 * then several, which hold some rows twice. Returns how many there are, 0 at the end. */
static int clamps_of(const struct transformer_config *c, int k, struct oracle_clamp *clamp)
{
    const int kinds = c->tokens ? 3 : 2, last = c->layers - 1, head = c->heads - 1;
    const enum oracle_kind first = c->tokens ? ORACLE_COPY : ORACLE_LAST;
    if (k < 4 * kinds) {
        *clamp = (struct oracle_clamp){first + (enum oracle_kind)(k / 4), k & 1 ? last : 0, k & 2 ? head : -1};
        return 1;
    }
    clamp[0] = (struct oracle_clamp){ORACLE_UNIFORM, last, -1};
    clamp[1] = (struct oracle_clamp){ORACLE_LAST, last, head};
    clamp[2] = (struct oracle_clamp){first, 0, 0};
    return k == 4 * kinds ? CLAMPED : 0;
}

/* Loss, outputs and gradient where attention is held, short and whole, by the definition with those rows in place. Each
 * variant has a fifth of the clamps, by turns, so that each stands in three variants or more. Without ReLU, whose kinks
 * spoil a difference here and there; the cases with PyTorch have it. */
static void check_clamps(bool tokens)
{
    enum { TURNS = 5 };
    struct oracle_clamp clamp[CLAMPED];
    struct holding h;
    for (int i = tokens; i < VARIANTS; i += 2) {
        struct transformer_config c = variant(i);
        c.activation = ACTIVATION_GELU;
        for (int k = i / 2 % TURNS, n; (n = clamps_of(&c, k, clamp)) > 0; k += TURNS) {
            struct transformer_batch batch = random_batch(&c, SEQUENCES);
            hold(&c, &batch, n, clamp, &h);
            compute_right(&c, &batch, h.held);
            for (int full = 0; full < 2; full++) {
                c.full = full;
                check_gradient(&c, &batch, h.text);
            }
            free(h.held);
        }
    }
}

START_TEST(clamps_of_regression)
{
    check_clamps(false);
}
END_TEST

START_TEST(clamps_of_recall)
{
    check_clamps(true);
}
END_TEST

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
        oracle_loss(model, &batch, NULL, parameters, NULL, attention);
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

/* Slopes along the gradient and along two directions that have nothing to do with it. */
static void check_slopes(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                         const real *gradient, const char *name)
{
    const double tol = tolerance_of(PRECISION_F32).gradient;
    double *parameters = parameters_of(model), *direction = calloc(model->count, sizeof *direction), norm = 0;
    for (size_t i = 0; i < model->count; i++)
        norm += (double)gradient[i] * (double)gradient[i];
    norm = sqrt(norm);
    for (uint32_t sample = 0; sample < 3; sample++) {
        const struct stream s = {.seed = 5, .purpose = PURPOSE_BOOTSTRAP, .sample = sample};
        double product = 0, size = 0;
        for (int t = 0; t < model->tensors; t++) {
            const size_t begin = model->tensor[t].offset, end = begin + model->tensor[t].count;
            for (size_t i = begin; i < end; i++) {
                direction[i] = sample ? random_uniform(&s, (uint32_t)i) - 0.5 : (double)gradient[i] / norm;
                product += direction[i] * (double)gradient[i];
                size += direction[i] * direction[i];
            }
        }
        test_close(product, oracle_slope_along(model, batch, held, parameters, direction, STEP / sqrt(size)), 0.0,
                   tol * norm * sqrt(size), "slope %d, %s", (int)sample, name);
    }
    free(parameters);
    free(direction);
}

/* Clamps in more sequences than a micro-batch holds, or at a length at which the scores of one head are worked on at a
 * time, on one thread and on three: loss, outputs, slopes, and the mean attention of pairs, by the definition. */
START_TEST(clamps_in_many_micro_batches)
{
    enum { LONG = 200, FEW = 13 };
    static double outputs[LARGER * 5];
    const struct tolerance tol = tolerance_of(PRECISION_F32);
    struct oracle_clamp clamp[CLAMPED];
    struct holding h;
    for (int i = 0; i < 16; i++) {
        struct transformer_config c =
            larger(i & 1, i % 5 == 4 ? READOUT_MEAN : READOUT_LAST, i & 2 ? NORM_PRE : NORM_NONE);
        c.skip = !(i & 4);
        c.full = i & 8;
        c.heads = 2;
        c.T = i % 3 == 2 ? LONG : c.T;
        c.activation = ACTIVATION_GELU;
        const int n = clamps_of(&c, c.tokens ? (7 * i + 12) % 13 : (5 * i + 8) % 9, clamp);
        const int sequences = c.T == LONG ? FEW : LARGER;
        const int32_t sequence[] = {0, 7, 7, sequences - 1}, query[] = {3, 79, 11, c.T - 1},
                      key[] = {2, 22, 11, c.T - 2};
        struct transformer_batch batch = random_batch(&c, sequences);
        hold(&c, &batch, n, clamp, &h);
        struct transformer *model = create(&c, BACKEND_AUTO, PRECISION_F32, 1), *other;
        double *parameters = parameters_of(model), got[4];
        double *attention = malloc((size_t)sequences * 2 * 2 * (size_t)(c.T * c.T) * sizeof *attention);
        const double right_loss = oracle_loss(model, &batch, h.held, parameters, outputs, attention);
        real *gradient = malloc(2 * model->count * sizeof *gradient), y[LARGER * 5];
        struct transformer_measure measure, evaluated;
        const struct transformer_pairs pairs = {4, sequence, query, key, got};
        const char *name = h.text;
        ck_assert_int_eq(transformer_gradient(model, &batch, gradient, &measure, y), OK);
        ck_assert_int_eq(transformer_evaluate(model, &batch, 1, &pairs, &evaluated, NULL), OK);
        test_close(measure.loss, right_loss, tol.value, 0.0, "loss, %s", name);
        test_close(evaluated.loss, right_loss, tol.value, 0.0, "loss of the evaluation, %s", name);
        close_tensor((size_t)(sequences * c.outputs), y, outputs, tol.value, 0.0, name);
        check_slopes(model, &batch, h.held, gradient, name);
        for (int j = 0; j < c.layers * c.heads; j++)
            test_close(got[j], mean_of_pairs(&c, attention, &pairs, j), 1e-5, 1e-7, "attention %d, %s", j, name);
        other = create(&c, BACKEND_AUTO, PRECISION_F32, 3);
        ck_assert_int_eq(transformer_gradient(other, &batch, gradient + model->count, &measure, NULL), OK);
        ck_assert_mem_eq(gradient, gradient + model->count, model->count * sizeof *gradient);
        transformer_free(other);
        transformer_free(model);
        free(parameters);
        free(attention);
        free(gradient);
        free(h.held);
    }
}
END_TEST

/* Counts how often each sequence was asked for, and fills it. */
struct filling {
    const struct transformer_config *config;
    float *inputs;
    const float *from;
    int32_t relevant[LARGER * SLOTS]; /* filled, too */
    const int32_t *from_relevant;
    int asked[LARGER];
};

static void fill(void *context, int first, int count)
{
    struct filling *f = context;
    const size_t n = (size_t)f->config->T * (size_t)f->config->inputs;
    memcpy(f->inputs + (size_t)first * n, f->from + (size_t)first * n, (size_t)count * n * sizeof *f->inputs);
    memcpy(f->relevant + SLOTS * first, f->from_relevant + SLOTS * first, SLOTS * (size_t)count * sizeof *f->relevant);
    for (int s = first; s < first + count; s++)
        f->asked[s]++;
}

START_TEST(filled_on_demand)
{
    const struct transformer_config c = larger(false, READOUT_MEAN, NORM_NONE);
    struct transformer_batch batch = random_batch(&c, LARGER);
    struct holding h;
    hold(&c, &batch, 1, &(struct oracle_clamp){ORACLE_LAST, 1, -1}, &h);
    struct transformer *model = create(&c, BACKEND_REFERENCE, PRECISION_F32, 2);
    real *gradient = malloc(2 * model->count * sizeof *gradient);
    struct transformer_measure measure[2];
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient, &measure[0], NULL), OK);
    struct filling f = {.config = &c, .from = batch.inputs, .from_relevant = h.samples.relevant};
    h.samples.relevant = f.relevant;
    f.inputs = calloc(LARGER * (size_t)c.T * (size_t)c.inputs, sizeof *f.inputs);
    batch.inputs = f.inputs;
    batch.fill = fill;
    batch.context = &f;
    ck_assert_int_eq(transformer_gradient(model, &batch, gradient + model->count, &measure[1], NULL), OK);
    ck_assert_mem_eq(gradient, gradient + model->count, model->count * sizeof *gradient);
    for (int s = 0; s < LARGER; s++)
        ck_assert_int_eq(f.asked[s], 1);
    free(h.held);
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
    {"clamps_of_regression", &clamps_of_regression},
    {"clamps_of_recall", &clamps_of_recall},
    {"threads_change_nothing", &threads_change_nothing},
    {"short_cuts_against_the_whole", &short_cuts_against_the_whole},
    {"attention_of_pairs", &attention_of_pairs},
    {"clamps_in_many_micro_batches", &clamps_in_many_micro_batches},
    {"filled_on_demand", &filled_on_demand},
    {"parameters_and_their_start", &parameters_and_their_start},
    {"bad_input", &bad_input},
};
TEST_MAIN("transformer", tests)
