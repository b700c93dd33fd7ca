/* A recording (run/recording.h) in a store, while it goes on and at its end.
 *
 * It is a row as of an imported run, which no run made here is ever taken for, and its source is the recording instead
 * of a file. So it may be saved again and again as it grows; only its last form stays. A finished run of the same keys
 * is never replaced, one that was interrupted is. */
#ifndef RECORD_H
#define RECORD_H
#include "run/recording.h"
#include "store/store.h"

/* Saves the recording as it is now, a member of `study`. source: a name that no other recording has. ERR_INPUT: a
 * finished run with these keys is there; ERR_DATABASE, ERR_MEMORY as store_put, nothing is saved then. No transaction
 * may be open. Overwrites *result. */
enum status record_save(struct store *store, const char *study, const char *source, const struct recording *recording,
                        bool ended, struct result *result);

#endif
