#include "validation/flow_observables.h"
#include "base/list.h"
#include "validation/monomial.h"
#include "models/optimum.h"
#include "run/run_flow.h"
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- along a path ---- */

/* Test loss against time, step by step. */
struct curve {
    struct point {
        double t, loss;
    } * list; /* owned */
    size_t n, allocated;
};

/* The loss at `time` between two steps: late, it is a power of time, so on logarithms. */
static double between(double t0, double loss0, double t1, double loss1, double time)
{
    return loss0 * pow(loss1 / loss0, log(time / t0) / log(t1 / t0));
}

/* Largest loss of `a` over that of `b`, over the steps of b in [from, to]. */
static double largest_ratio(const struct curve *a, const struct curve *b, double from, double to)
{
    double most = NAN;
    for (size_t i = 0, j = 1; i < b->n; i++) {
        const struct point *p = a->list, *q = &b->list[i];
        while (j + 1 < a->n && p[j].t < q->t)
            j++;
        if (q->t >= from && q->t <= to && j < a->n && p[j - 1].t > 0)
            most = fmax(most, between(p[j - 1].t, p[j - 1].loss, p[j].t, p[j].loss, q->t) / q->loss);
    }
    return most;
}

/* What is noted along the path of a flow; every observable reads off a part of it. */
struct path {
    const struct flow *flow;
    struct flow_solution s;
    double lambda;                         /* growth rate at the start: the clock of the linear regime */
    double plateau;                        /* NaN in the first pass, which finds it */
    double steepest, early_slope;          /* of -log L */
    double w10, w50, a10, a50, r50, one50; /* rise times; NaN: not yet */
    double w_most, linear_w, linear_D, gap;
    double sharpest, sharpest_at, last_sharpness;
    double until, test_loss; /* keys_real(time), and the test loss then */
    struct curve curve;      /* owned */
    double t, slope, loss;   /* the previous step */
    double w, attention, w_r, w_1, off_w, off_D;
};

/* Smallest and largest eigenvalue of a symmetric matrix, overwritten; NaN if GSL fails. */
static void eigenvalues(double *H, int dim, double *smallest, double *largest)
{
    double values[FLOW_DIM];
    gsl_matrix_view matrix = gsl_matrix_view_array(H, (size_t)dim, (size_t)dim);
    gsl_vector_view vector = gsl_vector_view_array(values, (size_t)dim);
    gsl_eigen_symm_workspace *work = gsl_eigen_symm_alloc((size_t)dim);
    *smallest = *largest = NAN;
    if (work && gsl_eigen_symm(&matrix.matrix, &vector.vector, work) == 0)
        gsl_vector_minmax(&vector.vector, smallest, largest);
    gsl_eigen_symm_free(work);
}

void flow_observables_curvature(const struct flow *f, const double *y, double *smallest, double *largest)
{
    double H[FLOW_DIM * FLOW_DIM];
    flow_hessian(f, y, H);
    eigenvalues(H, f->dim, smallest, largest);
}

/* -d log L/dt at a state. */
static double log_slope(const struct flow *f, const double *y)
{
    double dy[FLOW_DIM], sum = 0;
    flow_rhs(f, y, dy);
    for (int i = 0; i < f->dim; i++)
        sum += dy[i] * dy[i] / (i == f->dim - 1 ? f->m : 1); /* dL/dt = -y' G^-1 y' */
    return sum / flow_loss(f, y, LOSS_TRAIN);
}

/* Notes in *time when `now` passes `level`, between the previous step and this one. */
static void rise(double *time, double before, double now, double level, double t0, double t1)
{
    if (isnan(*time) && now >= level)
        *time = now > before ? t0 + (t1 - t0) * fmax(0, level - before) / (now - before) : t1;
}

