/* A training run, whatever is trained: steps, evaluations, levels crossed, switches of the schedule, checkpoints, and
 * when it ends.
 *
 * Evaluations come every eval_every steps. A level l is crossed between the evaluation that is beyond it, of value v at
 * time t, and the one before, of value u at time s; the crossing is interpolated linearly,
 *
 *     s + (t - s) (u - l) / (u - v).
 *
 * Where evaluations are exact (the toy's population loss) one that is beyond a level is enough. Where they scatter (a
 * test set) a level counts as crossed when the next evaluation is beyond it too. The plateau length is the crossing of
 * `threshold`.
 *
 * Switches of the schedule wait for a time, or for two evaluations in a row (schedule.h). A run ends at the cap
 * (censored, unless it has emerged), when what `until` asks for is crossed (without that key: every level), when a loss
 * is not finite or above a million null losses (diverged), or on request (interrupted). */
#ifndef TRAIN_H
#define TRAIN_H
#include "run/checkpoint.h"
#include "base/schedule.h"

enum { TRAIN_LEVELS = FLOW_LEVELS + 1 }; /* the recorded levels, and behind them the threshold */

struct train_level {
    double value;     /* as evaluations give it; NaN: there is no such level */
    double candidate; /* the crossing that the last evaluation saw and the next has to confirm; else NaN */
    double crossing;  /* NaN: not yet */
};

struct training {
    const struct keys *keys;
    const struct run_request *request;
    struct result *result;
    struct trace *trace;               /* borrowed */
    struct optimizer_state *optimizer; /* borrowed; its step is the run's */
    double time_per_step;              /* lr, where time is that of the flow; 1, where it is counted in steps */
    double tokens_per_step;
    bool exact; /* one evaluation beyond a level is enough */
    bool never; /* it is known that nothing will emerge: the run ends where it begins, censored */
    bool rises; /* values rise to their levels, else they fall */
    struct train_level levels[TRAIN_LEVELS];
    double previous, previous_time; /* value and time of the last evaluation */
    double sure; /* time of the evaluation before that one: the cap of a run whose crossing was not confirmed */
    struct schedule schedule;
    struct schedule_state state;

    /* What is trained. */
    void *model;                                                         /* borrowed */
    enum status (*step)(struct training *t);                             /* one update */
    enum status (*evaluate)(struct training *t);                         /* must call train_note */
    void (*change)(struct training *t, const struct schedule_switch *s); /* p or B is another from now on */
    enum status (*save)(struct training *t);                             /* a checkpoint */
};

/* What an evaluation says. */
struct train_reading {
    double time;
    double loss;      /* test loss */
    double value;     /* what levels are about: a loss, its fraction of the null loss, or an accuracy */
    double attention; /* mass on all copies of what the readout needs: a schedule may wait for it, .. */
    double train;     /* .. or for the training loss over its null loss */
};

/* Begins *t, whose keys, request, result and trace are set: overwrites *result with that of a run of which nothing is
 * known yet, and empties the trace. */
void train_begin(struct training *t);
/* The levels of the keys, in units of `unit`: the null loss, where values are losses, else 1. */
void train_set_levels(struct training *t, double unit);
/* Takes in one evaluation, a new one or, when a run is resumed, a stored one: updates crossings, state and schedule. */
void train_note(struct training *t, const struct train_reading *reading);
/* Makes the switches that wait for a time up to that of `step` updates. again: rows are read again, so what is noted is
 * the first step at which each could be made. */
void train_switch(struct training *t, double step, bool again);
/* Steps, evaluations and checkpoints to the end of the run; then *result is complete but for wall_s. Errors of step,
 * evaluate and save. */
enum status train_run(struct training *t);
/* Crossings, plateau, cap and state into *t->result, as the evaluations so far have them. */
void train_conclude(struct training *t);
/* The loss is not that of a run that can go on. */
bool train_diverges(const struct result *r, double loss);

#endif
