#include "run/run.h"
#include "run/checkpoint.h"
#include "run/run_toy.h"

enum status run_check(const struct keys *keys)
{
    if (keys->preset < PRESET_REGRESSION)
        return OK;
    const struct transformer_config config = transformer_config(keys);
    return transformer_check(&config, (int)keys_integer(keys, KEY_threads));
}

static enum status run_one(struct run_context *context, const struct keys *keys, const struct run_request *request,
                           struct result *result, struct trace *trace)
{
    if (keys->preset >= PRESET_REGRESSION)
        return run_transformer(keys, request, result, trace);
    if (!context->tools) {
        enum status rc = run_flow_create(&context->tools);
        if (rc != OK)
            return rc;
    }
    return keys->preset == PRESET_FLOW ? run_flow(context->tools, keys, result, trace)
                                       : run_toy(context->tools, keys, request, result, trace);
}

enum status run_any(struct run_context *context, const struct keys *keys, struct result *result, struct trace *trace)
{
    struct run_request request = context->request;
    enum status rc = run_one(context, keys, &request, result, trace);
    if (rc == ERR_DAMAGED && (rc = checkpoint_set_aside(&request)) == OK) {
        request.resume = NULL;
        rc = run_one(context, keys, &request, result, trace);
    }
    return rc;
}

void run_free(struct run_context *context)
{
    run_flow_free(context->tools);
    context->tools = NULL;
}
