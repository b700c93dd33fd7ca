#include "parallel/scheduler.h"
#include "base/cgroup.h"
#include "base/progress.h"
#include "parallel/ranks.h"
#include "parallel/stop.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

/* The status to stop with, or OK. */
static enum status stopping(void)
{
    const int reason = *stop_reason();
    return (enum status)reason;
}

/* Have more than `seconds` passed since the program began to stop, at *since? SIGUSR1 leaves all the time that is
 * needed. */
static bool late(double *since, double seconds)
{
    const double now = progress_clock();
    if (*stop_reason() == ERR_REQUEUE)
        *since = now;
    return now - *since > seconds;
}

/* ---- sizes ---- */

size_t scheduler_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
#endif
    const double quota = ceil(cgroup_cpus(""));
    if (quota < (double)n)
        n = (long)quota;
    return n > 0 ? (size_t)n : 1;
}

size_t scheduler_jobs(size_t asked, size_t threads)
{
    const size_t fit = ranks_count() > 1 ? 1 : scheduler_cores() / (threads ? threads : 1);
    return asked ? asked : fit ? fit : 1;
}

/* ---- what the ranks say to each other ---- */

enum message {
    START,  /* first to others: there are items for you, read what they mean */
    HELLO,  /* others to first: struct hello */
    ITEM,   /* first to others: size_t */
    RECORD, /* others to first: struct workers_record and its payload */
    STOP,   /* int, a status. To the first: I stop, for this reason. To others: end what you do; OK: nothing is left */
    BYE,    /* others to first: my workers have ended, and I wait for .. */
    END     /* .. first to others: int, the status to end with */
};

struct hello {
    uint64_t fingerprint;
    size_t record;  /* size of struct workers_record, which another version of the program may have changed */
    size_t workers; /* of the rank */
};

/* How long a process waits for its workers before it looks for messages, ms: the wait doubles while none come. */
enum { NAP_LEAST = 1, NAP_MOST = 4, POLL_MS = 200 }; /* POLL_MS: without other ranks, when there are no messages */
/* Seconds after SIGTERM. */
static const double SAVE_S = 0.4, /* for a rank's workers to save what they do */
    WAIT_S = 0.5,                 /* for the first rank to hear that all others have */
    ALONE_S = 5;                  /* for the workers of a process that is not part of a job */

/* Where this process stands in its job. */
static struct {
    bool started; /* the first rank has told the others to start */
    bool ended;   /* for the first rank: all others are waiting for END; for the others: END has come */
    pid_t parent; /* the launcher, on this machine */
} job;

static enum status tell_all(enum message kind, int value)
{
    enum status rc = OK;
    for (size_t i = 1; i < ranks_count() && rc == OK; i++)
        rc = ranks_send(i, kind, &value, sizeof value);
    return rc;
}

static int value_of(const struct ranks_message *m)
{
    int value = ERR_PROGRAM;
    if (m->bytes == sizeof value)
        memcpy(&value, m->data, sizeof value);
    return value;
}

static void adopt_stop(int reason)
{
    if (!*stop_reason())
        stop_request(reason);
}

/* A job whose launcher was killed is over, even if nobody says so. */
static void check_launcher(void)
{
    if (ranks_count() > 1 && getppid() != job.parent && *stop_reason() != ERR_REQUEUE)
        stop_request(ERR_INTERRUPTED);
}

static int longer(int nap)
{
    return 2 * nap < NAP_MOST ? 2 * nap : NAP_MOST;
}

/* ---- the first rank gives items to its own workers and to other ranks, and delivers what comes back ---- */

struct rank {
    size_t workers, busy;
    bool gone;
};

struct dispatch {
    const struct scheduler *scheduler;
    const size_t *items;
    size_t n, next, done;
    struct workers *workers; /* owned */
    size_t ranks;            /* that take part, this one among them */
    struct rank *rank;       /* owned: [ranks]; of the first, `busy` alone */
    int nap;                 /* ms until the next look at messages */
    enum status lost;        /* of the first delivery that failed, and its message */
    char why[1024];
};

