/* Reading the store: rows, curves, and which of them a filter lets through. */
#include "base/list.h"
#include "base/sort.h"
#include "store/store_sql.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* A number of a JSON column, and where it goes. */
struct member {
    const char *name;
    double *value;
};

static const char *past_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* Reads `"name": number` or `"name": null` at *at, which moves behind it; false if there is none. The names of a column
 * come in one order, so the search begins behind the last one found. */
static bool next_member(const char **at, const struct member *members, size_t n, size_t *last)
{
    const char *name = *at + 1, *quote = **at == '"' ? strchr(name, '"') : NULL,
               *p = quote ? past_blanks(quote + 1) : NULL;
    char *end;
    if (!p || *p != ':')
        return false;
    p = past_blanks(p + 1);
    const bool null = !strncmp(p, "null", 4);
    const double value = null ? NAN : strtod(p, &end);
    if (!null && (end == p || end != p + strspn(p, "+-.0123456789eE")))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[(*last + i) % n];
        if (strncmp(m->name, name, (size_t)(quote - name)) || m->name[quote - name])
            continue;
        *m->value = value;
        *last = (*last + i + 1) % n;
        break;
    }
    *at = past_blanks(null ? p + 4 : end);
    return true;
}

/* Reads the numbers of a JSON column, an object of numbers that the store wrote. They are NaN where it has none, or
 * where nothing was stored. */
static enum status read_members(sqlite3_stmt *statement, enum column column, const struct member *members, size_t n)
{
    const char *text = (const char *)sqlite3_column_text(statement, SELECT_COLUMNS + (int)column),
               *p = text ? past_blanks(text) : NULL;
    size_t last = 0;
    for (size_t i = 0; i < n; i++)
        *members[i].value = NAN;
    if (!text)
        return OK;
    bool good = *p == '{';
    p = past_blanks(p + good);
    for (bool more = good && *p != '}'; more; p = more ? past_blanks(p + 1) : p) {
        good = next_member(&p, members, n, &last);
        more = good && *p == ',';
    }
    if (good && *p == '}' && !*past_blanks(p + 1))
        return OK;
    return error_set(ERR_DATABASE, "%s=%.40s: not an object of numbers", store_column((int)column), text);
}

static enum status read_json(sqlite3_stmt *statement, struct result *r)
{
    enum status rc = OK;
    struct member levels[FLOW_LEVELS], counts[RESULT_SOLVER];
    double solver[RESULT_SOLVER];
    const int n_levels = result_levels(&r->keys);
    for (int i = 0; i < FLOW_LEVELS; i++) {
        r->crossings[i] = NAN;
        levels[i] = (struct member){i < n_levels ? result_level_name(&r->keys, i) : "", &r->crossings[i]};
    }
    for (int i = 0; i < RESULT_SOLVER; i++)
        counts[i] = (struct member){result_solver_name(i), &solver[i]};
    r->predicted = (struct prediction){.lambda0 = NAN,
                                       .delta = NAN,
                                       .jump = NAN,
                                       .w_jump = NAN,
                                       .om = NAN,
                                       .q = NAN,
                                       .w_q = NAN,
                                       .integral = NAN,
                                       .start = NAN};
#define AS_MEMBER(name, meaning) {#name, &r->predicted.name},
    const struct member predicted[] = {PREDICTIONS(AS_MEMBER){"flow", &r->flow_plateau}};
#undef AS_MEMBER
    TRY(read_members(statement, COLUMN_CROSSINGS, levels, (size_t)n_levels));
    TRY(read_members(statement, COLUMN_PREDICTED, predicted, COUNT(predicted)));
    TRY(read_members(statement, COLUMN_SOLVER, counts, RESULT_SOLVER));
    for (int i = 0; i < RESULT_SOLVER; i++)
        r->solver[i] = isnan(solver[i]) ? 0 : (long)solver[i];
done:
    return rc;
}

static enum status choice(sqlite3_stmt *statement, int column, enum key key, double *value)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return keys_value(key, text ? text : "", value);
}

