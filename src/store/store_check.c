/* What the store trusts: a file whose tables are those of plateau and nothing else, rows that are what was saved. */
#include "store/store_sql.h"
#include "base/hash.h"
#include "base/list.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char store_create_runs[] = "CREATE TABLE runs(id INTEGER PRIMARY KEY";
const char store_create_curves[] =
    "CREATE TABLE curves(run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE, rows INTEGER, data BLOB, "
    "checksum TEXT)";
static const char oldest_curves[] =
    "CREATE TABLE curves(run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE, rows INTEGER, data BLOB)";
const char store_create_members[] =
    "CREATE TABLE members(study TEXT, run INTEGER REFERENCES runs(id) ON DELETE CASCADE, PRIMARY KEY(study, run)) "
    "WITHOUT ROWID";
const char store_create_index[] = "CREATE INDEX members_run ON members(run)";
const char store_create_sources[] =
    "CREATE TABLE sources(run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE, path TEXT)";
const char store_create_meta[] = "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT)";

/* ---- beside the file ---- */

/* The last bytes of a journal that names another file, which SQLite would delete. Journals of plateau never do. */
static const unsigned char names_a_file[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};

static enum status check_journal(const char *path)
{
    enum status rc = OK;
    struct stat info;
    unsigned char end[sizeof names_a_file];
    FILE *file = NULL;
    if (lstat(path, &info) != 0)
        return OK;
    REQUIRE(S_ISREG(info.st_mode), ERR_INPUT, "%s: not a regular file; nothing was touched, remove it", path);
    REQUIRE(file = fopen(path, "rb"), ERR_INPUT, "%s: %s", path, strerror(errno));
    if (fseek(file, -(long)sizeof end, SEEK_END) == 0 && fread(end, sizeof end, 1, file) == 1)
        REQUIRE(memcmp(end, names_a_file, sizeof end) != 0, ERR_INPUT,
                "%s: a journal that names another file, which is none of plateau; nothing was touched, remove it",
                path);
done:
    if (file)
        fclose(file);
    return rc;
}

enum status store_check_beside(const char *path)
{
    static const char *const ends[] = {"-journal", "-wal", "-shm"};
    enum status rc = OK;
    struct text beside = {0};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        text_clear(&beside);
        text_addf(&beside, "%s%s", path, ends[i]);
        TRY(text_status(&beside));
        TRY(check_journal(beside.data));
    }
done:
    text_free(&beside);
    return rc;
}

/* ---- what the file may do ---- */

enum { GUARD_EVERY = 1000 }; /* operations of SQLite's machine between two looks */

static int count_operations(void *context)
{
    struct store *s = context;
    s->operations -= GUARD_EVERY;
    return s->operations < 0;
}

