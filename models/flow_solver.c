#include "models/flow_solver.h"
#include "models/ode.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_STEPS = 2000000 };

/* Late, w - n is sqrt(2 d L). Its rounding, 1e-16 n, is 1e-4 of it where the loss is 1e-24 of the null loss n^2/(2d),
 * and the time grows as 1/L: smaller losses would give wrong lengths without a word. */
static const double LEAST_THRESHOLD = 1e-24;

/* What the integrator calls back for. Its time is scaled: tau = rate t. */
struct problem {
    struct flow flow; /* as it is now */
    size_t next;      /* switches done */
    double rate;      /* scaled time over time */
    enum loss loss;
    double level; /* absolute loss of the threshold */
    bool found;   /* the loss has been there */
};

struct flow_solver {
    struct ode *ode;
    struct problem problem;
};

static bool rhs(void *context, double tau, const double *y, double *dy)
{
    (void)tau;
    const struct problem *p = context;
    const struct flow *f = &p->flow;
    const double scale = 1 / p->rate;
    flow_rhs(f, y, dy);
    for (int i = 0; i < f->dim; i++)
        dy[i] *= scale;
    return isfinite(dy[f->dim - 1]);
}

static void jacobian(void *context, double tau, const double *y, double *J)
{
    (void)tau;
    const struct problem *p = context;
    const struct flow *f = &p->flow;
    const double scale = 1 / p->rate;
    flow_jacobian(f, y, J);
    for (int i = 0; i < f->dim * f->dim; i++)
        J[i] *= scale;
}

/* How far the next switch is due: negative before. After the last one, constant. */
static double beyond(const struct problem *p, double tau, const double *y)
{
    const struct schedule *s = &p->flow.schedule;
    return p->next < s->n ? flow_beyond(&p->flow, &s->list[p->next], tau / p->rate, y) : -1;
}

/* Once found, the threshold is no root any more: where the loss is so flat that it keeps its value, to the last digit,
 * just beyond the root, CVODE would refuse to go on. */
static void roots(void *context, double tau, const double *y, double *g)
{
    const struct problem *p = context;
    g[0] = p->found ? 1 : flow_loss(&p->flow, y, p->loss) - p->level;
    if (p->flow.schedule.n)
        g[1] = beyond(p, tau, y);
}

double flow_solver_level(int i)
{
    return 0.9 - 0.1 * i;
}

enum status flow_solver_create(struct flow_solver **solver)
{
    struct flow_solver *s = calloc(1, sizeof *s);
    if (!s)
        return error_set(ERR_MEMORY, "out of memory for the ODE solver");
    enum status rc = ode_create(&s->ode);
    if (rc == OK)
        *solver = s;
    else
        free(s);
    return rc;
}

void flow_solver_free(struct flow_solver *s)
{
    if (!s)
        return;
    ode_free(s->ode);
    free(s);
}

static double loss_at(void *context, const double *y)
{
    const struct problem *p = context;
    return flow_loss(&p->flow, y, p->loss);
}

/* All crossings passed between (tau0, loss0) and (tau1, loss1). *next is the first level not yet found. */
static enum status find_crossings(struct flow_solver *s, double tau0, double loss0, double tau1, double loss1,
                                  int *next, struct flow_solution *out)
{
    while (*next < FLOW_LEVELS) {
        const double level = flow_solver_level(*next) * out->null_loss;
        double tau;
        if (!(loss1 <= level))
            break;
        enum status rc =
            ode_falls_to(s->ode, loss_at, &s->problem, level, (double[]){tau0, tau1}, (double[]){loss0, loss1}, &tau);
        if (rc != OK)
            return rc;
        out->crossings[(*next)++] = tau / s->problem.rate;
    }
    return OK;
}

static enum status begin(struct flow_solver *s, const struct flow *f, const struct flow_request *q,
                         struct flow_solution *out)
{
    const struct ode_problem problem = {.dim = f->dim,
                                        .method = q->method,
                                        .rtol = q->rtol,
                                        .atol = q->atol,
                                        .rhs = rhs,
                                        .jacobian = jacobian,
                                        .roots = f->schedule.n ? 2 : 1,
                                        .root = roots,
                                        .context = &s->problem};
    s->problem = (struct problem){.flow = *f, .rate = f->lambda0, .loss = q->loss};
    *out = (struct flow_solution){.plateau = NAN};
    out->initial_loss = flow_loss(f, f->y0, q->loss);
    out->null_loss = flow_null_loss(f, q->loss);
    s->problem.level = q->threshold * out->null_loss;
    for (int i = 0; i < FLOW_LEVELS; i++)
        out->crossings[i] = NAN;
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        out->switched[i] = NAN;
    if (q->threshold < LEAST_THRESHOLD)
        return error_set(ERR_SOLVER, "rounding hides losses below %g of the null loss; give a larger threshold",
                         LEAST_THRESHOLD);
    return ode_begin(s->ode, &problem, f->y0);
}

/* Makes the switches that are due; `due`: the integrator has found the first of them. It starts anew if there was
 * one. */
static enum status make_switches(struct flow_solver *s, double tau, bool due, struct flow_solution *out)
{
    enum status rc = OK;
    struct problem *p = &s->problem;
    const size_t before = p->next;
    while (due || beyond(p, tau, ode_state(s->ode)) >= 0) {
        out->switched[p->next] = tau / p->rate;
        flow_switch(&p->flow, &p->flow.schedule.list[p->next++]);
        due = false;
    }
    if (p->next == before)
        goto done;
    TRY(ode_count(s->ode, &out->counts));
    TRY(ode_restart(s->ode, tau));
done:
    return rc;
}

enum status flow_solver_solve(struct flow_solver *s, const struct flow *f, const struct flow_request *q,
                              struct flow_solution *out)
{
    enum status rc = OK;
    const double rate = f->lambda0;
    TRY(begin(s, f, q, out));
    double tau = 0, loss = out->initial_loss;
    const double *y = ode_state(s->ode);
    int next = q->all_crossings ? 0 : FLOW_LEVELS;
    while (next < FLOW_LEVELS && loss <= flow_solver_level(next) * out->null_loss)
        out->crossings[next++] = 0; /* a start already below a level */
    if (loss <= s->problem.level) {
        out->plateau = 0;
        s->problem.found = true;
    }
    TRY(make_switches(s, 0, false, out));
    if (q->step)
        TRY(q->step(q->context, &s->problem.flow, 0, y));
    for (long i = 0; isnan(out->plateau) || next < FLOW_LEVELS || tau < q->time * rate; i++) {
        REQUIRE(i < MAX_STEPS, ERR_SOLVER, "CVODE: not done after %d steps at time %g, loss %g; loosen rtol and atol",
                MAX_STEPS, tau / rate, loss);
        const double tau0 = tau, loss0 = loss;
        bool found[ODE_ROOTS];
        TRY(ode_step(s->ode, 1, &tau, found));
        loss = flow_loss(&s->problem.flow, y, q->loss);
        if (found[0]) {
            out->plateau = tau / rate;
            s->problem.found = true;
        }
        TRY(find_crossings(s, tau0, loss0, tau, loss, &next, out));
        TRY(make_switches(s, tau, found[1], out));
        if (q->step)
            TRY(q->step(q->context, &s->problem.flow, tau / rate, y));
    }
    for (int i = 0; i < f->dim; i++)
        out->y[i] = y[i];
    out->final_loss = loss;
    out->final_time = tau / rate;
    TRY(ode_count(s->ode, &out->counts));
done:
    return rc;
}
