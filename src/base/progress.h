/* Progress on stderr: one line that is rewritten on a terminal, a plain line every half minute when it is not one. */
#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *what; /* borrowed: "flow", a study's name */
    size_t total, done;
    double started, shown;
    bool quiet, terminal;
};

void progress_begin(struct progress *p, const char *what, size_t total, bool quiet);
/* `done` runs are finished; `note` (may be NULL) is shown behind the counts. Shows at most a few lines a second. */
void progress_show(struct progress *p, size_t done, const char *note);
/* The same for what has no count of runs: `line` alone. */
void progress_line(struct progress *p, const char *line);
/* Clears the line. */
void progress_end(struct progress *p);
/* Seconds of a clock that never goes back. */
double progress_clock(void);

#endif
