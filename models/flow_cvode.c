#include "flow_cvode.h"
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

/* One CVODE memory per (dimension, method): CVODE cannot change either. Made at first use. */
struct engine {
    void *cvode;
    N_Vector y, dky;
    SUNMatrix matrix;
    SUNLinearSolver linear;
};

/* What the callbacks see. */
struct problem {
    const struct flow *flow;
    enum loss loss;
    double level; /* absolute loss of the threshold */
};

struct flow_cvode {
    SUNContext context;
    struct engine engines[2][FLOW_DIM + 1];
    struct problem problem;
};

static int rhs(sunrealtype tau, N_Vector y, N_Vector dy, void *data)
{
    (void)tau;
    const struct flow *f = ((struct problem *)data)->flow;
    double *out = N_VGetArrayPointer(dy), scale = 1 / f->lambda0;
    flow_rhs(f, N_VGetArrayPointer(y), out);
    for (int i = 0; i < f->dim; i++)
        out[i] *= scale;
    return isfinite(out[f->dim - 1]) ? 0 : 1; /* 1: recoverable, CVODE tries a smaller step */
}

static int jacobian(sunrealtype tau, N_Vector y, N_Vector dy, SUNMatrix J, void *data, N_Vector t1, N_Vector t2, N_Vector t3)
{
    (void)tau, (void)dy, (void)t1, (void)t2, (void)t3;
    const struct flow *f = ((struct problem *)data)->flow;
    double *out = SUNDenseMatrix_Data(J), scale = 1 / f->lambda0;
    flow_jacobian(f, N_VGetArrayPointer(y), out);
    for (int i = 0; i < f->dim * f->dim; i++)
        out[i] *= scale;
    return 0;
}

static int root(sunrealtype tau, N_Vector y, sunrealtype *g, void *data)
{
    (void)tau;
    const struct problem *p = data;
    g[0] = flow_loss(p->flow, N_VGetArrayPointer(y), p->loss) - p->level;
    return 0;
}

/* The operations on vectors that CVODE spends its time in, for at most FLOW_DIM numbers: what the library does, without its
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

static enum status failed(const char *call, int flag)
{
    char *name = CVodeGetReturnFlagName(flag);
    enum status rc = error_set(ERR_SOLVER, "CVODE: %s failed: %s; try another method, rtol, atol or threshold", call, name ? name : "?");
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
static void silent(int code, const char *module, const char *function, char *message, void *data)
{
    (void)code, (void)module, (void)function, (void)message, (void)data;
}

const char *flow_cvode_version(void)
{
    static char version[32];
    if (!version[0])
        SUNDIALSGetVersion(version, sizeof version);
    return version;
}

double flow_cvode_level(int i)
{
    return 0.9 - 0.1 * i;
}

enum status flow_cvode_create(struct flow_cvode **solver)
{
    struct flow_cvode *s = calloc(1, sizeof *s);
    if (!s)
        return error_set(ERR_MEMORY, "out of memory for the ODE solver");
    if (SUNContext_Create(SUN_COMM_NULL, &s->context) != 0) {
        free(s);
        return error_set(ERR_SOLVER, "SUNDIALS: cannot create a context");
    }
    *solver = s;
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
    *e = (struct engine){0};
}

void flow_cvode_free(struct flow_cvode *s)
{
    if (!s)
        return;
    for (int method = 0; method < 2; method++) {
        for (int dim = 0; dim <= FLOW_DIM; dim++)
            engine_free(&s->engines[method][dim]);
    }
    SUNContext_Free(&s->context);
    free(s);
}

static enum status engine_create(struct flow_cvode *s, enum method method, int dim, struct engine *e)
{
    enum status rc = OK;
    e->y = vector_create(dim, s->context);
    e->dky = vector_create(dim, s->context);
    e->matrix = SUNDenseMatrix(dim, dim, s->context);
    REQUIRE(e->y && e->dky && e->matrix, ERR_MEMORY, "out of memory for the ODE solver");
    e->linear = SUNLinSol_Dense(e->y, e->matrix, s->context);
    e->cvode = CVodeCreate(method == METHOD_BDF ? CV_BDF : CV_ADAMS, s->context);
    REQUIRE(e->linear && e->cvode, ERR_MEMORY, "out of memory for the ODE solver");
    N_VConst(0, e->y);
    CV(CVodeInit(e->cvode, rhs, 0, e->y));
#if SUNDIALS_VERSION_MAJOR < 7
    CV(CVodeSetErrHandlerFn(e->cvode, silent, NULL));
#endif
    (void)silent;
    CV(CVodeSStolerances(e->cvode, 1e-8, 1e-11));
    CV(CVodeSetLinearSolver(e->cvode, e->linear, e->matrix));
    CV(CVodeSetJacFn(e->cvode, jacobian));
    CV(CVodeSetUserData(e->cvode, &s->problem));
    CV(CVodeRootInit(e->cvode, 1, root));
    CV(CVodeSetNoInactiveRootWarn(e->cvode));
    CV(CVodeSetMaxNumSteps(e->cvode, MAX_STEPS));
done:
    if (rc != OK)
        engine_free(e);
    return rc;
}

/* Loss at scaled time tau inside the last step, from CVODE's interpolant. */
static enum status dense_loss(struct flow_cvode *s, struct engine *e, double tau, double *loss)
{
    int flag = CVodeGetDky(e->cvode, tau, 0, e->dky);
    if (flag < 0)
        return failed("CVodeGetDky", flag);
    *loss = flow_loss(s->problem.flow, N_VGetArrayPointer(e->dky), s->problem.loss);
    return OK;
}

