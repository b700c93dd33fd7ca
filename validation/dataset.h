/* From the rows of a store to the columns of a fit: y = plateau length (or where a censored run was cut off), x = regressors.
 *
 * A regressor is a key (`d`) or a ratio of two keys (`T/B`). Runs that diverged or were interrupted are left out and counted. */
#ifndef DATASET_H
#define DATASET_H
#include "power_law.h"
#include "store.h"

struct dataset {
    struct power_law_data data;         /* its columns are owned by the dataset */
    size_t allocated, left_out;
    struct {
        char name[40];
        enum key top, bottom;           /* bottom = KEY_COUNT: no ratio */
    } regressors[POWER_LAW_MAX];
    const char *names[POWER_LAW_MAX];
    double *x, *y;                      /* owned */
    bool *censored;                     /* owned */
    int64_t *seeds;                     /* owned */
    double threshold;                   /* 0: each run's own */
};

/* regressors: "d,T/B". threshold: 0 for each run's own, else 0.1, 0.2 .. 0.9. ERR_INPUT names the wrong regressor.
 * Overwrites *set; release with dataset_free, also after an error. */
enum status dataset_init(const char *regressors, double threshold, struct dataset *set);
/* A store_visit: adds a row. */
enum status dataset_add(void *set, const struct store_row *row);
/* Drops regressors with a single value over all rows, so that a default list fits any study. */
void dataset_drop_constant(struct dataset *set);
void dataset_free(struct dataset *set);

#endif
