#include "plots/figures/gnuplot.h"
#include "base/progress.h"
#include "parallel/stop.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { MESSAGE = 400 };            /* bytes of gnuplot's message that are kept */
enum { TURN = 20, PATIENCE = 50 }; /* ms between looks; looks until one that was asked to end is made to */

/* A run of gnuplot, in a process group of its own, so that what it starts can be ended with it. */
struct drawing {
    pid_t child;
    int pipe, state;
    bool ended, late;
    char message[MESSAGE + 1]; /* the first bytes of what came through the pipe, on one line */
    size_t kept;
};

/* Reads what is there; false when nothing more will come. */
static bool listen_to(struct drawing *d)
{
    char bytes[4096];
    const ssize_t n = read(d->pipe, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n && d->kept < MESSAGE; i++) {
        const char c = bytes[i] == '\n' || bytes[i] == '\t' ? ' ' : bytes[i];
        if (c != ' ' || (d->kept && d->message[d->kept - 1] != ' '))
            d->message[d->kept++] = c;
    }
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool has_ended(struct drawing *d)
{
    const pid_t pid = waitpid(d->child, &d->state, WNOHANG);
    d->ended = d->ended || pid == d->child || (pid < 0 && errno != EINTR);
    return d->ended;
}

/* Until gnuplot ends, the time is over or a signal asks to stop; a pipe that a child of gnuplot keeps open is not
 * waited for. Then whatever is left of it is ended. */
static void follow(struct drawing *d, double seconds)
{
    const double until = progress_clock() + seconds;
    struct pollfd ready = {.fd = d->pipe, .events = POLLIN};
    while (!has_ended(d) && !*stop_reason() && !(d->late = progress_clock() > until)) {
        if (poll(&ready, 1, TURN) > 0 && !listen_to(d))
            ready.fd = -1; /* closed: only the end is waited for */
    }
    if (!d->ended)
        kill(-d->child, SIGTERM);
    for (int turn = 0; turn < PATIENCE && !has_ended(d); turn++)
        poll(NULL, 0, TURN);
    kill(-d->child, SIGKILL);
    while (!has_ended(d))
        poll(NULL, 0, TURN);
    ready.fd = d->pipe;
    while (poll(&ready, 1, 0) > 0 && listen_to(d))
        ;
    d->message[d->kept] = '\0';
}

/* What became of gnuplot. */
static enum status judge(const struct drawing *d, const char *script, double seconds)
{
    const int state = d->state;
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return OK;
    if (*stop_reason())
        return stop_error("while gnuplot was drawing");
    if (d->late)
        return error_set(ERR_PROGRAM, "gnuplot took more than %g s to draw %s and was ended; is the machine busy?",
                         seconds, script);
    if (WIFSIGNALED(state))
        return error_set(
            ERR_PROGRAM,
            "gnuplot was killed by signal %d (%s) while drawing %s; free some memory or lift the limit, and run "
            "the same command again",
            WTERMSIG(state), strsignal(WTERMSIG(state)), script);
    return error_set(
        ERR_PROGRAM,
        "gnuplot failed on %s (exit status %d): %s; is it gnuplot 5.4 or later with the terminals pdfcairo, svg "
        "and pngcairo (Debian: gnuplot-nox)?",
        script, WEXITSTATUS(state), *d->message ? d->message : "no message");
}

/* POSIX has this since 2024; before, systems had it under a name that says so. */
static int add_chdir(posix_spawn_file_actions_t *actions, const char *folder)
{
#if HAVE_POSIX_SPAWN_FILE_ACTIONS_ADDCHDIR
    return posix_spawn_file_actions_addchdir(actions, folder);
#else
    return posix_spawn_file_actions_addchdir_np(actions, folder);
#endif
}

/* Starts it, its messages into ends[1]; an error number or 0. */
static int start(const char *folder, const char *script, const int ends[2], pid_t *child)
{
    char *const arguments[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char *)(uintptr_t)script, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        failed = failed ? failed : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        failed = failed ? failed : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
        failed = failed ? failed : add_chdir(&actions, folder);
        failed = failed ? failed : posix_spawnp(child, "gnuplot", &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

enum status gnuplot_run(const char *folder, const char *script, double seconds)
{
    enum status rc = OK;
    int ends[2];
    struct drawing d = {.state = 0};
    if (pipe(ends) != 0)
        return error_set(ERR_PROGRAM, "gnuplot: no pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) /* pipe2 would do it at once, but macOS has none; no other thread starts programs */
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    const int failed = start(folder, script, ends, &d.child);
    close(ends[1]);
    d.pipe = ends[0];
    if (!failed) {
        fcntl(d.pipe, F_SETFL, O_NONBLOCK);
        follow(&d, seconds);
        rc = judge(&d, script, seconds);
    } else if (failed == ENOENT) {
        rc = error_set(
            ERR_PROGRAM,
            "gnuplot: not found; install it (Debian: apt-get install gnuplot-nox) and run the same command again");
    } else {
        rc = error_set(ERR_PROGRAM, "gnuplot: cannot be started: %s", strerror(failed));
    }
    close(ends[0]);
    return rc;
}
