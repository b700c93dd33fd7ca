/* Runs in words, for people. */
#ifndef DESCRIBE_H
#define DESCRIBE_H
#include "run/result.h"

/* What became of a run: its length, what that says less than it seems to, and what theory expects of it. Appended. */
void describe_run(const struct result *r, struct text *out);
/* What theory expects of it, one line each, and by how much that differs from `plateau` (NaN: from nothing). Appended.
 * */
void describe_expected(const struct result *r, double plateau, struct text *out);

#endif
