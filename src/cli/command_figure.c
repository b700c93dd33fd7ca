/* plateau figure: the paper's figures, and ours, from the runs of a database; the map of the flow from nothing. */
#include "cli/cli.h"
#include "store/archive.h"
#include "plots/figures/figure.h"
#include "study/grid.h"
#include "parallel/stop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_folder[] = "figures";

/* What `all` does with one: draws it if its runs are there and says so if not; *failed keeps the first error that is
 * not the end. */
static enum status draw_if_ready(struct store *store, const struct figure *figure, const struct figure_request *request,
                                 size_t *drawn, enum status *failed)
{
    bool ready;
    struct figure_request one = *request;
    enum status rc = figure_ready(store, figure, &ready);
    if (rc != OK)
        return rc;
    one.name = figure->name;
    one.data = figure->takes_data ? request->data : NULL;
    if (ready)
        rc = figure_draw(store, &one);
    else
        error_prefix(ERR_INPUT, "figure %s", figure->name);
    if (!ready || rc == ERR_INPUT)
        fprintf(stderr, "not drawn: %s\n", error_message());
    *drawn += ready && rc == OK;
    *failed = *failed == OK && rc == ERR_INPUT ? rc : *failed;
    return rc == ERR_INPUT ? OK : rc;
}

/* x=.., y=.. into *request; the other key=value words, in `keys`, are those of runs. */
static void take_settings(const struct arguments *a, struct figure_request *request, struct arguments *keys)
{
    keys->n_assignments = 0;
    for (size_t i = 0; i < a->n_assignments; i++) {
        const char *word = a->assignments[i];
        bool taken = false;
#define AS_TAKEN(name, argument, meaning)                                                                              \
    if (!strncmp(word, #name "=", sizeof #name)) {                                                                     \
        request->name = word + sizeof #name;                                                                           \
        taken = true;                                                                                                  \
    }
        FIGURE_SETTINGS(AS_TAKEN)
#undef AS_TAKEN
        if (!taken)
            keys->assignments[keys->n_assignments++] = word;
    }
}

/* How many of the words are names of figures: all but the database, unless that is given by --db or is not needed. */
static enum status count_names(const struct arguments *a, size_t *names)
{
    const struct figure *figure = NULL;
    *names = a->n_files;
    if (a->n_files == 1 && !a->db && figure_find(a->files[0], &figure) == OK && figure->stands_alone)
        return OK;
    *names -= !a->db && a->n_files;
    return *names ? OK : error_set(ERR_INPUT, "figure: needs names (or all) and a database (`plateau help figure`)");
}

static enum status draw_all(struct store *store, const char *const *files, size_t names, struct figure_request *request,
                            size_t *drawn, enum status *failed)
{
    enum status rc = OK;
    const struct figure *figure;
    bool all = names == 1 && !strcmp(files[0], "all");
    for (size_t i = 0; i < names && !all; i++)
        TRY(figure_find(files[i], &figure));
    stop_on_signals();
    for (size_t i = 0; i < figure_count() && all; i++)
        TRY(draw_if_ready(store, figure_at(i), request, drawn, failed));
    for (size_t i = 0; i < names && !all; i++, ++*drawn) {
        request->name = files[i];
        TRY(figure_draw(store, request));
    }
done:
    return rc;
}

enum status command_figure(const struct arguments *a)
{
    enum status rc = OK, failed = OK;
    struct store *store = NULL;
    struct arguments keys = *a;
    struct grid grid = {0};
    struct store_filter filter;
    struct text notes = {0};
    struct figure_request request = {
        .folder = a->out ? a->out : default_folder, .data = a->data, .filter = &filter, .notes = &notes};
    size_t drawn = 0, names;
    keys.assignments = NULL; /* its own, below */
    TRY(count_names(a, &names));
    const char *database = a->db ? a->db : names < a->n_files ? a->files[names] : NULL;
    keys.assignments = calloc(a->n_assignments + 1, sizeof *keys.assignments);
    REQUIRE(keys.assignments, ERR_MEMORY, "out of memory for the command line");
    take_settings(a, &request, &keys);
    TRY(cli_filter(&keys, &grid, &filter));
    if (database)
        TRY(archive_open(database, &store));
    TRY(draw_all(store, a->files, names, &request, &drawn, &failed));
    if (notes.length && (request.check || !a->quiet))
        TRY(cli_print(notes.data, notes.length));
    if (!a->quiet)
        fprintf(stderr, "%zu figures in %s\n", drawn, request.folder);
    REQUIRE(failed == OK, failed, "not every figure could be drawn, see above");
    REQUIRE(drawn, ERR_INPUT, "%s: it has the runs of no figure; `plateau sweep` makes them", database);
done:
    free(keys.assignments);
    text_free(&notes);
    grid_free(&grid);
    store_close(store);
    return rc;
}
