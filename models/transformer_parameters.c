/* The parameters: the list of tensors that a configuration has, their places in one block, their names, and how they
 * start. */
#include "base/random.h"
#include "models/transformer_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Names and kinds of the modules; those of a layer have its number before their name. */
static const struct module {
    const char *name;
    bool norm;
} modules[MODULE_COUNT] = {
    [MODULE_EMBED] = {"embed", false},     [MODULE_NORM1] = {"norm1", true},
    [MODULE_QKV] = {"attn.qkv", false},    [MODULE_OUT] = {"attn.out", false},
    [MODULE_NORM2] = {"norm2", true},      [MODULE_UP] = {"mlp.up", false},
    [MODULE_DOWN] = {"mlp.down", false},   [MODULE_FINAL_NORM] = {"final_norm", true},
    [MODULE_UNEMBED] = {"unembed", false},
};

/* Shape of a module's weight, [out] if *in is 0; false if this model has no such module. */
static bool module_shape(const struct transformer_config *c, enum transformer_module module, int *out, int *in)
{
    const int A = c->heads * c->head_dim, F = c->mlp * c->width;
    *out = c->width;
    *in = module == MODULE_EMBED ? c->inputs : module == MODULE_OUT ? A : module == MODULE_DOWN ? F : c->width;
    if (modules[module].norm)
        *in = 0;
    if (module == MODULE_QKV)
        *out = 3 * A;
    if (module == MODULE_UP)
        *out = F;
    if (module == MODULE_UNEMBED)
        *out = c->outputs;
    const bool of_mlp = module == MODULE_NORM2 || module == MODULE_UP || module == MODULE_DOWN;
    return (c->norm == NORM_PRE || !modules[module].norm) && (c->mlp > 0 || !of_mlp);
}

static void add_tensor(struct transformer *model, const char *module, int layer, const char *part, int out, int in)
{
    enum { ALIGNMENT = 16 };
    struct transformer_tensor *t = &model->tensor[model->tensors++];
    if (layer)
        snprintf(t->name, sizeof t->name, "layer.%d.%s.%s", layer, module, part);
    else
        snprintf(t->name, sizeof t->name, "%s.%s", module, part);
    t->rank = in ? 2 : 1;
    t->shape[0] = out;
    t->shape[1] = in ? in : 1;
    t->count = (size_t)t->shape[0] * (size_t)t->shape[1];
    t->offset = model->count;
    model->count += (t->count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Modules first .. last of a layer (layer 0: those that belong to none). */
static void add_modules(struct transformer *model, int layer, enum transformer_module first,
                        enum transformer_module last)
{
    for (enum transformer_module m = first; m <= last; m++) {
        int out, in, *index = &model->workspace->index[layer ? layer - 1 : 0][m];
        *index = -1;
        if (!module_shape(&model->config, m, &out, &in))
            continue;
        *index = model->tensors;
        add_tensor(model, modules[m].name, layer, "weight", out, in);
        add_tensor(model, modules[m].name, layer, "bias", out, 0);
    }
}

enum status transformer_parameters_create(struct transformer *model)
{
    enum status rc = OK;
    const int layers = model->config.layers;
    model->tensor = calloc((size_t)layers * MODULE_COUNT * 2, sizeof *model->tensor);
    REQUIRE(model->tensor, ERR_MEMORY, "Transformer: out of memory");
    memset(model->workspace->index, -1, sizeof model->workspace->index);
    add_modules(model, 0, MODULE_EMBED, MODULE_EMBED);
    for (int layer = 1; layer <= layers; layer++)
        add_modules(model, layer, MODULE_NORM1, MODULE_DOWN);
    add_modules(model, 0, MODULE_FINAL_NORM, MODULE_UNEMBED);
    model->parameters = kernels_allocate(model->count, sizeof(real));
    REQUIRE(model->parameters, ERR_MEMORY, "Transformer: no memory for %zu parameters", model->count);
done:
    return rc;
}

enum status transformer_check(const struct transformer_config *c, int threads)
{
    enum status rc = OK;
    enum { LONGEST = 16384 };
    REQUIRE(c->T >= 1 && c->T <= LONGEST, ERR_INPUT,
            "T=%d: a Transformer holds T x T attention scores, so T (recall: 2 pairs + 1) must not exceed %d", c->T,
            LONGEST);
    REQUIRE(c->inputs >= 1 && c->outputs >= 1, ERR_INPUT, "d=%d: d must be at least 1", c->outputs);
    REQUIRE(c->layers >= 1 && c->layers <= TRANSFORMER_LAYERS, ERR_INPUT, "layers=%d: layers must be in [1,%d]",
            c->layers, TRANSFORMER_LAYERS);
    REQUIRE(c->width >= 2 && c->width % 2 == 0, ERR_INPUT,
            "width=%d: positions are sine and cosine pairs, so width must be even", c->width);
    REQUIRE(c->heads >= 1 && c->head_dim >= 1 && c->mlp >= 0, ERR_INPUT,
            "heads=%d head_dim=%d mlp=%d: heads and head_dim must be at least 1, mlp at least 0", c->heads, c->head_dim,
            c->mlp);
    REQUIRE(threads >= 1, ERR_INPUT, "threads=%d: threads must be at least 1", threads);
done:
    return rc;
}

/* The numbers of a weight and of the bias that follows it have one bound, 1/sqrt(in) of the weight. */
void transformer_initialise(struct transformer *model, uint64_t seed)
{
    memset(model->parameters, 0, model->count * sizeof *model->parameters);
    for (int i = 0; i < model->tensors; i++) {
        const struct transformer_tensor *t = &model->tensor[i], *weight = i % 2 ? t - 1 : t;
        const struct stream s = {.seed = seed, .purpose = PURPOSE_WEIGHTS, .sample = (uint32_t)i};
        const double bound = 1.0 / sqrt(weight->shape[1]);
        const bool norm = weight->rank == 1;
        real *x = model->parameters + t->offset;
        for (size_t j = 0; j < t->count; j++)
            x[j] = norm ? (real)(t == weight) : (real)(bound * (2.0 * random_uniform(&s, (uint32_t)j) - 1.0));
    }
}

const struct transformer_tensor *transformer_find(const struct transformer *model, const char *name)
{
    for (int i = 0; i < model->tensors; i++) {
        if (!strcmp(model->tensor[i].name, name))
            return &model->tensor[i];
    }
    return NULL;
}

/* Offset of a module's .weight (part 0) or .bias (part 1). */
static size_t offset(const struct transformer *model, int layer, enum transformer_module module, int part)
{
    return model->tensor[model->workspace->index[layer][module] + part].offset;
}

real *transformer_weight(const struct transformer *model, int layer, enum transformer_module module)
{
    return model->parameters + offset(model, layer, module, 0);
}

real *transformer_bias(const struct transformer *model, int layer, enum transformer_module module)
{
    return model->parameters + offset(model, layer, module, 1);
}

real *transformer_weight_gradient(const struct transformer_worker *w, int layer, enum transformer_module module)
{
    return w->gradient + offset(w->model, layer, module, 0);
}

real *transformer_bias_gradient(const struct transformer_worker *w, int layer, enum transformer_module module)
{
    return w->gradient + offset(w->model, layer, module, 1);
}
