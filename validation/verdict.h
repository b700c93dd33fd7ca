/* The verdict on a claim, and in c->why what would decide an open one or what the estimate hides: what was left out of
 * it, and how that weakens it. */
#ifndef VERDICT_H
#define VERDICT_H
#include "compare.h"

/* Overwrites c->why, cut at its end. printf style. */
void verdict_say(struct claim *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The runs are missing: where they come from. */
void verdict_missing(struct claim *c);
/* How many runs would decide. */
void verdict_more_runs(struct claim *c);
/* Runs are left out that could change the verdict: it becomes inconclusive, unless one run is enough for it. */
void verdict_doubt(struct claim *c);
/* n runs are left out and may decide: that did not record the threshold; that were past it at
 * their first evaluation. */
void verdict_unknown(struct claim *c, size_t n);
void verdict_late(struct claim *c, size_t n);
/* n runs are left out that were over the threshold from the start: they say nothing, and the others decide. */
void verdict_at_once(struct claim *c, size_t n);

#endif