/* Departures from the linearised flow grow; the last is that at lambda t = 0.5, between two steps. */
static void watch_linear(struct path *k, double t, double w, double D)
{
    double lw, lD, lL, end = 0.5 / k->lambda;
    if (k->flow->blocks == 2 || k->lambda * t < 1e-3 || k->t > end)
        return;
    prediction_linear(k->flow, t, &lw, &lD, &lL);
    double part = t > end ? (end - k->t) / (t - k->t) : 1, off_w = fabs(w / lw - 1), off_D = fabs(D / lD - 1);
    k->linear_w = fmax(k->linear_w, k->off_w + part * (off_w - k->off_w));
    k->linear_D = fmax(k->linear_D, k->off_D + part * (off_D - k->off_D));
    k->off_w = off_w, k->off_D = off_D;
}

static enum status step(void *context, const struct flow *f, double t, const double *y)
{
    struct path *k = context;
    struct flow_view v = flow_view_at(f, y);
    double n = hypot(f->full_n[0], f->full_n[1]), slope = log_slope(f, y), smallest;
    double w_1 = f->blocks == 2 ? y[0] : v.w_repeated, w_r = f->blocks == 2 ? y[1] : v.w;
    rise(&k->w10, k->w, v.w, 0.1 * n, k->t, t);
    rise(&k->w50, k->w, v.w, 0.5 * n, k->t, t);
    rise(&k->a10, k->attention, v.attention, 0.1 / f->B, k->t, t);
    rise(&k->a50, k->attention, v.attention, 0.5 / f->B, k->t, t);
    rise(&k->one50, k->w_1, w_1, 0.5 * f->full_n[0], k->t, t);
    rise(&k->r50, k->w_r, w_r, 0.5 * f->n[f->blocks - 1], k->t, t);
    double loss = flow_loss(f, y, LOSS_TEST);
    if (isnan(k->test_loss) && t >= k->until && k->t > 0)
        k->test_loss = between(k->t, k->loss, t, loss, k->until);
    k->steepest = fmax(k->steepest, slope);
    k->w_most = fmax(k->w_most, v.w / n);
    watch_linear(k, t, v.w, v.delta_a);
    if (!isnan(k->plateau)) {
        if (isnan(k->early_slope) && t >= 0.2 * k->plateau)
            k->early_slope = k->slope + (slope - k->slope) * (0.2 * k->plateau - k->t) / (t - k->t);
        if (t > k->plateau + 4 * f->d && f->blocks == 1)
            k->gap = fmax(k->gap, fabs(v.w / flow_w_infinity(f, v.delta_a) - 1));
        flow_observables_curvature(f, y, &smallest, &k->last_sharpness);
        if (k->last_sharpness > k->sharpest) {
            k->sharpest = k->last_sharpness;
            k->sharpest_at = t;
        }
    }
    k->t = t, k->slope = slope, k->loss = loss, k->w = v.w, k->attention = v.attention, k->w_1 = w_1, k->w_r = w_r;
    enum status rc = list_room(&k->curve.list, k->curve.n, &k->curve.allocated, sizeof *k->curve.list, "steps");
    if (rc == OK)
        k->curve.list[k->curve.n++] = (struct point){t, loss};
    return rc;
}

/* Two passes: the plateau length, then everything that is measured in it. */
static enum status follow(const struct keys *keys, const struct flow *flow, struct path *k)
{
    enum status rc = OK;
    struct flow_solver *solver = NULL;
    struct flow_solution s;
    struct flow_request q = {.loss = (enum loss)keys_integer(keys, KEY_loss),
                             .method = METHOD_BDF,
                             .rtol = keys_real(keys, KEY_rtol),
                             .atol = keys_real(keys, KEY_atol),
                             .threshold = keys_real(keys, KEY_threshold)};
    TRY(flow_solver_create(&solver));
    TRY(flow_solver_solve(solver, flow, &q, &s));
    q.time = fmax(keys_real(keys, KEY_time), 3 * s.plateau + 20 * flow->d);
    *k = (struct path){.flow = flow,
                       .lambda = prediction_rate(flow),
                       .plateau = s.plateau,
                       .until = keys_real(keys, KEY_time) > 0 ? keys_real(keys, KEY_time) : q.time,
                       .early_slope = NAN,
                       .test_loss = NAN,
                       .w10 = NAN,
                       .w50 = NAN,
                       .a10 = NAN,
                       .a50 = NAN,
                       .r50 = NAN,
                       .one50 = NAN};
    q.step = step;
    q.context = k;
    TRY(flow_solver_solve(solver, flow, &q, &k->s));
done:
    flow_solver_free(solver);
    return rc;
}

