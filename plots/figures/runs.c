#include "plots/figures/runs.h"
#include "base/list.h"
#include "run/reading.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same_but_seed(const struct keys *a, const struct keys *b)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!keys_same(a, b, (enum key)key) && key != KEY_seed && keys_is_hashed((enum key)key))
            return false;
    }
    return true;
}

/* A flow from W = 0 to a given W* knows no seed: any number of them is one run. */
static bool is_again(const struct runs *runs, const struct keys *keys)
{
    return runs->n && keys->preset == PRESET_FLOW && keys_integer(keys, KEY_init) == INIT_ZERO &&
           keys_integer(keys, KEY_target) == TARGET_UNIT && same_but_seed(&runs->list[runs->n - 1].result.keys, keys);
}

struct loader {
    struct runs *runs;
    struct run_flow *tools;
    double threshold;
};

enum status runs_add(struct runs *runs, const struct store_row *row)
{
    enum status rc = list_room(&runs->list, runs->n, &runs->allocated, sizeof *runs->list, "runs");
    if (rc != OK)
        return rc;
    runs->list[runs->n++] = *row;
    return OK;
}

static enum status add(void *context, const struct store_row *row)
{
    struct loader *loader = context;
    struct runs *runs = loader->runs;
    struct result read = row->result;
    bool known;
    runs->interrupted += row->result.state == RUN_INTERRUPTED;
    if (row->result.state == RUN_INTERRUPTED || is_again(runs, &row->result.keys))
        return OK;
    enum status rc = reading_at(loader->tools, loader->threshold, &read, &known);
    if (rc != OK)
        return rc;
    const bool before = !known && !isnan(row->result.initial_loss); /* made here, and ended before it came so far
                                                                       (until=threshold) */
    runs->diverged += read.state == RUN_DIVERGED;
    runs->unknown += read.state != RUN_DIVERGED && before;
    if (read.state == RUN_DIVERGED || before)
        return OK;
    if (!known)
        return error_set(
            ERR_INPUT,
            "a run (%s) did not record the crossing of %g, at which figures show it; import it with that threshold",
            row->study ? row->study : "no study", reading_threshold(&row->result.keys, loader->threshold));
    return runs_add(runs, &(struct store_row){.id = row->id, .result = read, .has_curve = row->has_curve});
}

enum status runs_load(struct store *store, const char *study, double threshold, struct runs *runs)
{
    const struct store_filter filter = {.study = study};
    struct loader loader = {.runs = runs, .threshold = threshold};
    enum status rc = run_flow_create(&loader.tools);
    if (rc == OK)
        rc = store_each(store, &filter, add, &loader);
    run_flow_free(loader.tools);
    return rc;
}

void runs_caveats(const struct runs *runs, struct text *out)
{
    size_t at_once = 0, coarse = 0;
    const size_t begin = out->length;
    for (size_t i = 0; i < runs->n; i++) {
        const struct result *r = &runs->list[i].result;
        double low, high;
        result_bracket(r, r->plateau, &low, &high);
        at_once += r->plateau == 0;
        coarse += result_is_coarse(r->plateau, low, high);
    }
    const struct {
        size_t n;
        const char *what;
    } kinds[] = {{runs->interrupted, "interrupted, not shown"},
                 {runs->diverged, "diverged, not shown"},
                 {runs->unknown, "that ended before the threshold, not shown"},
                 {at_once, "over the threshold from the start, which have no length"},
                 {coarse, "evaluated too seldom for their length, known to the bracket between two evaluations"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].n)
            text_addf(out, "%s %zu %s", out->length > begin ? ";" : "", kinds[i].n, kinds[i].what);
    }
}

void runs_free(struct runs *runs)
{
    free(runs->list);
    *runs = (struct runs){0};
}

