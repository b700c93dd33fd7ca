#include "models/reduced_solver.h"
#include <math.h>
#include <string.h>

enum { MAX_STEPS = 2000000 };
static const double NO_QUERY = 1e-9; /* |q|^2 */
/* Of the null loss. Attention's distance from 1 and the weights' from their target are differences of numbers near 1,
 * so a smaller loss is one of rounding errors, which the integrator would follow step by step. */
static const double LEAST_THRESHOLD = 1e-14;

static bool rhs(void *context, double t, const double *y, double *dy)
{
    struct reduced_state state, slope;
    memcpy(&state, y, sizeof state);
    const bool defined = reduced_rhs(context, t, &state, &slope);
    memcpy(dy, &slope, sizeof slope);
    return defined;
}

static struct reduced_view look(const struct reduced *r, const double *y)
{
    struct reduced_state state;
    struct reduced_view view;
    memcpy(&state, y, sizeof state);
    reduced_look(r, &state, &view);
    return view;
}

static double loss_at(void *context, const double *y)
{
    return look(context, y).L;
}

/* 1 - s, which falls to a half */
static double inattention_at(void *context, const double *y)
{
    return look(context, y).z;
}

struct integration {
    struct ode *ode;
    struct reduced *r;
    const struct reduced_request *q;
    struct reduced_solution *out;
    int next;                /* of the levels */
    double t[2], L[2], z[2]; /* before and after the last step */
};

static enum status note(struct integration *in, enum status *rc, double (*value)(void *, const double *), double level,
                        const double v[2], double *when)
{
    if (*rc == OK && v[0] > level && v[1] <= level)
        *rc = ode_falls_to(in->ode, value, in->r, level, in->t, v, when);
    return *rc;
}

/* What the last step crossed. */
static enum status note_crossings(struct integration *in)
{
    enum status rc = OK;
    struct reduced_solution *out = in->out;
    if (isnan(out->plateau))
        note(in, &rc, loss_at, in->q->threshold, in->L, &out->plateau);
    if (isnan(out->s50))
        note(in, &rc, inattention_at, 0.5, in->z, &out->s50);
    while (rc == OK && in->next < FLOW_LEVELS && in->L[1] <= flow_solver_level(in->next)) {
        const double level = flow_solver_level(in->next);
        note(in, &rc, loss_at, level, in->L, &out->crossings[in->next++]);
    }
    if (out->s50 > out->plateau)
        out->s50 = NAN;
    return rc;
}

static enum status begin(struct integration *in)
{
    const struct ode_problem problem = {.dim = REDUCED_DIM,
                                        .method = METHOD_BDF,
                                        .rtol = in->q->rtol,
                                        .atol = in->q->atol,
                                        .rhs = rhs,
                                        .context = in->r};
    double y[REDUCED_DIM];
    if (in->q->threshold < LEAST_THRESHOLD)
        return error_set(ERR_SOLVER, "rounding hides losses below %g of the null loss; give a larger threshold",
                         LEAST_THRESHOLD);
    memcpy(y, &in->r->start, sizeof y);
    *in->out = (struct reduced_solution){.plateau = NAN, .s50 = NAN};
    for (int i = 0; i < FLOW_LEVELS; i++)
        in->out->crossings[i] = NAN;
    const struct reduced_view view = look(in->r, y);
    in->out->initial_loss = in->L[1] = view.L;
    in->z[1] = view.z;
    return ode_begin(in->ode, &problem, y);
}

static enum status advance(struct integration *in)
{
    enum status rc = OK;
    bool found[ODE_ROOTS];
    in->t[0] = in->t[1], in->L[0] = in->L[1], in->z[0] = in->z[1];
    TRY(ode_step(in->ode, 1, &in->t[1], found));
    const struct reduced_view view = look(in->r, ode_state(in->ode));
    in->L[1] = view.L, in->z[1] = view.z;
    TRY(note_crossings(in));
done:
    return rc;
}

static enum status tell(struct integration *in)
{
    struct reduced_state state;
    if (!in->q->step)
        return OK;
    memcpy(&state, ode_state(in->ode), sizeof state);
    return in->q->step(in->q->context, in->r, in->t[1], &state);
}

enum status reduced_solver_solve(struct ode *ode, const struct reduced *r, const struct reduced_request *q,
                                 struct reduced_solution *out)
{
    enum status rc = OK;
    struct integration in = {.ode = ode, .r = (struct reduced *)r, .q = q, .out = out};
    TRY(begin(&in));
    TRY(tell(&in));
    for (long i = 0; in.t[1] < q->cap; i++) {
        struct reduced_state state;
        memcpy(&state, ode_state(ode), sizeof state);
        if (state.q2 < NO_QUERY || (!isnan(out->plateau) && (in.next == FLOW_LEVELS || !q->all_crossings)))
            break;
        REQUIRE(i < MAX_STEPS, ERR_SOLVER, "CVODE: not done after %d steps at step %g of training, loss %g", MAX_STEPS,
                in.t[1], in.L[1]);
        TRY(advance(&in));
        TRY(tell(&in));
    }
    out->final_loss = in.L[1];
    out->final_time = fmin(in.t[1], q->cap);
    out->plateau = out->plateau <= q->cap ? out->plateau : NAN;
    out->s50 = out->s50 <= q->cap ? out->s50 : NAN;
    for (int i = 0; i < FLOW_LEVELS; i++)
        out->crossings[i] = out->crossings[i] <= q->cap ? out->crossings[i] : NAN;
    TRY(ode_count(ode, &out->counts));
done:
    return rc;
}
