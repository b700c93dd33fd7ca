#include "store/import_curves.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The reading of one file. */
struct reader {
    struct sheet *s;
    struct run_flow *tools; /* borrowed */
    double null_loss;
    const struct sheet *of_runs; /* borrowed: their file */
    struct import_run **by_name; /* owned: [n_runs] */
    size_t n_runs;
    const char **names; /* owned: [n] */
    int *from, step, run;
    size_t n;
    double *row; /* owned: [room] */
    bool *told;  /* owned: [room] */
    size_t room;
};

void import_curves_free(struct import_run *run)
{
    if (run->curve)
        recording_free(run->curve);
    free(run->curve);
    free(run->columns);
    free(run->name);
    run->curve = NULL;
    run->columns = NULL;
    run->name = NULL;
}

bool import_curves_tells(const struct import_run *run)
{
    return run->curve && (run->curve->result.state == RUN_DIVERGED || !isnan(run->curve->result.initial_loss));
}

/* ---- names of runs ---- */

static int compare_names(const void *a, const void *b)
{
    const struct import_run *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The runs by their names, which must tell them apart. */
static enum status sort_runs(struct reader *r, struct import_run *runs, size_t n)
{
    enum status rc = OK;
    REQUIRE(r->by_name = calloc(n + 1, sizeof(struct import_run *)), ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t i = 0; i < n; i++) {
        if (runs[i].name)
            r->by_name[r->n_runs++] = &runs[i];
    }
    qsort(r->by_name, r->n_runs, sizeof(struct import_run *), compare_names);
    for (size_t i = 1; i < r->n_runs; i++)
        REQUIRE(
            compare_names(&r->by_name[i - 1], &r->by_name[i]) != 0, ERR_INPUT,
            "%.200s: %ss %zu and %zu are both named %.60s, so it cannot be told whose the curve is: name the column "
            "that tells runs apart, with --map run=COLUMN",
            r->of_runs->path, sheet_unit(r->of_runs), r->by_name[i - 1]->where, r->by_name[i]->where,
            r->by_name[i]->name);
done:
    return rc;
}

void import_curves_name(char *cell)
{
    const size_t digits = strspn(cell, "0123456789");
    if (digits && !strcmp(cell + digits, ".0"))
        cell[digits] = '\0';
}

/* The run that the row is of; NULL with ERR_INPUT set. */
static struct import_run *find_run(const struct reader *r)
{
    enum status rc = OK;
    struct import_run key = {.name = r->s->cells[r->run]}, *pointer = &key, **found = NULL;
    import_curves_name(key.name);
    REQUIRE(*key.name, ERR_INPUT, "%s: the cell is empty: it names the run", r->s->names[r->run]);
    found = bsearch(&pointer, r->by_name, r->n_runs, sizeof(struct import_run *), compare_names);
    REQUIRE(found, ERR_INPUT,
            "%s=%.60s: %.200s has no such run%s%.60s. If another column has the names: --map run=COLUMN",
            r->s->names[r->run], key.name, r->of_runs->path, r->n_runs ? "; its first is " : "",
            r->n_runs ? r->by_name[0]->name : "");
done:
    return rc == OK && found ? *found : NULL;
}

/* ---- rows ---- */

/* The run's first row: what each column of the file is in its curve. */
static enum status begin_curve(struct reader *r, struct import_run *run)
{
    enum status rc = OK;
    REQUIRE(run->curve = calloc(1, sizeof *run->curve), ERR_MEMORY, "out of memory for a curve");
    TRY(recording_begin(run->curve, r->tools, &run->keys, r->null_loss > 0 ? r->null_loss : NAN, run->every_given));
    REQUIRE(run->columns = calloc(r->n + 1, sizeof *run->columns), ERR_MEMORY, "out of memory for a curve");
    for (size_t i = 0; i < r->n; i++) {
        if (recording_column(run->curve, r->names[i], &run->columns[i]) != OK)
            run->columns[i] = -1;
        for (size_t k = 0; k < i && run->columns[i] >= 0; k++)
            REQUIRE(run->columns[k] != run->columns[i], ERR_INPUT, "%.60s and %.60s are one column: leave one out",
                    r->names[k], r->names[i]);
    }
    const size_t wide = (size_t)run->curve->trace.columns;
    if (wide > r->room) {
        double *row = realloc(r->row, wide * sizeof *row);
        r->row = row ? row : r->row;
        bool *told = realloc(r->told, wide * sizeof *told);
        r->told = told ? told : r->told;
        REQUIRE(row && told, ERR_MEMORY, "out of memory for a row");
        r->room = wide;
    }
done:
    return rc;
}

/* Words for what was not measured; nan is a measurement that failed (recording.h). */
static bool is_missing(const char *text)
{
    return !strcmp(text, "NA") || !strcmp(text, "null");
}

static enum status read_cell(const struct reader *r, int from, const char *name, double *value, bool *told)
{
    enum status rc = OK;
    char *cell = r->s->cells[from];
    *value = NAN;
    *told = false;
    if (is_missing(cell))
        return OK;
    TRY(sheet_number(r->s, cell));
    TRY(recording_cell(cell, value, told));
done:
    return rc == ERR_INPUT ? error_prefix(rc, "%.60s", name) : rc;
}

/* A run that diverged does not come back: cells that say nan where nothing was measured would end it without a word. */
static enum status check_nan(const struct reader *r, struct import_run *run)
{
    const int loss = run->curve->loss;
    if (!r->told[loss])
        return OK;
    if (!isfinite(r->row[loss]) && !run->nan_at)
        run->nan_at = r->s->where;
    else if (isfinite(r->row[loss]) && run->nan_at)
        return error_set(
            ERR_INPUT,
            "the loss is a number again after it was nan in %s %zu, which means that the run diverged: leave "
            "cells empty where nothing was measured",
            sheet_unit(r->s), run->nan_at);
    return OK;
}

static enum status read_row(struct reader *r)
{
    enum status rc = OK;
    struct import_run *run = find_run(r);
    bool step_told;
    if (!run)
        return ERR_INPUT;
    if (!run->curve)
        TRY(begin_curve(r, run));
    for (int i = 0; i < run->curve->trace.columns; i++) {
        r->row[i] = NAN;
        r->told[i] = false;
    }
    TRY(read_cell(r, r->step, "step", &r->row[0], &step_told));
    REQUIRE(step_told && !isnan(r->row[0]), ERR_INPUT, "step: the cell has no number");
    for (size_t i = 0; i < r->n; i++) {
        int column = run->columns[i];
        if (column < 0 && r->s->cells[r->from[i]][0] && !is_missing(r->s->cells[r->from[i]]))
            TRY(recording_column(run->curve, r->names[i], &column)); /* says why not */
        if (column >= 0)
            TRY(read_cell(r, r->from[i], r->names[i], &r->row[column], &r->told[column]));
    }
    TRY(check_nan(r, run));
    TRY(recording_row(run->curve, r->row, r->told));
done:
    return rc;
}

static enum status read_header(struct reader *r, struct import_map *map, struct import_left *left)
{
    enum status rc = OK;
    TRY(import_columns_curves(map, r->s, r->names, r->from, &r->n, &r->step, &r->run, left));
    TRY(import_columns_found(map, r->s, true));
    const char *slips = left->slips.length ? left->slips.data : "";
    REQUIRE(r->run >= 0, ERR_INPUT,
            "no column run (or id, name, _runid): which run a row is of; --map run=COLUMN names another%s%s",
            *slips ? ". There is " : "", slips);
    REQUIRE(r->step >= 0, ERR_INPUT,
            "no column step: after how many steps a row was taken; --map step=COLUMN names another%s%s",
            *slips ? ". There is " : "", slips);
    REQUIRE(r->n, ERR_INPUT,
            "no column of a curve: loss, accuracy, attention, or those of a trace (doc/formats.md); --map "
            "loss_test=COLUMN names another%s%s",
            *slips ? ". There is " : "", slips);
done:
    return rc;
}

static void describe(const struct reader *r, bool first, struct text *out)
{
    text_addf(out, "%s:\n", r->s->path);
    for (size_t i = 0; i < r->s->n; i++) {
        const char *what = (int)i == r->run ? "run" : (int)i == r->step ? "step" : "left out";
        for (size_t k = 0; k < r->n; k++)
            what = r->from[k] == (int)i ? r->names[k] : what;
        import_columns_describe(r->s->names[i], what, first ? r->s->cells[i] : "", out);
    }
}

enum status import_curves_read(struct sheet *s, struct import_map *map, struct run_flow *tools, double null_loss,
                               const struct sheet *of_runs, struct import_run *runs, size_t n, struct import_left *left,
                               struct text *columns)
{
    enum status rc = OK;
    struct reader r = {.s = s, .tools = tools, .null_loss = null_loss, .of_runs = of_runs};
    bool more = true;
    r.names = calloc(s->n + map->n + 1, sizeof *r.names);
    r.from = calloc(s->n + map->n + 1, sizeof *r.from);
    REQUIRE(r.names && r.from, ERR_MEMORY, "out of memory for %zu columns", s->n);
    TRY(sort_runs(&r, runs, n));
    rc = read_header(&r, map, left);
    while (rc == OK) {
        rc = sheet_next(s, &more);
        if (rc != OK)
            goto done;
        if (columns)
            describe(&r, more, columns);
        columns = NULL;
        if (!more)
            break;
        rc = read_row(&r);
    }
    sheet_blame(s, s->where, rc);
done:
    free(r.names);
    free(r.from);
    free(r.by_name);
    free(r.row);
    free(r.told);
    return rc;
}