/* Moves *next to the next item that is wanted, or to n; *left_out counts the others. */
static enum status skip_unwanted(const struct scheduler *scheduler, const size_t *items, size_t n, size_t *next,
                                 size_t *left_out)
{
    enum status rc = OK;
    for (bool wanted = false; rc == OK && scheduler->wanted && *next < n; (*next)++, (*left_out)++) {
        rc = scheduler->wanted(scheduler->context, items[*next], &wanted);
        if (wanted || rc != OK)
            break;
    }
    return rc;
}

/* A rank with an idle worker, this one first; d->ranks if there is none. */
static size_t idle_rank(const struct dispatch *d)
{
    size_t i = 1;
    if (workers_idle(d->workers))
        return 0;
    while (i < d->ranks && d->rank[i].busy >= d->rank[i].workers)
        i++;
    return i;
}

/* Gives every idle worker something to do. */
static enum status give_items(struct dispatch *d)
{
    enum status rc = OK;
    for (size_t rank; d->next < d->n && (rank = idle_rank(d)) < d->ranks;) {
        TRY(skip_unwanted(d->scheduler, d->items, d->n, &d->next, &d->done));
        if (d->next == d->n)
            break;
        const size_t item = d->items[d->next];
        TRY(rank ? ranks_send(rank, ITEM, &item, sizeof item) : workers_give(d->workers, item));
        d->rank[rank].busy++;
        d->next++;
    }
done:
    return rc;
}

static enum status deliver(struct dispatch *d, const struct workers_record *record)
{
    if (record->stopped)
        adopt_stop(record->stopped);
    if (record->rc == ERR_INTERRUPTED)
        return OK;
    d->done++;
    enum status rc = d->scheduler->deliver(d->scheduler->context, record->item, record->rc, record->message, record + 1,
                                           record->bytes);
    if (rc != OK && d->lost == OK) {
        d->lost = rc;
        snprintf(d->why, sizeof d->why, "%s", error_message());
    }
    return rc;
}

static enum status handle_message(struct dispatch *d, struct ranks_message *m)
{
    enum status rc = OK;
    struct rank *rank = &d->rank[m->from];
    switch ((enum message)m->kind) {
    case HELLO: {
        struct hello hello = {0};
        memcpy(&hello, m->data, m->bytes < sizeof hello ? m->bytes : sizeof hello);
        REQUIRE(hello.fingerprint == d->scheduler->fingerprint && hello.record == sizeof(struct workers_record),
                ERR_INPUT,
                "rank %zu has another study or plateau than rank 0: give all ranks the same program, files and options",
                m->from);
        rank->workers = hello.workers;
        break;
    }
    case RECORD:
        rank->busy--;
        TRY(deliver(d, m->data));
        break;
    case BYE:
        rank->gone = true;
        rank->workers = 0;
        break;
    case STOP:
        adopt_stop(value_of(m));
        break;
    case START:
    case ITEM:
    case END:
        break;
    }
done:
    return rc;
}

/* Handles all messages that have come from other ranks. */
static enum status handle_messages(struct dispatch *d)
{
    enum status rc = OK;
    struct ranks_message m = {0};
    check_launcher();
    for (bool there = true; there && d->ranks > 1;) {
        TRY(ranks_receive(&m, &there));
        if (there) {
            d->nap = NAP_LEAST;
            TRY(handle_message(d, &m));
        }
        free(m.data);
        m.data = NULL;
    }
done:
    free(m.data);
    return rc;
}

/* Delivers what comes from one of this process's workers within a nap. */
static enum status collect(struct dispatch *d)
{
    struct workers_record *record;
    enum status rc = workers_collect(d->workers, d->nap, &record);
    d->nap = d->ranks == 1 ? POLL_MS : record ? NAP_LEAST : longer(d->nap);
    if (record) {
        d->rank[0].busy--;
        rc = deliver(d, record);
    }
    free(record);
    return rc;
}

/* Nothing more is given out, because all is done (rc = OK) or because of rc. In that case busy workers are asked to
 * save their items, and those that have finished are delivered. */
static void wind_down(struct dispatch *d, enum status rc)
{
    double since = progress_clock();
    size_t gone = 0;
    if (d->ranks > 1)
        tell_all(STOP, (int)rc);
    if (rc != OK)
        workers_stop(d->workers);
    for (;;) {
        handle_messages(d);
        gone = 0;
        for (size_t i = 1; i < d->ranks; i++)
            gone += d->rank[i].gone;
        if ((!workers_busy(d->workers) && gone == d->ranks - 1) ||
            ((rc != OK || *stop_reason()) && late(&since, d->ranks > 1 ? WAIT_S : ALONE_S)))
            break;
        collect(d);
    }
    if (d->ranks > 1)
        job.ended = gone == d->ranks - 1;
}

