#include "contrast.h"
#include "reading.h"
#include <math.h>
#include <stdlib.h>

/* Runs of one side. */
struct side {
    struct result *list; /* owned */
    size_t n, allocated;
};

static enum status visit(void *context, const struct store_row *row)
{
    struct side *s = context;
    if (s->n == s->allocated) {
        size_t want = s->allocated ? 2 * s->allocated : 64;
        struct result *more = realloc(s->list, want * sizeof *more);
        if (!more)
            return error_set(ERR_MEMORY, "out of memory for %zu runs", want);
        s->list = more;
        s->allocated = want;
    }
    s->list[s->n++] = row->result;
    return OK;
}

/* The same run but for the keys of `change`, and for what only says how long it goes? */
static bool twins(const struct keys *a, const struct keys *b, const struct grid *change)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        bool same = a->value[key] == b->value[key] || (isnan(a->value[key]) && isnan(b->value[key]));
        if (!same && !change->count[key] && keys_is_hashed((enum key)key))
            return false;
    }
    return true;
}

/* Where the plateau ends, or (cut off) where the run did; NaN after a divergence. */
static double length_of(const struct result *r, double at, bool *ended)
{
    bool known;
    double plateau = result_plateau_at(r, reading_threshold(&r->keys, at), &known);
    *ended = known && !isnan(plateau);
    return *ended ? plateau : known && (r->state == RUN_CENSORED || r->state == RUN_EMERGED) ? r->cap : NAN;
}

static enum status pair_up(const struct side *before, const struct side *after, const struct grid *change, double at,
                           struct contrast *c)
{
    c->pairs = calloc(before->n * after->n + 1, sizeof *c->pairs);
    if (!c->pairs)
        return error_set(ERR_MEMORY, "out of memory for %zu pairs of runs", before->n * after->n);
    for (size_t i = 0; i < before->n; i++) {
        for (size_t j = 0; j < after->n; j++) {
            const struct result *a = &before->list[i], *b = &after->list[j];
            bool first_ended, second_ended;
            if (!twins(&a->keys, &b->keys, change))
                continue;
            double ratio = log(length_of(a, at, &first_ended) / length_of(b, at, &second_ended));
            if (second_ended && isfinite(ratio))
                c->pairs[c->n++] = (struct contrast_pair){keys_integer(&a->keys, KEY_seed), ratio};
            else
                c->undefined++;
        }
    }
    return OK;
}

enum status contrast_measure(struct store *store, const struct store_filter *before, const struct grid *change,
                             double at, struct contrast *c)
{
    enum status rc = OK;
    struct side first = {0}, second = {0};
    struct store_filter after = *before;
    *c = (struct contrast){0};
    for (int key = 0; key < KEY_COUNT; key++) {
        if (change->count[key]) {
            after.values[key] = change->values[key];
            after.n[key] = change->count[key];
        }
    }
    TRY(store_each(store, before, visit, &first));
    TRY(store_each(store, &after, visit, &second));
    TRY(pair_up(&first, &second, change, at, c));
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
