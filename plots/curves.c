#include "curves.h"
#include <math.h>

enum { MOST = 300, MOST_VALUES = 32 };

/* Fig. 1a: loss against time for each d. */
enum status curves_1a(struct page *page)
{
    enum status rc = OK;
    double ds[MOST_VALUES], longest = 0;
    struct trace curve = {0};
    runs_keep_largest(&page->runs, KEY_T);
    struct page_table *table = page_table(page, "", "d,time,loss");
    page_set_list(page, "ds", ds, runs_values(&page->runs, MODEL_FLOW, KEY_d, ds, MOST_VALUES));
    page_set_real(page, "level", runs_key(&page->runs.list[0], KEY_threshold) * page->runs.list[0].result.null_loss);
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        const struct result *r = &row->result;
        longest = fmax(longest, r->plateau);
        double d = runs_key(row, KEY_d), level = runs_key(row, KEY_threshold) * r->null_loss;
        TRY(runs_curve(page->store, row, &curve));
        for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
            page_row(table, "flow", 3, (double[]){d, runs_at(&curve, k, "time"), runs_at(&curve, k, "loss_test")});
        trace_free(&curve);
        page_row(table, "plateau", 3, (double[]){d, r->plateau, level});
        page_row(table, "closed", 3, (double[]){d, r->predicted.closed, level});
    }
    page_set_real(page, "longest", longest);
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 1b: w and attention against time, relative to their optimum, along one flow. */
enum status curves_1b(struct page *page)
{
    enum status rc = OK;
    struct trace curve = {0};
    runs_keep_largest(&page->runs, KEY_T);
    const struct store_row *row = &page->runs.list[0];
    struct page_table *table = page_table(page, "", "time,w_relative,attention");
    TRY(runs_curve(page->store, row, &curve));
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
        double w = runs_at(&curve, k, "w") / sqrt(2 * runs_key(row, KEY_d) * row->result.null_loss); /* null loss |W*|^2/(2d) */
        page_row(table, "flow", 3, (double[]){runs_at(&curve, k, "time"), w, runs_at(&curve, k, "attention") * runs_key(row, KEY_B)});
    }
    page_set_real(page, "plateau", row->result.plateau);
done:
    trace_free(&curve);
    return rc;
}
