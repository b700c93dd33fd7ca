#include "plan/plan.h"
#include "run/checkpoint.h"
#include "study/cost.h"
#include "parallel/ranks.h"
#include "parallel/scheduler.h"
#include "study/sweep.h"
#include <math.h>
#include <stdlib.h>

static const double RUN_OVERHEAD_S = 0.01; /* of a run beside its steps: to begin, and to be saved on disk */
/* Measuring steps may take this part of the time that the study is expected to take on one core, and so many seconds at
 * most: what a longer measurement adds is less than what it costs. */
static const double MEASURING_SHARE = 0.01, MEASURING_LIMIT_S = 8;

/* What the store has of a run, if it answers it. */
static enum status look_up(const struct study *study, struct store *store, struct plan_run *run)
{
    struct result old;
    enum status rc = run_list_answered(study, store, &run->keys, &run->there, &old);
    if (rc == OK && run->there) {
        run->made = old.keys;
        run->steps_done = old.steps_done;
        run->wall_s = old.wall_s;
        run->whole = keys_real(&old.keys, KEY_until) == UNTIL_CAP;
    }
    return rc;
}

/* The runs of the run list, which kinds of them there are, and which keys vary. */
static enum status survey(struct plan *plan, struct store *store, const struct run_list *list,
                          bool wanted[PRESET_COUNT])
{
    enum status rc = OK;
    for (size_t i = 0; i < list->n; i++) {
        struct plan_run *run = &plan->runs[i];
        *run = (struct plan_run){.number = list->runs[i].number, .steps_done = NAN, .wall_s = NAN};
        TRY(study_at(plan->study, run->number, &run->keys));
        if (store)
            TRY(look_up(plan->study, store, run));
        wanted[run->keys.preset] = true;
        for (int key = 0; key < KEY_COUNT; key++)
            plan->varies[key] = plan->varies[key] || !keys_same(&run->keys, &plan->runs[0].keys, (enum key)key);
    }
done:
    return rc;
}

struct named {
    unsigned cell;
    size_t run;
};

static int by_cell(const void *a, const void *b)
{
    const struct named *p = a, *q = b;
    return p->cell != q->cell ? (p->cell > q->cell) - (p->cell < q->cell) : (p->run > q->run) - (p->run < q->run);
}

/* The cells of the runs, numbered in the order of their first runs. */
static enum status number_cells(struct plan *plan)
{
    struct named *list = calloc(plan->n + 1, sizeof *list);
    if (!list)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", plan->n);
    for (size_t i = 0; i < plan->n; i++)
        list[i] = (struct named){history_cell(&plan->runs[i].keys), i};
    qsort(list, plan->n, sizeof *list, by_cell);
    for (size_t i = 0, first = 0; i < plan->n; i++) {
        first = i && list[i].cell == list[i - 1].cell ? first : list[i].run;
        plan->runs[list[i].run].cell = first;
    }
    for (size_t i = 0; i < plan->n; i++)
        plan->runs[i].cell = plan->runs[i].cell == i ? plan->n_cells++ : plan->runs[plan->runs[i].cell].cell;
    free(list);
    return OK;
}

/* A run that was stopped goes on from its checkpoint. */
static enum status find_checkpoint(struct plan_run *run, const char *database)
{
    struct text path = {0};
    enum status rc = sweep_checkpoint(database, &run->keys, &path);
    if (rc == OK)
        run->resumed = checkpoint_step(path.data);
    text_free(&path);
    return rc;
}

/* Steps that are still to be made. */
static double left(const struct plan_run *run)
{
    return fmax(0, run->expected.steps - run->resumed);
}

static enum status expect_all(struct plan *plan, struct store *store)
{
    enum status rc = OK;
    for (size_t i = 0; i < plan->n; i++) {
        struct plan_run *run = &plan->runs[i];
        if (run->there) { /* what the others let expect of it, as it was made */
            TRY(expected_steps_run(plan->laws, &run->made, true, &run->expected));
            continue;
        }
        TRY(expected_steps_run(plan->laws, &run->keys, false, &run->expected));
        if (store)
            TRY(find_checkpoint(run, store_path(store)));
        TRY(step_time_want(&plan->step_times, &run->keys, fmax(1, left(run)) * cost_step(&run->keys)));
    }
done:
    return rc;
}

