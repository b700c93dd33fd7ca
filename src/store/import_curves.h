/* The curves of imported runs, from a second file in long form: a row for each evaluation, with the name of its run.
 *
 * Rows are read as `plateau record` reads them (run/recording.h). Those of a run come with rising steps; those of
 * different runs may alternate. */
#ifndef IMPORT_CURVES_H
#define IMPORT_CURVES_H
#include "run/recording.h"
#include "store/import_columns.h"

/* A line of the file of runs. */
struct import_run {
    struct keys keys;
    double given_steps, given_time; /* the keys, where they were given; else NaN */
    bool every_given;               /* so was eval_every */
    double plateau, wall_s;         /* NaN: not given */
    enum run_state state;           /* if state_given */
    bool state_given;
    size_t where;            /* in its file (sheet.h) */
    char *name;              /* owned; NULL: none */
    struct recording *curve; /* owned; NULL: none */
    int *columns;            /* owned: of the curve, for each column of the file that is one; -1: has no such */
    size_t nan_at;           /* where a loss was nan; 0: nowhere */
};
void import_curves_free(struct import_run *run);
/* Makes a cell the name of a run, in place: pandas writes a column of numbers that has holes as 1.0, 2.0, .. */
void import_curves_name(char *cell);

/* Reads the rows of `s`, which is open, into the curves of runs[n]. null_loss: in the unit of the rows; 0: that of each
 * run's keys. What no column is for is added to *left. of_runs is the file of runs. ERR_INPUT with the place: a
 * row of a run that is not there, steps that do not rise, words in place of numbers; ERR_SOLVER, ERR_MEMORY. columns:
 * NULL, or lines on the columns are appended (import_columns_describe). */
enum status import_curves_read(struct sheet *s, struct import_map *map, struct run_flow *tools, double null_loss,
                               const struct sheet *of_runs, struct import_run *runs, size_t n, struct import_left *left,
                               struct text *columns);
/* Is something known of the plateau: did a row have the loss (recall: the accuracy) that ends it? */
bool import_curves_tells(const struct import_run *run);

#endif
