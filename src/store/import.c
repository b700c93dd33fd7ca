#include "store/import.h"
#include "base/list.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { REFUSALS = 5 }; /* that a dry import shows */

/* One run seen, to find lines with the same keys. */
struct seen {
    char hash[33];
    size_t where;
    bool there; /* in the store already */
};

struct import {
    struct store *store; /* NULL: dry, and there is none */
    const struct import_request *request;
    struct import_report *report;
    struct run_flow *tools; /* owned */
    struct import_outcome outcome;
    char *source; /* owned: path of the file; NULL if it is a pipe */
    struct import_map map;
    struct sheet sheet, curves;
    int from[IMPORT_COLUMNS]; /* column of the file; -1: none */
    bool loss_is_key;         /* the column loss, if there is one; else that is not known yet */
    size_t loss_empty;        /* the first record where it was empty; 0: none */
    struct import_run *runs;  /* owned */
    size_t n_runs, allocated;
    struct seen *seen; /* owned */
    size_t n_seen, seen_allocated;
};

void import_report_free(struct import_report *r)
{
    text_free(&r->by_default);
    text_free(&r->doubts.differs);
    text_free(&r->columns);
    text_free(&r->refusals);
    import_columns_left_free(&r->left);
    import_columns_left_free(&r->left_of_curves);
}

/* A run that would be refused: counted, in a dry import, with its reason; else the error ends the import. */
static enum status refuse(struct import *m, enum status rc)
{
    struct import_report *r = m->report;
    if (rc != ERR_INPUT || !m->request->dry)
        return rc;
    if (r->refused++ < REFUSALS)
        text_addf(&r->refusals, "%s\n", error_message());
    return text_status(&r->refusals);
}

/* ---- header ---- */

static bool has(const struct import *m, int column)
{
    return m->from[column] >= 0;
}

static enum status read_header(struct import *m)
{
    enum status rc = OK;
    const double *defaults = m->request->defaults;
    const char *run = NULL;
    struct import_left *left = &m->report->left;
    /* A name of runs that both files have is the one to match. */
    for (size_t i = 0; m->request->curves && i < m->curves.n && !run; i++)
        run = import_columns_is_run(m->curves.names[i]) ? m->curves.names[i] : NULL;
    if (m->request->curves && !run)
        run = "run";
    TRY(import_columns_runs(&m->map, &m->sheet, defaults, m->request->fallback, run, m->from, left));
    TRY(import_columns_found(&m->map, &m->sheet, false));
    const char *slips = left->slips.length ? left->slips.data : "";
    for (int key = 0; key < KEY_COUNT; key++)
        REQUIRE(m->request->fallback || !has(m, key) || isnan(defaults[key]), ERR_INPUT,
                "%s: the file has this column: leave out %s=.. on the command line, or the column (--map %s=-)",
                keys_name(key), keys_name(key), keys_name(key));
    REQUIRE(
        has(m, IMPORT_PLATEAU) || (has(m, KEY_steps) && has(m, IMPORT_STATUS)) || run, ERR_INPUT,
        "no outcome: add a column plateau, or the columns steps and status, or give the curves%s%s%s",
        *slips ? ". There is " : "", slips,
        m->sheet.n > 1 || m->sheet.json
            ? ""
            : ". The line has one name only: the first one has those of all columns, with , ; or a tab between them");
    REQUIRE(has(m, KEY_model) || !isnan(defaults[KEY_model]), ERR_INPUT,
            "no model: add a column model, or give model=flow, toy or transformer on the command line");
    REQUIRE(!run || has(m, IMPORT_RUN), ERR_INPUT,
            "no column run (or id, name, _runid), which tells whose curve is whose; --map run=COLUMN names another");
done:
    return sheet_blame(&m->sheet, m->sheet.where, rc);
}

/* ---- lines ---- */

static bool is_missing(const char *text)
{
    static const char *const words[] = {"", "NA", "NaN", "nan", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strcmp(words[i], text))
            return true;
    }
    return false;
}

/* Reads the cell of a key. */
static enum status read_key(struct import *m, enum key key, char *cell, double *value)
{
    const bool choice = keys_is_choice(key);
    for (char *s = cell; choice && key != KEY_schedule && *s; s++)
        *s = (char)tolower((unsigned char)*s); /* pandas writes True, R writes TRUE */
    const enum status rc = choice ? OK : sheet_number(&m->sheet, cell);
    return rc == OK ? keys_value(key, cell, value) : error_prefix(rc, "%s", keys_name(key));
}

