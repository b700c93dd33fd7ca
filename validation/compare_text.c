/* Claims in words: what is expected, what is here. */
#include "compare.h"
#include <math.h>
#include <string.h>

const char *compare_verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
#define AS_NAME(name, text) text,
        VERDICTS(AS_NAME)
#undef AS_NAME
    };
    return names[verdict];
}

void compare_published(const struct claim *c, struct text *out)
{
    if (compare_is(c, "floor") || compare_kind(c) == CLAIM_PAIRS || compare_is(c, "r2"))
        text_addf(out, "at least %.6g", c->published - c->tolerance);
    else if (compare_is(c, "ceiling"))
        text_addf(out, "at most %.6g", c->published + c->tolerance);
    else if (compare_is(c, "defaults"))
        text_addf(out, "%.6g differ", c->published);
    else
        text_addf(out, c->tolerance > 0 ? "%.6g +- %.3g" : "%.6g", c->published, c->tolerance);
}

void compare_estimate(const struct claim *c, struct text *out)
{
    char low[32], high[32];
    snprintf(low, sizeof low, "%.5g", c->low);
    snprintf(high, sizeof high, "%.5g", c->high);
    bool range = compare_is(c, "each") || compare_is(c, "final") || compare_kind(c) == CLAIM_FLOW;
    if (isnan(c->estimate))
        text_add(out, "-");
    else if (range && strcmp(low, high))
        text_addf(out, "%s .. %s", low, high);
    else if (!range && c->high > c->low)
        text_addf(out, "%.4g (95 %% %.4g .. %.4g)", c->estimate, c->low, c->high);
    else
        text_addf(out, "%.5g", c->estimate);
}
