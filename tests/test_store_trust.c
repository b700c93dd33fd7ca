/* What the store trusts: rows that are what was saved, in files that bring nothing along; and what older files have. */
#include "store_fixture.h"
#include <sys/stat.h>

/* What is not a row of plateau, or not the one that was saved, is named and not used, and the others are. */
START_TEST(damaged_rows)
{
    const char *path = in_folder("a.db");
    fill(path, 3);
    static const char *const bad[] = {"metric = 'own'",
                                      "status = 'zombie'",
                                      "T = T * 2",
                                      "T = NULL",
                                      "threshold = 0.3",
                                      "plateau = plateau * 2",
                                      "wall_s = wall_s + 1",
                                      "version = 'x'",
                                      "checksum = NULL",
                                      "checksum = substr(checksum, 2)",
                                      "hash = substr(hash, 2)",
                                      "lr = 1",
                                      "plateau = x'31'",
                                      "crossings = '{'"};
    struct text whole = bytes_of(path);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sql[128], hash[33];
        struct result r = example(MODEL_FLOW, 1), back;
        bool there;
        snprintf(sql, sizeof sql, "UPDATE runs SET %s WHERE id = 2", bad[i]);
        edit(path, sql);
        struct store *s = opened(path, STORE_WRITE);
        struct seen left = walk(s, NULL);
        ck_assert_msg(left.n == 2 && left.id[0] == 1 && left.id[1] == 3, "%s: %zu rows", bad[i], left.n);
        keys_hash(&r.keys, hash);
        ok(store_has(s, hash, &there, &back, &(bool){false}));
        ck_assert_msg(!there, "%s", bad[i]);
        refused(store_curve(s, 2, &(struct trace){0}), ERR_DATABASE, "run 2 is not what was saved");
        ok(store_put(s, NULL, NULL, &r, NULL)); /* made again, it takes the place of the damaged row */
        left = walk(s, NULL);
        ck_assert_msg(left.n == 3, "%s: made again", bad[i]);
        store_close(s);
        write_bytes(path, whole.data, whole.length);
    }
    text_free(&whole);
    clean();
}
END_TEST

/* Runs of an earlier numerics revision are read, by writers too, until this one's take their places in all studies. */
START_TEST(older_revision)
{
    const char *path = in_folder("a.db");
    struct trace t = {0}, curve;
    char sql[256], own[33], older[33];
    ck_assert_int_ge(KEYS_NUMERICS_REVISION, 2);
    struct store *s = opened(path, STORE_WRITE);
    for (int i = 1; i <= 3; i++) {
        const struct result r = example(MODEL_FLOW, i);
        trace_begin(&t, &r.keys);
        ok(trace_add(&t, (double[64]){i}));
        ok(store_put(s, "old", NULL, &r, &t));
        trace_free(&t);
    }
    store_close(s);
    make_older(path); /* without checksums: a hash may be set by hand */
    for (int i = 1; i <= 3; i++) {
        const struct result r = example(MODEL_FLOW, i);
        keys_hash(&r.keys, own);
        keys_hash_at(&r.keys, 1, older);
        ck_assert_str_ne(own, older);
        snprintf(sql, sizeof sql, "UPDATE runs SET hash = '%s' WHERE hash = '%s'", older, own);
        edit(path, sql);
    }
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        s = opened(path, (enum store_mode)mode);
        const struct seen seen = walk(s, NULL);
        ck_assert_int_eq(seen.n, 3);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(seen.revision[i], 1);
        ok(store_curve(s, 2, &curve));
        ck_assert(curve.length == 1 && curve.rows[0] == 2);
        trace_free(&curve);
        store_close(s);
    }
    s = opened(path, STORE_WRITE); /* now with checksums */
    for (int again = 0; again < 2; again++) {
        struct result r = example(MODEL_FLOW, 2);
        ok(store_put(s, "new", NULL, &r, NULL));
        const struct seen seen = walk(s, NULL);
        ck_assert_int_eq(seen.n, 3);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(seen.revision[i], seen.seed[i] == 2 ? KEYS_NUMERICS_REVISION : 1);
        ck_assert_int_eq(walk(s, &(struct store_filter){.study = "old"}).n, 3);
        ck_assert_int_eq(walk(s, &(struct store_filter){.study = "new"}).n, 1);
        ck_assert_int_eq(store_curve(s, 2, &curve), ERR_INPUT); /* that run is gone, with its curve */
    }
    store_close(s);
    clean();
}
END_TEST

