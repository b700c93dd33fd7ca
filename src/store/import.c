#include "store/import.h"
#include "base/csv.h"
#include "base/list.h"
#include "run/run_flow.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double ROUNDING = 1e-5; /* of numbers that were written with six digits */
static const size_t LARGEST_FILE = (size_t)1 << 30;

/* Columns that are not keys have these numbers. */
enum column { COLUMN_PLATEAU = KEY_COUNT, COLUMN_STATUS, COLUMN_WALL, COLUMN_COUNT };
static const char *const extra_names[] = {"plateau", "status", "wall_s"};

/* One line seen, to find lines with the same keys. */
struct seen {
    char hash[33];
    size_t line;
};

struct import {
    struct store *store;
    struct run_flow *tools; /* owned */
    const char *study;
    const char *source; /* path of the file; NULL if it is a pipe */
    const double *defaults;
    bool fallback; /* the defaults stand for empty cells, too */
    struct import_report *report;
    struct csv csv;
    int columns[CSV_FIELDS]; /* column of the file -> key or enum column */
    size_t n_columns;
    bool has[COLUMN_COUNT]; /* which columns the file has */
    struct seen *seen;      /* owned */
    size_t n_seen, allocated;
};

/* ---- header ---- */

static enum status column_find(const char *name, int *column)
{
    const char *names[COLUMN_COUNT];
    for (int i = 0; i < COLUMN_COUNT; i++) {
        names[i] = i < KEY_COUNT ? keys_name((enum key)i) : extra_names[i - KEY_COUNT];
        if (!strcmp(names[i], name)) {
            *column = i;
            return OK;
        }
    }
    if (!*name)
        return error_set(ERR_INPUT,
                         "a column without a name: leave it out (pandas: to_csv(.., index=False); R: row.names=FALSE)");
    if (strchr(name, ';') || strchr(name, '\t'))
        return error_set(ERR_INPUT, "%.60s: separate the columns with commas", name);
    const char *nearest = text_nearest(name, names, COLUMN_COUNT);
    return error_set(ERR_INPUT,
                     "%.60s: no such column%s%s%s; columns are the keys of `plateau keys`, and plateau, status, wall_s",
                     name, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static enum status read_header(struct import *m)
{
    enum status rc = OK;
    TRY(csv_next(&m->csv));
    REQUIRE(m->csv.n, ERR_INPUT, "the file is empty; it needs a header line with the names of the columns");
    m->n_columns = m->csv.n;
    for (size_t i = 0; i < m->n_columns; i++) {
        TRY(column_find(m->csv.fields[i], &m->columns[i]));
        REQUIRE(!m->has[m->columns[i]], ERR_INPUT, "two columns are named %s; leave one out", m->csv.fields[i]);
        m->has[m->columns[i]] = true;
        REQUIRE(m->fallback || m->columns[i] >= KEY_COUNT || isnan(m->defaults[m->columns[i]]), ERR_INPUT,
                "%s: the file has this column: leave out %s=.. on the command line, or the column", m->csv.fields[i],
                m->csv.fields[i]);
    }
    REQUIRE(m->has[COLUMN_PLATEAU] || (m->has[KEY_steps] && m->has[COLUMN_STATUS]), ERR_INPUT,
            "no outcome: add a column plateau, or the columns steps and status");
    REQUIRE(m->has[KEY_model] || !isnan(m->defaults[KEY_model]), ERR_INPUT,
            "no model: add a column model, or give model=flow, toy or transformer on the command line");
done:
    return rc;
}

/* ---- rows ---- */

static bool is_missing(const char *text)
{
    static const char *const words[] = {"", "NA", "NaN", "nan", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strcmp(words[i], text))
            return true;
    }
    return false;
}

/* What one line says. */
struct line {
    double given[KEY_COUNT];
    double plateau, wall_s;
    const char *status; /* NULL: not given */
};

static enum status read_fields(const struct import *m, struct line *l)
{
    enum status rc = OK;
    memcpy(l->given, m->defaults, sizeof l->given);
    l->plateau = l->wall_s = NAN;
    l->status = NULL;
    REQUIRE(m->csv.n == m->n_columns, ERR_INPUT, "%zu field%s, but the header names %zu columns", m->csv.n,
            m->csv.n == 1 ? "" : "s", m->n_columns);
    for (size_t i = 0; i < m->n_columns; i++) {
        char *text = m->csv.fields[i];
        int column = m->columns[i];
        if (is_missing(text))
            continue;
        if (column < KEY_COUNT) {
            for (char *s = text; keys_is_choice((enum key)column) && column != KEY_schedule && *s; s++)
                *s = (char)tolower((unsigned char)*s); /* pandas writes True, R writes TRUE */
            TRY(keys_value((enum key)column, text, &l->given[column]));
        } else if (column == COLUMN_STATUS) {
            l->status = text;
        } else if (column == COLUMN_PLATEAU) {
            REQUIRE(text_to_real(text, &l->plateau) && l->plateau > 0, ERR_INPUT,
                    "plateau=%.60s: must be a positive number, or empty", text);
        } else {
            REQUIRE(text_to_real(text, &l->wall_s) && l->wall_s >= 0, ERR_INPUT,
                    "wall_s=%.60s: must be a number, 0 or more", text);
        }
    }
    REQUIRE(!isnan(l->given[KEY_model]), ERR_INPUT,
            "no model: fill the column model, or give model=flow, toy or transformer on the command line");
done:
    return rc;
}

/* Refuses an empty cell of a key that makes the run what it is: a default would take its place without a word. Keys
 * that only say how long or how fast a run was may be missing. */
static enum status check_empty(const struct import *m, const struct line *l, const struct keys *keys)
{
    for (size_t i = 0; i < m->n_columns; i++) {
        const int column = m->columns[i];
        const enum key key = (enum key)column;
        if (column < KEY_COUNT && isnan(l->given[key]) && keys_applies(key, keys->preset) &&
            (keys_is_hashed(key) || key == KEY_threshold))
            return error_set(ERR_INPUT, "%s: the cell is empty, and this run has such a key: fill it in",
                             keys_name(key));
    }
    return OK;
}

/* Finds status, plateau and cap from what the line says; r->keys is set. The unit is that of the runs made here: for
 * the toy steps x lr, for the flow time. */
static enum status read_outcome(const struct import *m, const struct line *l, struct result *r)
{
    enum status rc = OK;
    double steps = l->given[KEY_steps], unit = r->keys.preset == PRESET_TOY ? r->keys.value[KEY_lr] : 1;
    double end = r->keys.preset == PRESET_FLOW ? l->given[KEY_time] : steps * unit;
    const char *end_key = r->keys.preset == PRESET_FLOW ? "time" : "steps";
    bool by_steps = !m->has[COLUMN_PLATEAU];
    if (r->keys.preset == PRESET_FLOW && end == 0) /* the key's way to say: no limit */
        end = NAN;
    REQUIRE(l->status || !by_steps, ERR_INPUT, "no status: fill it with emerged, censored or diverged");
    r->state = isnan(l->plateau) ? RUN_CENSORED : RUN_EMERGED;
    REQUIRE(!l->status || (result_state_find(l->status, &r->state) && r->state != RUN_INTERRUPTED), ERR_INPUT,
            "status=%.60s: status is one of emerged, censored, diverged", l->status);
    REQUIRE(!(end <= 0 && r->state != RUN_DIVERGED), ERR_INPUT,
            "%s=0: must be positive here, it says how far the run went", end_key);
    r->plateau = by_steps && r->state == RUN_EMERGED ? end : l->plateau;
    REQUIRE(isnan(end) || isnan(r->plateau) || r->plateau <= end * (1 + ROUNDING), ERR_INPUT,
            "plateau=%.6g: is beyond the end of the run, %.6g in the same unit (%s): check %s%s", r->plateau, end,
            r->keys.preset == PRESET_TOY ? "time = steps x lr" : store_unit(r), end_key,
            r->keys.preset == PRESET_TOY ? ", lr, and that the plateau is in time" : "");
    r->cap = isnan(end) || r->plateau > end ? r->plateau : end;
    REQUIRE(r->state != RUN_EMERGED || !isnan(r->plateau), ERR_INPUT,
            "status=emerged: needs %s, the length of the plateau", by_steps ? end_key : "plateau");
    REQUIRE(r->state == RUN_EMERGED || isnan(r->plateau), ERR_INPUT,
            "status=%s: a run that did not emerge has no plateau; leave plateau empty and give %s, how far it went",
            result_state_name(r->state), end_key);
    REQUIRE(r->state != RUN_CENSORED || !isnan(r->cap), ERR_INPUT,
            "censored: needs %s, how far the run went without emerging; add a column %s", end_key, end_key);
done:
    return rc;
}

/* What theory expects of a flow or toy model with these keys, as for a run made here. */
static enum status expect(struct import *m, struct result *r)
{
    struct flow_solution flow;
    struct prediction predicted;
    bool toy = r->keys.preset == PRESET_TOY;
    if (r->keys.preset > PRESET_TOY)
        return OK;
    enum metric metric = toy ? METRIC_FULL : (enum metric)keys_integer(&r->keys, KEY_metric);
    enum status rc = run_flow_expect(m->tools, &r->keys, metric, &flow, &predicted);
    if (rc == OK) {
        r->predicted = predicted;
        r->flow_plateau = toy ? flow.plateau : NAN;
    }
    return rc;
}

/* Is the outcome of two rows the same? */
static bool same_outcome(const struct result *a, const struct result *b)
{
    return a->state == b->state && store_same(a->plateau, b->plateau) && store_same(a->cap, b->cap) &&
           keys_same(&a->keys, &b->keys, KEY_threshold);
}

/* Refuses to overwrite a run that another file has given with another outcome. */
static enum status check_other(struct import *m, const char *hash, const struct result *r)
{
    enum status rc = OK;
    struct text source = {0};
    struct result old;
    bool there, has_curve;
    TRY(store_find(m->store, hash, &there, &old, &has_curve));
    if (!there || same_outcome(&old, r))
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
static enum status put(struct import *m, const struct result *r)
{
    enum status rc = OK;
    char hash[48];
    TRY(list_room(&m->seen, m->n_seen, &m->allocated, sizeof *m->seen, "lines"));
    struct seen *seen = &m->seen[m->n_seen++];
    keys_hash(&r->keys, seen->hash);
    seen->line = m->csv.line;
    snprintf(hash, sizeof hash, "import:%s", seen->hash);
    TRY(check_other(m, hash, r));
    TRY(store_put(m->store, m->study, hash, r, NULL));
    if (m->source)
        TRY(store_own(m->store, hash, m->source));
done:
    return rc;
}

/* Notes which keys that the laws are about neither the file nor the command line gives. */
static void note_kind(struct import *m, const struct keys *keys)
{
    static const enum key of_laws[] = {KEY_T, KEY_d, KEY_B, KEY_p, KEY_pairs, KEY_vocab};
    struct text *said = &m->report->by_default;
    char buffer[32], word[64];
    for (size_t i = 0; i < sizeof of_laws / sizeof of_laws[0] && !m->report->kinds[keys->preset]; i++) {
        const enum key key = of_laws[i];
        if (m->has[key] || !isnan(m->defaults[key]) || !keys_applies(key, keys->preset))
            continue;
        snprintf(word, sizeof word, "%s=%s", keys_name(key), keys_text(key, keys->value[key], buffer));
        if (!said->data || !strstr(said->data, word))
            text_addf(said, "%s%s", said->length ? " " : "", word);
    }
    m->report->kinds[keys->preset] = true;
}

static enum status import_line(struct import *m)
{
    enum status rc = OK;
    struct line l;
    struct result r = {.initial_loss = NAN,
                       .null_loss = NAN,
                       .final_loss = NAN,
                       .flow_plateau = NAN,
                       .steps_done = NAN,
                       .tokens_per_s = NAN,
                       .predicted = prediction_none};
    for (int i = 0; i < FLOW_LEVELS; i++)
        r.crossings[i] = NAN;
    TRY(read_fields(m, &l));
    TRY(keys_resolve(l.given, &r.keys));
    TRY(check_empty(m, &l, &r.keys));
    note_kind(m, &r.keys);
    TRY(read_outcome(m, &l, &r));
    TRY(expect(m, &r));
    r.wall_s = l.wall_s;
    TRY(put(m, &r));
done:
    return rc;
}

static int compare_seen(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Refuses two lines with the same keys, of which one would replace the other without a word. */
static enum status check_repeats(struct import *m, const char *path)
{
    if (m->n_seen)
        qsort(m->seen, m->n_seen, sizeof *m->seen, compare_seen);
    for (size_t i = 1; i < m->n_seen; i++) {
        if (!strcmp(m->seen[i].hash, m->seen[i - 1].hash))
            return error_set(
                ERR_INPUT,
                "%s:%zu: the same keys as line %zu: add a column seed (or the key in which these runs differ)", path,
                m->seen[i].line, m->seen[i - 1].line);
    }
    return OK;
}

static enum status import_lines(struct import *m, const char *path)
{
    enum status rc = read_header(m);
    while (rc == OK) {
        rc = csv_next(&m->csv);
        if (rc != OK || !m->csv.n)
            break;
        rc = import_line(m);
    }
    if (rc == ERR_INPUT)
        error_prefix(rc, "%.200s:%zu", path, m->csv.line);
    return rc == OK ? check_repeats(m, path) : rc;
}

enum status import_csv(struct store *store, const char *path, const char *study, const double *defaults, bool fallback,
                       struct import_report *report)
{
    enum status rc = OK;
    struct text file = {0};
    struct import m = {.store = store, .study = study, .defaults = defaults, .fallback = fallback, .report = report};
    struct stat info;
    char *source = NULL;
    bool begun = false;
    *report = (struct import_report){0};
    TRY(store_check_study(study));
    TRY(run_flow_create(&m.tools));
    TRY(text_read_file(path, LARGEST_FILE, &file));
    REQUIRE(strlen(file.data) == file.length, ERR_INPUT, "%s: not a text file; save it as CSV in UTF-8", path);
    m.csv.next =
        file.data + (strncmp(file.data, "\xef\xbb\xbf", 3) ? 0 : 3); /* a byte-order mark, as Excel writes it */
    m.csv.next_line = 1;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode))
        REQUIRE(m.source = source = realpath(path, NULL), ERR_INPUT, "%s: %s", path, strerror(errno));
    TRY(store_begin(store));
    begun = true;
    if (source)
        TRY(store_disown(store, source));
    TRY(import_lines(&m, path));
    if (source)
        TRY(store_drop(store, &report->forgotten));
    TRY(text_status(&report->by_default));
    TRY(store_commit(store));
    report->imported = m.n_seen;
done:
    free(source);
    if (rc != OK && begun)
        store_rollback(store);
    run_flow_free(m.tools);
    free(m.seen);
    text_free(&file);
    return rc;
}
