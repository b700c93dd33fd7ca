#include "run.h"
#include "run_toy.h"

enum status run_any(struct run_context *context, const struct keys *keys, struct result *result, struct trace *trace)
{
    if (keys->preset >= PRESET_REGRESSION)
        return run_transformer(keys, &context->request, result, trace);
    if (!context->tools) {
        enum status rc = run_flow_create(&context->tools);
        if (rc != OK)
            return rc;
    }
    return keys->preset == PRESET_FLOW ? run_flow(context->tools, keys, result, trace)
                                       : run_toy(context->tools, keys, &context->request, result, trace);
}

void run_free(struct run_context *context)
{
    run_flow_free(context->tools);
    context->tools = NULL;
}
