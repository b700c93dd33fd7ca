#include "plots/figures/anatomy.h"
#include "validation/flow_observables.h"
#include "run/run_flow.h"
#include <math.h>

enum { MOST = 300, GRID_W = 150, GRID_D = 120 };

/* The run of the largest T, its problem and its curve. */
static enum status load(struct figure_data *data, const struct store_row **row, struct flow *flow, struct trace *curve)
{
    enum status rc = OK;
    *row = &data->runs.list[0];
    const struct keys *keys = &(*row)->result.keys;
    REQUIRE(keys->preset == PRESET_FLOW, ERR_INPUT,
            "its study holds a run that is not of model=flow; sweep the study as shipped into a new database");
    TRY(run_flow_problem(keys, (enum metric)keys_integer(keys, KEY_metric), flow));
    REQUIRE(flow->dim == 2, ERR_INPUT,
            "its study holds a run with p > 0 or a random start; sweep the study as shipped into a new database");
    TRY(runs_curve(data->store, *row, curve));
    figure_data_set_real(data, "optimum", flow->n[0]);
    figure_data_set_real(data, "plateau", (*row)->result.plateau);
done:
    return rc;
}

/* Fig. 6: the loss over (w, D), the equilibrium w_inf(D), and the path of the flow from (0, 0). */
enum status anatomy_landscape(struct figure_data *data)
{
    enum status rc = OK;
    const struct store_row *row;
    struct flow f = {0};
    struct trace curve = {0};
    TRY(load(data, &row, &f, &curve));
    struct figure_table *table = data->tables, *landscape;
    TRY(figure_data_table(data, "-landscape", "w,delta_a,loss", &landscape));
    double D_most = runs_at(&curve, curve.length - 1, "delta_a") * 1.15, w_most = 1.4 * f.n[0];
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
        figure_data_row(table, &(struct figure_row){.series = "flow", .curve = &curve, .at = k});
    for (size_t k = 1; k < curve.length; k++) { /* the end of the plateau, between two rows */
        double t = row->result.plateau, before = runs_at(&curve, k - 1, "time"), after = runs_at(&curve, k, "time"),
               part = (t - before) / (after - before);
        if (before < t && t <= after)
            figure_data_row(
                table, &(struct figure_row){
                           .series = "plateau",
                           .values = {{"w", (1 - part) * runs_at(&curve, k - 1, "w") + part * runs_at(&curve, k, "w")},
                                      {"delta_a", (1 - part) * runs_at(&curve, k - 1, "delta_a") +
                                                      part * runs_at(&curve, k, "delta_a")},
                                      {"time", t}}});
    }
    figure_data_set_real(data, "final", runs_at(&curve, curve.length - 1, "delta_a"));
    for (int j = 0; j <= GRID_D; j++) {
        double D = D_most * j / GRID_D;
        figure_data_row(table,
                        &(struct figure_row){.series = "equilibrium",
                                             .values = {{"w", flow_w_infinity(&f, D)}, {"delta_a", D}, {"time", NAN}}});
        for (int i = 0; i <= GRID_W; i++) {
            double y[FLOW_DIM] = {w_most * i / GRID_W, D};
            figure_data_row(
                landscape,
                &(struct figure_row){.series = "loss",
                                     .values = {{"w", y[0]}, {"delta_a", D}, {"loss", flow_loss(&f, y, LOSS_TRAIN)}}});
        }
        figure_data_gap(landscape);
    }
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 7: w and D of the flow and of the flow linearised at its start, against time. */
enum status anatomy_linear(struct figure_data *data)
{
    enum status rc = OK;
    const struct store_row *row;
    struct flow f = {0};
    struct trace curve = {0};
    TRY(load(data, &row, &f, &curve));
    struct figure_table *table = data->tables;
    figure_data_set_real(data, "linear_end", 0.5 / prediction_rate(&f));
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
        figure_data_row(table, &(struct figure_row){.series = "flow", .curve = &curve, .at = k});
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
        double t = runs_at(&curve, k, "time"), w, D, L;
        prediction_linear(&f, t, &w, &D, &L);
        if (w < 10 * f.n[0]) /* it goes on to grow exponentially */
            figure_data_row(
                table, &(struct figure_row){.series = "linear", .values = {{"time", t}, {"w", w}, {"delta_a", D}}});
    }
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 8: w_inf against attention; w and w_inf along the flow; eigenvalues of the Hessian along the flow. */
enum status anatomy_equilibrium(struct figure_data *data)
{
    enum status rc = OK;
    const struct store_row *row;
    struct flow f = {0};
    struct trace curve = {0};
    TRY(load(data, &row, &f, &curve));
    struct figure_table *table = data->tables;
    double D_most = runs_at(&curve, curve.length - 1, "delta_a");
    for (int i = 0; i <= MOST; i++) {
        double D = D_most * i / MOST, beta, rest;
        flow_attention(&f, D, &beta, &rest);
        figure_data_row(table, &(struct figure_row){.series = "equilibrium",
                                                    .values = {{"time", NAN},
                                                               {"attention", beta / f.B},
                                                               {"w", NAN},
                                                               {"w_infinity", flow_w_infinity(&f, D)},
                                                               {"eigenvalue_1", NAN},
                                                               {"eigenvalue_2", NAN}}});
    }
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
        double y[FLOW_DIM] = {runs_at(&curve, k, "w"), runs_at(&curve, k, "delta_a")}, low, high;
        flow_observables_curvature(&f, y, &low, &high);
        figure_data_row(table, &(struct figure_row){.series = "flow",
                                                    .curve = &curve,
                                                    .at = k,
                                                    .values = {{"w_infinity", flow_w_infinity(&f, y[1])},
                                                               {"eigenvalue_1", low},
                                                               {"eigenvalue_2", high}}});
    }
done:
    trace_free(&curve);
    return rc;
}
