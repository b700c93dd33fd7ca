#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#include <sys/prctl.h>
#endif

static volatile int stop_requested;

static void on_signal(int number)
{
    (void)number;
    stop_requested = 1;
}

void pool_catch_signals(void)
{
    /* No SA_RESTART: poll and read return at once. A second signal ends the program where it stands. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

const volatile int *pool_stop(void)
{
    return &stop_requested;
}

size_t pool_cores(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

size_t pool_jobs(size_t asked, size_t threads)
{
    const size_t fit = pool_cores() / (threads ? threads : 1);
    return asked ? asked : fit ? fit : 1;
}

/* What a worker sends before the trace's rows. */
struct record {
    size_t item;
    enum status rc;
    char message[512];
    struct result result;
    struct trace trace; /* its rows follow */
};

struct worker {
    pid_t pid;   /* 0: none */
    int socket;  /* the parent's end */
    size_t item; /* being worked on */
    bool busy;
};

static bool send_all(int fd, const void *data, size_t n)
{
    for (const char *p = data; n > 0;) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool receive_all(int fd, void *data, size_t n)
{
    for (char *p = data; n > 0;) {
        ssize_t k = read(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static size_t rows_bytes(const struct trace *trace)
{
    return trace->length * (size_t)trace->columns * sizeof *trace->rows;
}

static void work_loop(const struct pool *pool, int fd)
{
    size_t item;
    while (receive_all(fd, &item, sizeof item)) {
        struct record record = {.item = item};
        struct trace trace = {0};
        record.rc = pool->work(pool->context, item, &record.result, &trace);
        if (record.rc != OK)
            snprintf(record.message, sizeof record.message, "%s", error_message());
        record.trace = trace;
        record.trace.length = record.rc == OK ? trace.length : 0;
        size_t bytes = rows_bytes(&record.trace);
        bool sent = send_all(fd, &record, sizeof record) && (!bytes || send_all(fd, trace.rows, bytes));
        trace_free(&trace);
        if (!sent)
            break;
    }
    _exit(0); /* no atexit handlers, no flushing of the parent's buffers */
}

static enum status hire(const struct pool *pool, struct worker *workers, size_t n, struct worker *w)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return error_set(ERR_PROGRAM, "cannot make a socket for a worker: %s", strerror(errno));
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return error_set(ERR_PROGRAM, "cannot start a worker: %s; use fewer --jobs", strerror(errno));
    }
    if (pid == 0) {
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a worker must not outlive a killed parent */
        if (getppid() != parent)
            _exit(0);
#endif
        signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; the parent decides */
        signal(SIGTERM, SIG_DFL);
        for (size_t i = 0; i < n; i++) {
            if (workers[i].pid)
                close(workers[i].socket);
        }
        close(ends[0]);
        work_loop(pool, ends[1]);
    }
    (void)parent;
    close(ends[1]);
    *w = (struct worker){.pid = pid, .socket = ends[0]};
    return OK;
}

static void dismiss(struct worker *w, int how)
{
    if (!w->pid)
        return;
    if (how)
        kill(w->pid, how);
    close(w->socket);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *w = (struct worker){0};
}

/* Reads one record and delivers it; a dead worker's run is delivered as failed. */
static enum status collect(const struct pool *pool, struct worker *w)
{
    enum status rc = OK;
    struct record *record = malloc(sizeof *record);
    struct trace trace = {0};
    REQUIRE(record, ERR_MEMORY, "out of memory for a worker's result");
    w->busy = false;
    bool good = receive_all(w->socket, record, sizeof *record);
    if (good) {
        trace = record->trace;
        trace.rows = NULL; /* the pointer was the worker's */
        trace.allocated = trace.length;
        size_t bytes = rows_bytes(&trace);
        REQUIRE(!bytes || (trace.rows = malloc(bytes)), ERR_MEMORY, "out of memory for a trace");
        good = !bytes || receive_all(w->socket, trace.rows, bytes);
    }
    if (good) {
        rc = pool->deliver(pool->context, record->item, record->rc, record->message, &record->result, &trace);
    } else {
        size_t item = w->item;
        dismiss(w, SIGKILL);
        rc = pool->deliver(pool->context, item, ERR_PROGRAM, "the worker process died (killed, or out of memory)", NULL, NULL);
    }
done:
    trace_free(&trace);
    free(record);
    return rc;
}

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

static enum status run_here(const struct pool *pool, const size_t *items, size_t n)
{
    enum status rc = OK;
    for (size_t i = 0, left_out = 0; rc == OK; i++) {
        rc = skip_unwanted(pool, items, n, &i, &left_out);
        if (rc != OK || i == n)
            break;
        if (stop_requested)
            return error_set(ERR_INTERRUPTED, "interrupted: %zu of %zu runs are finished", i, n);
        struct result result;
        struct trace trace = {0};
        enum status done = pool->work(pool->context, items[i], &result, &trace);
        if (done == OK && result.state == RUN_INTERRUPTED)
            rc = error_set(ERR_INTERRUPTED, "interrupted: %zu of %zu runs are finished", i, n);
        else
            rc = pool->deliver(pool->context, items[i], done, done == OK ? "" : error_message(), &result, &trace);
        trace_free(&trace);
    }
    return rc;
}

/* Gives every idle worker something to do. */
static enum status hand_out(const struct pool *pool, struct worker *workers, size_t jobs, const size_t *items, size_t n, size_t *next,
                            size_t *left_out)
{
    for (size_t i = 0; i < jobs && *next < n && !stop_requested; i++) {
        struct worker *w = &workers[i];
        if (w->busy)
            continue;
        enum status wanted = skip_unwanted(pool, items, n, next, left_out);
        if (wanted != OK || *next == n)
            return wanted;
        if (!w->pid) {
            enum status rc = hire(pool, workers, jobs, w);
            if (rc != OK)
                return rc;
        }
        w->item = items[*next];
        if (send_all(w->socket, &w->item, sizeof w->item)) {
            w->busy = true;
            (*next)++;
        } else {
            dismiss(w, SIGKILL); /* died idle: hired anew on the next round */
        }
    }
    return OK;
}

enum status pool_run(const struct pool *pool, const size_t *items, size_t n)
{
    if (pool->jobs <= 1 || n <= 1)
        return run_here(pool, items, n);
    enum status rc = OK;
    size_t jobs = pool->jobs < n ? pool->jobs : n, next = 0, done = 0;
    struct worker *workers = calloc(jobs, sizeof *workers);
    struct pollfd *polls = calloc(jobs, sizeof *polls);
    REQUIRE(workers && polls, ERR_MEMORY, "out of memory for %zu workers", jobs);
    while (done < n) {
        REQUIRE(!stop_requested, ERR_INTERRUPTED, "interrupted: %zu of %zu runs are finished", done, n);
        TRY(hand_out(pool, workers, jobs, items, n, &next, &done));
        if (done == n)
            break;
        for (size_t i = 0; i < jobs; i++)
            polls[i] = (struct pollfd){.fd = workers[i].busy ? workers[i].socket : -1, .events = POLLIN};
        if (poll(polls, jobs, 1000) < 0)
            continue;
        for (size_t i = 0; i < jobs; i++) {
            if (!polls[i].revents)
                continue;
            TRY(collect(pool, &workers[i]));
            done++;
        }
    }
done:
    for (size_t i = 0; workers && i < jobs; i++)
        dismiss(&workers[i], rc == OK ? 0 : SIGTERM);
    free(workers);
    free(polls);
    return rc;
}
