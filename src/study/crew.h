/* The worker processes of one process: items go to them over a socket, records come back. Not for other modules than
 * pool.c.
 *
 * Workers are forked when first needed, and anew when one has died. They ignore SIGINT and SIGHUP, which reach all
 * that a terminal has: their parent decides. On SIGUSR1 or SIGTERM the run ends, saved if it can be, and its record
 * says so. */
#ifndef CREW_H
#define CREW_H
#include "pool.h"

/* What a worker sends; the rows of the trace follow it in memory, on sockets and in messages. */
struct crew_record {
    size_t item;
    enum status rc;
    int stopped; /* what the worker was asked for by a signal: as *pool_stop() */
    char message[512];
    struct result result;
    struct trace trace; /* its rows: crew_rows */
};

struct crew;

/* Up to n workers for pool->work; `pool` is borrowed. ERR_MEMORY. */
enum status crew_create(const struct pool *pool, size_t n, struct crew **crew);
/* Is there one without an item? How many have one? */
bool crew_idle(const struct crew *crew);
size_t crew_busy(const struct crew *crew);
/* Gives the item to an idle worker. ERR_PROGRAM if none can be started. */
enum status crew_give(struct crew *crew, size_t item);
/* The next record, the caller's to free, or NULL if none came within `ms`, or before a signal. A worker that died
 * leaves a record with rc = ERR_PROGRAM, whose message says of what: the signal by name, the exit code, or that the
 * kernel killed it because memory had run out. ERR_MEMORY. */
enum status crew_collect(struct crew *crew, int ms, struct crew_record **record);
/* Asks those that are busy to save and end what they do; their records come soon. */
void crew_stop(const struct crew *crew);
/* Ends the workers, also those that are busy. NULL is allowed. */
void crew_free(struct crew *crew);

/* Bytes of a record with its rows, and the rows. */
size_t crew_bytes(const struct crew_record *record);
double *crew_rows(struct crew_record *record);

#endif
