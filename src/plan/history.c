#include "plan/history.h"
#include "base/list.h"
#include "tensor/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct history *history;
    const bool *wanted;
    char host[256];
};

unsigned history_cell(const struct keys *keys)
{
    struct keys cell = *keys;
    char hash[33];
    cell.value[KEY_seed] = 0;
    keys_hash(&cell, hash);
    hash[8] = '\0'; /* 32 bits */
    return (unsigned)strtoul(hash, NULL, 16);
}

/* The rate of a run is worth something on a machine like its own. A name alone says little where machines are rented:
 * what multiplies has to be the same too, with the instructions that it uses. Toy runs have no such library, and count
 * by the name alone. */
static bool made_here(const struct store_row *row, const char *host)
{
    const struct result *r = &row->result;
    const struct kernels *kernels;
    if (!row->host || strcmp(row->host, host))
        return false;
    return !*r->library || (kernels_open((enum backend)keys_integer(&r->keys, KEY_backend),
                                         (enum precision)keys_integer(&r->keys, KEY_precision), &kernels) == OK &&
                            !strcmp(r->library, kernels->library));
}

static enum status add(void *context, const struct store_row *row)
{
    struct reader *reader = context;
    struct history *history = reader->history;
    const struct result *r = &row->result;
    if (!reader->wanted[r->keys.preset] || r->state == RUN_DIVERGED || r->state == RUN_INTERRUPTED)
        return OK;
    enum status rc = list_room(&history->runs, history->n, &history->allocated, sizeof *history->runs, "runs");
    if (rc != OK)
        return rc;
    history->runs[history->n++] =
        (struct history_run){.result = *r, .cell = history_cell(&r->keys), .here = made_here(row, reader->host)};
    return OK;
}

enum status history_read(struct store *store, const bool wanted[PRESET_COUNT], struct history *history)
{
    double models[2];
    struct store_filter filter = {.values[KEY_model] = models};
    struct reader reader = {.history = history, .wanted = wanted};
    *history = (struct history){0};
    gethostname(reader.host, sizeof reader.host - 1);
    if (wanted[PRESET_TOY])
        models[filter.n[KEY_model]++] = MODEL_TOY;
    bool transformers = false;
    for (int preset = PRESET_REGRESSION; preset < PRESET_COUNT; preset++)
        transformers = transformers || wanted[preset];
    if (transformers)
        models[filter.n[KEY_model]++] = MODEL_TRANSFORMER;
    return store && filter.n[KEY_model] ? store_each(store, &filter, add, &reader) : OK;
}

void history_free(struct history *history)
{
    free(history->runs);
    *history = (struct history){0};
}
