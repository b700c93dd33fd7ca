/* Runs gnuplot on a script. */
#ifndef GNUPLOT_H
#define GNUPLOT_H
#include "error.h"

/* Runs `gnuplot script` in `folder`, without the user's own settings. ERR_PROGRAM with gnuplot's message and a remedy
 * when it is not installed, fails, or is killed; ERR_INTERRUPTED when it ended because of a signal that this process
 * got too. */
enum status gnuplot_run(const char *folder, const char *script);

#endif
