#include "crew.h"
#include "cgroup.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

struct worker {
    pid_t pid;   /* 0: none */
    int socket;  /* the parent's end */
    size_t item; /* being worked on */
    bool busy;
};

struct crew {
    const struct pool *pool; /* borrowed */
    size_t n, busy;
    struct worker *workers; /* owned: n */
    struct pollfd *polls;   /* owned: n */
    long oom_kills;         /* cgroup.h: those that are accounted for */
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

static size_t rows_bytes(const struct crew_record *record)
{
    return record->trace.length * (size_t)record->trace.columns * sizeof *record->trace.rows;
}

size_t crew_bytes(const struct crew_record *record)
{
    return sizeof *record + rows_bytes(record);
}

double *crew_rows(struct crew_record *record)
{
    return (double *)(record + 1);
}

/* ---- workers ---- */

static void work_loop(const struct pool *pool, int fd)
{
    size_t item;
    while (receive_all(fd, &item, sizeof item)) {
        struct crew_record record = {.item = item};
        struct trace trace = {0};
        record.rc = pool->work(pool->context, item, &record.result, &trace);
        if (record.rc != OK)
            snprintf(record.message, sizeof record.message, "%s", error_message());
        record.stopped = *pool_stop();
        record.trace = trace;
        record.trace.length = record.rc == OK ? trace.length : 0;
        size_t bytes = rows_bytes(&record);
        bool sent = send_all(fd, &record, sizeof record) && (!bytes || send_all(fd, trace.rows, bytes));
        trace_free(&trace);
        if (!sent)
            break;
    }
    _exit(0); /* no atexit handlers, no flushing of the parent's buffers, no word to MPI, which is the parent's */
}

static enum status hire(struct crew *crew, struct worker *w)
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
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        for (size_t i = 0; i < crew->n; i++) {
            if (crew->workers[i].pid)
                close(crew->workers[i].socket);
        }
        close(ends[0]);
        work_loop(crew->pool, ends[1]);
    }
    (void)parent;
    close(ends[1]);
    *w = (struct worker){.pid = pid, .socket = ends[0]};
    return OK;
}

/* Closing the socket ends a worker that waits for an item, or that sends. Returns how it ended, as waitpid has it. */
static int dismiss(struct worker *w, bool kill_it)
{
    int end = 0;
    if (!w->pid)
        return end;
    if (kill_it)
        kill(w->pid, SIGKILL);
    close(w->socket);
    while (waitpid(w->pid, &end, 0) < 0 && errno == EINTR)
        ;
    *w = (struct worker){0};
    return end;
}

/* ---- what a worker died of ---- */

static const struct {
    int number;
    const char *name;
} deadly[] = {
#define AS_ENTRY(name) {name, #name},
    // clang-format off
    AS_ENTRY(SIGABRT) AS_ENTRY(SIGALRM) AS_ENTRY(SIGBUS) AS_ENTRY(SIGFPE) AS_ENTRY(SIGHUP) AS_ENTRY(SIGILL)
    AS_ENTRY(SIGINT) AS_ENTRY(SIGKILL) AS_ENTRY(SIGPIPE) AS_ENTRY(SIGQUIT) AS_ENTRY(SIGSEGV) AS_ENTRY(SIGSYS)
    AS_ENTRY(SIGTERM) AS_ENTRY(SIGTRAP) AS_ENTRY(SIGXCPU) AS_ENTRY(SIGXFSZ)
// clang-format on
#undef AS_ENTRY
};

/* The kernel kills by SIGKILL when memory runs out, and counts it before: each count stands for one death. */
static bool out_of_memory(struct crew *crew, int end)
{
    const bool counted = WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL && cgroup_oom_kills("") > crew->oom_kills;
    crew->oom_kills += counted;
    return counted;
}

