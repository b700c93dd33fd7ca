/* Plateau lengths as rows of a table. Every column is filled by its name: a key of the run (T, d, lr, ..), x, value,
 * low, high or censored; what does not apply stays empty. */
#ifndef POINTS_H
#define POINTS_H
#include "figure_data.h"

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
/* The script's list NAME: the values of a key over the runs of that model. */
void points_set_values(struct figure_data *data, const char *name, const struct runs *runs, enum model model,
                       enum key key);

#endif
