#include "plots/figures/points.h"
#include <math.h>

void points_add(struct figure_table *table, const char *series, const struct store_row *row, const struct point *point)
{
    struct figure_row filled = {
        .series = series,
        .run = row,
        .values = {{"value", point->value}, {"low", point->low}, {"high", point->high}, {"censored", point->censored}}};
    if (figure_data_column(table, "x"))
        filled.values[4] = (struct figure_value){"x", point->x};
    figure_data_row(table, &filled);
}

void points_line(struct figure_table *table, const char *series, const struct store_row *row, double value)
{
    points_add(table, series, row, &(struct point){.x = NAN, .value = value, .low = NAN, .high = NAN});
}

void points_group(struct figure_table *table, const char *series, const struct runs_group *group, double x)
{
    points_add(table, series, group->first,
               &(struct point){
                   .x = x, .value = group->mean, .low = group->low, .high = group->high, .censored = group->censored});
}
