/* The comparator: claims (claims.yaml, or a user's own file) against the runs of a database.
 *
 *     - id: C5.B
 *       source: "Fig. 2 left"
 *       statement: "..."                 # in words
 *       quantity: exponent               # exponent | constant | r2, of a power law; error: largest |prediction/plateau - 1|
 *                                        # | value, floor (at least), ceiling (at most), of one flow: measure.h
 *       of: B                            # exponent: the regressor; error: eq6, asinh, closed or quadrature; value: a measure
 *       on: d,T,B                        # regressors of the fit
 *       where: "model=flow metric=full"  # the runs
 *       study: fig2-left                 # only the runs of that study (default: any)
 *       figure: 2-left                   # the figure that shows it (`plateau figure`)
 *       published: -0.99
 *       tolerance: 0.03
 *       erratum: E8                      # a deviation that is known, and ..
 *       corrected: C5.B.full             # .. the claim that states what holds instead
 *
 * Verdict: reproduced, if the estimate is inside published +- tolerance and the 95 % half-width is at most the tolerance; deviates, if
 * the interval misses that band; else inconclusive. r2 and error have no interval: one-sided, r2 >= published - tolerance,
 * error <= published + tolerance. */
#ifndef COMPARE_H
#define COMPARE_H
#include "store.h"

#define VERDICTS(X) X(VERDICT_REPRODUCED, "reproduced") X(VERDICT_DEVIATES, "deviates") X(VERDICT_INCONCLUSIVE, "inconclusive")
enum verdict {
#define AS_ENUMERATOR(name, text) name,
    VERDICTS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
};

struct claim {
    char id[32], source[64], statement[256], quantity[16], of[40], on[80], where[200], study[64], figure[16], erratum[8], corrected[32];
    double published, tolerance;
    size_t line;
    /* the outcome, filled by compare_run */
    enum verdict verdict;
    double estimate, low, high; /* NaN: not measured */
    size_t runs;
    char why[200];              /* what would decide an inconclusive one */
};

struct claims {
    struct claim *list; /* owned */
    size_t n;
};

const char *compare_verdict_name(enum verdict verdict);
/* The rule above, for a quantity with an interval; NaN anywhere is inconclusive. */
enum verdict compare_verdict(double estimate, double low, double high, double published, double tolerance);
/* Reads claims. ERR_INPUT "path:line: ..". Release with compare_free, also after an error. */
enum status compare_read(const char *path, struct claims *claims);
/* Measures every claim on the runs of `store` and fills in the outcomes. */
enum status compare_run(struct store *store, struct claims *claims);
/* True if the claim deviates and no corrected claim in the list is reproduced: what --strict counts. */
bool compare_counts(const struct claims *claims, const struct claim *claim);
void compare_free(struct claims *claims);

#endif
