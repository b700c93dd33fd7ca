#include "plots/figures/figure_data.h"
#include <math.h>
#include <string.h>

static enum status add_column(struct figure_table *table, const char *name, size_t length)
{
    enum status rc = OK;
    struct figure_column *column = &table->columns[table->n_columns];
    REQUIRE(table->n_columns < FIGURE_COLUMNS, ERR_PROGRAM, "its table has more than %d columns; raise FIGURE_COLUMNS",
            FIGURE_COLUMNS);
    REQUIRE(length > 0 && length < sizeof column->name, ERR_PROGRAM,
            "its table has a column %.*s; a name has 1 to %zu bytes", (int)length, name, sizeof column->name - 1);
    *column = (struct figure_column){.low = INFINITY, .high = -INFINITY};
    memcpy(column->name, name, length);
    REQUIRE(!figure_data_column(table, column->name), ERR_PROGRAM, "its table has two columns %s; rename one",
            column->name);
    table->n_columns++;
done:
    return rc;
}

enum status figure_data_table(struct figure_data *data, const char *suffix, const char *columns,
                              struct figure_table **table)
{
    enum status rc = OK;
    REQUIRE(data->n_tables < FIGURE_TABLES, ERR_PROGRAM, "it has more than %d tables; raise FIGURE_TABLES",
            FIGURE_TABLES);
    *table = &data->tables[data->n_tables++];
    **table = (struct figure_table){.n_rows = 0};
    snprintf((*table)->suffix, sizeof(*table)->suffix, "%s", suffix);
    text_addf(&(*table)->text, "series,%s\n", columns);
    for (const char *at = columns; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        TRY(add_column(*table, at, strcspn(at, ",")));
done:
    return rc;
}

const struct figure_column *figure_data_column(const struct figure_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!strcmp(table->columns[i].name, name))
            return &table->columns[i];
    }
    return NULL;
}

/* The first thing that is wrong with a row. */
static void note_problem(struct figure_table *table, const struct figure_row *row, const char *what, const char *name)
{
    if (!*table->problem)
        snprintf(table->problem, sizeof table->problem, "a row of the series %.40s %s %.40s", row->series, what, name);
}

/* What a row has in a column. */
static double value_of(struct figure_table *table, const struct figure_row *row, const char *column)
{
    for (int i = 0; i < FIGURE_COLUMNS && row->values[i].column; i++) {
        if (!strcmp(row->values[i].column, column))
            return row->values[i].value;
    }
    if (row->curve && trace_find(row->curve, column) >= 0)
        return runs_at(row->curve, row->at, column);
    const enum key key = row->run ? keys_find(column) : KEY_COUNT;
    if (key == KEY_COUNT)
        note_problem(table, row, "has no value for the column", column);
    return key == KEY_COUNT ? NAN : runs_key(row->run, key);
}

void figure_data_row(struct figure_table *table, const struct figure_row *row)
{
    for (int i = 0; i < FIGURE_COLUMNS && row->values[i].column; i++) {
        const char *name = row->values[i].column;
        if (!figure_data_column(table, name))
            note_problem(table, row, "has a value for a column that is not in its table,", name);
        for (int k = 0; k < i; k++) {
            if (!strcmp(row->values[k].column, name))
                note_problem(table, row, "has two values for the column", name);
        }
    }
    text_add(&table->text, row->series);
    for (size_t i = 0; i < table->n_columns; i++) {
        struct figure_column *column = &table->columns[i];
        const double value = value_of(table, row, column->name);
        text_add(&table->text, ",");
        if (!isfinite(value))
            continue;
        text_addf(&table->text, "%.8g", value);
        column->high = fmax(column->high, value);
        column->low = value > 0 ? fmin(column->low, value) : column->low;
    }
    text_add(&table->text, "\n");
    table->n_rows++;
}

void figure_data_gap(struct figure_table *table)
{
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
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct figure_column *c = &table->columns[i];
        if (c->high >= c->low)
            text_addf(&data->assignments, "%s_low = %.8g\n%s_high = %.8g\n", c->name, c->low, c->name, c->high);
    }
}

enum status figure_data_status(const struct figure_data *data)
{
    enum status rc = OK;
    TRY(text_status(&data->assignments));
    TRY(text_status(&data->binary));
    for (size_t i = 0; i < data->n_tables; i++) {
        TRY(text_status(&data->tables[i].text));
        REQUIRE(!*data->tables[i].problem, ERR_PROGRAM, "%s; mend the figure's function", data->tables[i].problem);
    }
done:
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
