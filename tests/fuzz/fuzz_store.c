/* Results databases: a good one, with bits flipped, pieces overwritten, cut off, edited as by other programs, with
 * files beside it. Whatever comes of that is refused, or gives rows and curves that are those of the good one; no other
 * file is touched, and nothing takes five seconds. */
#include "fuzz.h"
#include "base/progress.h"
#include "store/store.h"
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RUNS = 24, CURVES = 4, LENGTH = 50, BYTES = 4 }; /* of an operation */
static const char study[] = "fuzz", mine[] = "not a database of anybody\n";

static char folder[64] = "/tmp/fuzz_store.XXXXXX", path[96], beside[96], victim[96];
static struct text image; /* the good file */
static struct result runs[RUNS];
static char hashes[RUNS][33];

static struct result run(int i)
{
    double given[KEY_COUNT];
    struct result r = {.state = i % 5 ? RUN_EMERGED : RUN_CENSORED,
                       .plateau = i % 5 ? 100.0 / (i + 1) : NAN,
                       .cap = 1e3 + i,
                       .initial_loss = 1.0 / 3,
                       .null_loss = 0.5,
                       .final_loss = 1e-3 / (i + 1),
                       .wall_s = 0.1 * i,
                       .flow_plateau = NAN,
                       .steps_done = NAN,
                       .tokens_per_s = NAN,
                       .predicted = prediction_none};
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = MODEL_FLOW;
    given[KEY_T] = 64 << i % 4;
    given[KEY_seed] = i;
    FUZZ_CHECK(keys_resolve(given, &r.keys) == OK);
    for (int level = 0; level < FLOW_LEVELS; level++)
        r.crossings[level] = level < 7 ? 10.0 * level / (i + 1) : NAN;
    r.predicted.eq6 = 7.0 / (i + 1);
    return r;
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(name, "wb");
    FUZZ_CHECK(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

static bool is_file(const char *name, const char *bytes, size_t n)
{
    struct text t = {0};
    const bool same = text_read_file(name, 1 << 20, &t) == OK && t.length == n && !memcmp(t.data, bytes, n);
    text_free(&t);
    return same;
}

static void clear(void)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void clear_up(void)
{
    clear();
    unlink(victim);
    rmdir(folder);
}

static void prepare(void)
{
    struct store *s;
    stderr = fopen("/dev/null", "w"); /* the rows that are named; reports of sanitizers go to the descriptor */
    if (access("/dev/shm", W_OK) == 0)
        snprintf(folder, sizeof folder, "/dev/shm/fuzz_store.XXXXXX");
    FUZZ_CHECK(stderr && mkdtemp(folder));
    atexit(clear_up);
    snprintf(path, sizeof path, "%s/a.db", folder);
    snprintf(beside, sizeof beside, "%s/a.db-journal", folder);
    snprintf(victim, sizeof victim, "%s/mine", folder);
    write_file(victim, mine, sizeof mine - 1);
    FUZZ_CHECK(store_open(path, STORE_WRITE, "fuzz", &s) == OK && store_begin(s) == OK);
    for (int i = 0; i < RUNS; i++) {
        struct trace t = {0};
        runs[i] = run(i);
        keys_hash(&runs[i].keys, hashes[i]);
        trace_begin(&t, &runs[i].keys);
        for (int k = 0; i < CURVES && k < LENGTH; k++)
            FUZZ_CHECK(trace_add(&t, (double[64]){k, i, k / 3.0, 4, 5, 6, 7, 8}) == OK);
        FUZZ_CHECK(store_put(s, study, NULL, &runs[i], i < CURVES ? &t : NULL) == OK);
        trace_free(&t);
    }
    FUZZ_CHECK(store_commit(s) == OK);
    store_close(s);
    FUZZ_CHECK(text_read_file(path, 1 << 24, &image) == OK);
}

#define ENDLESS "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "

/* What other programs may do to a file, as SQL. */
static void edit(unsigned which)
{
    static const char *const edits[] = {
        "UPDATE runs SET T = 1024 WHERE id % 3 = 0",
        "UPDATE runs SET plateau = plateau * 1.01 WHERE id % 2 = 0",
        "UPDATE runs SET status = 'emerged', plateau = cap WHERE status = 'censored'",
        "UPDATE runs SET hash = lower(hex(randomblob(16))) WHERE id = 7",
        "UPDATE runs SET checksum = NULL",
        "UPDATE runs SET id = id + 100",
        "UPDATE OR REPLACE runs SET id = 25 - id",
        "UPDATE curves SET run = 30 - run",
        "UPDATE curves SET data = zeroblob(length(data))",
        "UPDATE curves SET rows = 1",
        "UPDATE runs SET crossings = '{', predicted = zeroblob(1000000)",
        "INSERT INTO runs(hash, status) VALUES('x', 'emerged')",
        "DELETE FROM runs WHERE id < 5",
        "CREATE TRIGGER a BEFORE INSERT ON meta BEGIN DELETE FROM runs; END",
        "CREATE TRIGGER b AFTER INSERT ON runs BEGIN UPDATE runs SET plateau = 1; END",
        ("CREATE VIEW v AS " ENDLESS "SELECT * FROM n"),
        ("ALTER TABLE runs RENAME TO r; CREATE VIEW runs AS " ENDLESS "SELECT r.* FROM r, n"),
        ("ALTER TABLE meta RENAME TO m; CREATE VIEW meta AS " ENDLESS "SELECT x AS key, x AS value FROM n"),
        "CREATE INDEX i ON runs(abs(plateau))",
        "ALTER TABLE runs ADD COLUMN more AS (plateau * 2)",
        "PRAGMA user_version = 3",
        "PRAGMA user_version = 5",
        "PRAGMA journal_mode = WAL",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE runs(id)' WHERE name = 'runs'",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 3 WHERE name LIKE 'sqlite_auto%'",
        "DROP TABLE members",
        "VACUUM",
    };
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, (int *)NULL);
        sqlite3_exec(db, edits[which % (sizeof edits / sizeof edits[0])], NULL, NULL, NULL);
    }
    sqlite3_close(db);
}

