#include "verdict.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void verdict_say(struct claim *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->why, sizeof c->why, format, arguments);
    va_end(arguments);
}

/* The runs are missing: where they come from. */
void verdict_missing(struct claim *c)
{
    if (*c->study)
        verdict_say(c, "no such run in study %s; `plateau reproduce --scale %s` makes them", c->study,
                    *c->scale ? c->scale : "quick");
    else
        verdict_say(c, "no run matches: %.150s", *c->where ? c->where : "the database is empty");
}

/* An interval shrinks as the root of the number of runs: how many it takes until it is as narrow as the tolerance and
 * does not cross the edge of the band. */
void verdict_more_runs(struct claim *c)
{
    double half = (c->high - c->low) / 2, off = fabs(c->estimate - c->published), to_edge = fabs(off - c->tolerance);
    double need = off <= c->tolerance ? c->tolerance : to_edge, factor = pow(half / need, 2);
    if (factor < 1e3)
        verdict_say(c, "the interval %s; about %.0f runs of this spread would decide, there are %zu",
                    off <= c->tolerance ? "is wider than the tolerance" : "crosses the edge of the band",
                    ceil(factor * (double)c->runs), c->runs);
    else
        verdict_say(c, "the estimate lies on the edge of the band; more runs will not decide soon");
}

/* Runs are left out: one of them could be the one that deviates, and all together move a mean or a law. */
void verdict_doubt(struct claim *c)
{
    const bool one_is_enough = compare_is(c, "each") || compare_is(c, "final") || compare_is(c, "speedup");
    if (!one_is_enough || c->verdict == VERDICT_REPRODUCED)
        c->verdict = VERDICT_INCONCLUSIVE;
}

void verdict_unknown(struct claim *c, size_t unknown)
{
    verdict_doubt(c);
    verdict_say(
        c,
        "%zu more runs did not record the threshold asked for (they ended before it, or were imported) and are left "
        "out",
        unknown);
}

/* They say nothing of a law, so the others decide. */
void verdict_at_once(struct claim *c, size_t n)
{
    verdict_say(c, "%zu runs were over the threshold from the start (recall: guessing gives 1/vocab) and are left out",
                n);
}

/* An upper bound alone: it would move a mean, or be the one that deviates. */
void verdict_late(struct claim *c, size_t n)
{
    verdict_doubt(c);
    verdict_say(c, "%zu runs were past the threshold at their first evaluation, and are left out: a smaller eval_every",
                n);
}
