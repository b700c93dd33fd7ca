#include "pool.h"
#include "cgroup.h"
#include "crew.h"
#include "progress.h"
#include "ranks.h"
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

/* ---- signals ---- */

static volatile int stop_requested;

static void on_signal(int number)
{
    stop_requested = number == SIGUSR1 ? ERR_REQUEUE : ERR_INTERRUPTED;
}

void pool_catch_signals(void)
{
    /* No SA_RESTART: poll and read return at once. A second SIGINT or SIGTERM ends the program where it stands; SIGUSR1
     * comes from a scheduler, perhaps once more by way of the launcher; SIGHUP from a terminal that closes, by the
     * shell and by the kernel. What nohup has made ignored stays so. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

const volatile int *pool_stop(void)
{
    return &stop_requested;
}

enum status pool_stopped(const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (stop_requested == ERR_INTERRUPTED)
        return error_set(ERR_INTERRUPTED, "interrupted: %s", what);
    if (stop_requested == ERR_REQUEUE)
        return error_set(ERR_REQUEUE, "stopped on request (SIGUSR1): %s", what);
    return error_set((enum status)stop_requested, "another rank could not go on, and has said why: %s", what);
}

/* Has it been too long since the program was to end? `since` is when it began to; SIGUSR1 leaves the time that is
 * needed. */
static bool late(double *since, double seconds)
{
    const double now = progress_clock();
    if (stop_requested == ERR_REQUEUE)
        *since = now;
    return now - *since > seconds;
}

/* ---- sizes ---- */

size_t pool_cores(void)
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

size_t pool_jobs(size_t asked, size_t threads)
{
    const size_t fit = ranks_count() > 1 ? 1 : pool_cores() / (threads ? threads : 1);
    return asked ? asked : fit ? fit : 1;
}

/* ---- what the ranks say to each other ---- */

enum message {
    START,  /* first to others: read the study, I have something for you */
    HELLO,  /* others to first: struct hello */
    ITEM,   /* first to others: size_t */
    RECORD, /* others to first: struct crew_record and its rows */
    STOP,   /* int, a status. To the first: I stop, for this reason. To others: end what you do; OK: there is nothing
              left */
    BYE,    /* others to first: my workers have ended; I wait for .. */
    END     /* .. first to others: int, the status to end with */
};

struct hello {
    uint64_t meaning;
    size_t record, seats; /* size of struct crew_record: another build would have another; workers */
};

enum { NAP_LEAST = 1, NAP_MOST = 4, POLL_MS = 200 };         /* ms; the last without other ranks */
static const double SAVE_S = 0.4, WAIT_S = 0.5, ALONE_S = 5; /* after SIGTERM: to save; for the first to hear that all
                                                               others have; the same without others */

/* Where this process stands in its job. */
static struct {
    bool started; /* the first: the others were told to start */
    bool ended;   /* others: the first has said END. The first: all others are waiting for it */
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
    if (!stop_requested)
        stop_requested = reason;
}

/* A job whose launcher was killed is over, even if nobody says so. */
static void check_launcher(void)
{
    if (ranks_count() > 1 && getppid() != job.parent && stop_requested != ERR_REQUEUE)
        stop_requested = ERR_INTERRUPTED;
}

/* ---- the first process gives items to its own workers and to other ranks, and delivers what comes back ---- */

struct peer {
    size_t seats, busy;
    bool gone;
};

struct dispatch {
    const struct pool *pool;
    const size_t *items;
    size_t n, next, done;
    struct crew *crew;  /* owned */
    size_t ranks;       /* that take part, this one among them */
    struct peer *peers; /* owned: one a rank, [0] unused */
    int nap;            /* ms until the next look at messages */
    enum status lost;   /* of the first delivery that failed, and its message */
    char why[1024];
};

/* Moves *next to the next item that is wanted, or to n; *left_out counts the others. */
static enum status skip_unwanted(const struct pool *pool, const size_t *items, size_t n, size_t *next, size_t *left_out)
{
    enum status rc = OK;
    for (bool wanted = false; rc == OK && pool->wanted && *next < n; (*next)++, (*left_out)++) {
        rc = pool->wanted(pool->context, items[*next], &wanted);
        if (wanted || rc != OK)
            break;
    }
    return rc;
}

/* A rank with an idle worker, this one first; d->ranks if there is none. */
static size_t idle_rank(const struct dispatch *d)
{
    size_t i = 1;
    if (crew_idle(d->crew))
        return 0;
    while (i < d->ranks && d->peers[i].busy >= d->peers[i].seats)
        i++;
    return i;
}

/* Gives every idle worker something to do. */
static enum status hand_out(struct dispatch *d)
{
    enum status rc = OK;
    for (size_t rank; d->next < d->n && (rank = idle_rank(d)) < d->ranks;) {
        TRY(skip_unwanted(d->pool, d->items, d->n, &d->next, &d->done));
        if (d->next == d->n)
            break;
        const size_t item = d->items[d->next];
        TRY(rank ? ranks_send(rank, ITEM, &item, sizeof item) : crew_give(d->crew, item));
        d->peers[rank].busy++;
        d->next++;
    }
done:
    return rc;
}

static enum status take_record(struct dispatch *d, struct crew_record *record)
{
    if (record->stopped)
        adopt_stop(record->stopped);
    if (record->rc == OK && record->result.state == RUN_INTERRUPTED)
        return OK;
    d->done++;
    record->trace.rows = crew_rows(record);
    enum status rc =
        d->pool->deliver(d->pool->context, record->item, record->rc, record->message, &record->result, &record->trace);
    if (rc != OK && d->lost == OK) {
        d->lost = rc;
        snprintf(d->why, sizeof d->why, "%s", error_message());
    }
    return rc;
}

static enum status hear(struct dispatch *d, struct ranks_message *m)
{
    enum status rc = OK;
    struct peer *peer = &d->peers[m->from];
    switch ((enum message)m->kind) {
    case HELLO: {
        struct hello hello = {0};
        memcpy(&hello, m->data, m->bytes < sizeof hello ? m->bytes : sizeof hello);
        REQUIRE(hello.meaning == d->pool->meaning && hello.record == sizeof(struct crew_record), ERR_INPUT,
                "rank %zu has another study or plateau than rank 0: give all ranks the same program, files and options",
                m->from);
        peer->seats = hello.seats;
        break;
    }
    case RECORD:
        peer->busy--;
        TRY(take_record(d, m->data));
        break;
    case BYE:
        peer->gone = true;
        peer->seats = 0;
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

/* All that has come from other ranks. */
static enum status listen_to_ranks(struct dispatch *d)
{
    enum status rc = OK;
    struct ranks_message m = {0};
    check_launcher();
    for (bool there = true; there && d->ranks > 1;) {
        TRY(ranks_receive(&m, &there));
        if (there) {
            d->nap = NAP_LEAST;
            TRY(hear(d, &m));
        }
        free(m.data);
        m.data = NULL;
    }
done:
    free(m.data);
    return rc;
}

/* What comes from an own worker within a nap. */
static enum status collect(struct dispatch *d)
{
    struct crew_record *record;
    enum status rc = crew_collect(d->crew, d->nap, &record);
    d->nap = d->ranks == 1 ? POLL_MS : record ? NAP_LEAST : 2 * d->nap < NAP_MOST ? 2 * d->nap : NAP_MOST;
    if (record) {
        d->peers[0].busy--;
        rc = take_record(d, record);
    }
    free(record);
    return rc;
}

/* Nothing more is given out: because all is done (rc = OK), or because of rc; then what runs is to save itself, and
 * what has finished is delivered. */
static void wind_down(struct dispatch *d, enum status rc)
{
    double since = progress_clock();
    size_t gone = 0;
    if (d->ranks > 1)
        tell_all(STOP, (int)rc);
    if (rc != OK)
        crew_stop(d->crew);
    for (;;) {
        listen_to_ranks(d);
        gone = 0;
        for (size_t i = 1; i < d->ranks; i++)
            gone += d->peers[i].gone;
        if ((!crew_busy(d->crew) && gone == d->ranks - 1) ||
            ((rc != OK || stop_requested) && late(&since, d->ranks > 1 ? WAIT_S : ALONE_S)))
            break;
        collect(d);
    }
    if (d->ranks > 1)
        job.ended = gone == d->ranks - 1;
}

static enum status run_shared(const struct pool *pool, const size_t *items, size_t n)
{
    enum status rc = OK;
    char message[1024];
    const size_t jobs = pool->jobs < n ? pool->jobs : n;
    struct dispatch d = {
        .pool = pool, .items = items, .n = n, .ranks = pool->ranks ? ranks_count() : 1, .nap = NAP_LEAST};
    TRY(crew_create(pool, jobs ? jobs : 1, &d.crew));
    d.peers = calloc(d.ranks, sizeof *d.peers);
    REQUIRE(d.peers, ERR_MEMORY, "out of memory for %zu ranks", d.ranks);
    if (d.ranks > 1) {
        job.started = true;
        TRY(tell_all(START, OK));
    }
    while (d.done < n) {
        TRY(listen_to_ranks(&d));
        TRY((enum status)stop_requested);
        TRY(hand_out(&d));
        if (d.done < n)
            TRY(collect(&d));
        if (pool->tick)
            TRY(pool->tick(pool->context));
    }
done:
    snprintf(message, sizeof message, "%s", error_message());
    if (d.peers)
        wind_down(&d, rc);
    if (d.lost != OK) /* perhaps only as it wound down */
        rc = error_set(d.lost, "%s", d.why);
    else if (rc != OK)
        rc = rc == (enum status)stop_requested ? pool_stopped("%zu of %zu runs are finished", d.done, n)
                                               : error_set(rc, "%s", message);
    crew_free(d.crew);
    free(d.peers);
    return rc;
}

/* In this process, one after the other. */
static enum status run_here(const struct pool *pool, const size_t *items, size_t n)
{
    enum status rc = OK;
    for (size_t i = 0, left_out = 0; rc == OK; i++) {
        rc = skip_unwanted(pool, items, n, &i, &left_out);
        if (rc != OK || i == n)
            break;
        if (stop_requested)
            return pool_stopped("%zu of %zu runs are finished", i, n);
        struct result result;
        struct trace trace = {0};
        enum status done = pool->work(pool->context, items[i], &result, &trace);
        if (done == OK && result.state == RUN_INTERRUPTED)
            rc = pool_stopped("%zu of %zu runs are finished", i, n);
        else
            rc = pool->deliver(pool->context, items[i], done, done == OK ? "" : error_message(), &result, &trace);
        trace_free(&trace);
    }
    return rc;
}

enum status pool_run(const struct pool *pool, const size_t *items, size_t n)
{
    const bool alone = ranks_count() == 1 || !pool->ranks, one = pool->jobs <= 1 || n <= 1;
    return alone && one && !(pool->apart && n) ? run_here(pool, items, n) : run_shared(pool, items, n);
}

/* ---- the other ranks ---- */

struct service {
    struct crew *crew;       /* owned */
    int nap;                 /* ms until the next look at messages */
    bool told, leaving, bye; /* the first knows that we stop; it has told us to; it knows that our workers have ended */
    double since;            /* when we began to stop */
    enum status end;         /* what the first ends with */
};

/* All that the first has said. */
static enum status obey(struct service *s)
{
    enum status rc = OK;
    struct ranks_message m = {0};
    check_launcher();
    for (bool there = true; there && rc == OK;) {
        if ((rc = ranks_receive(&m, &there)) != OK || !there)
            break;
        s->nap = NAP_LEAST;
        if (m.kind == ITEM && !stop_requested) {
            size_t item = 0;
            memcpy(&item, m.data, m.bytes < sizeof item ? m.bytes : sizeof item);
            rc = crew_give(s->crew, item);
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

/* What comes from a worker within a nap is passed on. */
static enum status pass_on(struct service *s)
{
    struct crew_record *record;
    enum status rc = crew_collect(s->crew, s->nap, &record);
    s->nap = record ? NAP_LEAST : 2 * s->nap < NAP_MOST ? 2 * s->nap : NAP_MOST;
    if (record && record->stopped)
        adopt_stop(record->stopped);
    if (record && !s->bye)
        rc = ranks_send(0, RECORD, record, crew_bytes(record));
    free(record);
    return rc;
}

/* Ends the work when this or another process is to stop. */
static enum status heed_stop(struct service *s)
{
    enum status rc = OK;
    const int reason = stop_requested;
    if (reason && !s->told) {
        s->told = true;
        s->since = progress_clock();
        crew_stop(s->crew);
        TRY(ranks_send(0, STOP, &reason, sizeof reason));
    }
    if (!s->bye && ((s->leaving && !crew_busy(s->crew)) || (reason && late(&s->since, SAVE_S)))) {
        s->bye = true;
        TRY(ranks_send(0, BYE, NULL, 0));
    }
done:
    return rc;
}

enum status pool_serve(const struct pool *pool)
{
    enum status rc = OK;
    struct service s = {.nap = NAP_LEAST};
    const struct hello hello = {.meaning = pool->meaning, .record = sizeof(struct crew_record), .seats = pool->jobs};
    TRY(crew_create(pool, pool->jobs, &s.crew));
    TRY(ranks_send(0, HELLO, &hello, sizeof hello));
    while (!job.ended) {
        TRY(obey(&s));
        TRY(heed_stop(&s));
        REQUIRE(!s.bye || stop_requested != ERR_INTERRUPTED || !late(&s.since, 2 * SAVE_S), ERR_INTERRUPTED,
                "interrupted, and rank 0 does not answer");
        if (!job.ended)
            TRY(pass_on(&s));
    }
    if (s.end != OK)
        rc = error_set(s.end, "%s", "");
done:
    crew_free(s.crew);
    return rc;
}

/* Sleeps until the first says START, or that all is over. *end: then, what it ends with. */
static enum status await_first(enum status *end)
{
    enum status rc = OK;
    struct ranks_message m = {0};
    double since = progress_clock();
    for (bool there, started = false; rc == OK && !started && !job.ended;) {
        REQUIRE(stop_requested != ERR_INTERRUPTED || !late(&since, 2 * SAVE_S), ERR_INTERRUPTED, "interrupted");
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

enum status pool_join(bool apart, bool *first)
{
    enum status end = OK, rc = ranks_begin(apart);
    job.parent = getppid();
    *first = ranks_number() == 0;
    if (rc == OK && !*first)
        rc = await_first(&end);
    return rc == OK && end != OK ? error_set(end, "%s", "") : rc;
}

enum status pool_leave(enum status rc)
{
    if (ranks_count() > 1 && ranks_number() == 0) {
        job.ended = job.ended || !job.started; /* they have not begun: they are waiting */
        tell_all(END, (int)rc);
    } else if (ranks_count() > 1 && !job.ended && stop_requested != ERR_INTERRUPTED) {
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
