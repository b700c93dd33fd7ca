#include "measure.h"
#include "monomial.h"
#include "optimum.h"
#include "run_flow.h"
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const measure_names[] = {
#define AS_NAME(name, meaning) #name,
    MEASURES(AS_NAME)
#undef AS_NAME
};
enum { MEASURE_COUNT = sizeof measure_names / sizeof measure_names[0] };
struct readings {
#define AS_FIELD(name, meaning) double name;
    MEASURES(AS_FIELD)
#undef AS_FIELD
};
_Static_assert(sizeof(struct readings) == MEASURE_COUNT * sizeof(double), "readings are an array of numbers too");

/* MEASURE_COUNT if there is none. */
static size_t find_measure(const char *name)
{
    size_t i = 0;
    while (i < MEASURE_COUNT && strcmp(measure_names[i], name))
        i++;
    return i;
}

bool measure_exists(const char *name)
{
    return find_measure(name) < MEASURE_COUNT;
}

/* Test loss against time, step by step. */
struct curve {
    double *t, *loss; /* owned: one block */
    size_t n, allocated;
};

static enum status curve_add(struct curve *c, double t, double loss)
{
    if (c->n == c->allocated) {
        size_t want = c->allocated ? 2 * c->allocated : 4096;
        double *more = malloc(2 * want * sizeof *more);
        if (!more)
            return error_set(ERR_MEMORY, "out of memory for a curve of %zu steps", want);
        for (size_t i = 0; i < c->n; i++)
            more[i] = c->t[i], more[want + i] = c->loss[i];
        free(c->t);
        *c = (struct curve){more, more + want, c->n, want};
    }
    c->t[c->n] = t;
    c->loss[c->n++] = loss;
    return OK;
}

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
        double t = b->t[i];
        while (j + 1 < a->n && a->t[j] < t)
            j++;
        if (t >= from && t <= to && j < a->n && a->t[j - 1] > 0)
            most = fmax(most, between(a->t[j - 1], a->loss[j - 1], a->t[j], a->loss[j], t) / b->loss[i]);
    }
    return most;
}

/* What one pass over a flow collects; every measure reads off a part of it. */
struct watch {
    const struct flow *flow;
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

enum { WD = 2, DD }; /* the Hessian of the state (w, D): p = 0, zero start */

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

void measure_curvature(const struct flow *f, const double *y, double *smallest, double *largest)
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
static void watch_linear(struct watch *k, double t, double w, double D)
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
    struct watch *k = context;
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
        measure_curvature(f, y, &smallest, &k->last_sharpness);
        if (k->last_sharpness > k->sharpest) {
            k->sharpest = k->last_sharpness;
            k->sharpest_at = t;
        }
    }
    k->t = t, k->slope = slope, k->loss = loss, k->w = v.w, k->attention = v.attention, k->w_1 = w_1, k->w_r = w_r;
    return curve_add(&k->curve, t, loss);
}

