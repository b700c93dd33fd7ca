/* The page of one figure: what its data function reads (runs) and what it writes (CSV tables, and values for the
 * gnuplot script).
 *
 * A table has a text column `series` and columns of numbers, one row per point. The script gets short lists and labels
 * as gnuplot assignments, which stand at its head; everything it draws is a named column of a table. */
#ifndef PAGE_H
#define PAGE_H
#include "runs.h"

enum { PAGE_TABLES = 2, PAGE_COLUMNS = 12, PAGE_COLUMN_NAME = 32 };

struct page_table {
    char suffix[24];     /* file: figNAME + suffix + ".csv" */
    const char *columns; /* borrowed */
    struct text text;
    double low[PAGE_COLUMNS], high[PAGE_COLUMNS]; /* smallest positive and largest value of each column */
};

struct figure_request;
struct page {
    const char *name; /* of the figure: "1a" */
    struct store *store;
    const struct figure_request *request; /* figure.h */
    struct runs runs;                     /* of the figure's study */
    struct runs more;                     /* of its second study, if it has one */
    struct runs data;                     /* the user's own, from --data */
    const char *data_name;                /* file name of the user's own; NULL: none */
    struct page_table tables[PAGE_TABLES];
    size_t n_tables;
    struct text binary; /* an array too large for a table: figNAME.npy; empty: none */
    struct text assignments;
};

/* A new table; columns: "d,time,loss" (borrowed, at most PAGE_COLUMNS), `series` is put before them. At most
 * PAGE_TABLES. */
struct page_table *page_table(struct page *page, const char *suffix, const char *columns);
/* The name of column i (without `series`) into name[PAGE_COLUMN_NAME]; false beyond the last. */
bool page_column(const struct page_table *table, size_t i, char *name);
/* A row. NaN and infinities are left empty. */
void page_row(struct page_table *table, const char *series, size_t n, const double *values);
/* name = "text" (any text), name = value, and name = "v1 v2 ..", a list to loop over. */
void page_set_text(struct page *page, const char *name, const char *text);
void page_set_real(struct page *page, const char *name, double value);
void page_set_list(struct page *page, const char *name, const double *values, size_t n);
/* d_low, d_high, time_low, ..: the range of every column of the first table, for the axes (logarithmic: positive values
 * alone). */
void page_set_ranges(struct page *page);
/* ERR_MEMORY if something could not be added. */
enum status page_status(const struct page *page);
/* Frees tables, runs and assignments. */
void page_free(struct page *page);

#endif
