/* Merge: of a run that two stores hold the right row stays, whichever store comes first; what contradicts itself is
 * left alone. */
#include "store/merge.h"
#include "store_fixture.h"

static void put(const char *name, const char *study, const struct result *r, const struct trace *t)
{
    struct store *s = opened(in_folder(name), STORE_WRITE);
    ok(store_put(s, study, NULL, r, t));
    store_close(s);
}

static struct merge_report merge(const char *out, const char *first, const char *second)
{
    const char *paths[] = {first, second};
    struct merge_report report;
    ok(merge_check(out, paths, second ? 2 : 1));
    struct store *s = opened(out, STORE_WRITE);
    ok(merge_stores(s, paths, second ? 2 : 1, &report));
    store_close(s);
    return report;
}

static struct seen stored(const char *name)
{
    struct store *s = opened(in_folder(name), STORE_READ);
    struct seen seen = walk(s, NULL);
    store_close(s);
    return seen;
}

/* a in a.db and b in b.db, merged into new.db; all three are gone afterwards. */
static struct merge_report meet(const struct result *a, const struct result *b, struct result *kept)
{
    put("a.db", "one", a, NULL);
    put("b.db", "two", b, NULL);
    struct merge_report report = merge(in_folder("new.db"), in_folder("a.db"), in_folder("b.db"));
    struct seen seen = stored("new.db");
    ck_assert_int_eq(seen.n, 1);
    ck_assert_str_eq(seen.study, report.conflicts ? "one" : "one two");
    *kept = seen.result;
    unlink(in_folder("a.db")), unlink(in_folder("b.db")), unlink(in_folder("new.db"));
    ck_assert_int_eq(report.runs, 2);
    ck_assert_int_eq(report.added, 1);
    return report;
}

/* In both orders `better` stays. */
static void prefers(const struct result *better, const struct result *worse)
{
    struct result kept;
    struct merge_report report = meet(worse, better, &kept);
    ck_assert(report.replaced == 1 && report.conflicts == 0);
    same_result(&kept, better);
    report = meet(better, worse, &kept);
    ck_assert(report.replaced == 0 && report.conflicts == 0);
    same_result(&kept, better);
}

/* Neither contradicts the other: the first stays. */
static void equals(const struct result *a, const struct result *b)
{
    struct result kept;
    struct merge_report report = meet(a, b, &kept);
    ck_assert(report.replaced == 0 && report.conflicts == 0);
    same_result(&kept, a);
}

static void contradict(const struct result *a, const struct result *b)
{
    struct result kept;
    struct merge_report report = meet(a, b, &kept);
    ck_assert(report.replaced == 0 && report.conflicts == 1);
    same_result(&kept, a);
    ck_assert_int_eq(meet(b, a, &kept).conflicts, 1);
    same_result(&kept, b);
}

/* A Transformer that has not emerged `cap` steps after its start. */
static struct result censored(double cap)
{
    struct result r = example(MODEL_TRANSFORMER, 1);
    r.state = RUN_CENSORED;
    r.plateau = NAN;
    r.cap = r.steps_done = cap;
    for (int i = 0; i < FLOW_LEVELS; i++)
        r.crossings[i] = NAN;
    return r;
}

static struct result emerged(double plateau, double cap)
{
    struct result r = censored(cap);
    r.state = RUN_EMERGED;
    r.plateau = r.crossings[7] = plateau; /* 0.2 of the null loss */
    return r;
}

START_TEST(same_run)
{
    struct result a = example(MODEL_TRANSFORMER, 1), b = a;
    b.wall_s = 77, b.tokens_per_s = 1;
    strcpy(b.library, "another, avx512");
    b.keys.value[KEY_threads] = 8, b.keys.value[KEY_steps] *= 2;
    equals(&a, &b);
    b = a, b.keys.value[KEY_threshold] = 0.3, b.plateau = 10; /* what follows from another threshold */
    equals(&a, &b);
    clean();
}
END_TEST

