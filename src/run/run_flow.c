#include "run/run_flow.h"
#include "base/progress.h"
#include "models/start.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run_flow {
    struct flow_solver *solver;
    struct ode *ode;
    struct prediction_workspace *quadrature;
};

enum status run_flow_create(struct run_flow **tools)
{
    enum status rc = OK;
    struct run_flow *t = calloc(1, sizeof *t);
    REQUIRE(t, ERR_MEMORY, "out of memory for the flow's tools");
    TRY(flow_solver_create(&t->solver));
    TRY(ode_create(&t->ode));
    TRY(prediction_create(&t->quadrature));
done:
    if (rc != OK) {
        run_flow_free(t);
        t = NULL;
    }
    *tools = t;
    return rc;
}

void run_flow_free(struct run_flow *t)
{
    if (!t)
        return;
    flow_solver_free(t->solver);
    ode_free(t->ode);
    prediction_free(t->quadrature);
    free(t);
}

struct ode *run_flow_ode(struct run_flow *t)
{
    return t->ode;
}

static enum status draw_start(const struct keys *keys, struct flow_start *start)
{
    return start_reduced((int)keys_integer(keys, KEY_d), keys_integer(keys, KEY_init) == INIT_GAUSSIAN,
                         keys_integer(keys, KEY_target) == TARGET_GAUSSIAN, (uint64_t)keys_integer(keys, KEY_seed),
                         start);
}

enum status run_flow_optimum_problem(const struct keys *k, struct optimum_problem *q)
{
    *q = (struct optimum_problem){.T = keys_real(k, KEY_T),
                                  .d = keys_real(k, KEY_d),
                                  .B = keys_real(k, KEY_B),
                                  .metric = (enum metric)keys_integer(k, KEY_metric),
                                  .method = (enum method)keys_integer(k, KEY_method),
                                  .rtol = keys_real(k, KEY_rtol),
                                  .atol = keys_real(k, KEY_atol),
                                  .threshold = keys_real(k, KEY_threshold)};
    return draw_start(k, &q->start);
}

enum status run_flow_problem(const struct keys *keys, enum metric metric, struct flow *flow)
{
    struct flow_start start;
    if (run_flow_is_chain(keys))
        return error_set(ERR_INPUT, "hops=%g lean=%g: known of one attention whose scores begin at 0; leave them out",
                         keys_real(keys, KEY_hops), keys_real(keys, KEY_lean));
    enum status rc = draw_start(keys, &start);
    if (rc != OK)
        return rc;
    const struct schedule schedule = schedule_of(keys_real(keys, KEY_schedule));
    return flow_init_scheduled(keys_real(keys, KEY_T), keys_real(keys, KEY_d), keys_real(keys, KEY_B),
                               keys_real(keys, KEY_p), metric, &start, &schedule, flow);
}

static enum status record(void *context, const struct flow *f, double t, const double *y)
{
    struct flow_view v = flow_view_at(f, y);
    const double row[] = {
        t, flow_loss(f, y, LOSS_TRAIN), flow_loss(f, y, LOSS_TEST), v.w, v.w_repeated, v.u, v.delta_a, v.attention};
    return trace_add(context, row);
}

/* The flow of one attention from scores 0, and its predictions; those are for constant p and B. solution NULL: the
 * predictions alone. */
static enum status solve_single(struct run_flow *t, const struct keys *keys, enum metric metric,
                                const struct flow_request *q, struct flow_solution *solution, struct prediction *out)
{
    enum status rc = OK;
    struct flow flow = {0};
    TRY(run_flow_problem(keys, metric, &flow));
    if (solution)
        TRY(flow_solver_solve(t->solver, &flow, q, solution));
    if (!flow.schedule.n)
        prediction_compute(t->quadrature, &flow, q->loss, q->threshold, out);
done:
    return rc;
}

