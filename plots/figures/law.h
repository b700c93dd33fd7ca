/* A power law of plateau lengths over the runs of a figure: fitted to them, or one that was published.
 *
 *     y = C x_1^g1 x_2^g2 ..        (power_law.h; censored runs count as lower bounds) */
#ifndef LAW_H
#define LAW_H
#include "validation/dataset.h"
#include "plots/figures/figure_data.h"
#include "models/published.h"

/* A law with the names of its regressors; all zero: there is none. */
struct law {
    struct dataset set;
    struct power_law fit;
};

/* The law of the runs that have these settings (runs.h); a regressor that does not vary is left out. Runs that were
 * past the threshold before the first step have no plateau, and are left out (set.at_once). Overwrites *law; release
 * with law_free, also after an error. ERR_INPUT: too few runs have emerged; ERR_SOLVER. */
enum status law_fit(const struct runs *runs, const struct runs_setting *setting, const char *regressors,
                    struct law *law);
/* The same in two steps, for lengths that are not those of runs: after law_begin a dataset_row of law->set for each. */
enum status law_begin(const char *regressors, struct law *law);
enum status law_solve(struct law *law);
/* The published one, in the same form. */
enum status law_of(enum published published, struct law *law);
void law_free(struct law *law);
/* a over b, if they have the same regressors, else none. It borrows those of a: not to be freed. */
struct law law_ratio(const struct law *a, const struct law *b);
/* Its value for the keys of a run; NaN if there is no law. */
double law_at(const struct law *law, const struct store_row *row);
/* "1.51 {/:Italic T}^{0.99} .." in gnuplot's enhanced text, and R^2, as the script's NAME and NAME_r2; both "" if there
 * is no law. */
void law_set_label(struct figure_data *data, const char *name, const struct law *law);

#endif
