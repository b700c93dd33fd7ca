/* One fit from a store to its report: power law, local exponents, bootstrap, comparison of forms; as text, JSON and
 * residuals.
 *
 * The forms compared on the same runs, by AICc (power_law.h):
 *     power law              C x_1^g1 x_2^g2 ..
 *     power law x log X      the same times log X, X = sqrt(d) T/(B sqrt(p^2 d + (1-p)^2)): Eq. 6 is (X/2) log(eps X)
 *     c eq6, c closed, ..    a stored prediction times one free constant
 * A form is left out, and counted as such, if its factor is undefined for one of the runs: all forms see the same
 * data. */
#ifndef FIT_H
#define FIT_H
#include "validation/dataset.h"
#include "base/text.h"

/* X(name, column of monomial.h that multiplies, has the regressors) */
#define FIT_FORMS_TABLE(X)                                                                                             \
    X("power law", NULL, true)                                                                                         \
    X("power law x log X", "X_paper", true)                                                                            \
    X("c eq6", "eq6", false)                                                                                           \
    X("c asinh", "asinh", false)                                                                                       \
    X("c closed", "closed", false)                                                                                     \
    X("c quadrature", "quadrature", false)                                                                             \
    X("c flow", "flow", false)
enum { FIT_FORMS = 7 };

struct fit {
    struct dataset set;
    struct power_law law;
    struct power_law_ends ends[POWER_LAW_MAX];
    struct power_law_bootstrap bootstrap; /* fitted = 0: not possible, too few runs */
    struct power_law_rank ranks[FIT_FORMS];
    size_t undefined[FIT_FORMS]; /* runs for which the form's factor is undefined: > 0, not ranked */
    bool ranked;                 /* false: too few runs for AICc */
};

/* What to fit. Zero-initialise. */
struct fit_request {
    const char *on;       /* regressors; NULL: those of d, T, B that vary */
    double threshold;     /* READING_OWN or a fraction */
    const char *response; /* NULL: the plateau length; else a column (monomial.h) in its place */
};

/* A threshold among the filters is that of the request. ERR_INPUT: no run matches, two thresholds are asked for, and
 * the errors of dataset.h and power_law.h. Release with fit_free, also after an error. */
enum status fit_run(struct store *store, const struct store_filter *filter, const struct fit_request *request,
                    struct fit *fit);
/* "1.512 d^0.489 T^0.987". Appended. */
void fit_formula(const struct fit *fit, struct text *out);
/* A page for people; one JSON object on one line. Appended. */
void fit_text(const struct fit *fit, struct text *out);
void fit_json(const struct fit *fit, struct text *out);
/* A CSV line a run: id, the keys that apply to any of them, y, fit, residual (log y - log fit), censored
 * (no, yes, or bracket: between two evaluations, y the first beyond where there is none before). `store` and
 * `filter` as given to fit_run. Appended. */
enum status fit_residuals(const struct fit *fit, struct store *store, const struct store_filter *filter,
                          struct text *out);
/* A zeroed struct is accepted. */
void fit_free(struct fit *fit);

#endif