static enum status run_shared(const struct scheduler *scheduler, const size_t *items, size_t n)
{
    enum status rc = OK;
    char message[1024];
    const size_t jobs = scheduler->jobs < n ? scheduler->jobs : n;
    struct dispatch d = {.scheduler = scheduler,
                         .items = items,
                         .n = n,
                         .ranks = scheduler->ranks ? ranks_count() : 1,
                         .nap = NAP_LEAST};
    TRY(workers_create(scheduler->task, scheduler->context, jobs ? jobs : 1, &d.workers));
    d.rank = calloc(d.ranks, sizeof *d.rank);
    REQUIRE(d.rank, ERR_MEMORY, "out of memory for %zu ranks", d.ranks);
    if (d.ranks > 1) {
        job.started = true;
        TRY(tell_all(START, OK));
    }
    while (d.done < n) {
        TRY(handle_messages(&d));
        TRY(stopping());
        TRY(give_items(&d));
        if (d.done < n)
            TRY(collect(&d));
        if (scheduler->tick)
            TRY(scheduler->tick(scheduler->context));
    }
done:
    snprintf(message, sizeof message, "%s", error_message());
    const bool asked = rc != OK && rc == stopping(); /* before others that are told to stop send the reason back */
    if (d.rank)
        wind_down(&d, rc);
    if (d.lost != OK) /* perhaps only as it wound down */
        rc = error_set(d.lost, "%s", d.why);
    else if (rc != OK)
        rc = asked ? stop_error("%zu of %zu runs are finished", d.done, n) : error_set(rc, "%s", message);
    workers_free(d.workers);
    free(d.rank);
    return rc;
}

/* All items in this process, one after the other. */
static enum status run_here(const struct scheduler *scheduler, const size_t *items, size_t n)
{
    enum status rc = OK;
    struct text payload = {0};
    for (size_t i = 0, left_out = 0; rc == OK; i++) {
        rc = skip_unwanted(scheduler, items, n, &i, &left_out);
        if (rc != OK || i == n)
            break;
        if (*stop_reason()) {
            rc = stop_error("%zu of %zu runs are finished", i, n);
            break;
        }
        text_clear(&payload);
        enum status done = scheduler->task(scheduler->context, items[i], &payload);
        if (done == OK)
            done = text_status(&payload);
        rc = done == ERR_INTERRUPTED
                 ? stop_error("%zu of %zu runs are finished", i, n)
                 : scheduler->deliver(scheduler->context, items[i], done, done == OK ? "" : error_message(),
                                      payload.data, done == OK ? payload.length : 0);
    }
    text_free(&payload);
    return rc;
}

enum status scheduler_run(const struct scheduler *scheduler, const size_t *items, size_t n)
{
    const bool alone = ranks_count() == 1 || !scheduler->ranks, one = scheduler->jobs <= 1 || n <= 1;
    return alone && one && !(scheduler->isolated && n) ? run_here(scheduler, items, n)
                                                       : run_shared(scheduler, items, n);
}

/* ---- the other ranks ---- */

struct service {
    struct workers *workers; /* owned */
    int nap;                 /* ms until the next look at messages */
    bool told;               /* the first rank knows that this one stops */
    bool leaving;            /* the first rank has told this one to stop */
    bool bye;                /* the first rank knows that the workers have ended */
    double since;            /* when this rank began to stop */
    enum status end;         /* what the first rank ends with */
};

/* Does all that the first rank has said. */
static enum status follow_messages(struct service *s)
{
    enum status rc = OK;
    struct ranks_message m = {0};
    check_launcher();
    for (bool there = true; there && rc == OK;) {
        if ((rc = ranks_receive(&m, &there)) != OK || !there)
            break;
        s->nap = NAP_LEAST;
        if (m.kind == ITEM && !*stop_reason()) {
            size_t item = 0;
            memcpy(&item, m.data, m.bytes < sizeof item ? m.bytes : sizeof item);
            rc = workers_give(s->workers, item);
        } else if (m.kind == STOP) {
            s->leaving = true;
            adopt_stop(value_of(&m));
        } else if (m.kind == END) {
            job.ended = true;
            s->end = (enum status)value_of(&m);
        }
        free(m.data);
    }
    return rc;
}

