#include "measure.h"
#include "prediction.h"
#include "run_flow.h"
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <string.h>

/* What one pass over a flow collects; every measure reads off a part of it. */
struct watch {
    const struct flow *flow;
    double lambda;                        /* the paper's growth rate at the start: its clock of the linear regime */
    double plateau;                       /* NaN in the first pass, which finds it */
    double steepest, early_slope;         /* of -log L */
    double w10, w50, a10, a50, r50, one50; /* rise times; NaN: not yet */
    double w_most, linear_w, linear_D, gap;
    double sharpest, sharpest_at, last_sharpness;
    double t, slope;                      /* the previous step */
    double w, attention, w_r, w_1;
};

static double top_eigenvalue(const struct flow *f, const double *y)
{
    double H[FLOW_DIM * FLOW_DIM], values[FLOW_DIM];
    flow_hessian(f, y, H);
    gsl_matrix_view matrix = gsl_matrix_view_array(H, (size_t)f->dim, (size_t)f->dim);
    gsl_vector_view vector = gsl_vector_view_array(values, (size_t)f->dim);
    gsl_eigen_symm_workspace *work = gsl_eigen_symm_alloc((size_t)f->dim);
    double top = NAN;
    if (work && gsl_eigen_symm(&matrix.matrix, &vector.vector, work) == 0)
        top = gsl_vector_max(&vector.vector);
    gsl_eigen_symm_free(work);
    return top;
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

static void watch_linear(struct watch *k, double t, double w, double D)
{
    double lw, lD, lL;
    if (k->flow->blocks == 2 || k->lambda * t < 1e-3 || k->lambda * t > 0.5)
        return;
    prediction_linear(k->flow, t, &lw, &lD, &lL);
    k->linear_w = fmax(k->linear_w, fabs(w / lw - 1));
    k->linear_D = fmax(k->linear_D, fabs(D / lD - 1));
}

static enum status step(void *context, const struct flow *f, double t, const double *y)
{
    struct watch *k = context;
    struct flow_view v = flow_view_at(f, y);
    double n = hypot(f->full_n[0], f->full_n[1]), slope = log_slope(f, y);
    double w_1 = f->blocks == 2 ? y[0] : v.w_repeated, w_r = f->blocks == 2 ? y[1] : v.w;
    rise(&k->w10, k->w, v.w, 0.1 * n, k->t, t);
    rise(&k->w50, k->w, v.w, 0.5 * n, k->t, t);
    rise(&k->a10, k->attention, v.attention, 0.1 / f->B, k->t, t);
    rise(&k->a50, k->attention, v.attention, 0.5 / f->B, k->t, t);
    rise(&k->one50, k->w_1, w_1, 0.5 * f->full_n[0], k->t, t);
    rise(&k->r50, k->w_r, w_r, 0.5 * f->n[f->blocks - 1], k->t, t);
    k->steepest = fmax(k->steepest, slope);
    k->w_most = fmax(k->w_most, v.w / n);
    watch_linear(k, t, v.w, v.delta_a);
    if (!isnan(k->plateau)) {
        if (isnan(k->early_slope) && t >= 0.2 * k->plateau)
            k->early_slope = k->slope + (slope - k->slope) * (0.2 * k->plateau - k->t) / (t - k->t);
        if (t > k->plateau + 4 * f->d && f->blocks == 1)
            k->gap = fmax(k->gap, fabs(v.w / flow_w_infinity(f, v.delta_a) - 1));
        k->last_sharpness = top_eigenvalue(f, y);
        if (k->last_sharpness > k->sharpest) {
            k->sharpest = k->last_sharpness;
            k->sharpest_at = t;
        }
    }
    k->t = t, k->slope = slope, k->w = v.w, k->attention = v.attention, k->w_1 = w_1, k->w_r = w_r;
    return OK;
}

/* Two passes: the plateau length, then everything that is measured in it. */
static enum status observe(const struct keys *keys, struct flow *flow, struct watch *k, struct flow_solution *s)
{
    enum status rc = OK;
    struct flow_cvode *solver = NULL;
    struct flow_request q = {.loss = (enum loss)keys_integer(keys, KEY_loss), .method = METHOD_BDF, .rtol = keys_real(keys, KEY_rtol),
                             .atol = keys_real(keys, KEY_atol), .threshold = keys_real(keys, KEY_threshold)};
    TRY(run_flow_problem(keys, (enum metric)keys_integer(keys, KEY_metric), flow));
    TRY(flow_cvode_create(&solver));
    TRY(flow_cvode_solve(solver, flow, &q, s));
    *k = (struct watch){.flow = flow, .lambda = prediction_rate_paper(flow), .plateau = s->plateau, .early_slope = NAN, .w10 = NAN, .w50 = NAN,
                        .a10 = NAN, .a50 = NAN, .r50 = NAN, .one50 = NAN};
    q.time = fmax(keys_real(keys, KEY_time), 3 * s->plateau + 20 * flow->d);
    q.step = step;
    q.context = k;
    TRY(flow_cvode_solve(solver, flow, &q, s));
done:
    flow_cvode_free(solver);
    return rc;
}

/* Largest real eigenvalue of the Jacobian at the start: that of G^1/2 (-Hess L) G^1/2, which is symmetric. */
static double start_rate(const struct flow *f)
{
    double H[FLOW_DIM * FLOW_DIM], values[FLOW_DIM];
    int dim = f->dim;
    flow_hessian(f, f->y0, H);
    for (int i = 0; i < dim; i++) {
        for (int j = 0; j < dim; j++)
            H[i + dim * j] *= -(i == dim - 1 ? sqrt(f->m) : 1) * (j == dim - 1 ? sqrt(f->m) : 1);
    }
    gsl_matrix_view matrix = gsl_matrix_view_array(H, (size_t)dim, (size_t)dim);
    gsl_vector_view vector = gsl_vector_view_array(values, (size_t)dim);
    gsl_eigen_symm_workspace *work = gsl_eigen_symm_alloc((size_t)dim);
    double top = NAN;
    if (work && gsl_eigen_symm(&matrix.matrix, &vector.vector, work) == 0)
        top = gsl_vector_max(&vector.vector);
    gsl_eigen_symm_free(work);
    return top;
}

/* The paper's L_DD (p = 0) is ours times 1/(alpha (1 - B alpha)); undone here, and compared with a difference of L at a state in
 * the middle of the transition. */
static double paper_second_derivative(const struct flow *f)
{
    double y[FLOW_DIM] = {0.5 * f->n[0]}, a[FLOW_DIM], b[FLOW_DIM], H[FLOW_DIM * FLOW_DIM], beta, rest;
    const double h = 1e-4;
    int D = f->dim - 1;
    y[D] = log(1 / f->b) - 0.5;
    memcpy(a, y, sizeof a), memcpy(b, y, sizeof b);
    a[D] -= h, b[D] += h;
    double difference = (flow_loss(f, a, LOSS_TRAIN) - 2 * flow_loss(f, y, LOSS_TRAIN) + flow_loss(f, b, LOSS_TRAIN)) / (h * h);
    flow_hessian(f, y, H);
    flow_attention(f, y[D], &beta, &rest);
    double alpha = beta / f->B, paper = H[D + f->dim * D] / (alpha * (1 - f->B * alpha));
    return paper * alpha * rest / difference;
}

static enum status plateau_without_repetition(const struct keys *keys, double *plateau)
{
    struct keys plain = *keys;
    struct flow flow;
    struct watch k;
    struct flow_solution s;
    plain.value[KEY_p] = 0;
    enum status rc = observe(&plain, &flow, &k, &s);
    if (rc == OK)
        *plateau = s.plateau;
    return rc;
}

bool measure_exists(const char *name)
{
    static const char *const names[] = {
#define AS_NAME(measure_name, meaning) #measure_name,
        MEASURES(AS_NAME)
#undef AS_NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(names[i], name))
            return true;
    }
    return false;
}

enum status measure(const char *name, const struct keys *keys, double *value)
{
    struct flow f;
    struct watch k;
    struct flow_solution s;
    if (!measure_exists(name))
        return error_set(ERR_INPUT, "%s: no such measure", name);
    enum status rc = observe(keys, &f, &k, &s);
    double plain = NAN;
    if (rc == OK && !strcmp(name, "speed_up"))
        rc = plateau_without_repetition(keys, &plain);
    if (rc != OK)
        return rc;
    const struct { const char *name; double value; } readings[] = {
        {"steepness", k.steepest / k.early_slope},
        {"w_rise_10", k.w10 / s.plateau},
        {"attention_rise_10", k.a10 / s.plateau},
        {"half_rise_order", k.w50 / k.a50},
        {"overshoot", k.w_most},
        {"rate", start_rate(&f) / prediction_rate(&f)},
        {"rate_paper", start_rate(&f) / prediction_rate_paper(&f)},
        {"linear_w", k.linear_w},
        {"linear_D", k.linear_D},
        {"equilibrium", k.gap},
        {"sharpest", k.sharpest_at / s.plateau},
        {"late_sharpness", f.d * k.last_sharpness},
        {"late_loss", 4 * f.m * s.final_time * s.final_loss},
        {"paper_L_DD", paper_second_derivative(&f)},
        {"speed_up", plain / s.plateau},
        {"repeated_first", k.r50 / k.one50},
    };
    for (size_t i = 0; i < sizeof readings / sizeof readings[0]; i++) {
        if (!strcmp(readings[i].name, name))
            *value = readings[i].value;
    }
    return OK;
}
