/* Merge: the runs, curves and studies of several stores into one, such as the shards of a sweep on many machines.
 *
 * If two stores hold the same run (the same hash), one row stays:
 *   a finished one before an interrupted one;
 *   then the one that went further (a larger cap), if the part that both went through is the same to the last bit:
 *   initial loss, null loss, every level that one crossed well before the other ended;
 *   else, if the outcomes are equal, the first. Times, host, wall time, tokens/s, version and library are no part of an
 *   outcome, nor are the keys that are no part of a run's identity (threshold, cap, threads, ..).
 * If the outcomes contradict each other, the run is a conflict: the first stays as it is, the sources keep theirs, and
 * a line on stderr says which run and which files they are and what differs. The other runs are merged all the same.
 * In every case but a conflict the curve that ends last stays, and the run belongs to the studies of both. */
#ifndef MERGE_H
#define MERGE_H
#include "store/store.h"

struct merge_report {
    size_t runs, added, replaced, conflicts; /* rows read; new; taken over a shorter or interrupted one; left out */
};

/* ERR_INPUT unless each of paths[n], and `out` if it exists, is a store that can be read, and none of them is the file
 * `out`. */
enum status merge_check(const char *out, const char *const *paths, size_t n);
/* paths[n], in this order, into `store`: one transaction, nothing of it after an error or kill -9. Again, it changes
 * nothing. Sources are opened one at a time, for reading, and may be written meanwhile. ERR_INPUT: a source cannot be
 * read, names it; ERR_DATABASE: `store` cannot be written. Conflicts are counted and are no error. */
enum status merge_stores(struct store *store, const char *const *paths, size_t n, struct merge_report *report);

#endif
