#include "anatomy.h"
#include "flow_observables.h"
#include "run_flow.h"
#include <math.h>

enum { MOST = 300, GRID_W = 150, GRID_D = 120 };

/* The run of the largest T, its problem and its curve. */
static enum status load(struct page *page, const struct store_row **row, struct flow *flow, struct trace *curve)
{
    enum status rc = OK;
    runs_keep_largest(&page->runs, KEY_T);
    *row = &page->runs.list[0];
    const struct keys *keys = &(*row)->result.keys;
    REQUIRE(keys->preset == PRESET_FLOW, ERR_INPUT,
            "its study holds a run that is not of model=flow; sweep the study as shipped into a new database");
    TRY(run_flow_problem(keys, (enum metric)keys_integer(keys, KEY_metric), flow));
    REQUIRE(flow->dim == 2, ERR_INPUT,
            "its study holds a run with p > 0 or a random start; sweep the study as shipped into a new database");
    TRY(runs_curve(page->store, *row, curve));
    page_set_real(page, "T", flow->T);
    page_set_real(page, "d", flow->d);
    page_set_real(page, "optimum", flow->n[0]);
    page_set_real(page, "plateau", (*row)->result.plateau);
done:
    return rc;
}

/* Fig. 6: the loss over (w, D), the equilibrium w_inf(D), and the path of the flow from (0, 0). */
enum status anatomy_6(struct page *page)
{
    enum status rc = OK;
    const struct store_row *row;
    struct flow f = {0};
    struct trace curve = {0};
    TRY(load(page, &row, &f, &curve));
    struct page_table *table = page_table(page, "", "w,delta_a,time"),
                      *landscape = page_table(page, "-landscape", "w,delta_a,loss");
    double D_most = runs_at(&curve, curve.length - 1, "delta_a") * 1.15, w_most = 1.4 * f.n[0];
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
        page_row(table, "flow", 3,
                 (double[]){runs_at(&curve, k, "w"), runs_at(&curve, k, "delta_a"), runs_at(&curve, k, "time")});
    for (size_t k = 1; k < curve.length; k++) { /* the end of the plateau, between two rows */
        double t = row->result.plateau, before = runs_at(&curve, k - 1, "time"), after = runs_at(&curve, k, "time"),
               part = (t - before) / (after - before);
        if (before < t && t <= after)
            page_row(table, "plateau", 3,
                     (double[]){(1 - part) * runs_at(&curve, k - 1, "w") + part * runs_at(&curve, k, "w"),
                                (1 - part) * runs_at(&curve, k - 1, "delta_a") + part * runs_at(&curve, k, "delta_a"),
                                t});
    }
    page_set_real(page, "final", runs_at(&curve, curve.length - 1, "delta_a"));
    for (int j = 0; j <= GRID_D; j++) {
        double D = D_most * j / GRID_D;
        page_row(table, "equilibrium", 3, (double[]){flow_w_infinity(&f, D), D, NAN});
        for (int i = 0; i <= GRID_W; i++) {
            double y[FLOW_DIM] = {w_most * i / GRID_W, D};
            page_row(landscape, "loss", 3, (double[]){y[0], D, flow_loss(&f, y, LOSS_TRAIN)});
        }
        text_add(&landscape->text, "\n"); /* scans apart by a blank line are a grid to gnuplot; other readers skip it */
    }
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 7: w and D of the flow and of the flow linearised at its start, against time. */
enum status anatomy_7(struct page *page)
{
    enum status rc = OK;
    const struct store_row *row;
    struct flow f = {0};
    struct trace curve = {0};
    TRY(load(page, &row, &f, &curve));
    struct page_table *table = page_table(page, "", "time,w,delta_a");
    page_set_real(page, "linear_end", 0.5 / prediction_rate(&f));
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
        page_row(table, "flow", 3,
                 (double[]){runs_at(&curve, k, "time"), runs_at(&curve, k, "w"), runs_at(&curve, k, "delta_a")});
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
        double t = runs_at(&curve, k, "time"), w, D, L;
        prediction_linear(&f, t, &w, &D, &L);
        if (w < 10 * f.n[0]) /* it goes on to grow exponentially */
            page_row(table, "linear", 3, (double[]){t, w, D});
    }
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 8: w_inf against attention; w and w_inf along the flow; eigenvalues of the Hessian along the flow. */
enum status anatomy_8(struct page *page)
{
    enum status rc = OK;
    const struct store_row *row;
    struct flow f = {0};
    struct trace curve = {0};
    TRY(load(page, &row, &f, &curve));
    struct page_table *table = page_table(page, "", "time,attention,w,w_infinity,eigenvalue_1,eigenvalue_2");
    double D_most = runs_at(&curve, curve.length - 1, "delta_a");
    for (int i = 0; i <= MOST; i++) {
        double D = D_most * i / MOST, beta, rest;
        flow_attention(&f, D, &beta, &rest);
        page_row(table, "equilibrium", 6, (double[]){NAN, beta / f.B, NAN, flow_w_infinity(&f, D), NAN, NAN});
    }
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
        double y[FLOW_DIM] = {runs_at(&curve, k, "w"), runs_at(&curve, k, "delta_a")}, low, high;
        flow_observables_curvature(&f, y, &low, &high);
        page_row(table, "flow", 6,
                 (double[]){runs_at(&curve, k, "time"), runs_at(&curve, k, "attention"), y[0],
                            flow_w_infinity(&f, y[1]), low, high});
    }
done:
    trace_free(&curve);
    return rc;
}
