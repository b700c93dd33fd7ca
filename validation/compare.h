/* The comparator: claims (claims*.yaml, or a user's own file) against the runs of a database. doc/claims.md explains
 * the format.
 *
 *     - id: C5.B
 *       source: Fig. 2 left
 *       statement: B exponent of the plateau length          # in words
 *       quantity: exponent
 *       of: B
 *       on: d,T,B
 *       where: model=flow metric=full                        # which runs or flow: key=value words, lists, ranges
 *       study: fig2-left                                     # only the runs of that study (default: any)
 *       published: -0.99
 *       tolerance: 0.03
 *       erratum: E8                                          # a deviation that is known, and ..
 *       corrected: E8.B                                      # .. the claim that states what holds instead
 *
 * Quantities, X(name, kind, of):
 *     of a fit on the runs (on: its regressors; response: a prediction in place of the plateau length)
 *     of the runs, each or their mean: a monomial (monomial.h), such as plateau/flow
 *     of pairs of runs: how many times shorter the plateau is with the keys in `of` than with those in `where`, else
 *         equal runs (speedup), and the exponent of that in the first regressor of `on` (gain)
 *     of the curves: a trace column in its last row, or the difference of two (`accuracy_train-accuracy_test`), in each
 *         run; without a head (`copy_l3`), the largest over the heads
 *     of one flow, which needs no runs: a measure (measure.h) or a monomial; if `where` describes several, the worst
 *         counts
 *     of the keys: how many defaults of the kind of run in `where` differ from those in `of`
 *
 * Verdict: reproduced, if the estimate is inside published +- tolerance and the 95 % half-width is at most the
 * tolerance; deviates, if the interval misses that band; else inconclusive. What has no interval is a point. One-sided:
 * r2, floor, speedup and gain (at least published - tolerance), ceiling (at most published + tolerance). `each` and
 * `final` reproduce if every run is inside the band. */
#ifndef COMPARE_H
#define COMPARE_H
#include "reading.h"
#include "store.h"

#define QUANTITIES(X)                                                                                                  \
    X(exponent, FIT, "regressor")                                                                                      \
    X(constant, FIT, "")                                                                                               \
    X(r2, FIT, "")                                                                                                     \
    X(each, RUNS, "monomial")                                                                                          \
    X(mean, RUNS, "monomial")                                                                                          \
    X(speedup, PAIRS, "key=value words")                                                                               \
    X(gain, PAIRS, "key=value words")                                                                                  \
    X(final, CURVES, "trace column")                                                                                   \
    X(value, FLOW, "measure or monomial")                                                                              \
    X(floor, FLOW, "measure or monomial")                                                                              \
    X(ceiling, FLOW, "measure or monomial")                                                                            \
    X(defaults, KEYS, "key=value words")

#define VERDICTS(X)                                                                                                    \
    X(VERDICT_REPRODUCED, "reproduced") X(VERDICT_DEVIATES, "deviates") X(VERDICT_INCONCLUSIVE, "inconclusive")
enum verdict {
#define AS_ENUMERATOR(name, text) name,
    VERDICTS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
};

/* X(field, size): the text fields of a claim, "" where not given. grid: in words, where the source gives none or
 * another: an own grid. scale: the smallest one at which the study holds these runs ("" for quick). best: a key; of
 * runs that differ in it alone the fastest counts. choice: what the source leaves open and is chosen here; the claim
 * says how well that fits, and is no statement of the source. */
// clang-format off
#define CLAIM_TEXTS(X) \
    X(id, 32) \
    X(source, 64) \
    X(statement, 256) X(quantity, 16) X(of, 200) X(on, 80) X(response, 40) X(where, 200) X(study, 64) X(scale, 16) \
    X(best, 16) X(choice, 64) X(grid, 128) X(figure, 16) X(erratum, 8) X(corrected, 32)
// clang-format on

struct dataset;
struct power_law;

struct claim {
#define AS_FIELD(field, size) char field[size];
    CLAIM_TEXTS(AS_FIELD)
#undef AS_FIELD
    double published, tolerance, at; /* at: threshold of the plateau length; 0: READING_USUAL */
    size_t line;
    /* the outcome, filled by compare_run */
    enum verdict verdict;
    double estimate, low, high; /* NaN: not measured; low = high: no interval */
    size_t runs;                /* that were used; 0 where none is needed */
    char read_at[READING_TEXT]; /* the threshold of the lengths that were used, in words; "": none were */
    char why[200];              /* what would decide an inconclusive one, or what the estimate hides */
};

struct claims {
    struct claim *list; /* owned */
    size_t n;
};

const char *compare_verdict_name(enum verdict verdict);
/* The rule above, for a quantity with an interval; NaN anywhere is inconclusive. */
enum verdict compare_verdict(double estimate, double low, double high, double published, double tolerance);
/* Reads the claims of a file, or (NULL) those that ship with the program, of the theory and of the Transformers
 * (compare_read.c). ERR_INPUT "path: line: ..". Release with compare_free, also after an error. */
enum status compare_read(const char *path, struct claims *claims);
/* Measures every claim on the runs of `store` and fills in the outcomes. */
enum status compare_run(struct store *store, struct claims *claims);

/* What a claim rests on: a fit, or the value of each run. Everything is borrowed, until the witness returns. */
struct compare_value {
    int64_t id;
    double value;
};
struct compare_evidence {
    const struct claim *claim;
    const struct dataset *set;   /* of a fit (of `gain`: of the ratios), else NULL */
    const struct power_law *law; /* with its residuals */
    size_t n;
    const struct compare_value *runs; /* without a fit; of speedup: the ratio, and the run before the change */
};
/* Called after each claim that has such evidence; a status other than OK ends the comparison. */
typedef enum status compare_witness(void *context, const struct compare_evidence *evidence);
/* compare_run, with a witness (NULL: none). */
enum status compare_watch(struct store *store, struct claims *claims, compare_witness *witness, void *context);
/* The claim that states what holds instead of `claim`; NULL if there is none in the list. */
const struct claim *compare_corrected(const struct claims *claims, const struct claim *claim);
/* True if the claim (not a choice) deviates and no corrected claim in the list is reproduced: what --strict counts. */
bool compare_counts(const struct claims *claims, const struct claim *claim);
/* "0.99 +- 0.03", "at least 1000": the published value. Appended. */
void compare_published(const struct claim *claim, struct text *out);
/* "0.9866 (95 % 0.983 .. 0.9902)", "0.997 .. 1.004 (each of 15)", "-": the estimate. Appended. */
void compare_estimate(const struct claim *claim, struct text *out);
void compare_free(struct claims *claims);

/* Kinds of quantity, and that of a claim; CLAIM_NONE if it has no such quantity. */
enum claim_kind { CLAIM_FIT, CLAIM_RUNS, CLAIM_PAIRS, CLAIM_CURVES, CLAIM_FLOW, CLAIM_KEYS, CLAIM_NONE };
enum claim_kind compare_kind(const struct claim *claim);
/* The key in `best`; KEY_COUNT if there is none. */
enum key compare_best(const struct claim *claim);
/* True if the claim's quantity is called `name`. */
bool compare_is(const struct claim *claim, const char *name);

#endif
