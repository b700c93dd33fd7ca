/* Integration of small systems of ordinary differential equations with SUNDIALS CVODE. The only interface to SUNDIALS.
 *
 *     y' = f(t, y),   y in R^dim,   with up to two functions g(t, y) whose roots end a step
 *
 * Whoever integrates takes step after step: `ode_begin` puts a problem in place, `ode_step` goes on by one step of the
 * integrator (or to a root inside it), `ode_at` reads the interpolant of the last step. One struct ode serves any
 * number of problems one after the other; it keeps a CVODE memory for each shape of problem, made at first use, so
 * that nothing is allocated later. It is not shared between threads. */
#ifndef ODE_H
#define ODE_H
#include "base/error.h"
#include "base/keys.h"
#include <stdbool.h>

enum { ODE_ROOTS = 2 };

struct ode_problem {
    int dim;
    enum method method;
    double rtol, atol;
    /* dy[dim] is overwritten. false: f is not defined there, and the integrator tries a smaller step. */
    bool (*rhs)(void *context, double t, const double *y, double *dy);
    /* J[i + dim j] = d f_i/d y_j, column-major dim x dim, overwritten. NULL: by differences. */
    void (*jacobian)(void *context, double t, const double *y, double *J);
    int roots;                                                         /* 0 .. ODE_ROOTS */
    void (*root)(void *context, double t, const double *y, double *g); /* g[roots] is overwritten */
    void *context;                                                     /* borrowed, until the next ode_begin */
};

struct ode_counts {
    long steps, rhs_evals, jac_evals, error_test_fails;
};

struct ode; /* opaque */

/* ERR_SOLVER / ERR_MEMORY with CVODE's reason. Release with ode_free (NULL is fine). */
enum status ode_create(struct ode **ode);
void ode_free(struct ode *ode);
/* Begins a problem at time 0 and y[dim] = start. Errors as above. */
enum status ode_begin(struct ode *ode, const struct ode_problem *problem, const double *start);
/* The state: [dim], borrowed, overwritten by each step. Whoever changes it calls ode_restart. */
double *ode_state(struct ode *ode);
/* One step from *t, which becomes the time reached; `scale` is a time of the size that matters, and sets the direction
 * of the first step only. found[i]: root i ended the step (overwritten; all false else). ERR_SOLVER. */
enum status ode_step(struct ode *ode, double scale, double *t, bool found[ODE_ROOTS]);
/* The state at time t inside the last step: [dim], borrowed, valid until the next call. ERR_SOLVER. */
enum status ode_at(struct ode *ode, double t, const double **y);
/* The time inside the last step, from t0 to t1, at which value(context, y) falls to `level`: it was v0 > level at t0
 * and is v1 <= level at t1. From the interpolant, in *t. ERR_SOLVER. */
enum status ode_falls_to(struct ode *ode, double (*value)(void *context, const double *y), void *context, double level,
                         const double t01[2], const double v01[2], double *t);
/* Goes on from the present state as if the problem began at time t: f or the state has made a jump. ERR_SOLVER. */
enum status ode_restart(struct ode *ode, double t);
/* Adds the counts since the last begin or restart to *counts. ERR_SOLVER. */
enum status ode_count(struct ode *ode, struct ode_counts *counts);
/* "6.4.1": the library's version. */
const char *ode_version(void);

#endif
