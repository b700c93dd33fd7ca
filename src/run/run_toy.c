#include "run/run_toy.h"
#include "base/progress.h"
#include "models/toy.h"
#include "run/run_forecast.h"
#include "run/train.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_TARGET = 2000 }; /* rows kept of a long run: every evaluation up to here, then thinned by two */

/* What a checkpoint says beside parameters, optimizer and trace. */
enum {
    STATE_INITIAL, /* loss at the start */
    STATE_LOSS,    /* at the last evaluation */
    STATE_LEAST,   /* the lowest so far */
    STATE_THRESHOLD,
    STATE_PLATEAU,  /* for that threshold */
    STATE_NEXT,     /* of the schedule: switches made, .. */
    STATE_SHOWN,    /* .. evaluations that show the next one's condition, .. */
    STATE_SWITCHED, /* .. when each was made */
    STATE_CROSSINGS = STATE_SWITCHED + SCHEDULE_SWITCHES,
    STATE_COUNT = STATE_CROSSINGS + FLOW_LEVELS
};

struct toy_run {
    struct training training;
    struct toy *toy;
    struct transformer_tensor tensor[2]; /* how the toy's block of parameters is saved */
    struct optimizer_state optimizer;
    double *gradient; /* owned */
    int64_t stride;   /* every so many evaluations make a row */
    double least;     /* the lowest loss so far */
    struct forecast forecast;
    double *room; /* owned: [rooms], scratch of forecasts */
    size_t rooms;
    bool stale; /* the checkpoint does not know when the threshold was crossed */
};

static enum status gradient(struct toy_run *run, double *loss)
{
    const struct keys *k = run->training.keys;
    int batch = (int)keys_integer(k, KEY_batch);
    uint64_t seed = (uint64_t)keys_integer(k, KEY_seed);
    uint32_t step = (uint32_t)run->optimizer.step;
    if (keys_optimizer(k)->gradient == GRADIENT_EXACT) {
        toy_gradient_exact(run->toy, run->gradient, loss);
        return OK;
    }
    return keys_integer(k, KEY_sampler) == SAMPLER_TOKENS
               ? toy_gradient_tokens(run->toy, batch, seed, step, run->gradient, loss)
               : toy_gradient_statistics(run->toy, batch, seed, step, run->gradient, loss);
}

static enum status step(struct training *t)
{
    struct toy_run *run = t->model;
    double loss;
    enum status rc = gradient(run, &loss);
    if (rc == OK)
        optimizer_update(&run->optimizer, run->gradient, run->toy->parameters);
    return rc;
}

/* Says in the last row when the plateau will end, unless it is over. */
static enum status forecast(struct toy_run *run, bool over)
{
    struct trace *trace = run->training.trace;
    if (!over && run_forecast_applies(run->training.keys))
        return run_forecast_note(run->training.keys, trace, 0, sqrt(run->toy->n2), &run->room, &run->rooms,
                                 &run->forecast);
    double *said = trace->rows + trace->length * (size_t)trace->columns;
    for (int i = 1; i <= 3; i++)
        said[-i] = NAN;
    return OK;
}

/* Keeps about TRACE_TARGET rows, evenly spaced: evaluation i if the stride divides i. When full, every second row goes
 * and the stride doubles. */
static enum status keep(struct toy_run *run, double time, const struct toy_measure *m)
{
    const int64_t step = run->optimizer.step, every = keys_integer(run->training.keys, KEY_eval_every);
    if (step / every % run->stride)
        return OK;
    struct trace *trace = run->training.trace;
    double row[8 + TOY_CHAIN_HOPS + 3] = {(double)step,    time,          m->loss_train, m->loss_test, m->w,
                                          m->w_orthogonal, m->delta_a[0], m->attention};
    for (int i = 1; i < run->toy->hops; i++)
        row[7 + i] = m->delta_a[i];
    for (int i = 7 + run->toy->hops; i < trace->columns; i++)
        row[i] = NAN; /* the forecast, see below */
    const size_t bytes = (size_t)trace->columns * sizeof *row;
    enum status rc = trace_add(trace, row);
    if (rc == OK)
        rc = forecast(run, !isnan(run->training.levels[TRAIN_LEVELS - 1].crossing));
    if (rc == OK && trace->length / 2 >= TRACE_TARGET) {
        for (size_t i = 0; i < TRACE_TARGET; i++)
            memcpy(trace->rows + i * (size_t)trace->columns, trace->rows + 2 * i * (size_t)trace->columns, bytes);
        trace->length = TRACE_TARGET;
        run->stride *= 2;
    }
    return rc;
}

