#include "run/train.h"
#include "base/progress.h"
#include <math.h>

static const double DIVERGED = 1e6; /* test loss, in null losses */
enum { THRESHOLD = TRAIN_LEVELS - 1 };

void train_begin(struct training *t)
{
    *t->result = (struct result){
        .keys = *t->keys, .state = RUN_CENSORED, .plateau = NAN, .flow_plateau = NAN, .predicted = prediction_none};
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        t->result->switched[i] = NAN;
    t->schedule = schedule_of(keys_real(t->keys, KEY_schedule));
    trace_begin(t->trace, t->keys);
}

void train_set_levels(struct training *t, double unit)
{
    const int n = result_levels(t->keys);
    for (int i = 0; i < TRAIN_LEVELS; i++)
        t->levels[i] = (struct train_level){.value = NAN, .candidate = NAN, .crossing = NAN};
    for (int i = 0; i < n; i++)
        t->levels[i].value = result_level(t->keys, i) * unit;
    t->levels[THRESHOLD].value = keys_real(t->keys, KEY_threshold) * unit;
}

/* Both forms are the same in exact arithmetic. Each kind of run keeps its own, so that stored results do not change in
 * their last bit. */
static double crossing_time(const struct training *t, double time, double value, double level)
{
    const double fall = t->previous - level, whole = t->previous - value, since = time - t->previous_time;
    if (time == 0)
        return 0;
    return t->exact ? t->previous_time + since * fall / whole : t->previous_time + fall / whole * since;
}

static void note_level(const struct training *t, struct train_level *level, double time, double value)
{
    if (!isnan(level->crossing) || isnan(level->value))
        return;
    if (!(t->rises ? value >= level->value : value <= level->value))
        level->candidate = NAN;
    else if (t->exact)
        level->crossing = crossing_time(t, time, value, level->value);
    else if (!isnan(level->candidate))
        level->crossing = level->candidate;
    else
        level->candidate = crossing_time(t, time, value, level->value);
}

bool train_diverges(const struct result *r, double loss)
{
    return !isfinite(loss) || loss > DIVERGED * r->null_loss;
}

/* ---- switches of the schedule ---- */

static void make_switch(struct training *t, const struct schedule_switch *s, double time)
{
    t->change(t, s);
    t->result->switched[t->state.next - 1] = time;
}

void train_switch(struct training *t, double step, bool again)
{
    const double now = step * t->time_per_step;
    for (const struct schedule_switch *s; (s = schedule_at_time(&t->schedule, &t->state, now));) {
        const size_t made = t->state.next;
        make_switch(t, s, again ? fmax(ceil(s->at), made > 1 ? t->result->switched[made - 2] : 0) : now);
    }
}

/* ---- evaluations ---- */

void train_note(struct training *t, const struct train_reading *reading)
{
    struct result *r = t->result;
    if (reading->time == 0)
        r->initial_loss = reading->loss;
    for (int i = 0; i < TRAIN_LEVELS; i++)
        note_level(t, &t->levels[i], reading->time, reading->value);
    r->final_loss = reading->loss;
    r->cap = reading->time;
    t->sure = t->previous_time;
    t->previous = reading->value;
    t->previous_time = reading->time;
    if (train_diverges(r, reading->loss)) {
        r->state = RUN_DIVERGED;
        return;
    }
    const struct schedule_reading now = {reading->time, reading->attention, reading->train};
    const struct schedule_switch *s = schedule_at_evaluation(&t->schedule, &t->state, &now);
    if (s)
        make_switch(t, s, reading->time);
}

/* Did the last evaluation, and it alone, show a level? Then that is no crossing yet, and what is known is that there
 * was none before. */
static bool is_unsure(const struct training *t)
{
    bool any = false;
    for (int i = 0; i < TRAIN_LEVELS; i++)
        any = any || (!isnan(t->levels[i].candidate) && isnan(t->levels[i].crossing));
    return any;
}

/* Has everything that `until` waits for been crossed? */
static bool is_finished(const struct training *t)
{
    const double until = keys_real(t->keys, KEY_until); /* NaN: the toy has no such key, and goes through all levels */
    const bool threshold_alone = until == UNTIL_THRESHOLD || until == UNTIL_CAP;
    if (t->result->state == RUN_DIVERGED)
        return true;
    for (int i = threshold_alone ? THRESHOLD : 0; i < TRAIN_LEVELS; i++) {
        if (!isnan(t->levels[i].value) && isnan(t->levels[i].crossing))
            return false;
    }
    return until != UNTIL_CAP;
}

/* ---- the run ---- */

static enum status make_steps(struct training *t)
{
    enum status rc = OK;
    struct result *r = t->result;
    const int64_t cap = keys_integer(t->keys, KEY_steps), every = keys_integer(t->keys, KEY_eval_every);
    const int64_t save_every = keys_integer(t->keys, KEY_checkpoint_every), *step = &t->optimizer->step;
    const volatile int *stop = t->request->stop;
    if (t->trace->length == 0)
        TRY(t->evaluate(t));
    while (*step < cap && !is_finished(t) && !t->never) {
        if (stop && *stop) {
            r->state = RUN_INTERRUPTED;
            break;
        }
        train_switch(t, (double)*step, false);
        TRY(t->step(t));
        if (*step % every == 0 && r->state != RUN_DIVERGED)
            TRY(t->evaluate(t));
        if (save_every && *step % save_every == 0)
            TRY(t->save(t));
    }
    if (r->state == RUN_INTERRUPTED || !t->request->transient)
        TRY(t->save(t));
done:
    return rc;
}

void train_conclude(struct training *t)
{
    struct result *r = t->result;
    for (int i = 0; i < FLOW_LEVELS; i++)
        r->crossings[i] = t->levels[i].crossing;
    r->plateau = t->levels[THRESHOLD].crossing;
    if (r->state == RUN_CENSORED && is_unsure(t))
        r->cap = t->sure;
    if (r->state == RUN_CENSORED && !isnan(r->plateau))
        r->state = RUN_EMERGED;
}

enum status train_run(struct training *t)
{
    struct result *r = t->result;
    const double begun = progress_clock(), first_step = (double)t->optimizer->step;
    enum status rc = make_steps(t);
    if (rc != OK)
        return rc;
    train_conclude(t);
    r->steps_done = (double)t->optimizer->step;
    r->tokens_per_s = (r->steps_done - first_step) * t->tokens_per_step / fmax(progress_clock() - begun, 1e-9);
    return OK;
}
