#include "base/progress.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const double TERMINAL_PERIOD = 0.2, PLAIN_PERIOD = 30; /* seconds between lines */

double progress_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_begin(struct progress *p, const char *what, size_t total, bool quiet)
{
    *p = (struct progress){.what = what, .total = total, .quiet = quiet, .started = progress_clock()};
    p->shown = p->started;
    p->terminal = isatty(STDERR_FILENO);
    p->period = p->terminal ? TERMINAL_PERIOD : PLAIN_PERIOD;
    const char *asked = getenv("PLATEAU_PROGRESS");
    double seconds;
    if (asked && text_to_real(asked, &seconds) && seconds >= 0)
        p->period = seconds;
}

/* Is it time for another line? */
static bool due(struct progress *p)
{
    double now = progress_clock();
    if (p->quiet || now - p->shown < p->period)
        return false;
    p->shown = now;
    return true;
}

void progress_line(struct progress *p, const char *line)
{
    if (!due(p))
        return;
    fprintf(stderr, "%s%s%s", p->terminal ? "\r\033[K" : "", line, p->terminal ? "" : "\n");
    fflush(stderr);
}

void progress_show(struct progress *p, size_t done, double worked)
{
    p->done = done;
    if (!due(p))
        return;
    const double part = p->work > 0 ? worked / p->work : (double)done / (double)p->total;
    fprintf(stderr, "%s%s: %zu of %zu runs", p->terminal ? "\r\033[K" : "", p->what, done, p->total);
    if (part > 0)
        fprintf(stderr, ", about %.0f s left", (p->shown - p->started) * (1 / part - 1));
    fprintf(stderr, "%s", p->terminal ? "" : "\n");
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (!p->quiet && p->terminal)
        fprintf(stderr, "\r\033[K");
    fflush(stderr);
}
