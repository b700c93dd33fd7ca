/* The steps of a run that is not made yet.
 *
 * A toy run is expected to follow the reduced flow from its own start, as training does to a few per cent:
 *
 *     steps = time/lr.
 *
 * A Transformer is expected to follow its reduced flow (run_reduced.h; one layer, and where that is known), else the
 * paper's published law, until the database has runs like it. Then y_0, that flow or a law of our own
 * (expected_steps.c), is corrected by those runs:
 *
 *     y = y_0(keys) C x_1^g1 x_2^g2 ..   (power_law.h, with y_0 as its factor; censored runs are kept).
 *
 * The correction is made three times, from many runs to few. The first uses the runs with the same task and optimizer
 * and starts from our law. The second uses those of the same model and starts from the first. The third uses those with
 * the same p and starts from the second. Each takes up exponents one by one while they lower AICc, so an exponent that
 * its runs do not determine stays that of the wider class. */
#ifndef EXPECTED_STEPS_H
#define EXPECTED_STEPS_H
#include "plan/history.h"

enum expected_steps_source { EXPECTED_FLOW, EXPECTED_FITTED, EXPECTED_REDUCED, EXPECTED_PUBLISHED, EXPECTED_GUESS };
enum { EXPECTED_SOURCES = EXPECTED_GUESS + 1 };

struct expectation {
    double plateau; /* steps; NaN for a flow */
    double steps;   /* until the run ends: the cap at most; 0 for a flow */
    bool censored;  /* the plateau is longer than the cap, probably */
    enum expected_steps_source source;
    size_t runs; /* fitted: to how many runs alike */
};

struct expected_steps; /* opaque: the laws so far */
/* `history` is borrowed and has to stay. ERR_MEMORY. */
enum status expected_steps_create(const struct history *history, struct expected_steps **laws);
void expected_steps_free(struct expected_steps *laws);
/* The run of `keys`; unseen: from laws that have not seen the runs of its cell, so that it can be compared with them.
 * Overwrites *out. ERR_MEMORY, ERR_SOLVER. */
enum status expected_steps_run(struct expected_steps *laws, const struct keys *keys, bool unseen,
                               struct expectation *out);
/* "0.91 d^1.30 T^0.62": the law of the plateau about the run of `keys`, of those regressors that vary. Appended. */
enum status expected_steps_law(struct expected_steps *laws, const struct keys *keys, const bool varies[KEY_COUNT],
                               struct text *out);
/* What runs of that kind are regressed on: keys, at most POWER_LAW_MAX; returns how many. */
size_t expected_steps_regressors(const struct keys *keys, const enum key **regressors);
/* True if two runs share a law: they differ in nothing but regressors, seed, evaluation and numerics. */
bool expected_steps_alike(const struct keys *a, const struct keys *b);
/* "flow", "fitted", "reduced", "published", "guess". */
const char *expected_steps_source_name(enum expected_steps_source source);

#endif
