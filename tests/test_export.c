/* Export: what CSV and JSON lines say of runs and curves reads back to the last bit. */
#include "store/export.h"
#include "store_fixture.h"
#include <string.h>

/* Field `wanted` of CSV line `line` (0: header) by the name of its column, into value. */
static void field_of(const char *csv, int line, const char *wanted, char value[64])
{
    const char *header = csv, *row = csv;
    for (int i = 0; i < line; i++)
        row += strcspn(row, "\n") + 1;
    while (strncmp(header, wanted, strlen(wanted)) || !strchr(",\n", header[strlen(wanted)])) {
        header += strcspn(header, ",\n");
        ck_assert_msg(*header == ',', "no column %s", wanted);
        header++;
        row += strcspn(row, ",\n");
        ck_assert_int_eq(*row, ',');
        row++;
    }
    snprintf(value, 64, "%.*s", (int)strcspn(row, ",\n"), row);
}

static struct text exported(enum status (*export)(struct store *, const struct store_filter *, bool, FILE *),
                            struct store *s, bool with_curves)
{
    struct text t = {0};
    FILE *file = tmpfile();
    char buffer[4096];
    size_t n;
    ok(export(s, NULL, with_curves, file));
    rewind(file);
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_add_bytes(&t, buffer, n);
    fclose(file);
    ck_assert_ptr_nonnull(t.data);
    return t;
}

START_TEST(export_reads_back)
{
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    struct result r = example(MODEL_FLOW, 1);
    struct trace t = {0};
    char value[64];
    trace_begin(&t, &r.keys);
    ok(trace_add(&t, (double[64]){1.0 / 3, 2, NAN, 4, 5, 6, 7, 8}));
    ok(trace_add(&t, (double[64]){2, 2, 3, 4, 5, 6, 7, 8}));
    ok(store_put(s, "one", NULL, &r, &t));
    r = example(MODEL_TRANSFORMER, 2);
    ok(store_put(s, NULL, NULL, &r, NULL));
    struct text csv = exported(export_csv, s, false); /* line 1: the Transformer, its T is smaller */
    static const struct {
        const char *name;
        double want;
    } numbers[] = {{"plateau", 1e3 / 3}, {"cap", 1e5 / 7},          {"final_loss", 1e-310}, {"crossing_0.9", 100.0 / 3},
                   {"eq6", 1e2 / 3},     {"quadrature", 1e300 / 3}, {"flow", M_SQRT2},      {"p", 0.1},
                   {"T", 512},           {"solver_rhs_evals", 22}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        field_of(csv.data, 2, numbers[i].name, value);
        ck_assert_msg(strtod(value, NULL) == numbers[i].want, "%s: %s", numbers[i].name, value);
    }
    static const char *const empty[] = {"crossing_0.1", "closed", "lr"};
    for (int i = 0; i < 3; i++) {
        field_of(csv.data, 2, empty[i], value);
        ck_assert_str_eq(value, "");
    }
    field_of(csv.data, 1, "unit", value);
    ck_assert_str_eq(value, "steps");
    struct text curves = exported(export_csv, s, true);
    ck_assert_str_eq(curves.data, "run,step,time,loss_train,loss_test,w,w_repeated,w_orthogonal,u,delta_a,attention\n"
                                  "1,,0.3333333333333333,2,,4,5,,6,7,8\n1,,2,2,3,4,5,,6,7,8\n");
    struct text lines = exported(export_jsonl, s, true);
    static const char *const parts[] = {
        "{\"id\": 1, ",    "\"crossings\": {\"0.9\": 33.333333333333336, ",   "\"closed\": null",
        "\"study\": null", "\"curve\": {\"time\": [0.3333333333333333, 2], ", "\"attention\": [8, 8]}}\n",
        "}\n{\"id\": 1"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(lines.data, parts[i]), "%s lacks %s", lines.data, parts[i]);
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        refused(export_csv(s, NULL, false, full), ERR_IO, "cannot write");
        fclose(full);
    }
    text_free(&csv), text_free(&curves), text_free(&lines), trace_free(&t);
    store_close(s);
    clean();
}
END_TEST

/* Recall has its own levels and a column per probe, layer and head; beside a flow, the table has the columns of
 * both. */
