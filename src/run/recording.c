#include "run/recording.h"
#include "models/task.h"
#include "run/run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { STEP = 0 }; /* the first column of every trace of a training run */

static const struct run_request nothing_asked;

/* What knowing nothing costs in the run of r->keys, as a run made here measures it. */
static enum status own_null_loss(struct recording *r)
{
    struct task task = {0};
    if (r->keys.preset == PRESET_TOY)
        return OK; /* run_expect has found it */
    enum status rc = task_init(&r->keys, &task);
    r->result.null_loss = rc == OK ? task.null_loss : NAN;
    task_free(&task);
    return rc;
}

/* Before the first row: nothing is known at step 0. */
static double value_of_nothing(const struct recording *r)
{
    const struct task_kind *task = task_of(&r->keys);
    if (r->keys.preset == PRESET_TOY)
        return r->result.null_loss;
    return task->rises ? task->chance(&r->keys) : 1;
}

enum status recording_begin(struct recording *r, struct run_flow *tools, const struct keys *keys, double null_loss,
                            bool every_given)
{
    enum status rc = OK;
    const bool toy = keys->preset == PRESET_TOY;
    *r = (struct recording){.keys = *keys, .every_given = every_given};
    REQUIRE(keys_is_trained(keys), ERR_INPUT, "model=%s: is not trained: record model=toy or model=transformer",
            keys_text(KEY_model, keys->value[KEY_model], (char[32]){0}));
    r->training = (struct training){.keys = &r->keys,
                                    .request = &nothing_asked,
                                    .result = &r->result,
                                    .trace = &r->trace,
                                    .time_per_step = toy ? keys_real(keys, KEY_lr) : 1,
                                    .exact = toy,
                                    .rises = !toy && task_of(keys)->rises};
    train_begin(&r->training);
    r->training.schedule = (struct schedule){0};
    TRY(run_expect(tools, keys, &r->result));
    TRY(own_null_loss(r));
    if (!isnan(null_loss))
        r->result.null_loss = null_loss;
    r->result.initial_loss = r->result.final_loss = r->result.steps_done = r->result.tokens_per_s = NAN;
    train_set_levels(&r->training, toy ? r->result.null_loss : 1);
    r->training.previous = value_of_nothing(r);
    r->loss = trace_find(&r->trace, toy && keys_integer(keys, KEY_loss) == LOSS_TRAIN ? "loss_train" : "loss_test");
    r->level = r->training.rises ? TRANSFORMER_accuracy_test : r->loss;
done:
    return rc;
}

void recording_free(struct recording *r)
{
    trace_free(&r->trace);
}

/* ---- columns ---- */

static const char *const short_names[] = {"loss", "accuracy", "attention"};
enum { SHORT_NAMES = sizeof short_names / sizeof short_names[0] };

const char *recording_short_name(size_t i)
{
    return i < SHORT_NAMES ? short_names[i] : NULL;
}