/* ---- the flow of a claim ---- */

struct observed {
    const struct keys *keys;
    struct flow flow, plain; /* plain: at p = 0, without a schedule; like the paths, made when it is needed */
    struct path path, plain_path;
    enum status rc; /* of what was made so far */
};

/* What is noted along the flow; after an error zeros, and o->rc is that error. */
static const struct path *path(struct observed *o)
{
    if (!o->path.flow && o->rc == OK)
        o->rc = follow(o->keys, &o->flow, &o->path);
    return &o->path;
}

/* The same of the flow at p = 0 without a schedule, up to the same time. */
static const struct path *plain_path(struct observed *o)
{
    struct keys plain = *o->keys;
    plain.value[KEY_p] = plain.value[KEY_schedule] = 0;
    plain.value[KEY_time] = path(o)->until;
    if (o->plain_path.flow || o->rc != OK)
        return &o->plain_path;
    o->rc = run_flow_problem(&plain, (enum metric)keys_integer(&plain, KEY_metric), &o->plain);
    if (o->rc == OK)
        o->rc = follow(&plain, &o->plain, &o->plain_path);
    return &o->plain_path;
}

static double largest_disadvantage(struct observed *o)
{
    const struct path *plain = plain_path(o);
    return largest_ratio(&path(o)->curve, &plain->curve, plain->s.plateau, path(o)->until);
}

static double norm(const struct flow *f)
{
    return hypot(f->full_n[0], f->full_n[1]);
}

/* ---- derivatives at one state ---- */

/* Largest real eigenvalue of the Jacobian at the start: that of G^1/2 (-Hess L) G^1/2, which is symmetric. */
static double start_rate(const struct flow *f)
{
    double H[FLOW_DIM * FLOW_DIM], smallest, largest;
    int dim = f->dim;
    flow_hessian(f, f->y0, H);
    for (int i = 0; i < dim; i++) {
        for (int j = 0; j < dim; j++)
            H[i + dim * j] *= -(i == dim - 1 ? sqrt(f->m) : 1) * (j == dim - 1 ? sqrt(f->m) : 1);
    }
    eigenvalues(H, dim, &smallest, &largest);
    return largest;
}

/* The same when the other tokens make no noise. */
static double signal_rate(const struct flow *f)
{
    struct flow quiet = *f;
    quiet.K = 0;
    return start_rate(&quiet);
}

/* A state in the middle of the transition: w at half of its target in every block, beta about 0.4. */
struct middle {
    double y[FLOW_DIM], beta, alpha;
    int w, D; /* places in the state: of the last block, and of the score difference */
};

static struct middle middle_of(const struct flow *f)
{
    struct middle s = {.w = f->blocks - 1, .D = f->dim - 1};
    double rest;
    for (int c = 0; c < f->blocks; c++)
        s.y[c] = 0.5 * f->n[c];
    s.y[s.D] = log(1 / f->b) - 0.5;
    flow_attention(f, s.y[s.D], &s.beta, &rest);
    s.alpha = s.beta / f->B;
    return s;
}

