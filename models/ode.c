#include "models/ode.h"
#include "base/list.h"
#include "models/root.h"
#include <cvode/cvode.h>
#include <math.h>
#include <nvector/nvector_serial.h>
#include <stdlib.h>
#include <sundials/sundials_version.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

#if !HAVE_DECL_SUN_COMM_NULL
#define SUN_COMM_NULL NULL
#endif

enum { MAX_STEPS = 2000000 };

/* One CVODE memory for each shape of problem, which CVODE cannot change. */
struct engine {
    int dim, roots;
    enum method method;
    bool differences; /* the Jacobian is made of differences */
    void *cvode;
    N_Vector y, dky;
    SUNMatrix matrix;
    SUNLinearSolver linear;
};

struct ode {
    SUNContext context;
    struct engine *engines; /* owned: [n] */
    size_t n, allocated;
    size_t engine; /* of the present problem */
    struct ode_problem problem;
};

/* ---- what CVODE calls ---- */

static int rhs(sunrealtype t, N_Vector y, N_Vector dy, void *data)
{
    const struct ode_problem *p = &((struct ode *)data)->problem;
    return p->rhs(p->context, t, N_VGetArrayPointer(y), N_VGetArrayPointer(dy)) ? 0 : 1; /* 1: recoverable */
}

static int jacobian(sunrealtype t, N_Vector y, N_Vector dy, SUNMatrix J, void *data, N_Vector t1, N_Vector t2,
                    N_Vector t3)
{
    (void)dy, (void)t1, (void)t2, (void)t3;
    const struct ode_problem *p = &((struct ode *)data)->problem;
    p->jacobian(p->context, t, N_VGetArrayPointer(y), SUNDenseMatrix_Data(J));
    return 0;
}

static int root(sunrealtype t, N_Vector y, sunrealtype *g, void *data)
{
    const struct ode_problem *p = &((struct ode *)data)->problem;
    p->root(p->context, t, N_VGetArrayPointer(y), g);
    return 0;
}

/* The operations on vectors that CVODE spends its time in, for a few numbers: what the library does, without its
 * dispatch over special cases (which costs more than these sums, the more so in Debian's unoptimised build). */
static void vector_sum(sunrealtype a, N_Vector x, sunrealtype b, N_Vector y, N_Vector z)
{
    const double *from = NV_DATA_S(x), *other = NV_DATA_S(y);
    double *to = NV_DATA_S(z);
    for (sunindextype i = 0; i < NV_LENGTH_S(z); i++)
        to[i] = a * from[i] + b * other[i];
}

static void vector_scale(sunrealtype a, N_Vector x, N_Vector z)
{
    const double *from = NV_DATA_S(x);
    double *to = NV_DATA_S(z);
    for (sunindextype i = 0; i < NV_LENGTH_S(z); i++)
        to[i] = a * from[i];
}

static void vector_fill(sunrealtype a, N_Vector z)
{
    for (sunindextype i = 0; i < NV_LENGTH_S(z); i++)
        NV_DATA_S(z)[i] = a;
}

/* sqrt( sum (x w)^2 / n ) */
static sunrealtype vector_norm(N_Vector x, N_Vector w)
{
    double sum = 0;
    for (sunindextype i = 0; i < NV_LENGTH_S(x); i++)
        sum += pow(NV_DATA_S(x)[i] * NV_DATA_S(w)[i], 2);
    return sqrt(sum / (double)NV_LENGTH_S(x));
}

static N_Vector vector_create(int dim, SUNContext context)
{
    N_Vector y = N_VNew_Serial(dim, context);
    if (y) { /* every vector that CVODE makes is a clone of this one, operations included */
        y->ops->nvlinearsum = vector_sum;
        y->ops->nvscale = vector_scale;
        y->ops->nvconst = vector_fill;
        y->ops->nvwrmsnorm = vector_norm;
    }
    return y;
}

/* ---- errors ---- */

static enum status failed(const char *call, int flag)
{
    char *name = CVodeGetReturnFlagName(flag);
    enum status rc = error_set(ERR_SOLVER, "CVODE: %s failed: %s; try another method, rtol, atol or threshold", call,
                               name ? name : "?");
    free(name);
    return rc;
}

