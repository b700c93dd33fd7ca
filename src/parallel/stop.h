/* Is this process to stop, and why: because of a signal, or because another rank of its MPI job has to. */
#ifndef STOP_H
#define STOP_H
#include "base/error.h"

/* Keeps SIGHUP ignored if it was so when the program was started (nohup), though a library may have taken it since.
 * First thing in main. */
void stop_leave_hangup(void);
/* Installs the handlers of SIGINT, SIGTERM, SIGHUP (ERR_INTERRUPTED) and SIGUSR1 (ERR_REQUEUE). */
void stop_on_signals(void);
/* *stop_reason() is the status to stop with, or 0 as long as nothing asked this process to stop. */
const volatile int *stop_reason(void);
/* Stops this process for `reason`, as a signal would; it replaces an earlier reason. */
void stop_request(int reason);
/* That status, with the message "interrupted: ..", "stopped on request (SIGUSR1): ..". printf style. */
enum status stop_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