/* d^2 L/dy_i dy_j by central differences of the loss alone. */
static double difference(const struct flow *f, const double *y, int i, int j)
{
    const double h = 1e-4;
    double sum = 0;
    for (int corner = 0; corner < 4; corner++) {
        double shifted[FLOW_DIM], one = corner & 1 ? h : -h, two = corner & 2 ? h : -h;
        memcpy(shifted, y, sizeof shifted);
        shifted[i] += one;
        shifted[j] += two;
        sum += (one * two > 0 ? 1 : -1) * flow_loss(f, shifted, LOSS_TRAIN);
    }
    return sum / (4 * h * h);
}

/* The Hessian that is integrated, over a finite difference. */
static double hessian_over_difference(const struct flow *f, const double *y, int i, int j)
{
    double H[FLOW_DIM * FLOW_DIM];
    flow_hessian(f, y, H);
    return H[i + f->dim * j] / difference(f, y, i, j);
}

static double hessian_DD(const struct flow *f)
{
    const struct middle s = middle_of(f);
    return hessian_over_difference(f, s.y, s.D, s.D);
}

static double hessian_wD(const struct flow *f)
{
    const struct middle s = middle_of(f);
    return hessian_over_difference(f, s.y, s.w, s.D);
}

/* The paper's second derivative: once by D and once by alpha, so without the factor d alpha/dD = alpha (1 - B alpha)
 * (E1). With L(alpha) = 1/2 [ (1 - B alpha)^2 K N + sum_c sigma_c ((B alpha w_c - n_c)^2) ] at u = 0 it is
 *
 *     L_aa alpha (1 - B alpha) + L_a (1 - 2 B alpha). */
static double paper_DD(const struct flow *f)
{
    const struct middle s = middle_of(f);
    const double *y = s.y, alpha = s.alpha;
    double N = 0, pull = 0, weight = 0;
    for (int c = 0; c < f->blocks; c++) {
        N += y[c] * y[c];
        pull += f->sigma[c] * y[c] * (f->B * alpha * y[c] - f->n[c]);
        weight += f->sigma[c] * y[c] * y[c];
    }
    double L_a = f->B * (pull - (1 - f->B * alpha) * f->K * N), L_aa = f->B * f->B * (f->K * N + weight);
    return (L_aa * alpha * (1 - f->B * alpha) + L_a * (1 - 2 * f->B * alpha)) / difference(f, y, s.D, s.D);
}

static double paper_DD_corrected(const struct flow *f)
{
    const double alpha = middle_of(f).alpha;
    return paper_DD(f) * alpha * (1 - f->B * alpha);
}

/* The paper's mixed derivative with p: its noise part lacks a factor 2 (E2). */
static double paper_wD(const struct flow *f)
{
    const struct middle s = middle_of(f);
    const double beta = s.beta, w = s.y[s.w];
    return beta * (1 - beta) * (-(1 - beta) * f->K * w + f->sigma[s.w] * (2 * beta * w - f->n[s.w])) /
           difference(f, s.y, s.w, s.D);
}

/* The late phase, p = 0. */
static const double LATE = 1e-4; /* e = 1 - beta */
enum { WD = 2, DD };             /* entries of the Hessian by (w, D) */

/* The Hessian at w = w_inf for e = 1 - beta; NaN where there is no such phase. */
static void late_hessian(const struct flow *f, double e, double H[4])
{
    double y[FLOW_DIM] = {0};
    for (int i = 0; i < 4; i++)
        H[i] = NAN;
    if (f->dim != 2)
        return;
    y[1] = log((1 - e) / (e * f->b));
    y[0] = flow_w_infinity(f, y[1]);
    flow_hessian(f, y, H);
}

static double late(const struct flow *f, double e, int entry)
{
    double H[4];
    late_hessian(f, e, H);
    return H[entry];
}

static double late_smallest(const struct flow *f)
{
    double H[4], smallest, largest;
    late_hessian(f, LATE, H);
    eigenvalues(H, 2, &smallest, &largest);
    return f->dim == 2 ? smallest : NAN;
}

/* ---- predictions and schedules ---- */

