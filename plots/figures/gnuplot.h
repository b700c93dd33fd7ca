/* Runs gnuplot on a script. */
#ifndef GNUPLOT_H
#define GNUPLOT_H
#include "base/error.h"

/* Runs `gnuplot script` in `folder`, without the user's own settings, for so many seconds at most; what it leaves
 * running is ended. ERR_PROGRAM with gnuplot's message and a remedy when it is not installed, fails, is killed or takes
 * too long; ERR_INTERRUPTED or ERR_REQUEUE, at once, when this process gets a signal (stop.h). */
enum status gnuplot_run(const char *folder, const char *script, double seconds);

#endif