void store_distrust(sqlite3 *db)
{
    static const struct {
        int what, value;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, /* the views through which older files are read are temporary, and stay */
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        sqlite3_db_config(db, settings[i].what, settings[i].value, (int *)NULL);
}

void store_guard(struct store *s, double file_bytes)
{
    store_distrust(s->db);
    s->operations = 1e7 + 4 * file_bytes; /* a row takes fewer than it has bytes */
    sqlite3_progress_handler(s->db, GUARD_EVERY, count_operations, s);
}

/* ---- the tables ---- */

/* Points behind `"name" TYPE`, which may be unique and not null or have a plain default; NULL for anything else. */
static const char *past_column(const char *p)
{
    static const char *const types[] = {" TEXT UNIQUE NOT NULL", " TEXT", " INTEGER", " REAL"};
    const size_t name = *p == '"' ? strcspn(p + 1, "\"") : 0;
    size_t type = 0;
    if (!name || p[name + 1] != '"')
        return NULL;
    p += name + 2;
    while (type < sizeof types / sizeof types[0] && strncmp(p, types[type], strlen(types[type])) != 0)
        type++;
    if (type == sizeof types / sizeof types[0])
        return NULL;
    p += strlen(types[type]);
    if (strncmp(p, " DEFAULT ", 9) != 0)
        return p;
    p += 9;
    const bool quoted = *p == '\'';
    const size_t value = quoted ? strcspn(p + 1, "'") : strspn(p, "+-.0123456789eE");
    return value && (!quoted || p[value + 1] == '\'') ? p + value + (quoted ? 2 : 0) : NULL;
}

/* Does this statement make a table of runs? It may have the columns of this version, an older or a newer one, but
 * nothing else. */
static bool is_runs(const char *sql)
{
    const size_t head = sizeof store_create_runs - 1;
    const char *p = sql + head;
    if (strncmp(sql, store_create_runs, head) != 0)
        return false;
    while (p && !strncmp(p, ", ", 2))
        p = past_column(p + 2);
    return p && !strcmp(p, ")");
}

/* Is the object of the schema that `row` stands on one of plateau's, then noted in *known, or one that SQLite adds? */
static bool is_ours(sqlite3_stmt *row, int *known, int schema)
{
    static const char *const exactly[] = {store_create_curves,
                                          store_create_members,
                                          store_create_index,
                                          store_create_meta,
                                          store_create_sources,
                                          "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
                                          "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"};
    const char *name = (const char *)sqlite3_column_text(row, 1), *sql = (const char *)sqlite3_column_text(row, 2);
    if (!name)
        return false;
    if (!sql)
        return !strncmp(name, "sqlite_autoindex_", 17);
    for (int i = 0; i < (int)(sizeof exactly / sizeof exactly[0]); i++) {
        if (!strcmp(sql, exactly[i]) || (i == 0 && schema == STORE_OLDEST && !strcmp(sql, oldest_curves))) {
            *known |= 1 << i;
            return true;
        }
    }
    *known |= 1 << 7;
    return is_runs(sql);
}

/* An object that plateau did not make may do anything when the tables are used. So it is named, and nothing is read. */
static enum status check_objects(struct store *s)
{
    enum status rc = OK;
    sqlite3_stmt *row = NULL;
    int known = 0;
    TRY(store_prepare(s, "SELECT type, name, sql FROM sqlite_master", &row));
    while (store_step(s, row, &rc)) {
        const char *type = (const char *)sqlite3_column_text(row, 0), *name = (const char *)sqlite3_column_text(row, 1);
        REQUIRE(
            is_ours(row, &known, s->schema), ERR_DATABASE,
            "%s: it holds the %.20s \"%.60s\", which is not as plateau makes it; remove it with `sqlite3 FILE 'drop "
            "%.20s ..'` if it is yours, or use another file",
            s->path, type ? type : "object", name ? name : "", type ? type : "..");
    }
    TRY(rc);
    const int needed = s->schema == STORE_OLDEST ? 1 | 2 | 8 | 128 : 1 | 2 | 8 | 16 | 128;
    REQUIRE((known & needed) == needed, ERR_DATABASE,
            "%s: it lacks a table of plateau: the file is damaged; restore a copy", s->path);
done:
    sqlite3_finalize(row);
    return rc;
}

enum status store_has_column(struct store *s, const char *name, bool *yes)
{
    enum status rc = OK;
    struct text sql = {0}, answer = {0};
    text_addf(&sql, "SELECT count(*) FROM pragma_table_info('runs') WHERE name = '%s'", name);
    TRY(text_status(&sql));
    TRY(store_ask(s, sql.data, NULL, &answer));
    *yes = strcmp(answer.data, "0") != 0;
done:
    text_free(&sql);
    text_free(&answer);
    return rc;
}

const char *store_absent(int column, char buffer[64])
{
    if (column == COLUMN_CHECKSUM)
        return "NULL";
    if (column < FIRST_KEY || column >= FIRST_REAL)
        return NULL;
    const enum key key = (enum key)(column - FIRST_KEY);
    const char *text = keys_absent(key), *quote = keys_is_choice(key) ? "'" : "";
    if (!text)
        return NULL;
    snprintf(buffer, 64, "%s%s%s", quote, text, quote);
    return buffer;
}

static enum status check_columns(struct store *s)
{
    enum status rc = OK;
    char buffer[64];
    bool there;
    for (int i = 0; i < COLUMNS; i++) {
        TRY(store_has_column(s, store_column(i), &there));
        REQUIRE(there || (store_absent(i, buffer) && (i != COLUMN_CHECKSUM || s->schema == STORE_OLDEST)), ERR_DATABASE,
                "%s: its table of runs lacks the column %s: was the file changed by another program? Use another file",
                s->path, store_column(i));
    }
done:
    return rc;
}

enum status store_check(struct store *s, enum store_mode mode)
{
    enum status rc = OK;
    struct text answer = {0};
    /* A reader of the runs need not check every curve. */
    static const char *const looks[] = {"PRAGMA integrity_check('runs')", "PRAGMA integrity_check('members')",
                                        "PRAGMA integrity_check(1)"};
    TRY(store_ask(s, "PRAGMA user_version", NULL, &answer));
    s->schema = (int)strtol(answer.data, NULL, 10);
    REQUIRE(s->schema >= STORE_OLDEST && s->schema <= STORE_SCHEMA, ERR_DATABASE,
            "%s: schema version %s, but this plateau (" PACKAGE_VERSION
            ") reads versions %d to %d; export it with the plateau that made it, or use a new file",
            s->path, answer.data, STORE_OLDEST, STORE_SCHEMA);
    TRY(check_objects(s));
    for (int i = mode == STORE_WRITE ? 2 : 0; i < (mode == STORE_WRITE ? 3 : 2); i++) {
        TRY(store_ask(s, looks[i], NULL, &answer));
        REQUIRE(!strcmp(answer.data, "ok"), ERR_DATABASE,
                "%s: the file is damaged (%.200s); restore a copy, or save what is left with `sqlite3 FILE .recover`",
                s->path, answer.data);
    }
    TRY(store_ask(s, "SELECT value FROM meta WHERE key = 'schema'", NULL, &answer));
    REQUIRE(strtol(answer.data, NULL, 10) == s->schema, ERR_DATABASE,
            "%s: its table meta names schema '%s', its header %d: the file is damaged; restore a copy", s->path,
            answer.data, s->schema);
    TRY(check_columns(s));
    sqlite3_progress_handler(s->db, 0, NULL, NULL); /* from here on all queries are plateau's, on whole tables */
done:
    text_free(&answer);
    return rc;
}

/* ---- sums ---- */

/* The checksum takes eight bytes at a time, the least significant first, which is faster than hash.h for long curves.
 * Bytes that the end of a text lacks are 0, and its length follows.
 *
 *     sum <- (sum ^ word) * odd,   sum <- sum ^ (sum >> 32)
 *
 * Both are one to one, so a word that changes always changes the sum. It shows damage and edits, not forgery. */
static uint64_t add_word(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

enum { WORD = 8 };

static inline uint64_t word_of(const unsigned char *bytes, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

static uint64_t add_sum(uint64_t sum, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    size_t left = n;
    for (; left >= WORD; left -= WORD, b += WORD)
        sum = add_word(sum, word_of(b, WORD));
    return add_word(add_word(sum, word_of(b, left)), n);
}

static void sum_text(uint64_t sum, char text[17])
{
    snprintf(text, 17, "%016" PRIx64, sum);
}

/* Is the column a key, and its value the one that rows from before that key have? */
static bool is_absent(sqlite3_stmt *row, int column)
{
    const bool is_key = column >= FIRST_KEY && column < FIRST_REAL;
    const enum key key = (enum key)(column - FIRST_KEY);
    const char *old = is_key ? keys_absent(key) : NULL;
    if (!old)
        return false;
    if (!keys_is_choice(key))
        return sqlite3_column_double(row, SELECT_COLUMNS + column) == strtod(old, NULL);
    const char *value = (const char *)sqlite3_column_text(row, SELECT_COLUMNS + column);
    return value && !strcmp(value, old);
}

void store_sum_row(sqlite3_stmt *row, char text[17])
{
    uint64_t sum = HASH_START;
    for (int i = 0; i < COLUMN_CHECKSUM; i++) {
        const int column = SELECT_COLUMNS + i, type = sqlite3_column_type(row, column);
        const char *name = store_column(i);
        if (type == SQLITE_NULL || is_absent(row, i))
            continue;
        const char kind = (char)('0' + type);
        sum = add_sum(add_sum(sum, name, strlen(name) + 1), &kind, 1);
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
            double bits = type == SQLITE_FLOAT ? sqlite3_column_double(row, column) : 0;
            const sqlite3_int64 whole = sqlite3_column_int64(row, column);
            if (type == SQLITE_INTEGER)
                memcpy(&bits, &whole, sizeof bits);
            store_swap_order(&bits, 1);
            sum = add_sum(sum, &bits, sizeof bits);
        } else {
            const void *bytes = sqlite3_column_blob(row, column);
            const int n = sqlite3_column_bytes(row, column);
            sum = add_sum(add_sum(sum, bytes, (size_t)n), "", 1);
        }
    }
    sum_text(sum, text);
}

enum status store_seal(struct store *s, sqlite3_int64 id)
{
    enum status rc = OK;
    bool there;
    char sum[17];
    sqlite3_bind_int64(s->by_id, 1, id);
    TRY(store_next(s, s->by_id, &there));
    REQUIRE(there, ERR_DATABASE, "%s: run %lld is gone while it is saved", s->path, (long long)id);
    store_sum_row(s->by_id, sum);
    store_release(s->by_id);
    store_bind_text(s->seal, 1, sum);
    sqlite3_bind_int64(s->seal, 2, id);
    TRY(store_run(s, s->seal, "saving a run"));
    for (size_t i = 0; i < s->n_damaged; i++) { /* it is sound again */
        if (s->damaged[i] == id)
            memmove(&s->damaged[i], &s->damaged[i + 1], (--s->n_damaged - i) * sizeof *s->damaged);
    }
done:
    store_release(s->by_id);
    return rc;
}

void store_sum_curve(const char *hash, const void *data, size_t bytes, char text[17])
{
    sum_text(add_sum(add_sum(HASH_START, hash, strlen(hash) + 1), data, bytes), text);
}

/* ---- rows ---- */

static const char imported[] = "import:";
enum { HASH_DIGITS = 32 };

bool store_is_import(const char *hash)
{
    return hash && strlen(hash) >= sizeof imported - 1 + HASH_DIGITS && !strncmp(hash, imported, sizeof imported - 1);
}

const char *store_hash(const struct store *s, const char *hash, char buffer[48])
{
    const size_t n = hash ? strlen(hash) : 0;
    if (s->schema != STORE_OLDEST || !store_is_import(hash))
        return hash;
    snprintf(buffer, 48, "%s%s", imported, hash + n - HASH_DIGITS);
    return buffer;
}

/* A key that applies must have a value that it takes, the others none. Files with checksums need not be asked. */
static enum status check_keys(const struct keys *keys)
{
    enum status rc = OK;
    char buffer[32];
    double back;
    for (int i = 0; i < KEY_COUNT; i++) {
        const enum key key = (enum key)i;
        const double value = keys->value[i];
        REQUIRE(isnan(value) == !keys_applies(key, keys->preset), ERR_DATABASE, "%s: %s", keys_name(key),
                isnan(value) ? "it has no value" : "it does not apply to such a run");
        if (!isnan(value))
            TRY(keys_value(key, keys_text(key, value, buffer), &back));
    }
done:
    return rc == ERR_MEMORY || rc == OK ? rc : ERR_DATABASE;
}

enum status store_verify(struct store *s, sqlite3_stmt *row, const struct result *r, int *revision)
{
    enum status rc = OK;
    char hash[HASH_DIGITS + 1], sum[17];
    struct text which = {0};
    const char *own = (const char *)sqlite3_column_text(row, SELECT_COLUMNS + COLUMN_HASH);
    const char *stored = (const char *)sqlite3_column_text(row, SELECT_COLUMNS + COLUMN_CHECKSUM);
    const size_t n = own ? strlen(own) : 0;
    if (s->schema == STORE_OLDEST)
        TRY(check_keys(&r->keys));
    const char *digits = store_is_import(own) ? own + n - HASH_DIGITS : own ? own : "";
    int made_by = KEYS_NUMERICS_REVISION;
    do
        keys_hash_at(&r->keys, made_by, hash);
    while (strcmp(digits, hash) != 0 && --made_by > 0);
    *revision = store_is_import(own) ? 0 : made_by;
    if (made_by == 0) {
        keys_describe(&r->keys, &which);
        REQUIRE(false, ERR_DATABASE, "%.300s: these keys do not make its hash %.40s", which.data ? which.data : "?",
                own ? own : "(none)");
    }
    if (s->schema != STORE_OLDEST) {
        store_sum_row(row, sum);
        if (!stored || strcmp(stored, sum) != 0) {
            keys_describe(&r->keys, &which);
            REQUIRE(false, ERR_DATABASE, "%.300s: its values do not make its checksum %.20s",
                    which.data ? which.data : "?", stored ? stored : "(none)");
        }
    }
done:
    text_free(&which);
    return rc;
}

static enum status note_older(struct store *s, sqlite3_int64 id, int revision)
{
    enum status rc = OK;
    TRY(list_room(&s->older, s->n_older, &s->older_allocated, sizeof *s->older, "runs"));
    s->older[s->n_older++] = (struct store_older){id, revision};
done:
    return rc;
}

enum { MOST_NAMED = 10 };

/* Says of a damaged row what is wrong with it, and that it is not used. */
static enum status name_row(struct store *s, sqlite3_int64 id)
{
    enum status rc = OK;
    if (s->n_damaged < MOST_NAMED)
        fprintf(stderr, "plateau: %s: run %lld is not used: %s\n", s->path, (long long)id, error_message());
    TRY(list_room(&s->damaged, s->n_damaged, &s->damaged_allocated, sizeof *s->damaged, "runs"));
    s->damaged[s->n_damaged++] = id;
done:
    return rc;
}

static enum status file_version(struct store *s, sqlite3_int64 *version)
{
    bool there;
    enum status rc = store_next(s, s->data_version, &there);
    *version = sqlite3_column_int64(s->data_version, 0);
    store_release(s->data_version);
    return rc;
}

enum status store_verify_all(struct store *s)
{
    enum status rc = OK;
    sqlite3_stmt *row = NULL;
    struct result r;
    bool good;
    int revision;
    sqlite3_int64 version;
    s->busy = false;
    TRY(file_version(s, &version));
    s->unchanged = s->verified && version == s->version;
    if (s->verified)
        goto done;
    s->version = version;
    TRY(store_prepare_select(s, true, "", &row));
    while (store_step(s, row, &rc)) {
        const sqlite3_int64 id = sqlite3_column_int64(row, SELECT_ID);
        TRY(store_good(s, row, &r, &good, &revision));
        if (!good)
            TRY(name_row(s, id));
        else if (revision > 0 && revision < KEYS_NUMERICS_REVISION)
            TRY(note_older(s, id, revision));
    }
    TRY(rc);
    s->verified = s->unchanged = true;
    if (s->n_damaged > MOST_NAMED)
        fprintf(stderr, "plateau: %s: nor are %zu other runs\n", s->path, s->n_damaged - MOST_NAMED);
    if (s->n_damaged)
        fprintf(
            stderr,
            "plateau: %s: edited, damaged, or of another version of plateau; a sweep makes such runs again, `plateau "
            "forget %s --damaged` removes them\n",
            s->path, s->path);
done:
    sqlite3_finalize(row);
    return rc;
}
