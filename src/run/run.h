/* One run of any kind: what a grid or a study does again and again. */
#ifndef RUN_H
#define RUN_H
#include "run/run_flow.h"
#include "run/run_transformer.h"

/* What runs of one process share, and how they are to be made. Zero-initialise; release with run_free. */
struct run_context {
    struct run_flow *tools;     /* owned: made when first needed */
    struct run_request request; /* for training runs */
};

/* ERR_INPUT if the keys are legal, but no such run can be made here. */
enum status run_check(const struct keys *keys);
/* The run of `keys`; in a sweep (request.folder) a damaged checkpoint is set aside, and the run begins anew: overwrites
 * *result, and *trace unless it is NULL. Errors as run_flow, run_toy, run_transformer. */
enum status run_any(struct run_context *context, const struct keys *keys, struct result *result, struct trace *trace);
/* What theory expects of the run of `keys`, without it, into *result: predicted, and of the toy flow_plateau and
 * null_loss; the other fields stay. A flow is no prediction of itself. ERR_SOLVER, ERR_MEMORY. */
enum status run_expect(struct run_flow *tools, const struct keys *keys, struct result *result);
void run_free(struct run_context *context);

#endif