static void time_all(struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        struct plan_run *run = &plan->runs[i];
        const double steps = keys_is_trained(&run->keys) ? left(run) : 1;
        const double threads = fmax(1, keys_real(&run->keys, KEY_threads)); /* NaN: 1 */
        const double shared = fmax(1, (double)(plan->jobs * ranks_here()) * threads / (double)scheduler_cores());
        run->seconds = RUN_OVERHEAD_S + steps * step_time_of(&plan->step_times, &run->keys, shared, &run->timed_by);
    }
}

/* A study of seconds is not worth measuring for. */
static double time_to_measure(const struct plan *plan, double least)
{
    double work = 0;
    for (size_t i = 0; i < plan->step_times.n; i++)
        work += plan->step_times.list[i].weight;
    return least < 0 ? 0 : fmin(MEASURING_LIMIT_S, fmax(least, MEASURING_SHARE * work / STEP_TIME_ASSUMED_SPEED));
}

enum status plan_make(const struct study *study, struct store *store, const struct plan_request *request,
                      struct plan *plan)
{
    enum status rc = OK;
    struct run_list list;
    bool wanted[PRESET_COUNT] = {false};
    *plan = (struct plan){.study = study};
    TRY(run_list_make(study, &list));
    plan->n = list.n;
    plan->jobs = scheduler_jobs(request->jobs, list.threads);
    REQUIRE(plan->runs = calloc(list.n + 1, sizeof *plan->runs), ERR_MEMORY, "out of memory for a plan of %zu runs",
            list.n);
    TRY(survey(plan, store, &list, wanted));
    TRY(number_cells(plan));
    TRY(history_read(store, wanted, &plan->history));
    TRY(expected_steps_create(&plan->history, &plan->laws));
    TRY(step_time_create(&plan->history, &plan->step_times));
    TRY(expect_all(plan, store));
    TRY(step_time_measure(&plan->step_times, plan->jobs, time_to_measure(plan, request->measure)));
    time_all(plan);
    plan->jobs *= ranks_count(); /* every rank of an MPI job has as many */
done:
    run_list_free(&list);
    return rc;
}

enum status plan_wall(const struct plan *plan, double *seconds)
{
    enum status rc = OK;
    double *busy = calloc(plan->jobs, sizeof *busy); /* until when each job is */
    *seconds = 0;
    REQUIRE(busy, ERR_MEMORY, "out of memory for %zu jobs", plan->jobs);
    for (size_t i = 0; i < plan->n; i++) {
        size_t first = 0;
        if (plan->runs[i].there || plan->runs[i].left_out)
            continue;
        for (size_t j = 1; j < plan->jobs; j++)
            first = busy[j] < busy[first] ? j : first;
        busy[first] += plan->runs[i].seconds;
        *seconds = fmax(*seconds, busy[first]);
    }
done:
    free(busy);
    return rc;
}

static void add_there(const struct plan_run *run, struct plan_sum *sum)
{
    const double ratio = run->steps_done / run->expected.steps;
    sum->there++;
    if (!(run->steps_done > 0) || !(run->expected.steps > 0))
        return;
    if (!run->whole) {
        sum->compared++;
        sum->within += ratio < 1.5 && ratio > 1 / 1.5;
    }
    sum->compared_s += run->wall_s > 0 ? run->wall_s : 0;
    sum->expected_s += run->wall_s > 0 ? run->seconds : 0;
}

enum status plan_sum(const struct plan *plan, struct plan_sum *sum)
{
    *sum = (struct plan_sum){.runs = plan->n};
    for (size_t i = 0; i < plan->n; i++) {
        const struct plan_run *run = &plan->runs[i];
        sum->left_out += run->left_out;
        if (run->there)
            add_there(run, sum);
        if (run->there || run->left_out)
            continue;
        sum->expected[run->expected.source]++;
        sum->timed[run->timed_by]++;
        sum->censored += run->expected.censored;
        sum->steps += left(run);
        if (keys_is_trained(&run->keys))
            sum->tokens += left(run) * cost_tokens(&run->keys) * keys_real(&run->keys, KEY_batch);
        sum->begun += run->resumed > 0;
        sum->resumed += run->resumed;
        sum->work_s += run->seconds;
        sum->longest_s = fmax(sum->longest_s, run->seconds);
        sum->memory = fmax(sum->memory, cost_memory(&run->keys));
    }
    return plan_wall(plan, &sum->wall_s);
}

void plan_free(struct plan *plan)
{
    free(plan->runs);
    expected_steps_free(plan->laws);
    step_time_free(&plan->step_times);
    history_free(&plan->history);
    *plan = (struct plan){0};
}