static enum status read_positive(struct import *m, int column, bool zero, double *value)
{
    enum status rc = OK;
    const char *name = import_columns_name(column);
    *value = NAN;
    if (!has(m, column))
        return OK;
    char *cell = m->sheet.cells[m->from[column]];
    if (is_missing(cell))
        return OK;
    rc = sheet_number(&m->sheet, cell);
    if (rc != OK)
        return error_prefix(rc, "%s", name);
    REQUIRE(text_to_real(cell, value) && (*value > 0 || (zero && *value == 0)), ERR_INPUT, "%s=%.60s: must be a %s",
            name, cell, zero ? "number, 0 or more" : "positive number, or empty");
done:
    return rc;
}

static enum status read_status(const struct import *m, struct import_run *run)
{
    enum status rc = OK;
    const char *cell = has(m, IMPORT_STATUS) ? m->sheet.cells[m->from[IMPORT_STATUS]] : "";
    run->state_given = !is_missing(cell);
    REQUIRE(!run->state_given || (result_state_find(cell, &run->state) && run->state != RUN_INTERRUPTED), ERR_INPUT,
            "status=%.60s: status is one of emerged, censored, diverged", cell);
done:
    return rc;
}

/* A column `loss` of numbers is a loss, and not the key, which takes names. Its first cell that is not empty tells;
 * those before it are refused when it turns out to be the key's. */
static enum status look_at_loss(struct import *m)
{
    enum status rc = OK;
    double value;
    struct text *slips = &m->report->left.slips;
    if (!has(m, KEY_loss) || m->loss_is_key || strcmp(m->sheet.names[m->from[KEY_loss]], "loss") != 0)
        return OK;
    const char *cell = m->sheet.cells[m->from[KEY_loss]];
    if (is_missing(cell)) {
        m->loss_empty = m->loss_empty ? m->loss_empty : m->sheet.where;
    } else if (text_to_real(cell, &value)) {
        text_addf(slips, "%s%s (of numbers: not the key loss)", slips->length ? ", " : "", "loss");
        m->from[KEY_loss] = -1;
    } else {
        m->loss_is_key = true;
        REQUIRE(!m->loss_empty, ERR_INPUT, "loss: the cell of %s %zu is empty: fill it in", sheet_unit(&m->sheet),
                m->loss_empty);
    }
done:
    return rc;
}

/* Refuses an empty cell of a key that makes the run what it is: a default would take its place without a word. Keys
 * that only say how long or how fast a run was may be missing. */
static enum status check_empty(const struct import *m, const double *given, const struct keys *keys)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        const enum key key = (enum key)i;
        if (has(m, i) && isnan(given[key]) && (key != KEY_loss || m->loss_is_key) && keys_applies(key, keys->preset) &&
            (keys_is_hashed(key) || key == KEY_threshold))
            return error_set(ERR_INPUT, "%s: the cell is empty, and this run has such a key: fill it in",
                             keys_name(key));
    }
    return OK;
}

/* Notes which keys that the laws are about neither the file nor the command line gives. */
static void note_kind(const struct import *m, const struct keys *keys)
{
    static const enum key of_laws[] = {KEY_T, KEY_d, KEY_B, KEY_p, KEY_pairs, KEY_vocab};
    struct text *said = &m->report->by_default;
    char buffer[32], word[64];
    for (size_t i = 0; i < sizeof of_laws / sizeof of_laws[0] && !m->report->kinds[keys->preset]; i++) {
        const enum key key = of_laws[i];
        if (has(m, (int)key) || !isnan(m->request->defaults[key]) || !keys_applies(key, keys->preset))
            continue;
        snprintf(word, sizeof word, "%s=%s", keys_name(key), keys_text(key, keys->value[key], buffer));
        if (!said->data || !strstr(said->data, word))
            text_addf(said, "%s%s", said->length ? " " : "", word);
    }
    m->report->kinds[keys->preset] = true;
}

/* What the columns are, with the first values as they are read: for a dry import. */
static enum status describe(struct import *m, bool first)
{
    enum status rc = OK;
    struct text *out = &m->report->columns;
    char meaning[64], buffer[32];
    text_addf(out, "%s:\n", m->request->path);
    for (size_t i = 0; i < m->sheet.n; i++) {
        char *copy = NULL;
        const char *value = "", *what = "left out";
        double number = NAN;
        REQUIRE(copy = strdup(first ? m->sheet.cells[i] : ""), ERR_MEMORY, "out of memory for a cell");
        value = copy;
        for (int k = 0; k < IMPORT_COLUMNS; k++) {
            if (m->from[k] != (int)i)
                continue;
            snprintf(meaning, sizeof meaning, k < KEY_COUNT ? "key %s" : "%s", import_columns_name(k));
            what = meaning;
            if (is_missing(copy))
                value = first ? "not given" : "";
            else if (k < KEY_COUNT && read_key(m, (enum key)k, copy, &number) == OK)
                value = keys_text((enum key)k, number, buffer);
        }
        import_columns_describe(m->sheet.names[i], what, value, out);
        free(copy);
    }
    TRY(text_status(out));
done:
    return rc;
}

