/* The smallest CVODE program that finds one crossing of the flow: what all the rest of plateau is measured against.
 *
 * p = 0, zero start, unit columns, metric=full: y = (w, D), b = 1/(T-1), m = T/(T-1), K = 1/(d(T-1)), n = sqrt d,
 *     beta = 1/(1 + e^-D/b),   h = (1-beta)^2 K + beta^2/d,   L = 1/2 [ (1-beta)^2 K w^2 + (beta w - n)^2/d ]
 *     w' = beta n/d - h w,     D' = m beta (1-beta) [ (1-beta) K w^2 - w (beta w - n)/d ]
 * in the scaled time lambda_0 t, BDF with this Jacobian and CVODE's dense solver, rtol 1e-8, atol 1e-11 (the defaults
 * of `plateau flow`), CVODE's own root finder on L = 0.1, one CVODE memory for all points. Nothing more is computed.
 *
 * A grid of 100 x 100 points, T 32..8192 and d 4..512 logarithmic, rounded; prints
 *     {"us": microseconds a solve, "plateau": mean plateau length, "steps": mean number of steps}
 * us is the median over five fifths of the grid (every fifth diagonal), as in `plateau bench`. */
#include <cvode/cvode.h>
#include <math.h>
#include <nvector/nvector_serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>
#include <time.h>

#if !HAVE_DECL_SUN_COMM_NULL
#define SUN_COMM_NULL NULL
#endif

enum { POINTS = 100, PARTS = 5 };
static const double LEVEL = 0.1, FAR = 1e6;

struct problem {
    double b, m, K, n, sigma, lambda0;
};

static int rhs(sunrealtype tau, N_Vector state, N_Vector rate, void *data)
{
    (void)tau;
    const struct problem *p = data;
    const double *y = N_VGetArrayPointer(state), odds = p->b * exp(y[1]);
    double *dy = N_VGetArrayPointer(rate), beta = 1 / (1 + 1 / odds), rest = 1 / (1 + odds), w = y[0];
    double miss = p->sigma * (beta * w - p->n), noise = rest * p->K * w;
    dy[0] = -(beta * miss + rest * noise) / p->lambda0;
    dy[1] = p->m * beta * rest * w * (noise - miss) / p->lambda0;
    return 0;
}

static int jacobian(sunrealtype tau, N_Vector state, N_Vector rate, SUNMatrix J, void *data, N_Vector t1, N_Vector t2,
                    N_Vector t3)
{
    (void)tau, (void)rate, (void)t1, (void)t2, (void)t3;
    const struct problem *p = data;
    const double *y = N_VGetArrayPointer(state), odds = p->b * exp(y[1]);
    double *j = SUNDenseMatrix_Data(J), beta = 1 / (1 + 1 / odds), rest = 1 / (1 + odds), both = beta * rest, w = y[0];
    double miss = p->sigma * (beta * w - p->n), noise = rest * p->K * w;
    double L_wD = both * (-2 * noise + miss + p->sigma * beta * w);
    double L_DD = both * ((rest - beta) * w * (miss - noise) + both * (p->K + p->sigma) * w * w);
    j[0] = -(rest * rest * p->K + beta * beta * p->sigma) / p->lambda0;
    j[1] = -p->m * L_wD / p->lambda0;
    j[2] = -L_wD / p->lambda0;
    j[3] = -p->m * L_DD / p->lambda0;
    return 0;
}

static int root(sunrealtype tau, N_Vector state, sunrealtype *g, void *data)
{
    (void)tau;
    const struct problem *p = data;
    const double *y = N_VGetArrayPointer(state), odds = p->b * exp(y[1]);
    double beta = 1 / (1 + 1 / odds), rest = 1 / (1 + odds), w = y[0], miss = beta * w - p->n;
    g[0] = 0.5 * (rest * rest * p->K * w * w + p->sigma * miss * miss) - LEVEL;
    return 0;
}

static void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bare_cvode: %s failed\n", what);
        exit(3);
    }
}

static void *cvode_create(SUNContext context, N_Vector y, struct problem *p)
{
    SUNMatrix J = SUNDenseMatrix(2, 2, context);
    void *cvode = CVodeCreate(CV_BDF, context);
    must(J && cvode, "CVodeCreate");
    N_VConst(0, y);
    must(CVodeInit(cvode, rhs, 0, y) == 0 && CVodeSStolerances(cvode, 1e-8, 1e-11) == 0 &&
             CVodeSetLinearSolver(cvode, SUNLinSol_Dense(y, J, context), J) == 0 &&
             CVodeSetJacFn(cvode, jacobian) == 0 && CVodeSetUserData(cvode, p) == 0 &&
             CVodeRootInit(cvode, 1, root) == 0 && CVodeSetMaxNumSteps(cvode, 100000) == 0,
         "the set-up of CVODE");
    return cvode;
}

static double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The plateau length at (T, d); adds the steps taken to *steps. */
static double plateau(void *cvode, N_Vector y, struct problem *p, double T, double d, long *steps)
{
    sunrealtype tau;
    long n;
    *p = (struct problem){.b = 1 / (T - 1), .m = T / (T - 1), .K = 1 / (d * (T - 1)), .n = sqrt(d), .sigma = 1 / d};
    p->lambda0 = sqrt(p->m) * p->b * p->n / d;
    N_VConst(0, y);
    must(CVodeReInit(cvode, 0, y) == 0, "CVodeReInit");
    must(CVode(cvode, FAR, y, &tau, CV_NORMAL) == CV_ROOT_RETURN, "CVode");
    must(CVodeGetNumSteps(cvode, &n) == 0, "CVodeGetNumSteps");
    *steps += n;
    return tau / p->lambda0;
}

int main(void)
{
    struct problem p;
    SUNContext context;
    must(SUNContext_Create(SUN_COMM_NULL, &context) == 0, "SUNContext_Create");
    N_Vector y = N_VNew_Serial(2, context);
    void *cvode = cvode_create(context, y, &p);
    long steps = 0;
    must(fabs(plateau(cvode, y, &p, 1024, 4, &steps) / 2817.1471 - 1) < 1e-5, "reaching the value of doc/theory.md");
    double us[PARTS], sum = 0;
    steps = 0;
    for (int part = 0; part < PARTS; part++) {
        double begin = clock_now();
        int solved = 0;
        for (int i = 0; i < POINTS; i++) {
            for (int j = 0; j < POINTS; j++) {
                if ((i + j) % PARTS != part)
                    continue;
                double T = rint(32 * pow(256, (double)i / (POINTS - 1))),
                       d = rint(4 * pow(128, (double)j / (POINTS - 1)));
                sum += plateau(cvode, y, &p, T, d, &steps);
                solved++;
            }
        }
        us[part] = 1e6 * (clock_now() - begin) / solved;
    }
    qsort(us, PARTS, sizeof *us, ascending);
    printf("{\"us\": %.2f, \"plateau\": %.10g, \"steps\": %.6g}\n", us[PARTS / 2], sum / (POINTS * POINTS),
           (double)steps / (POINTS * POINTS));
    return 0; /* the operating system takes the memory back */
}