/* A file from before there were checksums: its rows are read when their keys make their hash; a writer adds what it
 * lacks. */
START_TEST(older_schema)
{
    const char *path = in_folder("a.db");
    struct result r, back;
    struct trace t = {0}, curve;
    bool there;
    char hash[33], imported[64];
    struct store *s = opened(path, STORE_WRITE);
    for (int i = 1; i <= 5; i++) {
        r = example(MODEL_FLOW, i);
        trace_begin(&t, &r.keys);
        ok(trace_add(&t, (double[64]){i}));
        ok(store_put(s, "old", NULL, &r, &t));
        trace_free(&t);
    }
    for (int i = 0; i < 3; i++) { /* imported for two studies, as one run was then; and one that differs */
        r = example(MODEL_TOY, 8);
        r.plateau += i == 2;
        keys_hash(&r.keys, hash);
        snprintf(imported, sizeof imported, "import:s%d:%s", i, hash);
        ok(store_put(s, i ? "two" : "one", imported, &r, NULL));
    }
    store_close(s);
    make_older(path);
    edit(path, "UPDATE runs SET T = 2 * T WHERE id = 2; UPDATE runs SET threshold = 7 WHERE id = 3");
    struct text before = bytes_of(path);
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        s = opened(path, (enum store_mode)mode);
        r = example(MODEL_FLOW, 1);
        keys_hash(&r.keys, hash);
        ok(store_has(s, hash, &there, &back, &(bool){false}));
        ck_assert(there);
        same_result(&back, &r);
        const struct seen seen = walk(s, NULL);
        ck_assert_int_eq(seen.n, mode ? 5 : 6);
        double seeds = 0; /* the flows 1, 4 and 5, and the imported ones */
        for (size_t i = 0; i < seen.n; i++)
            seeds += seen.seed[i];
        ck_assert(seeds == 10 + 8 * (double)(seen.n - 3));
        ck_assert_int_eq(walk(s, &(struct store_filter){.study = "one"}).n, 1);
        ck_assert_int_eq(walk(s, &(struct store_filter){.study = "two"}).n, 2);
        ok(store_curve(s, 5, &curve));
        ck_assert(curve.length == 1 && curve.rows[0] == 5);
        trace_free(&curve);
        store_close(s);
        struct text after = bytes_of(path);
        ck_assert((before.length == after.length && !memcmp(before.data, after.data, before.length)) == !mode);
        text_free(&after);
    }
    text_free(&before);
    edit(path, "UPDATE runs SET threshold = 0.3 WHERE id = 4; UPDATE curves SET data = zeroblob(64) WHERE run = 5");
    edit(path,
         "INSERT INTO curves(run, rows, data, checksum) SELECT 6, rows, data, checksum FROM curves WHERE run = 1");
    s = opened(path, STORE_READ);
    refused(store_curve(s, 6, &curve), ERR_DATABASE, "the curve of run 6 is not what was saved"); /* but of another */
    ck_assert_int_eq(walk(s, NULL).n, 4);
    refused(store_curve(s, 5, &curve), ERR_DATABASE, "the curve of run 5 is not what was saved");
    store_close(s);
    clean();
}
END_TEST

