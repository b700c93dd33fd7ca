#include "run_toy.h"
#include "checkpoint.h"
#include "progress.h"
#include "toy.h"
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

struct training {
    const struct keys *keys;
    const struct run_request *request;
    struct toy *toy;
    struct transformer_tensor tensor[2]; /* how the toy's block of parameters is saved */
    struct optimizer_state optimizer;    /* its step is the run's */
    double *gradient;                    /* owned */
    struct result *result;
    struct trace *trace;                   /* borrowed */
    int64_t stride;                        /* every so many evaluations make a row */
    double previous, previous_time, least; /* loss, when, and the lowest so far */
    int next;                              /* first level not yet crossed */
    bool stale;                            /* the checkpoint does not know when the threshold was crossed */
    struct schedule schedule;
    struct schedule_state state;
};

static enum status gradient(struct training *t, double *loss)
{
    const struct keys *k = t->keys;
    int batch = (int)keys_integer(k, KEY_batch);
    uint64_t seed = (uint64_t)keys_integer(k, KEY_seed);
    uint32_t step = (uint32_t)t->optimizer.step;
    if (keys_optimizer(k)->gradient == GRADIENT_EXACT) {
        toy_gradient_exact(t->toy, t->gradient, loss);
        return OK;
    }
    return keys_integer(k, KEY_sampler) == SAMPLER_TOKENS
               ? toy_gradient_tokens(t->toy, batch, seed, step, t->gradient, loss)
               : toy_gradient_statistics(t->toy, batch, seed, step, t->gradient, loss);
}

/* Keeps about TRACE_TARGET rows, evenly spaced: evaluation i if the stride divides i. When full, every second row goes
 * and the stride doubles. */
