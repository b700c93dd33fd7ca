/* Attention that is held at given weights (transformer.h, struct transformer_clamp): rows of p are overwritten behind
 * the softmax, and those of its gradient become 0, so that scores learn nothing there. */
#include "models/transformer_internal.h"
#include <string.h>

/* The place of the rows of some heads of one sequence. */
struct place {
    char *rows; /* of element_size: query q of head h is row q + h stride, or (single) row h for the last query alone */
    int first_head, heads;
    bool single;
};

static void set_row(struct transformer_worker *w, const struct transformer_clamp *c, const struct place *at, int query,
                    bool gradient)
{
    const struct kernels *k = w->model->kernels;
    const size_t T = (size_t)w->model->config.T, bytes = T * k->element_size;
    for (int h = 0; h < at->heads; h++) {
        char *row = at->rows + ((size_t)h * (at->single ? 1 : T) + (at->single ? 0 : (size_t)query)) * bytes;
        if (c->head >= 0 && c->head != at->first_head + h)
            continue;
        if (gradient)
            memset(row, 0, bytes);
        else
            k->narrow(T, w->held_row, row);
    }
}

/* The same weight for all that a query may see. */
static void hold_uniform(struct transformer_worker *w, const struct transformer_clamp *c, const struct place *at,
                         bool gradient)
{
    const int T = w->model->config.T;
    for (int query = at->single ? T - 1 : 0; query < T; query++) {
        const int seen = w->model->config.mask == MASK_CAUSAL ? query + 1 : T;
        for (int t = 0; t < T; t++)
            w->held_row[t] = t < seen ? (real)1 / (real)seen : 0;
        set_row(w, c, at, query, gradient);
    }
}

/* Pairs of one query stand together; their keys share its attention. */
static void hold_pairs(struct transformer_worker *w, const struct transformer_clamp *c, const struct place *at,
                       size_t sequence, bool gradient)
{
    const int T = w->model->config.T;
    int32_t query, key, of = -1;
    size_t begin = 0;
    for (size_t k = 0; k <= c->most; k++) {
        const bool there = k < c->most && c->pair(c->samples, sequence, k, &query, &key);
        if (k < c->most && (!there || query == of))
            continue;
        if (of >= 0 && (!at->single || of == T - 1)) { /* the group from `begin` on is complete */
            int n = 0;
            memset(w->held_row, 0, (size_t)T * sizeof *w->held_row);
            for (size_t i = begin; i < k; i++) {
                int32_t q, s;
                if (!c->pair(c->samples, sequence, i, &q, &s) || q != of)
                    continue;
                w->held_row[s] += 1; /* a file may name a position twice */
                n++;
            }
            for (int t = 0; t < T; t++)
                w->held_row[t] /= (real)n;
            set_row(w, c, at, of, gradient);
        }
        of = there ? query : -1;
        begin = k;
    }
}

void transformer_clamp_hold(struct transformer_worker *w, int layer, int s, int first_head, int heads, bool single,
                            bool gradient, void *rows)
{
    const struct transformer_batch *batch = w->batch;
    const struct place at = {rows, first_head, heads, single};
    for (int i = 0; i < batch->n_clamps; i++) {
        const struct transformer_clamp *c = &batch->clamps[i];
        if (c->layer != layer)
            continue;
        if (c->pair)
            hold_pairs(w, c, &at, (size_t)w->first_sequence + (size_t)s, gradient);
        else
            hold_uniform(w, c, &at, gradient);
    }
}
