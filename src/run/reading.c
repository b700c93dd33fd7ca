#include "run/reading.h"
#include "models/task.h"
#include "run/run_reduced.h"
#include <math.h>

double reading_threshold(const struct keys *keys, double threshold)
{
    if (threshold > 0)
        return threshold;
    if (threshold == READING_OWN)
        return keys_real(keys, KEY_threshold);
    return task_of(keys)->usual(keys);
}

double reading_chance(const struct keys *keys)
{
    const struct task_kind *task = task_of(keys);
    return task->chance ? task->chance(keys) : NAN;
}

const char *reading_text(const struct keys *keys, double threshold, char buffer[READING_TEXT])
{
    static const double digits = 1e-5; /* of a study that says 0.66667 */
    const struct task_kind *task = task_of(keys);
    threshold = reading_threshold(keys, threshold);
    if (task->rises && fabs(threshold - task->usual(keys)) < digits)
        snprintf(buffer, READING_TEXT, "half way from 1/pairs to 1");
    else
        snprintf(buffer, READING_TEXT, task->rises ? "accuracy %g" : "loss at %g of the null loss", threshold);
    return buffer;
}

/* What theory expects at the new threshold, where anything was stored for the old one. */
static enum status expect(struct run_flow *tools, struct result *r)
{
    struct flow_solution solution;
    bool toy = r->keys.preset == PRESET_TOY;
    enum metric metric = toy ? METRIC_FULL : (enum metric)keys_integer(&r->keys, KEY_metric);
    if (r->keys.preset >= PRESET_REGRESSION) {
#define FORGET(name, meaning) r->predicted.name = NAN;
        PREDICTIONS_TRANSFORMER(FORGET)
#undef FORGET
        return run_reduced_expect(run_flow_ode(tools), &r->keys, &r->predicted);
    }
    enum status rc = run_flow_expect(tools, &r->keys, metric, toy ? &solution : NULL, &r->predicted);
    r->flow_plateau = toy && rc == OK ? solution.plateau : NAN;
    return rc;
}

/* No prediction is known; what a Transformer's trace says of attention (PREDICTIONS_RUN) holds at any threshold. */
static void forget(struct result *r)
{
    const struct prediction before = r->predicted;
    r->predicted = prediction_none;
    if (r->keys.preset != PRESET_REGRESSION)
        return;
#define KEEP(name, meaning) r->predicted.name = before.name;
    PREDICTIONS_RUN(KEEP)
#undef KEEP
}

enum status reading_at(struct run_flow *tools, double threshold, struct result *r, bool *known)
{
    threshold = reading_threshold(&r->keys, threshold);
    double plateau = result_plateau_at(r, threshold, known);
    if (r->state == RUN_DIVERGED && !isnan(plateau)) /* later */
        r->state = RUN_EMERGED;
    if (threshold == keys_real(&r->keys, KEY_threshold))
        return OK;
    r->plateau = plateau;
    r->keys.value[KEY_threshold] = threshold;
    if (r->state == RUN_EMERGED || r->state == RUN_CENSORED)
        r->state = isnan(plateau) ? RUN_CENSORED : RUN_EMERGED;
    if (tools && *known && r->keys.preset != PRESET_REDUCED)
        return expect(tools, r);
    r->flow_plateau = NAN;
    forget(r);
    return OK;
}
