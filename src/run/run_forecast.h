/* The forecast of a run in progress, from its own trace: forecast.h, for each head of a Transformer that learns
 * regression, and for the toy model by its own w.
 *
 * The toy's trace has w beside the attention s and the scores D, so that both of its rates can be read off (w over its
 * final value n):
 *
 *     w = w_0 + kappa int s (1 - s w) dt,    D = D_0 + gamma int s (1-s) w (1 - s w) dt
 *
 * by least squares on the last half of the time. Divided by each other they have an integral, with b = B/(T-B) and
 * s = 1/(1 + e^-D/b), and what is left of the plateau is one quadrature to its end at s w = 1 - sqrt(threshold):
 *
 *     w^2 = w_n^2 + 2 (kappa/gamma) [D - D_n + b (e^D - e^D_n)]
 *     T   = t_n + int dD/[gamma s (1-s) w (1 - s w)]
 *
 * It is for SGD and exact gradients, one attention and p = 0. Of other runs nothing is said.
 *
 * Times are those of the trace: steps, or of the toy steps x lr. A forecast is made anew when the time has grown by
 * 2 %, that of the toy, whose steps are quick, by 20 %; until then the last one stands. */
#ifndef RUN_FORECAST_H
#define RUN_FORECAST_H
#include "run/forecast.h"
#include "run/result.h"
#include "run/trace.h"

/* Is anything said of such a run? */
bool run_forecast_applies(const struct keys *keys);
/* Fills in the forecast columns of the last row of the trace of such a run. since: rows before this time do not count
 * (the last switch of a schedule; 0). n: the toy's final w. *scratch: owned by the
 * caller, grows as needed ([*room] numbers). Overwrites *now if the forecast is made anew. ERR_MEMORY. */
enum status run_forecast_note(const struct keys *keys, struct trace *trace, double since, double n, double **scratch,
                              size_t *room, struct forecast *now);
/* What the trace says at its end, into the fields emergence, forecast, .. of r->predicted; the rest of *r is known. */
void run_forecast_finish(const struct trace *trace, struct result *r);

#endif
