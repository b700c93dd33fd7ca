/* A pool of worker processes: run number i -> result (and trace), on all cores, and on all ranks of an MPI job.
 *
 * Workers are forked, get run numbers over a socket and send records back (crew.h). In an MPI job every rank has
 * workers of its own; the first rank gives out the numbers and gets the records, by messages (ranks.h): only that
 * process touches the database. While its workers train, a rank waits for records and messages, asleep. Results arrive
 * in any order, and do not depend on the number of workers or ranks. A worker that dies takes its run with it: the run
 * is reported as failed, with what the worker died of, and a new worker is forked.
 *
 * SIGINT, SIGTERM and SIGHUP stop the handing out and give running trainings five seconds to save themselves, in an MPI
 * job, whose launcher kills, half a second; SIGUSR1 gives them the time that they need. Whatever process of the job the
 * signal reaches, all learn of it and end with the same exit code. What finished has been delivered. */
#ifndef POOL_H
#define POOL_H
#include "result.h"
#include "trace.h"

/* In the worker: the run of item i. OK or a status with its message set. */
typedef enum status pool_work(void *context, size_t i, struct result *result, struct trace *trace);
/* In the parent: item i is done. rc != OK: it failed, `message` says why, result is not set. Return other than OK to
 * stop. */
typedef enum status pool_deliver(void *context, size_t i, enum status rc, const char *message,
                                 const struct result *result, const struct trace *trace);

/* In the parent, just before item i is handed out: false leaves it out (another process has made it since). */
typedef enum status pool_wanted(void *context, size_t i, bool *wanted);
/* In the parent, a few times a second while it waits for workers. Return other than OK to stop. */
typedef enum status pool_tick(void *context);

struct pool {
    size_t jobs; /* workers, of every rank; 1 (and no other ranks) works in this process .. */
    bool apart;  /* .. unless this is set: then a run that dies is not the end of this process */
    bool ranks;  /* on all ranks of an MPI job, once in its life; else on this one alone */
    pool_work *work;
    pool_deliver *deliver;
    pool_wanted *wanted; /* NULL: every item is */
    pool_tick *tick;     /* may be NULL */
    void *context;
    uint64_t meaning; /* of the numbers, in an MPI job: a hash that must be the same on all ranks */
};

/* Number of cores this process may use: by its affinity, and by the quota of its control group, rounded up. */
size_t pool_cores(void);
/* Workers for runs of at most `threads` threads each: `asked`, or (0) as many as the cores hold, one at least; on a
 * rank of an MPI job, one. */
size_t pool_jobs(size_t asked, size_t threads);
/* Runs items[0..n), on the first rank. ERR_INTERRUPTED or ERR_REQUEUE after a signal, deliver's status, or ERR_INPUT if
 * the ranks do not agree. */
enum status pool_run(const struct pool *pool, const size_t *items, size_t n);
/* On the other ranks: works for the first until that ends the job, with its status. */
enum status pool_serve(const struct pool *pool);

/* Before all else of a command that may run as an MPI job: connects the ranks (ranks_begin). Those that are not the
 * first wait here until the first is ready to give out runs, and get its status if it fails before; *first: is it this
 * one? */
enum status pool_join(bool apart, bool *first);
/* And after all else: tells the other ranks of rc, and leaves with them. Returns rc; on ranks that end because the
 * first did, with an empty message. */
enum status pool_leave(enum status rc);

/* Installs the handlers of SIGINT, SIGTERM, SIGHUP (ERR_INTERRUPTED) and SIGUSR1 (ERR_REQUEUE); *pool_stop() is then
 * what was asked for, or 0. */
void pool_catch_signals(void);
const volatile int *pool_stop(void);
/* That status, with the message "interrupted: ..", "stopped on request (SIGUSR1): ..". printf style. */
enum status pool_stopped(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
