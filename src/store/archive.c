#include "store/archive.h"
#include "base/csv.h"
#include "base/hash.h"
#include "store/agree.h"
#include "store/export.h"
#include "store/store_sql.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t LARGEST_FILE = (size_t)1 << 30;
enum { PATH_ROOM = 4200 };

/* ---- writing ---- */

struct writing {
    struct store *store;
    struct text runs, curves; /* owned */
    struct text names;        /* owned: the columns of the curves' table, with commas */
    size_t n;
};

/* The checksum of a line, which an editor changes without knowing: of its text up to the last comma. */
static void add_sum(struct text *line, size_t from)
{
    const uint64_t sum = hash_bytes(HASH_START, line->data + from, line->length - from);
    text_addf(line, ",%016" PRIx64 "\n", sum);
}

static void add_name(struct text *names, const char *name)
{
    char word[TRACE_NAME + 3];
    snprintf(word, sizeof word, ",%s,", name);
    if (!names->length)
        text_add(names, ",");
    if (!strstr(names->data, word))
        text_add(names, word + 1);
}

static enum status collect_columns(void *context, const struct store_row *row)
{
    struct writing *w = context;
    struct trace t = {0};
    char buffer[TRACE_NAME];
    if (!row->has_curve)
        return OK;
    trace_begin(&t, &row->result.keys);
    for (int i = 0; i < t.columns; i++)
        add_name(&w->names, trace_column(&t, i, buffer));
    return text_status(&w->names);
}

/* The rows of the curve, thinned, as lines of run `id`. */
static enum status add_curve(struct writing *w, const struct store_row *row, size_t id)
{
    enum status rc = OK;
    struct trace t = {0};
    TRY(store_curve(w->store, row->id, &t));
    /* So that what was thinned once stays as it is: there are ARCHIVE_ROWS intervals at most. */
    const size_t every = t.length < 2 ? 1 : (t.length - 2) / ARCHIVE_ROWS + 1;
    for (size_t k = 0; k < t.length; k = k + every < t.length || k == t.length - 1 ? k + every : t.length - 1) {
        text_addf(&w->curves, "%zu", id);
        for (const char *name = w->names.data + 1; *name; name += strcspn(name, ",") + 1) {
            char column[TRACE_NAME];
            snprintf(column, sizeof column, "%.*s", (int)strcspn(name, ","), name);
            const int i = trace_find(&t, column);
            const double value = i < 0 ? NAN : t.rows[k * (size_t)t.columns + (size_t)i];
            if (isnan(value))
                text_add(&w->curves, ",");
            else
                text_addf(&w->curves, i == 0 ? ",%.6g" : ",%.4g", value);
        }
        text_add(&w->curves, "\n");
    }
    rc = text_status(&w->curves);
done:
    trace_free(&t);
    return rc;
}

static enum status add_run(void *context, const struct store_row *row)
{
    struct writing *w = context;
    struct store_row numbered = *row;
    const size_t from = w->runs.length;
    numbered.id = (int64_t)++w->n;
    export_line(&numbered, &w->runs);
    enum status rc = text_status(&w->runs);
    if (rc != OK)
        return rc;
    add_sum(&w->runs, from);
    return row->has_curve ? add_curve(w, row, w->n) : OK;
}

static enum status write_file(const char *folder, const char *study, const struct text *text)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%.4000s/%s.csv", folder, study);
    enum status rc = text_status(text);
    return rc == OK ? text_write_file(path, text->data, text->length) : rc;
}

static enum status write_study(struct store *store, const char *folder, const char *study, size_t *runs)
{
    enum status rc = OK;
    char curves[PATH_ROOM], old[PATH_ROOM];
    struct writing w = {.store = store};
    const struct store_filter filter = {.study = study};
    export_header(&w.runs);
    text_add(&w.runs, ",checksum\n");
    TRY(store_each(store, &filter, collect_columns, &w));
    if (w.names.length)
        text_addf(&w.curves, "run%.*s\n", (int)w.names.length - 1, w.names.data);
    TRY(store_each(store, &filter, add_run, &w));
    TRY(write_file(folder, study, &w.runs));
    snprintf(curves, sizeof curves, "%.4000s/curves", folder);
    if (w.curves.length) {
        TRY(text_make_folder(curves));
        TRY(write_file(curves, study, &w.curves));
    } else { /* those of an earlier export would be taken for curves of these runs */
        snprintf(old, sizeof old, "%.4100s/%.64s.csv", curves, study);
        REQUIRE(unlink(old) == 0 || errno == ENOENT, ERR_IO, "%s: cannot be removed: %s", old, strerror(errno));
    }
    *runs += w.n;
done:
    text_free(&w.runs);
    text_free(&w.curves);
    text_free(&w.names);
    return rc;
}

