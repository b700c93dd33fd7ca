#include "store/store.h"
#include "store/store_sql.h"
#include "base/progress.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 100, /* of every SQLite file: "SQLite format 3", .., application id at 68 */
    ID_OFFSET = 68
};

static const double PATIENCE_S = 60, TELL_S = 5; /* that a call waits for a lock; until a line says that it does */

/* Claims and figures read the runs again and again, so that many pages of the file stay in memory. */
static const char CACHE[] = "PRAGMA cache_size = -200000"; /* kB, at most */

/* A reader gets only the statements that read: the columns that its file lacks are in a view, which takes no rows. */
static enum status prepare_all(struct store *s, enum store_mode mode)
{
    enum status rc = OK;
    struct text sql = {0};
    TRY(store_execute(s, CACHE, "opening"));
    TRY(store_prepare_select(s, false, " WHERE runs.hash = ?1", &s->by_hash));
    TRY(store_prepare_select(s, false, " WHERE runs.id = ?1", &s->by_id));
    TRY(store_prepare(s, "SELECT id FROM runs WHERE hash = ?1", &s->id_of));
    TRY(store_prepare(s, "SELECT rows, data, checksum FROM curves WHERE run = ?1", &s->curve));
    TRY(store_prepare(s, "SELECT study FROM members WHERE run = ?1 ORDER BY study", &s->studies));
    TRY(store_prepare(s, "PRAGMA data_version", &s->data_version));
    if (mode == STORE_READ)
        goto done;
    text_add(&sql, "INSERT INTO runs(");
    store_add_columns(&sql, "\"%\"");
    text_add(&sql, ") VALUES(");
    store_add_columns(&sql, "?");
    text_add(&sql, ") ON CONFLICT(hash) DO UPDATE SET ");
    store_add_columns(&sql, "\"%\" = excluded.\"%\"");
    TRY(text_status(&sql));
    TRY(store_prepare(s, sql.data, &s->put));
    TRY(store_prepare(s, "DELETE FROM curves WHERE run = ?1", &s->drop_curve));
    TRY(store_prepare(s, "INSERT INTO curves(run, rows, data, checksum) VALUES(?1, ?2, ?3, ?4)", &s->put_curve));
    TRY(store_prepare(s, "UPDATE runs SET checksum = ?1 WHERE id = ?2", &s->seal));
    TRY(store_prepare(s, "INSERT OR IGNORE INTO members(study, run) SELECT ?1, id FROM runs WHERE hash = ?2",
                      &s->join));
done:
    text_free(&sql);
    return rc;
}

