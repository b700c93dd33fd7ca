#include "parallel/stop.h"
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static volatile int requested;

/* Whether whoever started the program, nohup for one, has SIGHUP ignored. */
static bool hangup_ignored;

static void note_hangup(void)
{
    struct sigaction before;
    hangup_ignored = sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

/* UCX, which Open MPI 5 brings, takes SIGHUP for itself when it is loaded; glibc calls this before. */
#ifdef __GLIBC__
__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) = note_hangup;
#endif

void stop_leave_hangup(void)
{
#ifndef __GLIBC__
    note_hangup();
#endif
    if (hangup_ignored)
        signal(SIGHUP, SIG_IGN);
}

static void on_signal(int number)
{
    requested = number == SIGUSR1 ? ERR_REQUEUE : ERR_INTERRUPTED;
}

void stop_on_signals(void)
{
    /* Without SA_RESTART, poll and read return at once. A second SIGINT or SIGTERM ends the program where it stands.
     * SIGUSR1 comes from a batch system, perhaps once more by way of the launcher; SIGHUP comes from a terminal that
     * closes, by the shell and by the kernel. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    if (!hangup_ignored)
        sigaction(SIGHUP, &action, NULL);
}

const volatile int *stop_reason(void)
{
    return &requested;
}

void stop_request(int reason)
{
    requested = reason;
}

enum status stop_error(const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (requested == ERR_INTERRUPTED)
        return error_set(ERR_INTERRUPTED, "interrupted: %s", what);
    if (requested == ERR_REQUEUE)
        return error_set(ERR_REQUEUE, "stopped on request (SIGUSR1): %s", what);
    return error_set((enum status)requested, "another rank could not go on, and has said why: %s", what);
}
