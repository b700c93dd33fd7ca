/* The data of one figure: what its function reads (runs) and what it writes (CSV tables, and values for the
 * gnuplot script).
 *
 * A table has a text column `series` and columns of numbers, one row per point. The script gets short lists and labels
 * as gnuplot assignments, which stand at its head; everything it draws is a named column of a table. */
#ifndef FIGURE_DATA_H
#define FIGURE_DATA_H
#include "runs.h"

enum { FIGURE_TABLES = 2, FIGURE_COLUMNS = 12, FIGURE_COLUMN_NAME = 32 };

struct figure_table {
    char suffix[24];     /* file: figNAME + suffix + ".csv" */
    const char *columns; /* borrowed */
    struct text text;
    double low[FIGURE_COLUMNS], high[FIGURE_COLUMNS]; /* smallest positive and largest value of each column */
};

struct figure_request;
struct figure_data {
    const char *name; /* of the figure: "1a" */
    struct store *store;
    const struct figure_request *request; /* figure.h */
    struct runs runs;                     /* of the figure's study */
    struct runs more;                     /* of its second study, if it has one */
    struct runs own;                      /* the user's own, from --data */
    const char *own_name;                 /* file name of the user's own; NULL: none */
    struct figure_table tables[FIGURE_TABLES];
    size_t n_tables;
    struct text binary; /* an array too large for a table: figNAME.npy; empty: none */
    struct text assignments;
};

/* A new table; columns: "d,time,loss" (borrowed, at most FIGURE_COLUMNS), `series` is put before them. At most
 * FIGURE_TABLES. */
struct figure_table *figure_data_table(struct figure_data *data, const char *suffix, const char *columns);
/* The name of column i (without `series`) into name[FIGURE_COLUMN_NAME]; false beyond the last. */
bool figure_data_column(const struct figure_table *table, size_t i, char *name);
/* A row. NaN and infinities are left empty. */
void figure_data_row(struct figure_table *table, const char *series, size_t n, const double *values);
/* name = "text" (any text), name = value, and name = "v1 v2 ..", a list to loop over. */
void figure_data_set_text(struct figure_data *data, const char *name, const char *text);
void figure_data_set_real(struct figure_data *data, const char *name, double value);
void figure_data_set_list(struct figure_data *data, const char *name, const double *values, size_t n);
/* d_low, d_high, time_low, ..: the range of every column of the first table, for the axes (logarithmic: positive values
 * alone). */
void figure_data_set_ranges(struct figure_data *data);
/* ERR_MEMORY if something could not be added. */
enum status figure_data_status(const struct figure_data *data);
/* Frees tables, runs and assignments. */
void figure_data_free(struct figure_data *data);

#endif
