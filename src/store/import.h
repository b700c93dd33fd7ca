/* Import: your own experiments (PyTorch, JAX, ..), one CSV line per run, into a store.
 *
 * Columns are named as the keys (`plateau keys`), plus
 *   plateau   the plateau length: in steps; for model=flow and toy in time (the toy's time is steps x lr)
 *   status    emerged, censored or diverged; without it, a run with a plateau emerged and one without is censored
 *   wall_s    seconds it took
 * Without a plateau column, `steps` and `status` say it: an emerged run emerged at `steps`, a censored one ended there.
 * With one, `steps` says how far the run went, and a censored run needs it (model=flow: `time`). Comma-separated with
 * one header line (RFC 4180: quoted fields, LF or CRLF; a byte-order mark is fine). Blanks around values are ignored;
 * empty, NA, NaN and null mean: not given. A key that is part of what a run is, and the threshold, must then not apply
 * to the run of that line: its default would stand there without a word.
 *
 * Flows and toy models get the predictions and the reduced flow of their keys, as runs made here do. With init=gaussian
 * that is the flow from the start which the seed draws here, and the run's only if it began there. Crossings are not
 * imported: such a run knows its own threshold alone. */
#ifndef IMPORT_H
#define IMPORT_H
#include "store/store.h"

struct import_report {
    size_t imported, forgotten; /* lines; runs that the file held when it was imported before, and holds no longer */
    bool kinds[PRESET_COUNT];   /* which there were */
    struct text by_default;     /* owned: "B=1 p=0": what T, d, B, p, pairs, vocab are that nothing gives */
};

/* Imports every line of `path` into `store` as rows of `study` (not NULL), or none: the first bad line is ERR_INPUT
 * "PATH:LINE: .." with the remedy. defaults[KEY_COUNT]: values of keys, NaN for none; ERR_INPUT if the file has a
 * column for one of them, unless `fallback`: then they stand for its empty cells, too. The file replaces the rows that
 * it made before, as a whole: those that it holds no longer go. A run that another file gave too, with the same
 * outcome, is one row of both their studies; with another outcome it is ERR_INPUT. Imported rows never replace, or
 * stand for, runs made here. Overwrites *report; its text is the caller's to free, also after an error. ERR_DATABASE,
 * ERR_MEMORY as store_put. No transaction may be open. */
enum status import_csv(struct store *store, const char *path, const char *study, const double *defaults, bool fallback,
                       struct import_report *report);

#endif
