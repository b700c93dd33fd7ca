#include "plots/figures/survival.h"
#include "plots/figures/chosen.h"
#include "validation/kaplan_meier.h"
#include <math.h>
#include <stdlib.h>

enum { MOST_GROUPS = 7 }; /* colours of common.gp */

static size_t count_groups(const struct runs *runs)
{
    struct runs_group g;
    size_t n = 0;
    for (size_t i = 0; i < runs->n; n++)
        i = runs_group_at(runs, i, &g);
    return n;
}

/* What a group's curve has beside its steps. */
struct extras {
    bool band, marks;
};

/* A corner of the curve, at the height of a step. */
static void add_corner(struct figure_table *table, const char *label, double time, const struct kaplan_meier_step *step,
                       double at_risk, double emerged)
{
    figure_data_row(table, &(struct figure_row){.series = label,
                                                .values = {{"time", time},
                                                           {"survival", step->survival},
                                                           {"low", step->low},
                                                           {"high", step->high},
                                                           {"at_risk", at_risk},
                                                           {"emerged", emerged},
                                                           {"marked", 0}}});
}

/* The corners of the steps, down from 1 at the start of the axis to where the last run was seen (diverged ones are seen
 * for ever: to the end of the axis); then where runs were cut off, which are marked: a row has `marked` 1. What emerged
 * at once did so before the axis begins. */
static struct extras add_curve(struct figure_table *table, const char *label, const double axis[2],
                               const struct kaplan_meier_run *runs, size_t n, const struct kaplan_meier_step *steps,
                               size_t n_steps)
{
    struct kaplan_meier_step now = {.time = axis[0], .survival = 1, .low = 1, .high = 1, .at_risk = n};
    struct extras extras = {false, false};
    double last = axis[0];
    add_corner(table, label, now.time, &now, (double)n, 0);
    for (size_t i = 0; i < n_steps; i++) {
        const double time = fmax(steps[i].time, axis[0]);
        add_corner(table, label, time, &now, (double)steps[i].at_risk, 0);
        now = steps[i];
        add_corner(table, label, time, &now, (double)now.at_risk, (double)now.emerged);
        last = time;
        extras.band = extras.band || !isnan(now.low);
    }
    for (size_t i = 0; i < n; i++)
        last = fmax(last, isinf(runs[i].time) ? axis[1] : runs[i].time);
    if (last > now.time && now.survival > 0)
        add_corner(table, label, last, &now, NAN, 0);
    figure_data_gap(table);
    for (size_t i = 0, step = 0; i < n; i++) {
        while (step < n_steps && steps[step].time <= runs[i].time)
            step++;
        if (runs[i].emerged || isinf(runs[i].time))
            continue;
        figure_data_row(table, &(struct figure_row){.series = label,
                                                    .values = {{"time", runs[i].time},
                                                               {"survival", step ? steps[step - 1].survival : 1},
                                                               {"low", NAN},
                                                               {"high", NAN},
                                                               {"at_risk", (double)(n - i)},
                                                               {"emerged", 0},
                                                               {"marked", 1}}});
        extras.marks = true;
    }
    return extras;
}

enum status survival_draw(struct figure_data *data)
{
    enum status rc = OK;
    struct chosen chosen;
    struct kaplan_meier_run *runs = NULL;
    struct kaplan_meier_step *steps = NULL;
    struct text label = {0}, banded = {0}, marked = {0};
    struct figure_table *table = data->tables;
    struct runs_group g;
    char variable[32];
    double axis[2] = {INFINITY, 0};
    size_t groups = 0, diverged = 0;
    TRY(chosen_load(data, &chosen));
    const size_t n = data->runs.n;
    if (count_groups(&data->runs) > MOST_GROUPS)
        TRY(chosen_refuse_mixture(data, &chosen, NULL, 0, "more than 7 curves"));
    runs = calloc(n, sizeof *runs);
    steps = calloc(n, sizeof *steps);
    REQUIRE(runs && steps, ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &data->runs.list[i].result;
        const bool never = r->state == RUN_DIVERGED;
        runs[i] = (struct kaplan_meier_run){never               ? INFINITY
                                            : isnan(r->plateau) ? r->cap
                                                                : r->plateau,
                                            r->state == RUN_EMERGED};
        diverged += never;
        axis[0] = runs[i].time > 0 ? fmin(axis[0], runs[i].time / 1.25) : axis[0];
        axis[1] = isinf(runs[i].time) ? axis[1] : fmax(axis[1], runs[i].time * 1.05);
    }
    REQUIRE(axis[1] > axis[0], ERR_INPUT, "all of these %zu runs diverged or emerged at once: no time to show", n);
    for (size_t i = 0, next; i < n; i = next) {
        next = runs_group_at(&data->runs, i, &g);
        text_clear(&label);
        chosen_label(&chosen, g.first, NULL, 0, &label);
        TRY(text_status(&label));
        const char *title = label.length ? label.data : "all runs";
        const size_t n_steps = kaplan_meier_curve(runs + i, g.n, steps);
        const struct extras extras = add_curve(table, title, axis, runs + i, g.n, steps, n_steps);
        snprintf(variable, sizeof variable, "group_%zu", ++groups);
        if (extras.band)
            text_addf(&banded, " %zu", groups);
        if (extras.marks)
            text_addf(&marked, " %zu", groups);
        figure_data_set_text(data, variable, title);
        snprintf(variable, sizeof variable, "runs_%zu", groups);
        figure_data_set_real(data, variable, (double)g.n);
    }
    TRY(text_status(&banded));
    TRY(text_status(&marked));
    figure_data_set_text(data, "banded", banded.length ? banded.data : "");
    figure_data_set_text(data, "marked_groups", marked.length ? marked.data : "");
    figure_data_set_real(data, "axis_from", axis[0]);
    figure_data_set_real(data, "axis_to", axis[1]);
    figure_data_set_real(data, "n_groups", (double)groups);
    figure_data_set_real(data, "n_diverged", (double)diverged);
    chosen_set_labels(data, &chosen);
done:
    text_free(&label);
    text_free(&banded);
    text_free(&marked);
    free(runs);
    free(steps);
    return rc;
}
