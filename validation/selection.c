#include "selection.h"
#include <math.h>
#include <stdlib.h>

bool selection_twins(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT])
{
    for (int key = 0; key < KEY_COUNT; key++) {
        bool same = a->value[key] == b->value[key] || (isnan(a->value[key]) && isnan(b->value[key]));
        if (!same && !but[key] && keys_is_hashed((enum key)key))
            return false;
    }
    return true;
}

struct candidate {
    int64_t id;
    struct keys keys;
    double plateau; /* infinite: none */
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
    if (f->n == f->allocated) {
        size_t want = f->allocated ? 2 * f->allocated : 64;
        struct candidate *more = realloc(f->list, want * sizeof *more);
        if (!more)
            return error_set(ERR_MEMORY, "out of memory for %zu runs", want);
        f->list = more;
        f->allocated = want;
    }
    double plateau = result_plateau_at(&row->result, reading_threshold(&row->result.keys, f->at), &known);
    f->list[f->n++] = (struct candidate){row->id, row->result.keys, isnan(plateau) ? INFINITY : plateau};
    return OK;
}

struct choice {
    struct field field;
    size_t but[KEY_COUNT];
    store_visit *visit;
    void *context;
};

/* Passes a row on unless another is as good in all but the key, and has a shorter plateau (the same: comes before it). */
static enum status pass_on(void *context, const struct store_row *row)
{
    const struct choice *c = context;
    const struct candidate *list = c->field.list;
    size_t self = 0;
    while (self < c->field.n && list[self].id != row->id)
        self++;
    for (size_t i = 0; i < c->field.n && self < c->field.n; i++) {
        bool better = list[i].plateau < list[self].plateau || (i < self && list[i].plateau == list[self].plateau);
        if (better && selection_twins(&list[i].keys, &list[self].keys, c->but))
            return OK;
    }
    return c->visit(c->context, row);
}

enum status selection_each(struct store *store, const struct store_filter *filter, enum key best, double at, store_visit *visit, void *context)
{
    struct choice c = {.field.at = at, .visit = visit, .context = context};
    if (best == KEY_COUNT)
        return store_each(store, filter, visit, context);
    c.but[best] = 1;
    enum status rc = store_each(store, filter, note, &c.field);
    if (rc == OK)
        rc = store_each(store, filter, pass_on, &c);
    free(c.field.list);
    return rc;
}