enum status store_result(sqlite3_stmt *statement, struct result *r)
{
    enum status rc = OK;
    const char *status = (const char *)sqlite3_column_text(statement, SELECT_COLUMNS + COLUMN_STATUS);
    *r = (struct result){0};
    REQUIRE(status && result_state_find(status, &r->state), ERR_DATABASE, "status=%s: no such status",
            status ? status : "(none)");
    for (int key = 0; key < KEY_COUNT; key++) {
        int i = SELECT_COLUMNS + FIRST_KEY + key;
        r->keys.value[key] = NAN;
        if (sqlite3_column_type(statement, i) == SQLITE_NULL)
            continue;
        if (!keys_is_choice((enum key)key))
            r->keys.value[key] = sqlite3_column_double(statement, i);
        else
            TRY(choice(statement, i, (enum key)key, &r->keys.value[key]));
    }
    r->keys.preset = keys_preset(r->keys.value[KEY_model], r->keys.value[KEY_task]);
    for (int key = 0; key < KEY_COUNT; key++) {
        if (keys_absent((enum key)key) && !keys_applies((enum key)key, r->keys.preset))
            r->keys.value[key] = NAN; /* the default of a column that is younger than the row */
    }
    if (r->keys.preset == PRESET_TOY && isnan(r->keys.value[KEY_checkpoint_every]))
        r->keys.value[KEY_checkpoint_every] = 0; /* a file from before toy runs had checkpoints */
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        r->switched[i] = NAN; /* not stored */
    for (int i = 0; i < STORE_REALS_COUNT; i++) {
        bool null = sqlite3_column_type(statement, SELECT_COLUMNS + FIRST_REAL + i) == SQLITE_NULL;
        *store_real(r, i) = null ? NAN : sqlite3_column_double(statement, SELECT_COLUMNS + FIRST_REAL + i);
    }
    const char *library = (const char *)sqlite3_column_text(statement, SELECT_COLUMNS + COLUMN_LIBRARY);
    snprintf(r->library, sizeof r->library, "%s", library ? library : "");
    TRY(read_json(statement, r));
done:
    return rc == OK || rc == ERR_MEMORY ? rc : ERR_DATABASE;
}