/* The time in [a, b] at which the loss falls to `level`, fa > 0 >= fb its values less the level there. Regula falsi with the
 * Illinois correction: keeps the bracket, converges superlinearly on this smooth function. */
static enum status dense_crossing(struct flow_cvode *s, struct engine *e, double level, double a, double fa, double b,
                                  double fb, double *tau)
{
    int side = 0;
    for (int i = 0; i < 100 && b - a > 1e-13 * b && fb != 0; i++) {
        double c = b - fb * (b - a) / (fb - fa), fc = 0;
        enum status rc = dense_loss(s, e, c, &fc);
        if (rc != OK)
            return rc;
        fc -= level;
        if (fabs(fc) <= 1e-14 * level) {
            b = c;
            break;
        }
        if (fc > 0) {
            a = c, fa = fc;
            fb *= side == 1 ? 0.5 : 1;
            side = 1;
        } else {
            b = c, fb = fc;
            fa *= side == -1 ? 0.5 : 1;
            side = -1;
        }
    }
    *tau = b;
    return OK;
}

/* All crossings passed between (tau0, loss0) and (tau1, loss1). *next is the first level not yet found. */
static enum status find_crossings(struct flow_cvode *s, struct engine *e, double tau0, double loss0, double tau1,
                                  double loss1, int *next, struct flow_solution *out)
{
    while (*next < FLOW_LEVELS) {
        double level = flow_cvode_level(*next) * out->null_loss, tau;
        if (!(loss1 <= level))
            break;
        enum status rc = dense_crossing(s, e, level, tau0, loss0 - level, tau1, loss1 - level, &tau);
        if (rc != OK)
            return rc;
        out->crossings[(*next)++] = tau / s->problem.flow->lambda0;
    }
    return OK;
}

static enum status begin(struct flow_cvode *s, const struct flow *f, const struct flow_request *q, struct engine *e,
                         struct flow_solution *out)
{
    enum status rc = OK;
    s->problem = (struct problem){.flow = f, .loss = q->loss};
    *out = (struct flow_solution){.plateau = NAN};
    out->initial_loss = flow_loss(f, f->y0, q->loss);
    out->null_loss = flow_null_loss(f, q->loss);
    s->problem.level = q->threshold * out->null_loss;
    for (int i = 0; i < FLOW_LEVELS; i++)
        out->crossings[i] = NAN;
    if (!e->cvode)
        TRY(engine_create(s, q->method, f->dim, e));
    for (int i = 0; i < f->dim; i++)
        N_VGetArrayPointer(e->y)[i] = f->y0[i];
    CV(CVodeReInit(e->cvode, 0, e->y));
    CV(CVodeSStolerances(e->cvode, q->rtol, q->atol));
done:
    return rc;
}

static enum status statistics(struct engine *e, struct flow_solution *out)
{
    enum status rc = OK;
    CV(CVodeGetNumSteps(e->cvode, &out->steps));
    CV(CVodeGetNumRhsEvals(e->cvode, &out->rhs_evals));
    CV(CVodeGetNumJacEvals(e->cvode, &out->jac_evals));
    CV(CVodeGetNumErrTestFails(e->cvode, &out->error_test_fails));
done:
    return rc;
}

enum status flow_cvode_solve(struct flow_cvode *s, const struct flow *f, const struct flow_request *q,
                             struct flow_solution *out)
{
    enum status rc = OK;
    struct engine *e = &s->engines[q->method][f->dim];
    TRY(begin(s, f, q, e, out));
    double tau = 0, loss = out->initial_loss, *y = N_VGetArrayPointer(e->y);
    int next = q->all_crossings ? 0 : FLOW_LEVELS;
    while (next < FLOW_LEVELS && loss <= flow_cvode_level(next) * out->null_loss)
        out->crossings[next++] = 0; /* a start already below a level */
    if (loss <= s->problem.level)
        out->plateau = 0;
    if (q->step)
        TRY(q->step(q->context, f, 0, y));
    for (long i = 0; isnan(out->plateau) || next < FLOW_LEVELS || tau < q->time * f->lambda0; i++) {
        REQUIRE(i < MAX_STEPS, ERR_SOLVER, "CVODE: not done after %d steps at time %g, loss %g; loosen rtol and atol",
                MAX_STEPS, tau / f->lambda0, loss);
        double tau0 = tau, loss0 = loss;
        sunrealtype reached;
        int flag = CVode(e->cvode, 1, e->y, &reached, CV_ONE_STEP); /* the 1 only scales the first step */
        if (flag < 0)
            rc = failed("CVode", flag);
        TRY(rc);
        REQUIRE(reached > tau0 || flag == CV_ROOT_RETURN, ERR_SOLVER, "CVODE: no progress at time %g", tau / f->lambda0);
        tau = reached;
        loss = flow_loss(f, y, q->loss);
        if (flag == CV_ROOT_RETURN && isnan(out->plateau))
            out->plateau = tau / f->lambda0;
        TRY(find_crossings(s, e, tau0, loss0, tau, loss, &next, out));
        if (q->step)
            TRY(q->step(q->context, f, tau / f->lambda0, y));
    }
    for (int i = 0; i < f->dim; i++)
        out->y[i] = y[i];
    out->final_loss = loss;
    out->final_time = tau / f->lambda0;
    TRY(statistics(e, out));
done:
    return rc;
}
