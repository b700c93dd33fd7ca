/* plateau forget: runs out of a results database, with their curves and checkpoints. */
#include "cli/cli.h"
#include "study/grid.h"
#include "base/list.h"
#include "store/store.h"
#include "study/sweep.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What is to go. */
struct going {
    const struct arguments *a;
    int64_t *ids; /* owned */
    size_t n, allocated;
    struct text out;          /* owned: a line each */
    struct text *checkpoints; /* owned: n */
    size_t checkpoints_allocated;
};

static enum status add(struct going *g, int64_t id)
{
    enum status rc = list_room(&g->ids, g->n, &g->allocated, sizeof *g->ids, "runs");
    if (rc == OK)
        rc = list_room(&g->checkpoints, g->n, &g->checkpoints_allocated, sizeof *g->checkpoints, "runs");
    if (rc == OK) {
        g->checkpoints[g->n] = (struct text){0};
        g->ids[g->n++] = id;
    }
    return rc;
}

static enum status note(void *context, const struct store_row *row)
{
    struct going *g = context;
    enum status rc = OK;
    TRY(add(g, row->id));
    TRY(sweep_checkpoint(g->a->files[0], &row->result.keys, &g->checkpoints[g->n - 1]));
    keys_describe(&row->result.keys, &g->out);
    text_addf(&g->out, " (%s%s%s)\n", result_state_name(row->result.state), row->study ? "; " : "",
              row->study ? row->study : "");
    TRY(text_status(&g->out));
done:
    return rc;
}

static enum status gather(struct store *store, const struct store_filter *filter, struct going *g)
{
    enum status rc = OK;
    const int64_t *damaged;
    size_t n;
    if (!g->a->damaged)
        return store_each(store, filter, note, g);
    TRY(store_damaged(store, &damaged, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(add(g, damaged[i]));
        text_addf(&g->out, "run %lld\n", (long long)damaged[i]);
    }
    TRY(text_status(&g->out));
done:
    return rc;
}

/* All of them or none; then their checkpoints, from which a sweep would go on. */
static enum status forget(struct store *store, const struct store_filter *filter, struct going *g)
{
    enum status rc = OK;
    bool last;
    TRY(store_begin(store));
    TRY(gather(store, filter, g));
    for (size_t i = 0; i < g->n; i++) {
        TRY(store_forget(store, g->ids[i], g->a->study, &last));
        if (!last)
            text_clear(&g->checkpoints[i]);
    }
    TRY(store_commit(store));
    for (size_t i = 0; i < g->n; i++) {
        if (g->checkpoints[i].length)
            unlink(g->checkpoints[i].data);
    }
done:
    if (rc != OK)
        store_rollback(store);
    return rc;
}

enum status command_forget(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct grid grid = {0};
    struct store_filter filter;
    struct going g = {.a = a};
    REQUIRE(a->n_files == 1, ERR_INPUT, "forget: needs one database (`plateau help forget`)");
    REQUIRE(a->n_assignments || a->study || a->damaged, ERR_INPUT,
            "forget: say which runs: key=value, --study NAME or --damaged; all of them are gone when the file is");
    REQUIRE(!a->damaged || !(a->n_assignments || a->study), ERR_INPUT,
            "forget --damaged: takes no keys and no study: what such a row says of itself cannot be trusted");
    TRY(cli_filter(a, &grid, &filter));
    TRY(store_open(a->files[0], STORE_READ, NULL, &store)); /* which makes no file */
    if (!a->dry_run) {
        store_close(store);
        TRY(store_open(a->files[0], STORE_WRITE, a->command_line, &store));
    }
    TRY(a->dry_run ? gather(store, &filter, &g) : forget(store, &filter, &g));
    REQUIRE(g.n, ERR_INPUT, "%s: no such run; `plateau export` lists what is there", a->files[0]);
    if (a->dry_run)
        TRY(cli_print(g.out.data, g.out.length));
    if (!a->quiet)
        fprintf(stderr, "%zu runs %s %s%s%s\n", g.n, a->dry_run ? "would go from" : "are gone from", a->files[0],
                a->study ? ", study " : "", a->study ? a->study : "");
done:
    store_close(store);
    grid_free(&grid);
    for (size_t i = 0; i < g.n; i++)
        text_free(&g.checkpoints[i]);
    free(g.checkpoints);
    free(g.ids);
    text_free(&g.out);
    return rc;
}
