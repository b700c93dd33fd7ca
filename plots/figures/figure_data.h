/* The data of one figure: what its function reads (runs) and what it writes (CSV tables, and values for the gnuplot
 * script).
 *
 * A table has a text column `series` and columns of numbers, one row per point. A row names the column of each of its
 * values, and has one for every column of its table: a name that is wrong or forgotten is an error of the figure, and
 * so is a column or a table too many. The script gets short lists and labels as gnuplot assignments, which stand at its
 * head; everything it draws is a named column of a table. */
#ifndef FIGURE_DATA_H
#define FIGURE_DATA_H
#include "plots/figures/figure.h"

enum { FIGURE_TABLES = 2, FIGURE_COLUMNS = 12, FIGURE_COLUMN_NAME = 32, FIGURE_PROBLEM = 160 };

struct figure_column {
    char name[FIGURE_COLUMN_NAME];
    double low, high; /* smallest positive and largest value; low > high: there is no positive one */
};

struct figure_table {
    char suffix[24]; /* file: figNAME + suffix + ".csv" */
    struct figure_column columns[FIGURE_COLUMNS];
    size_t n_columns, n_rows;
    struct text text;
    char problem[FIGURE_PROBLEM]; /* what is wrong with the first wrong row; "": nothing */
};

/* A row of a table. The value of a column is the one given here with its name, else that of this name in the curve,
 * else the key of this name of the run; NaN and infinities are left empty. */
struct figure_row {
    const char *series;
    const struct store_row *run; /* NULL: the row is of no run */
    const struct trace *curve;   /* of the run; NULL: none */
    size_t at;                   /* row of the curve */
    struct figure_value {
        const char *column;
        double value;
    } values[FIGURE_COLUMNS]; /* in any order; what is not used stays zero */
};

struct figure_data {
    const struct figure *figure;
    struct store *store;
    const struct figure_request *request;
    struct runs runs;     /* of the figure's study */
    struct runs more;     /* of its second study, if it has one */
    struct runs *shown;   /* of these two, the last that there is */
    struct runs own;      /* the user's own, from --data */
    const char *own_name; /* file name of the user's own; NULL: none */
    struct figure_table tables[FIGURE_TABLES];
    size_t n_tables;
    struct text binary; /* an array too large for a table: figNAME.npy; empty: none */
    struct text assignments;
};

/* A new table; columns: "d,time,loss", and `series` is put before them. ERR_PROGRAM: more than FIGURE_COLUMNS, one
 * twice, or more than FIGURE_TABLES tables. */
enum status figure_data_table(struct figure_data *data, const char *suffix, const char *columns,
                              struct figure_table **table);
/* The column of that name; NULL: the table has none. */
const struct figure_column *figure_data_column(const struct figure_table *table, const char *name);
/* Adds a row. What is wrong with it is said by figure_data_status. */
void figure_data_row(struct figure_table *table, const struct figure_row *row);
/* A blank line: gnuplot does not join the curve before it to the next, and scans apart by one are a grid to it. Other
 * readers skip it. */
void figure_data_gap(struct figure_table *table);
/* name = "text" (any text), name = value, and name = "v1 v2 ..", a list to loop over. */
void figure_data_set_text(struct figure_data *data, const char *name, const char *text);
void figure_data_set_real(struct figure_data *data, const char *name, double value);
void figure_data_set_list(struct figure_data *data, const char *name, const double *values, size_t n);
/* d_low, d_high, time_low, ..: the range of every column of the first table, for the axes (logarithmic: positive values
 * alone). */
void figure_data_set_ranges(struct figure_data *data);
/* ERR_PROGRAM: a row does not fit its table; ERR_MEMORY: something could not be added. */
enum status figure_data_status(const struct figure_data *data);
/* Frees tables, runs and assignments. */
void figure_data_free(struct figure_data *data);

#endif