START_TEST(export_of_a_transformer)
{
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    struct result r = example(MODEL_FLOW, 1);
    struct trace t = {0};
    char value[64];
    trace_begin(&t, &r.keys);
    ok(trace_add(&t, (double[64]){1, 2, 3, 4, 5, 6, 7, 8}));
    ok(store_put(s, NULL, NULL, &r, &t));
    double given[KEY_COUNT];
    for (int i = 0; i < KEY_COUNT; i++)
        given[i] = NAN;
    given[KEY_model] = MODEL_TRANSFORMER, given[KEY_task] = TASK_RECALL, given[KEY_layers] = 1, given[KEY_heads] = 2;
    ok(keys_resolve(given, &r.keys));
    trace_begin(&t, &r.keys);
    ck_assert_int_eq(t.columns, 11);
    ok(trace_add(&t, (double[64]){100, .1, .2, .3, .4, .5, .6, .7, NAN, 2, 3}));
    ok(store_put(s, NULL, NULL, &r, &t));
    struct text curves = exported(export_csv, s, true), csv = exported(export_csv, s, false),
                lines = exported(export_jsonl, s, true);
    ck_assert_str_eq(curves.data,
                     "run,step,time,loss_train,loss_test,w,w_repeated,w_orthogonal,u,delta_a,attention,accuracy_train,"
                     "accuracy_test,copy_l1h1,copy_l1h2,select_l1h1,select_l1h2,contrast_l1h1,contrast_l1h2\n"
                     "2,100,,0.1,0.2,,,,,,,0.3,0.4,0.5,0.6,0.7,,2,3\n1,,1,2,3,4,5,,6,7,8,,,,,,,,\n");
    field_of(csv.data, 1, "crossing_midpoint", value);
    ck_assert(strtod(value, NULL) == r.crossings[1]);
    field_of(csv.data, 1, "crossing_0.8", value);
    ck_assert_str_eq(value, "");
    ck_assert(strstr(lines.data, "\"crossings\": {\"0.9\": ") && strstr(lines.data, ", \"midpoint\": ") &&
              strstr(lines.data, "\"0.1\": null}"));
    ck_assert(strstr(lines.data, "\"select_l1h1\": [0.7], \"select_l1h2\": [null], \"contrast_l1h1\": [2], "));
    struct seen seen = walk(s, NULL);
    ck_assert_int_eq(seen.n, 2);
    text_free(&csv), text_free(&curves), text_free(&lines), trace_free(&t);
    store_close(s);
    clean();
}
END_TEST

/* Names that a spreadsheet would run, and bytes that no reader of JSON takes. */
START_TEST(export_of_names)
{
    static const char *const names[] = {"=1+1", "+x", "-x", "@x", "x=1"};
    static const char *const want[] = {"'=1+1", "'+x", "'-x", "'@x", "x=1"};
    char value[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct store *s = opened(in_folder("a.db"), STORE_WRITE);
        struct result r = example(MODEL_FLOW, 1);
        ok(store_put(s, names[i], NULL, &r, NULL));
        struct text csv = exported(export_csv, s, false), lines = exported(export_jsonl, s, false);
        field_of(csv.data, 1, "study", value);
        ck_assert_str_eq(value, want[i]);
        ck_assert_msg(strstr(lines.data, names[i]), "%s", lines.data);
        text_free(&csv), text_free(&lines);
        store_close(s);
        unlink(in_folder("a.db"));
    }
    fill(in_folder("a.db"), 1);
    edit(in_folder("a.db"), "INSERT INTO members VALUES(CAST(x'61ff62c3' AS TEXT), 1)");
    struct store *s = opened(in_folder("a.db"), STORE_READ);
    struct text csv = exported(export_csv, s, false), lines = exported(export_jsonl, s, false);
    field_of(csv.data, 1, "study", value);
    ck_assert_str_eq(value, "a\xEF\xBF\xBD"
                            "b\xEF\xBF\xBD");
    ck_assert(text_is_utf8(lines.data) && strstr(lines.data, "\"study\": \"a\xEF\xBF\xBD"
                                                             "b\xEF\xBF\xBD\""));
    text_free(&csv), text_free(&lines);
    store_close(s);
    clean();
}
END_TEST

static const struct test tests[] = {
    {"export_of_names", &export_of_names},
    {"export_reads_back", &export_reads_back},
    {"export_of_a_transformer", &export_of_a_transformer},
};
TEST_MAIN("export", tests)