/* Two passes: the plateau length, then everything that is measured in it. */
static enum status observe(const struct keys *keys, struct flow *flow, struct watch *k, struct flow_solution *s)
{
    enum status rc = OK;
    struct flow_cvode *solver = NULL;
    struct flow_request q = {.loss = (enum loss)keys_integer(keys, KEY_loss),
                             .method = METHOD_BDF,
                             .rtol = keys_real(keys, KEY_rtol),
                             .atol = keys_real(keys, KEY_atol),
                             .threshold = keys_real(keys, KEY_threshold)};
    TRY(run_flow_problem(keys, (enum metric)keys_integer(keys, KEY_metric), flow));
    TRY(flow_cvode_create(&solver));
    TRY(flow_cvode_solve(solver, flow, &q, s));
    q.time = fmax(keys_real(keys, KEY_time), 3 * s->plateau + 20 * flow->d);
    double until = keys_real(keys, KEY_time) > 0 ? keys_real(keys, KEY_time) : q.time;
    *k = (struct watch){.flow = flow,
                        .lambda = prediction_rate(flow),
                        .plateau = s->plateau,
                        .until = until,
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
    TRY(flow_cvode_solve(solver, flow, &q, s));
done:
    flow_cvode_free(solver);
    return rc;
}

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
static void middle(const struct flow *f, double *y)
{
    memset(y, 0, FLOW_DIM * sizeof *y);
    for (int c = 0; c < f->blocks; c++)
        y[c] = 0.5 * f->n[c];
    y[f->dim - 1] = log(1 / f->b) - 0.5;
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

/* The paper's second derivative: once by D and once by alpha, so without the factor d alpha/dD = alpha (1 - B alpha)
 * (E1). L(alpha) = 1/2 [ (1 - B alpha)^2 K N + sum_c sigma_c ((B alpha w_c - n_c)^2) ] at u = 0. */
static double paper_DD(const struct flow *f, const double *y, double alpha)
{
    double N = 0, pull = 0, weight = 0;
    for (int c = 0; c < f->blocks; c++) {
        N += y[c] * y[c];
        pull += f->sigma[c] * y[c] * (f->B * alpha * y[c] - f->n[c]);
        weight += f->sigma[c] * y[c] * y[c];
    }
    double L_a = f->B * (pull - (1 - f->B * alpha) * f->K * N), L_aa = f->B * f->B * (f->K * N + weight);
    return L_aa * alpha * (1 - f->B * alpha) + L_a * (1 - 2 * f->B * alpha);
}

/* The paper's mixed derivative with p: its noise part lacks a factor 2 (E2). */
static double paper_wD(const struct flow *f, const double *y, int c, double beta)
{
    return beta * (1 - beta) * (-(1 - beta) * f->K * y[c] + f->sigma[c] * (2 * beta * y[c] - f->n[c]));
}

/* Late phase, p = 0: the Hessian at w = w_inf for e = 1 - beta. */
static void late_hessian(const struct flow *f, double e, double *H)
{
    double y[FLOW_DIM] = {0};
    y[1] = log((1 - e) / (e * f->b));
    y[0] = flow_w_infinity(f, y[1]);
    flow_hessian(f, y, H);
}

/* The readings that are derivatives at one state; NaN where they do not apply. */
static void differentiate(const struct flow *f, struct readings *r)
{
    const double e = 1e-4;
    double y[FLOW_DIM], H[FLOW_DIM * FLOW_DIM], wide[FLOW_DIM * FLOW_DIM], beta, rest, smallest, largest;
    int D = f->dim - 1, w = f->blocks - 1;
    middle(f, y);
    flow_attention(f, y[D], &beta, &rest);
    flow_hessian(f, y, H);
    double L_DD = difference(f, y, D, D), L_wD = difference(f, y, w, D), alpha = beta / f->B;
    r->hessian_DD = H[D + f->dim * D] / L_DD;
    r->hessian_wD = H[w + f->dim * D] / L_wD;
    r->paper_DD = paper_DD(f, y, alpha) / L_DD;
    r->paper_DD_corrected = r->paper_DD * alpha * (1 - f->B * alpha);
    r->paper_wD = paper_wD(f, y, w, beta) / L_wD;
    r->late_wD = r->late_DD = r->late_DD_order = r->late_smallest = NAN;
    if (f->dim != 2)
        return;
    late_hessian(f, e, H);
    late_hessian(f, 10 * e, wide);
    r->late_wD = sqrt(f->d) * H[WD] / e;
    r->late_DD = H[DD] / (e * e) / (1 + 2 / (f->T - f->B));
    r->late_DD_order = log10(wide[DD] / H[DD]);
    eigenvalues(H, 2, &smallest, &largest);
    r->late_smallest = smallest / (2 * e * e / (f->T - f->B));
}

/* Everything that two integrations and the derivatives give; `plain`: the same problem at p = 0. */
static void read_off(const struct flow *f, const struct watch *k, const struct flow_solution *s,
                     const struct watch *plain_k, const struct flow_solution *plain, struct readings *r)
{
    double norm = hypot(f->full_n[0], f->full_n[1]), rate = start_rate(f), signal = signal_rate(f);
    *r = (struct readings){
        .steepness = k->steepest / k->early_slope,
        .w_rise_10 = k->w10 / s->plateau,
        .attention_rise_10 = k->a10 / s->plateau,
        .half_rise_order = k->w50 / k->a50,
        .overshoot = k->w_most,
        .fall = k->w / norm / k->w_most,
        .final_w = k->w / norm,
        .final_attention = f->B * k->attention,
        .rate = rate / prediction_rate(f),
        .rate_paper = rate / prediction_rate_paper(f),
        .rate_signal = signal / prediction_rate_paper(f),
        .rate_signal_exact = signal / (sqrt(f->m) * f->R * f->B * (f->T - f->B) / (f->T * f->T)),
        .linear_w = k->linear_w,
        .linear_D = k->linear_D,
        .equilibrium = k->gap,
        .sharpest = k->sharpest_at / s->plateau,
        .late_sharpness = f->d * k->last_sharpness,
        .late_loss = 4 * f->m * s->final_time * s->final_loss,
        .speed_up = plain->plateau / s->plateau,
        .attention_speed_up = plain_k->a50 / k->a50,
        .disadvantage = k->test_loss / plain_k->test_loss,
        .largest_disadvantage = largest_ratio(&k->curve, &plain_k->curve, plain->plateau, k->until),
        .repeated_first = k->r50 / k->one50,
    };
    differentiate(f, r);
}

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

static bool same_keys(const struct keys *a, const struct keys *b)
{
    bool same = true;
    for (int key = 0; key < KEY_COUNT; key++)
        same = same && keys_same(a, b, (enum key)key);
    return same;
}

/* schedule_speed_up, schedule_over_constant: what the best schedule gains over none, or over the best constant p. A
 * search takes as long as all other claims on a flow, and several claims ask for the same: the last few are
 * remembered. */
static enum status measure_schedule(const struct keys *keys, enum optimum_kind over, double *value)
{
    enum { REMEMBERED = 4 };
    static struct {
        struct keys keys;
        struct optimum found[OPTIMUM_COUNT];
    } last[REMEMBERED];
    static size_t searches;
    enum status rc = OK;
    struct flow_cvode *solver = NULL;
    struct optimum_problem problem;
    struct optimum found[OPTIMUM_COUNT];
    size_t i = 0;
    while (i < searches && i < REMEMBERED && !same_keys(&last[i].keys, keys))
        i++;
    if (i == searches || i == REMEMBERED) {
        i = searches % REMEMBERED;
        TRY(run_flow_optimum_problem(keys, &problem));
        TRY(flow_cvode_create(&solver));
        TRY(optimum_find(solver, &problem, found));
        memcpy(last[i].found, found, sizeof found);
        last[i].keys = *keys;
        searches++;
    }
    *value = last[i].found[over].time / last[i].found[OPTIMUM_best].time;
done:
    flow_cvode_free(solver);
    return rc;
}

enum status measure(const char *name, const struct keys *keys, double *value)
{
    enum status rc = OK;
    struct flow f, plain_f;
    struct watch k = {0}, plain_k = {0};
    struct flow_solution s, plain;
    struct readings r;
    struct keys without = *keys;
    size_t index = find_measure(name);
    if (index == MEASURE_COUNT)
        return evaluate(name, keys, value);
    if (!strcmp(name, "schedule_speed_up") || !strcmp(name, "schedule_over_constant"))
        return measure_schedule(keys, strcmp(name, "schedule_speed_up") ? OPTIMUM_constant : OPTIMUM_none, value);
    TRY(observe(keys, &f, &k, &s));
    without.value[KEY_p] = without.value[KEY_schedule] = 0;
    without.value[KEY_time] = k.until;
    TRY(observe(&without, &plain_f, &plain_k, &plain));
    read_off(&f, &k, &s, &plain_k, &plain, &r);
    double asinh_X, eq6_X;
    TRY(evaluate("asinh/X_paper", keys, &asinh_X));
    TRY(evaluate("eq6/X_paper", keys, &eq6_X));
    r.eq6_gap = 2 * (asinh_X - eq6_X);
    *value = ((const double *)&r)[index];
done:
    free(k.curve.t);
    free(plain_k.curve.t);
    return rc;
}
