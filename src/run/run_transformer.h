/* One training run of a Transformer: keys -> task, model, optimizer -> steps -> evaluations -> crossings, plateau
 * length, trace.
 *
 * Every eval_every steps the test loss (recall: accuracy), its attention and the mean training loss since the last
 * evaluation make a row of the trace. A level is crossed at the first of two consecutive evaluations beyond it,
 * interpolated linearly between that one and the one before; the plateau length, in steps, is the crossing of
 * `threshold`. Switches of the schedule wait for a step, or for two evaluations in a row (schedule.h): attention is
 * that of the head that attends most in the test set (times B; recall: query to value), the training loss the mean in
 * the row. A run ends at the cap (censored, unless it has emerged), when what `until` asks for is crossed, when a loss
 * is not finite (diverged), or on request (interrupted). */
#ifndef RUN_TRANSFORMER_H
#define RUN_TRANSFORMER_H
#include "run/forecast.h"
#include "run/result.h"
#include "run/run_request.h"
#include "run/trace.h"

/* How it stands after an evaluation. */
struct run_transformer_report {
    double step, loss, accuracy; /* test loss as a fraction of the null loss; accuracy NaN for regression */
    double attention;            /* the largest of the probed ones */
    struct forecast forecast;    /* when attention will arrive */
    double tokens_per_s, seconds_per_step;
};

/* Overwrites *result; *trace (may be NULL) is begun and filled. ERR_INPUT (keys, checkpoint), ERR_MEMORY, ERR_IO,
 * ERR_PROGRAM. */
enum status run_transformer(const struct keys *keys, const struct run_request *request, struct result *result,
                            struct trace *trace);

#endif
