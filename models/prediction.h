/* Predictions of the plateau length, in closed form and by one quadrature, to be set beside the integrated flow.
 *
 * eq6, asinh   the paper's escape time from the linearised flow (Eq. 6 and its source), in its own rate, whatever the
 *              metric: X = sqrt(d) T/(B sqrt(p^2 d + (1-p)^2)), eps = 1 - threshold,
 *              asinh = (X/2) asinh(eps X),  eq6 = (X/2) ln(eps X)
 * closed       (p = 0) T_jump + d [2 om + om^2/2 + ln((1-om)/(1-q))]
 * quadrature   T_jump + the slow phase as an integral
 * with T_jump = [Phi(delta) + M(x_0) - C]/lambda_0, the arrival time of a particle that falls in a logarithmic
 * potential (doc/theory.md). closed and quadrature use only w(0) of the start: they neglect u, which must be
 * unlearned. */
#ifndef PREDICTION_H
#define PREDICTION_H
#include "models/flow.h"

/* X(name, meaning): fields of the JSON object `predicted`, in this order: of flow and toy, in time; of chains of
 * attentions (chain.h); of regression Transformers and their reduced flow (reduced.h), in steps. */
#define PREDICTIONS_FLOW(X)                                                                                            \
    X(eq6, "the paper's Eq. 6")                                                                                        \
    X(asinh, "the paper's escape time before its large-X approximation")                                               \
    X(closed, "closed form (p = 0)")                                                                                   \
    X(quadrature, "jump time plus one quadrature")
#define PREDICTIONS_CHAIN(X) X(chain, "closed form of a chain of attentions (hops > 1)")
#define PREDICTIONS_TRANSFORMER(X)                                                                                     \
    X(reduced, "plateau length of a Transformer's reduced flow")                                                       \
    X(reduced_error, "its stated error, root mean square of ln(predicted/measured)")                                   \
    X(reduced_s50, "when half of the attention is on the relevant tokens in that flow")                                \
    X(reduced_closed, "closed form of the latter")                                                                     \
    X(reduced_closed_error, "its stated error")
/* Of runs in progress (run_forecast.h), in their unit. */
#define PREDICTIONS_RUN(X)                                                                                             \
    X(emergence, "when attention passed a half, or the loss 0.8 for good; toy: the plateau")                           \
    X(forecast, "what was said of it at half of that time (censored: of the cap); none: could not tell")               \
    X(forecast_low, "lower end of the 80 % interval")                                                                  \
    X(forecast_high, "upper end")                                                                                      \
    X(forecast_words, "rows of the trace in which something was said")
#define PREDICTIONS(X) PREDICTIONS_FLOW(X) PREDICTIONS_CHAIN(X) PREDICTIONS_TRANSFORMER(X) PREDICTIONS_RUN(X)

/* NaN where undefined. */
struct prediction {
#define AS_FIELD(name, meaning) double name;
    PREDICTIONS(AS_FIELD)
#undef AS_FIELD
    double lambda0, delta, jump, w_jump, om, q, w_q, integral; /* the pieces of `quadrature`, for tests and the curious
                                                                  */
    double start; /* what w(0) adds to the jump, [M(x_0) - C]/lambda_0 (Mills ratio M): 0 from w(0) = 0; u(0) is
                     neglected */
};

extern const struct prediction prediction_none; /* nothing is defined */
struct prediction_workspace;                    /* GSL's; one per thread, opaque */
enum status prediction_create(struct prediction_workspace **workspace);
void prediction_free(struct prediction_workspace *workspace);

/* All predictions for the time at which `loss` falls to threshold x null loss. Overwrites *out. `quadrature` is NaN
 * unless it is known to be within a factor of 2 of the integrated flow (what it leaves out is small), and so is
 * `closed`, which in addition is within 30 % of `quadrature`. Allocates nothing. */
void prediction_compute(struct prediction_workspace *workspace, const struct flow *f, enum loss loss, double threshold,
                        struct prediction *out);

/* `closed` alone, without the quadrature; NaN for p > 0. */
double prediction_closed(const struct flow *f, enum loss loss, double threshold);
/* The largest relative error of `closed` against the integrated flow, as measured (doc/theory.md; test_prediction holds
 * the program to it): zero start, unit columns, p = 0, threshold 0.2, T 64..16384, d 4..512, B = 1 or 4..16, metric
 * full or paper. NaN elsewhere: not known. */
double prediction_closed_error(const struct flow *f, double threshold);

/* Near the start. lambda: the growth rate of the linearised flow from the zero start (the positive root), any p. */
double prediction_rate(const struct flow *f);
/* The rate the paper states: B sqrt(p^2 d + (1-p)^2)/(sqrt d T). */
double prediction_rate_paper(const struct flow *f);
/* w, D and L at time t of the linearised flow, p = 0 and zero start. Overwrites the three outputs. */
void prediction_linear(const struct flow *f, double t, double *w, double *D, double *L);
/* Time at which the loss has dropped by the fraction eps, from the noise-free plateau law (p = 0, or training loss and
 * eps < p): (Phi/lambda_0) erf(sqrt D_x). */
double prediction_drop(const struct flow *f, double eps);

#endif
