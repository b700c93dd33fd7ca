/* plateau predict: what theory expects of runs that are not made. */
#include "cli/cli.h"
#include "cli/describe.h"
#include "models/published.h"
#include "parallel/stop.h"
#include "run/measure.h"
#include "run/run.h"
#include "study/grid.h"
#include <math.h>
#include <stdio.h>

static void add(struct text *out, const char *name, double value)
{
    text_addf(out, ", \"%s\": ", name);
    text_add_real(out, value);
}

static void describe_measured(const struct measure *m, struct text *out)
{
    if (isnan(m->T_em))
        text_addf(out, "  %-12s %14s   (%s)\n", "measured", "-",
                  m->too_soon ? "it emerges too soon for the 140 steps that this takes: train it"
                              : "it never emerges, by what its first 140 steps show");
    else
        text_addf(out, "  %-12s %14.6g   (half of the attention; from %g training steps and three gradients)\n",
                  "measured", m->T_em, m->steps);
}

static enum status predict(const struct arguments *a, struct run_flow *tools, const struct keys *keys)
{
    enum status rc = OK;
    struct result r = {.keys = *keys};
    struct measure m = {.t_e = NAN, .T_em = NAN};
    struct text out = {0};
    TRY(run_expect(tools, keys, &r));
    if (a->measure)
        TRY(measure_emergence(keys, stop_reason(), &m));
    if (a->json) {
        result_expected_json(&r, &out);
        if (keys->preset >= PRESET_REGRESSION)
            add(&out, "published", published_plateau(keys));
        if (a->measure) {
            text_add(&out, ", \"measured\": {\"emergence\": ");
            text_add_real(&out, m.T_em);
            add(&out, "without_memory", m.t_e);
            add(&out, "steps", m.steps);
            text_add(&out, "}");
        }
        text_add(&out, "}\n");
    } else {
        keys_describe(keys, &out);
        text_add(&out, "\n");
        describe_expected(&r, NAN, &out);
        if (a->measure)
            describe_measured(&m, &out);
    }
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}

enum status command_predict(const struct arguments *a)
{
    enum status rc = OK;
    struct grid grid = {0};
    struct run_flow *tools = NULL;
    size_t n;
    REQUIRE(a->n_files == 0, ERR_INPUT, "%s: expected key=value (`plateau keys` lists the keys)", a->files[0]);
    TRY(grid_set(&grid, "model", "transformer"));
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(&grid, a->assignments[i]));
    TRY(grid_size(&grid, &n));
    TRY(grid_check(&grid));
    TRY(run_flow_create(&tools));
    stop_on_signals();
    for (size_t i = 0; i < n; i++) {
        struct keys keys;
        REQUIRE(!*stop_reason(), ERR_INTERRUPTED, "interrupted");
        TRY(grid_at(&grid, i, &keys));
        TRY(predict(a, tools, &keys));
    }
done:
    run_flow_free(tools);
    grid_free(&grid);
    return rc;
}