/* The same of a chain, whose closed form is for the usual threshold and for small ones alike: it ends with the jump. */
static enum status solve_chain(struct run_flow *t, const struct keys *keys, enum metric metric,
                               const struct flow_request *q, struct flow_solution *solution, struct prediction *out)
{
    enum status rc = OK;
    struct chain chain;
    struct flow_start start;
    const struct chain_request request = {.method = q->method,
                                          .rtol = q->rtol,
                                          .atol = q->atol,
                                          .threshold = q->threshold,
                                          .time = q->time,
                                          .all_crossings = q->all_crossings,
                                          .step = q->context ? run_flow_chain_record : NULL,
                                          .context = q->context};
    TRY(draw_start(keys, &start));
    TRY(run_flow_chain_problem(keys, metric, &start, &chain));
    if (keys_real(keys, KEY_init_scores) > 0) { /* any moves with the right sum may win then: no flow is known */
        for (int i = 0; i < FLOW_LEVELS && solution; i++)
            solution->crossings[i] = NAN;
        if (solution)
            solution->plateau = NAN, solution->null_loss = chain_null_loss(&chain);
        goto done;
    }
    if (solution)
        TRY(chain_solve(t->ode, &chain, &request, solution));
    rc = chain_closed(&chain, &out->chain);
    if (rc == ERR_SOLVER) /* no prediction, and no reason to end the run */
        rc = OK;
done:
    return rc;
}

/* q->context: the trace, or NULL. */
static enum status solve(struct run_flow *t, const struct keys *keys, enum metric metric, const struct flow_request *q,
                         struct flow_solution *solution, struct prediction *out)
{
    *out = prediction_none;
    return run_flow_is_chain(keys) ? solve_chain(t, keys, metric, q, solution, out)
                                   : solve_single(t, keys, metric, q, solution, out);
}

enum status run_flow(struct run_flow *t, const struct keys *keys, struct result *r, struct trace *trace)
{
    enum status rc = OK;
    double begin = progress_clock();
    struct flow_solution s;
    struct prediction predicted;
    struct flow_request q = {.loss = (enum loss)keys_integer(keys, KEY_loss),
                             .method = (enum method)keys_integer(keys, KEY_method),
                             .rtol = keys_real(keys, KEY_rtol),
                             .atol = keys_real(keys, KEY_atol),
                             .threshold = keys_real(keys, KEY_threshold),
                             .time = keys_real(keys, KEY_time),
                             .all_crossings = true,
                             .step = trace ? record : NULL,
                             .context = trace};
    if (trace)
        trace_begin(trace, keys);
    TRY(solve(t, keys, (enum metric)keys_integer(keys, KEY_metric), &q, &s, &predicted));
    *r = (struct result){.keys = *keys,
                         .state = isnan(s.plateau) ? RUN_CENSORED : RUN_EMERGED,
                         .plateau = s.plateau,
                         .cap = s.final_time,
                         .initial_loss = s.initial_loss,
                         .null_loss = s.null_loss,
                         .final_loss = s.final_loss,
                         .flow_plateau = NAN,
                         .predicted = predicted,
                         .solver = {s.counts.steps, s.counts.rhs_evals, s.counts.jac_evals, s.counts.error_test_fails}};
    memcpy(r->crossings, s.crossings, sizeof r->crossings);
    memcpy(r->switched, s.switched, sizeof r->switched);
    r->wall_s = progress_clock() - begin;
done:
    if (rc != OK) {
        struct text which = {0};
        keys_describe(keys, &which);
        error_prefix(rc, "%.200s", which.data ? which.data : "flow");
        text_free(&which);
    }
    return rc;
}

enum status run_flow_expect(struct run_flow *t, const struct keys *keys, enum metric metric,
                            struct flow_solution *solution, struct prediction *predicted)
{
    const struct flow_request q = {.loss = (enum loss)keys_integer(keys, KEY_loss),
                                   .method = METHOD_BDF,
                                   .rtol = 1e-8,
                                   .atol = 1e-11,
                                   .threshold = keys_real(keys, KEY_threshold),
                                   .all_crossings = true};
    enum status rc = solve(t, keys, metric, &q, solution, predicted);
    if (rc != ERR_SOLVER || !solution)
        return rc;
    solution->plateau = NAN;
    for (int i = 0; i < FLOW_LEVELS; i++)
        solution->crossings[i] = NAN;
    return solve(t, keys, metric, &q, NULL, predicted);
}