enum status archive_write(struct store *store, const char *folder, size_t *studies, size_t *runs, size_t *without)
{
    enum status rc = OK;
    sqlite3_stmt *names = NULL;
    struct text count = {0};
    *studies = *runs = 0;
    TRY(text_make_folder(folder));
    TRY(store_ask(store, "SELECT count(*) FROM runs WHERE id NOT IN (SELECT run FROM members)", NULL, &count));
    *without = (size_t)strtoull(count.data, NULL, 10);
    TRY(store_prepare(store, "SELECT DISTINCT study FROM members ORDER BY study", &names));
    while (store_step(store, names, &rc)) {
        const char *study = (const char *)sqlite3_column_text(names, 0);
        TRY(store_check_study(study));
        TRY(write_study(store, folder, study, runs));
        ++*studies;
    }
done:
    sqlite3_finalize(names);
    text_free(&count);
    return rc;
}

/* ---- reading ---- */

/* A table in memory: its text as it is, for checksums, and a copy that is taken apart. */
struct table {
    char path[PATH_ROOM];
    struct text text;
    char *parts; /* owned */
    struct csv csv;
    const char *names[CSV_FIELDS]; /* borrowed of parts */
    size_t n;
};

static void table_free(struct table *t)
{
    text_free(&t->text);
    free(t->parts);
    *t = (struct table){0};
}

static enum status table_open(const char *folder, const char *name, struct table *t)
{
    enum status rc = OK;
    *t = (struct table){0};
    snprintf(t->path, sizeof t->path, "%.3900s/%.250s", folder, name);
    TRY(text_read_file(t->path, LARGEST_FILE, &t->text));
    REQUIRE(t->text.data && strlen(t->text.data) == t->text.length, ERR_INPUT, "%s: not a text file", t->path);
    REQUIRE(t->csv.next = t->parts = strdup(t->text.data), ERR_MEMORY, "out of memory for %s", t->path);
    t->csv.next_line = 1;
    TRY(csv_next(&t->csv));
    for (; t->n < t->csv.n; t->n++)
        t->names[t->n] = t->csv.fields[t->n];
done:
    return rc;
}

/* The next record; *more is false at the end. */
static enum status table_next(struct table *t, bool *more)
{
    enum status rc = OK;
    TRY(csv_next(&t->csv));
    *more = t->csv.n > 0;
    REQUIRE(!*more || t->csv.n == t->n, ERR_INPUT, "%zu fields, but the header names %zu columns", t->csv.n, t->n);
done:
    return rc;
}

static enum status read_number(const char *text, double *value)
{
    *value = NAN;
    return !*text || text_to_real(text, value) ? OK : error_set(ERR_INPUT, "%.60s: not a number", text);
}

/* What a column of numbers that is no key is kept in; NULL if there is no such column. */
static double *number_of(struct result *r, double solver[RESULT_SOLVER], const char *name)
{
    static const char crossing[] = "crossing_", counted[] = "solver_";
    static double ignored;
#define AS_FIELD(field)                                                                                                \
    if (!strcmp(name, #field))                                                                                         \
        return &r->field;
    STORE_REALS(AS_FIELD)
#undef AS_FIELD
#define AS_PREDICTION(field, meaning)                                                                                  \
    if (!strcmp(name, #field))                                                                                         \
        return &r->predicted.field;
    PREDICTIONS(AS_PREDICTION)
#undef AS_PREDICTION
    if (!strcmp(name, "flow"))
        return &r->flow_plateau;
    if (!strcmp(name, "id") || !strcmp(name, "plateau_low") || !strcmp(name, "plateau_high"))
        return &ignored; /* the bracket follows from the keys */
    for (int i = 0; i < RESULT_SOLVER && !strncmp(name, counted, sizeof counted - 1); i++) {
        if (!strcmp(name + sizeof counted - 1, result_solver_name(i)))
            return &solver[i];
    }
    const char *level = name + sizeof crossing - 1;
    for (int i = 0; i < result_levels(&r->keys) && !strncmp(name, crossing, sizeof crossing - 1); i++) {
        if (!strcmp(level, result_level_name(&r->keys, i)))
            return &r->crossings[i];
    }
    for (int i = 0; result_any_level_name(i) && !strncmp(name, crossing, sizeof crossing - 1); i++) {
        if (!strcmp(level, result_any_level_name(i)))
            return &ignored; /* another kind of run has that level */
    }
    return NULL;
}

static const char **text_of(struct store_row *row, const char *name)
{
    return !strcmp(name, "hash")       ? &row->hash
           : !strcmp(name, "version")  ? &row->version
           : !strcmp(name, "host")     ? &row->host
           : !strcmp(name, "started")  ? &row->started
           : !strcmp(name, "finished") ? &row->finished
                                       : NULL;
}

static const char *cell(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!strcmp(t->names[i], name))
            return t->csv.fields[i];
    }
    return NULL;
}

/* Keys that are younger than the file have the value of runs from before them. */
static enum status read_keys(const struct table *t, struct keys *keys)
{
    enum status rc = OK;
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *text = cell(t, keys_name((enum key)key));
        keys->value[key] = NAN;
        if (text && *text)
            TRY(keys_value((enum key)key, text, &keys->value[key]));
    }
    REQUIRE(!isnan(keys->value[KEY_model]), ERR_INPUT, "the cell of model is empty");
    keys->preset = keys_preset(keys->value[KEY_model], keys->value[KEY_task]);
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *absent = keys_absent((enum key)key);
        if (!cell(t, keys_name((enum key)key)) && absent && keys_applies((enum key)key, keys->preset))
            TRY(keys_value((enum key)key, absent, &keys->value[key]));
    }
done:
    return rc;
}

