/* What the tests of the store, import and export share: files in a folder of each test's own, a result with every bit
 * in use, rows read back. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H
#include "store/store.h"
#include "test.h"
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define ok(call) ck_assert_msg((call) == OK, "%s", error_message())
#define refused(call, code, words)                                                                                     \
    do {                                                                                                               \
        enum status rc_ = (call);                                                                                      \
        ck_assert_msg(rc_ == (code), "status %d, want %d: %s", rc_, code, error_message());                            \
        ck_assert_msg(strstr(error_message(), words), "'%s' lacks '%s'", error_message(), words);                      \
    } while (0)

static char folder[64], path_buffer[4][160]; /* of this test */

/* A name in a folder of this test's own. At most four live at a time. */
static inline const char *in_folder(const char *name)
{
    static int used;
    char *path = path_buffer[used++ % 4];
    if (!*folder) {
        strcpy(folder, "/tmp/plateau_test.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
    }
    snprintf(path, sizeof path_buffer[0], "%s/%s", folder, name);
    return path;
}

static inline void clean(void)
{
    static const char *const names[] = {"a.db", "a.db-journal", "b.db", "a.csv", "locked/b.db", "new.db"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in_folder(names[i]));
    rmdir(in_folder("locked"));
    ck_assert_msg(rmdir(folder) == 0, "%s is not empty", folder);
    *folder = '\0'; /* the next test of this process makes its own */
}

static inline struct store *opened(const char *path, enum store_mode mode)
{
    struct store *s;
    enum status rc = store_open(path, mode, "test_store 'a b'", &s);
    ck_assert_msg(rc == OK, "%s", error_message());
    return s;
}

static inline void write_bytes(const char *path, const char *bytes, size_t n)
{
    unlink(path); /* which would not be overwritten if it is a database */
    ok(text_write_file(path, bytes, n));
}

/* Changes a database behind the store's back. */
static inline void edit(const char *path, const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* Makes it a file of schema 3: without checksums, and without the files that imported runs came from. */
static inline void make_older(const char *path)
{
    edit(path, "ALTER TABLE runs DROP COLUMN checksum; ALTER TABLE curves DROP COLUMN checksum; DROP TABLE sources; "
               "UPDATE meta SET value = '3' WHERE key = 'schema'; PRAGMA user_version = 3");
}

static inline struct text bytes_of(const char *path)
{
    struct text t = {0};
    ok(text_read_file(path, 1 << 28, &t));
    return t;
}

/* A result whose every field differs from every other and has all its bits in use. */
static inline struct result example(enum model model, double seed)
{
    double given[KEY_COUNT];
    struct result r = {.state = RUN_EMERGED,
                       .plateau = 1e3 / 3,
                       .cap = 1e5 / 7,
                       .initial_loss = M_PI,
                       .null_loss = M_E,
                       .final_loss = 1e-310,
                       .wall_s = 1.0 / 3,
                       .flow_plateau = M_SQRT2,
                       .solver = {1, 22, 333, 1L << 40},
                       .steps_done = 12345,
                       .tokens_per_s = 1e9 / 7};
    for (int i = 0; i < KEY_COUNT; i++)
        given[i] = NAN;
    given[KEY_model] = model;
    given[KEY_seed] = seed;
    given[KEY_p] = 0.1;
    ok(keys_resolve(given, &r.keys));
    for (int i = 0; i < FLOW_LEVELS; i++)
        r.crossings[i] = i == 8 ? NAN : 100.0 / (i + 3);
    r.predicted.eq6 = 1e2 / 3, r.predicted.asinh = 5, r.predicted.closed = NAN, r.predicted.quadrature = 1e300 / 3;
    return r;
}

static inline bool same(double a, double b)
{
    return (a == b && !signbit(a) == !signbit(b)) || (isnan(a) && isnan(b));
}

static inline void same_result(const struct result *a, const struct result *b)
{
#define SAME(field) ck_assert_msg(same(a->field, b->field), #field ": %.17g, %.17g", a->field, b->field)
    ck_assert_int_eq(a->state, b->state);
    ck_assert_int_eq(a->keys.preset, b->keys.preset);
    for (int i = 0; i < KEY_COUNT; i++)
        ck_assert_msg(same(a->keys.value[i], b->keys.value[i]), "%s", keys_name((enum key)i));
    SAME(plateau), SAME(cap), SAME(initial_loss), SAME(null_loss), SAME(final_loss), SAME(wall_s), SAME(flow_plateau);
    SAME(steps_done), SAME(tokens_per_s), SAME(predicted.eq6), SAME(predicted.asinh), SAME(predicted.closed);
    SAME(predicted.quadrature);
    for (int i = 0; i < FLOW_LEVELS; i++)
        SAME(crossings[i]);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(a->solver[i], b->solver[i]);
}

static inline void fill(const char *path, int runs)
{
    struct store *s = opened(path, STORE_WRITE);
    ok(store_begin(s));
    for (int i = 0; i < runs; i++) {
        struct result r = example(MODEL_FLOW, i);
        ok(store_put(s, NULL, NULL, &r, NULL));
    }
    ok(store_commit(s));
    store_close(s);
}

/* Both modes refuse the file, with these words, and leave every byte. */
static inline void left_alone(const char *path, enum status code, const char *words)
{
    struct text before = bytes_of(path);
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct store *s;
        refused(store_open(path, (enum store_mode)mode, NULL, &s), code, words);
        ck_assert_ptr_null(s);
        ck_assert(strstr(error_message(), path));
    }
    struct text after = bytes_of(path);
    ck_assert(before.length == after.length && !memcmp(before.data, after.data, before.length));
    text_free(&before);
    text_free(&after);
}

/* Keeps the last row and the order of the ids and seeds. */
struct seen {
    int revision[1000];
    size_t n;
    int64_t id[1000];
    double seed[1000];
    struct result result;
    bool has_curve;
    char study[32];
};

static inline enum status remember(void *context, const struct store_row *row)
{
    struct seen *s = context;
    ck_assert(s->n < 1000);
    s->id[s->n] = row->id;
    s->revision[s->n] = row->revision;
    s->seed[s->n++] = row->result.keys.value[KEY_seed];
    s->result = row->result;
    s->has_curve = row->has_curve;
    snprintf(s->study, sizeof s->study, "%s", row->study ? row->study : "(none)");
    ck_assert(row->hash && row->version && row->host && row->finished && strlen(row->finished) == 20);
    return OK;
}

static inline struct seen walk(struct store *s, const struct store_filter *filter)
{
    struct seen seen = {0};
    ok(store_each(s, filter, remember, &seen));
    return seen;
}

#endif
