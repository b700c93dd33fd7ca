#include "validation/pairs.h"
#include "base/list.h"
#include "base/sort.h"
#include "run/reading.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the same run but for some keys ---- */

/* A total order of runs in which twins are equal. */
static int twin_order(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT])
{
    for (int key = 0; key < KEY_COUNT; key++) {
        const double x = a->value[key], y = b->value[key];
        const bool same = x == y || (isnan(x) && isnan(y));
        if (!same && !but[key] && keys_is_hashed((enum key)key))
            return isnan(x) ? -1 : isnan(y) ? 1 : x < y ? -1 : 1;
    }
    return 0;
}

bool pairs_twins(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT])
{
    return twin_order(a, b, but) == 0;
}

/* ---- of those, the fastest ---- */

struct candidate {
    int64_t id;
    size_t place; /* in the order of the walk */
    struct keys keys;
    double plateau; /* infinite: none */
    double cap;     /* of one without: up to where it had none; infinite after a divergence */
    bool known;     /* whether there is one */
};
struct field {
    struct candidate *list; /* owned */
    size_t n, allocated;
    double at;
};

static enum status note(void *context, const struct store_row *row)
{
    struct field *f = context;
    bool known;
    enum status rc = list_room(&f->list, f->n, &f->allocated, sizeof *f->list, "runs");
    if (rc != OK)
        return rc;
    double plateau = result_plateau_at(&row->result, reading_threshold(&row->result.keys, f->at), &known);
    const bool none = isnan(plateau);
    f->list[f->n] = (struct candidate){.id = row->id,
                                       .place = f->n,
                                       .keys = row->result.keys,
                                       .plateau = none ? INFINITY : plateau,
                                       .cap = row->result.state == RUN_DIVERGED ? INFINITY : row->result.cap,
                                       .known = known};
    f->n++;
    return OK;
}

/* Twins stand together, the best of them first: the shortest plateau; of those without one the smallest cap, for of the
 * best no more is known; of equal ones the first. */
static int by_quality(const void *a, const void *b, void *but)
{
    const struct candidate *p = a, *q = b;
    const int order = twin_order(&p->keys, &q->keys, but);
    return order                                   ? order
           : p->plateau != q->plateau              ? (p->plateau > q->plateau) - (p->plateau < q->plateau)
           : isinf(p->plateau) && p->cap != q->cap ? (p->cap > q->cap) - (p->cap < q->cap)
                                                   : (p->place > q->place) - (p->place < q->place);
}

