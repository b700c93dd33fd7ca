#include "reading.h"
#include <math.h>

static double half_way(const struct keys *keys)
{
    return 0.5 * (1 / keys_real(keys, KEY_pairs) + 1);
}

double reading_threshold(const struct keys *keys, double threshold)
{
    if (threshold > 0)
        return threshold;
    if (threshold == READING_OWN)
        return keys_real(keys, KEY_threshold);
    return keys->preset == PRESET_RECALL ? half_way(keys) : 0.2;
}

double reading_chance(const struct keys *keys)
{
    return keys->preset == PRESET_RECALL ? 1 / keys_real(keys, KEY_vocab) : NAN;
}

const char *reading_text(const struct keys *keys, double threshold, char buffer[READING_TEXT])
{
    static const double digits = 1e-5; /* of a study that says 0.66667 */
    const bool recall = keys->preset == PRESET_RECALL;
    threshold = reading_threshold(keys, threshold);
    if (recall && fabs(threshold - half_way(keys)) < digits)
        snprintf(buffer, READING_TEXT, "half way from 1/pairs to 1");
    else
        snprintf(buffer, READING_TEXT, recall ? "accuracy %g" : "loss at %g of the null loss", threshold);
    return buffer;
}

/* What theory expects at the new threshold, where anything was stored for the old one. */
static enum status expect(struct run_flow *tools, struct result *r)
{
    struct flow_solution solution;
    bool toy = r->keys.preset == PRESET_TOY;
    enum metric metric = toy ? METRIC_FULL : (enum metric)keys_integer(&r->keys, KEY_metric);
    enum status rc = run_flow_expect(tools, &r->keys, metric, toy ? &solution : NULL, &r->predicted);
    r->flow_plateau = toy && rc == OK ? solution.plateau : NAN;
    return rc;
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
    if (tools && *known && r->keys.preset <= PRESET_TOY)
        return expect(tools, r);
    r->flow_plateau = NAN;
    r->predicted = prediction_none;
    return OK;
}
