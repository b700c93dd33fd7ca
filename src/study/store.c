#include "store.h"
#include <endian.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x506c6174, /* "Plat", in the header of the file */
    SCHEMA = 1,                  /* raise when tables or the meaning of a column change */
    BUSY_MS = 10000,
    HEADER_BYTES = 100,          /* of every SQLite file: "SQLite format 3", .., application id at 68 */
    ID_OFFSET = 68
};

/* Columns of runs in order: texts that name a run, every key, numbers, texts that describe it. */
static const char *const names_first[] = {"hash", "study", "status"};
static const struct real_column {
    const char *name;
    size_t offset;
} reals[] = {
    {"plateau", offsetof(struct result, plateau)},
    {"cap", offsetof(struct result, cap)},
    {"initial_loss", offsetof(struct result, initial_loss)},
    {"null_loss", offsetof(struct result, null_loss)},
    {"final_loss", offsetof(struct result, final_loss)},
    {"wall_s", offsetof(struct result, wall_s)},
    {"steps_done", offsetof(struct result, steps_done)},
    {"tokens_per_s", offsetof(struct result, tokens_per_s)},
};
static const char *const names_last[] = {"unit",    "crossings", "predicted", "solver",
                                         "version", "host",      "started",   "finished"};
static const char *const solver_names[] = {"steps", "rhs_evals", "jac_evals", "error_test_fails"};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
enum column {
    COLUMN_HASH, COLUMN_STUDY, COLUMN_STATUS,
    FIRST_KEY,
    FIRST_REAL = FIRST_KEY + KEY_COUNT,
    FIRST_TEXT = FIRST_REAL + COUNT(reals),
    COLUMN_UNIT = FIRST_TEXT, COLUMN_CROSSINGS, COLUMN_PREDICTED, COLUMN_SOLVER,
    COLUMN_VERSION, COLUMN_HOST, COLUMN_STARTED, COLUMN_FINISHED,
    COLUMNS
};
_Static_assert(FIRST_KEY == COUNT(names_first) && COLUMNS - FIRST_TEXT == COUNT(names_last), "names of the columns");
enum { SELECT_ID, SELECT_HAS_CURVE, SELECT_COLUMNS }; /* a select gives these two, then the columns */

/* X(name): statements prepared once, when the file is opened. */
#define STATEMENTS(X) X(put) X(id_of) X(drop_curve) X(put_curve) X(by_hash) X(by_id) X(curve)
struct store {
    sqlite3 *db;
    char *path; /* owned */
#define AS_FIELD(name) sqlite3_stmt *name;
    STATEMENTS(AS_FIELD)
#undef AS_FIELD
};

const char *store_solver_name(int i)
{
    return solver_names[i];
}

const char *store_unit(const struct result *result)
{
    return result->keys.preset <= PRESET_TOY ? "time" : "steps";
}

static const char *column_name(int i)
{
    return i < FIRST_KEY    ? names_first[i]
           : i < FIRST_REAL ? keys_name((enum key)(i - FIRST_KEY))
           : i < FIRST_TEXT ? reals[i - FIRST_REAL].name
                            : names_last[i - FIRST_TEXT];
}

static const char *column_type(int i)
{
    if (i == COLUMN_HASH)
        return "TEXT UNIQUE NOT NULL";
    if (i < FIRST_KEY || i >= FIRST_TEXT)
        return "TEXT";
    if (i >= FIRST_REAL)
        return "REAL";
    enum key key = (enum key)(i - FIRST_KEY);
    return keys_is_choice(key) ? "TEXT" : keys_is_integer(key) ? "INTEGER" : "REAL";
}

