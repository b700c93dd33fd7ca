/* The store: what goes in comes out, bit for bit; what is damaged, foreign or unwritable is refused and left alone;
 * kill -9 and a full disk lose nothing that was saved. */
#include "store_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(round_trip)
{
    static const enum model models[] = {MODEL_FLOW, MODEL_TOY, MODEL_TRANSFORMER};
    const char *path = in_folder("a.db");
    for (int i = 0; i < 3; i++) {
        struct store *s = opened(path, STORE_WRITE);
        struct result r = example(models[i], 9007199254740992.0 - i), back;
        struct trace t = {0}, curve;
        char hash[33];
        bool finished;
        trace_begin(&t, &r.keys);
        for (int k = 0; k < 1000; k++)
            ok(trace_add(&t, (double[64]){k, k / 3.0, NAN, -0.0, INFINITY, 1e-310, -k, M_PI}));
        ok(store_put(s, "figure 1", NULL, &r, &t));
        store_close(s);
        s = opened(path, STORE_READ);
        keys_hash(&r.keys, hash);
        ok(store_has(s, hash, &finished, &back, &(bool){false}));
        ck_assert(finished);
        same_result(&back, &r);
        struct store_filter f = {.values = {[KEY_seed] = &r.keys.value[KEY_seed]}, .n = {[KEY_seed] = 1}};
        struct seen seen = walk(s, &f);
        ck_assert_int_eq(seen.n, 1);
        ck_assert(seen.has_curve && !strcmp(seen.study, "figure 1"));
        same_result(&seen.result, &r);
        f.bare = true; /* the same, but for what is not asked for */
        seen = walk(s, &f);
        ck_assert(seen.n == 1 && !seen.has_curve && !strcmp(seen.study, "(none)"));
        same_result(&seen.result, &r);
        ok(store_curve(s, seen.id[0], &curve));
        ck_assert_int_eq(curve.length, t.length);
        ck_assert_int_eq(curve.preset, t.preset);
        ck_assert_int_eq(curve.columns, t.columns);
        for (size_t k = 0; k < t.length * (size_t)t.columns; k++)
            ck_assert(same(curve.rows[k], t.rows[k]));
        ok(store_has(s, "no such hash", &finished, &back, &(bool){false}));
        ck_assert(!finished);
        refused(store_curve(s, 77, &(struct trace){0}), ERR_INPUT, "no run 77");
        refused(store_put(s, NULL, NULL, &r, NULL), ERR_DATABASE, path);
        trace_free(&curve);
        trace_free(&t);
        store_close(s);
    }
    clean();
}
END_TEST

/* A file from before the key `schedule`: its rows have the default, are found by it, and a reader leaves the file as it
 * is. */
START_TEST(older_file)
{
    const char *path = in_folder("a.db");
    struct result r = example(MODEL_FLOW, 5), back;
    bool finished;
    char hash[33];
    struct store *s = opened(path, STORE_WRITE);
    ok(store_put(s, "old", NULL, &r, NULL));
    store_close(s);
    edit(path, "ALTER TABLE runs DROP COLUMN schedule");
    struct text before = bytes_of(path);
    const struct store_filter f = {.values = {[KEY_schedule] = &r.keys.value[KEY_schedule]}, .n = {[KEY_schedule] = 1}};
    keys_hash(&r.keys, hash);
    for (int mode = 0; mode < 2; mode++) {
        s = opened(path, mode ? STORE_WRITE : STORE_READ);
        ok(store_has(s, hash, &finished, &back, &(bool){false}));
        ck_assert(finished);
        same_result(&back, &r);
        ck_assert_int_eq(walk(s, &f).n, 1);
        if (!mode) {
            struct text after = bytes_of(path);
            ck_assert(before.length == after.length && !memcmp(before.data, after.data, before.length));
            text_free(&after);
            refused(store_put(s, NULL, NULL, &r, NULL), ERR_DATABASE, path);
        } else {
            ok(schedule_value("p=0@attention=0.25", &r.keys.value[KEY_schedule]));
            ok(store_put(s, "new", NULL, &r, NULL));
            ck_assert_int_eq(walk(s, NULL).n, 2);
            const struct seen seen = walk(s, &f);
            same_result(&seen.result, &r);
        }
        store_close(s);
    }
    text_free(&before);
    clean();
}
END_TEST