/* The monomial `name` of the run that `keys` describe. */
static enum status evaluate(const char *name, const struct keys *keys, double *value)
{
    enum status rc = OK;
    struct run_flow *tools = NULL;
    struct result result;
    struct monomial product;
    TRY(monomial_parse(name, &product));
    TRY(run_flow_create(&tools));
    TRY(run_flow(tools, keys, &result, NULL));
    *value = monomial_value(&product, &result);
done:
    run_flow_free(tools);
    return rc;
}

static double monomial(struct observed *o, const char *name)
{
    double value = NAN;
    if (o->rc == OK)
        o->rc = evaluate(name, o->keys, &value);
    return value;
}

static bool same_keys(const struct keys *a, const struct keys *b)
{
    bool same = true;
    for (int key = 0; key < KEY_COUNT; key++)
        same = same && keys_same(a, b, (enum key)key);
    return same;
}

/* What the best schedule gains over none, or over the best constant p. A search takes as long as all other claims on a
 * flow, and several claims ask for the same: the last few are remembered. */
static enum status search_schedule(const struct keys *keys, enum optimum_kind over, double *value)
{
    enum { REMEMBERED = 4 };
    static struct {
        struct keys keys;
        struct optimum found[OPTIMUM_COUNT];
    } last[REMEMBERED];
    static size_t searches;
    enum status rc = OK;
    struct flow_solver *solver = NULL;
    struct optimum_problem problem;
    struct optimum found[OPTIMUM_COUNT];
    size_t i = 0;
    while (i < searches && i < REMEMBERED && !same_keys(&last[i].keys, keys))
        i++;
    if (i == searches || i == REMEMBERED) {
        i = searches % REMEMBERED;
        TRY(run_flow_optimum_problem(keys, &problem));
        TRY(flow_solver_create(&solver));
        TRY(optimum_find(solver, &problem, found));
        memcpy(last[i].found, found, sizeof found);
        last[i].keys = *keys;
        searches++;
    }
    *value = last[i].found[over].time / last[i].found[OPTIMUM_best].time;
done:
    flow_solver_free(solver);
    return rc;
}

static double schedule_gain(struct observed *o, enum optimum_kind over)
{
    double value = NAN;
    if (o->rc == OK)
        o->rc = search_schedule(o->keys, over, &value);
    return value;
}

/* ---- by name ---- */

enum observable {
#define OBSERVABLE(name, value, meaning) OBSERVABLE_##name,
#include "validation/flow_observables.def"
#undef OBSERVABLE
    OBSERVABLE_COUNT
};

static enum observable find(const char *name)
{
    static const char *const names[] = {
#define OBSERVABLE(name, value, meaning) #name,
#include "validation/flow_observables.def"
#undef OBSERVABLE
    };
    int i = 0;
    while (i < OBSERVABLE_COUNT && strcmp(names[i], name))
        i++;
    return (enum observable)i;
}

bool flow_observables_has(const char *name)
{
    return find(name) < OBSERVABLE_COUNT;
}

static double value_of(enum observable which, struct observed *o)
{
    const struct flow *f = &o->flow;
    switch (which) {
#define OBSERVABLE(name, value, meaning)                                                                               \
    case OBSERVABLE_##name:                                                                                            \
        return value;
#include "validation/flow_observables.def"
#undef OBSERVABLE
    default:
        return NAN;
    }
}

enum status flow_observables_measure(const char *name, const struct keys *keys, double *value)
{
    enum status rc = OK;
    struct observed o = {.keys = keys};
    const enum observable which = find(name);
    if (which == OBSERVABLE_COUNT)
        return evaluate(name, keys, value);
    TRY(run_flow_problem(keys, (enum metric)keys_integer(keys, KEY_metric), &o.flow));
    *value = value_of(which, &o);
    rc = o.rc;
done:
    free(o.path.curve.list);
    free(o.plain_path.curve.list);
    return rc;
}
