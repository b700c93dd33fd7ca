/* One run of a Transformer's reduced flow (model=reduced), and what that flow predicts of a Transformer that is
 * trained: keys -> setting -> integration -> result, trace, prediction. */
#ifndef RUN_REDUCED_H
#define RUN_REDUCED_H
#include "models/ode.h"
#include "run/result.h"
#include "run/trace.h"

/* Overwrites *result. trace may be NULL; else rows are appended, one per step of the integrator. A flow that does not
 * emerge within `steps` is censored. ERR_INPUT, ERR_SOLVER, ERR_MEMORY. */
enum status run_reduced(struct ode *ode, const struct keys *keys, struct result *result, struct trace *trace);
/* reduced, reduced_closed and their errors of a regression Transformer, into *predicted (its other fields stay). They
 * are NaN where the flow is not about such a Transformer, or has not been compared with one (doc/theory.md). For two
 * layers it is that of one layer with one head, an upper bound. A flow that cannot be integrated is no error. */
enum status run_reduced_expect(struct ode *ode, const struct keys *keys, struct prediction *predicted);

#endif
