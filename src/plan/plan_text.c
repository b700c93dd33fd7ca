/* A plan as text and as JSON. */
#include "plan/plan.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_SHOWN = 60, LAWS_SHOWN = 6 };

static const double BUSY = 1.25; /* slower by that is worth a word */
static const char *const source_names[] = {[STEP_TIME_HISTORY] = "past",
                                           [STEP_TIME_MEASURED] = "measured",
                                           [STEP_TIME_CARRIED] = "carried",
                                           [STEP_TIME_ASSUMED] = "assumed"};

/* "1 h 52 min", "3.1 min", "12 s". */
static const char *duration(double s, char buffer[32])
{
    if (s >= 36000)
        snprintf(buffer, 32, "%.0f h", s / 3600);
    else if (s >= 5400)
        snprintf(buffer, 32, "%.1f h", s / 3600);
    else if (s >= 90)
        snprintf(buffer, 32, s < 600 ? "%.1f min" : "%.0f min", s / 60);
    else
        snprintf(buffer, 32, "%.2g s", s);
    return buffer;
}

/* The keys of a run that vary over the plan, but the seed. */
static void add_cell(const struct plan *plan, const struct keys *keys, struct text *out)
{
    size_t n = 0;
    char buffer[32];
    for (int key = 0; key < KEY_COUNT; key++) {
        if (plan->varies[key] && key != KEY_seed && !isnan(keys->value[key]))
            text_addf(out, "%s%s=%s", n++ ? " " : "", keys_name((enum key)key),
                      keys_text((enum key)key, keys->value[key], buffer));
    }
    text_add(out, n ? "" : "all");
}

/* ---- the sums ---- */

static const char *origin(enum expected_steps_source source)
{
    return source == EXPECTED_REDUCED     ? "of the reduced flow"
           : source == EXPECTED_PUBLISHED ? "as published"
                                          : "guessed from what is published of the nearest setting";
}

/* One line for each law that the runs to do share. */
static enum status add_laws(struct plan *plan, const struct plan_sum *sum, struct text *out)
{
    if (sum->runs == sum->there + sum->left_out)
        return OK;
    enum status rc = OK;
    const struct keys *shown[LAWS_SHOWN];
    size_t n = 0, more = 0;
    text_addf(out, "  steps     %.3g expected", sum->steps);
    text_addf(out, sum->expected[EXPECTED_FLOW] ? "; %zu runs as the reduced flow\n" : "\n",
              sum->expected[EXPECTED_FLOW]);
    for (size_t i = 0; i < plan->n; i++) {
        const struct plan_run *run = &plan->runs[i];
        bool again = false;
        if (run->there || run->left_out || run->expected.source == EXPECTED_FLOW)
            continue;
        for (size_t k = 0; k < n; k++)
            again = again || (expected_steps_alike(shown[k], &run->keys) && keys_same(shown[k], &run->keys, KEY_until));
        if (again || run->keys.preset == PRESET_TOY)
            continue;
        if (n == LAWS_SHOWN) {
            more++;
            continue;
        }
        shown[n++] = &run->keys;
        text_add(out, "              ");
        TRY(expected_steps_law(plan->laws, &run->keys, plan->varies, out));
        const size_t runs = run->expected.runs;
        if (run->expected.source == EXPECTED_FITTED)
            text_addf(out, ": fitted to %zu runs that are there\n", runs);
        else
            text_addf(out, ": %s; %zu runs alike are there\n", origin(run->expected.source), runs);
    }
    text_add(out, more ? "              and further laws\n" : "");
done:
    return rc;
}

static void add_sums(const struct plan *plan, const struct plan_sum *sum, struct text *out)
{
    char wall[32], work[32], longest[32];
    const size_t to_do = sum->runs - sum->there - sum->left_out;
    if (to_do) {
        text_addf(out, "  tokens    %.3g\n  time      %s with %zu job%s; %s of work, the longest run %s\n", sum->tokens,
                  duration(sum->wall_s, wall), plan->jobs, plan->jobs == 1 ? "" : "s", duration(sum->work_s, work),
                  duration(sum->longest_s, longest));
        text_addf(out,
                  "            seconds a step: of %zu runs as stored ones took here, %zu measured now, %zu carried "
                  "over from another size",
                  sum->timed[STEP_TIME_HISTORY], sum->timed[STEP_TIME_MEASURED], sum->timed[STEP_TIME_CARRIED]);
        text_addf(out, sum->timed[STEP_TIME_ASSUMED] ? ", %zu assumed\n" : "\n", sum->timed[STEP_TIME_ASSUMED]);
        if (sum->begun)
            text_addf(out, "            %zu go on from checkpoints; the %.3g steps that these have are not counted\n",
                      sum->begun, sum->resumed);
        if (sum->timed[STEP_TIME_MEASURED] && plan->step_times.slowed > BUSY)
            text_addf(out,
                      "            this machine is busy: the steps took %.1f times as long as they computed; expected "
                      "is what they compute\n",
                      plan->step_times.slowed);
        text_addf(out, "  memory    about %.0f MB a run, %.0f MB with %zu at a time\n", sum->memory / 1e6,
                  sum->memory / 1e6 * (double)plan->jobs, plan->jobs);
    }
    if (sum->censored)
        text_addf(out, "  censored  %zu run%s, probably: the plateau is longer than the cap (*)\n", sum->censored,
                  sum->censored == 1 ? "" : "s");
    if (sum->compared)
        text_addf(out,
                  "  check     of %zu runs there, %zu (%.0f %%) took within a factor 1.5 of the steps that the other "
                  "cells let expect\n",
                  sum->compared, sum->within, 100.0 * (double)sum->within / (double)sum->compared);
    if (sum->compared_s > 0)
        text_addf(out, "            all that are there took %s; expected %s\n", duration(sum->compared_s, wall),
                  duration(sum->expected_s, work));
}