static void put_beside(unsigned which, const uint8_t *bytes, size_t n)
{
    static const char names_victim[] = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
    unlink(beside);
    if (which % 3 == 0) {
        FUZZ_CHECK(symlink(victim, beside) == 0);
    } else if (which % 3 == 1) {
        write_file(beside, bytes, n);
    } else {
        struct text t = {0};
        text_add_bytes(&t, (const char *)bytes, n);
        text_add(&t, victim);
        text_add_bytes(&t, names_victim, sizeof names_victim - 1);
        write_file(beside, t.data, t.length);
        text_free(&t);
    }
}

/* The file that the operations make: of four bytes each, what, and where or which. */
static void mutate(const uint8_t *data, size_t size)
{
    struct text t = {0};
    text_add_bytes(&t, image.data, image.length);
    FUZZ_CHECK(!t.failed);
    for (const uint8_t *op = data; op + BYTES <= data + size; op += BYTES) {
        const size_t at = ((size_t)op[1] << 16 | (size_t)op[2] << 8 | op[3]) % (t.length ? t.length : 1);
        const unsigned kind = op[0] >> 5;
        if (t.length && kind < 4)
            t.data[at] ^= (char)(1 << (op[0] & 7)); /* most often a bit */
        else if (t.length && kind == 4)
            memset(t.data + at, op[0] & 31, t.length - at < 32 ? t.length - at : 32);
        else if (kind == 5)
            t.length = at;
    }
    write_file(path, t.data, t.length);
    text_free(&t);
    for (const uint8_t *op = data; op + BYTES <= data + size; op += BYTES) {
        if (op[0] >> 5 == 6)
            edit(op[1]);
        else if (op[0] >> 5 == 7)
            put_beside(op[1], data, size);
    }
}

/* A row that is given is one of those that were saved. */
static enum status look(void *context, const struct store_row *row)
{
    struct store *s = context;
    const struct result *r = &row->result;
    struct trace t = {0};
    int i = 0;
    while (i < RUNS && strcmp(hashes[i], row->hash) != 0)
        i++;
    FUZZ_CHECK(i < RUNS);
    const struct result *good = &runs[i];
    FUZZ_CHECK(r->state == good->state && !memcmp(&r->cap, &good->cap, sizeof r->cap));
    FUZZ_CHECK(r->plateau == good->plateau || (isnan(r->plateau) && isnan(good->plateau)));
    FUZZ_CHECK(r->final_loss == good->final_loss && r->predicted.eq6 == good->predicted.eq6);
    for (int key = 0; key < KEY_COUNT; key++)
        FUZZ_CHECK(keys_same(&r->keys, &good->keys, (enum key)key));
    for (int level = 0; level < FLOW_LEVELS; level++)
        FUZZ_CHECK(r->crossings[level] == good->crossings[level] || isnan(good->crossings[level]));
    if (row->has_curve && store_curve(s, row->id, &t) == OK && t.length) {
        FUZZ_CHECK(t.length == LENGTH && t.rows[1] == i);
        FUZZ_CHECK(t.rows[(size_t)t.columns * (LENGTH - 1)] == LENGTH - 1);
    }
    trace_free(&t);
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *s;
    const double begin = progress_clock();
    if (!image.length)
        prepare();
    clear();
    mutate(data, size);
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        enum status rc = store_open(path, (enum store_mode)mode, "fuzz", &s);
        if (rc == OK)
            rc = store_each(s, NULL, look, s);
        if (rc == OK && mode == STORE_WRITE)
            rc = store_put(s, study, NULL, &runs[0], NULL);
        if (rc == OK && mode == STORE_WRITE)
            rc = store_each(s, NULL, look, s);
        FUZZ_CHECK(rc == OK || *error_message());
        store_close(s);
    }
    FUZZ_CHECK(is_file(victim, mine, sizeof mine - 1));
    FUZZ_CHECK(progress_clock() - begin < 5);
    return 0;
}
