#include "models/flow_cvode.h"
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

/* One CVODE memory per (dimension, method, whether there is a second root, that of a switch): CVODE cannot change
 * these. Made at first use. */
struct engine {
    void *cvode;
    N_Vector y, dky;
    SUNMatrix matrix;
    SUNLinearSolver linear;
};

/* What the callbacks see. */
struct problem {
    struct flow flow; /* as it is now */
    size_t next;      /* switches done */
    double rate;      /* scaled time over time */
    enum loss loss;
    double level; /* absolute loss of the threshold */
    bool found;   /* the loss has been there */
};

struct flow_cvode {
    SUNContext context;
    struct engine engines[2][2][FLOW_DIM + 1];
    struct problem problem;
};

static int rhs(sunrealtype tau, N_Vector y, N_Vector dy, void *data)
{
    (void)tau;
    const struct problem *p = data;
    const struct flow *f = &p->flow;
    double *out = N_VGetArrayPointer(dy), scale = 1 / p->rate;
    flow_rhs(f, N_VGetArrayPointer(y), out);
    for (int i = 0; i < f->dim; i++)
        out[i] *= scale;
    return isfinite(out[f->dim - 1]) ? 0 : 1; /* 1: recoverable, CVODE tries a smaller step */
}

static int jacobian(sunrealtype tau, N_Vector y, N_Vector dy, SUNMatrix J, void *data, N_Vector t1, N_Vector t2,
                    N_Vector t3)
{
    (void)tau, (void)dy, (void)t1, (void)t2, (void)t3;
    const struct problem *p = data;
    const struct flow *f = &p->flow;
    double *out = SUNDenseMatrix_Data(J), scale = 1 / p->rate;
    flow_jacobian(f, N_VGetArrayPointer(y), out);
    for (int i = 0; i < f->dim * f->dim; i++)
        out[i] *= scale;
    return 0;
}

/* Once found, the threshold is no root any more: where the loss is so flat that it keeps its value, to the last digit,
 * just beyond the root, CVODE would refuse to go on. */
static int root(sunrealtype tau, N_Vector y, sunrealtype *g, void *data)
{
    (void)tau;
    const struct problem *p = data;
    g[0] = p->found ? 1 : flow_loss(&p->flow, N_VGetArrayPointer(y), p->loss) - p->level;
    return 0;
}

/* How far the next switch is due: negative before. After the last one, constant. */
static double beyond(const struct problem *p, double tau, const double *y)
{
    const struct schedule *s = &p->flow.schedule;
    return p->next < s->n ? flow_beyond(&p->flow, &s->list[p->next], tau / p->rate, y) : -1;
}

static int two_roots(sunrealtype tau, N_Vector y, sunrealtype *g, void *data)
{
    g[1] = beyond(data, tau, N_VGetArrayPointer(y));
    return root(tau, y, g, data);
}

/* The operations on vectors that CVODE spends its time in, for at most FLOW_DIM numbers: what the library does, without
 * its dispatch over special cases (which costs more than these sums, the more so in Debian's unoptimised build). */
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
    struct engine *all = &s->engines[0][0][0];
    for (size_t i = 0; i < sizeof s->engines / sizeof *all; i++)
        engine_free(&all[i]);
    SUNContext_Free(&s->context);
    free(s);
}

static enum status engine_create(struct flow_cvode *s, enum method method, struct engine *e)
{
    enum status rc = OK;
    const int dim = s->problem.flow.dim;
    e->y = vector_create(dim, s->context);
    e->dky = vector_create(dim, s->context);
    e->matrix = SUNDenseMatrix(dim, dim, s->context);
    REQUIRE(e->y && e->dky && e->matrix, ERR_MEMORY, "out of memory for the ODE solver");
    e->linear = SUNLinSol_Dense(e->y, e->matrix, s->context);
    e->cvode = CVodeCreate(method == METHOD_BDF ? CV_BDF : CV_ADAMS, s->context);
    REQUIRE(e->linear && e->cvode, ERR_MEMORY, "out of memory for the ODE solver");
    N_VConst(0, e->y);
    CV(CVodeInit(e->cvode, rhs, 0, e->y));
    CV(silence(e->cvode, s->context));
    CV(CVodeSStolerances(e->cvode, 1e-8, 1e-11));
    CV(CVodeSetLinearSolver(e->cvode, e->linear, e->matrix));
    CV(CVodeSetJacFn(e->cvode, jacobian));
    CV(CVodeSetUserData(e->cvode, &s->problem));
    CV(s->problem.flow.schedule.n ? CVodeRootInit(e->cvode, 2, two_roots) : CVodeRootInit(e->cvode, 1, root));
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
    *loss = flow_loss(&s->problem.flow, N_VGetArrayPointer(e->dky), s->problem.loss);
    return OK;
}

struct crossing {
    struct flow_cvode *s;
    struct engine *e;
    double level;
};

/* How far the loss at scaled time tau is above the level. */
static enum status above_level(void *context, double tau, double *above)
{
    const struct crossing *c = context;
    enum status rc = dense_loss(c->s, c->e, tau, above);
    *above -= c->level;
    return rc;
}