/* The dead worker's place is free afterwards; its message into `message`. */
static void bury(struct crew *crew, struct worker *w, char *message, size_t n)
{
    const int end = dismiss(w, false), number = WIFSIGNALED(end) ? WTERMSIG(end) : 0;
    const char *name = "another signal";
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        name = deadly[i].number == number ? deadly[i].name : name;
    if (out_of_memory(crew, end))
        snprintf(message, n, "the kernel killed the worker process: out of memory; use fewer --jobs, or allow more");
    else if (number)
        snprintf(message, n, "the worker process died of signal %d (%s)", number, name);
    else
        snprintf(message, n, "the worker process ended with exit code %d", WEXITSTATUS(end));
}

/* ---- the crew ---- */

enum status crew_create(const struct pool *pool, size_t n, struct crew **out)
{
    enum status rc = OK;
    struct crew *crew = calloc(1, sizeof *crew);
    REQUIRE(crew && (crew->workers = calloc(n, sizeof *crew->workers)) &&
                (crew->polls = calloc(n, sizeof *crew->polls)),
            ERR_MEMORY, "out of memory for %zu workers", n);
    crew->pool = pool;
    crew->n = n;
    crew->oom_kills = cgroup_oom_kills("");
done:
    if (rc != OK) {
        crew_free(crew);
        crew = NULL;
    }
    *out = crew;
    return rc;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    for (size_t i = 0; i < crew->n; i++)
        dismiss(&crew->workers[i], crew->workers[i].busy);
    free(crew->workers);
    free(crew->polls);
    free(crew);
}

bool crew_idle(const struct crew *crew)
{
    return crew->busy < crew->n;
}

size_t crew_busy(const struct crew *crew)
{
    return crew->busy;
}

enum status crew_give(struct crew *crew, size_t item)
{
    enum status rc = OK;
    struct worker *w = crew->workers;
    while (w->busy)
        w++;
    for (bool given = false; !given && rc == OK;) {
        if (!w->pid)
            rc = hire(crew, w);
        given = rc == OK && send_all(w->socket, &item, sizeof item);
        if (rc == OK && !given)
            out_of_memory(crew, dismiss(w, false)); /* died idle: another takes its place */
    }
    if (rc != OK)
        return rc;
    w->item = item;
    w->busy = true;
    crew->busy++;
    return OK;
}

/* Reads one record; of a worker that died, writes one. */
static enum status read_record(struct crew *crew, struct worker *w, struct crew_record **out)
{
    enum status rc = OK;
    struct crew_record *record = malloc(sizeof *record), *whole;
    REQUIRE(record, ERR_MEMORY, "out of memory for a worker's result");
    bool good = receive_all(w->socket, record, sizeof *record);
    if (good && rows_bytes(record)) {
        REQUIRE(whole = realloc(record, crew_bytes(record)), ERR_MEMORY, "out of memory for a trace");
        record = whole;
        good = receive_all(w->socket, crew_rows(record), rows_bytes(record));
    }
    if (!good) {
        *record = (struct crew_record){.item = w->item, .rc = ERR_PROGRAM};
        bury(crew, w, record->message, sizeof record->message);
    }
    w->busy = false;
    crew->busy--;
done:
    if (rc != OK) {
        free(record);
        record = NULL;
    }
    *out = record;
    return rc;
}

enum status crew_collect(struct crew *crew, int ms, struct crew_record **record)
{
    *record = NULL;
    for (size_t i = 0; i < crew->n; i++)
        crew->polls[i] = (struct pollfd){.fd = crew->workers[i].busy ? crew->workers[i].socket : -1, .events = POLLIN};
    if (poll(crew->polls, crew->n, ms) <= 0)
        return OK;
    size_t i = 0;
    while (!crew->polls[i].revents)
        i++;
    return read_record(crew, &crew->workers[i], record);
}

void crew_stop(const struct crew *crew)
{
    for (size_t i = 0; i < crew->n; i++) {
        if (crew->workers[i].busy)
            kill(crew->workers[i].pid, SIGUSR1);
    }
}