double runs_key(const struct store_row *row, enum key key)
{
    return row->result.keys.value[key];
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

size_t runs_values(const struct runs *runs, enum model model, enum key key, double *values, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < runs->n; i++) {
        double value = runs_key(&runs->list[i], key);
        bool seen = runs_key(&runs->list[i], KEY_model) != model;
        for (size_t k = 0; k < n && !seen; k++)
            seen = values[k] == value;
        if (!seen && n < most)
            values[n++] = value;
    }
    qsort(values, n, sizeof *values, ascending);
    return n;
}

bool runs_belongs(const struct runs_setting *setting, const struct store_row *row)
{
    for (size_t i = 0; i < setting->n; i++) {
        if (runs_key(row, setting->list[i].key) != setting->list[i].value)
            return false;
    }
    return true;
}

void runs_keep(struct runs *runs, const struct runs_setting *setting)
{
    size_t kept = 0;
    for (size_t i = 0; i < runs->n; i++) {
        if (runs_belongs(setting, &runs->list[i]))
            runs->list[kept++] = runs->list[i];
    }
    runs->n = kept;
}

void runs_keep_largest(struct runs *runs, enum key key)
{
    double largest = -INFINITY;
    for (size_t i = 0; i < runs->n; i++)
        largest = fmax(largest, runs_key(&runs->list[i], key));
    runs_keep(runs, &(struct runs_setting){1, {{key, largest}}});
}

enum status runs_read(const struct runs *runs, double threshold, struct runs *out)
{
    enum status rc = OK;
    struct run_flow *tools = NULL;
    TRY(run_flow_create(&tools));
    for (size_t i = 0; i < runs->n; i++) {
        struct store_row row = runs->list[i];
        bool known;
        TRY(reading_at(tools, threshold, &row.result, &known));
        if (known)
            TRY(runs_add(out, &row));
    }
done:
    run_flow_free(tools);
    return rc;
}

void runs_keep_seeds(struct runs *runs)
{
    size_t kept = 0, group = 0;
    for (size_t i = 0; i < runs->n; i++) {
        group = i && same_but_seed(&runs->list[kept - 1].result.keys, &runs->list[i].result.keys) ? group + 1 : 0;
        if (group < RUNS_SEEDS)
            runs->list[kept++] = runs->list[i];
    }
    runs->n = kept;
}

size_t runs_group_at(const struct runs *runs, size_t from, struct runs_group *group)
{
    *group = (struct runs_group){.first = &runs->list[from], .low = INFINITY, .high = -INFINITY};
    size_t i = from;
    for (; i < runs->n && same_but_seed(&runs->list[from].result.keys, &runs->list[i].result.keys); i++) {
        const struct result *r = &runs->list[i].result;
        double value = isnan(r->plateau) ? r->cap : r->plateau, low, high;
        result_bracket(r, r->plateau, &low, &high);
        if (result_is_coarse(r->plateau, low, high)) {
            group->low = low > 0 ? fmin(group->low, low) : group->low;
            group->high = fmax(group->high, high);
            value = low > 0 ? value : high; /* an upper bound */
        }
        group->censored = group->censored || isnan(r->plateau);
        group->mean += value;
        group->low = fmin(group->low, value);
        group->high = fmax(group->high, value);
    }
    group->n = i - from;
    group->mean /= (double)group->n;
    return i;
}

enum status runs_curve(struct store *store, const struct store_row *row, struct trace *curve)
{
    enum status rc = OK;
    struct text which = {0};
    keys_describe(&row->result.keys, &which);
    *curve = (struct trace){0};
    REQUIRE(row->has_curve, ERR_INPUT, "%s: no curve was stored; sweep a study with `curves: yes` that has this run",
            which.data ? which.data : "a run");
    TRY(store_curve(store, row->id, curve));
done:
    text_free(&which);
    return rc;
}

double runs_at(const struct trace *curve, size_t r, const char *name)
{
    const int i = trace_find(curve, name);
    return i < 0 ? NAN : curve->rows[r * (size_t)curve->columns + (size_t)i];
}

size_t runs_next(const struct trace *curve, size_t r, size_t most)
{
    size_t step = (curve->length + most - 1) / most, last = curve->length - 1;
    return r == last ? curve->length : r + step < last ? r + step : last;
}
