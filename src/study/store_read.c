/* Reading the store: rows, curves, and which of them a filter lets through. */
#include "store_sql.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* The object in a JSON column; *object stays NULL where nothing was stored. */
static enum status json_column(sqlite3_stmt *statement, enum column column, json_t **object)
{
    json_error_t why;
    const char *text = (const char *)sqlite3_column_text(statement, SELECT_COLUMNS + (int)column);
    if (text && !(*object = json_loads(text, 0, &why)))
        return error_set(ERR_DATABASE, "%s=%.40s: %s", store_column((int)column), text, why.text);
    return OK;
}

static double json_member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static enum status read_json(sqlite3_stmt *statement, struct result *r)
{
    enum status rc = OK;
    json_t *crossings = NULL, *predicted = NULL, *solver = NULL;
    TRY(json_column(statement, COLUMN_CROSSINGS, &crossings));
    TRY(json_column(statement, COLUMN_PREDICTED, &predicted));
    TRY(json_column(statement, COLUMN_SOLVER, &solver));
    for (int i = 0; i < FLOW_LEVELS; i++)
        r->crossings[i] = i < result_levels(&r->keys) ? json_member(crossings, result_level_name(&r->keys, i)) : NAN;
    r->predicted = (struct prediction){.lambda0 = NAN, .delta = NAN, .jump = NAN, .w_jump = NAN, .om = NAN, .q = NAN,
                                       .w_q = NAN, .integral = NAN, .start = NAN};
#define AS_MEMBER(name, meaning) r->predicted.name = json_member(predicted, #name);
    PREDICTIONS(AS_MEMBER)
#undef AS_MEMBER
    r->flow_plateau = json_member(predicted, "flow");
    for (int i = 0; i < RESULT_SOLVER; i++)
        r->solver[i] = (long)json_integer_value(json_object_get(solver, result_solver_name(i)));
done:
    json_decref(crossings);
    json_decref(predicted);
    json_decref(solver);
    return rc;
}

static enum preset preset_of(const double *value)
{
    return value[KEY_model] == MODEL_FLOW    ? PRESET_FLOW
           : value[KEY_model] == MODEL_TOY   ? PRESET_TOY
           : value[KEY_task] == TASK_RECALL ? PRESET_RECALL
                                            : PRESET_REGRESSION;
}

/* The row that a select stands on -> *r. */
static enum status read_result(struct store *s, sqlite3_stmt *statement, struct result *r)
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
            TRY(keys_value((enum key)key, (const char *)sqlite3_column_text(statement, i), &r->keys.value[key]));
    }
    r->keys.preset = preset_of(r->keys.value);
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
    if (rc != OK) {
        error_prefix(rc, "%.150s: run %lld cannot be read, by this version of plateau at least", s->path,
                     (long long)sqlite3_column_int64(statement, SELECT_ID));
        rc = rc == ERR_MEMORY ? rc : ERR_DATABASE;
    }
    return rc;
}