static enum status read_cell(struct store_row *row, double solver[RESULT_SOLVER], const char *name, char *text)
{
    enum status rc = OK;
    struct result *r = &row->result;
    const char **where = text_of(row, name);
    double *number = number_of(r, solver, name);
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!strcmp(name, keys_name((enum key)key)))
            return OK;
    }
    if (where)
        *where = *text ? text : NULL;
    else if (number)
        TRY(read_number(text, number));
    else if (!strcmp(name, "status"))
        REQUIRE(result_state_find(text, &r->state), ERR_INPUT, "status=%.60s: no such status", text);
    else if (!strcmp(name, "library"))
        snprintf(r->library, sizeof r->library, "%s", text);
    else
        REQUIRE(!strcmp(name, "study") || !strcmp(name, "unit") || !strcmp(name, "checksum"), ERR_INPUT,
                "%.60s: no such column; the file is of a later version, or not one that `plateau export --out` wrote",
                name);
done:
    return rc;
}

/* The record that t stands on; texts are borrowed from it. line[n]: its own text. */
static enum status read_run(const struct table *t, const char *line, size_t n, struct store_row *row)
{
    enum status rc = OK;
    struct result *r = &row->result;
    double solver[RESULT_SOLVER] = {0};
    char sum[17];
    const char *given = cell(t, "checksum");
    const size_t summed = given ? n - strlen(given) - 1 : 0;
    REQUIRE(given && n > strlen(given), ERR_INPUT, "no checksum: not a file that `plateau export --out` wrote");
    snprintf(sum, sizeof sum, "%016" PRIx64, hash_bytes(HASH_START, line, summed));
    REQUIRE(!strcmp(sum, given), ERR_INPUT, "the line is not what was written: its checksum is %s", sum);
    *row = (struct store_row){.result = {.predicted = prediction_none}};
    for (int i = 0; i < FLOW_LEVELS; i++)
        r->crossings[i] = NAN;
    for (int i = 0; i < SCHEDULE_SWITCHES; i++)
        r->switched[i] = NAN;
    TRY(read_keys(t, &r->keys));
    for (size_t i = 0; i < t->n; i++)
        TRY(read_cell(row, solver, t->names[i], t->csv.fields[i]));
    for (int i = 0; i < RESULT_SOLVER; i++)
        r->solver[i] = isnan(solver[i]) ? 0 : (long)solver[i];
    REQUIRE(row->hash, ERR_INPUT, "the cell of hash is empty");
done:
    return rc;
}

/* The rows of the curves' table that belong to run `id`, on whose first row t stands, if it has any. */
static enum status read_curve(struct table *t, const char *id, const struct keys *keys, struct trace *trace, bool *more)
{
    enum status rc = OK;
    double *row = NULL;
    int columns[CSV_FIELDS] = {0};
    trace_begin(trace, keys);
    REQUIRE(row = malloc((size_t)trace->columns * sizeof *row), ERR_MEMORY, "out of memory for a row");
    for (size_t k = 1; k < t->n; k++)
        columns[k] = trace_find(trace, t->names[k]);
    while (*more && !strcmp(t->csv.fields[0], id)) {
        for (int k = 0; k < trace->columns; k++)
            row[k] = NAN;
        for (size_t k = 1; k < t->n; k++) {
            double value;
            TRY(read_number(t->csv.fields[k], &value));
            if (columns[k] >= 0)
                row[columns[k]] = value;
        }
        TRY(trace_add(trace, row));
        TRY(table_next(t, more));
    }
done:
    free(row);
    return rc == ERR_INPUT ? error_prefix(rc, "%.3000s:%zu", t->path, t->csv.line) : rc;
}

