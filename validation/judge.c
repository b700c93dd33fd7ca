#include "validation/judge.h"
#include <math.h>

enum verdict judge_verdict(const struct claim *c)
{
    const enum claim_rule rule = claim_rule(c);
    const double from = rule == CLAIM_AT_MOST ? -INFINITY : c->published - c->tolerance;
    const double to = rule == CLAIM_AT_LEAST ? INFINITY : c->published + c->tolerance;
    if (isnan(c->estimate) || isnan(c->low) || isnan(c->high))
        return VERDICT_INCONCLUSIVE;
    if (claim_spread(c) == CLAIM_RANGE)
        return c->low >= from && c->high <= to ? VERDICT_REPRODUCED : VERDICT_DEVIATES;
    if (c->high < from || c->low > to)
        return VERDICT_DEVIATES;
    const bool good = rule == CLAIM_BAND
                          ? c->estimate >= from && c->estimate <= to && (c->high - c->low) / 2 <= c->tolerance
                          : c->low >= from && c->high <= to;
    return good ? VERDICT_REPRODUCED : VERDICT_INCONCLUSIVE;
}

/* ---- what would decide ---- */

/* The runs are missing: where they come from. */
static void say_missing(struct claim *c)
{
    if (*c->study)
        claim_say(c, "no such run in study %s; `plateau reproduce --scale %s` makes them", c->study,
                  *c->scale ? c->scale : "quick");
    else
        claim_say(c, "no run matches: %.150s", *c->where ? c->where : "the database is empty");
}

/* An interval shrinks as the root of the number of runs: how many it takes until it is as narrow as the tolerance and
 * does not cross the edge of the band. */
static void say_more_runs(struct claim *c)
{
    double half = (c->high - c->low) / 2, off = fabs(c->estimate - c->published), to_edge = fabs(off - c->tolerance);
    double need = off <= c->tolerance ? c->tolerance : to_edge, factor = pow(half / need, 2);
    if (claim_rule(c) != CLAIM_BAND)
        claim_say(c, "the interval of %zu pairs of runs contains %g; more seeds or a larger grid would narrow it",
                  c->runs, c->published - c->tolerance);
    else if (factor < 100)
        claim_say(c, "the interval %s; about %.0f runs of this spread would decide, there are %zu",
                  off <= c->tolerance ? "is wider than the tolerance" : "crosses the edge of the band",
                  ceil(factor * (double)c->runs), c->runs);
    else
        claim_say(c, "the estimate lies on the edge of the band; more runs will not decide soon");
}

/* ---- runs that are left out ---- */

/* One of them could be the one that deviates, and all together move a mean or a law. */
static void doubt(const struct measurement *m, struct claim *c)
{
    if (!m->deviation_stands || c->verdict == VERDICT_REPRODUCED)
        c->verdict = VERDICT_INCONCLUSIVE;
}

static void weigh_left_out(const struct measurement *m, struct claim *c)
{
    if (m->at_once) /* they say nothing, so the others decide */
        claim_add(c,
                  "%zu runs were over the threshold from the start (recall: guessing gives 1/vocab) and are left out",
                  m->at_once);
    if (m->stopped)
        claim_add(c, "%zu more runs were ended when they had emerged (until), and are left out", m->stopped);
    if (m->silent)
        claim_add(c, "%zu of %zu runs could not tell at half-time, and are left out", m->silent, m->n + m->silent);
    if (m->unknown || m->partners || m->late || m->diverged || m->undefined)
        doubt(m, c);
    if (m->unknown)
        claim_say(c,
                  "%zu more runs did not record the threshold asked for (they ended before it, or were imported) and "
                  "are left out",
                  m->unknown);
    else if (m->partners)
        claim_say(c,
                  "of %zu pairs with %.60s too little is known (cut off on both sides, diverged); a larger cap (steps) "
                  "may tell",
                  m->partners, c->of);
    else if (m->late)
        claim_say(c,
                  "%zu runs were past the threshold at their first evaluation, and are left out: a smaller eval_every",
                  m->late);
    else if (m->diverged)
        claim_say(c, "%zu more runs diverged and are left out: a smaller lr", m->diverged);
    else if (m->undefined)
        claim_say(c, "%zu of %zu runs have no %.60s; %s", m->undefined, m->n + m->undefined, c->of,
                  m->uncrossed ? "some did not emerge: a larger cap (steps) may give it"
                               : "it is not defined or was not stored for such runs");
}

/* A bound stands for one verdict alone. */
static void weigh_bound(const struct measurement *m, struct claim *c)
{
    const enum verdict stands = c->bound == CLAIM_LOWER   ? VERDICT_REPRODUCED
                                : c->bound == CLAIM_UPPER ? VERDICT_DEVIATES
                                                          : VERDICT_INCONCLUSIVE;
    if (c->bound == CLAIM_EXACT || c->verdict == stands)
        return;
    if (c->verdict != VERDICT_INCONCLUSIVE || !*c->why)
        claim_say(c,
                  "%zu of %zu runs were cut off before they emerged%s: the ratio may be %s; a larger cap (steps) tells",
                  m->cut + m->cut_after, m->n, c->bound == CLAIM_NEITHER ? ", on both sides" : "",
                  c->bound == CLAIM_LOWER   ? "larger"
                  : c->bound == CLAIM_UPPER ? "smaller"
                                            : "anything");
    c->verdict = VERDICT_INCONCLUSIVE;
}

/* ---- all ---- */

static void judge(const struct measurement *m, struct claim *c)
{
    const bool needs_runs = claim_basis(c) != CLAIM_FLOW && claim_basis(c) != CLAIM_KEYS;
    c->verdict = m->some_undefined ? VERDICT_INCONCLUSIVE : judge_verdict(c);
    if (needs_runs && !c->runs && !*c->why)
        say_missing(c);
    else if (c->verdict == VERDICT_INCONCLUSIVE && claim_spread(c) == CLAIM_INTERVAL && !*c->why)
        say_more_runs(c);
    weigh_bound(m, c);
    weigh_left_out(m, c);
}

enum status judge_claims(struct store *store, struct claims *claims, judge_witness *witness, void *context)
{
    enum status rc = OK;
    struct measurement m = {.store = store};
    for (size_t i = 0; i < claims->n && rc == OK; i++) {
        struct claim *c = &claims->list[i];
        c->verdict = VERDICT_INCONCLUSIVE;
        rc = quantity_measure(&m, c);
        if (rc == OK)
            judge(&m, c);
        if (rc == OK && witness && (m.law || m.n))
            rc = witness(context, &(struct judge_evidence){c, m.set, m.law, m.n, m.values});
        if (rc != OK)
            error_prefix(rc, "claim %s", c->id);
    }
    quantity_free(&m);
    return rc;
}
