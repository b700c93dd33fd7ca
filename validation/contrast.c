#include "contrast.h"
#include "list.h"
#include "reading.h"
#include "selection.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Runs of one side. */
struct side {
    struct store *store;
    const struct contrast_request *request;
    struct contrast_run {
        int64_t id;
        struct keys keys;
        double length; /* where the plateau ends, or (cut off) where the run did; NaN after a divergence */
        bool ended, late;
    } * list; /* owned */
    size_t n, allocated;
};

/* The first of two consecutive rows at which a column is beyond `level`, interpolated as run_transformer.h says; NaN if
 * there is none. */
static double curve_crossing(const struct trace *t, const char *column, double level)
{
    const int time = trace_find(t, "time"), x = time >= 0 ? time : trace_find(t, "step"), y = trace_find(t, column);
    const bool rising = !strncmp(column, "accuracy", 8);
    double candidate = NAN, before = NAN, value = NAN;
    for (size_t i = 0; i < t->length && y >= 0; i++) {
        const double *row = t->rows + i * (size_t)t->columns;
        const bool beyond = rising ? row[y] >= level : row[y] <= level;
        if (beyond && !isnan(candidate))
            return candidate;
        candidate = !beyond        ? NAN
                    : isnan(value) ? row[x]
                                   : before + (level - value) / (row[y] - value) * (row[x] - before);
        before = row[x], value = row[y];
    }
    return NAN;
}

/* Where the plateau ends; NaN, and whether that is known: it did not. */
static enum status read_plateau(const struct side *s, const struct store_row *row, double *plateau, bool *known)
{
    const struct result *r = &row->result;
    const char *column = s->request->column;
    const double threshold = reading_threshold(&r->keys, s->request->at);
    struct trace t = {0};
    *known = row->has_curve;
    *plateau = column ? NAN : result_plateau_at(r, threshold, known);
    if (!column || !row->has_curve)
        return OK;
    enum status rc = store_curve(s->store, row->id, &t);
    if (rc == OK)
        *plateau = curve_crossing(&t, column, strncmp(column, "loss", 4) ? threshold : threshold * r->null_loss);
    trace_free(&t);
    return rc;
}

static enum status visit(void *context, const struct store_row *row)
{
    struct side *s = context;
    const enum run_state state = row->result.state;
    double plateau;
    bool known;
    enum status rc = list_room(&s->list, s->n, &s->allocated, sizeof *s->list, "runs");
    if (rc != OK)
        return rc;
    rc = read_plateau(s, row, &plateau, &known);
    const bool ended = known && !isnan(plateau), whole = known && (state == RUN_CENSORED || state == RUN_EMERGED);
    s->list[s->n++] = (struct contrast_run){row->id, row->result.keys,
                                            ended   ? plateau
                                            : whole ? row->result.cap
                                                    : NAN,
                                            ended, result_is_late(&row->result, plateau)};
    return rc;
}

/* Runs after the change, sorted so that twins stand together, in the order of the store. */
struct index {
    const struct contrast_run *list;
    const size_t *but;
    size_t *order; /* owned */
};

static int by_twins(const void *a, const void *b, void *context)
{
    const struct index *x = context;
    const size_t i = *(const size_t *)a, j = *(const size_t *)b;
    const int order = selection_order(&x->list[i].keys, &x->list[j].keys, x->but);
    return order ? order : (i > j) - (i < j);
}

/* The place in the order of the first run that does not come before `keys`. */
static size_t first_twin(const struct index *x, size_t n, const struct keys *keys)
{
    size_t low = 0;
    while (low < n) {
        const size_t middle = (low + n) / 2;
        if (selection_order(&x->list[x->order[middle]].keys, keys, x->but) < 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static enum status add_pair(const struct contrast_run *a, const struct contrast_run *b, struct contrast *c)
{
    const double ratio = log(a->length / b->length);
    if ((a->ended && a->length == 0) || (b->ended && b->length == 0)) {
        c->at_once++;
        return OK;
    }
    if (a->late || b->late) {
        c->late++;
        return OK;
    }
    if (!b->ended || !isfinite(ratio)) {
        c->undefined++;
        return OK;
    }
    enum status rc = list_room(&c->pairs, c->n, &c->allocated, sizeof *c->pairs, "pairs of runs");
    if (rc != OK)
        return rc;
    c->pairs[c->n++] = (struct contrast_pair){a->id, a->keys, ratio, !a->ended};
    return OK;
}

static enum status pair_up(const struct side *before, const struct side *after, const struct contrast_request *request,
                           struct contrast *c)
{
    enum status rc = OK;
    size_t but[KEY_COUNT];
    struct index x = {after->list, but, calloc(after->n + 1, sizeof *x.order)};
    REQUIRE(x.order, ERR_MEMORY, "out of memory for %zu runs", after->n);
    memcpy(but, request->change->count, sizeof but);
    if (request->best != KEY_COUNT)
        but[request->best] = 1;
    for (size_t i = 0; i < after->n; i++)
        x.order[i] = i;
    qsort_r(x.order, after->n, sizeof *x.order, by_twins, &x);
    for (size_t i = 0; i < before->n; i++) {
        const struct contrast_run *a = &before->list[i];
        for (size_t k = first_twin(&x, after->n, &a->keys);
             k < after->n && selection_twins(&a->keys, &after->list[x.order[k]].keys, but); k++)
            TRY(add_pair(a, &after->list[x.order[k]], c));
    }
done:
    free(x.order);
    return rc;
}

enum status contrast_measure(struct store *store, const struct contrast_request *request, struct contrast *c)
{
    enum status rc = OK;
    struct side first = {.store = store, .request = request}, second = first;
    struct store_filter after = request->before;
    *c = (struct contrast){0};
    for (int key = 0; key < KEY_COUNT; key++) {
        if (request->change->count[key]) {
            after.values[key] = request->change->values[key];
            after.n[key] = request->change->count[key];
        }
    }
    TRY(selection_each(store, &request->before, request->best, request->at, visit, &first));
    TRY(selection_each(store, &after, request->best, request->at, visit, &second));
    TRY(pair_up(&first, &second, request, c));
done:
    free(first.list);
    free(second.list);
    return rc;
}

void contrast_free(struct contrast *c)
{
    free(c->pairs);
    *c = (struct contrast){0};
}
