#include "training.h"
#include "points.h"
#include "problem.h"
#include "reading.h"
#include <math.h>
#include <string.h>

enum { MOST = 200 }; /* evaluations drawn of a curve */

static void keep_largest(struct runs *runs, const enum key *keys, size_t n)
{
    runs_keep_largest(runs, KEY_width);
    for (size_t i = 0; i < n; i++)
        runs_keep_largest(runs, keys[i]);
    runs_keep_seeds(runs);
}

/* The value of a table's column in row k of a curve: that of the curve itself, losses relative to the null loss, or
 * else a key. */
static double column(const char *name, const struct store_row *row, const struct trace *curve, size_t k)
{
    if (trace_find(curve, name) < 0)
        return runs_key(row, keys_find(name));
    return runs_at(curve, k, name) / (strncmp(name, "loss", 4) ? 1 : row->result.null_loss);
}

/* The curves of the runs as rows of series `run`; a blank line ends it, so that gnuplot does not join it to the
 * next. */
static enum status add_curves(struct figure_data *data, struct figure_table *table)
{
    enum status rc = OK;
    struct trace curve = {0};
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        TRY(runs_curve(data->store, row, &curve));
        for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
            double values[FIGURE_COLUMNS];
            char name[FIGURE_COLUMN_NAME];
            size_t n = 0;
            for (; figure_data_column(table, n, name); n++)
                values[n] = column(name, row, &curve, k);
            figure_data_row(table, "run", n, values);
        }
        text_add(&table->text, "\n");
        trace_free(&curve);
    }
done:
    trace_free(&curve);
    return rc;
}

static void set_values(struct figure_data *data, const char *name, enum key key)
{
    points_set_values(data, name, &data->runs, MODEL_TRANSFORMER, key);
}

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

/* Fig. 4 left: test accuracy for each number of pairs, where it crosses half way, and what naming any value of the
 * context gives. */
enum status training_4_left(struct figure_data *data)
{
    static const enum key largest[] = {KEY_lr};
    struct figure_table *table = figure_data_table(data, "", "pairs,seed,step,accuracy_test");
    keep_largest(&data->runs, largest, 1);
    keep_vocabulary(&data->runs);
    for (size_t i = 0; i < data->runs.n; i++) {
        const struct store_row *row = &data->runs.list[i];
        const double pairs = runs_key(row, KEY_pairs), seed = runs_key(row, KEY_seed);
        const double halfway = reading_threshold(&row->result.keys, READING_USUAL);
        bool known;
        figure_data_row(table, "halfway", 4,
                        (double[]){pairs, seed, result_plateau_at(&row->result, halfway, &known), halfway});
        figure_data_row(table, "any_value", 4, (double[]){pairs, seed, runs_key(row, KEY_eval_every), 1 / pairs});
        figure_data_row(table, "any_value", 4, (double[]){pairs, seed, row->result.steps_done, 1 / pairs});
        text_add(&table->text, "\n");
    }
    set_values(data, "pairs_values", KEY_pairs);
    figure_data_set_real(data, "level", 0.05);
    figure_data_set_real(data, "vocab", runs_key(&data->runs.list[0], KEY_vocab));
    return add_curves(data, table);
}

/* Figs. 5 and 16: accuracy with in-context repetition B (p = 0) and with cross-sample repetition p (B = 1). */
enum status training_5(struct figure_data *data)
{
    static const enum key largest[] = {KEY_pairs, KEY_vocab};
    struct figure_table *table = figure_data_table(data, "", "B,p,seed,step,accuracy_train,accuracy_test");
    keep_largest(&data->runs, largest, 2);
    set_values(data, "Bs", KEY_B);
    set_values(data, "ps", KEY_p);
    return add_curves(data, table);
}

/* Fig. 11: test loss for each d, seed by seed, at the largest T. */
enum status training_11(struct figure_data *data)
{
    static const enum key largest[] = {KEY_T};
    struct figure_table *table = figure_data_table(data, "", "d,seed,step,loss_test");
    keep_largest(&data->runs, largest, 1);
    set_values(data, "ds", KEY_d);
    figure_data_set_real(data, "T", runs_key(&data->runs.list[0], KEY_T));
    figure_data_set_real(data, "level", runs_key(&data->runs.list[0], KEY_threshold));
    return add_curves(data, table);
}

/* Fig. 12: training and test loss for each p. */
enum status training_12(struct figure_data *data)
{
    static const enum key largest[] = {KEY_T, KEY_d};
    struct figure_table *table = figure_data_table(data, "", "p,seed,step,loss_train,loss_test");
    keep_largest(&data->runs, largest, 2);
    set_values(data, "ps", KEY_p);
    figure_data_set_real(data, "T", runs_key(&data->runs.list[0], KEY_T));
    figure_data_set_real(data, "d", runs_key(&data->runs.list[0], KEY_d));
    return add_curves(data, table);
}

/* The attention of one probe for each layer: every head, and the largest of them (head 0). */
static void add_probe(struct figure_table *table, const char *probe, const struct trace *curve)
{
    for (int layer = 1; layer <= curve->layers; layer++) {
        for (int head = 0; head <= curve->heads; head++) {
            for (size_t k = 0; k < curve->length; k = runs_next(curve, k, MOST)) {
                double value = 0;
                for (int h = head ? head : 1; h <= (head ? head : curve->heads); h++) {
                    char name[TRACE_NAME];
                    snprintf(name, sizeof name, "%s_l%dh%d", probe, layer, h);
                    value = fmax(value, runs_at(curve, k, name));
                }
                figure_data_row(table, probe, 4, (double[]){layer, head, runs_at(curve, k, "step"), value});
            }
            text_add(&table->text, "\n");
        }
    }
}

/* Fig. 17: attention from values to their keys and from the query to its value, layer by layer, and test accuracy,
 * along one run. */
enum status training_17(struct figure_data *data)
{
    static const enum key largest[] = {KEY_pairs, KEY_vocab};
    struct trace curve = {0};
    struct figure_table *table = figure_data_table(data, "", "layer,head,step,value");
    keep_largest(&data->runs, largest, 2);
    enum status rc = runs_curve(data->store, &data->runs.list[0], &curve);
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
        figure_data_row(table, "accuracy", 4,
                        (double[]){NAN, NAN, runs_at(&curve, k, "step"), runs_at(&curve, k, "accuracy_test")});
    if (rc == OK) {
        add_probe(table, problem_probe_name(PROBE_copy), &curve);
        add_probe(table, problem_probe_name(PROBE_select), &curve);
    }
    figure_data_set_real(data, "last_layer", curve.layers);
    trace_free(&curve);
    return rc;
}
