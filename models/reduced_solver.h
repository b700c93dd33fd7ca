/* Integration of the reduced flow of a Transformer (reduced.h) with CVODE, and when it emerges.
 *
 * The right-hand side is smooth for t >= 0 and the crossings are read off the integrator's interpolant. */
#ifndef REDUCED_SOLVER_H
#define REDUCED_SOLVER_H
#include "models/flow_solver.h"
#include "models/reduced.h"

struct reduced_request {
    double threshold;   /* fraction of the null loss that ends the plateau, in (0,1) */
    double cap;         /* steps: not integrated further */
    double rtol, atol;  /* 1e-8 and 1e-10 give six digits, 1e-6 five */
    bool all_crossings; /* go on to the last of flow_solver_level */
    /* Called at the start and after every step of the integrator, if not NULL; a status other than OK stops. */
    enum status (*step)(void *context, const struct reduced *r, double t, const struct reduced_state *y);
    void *context;
};

struct reduced_solution {
    double plateau; /* first time with loss <= threshold; NaN: not before the cap, or q has died out (q2 < 1e-9) */
    double s50;     /* first time with half of the attention on the relevant tokens; NaN if the loss crosses first */
    double crossings[FLOW_LEVELS]; /* of flow_solver_level; NaN: not, or not asked for */
    double initial_loss, final_loss, final_time;
    struct ode_counts counts;
};

/* Overwrites *out. ERR_SOLVER, ERR_MEMORY. */
enum status reduced_solver_solve(struct ode *ode, const struct reduced *r, const struct reduced_request *request,
                                 struct reduced_solution *out);

#endif
