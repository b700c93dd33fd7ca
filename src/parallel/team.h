/* A team of threads that waits for work: what starts many short pieces of work in a row need not start threads for
 * each.
 *
 * Work is a number of tasks. Every thread of the team takes the next task until none is left, so that which thread does
 * a task is left to chance, and what a task computes must not depend on it. */
#ifndef TEAM_H
#define TEAM_H
#include "error.h"

struct team;

/* A task: number `task`, done by thread number `member` (0: the caller of team_run). */
typedef void team_task(void *context, int member, int task);

/* A team of `threads` threads, the caller's included, in *out (NULL on error). A thread that cannot be started is done
 * without. ERR_MEMORY. */
enum status team_open(int threads, struct team **out);
/* Does tasks 0 .. tasks - 1 and returns when all are done. One caller at a time. team = NULL: the caller does all. */
void team_run(struct team *team, int tasks, team_task *task, void *context);
/* NULL is allowed. */
void team_close(struct team *team);

#endif