/* ---- cells ---- */

struct cell {
    size_t first, runs, there, left_out; /* first: of plan->runs */
    double steps, seconds;               /* of a run in the mean, of all that are to be made */
};

static enum status sum_cells(const struct plan *plan, struct cell **cells)
{
    enum status rc = OK;
    REQUIRE(*cells = calloc(plan->n_cells + 1, sizeof **cells), ERR_MEMORY, "out of memory for %zu runs", plan->n);
    for (size_t i = 0; i < plan->n; i++) {
        const struct plan_run *run = &plan->runs[i];
        struct cell *cell = &(*cells)[run->cell];
        cell->first = cell->runs++ ? cell->first : i;
        cell->there += run->there;
        cell->left_out += run->left_out;
        cell->seconds += run->there || run->left_out ? 0 : run->seconds;
        cell->steps += run->expected.steps;
    }
done:
    return rc;
}

static void add_cells(const struct plan *plan, const struct cell *cells, struct text *out)
{
    const size_t n = plan->n_cells;
    char seconds[32], plateau[32], left_out[32];
    text_addf(out, "\n  %6s %6s %8s %9s %9s %9s  cell, the longest first\n", "runs", "there", "left out", "plateau",
              "steps", "time");
    for (size_t i = 0; i < n && i < CELLS_SHOWN; i++) {
        const struct cell *c = &cells[i];
        const struct expectation *e = &plan->runs[c->first].expected;
        snprintf(plateau, sizeof plateau, "%.0f%s", e->plateau, e->censored ? "*" : "");
        snprintf(left_out, sizeof left_out, "%zu", c->left_out);
        text_addf(out, "  %6zu %6zu %8s %9s %9.0f %9s  ", c->runs, c->there, c->left_out ? left_out : "",
                  isnan(e->plateau) ? "" : plateau, c->steps / (double)c->runs,
                  c->seconds > 0 ? duration(c->seconds, seconds) : "");
        add_cell(plan, &plan->runs[c->first].keys, out);
        text_add(out, "\n");
    }
    if (n > CELLS_SHOWN)
        text_addf(out, "  and %zu shorter cells (--json lists every run)\n", n - CELLS_SHOWN);
}

enum status plan_text(struct plan *plan, bool table, struct text *out)
{
    enum status rc = OK;
    struct plan_sum sum;
    struct cell *cells = NULL;
    TRY(plan_sum(plan, &sum));
    text_addf(out, "%s: %zu runs, %zu there, %zu to make", plan->study->name, sum.runs, sum.there,
              sum.runs - sum.there - sum.left_out);
    text_addf(out, sum.left_out ? ", %zu left out\n" : "\n", sum.left_out);
    if (table || sum.runs > sum.there + sum.left_out) {
        TRY(add_laws(plan, &sum, out));
        add_sums(plan, &sum, out);
    }
    if (table) {
        TRY(sum_cells(plan, &cells));
        add_cells(plan, cells, out);
    }
    rc = text_status(out);
done:
    free(cells);
    return rc;
}

static void add_number(const char *name, double value, struct text *out)
{
    text_addf(out, ", \"%s\": ", name);
    text_add_real(out, value);
}

static void add_run(const struct plan_run *run, struct text *out)
{
    char buffer[32], hash[33];
    keys_hash(&run->keys, hash);
    text_addf(out, "{\"hash\": \"%s\"", hash);
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *value = keys_text((enum key)key, run->keys.value[key], buffer);
        if (!isnan(run->keys.value[key]))
            text_addf(out, keys_is_choice((enum key)key) ? ", \"%s\": \"%s\"" : ", \"%s\": %s",
                      keys_name((enum key)key), value);
    }
    text_addf(out, ", \"there\": %s, \"left_out\": %s", run->there ? "true" : "false",
              run->left_out ? "true" : "false");
    add_number("expected_plateau", run->expected.plateau, out);
    add_number("expected_steps", run->expected.steps, out);
    add_number("checkpoint_steps", run->resumed, out);
    add_number("expected_s", run->seconds, out);
    text_addf(out, ", \"expected_from\": \"%s\", \"fitted_to\": %zu, \"rate_from\": \"%s\", \"probably_censored\": %s",
              expected_steps_source_name(run->expected.source), run->expected.runs, source_names[run->timed_by],
              run->expected.censored ? "true" : "false");
    add_number("steps_done", run->steps_done, out);
    add_number("wall_s", run->wall_s, out);
    text_add(out, "}\n");
}

enum status plan_json(struct plan *plan, struct text *out)
{
    enum status rc = OK;
    struct plan_sum sum;
    TRY(plan_sum(plan, &sum));
    for (size_t i = 0; i < plan->n; i++)
        add_run(&plan->runs[i], out);
    text_add(out, "{\"study\": ");
    text_add_json(out, plan->study->name);
    text_addf(out, ", \"runs\": %zu, \"there\": %zu, \"left_out\": %zu, \"probably_censored\": %zu, \"jobs\": %zu",
              sum.runs, sum.there, sum.left_out, sum.censored, plan->jobs);
    add_number("steps", sum.steps, out);
    add_number("tokens", sum.tokens, out);
    add_number("work_s", sum.work_s, out);
    add_number("longest_s", sum.longest_s, out);
    add_number("wall_s", sum.wall_s, out);
    add_number("memory_bytes", sum.memory, out);
    text_addf(out, ", \"compared\": %zu, \"within_1.5\": %zu", sum.compared, sum.within);
    add_number("compared_s", sum.compared_s, out);
    add_number("compared_expected_s", sum.expected_s, out);
    text_add(out, "}\n");
    rc = text_status(out);
done:
    return rc;
}