#define CV(call)                                                                                                       \
    do {                                                                                                               \
        int flag_ = (call);                                                                                            \
        if (flag_ < 0) {                                                                                               \
            rc = failed(#call, flag_);                                                                                 \
            goto done;                                                                                                 \
        }                                                                                                              \
    } while (0)

/* Messages of CVODE come back as return flags; nothing is printed. */
#if SUNDIALS_VERSION_MAJOR < 7
static void silent(int code, const char *module, const char *function, char *message, void *data)
{
    (void)code, (void)module, (void)function, (void)message, (void)data;
}

static int silence(void *cvode, SUNContext context)
{
    (void)context;
    return CVodeSetErrHandlerFn(cvode, silent, NULL);
}
#else
static int silence(void *cvode, SUNContext context)
{
    (void)cvode;
    return SUNContext_ClearErrHandlers(context);
}
#endif

const char *ode_version(void)
{
    static char version[32];
    if (!version[0])
        SUNDIALSGetVersion(version, sizeof version);
    return version;
}

/* ---- engines ---- */

enum status ode_create(struct ode **ode)
{
    struct ode *o = calloc(1, sizeof *o);
    if (!o)
        return error_set(ERR_MEMORY, "out of memory for the ODE solver");
    if (SUNContext_Create(SUN_COMM_NULL, &o->context) != 0) {
        free(o);
        return error_set(ERR_SOLVER, "SUNDIALS: cannot create a context");
    }
    *ode = o;
    return OK;
}

static void engine_free(struct engine *e)
{
    if (e->cvode)
        CVodeFree(&e->cvode);
    if (e->linear)
        SUNLinSolFree(e->linear);
    if (e->matrix)
        SUNMatDestroy(e->matrix);
    if (e->dky)
        N_VDestroy(e->dky);
    if (e->y)
        N_VDestroy(e->y);
}

void ode_free(struct ode *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n; i++)
        engine_free(&o->engines[i]);
    free(o->engines);
    SUNContext_Free(&o->context);
    free(o);
}

static enum status engine_create(struct ode *o, struct engine *e)
{
    enum status rc = OK;
    e->y = vector_create(e->dim, o->context);
    e->dky = vector_create(e->dim, o->context);
    e->matrix = SUNDenseMatrix(e->dim, e->dim, o->context);
    REQUIRE(e->y && e->dky && e->matrix, ERR_MEMORY, "out of memory for the ODE solver");
    e->linear = SUNLinSol_Dense(e->y, e->matrix, o->context);
    e->cvode = CVodeCreate(e->method == METHOD_BDF ? CV_BDF : CV_ADAMS, o->context);
    REQUIRE(e->linear && e->cvode, ERR_MEMORY, "out of memory for the ODE solver");
    N_VConst(0, e->y);
    CV(CVodeInit(e->cvode, rhs, 0, e->y));
    CV(silence(e->cvode, o->context));
    CV(CVodeSStolerances(e->cvode, 1e-8, 1e-11));
    CV(CVodeSetLinearSolver(e->cvode, e->linear, e->matrix));
    if (!e->differences)
        CV(CVodeSetJacFn(e->cvode, jacobian));
    CV(CVodeSetUserData(e->cvode, o));
    CV(CVodeRootInit(e->cvode, e->roots, e->roots ? root : NULL));
    CV(CVodeSetNoInactiveRootWarn(e->cvode));
    CV(CVodeSetMaxNumSteps(e->cvode, MAX_STEPS));
done:
    return rc;
}

/* The engine for o->problem: an old one, or a new one. */
static enum status choose_engine(struct ode *o)
{
    const struct ode_problem *p = &o->problem;
    struct engine new = {.dim = p->dim, .roots = p->roots, .method = p->method, .differences = p->jacobian == NULL};
    for (o->engine = 0; o->engine < o->n; o->engine++) {
        const struct engine *e = &o->engines[o->engine];
        if (e->dim == new.dim && e->roots == new.roots && e->method == new.method && e->differences == new.differences)
            return OK;
    }
    enum status rc = list_room(&o->engines, o->n, &o->allocated, sizeof *o->engines, "ODE solvers");
    if (rc == OK)
        rc = engine_create(o, &new);
    if (rc == OK)
        o->engines[o->n++] = new;
    else
        engine_free(&new);
    return rc;
}

