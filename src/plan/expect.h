/* How long is a run, before it is made? In steps.
 *
 * A toy run is expected to follow the reduced flow from its own start, which training does to a few per cent:
 *
 *     steps = time/lr.
 *
 * A Transformer is expected to follow the paper's published law until the database has runs like it. Then a law of our
 * own (y_0, in expect.c) is corrected by those runs:
 *
 *     y = y_0(keys) C x_1^g1 x_2^g2 ..   (power_law.h, with y_0 as its factor; censored runs are kept).
 *
 * The correction is made three times, from many runs to few. The first uses the runs with the same task and optimizer
 * and starts from our law. The second uses those of the same model and starts from the first. The third uses those with
 * the same p and starts from the second. Each takes up exponents one by one while they lower AICc, so an exponent that
 * its runs do not determine stays that of the wider class. */
#ifndef EXPECT_H
#define EXPECT_H
#include "past.h"

enum expect_source { EXPECT_FLOW, EXPECT_FITTED, EXPECT_PUBLISHED, EXPECT_GUESS };

struct expectation {
    double plateau; /* steps; NaN for a flow */
    double steps;   /* until the run ends: the cap at most; 0 for a flow */
    bool censored;  /* the plateau is longer than the cap, probably */
    enum expect_source source;
    size_t runs; /* fitted: to how many runs alike */
};

struct expect; /* opaque: the laws so far */
/* `past` is borrowed and has to stay. ERR_MEMORY. */
enum status expect_create(const struct past *past, struct expect **expect);
void expect_free(struct expect *expect);
/* The run of `keys`; unseen: from laws that have not seen the runs of its cell, so that it can be compared with them.
 * Overwrites *out. ERR_MEMORY, ERR_SOLVER. */
enum status expect_run(struct expect *expect, const struct keys *keys, bool unseen, struct expectation *out);
/* "0.91 d^1.30 T^0.62": the law of the plateau about the run of `keys`, of those regressors that vary. Appended. */
enum status expect_law(struct expect *expect, const struct keys *keys, const bool varies[KEY_COUNT], struct text *out);
/* What runs of that kind are regressed on: keys, at most POWER_LAW_MAX; returns how many. */
size_t expect_regressors(const struct keys *keys, const enum key **regressors);
/* True if two runs share a law: they differ in nothing but regressors, seed, evaluation and numerics. */
bool expect_alike(const struct keys *a, const struct keys *b);
/* "flow", "fitted", "published", "guess". */
const char *expect_source_name(enum expect_source source);

#endif
