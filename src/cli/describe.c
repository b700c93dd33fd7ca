#include "cli/describe.h"
#include "models/published.h"
#include "models/task.h"
#include "run/reading.h"
#include "run/run_flow.h"
#include <math.h>

/* "   closed 357.5 (+0.1 %)" */
static void add_prediction(struct text *out, const char *name, double value, double plateau)
{
    if (isnan(value)) {
        text_addf(out, "  %-12s %14s\n", name, "-");
        return;
    }
    text_addf(out, "  %-12s %14.6g", name, value);
    if (plateau > 0)
        text_addf(out, "   %+.3g %%", 100 * (value / plateau - 1));
    text_add(out, "\n");
}

/* The reduced flow from the start of a toy run. */
static void add_flow(struct text *out, const struct result *r, double plateau)
{
    add_prediction(out, "flow", r->flow_plateau, plateau);
    if (r->keys.value[KEY_init_scores] > 0)
        text_add(out, "  (no flow is known of drawn scores: any moves with the right sum may win)\n");
    else if (isnan(r->flow_plateau) && !run_flow_is_chain(&r->keys))
        text_add(out, "  (CVODE cannot integrate the flow up to this threshold; the run does not depend on it)\n");
}

static void describe_theory(const struct result *r, double plateau, struct text *out)
{
    if (r->keys.preset == PRESET_TOY)
        add_flow(out, r, plateau);
#define AS_LINE(name, meaning) add_prediction(out, #name, r->predicted.name, plateau);
    if (r->keys.value[KEY_hops] > 1) {
        PREDICTIONS_CHAIN(AS_LINE)
        return;
    }
    PREDICTIONS_FLOW(AS_LINE)
#undef AS_LINE
    if (r->keys.value[KEY_init] == INIT_GAUSSIAN)
        text_addf(out,
                  "  (w(0) counts for %+.4g of closed and quadrature, the Mills correction; they neglect the part of "
                  "W(0) across W*,\n"
                  "  which must be unlearned)\n",
                  r->predicted.start);
    if (isnan(r->predicted.quadrature))
        text_add(out,
                 "  (closed and quadrature are given where they are known to be within a factor of 2 of the flow)\n");
    else if (isnan(r->predicted.closed) && r->keys.value[KEY_p] == 0)
        text_add(out, "  (closed is given where it is within 30 % of quadrature)\n");
    const struct optimizer_kind *optimizer = keys_optimizer(&r->keys);
    if (optimizer && optimizer->time == TIME_OWN)
        text_add(out, "  (these are times of gradient flow; Adam's steps x lr is not such a time)\n");
    else if (r->keys.value[KEY_momentum] > 0)
        text_addf(out,
                  "  (these are times of gradient flow; with momentum steps x lr is %g of that, as long as steps "
                  "are small)\n",
                  1 - r->keys.value[KEY_momentum]);
    if (r->keys.value[KEY_p] > 0)
        text_add(out, "  (eq6 and asinh with p > 0: our reading of the paper, which gives them for p = 0)\n");
}

/* What is known of a Transformer before it trains, and of the lengths of its reduced flow. */
static void describe_transformer(const struct result *r, double plateau, struct text *out)
{
    const struct prediction *p = &r->predicted;
    if (r->keys.preset != PRESET_REDUCED)
        add_prediction(out, "published", published_plateau(&r->keys), plateau);
    if (published_figure(&r->keys))
        text_addf(out, "  (the paper's law of Fig. %s, fitted on its grid at its learning rate)\n",
                  published_figure(&r->keys));
    if (r->keys.preset == PRESET_RECALL)
        return;
    if (r->keys.preset == PRESET_REGRESSION || !isnan(p->reduced))
        add_prediction(out, "reduced", p->reduced, plateau);
    if (!isnan(p->reduced_error))
        text_addf(out, "  (the reduced flow of %s; runs scatter about it by a factor of %.2f)\n",
                  r->keys.value[KEY_layers] > 1 ? "one layer with one head, an upper bound" : "this Transformer",
                  exp(p->reduced_error));
    add_prediction(out, "reduced_s50", p->reduced_s50, NAN);
    add_prediction(out, "reduced_closed", p->reduced_closed, NAN);
    if (!isnan(p->reduced_closed))
        text_add(out, "  (when half of the attention is on the relevant tokens; a closed form of that)\n");
    if (r->keys.value[KEY_p] > 0 && !isnan(p->reduced_closed))
        text_add(out, "  (p > 0: the closed form with a factor for p alone; no flow is known)\n");
}

