/* Two rows of one run: which of them goes further, and whether they agree in what both know.
 *
 * A run's hash does not depend on how long it was asked to go on, nor on the threshold that was read. So the same run
 * may be there twice, and the shorter row must be the beginning of the longer one: training gives the same bits
 * whatever was asked of it. */
#ifndef AGREE_H
#define AGREE_H

#include "run/result.h"
#include "base/text.h"

/* Does `a` know more of the run than `b`: finished where b was interrupted, or else trained for longer? */
bool agree_further(const struct result *a, const struct result *b);

/* Appends to *why in what two rows of one run contradict each other; nothing if one of them was interrupted. Rows with
 * two thresholds may differ in all that follows from the threshold. ERR_MEMORY. */
enum status agree_differences(const struct result *a, const struct result *b, struct text *why);

#endif