static enum status keep(struct training *t, double time, const struct toy_measure *m)
{
    const int64_t step = t->optimizer.step, every = keys_integer(t->keys, KEY_eval_every);
    if (step / every % t->stride)
        return OK;
    struct trace *trace = t->trace;
    const double row[] = {(double)step,    time,       m->loss_train, m->loss_test, m->w,
                          m->w_orthogonal, m->delta_a, m->attention};
    enum status rc = trace_add(trace, row);
    if (rc == OK && trace->length / 2 >= TRACE_TARGET) {
        for (size_t i = 0; i < TRACE_TARGET; i++)
            memcpy(trace->rows + i * (size_t)trace->columns, trace->rows + 2 * i * (size_t)trace->columns, sizeof row);
        trace->length = TRACE_TARGET;
        t->stride *= 2;
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

/* Linear interpolation of the time at which the loss fell to `level` since the last evaluation. */
static double crossing_time(const struct training *t, double loss, double time, double level)
{
    return t->previous > loss
               ? t->previous_time + (time - t->previous_time) * (t->previous - level) / (t->previous - loss)
               : time;
}

static void find_crossings(struct training *t, double loss, double time)
{
    struct result *r = t->result;
    double level = keys_real(t->keys, KEY_threshold) * r->null_loss;
    if (isnan(r->plateau) && loss <= level)
        r->plateau = crossing_time(t, loss, time, level);
    for (; t->next < FLOW_LEVELS && loss <= (level = flow_cvode_level(t->next) * r->null_loss); t->next++)
        r->crossings[t->next] = crossing_time(t, loss, time, level);
    t->previous = loss;
    t->previous_time = time;
    t->least = fmin(t->least, loss);
}

static void change(struct training *t, const struct schedule_switch *s, double time)
{
    if (s->variable == SCHEDULE_P)
        t->toy->p = s->value;
    else
        t->toy->B = (int)s->value;
    t->result->switched[t->state.next - 1] = time;
}

static void change_in_time(struct training *t, double time)
{
    for (const struct schedule_switch *s; (s = schedule_at_time(&t->schedule, &t->state, time));)
        change(t, s, time);
}

/* Time after so many steps. */
static double time_at(const struct training *t, int64_t step)
{
    return (double)step * keys_real(t->keys, KEY_lr);
}

static bool diverges(const struct result *r, double loss)
{
    return !isfinite(loss) || loss > 1e6 * r->null_loss;
}

static enum status evaluate(struct training *t)
{
    struct result *r = t->result;
    struct toy_measure m;
    toy_measure(t->toy, &m);
    const double time = time_at(t, t->optimizer.step);
    double loss = keys_integer(t->keys, KEY_loss) == LOSS_TEST ? m.loss_test : m.loss_train;
    if (t->optimizer.step == 0) {
        r->initial_loss = t->previous = loss;
        t->previous_time = 0;
    }
    r->final_loss = loss;
    r->cap = time;
    if (diverges(r, loss)) {
        r->state = RUN_DIVERGED;
        return OK;
    }
    find_crossings(t, loss, time);
    const struct schedule_reading reading = {time, t->toy->B * m.attention, m.loss_train / m.null_train};
    const struct schedule_switch *s = schedule_at_evaluation(&t->schedule, &t->state, &reading);
    if (s)
        change(t, s, time);
    return keep(t, time, &m);
}

/* ---- checkpoints ---- */

static struct checkpoint all_of(struct training *t, double *state)
{
    return (struct checkpoint){.keys = t->keys,
                               .tensor = t->tensor,
                               .tensors = 2,
                               .parameters = t->toy->parameters,
                               .target = t->toy->target,
                               .optimizer = &t->optimizer,
                               .state_name = "run.state",
                               .state = state,
                               .states = STATE_COUNT,
                               .trace = t->trace};
}

static enum status save(struct training *t)
{
    const struct result *r = t->result;
    double state[STATE_COUNT] = {
        [STATE_INITIAL] = r->initial_loss, [STATE_LOSS] = r->final_loss,
        [STATE_LEAST] = t->least,          [STATE_THRESHOLD] = keys_real(t->keys, KEY_threshold),
        [STATE_PLATEAU] = r->plateau,      [STATE_NEXT] = (double)t->state.next,
        [STATE_SHOWN] = t->state.shown};
    memcpy(state + STATE_SWITCHED, r->switched, sizeof r->switched);
    memcpy(state + STATE_CROSSINGS, r->crossings, sizeof r->crossings);
    const struct checkpoint c = all_of(t, state);
    return checkpoint_write(t->request, &c);
}

/* The plateau so far, of a run that may have been saved with another threshold: that of a level that it has noted, or
 * none if it has not come so far. */
static enum status restore_plateau(struct training *t, const double *state)
{
    struct result *r = t->result, saved = *r;
    const double threshold = keys_real(t->keys, KEY_threshold), other = state[STATE_THRESHOLD];
    bool known;
    saved.keys.value[KEY_threshold] = other;
    saved.plateau = state[STATE_PLATEAU];
    r->plateau = result_plateau_at(&saved, threshold, &known);
    t->stale = !known && t->least <= threshold * r->null_loss;
    return !t->stale
               ? OK
               : error_set(
                     ERR_INPUT,
                     "the checkpoint is of a run with threshold=%g that has passed %g and did not note when: give "
                     "threshold=%g (or 0.1, 0.2 .. 0.9), or begin anew without this file",
                     other, threshold, other);
}

static enum status restore(struct training *t, const double *state)
{
    enum status rc = OK;
    struct result *r = t->result;
    const double next = state[STATE_NEXT], shown = state[STATE_SHOWN];
    const bool diverged = diverges(r, state[STATE_LOSS]);
    const int64_t every = keys_integer(t->keys, KEY_eval_every), last = t->optimizer.step / every,
                  kept = last - diverged;
    t->stride = stride_at(kept);
    REQUIRE(t->trace->length == (size_t)(kept / t->stride + 1), ERR_INPUT,
            "run.trace has %zu rows, and the run %" PRId64, t->trace->length, kept / t->stride + 1);
    REQUIRE(
        isfinite(state[STATE_INITIAL]) && next >= 0 && next <= (double)t->schedule.n && next == rint(next) &&
            (shown == 0 || shown == 1),
        ERR_INPUT,
        "run.state: initial loss %g, %g switches of the schedule, %g evaluations for the next one: not those of a run",
        state[STATE_INITIAL], next, shown);
    memcpy(r->crossings, state + STATE_CROSSINGS, sizeof r->crossings);
    while (t->next < FLOW_LEVELS && !isnan(r->crossings[t->next]))
        t->next++;
    while (t->state.next < (size_t)next) {
        const size_t i = t->state.next++;
        change(t, &t->schedule.list[i], state[STATE_SWITCHED + i]);
    }
    t->state.shown = (int)shown;
    r->initial_loss = state[STATE_INITIAL];
    r->final_loss = t->previous = state[STATE_LOSS];
    t->least = state[STATE_LEAST];
    r->cap = t->previous_time = time_at(t, last * every);
    r->state = diverged ? RUN_DIVERGED : RUN_CENSORED;
    TRY(restore_plateau(t, state));
done:
    return rc;
}

static enum status resume(struct training *t)
{
    double state[STATE_COUNT];
    struct checkpoint c = all_of(t, state);
    enum status rc = checkpoint_read(t->request, &c);
    if (rc == OK && (rc = restore(t, state)) != OK) {
        error_prefix(rc, "%.150s", t->request->resume);
        rc = t->stale ? rc : checkpoint_damage(t->request, rc);
    }
    return rc;
}

/* ---- the run ---- */

/* Until every crossing is found, the cap, divergence or a request to stop. */
static enum status loop(struct training *t)
{
    enum status rc = OK;
    struct result *r = t->result;
    const int64_t *step = &t->optimizer.step;
    const int64_t cap = keys_integer(t->keys, KEY_steps), every = keys_integer(t->keys, KEY_eval_every);
    const int64_t save_every = keys_integer(t->keys, KEY_checkpoint_every);
    const volatile int *stop = t->request->stop;
    if (t->trace->length == 0)
        TRY(evaluate(t));
    while (*step < cap && r->state != RUN_DIVERGED && (isnan(r->plateau) || t->next < FLOW_LEVELS)) {
        if (stop && *stop) {
            r->state = RUN_INTERRUPTED;
            break;
        }
        double loss;
        change_in_time(t, time_at(t, *step));
        TRY(gradient(t, &loss));
        optimizer_update(&t->optimizer, t->gradient, t->toy->parameters);
        if (*step % every == 0)
            TRY(evaluate(t));
        if (save_every && *step % save_every == 0)
            TRY(save(t));
    }
    if (r->state == RUN_INTERRUPTED || !t->request->transient)
        TRY(save(t));
    r->steps_done = (double)*step;
    if (r->state == RUN_CENSORED && !isnan(r->plateau))
        r->state = RUN_EMERGED;
done:
    return rc;
}

static enum status prepare(struct training *t, struct run_flow *tools)
{
    enum status rc = OK;
    const struct keys *k = t->keys;
    struct flow flow;
    struct flow_solution expected;
    TRY(run_flow_problem(k, METRIC_FULL, &flow));
    t->result->null_loss = flow_null_loss(&flow, (enum loss)keys_integer(k, KEY_loss));
    TRY(run_flow_expect(tools, k, METRIC_FULL, &expected, &t->result->predicted));
    t->result->flow_plateau = expected.plateau;
    TRY(toy_create((int)keys_integer(k, KEY_T), (int)keys_integer(k, KEY_d), (int)keys_integer(k, KEY_B),
                   keys_real(k, KEY_p), &t->toy));
    TRY(toy_start(t->toy, keys_integer(k, KEY_init) == INIT_GAUSSIAN, keys_integer(k, KEY_target) == TARGET_GAUSSIAN,
                  (uint64_t)keys_integer(k, KEY_seed)));
    t->toy->test_B = (int)schedule_last(&t->schedule, SCHEDULE_B, t->toy->B);
    TRY(optimizer_init(k, t->toy->count, sizeof(double), &t->optimizer));
    t->gradient = calloc(t->toy->count, sizeof *t->gradient);
    REQUIRE(t->gradient, ERR_MEMORY, "out of memory for a gradient of %zu numbers", t->toy->count);
    const int d = t->toy->d, T = t->toy->T;
    const size_t weights = (size_t)d * (size_t)d;
    t->tensor[0] = (struct transformer_tensor){"toy.weight", 2, {d, d}, 0, weights};
    t->tensor[1] = (struct transformer_tensor){"toy.scores", 1, {T}, weights, (size_t)T};
    if (t->request->resume)
        TRY(resume(t));
done:
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): once at most, for then there is no checkpoint */
enum status run_toy(struct run_flow *tools, const struct keys *keys, const struct run_request *request,
                    struct result *r, struct trace *trace)
{
    enum status rc = OK;
    double begin = progress_clock();
    struct trace own = {0}; /* a checkpoint needs one, if nobody else does */
    struct training t = {
        .keys = keys, .request = request, .result = r, .trace = trace ? trace : &own, .stride = 1, .least = INFINITY};
    *r = (struct result){.keys = *keys, .state = RUN_CENSORED, .plateau = NAN};
    for (int i = 0; i < FLOW_LEVELS; i++)
        r->crossings[i] = NAN;
    t.schedule = schedule_of(keys_real(keys, KEY_schedule));
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        r->switched[i] = NAN;
    trace_begin(t.trace, keys);
    rc = prepare(&t, tools);
    if (t.stale && request->folder) { /* nobody is there who could choose: a new question to a sweep begins a new run */
        struct run_request anew = *request;
        anew.resume = NULL;
        rc = run_toy(tools, keys, &anew, r, trace);
        goto done;
    }
    TRY(rc);
    const double training = progress_clock(), first_step = (double)t.optimizer.step;
    TRY(loop(&t));
    double now = progress_clock();
    r->wall_s = now - begin;
    r->tokens_per_s =
        (r->steps_done - first_step) * keys_real(keys, KEY_batch) * keys_real(keys, KEY_T) / fmax(now - training, 1e-9);
done:
    toy_free(t.toy);
    optimizer_free(&t.optimizer);
    free(t.gradient);
    trace_free(&own);
    return rc;
}