enum status store_find(struct store *store, const char *hash, bool *there, struct result *result, bool *has_curve)
{
    enum status rc = OK;
    struct result r;
    store_bind_text(store->by_hash, 1, hash);
    TRY(store_next(store, store->by_hash, there));
    if (!*there)
        goto done;
    TRY(read_result(store, store->by_hash, &r));
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

/* SELECT the ids that the filter lets through, in order, its values bound. */
static enum status prepare_filter(struct store *s, const struct store_filter *filter, sqlite3_stmt **statement)
{
    static const struct store_filter all = {0};
    const struct store_filter *f = filter ? filter : &all;
    enum status rc = OK;
    int parameter = 0;
    struct text sql = {0};
    text_add(&sql, "SELECT runs.id FROM runs WHERE 1");
    if (f->study)
        text_add(&sql, " AND runs.id IN (SELECT run FROM members WHERE study = ?)");
    for (int key = 0; key < KEY_COUNT; key++) {
        for (size_t i = 0; i < f->n[key]; i++) /* IS, unlike =, holds between NULL and NULL */
            text_addf(&sql, "%s runs.\"%s\" IS ?", i ? " OR" : " AND (", keys_name((enum key)key));
        text_add(&sql, f->n[key] ? ")" : "");
    }
    text_add(&sql, " ORDER BY ");
    for (int key = 0; key < KEY_COUNT; key++)
        text_addf(&sql, "runs.\"%s\", ", keys_name((enum key)key));
    text_add(&sql, "runs.id");
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

/* All ids at once (*ids is the caller's), so that no lock is held while the rows are worked on. */
static enum status collect(struct store *s, const struct store_filter *filter, sqlite3_int64 **ids, size_t *n)
{
    enum status rc = OK;
    sqlite3_stmt *statement = NULL;
    size_t allocated = 0;
    bool there;
    TRY(prepare_filter(s, filter, &statement));
    for (;;) {
        TRY(store_next(s, statement, &there));
        if (!there)
            break;
        if (*n == allocated) {
            allocated = allocated ? 2 * allocated : 1024;
            sqlite3_int64 *more = realloc(*ids, allocated * sizeof *more);
            REQUIRE(more, ERR_MEMORY, "out of memory for a list of %zu runs", allocated);
            *ids = more;
        }
        (*ids)[(*n)++] = sqlite3_column_int64(statement, 0);
    }
done:
    sqlite3_finalize(statement);
    return rc;
}

/* Reads run `id`, lets go of the database, calls visit. */
static enum status visit_one(struct store *s, sqlite3_int64 id, store_visit *visit, void *context)
{
    static const int columns[] = {SELECT_COLUMNS + COLUMN_HASH, SELECT_STUDIES,                  SELECT_COLUMNS + COLUMN_VERSION,
                                  SELECT_COLUMNS + COLUMN_HOST, SELECT_COLUMNS + COLUMN_STARTED, SELECT_COLUMNS + COLUMN_FINISHED};
    char *copies[COUNT(columns)] = {NULL};
    struct store_row row = {.id = id};
    enum status rc = OK;
    bool there;
    sqlite3_bind_int64(s->by_id, 1, id);
    TRY(store_next(s, s->by_id, &there));
    if (!there) /* deleted since: there is nothing to visit */
        goto done;
    TRY(read_result(s, s->by_id, &row.result));
    row.has_curve = sqlite3_column_int(s->by_id, SELECT_HAS_CURVE) != 0;
    for (int i = 0; i < COUNT(columns); i++) {
        const char *text = (const char *)sqlite3_column_text(s->by_id, columns[i]);
        REQUIRE(!text || (copies[i] = strdup(text)), ERR_MEMORY, "out of memory for a run");
    }
    row.hash = copies[0], row.study = copies[1], row.version = copies[2], row.host = copies[3];
    row.started = copies[4], row.finished = copies[5];
    store_release(s->by_id);
    TRY(visit(context, &row));
done:
    store_release(s->by_id);
    for (int i = 0; i < COUNT(columns); i++)
        free(copies[i]);
    return rc;
}

enum status store_each(struct store *store, const struct store_filter *filter, store_visit *visit, void *context)
{
    enum status rc = OK;
    sqlite3_int64 *ids = NULL;
    size_t n = 0;
    TRY(collect(store, filter, &ids, &n));
    for (size_t i = 0; i < n; i++)
        TRY(visit_one(store, ids[i], visit, context));
done:
    free(ids);
    return rc;
}

enum status store_curve(struct store *store, int64_t id, struct trace *out)
{
    enum status rc = OK;
    struct result r;
    bool there;
    *out = (struct trace){0};
    sqlite3_bind_int64(store->by_id, 1, id);
    TRY(store_next(store, store->by_id, &there));
    REQUIRE(there, ERR_INPUT, "%s: no run %lld", store->path, (long long)id);
    TRY(read_result(store, store->by_id, &r));
    trace_begin(out, &r.keys);
    sqlite3_bind_int64(store->curve, 1, id);
    TRY(store_next(store, store->curve, &there));
    if (!there)
        goto done;
    sqlite3_int64 rows = sqlite3_column_int64(store->curve, 0);
    const void *data = sqlite3_column_blob(store->curve, 1);
    size_t bytes = (size_t)sqlite3_column_bytes(store->curve, 1), row = (size_t)out->columns * sizeof(double);
    REQUIRE(data && rows > 0 && bytes % row == 0 && bytes / row == (size_t)rows, ERR_DATABASE,
            "%s: the curve of run %lld has %zu bytes for %lld rows: the file is damaged; restore a copy", store->path,
            (long long)id, bytes, (long long)rows);
    REQUIRE(out->rows = malloc(bytes), ERR_MEMORY, "out of memory for a curve of %lld rows", (long long)rows);
    memcpy(out->rows, data, bytes);
    out->length = out->allocated = (size_t)rows;
    store_swap_order(out->rows, bytes / sizeof(double));
done:
    store_release(store->by_id);
    store_release(store->curve);
    return rc;
}