/* All crossings passed between (tau0, loss0) and (tau1, loss1). *next is the first level not yet found. */
static enum status find_crossings(struct flow_cvode *s, struct engine *e, double tau0, double loss0, double tau1,
                                  double loss1, int *next, struct flow_solution *out)
{
    while (*next < FLOW_LEVELS) {
        const double level = flow_cvode_level(*next) * out->null_loss;
        struct root r = {.f = above_level,
                         .context = &(struct crossing){s, e, level},
                         .a = tau0,
                         .fa = loss0 - level,
                         .b = tau1,
                         .fb = loss1 - level,
                         .rtol = 1e-13,
                         .ftol = 1e-14 * level,
                         .most = 100};
        if (!(loss1 <= level))
            break;
        enum status rc = root_find(&r);
        if (rc != OK)
            return rc;
        out->crossings[(*next)++] = r.b / s->problem.rate;
    }
    return OK;
}

static enum status begin(struct flow_cvode *s, const struct flow *f, const struct flow_request *q, struct engine *e,
                         struct flow_solution *out)
{
    enum status rc = OK;
    s->problem = (struct problem){.flow = *f, .rate = f->lambda0, .loss = q->loss};
    *out = (struct flow_solution){.plateau = NAN};
    out->initial_loss = flow_loss(f, f->y0, q->loss);
    out->null_loss = flow_null_loss(f, q->loss);
    s->problem.level = q->threshold * out->null_loss;
    for (int i = 0; i < FLOW_LEVELS; i++)
        out->crossings[i] = NAN;
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        out->switched[i] = NAN;
    if (!e->cvode)
        TRY(engine_create(s, q->method, e));
    for (int i = 0; i < f->dim; i++)
        N_VGetArrayPointer(e->y)[i] = f->y0[i];
    CV(CVodeReInit(e->cvode, 0, e->y));
    CV(CVodeSStolerances(e->cvode, q->rtol, q->atol));
done:
    return rc;
}

/* Adds those since the last start of the integrator. */
static enum status add_statistics(struct engine *e, struct flow_solution *out)
{
    enum status rc = OK;
    long steps, rhs_evals, jac_evals, error_test_fails;
    CV(CVodeGetNumSteps(e->cvode, &steps));
    CV(CVodeGetNumRhsEvals(e->cvode, &rhs_evals));
    CV(CVodeGetNumJacEvals(e->cvode, &jac_evals));
    CV(CVodeGetNumErrTestFails(e->cvode, &error_test_fails));
    out->steps += steps, out->rhs_evals += rhs_evals, out->jac_evals += jac_evals,
        out->error_test_fails += error_test_fails;
done:
    return rc;
}

/* Makes the switches that are due; `due`: the integrator has found the first of them. It starts anew if there was
 * one. */
static enum status make_switches(struct flow_cvode *s, struct engine *e, double tau, bool due,
                                 struct flow_solution *out)
{
    enum status rc = OK;
    struct problem *p = &s->problem;
    const size_t before = p->next;
    while (due || beyond(p, tau, N_VGetArrayPointer(e->y)) >= 0) {
        out->switched[p->next] = tau / p->rate;
        flow_switch(&p->flow, &p->flow.schedule.list[p->next++]);
        due = false;
    }
    if (p->next == before)
        goto done;
    TRY(add_statistics(e, out));
    CV(CVodeReInit(e->cvode, tau, e->y));
done:
    return rc;
}

enum status flow_cvode_solve(struct flow_cvode *s, const struct flow *f, const struct flow_request *q,
                             struct flow_solution *out)
{
    enum status rc = OK;
    struct engine *e = &s->engines[q->method][f->schedule.n > 0][f->dim];
    const double rate = f->lambda0;
    TRY(begin(s, f, q, e, out));
    double tau = 0, loss = out->initial_loss, *y = N_VGetArrayPointer(e->y);
    int next = q->all_crossings ? 0 : FLOW_LEVELS;
    while (next < FLOW_LEVELS && loss <= flow_cvode_level(next) * out->null_loss)
        out->crossings[next++] = 0; /* a start already below a level */
    if (loss <= s->problem.level) {
        out->plateau = 0;
        s->problem.found = true;
    }
    TRY(make_switches(s, e, 0, false, out));
    if (q->step)
        TRY(q->step(q->context, &s->problem.flow, 0, y));
    for (long i = 0; isnan(out->plateau) || next < FLOW_LEVELS || tau < q->time * rate; i++) {
        REQUIRE(i < MAX_STEPS, ERR_SOLVER, "CVODE: not done after %d steps at time %g, loss %g; loosen rtol and atol",
                MAX_STEPS, tau / rate, loss);
        double tau0 = tau, loss0 = loss;
        sunrealtype reached;
        int found[2] = {0};
        int flag = CVode(e->cvode, tau + 1, e->y, &reached, CV_ONE_STEP); /* the 1 only scales the first step */
        if (flag < 0)
            rc = failed("CVode", flag);
        TRY(rc);
        REQUIRE(reached > tau0 || flag == CV_ROOT_RETURN, ERR_SOLVER, "CVODE: no progress at time %g", tau / rate);
        tau = reached;
        loss = flow_loss(&s->problem.flow, y, q->loss);
        if (flag == CV_ROOT_RETURN)
            CV(CVodeGetRootInfo(e->cvode, found));
        if (found[0]) {
            out->plateau = tau / rate;
            s->problem.found = true;
        }
        TRY(find_crossings(s, e, tau0, loss0, tau, loss, &next, out));
        TRY(make_switches(s, e, tau, found[1], out));
        if (q->step)
            TRY(q->step(q->context, &s->problem.flow, tau / rate, y));
    }
    for (int i = 0; i < f->dim; i++)
        out->y[i] = y[i];
    out->final_loss = loss;
    out->final_time = tau / rate;
    TRY(add_statistics(e, out));
done:
    return rc;
}
