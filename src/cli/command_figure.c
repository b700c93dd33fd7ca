/* plateau figure: the paper's figures, and two of ours, from the runs of a database. */
#include "cli.h"
#include "figure.h"
#include "pool.h"
#include <stdio.h>
#include <string.h>

static const char default_folder[] = "figures";

/* What `all` does with one: draws it if its runs are there and says so if not; *failed keeps the first error that is
 * not the end. */
static enum status draw_if_ready(struct store *store, const struct figure *figure, const struct arguments *a,
                                 size_t *drawn, enum status *failed)
{
    bool ready;
    enum status rc = figure_ready(store, figure, &ready);
    if (rc != OK)
        return rc;
    if (ready)
        rc = figure_draw(store, figure->name, a->out ? a->out : default_folder, figure->takes_data ? a->data : NULL);
    if (!ready || rc == ERR_INPUT)
        fprintf(stderr, "not drawn: %s\n", error_message());
    *drawn += ready && rc == OK;
    *failed = *failed == OK && rc == ERR_INPUT ? rc : *failed;
    return rc == ERR_INPUT ? OK : rc;
}

enum status command_figure(const struct arguments *a)
{
    enum status rc = OK, failed = OK;
    struct store *store = NULL;
    const struct figure *figure;
    size_t drawn = 0;
    REQUIRE(a->n_files >= 2, ERR_INPUT, "figure: needs names (or all) and a database (`plateau help figure`)");
    size_t names = a->n_files - 1;
    bool all = names == 1 && !strcmp(a->files[0], "all");
    for (size_t i = 0; i < names && !all; i++)
        TRY(figure_find(a->files[i], &figure));
    TRY(store_open(a->files[names], STORE_READ, NULL, &store));
    pool_catch_signals();
    for (size_t i = 0; i < figure_count() && all; i++)
        TRY(draw_if_ready(store, figure_at(i), a, &drawn, &failed));
    for (size_t i = 0; i < names && !all; i++, drawn++)
        TRY(figure_draw(store, a->files[i], a->out ? a->out : default_folder, a->data));
    if (!a->quiet)
        fprintf(stderr, "%zu figures in %s\n", drawn, a->out ? a->out : default_folder);
    REQUIRE(failed == OK, failed, "not every figure could be drawn, see above");
    REQUIRE(drawn, ERR_INPUT, "%s: it has the runs of no figure; `plateau sweep` makes them", a->files[names]);
done:
    store_close(store);
    return rc;
}
