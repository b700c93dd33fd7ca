/* Loops whose turns run on several threads, by a team of threads that waits between loops: a caller with many short
 * loops in a row need not start threads for each.
 *
 * The turns of a loop are called tasks. Every thread of the team takes the next task until none is left. Which thread
 * does a task is left to chance, so what a task computes must not depend on it. */
#ifndef TEAM_H
#define TEAM_H
#include "base/error.h"

struct team;

/* A task: number `task`, done by thread number `member` (0: the caller of team_run). */
typedef void team_task(void *context, int member, int task);

/* A team of `threads` threads, the caller's included, in *out (NULL on error). A thread that cannot be started is done
 * without. ERR_MEMORY. */
enum status team_open(int threads, struct team **out);
/* Does tasks 0 .. tasks - 1 and returns when all are done. One caller at a time. team = NULL: the caller does all. */
void team_run(struct team *team, int tasks, team_task *task, void *context);
/* The same with a team of its own, for one long loop. ERR_MEMORY: nothing was done. */
enum status team_parallel_for(int threads, int tasks, team_task *task, void *context);
/* NULL is allowed. */
void team_close(struct team *team);

#endif
