#include "run_transformer.h"
#include "checkpoint.h"
#include "task.h"
#include "progress.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = FLOW_LEVELS + 1 };                /* the recorded levels, and behind them the threshold */
enum { SUM_LOSS, SUM_ACCURACY, SUM_STEPS, SUMS }; /* over the steps since the last evaluation */
static const double DIVERGED = 1e6;               /* test loss, in null losses */

/* Where a level stands. */
struct level {
    double value;     /* fraction of the null loss, or accuracy */
    double candidate; /* the crossing that the last evaluation saw, if it was beyond the level; else NaN */
    double crossing;  /* confirmed by a second evaluation; else NaN */
};

struct training {
    const struct keys *keys;
    const struct run_request *request;
    struct result *result;
    struct task task;
    struct transformer *model;
    struct optimizer_state optimizer; /* its step is the run's */
    real *gradient;                   /* owned: [model->count] */
    struct samples batch, test;
    struct task_pairs pairs[TASK_PROBES];
    double *row;         /* owned: a row of the trace; the attention of the probes is put where it belongs */
    struct trace *trace; /* borrowed */
    struct level levels[LEVELS];
    double previous, previous_step; /* of the last evaluation: loss fraction or accuracy */
    double sure;                    /* step of the one before */
    struct schedule schedule;
    struct schedule_state state; /* a function of the rows and the step, so it needs no place in a checkpoint */
    double sums[SUMS];
    atomic_bool failed;         /* a batch could not be drawn */
    double started, first_step; /* clock and step at which this process began to train */
};

/* ---- crossings ---- */

static void begin_levels(struct training *t)
{
    const int n = result_levels(t->keys);
    for (int i = 0; i < LEVELS; i++)
        t->levels[i] = (struct level){.value = NAN, .candidate = NAN, .crossing = NAN};
    for (int i = 0; i < n; i++)
        t->levels[i].value = result_level(t->keys, i);
    t->levels[LEVELS - 1].value = keys_real(t->keys, KEY_threshold);
}

/* ---- switches of the schedule ---- */

static void change(struct training *t, const struct schedule_switch *s, double step)
{
    task_switch(&t->task, s);
    t->result->switched[t->state.next - 1] = step;
}

/* Those that waited for a step up to `step`, the number of updates done. The note is of the step itself, also when rows
 * are read again. */
static void change_in_time(struct training *t, double step)
{
    for (const struct schedule_switch *s; (s = schedule_at_time(&t->schedule, &t->state, step));) {
        const size_t done = t->state.next;
        change(t, s, fmax(ceil(s->at), done > 1 ? t->result->switched[done - 2] : 0));
    }
}

/* Attention of the query to what it needs (the last probe), over all its copies: the largest of the heads. */
static double attention_mass(const struct training *t, const double *row)
{
    double most = NAN;
    const int cells = t->trace->layers * t->trace->heads;
    for (int i = t->trace->columns - cells; i < t->trace->columns; i++)
        most = fmax(most, row[i]);
    return most * (double)t->task.test_B;
}

static void change_by_reading(struct training *t, const double *row)
{
    const double step = row[TRANSFORMER_step];
    const struct schedule_reading reading = {step, attention_mass(t, row),
                                             row[TRANSFORMER_loss_train] / task_train_null(&t->task)};
    const struct schedule_switch *s = schedule_at_evaluation(&t->schedule, &t->state, &reading);
    if (s)
        change(t, s, step);
}

/* ---- evaluations ---- */

/* An evaluation at `step`: rows come here as they are made, and again when a checkpoint is read. */
static void note_evaluation(struct training *t, const double *row)
{
    const bool rises = t->task.kind->rises;
    const double step = row[TRANSFORMER_step], loss = row[TRANSFORMER_loss_test];
    const double value = rises ? row[TRANSFORMER_accuracy_test] : loss / t->task.null_loss;
    for (int i = 0; i < LEVELS; i++) {
        struct level *level = &t->levels[i];
        if (!isnan(level->crossing) || isnan(level->value))
            continue;
        if (!(rises ? value >= level->value : value <= level->value)) {
            level->candidate = NAN;
        } else if (!isnan(level->candidate)) {
            level->crossing = level->candidate;
        } else {
            double part = step > 0 ? (level->value - t->previous) / (value - t->previous) : 0;
            level->candidate = step > 0 ? t->previous_step + part * (step - t->previous_step) : 0;
        }
    }
    if (step == 0)
        t->result->initial_loss = loss;
    t->result->final_loss = loss;
    t->result->cap = step;
    t->sure = t->previous_step;
    t->previous = value;
    t->previous_step = step;
    if (!isfinite(loss) || loss > DIVERGED * t->task.null_loss)
        t->result->state = RUN_DIVERGED;
    change_by_reading(t, row);
}

/* Did the last evaluation, and it alone, show a level? Then that is no crossing yet, and what is known is that there
 * was none before. */
static bool unsure(const struct training *t)
{
    bool any = false;
    for (int i = 0; i < LEVELS; i++)
        any = any || (!isnan(t->levels[i].candidate) && isnan(t->levels[i].crossing));
    return any;
}

