#include "training.h"
#include "points.h"
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
static enum status add_curves(struct page *page, struct page_table *table)
{
    enum status rc = OK;
    struct trace curve = {0};
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        TRY(runs_curve(page->store, row, &curve));
        for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST)) {
            double values[PAGE_COLUMNS];
            char name[PAGE_COLUMN_NAME];
            size_t n = 0;
            for (; page_column(table, n, name); n++)
                values[n] = column(name, row, &curve, k);
            page_row(table, "run", n, values);
        }
        text_add(&table->text, "\n");
        trace_free(&curve);
    }
done:
    trace_free(&curve);
    return rc;
}

static void set_values(struct page *page, const char *name, enum key key)
{
    points_set_values(page, name, &page->runs, MODEL_TRANSFORMER, key);
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
enum status training_4_left(struct page *page)
{
    static const enum key largest[] = {KEY_lr};
    struct page_table *table = page_table(page, "", "pairs,seed,step,accuracy_test");
    keep_largest(&page->runs, largest, 1);
    keep_vocabulary(&page->runs);
    for (size_t i = 0; i < page->runs.n; i++) {
        const struct store_row *row = &page->runs.list[i];
        const double pairs = runs_key(row, KEY_pairs), seed = runs_key(row, KEY_seed);
        const double halfway = reading_threshold(&row->result.keys, READING_USUAL);
        bool known;
        page_row(table, "halfway", 4,
                 (double[]){pairs, seed, result_plateau_at(&row->result, halfway, &known), halfway});
        page_row(table, "any_value", 4, (double[]){pairs, seed, runs_key(row, KEY_eval_every), 1 / pairs});
        page_row(table, "any_value", 4, (double[]){pairs, seed, row->result.steps_done, 1 / pairs});
        text_add(&table->text, "\n");
    }
    set_values(page, "pairs_values", KEY_pairs);
    page_set_real(page, "level", 0.05);
    page_set_real(page, "vocab", runs_key(&page->runs.list[0], KEY_vocab));
    return add_curves(page, table);
}

/* Figs. 5 and 16: accuracy with in-context repetition B (p = 0) and with cross-sample repetition p (B = 1). */
enum status training_5(struct page *page)
{
    static const enum key largest[] = {KEY_pairs, KEY_vocab};
    struct page_table *table = page_table(page, "", "B,p,seed,step,accuracy_train,accuracy_test");
    keep_largest(&page->runs, largest, 2);
    set_values(page, "Bs", KEY_B);
    set_values(page, "ps", KEY_p);
    return add_curves(page, table);
}

/* Fig. 11: test loss for each d, seed by seed, at the largest T. */
enum status training_11(struct page *page)
{
    static const enum key largest[] = {KEY_T};
    struct page_table *table = page_table(page, "", "d,seed,step,loss_test");
    keep_largest(&page->runs, largest, 1);
    set_values(page, "ds", KEY_d);
    page_set_real(page, "T", runs_key(&page->runs.list[0], KEY_T));
    page_set_real(page, "level", runs_key(&page->runs.list[0], KEY_threshold));
    return add_curves(page, table);
}

/* Fig. 12: training and test loss for each p. */
enum status training_12(struct page *page)
{
    static const enum key largest[] = {KEY_T, KEY_d};
    struct page_table *table = page_table(page, "", "p,seed,step,loss_train,loss_test");
    keep_largest(&page->runs, largest, 2);
    set_values(page, "ps", KEY_p);
    page_set_real(page, "T", runs_key(&page->runs.list[0], KEY_T));
    page_set_real(page, "d", runs_key(&page->runs.list[0], KEY_d));
    return add_curves(page, table);
}

/* The attention of one probe for each layer: every head, and the largest of them (head 0). */
static void add_probe(struct page_table *table, const char *probe, const struct trace *curve)
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
                page_row(table, probe, 4, (double[]){layer, head, runs_at(curve, k, "step"), value});
            }
            text_add(&table->text, "\n");
        }
    }
}

/* Fig. 17: attention from values to their keys and from the query to its value, layer by layer, and test accuracy,
 * along one run. */
enum status training_17(struct page *page)
{
    static const enum key largest[] = {KEY_pairs, KEY_vocab};
    struct trace curve = {0};
    struct page_table *table = page_table(page, "", "layer,head,step,value");
    keep_largest(&page->runs, largest, 2);
    enum status rc = runs_curve(page->store, &page->runs.list[0], &curve);
    for (size_t k = 0; k < curve.length; k = runs_next(&curve, k, MOST))
        page_row(table, "accuracy", 4,
                 (double[]){NAN, NAN, runs_at(&curve, k, "step"), runs_at(&curve, k, "accuracy_test")});
    if (rc == OK) {
        add_probe(table, "copy", &curve);
        add_probe(table, "select", &curve);
    }
    page_set_real(page, "last_layer", curve.layers);
    trace_free(&curve);
    return rc;
}
