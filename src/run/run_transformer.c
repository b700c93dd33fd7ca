#include "run/run_transformer.h"
#include "base/progress.h"
#include "run/run_forecast.h"
#include "run/train_step.h"
#include "run/train.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUM_LOSS, SUM_ACCURACY, SUM_STEPS, SUMS }; /* over the steps since the last evaluation */

struct transformer_run {
    struct training training;
    struct train_step step;
    struct task_pairs pairs[TASK_PROBES];
    double *row; /* owned: a row of the trace; the attention of the probes is put where it belongs */
    double sums[SUMS];
    struct forecast forecast;
    double *room; /* owned: [rooms], scratch of forecasts */
    size_t rooms;
    double started, first_step; /* clock and step at which this process began to train */
};

static void change(struct training *t, const struct schedule_switch *s)
{
    struct transformer_run *run = t->model;
    task_switch(&run->step.task, s);
}

/* Attention of the query to what it needs (the last probe), over all its copies: the largest of the heads. */
static double attention_mass(const struct transformer_run *run, const double *row)
{
    double most = NAN;
    const struct trace *trace = run->training.trace;
    const int cells = trace->layers * trace->heads, first = TRANSFORMER_PROBES + run->step.task.kind->needed * cells;
    for (int i = first; i < first + cells; i++)
        most = fmax(most, row[i]);
    return most * (double)run->step.task.test_B;
}

/* Rows come here as they are made, and again when a checkpoint is read. */
static void note_row(struct transformer_run *run, const double *row)
{
    const struct task *task = &run->step.task;
    const double loss = row[TRANSFORMER_loss_test];
    const struct train_reading reading = {.time = row[TRANSFORMER_step],
                                          .loss = loss,
                                          .value = task->kind->rises ? row[TRANSFORMER_accuracy_test]
                                                                     : loss / task->null_loss,
                                          .attention = attention_mass(run, row),
                                          .train = row[TRANSFORMER_loss_train] / task_train_null(task)};
    train_note(&run->training, &reading);
}

static enum status step(struct training *t)
{
    struct transformer_run *run = t->model;
    struct transformer_measure m;
    enum status rc = train_step_run(&run->step, &m);
    if (rc != OK)
        return rc;
    if (!isfinite(m.loss)) {
        t->result->state = RUN_DIVERGED;
        t->result->cap = (double)t->optimizer->step;
        return OK;
    }
    run->sums[SUM_LOSS] += m.loss;
    run->sums[SUM_ACCURACY] += m.accuracy;
    run->sums[SUM_STEPS]++;
    return OK;
}

static void report(struct transformer_run *run)
{
    const struct training *t = &run->training;
    const struct run_request *q = t->request;
    double attention = NAN, now = (double)t->optimizer->step, steps = now - run->first_step;
    if (!q->report)
        return;
    const int cells = t->trace->layers * t->trace->heads;
    for (int i = 0; i < (run->step.task.kind->needed + 1) * cells; i++)
        attention = fmax(attention, run->row[TRANSFORMER_PROBES + i]);
    double seconds = (progress_clock() - run->started) / fmax(steps, 1);
    struct run_transformer_report r = {.step = now,
                                       .loss = run->row[TRANSFORMER_loss_test] / run->step.task.null_loss,
                                       .accuracy = run->row[TRANSFORMER_accuracy_test],
                                       .attention = attention,
                                       .forecast = run->forecast,
                                       .seconds_per_step = steps > 0 ? seconds : NAN,
                                       .tokens_per_s = t->tokens_per_step / seconds};
    q->report(q->context, &r);
}

/* Columns that are made of others; those of the forecast wait for it. */
static void finish_row(struct transformer_run *run)
{
    const struct task_kind *kind = run->step.task.kind;
    const struct trace *trace = run->training.trace;
    const int cells = trace->layers * trace->heads;
    for (int i = 0; i < kind->n_probes; i++) {
        double *cell = run->row + TRANSFORMER_PROBES + (ptrdiff_t)i * cells;
        for (int k = 0; k < cells && kind->probes[i].contrast; k++)
            cell[k] = cell[k] > 0 ? cell[k - cells] / cell[k] : NAN;
    }
    for (int i = TRANSFORMER_PROBES + kind->n_probes * cells; i < trace->columns; i++)
        run->row[i] = NAN;
}

/* Says when attention will arrive, until the plateau is over. */
static enum status forecast(struct transformer_run *run)
{
    const struct training *t = &run->training;
    const size_t switches = t->state.next;
    const double since = switches ? t->result->switched[switches - 1] : 0;
    if (!run_forecast_applies(t->keys) || !isnan(t->levels[TRAIN_LEVELS - 1].crossing))
        return OK;
    return run_forecast_note(t->keys, t->trace, since, NAN, &run->room, &run->rooms, &run->forecast);
}

