/* How far does a law carry? Fitted to the cheapest third of the settings, it predicts the dearer two thirds.
 *
 * A setting is what runs have in common that differ in the seed alone; its length y is their geometric mean. The law is
 *
 *     y = C f x_1^g1 x_2^g2 ..
 *
 * with a monomial f (a prediction, say, or 1) and C and the exponents by least squares of ln y over the settings with
 * the shortest y, a third of all. The error is that of the others,
 *
 *     exp( root mean square of ln(y/law) ). */
#ifndef EXTRAPOLATE_H
#define EXTRAPOLATE_H
#include "validation/monomial.h"
#include "validation/power_law.h"
#include "store/store.h"

struct extrapolation_setting {
    char hash[33];                             /* of the keys without the seed */
    double log_y, log_f, log_x[POWER_LAW_MAX]; /* means over its runs */
    double log_law;                            /* what the law gives; NaN before it is fitted */
    size_t runs;
};

struct extrapolation {
    struct monomial f, x[POWER_LAW_MAX];
    size_t n_x;
    struct extrapolation_setting *list; /* owned */
    size_t n, allocated;
    size_t cheap; /* settings that the law was fitted to */
    double error; /* the factor above; NaN: there are too few settings */
};

/* Overwrites *e. on: "d,T", or "1" for the constant alone. ERR_INPUT names what is wrong. */
enum status extrapolate_begin(const char *f, const char *on, struct extrapolation *e);
/* Takes in a run with a length (result.h), read at the threshold that matters. ERR_MEMORY. */
enum status extrapolate_add(struct extrapolation *e, const struct result *r);
/* Fits and predicts. ERR_MEMORY. */
enum status extrapolate_finish(struct extrapolation *e);
void extrapolate_free(struct extrapolation *e);

#endif
