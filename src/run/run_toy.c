#include "run_toy.h"
#include "optimizer.h"
#include "progress.h"
#include "toy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_TARGET = 2000 }; /* rows kept of a long run: every evaluation up to here, then thinned by two */

struct training {
    const struct keys *keys;
    struct toy *toy;
    struct optimizer_state optimizer;
    double *gradient; /* owned */
    struct result *result;
    struct trace *trace;
    size_t stride, evaluations;  /* of the trace */
    double previous, previous_time;
    int next;                    /* first level not yet crossed */
    struct schedule schedule;
    struct schedule_state state;
};

static enum status gradient(struct training *t, int64_t step, double *loss)
{
    const struct keys *k = t->keys;
    int batch = (int)keys_integer(k, KEY_batch);
    uint64_t seed = (uint64_t)keys_integer(k, KEY_seed);
    if (keys_integer(k, KEY_optimizer) == OPTIMIZER_GD) {
        toy_gradient_exact(t->toy, t->gradient, loss);
        return OK;
    }
    return keys_integer(k, KEY_sampler) == SAMPLER_TOKENS
               ? toy_gradient_tokens(t->toy, batch, seed, (uint32_t)step, t->gradient, loss)
               : toy_gradient_statistics(t->toy, batch, seed, (uint32_t)step, t->gradient, loss);
}

/* Keeps about TRACE_TARGET rows, evenly spaced: when full, every second row goes and the stride doubles. */
static enum status keep(struct training *t, double step, double time, const struct toy_measure *m)
{
    if (!t->trace || t->evaluations++ % t->stride)
        return OK;
    const double row[] = {step, time, m->loss_train, m->loss_test, m->w, m->w_orthogonal, m->delta_a, m->attention};
    enum status rc = trace_add(t->trace, row);
    if (rc == OK && t->trace->length / 2 >= TRACE_TARGET) {
        struct trace *trace = t->trace;
        for (size_t i = 0; i < TRACE_TARGET; i++)
            memcpy(trace->rows + i * (size_t)trace->columns, trace->rows + 2 * i * (size_t)trace->columns, sizeof row);
        trace->length = TRACE_TARGET;
        t->stride *= 2;
        t->evaluations = 1 + (t->evaluations - 1) % t->stride;
    }
    return rc;
}

/* Linear interpolation of the time at which the loss fell to `level` since the last evaluation. */
static double crossing_time(const struct training *t, double loss, double time, double level)
{
    return t->previous > loss ? t->previous_time + (time - t->previous_time) * (t->previous - level) / (t->previous - loss) : time;
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

static enum status evaluate(struct training *t, int64_t step)
{
    struct result *r = t->result;
    struct toy_measure m;
    toy_measure(t->toy, &m);
    double time = (double)step * keys_real(t->keys, KEY_lr);
    double loss = keys_integer(t->keys, KEY_loss) == LOSS_TEST ? m.loss_test : m.loss_train;
    if (step == 0) {
        r->initial_loss = t->previous = loss;
        t->previous_time = 0;
    }
    r->final_loss = loss;
    r->cap = time;
    if (!isfinite(loss) || loss > 1e6 * r->null_loss) {
        r->state = RUN_DIVERGED;
        return OK;
    }
    find_crossings(t, loss, time);
    const struct schedule_reading reading = {time, t->toy->B * m.attention, m.loss_train / m.null_train};
    const struct schedule_switch *s = schedule_at_evaluation(&t->schedule, &t->state, &reading);
    if (s)
        change(t, s, time);
    return keep(t, (double)step, time, &m);
}

/* Until every crossing is found, the cap, divergence or a request to stop. */
static enum status loop(struct training *t, const volatile int *stop)
{
    enum status rc = OK;
    struct result *r = t->result;
    int64_t cap = keys_integer(t->keys, KEY_steps), every = keys_integer(t->keys, KEY_eval_every), step = 0;
    TRY(evaluate(t, 0));
    while (step < cap && r->state != RUN_DIVERGED && (isnan(r->plateau) || t->next < FLOW_LEVELS)) {
        if (stop && *stop) {
            r->state = RUN_INTERRUPTED;
            break;
        }
        double loss;
        change_in_time(t, (double)step * keys_real(t->keys, KEY_lr));
        TRY(gradient(t, step, &loss));
        optimizer_update(&t->optimizer, t->gradient, t->toy->parameters);
        if (++step % every == 0 || step == cap)
            TRY(evaluate(t, step));
    }
    r->steps_done = (double)step;
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
    TRY(toy_create((int)keys_integer(k, KEY_T), (int)keys_integer(k, KEY_d), (int)keys_integer(k, KEY_B), keys_real(k, KEY_p), &t->toy));
    TRY(toy_start(t->toy, keys_integer(k, KEY_init) == INIT_GAUSSIAN, keys_integer(k, KEY_target) == TARGET_GAUSSIAN,
                  (uint64_t)keys_integer(k, KEY_seed)));
    t->toy->test_B = (int)schedule_last(&t->schedule, SCHEDULE_B, t->toy->B);
    TRY(optimizer_init(k, t->toy->count, sizeof(double), &t->optimizer));
    t->gradient = calloc(t->toy->count, sizeof *t->gradient);
    REQUIRE(t->gradient, ERR_MEMORY, "out of memory for a gradient of %zu numbers", t->toy->count);
done:
    return rc;
}

enum status run_toy(struct run_flow *tools, const struct keys *keys, const volatile int *stop, struct result *r,
                    struct trace *trace)
{
    enum status rc = OK;
    double begin = progress_clock();
    struct training t = {.keys = keys, .result = r, .trace = trace, .stride = 1};
    *r = (struct result){.keys = *keys, .state = RUN_CENSORED, .plateau = NAN};
    for (int i = 0; i < FLOW_LEVELS; i++)
        r->crossings[i] = NAN;
    t.schedule = schedule_of(keys_real(keys, KEY_schedule));
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        r->switched[i] = NAN;
    if (trace)
        trace_begin(trace, keys);
    TRY(prepare(&t, tools));
    double training = progress_clock();
    TRY(loop(&t, stop));
    double now = progress_clock();
    r->wall_s = now - begin;
    r->tokens_per_s = r->steps_done * keys_real(keys, KEY_batch) * keys_real(keys, KEY_T) / fmax(now - training, 1e-9);
done:
    toy_free(t.toy);
    optimizer_free(&t.optimizer);
    free(t.gradient);
    return rc;
}
