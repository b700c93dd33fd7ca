#include "store/agree.h"
#include "store/store.h"
#include <math.h>

static const char *value(char buffer[32], double x)
{
    return isnan(x) ? "none" : text_real(buffer, x);
}

/* Notes two numbers that differ by more than the relative tolerance. */
static void note(struct text *why, const char *name, double a, double b, double tolerance)
{
    char x[32], y[32];
    if (!store_same(a, b) && !(fabs(a - b) <= tolerance * fabs(a)))
        text_addf(why, "%s%s %s, %s", why->length ? "; " : "", name, value(x, a), value(y, b));
}

/* How far a run went. An imported run may know its plateau alone. */
static double end_of(const struct result *r)
{
    return isnan(r->cap) ? r->plateau : r->cap;
}

/* A level that was crossed before this time is in the row, because it takes two evaluations to tell. */
static double settled(const struct result *r)
{
    const double every = keys_real(&r->keys, KEY_eval_every),
                 unit = r->keys.preset == PRESET_TOY ? keys_real(&r->keys, KEY_lr) : 1;
    return end_of(r) - (isnan(every) ? 0 : 2 * every * unit);
}

/* How far the levels of two rows may be apart. Training gives the same bits whatever was asked of it. The crossings of
 * a flow depend, within its tolerance, on which of them are asked for and on where it ends. */
static double tolerance_of(const struct result *a, const struct result *b)
{
    static const enum key asked[] = {KEY_threshold, KEY_time};
    bool alike = true;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        alike = alike && keys_same(&a->keys, &b->keys, asked[i]);
    return alike || a->keys.preset != PRESET_FLOW ? 0 : keys_real(&a->keys, KEY_rtol);
}

/* A level that one run crossed at t, the other must have crossed at t too, unless it ended before. */
static void note_crossing(struct text *why, const char *name, double t_a, double t_b, const struct result *a,
                          const struct result *b)
{
    const bool a_ended = isnan(t_a) && !(t_b < settled(a)), b_ended = isnan(t_b) && !(t_a < settled(b));
    if (!a_ended && !b_ended)
        note(why, name, t_a, t_b, tolerance_of(a, b));
}

static void note_state(struct text *why, const struct result *a, const struct result *b)
{
    if (a->state != b->state)
        text_addf(why, "%sstatus %s, %s", why->length ? "; " : "", result_state_name(a->state),
                  result_state_name(b->state));
}

static void note_differences(const struct result *a, const struct result *b, struct text *why)
{
    const bool diverged = a->state == RUN_DIVERGED || b->state == RUN_DIVERGED;
    const bool one_threshold = keys_same(&a->keys, &b->keys, KEY_threshold);
    const double a_end = end_of(a), b_end = end_of(b);
    note(why, "initial_loss", a->initial_loss, b->initial_loss, 0);
    note(why, "null_loss", a->null_loss, b->null_loss, 0);
    for (int i = 0; i < result_levels(&a->keys); i++)
        note_crossing(why, result_level_name(&a->keys, i), a->crossings[i], b->crossings[i], a, b);
    if (one_threshold) {
        if (!diverged)
            note_crossing(why, "plateau", a->plateau, b->plateau, a, b);
#define NOTE(name, meaning) note(why, #name, a->predicted.name, b->predicted.name, 0);
        PREDICTIONS_FLOW(NOTE)
        PREDICTIONS_CHAIN(NOTE)
#undef NOTE
        note(why, "flow", a->flow_plateau, b->flow_plateau, 0);
    }
    if (!store_same(a_end, b_end)) {
        if ((a_end < b_end ? a : b)->state == RUN_DIVERGED) /* but the other went on */
            note_state(why, a, b);
        return;
    }
    if (one_threshold || diverged)
        note_state(why, a, b);
    note(why, "final_loss", a->final_loss, b->final_loss, tolerance_of(a, b));
    note(why, "steps_done", a->steps_done, b->steps_done, 0);
    for (int i = 0; i < RESULT_SOLVER && tolerance_of(a, b) == 0; i++)
        note(why, result_solver_name(i), (double)a->solver[i], (double)b->solver[i], 0);
}

bool agree_further(const struct result *a, const struct result *b)
{
    const bool was = b->state != RUN_INTERRUPTED, is = a->state != RUN_INTERRUPTED;
    return was == is ? end_of(a) > end_of(b) : is;
}

enum status agree_differences(const struct result *a, const struct result *b, struct text *why)
{
    if (a->state != RUN_INTERRUPTED && b->state != RUN_INTERRUPTED)
        note_differences(a, b, why);
    return text_status(why);
}
