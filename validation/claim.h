/* Claims: what somebody states about plateau lengths, as numbers that can be measured here. This module has their
 * structure, reads them from YAML (doc/claims.md explains the format) and puts them into words. judge.h measures them
 * and gives the verdicts.
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
 *       corrected: E8.B                                      # .. the claim that states what holds instead */
#ifndef CLAIM_H
#define CLAIM_H
#include "base/keys.h"
#include "run/reading.h"
#include "base/text.h"

/* The quantities that a claim can be about: X(name, measured by, basis, rule, spread, on, of).
 *
 *     measured by   the function measure_NAME of quantity.c
 *     basis         what it is measured on: a FIT to runs, RUNS one by one, PAIRS of runs, CURVES, a FLOW, the KEYS
 *     rule          reproduced is: BAND, inside published +- tolerance; AT_LEAST, at least published - tolerance;
 *                   AT_MOST, at most published + tolerance
 *     spread        low and high are: INTERVAL, the ends of the 95 % interval; RANGE, the smallest and the largest of
 *                   several values, all of which have to agree; POINT, the estimate once more
 *     on, of        what these two fields of the claim hold; "": the field is not allowed (on) or not needed (of) */
// clang-format off
#define QUANTITIES(X) \
    X(exponent, exponent, FIT,    BAND,     INTERVAL, "regressors", "regressor") \
    X(constant, constant, FIT,    BAND,     INTERVAL, "regressors", "") \
    X(r2,       r2,       FIT,    AT_LEAST, POINT,    "regressors", "") \
    X(each,     each,     RUNS,   BAND,     RANGE,    "", "monomial") \
    X(mean,     mean,     RUNS,   BAND,     INTERVAL, "", "monomial") \
    X(gmean,    gmean,    RUNS,   BAND,     INTERVAL, "", "monomial") \
    X(typical,  typical,  RUNS,   AT_MOST,  POINT,    "", "monomial") \
    X(share,    share,    RUNS,   AT_LEAST, POINT,    "factor", "monomial") \
    X(carries,  carries,  RUNS,   AT_MOST,  POINT,    "regressors", "monomial") \
    X(strays,   carries,  RUNS,   AT_LEAST, POINT,    "regressors", "monomial") \
    X(speedup,  speedup,  PAIRS,  AT_LEAST, INTERVAL, "", "key=value words") \
    X(gain,     gain,     PAIRS,  AT_LEAST, INTERVAL, "regressors", "key=value words") \
    X(final,    final,    CURVES, BAND,     RANGE,    "", "trace column") \
    X(value,    flow,     FLOW,   BAND,     RANGE,    "", "measure or monomial") \
    X(floor,    flow,     FLOW,   AT_LEAST, RANGE,    "", "measure or monomial") \
    X(ceiling,  flow,     FLOW,   AT_MOST,  RANGE,    "", "measure or monomial") \
    X(defaults, defaults, KEYS,   BAND,     POINT,    "", "key=value words")
// clang-format on

enum quantity {
#define AS_ENUMERATOR(name, ...) QUANTITY_##name,
    QUANTITIES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        QUANTITY_COUNT
};
enum claim_basis { CLAIM_FIT, CLAIM_RUNS, CLAIM_PAIRS, CLAIM_CURVES, CLAIM_FLOW, CLAIM_KEYS };
enum claim_rule { CLAIM_BAND, CLAIM_AT_LEAST, CLAIM_AT_MOST };
enum claim_spread { CLAIM_INTERVAL, CLAIM_RANGE, CLAIM_POINT };

/* Runs before the change were cut off: the ratio is at least this; after it: at most; of both: neither. */
#define CLAIM_BOUNDS(X) X(CLAIM_EXACT, "") X(CLAIM_LOWER, "lower") X(CLAIM_UPPER, "upper") X(CLAIM_NEITHER, "neither")
enum claim_bound {
#define AS_ENUMERATOR(name, text) name,
    CLAIM_BOUNDS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
};

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

struct claim {
#define AS_FIELD(field, size) char field[size];
    CLAIM_TEXTS(AS_FIELD)
#undef AS_FIELD
    double published, tolerance, at; /* at: threshold of the plateau length; 0: READING_USUAL */
    enum quantity kind;              /* the one that `quantity` names */
    size_t line;
    /* the outcome, filled by judge_claims */
    enum verdict verdict;
    double estimate, low, high; /* NaN: not measured; what low and high are depends on the quantity (its spread) */
    enum claim_bound bound;     /* the estimate is less than an estimate, since runs of a ratio were cut off */
    size_t runs;                /* that were used; 0 where none is needed */
    char read_at[READING_TEXT]; /* the threshold of the lengths that were used, in words; "": none were */
    char why[320];              /* what would decide an inconclusive one, or what the estimate hides */
};

struct claims {
    struct claim *list; /* owned */
    size_t n;
};

/* Reads the claims of a file, or (NULL) those that ship with the program, of the theory and of the Transformers.
 * ERR_INPUT "path: line: ..". Release with claim_free, also after an error. */
enum status claim_read(const char *path, struct claims *claims);
void claim_free(struct claims *claims);

enum claim_basis claim_basis(const struct claim *claim);
enum claim_rule claim_rule(const struct claim *claim);
enum claim_spread claim_spread(const struct claim *claim);
/* The key in `best`; KEY_COUNT if there is none. */
enum key claim_best(const struct claim *claim);
/* The threshold at which its runs are read: the same for all, whatever each was last asked for. */
double claim_threshold(const struct claim *claim);
/* The claim that states what holds instead of `claim`; NULL if there is none in the list. */
const struct claim *claim_corrected(const struct claims *claims, const struct claim *claim);
/* True if the claim (not a choice) deviates and no corrected claim in the list is reproduced: what --strict counts. */
bool claim_counts(const struct claims *claims, const struct claim *claim);

/* ---- in words ---- */

/* Overwrites claim->why, cut at its end. printf style. */
void claim_say(struct claim *claim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, after what is there and "; ". */
void claim_add(struct claim *claim, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *claim_verdict_name(enum verdict verdict);
/* "", "lower", "upper", "neither". */
const char *claim_bound_name(enum claim_bound bound);
/* "0.99 +- 0.03", "at least 1000": the published value. Appended. */
void claim_published(const struct claim *claim, struct text *out);
/* "0.9866 (95 % 0.983 .. 0.9902)", "at most 0.6 (95 % to 0.7)", "0.997 .. 1.004", "-": the estimate. Appended. */
void claim_estimate(const struct claim *claim, struct text *out);

#endif
