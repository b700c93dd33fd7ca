#include "store/import_outcome.h"
#include "store/store.h"
#include <math.h>
#include <stdio.h>

static const double ROUNDING = 1e-5; /* of numbers that were written with six digits */

static bool has(const struct import_outcome *o, int column)
{
    return o->from[column] >= 0;
}

/* Is the plateau, or that there is none, what the file says; else its curve does. */
static bool is_given(const struct import_outcome *o, const struct import_run *run)
{
    return has(o, IMPORT_PLATEAU) && (!isnan(run->plateau) || (run->state_given && run->state != RUN_EMERGED));
}

/* Finds status, plateau and cap from what the line says; r->keys is set. The unit is that of the runs made here: for
 * the toy steps x lr, for the flow time. curve_end: how far the curve goes, in the same unit; NaN: there is none. */
static enum status read_outcome(const struct import_outcome *o, const struct import_run *run, double curve_end,
                                struct result *r)
{
    enum status rc = OK;
    const bool flow = r->keys.preset == PRESET_FLOW, toy = r->keys.preset == PRESET_TOY;
    const bool by_steps = !has(o, IMPORT_PLATEAU);
    const char *end_key = flow ? "time" : "steps";
    double end = flow ? run->given_time : run->given_steps * (toy ? r->keys.value[KEY_lr] : 1);
    if (flow && end == 0) /* the key's way to say: no limit */
        end = NAN;
    REQUIRE(run->state_given || !by_steps, ERR_INPUT, "no status: fill it with emerged, censored or diverged");
    r->state = run->state_given ? run->state : isnan(run->plateau) ? RUN_CENSORED : RUN_EMERGED;
    if (isnan(end) && r->state != RUN_EMERGED)
        end = curve_end;
    REQUIRE(!(end <= 0 && r->state != RUN_DIVERGED), ERR_INPUT,
            "%s=0: must be positive here, it says how far the run went", end_key);
    r->plateau = by_steps && r->state == RUN_EMERGED ? end : run->plateau;
    REQUIRE(isnan(end) || isnan(r->plateau) || r->plateau <= end * (1 + ROUNDING), ERR_INPUT,
            "plateau=%.6g: is beyond the end of the run, %.6g in the same unit (%s): check %s%s", r->plateau, end,
            toy ? "time = steps x lr" : store_unit(r), end_key, toy ? ", lr, and that the plateau is in time" : "");
    r->cap = isnan(end) || r->plateau > end ? r->plateau : end;
    REQUIRE(r->state != RUN_EMERGED || !isnan(r->plateau), ERR_INPUT,
            "status=emerged: needs %s, the length of the plateau", by_steps ? end_key : "plateau");
    REQUIRE(r->state == RUN_EMERGED || isnan(r->plateau), ERR_INPUT,
            "status=%s: a run that did not emerge has no plateau; leave plateau empty and give %s, how far it went",
            result_state_name(r->state), end_key);
    REQUIRE(r->state != RUN_CENSORED || !isnan(r->cap), ERR_INPUT,
            "censored: needs %s, how far the run went without emerging; add a column %s", end_key, end_key);
done:
    return rc;
}

/* Counts a given plateau that is not its curve's, by more than evaluations are apart. One that ends beyond the curve's
 * last row cannot be held against it. */
static void compare(struct import_outcome *o, const struct import_run *run, const struct result *given,
                    const struct result *curve)
{
    const double apart = run->curve->widest * run->curve->training.time_per_step;
    const bool known = !isnan(given->plateau);
    struct import_doubts *doubts = o->doubts;
    char a[32] = "none", b[32] = "none";
    if (!import_curves_tells(run) || (!known && isnan(curve->plateau)))
        return;
    if (isnan(curve->plateau) ? given->plateau + apart > curve->cap : fabs(given->plateau - curve->plateau) <= apart)
        return;
    if (known)
        snprintf(a, sizeof a, "%.6g", given->plateau);
    if (!isnan(curve->plateau))
        snprintf(b, sizeof b, "%.6g", curve->plateau);
    if (!doubts->differing++)
        text_addf(&doubts->differs, "%s %zu has %s, its curve %s", o->unit, run->where, a, b);
}

/* Counts what makes a length from a curve doubtful. */
static enum status note_curve(struct import_outcome *o, const struct import_run *run, const struct result *r)
{
    double low, high, ratio;
    const enum status rc = recording_unit(run->curve, &ratio);
    result_bracket(r, r->plateau, &low, &high);
    o->doubts->coarse += result_is_coarse(r->plateau, low, high);
    o->doubts->off += ratio > 1.6 || ratio < 0.6;
    return rc;
}

static enum status outcome_of_curve(struct import_outcome *o, const struct import_run *run, struct result *r)
{
    enum status rc = OK;
    char buffer[TRACE_NAME];
    REQUIRE(import_curves_tells(run), ERR_INPUT, "run %.60s: its curve has no %s, which ends the plateau", run->name,
            trace_column(&run->curve->trace, run->curve->level, buffer));
    REQUIRE(!run->state_given || run->state == r->state, ERR_INPUT,
            "status=%s: by its curve run %.60s is %s: correct the status, or leave it empty, or add a column plateau",
            result_state_name(run->state), run->name, result_state_name(r->state));
    TRY(note_curve(o, run, r));
done:
    return rc;
}

enum status import_outcome_find(struct import_outcome *o, const struct import_run *run, struct result *r)
{
    enum status rc = OK;
    struct result curve = {.predicted = prediction_none, .flow_plateau = NAN, .cap = NAN};
    if (run->curve)
        recording_outcome(run->curve, true, &curve);
    if (run->curve && !is_given(o, run)) {
        *r = curve;
        TRY(outcome_of_curve(o, run, r));
    } else {
        REQUIRE(run->curve || !o->curves || has(o, IMPORT_PLATEAU) || (has(o, KEY_steps) && has(o, IMPORT_STATUS)),
                ERR_INPUT, "run %.60s: there is neither a curve nor a plateau: %.200s has no row of it",
                run->name ? run->name : "without a name", o->curves);
        *r = (struct result){.keys = run->keys,
                             .initial_loss = NAN,
                             .null_loss = NAN,
                             .final_loss = NAN,
                             .flow_plateau = curve.flow_plateau,
                             .steps_done = NAN,
                             .tokens_per_s = NAN,
                             .predicted = curve.predicted};
        for (int i = 0; i < FLOW_LEVELS; i++)
            r->crossings[i] = NAN;
        TRY(read_outcome(o, run, curve.cap, r));
        if (run->curve)
            compare(o, run, r, &curve);
        else if (!o->dry)
            TRY(import_expect_run(&o->expected, o->tools, &r->keys, r));
        r->null_loss = NAN;
    }
    r->wall_s = run->wall_s;
done:
    return rc;
}