/* What a length that was read off says less than it seems to. */
static void describe_doubts(const struct result *r, struct text *out)
{
    const double every = r->keys.value[KEY_eval_every], chance = reading_chance(&r->keys);
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
    if (result_is_coarse(r->plateau, low, high))
        text_addf(out, "  (somewhere from %g to %g: evaluated every %g steps; a smaller eval_every tells)\n", low, high,
                  every);
    if (r->keys.preset <= PRESET_TOY && r->state == RUN_CENSORED && run_flow_never(&r->keys))
        text_add(out, "  (its scores lean the wrong way at the start: attention never emerges in the flow, see "
                      "doc/theory.md, separatrix)\n");
    if (r->keys.preset == PRESET_REDUCED && r->state == RUN_CENSORED && r->cap < r->keys.value[KEY_steps])
        text_add(out, "  (its queries are gone, worn down by noise: attention never emerges)\n");
    if (r->plateau == 0)
        text_add(out, "  (over the threshold from the start: no plateau was seen)\n");
    if (chance >= r->keys.value[KEY_threshold])
        text_addf(
            out,
            "  (guessing one of the tokens gives an accuracy of 1/vocab = %.3g, the threshold %g is not above it: "
            "give a larger one)\n",
            chance, r->keys.value[KEY_threshold]);
}

/* "switched 5912.14   (p=0@attention=0.2)": when each switch of the schedule happened. */
static void describe_switches(const struct result *r, const struct schedule *schedule, struct text *out)
{
    char text[SCHEDULE_TEXT];
    for (size_t i = 0; i < schedule->n; i++) {
        const struct schedule one = {1, {schedule->list[i]}};
        if (isnan(r->switched[i]))
            text_addf(out, "  %-12s %14s   (%s)\n", "switched", "-", schedule_text(&one, text));
        else
            text_addf(out, "  %-12s %14.8g   (%s)\n", "switched", r->switched[i], schedule_text(&one, text));
    }
}

/* The step whose loss is a Transformer's final_loss; NaN for others. Where that evaluation is the first to show a
 * level, which takes two, the run's cap is the evaluation before. */
static double last_evaluation(const struct result *r)
{
    const double every = r->keys.value[KEY_eval_every];
    return r->keys.preset >= PRESET_REGRESSION ? floor(r->steps_done / every) * every : NAN;
}

void describe_expected(const struct result *r, double plateau, struct text *out)
{
    const bool scheduled = r->keys.value[KEY_schedule] != 0; /* the formulas are for constant p and B */
    if (r->keys.preset > PRESET_TOY)
        describe_transformer(r, plateau, out);
    else if (!scheduled)
        describe_theory(r, plateau, out);
    else if (r->keys.preset == PRESET_TOY)
        add_flow(out, r, plateau);
}

void describe_run(const struct result *r, struct text *out)
{
    const char *unit = r->keys.preset <= PRESET_TOY ? "time" : "steps";
    const double threshold = r->keys.value[KEY_threshold];
    const bool late = result_is_late(r, r->plateau);
    const double known = late ? NAN : r->plateau;
    char read_at[READING_TEXT], length[32];
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
    snprintf(length, sizeof length, late ? "<= %.8g" : "%.8g", late ? high : r->plateau);
    keys_describe(&r->keys, out);
    const double evaluated = last_evaluation(r);
    if (r->state == RUN_CENSORED && r->cap < evaluated)
        text_addf(out,
                  "\n  %-12s %14s   (longer than %g steps; loss %g at step %g, the first evaluation to show a level)\n",
                  "plateau", result_state_name(r->state), r->cap, r->final_loss, evaluated);
    else if (r->state != RUN_EMERGED)
        text_addf(out, "\n  %-12s %14s   (at %s %g, loss %g; not yet %s)\n", "plateau", result_state_name(r->state),
                  unit, r->cap, r->final_loss, reading_text(&r->keys, READING_OWN, read_at));
    else if (task_of(&r->keys)->rises)
        text_addf(out, "\n  %-12s %14s   (steps; to a test accuracy of %g)\n", "plateau", length, threshold);
    else
        text_addf(out, "\n  %-12s %14s   (%s; %s loss down to %g of the null loss %g)\n", "plateau", length, unit,
                  r->keys.value[KEY_loss] == LOSS_TRAIN ? "training" : "test", threshold, r->null_loss);
    describe_doubts(r, out);
    const struct schedule schedule = schedule_of(r->keys.value[KEY_schedule]);
    describe_switches(r, &schedule, out);
    describe_expected(r, known, out);
}
