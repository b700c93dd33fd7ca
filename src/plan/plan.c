#include "plan.h"
#include "checkpoint.h"
#include "cost.h"
#include "ranks.h"
#include "scheduler.h"
#include "sweep.h"
#include <math.h>
#include <stdlib.h>

static const double OVERHEAD = 0.01; /* seconds of a run beside its steps: to begin, and to be saved on disk */
static const double WORTH = 0.01, ROUGH = 20e9; /* of the expected time; operations a second */
static const double MOST = 8;                   /* seconds of measuring */

/* The runs of the list: which kinds there are, and which keys vary. */
static enum status survey(struct plan *plan, const struct run_list *list, bool wanted[PRESET_COUNT])
{
    for (size_t i = 0; i < list->n; i++) {
        struct plan_run *run = &plan->runs[i];
        *run = (struct plan_run){
            .number = list->runs[i].number, .there = list->runs[i].stored, .steps_done = NAN, .wall_s = NAN};
        enum status rc = study_at(plan->study, run->number, &run->keys);
        if (rc != OK)
            return rc;
        wanted[run->keys.preset] = true;
        for (int key = 0; key < KEY_COUNT; key++)
            plan->varies[key] = plan->varies[key] || !keys_same(&run->keys, &plan->runs[0].keys, (enum key)key);
    }
    return OK;
}

/* A run that is there: what was expected of it as it was made, and what it took. */
static enum status look_back(struct plan *plan, struct store *store, struct plan_run *run)
{
    enum status rc = OK;
    struct result old;
    bool yes;
    TRY(run_list_answered(plan->study, store, &run->keys, &yes, &old));
    const struct keys *keys = yes ? &old.keys : &run->keys;
    run->steps_done = yes ? old.steps_done : NAN;
    run->wall_s = yes ? old.wall_s : NAN;
    run->whole = keys_real(keys, KEY_until) == UNTIL_CAP;
    rc = expect_run(plan->expect, keys, true, &run->expected);
done:
    return rc;
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
        if (run->there) {
            TRY(look_back(plan, store, run));
            continue;
        }
        TRY(expect_run(plan->expect, &run->keys, false, &run->expected));
        if (store)
            TRY(find_checkpoint(run, store_path(store)));
        TRY(rate_want(&plan->rates, &run->keys, fmax(1, left(run)) * cost_step(&run->keys)));
    }
done:
    return rc;
}

static void rate_all(struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        struct plan_run *run = &plan->runs[i];
        const double steps = run->keys.preset == PRESET_FLOW ? 1 : left(run);
        const double threads = fmax(1, keys_real(&run->keys, KEY_threads)); /* NaN: 1 */
        const double shared = fmax(1, (double)(plan->jobs * ranks_here()) * threads / (double)scheduler_cores());
        run->seconds = OVERHEAD + steps * rate_of(&plan->rates, &run->keys, shared, &run->rate);
    }
}

/* A study of seconds is not worth measuring for. */
static double time_to_measure(const struct plan *plan, double least)
{
    double work = 0;
    for (size_t i = 0; i < plan->rates.n; i++)
        work += plan->rates.list[i].weight;
    return least < 0 ? 0 : fmin(MOST, fmax(least, WORTH * work / ROUGH));
}

enum status plan_make(const struct study *study, struct store *store, const struct plan_request *request,
                      struct plan *plan)
{
    enum status rc = OK;
    struct run_list list;
    bool wanted[PRESET_COUNT] = {false};
    *plan = (struct plan){.study = study};
    TRY(run_list_make(study, &list));
    if (store)
        TRY(run_list_look(study, store, &list));
    plan->n = list.n;
    plan->jobs = scheduler_jobs(request->jobs, list.threads);
    REQUIRE(plan->runs = calloc(list.n + 1, sizeof *plan->runs), ERR_MEMORY, "out of memory for a plan of %zu runs",
            list.n);
    TRY(survey(plan, &list, wanted));
    TRY(past_read(store, wanted, &plan->past));
    TRY(expect_create(&plan->past, &plan->expect));
    TRY(rate_create(&plan->past, &plan->rates));
    TRY(expect_all(plan, store));
    TRY(rate_measure(&plan->rates, plan->jobs, time_to_measure(plan, request->measure)));
    rate_all(plan);
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
        sum->rated[run->rate]++;
        sum->censored += run->expected.censored;
        sum->steps += left(run);
        sum->tokens += run->keys.preset == PRESET_FLOW
                           ? 0
                           : left(run) * cost_tokens(&run->keys) * keys_real(&run->keys, KEY_batch);
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
    expect_free(plan->expect);
    rate_free(&plan->rates);
    past_free(&plan->past);
    *plan = (struct plan){0};
}
