/* plateau plan: what a sweep would do, before it does. The head of every sweep is the same, shortened. */
#include "cli/cli.h"
#include "store/archive.h"
#include "plan/budget.h"
#include "plan/plan.h"
#include "parallel/stop.h"
#include <unistd.h>

static const double PATIENCE = 0.5; /* seconds that `plan` measures at least: it has nothing else to do */

/* The plan, within the budget if one is given; what the budget did is appended to `out`. Overwrites *plan. */
static enum status make_plan(const struct arguments *a, struct store *store, struct study *study, double patience,
                             struct plan *plan, struct text *out)
{
    enum status rc = OK;
    double budget;
    *plan = (struct plan){0};
    if (a->budget)
        TRY(budget_parse(a->budget, &budget));
    REQUIRE(!a->budget || !a->shard, ERR_INPUT,
            "--budget chooses by what this machine takes, so shards would not agree: give a budget without --shard");
    TRY(plan_make(study, store, &(struct plan_request){.jobs = a->jobs, .measure = patience}, plan));
    if (a->budget)
        TRY(budget_choose(plan, study, budget, out));
done:
    return rc;
}

enum status cli_plan(const struct arguments *a, struct store *store, struct study *study)
{
    enum status rc = OK;
    struct plan plan = {0};
    struct text out = {0}, budget = {0};
    if (a->quiet && !a->budget)
        return OK;
    TRY(make_plan(a, store, study, 0, &plan, &budget));
    TRY(plan_text(&plan, false, &out));
    text_add(&out, budget.data ? budget.data : "");
    TRY(text_status(&out));
    if (!a->quiet)
        fputs(out.data, stderr);
done:
    text_free(&out);
    text_free(&budget);
    plan_free(&plan);
    return rc;
}

enum status command_plan(const struct arguments *a)
{
    enum status rc = OK;
    struct study study = {0};
    struct store *store = NULL;
    struct plan plan = {0};
    struct text out = {0}, budget = {0};
    char buffer[256];
    TRY(cli_study(a, &study));
    TRY(cli_warn(&study));
    const char *path = cli_database(a, &study, buffer);
    stop_on_signals();
    if (a->db || access(path, F_OK) == 0)
        TRY(archive_open(path, &store));
    TRY(make_plan(a, store, &study, PATIENCE, &plan, &budget));
    if (a->json)
        TRY(plan_json(&plan, &out));
    else
        TRY(plan_text(&plan, true, &out));
    text_add(&out, budget.data && !a->json ? budget.data : "");
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    text_free(&budget);
    plan_free(&plan);
    store_close(store);
    study_free(&study);
    return rc;
}
