#include "survival.h"
#include "chosen.h"
#include "kaplan_meier.h"
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

/* The corners of the steps, down from 1 at the start of the axis to where the last run was seen; then where runs were
 * cut off, which are marked: a row has `marked` 1. */
static void add_curve(struct page_table *table, const char *label, double begin, const struct kaplan_meier_run *runs,
                      size_t n, const struct kaplan_meier_step *steps, size_t n_steps)
{
    struct kaplan_meier_step now = {.time = begin, .survival = 1, .low = 1, .high = 1, .at_risk = n};
    double last = begin;
    page_row(table, label, 7, (double[]){now.time, 1, 1, 1, (double)n, 0, 0});
    for (size_t i = 0; i < n_steps; i++) { /* what emerged at once did so before the axis begins */
        page_row(
            table, label, 7,
            (double[]){fmax(steps[i].time, begin), now.survival, now.low, now.high, (double)steps[i].at_risk, 0, 0});
        now = steps[i];
        now.time = fmax(now.time, begin);
        page_row(table, label, 7,
                 (double[]){now.time, now.survival, now.low, now.high, (double)now.at_risk, (double)now.emerged, 0});
        last = now.time;
    }
    for (size_t i = 0; i < n; i++)
        last = isinf(runs[i].time) ? last : fmax(last, runs[i].time);
    if (last > now.time)
        page_row(table, label, 7, (double[]){last, now.survival, now.low, now.high, NAN, 0, 0});
    text_add(&table->text, "\n");
    for (size_t i = 0, step = 0; i < n; i++) {
        while (step < n_steps && steps[step].time <= runs[i].time)
            step++;
        if (!runs[i].emerged && !isinf(runs[i].time))
            page_row(table, label, 7,
                     (double[]){runs[i].time, step ? steps[step - 1].survival : 1, NAN, NAN, (double)(n - i), 0, 1});
    }
}

enum status survival_draw(struct page *page)
{
    enum status rc = OK;
    struct chosen chosen;
    struct kaplan_meier_run *runs = NULL;
    struct kaplan_meier_step *steps = NULL;
    struct text label = {0};
    struct page_table *table = page_table(page, "", "time,survival,low,high,at_risk,emerged,marked");
    struct runs_group g;
    char variable[32];
    double begin = INFINITY;
    size_t groups = 0, diverged = 0;
    TRY(chosen_load(page, &chosen));
    const size_t n = page->runs.n;
    if (count_groups(&page->runs) > MOST_GROUPS)
        TRY(chosen_refuse_mixture(page, &chosen, NULL, 0, "more than 7 curves"));
    runs = calloc(n, sizeof *runs);
    steps = calloc(n, sizeof *steps);
    REQUIRE(runs && steps, ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &page->runs.list[i].result;
        const bool never = r->state == RUN_DIVERGED;
        runs[i] = (struct kaplan_meier_run){never               ? INFINITY
                                            : isnan(r->plateau) ? r->cap
                                                                : r->plateau,
                                            r->state == RUN_EMERGED};
        diverged += never;
        begin = runs[i].time > 0 ? fmin(begin, runs[i].time) : begin;
    }
    for (size_t i = 0, next; i < n; i = next) {
        next = runs_group_at(&page->runs, i, &g);
        text_clear(&label);
        chosen_label(&chosen, g.first, NULL, 0, &label);
        TRY(text_status(&label));
        const char *title = label.length ? label.data : "all runs";
        const size_t n_steps = kaplan_meier_curve(runs + i, g.n, steps);
        add_curve(table, title, begin / 1.25, runs + i, g.n, steps, n_steps);
        snprintf(variable, sizeof variable, "group_%zu", ++groups);
        page_set_text(page, variable, title);
        snprintf(variable, sizeof variable, "runs_%zu", groups);
        page_set_real(page, variable, (double)g.n);
    }
    page_set_real(page, "n_groups", (double)groups);
    page_set_real(page, "n_diverged", (double)diverged);
    chosen_set_labels(page, &chosen);
done:
    text_free(&label);
    free(runs);
    free(steps);
    return rc;
}