static enum status evaluate(struct training *t)
{
    enum status rc = OK;
    struct transformer_run *run = t->model;
    struct transformer_measure m;
    struct transformer_pairs pairs[TASK_PROBES];
    const struct transformer_batch test = train_step_test(&run->step);
    const int probes = run->step.task.kind->n_probes;
    const double n = run->sums[SUM_STEPS];
    const size_t cells = (size_t)t->trace->layers * (size_t)t->trace->heads;
    for (int i = 0; i < probes; i++) {
        const struct task_pairs *p = &run->pairs[i];
        pairs[i] = (struct transformer_pairs){.count = (int)p->count,
                                              .sequence = p->sample,
                                              .query = p->query,
                                              .key = p->key,
                                              .attention = run->row + TRANSFORMER_PROBES + (size_t)i * cells};
    }
    TRY(transformer_evaluate(run->step.model, &test, probes, pairs, &m, NULL));
    run->row[TRANSFORMER_step] = (double)t->optimizer->step;
    run->row[TRANSFORMER_loss_train] = n > 0 ? run->sums[SUM_LOSS] / n : NAN;
    run->row[TRANSFORMER_loss_test] = m.loss;
    run->row[TRANSFORMER_accuracy_train] = n > 0 ? run->sums[SUM_ACCURACY] / n : NAN;
    run->row[TRANSFORMER_accuracy_test] = m.accuracy;
    memset(run->sums, 0, sizeof run->sums);
    finish_row(run);
    TRY(trace_add(t->trace, run->row));
    note_row(run, run->row);
    TRY(forecast(run));
    report(run);
done:
    return rc;
}

/* ---- checkpoints ---- */

static struct checkpoint all_of(struct transformer_run *run)
{
    struct train_step *s = &run->step;
    return (struct checkpoint){.keys = run->training.keys,
                               .tensor = s->model->tensor,
                               .tensors = s->model->tensors,
                               .parameters = s->model->parameters,
                               .target = s->task.target,
                               .optimizer = &s->optimizer,
                               .state_name = "run.sums",
                               .state = run->sums,
                               .states = SUMS,
                               .trace = run->training.trace,
                               .library = run->training.result->library};
}

static enum status save(struct training *t)
{
    const struct checkpoint c = all_of(t->model);
    return checkpoint_write(t->request, &c);
}

/* Levels, and the schedule's state, are functions of the rows and the step. */
static enum status resume(struct transformer_run *run)
{
    struct training *t = &run->training;
    struct checkpoint c = all_of(run);
    enum status rc = checkpoint_read(t->request, &c);
    for (size_t i = 0; rc == OK && i < t->trace->length; i++) {
        const double *row = t->trace->rows + i * (size_t)t->trace->columns;
        train_switch(t, row[TRANSFORMER_step] - 1, true); /* before the update that this row is after */
        note_row(run, row);
    }
    if (rc == OK && (double)t->optimizer->step > t->result->cap)
        train_switch(t, (double)t->optimizer->step - 1, true);
    return rc;
}

/* ---- the run ---- */

static enum status begin(struct transformer_run *run)
{
    enum status rc = OK;
    struct training *t = &run->training;
    struct train_step *s = &run->step;
    train_begin(t);
    TRY(train_step_init(t->keys, s));
    REQUIRE(run->row = calloc((size_t)t->trace->columns, sizeof *run->row), ERR_MEMORY,
            "out of memory for a row of the trace");
    for (int i = 0; i < s->task.kind->n_probes; i++)
        TRY(task_pairs(&s->test, &s->task.kind->probes[i], &run->pairs[i]));
    t->rises = s->task.kind->rises;
    t->tokens_per_step = (double)(s->batch.n * s->batch.T);
    t->result->null_loss = s->task.null_loss;
    snprintf(t->result->backend, sizeof t->result->backend, "%s", s->model->kernels->name);
    snprintf(t->result->library, sizeof t->result->library, "%s", s->model->kernels->library);
    train_set_levels(t, 1);
    if (t->request->resume)
        TRY(resume(run));
    run->started = progress_clock();
    run->first_step = (double)t->optimizer->step;
done:
    return rc;
}

enum status run_transformer(const struct keys *keys, const struct run_request *request, struct result *r,
                            struct trace *trace)
{
    enum status rc = OK;
    const double begun = progress_clock();
    struct trace own = {0}; /* a checkpoint needs one, if nobody else does */
    struct transformer_run run = {.row = NULL};
    run.training = (struct training){.keys = keys,
                                     .request = request,
                                     .result = r,
                                     .trace = trace ? trace : &own,
                                     .optimizer = &run.step.optimizer,
                                     .time_per_step = 1,
                                     .model = &run,
                                     .step = step,
                                     .evaluate = evaluate,
                                     .change = change,
                                     .save = save};
    TRY(begin(&run));
    TRY(train_run(&run.training));
    if (run_forecast_applies(keys))
        run_forecast_finish(run.training.trace, r);
    r->wall_s = progress_clock() - begun;
done:
    for (int i = 0; i < TASK_PROBES; i++)
        task_pairs_free(&run.pairs[i]);
    train_step_free(&run.step);
    free(run.row);
    free(run.room);
    trace_free(&own);
    return rc;
}