/* A run that several files have, of which some went on for longer, is what the longest says, whatever the order of the
 * files. Rows of one library have the same bits as far as both go; those of two libraries may differ in rounding. */
static enum status restore(struct store *store, const char *study, const struct store_row *row,
                           const struct trace *trace)
{
    enum status rc = OK;
    struct text why = {0};
    struct result old;
    bool there, has_curve, further = true;
    TRY(store_find(store, row->hash, &there, &old, &has_curve));
    if (there) {
        if (!strcmp(old.library, row->result.library))
            TRY(agree_differences(&old, &row->result, &why));
        REQUIRE(!why.length, ERR_INPUT, "another file of this folder has the same run, and they differ: %.300s",
                why.data);
        further = agree_further(&row->result, &old);
    }
    if (further || (trace->length && !has_curve && !agree_further(&old, &row->result)))
        TRY(store_restore(store, study, row, trace));
    else
        TRY(store_join(store, study, row->hash));
done:
    text_free(&why);
    return rc;
}

static enum status read_study(const char *folder, const char *file, struct store *store)
{
    enum status rc = OK;
    struct table runs = {0}, curves = {0};
    struct trace trace = {0};
    struct store_row row = {0};
    char study[256], directory[PATH_ROOM], path[PATH_ROOM];
    bool more = true, more_curves = false;
    snprintf(study, sizeof study, "%.*s", (int)strlen(file) - 4, file);
    snprintf(directory, sizeof directory, "%.4000s/curves", folder);
    TRY(table_open(folder, file, &runs));
    snprintf(path, sizeof path, "%.3900s/%.250s", directory, file);
    if (access(path, F_OK) == 0) {
        TRY(table_open(directory, file, &curves));
        TRY(table_next(&curves, &more_curves));
    }
    while (true) {
        const size_t from = (size_t)(runs.csv.next - runs.parts);
        TRY(table_next(&runs, &more));
        if (!more)
            break;
        const char *line = runs.text.data + from, *id = cell(&runs, "id");
        TRY(read_run(&runs, line, strcspn(line, "\r\n"), &row));
        trace.length = 0;
        if (more_curves && id)
            TRY(read_curve(&curves, id, &row.result.keys, &trace, &more_curves));
        TRY(restore(store, study, &row, &trace));
    }
    REQUIRE(!more_curves, ERR_INPUT, "%s:%zu: run %.20s is not in the file of runs", curves.path, curves.csv.line,
            curves.csv.fields[0]);
done:
    if (rc == ERR_INPUT && runs.csv.line && strncmp(error_message(), folder, strlen(folder)) != 0)
        error_prefix(rc, "%.3000s:%zu", runs.path, runs.csv.line);
    trace_free(&trace);
    table_free(&runs);
    table_free(&curves);
    return rc;
}

static int is_table(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 4 && n < 256 && *entry->d_name != '.' && !strcmp(entry->d_name + n - 4, ".csv");
}

/* In one transaction. */
static enum status read_folder(const char *folder, struct store *store)
{
    enum status rc = OK;
    struct dirent **files = NULL;
    bool begun = false;
    const int n = scandir(folder, &files, is_table, alphasort);
    REQUIRE(n > 0, ERR_INPUT,
            "%s: a folder without results (STUDY.csv, as `plateau export F.db --out FOLDER` writes them)", folder);
    TRY(store_begin(store));
    begun = true;
    for (int i = 0; i < n; i++)
        TRY(read_study(folder, files[i]->d_name, store));
    TRY(store_commit(store));
done:
    if (rc != OK && begun)
        store_rollback(store);
    for (int i = 0; i < n; i++)
        free(files[i]);
    free(files);
    return rc;
}

enum status archive_open(const char *path, struct store **store)
{
    enum status rc = OK;
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return store_open(path, STORE_READ, NULL, store);
    TRY(store_open_memory(path, store));
    TRY(read_folder(path, *store));
done:
    if (rc != OK) {
        store_close(*store);
        *store = NULL;
    }
    return rc;
}