START_TEST(better_run)
{
    struct result a = censored(1000), b = censored(2000);
    prefers(&b, &a);
    a.state = RUN_INTERRUPTED, a.cap = a.steps_done = 3000, a.final_loss = 7;
    prefers(&b, &a);
    b.state = RUN_INTERRUPTED;
    prefers(&a, &b); /* of two the longer */
    a = censored(1000), b = emerged(1500, 1600);
    prefers(&b, &a);
    b = emerged(990, 1600); /* crossed just before the other ended, which could not be sure yet */
    prefers(&b, &a);
    a = emerged(1500, 1600), b = emerged(1500, 9000), b.crossings[8] = 8000;
    prefers(&b, &a);
    a = censored(1000), b = censored(1200), b.state = RUN_DIVERGED;
    prefers(&b, &a);
    clean();
}
END_TEST

START_TEST(conflicts)
{
    struct result a = censored(1000), b = emerged(500, 1600);
    contradict(&a, &b); /* crossed at 500, and not before 1000 */
    a = emerged(500, 1600), b = emerged(nextafter(500, 501), 1700);
    contradict(&a, &b);
    a = b = censored(1000), b.final_loss = nextafter(b.final_loss, 1);
    contradict(&a, &b);
    a = censored(1000), b = censored(2000), b.initial_loss = 1;
    contradict(&a, &b);
    a = censored(1000), b = censored(2000), a.state = RUN_DIVERGED; /* and yet it went on */
    contradict(&a, &b);
    a = b = censored(1000), b.state = RUN_DIVERGED;
    contradict(&a, &b);
    a = b = example(MODEL_TOY, 1), b.flow_plateau = 1;
    contradict(&a, &b);
    a = b = example(MODEL_FLOW, 1), b.solver[2]++;
    contradict(&a, &b);
    a = b = example(MODEL_FLOW, 1), b.predicted.asinh = NAN;
    contradict(&a, &b);
    clean();
}
END_TEST

static struct trace curve_to(const struct result *r, double end, size_t rows)
{
    struct trace t = {0};
    trace_begin(&t, &r->keys);
    for (size_t k = 0; k < rows; k++)
        ok(trace_add(&t, (double[64]){end * (double)(k + 1) / (double)rows, end}));
    return t;
}

static double curve_end(const char *name)
{
    struct store *s = opened(in_folder(name), STORE_READ);
    struct trace t;
    ok(store_curve(s, walk(s, NULL).id[0], &t));
    double end = t.length ? t.rows[(t.length - 1) * (size_t)t.columns] : NAN;
    trace_free(&t);
    store_close(s);
    return end;
}

START_TEST(curves)
{
    struct result r = censored(1000), further = censored(2000);
    struct trace shorter = curve_to(&r, 1000, 90), longer = curve_to(&r, 2000, 50); /* thinned: fewer rows */
    put("a.db", NULL, &r, NULL);
    put("b.db", NULL, &r, &shorter);
    ck_assert_int_eq(merge(in_folder("a.db"), in_folder("b.db"), NULL).replaced, 0);
    ck_assert(curve_end("a.db") == 1000); /* gained */
    put("b.db", NULL, &further, &longer);
    ck_assert_int_eq(merge(in_folder("a.db"), in_folder("b.db"), NULL).replaced, 1);
    ck_assert(curve_end("a.db") == 2000);
    put("b.db", NULL, &r, &shorter);
    ck_assert_int_eq(merge(in_folder("a.db"), in_folder("b.db"), NULL).replaced, 0);
    ck_assert(curve_end("a.db") == 2000 && stored("a.db").result.cap == 2000);
    r.final_loss = 5, r.cap = r.steps_done = 2000; /* a conflict gives nothing */
    put("b.db", NULL, &r, &longer);
    unlink(in_folder("a.db"));
    put("a.db", NULL, &further, NULL);
    ck_assert_int_eq(merge(in_folder("a.db"), in_folder("b.db"), NULL).conflicts, 1);
    ck_assert(isnan(curve_end("a.db")));
    trace_free(&shorter);
    trace_free(&longer);
    clean();
}
END_TEST

