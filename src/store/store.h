/* The store: one SQLite file with a row per finished run, its curve, and how the file came to be.
 *
 *     runs(id, hash, study, status, every key, plateau, .., crossings, predicted, solver as JSON, library, version,
 *          host, started, finished, checksum)
 *     curves(run, rows, data, checksum)   the trace: rows x columns (trace.h) little-endian doubles
 *     members(study, run)         the studies that a run belongs to: any number, since it is made once for all of them
 *     sources(run, path)          the file that an imported run comes from
 *     meta(key, value)            schema, created, build, last_command
 *
 * A file is not trusted. It is refused unless it holds the tables above and nothing else. A row is used if its keys
 * make its hash and its values its checksum; else it is named on stderr and passed over, as if it were not there. Files
 * of schema 3 have no checksums: their rows are used if their keys make their hash, and a writer adds what they lack.
 *
 * One process writes at a time; any number read meanwhile. Every store_put is one transaction, on disk when it returns,
 * so that kill -9 or a power cut loses the run in flight and nothing else. A store is not shared between threads, nor
 * used on both sides of a fork. Errors: ERR_INPUT when the file is missing or is not a plateau database (it is then
 * left alone), ERR_DATABASE when SQLite or the disk failed; messages name the file, the reason and the remedy. */
#ifndef STORE_H
#define STORE_H
#include "run/result.h"
#include "run/trace.h"
#include <math.h>

struct store; /* opaque */
struct store_row;
enum store_mode { STORE_READ, STORE_WRITE };

enum { STORE_STUDY_NAME = 64 }; /* bytes of a study's name, with the NUL */
/* A study's name also names a file: ERR_INPUT unless it has 1 to 63 bytes of UTF-8 without / and control characters. */
enum status store_check_study(const char *name);

/* Opens `path`; STORE_WRITE makes it if it is missing, and notes command_line (may be NULL) in meta. Not a byte changes
 * in a file that is not one of plateau's, is corrupt, or has another schema. Release *store with store_close; NULL
 * after an error. */
enum status store_open(const char *path, enum store_mode mode, const char *command_line, struct store **store);
/* An empty one in memory, which no file keeps; messages call it `name`. As above. */
enum status store_open_memory(const char *name, struct store **store);
bool store_is_in_memory(const struct store *store);
/* NULL is fine. Rolls back an open transaction. */
void store_close(struct store *store);

/* The file, as it was given to store_open; borrowed. */
const char *store_path(const struct store *store);

/* How long every call waits for a lock that another process holds, before it is ERR_DATABASE; negative: as it was. */
void store_patience(struct store *store, double seconds);
/* Was the last error such a lock? Then nothing was written, and the same call may be made again. */
bool store_busy(const struct store *store);

/* Several store_put at once, all or nothing. Without them each store_put is its own transaction. */
enum status store_begin(struct store *store);
enum status store_commit(struct store *store);
/* Takes back everything since store_begin; never fails, keeps the message of the error that led here. */
void store_rollback(struct store *store);

/* Saves a run; a row with the same hash is replaced and keeps its id. study: a name (of which the run becomes a member;
 * column `study` says which was the last to make it) or NULL. hash: NULL for keys_hash. trace: NULL keeps the curve
 * that is there. Everything is copied. Numbers come back with all their bits (NaN as NaN; -0.0 of a run, not of a
 * curve, as 0); an infinite crossing or prediction comes back as NaN: JSON has none. */
enum status store_put(struct store *store, const char *study, const char *hash, const struct result *result,
                      const struct trace *trace);
/* The run with this hash belongs to `study` too; nothing happens if there is no such run, or it does already. */
enum status store_join(struct store *store, const char *study, const char *hash);
/* Imported runs come from files. Within a transaction, store_disown frees the runs of the file `path`, store_own notes
 * that the run with this hash comes from there (and no longer from another file), and store_drop removes the runs that
 * are still free, *n of them. */
enum status store_disown(struct store *store, const char *path);
enum status store_own(struct store *store, const char *hash, const char *path);
enum status store_drop(struct store *store, size_t *n);
/* The file that the run with this hash comes from into *path; "" if none is known, or the run is free. */
enum status store_source(struct store *store, const char *hash, struct text *path);
/* If the run of these keys is there as this numerics revision makes it, it takes the place of that of an earlier
 * revision in its studies, and the earlier one is removed: else a fit would count both. Until then the earlier one is
 * read like any other. */