/* A curve from before there were forecasts: it is read, and they are empty. */
START_TEST(older_curve)
{
    struct result r = example(MODEL_TOY, 5);
    struct trace t = {0}, back = {0};
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    trace_begin(&t, &r.keys);
    ck_assert_int_eq(t.columns, 11);
    t.columns = 8; /* as it was then */
    for (int i = 0; i < 3; i++)
        ok(trace_add(&t, (double[64]){i, 2, 3, 4, 5, 6, 7, 8 + i}));
    ok(store_put(s, "old", NULL, &r, &t));
    trace_begin(&back, &r.keys);
    ok(store_curve(s, 1, &back));
    ck_assert(back.length == 3 && back.columns == 11);
    for (size_t i = 0; i < 33; i++)
        ck_assert(i % 11 < 8 ? back.rows[i] == t.rows[8 * (i / 11) + i % 11] : isnan(back.rows[i]));
    t.columns = 7; /* no trace of a toy has so few */
    t.length = 2;
    ok(store_put(s, "less", NULL, &r, &t));
    trace_free(&back);
    ck_assert(store_curve(s, 1, &back) != OK);
    trace_free(&t), trace_free(&back);
    store_close(s);
    clean();
}
END_TEST

START_TEST(replace_filter_order)
{
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    struct trace t = {0}, curve;
    struct result r, back;
    char hash[33];
    bool finished;
    for (int seed = 20; seed > 0; seed--) {
        r = example(MODEL_FLOW, seed);
        ok(store_put(s, seed % 2 ? "odd" : NULL, NULL, &r, NULL));
    }
    r = example(MODEL_TOY, 3);
    ok(store_put(s, "odd", NULL, &r, NULL));
    struct seen seen = walk(s, NULL);
    ck_assert_int_eq(seen.n, 21);
    for (int i = 0; i < 20; i++)
        ck_assert(seen.seed[i] == i + 1 || seen.seed[i + 1] == i + 1); /* the toy's row stands before or behind the
                                                                          flow's */
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "odd"}).n, 11);
    /* A run made for one study may belong to another too. */
    keys_hash(&r.keys, hash);
    ok(store_join(s, "even", hash));
    ok(store_join(s, "even", hash));
    ok(store_join(s, "even", "no such run"));
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "even"}).n, 1);
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "odd"}).n, 11);
    const double seeds[] = {3, 4, 99}, toy = MODEL_TOY, p = 0.1, none = NAN;
    struct store_filter f = {.values = {[KEY_seed] = seeds, [KEY_p] = &p}, .n = {[KEY_seed] = 3, [KEY_p] = 1}};
    ck_assert_int_eq(walk(s, &f).n, 3);
    f.values[KEY_model] = &toy, f.n[KEY_model] = 1;
    ck_assert_int_eq(walk(s, &f).n, 1);
    f = (struct store_filter){.values = {[KEY_lr] = &none}, .n = {[KEY_lr] = 1}};
    ck_assert_int_eq(walk(s, &f).n, 20);
    double many[3000];
    for (int i = 0; i < 3000; i++)
        many[i] = 15 + i;
    f = (struct store_filter){.values = {[KEY_seed] = many}, .n = {[KEY_seed] = 3000}};
    ck_assert_int_eq(walk(s, &f).n, 6);
    /* Replaced: the same id, new values, the curve comes and goes. */
    trace_begin(&t, &r.keys);
    ok(trace_add(&t, (double[64]){1}));
    f = (struct store_filter){.values = {[KEY_seed] = (double[]){5}}, .n = {[KEY_seed] = 1}};
    int64_t id = walk(s, &f).id[0];
    r = example(MODEL_FLOW, 5);
    r.state = RUN_INTERRUPTED, r.plateau = NAN;
    ok(store_put(s, "odd", NULL, &r, &t));
    seen = walk(s, &f);
    ck_assert(seen.n == 1 && seen.id[0] == id && seen.has_curve && seen.result.state == RUN_INTERRUPTED);
    keys_hash(&r.keys, hash);
    ok(store_has(s, hash, &finished, &back, &(bool){false}));
    ck_assert(!finished);
    ok(store_put(s, "odd", NULL, &r, NULL));
    ck_assert(walk(s, &f).has_curve); /* made again for a study without curves: the other's stays */
    r.cap *= 2;
    ok(store_put(s, "odd", NULL, &r, NULL));
    ck_assert(!walk(s, &f).has_curve); /* .. unless the run goes further now: then it is not the whole curve */
    ok(store_put(s, "odd", NULL, &r, &t));
    ck_assert(walk(s, &f).has_curve);
    ok(store_put(s, "odd", NULL, &r, &(struct trace){.preset = PRESET_FLOW}));
    ck_assert(!walk(s, &f).has_curve);
    ok(store_curve(s, id, &curve));
    ck_assert(curve.length == 0 && !curve.rows);
    /* The cap is no part of a run: seeds stay together whatever it was. */
    for (int i = 0; i < 8; i++) {
        r = example(MODEL_TOY, i / 2 + 1);
        r.keys.value[KEY_sampler] = i % 2 ? SAMPLER_TOKENS : SAMPLER_STATISTICS;
        r.keys.value[KEY_steps] = i < 4 ? 2000 : 1000;
        ok(store_put(s, "caps", NULL, &r, NULL));
    }
    seen = walk(s, &(struct store_filter){.study = "caps"});
    ck_assert_int_eq(seen.n, 8);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(seen.seed[i], i % 4 + 1);
    /* All or nothing. */
    const int before = walk(s, NULL).n;
    ok(store_begin(s));
    r = example(MODEL_FLOW, 100);
    ok(store_put(s, NULL, NULL, &r, NULL));
    store_rollback(s);
    ck_assert_int_eq(walk(s, NULL).n, before);
    trace_free(&t);
    store_close(s);
    clean();
}
END_TEST

