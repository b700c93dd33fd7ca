/* A Transformer from its configuration to the end of its life: parameters, kernels and workspace put together. */
#include "base/room.h"
#include "models/transformer_internal.h"
#include <stdlib.h>

enum status transformer_create(const struct transformer_config *config, enum backend backend, enum precision precision,
                               int threads, struct transformer **out)
{
    enum status rc = OK;
    struct transformer *model = NULL;
    *out = NULL;
    TRY(transformer_check(config, threads));
    REQUIRE(model = calloc(1, sizeof *model), ERR_MEMORY, "Transformer: out of memory");
    model->config = *config;
    model->threads = threads;
    if (backend != BACKEND_REFERENCE)
        TRY(room_for_products(threads));
    TRY(kernels_open(backend, precision, &model->kernels));
    model->workspace = calloc(1, sizeof *model->workspace);
    REQUIRE(model->workspace, ERR_MEMORY, "Transformer: out of memory");
    TRY(transformer_parameters_create(model));
    TRY(transformer_workspace_create(model));
    *out = model;
    return OK;
done:
    transformer_free(model);
    return rc;
}

void transformer_free(struct transformer *model)
{
    if (!model)
        return;
    transformer_workspace_free(model);
    free(model->tensor);
    free(model->parameters);
    free(model);
}
