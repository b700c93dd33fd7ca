/* Monomials in the columns of a run: what a fit regresses on, and what a claim compares.
 *
 *     T/B     d^0.5*T     X_exact     quadrature/plateau     1.51*d^0.49*T^0.99*B^-0.99/plateau
 *
 * Factors joined by * and /, no blanks; a factor is a positive number, or a column with an optional ^power. Columns are
 * the keys that are numbers, and those of MONOMIAL_COLUMNS. X is the inverse of the paper's growth rate at the start,
 * sqrt(d) T/(B r): the paper's r = sqrt(p^2 d + (1-p)^2) drops a cross term (E6), the exact one is sqrt(1 + p^2
 * (d-1)). */
#ifndef MONOMIAL_H
#define MONOMIAL_H
#include "run/result.h"

/* X(name, value of a const struct result *r, meaning). A crossing has the name of its level (result.h). */
// clang-format off
#define MONOMIAL_COLUMNS(X) \
    X("plateau", r->plateau, "plateau length") \
    X("flow", r->flow_plateau, "plateau length of the reduced flow from the same start (toy)") \
    X("eq6", r->predicted.eq6, "the paper's Eq. 6") \
    X("asinh", r->predicted.asinh, "the paper's escape time before its large-X approximation") \
    X("closed", r->predicted.closed, "closed form (p = 0)") \
    X("quadrature", r->predicted.quadrature, "jump time plus one quadrature") \
    X("chain", r->predicted.chain, "closed form of a chain of attentions (hops > 1)") \
    X("reduced", r->predicted.reduced, "plateau length of the reduced flow (regression Transformers)") \
    X("reduced_s50", r->predicted.reduced_s50, "when attention is a half in that flow") \
    X("reduced_closed", r->predicted.reduced_closed, "closed form of the latter") \
    X("emergence", r->predicted.emergence, "when attention passed a half, or the loss 0.8 for good; toy: the plateau") \
    X("forecast", r->predicted.forecast, "what was forecast of that at half of the time") \
    X("forecast_low", r->predicted.forecast_low, "lower end of its interval") \
    X("forecast_high", r->predicted.forecast_high, "upper end") \
    X("forecast_words", r->predicted.forecast_words, "rows of the trace in which something was forecast") \
    X("crossing_0.9", monomial_crossing(r, "0.9"), "first crossing of 0.9 of the null loss (recall: of accuracy 0.9)") \
    X("crossing_0.1", monomial_crossing(r, "0.1"), "first crossing of 0.1 of the null loss") \
    X("crossing_0.05", monomial_crossing(r, "0.05"), "recall: first crossing of accuracy 0.05") \
    X("crossing_midpoint", monomial_crossing(r, "midpoint"), "recall: of the accuracy (1/pairs + 1)/2") \
    X("X_paper", monomial_X(&r->keys, false), "sqrt(d) T/(B sqrt(p^2 d + (1-p)^2))") \
    X("X_exact", monomial_X(&r->keys, true), "sqrt(d) T/(B sqrt(1 + p^2 (d-1)))")
/* X(name of a column in older claims, name) */
#define MONOMIAL_OLD_NAMES(X) \
    X("leaves", "crossing_0.9") X("lands", "crossing_0.1") X("stirs", "crossing_0.05") X("halfway", "crossing_midpoint")
// clang-format on

enum { MONOMIAL_FACTORS = 8 };

/* constant x product of columns[i]^powers[i] */
struct monomial {
    double constant;
    size_t n;
    int columns[MONOMIAL_FACTORS]; /* a key, or KEY_COUNT + the index in MONOMIAL_COLUMNS */
    double powers[MONOMIAL_FACTORS];
};

/* ERR_INPUT names what is wrong. Overwrites *m. */
enum status monomial_parse(const char *text, struct monomial *m);
/* NaN where a column does not apply or was not measured. */
double monomial_value(const struct monomial *m, const struct result *r);
/* The crossing of a level (result.h); NaN if it was not crossed or that kind of run has none. */
double monomial_crossing(const struct result *r, const char *level);
/* True if the value depends on the key: it is a factor, or X is and the key is one of T, d, B, p. */
bool monomial_holds(const struct monomial *m, enum key key);
/* True if a factor is what theory expects of the run, which depends on the threshold that it is read at. */
bool monomial_expects(const struct monomial *m);
/* True if what a run in progress forecast is a factor. */
bool monomial_forecasts(const struct monomial *m);
/* True if `plateau` is a factor .. */
bool monomial_reads_plateau(const struct monomial *m);
/* .. with a positive power. */
bool monomial_grows_with_plateau(const struct monomial *m);
/* X above; NaN where T, d, B or p does not apply. */
double monomial_X(const struct keys *keys, bool exact);

#endif
