/* What a run gives: a fixed-size record (so that it can cross a pipe), and its JSON line. */
#ifndef RESULT_H
#define RESULT_H
#include "models/flow_solver.h"
#include "base/keys.h"
#include "models/prediction.h"
#include "base/text.h"

// clang-format off
#define RUN_STATES(X) \
    X(RUN_EMERGED, "emerged") X(RUN_CENSORED, "censored") X(RUN_DIVERGED, "diverged") X(RUN_INTERRUPTED, "interrupted")
// clang-format on
enum run_state {
#define AS_ENUMERATOR(name, text) name,
    RUN_STATES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
};

enum { RESULT_SOLVER = 4, RESULT_LIBRARY = 128 };

struct result {
    struct keys keys;
    enum run_state state;
    double plateau; /* NaN unless emerged; time, or steps for Transformers */
    double cap;     /* how far the run went, same unit: the censoring point when it did not emerge */
    double initial_loss, null_loss, final_loss;
    double crossings[FLOW_LEVELS];      /* when each level (result_level) was first crossed; NaN: never, or not known */
    double switched[SCHEDULE_SWITCHES]; /* when each switch of the schedule happened, same unit; NaN: it did not, or is
                                           not known */
    double wall_s;
    struct prediction predicted;     /* flow, and the toy's own start */
    double flow_plateau;             /* toy: the reduced flow (metric=full) from the same W(0), W*; NaN if none */
    long solver[RESULT_SOLVER];      /* flow: counts of result_solver_name */
    double steps_done, tokens_per_s; /* training */
    /* Transformer: what multiplied, "onednn", and on what, "oneDNN 3.0.1, amx"; with "; " between the two if the run
     * went on elsewhere; other models: "" */
    char backend[16], library[RESULT_LIBRARY];
};

/* "emerged", ..; and back (false if unknown). */
const char *result_state_name(enum run_state state);
bool result_state_find(const char *name, enum run_state *state);
/* One JSON object, one line, with newline: every key, then the outcome. Appended. */
void result_json(const struct result *r, struct text *out);
/* "{key: .., "predicted": {..}": the keys, and what theory expects, without the end of the object. Appended. */
void result_expected_json(const struct result *r, struct text *out);
/* Level i < result_levels, at most FLOW_LEVELS: 0.9, 0.8 .. 0.1 of the null loss; recall: accuracies 0.05, the midpoint
 * of 1/pairs ("name any value in the context") and 1, 0.5, 0.9. */
int result_levels(const struct keys *keys);
double result_level(const struct keys *keys, int i);
const char *result_level_name(const struct keys *keys, int i);
/* The names of the levels of every kind of run; NULL beyond the last. 0.9 and 0.5 may be of the loss or of the
 * accuracy. */
const char *result_any_level_name(int i);
/* Names of result.solver[i], i < RESULT_SOLVER. */
const char *result_solver_name(int i);
/* They mean something: a flow that was integrated here. */
bool result_solved(const struct result *r);
/* The crossing of the level with that name; NaN if there was none, or that kind of run has no such level (*applies =
 * false). */
double result_crossing(const struct result *r, const char *name, bool *applies);
/* {"0.9": t, ..}: the crossings alone. Appended. */
void result_crossings(const struct result *r, struct text *out);
/* What is known of a length or crossing of this run, in its unit: that it is above *low, an evaluation before it, and
 * at most *high, the first beyond it. Equal where it is exact (a flow's root, an imported run's, 0: at the start); both
 * NaN where there is none. A training run's is interpolated between the two, and means little where they are far apart.
 */
void result_bracket(const struct result *r, double length, double *low, double *high);
/* They are far apart: by more than a twentieth of the length. */
bool result_is_coarse(double length, double low, double high);
/* The first evaluation after the start was beyond it already: there is an upper bound alone. */
bool result_is_late(const struct result *r, double length);
/* The time at which the loss fell to `threshold` of the null loss (recall: the accuracy rose to it), from plateau or
 * crossings; NaN if it did not or is not known. *known is false if neither holds that threshold; an imported run holds
 * its own alone, and when it was cut off before that, those beyond. */
double result_plateau_at(const struct result *r, double threshold, bool *known);

#endif
