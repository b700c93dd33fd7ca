#include "models/chain.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_lambert.h>
#include <math.h>

enum { W, U, SCORES, MAX_STEPS = 2000000, INTERVALS = 200 };
static const double QUADRATURE_RTOL = 1e-10, LOOSEST_RTOL = 1e-7;

enum status chain_init(double T, double d, int hops, enum metric metric, const struct flow_start *start,
                       const double *D, struct chain *c)
{
    enum status rc = OK;
    double n2 = 0, N = 0, along = 0;
    for (int i = 0; i < FLOW_BLOCKS; i++) {
        n2 += start->n[i] * start->n[i];
        N += start->w[i] * start->w[i] + start->u[i] * start->u[i];
        along += start->w[i] * start->n[i];
    }
    *c = (struct chain){.T = T,
                        .d = d,
                        .K = 1 / (d * (T - 1)),
                        .m = metric == METRIC_PAPER ? 1 : T / (T - 1),
                        .n = sqrt(n2),
                        .hops = hops,
                        .dim = SCORES + hops};
    REQUIRE(T >= 2 && d >= 1, ERR_INPUT, "T=%g d=%g: a chain needs T of at least 2 and d of at least 1", T, d);
    REQUIRE(hops >= 1 && hops <= CHAIN_HOPS, ERR_INPUT, "hops=%d: hops must be in [1,%d]", hops, CHAIN_HOPS);
    REQUIRE(n2 > 0, ERR_INPUT, "the target W* is 0: there is nothing to learn");
    c->y0[W] = along / c->n;
    c->y0[U] = sqrt(fmax(0, N - c->y0[W] * c->y0[W]));
    for (int i = 0; i < hops; i++) {
        c->y0[SCORES + i] = D[i];
        c->which[i] = i;
    }
done:
    return rc;
}

/* ---- the flow ---- */

/* e_i without a difference of near-equal numbers, right for any D. */
static double excess(const struct chain *c, double D)
{
    return D > 0 ? -expm1(-D) / (1 + (c->T - 1) * exp(-D)) : expm1(D) / (expm1(D) + c->T);
}

static double product_of_others(const struct chain *c, const double *D, int i)
{
    double product = 1;
    for (int j = 0; j < c->hops; j++)
        product *= j == i ? 1 : excess(c, D[j]);
    return product;
}

double chain_attention(const struct chain *c, const double *D)
{
    const double E = product_of_others(c, D, -1);
    return E + (1 - E) / c->T;
}

/* 1 - pi, also where pi is almost 1: 1 - E from the gaps 1 - e_i = T/(e^{D_i} - 1 + T). */
static double inattention(const struct chain *c, const double *D)
{
    double E = 1, gap = 0;
    for (int i = 0; i < c->hops; i++) {
        gap += E * (c->T / (exp(fmin(D[i], 700)) - 1 + c->T));
        E *= excess(c, D[i]);
    }
    return gap * (1 - 1 / c->T);
}

double chain_loss(const struct chain *c, const double *y)
{
    const double pi = chain_attention(c, y + SCORES), rest = inattention(c, y + SCORES);
    const double w = y[W], u = y[U], lack = pi * w - c->n;
    return 0.5 * (rest * rest * c->K * (w * w + u * u) + (lack * lack + pi * pi * u * u) / c->d);
}

double chain_null_loss(const struct chain *c)
{
    return c->n * c->n / (2 * c->d);
}

void chain_rhs(const struct chain *c, const double *y, double *dy)
{
    const double *D = y + SCORES, w = y[W], u = y[U];
    const double pi = chain_attention(c, D), rest = inattention(c, D), N = w * w + u * u;
    const double h = rest * rest * c->K + pi * pi / c->d;
    const double L_pi = -rest * c->K * N + (w * (pi * w - c->n) + pi * u * u) / c->d;
    dy[W] = pi * c->n / c->d - h * w;
    dy[U] = -h * u;
    for (int i = 0; i < c->hops; i++) {
        const double b = 1 / (1 + (c->T - 1) * exp(-D[i])), other = 1 / (1 + exp(D[i]) / (c->T - 1));
        dy[SCORES + i] = -c->m * L_pi * product_of_others(c, D, i) * b * other;
    }
}

