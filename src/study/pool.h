/* A pool of worker processes: run number i -> result (and trace), on all cores.
 *
 * Workers are forked, get run numbers over a socket and send records back; only the parent touches files and databases. A
 * worker that dies takes its run with it: the run is reported as failed and a new worker is forked. Results arrive in any order, and do
 * not depend on the number of workers. SIGINT and SIGTERM stop the handing out; what finished has been delivered. */
#ifndef POOL_H
#define POOL_H
#include "result.h"
#include "trace.h"

/* In the worker: the run of item i. OK or a status with its message set. */
typedef enum status pool_work(void *context, size_t i, struct result *result, struct trace *trace);
/* In the parent: item i is done. rc != OK: it failed, `message` says why, result is not set. Return other than OK to stop. */
typedef enum status pool_deliver(void *context, size_t i, enum status rc, const char *message, const struct result *result,
                                 const struct trace *trace);

/* In the parent, just before item i is handed out: false leaves it out (another process has made it since). */
typedef enum status pool_wanted(void *context, size_t i, bool *wanted);

struct pool {
    size_t jobs;            /* workers; 1 works in this process */
    pool_work *work;
    pool_deliver *deliver;
    pool_wanted *wanted;    /* NULL: every item is */
    void *context;
    bool here;              /* by workers of this process alone, also where others could be had */
};

/* Number of cores this process may use. */
size_t pool_cores(void);
/* Workers for runs of at most `threads` threads each: `asked`, or (0) as many as the cores hold, one at least. */
size_t pool_jobs(size_t asked, size_t threads);
/* Runs items[0..n). ERR_INTERRUPTED after a signal, or deliver's status. */
enum status pool_run(const struct pool *pool, const size_t *items, size_t n);
/* Installs the handlers of SIGINT and SIGTERM; pool_stop() is then the flag that they set. */
void pool_catch_signals(void);
const volatile int *pool_stop(void);

#endif