/* SQLite's names of columns know no case: T and t would be one. */
START_TEST(names_differ)
{
    static const char *const others[] = {"id",  "hash", "study",     "status", "plateau",
                                         "cap", "unit", "crossings", "wall_s", "host"};
    for (int i = 0; i < KEY_COUNT; i++) {
        for (int j = 0; j < i; j++)
            ck_assert_msg(strcasecmp(keys_name((enum key)i), keys_name((enum key)j)), "%s", keys_name((enum key)i));
        for (size_t j = 0; j < sizeof others / sizeof others[0]; j++)
            ck_assert_msg(strcasecmp(keys_name((enum key)i), others[j]), "%s", others[j]);
    }
}
END_TEST

START_TEST(refusals)
{
    const char *path = in_folder("a.db");
    struct store *s;
    refused(store_open(path, STORE_READ, NULL, &s), ERR_INPUT, "No such file");
    refused(store_open("", STORE_WRITE, NULL, &s), ERR_INPUT, "file name");
    refused(store_open("/tmp", STORE_WRITE, NULL, &s), ERR_INPUT, "not a regular file");
    refused(store_open("/nowhere/a.db", STORE_WRITE, NULL, &s), ERR_DATABASE, "folder");
    write_bytes(path, "T,d,plateau\n1,2,3\n", 18);
    left_alone(path, ERR_INPUT, "not a results database");
    unlink(path);
    edit(path, "CREATE TABLE songs(name); INSERT INTO songs VALUES('x');");
    left_alone(path, ERR_INPUT, "another program");
    unlink(path);
    fill(path, 3);
    edit(path, "PRAGMA user_version = 1");
    left_alone(path, ERR_DATABASE, "schema version 1");
    edit(path, "PRAGMA user_version = 4; ALTER TABLE runs RENAME COLUMN vocab TO words");
    left_alone(path, ERR_DATABASE, "vocab");
    edit(path, "ALTER TABLE runs RENAME COLUMN words TO vocab");
    s = opened(path, STORE_READ);
    bool any;
    struct seen seen = walk(s, &(struct store_filter){.values[KEY_seed] = (double[]){1}, .n[KEY_seed] = 1});
    ok(store_any(s, NULL, &any));
    ck_assert(any);
    ok(store_any(s, &(struct store_filter){.study = "no such"}, &any));
    ck_assert(!any);
    size_t runs;
    double seconds;
    ok(store_total(s, NULL, &runs, &seconds));
    ck_assert(runs == 3 && fabs(seconds - 3 * seen.result.wall_s) < 1e-12 && seconds > 0);
    ok(store_total(s, &(struct store_filter){.study = "no such"}, &runs, &seconds));
    ck_assert(runs == 0 && seconds == 0);
    store_close(s);
    clean();
}
END_TEST

