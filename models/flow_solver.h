/* Integration of the reduced flow with CVODE (ode.h).
 *
 * Time is scaled by lambda_0 (flow.h) at the start, so that the plateau lasts about 1.3 whatever the problem. A switch
 * of the flow's schedule ends the integration at the very point where its condition comes true (a root), and a new one
 * begins there. One solver serves any number of problems one after the other and allocates nothing per solve; it is not
 * shared between threads. */
#ifndef FLOW_SOLVER_H
#define FLOW_SOLVER_H
#include "models/flow.h"
#include "models/ode.h"

struct flow_solver; /* opaque */

enum { FLOW_LEVELS = 9 };
/* Level i < FLOW_LEVELS: 0.9, 0.8 .. 0.1, fractions of the null loss. */
double flow_solver_level(int i);

struct flow_request {
    enum loss loss; /* the loss whose crossings are asked for */
    enum method method;
    double rtol, atol;
    double threshold;   /* fraction of the null loss that ends the plateau, in (0,1) */
    double time;        /* integrate at least this far */
    bool all_crossings; /* also find the FLOW_LEVELS crossings */
    /* Called at the start and after every step with the flow as it is then (p, B), time t and state y, if not NULL; a
     * status other than OK stops. */
    enum status (*step)(void *context, const struct flow *f, double t, const double *y);
    void *context;
};

struct flow_solution {
    double plateau;                /* first time with loss <= threshold x null loss */
    double crossings[FLOW_LEVELS]; /* the same for each flow_solver_level; NaN if not asked for */
    double initial_loss, null_loss, final_loss, final_time;
    double switched[SCHEDULE_SWITCHES]; /* when each switch happened; NaN: it did not, before the end */
    double y[FLOW_DIM];                 /* final state */
    struct ode_counts counts;
};

/* ERR_SOLVER / ERR_MEMORY with CVODE's reason. Release with flow_solver_free (NULL is fine). */
enum status flow_solver_create(struct flow_solver **solver);
void flow_solver_free(struct flow_solver *solver);
/* Integrates `f` from its start until everything requested was found. Overwrites *solution. */
enum status flow_solver_solve(struct flow_solver *solver, const struct flow *f, const struct flow_request *request,
                              struct flow_solution *solution);

#endif
