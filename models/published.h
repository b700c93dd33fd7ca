/* The power laws that the paper publishes (published.def), and which of them is about a given Transformer. */
#ifndef PUBLISHED_H
#define PUBLISHED_H
#include "keys.h"

#define LAW(name, ...) PUBLISHED_##name,
enum published {
#include "published.def"
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
/* The plateau length in steps that the law of the nearest published setting gives for a Transformer, with the run's own
 * d, T, .. in it, at the paper's learning rate and threshold; NaN if nothing is published that is near. */
double published_plateau(const struct keys *keys);

#endif
