#include "store/store_sql.h"
#include "base/byte_order.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char *const names_first[] = {"hash", "study", "status"};
static const char *const names_last[] = {"unit",    "crossings", "predicted", "solver",   "library",
                                         "version", "host",      "started",   "finished", "checksum"};
#define AS_NAME(field) #field,
static const char *const real_names[] = {STORE_REALS(AS_NAME)};
#undef AS_NAME

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
_Static_assert(FIRST_KEY == COUNT(names_first) && COLUMNS - FIRST_TEXT == COUNT(names_last), "names of the columns");

const char *store_unit(const struct result *result)
{
    return result->keys.preset <= PRESET_TOY ? "time" : "steps";
}

enum status store_check_study(const char *name)
{
    bool good = *name && strlen(name) < STORE_STUDY_NAME && text_is_utf8(name);
    for (const char *c = name; good && *c; c++)
        good = *c != '/' && *c != 0x7F && (unsigned char)*c >= 0x20;
    return good ? OK
                : error_set(ERR_INPUT,
                            "study: the name must be 1 to 63 bytes of UTF-8 without / and control characters");
}

const char *store_column(int i)
{
    return i < FIRST_KEY    ? names_first[i]
           : i < FIRST_REAL ? keys_name((enum key)(i - FIRST_KEY))
           : i < FIRST_TEXT ? real_names[i - FIRST_REAL]
                            : names_last[i - FIRST_TEXT];
}

double *store_real(struct result *r, int i)
{
#define AS_ADDRESS(field) &r->field,
    double *const all[] = {STORE_REALS(AS_ADDRESS)};
#undef AS_ADDRESS
    return all[i];
}

const char *store_column_type(int i)
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

/* Where SQLite may not create a file it tries to read it, and remembers that there is none. The folder's error says
 * why. */
static int why_not_opened(const char *path, int error)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    return error == ENOENT && access(dirname(copy), W_OK | X_OK) != 0 ? errno : error;
}

enum status store_error(struct store *s, const char *doing)
{
    int code = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM,
        system_error = s->db ? sqlite3_system_errno(s->db) : 0;
    const char *reason = s->db ? sqlite3_errmsg(s->db) : "out of memory", *remedy;
    s->busy = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
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
        remedy = "another process holds a lock on this file: wait until it ends, or use another file";
        break;
    case SQLITE_CANTOPEN:
        system_error = why_not_opened(s->path, system_error);
        /* fall through */
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        remedy =
            code == SQLITE_READONLY_DBMOVED
                ? "it was moved, deleted or replaced while it was in use: run the same command again, what was saved "
                  "is in the file that was opened"
                : "check that the file and its folder exist and may be written, or use another file";
        break;
    case SQLITE_INTERRUPT:
        reason = "it takes more steps to look through than a file of its size can need";
        /* fall through */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        remedy = "the file is damaged: restore a copy, or save what is left with `sqlite3 FILE .recover`";
        break;
    default:
        remedy = "was the file changed by another program, or made by another version of plateau? Use a new file";
    }
    bool full = (code & 0xff) == SQLITE_FULL;
    return error_set(ERR_DATABASE, "%s: %s: %s%s%s%s; %s", s->path, doing, reason, system_error || full ? " (" : "",
                     full           ? "disk full"
                     : system_error ? strerror(system_error)
                                    : "",
                     system_error || full ? ")" : "", remedy);
}

enum status store_execute(struct store *s, const char *sql, const char *doing)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : store_error(s, doing);
}

enum status store_prepare(struct store *s, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(s->db, sql, -1, statement, NULL) == SQLITE_OK ? OK : store_error(s, "reading the tables");
}

void store_release(sqlite3_stmt *statement)
{
    if (!statement)
        return;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

enum status store_run(struct store *s, sqlite3_stmt *statement, const char *doing)
{
    if (!statement)
        return error_set(ERR_DATABASE, "%s: %s: the file is open for reading only", s->path, doing);
    enum status rc = sqlite3_step(statement) == SQLITE_DONE ? OK : store_error(s, doing);
    store_release(statement);
    return rc;
}

enum status store_next(struct store *s, sqlite3_stmt *statement, bool *there)
{
    int code = sqlite3_step(statement);
    *there = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? OK : store_error(s, "reading");
}

bool store_step(struct store *s, sqlite3_stmt *statement, enum status *rc)
{
    bool there;
    *rc = store_next(s, statement, &there);
    return there;
}

enum status store_prepare_select(struct store *s, bool bare, const char *where, sqlite3_stmt **statement)
{
    struct text sql = {0};
    store_add_select(&sql, bare);
    text_add(&sql, where);
    enum status rc = text_status(&sql);
    if (rc == OK)
        rc = store_prepare(s, sql.data, statement);
    text_free(&sql);
    return rc;
}

enum status store_ask(struct store *s, const char *sql, const char *parameter, struct text *answer)
{
    sqlite3_stmt *statement = NULL;
    enum status rc = OK;
    bool there;
    text_clear(answer);
    TRY(store_prepare(s, sql, &statement));
    if (parameter)
        store_bind_text(statement, 1, parameter);
    TRY(store_next(s, statement, &there));
    const char *value = there ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    text_add(answer, value ? value : "");
    TRY(text_status(answer));
done:
    sqlite3_finalize(statement);
    return rc;
}

enum status store_id(struct store *s, const char *hash, sqlite3_int64 *id, bool *there)
{
    store_bind_text(s->id_of, 1, hash);
    enum status rc = store_next(s, s->id_of, there);
    *id = sqlite3_column_int64(s->id_of, 0);
    store_release(s->id_of);
    return rc;
}

void store_bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, parameter, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(statement, parameter);
}

void store_bind_real(sqlite3_stmt *statement, int parameter, double value)
{
    if (isnan(value))
        sqlite3_bind_null(statement, parameter);
    else
        sqlite3_bind_double(statement, parameter, value);
}

void store_bind_key(sqlite3_stmt *statement, int parameter, enum key key, double value)
{
    char buffer[32];
    if (isnan(value))
        sqlite3_bind_null(statement, parameter);
    else if (keys_is_choice(key))
        store_bind_text(statement, parameter, keys_text(key, value, buffer));
    else if (keys_is_integer(key))
        sqlite3_bind_int64(statement, parameter, (sqlite3_int64)value);
    else
        sqlite3_bind_double(statement, parameter, value);
}

void store_add_columns(struct text *sql, const char *format)
{
    for (int i = 0; i < COLUMNS; i++) {
        text_add(sql, i ? ", " : "");
        for (const char *f = format; *f; f++) {
            if (*f == '%')
                text_add(sql, store_column(i));
            else if (*f == '#')
                text_add(sql, store_column_type(i));
            else if (*f == '?')
                text_addf(sql, "?%d", i + 1);
            else
                text_add_bytes(sql, f, 1);
        }
    }
}

void store_add_select(struct text *sql, bool bare)
{
    text_add(sql, bare ? "SELECT runs.id, 0, NULL, "
                       : "SELECT runs.id, EXISTS(SELECT 1 FROM curves WHERE curves.run = runs.id), (SELECT "
                         "group_concat(study, ' ') FROM (SELECT study FROM members WHERE members.run = runs.id ORDER "
                         "BY study)), ");
    store_add_columns(sql, "runs.\"%\""); /* with the table named, a missing column is an error and not a string */
    text_add(sql, " FROM runs");
}

void store_swap_order(double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits = byte_order_little64(bits);
        memcpy(&values[i], &bits, sizeof bits);
    }
}