static enum status read_run(struct import *m)
{
    enum status rc = OK;
    double given[KEY_COUNT];
    struct import_run run = {.where = m->sheet.where};
    TRY(look_at_loss(m));
    if (m->request->dry && !m->report->columns.length)
        TRY(describe(m, true));
    memcpy(given, m->request->defaults, sizeof given);
    for (int key = 0; key < KEY_COUNT; key++) {
        if (has(m, key) && !is_missing(m->sheet.cells[m->from[key]]))
            TRY(read_key(m, (enum key)key, m->sheet.cells[m->from[key]], &given[key]));
    }
    TRY(read_positive(m, IMPORT_PLATEAU, false, &run.plateau));
    TRY(read_positive(m, IMPORT_WALL, true, &run.wall_s));
    REQUIRE(!isnan(given[KEY_model]), ERR_INPUT,
            "no model: fill the column model, or give model=flow, toy or transformer on the command line");
    TRY(keys_resolve(given, &run.keys));
    TRY(check_empty(m, given, &run.keys));
    note_kind(m, &run.keys);
    TRY(read_status(m, &run));
    run.given_steps = given[KEY_steps];
    run.given_time = given[KEY_time];
    run.every_given = !isnan(given[KEY_eval_every]);
    TRY(list_room(&m->runs, m->n_runs, &m->allocated, sizeof *m->runs, "runs"));
    if (has(m, IMPORT_RUN) && !is_missing(m->sheet.cells[m->from[IMPORT_RUN]])) {
        char *cell = m->sheet.cells[m->from[IMPORT_RUN]];
        import_curves_name(cell);
        REQUIRE(run.name = strdup(cell), ERR_MEMORY, "out of memory for the name of a run");
    }
    m->runs[m->n_runs++] = run;
done:
    return rc;
}

static enum status read_runs(struct import *m)
{
    enum status rc = read_header(m);
    bool more = true;
    while (rc == OK) {
        rc = sheet_next(&m->sheet, &more);
        if (rc != OK || !more)
            break;
        rc = refuse(m, sheet_blame(&m->sheet, m->sheet.where, read_run(m)));
    }
    if (rc == OK && m->loss_empty && !m->loss_is_key && has(m, KEY_loss)) { /* it has neither numbers nor names */
        rc = error_set(ERR_INPUT, "loss: the column is empty: fill it in, or leave it out");
        rc = refuse(m, sheet_blame(&m->sheet, m->loss_empty, rc));
    }
    if (rc == OK && m->request->dry && !m->report->columns.length)
        rc = describe(m, false);
    return rc;
}

/* ---- saving ---- */

/* Is the outcome of two rows the same? */
static bool same_outcome(const struct result *a, const struct result *b)
{
    return a->state == b->state && store_same(a->plateau, b->plateau) && store_same(a->cap, b->cap) &&
           keys_same(&a->keys, &b->keys, KEY_threshold);
}

/* Refuses to overwrite a run that another file has given with another outcome. *there: the run is there. */
static enum status check_other(struct import *m, const char *hash, const struct result *r, bool *there)
{
    enum status rc = OK;
    struct text source = {0};
    struct result old;
    bool has_curve;
    *there = false;
    if (!m->store)
        return OK;
    TRY(store_find(m->store, hash, there, &old, &has_curve));
    if (!*there || same_outcome(&old, r))
        goto done;
    TRY(store_source(m->store, hash, &source));
    REQUIRE(
        !source.length || (m->source && !strcmp(source.data, m->source)), ERR_INPUT,
        "this run is there already with another outcome, from %.200s: if they are two runs, add a column with the "
        "key in which they differ (such as seed); if that one is wrong, correct it there, or remove it with `plateau "
        "forget`",
        source.data);
done:
    text_free(&source);
    return rc;
}

/* Saves the run as "import:HASH", a name that no run made here has. */
static enum status put(struct import *m, const struct import_run *run)
{
    enum status rc = OK;
    struct result r;
    char hash[48];
    TRY(import_outcome_find(&m->outcome, run, &r));
    struct seen *seen = &m->seen[m->n_seen];
    keys_hash(&r.keys, seen->hash);
    seen->where = run->where;
    snprintf(hash, sizeof hash, "import:%s", seen->hash);
    TRY(check_other(m, hash, &r, &seen->there));
    m->n_seen++;
    m->report->replaced += seen->there;
    m->report->curves += run->curve != NULL;
    if (m->request->dry)
        goto done;
    TRY(store_put(m->store, m->request->study, hash, &r, run->curve ? &run->curve->trace : NULL));
    if (m->source)
        TRY(store_own(m->store, hash, m->source));
done:
    return rc;
}

static int compare_seen(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x->where > y->where) - (x->where < y->where);
}

