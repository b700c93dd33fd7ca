/* Import of CSV files: what users write is read, what is wrong is refused with its line, and then nothing is
 * imported. */
#include "store/import.h"
#include "store_fixture.h"

/* The file `name`, for a study, with the model as on the command line. */
static enum status import_file(struct store *s, const char *name, const char *csv, const char *study,
                               const char *default_model, struct import_report *report)
{
    double defaults[KEY_COUNT];
    for (int i = 0; i < KEY_COUNT; i++)
        defaults[i] = NAN;
    if (default_model)
        ok(keys_value(KEY_model, default_model, &defaults[KEY_model]));
    write_bytes(in_folder(name), csv, strlen(csv));
    const struct import_request request = {.path = in_folder(name), .study = study, .defaults = defaults};
    enum status rc = import_runs(s, &request, report);
    import_report_free(report);
    return rc;
}

static enum status import_text(struct store *s, const char *csv, const char *default_model, size_t *n)
{
    struct import_report report;
    enum status rc = import_file(s, "a.csv", csv, "mine", default_model, &report);
    *n = report.imported;
    return rc;
}

START_TEST(import_good)
{
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    size_t n;
    static const char csv[] = "\xef\xbb\xbfmodel, T ,d,\"plateau\",status,steps,seed,feature,wall_s\r\n"
                              "transformer,128,16,1234.5,,5000,1,True,2.5\r\n"
                              "\r\n"
                              "\"transformer\" ,128.0,16,NA,censored,5000,2,no,\r\n"
                              "transformer,128,16,,diverged,,3,no,\r\n"
                              "toy,128,16,77,emerged,,4,,";
    for (int again = 0; again < 2; again++) {
        ok(import_text(s, csv, NULL, &n));
        ck_assert_int_eq(n, 4);
        ck_assert_int_eq(walk(s, &(struct store_filter){.study = "mine"}).n, 4);
    }
    struct store_filter f = {.values = {[KEY_seed] = (double[]){1}}, .n = {[KEY_seed] = 1}};
    struct seen seen = walk(s, &f);
    ck_assert_int_eq(seen.revision[0], 0); /* no numerics of plateau made it */
    ck_assert(seen.result.state == RUN_EMERGED && seen.result.plateau == 1234.5 && seen.result.cap == 5000);
    ck_assert(seen.result.wall_s == 2.5);
    ck_assert(seen.result.keys.value[KEY_feature] == CHOICE_YES && isnan(seen.result.crossings[0]));
    f.values[KEY_seed] = (double[]){2};
    seen = walk(s, &f);
    ck_assert(seen.result.state == RUN_CENSORED && isnan(seen.result.plateau) && seen.result.cap == 5000);
    f.values[KEY_seed] = (double[]){3};
    ck_assert_int_eq(walk(s, &f).result.state, RUN_DIVERGED);
    /* An own run with the same keys is another row. */
    struct result own = seen.result;
    ok(store_put(s, "mine", NULL, &own, NULL));
    ck_assert_int_eq(walk(s, NULL).n, 5);
    /* steps and status; the toy's unit is steps x lr. */
    ok(import_text(s, "seed,lr,steps,status\n10,0.5,200,emerged\n11,0.5,300,censored\n", "toy", &n));
    f.values[KEY_seed] = (double[]){10};
    ck_assert(walk(s, &f).result.plateau == 100);
    f.values[KEY_seed] = (double[]){11};
    seen = walk(s, &f);
    ck_assert(seen.result.cap == 150 && isnan(seen.result.plateau));
    store_close(s);
    clean();
}
END_TEST

START_TEST(import_errors)
{
    static const struct {
        const char *csv, *words;
    } cases[] = {
        {"", "empty"},
        {"T,d\n", "no outcome"},
        {"T,plateau\n64,1\n", "model=flow"},
        {"model,plateau\n,1\n", ":2: no model"},
        {"model,plateu\n", "did you mean plateau"},
        {"model,stepss,status\n", "did you mean steps?"},
        {"model;plateau\nflow,1\n", ":2: 1 field, but the header names 2"},
        {"model,plateau,plateau\n", "two columns"},
        {"model,plateau\nflow,1\nflow,1,2\n", ":3: 3 fields"},
        {"model,plateau\nflow,x\n", "plateau=x"},
        {"model,plateau\nflow,-1\n", "plateau=-1"},
        {"model,plateau\nflow,nan1\n", "plateau=nan1"},
        {"model,T,plateau\nflow,1,5\n", ":2: T=1"},
        {"model,T,B,plateau\nflow,4,5,5\n", "B must be smaller"},
        {"model,lr,plateau\nflow,1,5\n", "does not apply"},
        {"model,plateau,status\ntoy,5,done\n", "status=done"},
        {"model,plateau,status\ntoy,5,interrupted\n", "status=interrupted"},
        {"model,plateau,status\ntoy,5,censored\n", "has no plateau"},
        {"model,plateau,status\ntoy,,emerged\n", "needs plateau"},
        {"model,plateau\ntoy,\n", "add a column steps"},
        {"model,plateau\nflow,\n", "add a column time"},
        {"model,steps,status\ntoy,5,\n", "no status"},
        {"model,steps,status\ntoy,,emerged\n", "needs steps"},
        {"model,steps,status\ntoy,0,censored\n", "steps=0"},
        {"model,plateau\n\"flow,5\n", "never closed"},
        {"model,plateau\n\"flow\"x,5\n", "after a closing quote"},
        {"model,plateau\nfl\"ow,5\n", "quote inside"},
        {"model,plateau\rflow,5\r", "carriage return"},
        {"model,T,plateau\ntoy,,5\n", ":2: T: the cell is empty"},
        {"model,threshold,plateau\ntoy,NA,5\n", ":2: threshold: the cell is empty"},
        {"model,T,B,seed,steps,plateau,status,lr\ntoy,64,1,1,1000,900,emerged,0.1\n",
         ":2: plateau=900: is beyond the end of the run, 100 in the same unit (time = steps x lr)"},
        {"model,steps,plateau\ntransformer,400,500\n", ":2: plateau=500: is beyond the end of the run, 400"},
        {"model,time,plateau\nflow,400,500\n", ":2: plateau=500: is beyond the end of the run, 400"},
        {"model,plateau\nflow,5\n\nflow,6\n", ":4: the same keys as line 2: add a column seed"},
    };
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    size_t n;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refused(import_text(s, cases[i].csv, NULL, &n), ERR_INPUT, cases[i].words);
        ck_assert(strstr(error_message(), "a.csv:"));
        ck_assert_msg(n == 0 && walk(s, NULL).n == 0, "case %zu imported something", i);
    }
    refused(import_text(s, "model,plateau\ntoy,5\n", "toy", &n), ERR_INPUT,
            ":1: model: the file has this column: leave out model=..");
    const struct import_request none = {
        .path = in_folder("none.csv"), .study = "mine", .defaults = (double[KEY_COUNT]){0}};
    refused(import_runs(s, &none, &(struct import_report){0}), ERR_INPUT, "No such file");
    store_close(s);
    clean();
}
END_TEST

