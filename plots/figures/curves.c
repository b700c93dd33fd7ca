#include "plots/figures/curves.h"
#include "run/reading.h"
#include "run/run_flow.h"
#include <math.h>
#include <string.h>

enum { CURVE_ROWS = 200 }; /* of a curve are drawn, if the figure's entry says no other number */

static size_t next_row(const struct figure_data *data, const struct trace *curve, size_t k)
{
    return runs_next(curve, k, data->figure->curve_rows ? data->figure->curve_rows : CURVE_ROWS);
}

/* ---- all columns, along every run ---- */

static const char *series_of(const struct store_row *run)
{
    const enum model model = (enum model)runs_key(run, KEY_model);
    return model == MODEL_FLOW ? "flow" : model == MODEL_TOY ? "toy" : "run";
}

/* Row k of a curve as a row of the table. */
static void add_row(struct figure_table *table, const struct store_row *run, const struct trace *curve, size_t k)
{
    struct figure_row row = {.series = series_of(run), .run = run, .curve = curve, .at = k};
    const double unit = runs_key(run, KEY_model) == MODEL_TRANSFORMER ? run->result.null_loss : 1;
    size_t n = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        const char *name = table->columns[i].name;
        const double loss = runs_at(curve, k, strcmp(name, "loss") ? name : "loss_test");
        if (!strncmp(name, "loss", 4))
            row.values[n++] = (struct figure_value){name, loss / unit};
    }
    figure_data_row(table, &row);
}

static enum status add_curve(struct figure_data *data, const struct store_row *run)
{
    struct trace curve;
    enum status rc = runs_curve(data->store, run, &curve);
    for (size_t k = 0; k < curve.length && rc == OK; k = next_row(data, &curve, k))
        add_row(data->tables, run, &curve, k);
    if (runs_key(run, KEY_model) == MODEL_TRANSFORMER)
        figure_data_gap(data->tables);
    trace_free(&curve);
    return rc;
}

enum status curves_draw(struct figure_data *data)
{
    enum status rc = OK;
    for (size_t i = 0; i < data->runs.n && rc == OK; i++)
        rc = add_curve(data, &data->runs.list[i]);
    return rc;
}

/* The script's `longest`: the longest plateau. */
static void set_longest(struct figure_data *data)
{
    double longest = 0;
    for (size_t i = 0; i < data->runs.n; i++)
        longest = fmax(longest, data->runs.list[i].result.plateau);
    figure_data_set_real(data, "longest", longest);
}

enum status curves_toy(struct figure_data *data)
{
    set_longest(data);
    return curves_draw(data);
}

/* ---- one plateau, and the weights ---- */

static void add_plateau(struct figure_table *table, const char *series, const struct store_row *run, double time)
{
    const double level = runs_key(run, KEY_threshold) * run->result.null_loss;
    figure_data_row(table,
                    &(struct figure_row){.series = series, .run = run, .values = {{"time", time}, {"loss", level}}});
}

enum status curves_plateaus(struct figure_data *data)
{
    enum status rc = OK;
    const struct store_row *list = data->runs.list;
    for (size_t i = 0; i < data->runs.n; i++) {
        TRY(add_curve(data, &list[i]));
        add_plateau(data->tables, "plateau", &list[i], list[i].result.plateau);
        add_plateau(data->tables, "closed", &list[i], list[i].result.predicted.closed);
    }
    figure_data_set_real(data, "level", runs_key(&list[0], KEY_threshold) * list[0].result.null_loss);
    set_longest(data);
done:
    return rc;
}

enum status curves_weights(struct figure_data *data)
{
    const struct store_row *run = &data->runs.list[0];
    const double optimum = sqrt(2 * runs_key(run, KEY_d) * run->result.null_loss); /* null loss |W*|^2/(2d) */
    struct trace curve;
    enum status rc = runs_curve(data->store, run, &curve);
    for (size_t k = 0; k < curve.length && rc == OK; k = next_row(data, &curve, k))
        figure_data_row(data->tables, &(struct figure_row){.series = "flow",
                                                           .curve = &curve,
                                                           .at = k,
                                                           .values = {{"w_relative", runs_at(&curve, k, "w") / optimum},
                                                                      {"attention", runs_at(&curve, k, "attention") *
                                                                                        runs_key(run, KEY_B)}}});
    figure_data_set_real(data, "plateau", run->result.plateau);
    trace_free(&curve);
    return rc;
}

/* ---- cross-sample repetition ---- */