/* SQLite's last error as a message with the remedy. */
static enum status database_error(const struct store *s, const char *doing)
{
    int code = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM, system_error = s->db ? sqlite3_system_errno(s->db) : 0;
    const char *reason = s->db ? sqlite3_errmsg(s->db) : "out of memory", *remedy;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return error_set(ERR_MEMORY, "%s: out of memory while %s", s->path, doing);
    case SQLITE_FULL:
        remedy = "free some space and run the same command again, what was saved is kept";
        break;
    case SQLITE_IOERR:
        remedy = "check the disk (space, quota, mount) and run the same command again, what was saved is kept";
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        remedy = "another process is writing to this file: wait until it ends, or use another file";
        break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        remedy = "check that the file and its folder exist and may be written, or use another file";
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        remedy = "the file is damaged: restore a copy, or save what is left with `sqlite3 FILE .recover`";
        break;
    default:
        remedy = "was the file changed by another program, or made by another version of plateau? Use a new file";
    }
    bool full = (code & 0xff) == SQLITE_FULL;
    return error_set(ERR_DATABASE, "%s: %s: %s%s%s%s; %s", s->path, doing, reason, system_error || full ? " (" : "",
                     full ? "disk full" : system_error ? strerror(system_error) : "", system_error || full ? ")" : "",
                     remedy);
}

static enum status execute(struct store *s, const char *sql, const char *doing)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : database_error(s, doing);
}

static enum status prepare(struct store *s, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(s->db, sql, -1, statement, NULL) == SQLITE_OK ? OK : database_error(s, "reading the tables");
}

/* Makes a prepared statement ready for its next use; that also releases its lock. */
static void release(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

/* Runs a statement that gives no rows. */
static enum status run(struct store *s, sqlite3_stmt *statement, const char *doing)
{
    enum status rc = sqlite3_step(statement) == SQLITE_DONE ? OK : database_error(s, doing);
    release(statement);
    return rc;
}

/* Next row? *there is false at the end. */
static enum status next(struct store *s, sqlite3_stmt *statement, bool *there)
{
    int code = sqlite3_step(statement);
    *there = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? OK : database_error(s, "reading");
}

static void bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, parameter, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(statement, parameter);
}

static void bind_real(sqlite3_stmt *statement, int parameter, double value)
{
    if (isnan(value))
        sqlite3_bind_null(statement, parameter);
    else
        sqlite3_bind_double(statement, parameter, value);
}

static void bind_key(sqlite3_stmt *statement, int parameter, enum key key, double value)
{
    char buffer[32];
    if (isnan(value))
        sqlite3_bind_null(statement, parameter);
    else if (keys_is_choice(key))
        bind_text(statement, parameter, keys_text(key, value, buffer));
    else if (keys_is_integer(key))
        sqlite3_bind_int64(statement, parameter, (sqlite3_int64)value);
    else
        sqlite3_bind_double(statement, parameter, value);
}

/* ---- the tables ---- */

/* The list of all columns, each written in `format`. */
static void add_columns(struct text *sql, const char *format)
{
    for (int i = 0; i < COLUMNS; i++) {
        text_add(sql, i ? ", " : "");
        for (const char *f = format; *f; f++) { /* %: the name, #: the type, ?: the number of the parameter */
            if (*f == '%')
                text_add(sql, column_name(i));
            else if (*f == '#')
                text_add(sql, column_type(i));
            else if (*f == '?')
                text_addf(sql, "?%d", i + 1);
            else
                text_add_bytes(sql, f, 1);
        }
    }
}

static void add_select(struct text *sql)
{
    text_add(sql, "SELECT runs.id, EXISTS(SELECT 1 FROM curves WHERE curves.run = runs.id), ");
    add_columns(sql, "runs.\"%\""); /* with the table named, a missing column is an error and not a string */
    text_add(sql, " FROM runs");
}

static enum status prepare_all(struct store *s)
{
    enum status rc = OK;
    struct text sql = {0};
    add_select(&sql);
    text_add(&sql, " WHERE runs.hash = ?1");
    TRY(text_status(&sql));
    TRY(prepare(s, sql.data, &s->by_hash));
    text_clear(&sql);
    add_select(&sql);
    text_add(&sql, " WHERE runs.id = ?1");
    TRY(text_status(&sql));
    TRY(prepare(s, sql.data, &s->by_id));
    text_clear(&sql);
    text_add(&sql, "INSERT INTO runs(");
    add_columns(&sql, "\"%\"");
    text_add(&sql, ") VALUES(");
    add_columns(&sql, "?");
    text_add(&sql, ") ON CONFLICT(hash) DO UPDATE SET ");
    add_columns(&sql, "\"%\" = excluded.\"%\"");
    TRY(text_status(&sql));
    TRY(prepare(s, sql.data, &s->put));
    TRY(prepare(s, "SELECT id FROM runs WHERE hash = ?1", &s->id_of));
    TRY(prepare(s, "DELETE FROM curves WHERE run = ?1", &s->drop_curve));
    TRY(prepare(s, "INSERT INTO curves(run, rows, data) VALUES(?1, ?2, ?3)", &s->put_curve));
    TRY(prepare(s, "SELECT rows, data FROM curves WHERE run = ?1", &s->curve));
done:
    text_free(&sql);
    return rc;
}

