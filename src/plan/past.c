#include "past.h"
#include "list.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct past *past;
    const bool *wanted;
    char host[256];
};

unsigned past_cell(const struct keys *keys)
{
    struct keys cell = *keys;
    char hash[33];
    cell.value[KEY_seed] = 0;
    keys_hash(&cell, hash);
    hash[8] = '\0'; /* 32 bits */
    return (unsigned)strtoul(hash, NULL, 16);
}

static enum status add(void *context, const struct store_row *row)
{
    struct reader *reader = context;
    struct past *past = reader->past;
    const struct result *r = &row->result;
    if (!reader->wanted[r->keys.preset] || r->state == RUN_DIVERGED || r->state == RUN_INTERRUPTED)
        return OK;
    enum status rc = list_room(&past->runs, past->n, &past->allocated, sizeof *past->runs, "runs");
    if (rc != OK)
        return rc;
    past->runs[past->n++] = (struct past_run){
        .result = *r, .cell = past_cell(&r->keys), .here = row->host && !strcmp(row->host, reader->host)};
    return OK;
}

enum status past_read(struct store *store, const bool wanted[PRESET_COUNT], struct past *past)
{
    double models[2];
    struct store_filter filter = {.values[KEY_model] = models};
    struct reader reader = {.past = past, .wanted = wanted};
    *past = (struct past){0};
    gethostname(reader.host, sizeof reader.host - 1);
    if (wanted[PRESET_TOY])
        models[filter.n[KEY_model]++] = MODEL_TOY;
    if (wanted[PRESET_REGRESSION] || wanted[PRESET_RECALL])
        models[filter.n[KEY_model]++] = MODEL_TRANSFORMER;
    return store && filter.n[KEY_model] ? store_each(store, &filter, add, &reader) : OK;
}

void past_free(struct past *past)
{
    free(past->runs);
    *past = (struct past){0};
}