/* The stride after evaluation i. */
static int64_t stride_at(int64_t i)
{
    int64_t stride = 1;
    while (i >= (2 * TRACE_TARGET - 1) * stride)
        stride *= 2;
    return stride;
}

static void change(struct training *t, const struct schedule_switch *s)
{
    struct toy *toy = ((struct toy_run *)t->model)->toy;
    if (s->variable == SCHEDULE_P)
        toy->p = s->value;
    else
        toy->B = (int)s->value;
}

static enum status evaluate(struct training *t)
{
    struct toy_run *run = t->model;
    struct toy_measure m;
    toy_measure(run->toy, &m);
    const double loss = keys_integer(t->keys, KEY_loss) == LOSS_TEST ? m.loss_test : m.loss_train;
    const struct train_reading reading = {.time = (double)run->optimizer.step * t->time_per_step,
                                          .loss = loss,
                                          .value = loss,
                                          .attention = run->toy->B * m.attention,
                                          .train = m.loss_train / m.null_train};
    train_note(t, &reading);
    if (t->result->state == RUN_DIVERGED)
        return OK;
    run->least = fmin(run->least, loss);
    return keep(run, reading.time, &m);
}

/* ---- checkpoints ---- */

static struct checkpoint all_of(struct toy_run *run, double *state)
{
    return (struct checkpoint){.keys = run->training.keys,
                               .tensor = run->tensor,
                               .tensors = 2,
                               .parameters = run->toy->parameters,
                               .target = run->toy->target,
                               .optimizer = &run->optimizer,
                               .state_name = "run.state",
                               .state = state,
                               .states = STATE_COUNT,
                               .trace = run->training.trace};
}

static enum status save(struct training *t)
{
    struct toy_run *run = t->model;
    const struct result *r = t->result;
    double state[STATE_COUNT] = {[STATE_INITIAL] = r->initial_loss,
                                 [STATE_LOSS] = r->final_loss,
                                 [STATE_LEAST] = run->least,
                                 [STATE_THRESHOLD] = keys_real(t->keys, KEY_threshold),
                                 [STATE_PLATEAU] = t->levels[TRAIN_LEVELS - 1].crossing,
                                 [STATE_NEXT] = (double)t->state.next,
                                 [STATE_SHOWN] = t->state.shown};
    memcpy(state + STATE_SWITCHED, r->switched, sizeof r->switched);
    for (int i = 0; i < FLOW_LEVELS; i++)
        state[STATE_CROSSINGS + i] = t->levels[i].crossing;
    const struct checkpoint c = all_of(run, state);
    return checkpoint_write(t->request, &c);
}

/* The plateau so far, of a run that may have been saved with another threshold: that of a level that it has noted, or
 * none if it has not come so far. */
static enum status restore_plateau(struct toy_run *run, const double *state)
{
    struct training *t = &run->training;
    struct result saved = *t->result;
    const double threshold = keys_real(t->keys, KEY_threshold), other = state[STATE_THRESHOLD];
    bool known;
    saved.keys.value[KEY_threshold] = other;
    saved.plateau = state[STATE_PLATEAU];
    memcpy(saved.crossings, state + STATE_CROSSINGS, sizeof saved.crossings);
    t->levels[TRAIN_LEVELS - 1].crossing = result_plateau_at(&saved, threshold, &known);
    run->stale = !known && run->least <= threshold * saved.null_loss;
    return !run->stale
               ? OK
               : error_set(
                     ERR_INPUT,
                     "the checkpoint is of a run with threshold=%g that has passed %g and did not note when: give "
                     "threshold=%g (or 0.1, 0.2 .. 0.9), or begin anew without this file",
                     other, threshold, other);
}

