#include "parallel/team.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* How often a thread looks for work, or for the others' end, before it sleeps: a few microseconds, the time between two
 * pieces of work of a training step. */
enum { LOOKS = 2000 };

struct team {
    int helpers;       /* threads beside the caller's */
    pthread_t *thread; /* owned: [helpers] */
    team_task *task;
    void *context;
    int tasks;
    atomic_int next;       /* task to be taken */
    atomic_int member;     /* number for the next thread that comes to know itself */
    atomic_int work, busy; /* pieces of work so far, the closing one included; helpers that have not ended this one */
    bool closing;
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_tasks(struct team *team, int member)
{
    for (int i; (i = atomic_fetch_add(&team->next, 1)) < team->tasks;)
        team->task(team->context, member, i);
}

/* Waits until *value is no longer `old`; who changes it does so under the lock and wakes `condition`. */
static void wait_for_change(struct team *team, atomic_int *value, int old, pthread_cond_t *condition)
{
    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load(value) != old)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->lock);
    while (atomic_load(value) == old)
        pthread_cond_wait(condition, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static void add(struct team *team, atomic_int *value, int by, pthread_cond_t *condition)
{
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(value, by);
    pthread_cond_broadcast(condition);
    pthread_mutex_unlock(&team->lock);
}

static void *help(void *argument)
{
    struct team *team = argument;
    const int member = atomic_fetch_add(&team->member, 1);
    for (int work = 0;; work++) {
        wait_for_change(team, &team->work, work, &team->begun);
        if (team->closing)
            return NULL;
        take_tasks(team, member);
        add(team, &team->busy, -1, &team->ended);
    }
}

enum status team_open(int threads, struct team **out)
{
    struct team *team = *out = NULL;
    team = calloc(1, sizeof *team);
    if (team)
        team->thread = calloc((size_t)threads, sizeof *team->thread);
    if (!team || !team->thread) {
        free(team);
        return error_set(ERR_MEMORY, "no memory for a team of %d threads", threads);
    }
    team->member = 1;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->ended, NULL);
    while (team->helpers < threads - 1 && !pthread_create(&team->thread[team->helpers], NULL, help, team))
        team->helpers++;
    *out = team;
    return OK;
}

void team_run(struct team *team, int tasks, team_task *task, void *context)
{
    if (!team || team->helpers == 0 || tasks == 1) {
        for (int i = 0; i < tasks; i++)
            task(context, 0, i);
        return;
    }
    team->task = task;
    team->context = context;
    team->tasks = tasks;
    atomic_store(&team->next, 0);
    atomic_store(&team->busy, team->helpers);
    add(team, &team->work, 1, &team->begun);
    take_tasks(team, 0);
    for (int busy; (busy = atomic_load(&team->busy)) > 0;)
        wait_for_change(team, &team->busy, busy, &team->ended);
}

enum status team_parallel_for(int threads, int tasks, team_task *task, void *context)
{
    struct team *team;
    enum status rc = team_open(threads, &team);
    if (rc == OK)
        team_run(team, tasks, task, context);
    team_close(team);
    return rc;
}

void team_close(struct team *team)
{
    if (!team)
        return;
    team->closing = true;
    add(team, &team->work, 1, &team->begun);
    for (int i = 0; i < team->helpers; i++)
        pthread_join(team->thread[i], NULL);
    pthread_mutex_destroy(&team->lock);
    pthread_cond_destroy(&team->begun);
    pthread_cond_destroy(&team->ended);
    free(team->thread);
    free(team);
}