/* F(D) less its least value, T, so that small scores keep their digits. */
static double invariant(const struct chain *c, double D)
{
    return expm1(D) + (c->T - 2) * D + (c->T - 1) * expm1(-D);
}

bool chain_emerges(const struct chain *c, const double *D)
{
    int negative = 0, which = 0;
    for (int i = 0; i < c->hops; i++) {
        if (!(D[i] > 0)) {
            negative++;
            which = i;
        }
    }
    if (c->hops == 1 || negative == 0)
        return true;
    for (int i = 0; negative == 1 && i < c->hops; i++)
        negative += i != which && !(invariant(c, D[which]) < invariant(c, D[i]));
    return negative == 1;
}

bool chain_hopeless(const struct chain *c, const double *y, double level)
{
    const double pi = 1 / c->T + (1 - 1 / c->T) / ((c->T - 1) * (c->T - 1)), rest = 1 - pi;
    const double h = rest * rest * c->K + pi * pi / c->d;
    return y[W] >= 0 && !chain_emerges(c, y + SCORES) && level < 1 - pi * pi / (c->d * h);
}

/* ---- integration ---- */

static bool rhs(void *context, double t, const double *y, double *dy)
{
    const struct chain *c = context;
    (void)t;
    chain_rhs(c, y, dy);
    return isfinite(dy[c->dim - 1]) && isfinite(dy[W]);
}

static double loss_at(void *context, const double *y)
{
    return chain_loss(context, y);
}

static enum status find_crossings(struct ode *ode, struct chain *c, const double t[2], const double loss[2],
                                  double threshold, int *next, struct flow_solution *out)
{
    enum status rc = OK;
    const double level = threshold * out->null_loss;
    if (isnan(out->plateau) && loss[1] <= level)
        TRY(ode_falls_to(ode, loss_at, c, level, t, loss, &out->plateau));
    for (; *next < FLOW_LEVELS && loss[1] <= flow_solver_level(*next) * out->null_loss; ++*next)
        TRY(ode_falls_to(ode, loss_at, c, flow_solver_level(*next) * out->null_loss, t, loss, &out->crossings[*next]));
done:
    return rc;
}

static void begin(const struct chain *c, const struct chain_request *q, int *next, struct flow_solution *out)
{
    *out =
        (struct flow_solution){.plateau = NAN, .initial_loss = chain_loss(c, c->y0), .null_loss = chain_null_loss(c)};
    for (int i = 0; i < FLOW_LEVELS; i++)
        out->crossings[i] = NAN;
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        out->switched[i] = NAN;
    *next = q->all_crossings ? 0 : FLOW_LEVELS;
    while (*next < FLOW_LEVELS && out->initial_loss <= flow_solver_level(*next) * out->null_loss)
        out->crossings[(*next)++] = 0; /* a start already below a level */
    if (out->initial_loss <= q->threshold * out->null_loss)
        out->plateau = 0;
}

