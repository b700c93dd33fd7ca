#include "figure_data.h"
#include <math.h>
#include <string.h>

struct figure_table *figure_data_table(struct figure_data *data, const char *suffix, const char *columns)
{
    struct figure_table *table = &data->tables[data->n_tables++];
    snprintf(table->suffix, sizeof table->suffix, "%s", suffix);
    text_addf(&table->text, "series,%s\n", columns);
    table->columns = columns;
    for (int i = 0; i < FIGURE_COLUMNS; i++) {
        table->low[i] = INFINITY;
        table->high[i] = -INFINITY;
    }
    return table;
}

bool figure_data_column(const struct figure_table *table, size_t i, char *name)
{
    const char *at = table->columns;
    for (; *at && i; i--)
        at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',');
    snprintf(name, FIGURE_COLUMN_NAME, "%.*s", (int)strcspn(at, ","), at);
    return *at;
}

void figure_data_row(struct figure_table *table, const char *series, size_t n, const double *values)
{
    text_add(&table->text, series);
    for (size_t i = 0; i < n; i++) {
        text_add(&table->text, ",");
        if (!isfinite(values[i]))
            continue;
        text_addf(&table->text, "%.8g", values[i]);
        table->high[i] = fmax(table->high[i], values[i]);
        table->low[i] = values[i] > 0 ? fmin(table->low[i], values[i]) : table->low[i];
    }
    text_add(&table->text, "\n");
}

void figure_data_set_text(struct figure_data *data, const char *name, const char *text)
{
    struct text *out = &data->assignments;
    text_addf(out, "%s = '", name);
    for (; *text; text++) { /* in single quotes gnuplot reads everything as it is but the quote */
        text_add(out, *text == '\'' ? "'" : "");
        text_add_bytes(out, (unsigned char)*text < ' ' ? "?" : text, 1);
    }
    text_add(out, "'\n");
}

void figure_data_set_real(struct figure_data *data, const char *name, double value)
{
    text_addf(&data->assignments, !isfinite(value) ? "%s = NaN\n" : "%s = %.8g\n", name, value);
}

void figure_data_set_list(struct figure_data *data, const char *name, const double *values, size_t n)
{
    text_addf(&data->assignments, "%s = '", name);
    for (size_t i = 0; i < n; i++)
        text_addf(&data->assignments, "%s%.8g", i ? " " : "", values[i]);
    text_add(&data->assignments, "'\n");
}

void figure_data_set_ranges(struct figure_data *data)
{
    const struct figure_table *table = &data->tables[0];
    char name[FIGURE_COLUMN_NAME];
    for (size_t i = 0; figure_data_column(table, i, name); i++) {
        if (table->high[i] >= table->low[i]) /* else the column has no positive value */
            text_addf(&data->assignments, "%s_low = %.8g\n%s_high = %.8g\n", name, table->low[i], name, table->high[i]);
    }
}

enum status figure_data_status(const struct figure_data *data)
{
    enum status rc = text_status(&data->assignments);
    rc = rc == OK ? text_status(&data->binary) : rc;
    for (size_t i = 0; i < data->n_tables && rc == OK; i++)
        rc = text_status(&data->tables[i].text);
    return rc;
}

void figure_data_free(struct figure_data *data)
{
    for (size_t i = 0; i < data->n_tables; i++)
        text_free(&data->tables[i].text);
    text_free(&data->binary);
    text_free(&data->assignments);
    runs_free(&data->runs);
    runs_free(&data->more);
    runs_free(&data->own);
}
