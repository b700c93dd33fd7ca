/* many_runs SOURCE.db OUT.db [RUNS]: a database of many runs, for measuring how the analysis scales.
 *
 * Every run of SOURCE.db (that of a report, say) is copied as often as RUNS (100,000) asks for, each copy with a seed
 * of its own, its plateau length and crossings moved by one log-normal factor,
 *
 *     T_pl <- T_pl exp(0.03 z),   z ~ N(0, 1),
 *
 * its studies, and a curve: that of the run, or an invented one of 50 rows. The same arguments make the same runs. */
#include "base/error.h"
#include "base/random.h"
#include "store/store.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INVENTED_ROWS = 50, SEEDS_APART = 1000 };
static const double scatter = 0.03;

struct original {
    struct result result;
    struct trace curve;
    char studies[512]; /* names with blanks between */
};
struct originals {
    struct store *store;
    struct original *list;
    size_t n, allocated;
};

/* A curve for a run that has none: the loss falls in a step at the plateau's end. */
static enum status invent(const struct result *r, struct trace *curve)
{
    enum status rc = OK;
    const double end = r->state == RUN_EMERGED && r->plateau > 0 ? r->plateau : r->cap;
    double *row = NULL;
    trace_begin(curve, &r->keys);
    REQUIRE(row = calloc((size_t)curve->columns, sizeof *row), ERR_MEMORY, "out of memory");
    for (int k = 0; k < INVENTED_ROWS; k++) {
        const double fallen = 1 / (1 + exp(-20 * ((double)k / INVENTED_ROWS - 0.7)));
        for (int i = 0; i < curve->columns; i++)
            row[i] = i == 0 ? 1.4 * end * k / INVENTED_ROWS : i < 3 ? 0.5 * (1 - fallen) : fallen;
        TRY(trace_add(curve, row));
    }
done:
    free(row);
    return rc;
}

static enum status keep(void *context, const struct store_row *row)
{
    enum status rc = OK;
    struct originals *o = context;
    if (o->n == o->allocated) {
        o->allocated = 2 * o->allocated + 64;
        struct original *list = realloc(o->list, o->allocated * sizeof *list);
        REQUIRE(list, ERR_MEMORY, "out of memory");
        o->list = list;
    }
    struct original *it = &o->list[o->n];
    *it = (struct original){.result = row->result};
    snprintf(it->studies, sizeof it->studies, "%s", row->study ? row->study : "");
    if (row->has_curve)
        TRY(store_curve(o->store, row->id, &it->curve));
    else
        TRY(invent(&it->result, &it->curve));
    o->n++;
done:
    return rc;
}

static enum status copy(struct store *to, const struct original *from, uint32_t number, uint32_t copy_number)
{
    enum status rc = OK;
    struct result r = from->result;
    char studies[sizeof from->studies], hash[33], *rest = studies;
    const struct stream draws = {.seed = 1, .purpose = PURPOSE_DATA, .step = number};
    float z;
    random_normal(&draws, 0, 1, &z);
    const double factor = copy_number ? exp(scatter * (double)z) : 1;
    r.keys.value[KEY_seed] += (double)SEEDS_APART * copy_number;
    r.plateau *= factor;
    r.cap = r.state == RUN_EMERGED ? fmax(r.cap, r.plateau) : r.cap;
    for (int i = 0; i < FLOW_LEVELS; i++)
        r.crossings[i] *= factor;
    keys_hash(&r.keys, hash);
    memcpy(studies, from->studies, sizeof studies);
    TRY(store_put(to, NULL, hash, &r, &from->curve));
    for (char *study = strtok_r(rest, " ", &rest); study; study = strtok_r(NULL, " ", &rest))
        TRY(store_join(to, study, hash));
done:
    return rc;
}

int main(int argc, char **argv)
{
    enum status rc = OK;
    struct originals o = {0};
    struct store *out = NULL;
    REQUIRE(argc == 3 || argc == 4, ERR_INPUT, "usage: many_runs SOURCE.db OUT.db [RUNS]");
    const long runs = argc == 4 ? strtol(argv[3], NULL, 10) : 100000;
    TRY(store_open(argv[1], STORE_READ, NULL, &o.store));
    TRY(store_each(o.store, NULL, keep, &o));
    REQUIRE(o.n > 0, ERR_INPUT, "%s: it holds no run to copy", argv[1]);
    TRY(store_open(argv[2], STORE_WRITE, NULL, &out));
    TRY(store_begin(out));
    for (long i = 0; i < runs; i++)
        TRY(copy(out, &o.list[(size_t)i % o.n], (uint32_t)i, (uint32_t)((size_t)i / o.n)));
    TRY(store_commit(out));
done:
    if (rc != OK)
        fprintf(stderr, "many_runs: %s\n", error_message());
    for (size_t i = 0; i < o.n; i++)
        trace_free(&o.list[i].curve);
    free(o.list);
    store_close(out);
    store_close(o.store);
    return error_exit_code(rc);
}
