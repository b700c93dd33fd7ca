#include "models/optimum.h"
#include "models/root.h"
#include <math.h>

enum { POINTS = 11, ROUNDS = 5 }; /* each round closes in by (POINTS - 1)/2 */
static const double LOWEST_ATTENTION = 0.01, HIGHEST_ATTENTION = 0.9;

struct search {
    struct flow_solver *solver;
    const struct optimum_problem *problem;
};
/* p, and the attention at which it becomes 0; NaN: it stays. */
struct candidate {
    double p, attention, time;
};

static const char *const names[] = {
#define AS_NAME(name, meaning) #name,
    OPTIMUM_KINDS(AS_NAME)
#undef AS_NAME
};
static const char *const meanings[] = {
#define AS_MEANING(name, meaning) meaning,
    OPTIMUM_KINDS(AS_MEANING)
#undef AS_MEANING
};

const char *optimum_name(enum optimum_kind kind)
{
    return names[kind];
}

const char *optimum_meaning(enum optimum_kind kind)
{
    return meanings[kind];
}

enum status optimum_time(struct flow_solver *solver, const struct optimum_problem *q, double p,
                         const struct schedule *schedule, double *time)
{
    enum status rc = OK;
    struct flow flow;
    struct flow_solution s;
    const struct flow_request request = {
        .loss = LOSS_TEST, .method = q->method, .rtol = q->rtol, .atol = q->atol, .threshold = q->threshold};
    TRY(flow_init_scheduled(q->T, q->d, q->B, p, q->metric, &q->start, schedule, &flow));
    TRY(flow_solver_solve(solver, &flow, &request, &s));
    *time = s.plateau;
done:
    return rc;
}

static struct schedule schedule_to(double attention)
{
    struct schedule s = {0};
    if (!isnan(attention))
        s.list[s.n++] = (struct schedule_switch){SCHEDULE_P, 0, SCHEDULE_ATTENTION, attention};
    return s;
}

static enum status evaluate(const struct search *s, struct candidate *c)
{
    const struct schedule schedule = schedule_to(c->attention);
    return optimum_time(s->solver, s->problem, c->p, &schedule, &c->time);
}

/* Point i of an axis that closes in on `centre` by `width` to both sides within [low, high]. */
static double point(double low, double high, double centre, double width, int i)
{
    low = fmax(low, centre - width);
    high = fmin(high, centre + width);
    return low + (high - low) * i / (POINTS - 1);
}

/* The best p for a given attention (NaN: constant p); attention 0: the best of both. */
static enum status close_in(const struct search *s, double attention, struct candidate *best)
{
    enum status rc = OK;
    const bool both = attention == 0;
    double p_width = OPTIMUM_P, a_width = 1;
    *best = (struct candidate){OPTIMUM_P / 2, both ? 0.5 : attention, INFINITY};
    for (int round = 0; round < ROUNDS; round++, p_width *= 2.0 / (POINTS - 1), a_width *= 2.0 / (POINTS - 1)) {
        const struct candidate centre = *best;
        for (int i = 0; i < POINTS * (both ? POINTS : 1); i++) {
            struct candidate c = {point(0, OPTIMUM_P, centre.p, p_width, i % POINTS), attention, 0};
            if (both)
                c.attention = point(LOWEST_ATTENTION, HIGHEST_ATTENTION, centre.attention, a_width, i / POINTS);
            TRY(evaluate(s, &c));
            if (c.time < best->time)
                *best = c;
        }
    }
done:
    return rc;
}

/* The best attention for the highest p: a narrow valley beside a cliff, which the coarse grid of both may step over. */
static enum status close_in_at_highest(const struct search *s, struct candidate *best)
{
    enum status rc = OK;
    double width = 1;
    for (int round = 0; round < ROUNDS; round++, width *= 2.0 / (POINTS - 1)) {
        const double centre = best->attention;
        for (int i = 0; i < POINTS; i++) {
            struct candidate c = {OPTIMUM_P, point(LOWEST_ATTENTION, HIGHEST_ATTENTION, centre, width, i), 0};
            TRY(evaluate(s, &c));
            if (c.time < best->time)
                *best = c;
        }
    }
done:
    return rc;
}

struct lowering {
    const struct search *s;
    double p, allowed;
};

static enum status is_allowed(void *context, double attention, double *yes)
{
    const struct lowering *l = context;
    struct candidate c = {l->p, attention, 0};
    enum status rc = evaluate(l->s, &c);
    *yes = c.time <= l->allowed ? 1 : -1;
    return rc;
}

/* The lowest attention that costs no more than the slack, nor more than `limit`: below the best one the time falls as
 * attention grows. */
static enum status lower(const struct search *s, double limit, struct candidate *best)
{
    struct lowering l = {s, best->p, fmin((1 + OPTIMUM_SLACK) * best->time, limit)};
    struct root r = {.f = is_allowed,
                     .context = &l,
                     .a = LOWEST_ATTENTION,
                     .fa = -1,
                     .b = best->attention,
                     .fb = 1,
                     .rtol = 1e-3,
                     .bisect = 1,
                     .most = 100};
    enum status rc = root_find(&r);
    best->attention = r.b;
    return rc;
}

/* Three digits, and the time that they give. */
static enum status round_off(const struct search *s, struct candidate *c, struct optimum *out)
{
    c->p = round(1e3 * c->p) / 1e3;
    c->attention = round(1e3 * c->attention) / 1e3;
    enum status rc = evaluate(s, c);
    *out = (struct optimum){c->p, schedule_to(c->attention), c->time};
    return rc;
}

enum status optimum_find(struct flow_solver *solver, const struct optimum_problem *problem, struct optimum *found)
{
    enum status rc = OK;
    const struct search s = {solver, problem};
    struct candidate c[OPTIMUM_COUNT] = {[OPTIMUM_none] = {.p = 0, .attention = NAN}}, *best = &c[OPTIMUM_best];
    struct candidate highest = {OPTIMUM_P, 0.5, INFINITY};
    TRY(round_off(&s, &c[OPTIMUM_none], &found[OPTIMUM_none]));
    TRY(close_in(&s, NAN, &c[OPTIMUM_constant]));
    TRY(round_off(&s, &c[OPTIMUM_constant], &found[OPTIMUM_constant]));
    TRY(close_in(&s, 0.5, &c[OPTIMUM_half]));
    TRY(round_off(&s, &c[OPTIMUM_half], &found[OPTIMUM_half]));
    const double limit = fmin(found[OPTIMUM_none].time, fmin(found[OPTIMUM_constant].time, found[OPTIMUM_half].time));
    TRY(close_in(&s, 0, best));
    TRY(close_in_at_highest(&s, &highest));
    if (highest.time < (1 - OPTIMUM_SLACK) * best->time)
        *best = highest;
    TRY(lower(&s, limit, best));
    TRY(round_off(&s, best, &found[OPTIMUM_best]));
    /* A kind is no slower than those that are special cases of it: what its own search, the slack or the digits lost.
     */
    for (int i = OPTIMUM_constant; i < OPTIMUM_COUNT; i++) {
        for (int k = i == OPTIMUM_best ? OPTIMUM_half : OPTIMUM_none; k >= 0; k--) {
            if (found[k].time <= found[i].time)
                found[i] = found[k];
        }
    }
done:
    return rc;
}
