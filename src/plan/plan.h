/* A study planned before it runs: for each run expected steps (expected_steps.h) and seconds (step_time.h), for all of
 * them the time on this machine.
 *
 * Sweeps hand out runs in the order of their run list, the longest first, so the wall time is that of this very
 * schedule on the expected seconds. */
#ifndef PLAN_H
#define PLAN_H
#include "study/run_list.h"
#include "plan/expected_steps.h"
#include "plan/step_time.h"

struct plan_run {
    size_t cell;   /* the same for runs that differ in nothing but the seed: 0, 1 .. as they come */
    size_t number; /* in its study (study_at) */
    struct keys keys;
    struct keys made;            /* of the stored run, if there is one: its cap or threshold may be another */
    bool there, left_out;        /* the store has it; the budget has no room for it */
    struct expectation expected; /* of a stored run: without looking at the runs of its own cell */
    double resumed;              /* steps that its checkpoint has, if it was begun */
    double seconds;              /* expected of the run, or of what is left of it */
    enum step_time_source timed_by;
    double steps_done, wall_s; /* of the stored run; NaN if not known */
    bool whole;                /* the stored run was to go on to its cap, however long the plateau */
};

struct plan_request {
    size_t jobs;    /* 0: one a core */
    double measure; /* seconds of measuring at least; more, up to a few, where they are a hundredth of the expected
                       time. Negative: none */
};

struct plan {
    const struct study *study; /* borrowed */
    struct plan_run *runs;     /* owned: n in the order of the run list */
    size_t n, n_cells, jobs;
    struct history history;
    struct expected_steps *laws; /* owned */
    struct step_times step_times;
    bool varies[KEY_COUNT]; /* over the runs */
};

/* What is still to do, and what was done. */
struct plan_sum {
    size_t runs, there, left_out, censored, begun;
    double resumed; /* steps of the begun runs that their checkpoints have; the rest is without them */
    double steps, tokens, work_s, longest_s, wall_s,
        memory;                                  /* work_s: of all runs together; memory: bytes of the largest run */
    size_t expected[EXPECTED_SOURCES], timed[4]; /* runs by expected_steps_source, by step_time_source */
    size_t compared,
        within; /* runs there; of those not simply run to the cap, their steps within 1.5 of those expected */
    double compared_s, expected_s; /* what the compared ones took, and what was expected */
};

/* `store` may be NULL: nothing is there. Overwrites *plan; release with plan_free, also after an error. ERR_INPUT,
 * ERR_MEMORY, ERR_SOLVER, ERR_DATABASE, ERR_INTERRUPTED. */
enum status plan_make(const struct study *study, struct store *store, const struct plan_request *request,
                      struct plan *plan);
/* The sums over its runs. ERR_MEMORY. */
enum status plan_sum(const struct plan *plan, struct plan_sum *sum);
/* Seconds until the runs that are to be made are done, by the plan's jobs. ERR_MEMORY. */
enum status plan_wall(const struct plan *plan, double *seconds);
/* For people: the sums; below them, for `cells`, a line for every cell. JSON: an object a run, and the sums. Appended.
 */
enum status plan_text(struct plan *plan, bool cells, struct text *out);
enum status plan_json(struct plan *plan, struct text *out);
void plan_free(struct plan *plan);

#endif
