#include "gnuplot.h"
#include "pool.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { MESSAGE = 400 }; /* bytes of gnuplot's message that are kept */

/* Everything that comes through the pipe, the first MESSAGE bytes of it kept, on one line. */
static void listen_to(int pipe, char message[MESSAGE + 1])
{
    char bytes[4096];
    size_t kept = 0;
    for (ssize_t n; (n = read(pipe, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR);) {
        for (ssize_t i = 0; i < n && kept < MESSAGE; i++) {
            char c = bytes[i] == '\n' || bytes[i] == '\t' ? ' ' : bytes[i];
            if (c != ' ' || (kept && message[kept - 1] != ' '))
                message[kept++] = c;
        }
    }
    message[kept] = '\0';
}

/* What became of gnuplot. */
static enum status judge(int state, const char *message, const char *script)
{
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return OK;
    if (*pool_stop())
        return pool_stopped("while gnuplot was drawing");
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
        script, WEXITSTATUS(state), *message ? message : "no message");
}

enum status gnuplot_run(const char *folder, const char *script)
{
    enum status rc = OK;
    char *const arguments[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char *)(uintptr_t)script, NULL};
    int ends[2], state = 0;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(ERR_PROGRAM, "gnuplot: no pipe: %s", strerror(errno));
    int failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        failed = failed ? failed : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
        failed = failed ? failed : posix_spawn_file_actions_addchdir_np(&actions, folder);
        failed = failed ? failed : posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (!failed) {
        char message[MESSAGE + 1];
        listen_to(ends[0], message);
        while (waitpid(child, &state, 0) < 0 && errno == EINTR)
            ;
        rc = judge(state, message, script);
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
