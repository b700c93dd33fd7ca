/* Progress on stderr: one line that is rewritten on a terminal, a plain line every half minute when it is not one. The
 * environment variable PLATEAU_PROGRESS, a number of seconds, gives another time between lines: a program that reads
 * them (the Python package) shows a bar of its own. */
#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *what; /* borrowed: "flow", a study's name */
    size_t total, done;
    double work;                   /* of all runs, in any unit; 0: one is as long as another */
    double started, shown, period; /* seconds; period: between lines */
    bool quiet, terminal;
};

void progress_begin(struct progress *p, const char *what, size_t total, bool quiet);
/* `done` runs, which were `worked` of p->work, are finished; the seconds left are those so far times what is left of
 * the work. Shows at most a few lines a second. */
void progress_show(struct progress *p, size_t done, double worked);
/* The same for what has no count of runs: `line` alone. */
void progress_line(struct progress *p, const char *line);
/* Clears the line. */
void progress_end(struct progress *p);
/* Seconds of a clock that never goes back. */
double progress_clock(void);

#endif
