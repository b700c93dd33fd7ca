#include "run/run.h"
#include "run/checkpoint.h"
#include "run/run_reduced.h"
#include "run/run_toy.h"
#include <math.h>

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
    enum status rc = context->tools ? OK : run_flow_create(&context->tools);
    if (rc != OK)
        return rc;
    switch (keys->preset) {
    case PRESET_FLOW:
        return run_flow(context->tools, keys, result, trace);
    case PRESET_TOY:
        return run_toy(context->tools, keys, request, result, trace);
    case PRESET_REDUCED:
        return run_reduced(run_flow_ode(context->tools), keys, result, trace);
    default:
        rc = run_transformer(keys, request, result, trace);
        return rc == OK ? run_reduced_expect(run_flow_ode(context->tools), keys, &result->predicted) : rc;
    }
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

enum status run_expect(struct run_flow *tools, const struct keys *keys, struct result *result)
{
    enum status rc = OK;
    const bool toy = keys->preset == PRESET_TOY;
    struct flow_solution solution;
    struct result flow;
    result->predicted = prediction_none;
    result->flow_plateau = NAN;
    if (keys->preset >= PRESET_REGRESSION)
        return run_reduced_expect(run_flow_ode(tools), keys, &result->predicted);
    if (keys->preset == PRESET_REDUCED) {
        TRY(run_reduced(run_flow_ode(tools), keys, &flow, NULL));
        result->predicted = flow.predicted;
        result->predicted.reduced = flow.plateau;
        return rc;
    }
    const enum metric metric = toy ? METRIC_FULL : (enum metric)keys_integer(keys, KEY_metric);
    rc = run_flow_expect(tools, keys, metric, toy ? &solution : NULL, &result->predicted);
    if (toy && rc == OK) {
        result->flow_plateau = solution.plateau;
        result->null_loss = solution.null_loss;
    }
done:
    return rc;
}

void run_free(struct run_context *context)
{
    run_flow_free(context->tools);
    context->tools = NULL;
}