START_TEST(corrupt)
{
    const char *path = in_folder("a.db");
    fill(path, 200);
    struct text t = bytes_of(path);
    ck_assert(t.length / 4096 > 20);
    for (size_t i = 3; i < 10; i++) /* pages of rows, away from what opening must read anyway */
        memset(t.data + t.length - 4096 * i, 0xA5, 2000);
    write_bytes(path, t.data, t.length);
    left_alone(path, ERR_DATABASE, "damaged");
    write_bytes(path, t.data, 5000); /* cut short */
    left_alone(path, ERR_DATABASE, path);
    text_free(&t);
    clean();
}
END_TEST

/* A child saves runs, tells after each, and is killed at some moment: what it told of is there, the file is whole. */
static int killed_once(const char *path, int first, long nanoseconds)
{
    int pipes[2], told = first, value;
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *s = opened(path, STORE_WRITE);
        struct trace t = {0};
        struct result first_run = example(MODEL_FLOW, first);
        trace_begin(&t, &first_run.keys);
        for (int k = 0; k < 2000; k++)
            ok(trace_add(&t, (double[64]){k}));
        for (int i = first;; i++) {
            struct result r = example(MODEL_FLOW, i);
            value = i + 1;
            if (store_put(s, NULL, NULL, &r, &t) != OK || write(pipes[1], &value, sizeof value) < 0)
                _exit(1);
        }
    }
    close(pipes[1]);
    if (read(pipes[0], &value, sizeof value) == sizeof value) /* at least one, however slow the machine */
        told = value;
    nanosleep(&(struct timespec){0, nanoseconds}, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(pipes[0], &value, sizeof value) == sizeof value)
        told = value;
    close(pipes[0]);
    ck_assert_int_gt(told, first);
    return told;
}

START_TEST(kill_loses_nothing)
{
    const char *path = in_folder("a.db");
    int saved = 0;
    for (int round = 0; round < 12; round++) {
        saved = killed_once(path, saved, 1000000L + 777777L * (round * 5 % 12));
        struct store *s = opened(path, round % 2 ? STORE_READ : STORE_WRITE); /* a reader can roll back, too */
        struct seen *seen = calloc(1, sizeof *seen);
        *seen = walk(s, NULL);
        ck_assert_msg((int)seen->n == saved || (int)seen->n == saved + 1, "%zu rows, %d told", seen->n, saved);
        for (size_t i = 0; i < seen->n; i++) {
            struct trace t;
            ok(store_curve(s, seen->id[i], &t));
            ck_assert_int_eq(t.length, 2000);
            trace_free(&t);
        }
        saved = (int)seen->n;
        free(seen);
        store_close(s);
    }
    clean();
}
END_TEST

/* A hot journal by hand: the writer is killed inside a transaction whose pages already reached the file. */
START_TEST(reader_rolls_back)
{
    const char *path = in_folder("a.db");
    fill(path, 50);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(path, &db);
        sqlite3_exec(db, "PRAGMA cache_size = 1; BEGIN; UPDATE runs SET plateau = 1, study = hex(zeroblob(500))", NULL,
                     NULL, NULL);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    struct stat journal;
    ck_assert(stat(in_folder("a.db-journal"), &journal) == 0 && journal.st_size > 0);
    struct store *s = opened(path, STORE_READ);
    struct seen seen = walk(s, NULL);
    ck_assert_int_eq(seen.n, 50);
    ck_assert(seen.result.plateau == 1e3 / 3 && !strcmp(seen.study, "(none)"));
    store_close(s);
    clean();
}
END_TEST