/* Passes on to the first rank what comes from a worker within a nap. */
static enum status pass_on(struct service *s)
{
    struct workers_record *record;
    enum status rc = workers_collect(s->workers, s->nap, &record);
    s->nap = record ? NAP_LEAST : longer(s->nap);
    if (record && record->stopped)
        adopt_stop(record->stopped);
    if (record && !s->bye)
        rc = ranks_send(0, RECORD, record, workers_bytes(record));
    free(record);
    return rc;
}

/* Ends the workers when this or another rank is to stop, and tells the first rank. */
static enum status stop_if_asked(struct service *s)
{
    enum status rc = OK;
    const int reason = *stop_reason();
    if (reason && !s->told) {
        s->told = true;
        s->since = progress_clock();
        workers_stop(s->workers);
        TRY(ranks_send(0, STOP, &reason, sizeof reason));
    }
    if (!s->bye && ((s->leaving && !workers_busy(s->workers)) || (reason && late(&s->since, SAVE_S)))) {
        s->bye = true;
        TRY(ranks_send(0, BYE, NULL, 0));
    }
done:
    return rc;
}

enum status scheduler_serve(const struct scheduler *scheduler)
{
    enum status rc = OK;
    struct service s = {.nap = NAP_LEAST};
    const struct hello hello = {
        .fingerprint = scheduler->fingerprint, .record = sizeof(struct workers_record), .workers = scheduler->jobs};
    TRY(workers_create(scheduler->task, scheduler->context, scheduler->jobs, &s.workers));
    TRY(ranks_send(0, HELLO, &hello, sizeof hello));
    while (!job.ended) {
        TRY(follow_messages(&s));
        TRY(stop_if_asked(&s));
        REQUIRE(!s.bye || *stop_reason() != ERR_INTERRUPTED || !late(&s.since, 2 * SAVE_S), ERR_INTERRUPTED,
                "interrupted, and rank 0 does not answer");
        if (!job.ended)
            TRY(pass_on(&s));
    }
    if (s.end != OK)
        rc = error_set(s.end, "%s", "");
done:
    workers_free(s.workers);
    return rc;
}

/* Sleeps until the first rank says START, or END: *end is then the status that it ends with. */
static enum status await_first(enum status *end)
{
    enum status rc = OK;
    struct ranks_message m = {0};
    double since = progress_clock();
    for (bool there, started = false; rc == OK && !started && !job.ended;) {
        REQUIRE(*stop_reason() != ERR_INTERRUPTED || !late(&since, 2 * SAVE_S), ERR_INTERRUPTED, "interrupted");
        TRY(ranks_receive(&m, &there));
        if (!there) {
            nanosleep(&(struct timespec){.tv_nsec = NAP_MOST * 1000000L}, NULL);
            continue;
        }
        started = m.kind == START;
        job.ended = m.kind == END;
        *end = job.ended ? (enum status)value_of(&m) : OK;
        free(m.data);
    }
done:
    return rc;
}

enum status scheduler_join(bool independent, bool *first)
{
    enum status end = OK, rc = ranks_begin(independent);
    job.parent = getppid();
    *first = ranks_number() == 0;
    if (rc == OK && !*first)
        rc = await_first(&end);
    return rc == OK && end != OK ? error_set(end, "%s", "") : rc;
}

enum status scheduler_leave(enum status rc)
{
    if (ranks_count() > 1 && ranks_number() == 0) {
        job.ended = job.ended || !job.started; /* others that have not begun are waiting */
        tell_all(END, (int)rc);
    } else if (ranks_count() > 1 && !job.ended && *stop_reason() != ERR_INTERRUPTED) {
        const int reason = (int)rc;
        enum status end;
        error_prefix(rc, "rank %zu", ranks_number());
        fprintf(stderr, "plateau: %s\n", error_message()); /* now: when the first ends, the launcher may end this one */
        error_set(rc, "%s", "");
        if (ranks_send(0, STOP, &reason, sizeof reason) == OK && ranks_send(0, BYE, NULL, 0) == OK)
            await_first(&end);
    }
    ranks_end(job.ended);
    return rc;
}
