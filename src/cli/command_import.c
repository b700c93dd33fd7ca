/* plateau import: your own experiments into a database. */
#include "cli/cli.h"
#include "store/import.h"
#include "study/grid.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say_imported(const char *db, const struct import_report *r)
{
    static const char *const units[] = {
        [PRESET_FLOW] = "time", [PRESET_TOY] = "time = steps x lr", [PRESET_REDUCED] = "steps"};
    const char *separator = "";
    fprintf(stderr, "%zu runs imported into %s; plateau lengths in ", r->imported, db);
    bool steps = false;
    for (int kind = 0; kind < PRESET_COUNT; kind++) {
        if (!r->kinds[kind] || steps)
            continue;
        steps = kind >= PRESET_REDUCED;
        fprintf(stderr, "%s%s", separator, units[steps ? PRESET_REDUCED : kind]);
        separator = " or ";
    }
    if (r->by_default.length)
        fprintf(stderr, "; by default %s", r->by_default.data);
    if (r->forgotten)
        fprintf(stderr, "; %zu runs that the file no longer has are gone", r->forgotten);
    fprintf(stderr, "\n");
}

/* Columns that were not used, one line a file. What may be a slip is said in any case. */
static void say_left(const char *path, const struct import_left *left, bool quiet)
{
    const size_t named = left->names.length ? 1 : 0, more = left->n > IMPORT_NAMED ? left->n - IMPORT_NAMED : 0;
    if (!left->slips.length && (!named || quiet))
        return;
    fprintf(stderr, "plateau: %s: columns left out: %s", path, left->slips.length ? left->slips.data : "");
    if (named && !quiet)
        fprintf(stderr, "%s%s", left->slips.length ? ", " : "", left->names.data);
    if (more && !quiet)
        fprintf(stderr, " and %zu more", more);
    fprintf(stderr, "\n");
}

/* What is doubtful of curves, a line each. */
static void say_doubts(const struct import_doubts *r)
{
    if (r->differing)
        fprintf(stderr,
                "plateau: %zu of the given plateau lengths differ from those of their curves by more than the distance "
                "between evaluations (%s); those given stand\n",
                r->differing, r->differs.data);
    if (r->off)
        fprintf(
            stderr,
            "plateau: on the plateau of %zu curves the loss is not about the null loss: if yours has another unit (a "
            "mean over y's d numbers is 2/d of ours), give --null-loss\n",
            r->off);
    if (r->coarse)
        fprintf(
            stderr,
            "plateau: %zu plateau lengths are known to more than a twentieth only, as far apart are the rows of their "
            "curves\n",
            r->coarse);
}

static void say_done(const struct arguments *a, const struct import_report *r)
{
    say_left(a->files[0], &r->left, a->quiet);
    if (a->curves_from)
        say_left(a->curves_from, &r->left_of_curves, a->quiet);
    if (!a->quiet)
        say_doubts(&r->doubts);
}

/* What a dry import found, on stdout; ERR_INPUT if a run would be refused, as then all are. */
static enum status say_dry(const struct arguments *a, const struct import_report *r)
{
    enum status rc = OK;
    struct text out = {0};
    text_addf(&out, "%s%s%zu runs would be added, %zu replaced, %zu refused", r->columns.length ? r->columns.data : "",
              r->refusals.length ? r->refusals.data : "", r->imported - r->replaced, r->replaced, r->refused);
    if (r->forgotten)
        text_addf(&out, "; %zu that the file no longer has would go", r->forgotten);
    if (a->curves_from)
        text_addf(&out, "; %zu with a curve", r->curves);
    text_add(&out, "\n");
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
    REQUIRE(!r->refused, ERR_INPUT, "%s: %zu runs would be refused, and with them all: correct them first", a->files[0],
            r->refused);
done:
    text_free(&out);
    return rc;
}

/* The request of the command line; grid owns nothing that it borrows. */
static enum status read_request(const struct arguments *a, double defaults[KEY_COUNT], struct import_request *q)
{
    enum status rc = OK;
    struct grid grid = {0};
    const char *decimal = a->decimal ? a->decimal : "point";
    *q = (struct import_request){.path = a->files[0],
                                 .study = a->study ? a->study : "import",
                                 .defaults = defaults,
                                 .map = a->map,
                                 .curves = a->curves_from,
                                 .decimal_comma = !strcmp(decimal, "comma"),
                                 .dry = a->dry_run};
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(&grid, a->assignments[i]));
    for (int key = 0; key < KEY_COUNT; key++) {
        REQUIRE(grid.count[key] <= 1, ERR_INPUT, "%s: import takes one value of a key for all lines",
                keys_name((enum key)key));
        defaults[key] = grid.count[key] ? grid.values[key][0] : NAN;
    }
    REQUIRE(q->decimal_comma || !strcmp(decimal, "point"), ERR_INPUT, "--decimal %s: comma or point", decimal);
    REQUIRE(!a->null_loss || (text_to_real(a->null_loss, &q->null_loss) && q->null_loss > 0), ERR_INPUT,
            "--null-loss %s: must be a number above 0", a->null_loss);
    REQUIRE(!a->null_loss || a->curves_from, ERR_INPUT,
            "--null-loss: is the unit of the losses of curves: give --curves-from, too");
done:
    grid_free(&grid);
    return rc;
}

enum status command_import(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    double defaults[KEY_COUNT];
    struct import_request request;
    struct import_report report = {0};
    bool fresh = false;
    REQUIRE(a->n_files == 1 && (a->db || a->dry_run), ERR_INPUT,
            "import: needs a file of runs and --db FILE (`plateau help import`)");
    TRY(read_request(a, defaults, &request));
    fresh = a->db && access(a->db, F_OK) != 0;
    if (a->db && !(a->dry_run && fresh))
        TRY(store_open(a->db, a->dry_run ? STORE_READ : STORE_WRITE, a->command_line, &store));
    TRY(import_runs(store, &request, &report));
    say_done(a, &report);
    if (a->dry_run)
        TRY(say_dry(a, &report));
    else if (!a->quiet)
        say_imported(a->db, &report);
done:
    import_report_free(&report);
    fresh = fresh && store;
    store_close(store);
    if (rc != OK && fresh)
        unlink(a->db); /* made for this import, and empty */
    return rc;
}
