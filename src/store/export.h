/* Export: the rows of a store as CSV or JSON lines, numbers in the shortest form that reads back to the same bits.
 *
 * CSV has one header line; what does not apply is empty, so pandas and R read it without options. A text that begins
 * like a formula has an apostrophe before it. In both, U+FFFD stands for bytes that are not UTF-8. JSON lines have the
 * layout of --json, with id, hash, study, host, started and finished added. */
#ifndef EXPORT_H
#define EXPORT_H
#include "store/store.h"

/* One line per run that `filter` (NULL: all) lets through. with_curves: instead, one line per row of each curve: run
 * (its id), then every trace column of the runs at hand. `file` stays the caller's and is flushed. ERR_IO: it could not
 * be written. */
enum status export_csv(struct store *store, const struct store_filter *filter, bool with_curves, FILE *file);
/* One object per run; with_curves adds "curve": {"time": [..], ..} to runs that have one. As export_csv otherwise. */
enum status export_jsonl(struct store *store, const struct store_filter *filter, bool with_curves, FILE *file);

/* The header line of the runs, and the line of one, without line ends. Appended; text_status tells of memory. */
void export_header(struct text *out);
void export_line(const struct store_row *row, struct text *out);

#endif
