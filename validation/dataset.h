/* From the rows of a store to the columns of a fit: y = plateau length (or where a censored run was cut off), x =
 * regressors.
 *
 * A regressor is a monomial in the columns of a run (monomial.h): `d`, `T/B`, `X_exact`. Runs that diverged or were
 * interrupted, and those that did not record the threshold asked for, are left out and counted. */
#ifndef DATASET_H
#define DATASET_H
#include "validation/monomial.h"
#include "validation/power_law.h"
#include "run/reading.h"
#include "store/store.h"

enum { DATASET_FACTORS = 8 };

struct dataset {
    struct power_law_data data; /* its columns are owned by the dataset */
    size_t allocated;
    size_t left_out; /* runs that diverged before it, were interrupted, or were cut off before an evaluation that
                                  says anything .. */
    size_t diverged; /* .. and how many of these diverged */
    size_t at_once;  /* left out: over the threshold before the first step, which says nothing of a
                                           law .. */
    double chance;   /* .. and the most that guessing gives in them (reading_chance); 0: no guess */
    size_t unknown;  /* left out: their plateau length at `threshold` was not recorded */
    struct dataset_column {
        char name[64];
        struct monomial product;
    } regressors[POWER_LAW_MAX];
    const char *names[POWER_LAW_MAX];
    double *x, *y, *low, *high; /* owned; low, high: the bracket of a coarse y (result.h), else y itself */
    bool *censored;             /* owned */
    int64_t *seeds, *ids;       /* owned; ids of the runs in the store */
    double first[KEY_COUNT];    /* keys of the first row */
    bool varies[KEY_COUNT];     /* a later row has another value, or the key does not apply to both */
    double threshold;           /* at which every run is read (reading.h) .. */
    char read_at[READING_TEXT]; /* .. and what that is in words, of the first row */
    bool mixed;                 /* it is not the same for all rows: they have no law in common */
    int oldest, newest;         /* numerics revisions that made the rows; 0: none is known, all are imported */
    struct run_flow *tools;     /* owned */
    size_t n_factors;
    struct monomial factors[DATASET_FACTORS];
    double *f[DATASET_FACTORS];     /* owned; values of the factors, NaN where undefined */
    struct dataset_column response; /* no column: the plateau length; else it is fitted in place of that */
};

/* regressors: "d,T/B". threshold: READING_OWN, READING_USUAL, or a fraction. ERR_INPUT names the wrong regressor.
 * Overwrites *set; release with dataset_free, also after an error. */
enum status dataset_init(const char *regressors, double threshold, struct dataset *set);
/* Before the first row. One more column, kept in f: for the forms y = c factor of power_law.h. */
enum status dataset_factor(const char *product, struct dataset *set);
/* Before the first row. Fits `product` (a prediction, or plateau*lr) in place of the plateau length; it is censored
 * where it holds a plateau that is. */
enum status dataset_response(const char *product, struct dataset *set);
/* Adds y of a row, known exactly or as a lower bound; the regressors come from its keys and, where they are measured,
 * its result. ERR_INPUT: one is not positive there. */
enum status dataset_row(struct dataset *set, const struct store_row *row, double y, bool censored);
/* The y of the last row is this length of a run: where the bracket alone is known (result.h), that counts. */
void dataset_bracket(struct dataset *set, const struct result *r, double length);
/* The y of the last row is known to be from low to high alone. */
void dataset_between(struct dataset *set, double low, double high);
/* A store_visit: adds the plateau length of a row, or the response. */
enum status dataset_add(void *set, const struct store_row *row);
/* Drops regressors with a single value over all rows, so that a default list fits any study. */
void dataset_drop_constant(struct dataset *set);
/* " (2 diverged, .. left out)" for each kind that was left out. Appended. */
void dataset_left_out(const struct dataset *set, struct text *out);
/* True if the runs differ in a key that makes another run (not the seed), or in the threshold at which they are read,
 * and no regressor holds it: they are not alike. */
bool dataset_mixes(const struct dataset *set, enum key key);
void dataset_free(struct dataset *set);

#endif
