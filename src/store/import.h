/* Import: your own experiments (PyTorch, JAX, ..), one record per run, into a store.
 *
 * The file has separated values or JSON (base/sheet.h). Columns are named as the keys (`plateau keys`), plus
 *   plateau   the plateau length: in steps; for model=flow and toy in time (the toy's time is steps x lr)
 *   status    emerged, censored or diverged; without it, a run with a plateau emerged and one without is censored
 *   wall_s    seconds it took
 * or a map says which column is which (import_columns.h). Other columns are left out, and named in the report.
 * Without a plateau column, `steps` and `status` say it: an emerged run emerged at `steps`, a censored one ended there.
 * With one, `steps` says how far the run went, and a censored run needs it (model=flow: `time`). Blanks around values
 * are ignored; empty, NA, NaN and null mean: not given. A key that is part of what a run is, and the threshold, must
 * then not apply to the run of that line: its default would stand there without a word.
 *
 * With a file of curves (import_curves.h) each run gets its curve. A run whose plateau is not given has the one of its
 * curve, by the rule of recordings; one that is given stands, and the report says how many differ from their curves by
 * more than the distance between evaluations.
 *
 * Runs get the predictions and the reduced flow of their keys, as runs made here do. With init=gaussian that is the
 * flow from the start which the seed draws here, and the run's only if it began there. Crossings come from a curve
 * alone: without one, such a run knows its own threshold and no other. */
#ifndef IMPORT_H
#define IMPORT_H
#include "store/import_outcome.h"
#include "store/store.h"

struct import_request {
    const char *path, *study;
    const double *defaults; /* [KEY_COUNT]: values of keys, NaN for none */
    bool fallback;          /* they stand for empty cells, too, and a column that nothing asks for is ERR_INPUT */
    const char *map;        /* "T=config.seq_len,..", or NULL */
    const char *curves;     /* the file of curves, or NULL */
    double null_loss;       /* of the curves, in their unit; 0: that of each run's keys */
    bool decimal_comma;
    bool dry; /* nothing is written: the report alone */
};

/* Zero-initialise; import_report_free. */
struct import_report {
    size_t imported, forgotten; /* runs; those that the file held when it was imported before, and holds no longer */
    size_t replaced, refused;   /* dry: of the runs, those that are there already, and those that cannot be imported */
    size_t curves;              /* runs that have one */
    struct import_doubts doubts;
    bool kinds[PRESET_COUNT]; /* which there were */
    struct text by_default;   /* owned: "B=1 p=0": what T, d, B, p, pairs, vocab are that nothing gives */
    struct import_left left, left_of_curves; /* columns that are not used */
    struct text columns;  /* owned; dry: a line for each column: its name, what it is, its first value as read */
    struct text refusals; /* owned; dry: a line for each of the first that are refused, and why */
};
void import_report_free(struct import_report *report);

/* Imports every run of `path` into `store` as rows of `study` (not NULL), or none: the first bad line is ERR_INPUT
 * "PATH:LINE: .." with the remedy. ERR_INPUT if the file has a column for one of the defaults, unless `fallback`. The
 * file replaces the rows that it made before, as a whole: those that it holds no longer go. A run that another file
 * gave too, with the same outcome, is one row of both their studies; with another outcome it is ERR_INPUT. Imported
 * rows never replace, or stand for, runs made here. dry: `store` may be NULL, for a database that is not there, or open
 * for reading; runs that would be refused are counted and are no error, `imported` counts the others. Overwrites
 * *report, which is the caller's to free, also after an error. ERR_DATABASE, ERR_MEMORY as store_put. No transaction
 * may be open. */
enum status import_runs(struct store *store, const struct import_request *request, struct import_report *report);

#endif
