/* A scheduler over worker processes: item number -> the bytes that its task gives, on all cores, and on all ranks of an
 * MPI job. It knows nothing of what the items are.
 *
 * Workers are forked, get item numbers over a socket and send records back (workers.h). In an MPI job every rank has
 * workers of its own; the first rank gives out the numbers and gets the records, by messages (ranks.h), so that one
 * process alone touches a database. While its workers compute, a rank waits for records and messages, asleep. Records
 * arrive in any order, and do not depend on the number of workers or ranks. A worker that dies takes its item with it:
 * the item is delivered as failed, with what the worker died of, and a new worker is forked.
 *
 * SIGINT, SIGTERM and SIGHUP (stop.h) stop the handing out, and leave busy workers five seconds to save themselves, in
 * an MPI job, whose launcher kills, half a second. SIGUSR1 leaves them the time that they need. Whatever process of the
 * job the signal reaches, all learn of it and end with the same exit code. What was finished has been delivered. */
#ifndef SCHEDULER_H
#define SCHEDULER_H
#include "parallel/workers.h"
#include <stdint.h>

/* In the parent: the item is done, payload[bytes] is what its task gave, aligned for numbers. rc != OK: it failed, and
 * `message` says why. A status other than OK stops the scheduler. */
typedef enum status scheduler_deliver(void *context, size_t item, enum status rc, const char *message,
                                      const void *payload, size_t bytes);
/* In the parent, just before the item is handed out: false leaves it out (another process has made it since). */
typedef enum status scheduler_wanted(void *context, size_t item, bool *wanted);
/* In the parent, a few times a second while it waits for workers. A status other than OK stops the scheduler. */
typedef enum status scheduler_tick(void *context);

struct scheduler {
    size_t jobs;   /* workers of every rank; with 1, and no other ranks, items are done in this process .. */
    bool isolated; /* .. unless this is set: then an item that crashes does not end this process */
    bool ranks;    /* on all ranks of an MPI job, once in its life; else on this rank alone */
    workers_task *task;
    scheduler_deliver *deliver;
    scheduler_wanted *wanted; /* NULL: every item is */
    scheduler_tick *tick;     /* may be NULL */
    void *context;
    uint64_t fingerprint; /* in an MPI job: a hash of what the numbers mean, the same on all ranks */
};

/* Number of cores that this process may use: by its affinity, and by the quota of its control group, rounded up. */
size_t scheduler_cores(void);
/* Workers for items of at most `threads` threads each: `asked`, or (0) as many as the cores hold, at least one; on a
 * rank of an MPI job, one. */
size_t scheduler_jobs(size_t asked, size_t threads);
/* Does items[0..n), on the first rank. ERR_INTERRUPTED or ERR_REQUEUE after a signal, deliver's status, or ERR_INPUT if
 * the ranks do not agree. */
enum status scheduler_run(const struct scheduler *scheduler, const size_t *items, size_t n);
/* On the other ranks: works for the first until that ends the job, with its status. */
enum status scheduler_serve(const struct scheduler *scheduler);

/* Before all else of a command that may run as an MPI job: connects the ranks (ranks_begin). The other ranks wait here
 * until the first is ready to give out items; they get its status if it fails before. *first: is it this one? */
enum status scheduler_join(bool independent, bool *first);
/* And after all else: tells the other ranks of rc, and leaves with them. Returns rc; on ranks that end because the
 * first did, with an empty message. */
enum status scheduler_leave(enum status rc);

#endif