/* The writer is killed between writing the first pages and dropping the journal, which says: there were none before. */
START_TEST(killed_at_creation)
{
    /* SQLite's journal header: magic, number of records, nonce, pages before, sector and page size, all big-endian */
    static const unsigned char journal[512] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 0, 1,    2,
                                               3,    4,    0,    0,    0,    0,    0,    0,    2, 0, 0, 0, 0x10, 0};
    const char *path = in_folder("a.db");
    struct store *s;
    fill(path, 3);
    write_bytes(in_folder("a.db-journal"), (const char *)journal, sizeof journal);
    refused(store_open(path, STORE_READ, NULL, &s), ERR_INPUT, "the file is empty");
    fill(path, 3);
    write_bytes(in_folder("a.db-journal"), (const char *)journal, sizeof journal);
    s = opened(path, STORE_WRITE);
    ck_assert_int_eq(walk(s, NULL).n, 0);
    store_close(s);
    clean();
}
END_TEST

START_TEST(full_disk)
{
    const char *path = in_folder("a.db");
    struct rlimit limit;
    struct stat info;
    fill(path, 10);
    ck_assert_int_eq(stat(path, &info), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct store *s = opened(path, STORE_WRITE);
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)info.st_size + 12288;
    setrlimit(RLIMIT_FSIZE, &limit);
    enum status rc = OK;
    int saved = 10;
    for (; rc == OK && saved < 900; saved++) {
        struct result r = example(MODEL_FLOW, saved);
        rc = store_put(s, NULL, NULL, &r, NULL);
    }
    saved--;
    refused(rc, ERR_DATABASE, "run the same command again");
    ck_assert(strstr(error_message(), path));
    store_close(s);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &limit);
    s = opened(path, STORE_WRITE);
    ck_assert_int_eq(walk(s, NULL).n, saved);
    struct result r = example(MODEL_FLOW, 500);
    ok(store_put(s, NULL, NULL, &r, NULL)); /* the disk has space again */
    store_close(s);
    clean();
}
END_TEST

/* As a user without rights: reading works, writing is refused at once. */
START_TEST(read_only_folder)
{
    ck_assert_int_eq(mkdir((in_folder("locked")), 0755), 0);
    const char *path = in_folder("locked/b.db"), *locked = in_folder("locked");
    fill(path, 5);
    chmod(folder, 0755);
    chmod(path, 0666);
    chmod(locked, 0555);
    pid_t child = fork();
    if (child == 0) {
        const struct passwd *nobody = getpwnam("nobody");
        if (geteuid() == 0 && (!nobody || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0))
            _exit(77);
        struct store *s;
        if (store_open(path, STORE_READ, NULL, &s) != OK || walk(s, NULL).n != 5)
            _exit(1);
        store_close(s);
        if (store_open(path, STORE_WRITE, NULL, &s) != ERR_DATABASE || !strstr(error_message(), "may be written"))
            _exit(2);
        char new_path[200];
        snprintf(new_path, sizeof new_path, "%s/new.db", locked);
        enum status rc = store_open(new_path, STORE_WRITE, NULL, &s);
        _exit(rc == ERR_DATABASE && strstr(error_message(), strerror(EACCES)) ? 0 : 3);
    }
    int state;
    waitpid(child, &state, 0);
    chmod(locked, 0755);
    ck_assert_msg(WIFEXITED(state) && (WEXITSTATUS(state) == 0 || WEXITSTATUS(state) == 77), "exit %d",
                  WEXITSTATUS(state));
    clean();
}
END_TEST

static const struct test tests[] = {
    {"round_trip", &round_trip},
    {"older_file", &older_file},
    {"older_curve", &older_curve},
    {"replace_filter_order", &replace_filter_order},
    {"names_differ", &names_differ},
    {"refusals", &refusals},
    {"corrupt", &corrupt},
    {"kill_loses_nothing", &kill_loses_nothing},
    {"reader_rolls_back", &reader_rolls_back},
    {"killed_at_creation", &killed_at_creation},
    {"full_disk", &full_disk},
    {"read_only_folder", &read_only_folder},
};
TEST_MAIN("store", tests)
