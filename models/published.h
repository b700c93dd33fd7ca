/* The power laws that the paper publishes (published.def), and which of them is about a given Transformer. */
#ifndef PUBLISHED_H
#define PUBLISHED_H
#include "base/keys.h"

#define LAW(name, ...) PUBLISHED_##name,
enum published {
#include "models/published.def"
    PUBLISHED_COUNT
};
#undef LAW

enum { PUBLISHED_REGRESSORS = 4 };

struct published_law {
    const char *figure;     /* of the paper: "3 left, middle" */
    double r2;              /* as printed; NaN if it is not */
    const char *regressors; /* "d,T,B" */
    double constant, exponents[PUBLISHED_REGRESSORS];
};

const struct published_law *published_law(enum published which);
/* constant x_1^g1 x_2^g2 .. for a run of `keys`, whose keys the regressors are; power(x, g): x^g, such as pow. */
double published_value(enum published which, const struct keys *keys, double (*power)(double, double));
/* The plateau length in steps that the law of the nearest published setting gives for a Transformer, with the run's own
 * d, T, .. in it, at the paper's learning rate and threshold; NaN if nothing is published that is near. */
double published_plateau(const struct keys *keys);
/* The figure of the paper that this law is from, "15"; NULL if nothing is published that is near. Constant. */
const char *published_figure(const struct keys *keys);

#endif
