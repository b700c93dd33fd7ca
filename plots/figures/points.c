#include "points.h"
#include <math.h>
#include <string.h>

enum { MOST_VALUES = 32 };

/* The value of the column with that name. */
static double column(const char *name, const struct store_row *row, const struct point *p)
{
    const struct {
        const char *name;
        double value;
    } own[] = {{"x", p->x}, {"value", p->value}, {"low", p->low}, {"high", p->high}, {"censored", p->censored}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (!strcmp(name, own[i].name))
            return own[i].value;
    }
    return runs_key(row, keys_find(name));
}

void points_add(struct figure_table *table, const char *series, const struct store_row *row, const struct point *point)
{
    double values[FIGURE_COLUMNS];
    char name[FIGURE_COLUMN_NAME];
    size_t n = 0;
    for (; figure_data_column(table, n, name); n++)
        values[n] = column(name, row, point);
    figure_data_row(table, series, n, values);
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

void points_set_values(struct figure_data *data, const char *name, const struct runs *runs, enum model model,
                       enum key key)
{
    double values[MOST_VALUES];
    figure_data_set_list(data, name, values, runs_values(runs, model, key, values, MOST_VALUES));
}
