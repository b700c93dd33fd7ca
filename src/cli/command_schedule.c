/* plateau schedule: the repetition schedule that shortens the flow's plateau most, beside what it is compared with. */
#include "cli/cli.h"
#include "study/grid.h"
#include "run/run_flow.h"
#include <string.h>

static void add_table(const struct keys *keys, const struct optimum *found, struct text *out)
{
    char schedule[SCHEDULE_TEXT];
    keys_describe(keys, out);
    text_addf(out, "\n  %-9s %6s  %-22s %12s %9s\n", "", "p", "schedule", "time", "gain");
    for (int i = 0; i < OPTIMUM_COUNT; i++)
        text_addf(out, "  %-9s %6g  %-22s %12.6g %7.3g x  %s\n", optimum_name((enum optimum_kind)i), found[i].p,
                  schedule_text(&found[i].schedule, schedule), found[i].time, found[OPTIMUM_none].time / found[i].time,
                  optimum_meaning((enum optimum_kind)i));
}

/* The problem's keys, then the schedules. */
static void add_json(const struct keys *keys, const struct optimum *found, struct text *out)
{
    static const enum key shown[] = {KEY_T, KEY_d, KEY_B, KEY_metric, KEY_init, KEY_target, KEY_threshold, KEY_seed};
    char buffer[SCHEDULE_TEXT];
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        const char *value = keys_text(shown[i], keys->value[shown[i]], buffer);
        text_addf(out, "%s\"%s\": ", i ? ", " : "{", keys_name(shown[i]));
        keys_is_choice(shown[i]) ? text_add_json(out, value) : text_add(out, value);
    }
    for (int i = 0; i < OPTIMUM_COUNT; i++) {
        text_addf(out, "%s{\"name\": \"%s\", \"p\": ", i ? ", " : ", \"schedules\": [",
                  optimum_name((enum optimum_kind)i));
        text_add_real(out, found[i].p);
        text_addf(out, ", \"schedule\": \"%s\", \"time\": ", schedule_text(&found[i].schedule, buffer));
        text_add_real(out, found[i].time);
        text_add(out, ", \"gain\": ");
        text_add_real(out, found[OPTIMUM_none].time / found[i].time);
        text_add(out, "}");
    }
    text_add(out, "], \"version\": \"" PACKAGE_VERSION "\"}\n");
}

static enum status solve(const struct arguments *a, struct flow_solver *solver, const struct keys *keys)
{
    enum status rc = OK;
    struct optimum_problem problem;
    struct optimum found[OPTIMUM_COUNT];
    struct text out = {0};
    TRY(run_flow_optimum_problem(keys, &problem));
    TRY(optimum_find(solver, &problem, found));
    if (a->json)
        add_json(keys, found, &out);
    else
        add_table(keys, found, &out);
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}

enum status command_schedule(const struct arguments *a)
{
    enum status rc = OK;
    struct grid grid = {0};
    struct keys keys;
    struct flow_solver *solver = NULL;
    size_t n;
    REQUIRE(a->n_files == 0, ERR_INPUT, "%s: expected key=value (`plateau keys` lists the keys)", a->files[0]);
    TRY(grid_set(&grid, "model", "flow"));
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(&grid, a->assignments[i]));
    REQUIRE(!grid.count[KEY_p] && !grid.count[KEY_schedule], ERR_INPUT, "%s: `plateau schedule` finds it; leave it out",
            grid.count[KEY_p] ? "p" : "schedule");
    TRY(grid_size(&grid, &n));
    TRY(grid_check(&grid));
    TRY(flow_solver_create(&solver));
    for (size_t i = 0; i < n; i++) {
        TRY(grid_at(&grid, i, &keys));
        REQUIRE(keys.preset == PRESET_FLOW, ERR_INPUT,
                "model: `plateau schedule` searches the flow; leave the model out");
        REQUIRE(!run_flow_is_chain(&keys), ERR_INPUT,
                "hops=%g lean=%g: `plateau schedule` searches the flow of one attention; leave them out",
                keys_real(&keys, KEY_hops), keys_real(&keys, KEY_lean));
        REQUIRE(keys_integer(&keys, KEY_loss) == LOSS_TEST, ERR_INPUT,
                "loss=train: the training loss jumps at a switch; take loss=test");
        TRY(solve(a, solver, &keys));
    }
done:
    flow_solver_free(solver);
    grid_free(&grid);
    return rc;
}