/* ---- integration ---- */

enum status ode_begin(struct ode *o, const struct ode_problem *problem, const double *start)
{
    enum status rc = OK;
    o->problem = *problem;
    TRY(choose_engine(o));
    struct engine *e = &o->engines[o->engine];
    for (int i = 0; i < e->dim; i++)
        N_VGetArrayPointer(e->y)[i] = start[i];
    CV(CVodeReInit(e->cvode, 0, e->y));
    CV(CVodeSStolerances(e->cvode, problem->rtol, problem->atol));
done:
    return rc;
}

double *ode_state(struct ode *o)
{
    return N_VGetArrayPointer(o->engines[o->engine].y);
}

enum status ode_step(struct ode *o, double scale, double *t, bool found[ODE_ROOTS])
{
    enum status rc = OK;
    struct engine *e = &o->engines[o->engine];
    const double before = *t;
    sunrealtype reached;
    int roots[ODE_ROOTS] = {0};
    const int flag = CVode(e->cvode, before + scale, e->y, &reached, CV_ONE_STEP);
    if (flag < 0)
        return failed("CVode", flag);
    REQUIRE(reached > before || flag == CV_ROOT_RETURN, ERR_SOLVER, "CVODE: no progress at time %g", before);
    if (flag == CV_ROOT_RETURN)
        CV(CVodeGetRootInfo(e->cvode, roots));
    *t = reached;
done:
    for (int i = 0; i < ODE_ROOTS; i++)
        found[i] = rc == OK && roots[i];
    return rc;
}

enum status ode_at(struct ode *o, double t, const double **y)
{
    struct engine *e = &o->engines[o->engine];
    const int flag = CVodeGetDky(e->cvode, t, 0, e->dky);
    *y = N_VGetArrayPointer(e->dky);
    return flag < 0 ? failed("CVodeGetDky", flag) : OK;
}

struct fall {
    struct ode *ode;
    double (*value)(void *context, const double *y);
    void *context;
    double level;
};

static enum status above_level(void *context, double t, double *above)
{
    const struct fall *f = context;
    const double *y;
    enum status rc = ode_at(f->ode, t, &y);
    if (rc == OK)
        *above = f->value(f->context, y) - f->level;
    return rc;
}

enum status ode_falls_to(struct ode *o, double (*value)(void *context, const double *y), void *context, double level,
                         const double t01[2], const double v01[2], double *t)
{
    struct fall fall = {o, value, context, level};
    struct root r = {.f = above_level,
                     .context = &fall,
                     .a = t01[0],
                     .fa = v01[0] - level,
                     .b = t01[1],
                     .fb = v01[1] - level,
                     .rtol = 1e-13,
                     .ftol = 1e-14 * fabs(level),
                     .most = 100};
    enum status rc = root_find(&r);
    *t = r.b;
    return rc;
}

enum status ode_restart(struct ode *o, double t)
{
    struct engine *e = &o->engines[o->engine];
    const int flag = CVodeReInit(e->cvode, t, e->y);
    return flag < 0 ? failed("CVodeReInit", flag) : OK;
}

enum status ode_count(struct ode *o, struct ode_counts *counts)
{
    enum status rc = OK;
    void *cvode = o->engines[o->engine].cvode;
    struct ode_counts now;
    CV(CVodeGetNumSteps(cvode, &now.steps));
    CV(CVodeGetNumRhsEvals(cvode, &now.rhs_evals));
    CV(CVodeGetNumJacEvals(cvode, &now.jac_evals));
    CV(CVodeGetNumErrTestFails(cvode, &now.error_test_fails));
    counts->steps += now.steps, counts->rhs_evals += now.rhs_evals, counts->jac_evals += now.jac_evals;
    counts->error_test_fails += now.error_test_fails;
done:
    return rc;
}