/* Refuses two lines with the same keys, of which one would replace the other without a word. */
static enum status check_repeats(struct import *m)
{
    enum status rc = OK;
    if (m->n_seen)
        qsort(m->seen, m->n_seen, sizeof *m->seen, compare_seen);
    for (size_t i = 1; i < m->n_seen && rc == OK; i++) {
        if (strcmp(m->seen[i].hash, m->seen[i - 1].hash) != 0)
            continue;
        m->report->imported--;
        m->report->replaced -= m->seen[i].there;
        rc = error_set(ERR_INPUT, "the same keys as %s %zu: add a column seed (or the key in which these runs differ)",
                       sheet_unit(&m->sheet), m->seen[i - 1].where);
        rc = refuse(m, sheet_blame(&m->sheet, m->seen[i].where, rc));
    }
    return rc;
}

static enum status put_runs(struct import *m)
{
    enum status rc = OK;
    REQUIRE(m->seen = calloc(m->n_runs + 1, sizeof *m->seen), ERR_MEMORY, "out of memory for %zu runs", m->n_runs);
    for (size_t i = 0; i < m->n_runs; i++)
        TRY(refuse(m, sheet_blame(&m->sheet, m->runs[i].where, put(m, &m->runs[i]))));
    m->report->imported = m->n_seen;
    TRY(check_repeats(m));
done:
    return rc;
}

/* All of them, or none. */
static enum status save(struct import *m)
{
    enum status rc = OK;
    bool begun = false;
    TRY(store_begin(m->store));
    begun = true;
    if (m->source)
        TRY(store_disown(m->store, m->source));
    TRY(put_runs(m));
    if (m->source)
        TRY(store_drop(m->store, &m->report->forgotten));
    TRY(text_status(&m->report->by_default));
    TRY(text_status(&m->report->doubts.differs));
    TRY(store_commit(m->store));
done:
    if (rc != OK && begun)
        store_rollback(m->store);
    return rc;
}

static int compare_hash(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return strcmp(x->hash, y->hash);
}

/* A dry import: would this row go, because the file that it came from no longer has it? */
static enum status count_forgotten(void *context, const struct store_row *row)
{
    struct import *m = context;
    struct text source = {0};
    struct seen key = {0};
    enum status rc = store_source(m->store, row->hash, &source);
    const char *hash = strrchr(row->hash, ':');
    if (rc == OK && hash && source.length && !strcmp(source.data, m->source)) {
        snprintf(key.hash, sizeof key.hash, "%s", hash + 1);
        m->report->forgotten += !bsearch(&key, m->seen, m->n_seen, sizeof key, compare_hash); /* they are sorted */
    }
    text_free(&source);
    return rc;
}

static enum status import(struct import *m)
{
    enum status rc = OK;
    const struct import_request *q = m->request;
    struct stat info;
    TRY(store_check_study(q->study));
    TRY(import_columns_map(q->map, q->curves != NULL, &m->map));
    TRY(run_flow_create(&m->tools));
    TRY(sheet_open(q->path, q->decimal_comma, &m->sheet));
    if (q->curves)
        TRY(sheet_open(q->curves, q->decimal_comma, &m->curves));
    if (stat(q->path, &info) == 0 && S_ISREG(info.st_mode))
        REQUIRE(m->source = realpath(q->path, NULL), ERR_INPUT, "%s: %s", q->path, strerror(errno));
    TRY(read_runs(m));
    m->outcome = (struct import_outcome){.from = m->from,
                                         .unit = sheet_unit(&m->sheet),
                                         .curves = q->curves,
                                         .dry = q->dry,
                                         .tools = m->tools,
                                         .doubts = &m->report->doubts};
    if (q->curves)
        TRY(import_curves_read(&m->curves, &m->map, m->tools, q->null_loss, &m->sheet, m->runs, m->n_runs,
                               &m->report->left_of_curves, q->dry ? &m->report->columns : NULL));
    if (!q->dry) {
        TRY(save(m));
        goto done;
    }
    TRY(put_runs(m));
    if (m->store && m->source)
        TRY(store_each(m->store, &(struct store_filter){.bare = true}, count_forgotten, m));
done:
    return rc;
}

enum status import_runs(struct store *store, const struct import_request *request, struct import_report *report)
{
    struct import m = {.store = store, .request = request, .report = report};
    *report = (struct import_report){0};
    const enum status rc = import(&m);
    if (rc != OK)
        report->imported = 0;
    for (size_t i = 0; i < m.n_runs; i++)
        import_curves_free(&m.runs[i]);
    free(m.runs);
    free(m.seen);
    free(m.source);
    run_flow_free(m.tools);
    import_expect_free(&m.outcome.expected);
    import_columns_free(&m.map);
    sheet_free(&m.sheet);
    sheet_free(&m.curves);
    return rc;
}
