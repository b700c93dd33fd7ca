/* The outcome of a run, its result and its curve, as the bytes that a worker process sends (scheduler.h). */
#ifndef OUTCOME_H
#define OUTCOME_H
#include "run/run.h"

/* Only the same build can read the bytes. A different OUTCOME_BYTES shows that two builds differ. */
enum { OUTCOME_BYTES = sizeof(struct result) + sizeof(struct trace) };

/* Makes the run of `keys` (run_any) and appends its outcome to *bytes, with its curve if that is wanted.
 * ERR_INTERRUPTED: the run was stopped, and has no outcome. */
enum status outcome_make(struct run_context *context, const struct keys *keys, bool with_curve, struct text *bytes);
/* Reads them back. The curve's rows are borrowed from `bytes`, which are aligned for numbers; it has none if it was not
 * wanted. */
void outcome_read(const void *bytes, struct result *result, struct trace *curve);

#endif
