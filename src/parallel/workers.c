#include "parallel/workers.h"
#include "base/cgroup.h"
#include "parallel/stop.h"
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
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: that the program ignores SIGPIPE has to do */
#endif

struct worker {
    pid_t pid;   /* 0: none */
    int socket;  /* the parent's end */
    size_t item; /* that it is doing */
    bool busy;
};

struct workers {
    workers_task *task;
    void *context; /* borrowed */
    size_t n, busy;
    struct worker *list;  /* owned: n */
    struct pollfd *polls; /* owned: n */
    long oom_kills;       /* cgroup.h: those that are accounted for */
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

size_t workers_bytes(const struct workers_record *record)
{
    return sizeof *record + record->bytes;
}

/* ---- one worker ---- */

/* What a worker process does until its parent closes the socket. */
static void serve(const struct workers *workers, int fd)
{
    struct text payload = {0};
    size_t item;
    while (receive_all(fd, &item, sizeof item)) {
        struct workers_record record = {.item = item};
        text_clear(&payload);
        record.rc = workers->task(workers->context, item, &payload);
        if (record.rc == OK)
            record.rc = text_status(&payload);
        if (record.rc != OK)
            snprintf(record.message, sizeof record.message, "%s", error_message());
        record.stopped = *stop_reason();
        record.bytes = record.rc == OK ? payload.length : 0;
        if (!send_all(fd, &record, sizeof record) || !send_all(fd, payload.data, record.bytes))
            break;
    }
    _exit(0); /* no atexit handlers, no flushing of the parent's buffers, no word to MPI, which is the parent's */
}

static enum status start(struct workers *workers, struct worker *w)
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
        /* A worker must not outlive a killed parent. Elsewhere it ends after its item, for its socket is closed. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
#endif
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        for (size_t i = 0; i < workers->n; i++) {
            if (workers->list[i].pid)
                close(workers->list[i].socket);
        }
        close(ends[0]);
        serve(workers, ends[1]);
    }
    (void)parent;
    close(ends[1]);
    *w = (struct worker){.pid = pid, .socket = ends[0]};
    return OK;
}

/* Closing the socket ends a worker that waits for an item, or that sends. Returns how it ended, as waitpid has it. */
static int end(struct worker *w, bool kill_it)
{
    int how = 0;
    if (!w->pid)
        return how;
    if (kill_it)
        kill(w->pid, SIGKILL);
    close(w->socket);
    while (waitpid(w->pid, &how, 0) < 0 && errno == EINTR)
        ;
    *w = (struct worker){0};
    return how;
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
static bool out_of_memory(struct workers *workers, int how)
{
    const bool counted = WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL && cgroup_oom_kills("") > workers->oom_kills;
    workers->oom_kills += counted;
    return counted;
}

/* Says in `message` what the worker died of. Another can then be started in its place. */
static void end_dead(struct workers *workers, struct worker *w, char *message, size_t n)
{
    const int how = end(w, false), number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    const char *name = "another signal";
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        name = deadly[i].number == number ? deadly[i].name : name;
    if (out_of_memory(workers, how))
        snprintf(message, n, "the kernel killed the worker process: out of memory; use fewer --jobs, or allow more");
    else if (number)
        snprintf(message, n, "the worker process died of signal %d (%s)", number, name);
    else
        snprintf(message, n, "the worker process ended with exit code %d", WEXITSTATUS(how));
}

/* ---- all workers ---- */

enum status workers_create(workers_task *task, void *context, size_t n, struct workers **out)
{
    enum status rc = OK;
    struct workers *workers = calloc(1, sizeof *workers);
    REQUIRE(workers && (workers->list = calloc(n, sizeof *workers->list)) &&
                (workers->polls = calloc(n, sizeof *workers->polls)),
            ERR_MEMORY, "out of memory for %zu workers", n);
    workers->task = task;
    workers->context = context;
    workers->n = n;
    workers->oom_kills = cgroup_oom_kills("");
done:
    if (rc != OK) {
        workers_free(workers);
        workers = NULL;
    }
    *out = workers;
    return rc;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    for (size_t i = 0; i < workers->n; i++)
        end(&workers->list[i], workers->list[i].busy);
    free(workers->list);
    free(workers->polls);
    free(workers);
}

bool workers_idle(const struct workers *workers)
{
    return workers->busy < workers->n;
}

size_t workers_busy(const struct workers *workers)
{
    return workers->busy;
}

enum status workers_give(struct workers *workers, size_t item)
{
    enum status rc = OK;
    struct worker *w = workers->list;
    while (w->busy)
        w++;
    for (bool given = false; !given && rc == OK;) {
        if (!w->pid)
            rc = start(workers, w);
        given = rc == OK && send_all(w->socket, &item, sizeof item);
        if (rc == OK && !given)
            out_of_memory(workers, end(w, false)); /* it died while it was idle: another takes its place */
    }
    if (rc != OK)
        return rc;
    w->item = item;
    w->busy = true;
    workers->busy++;
    return OK;
}

/* Reads one record; for a worker that died, makes one. */
static enum status read_record(struct workers *workers, struct worker *w, struct workers_record **out)
{
    enum status rc = OK;
    struct workers_record *record = malloc(sizeof *record), *whole;
    REQUIRE(record, ERR_MEMORY, "out of memory for a worker's result");
    bool good = receive_all(w->socket, record, sizeof *record);
    if (good && record->bytes) {
        REQUIRE(whole = realloc(record, workers_bytes(record)), ERR_MEMORY, "out of memory for a worker's result");
        record = whole;
        good = receive_all(w->socket, record + 1, record->bytes);
    }
    if (!good) {
        *record = (struct workers_record){.item = w->item, .rc = ERR_PROGRAM};
        end_dead(workers, w, record->message, sizeof record->message);
    }
    w->busy = false;
    workers->busy--;
done:
    if (rc != OK) {
        free(record);
        record = NULL;
    }
    *out = record;
    return rc;
}

enum status workers_collect(struct workers *workers, int ms, struct workers_record **record)
{
    *record = NULL;
    for (size_t i = 0; i < workers->n; i++)
        workers->polls[i] =
            (struct pollfd){.fd = workers->list[i].busy ? workers->list[i].socket : -1, .events = POLLIN};
    if (poll(workers->polls, workers->n, ms) <= 0)
        return OK;
    size_t i = 0;
    while (!workers->polls[i].revents)
        i++;
    return read_record(workers, &workers->list[i], record);
}

void workers_stop(const struct workers *workers)
{
    for (size_t i = 0; i < workers->n; i++) {
        if (workers->list[i].busy)
            kill(workers->list[i].pid, SIGUSR1);
    }
}