/* What would have been said of another threshold, row by row. */
static enum status forecast_again(struct toy_run *run)
{
    enum status rc = OK;
    struct trace *trace = run->training.trace;
    const size_t length = trace->length;
    const int value =
        trace_find(trace, keys_integer(run->training.keys, KEY_loss) == LOSS_TEST ? "loss_test" : "loss_train");
    const double level = run->training.levels[TRAIN_LEVELS - 1].value;
    bool over = false;
    for (trace->length = 1; trace->length <= length && rc == OK; trace->length++) {
        const double *row = trace->rows + (trace->length - 1) * (size_t)trace->columns;
        over = over || row[value] <= level;
        rc = forecast(run, over);
    }
    trace->length = length;
    return rc;
}

static enum status restore(struct toy_run *run, const double *state)
{
    enum status rc = OK;
    struct training *t = &run->training;
    struct result *r = t->result;
    const double next = state[STATE_NEXT], shown = state[STATE_SHOWN];
    const bool diverged = train_diverges(r, state[STATE_LOSS]);
    const int64_t every = keys_integer(t->keys, KEY_eval_every), last = run->optimizer.step / every,
                  kept = last - diverged;
    run->stride = stride_at(kept);
    REQUIRE(t->trace->length == (size_t)(kept / run->stride + 1), ERR_INPUT,
            "run.trace has %zu rows, and the run %" PRId64, t->trace->length, kept / run->stride + 1);
    REQUIRE(
        isfinite(state[STATE_INITIAL]) && next >= 0 && next <= (double)t->schedule.n && next == rint(next) &&
            (shown == 0 || shown == 1),
        ERR_INPUT,
        "run.state: initial loss %g, %g switches of the schedule, %g evaluations for the next one: not those of a run",
        state[STATE_INITIAL], next, shown);
    for (int i = 0; i < FLOW_LEVELS; i++)
        t->levels[i].crossing = state[STATE_CROSSINGS + i];
    while (t->state.next < (size_t)next) {
        const size_t i = t->state.next++;
        change(t, &t->schedule.list[i]);
        r->switched[i] = state[STATE_SWITCHED + i];
    }
    t->state.shown = (int)shown;
    r->initial_loss = state[STATE_INITIAL];
    r->final_loss = t->previous = state[STATE_LOSS];
    run->least = state[STATE_LEAST];
    r->cap = t->previous_time = (double)(last * every) * t->time_per_step;
    r->state = diverged ? RUN_DIVERGED : RUN_CENSORED;
    TRY(restore_plateau(run, state));
    if (state[STATE_THRESHOLD] != keys_real(t->keys, KEY_threshold))
        TRY(forecast_again(run));
done:
    return rc;
}

static enum status resume(struct toy_run *run)
{
    double state[STATE_COUNT];
    const struct run_request *request = run->training.request;
    struct checkpoint c = all_of(run, state);
    enum status rc = checkpoint_read(request, &c);
    if (rc == OK && (rc = restore(run, state)) != OK) {
        error_prefix(rc, "%.150s", request->resume);
        rc = run->stale ? rc : checkpoint_damage(request, rc);
    }
    return rc;
}

/* ---- the run ---- */

