/* The verdicts on claims: their quantities measured on the runs of a database (quantity.h), and the rule that turns
 * what was measured into a verdict.
 *
 * With a 95 % interval of half-width h about the estimate a claim is
 *
 *     reproduced    if the estimate is inside published +- tolerance, and h <= tolerance,
 *     deviates      if the interval misses that band,
 *     inconclusive  otherwise.
 *
 * A quantity without an interval is a point, or the range of several values, of which each has to be inside. One-sided
 * quantities are reproduced if the whole interval is on the right side of their bound. Where runs had to be left out
 * that could change it, the verdict is inconclusive. claim.h has the rule of each quantity. */
#ifndef JUDGE_H
#define JUDGE_H
#include "validation/quantity.h"

/* What a claim rests on: a fit, or the value of each run. Everything is borrowed, until the witness returns. */
struct judge_evidence {
    const struct claim *claim;
    const struct dataset *set;   /* of a fit (of `gain`: of the ratios), else NULL */
    const struct power_law *law; /* with its residuals */
    size_t n;
    const struct quantity_value *runs; /* without a fit; of speedup: the ratio, and the run before the change */
};
/* Called after each claim that has such evidence; a status other than OK ends the judgement. */
typedef enum status judge_witness(void *context, const struct judge_evidence *evidence);

/* Measures every claim on the runs of `store`, and fills in the outcomes. Witness NULL: none. ERR_INPUT: a claim
 * cannot be measured, "claim ID: .."; ERR_MEMORY, ERR_SOLVER, ERR_DATABASE. */
enum status judge_claims(struct store *store, struct claims *claims, judge_witness *witness, void *context);
/* The rule above, on the claim's estimate, low and high; NaN anywhere is inconclusive. */
enum verdict judge_verdict(const struct claim *claim);

#endif