enum status recording_column(const struct recording *r, const char *name, int *column)
{
    enum { MOST = 1024 };
    char names[MOST][TRACE_NAME];
    const char *all[MOST];
    const struct trace *t = &r->trace;
    const int needed = task_of(&r->keys)->needed, cells = t->layers * t->heads;
    if (!strcmp(name, "loss"))
        *column = r->loss;
    else if (!strcmp(name, "accuracy") && cells)
        *column = TRANSFORMER_accuracy_test;
    else if (!strcmp(name, "attention") && cells)
        *column = TRANSFORMER_PROBES + needed * cells + (t->layers - 1) * t->heads;
    else
        *column = trace_find(t, name);
    if (*column >= 0)
        return OK;
    size_t n = 0;
    for (; n < SHORT_NAMES; n++)
        all[n] = short_names[n];
    for (int i = 0; i < t->columns && n < MOST; i++, n++)
        all[n] = trace_column(t, i, names[n]);
    const char *nearest = text_nearest(name, all, n);
    return error_set(
        ERR_INPUT,
        "%.60s: no such column%s%s%s; a row has step, loss, accuracy, attention, or the columns of a trace "
        "(doc/formats.md)",
        name, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* ---- rows ---- */

enum status recording_cell(const char *text, double *value, bool *told)
{
    static const char *const not_finite[] = {"nan", "inf", "infinity"};
    *value = NAN;
    *told = *text != '\0';
    if (!*told || text_to_real(text, value))
        return OK;
    *value = NAN;
    for (size_t i = 0; i < sizeof not_finite / sizeof not_finite[0]; i++) {
        if (!strcasecmp(text + (*text == '-' || *text == '+'), not_finite[i]))
            return OK;
    }
    return error_set(ERR_INPUT, "%.60s: not a number", text);
}

static void note(struct recording *r, const double *row)
{
    struct training *t = &r->training;
    struct result *result = &r->result;
    const double unit = r->keys.preset == PRESET_TOY || t->rises ? 1 : result->null_loss;
    const struct train_reading reading = {.time = row[STEP] * t->time_per_step,
                                          .loss = row[r->loss],
                                          .value = row[r->level] / unit,
                                          .attention = NAN,
                                          .train = NAN};
    if (isnan(t->levels[TRAIN_LEVELS - 1].crossing))
        r->widest = fmax(r->widest, row[STEP] - r->step);
    if (isnan(result->initial_loss))
        result->initial_loss = reading.loss;
    r->step = row[STEP];
    train_note(t, &reading);
}

enum status recording_row(struct recording *r, double *row, const bool *told)
{
    enum status rc = OK;
    const size_t columns = (size_t)r->trace.columns, length = r->trace.length;
    const double last = length ? r->trace.rows[(length - 1) * columns] : -1;
    REQUIRE(row[STEP] >= 0 && row[STEP] <= 1e9, ERR_INPUT, "step=%g: a step is a number from 0 to 1e9", row[STEP]);
    REQUIRE(row[STEP] > last, ERR_INPUT, "step %.17g does not come after %.17g", row[STEP], last);
    REQUIRE(told[r->loss] || !told[r->level], ERR_INPUT,
            "step %.17g has an accuracy and no loss: log both, a loss shows whether the run diverges", row[STEP]);
    if (r->keys.preset == PRESET_TOY && isnan(row[STEP + 1]))
        row[STEP + 1] = row[STEP] * r->training.time_per_step;
    TRY(trace_add(&r->trace, row));
    if (told[r->level] && r->result.state != RUN_DIVERGED)
        note(r, row);
done:
    return rc;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum status recording_unit(const struct recording *r, double *ratio)
{
    enum status rc = OK;
    const struct training *t = &r->training;
    const double end = t->levels[TRAIN_LEVELS - 1].crossing;
    size_t n = 0;
    double *losses = malloc((r->trace.length + 1) * sizeof *losses);
    REQUIRE(losses, ERR_MEMORY, "out of memory for %zu losses", r->trace.length);
    for (size_t i = 0; i < r->trace.length; i++) {
        const double *row = r->trace.rows + i * (size_t)r->trace.columns;
        if (isfinite(row[r->loss]) && !(row[STEP] * t->time_per_step > end))
            losses[n++] = row[r->loss];
    }
    qsort(losses, n, sizeof *losses, ascending);
    *ratio = n ? losses[n / 2] / r->result.null_loss : NAN;
done:
    free(losses);
    return rc;
}

void recording_outcome(const struct recording *r, bool ended, struct result *out)
{
    struct training t = r->training;
    *out = r->result;
    t.result = out;
    train_conclude(&t);
    if (!ended && out->state != RUN_DIVERGED)
        out->state = RUN_INTERRUPTED;
    out->steps_done = r->step;
    out->keys.value[KEY_steps] = fmax(1, r->step);
    if (!r->every_given && r->widest > 0)
        out->keys.value[KEY_eval_every] = fmin(ceil(r->widest), 1e6);
}
