#include "curves.h"
#include "run_flow.h"
#include <math.h>

enum { MOST = 250, MOST_OF_MANY = 150, MOST_VALUES = 32 }; /* rows drawn of a curve, alone or among many */

/* Fig. 1a: loss against time for each d. */
enum status curves_1a(struct figure_data *data)
{
    enum status rc = OK;
    double ds[MOST_VALUES];
    struct trace curve = {0};
    double longest = 0;
    runs_keep_largest(&data->runs, KEY_T);
    runs_keep_seeds(&data->runs);
    struct figure_table *table = figure_data_table(data, "", "d,time,loss");
    figure_data_set_list(data, "ds", ds, runs_values(&data->runs, MODEL_FLOW, KEY_d, ds, MOST_VALUES));
    figure_data_set_real(data, "level",
                         runs_key(&data->runs.list[0], KEY_threshold) * data->runs.list[0].result.null_loss);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        const struct result *r = &row->result;
        double d = runs_key(row, KEY_d), level = runs_key(row, KEY_threshold) * r->null_loss;
        TRY(runs_curve(data->store, row, &curve));
        for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
            figure_data_row(table, "flow", 3,
                            (double[]){d, runs_at(&curve, k, "time"), runs_at(&curve, k, "loss_test")});
        trace_free(&curve);
        longest = fmax(longest, r->plateau);
        figure_data_row(table, "plateau", 3, (double[]){d, r->plateau, level});
        figure_data_row(table, "closed", 3, (double[]){d, r->predicted.closed, level});
    }
    figure_data_set_real(data, "longest", longest);
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 1b: w and attention against time, relative to their optimum, along one flow. */
enum status curves_1b(struct figure_data *data)
{
    enum status rc = OK;
    struct trace curve = {0};
    runs_keep_largest(&data->runs, KEY_T);
    const struct store_row *row = &data->runs.list[0];
    struct figure_table *table = figure_data_table(data, "", "time,w_relative,attention");
    TRY(runs_curve(data->store, row, &curve));
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
        double w = runs_at(&curve, k, "w") /
                   sqrt(2 * runs_key(row, KEY_d) * row->result.null_loss); /* null loss |W*|^2/(2d) */
        figure_data_row(
            table, "flow", 3,
            (double[]){runs_at(&curve, k, "time"), w, runs_at(&curve, k, "attention") * runs_key(row, KEY_B)});
    }
    figure_data_set_real(data, "plateau", row->result.plateau);
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 9: the toy model trained by SGD, and the reduced flow from the same start, seed by seed. */
enum status curves_9(struct figure_data *data)
{
    enum status rc = OK;
    double seeds[MOST_VALUES], longest = 0;
    struct trace curve = {0};
    runs_keep_largest(&data->runs, KEY_T);
    runs_keep_seeds(&data->runs);
    struct figure_table *table = figure_data_table(data, "", "seed,time,loss,w,delta_a");
    figure_data_set_list(data, "seeds", seeds, runs_values(&data->runs, MODEL_TOY, KEY_seed, seeds, MOST_VALUES));
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        const char *series = runs_key(row, KEY_model) == MODEL_FLOW ? "flow" : "toy";
        TRY(runs_curve(data->store, row, &curve));
        for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST_OF_MANY))
            figure_data_row(table, series, 5,
                            (double[]){runs_key(row, KEY_seed), runs_at(&curve, k, "time"),
                                       runs_at(&curve, k, "loss_test"), runs_at(&curve, k, "w"),
                                       runs_at(&curve, k, "delta_a")});
        trace_free(&curve);
        longest = fmax(longest, row->result.plateau);
    }
    figure_data_set_real(data, "longest", longest);
    figure_data_set_real(data, "T", runs_key(&data->runs.list[0], KEY_T));
done:
    trace_free(&curve);
    return rc;
}

/* Fig. 10: cross-sample repetition. w of each block relative to |W*| there. */
enum status curves_10(struct figure_data *data)
{
    enum status rc = OK;
    double ps[MOST_VALUES];
    struct flow f;
    struct trace curve = {0};
    runs_keep_largest(&data->runs, KEY_T);
    runs_keep_seeds(&data->runs);
    struct figure_table *table =
        figure_data_table(data, "", "p,time,loss_train,loss_test,w_repeated,w_across,attention");
    figure_data_set_list(data, "ps", ps, runs_values(&data->runs, MODEL_FLOW, KEY_p, ps, MOST_VALUES));
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        TRY(run_flow_problem(&row->result.keys, METRIC_FULL, &f));
        TRY(runs_curve(data->store, row, &curve));
        double n1 = f.full_n[0], nr = f.full_n[1], n = hypot(n1, nr);
        for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
            double w1 = runs_at(&curve, k, "w_repeated"),
                   wr = (n * runs_at(&curve, k, "w") - n1 * w1) / nr; /* w = (n_1 w_1 + n_r w_r)/n */
            figure_data_row(table, "flow", 7,
                            (double[]){runs_key(row, KEY_p), runs_at(&curve, k, "time"),
                                       runs_at(&curve, k, "loss_train"), runs_at(&curve, k, "loss_test"), w1 / n1,
                                       wr / nr, runs_at(&curve, k, "attention") * f.B});
        }
        trace_free(&curve);
    }
done:
    trace_free(&curve);
    return rc;
}