/* Has everything that `until` waits for been crossed? */
static bool finished(const struct training *t)
{
    const int64_t until = keys_integer(t->keys, KEY_until);
    if (t->result->state == RUN_DIVERGED)
        return true;
    for (int i = until == UNTIL_LEVELS ? 0 : LEVELS - 1; i < LEVELS; i++) {
        if (!isnan(t->levels[i].value) && isnan(t->levels[i].crossing))
            return false;
    }
    return until != UNTIL_CAP;
}

/* ---- steps and evaluations ---- */

/* Called by the model's threads for the sequences that they are about to read. */
static void fill_batch(void *context, int first, int count)
{
    struct training *t = context;
    struct samples part = samples_part(&t->batch, (size_t)first, (size_t)count);
    const struct samples_range range = {.step = (uint32_t)t->optimizer.step, .first = (uint32_t)first};
    if (task_draw(&t->task, &range, &part) != OK)
        t->failed = true;
}

static struct transformer_batch as_batch(const struct samples *s)
{
    return (struct transformer_batch){
        .sequences = (int)s->n, .inputs = s->inputs, .targets = s->targets, .tokens = s->tokens, .labels = s->labels};
}

static enum status train_step(struct training *t)
{
    enum status rc = OK;
    struct transformer_measure m;
    struct transformer_batch batch = as_batch(&t->batch);
    batch.fill = fill_batch;
    batch.context = t;
    TRY(transformer_gradient(t->model, &batch, t->gradient, &m, NULL));
    REQUIRE(!t->failed, ERR_MEMORY, "out of memory for the samples of a batch");
    if (!isfinite(m.loss)) {
        t->result->state = RUN_DIVERGED;
        t->result->cap = (double)t->optimizer.step;
        return OK;
    }
    optimizer_update_single(&t->optimizer, t->model->team, t->gradient, t->model->parameters);
    t->sums[SUM_LOSS] += m.loss;
    t->sums[SUM_ACCURACY] += m.accuracy;
    t->sums[SUM_STEPS]++;
done:
    return rc;
}

static void report(struct training *t)
{
    const struct run_request *q = t->request;
    double attention = NAN, step = (double)t->optimizer.step, steps = step - t->first_step;
    if (!q->report)
        return;
    for (int i = TRANSFORMER_PROBES; i < t->trace->columns; i++)
        attention = fmax(attention, t->row[i]);
    double seconds = (progress_clock() - t->started) / fmax(steps, 1);
    struct run_transformer_report r = {.step = step,
                                       .loss = t->row[TRANSFORMER_loss_test] / t->task.null_loss,
                                       .accuracy = t->row[TRANSFORMER_accuracy_test],
                                       .attention = attention,
                                       .seconds_per_step = steps > 0 ? seconds : NAN,
                                       .tokens_per_s = (double)(t->batch.n * t->batch.T) / seconds};
    q->report(q->context, &r);
}

static enum status evaluate(struct training *t)
{
    enum status rc = OK;
    struct transformer_measure m;
    struct transformer_pairs pairs[TASK_PROBES];
    const struct transformer_batch test = as_batch(&t->test);
    const double n = t->sums[SUM_STEPS];
    const size_t cells = (size_t)t->trace->layers * (size_t)t->trace->heads;
    for (int i = 0; i < t->task.kind->n_probes; i++) {
        const struct task_pairs *p = &t->pairs[i];
        pairs[i] = (struct transformer_pairs){.count = (int)p->count,
                                              .sequence = p->sample,
                                              .query = p->query,
                                              .key = p->key,
                                              .attention = t->row + TRANSFORMER_PROBES + (size_t)i * cells};
    }
    TRY(transformer_evaluate(t->model, &test, t->task.kind->n_probes, pairs, &m, NULL));
    t->row[TRANSFORMER_step] = (double)t->optimizer.step;
    t->row[TRANSFORMER_loss_train] = n > 0 ? t->sums[SUM_LOSS] / n : NAN;
    t->row[TRANSFORMER_loss_test] = m.loss;
    t->row[TRANSFORMER_accuracy_train] = n > 0 ? t->sums[SUM_ACCURACY] / n : NAN;
    t->row[TRANSFORMER_accuracy_test] = m.accuracy;
    memset(t->sums, 0, sizeof t->sums);
    TRY(trace_add(t->trace, t->row));
    note_evaluation(t, t->row);
    report(t);
done:
    return rc;
}

static struct checkpoint all_of(struct training *t)
{
    return (struct checkpoint){.keys = t->keys,
                               .tensor = t->model->tensor,
                               .tensors = t->model->tensors,
                               .parameters = t->model->parameters,
                               .target = t->task.target,
                               .optimizer = &t->optimizer,
                               .state_name = "run.sums",
                               .state = t->sums,
                               .states = SUMS,
                               .trace = t->trace,
                               .library = t->result->library};
}

static enum status save(struct training *t)
{
    const struct checkpoint c = all_of(t);
    return checkpoint_write(t->request, &c);
}