/* w of all directions is (n_1 w_1 + n_r w_r)/n, of which the curve has w and w_1. */
static enum status add_blocks(struct figure_data *data, const struct store_row *run)
{
    enum status rc = OK;
    struct flow f;
    struct trace curve = {0};
    TRY(run_flow_problem(&run->result.keys, METRIC_FULL, &f));
    TRY(runs_curve(data->store, run, &curve));
    const double n1 = f.full_n[0], nr = f.full_n[1], n = hypot(n1, nr);
    for (size_t k = 0; k < curve.length; k = next_row(data, &curve, k)) {
        const double w1 = runs_at(&curve, k, "w_repeated"), wr = (n * runs_at(&curve, k, "w") - n1 * w1) / nr;
        figure_data_row(data->tables,
                        &(struct figure_row){.series = "flow",
                                             .run = run,
                                             .curve = &curve,
                                             .at = k,
                                             .values = {{"w_repeated", w1 / n1},
                                                        {"w_across", wr / nr},
                                                        {"attention", runs_at(&curve, k, "attention") * f.B}}});
    }
done:
    trace_free(&curve);
    return rc;
}

enum status curves_blocks(struct figure_data *data)
{
    enum status rc = OK;
    for (size_t i = 0; i < data->runs.n && rc == OK; i++)
        rc = add_blocks(data, &data->runs.list[i]);
    return rc;
}

/* ---- recall ---- */

/* Keeps the vocabulary that has the most runs, of equal ones the largest: a curve alone shows no trend. */
static void keep_vocabulary(struct runs *runs)
{
    double vocabs[16];
    size_t most = 0, n = runs_values(runs, MODEL_TRANSFORMER, KEY_vocab, vocabs, sizeof vocabs / sizeof vocabs[0]);
    double best = NAN;
    for (size_t v = 0; v < n; v++) {
        size_t here = 0;
        for (size_t i = 0; i < runs->n; i++)
            here += runs_key(&runs->list[i], KEY_vocab) == vocabs[v];
        if (here >= most)
            most = here, best = vocabs[v];
    }
    runs_keep(runs, &(struct runs_setting){1, {{KEY_vocab, best}}});
}

static void add_accuracy(struct figure_table *table, const char *series, const struct store_row *run, double step,
                         double accuracy)
{
    figure_data_row(table, &(struct figure_row){
                               .series = series, .run = run, .values = {{"step", step}, {"accuracy_test", accuracy}}});
}

enum status curves_recall(struct figure_data *data)
{
    struct figure_table *table = data->tables;
    keep_vocabulary(&data->runs);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *run = &data->runs.list[i];
        const double pairs = runs_key(run, KEY_pairs), halfway = reading_threshold(&run->result.keys, READING_USUAL);
        bool known;
        add_accuracy(table, "halfway", run, result_plateau_at(&run->result, halfway, &known), halfway);
        add_accuracy(table, "any_value", run, runs_key(run, KEY_eval_every), 1 / pairs);
        add_accuracy(table, "any_value", run, run->result.steps_done, 1 / pairs);
        figure_data_gap(table);
    }
    figure_data_set_real(data, "level", 0.05);
    return curves_draw(data);
}

/* ---- heads ---- */

static void add_head(struct figure_table *table, const char *series, double layer, double head, double step,
                     double value)
{
    figure_data_row(
        table, &(struct figure_row){.series = series,
                                    .values = {{"layer", layer}, {"head", head}, {"step", step}, {"value", value}}});
}

/* The attention of one probe for each layer: every head, and the largest of them (head 0). */
static void add_probe(struct figure_data *data, const char *probe, const struct trace *curve)
{
    for (int layer = 1; layer <= curve->layers; layer++) {
        for (int head = 0; head <= curve->heads; head++) {
            for (size_t k = 0; k < curve->length; k = next_row(data, curve, k)) {
                double value = 0;
                for (int h = head ? head : 1; h <= (head ? head : curve->heads); h++) {
                    char name[TRACE_NAME];
                    snprintf(name, sizeof name, "%s_l%dh%d", probe, layer, h);
                    value = fmax(value, runs_at(curve, k, name));
                }
                add_head(data->tables, probe, layer, head, runs_at(curve, k, "step"), value);
            }
            figure_data_gap(data->tables);
        }
    }
}

enum status curves_heads(struct figure_data *data)
{
    enum status rc = OK;
    struct trace curve;
    TRY(runs_curve(data->store, &data->runs.list[0], &curve));
    for (size_t k = 0; k < curve.length; k = next_row(data, &curve, k))
        add_head(data->tables, "accuracy", NAN, NAN, runs_at(&curve, k, "step"), runs_at(&curve, k, "accuracy_test"));
    add_probe(data, "copy", &curve);
    add_probe(data, "select", &curve);
    figure_data_set_real(data, "last_layer", curve.layers);
done:
    trace_free(&curve);
    return rc;
}