/* With its start drawn. */
static enum status create_toy(const struct keys *k, struct toy **toy)
{
    enum status rc = OK;
    const int T = (int)keys_integer(k, KEY_T), d = (int)keys_integer(k, KEY_d), hops = (int)keys_integer(k, KEY_hops);
    const uint64_t seed = (uint64_t)keys_integer(k, KEY_seed);
    double D[CHAIN_HOPS];
    TRY(hops > 1 ? toy_create_chain(T, d, hops, toy)
                 : toy_create(T, d, (int)keys_integer(k, KEY_B), keys_real(k, KEY_p), toy));
    TRY(toy_start(*toy, keys_integer(k, KEY_init) == INIT_GAUSSIAN, keys_integer(k, KEY_target) == TARGET_GAUSSIAN,
                  seed));
    if (run_flow_is_chain(k)) {
        run_flow_held(k, (*toy)->held);
        run_flow_lean(k, D);
        toy_start_scores(*toy, keys_real(k, KEY_init_scores), D, seed);
    }
done:
    return rc;
}

static enum status begin(struct toy_run *run, struct run_flow *tools)
{
    enum status rc = OK;
    struct training *t = &run->training;
    const struct keys *k = t->keys;
    struct flow_solution expected;
    train_begin(t);
    TRY(run_flow_expect(tools, k, METRIC_FULL, &expected, &t->result->predicted));
    t->result->null_loss = expected.null_loss;
    train_set_levels(t, t->result->null_loss);
    t->result->flow_plateau = expected.plateau;
    /* The separatrix is that of the flow, which exact gradients follow. */
    t->never = keys_optimizer(k)->gradient == GRADIENT_EXACT && run_flow_never(k);
    TRY(create_toy(k, &run->toy));
    run->toy->test_B = (int)schedule_last(&t->schedule, SCHEDULE_B, run->toy->B);
    TRY(optimizer_init(k, run->toy->count, sizeof(double), &run->optimizer));
    run->gradient = calloc(run->toy->count, sizeof *run->gradient);
    REQUIRE(run->gradient, ERR_MEMORY, "out of memory for a gradient of %zu numbers", run->toy->count);
    const int d = run->toy->d, T = run->toy->T;
    const size_t weights = (size_t)d * (size_t)d;
    run->tensor[0] = (struct transformer_tensor){"toy.weight", 2, {d, d}, 0, weights};
    run->tensor[1] = (struct transformer_tensor){"toy.scores", 1, {T}, weights, (size_t)T};
    if (run->toy->hops > 1)
        run->tensor[1] = (struct transformer_tensor){
            "toy.scores", 2, {run->toy->hops, T}, weights, (size_t)run->toy->hops * (size_t)T};
    if (t->request->resume)
        TRY(resume(run));
done:
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): once at most, for then there is no checkpoint */
enum status run_toy(struct run_flow *tools, const struct keys *keys, const struct run_request *request,
                    struct result *r, struct trace *trace)
{
    enum status rc = OK;
    double begun = progress_clock();
    struct trace own = {0}; /* a checkpoint needs one, if nobody else does */
    struct toy_run run = {.stride = 1, .least = INFINITY};
    run.training = (struct training){.keys = keys,
                                     .request = request,
                                     .result = r,
                                     .trace = trace ? trace : &own,
                                     .optimizer = &run.optimizer,
                                     .time_per_step = keys_real(keys, KEY_lr),
                                     .tokens_per_step = keys_real(keys, KEY_batch) * keys_real(keys, KEY_T),
                                     .exact = true,
                                     .model = &run,
                                     .step = step,
                                     .evaluate = evaluate,
                                     .change = change,
                                     .save = save};
    rc = begin(&run, tools);
    if (run.stale &&
        request->folder) { /* nobody is there who could choose: a new question to a sweep begins a new run */
        struct run_request anew = *request;
        anew.resume = NULL;
        rc = run_toy(tools, keys, &anew, r, trace);
        goto done;
    }
    TRY(rc);
    TRY(train_run(&run.training));
    if (run_forecast_applies(keys))
        run_forecast_finish(run.training.trace, r);
    r->wall_s = progress_clock() - begun;
done:
    toy_free(run.toy);
    optimizer_free(&run.optimizer);
    free(run.gradient);
    free(run.room);
    trace_free(&own);
    return rc;
}