static enum status check_texts(void *context, const struct store_row *row)
{
    (void)context;
    ck_assert_str_eq(row->host, "elsewhere");
    ck_assert_str_eq(row->version, "0.0.1");
    ck_assert_str_eq(row->started, "2025-01-01T00:00:00Z");
    ck_assert_str_eq(row->finished, "2025-01-02T00:00:00Z");
    return OK;
}

START_TEST(as_it_stands)
{
    struct result r = example(MODEL_FLOW, 1);
    put("a.db", "with blanks", &r, NULL);
    put("a.db", "another", &r, NULL);
    edit(in_folder("a.db"), "UPDATE runs SET host = 'elsewhere', version = '0.0.1', started = '2025-01-01T00:00:00Z', "
                            "finished = '2025-01-02T00:00:00Z'");
    make_older(in_folder("a.db")); /* which has no checksums: that edit is as good as what was there */
    struct text before = bytes_of(in_folder("a.db"));
    merge(in_folder("new.db"), in_folder("a.db"), in_folder("a.db")); /* twice is once */
    struct store *s = opened(in_folder("new.db"), STORE_READ);
    ok(store_each(s, NULL, check_texts, NULL));
    struct seen seen = walk(s, NULL);
    same_result(&seen.result, &r);
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "with blanks"}).n, 1);
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "another"}).n, 1);
    store_close(s);
    struct text after = bytes_of(in_folder("a.db"));
    ck_assert(before.length == after.length && !memcmp(before.data, after.data, before.length));
    text_free(&before);
    text_free(&after);
    clean();
}
END_TEST

/* What is wrong with a source shows, its name first, and nothing of the others stays. */
START_TEST(nothing_by_halves)
{
    struct result r = example(MODEL_FLOW, 1), other = example(MODEL_FLOW, 2);
    struct trace t = curve_to(&r, 10, 3);
    struct merge_report report;
    put("a.db", NULL, &other, NULL);
    put("b.db", NULL, &r, &t);
    struct store *s = opened(in_folder("new.db"), STORE_WRITE);
    const char *paths[] = {in_folder("a.db"), in_folder("b.db")};
    edit(paths[1], "UPDATE curves SET data = zeroblob(7)");
    refused(merge_stores(s, paths, 2, &report), ERR_INPUT, "b.db: a curve has 7 bytes for 3 rows");
    ck_assert_int_eq(walk(s, NULL).n, 0);
    store_close(s);
    s = opened(in_folder("a.db"), STORE_READ);
    edit(paths[1], "DELETE FROM curves");
    refused(merge_stores(s, &paths[1], 1, &report), ERR_DATABASE, "a.db");
    store_close(s);
    trace_free(&t);
    clean();
}
END_TEST

/* A row that is not what was saved goes nowhere; the others do. */
START_TEST(damaged_rows)
{
    struct result r = example(MODEL_FLOW, 1), other = example(MODEL_FLOW, 2);
    put("a.db", NULL, &r, NULL);
    put("a.db", NULL, &other, NULL);
    edit(in_folder("a.db"), "UPDATE runs SET T = 2 * T WHERE id = 1");
    ck_assert_int_eq(merge(in_folder("new.db"), in_folder("a.db"), NULL).runs, 1);
    struct seen seen = stored("new.db");
    ck_assert_int_eq(seen.n, 1);
    same_result(&seen.result, &other);
    /* Nor does it stand for the run in the database to merge into. */
    put("b.db", NULL, &r, NULL);
    put("b.db", NULL, &other, NULL);
    merge(in_folder("a.db"), in_folder("b.db"), NULL);
    ck_assert_int_eq(stored("a.db").n, 2);
    clean();
}
END_TEST

static const struct test tests[] = {
    {"same_run", &same_run},         {"better_run", &better_run},
    {"conflicts", &conflicts},       {"curves", &curves},
    {"as_it_stands", &as_it_stands}, {"nothing_by_halves", &nothing_by_halves},
    {"damaged_rows", &damaged_rows},
};
TEST_MAIN("merge", tests)