enum status chain_solve(struct ode *ode, const struct chain *chain, const struct chain_request *q,
                        struct flow_solution *out)
{
    enum status rc = OK;
    struct chain c = *chain;
    const struct ode_problem problem = {
        .dim = c.dim, .method = q->method, .rtol = q->rtol, .atol = q->atol, .rhs = rhs, .context = &c};
    int next;
    begin(&c, q, &next, out);
    TRY(ode_begin(ode, &problem, c.y0));
    const double *y = ode_state(ode);
    double t[2] = {0, 0}, loss[2] = {out->initial_loss, out->initial_loss};
    if (q->step)
        TRY(q->step(q->context, &c, 0, y));
    for (long i = 0; isnan(out->plateau) || next < FLOW_LEVELS || t[1] < q->time; i++) {
        bool found[ODE_ROOTS];
        const double level = next < FLOW_LEVELS ? flow_solver_level(next) : 0;
        if (t[1] >= q->time && chain_hopeless(&c, y, isnan(out->plateau) ? fmax(level, q->threshold) : level))
            break;
        REQUIRE(i < MAX_STEPS, ERR_SOLVER, "CVODE: not done after %d steps at time %g, loss %g; loosen rtol and atol",
                MAX_STEPS, t[1], loss[1]);
        t[0] = t[1], loss[0] = loss[1];
        TRY(ode_step(ode, 1, &t[1], found));
        loss[1] = chain_loss(&c, y);
        TRY(find_crossings(ode, &c, t, loss, q->threshold, &next, out));
        if (q->step)
            TRY(q->step(q->context, &c, t[1], y));
    }
    for (int i = 0; i < c.dim; i++)
        out->y[i] = y[i];
    out->final_loss = loss[1];
    out->final_time = t[1];
    TRY(ode_count(ode, &out->counts));
done:
    return rc;
}

/* ---- the closed form ---- */

struct path {
    int hops, last;           /* the hop that is integrated over: that of the smallest D */
    double shift[CHAIN_HOPS]; /* c_j: ln z_j - z_j - (ln z - z) */
};

static double integrand(double z, void *data)
{
    const struct path *path = data;
    double product = 1;
    for (int j = 0; j < path->hops; j++) {
        if (j == path->last)
            continue;
        const double other = -gsl_sf_lambert_W0(-z * exp(path->shift[j] - z));
        product *= other / (1 - other);
    }
    return product;
}

enum status chain_closed_integral(const struct chain *c, double *G)
{
    double error, z[CHAIN_HOPS] = {0};
    struct path path = {.hops = c->hops};
    for (int i = 0; i < c->hops; i++) {
        z[i] = exp(-c->y0[SCORES + i]);
        if (z[i] > z[path.last])
            path.last = i;
    }
    const double end = z[path.last];
    bool equal = true;
    for (int i = 0; i < c->hops; i++)
        equal = equal && z[i] == end;
    if (equal && c->hops > 1) { /* G_2 and G_3, with 1 - z_0 to all digits */
        const double rest = -expm1(-c->y0[SCORES]);
        *G = c->hops == 2 ? -end - log(rest) : end + 2 * log(rest) + end / rest;
        return OK;
    }
    for (int i = 0; i < c->hops; i++)
        path.shift[i] = log(z[i] / end) - (z[i] - end);
    gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(INTERVALS);
    if (!workspace)
        return error_set(ERR_MEMORY, "out of memory for the quadrature");
    gsl_function function = {integrand, &path};
    const int flag =
        gsl_integration_qag(&function, 0, end, 0, QUADRATURE_RTOL, INTERVALS, GSL_INTEG_GAUSS21, workspace, G, &error);
    gsl_integration_workspace_free(workspace);
    if (flag != GSL_SUCCESS && !(error <= LOOSEST_RTOL * *G))
        return error_set(ERR_SOLVER, "GSL: the closed form of a chain failed: %s", gsl_strerror(flag));
    return OK;
}

enum status chain_closed(const struct chain *c, double *plateau)
{
    double G = NAN;
    *plateau = NAN;
    if (c->hops < 2 || c->y0[W] != 0 || c->y0[U] != 0 || !chain_emerges(c, c->y0 + SCORES))
        return OK;
    enum status rc = chain_closed_integral(c, &G);
    if (rc != OK)
        return rc;
    const double x = pow(c->T, c->hops - 1) * G / (c->n * c->n);
    *plateau = c->d * c->T * (1 + x + gsl_sf_lambert_W0(-exp(-1 - x)));
    return OK;
}
