/* The worker processes of one process: they get item numbers over a socket and send records back.
 *
 * A worker is forked when it is first needed, and anew when one has died. Workers ignore SIGINT and SIGHUP, which reach
 * every process of a terminal: their parent decides. On SIGUSR1 or SIGTERM a worker ends its item early, saved if it
 * can be, and its record says so. */
#ifndef WORKERS_H
#define WORKERS_H
#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>
#include <stddef.h>

/* Does item number `item` and appends to *payload, as bytes of any kind, what its parent is to get. It runs in a worker
 * process, a fork of its parent: *context is as it was at the fork. ERR_INTERRUPTED: the item was stopped and is not
 * done; then nothing is delivered. */
typedef enum status workers_task(void *context, size_t item, struct text *payload);

/* What a worker sends; the payload follows it in memory, on sockets and in messages. It is aligned for numbers. */
struct workers_record {
    size_t item;
    enum status rc;
    int stopped; /* as *stop_reason() in the worker */
    char message[512];
    size_t bytes; /* of the payload; 0 after an error */
};

struct workers;

/* Up to n worker processes that do `task`; `context` is borrowed. ERR_MEMORY. */
enum status workers_create(workers_task *task, void *context, size_t n, struct workers **workers);
/* Is one of them idle? How many are busy? */
bool workers_idle(const struct workers *workers);
size_t workers_busy(const struct workers *workers);
/* Gives the item to an idle worker. ERR_PROGRAM if none can be started. */
enum status workers_give(struct workers *workers, size_t item);
/* The next record, the caller's to free, or NULL if none came within `ms`, or before a signal. A worker that died
 * leaves a record with rc = ERR_PROGRAM. Its message says what the worker died of: the signal by name, the exit code,
 * or that the kernel killed it because memory had run out. ERR_MEMORY. */
enum status workers_collect(struct workers *workers, int ms, struct workers_record **record);
/* Asks the busy workers to save their items and to end them; their records come soon. */
void workers_stop(const struct workers *workers);
/* Ends all workers, busy or not. NULL is allowed. */
void workers_free(struct workers *workers);

/* Bytes of a record with its payload. */
size_t workers_bytes(const struct workers_record *record);

#endif