enum status store_supersede(struct store *store, const struct keys *keys);
/* Removes run `id`, with its curve. If `study` is not NULL and other studies have the run too, it is only removed from
 * `study`. *last: the run is gone. */
enum status store_forget(struct store *store, int64_t id, const char *study, bool *last);
/* The ids of the damaged runs, which no other function gives: *ids[*n], the store's, ascending. */
enum status store_damaged(struct store *store, const int64_t **ids, size_t *n);
/* Puts back a run as it was saved once, with row->hash, version, host and times (row->id, study and revision are not
 * read), and joins it to `study`; a row with the same hash is replaced. The trace replaces the curve that is there,
 * also one without rows. Within a transaction. Errors as store_put. */
enum status store_restore(struct store *store, const char *study, const struct store_row *row,
                          const struct trace *trace);
/* Copies run `id` of `from` into `to` as it is, with its host and times. with_row: its row replaces one with the same
 * hash; else `to` must have such a row (or it is ERR_INPUT), which stays. In any case its studies are copied, and its
 * curve if `to` has none or one that ends before. Nothing happens if the run is gone. ERR_INPUT: `from` cannot be read;
 * ERR_DATABASE: `to` failed. */
enum status store_copy(struct store *to, struct store *from, int64_t id, bool with_row);
/* The run with this hash is now `result`, the same run read at another threshold (reading.h). Its study, program, host
 * and times stay as they are, and so does its curve. Nothing happens (*done is false) if it belongs to another study
 * than `study` too, which may ask otherwise. ERR_INPUT: there is no such run. */
enum status store_reread(struct store *store, const char *study, const char *hash, const struct result *result,
                         bool *done);
/* *there: a run with this hash is there, in whatever state; then *result and *has_curve are overwritten by it. */
enum status store_find(struct store *store, const char *hash, bool *there, struct result *result, bool *has_curve);
/* *finished: a run with this hash is there and was not interrupted. Then *result and *has_curve are overwritten by it:
 * its state, cap, keys (threshold, steps), plateau and crossings tell whether it answers a new question too. */
enum status store_has(struct store *store, const char *hash, bool *finished, struct result *result, bool *has_curve);

/* Lets all rows through, or the members of one study with the listed values. Zero-initialise. All is borrowed. */
struct store_filter {
    const char *study;               /* NULL: any */
    const double *values[KEY_COUNT]; /* allowed values of a key, compared exactly; NaN allows rows it does not apply to
                                        */
    size_t n[KEY_COUNT];             /* 0: any value */
    bool bare;                       /* leave has_curve and study of the rows false and NULL, which is quicker */
};
/* A row as stored. Strings are borrowed until the callback returns; NULL where nothing was stored. study: the names of
 * all its studies, with blanks between. Of `predicted`, the fields of PREDICTIONS are stored; the pieces (lambda0, ..)
 * are NaN. */
struct store_row {
    int64_t id;
    struct result result;
    int revision; /* KEYS_NUMERICS_REVISION of the plateau that made the run; 0: imported */
    bool has_curve;
    const char *hash, *study, *version, *host, *started, *finished; /* times: ISO 8601, UTC */
};
/* A status other than OK stops the walk and is passed on. */
typedef enum status store_visit(void *context, const struct store_row *row);
/* Calls visit for every row that the filter (NULL: all) lets through, ordered by the keys of the hash (the seed last),
 * the other keys, id: the same rows come in the same order. The rows are those of one time, about 1 kB of memory each;
 * no lock is held during a call, so a slow reader does not stop a writer, and visit may use the store. */
enum status store_each(struct store *store, const struct store_filter *filter, store_visit *visit, void *context);
/* *any: the filter lets a row through. As slow as a walk. */
enum status store_any(struct store *store, const struct store_filter *filter, bool *any);
/* How many rows the filter lets through, and the seconds that they took; one that does not know (imported) adds no
 * seconds. */
enum status store_total(struct store *store, const struct store_filter *filter, size_t *runs, double *seconds);
/* The curve of run `id` into *out (overwritten; release with trace_free); length 0 if it has none. ERR_INPUT: no such
 * run. */
enum status store_curve(struct store *store, int64_t id, struct trace *out);

/* Are two values of a row equal, or both missing (NaN)? */
static inline bool store_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}
/* "time" or "steps": the unit of plateau and cap. */
const char *store_unit(const struct result *result);

#endif
