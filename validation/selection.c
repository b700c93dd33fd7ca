#include "selection.h"
#include "list.h"
#include <math.h>
#include <stdlib.h>

int selection_order(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT])
{
    for (int key = 0; key < KEY_COUNT; key++) {
        const double x = a->value[key], y = b->value[key];
        const bool same = x == y || (isnan(x) && isnan(y));
        if (!same && !but[key] && keys_is_hashed((enum key)key))
            return isnan(x) ? -1 : isnan(y) ? 1 : x < y ? -1 : 1;
    }
    return 0;
}

bool selection_twins(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT])
{
    return selection_order(a, b, but) == 0;
}

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
    const int order = selection_order(&p->keys, &q->keys, but);
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
static enum status choose(struct choice *c)
{
    struct candidate *list = c->field.list;
    if (!(c->best = calloc(c->field.n + 1, sizeof *c->best)))
        return error_set(ERR_MEMORY, "out of memory for %zu runs", c->field.n);
    if (c->field.n)
        qsort_r(list, c->field.n, sizeof *list, by_quality, c->but);
    for (size_t i = 0; i < c->field.n; i++) {
        if (!list[i].known || i == 0 || !selection_twins(&list[i - 1].keys, &list[i].keys, c->but))
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

enum status selection_each(struct store *store, const struct store_filter *filter, enum key best, double at,
                           store_visit *visit, void *context)
{
    enum status rc = OK;
    struct choice c = {.field.at = at, .visit = visit, .context = context};
    if (best == KEY_COUNT)
        return store_each(store, filter, visit, context);
    c.but[best] = 1;
    TRY(store_each(store, filter, note, &c.field));
    TRY(choose(&c));
    TRY(store_each(store, filter, pass_on, &c));
done:
    free(c.field.list);
    free(c.best);
    return rc;
}