/* Flows and toy models get what theory expects of their keys, as runs made here do; Transformers have none. */
START_TEST(import_expected)
{
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    size_t n;
    ok(import_text(s,
                   "model,T,d,seed,init,target,metric,threshold,plateau\n"
                   "toy,64,16,1,zero,unit,,0.2,360\n"
                   "toy,64,16,2,gaussian,gaussian,,0.2,360\n"
                   "flow,64,16,3,zero,unit,paper,0.2,360.3567\n"
                   "flow,64,16,4,zero,unit,full,1e-300,360\n"
                   "transformer,64,16,5,,gaussian,,0.2,360\n",
                   NULL, &n));
    for (int i = 0; i < 5; i++) {
        struct store_filter f = {.values = {[KEY_seed] = (double[]){i + 1}}, .n = {[KEY_seed] = 1}};
        struct result r = walk(s, &f).result;
        if (i == 1)
            ck_assert_msg(r.flow_plateau > 250 && fabs(r.flow_plateau - 357.4664) > 1, "its own start: %g",
                          r.flow_plateau);
        else if (i > 1)
            ck_assert(isnan(r.flow_plateau));
        else
            test_close(r.flow_plateau, 357.4664, 1e-6, 0, "flow of line %d", i + 2);
        ck_assert(isnan(r.predicted.quadrature) == (i > 2) && isnan(r.predicted.closed) == (i > 2) &&
                  isnan(r.predicted.eq6) == (i > 3)); /* line 5: a threshold that nothing is known for */
        if (i == 0 || i == 2)
            test_close(r.predicted.quadrature, i ? 360.3567 : 357.4664, 5e-3, 0, "quadrature of line %d", i + 2);
    }
    store_close(s);
    clean();
}
END_TEST

/* A file replaces what it made before, as a whole; a run is one row, whatever files and studies it comes from. */
START_TEST(import_again)
{
    static const char first[] = "T,seed,plateau\n64,1,60\n128,1,120\n256,1,240\n";
    struct store *s = opened(in_folder("a.db"), STORE_WRITE);
    struct import_report report;
    ok(import_file(s, "a.csv", first, "mine", "toy", &report));
    ck_assert(report.imported == 3 && report.forgotten == 0 && report.kinds[PRESET_TOY] && !report.kinds[PRESET_FLOW]);
    /* One line corrected. */
    ok(import_file(s, "a.csv", "T,seed,plateau\n64,1,60\n512,1,120\n256,1,241\n", "mine", "toy", &report));
    ck_assert(report.imported == 3 && report.forgotten == 1);
    struct seen seen = walk(s, NULL);
    ck_assert_int_eq(seen.n, 3);
    ck_assert(seen.result.keys.value[KEY_T] == 512 && seen.result.plateau == 120);
    /* For another study too: the same rows. */
    ok(import_file(s, "a.csv", first, "mine", "toy", &report));
    ok(import_file(s, "a.csv", first, "other", "toy", &report));
    ck_assert_int_eq(walk(s, NULL).n, 3);
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "mine"}).n, 3);
    ck_assert_int_eq(walk(s, &(struct store_filter){.study = "other"}).n, 3);
    /* Another file may give the same runs, but not with another outcome. */
    ok(import_file(s, "b.db", "T,seed,plateau\n64,1,60\n64,2,61\n", "mine", "toy", &report));
    ck_assert(report.imported == 2 && report.forgotten == 0);
    ck_assert_int_eq(walk(s, NULL).n, 4);
    refused(import_file(s, "b.db", "T,seed,plateau\n64,2,62\n128,1,99\n", "mine", "toy", &report), ERR_INPUT,
            ":3: this run is there already with another outcome, from ");
    ck_assert(strstr(error_message(), "/a.csv") && report.imported == 0);
    ck_assert_int_eq(walk(s, NULL).n, 4);
    /* Each file takes what is its own along: the run of both is the second's now. */
    ok(import_file(s, "a.csv", "T,seed,plateau\n1024,1,960\n", "mine", "toy", &report));
    ck_assert(report.forgotten == 2);
    ck_assert_int_eq(walk(s, NULL).n, 3);
    store_close(s);
    clean();
}
END_TEST

static const struct test tests[] = {
    {"import_good", &import_good},
    {"import_expected", &import_expected},
    {"import_again", &import_again},
    {"import_errors", &import_errors},
};
TEST_MAIN("import", tests)