static enum status set_meta(struct store *s, const char *key, const char *value)
{
    sqlite3_stmt *statement = NULL;
    enum status rc = OK;
    TRY(prepare(s, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)", &statement));
    bind_text(statement, 1, key);
    bind_text(statement, 2, value);
    TRY(run(s, statement, "writing"));
done:
    sqlite3_finalize(statement);
    return rc;
}

static enum status create_tables(struct store *s, const char *command_line)
{
    enum status rc = OK;
    struct text sql = {0};
    char schema[16];
    text_add(&sql, "CREATE TABLE runs(id INTEGER PRIMARY KEY, ");
    add_columns(&sql, "\"%\" #");
    text_addf(&sql,
              ");"
              "CREATE TABLE curves(run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE, rows INTEGER, data BLOB);"
              "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT);"
              "PRAGMA application_id = %d; PRAGMA user_version = %d;",
              APPLICATION_ID, SCHEMA);
    TRY(text_status(&sql));
    TRY(execute(s, sql.data, "making the tables"));
    snprintf(schema, sizeof schema, "%d", SCHEMA);
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

/* Looks at the file before SQLite does: a foreign file must not be touched. *empty: missing or of length 0. */
static enum status look(const char *path, enum store_mode mode, bool *empty)
{
    enum status rc = OK;
    struct stat info;
    FILE *file = NULL;
    unsigned char header[HEADER_BYTES] = {0};
    bool there = stat(path, &info) == 0;
    int why = errno;
    *empty = !there || info.st_size == 0;
    REQUIRE(*path, ERR_INPUT, "the results database needs a file name");
    REQUIRE(there || mode == STORE_WRITE, ERR_INPUT,
            "%s: %s; `plateau sweep` and `plateau import` make results databases", path, strerror(why));
    if (!there)
        goto done;
    REQUIRE(S_ISREG(info.st_mode), ERR_INPUT, "%s: not a regular file; a results database is one file, give its name", path);
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
    REQUIRE(big_endian(header + ID_OFFSET) == APPLICATION_ID, ERR_INPUT,
            "%s: an SQLite database of another program (application id %#x); it was left alone, give another file", path,
            big_endian(header + ID_OFFSET));
done:
    if (file)
        fclose(file);
    return rc;
}

/* "./" before a relative path: SQLite gives names such as :memory: and file:x another meaning. */
static enum status connect(struct store *s, int flags)
{
    struct text path = {0};
    enum status rc = OK;
    text_addf(&path, "%s%s", *s->path == '/' ? "" : "./", s->path);
    TRY(text_status(&path));
    sqlite3_close(s->db);
    s->db = NULL;
    if (sqlite3_open_v2(path.data, &s->db, flags, NULL) != SQLITE_OK)
        TRY(database_error(s, "opening"));
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_MS);
done:
    text_free(&path);
    return rc;
}

/* The first text or number that a query gives, as text. */
static enum status ask(struct store *s, const char *sql, struct text *answer)
{
    sqlite3_stmt *statement = NULL;
    enum status rc = OK;
    bool there;
    text_clear(answer);
    TRY(prepare(s, sql, &statement));
    TRY(next(s, statement, &there));
    const char *value = there ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    text_add(answer, value ? value : "");
    TRY(text_status(answer));
done:
    sqlite3_finalize(statement);
    return rc;
}

/* A writer that was killed leaves a journal, and a read-only connection may not roll it back: let a writing one do so. */
static enum status recover(struct store *s)
{
    enum status rc = OK;
    if (sqlite3_exec(s->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) == SQLITE_OK)
        return OK;
    if (sqlite3_extended_errcode(s->db) != SQLITE_READONLY_ROLLBACK)
        return database_error(s, "reading");
    TRY(connect(s, SQLITE_OPEN_READWRITE));
    TRY(execute(s, "SELECT count(*) FROM sqlite_master", "rolling back what a killed process left unfinished"));
    TRY(connect(s, SQLITE_OPEN_READONLY));
done:
    return rc;
}

/* Is it whole, and of this version? */
static enum status check(struct store *s, enum store_mode mode)
{
    enum status rc = OK;
    struct text answer = {0};
    TRY(ask(s, "PRAGMA user_version", &answer));
    REQUIRE(atoi(answer.data) == SCHEMA, ERR_DATABASE,
            "%s: schema version %s, but this plateau (" PACKAGE_VERSION ") reads version %d; export it with the plateau "
            "that made it, or use a new file", s->path, answer.data, SCHEMA);
    /* A reader of the runs need not wade through every curve. */
    TRY(ask(s, mode == STORE_WRITE ? "PRAGMA quick_check(1)" : "PRAGMA quick_check('runs')", &answer));
    REQUIRE(!strcmp(answer.data, "ok"), ERR_DATABASE,
            "%s: the file is damaged (%.200s); restore a copy, or save what is left with `sqlite3 FILE .recover`", s->path,
            answer.data);
    TRY(ask(s, "SELECT value FROM meta WHERE key = 'schema'", &answer));
    REQUIRE(atoi(answer.data) == SCHEMA, ERR_DATABASE,
            "%s: its table meta names schema '%s', its header %d: the file is damaged; restore a copy", s->path, answer.data, SCHEMA);
done:
    text_free(&answer);
    return rc;
}

/* Writes once at the start: what cannot be written should be known before hours of work, not after. */
static enum status open_for_writing(struct store *s, bool empty, const char *command_line)
{
    enum status rc = OK;
    TRY(execute(s, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", "opening"));
    TRY(store_begin(s));
    if (empty) {
        struct text answer = {0}; /* another process may have made the tables since */
        rc = ask(s, "SELECT count(*) FROM sqlite_master", &answer);
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
    *store = NULL;
    REQUIRE(s && (s->path = strdup(path)), ERR_MEMORY, "out of memory for the results database");
    TRY(look(path, mode, &empty));
    TRY(connect(s, mode == STORE_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY));
    if (!empty) {
        TRY(recover(s));
        TRY(check(s, mode));
        TRY(prepare_all(s)); /* names a column that is missing, before anything is written */
    }
    if (mode == STORE_WRITE)
        TRY(open_for_writing(s, empty, command_line));
    if (empty) {
        TRY(check(s, mode));
        TRY(prepare_all(s));
    }
    *store = s;
done:
    if (rc != OK)
        store_close(s);
    return rc;
}

void store_close(struct store *store)
{
    if (!store)
        return;
#define AS_FINALIZE(name) sqlite3_finalize(store->name);
    STATEMENTS(AS_FINALIZE)
#undef AS_FINALIZE
    sqlite3_close(store->db);
    free(store->path);
    free(store);
}

/* ---- writing ---- */

enum status store_begin(struct store *store)
{
    return execute(store, "BEGIN IMMEDIATE", "starting to write");
}

enum status store_commit(struct store *store)
{
    return execute(store, "COMMIT", "writing");
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
    bind_text(put, COLUMN_HASH + 1, hash);
    bind_text(put, COLUMN_STUDY + 1, study);
    bind_text(put, COLUMN_STATUS + 1, result_state_name(r->state));
    for (int key = 0; key < KEY_COUNT; key++)
        bind_key(put, FIRST_KEY + key + 1, (enum key)key, r->keys.value[key]);
    for (int i = 0; i < COUNT(reals); i++)
        bind_real(put, FIRST_REAL + i + 1, *(const double *)((const char *)r + reals[i].offset));
    bind_text(put, COLUMN_UNIT + 1, store_unit(r));
    result_crossings(r, &text);
    bind_text(put, COLUMN_CROSSINGS + 1, text.data);
    TRY(text_status(&text));
    text_clear(&text);
    add_predicted(r, &text);
    bind_text(put, COLUMN_PREDICTED + 1, text.data);
    text_clear(&text);
    for (int i = 0; i < COUNT(solver_names); i++)
        text_addf(&text, "%s\"%s\": %ld", i ? ", " : "{", solver_names[i], r->solver[i]);
    text_add(&text, "}");
    bind_text(put, COLUMN_SOLVER + 1, text.data);
    TRY(text_status(&text));
    bind_text(put, COLUMN_VERSION + 1, PACKAGE_VERSION);
    gethostname(host, sizeof host - 1);
    bind_text(put, COLUMN_HOST + 1, host);
    time_t now = time(NULL);
    bind_text(put, COLUMN_STARTED + 1, iso_time((double)now - r->wall_s, buffer));
    bind_text(put, COLUMN_FINISHED + 1, iso_time((double)now, buffer));
done:
    text_free(&text);
    return rc;
}

/* Doubles of this machine to little-endian, or back: the same operation. */
static void swap_order(double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits = htole64(bits);
        memcpy(&values[i], &bits, sizeof bits);
    }
}

static enum status put_curve(struct store *s, sqlite3_int64 id, const struct trace *trace)
{
    enum status rc = OK;
    size_t n = trace->length * TRACE_COLUMNS, bytes = n * sizeof(double);
    double *data = malloc(bytes);
    REQUIRE(data, ERR_MEMORY, "out of memory for a curve of %zu rows", trace->length);
    memcpy(data, trace->rows, bytes);
    swap_order(data, n);
    sqlite3_bind_int64(s->put_curve, 1, id);
    sqlite3_bind_int64(s->put_curve, 2, (sqlite3_int64)trace->length);
    REQUIRE(sqlite3_bind_blob64(s->put_curve, 3, data, bytes, SQLITE_STATIC) == SQLITE_OK, ERR_DATABASE,
            "%s: a curve of %zu rows is more than one database cell holds (1 GB); raise eval_every", s->path, trace->length);
    TRY(run(s, s->put_curve, "saving a curve"));
done:
    release(s->put_curve);
    free(data);
    return rc;
}

enum status store_put(struct store *store, const char *study, const char *hash, const struct result *result,
                      const struct trace *trace)
{
    enum status rc = OK;
    char own[33];
    bool there, mine = sqlite3_get_autocommit(store->db) != 0; /* no store_begin: a transaction of its own */
    if (!hash) {
        keys_hash(&result->keys, own);
        hash = own;
    }
    if (mine)
        TRY(store_begin(store));
    TRY(bind_row(store->put, study, hash, result));
    TRY(run(store, store->put, "saving a run"));
    bind_text(store->id_of, 1, hash);
    TRY(next(store, store->id_of, &there));
    sqlite3_int64 id = sqlite3_column_int64(store->id_of, 0);
    release(store->id_of);
    sqlite3_bind_int64(store->drop_curve, 1, id);
    TRY(run(store, store->drop_curve, "saving a run"));
    if (trace && trace->length)
        TRY(put_curve(store, id, trace));
    if (mine)
        TRY(store_commit(store));
done:
    release(store->put);
    release(store->id_of);
    if (rc != OK && mine)
        store_rollback(store);
    return rc;
}

/* ---- reading ---- */

/* The object in a JSON column; *object stays NULL where nothing was stored. */
static enum status json_column(sqlite3_stmt *statement, enum column column, json_t **object)
{
    json_error_t why;
    const char *text = (const char *)sqlite3_column_text(statement, SELECT_COLUMNS + (int)column);
    if (text && !(*object = json_loads(text, 0, &why)))
        return error_set(ERR_DATABASE, "%s=%.40s: %s", column_name((int)column), text, why.text);
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
        r->crossings[i] = json_member(crossings, (char[]){'0', '.', (char)('9' - i), 0});
    r->predicted = (struct prediction){.lambda0 = NAN, .delta = NAN, .jump = NAN, .w_jump = NAN, .om = NAN, .q = NAN,
                                       .w_q = NAN, .integral = NAN};
#define AS_MEMBER(name, meaning) r->predicted.name = json_member(predicted, #name);
    PREDICTIONS(AS_MEMBER)
#undef AS_MEMBER
    r->flow_plateau = json_member(predicted, "flow");
    for (int i = 0; i < COUNT(solver_names); i++)
        r->solver[i] = (long)json_integer_value(json_object_get(solver, solver_names[i]));
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
    for (int i = 0; i < COUNT(reals); i++) {
        bool null = sqlite3_column_type(statement, SELECT_COLUMNS + FIRST_REAL + i) == SQLITE_NULL;
        double value = null ? NAN : sqlite3_column_double(statement, SELECT_COLUMNS + FIRST_REAL + i);
        memcpy((char *)r + reals[i].offset, &value, sizeof value);
    }
    TRY(read_json(statement, r));
done:
    if (rc != OK) {
        error_prefix(rc, "%.150s: run %lld cannot be read, by this version of plateau at least", s->path,
                     (long long)sqlite3_column_int64(statement, SELECT_ID));
        rc = rc == ERR_MEMORY ? rc : ERR_DATABASE;
    }
    return rc;
}

enum status store_has(struct store *store, const char *hash, bool *finished, struct result *result)
{
    enum status rc = OK;
    struct result r;
    *finished = false;
    bind_text(store->by_hash, 1, hash);
    TRY(next(store, store->by_hash, finished));
    if (!*finished)
        goto done;
    TRY(read_result(store, store->by_hash, &r));
    *finished = r.state != RUN_INTERRUPTED;
    if (*finished)
        *result = r;
done:
    *finished = *finished && rc == OK;
    release(store->by_hash);
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
        text_add(&sql, " AND runs.study = ?");
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
    TRY(prepare(s, sql.data, statement));
    if (f->study)
        bind_text(*statement, ++parameter, f->study);
    for (int key = 0; key < KEY_COUNT; key++) {
        for (size_t i = 0; i < f->n[key]; i++)
            bind_key(*statement, ++parameter, (enum key)key, f->values[key][i]);
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
        TRY(next(s, statement, &there));
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
    static const enum column columns[] = {COLUMN_HASH, COLUMN_STUDY,   COLUMN_VERSION,
                                          COLUMN_HOST, COLUMN_STARTED, COLUMN_FINISHED};
    char *copies[COUNT(columns)] = {NULL};
    struct store_row row = {.id = id};
    enum status rc = OK;
    bool there;
    sqlite3_bind_int64(s->by_id, 1, id);
    TRY(next(s, s->by_id, &there));
    if (!there) /* deleted since: there is nothing to visit */
        goto done;
    TRY(read_result(s, s->by_id, &row.result));
    row.has_curve = sqlite3_column_int(s->by_id, SELECT_HAS_CURVE) != 0;
    for (int i = 0; i < COUNT(columns); i++) {
        const char *text = (const char *)sqlite3_column_text(s->by_id, SELECT_COLUMNS + (int)columns[i]);
        REQUIRE(!text || (copies[i] = strdup(text)), ERR_MEMORY, "out of memory for a run");
    }
    row.hash = copies[0], row.study = copies[1], row.version = copies[2], row.host = copies[3];
    row.started = copies[4], row.finished = copies[5];
    release(s->by_id);
    TRY(visit(context, &row));
done:
    release(s->by_id);
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
    TRY(next(store, store->by_id, &there));
    REQUIRE(there, ERR_INPUT, "%s: no run %lld", store->path, (long long)id);
    TRY(read_result(store, store->by_id, &r));
    out->preset = r.keys.preset;
    sqlite3_bind_int64(store->curve, 1, id);
    TRY(next(store, store->curve, &there));
    if (!there)
        goto done;
    sqlite3_int64 rows = sqlite3_column_int64(store->curve, 0);
    const void *data = sqlite3_column_blob(store->curve, 1);
    size_t bytes = (size_t)sqlite3_column_bytes(store->curve, 1), row = TRACE_COLUMNS * sizeof(double);
    REQUIRE(data && rows > 0 && bytes % row == 0 && bytes / row == (size_t)rows, ERR_DATABASE,
            "%s: the curve of run %lld has %zu bytes for %lld rows: the file is damaged; restore a copy", store->path,
            (long long)id, bytes, (long long)rows);
    REQUIRE(out->rows = malloc(bytes), ERR_MEMORY, "out of memory for a curve of %lld rows", (long long)rows);
    memcpy(out->rows, data, bytes);
    out->length = out->allocated = (size_t)rows;
    swap_order(out->rows, bytes / sizeof(double));
done:
    release(store->by_id);
    release(store->curve);
    return rc;
}
