/* The repetition schedule that shortens the plateau most, by the flow.
 *
 * High p lets attention emerge early: the rate R grows from n/d to nearly 1 (flow.h). But then the columns across x~
 * learn at sigma_r = (1-p)/d, and W must be learned in full. So p is high at first and 0 once attention is there. When?
 * While p is high, w_1 grows to sqrt(2 ln(1/b)/m) and overshoots, so attention first jumps to where beta w_1 = n_1, at
 * about 1/w_1, and waits there for w_1 to fall and the other columns to rise, which takes d/(1-p). The switch belongs
 * before that wait: at a beta below 1/w_1 that is reached during the jump, not at 1/2. How far below matters little,
 * how far above a lot; so of all switches that are within OPTIMUM_SLACK of the best, that at the lowest attention is
 * given. A second switch gains nothing (tests/test_schedule.c).
 *
 * Searched: p in [0, OPTIMUM_P] (what lies beyond gains less than 1 %), attention in (0, 1), by grids that close in. No
 * kind is slower than one that it contains: where no switch helps, the best is the best constant p, or none. */
#ifndef OPTIMUM_H
#define OPTIMUM_H
#include "models/flow_solver.h"

#define OPTIMUM_P 0.99
#define OPTIMUM_SLACK 0.005

/* X(name, meaning) */
#define OPTIMUM_KINDS(X)                                                                                               \
    X(none, "no repetition across samples")                                                                            \
    X(constant, "the best constant p")                                                                                 \
    X(half, "the best p until attention is 1/2, then 0")                                                               \
    X(best, "the best p and the best switch to 0")
enum optimum_kind {
#define AS_ENUMERATOR(name, meaning) OPTIMUM_##name,
    OPTIMUM_KINDS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        OPTIMUM_COUNT
};
/* p and schedule are short numbers (three digits), and `time` is theirs. */
struct optimum {
    double p;
    struct schedule schedule;
    double time; /* plateau length, test loss */
};

/* The flow whose plateau is to be short; p comes from the search. */
struct optimum_problem {
    double T, d, B;
    enum metric metric;
    struct flow_start start;
    enum method method;
    double rtol, atol, threshold;
};

/* Overwrites found[OPTIMUM_COUNT]. About a thousand flows, each in well under a millisecond, so for a second.
 * ERR_INPUT, ERR_SOLVER. */
enum status optimum_find(struct flow_solver *solver, const struct optimum_problem *problem, struct optimum *found);
/* Plateau length of one p and schedule. */
enum status optimum_time(struct flow_solver *solver, const struct optimum_problem *problem, double p,
                         const struct schedule *schedule, double *time);
const char *optimum_name(enum optimum_kind kind);
const char *optimum_meaning(enum optimum_kind kind);

#endif
