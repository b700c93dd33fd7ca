/* One run of the reduced flow: keys -> problem -> integration -> result and trace. */
#ifndef RUN_FLOW_H
#define RUN_FLOW_H
#include "models/chain.h"
#include "models/optimum.h"
#include "run/result.h"
#include "run/trace.h"

/* Solvers and workspaces, made once and used for any number of runs by one thread. Opaque. */
struct run_flow;
enum status run_flow_create(struct run_flow **tools);
void run_flow_free(struct run_flow *tools);
/* Overwrites *result. trace may be NULL; else rows are appended, one per solver step. */
enum status run_flow(struct run_flow *tools, const struct keys *keys, struct result *result, struct trace *trace);
/* The flow and the predictions for the start and problem of `keys` (flow or toy), metric and loss as given, into
 * *solution and *predicted: what a toy run is compared with. solution NULL: the predictions alone, and nothing is
 * integrated. A flow that CVODE cannot integrate is no error here, for whoever asks goes on without it: its plateau and
 * crossings are NaN. */
enum status run_flow_expect(struct run_flow *tools, const struct keys *keys, enum metric metric,
                            struct flow_solution *solution, struct prediction *predicted);
/* What integrates the other flows: chains, and the reduced flow of Transformers. Borrowed. */
struct ode *run_flow_ode(struct run_flow *tools);

/* Is the run of `keys` (flow or toy) a chain of attentions, or one whose scores do not begin at 0 (chain.h)? */
bool run_flow_is_chain(const struct keys *keys);
/* Which hops are held at their right move (the key clamp). */
void run_flow_held(const struct keys *keys, bool held[CHAIN_HOPS]);
/* A chain that leans the wrong way at the start, so that none of its levels is ever reached (chain_hopeless). */
bool run_flow_never(const struct keys *keys);
/* The scores that lean and tilt say. */
void run_flow_lean(const struct keys *keys, double D[CHAIN_HOPS]);
/* The chain of `keys` with that start of W. Scores that a toy draws (init_scores) are left out. ERR_INPUT. */
enum status run_flow_chain_problem(const struct keys *keys, enum metric metric, const struct flow_start *start,
                                   struct chain *chain);
/* A row of its trace: chain_request.step, with the trace as context. */
enum status run_flow_chain_record(void *context, const struct chain *c, double t, const double *y);

/* The flow of `keys` whose best schedule is asked for; p and schedule of `keys` are not read. */
enum status run_flow_optimum_problem(const struct keys *keys, struct optimum_problem *problem);
/* The problem of `keys` with its start drawn (flow or toy). ERR_INPUT for a chain. */
enum status run_flow_problem(const struct keys *keys, enum metric metric, struct flow *flow);

#endif