/* Also of a struct store_older, which begins with its id. */
static int by_id(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum status store_good(struct store *s, sqlite3_stmt *row, struct result *r, bool *good, int *revision)
{
    const int64_t id = sqlite3_column_int64(row, SELECT_ID);
    *good = !s->unchanged || !s->n_damaged || !bsearch(&id, s->damaged, s->n_damaged, sizeof id, by_id);
    if (!*good)
        return OK;
    const struct store_older *older =
        s->unchanged && s->n_older ? bsearch(&id, s->older, s->n_older, sizeof *older, by_id) : NULL;
    int made_by = older ? older->revision : KEYS_NUMERICS_REVISION;
    if (store_is_import((const char *)sqlite3_column_text(row, SELECT_COLUMNS + COLUMN_HASH)))
        made_by = 0;
    enum status rc = store_result(row, r);
    if (rc == OK && !s->unchanged)
        rc = store_verify(s, row, r, &made_by);
    *good = rc == OK;
    if (revision)
        *revision = made_by;
    return rc == ERR_MEMORY ? rc : OK;
}

enum status store_find(struct store *store, const char *hash, bool *there, struct result *result, bool *has_curve)
{
    enum status rc = OK;
    struct result r;
    *there = false;
    TRY(store_verify_all(store));
    store_bind_text(store->by_hash, 1, hash);
    TRY(store_next(store, store->by_hash, there));
    if (*there)
        TRY(store_good(store, store->by_hash, &r, there, NULL));
    if (!*there)
        goto done;
    *has_curve = sqlite3_column_int(store->by_hash, SELECT_HAS_CURVE) != 0;
    *result = r;
done:
    *there = *there && rc == OK;
    store_release(store->by_hash);
    return rc;
}

enum status store_has(struct store *store, const char *hash, bool *finished, struct result *result, bool *has_curve)
{
    bool curve = false;
    struct result r;
    enum status rc = store_find(store, hash, finished, &r, &curve);
    *finished = *finished && r.state != RUN_INTERRUPTED;
    if (*finished) {
        *result = r;
        *has_curve = curve;
    }
    return rc;
}

/* Prepares a SELECT of the rows that the filter lets through, with its values bound. */
static enum status prepare_filter(struct store *s, const struct store_filter *filter, sqlite3_stmt **statement)
{
    static const struct store_filter all = {0};
    const struct store_filter *f = filter ? filter : &all;
    enum status rc = OK;
    int parameter = 0;
    struct text sql = {0};
    store_add_select(&sql, f->bare);
    text_add(&sql, " WHERE 1");
    if (f->study)
        text_add(&sql, " AND runs.id IN (SELECT run FROM members WHERE study = ?)");
    for (int key = 0; key < KEY_COUNT; key++) {
        bool absent = false;
        for (size_t i = 0; i < f->n[key]; i++)
            absent = absent || isnan(f->values[key][i]);
        if (f->n[key])
            text_addf(&sql, " AND (runs.\"%s\" IN (", keys_name((enum key)key));
        for (size_t i = 0; i < f->n[key]; i++)
            text_add(&sql, i ? ", ?" : "?");
        if (f->n[key]) /* nothing is IN a list, not even NULL in one with NULL */
            text_addf(&sql, absent ? ") OR runs.\"%s\" IS NULL)" : "))", keys_name((enum key)key));
    }
    TRY(text_status(&sql));
    TRY(store_prepare(s, sql.data, statement));
    if (f->study)
        store_bind_text(*statement, ++parameter, f->study);
    for (int key = 0; key < KEY_COUNT; key++) {
        for (size_t i = 0; i < f->n[key]; i++)
            store_bind_key(*statement, ++parameter, (enum key)key, f->values[key][i]);
    }
done:
    text_free(&sql);
    return rc;
}

enum { STRINGS = 6 }; /* of a row: hash, study, version, host, started, finished */

/* A walk over the rows as they were at one time. They are read in the order of the file, which is quick, and sorted in
 * memory, about a kilobyte a row: so no lock is held while they are worked on. */
struct walk {
    struct store_row *rows;     /* owned */
    size_t (*strings)[STRINGS]; /* owned: where in `text` the strings of a row are; 0: NULL */
    size_t *order;              /* owned */
    size_t n, rows_allocated, strings_allocated;
    struct text text;           /* owned */
    enum key varies[KEY_COUNT]; /* keys that are not the same in all rows */
    size_t n_varies;
};

/* Adds the row that `statement` stands on. */
static enum status add_row(struct store *s, sqlite3_stmt *statement, struct walk *w)
{
    static const int columns[STRINGS] = {SELECT_COLUMNS + COLUMN_HASH,    SELECT_STUDIES,
                                         SELECT_COLUMNS + COLUMN_VERSION, SELECT_COLUMNS + COLUMN_HOST,
                                         SELECT_COLUMNS + COLUMN_STARTED, SELECT_COLUMNS + COLUMN_FINISHED};
    enum status rc = OK;
    bool good;
    char buffer[48];
    TRY(list_room(&w->rows, w->n, &w->rows_allocated, sizeof *w->rows, "runs"));
    TRY(list_room(&w->strings, w->n, &w->strings_allocated, sizeof *w->strings, "runs"));
    struct store_row *row = &w->rows[w->n];
    *row = (struct store_row){.id = sqlite3_column_int64(statement, SELECT_ID),
                              .has_curve = sqlite3_column_int(statement, SELECT_HAS_CURVE) != 0};
    TRY(store_good(s, statement, &row->result, &good, &row->revision));
    if (!good) /* it has been named */
        goto done;
    for (int i = 0; i < STRINGS; i++) {
        const char *text = (const char *)sqlite3_column_text(statement, columns[i]);
        text = i ? text : store_hash(s, text, buffer);
        w->strings[w->n][i] = text ? w->text.length : 0;
        if (text)
            text_add_bytes(&w->text, text, strlen(text) + 1);
    }
    w->n++;
done:
    return rc;
}

/* The order of SQL: no value comes before any value, and names are ordered by their letters. */
static int compare_values(enum key key, double a, double b)
{
    char x[32], y[32];
    if (store_same(a, b))
        return 0;
    if (isnan(a) || isnan(b))
        return isnan(a) ? -1 : 1;
    return keys_is_choice(key) ? strcmp(keys_text(key, a, x), keys_text(key, b, y)) : (a > b) - (a < b);
}

static int by_keys(const void *a, const void *b, void *context)
{
    const struct walk *w = context;
    const struct store_row *p = &w->rows[*(const size_t *)a], *q = &w->rows[*(const size_t *)b];
    int order = 0;
    for (size_t i = 0; i < w->n_varies && !order; i++)
        order = compare_values(w->varies[i], p->result.keys.value[w->varies[i]], q->result.keys.value[w->varies[i]]);
    return order ? order : (p->id > q->id) - (p->id < q->id);
}

/* Sorts by all keys, those of the hash first, then by id. Only keys that differ between rows need be looked at. */
static enum status sort_rows(struct walk *w)
{
    if (!(w->order = calloc(w->n + 1, sizeof *w->order)))
        return error_set(ERR_MEMORY, "out of memory for %zu runs", w->n);
    for (int k = 0; k < 2 * KEY_COUNT; k++) {
        const int key = k % KEY_COUNT;
        bool varies = false;
        for (size_t i = 1; keys_is_hashed((enum key)key) == (k < KEY_COUNT) && i < w->n && !varies; i++)
            varies = !store_same(w->rows[i].result.keys.value[key], w->rows[0].result.keys.value[key]);
        if (varies)
            w->varies[w->n_varies++] = (enum key)key;
    }
    for (size_t i = 0; i < w->n; i++)
        w->order[i] = i;
    sort_with(w->order, w->n, sizeof *w->order, by_keys, w);
    return OK;
}

static enum status read_rows(struct store *s, const struct store_filter *filter, struct walk *w)
{
    enum status rc = OK;
    sqlite3_stmt *statement = NULL;
    text_add_bytes(&w->text, "", 1); /* offset 0 stands for NULL */
    TRY(store_verify_all(s));
    TRY(prepare_filter(s, filter, &statement));
    while (store_step(s, statement, &rc))
        TRY(add_row(s, statement, w));
    TRY(rc);
    TRY(text_status(&w->text));
    TRY(sort_rows(w));
done:
    sqlite3_finalize(statement);
    return rc;
}

enum status store_each(struct store *store, const struct store_filter *filter, store_visit *visit, void *context)
{
    enum status rc = OK;
    struct walk w = {0};
    TRY(read_rows(store, filter, &w));
    for (size_t i = 0; i < w.n; i++) {
        struct store_row *row = &w.rows[w.order[i]];
        const char **const strings[STRINGS] = {&row->hash, &row->study,   &row->version,
                                               &row->host, &row->started, &row->finished};
        for (int k = 0; k < STRINGS; k++)
            *strings[k] = w.strings[w.order[i]][k] ? w.text.data + w.strings[w.order[i]][k] : NULL;
        TRY(visit(context, row));
    }
done:
    free(w.rows);
    free(w.strings);
    free(w.order);
    text_free(&w.text);
    return rc;
}

struct total {
    size_t runs;
    double seconds;
};

static enum status add_to_total(void *context, const struct store_row *row)
{
    struct total *t = context;
    t->runs++;
    t->seconds += isnan(row->result.wall_s) ? 0 : row->result.wall_s;
    return OK;
}

enum status store_total(struct store *store, const struct store_filter *filter, size_t *runs, double *seconds)
{
    struct store_filter bare = filter ? *filter : (struct store_filter){0};
    struct total total = {0};
    bare.bare = true;
    enum status rc = store_each(store, &bare, add_to_total, &total);
    *runs = total.runs;
    *seconds = total.seconds;
    return rc;
}

enum status store_any(struct store *store, const struct store_filter *filter, bool *any)
{
    size_t runs;
    double seconds;
    enum status rc = store_total(store, filter, &runs, &seconds);
    *any = runs > 0;
    return rc;
}

enum status store_curve(struct store *store, int64_t id, struct trace *out)
{
    enum status rc = OK;
    struct result r;
    bool there, good;
    char sum[17];
    *out = (struct trace){0};
    sqlite3_bind_int64(store->by_id, 1, id);
    TRY(store_next(store, store->by_id, &there));
    REQUIRE(there, ERR_INPUT, "%s: no run %lld", store->path, (long long)id);
    TRY(store_good(store, store->by_id, &r, &good, NULL));
    REQUIRE(good, ERR_DATABASE, "%s: run %lld is not what was saved; restore a copy", store->path, (long long)id);
    trace_begin(out, &r.keys);
    sqlite3_bind_int64(store->curve, 1, id);
    TRY(store_next(store, store->curve, &there));
    if (!there)
        goto done;
    sqlite3_int64 rows = sqlite3_column_int64(store->curve, 0);
    const void *data = sqlite3_column_blob(store->curve, 1);
    size_t bytes = (size_t)sqlite3_column_bytes(store->curve, 1), row = rows > 0 ? bytes / (size_t)rows : 0;
    REQUIRE(data && row * (size_t)rows == bytes && row % sizeof(double) == 0 &&
                row >= (size_t)trace_least_columns(out) * sizeof(double) &&
                row <= (size_t)out->columns * sizeof(double),
            ERR_DATABASE, "%s: the curve of run %lld has %zu bytes for %lld rows: the file is damaged; restore a copy",
            store->path, (long long)id, bytes, (long long)rows);
    store_sum_curve((const char *)sqlite3_column_text(store->by_id, SELECT_COLUMNS + COLUMN_HASH), data, bytes, sum);
    const char *stored = (const char *)sqlite3_column_text(store->curve, 2);
    REQUIRE(store->schema == STORE_OLDEST || (stored && !strcmp(stored, sum)), ERR_DATABASE,
            "%s: the curve of run %lld is not what was saved (its checksum differs); restore a copy, or let `plateau "
            "forget` remove the run and sweep again",
            store->path, (long long)id);
    TRY(trace_fill(out, data, (size_t)rows, row / sizeof(double)));
    store_swap_order(out->rows, out->length * (size_t)out->columns);
done:
    store_release(store->by_id);
    store_release(store->curve);
    return rc;
}