static enum status resume(struct training *t)
{
    struct checkpoint c = all_of(t);
    enum status rc = checkpoint_read(t->request, &c);
    for (size_t i = 0; rc == OK && i < t->trace->length; i++) {
        const double *row = t->trace->rows + i * (size_t)t->trace->columns;
        change_in_time(t, row[TRANSFORMER_step] - 1); /* before the update that this row is after */
        note_evaluation(t, row);
    }
    if (rc == OK && (double)t->optimizer.step > t->result->cap)
        change_in_time(t, (double)t->optimizer.step - 1);
    return rc;
}

static enum status loop(struct training *t)
{
    enum status rc = OK;
    const int64_t cap = keys_integer(t->keys, KEY_steps), every = keys_integer(t->keys, KEY_eval_every);
    const int64_t save_every = keys_integer(t->keys, KEY_checkpoint_every);
    const volatile int *stop = t->request->stop;
    if (t->trace->length == 0)
        TRY(evaluate(t));
    while (t->optimizer.step < cap && !finished(t)) {
        if (stop && *stop) {
            t->result->state = RUN_INTERRUPTED;
            break;
        }
        change_in_time(t, (double)t->optimizer.step);
        TRY(train_step(t));
        if (t->optimizer.step % every == 0 && t->result->state != RUN_DIVERGED)
            TRY(evaluate(t));
        if (save_every && t->optimizer.step % save_every == 0)
            TRY(save(t));
    }
    if (t->result->state == RUN_INTERRUPTED || !t->request->transient)
        TRY(save(t));
done:
    return rc;
}

/* ---- one run ---- */

static enum status prepare(struct training *t)
{
    enum status rc = OK;
    const struct keys *k = t->keys;
    const struct transformer_config config = transformer_config(k);
    const struct samples_range all = {.test = true};
    TRY(task_init(k, &t->task));
    TRY(transformer_create(&config, (enum backend)keys_integer(k, KEY_backend),
                           (enum precision)keys_integer(k, KEY_precision), (int)keys_integer(k, KEY_threads),
                           &t->model));
    transformer_initialise(t->model, (uint64_t)keys_integer(k, KEY_seed));
    TRY(optimizer_init(k, t->model->count, sizeof(real), &t->optimizer));
    REQUIRE(t->gradient = calloc(t->model->count, sizeof *t->gradient), ERR_MEMORY,
            "out of memory for a gradient of %zu numbers", t->model->count);
    REQUIRE(t->row = calloc((size_t)t->trace->columns, sizeof *t->row), ERR_MEMORY,
            "out of memory for a row of the trace");
    TRY(task_samples(k, &t->task, (size_t)keys_integer(k, KEY_batch), &t->batch));
    TRY(task_samples(k, &t->task, (size_t)keys_integer(k, KEY_eval_size), &t->test));
    TRY(task_draw(&t->task, &all, &t->test));
    for (int i = 0; i < t->task.kind->n_probes; i++)
        TRY(task_pairs(&t->test, &t->task.kind->probes[i], &t->pairs[i]));
    t->result->null_loss = t->task.null_loss;
    t->schedule = schedule_of(keys_real(k, KEY_schedule));
    snprintf(t->result->backend, sizeof t->result->backend, "%s", t->model->kernels->name);
    snprintf(t->result->library, sizeof t->result->library, "%s", t->model->kernels->library);
    begin_levels(t);
    if (t->request->resume)
        TRY(resume(t));
done:
    return rc;
}

static void release(struct training *t)
{
    for (int i = 0; i < TASK_PROBES; i++)
        task_pairs_free(&t->pairs[i]);
    samples_free(&t->batch);
    samples_free(&t->test);
    optimizer_free(&t->optimizer);
    transformer_free(t->model);
    task_free(&t->task);
    free(t->gradient);
    free(t->row);
}

enum status run_transformer(const struct keys *keys, const struct run_request *request, struct result *r,
                            struct trace *trace)
{
    enum status rc = OK;
    const double begin = progress_clock();
    struct trace own = {0}; /* a checkpoint needs one, if nobody else does */
    struct training t = {.keys = keys, .request = request, .result = r, .trace = trace ? trace : &own};
    *r = (struct result){
        .keys = *keys, .state = RUN_CENSORED, .plateau = NAN, .flow_plateau = NAN, .predicted = prediction_none};
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        r->switched[i] = NAN;
    trace_begin(t.trace, keys);
    TRY(prepare(&t));
    t.started = progress_clock();
    t.first_step = (double)t.optimizer.step;
    TRY(loop(&t));
    for (int i = 0; i < FLOW_LEVELS; i++)
        r->crossings[i] = t.levels[i].crossing;
    r->plateau = t.levels[LEVELS - 1].crossing;
    if (r->state == RUN_CENSORED && unsure(&t))
        r->cap = t.sure;
    if (r->state == RUN_CENSORED && !isnan(r->plateau))
        r->state = RUN_EMERGED;
    r->steps_done = (double)t.optimizer.step;
    r->tokens_per_s =
        (r->steps_done - t.first_step) * (double)(t.batch.n * t.batch.T) / fmax(progress_clock() - t.started, 1e-9);
    r->wall_s = progress_clock() - begin;
done:
    release(&t);
    trace_free(&own);
    return rc;
}