static int by_id(const void *a, const void *b)
{
    const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

struct choice {
    struct field field;
    int64_t *best; /* owned: their ids, ascending */
    size_t n;
    size_t but[KEY_COUNT];
    store_visit *visit;
    void *context;
};

/* The ids of the best of all twins, and of those that may be better, for all that is known. */
static enum status choose_best(struct choice *c)
{
    struct candidate *list = c->field.list;
    if (!(c->best = calloc(c->field.n + 1, sizeof *c->best)))
        return error_set(ERR_MEMORY, "out of memory for %zu runs", c->field.n);
    sort_with(list, c->field.n, sizeof *list, by_quality, c->but);
    for (size_t i = 0; i < c->field.n; i++) {
        if (!list[i].known || i == 0 || !pairs_twins(&list[i - 1].keys, &list[i].keys, c->but))
            c->best[c->n++] = list[i].id;
    }
    qsort(c->best, c->n, sizeof *c->best, by_id);
    return OK;
}

static enum status pass_on(void *context, const struct store_row *row)
{
    const struct choice *c = context;
    return bsearch(&row->id, c->best, c->n, sizeof *c->best, by_id) ? c->visit(c->context, row) : OK;
}

enum status pairs_each_best(struct store *store, const struct store_filter *filter, enum key best, double at,
                            store_visit *visit, void *context)
{
    enum status rc = OK;
    struct choice c = {.field.at = at, .visit = visit, .context = context};
    if (best == KEY_COUNT)
        return store_each(store, filter, visit, context);
    c.but[best] = 1;
    TRY(store_each(store, filter, note, &c.field));
    TRY(choose_best(&c));
    TRY(store_each(store, filter, pass_on, &c));
done:
    free(c.field.list);
    free(c.best);
    return rc;
}

/* ---- pairs ---- */

/* Runs of one side. */
struct side {
    struct store *store;
    const struct pairs_request *request;
    struct paired_run {
        int64_t id;
        struct keys keys;
        double length;    /* where the plateau ends, or (cut off) where the run did; NaN after a divergence */
        double low, high; /* its bracket, if that is coarse */
        bool ended, late, diverged;
    } * list; /* owned */
    size_t n, allocated;
};

/* The first of two consecutive rows at which a column is beyond `level`, interpolated as run_transformer.h says; NaN if
 * there is none. *within: the time of the last row that was not beyond; NaN: the column has no values. */
static double curve_crossing(const struct trace *t, const char *column, double level, double *within)
{
    const int time = trace_find(t, "time"), x = time >= 0 ? time : trace_find(t, "step"), y = trace_find(t, column);
    const bool rising = !strncmp(column, "accuracy", 8);
    double candidate = NAN, before = NAN, value = NAN;
    *within = NAN;
    for (size_t i = 0; i < t->length && y >= 0; i++) {
        const double *row = t->rows + i * (size_t)t->columns;
        const bool beyond = rising ? row[y] >= level : row[y] <= level;
        *within = isfinite(row[y]) && !beyond ? row[x] : *within;
        if (beyond && !isnan(candidate))
            return candidate;
        candidate = !beyond        ? NAN
                    : isnan(value) ? row[x]
                                   : before + (level - value) / (row[y] - value) * (row[x] - before);
        before = row[x], value = row[y];
    }
    return NAN;
}

/* Where the plateau ends; NaN, and whether that is known: it did not, before *cap. */
static enum status read_plateau(const struct side *s, const struct store_row *row, double *plateau, double *cap,
                                bool *known)
{
    const struct result *r = &row->result;
    const char *column = s->request->column;
    const double threshold = reading_threshold(&r->keys, s->request->at);
    struct trace t = {0};
    *known = false;
    *cap = r->cap;
    *plateau = column ? NAN : result_plateau_at(r, threshold, known);
    if (!column || !row->has_curve)
        return OK;
    enum status rc = store_curve(s->store, row->id, &t);
    if (rc == OK)
        *plateau = curve_crossing(&t, column, strncmp(column, "loss", 4) ? threshold : threshold * r->null_loss, cap);
    *known = !isnan(*plateau) || *cap > 0;
    trace_free(&t);
    return rc;
}

static enum status visit(void *context, const struct store_row *row)
{
    struct side *s = context;
    const enum run_state state = row->result.state;
    double plateau, cap, low, high;
    bool known;
    enum status rc = list_room(&s->list, s->n, &s->allocated, sizeof *s->list, "runs");
    if (rc != OK)
        return rc;
    rc = read_plateau(s, row, &plateau, &cap, &known);
    const bool ended = known && !isnan(plateau), whole = known && (state == RUN_CENSORED || state == RUN_EMERGED);
    result_bracket(&row->result, plateau, &low, &high);
    const bool coarse = ended && low > 0 && result_is_coarse(plateau, low, high);
    const double length = ended ? plateau : whole ? cap : NAN;
    s->list[s->n++] = (struct paired_run){.id = row->id,
                                          .keys = row->result.keys,
                                          .length = length,
                                          .low = coarse ? low : length,
                                          .high = coarse ? high : length,
                                          .ended = ended,
                                          .late = result_is_late(&row->result, plateau),
                                          .diverged = state == RUN_DIVERGED};
    return rc;
}

/* Runs after the change, sorted so that twins stand together, in the order of the store. */
struct index {
    const struct paired_run *list;
    const size_t *but;
    size_t *order; /* owned */
};

static int by_twins(const void *a, const void *b, void *context)
{
    const struct index *x = context;
    const size_t i = *(const size_t *)a, j = *(const size_t *)b;
    const int order = twin_order(&x->list[i].keys, &x->list[j].keys, x->but);
    return order ? order : (i > j) - (i < j);
}

/* The place in the order of the first run that does not come before `keys`. */
static size_t first_twin(const struct index *x, size_t n, const struct keys *keys)
{
    size_t low = 0;
    while (low < n) {
        const size_t middle = (low + n) / 2;
        if (twin_order(&x->list[x->order[middle]].keys, keys, x->but) < 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

/* The variance of the logarithm of a length that may be anywhere in its bracket. */
static double variance(const struct paired_run *run)
{
    return run->high > run->low ? pow(log(run->high / run->low), 2) / 12 : 0;
}

static enum status add_pair(const struct paired_run *a, const struct paired_run *b, struct pairs *pairs)
{
    const double ratio = log(a->length / b->length);
    if ((a->ended && a->length == 0) || (b->ended && b->length == 0)) {
        pairs->at_once++;
        return OK;
    }
    if (a->late || b->late) { /* shorter than is known */
        pairs->late++;
        pairs->may_be_larger += b->late;
        return OK;
    }
    if ((!a->ended && !b->ended) || !isfinite(ratio)) {
        pairs->undefined++;
        pairs->may_be_larger += !(a->ended && b->diverged);
        return OK;
    }
    enum status rc = list_room(&pairs->list, pairs->n, &pairs->allocated, sizeof *pairs->list, "pairs of runs");
    if (rc != OK)
        return rc;
    pairs->list[pairs->n++] = (struct pair){.id = a->id,
                                            .id_after = b->id,
                                            .keys = a->keys,
                                            .log_ratio = ratio,
                                            .log_low = log(a->low / b->high),
                                            .log_high = log(a->high / b->low),
                                            .unsure = variance(a),
                                            .unsure_after = variance(b),
                                            .cut = !a->ended,
                                            .cut_after = !b->ended};
    return OK;
}

static enum status pair_up(const struct side *before, const struct side *after, const struct pairs_request *request,
                           struct pairs *pairs)
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
    sort_with(x.order, after->n, sizeof *x.order, by_twins, &x);
    for (size_t i = 0; i < before->n; i++) {
        const struct paired_run *a = &before->list[i];
        for (size_t k = first_twin(&x, after->n, &a->keys);
             k < after->n && pairs_twins(&a->keys, &after->list[x.order[k]].keys, but); k++)
            TRY(add_pair(a, &after->list[x.order[k]], pairs));
    }
done:
    free(x.order);
    return rc;
}

enum status pairs_measure(struct store *store, const struct pairs_request *request, struct pairs *pairs)
{
    enum status rc = OK;
    struct side first = {.store = store, .request = request}, second = first;
    struct store_filter after = request->before;
    *pairs = (struct pairs){0};
    for (int key = 0; key < KEY_COUNT; key++) {
        if (request->change->count[key]) {
            after.values[key] = request->change->values[key];
            after.n[key] = request->change->count[key];
        }
    }
    TRY(pairs_each_best(store, &request->before, request->best, request->at, visit, &first));
    TRY(pairs_each_best(store, &after, request->best, request->at, visit, &second));
    TRY(pair_up(&first, &second, request, pairs));
done:
    free(first.list);
    free(second.list);
    return rc;
}

struct unsure {
    int64_t id;
    double variance; /* of the logarithm of its length */
};

static int by_run(const void *a, const void *b)
{
    return by_id(&((const struct unsure *)a)->id, &((const struct unsure *)b)->id);
}

enum status pairs_unsure(const struct pairs *pairs, double *variance)
{
    const size_t n = 2 * pairs->n;
    struct unsure *list = calloc(n + 1, sizeof *list);
    *variance = 0;
    if (!list)
        return error_set(ERR_MEMORY, "out of memory for %zu pairs", pairs->n);
    for (size_t i = 0; i < pairs->n; i++) {
        const struct pair *p = &pairs->list[i];
        list[2 * i] = (struct unsure){p->id, p->unsure};
        list[2 * i + 1] = (struct unsure){p->id_after, p->unsure_after};
    }
    qsort(list, n, sizeof *list, by_run);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i; next < n && list[next].id == list[i].id; next++)
            continue;
        *variance += list[i].variance * pow((double)(next - i) / (double)pairs->n, 2);
    }
    free(list);
    return OK;
}

void pairs_free(struct pairs *pairs)
{
    free(pairs->list);
    *pairs = (struct pairs){0};
}