START_TEST(json_columns)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{} x",
                                      "{\"0.9\"}",
                                      "{\"0.9\": }",
                                      "{\"0.9\": 1,}",
                                      "{\"0.9\": 1 \"0.8\": 2}",
                                      "{\"0.9\": 0x10}",
                                      "{\"0.9\": inf}",
                                      "{\"0.9\": \"1\"}",
                                      "{\"0.9\": {}}",
                                      "{\"0.9: 1}",
                                      "{0.9: 1}"};
    const char *path = in_folder("a.db");
    fill(path, 3);
    make_older(path); /* no checksum: what they hold is looked at */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "UPDATE runs SET crossings = '%s' WHERE id = 2", bad[i]);
        edit(path, sql);
        struct store *s = opened(path, STORE_READ);
        ck_assert_msg(walk(s, NULL).n == 2, "%s", bad[i]);
        store_close(s);
    }
    edit(path, "UPDATE runs SET crossings = ' { \"0.8\" : -1.5e3 ,\"0.9\":2,\"new\": 7, \"0.1\": null } ', solver = "
               "'{}', predicted = NULL WHERE id = 2");
    struct store *s = opened(path, STORE_READ);
    struct seen seen = walk(s, &(struct store_filter){.values[KEY_seed] = (double[]){1}, .n[KEY_seed] = 1});
    ck_assert_int_eq(seen.n, 1);
    ck_assert(seen.result.crossings[0] == 2 && seen.result.crossings[1] == -1500 && isnan(seen.result.crossings[2]) &&
              isnan(seen.result.crossings[8]));
    ck_assert(seen.result.solver[0] == 0 && isnan(seen.result.predicted.eq6));
    store_close(s);
    clean();
}
END_TEST

/* What a file brings along besides the tables of plateau is not run: it is named, and nothing is touched. */
START_TEST(foreign_objects)
{
    static const char *const objects[][2] = {
        {"CREATE TRIGGER a BEFORE INSERT ON meta BEGIN DELETE FROM runs; END", "trigger \"a\""},
        {"CREATE VIEW more AS SELECT * FROM runs", "view \"more\""},
        {"CREATE INDEX i ON runs(abs(plateau))", "index \"i\""},
        {"CREATE TABLE songs(name)", "table \"songs\""},
        {"CREATE TABLE watch(x, key TEXT REFERENCES meta(key) ON DELETE CASCADE)", "table \"watch\""},
        {"ALTER TABLE runs ADD COLUMN doubled AS (2 * plateau)", "table \"runs\""},
        {"ALTER TABLE runs ADD COLUMN \"x\" TEXT CHECK (x IS NULL)", "table \"runs\""},
        {"ALTER TABLE runs ADD COLUMN \"x\" TEXT REFERENCES meta(key) ON DELETE CASCADE", "table \"runs\""},
        {"ALTER TABLE runs RENAME TO r; CREATE VIEW runs AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
         "FROM "
         "n) SELECT * FROM r, n",
         "table \"r\""},
        {"DROP TABLE members", "lacks a table"},
        {"CREATE VIRTUAL TABLE f USING fts5(x)", "table \"f"},
    };
    const char *path = in_folder("a.db");
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        unlink(path);
        fill(path, 3);
        edit(path, objects[i][0]);
        left_alone(path, ERR_DATABASE, objects[i][1]);
    }
    /* Those that SQLite adds are fine, and columns of a later version. */
    unlink(path);
    fill(path, 3);
    edit(path, "ANALYZE; ALTER TABLE runs ADD COLUMN \"later\" REAL DEFAULT 0.5");
    struct store *s = opened(path, STORE_WRITE);
    ck_assert_int_eq(walk(s, NULL).n, 3);
    store_close(s);
    clean();
}
END_TEST

/* SQLite would write through a link, and delete the file that a journal of several databases names. */
START_TEST(foreign_journals)
{
    static const char journal[] = "somewhere\0\0\0\0\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
    const char *path = in_folder("a.db"), *beside = in_folder("a.db-journal");
    fill(path, 3);
    write_bytes(in_folder("a.csv"), "mine\n", 5);
    ck_assert_int_eq(symlink("a.csv", beside), 0);
    left_alone(path, ERR_INPUT, "not a regular file");
    struct text mine = bytes_of(in_folder("a.csv"));
    ck_assert_str_eq(mine.data, "mine\n");
    text_free(&mine);
    unlink(beside);
    write_bytes(beside, journal, sizeof journal - 1);
    left_alone(path, ERR_INPUT, "names another file");
    clean();
}
END_TEST

static const struct test tests[] = {
    {"damaged_rows", &damaged_rows}, {"older_revision", &older_revision},   {"older_schema", &older_schema},
    {"json_columns", &json_columns}, {"foreign_objects", &foreign_objects}, {"foreign_journals", &foreign_journals},
};
TEST_MAIN("store_trust", tests)