static enum status set_meta(struct store *s, const char *key, const char *value)
{
    sqlite3_stmt *statement = NULL;
    enum status rc = OK;
    TRY(store_prepare(s, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)", &statement));
    store_bind_text(statement, 1, key);
    store_bind_text(statement, 2, value);
    TRY(store_run(s, statement, "writing"));
done:
    sqlite3_finalize(statement);
    return rc;
}

static enum status create_tables(struct store *s, const char *command_line)
{
    enum status rc = OK;
    struct text sql = {0};
    char schema[16];
    text_addf(&sql, "%s, ", store_create_runs);
    store_add_columns(&sql, "\"%\" #");
    text_addf(&sql, ");%s;%s;%s;%s;%s;PRAGMA application_id = %d; PRAGMA user_version = %d;", store_create_curves,
              store_create_members, store_create_index, store_create_sources, store_create_meta, STORE_ID,
              STORE_SCHEMA);
    TRY(text_status(&sql));
    TRY(store_execute(s, sql.data, "making the tables"));
    snprintf(schema, sizeof schema, "%d", STORE_SCHEMA);
    TRY(set_meta(s, "schema", schema));
    TRY(set_meta(s, "created", command_line ? command_line : ""));
    text_clear(&sql);
    text_addf(&sql, "plateau " PACKAGE_VERSION ", SQLite %s", sqlite3_libversion());
#ifdef BUILD_COMPILER
    text_add(&sql, ", " BUILD_COMPILER);
#endif
    TRY(text_status(&sql));
    TRY(set_meta(s, "build", sql.data));
done:
    text_free(&sql);
    return rc;
}

/* ---- opening ---- */

static unsigned big_endian(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 24 | (unsigned)bytes[1] << 16 | (unsigned)bytes[2] << 8 | bytes[3];
}

/* Looks at the file before SQLite does, because a foreign file must not be touched. *empty: it is missing or of length
 * 0. */
static enum status check_header(const char *path, enum store_mode mode, bool *empty, double *bytes)
{
    enum status rc = OK;
    struct stat info;
    FILE *file = NULL;
    unsigned char header[HEADER_BYTES] = {0};
    bool there = stat(path, &info) == 0;
    int why = errno;
    *empty = !there || info.st_size == 0;
    *bytes = there ? (double)info.st_size : 0;
    REQUIRE(*path, ERR_INPUT, "the results database needs a file name");
    TRY(store_check_beside(path));
    REQUIRE(there || mode == STORE_WRITE, ERR_INPUT,
            "%s: %s; `plateau sweep` and `plateau import` make results databases", path, strerror(why));
    if (!there)
        goto done;
    REQUIRE(S_ISREG(info.st_mode), ERR_INPUT, "%s: not a regular file; a results database is one file, give its name",
            path);
    REQUIRE(!*empty || mode == STORE_WRITE, ERR_INPUT,
            "%s: the file is empty; `plateau sweep` and `plateau import` make results databases", path);
    if (*empty)
        goto done;
    file = fopen(path, "rb");
    REQUIRE(file, ERR_INPUT, "%s: %s", path, strerror(errno));
    size_t n = fread(header, 1, sizeof header, file);
    REQUIRE(!ferror(file), ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    REQUIRE(n == sizeof header && !memcmp(header, "SQLite format 3", 16), ERR_INPUT,
            "%s: not a results database (no SQLite header); it was left alone, give another file", path);
    REQUIRE(big_endian(header + ID_OFFSET) == STORE_ID, ERR_INPUT,
            "%s: an SQLite database of another program (application id %#x); it was left alone, give another file",
            path, big_endian(header + ID_OFFSET));
done:
    if (file)
        fclose(file);
    return rc;
}

/* SQLite asks again and again while another process holds a lock. */
static int wait_for_lock(void *context, int asked)
{
    static const long NAP_NS = 20000000;
    struct store *s = context;
    const double now = progress_clock();
    s->waiting = asked ? s->waiting : now;
    if (now - s->waiting >= s->patience)
        return 0;
    if (now - s->waiting > TELL_S && !s->told) {
        fprintf(stderr, "plateau: %s: waits for another process that holds a lock on it\n", s->path);
        s->told = true;
    }
    nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    return 1;
}

void store_patience(struct store *store, double seconds)
{
    store->patience = seconds < 0 ? PATIENCE_S : seconds;
}

bool store_busy(const struct store *store)
{
    return store->busy;
}

/* "./" before a relative path: SQLite gives names such as :memory: and file:x another meaning. */
static enum status connect(struct store *s, int flags)
{
    struct text path = {0};
    enum status rc = OK;
    text_addf(&path, "%s%s", s->in_memory || *s->path == '/' ? "" : "./", s->in_memory ? ":memory:" : s->path);
    TRY(text_status(&path));
    sqlite3_close(s->db);
    s->db = NULL;
    if (sqlite3_open_v2(path.data, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) /* store.h: one thread at a time */
        TRY(store_error(s, "opening"));
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_handler(s->db, wait_for_lock, s);
    store_guard(s, s->bytes);
done:
    text_free(&path);
    return rc;
}

/* A writer that was killed leaves a journal, and a read-only connection may not roll it back: let a writing one do
 * so. */
static enum status recover(struct store *s)
{
    enum status rc = OK;
    if (sqlite3_exec(s->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) == SQLITE_OK)
        return OK;
    if (sqlite3_extended_errcode(s->db) != SQLITE_READONLY_ROLLBACK)
        return store_error(s, "reading");
    TRY(connect(s, SQLITE_OPEN_READWRITE));
    TRY(store_execute(s, "SELECT count(*) FROM sqlite_master", "rolling back what a killed process left unfinished"));
    TRY(connect(s, SQLITE_OPEN_READONLY));
done:
    return rc;
}

/* Writes once at the start: a file that cannot be written should be known before hours of work, not after. */
static enum status open_for_writing(struct store *s, bool empty, const char *command_line)
{
    enum status rc = OK;
    TRY(store_execute(s, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                      "opening"));
    TRY(store_begin(s));
    if (empty) {
        struct text answer = {0}; /* another process may have made the tables since */
        rc = store_ask(s, "SELECT count(*) FROM sqlite_master", NULL, &answer);
        if (rc == OK && !strcmp(answer.data, "0"))
            rc = create_tables(s, command_line);
        text_free(&answer);
        TRY(rc);
    }
    TRY(set_meta(s, "last_command", command_line ? command_line : ""));
    TRY(store_commit(s));
done:
    if (rc != OK)
        store_rollback(s);
    return rc;
}

enum status store_open(const char *path, enum store_mode mode, const char *command_line, struct store **store)
{
    enum status rc = OK;
    bool empty;
    struct store *s = calloc(1, sizeof *s);
    REQUIRE(s && (s->path = strdup(path)), ERR_MEMORY, "out of memory for the results database");
    store_patience(s, -1);
    TRY(check_header(path, mode, &empty, &s->bytes));
    TRY(connect(s, mode == STORE_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY));
    if (!empty) {
        TRY(recover(s));
        TRY(check_header(path, mode, &empty,
                         &s->bytes)); /* a process was killed while it made the file, and what is recovered is empty */
    }
    if (!empty) {
        TRY(store_check(s, mode)); /* before anything is written */
        TRY(store_migrate(s, mode));
        TRY(prepare_all(s, mode));
    }
    if (mode == STORE_WRITE)
        TRY(open_for_writing(s, empty, command_line));
    if (empty) {
        TRY(store_check(s, mode));
        TRY(prepare_all(s, mode));
    }
done:
    if (rc != OK) {
        store_close(s);
        s = NULL;
    }
    *store = s;
    return rc;
}

enum status store_open_memory(const char *name, struct store **store)
{
    enum status rc = OK;
    struct store *s = calloc(1, sizeof *s);
    REQUIRE(s && (s->path = strdup(name)), ERR_MEMORY, "out of memory for the results database");
    store_patience(s, -1);
    s->in_memory = true;
    TRY(connect(s, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    TRY(open_for_writing(s, true, NULL));
    TRY(prepare_all(s, STORE_WRITE));
done:
    if (rc != OK) {
        store_close(s);
        s = NULL;
    }
    *store = s;
    return rc;
}

bool store_is_in_memory(const struct store *s)
{
    return s->in_memory;
}

void store_close(struct store *store)
{
    if (!store)
        return;
#define AS_FINALIZE(name) sqlite3_finalize(store->name);
    STORE_STATEMENTS(AS_FINALIZE)
#undef AS_FINALIZE
    sqlite3_close(store->db);
    free(store->path);
    free(store->damaged);
    free(store->older);
    free(store);
}

/* ---- writing ---- */

const char *store_path(const struct store *store)
{
    return store->path;
}

enum status store_begin(struct store *store)
{
    store->busy = false;
    return store_execute(store, "BEGIN IMMEDIATE", "starting to write");
}

enum status store_commit(struct store *store)
{
    return store_execute(store, "COMMIT", "writing");
}

void store_rollback(struct store *store)
{
    if (store->db && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ISO 8601 UTC, to the second; NULL if the time is not known. */
static const char *iso_time(double seconds, char buffer[32])
{
    struct tm parts;
    if (!isfinite(seconds))
        return NULL;
    time_t whole = (time_t)seconds;
    return gmtime_r(&whole, &parts) && strftime(buffer, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) ? buffer : NULL;
}

static void add_predicted(const struct result *r, struct text *out)
{
#define AS_JSON(name, meaning)                                                                                         \
    text_addf(out, "%s\"" #name "\": ", out->length ? ", " : "{");                                                     \
    text_add_real(out, r->predicted.name);
    PREDICTIONS(AS_JSON)
#undef AS_JSON
    text_add(out, ", \"flow\": ");
    text_add_real(out, r->flow_plateau);
    text_add(out, "}");
}

static enum status bind_row(sqlite3_stmt *put, const char *study, const char *hash, const struct result *r)
{
    enum status rc = OK;
    struct text text = {0};
    char buffer[32], host[256] = "";
    store_bind_text(put, COLUMN_HASH + 1, hash);
    store_bind_text(put, COLUMN_STUDY + 1, study);
    store_bind_text(put, COLUMN_STATUS + 1, result_state_name(r->state));
    for (int key = 0; key < KEY_COUNT; key++)
        store_bind_key(put, FIRST_KEY + key + 1, (enum key)key, r->keys.value[key]);
    struct result copy = *r;
    for (int i = 0; i < STORE_REALS_COUNT; i++)
        store_bind_real(put, FIRST_REAL + i + 1, *store_real(&copy, i));
    store_bind_text(put, COLUMN_UNIT + 1, store_unit(r));
    result_crossings(r, &text);
    store_bind_text(put, COLUMN_CROSSINGS + 1, text.data);
    TRY(text_status(&text));
    text_clear(&text);
    add_predicted(r, &text);
    store_bind_text(put, COLUMN_PREDICTED + 1, text.data);
    text_clear(&text);
    for (int i = 0; i < RESULT_SOLVER; i++)
        text_addf(&text, "%s\"%s\": %ld", i ? ", " : "{", result_solver_name(i), r->solver[i]);
    text_add(&text, "}");
    store_bind_text(put, COLUMN_SOLVER + 1, result_solved(r) ? text.data : NULL);
    store_bind_text(put, COLUMN_LIBRARY + 1, *r->library ? r->library : NULL);
    TRY(text_status(&text));
    store_bind_text(put, COLUMN_VERSION + 1, PACKAGE_VERSION);
    gethostname(host, sizeof host - 1);
    store_bind_text(put, COLUMN_HOST + 1, host);
    time_t now = time(NULL);
    store_bind_text(put, COLUMN_STARTED + 1, iso_time((double)now - r->wall_s, buffer));
    store_bind_text(put, COLUMN_FINISHED + 1, iso_time((double)now, buffer));
done:
    text_free(&text);
    return rc;
}

static enum status put_curve(struct store *s, sqlite3_int64 id, const char *hash, const struct trace *trace)
{
    enum status rc = OK;
    size_t n = trace->length * (size_t)trace->columns, bytes = n * sizeof(double);
    double *data = malloc(bytes);
    char sum[17];
    REQUIRE(data, ERR_MEMORY, "out of memory for a curve of %zu rows", trace->length);
    memcpy(data, trace->rows, bytes);
    store_swap_order(data, n);
    store_sum_curve(hash, data, bytes, sum);
    store_bind_text(s->put_curve, 4, sum);
    sqlite3_bind_int64(s->put_curve, 1, id);
    sqlite3_bind_int64(s->put_curve, 2, (sqlite3_int64)trace->length);
    REQUIRE(sqlite3_bind_blob64(s->put_curve, 3, data, bytes, SQLITE_STATIC) == SQLITE_OK, ERR_DATABASE,
            "%s: a curve of %zu rows is more than one database cell holds (1 GB); raise eval_every", s->path,
            trace->length);
    TRY(store_run(s, s->put_curve, "saving a curve"));
done:
    store_release(s->put_curve);
    free(data);
    return rc;
}

enum status store_join(struct store *store, const char *study, const char *hash)
{
    store_bind_text(store->join, 1, study);
    store_bind_text(store->join, 2, hash);
    return store_run(store, store->join, "noting a study");
}

/* Does the new result go further than the curve that is there? Such a curve would be taken for that of the whole run,
 * so it is removed, and made again when it is wanted. So is the curve of a row that is not what was saved. */
static enum status goes_past_curve(struct store *store, const char *hash, const struct result *result, bool *yes)
{
    struct result old;
    bool there, has_curve;
    enum status rc = store_find(store, hash, &there, &old, &has_curve);
    *yes = rc == OK && (!there || (has_curve && result->cap > old.cap));
    return rc;
}

enum status store_put(struct store *store, const char *study, const char *hash, const struct result *result,
                      const struct trace *trace)
{
    enum status rc = OK;
    char own[33];
    sqlite3_int64 id;
    bool there, past = false;
    const bool mine =
        sqlite3_get_autocommit(store->db) != 0; /* without store_begin this call is a transaction of its own */
    if (!hash) {
        keys_hash(&result->keys, own);
        hash = own;
    }
    if (mine)
        TRY(store_begin(store));
    if (!trace)
        TRY(goes_past_curve(store, hash, result, &past));
    TRY(bind_row(store->put, study, hash, result));
    TRY(store_run(store, store->put, "saving a run"));
    if (study)
        TRY(store_join(store, study, hash));
    TRY(store_id(store, hash, &id, &there));
    if (trace || past) {
        sqlite3_bind_int64(store->drop_curve, 1, id);
        TRY(store_run(store, store->drop_curve, "saving a run"));
    }
    if (trace && trace->length)
        TRY(put_curve(store, id, hash, trace));
    TRY(store_seal(store, id));
    TRY(store_supersede(store, &result->keys));
    if (mine)
        TRY(store_commit(store));
done:
    store_release(store->put);
    if (rc != OK && mine)
        store_rollback(store);
    return rc;
}

enum status store_restore(struct store *store, const char *study, const struct store_row *row,
                          const struct trace *trace)
{
    enum status rc = OK;
    sqlite3_int64 id;
    bool there;
    TRY(bind_row(store->put, study, row->hash, &row->result));
    store_bind_text(store->put, COLUMN_VERSION + 1, row->version);
    store_bind_text(store->put, COLUMN_HOST + 1, row->host);
    store_bind_text(store->put, COLUMN_STARTED + 1, row->started);
    store_bind_text(store->put, COLUMN_FINISHED + 1, row->finished);
    TRY(store_run(store, store->put, "saving a run"));
    TRY(store_join(store, study, row->hash));
    TRY(store_id(store, row->hash, &id, &there));
    sqlite3_bind_int64(store->drop_curve, 1, id);
    TRY(store_run(store, store->drop_curve, "saving a run"));
    if (trace->length)
        TRY(put_curve(store, id, row->hash, trace));
    TRY(store_seal(store, id));
done:
    store_release(store->put);
    return rc;
}

/* Does run `id` belong to another study than `study`? */
static enum status is_shared(struct store *store, sqlite3_int64 id, const char *study, bool *yes)
{
    enum status rc = OK;
    *yes = false;
    sqlite3_bind_int64(store->studies, 1, id);
    while (store_step(store, store->studies, &rc))
        *yes = *yes || strcmp((const char *)sqlite3_column_text(store->studies, 0), study) != 0;
    store_release(store->studies);
    return rc;
}

enum status store_reread(struct store *store, const char *study, const char *hash, const struct result *result,
                         bool *done)
{
    static const int kept[] = {COLUMN_STUDY, COLUMN_VERSION, COLUMN_HOST, COLUMN_STARTED, COLUMN_FINISHED};
    enum status rc = OK;
    bool there, shared;
    const bool mine =
        sqlite3_get_autocommit(store->db) != 0; /* without store_begin this call is a transaction of its own */
    *done = false;
    if (mine)
        TRY(store_begin(store));
    store_bind_text(store->by_hash, 1, hash);
    TRY(store_next(store, store->by_hash, &there));
    REQUIRE(there, ERR_INPUT, "%s: no run %s", store->path, hash);
    const sqlite3_int64 id = sqlite3_column_int64(store->by_hash, SELECT_ID);
    TRY(is_shared(store, id, study, &shared));
    if (shared)
        goto done;
    TRY(bind_row(store->put, NULL, hash, result));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        sqlite3_bind_value(store->put, kept[i] + 1, sqlite3_column_value(store->by_hash, SELECT_COLUMNS + kept[i]));
    store_release(store->by_hash);
    TRY(store_run(store, store->put, "saving a run"));
    TRY(store_seal(store, id));
    if (mine)
        TRY(store_commit(store));
    *done = true;
done:
    store_release(store->by_hash);
    store_release(store->put);
    if (!*done && mine)
        store_rollback(store);
    return rc;
}

enum status store_damaged(struct store *store, const int64_t **ids, size_t *n)
{
    enum status rc = store_verify_all(store);
    *ids = store->damaged;
    *n = store->n_damaged;
    return rc;
}
