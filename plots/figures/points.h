/* Plateau lengths as rows of a table with the columns value, low, high, censored, keys of a run (T, d, lr, ..) and, if
 * the abscissa is no key, x. */
#ifndef POINTS_H
#define POINTS_H
#include "plots/figures/figure_data.h"

struct point {
    double x; /* the abscissa where it is not a key, else NaN */
    double value;
    double low, high; /* spread of the seeds; NaN: a point of a line */
    bool censored;    /* the value is a lower bound */
};

/* A row of `series`; row: the run (one of them) whose keys it has. */
void points_add(struct figure_table *table, const char *series, const struct store_row *row, const struct point *point);
/* A point of a line. */
void points_line(struct figure_table *table, const char *series, const struct store_row *row, double value);
/* Mean and range over the seeds of a group. */
void points_group(struct figure_table *table, const char *series, const struct runs_group *group, double x);

#endif
