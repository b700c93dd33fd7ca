/* What a run in progress says of its own end: the toy's forecast against the end that then came, of which runs nothing
 * is said, what a Transformer's rows are taken for, forecasts of a run that is resumed, rows from before there were
 * forecasts, and emergence read off a trace that is made by hand. */
#include "run/run_forecast.h"
#include "run/run_toy.h"
#include "run/run_transformer.h"
#include "run/safetensors.h"
#include "test.h"
#include "test_keys.h"
#include <unistd.h>

static const double STATED = 0.015; /* error of the toy's forecast from half of the plateau on, without noise */

/* A tiny regression, evaluated often enough to say something. */
#define TINY                                                                                                           \
    "T=12 d=3 layers=1 heads=2 width=16 head_dim=8 mlp=1 batch=16 eval_every=10 eval_size=32 lr=1e-3 "                 \
    "backend=reference steps=600 until=cap threshold=0.01 "

struct run {
    struct result result;
    struct trace trace; /* owned */
};

static struct run make(const struct keys *keys, const struct run_request *request)
{
    struct run run = {.trace = {0}};
    struct run_flow *tools;
    ck_assert_int_eq(run_flow_create(&tools), OK);
    const enum status rc = keys->preset == PRESET_TOY ? run_toy(tools, keys, request, &run.result, &run.trace)
                                                      : run_transformer(keys, request, &run.result, &run.trace);
    ck_assert_msg(rc == OK, "%s", error_message());
    run_flow_free(tools);
    return run;
}

static struct run plain(struct keys keys)
{
    return make(&keys, &(struct run_request){0});
}

static double at(const struct run *run, size_t row, const char *column)
{
    return run->trace.rows[row * (size_t)run->trace.columns + (size_t)trace_find(&run->trace, column)];
}

START_TEST(toy_plateau)
{
    static const char *const cases[] = {
        "T=32 d=8 lr=.1",       "T=64 d=16 lr=.2",     "T=16 d=4 lr=.1",         "T=64 d=16 lr=.2 B=4",
        "T=64 d=4 lr=.2 B=4",   "T=64 d=64 lr=.5 B=8", "T=64 d=16 threshold=.5", "T=64 d=16 lr=.2 B=4 threshold=.05",
        "T=256 d=32 lr=.5 B=16"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run = plain(test_keys("model=toy optimizer=gd %s", cases[i]));
        const struct result *r = &run.result;
        const struct prediction *p = &r->predicted;
        size_t half = 0, words = 0;
        ck_assert(r->state == RUN_EMERGED && p->emergence == r->plateau);
        for (size_t k = 0; k < run.trace.length; k++) {
            const double T = at(&run, k, "forecast"), low = at(&run, k, "forecast_low"),
                         high = at(&run, k, "forecast_high");
            const bool over = at(&run, k, "time") >= r->plateau;
            half = at(&run, k, "time") <= r->plateau / 2 ? k : half;
            words += !isnan(T);
            ck_assert_msg(!over || isnan(T), "%s: nothing is said of a plateau that is over", cases[i]);
            ck_assert_msg(isnan(T) || (low < r->plateau && r->plateau < high), "%s, at %g: %g is not in %g .. %g",
                          cases[i], at(&run, k, "time"), r->plateau, low, high);
        }
        for (size_t k = half; at(&run, k, "time") < .98 * r->plateau; k++) /* then its lines may be there */
            test_close(at(&run, k, "forecast"), r->plateau, STATED, 0, "%s: at %g", cases[i], at(&run, k, "time"));
        ck_assert(p->forecast == at(&run, half, "forecast") && p->forecast_low == at(&run, half, "forecast_low") &&
                  p->forecast_high == at(&run, half, "forecast_high") && p->forecast_words == (double)words);
        trace_free(&run.trace);
    }
}
END_TEST

START_TEST(of_which_runs)
{
    static const struct {
        const char *keys;
        bool said;
    } cases[] = {{"model=toy", true},
                 {"model=toy B=2 optimizer=gd lr=.1", true},
                 {"model=toy p=.1", false},
                 {"model=toy hops=2", false},
                 {"model=toy optimizer=adam lr=.01", false},
                 {"model=toy momentum=.5", false},
                 {"model=toy B=2 schedule=B=1@5", false},
                 {"model=transformer", true},
                 {"model=transformer B=2 p=.5 schedule=B=1@100", true},
                 {"model=transformer readout=mean", false},
                 {"model=transformer clamp=relevant@1", false},
                 {"task=recall", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct keys keys = test_keys("%s", cases[i].keys);
        ck_assert_msg(run_forecast_applies(&keys) == cases[i].said, "%s", cases[i].keys);
    }
    for (size_t i = 2; i < 6; i++) {
        struct run run = plain(test_keys("T=12 d=5 %s steps=400", cases[i].keys));
        ck_assert_int_eq(run.trace.columns, i == 3 ? 12 : 11); /* the scores of another hop */
        for (size_t k = 0; k < run.trace.length; k++)
            ck_assert(isnan(at(&run, k, "forecast")) && isnan(at(&run, k, "forecast_low")) &&
                      isnan(at(&run, k, "forecast_high")));
        ck_assert_msg(run.trace.length > 20 && isnan(run.result.predicted.forecast) &&
                          isnan(run.result.predicted.emergence) && isnan(run.result.predicted.forecast_words),
                      "%s", cases[i].keys);
        trace_free(&run.trace);
    }
}
END_TEST

/* Each row of a Transformer: the earliest word of its heads, from all copies of the relevant token in its test set and
 * from the rows since the last switch. */
START_TEST(transformer)
{
    static const struct {
        const char *keys;
        double copies;
    } cases[] = {{"B=1", 1}, {"B=2", 2}, {"B=3 p=.3 schedule=B=2@60/p=0@100", 2}};
    enum { ROWS = 61 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct keys keys = test_keys(TINY "%s", cases[i].keys);
        struct run run = plain(keys);
        const double D_c = 1.5 * sqrt(8.0 / (54 * 4)), since = isnan(run.result.switched[0]) ? 0 : 100;
        double t[ROWS], s[2][ROWS], scratch[4 * ROWS];
        size_t n = 0, words = 0;
        ck_assert(run.trace.length == 61);
        for (size_t k = 0; k < run.trace.length; k++) {
            struct forecast best = {.word = FORECAST_SILENT, .T = INFINITY};
            if (at(&run, k, "step") < since)
                continue;
            t[n] = at(&run, k, "step") - since; /* it begins anew */
            s[0][n] = cases[i].copies * at(&run, k, "attention_l1h1");
            s[1][n++] = cases[i].copies * at(&run, k, "attention_l1h2");
            for (int head = 0; head < 2; head++) {
                struct forecast f;
                forecast_head(t, s[head], n, D_c, scratch, &f);
                if (f.word == FORECAST_ARRIVED || (f.word == FORECAST_SAYS && f.T < best.T))
                    best = f;
                if (f.word == FORECAST_ARRIVED)
                    break;
            }
            const bool says = best.word == FORECAST_SAYS;
            words += says;
            ck_assert_msg(says ? at(&run, k, "forecast") == best.T + since &&
                                     at(&run, k, "forecast_low") == best.low + since &&
                                     at(&run, k, "forecast_high") == best.high + since
                               : isnan(at(&run, k, "forecast")),
                          "%s: step %g: %g, not %g", cases[i].keys, t[n - 1], at(&run, k, "forecast"), best.T);
        }
        ck_assert_msg(words > (since > 0 ? 0 : 3) && run.result.predicted.forecast_words == (double)words,
                      "%s: %zu words", cases[i].keys, words);
        trace_free(&run.trace);
    }
}
END_TEST

/* ---- files ---- */

static char path[64];

static void check_resumed(struct keys keys, const double *stops, size_t n)
{
    struct run whole = plain(keys);
    snprintf(path, sizeof path, "test_run_forecast.%ld", (long)getpid());
    for (size_t i = 0; i < n; i++) {
        struct keys part = keys;
        part.value[KEY_steps] = stops[i];
        struct run run = make(&part, &(struct run_request){.checkpoint = path, .resume = i ? path : NULL});
        trace_free(&run.trace);
    }
    struct run last = make(&keys, &(struct run_request){.resume = path});
    const size_t bytes = whole.trace.length * (size_t)whole.trace.columns * sizeof(double);
    ck_assert(last.trace.length == whole.trace.length);
    ck_assert(whole.result.predicted.forecast_words > (keys_real(&keys, KEY_schedule) != 0 ? 0 : 3));
    ck_assert_mem_eq(last.trace.rows, whole.trace.rows, bytes);
    ck_assert_mem_eq(&last.result.predicted.emergence, &whole.result.predicted.emergence, 5 * sizeof(double));
    trace_free(&whole.trace), trace_free(&last.trace);
    remove(path);
}

START_TEST(resumed)
{
    check_resumed(test_keys("model=toy T=32 d=8 optimizer=gd lr=.5"), (double[]){0, 90, 91, 150, 200}, 5);
    check_resumed(test_keys("model=toy T=32 d=8 lr=.5 eval_every=3 seed=2"), (double[]){60, 121, 170}, 3);
    check_resumed(test_keys(TINY "B=1"), (double[]){95, 150, 200}, 3);
    check_resumed(test_keys(TINY "B=3 p=.3 schedule=B=2@60/p=0@100"), (double[]){95, 105, 200}, 3);
}
END_TEST

/* The checkpoint without the columns that are younger than it. */
static void make_older(const struct keys *keys)
{
    struct safetensors file;
    struct safetensors_tensor tensors[10];
    struct safetensors_note notes[KEY_COUNT + 2];
    double numbers[10][4096];
    size_t n_notes = 0;
    static const char *const other[] = {"step", "numerics_revision"};
    ck_assert_int_eq(safetensors_read(path, &file), OK);
    for (size_t k = 0; k < file.n; k++) {
        struct safetensors_tensor *t = &tensors[k];
        *t = file.entries[k].tensor;
        ck_assert(file.entries[k].bytes <= sizeof numbers[k]);
        ck_assert_int_eq(safetensors_copy(&file, t->name, t->type, t->rank, t->shape, numbers[k]), OK);
        t->data = numbers[k];
        for (size_t i = 0; i < t->shape[0] && !strcmp(t->name, "run.trace"); i++)
            memmove(numbers[k] + 8 * i, numbers[k] + 11 * i, 8 * sizeof(double));
        if (!strcmp(t->name, "run.trace"))
            t->shape[1] = 8;
    }
    for (size_t i = 0; i < 2; i++)
        notes[n_notes++] = (struct safetensors_note){other[i], safetensors_note(&file, other[i])};
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *name = keys_name((enum key)key);
        if (keys_is_hashed((enum key)key) && !isnan(keys->value[key]))
            notes[n_notes++] = (struct safetensors_note){name, safetensors_note(&file, name)};
    }
    ck_assert_int_eq(safetensors_write(path, tensors, file.n, notes, n_notes), OK);
    safetensors_free(&file);
}

/* A run that began before there were forecasts: its rows have none, and those that it adds say what they would have
 * said. */
START_TEST(older)
{
    enum { OLD = 101 };
    const struct keys keys = test_keys("model=toy T=32 d=8 optimizer=gd lr=.5");
    struct keys part = keys;
    struct run whole = plain(keys);
    part.value[KEY_steps] = OLD - 1;
    snprintf(path, sizeof path, "test_run_forecast.%ld", (long)getpid());
    struct run run = make(&part, &(struct run_request){.checkpoint = path});
    trace_free(&run.trace);
    make_older(&keys);
    run = make(&keys, &(struct run_request){.resume = path});
    ck_assert(run.trace.length == whole.trace.length && run.trace.columns == 11 && !isnan(at(&whole, OLD, "forecast")));
    size_t same = 0, word = OLD;
    while (isnan(at(&run, word, "forecast"))) /* it is not due at every row */
        word++;
    for (size_t k = 0; k < run.trace.length; k++) {
        const double *row = run.trace.rows + 11 * k, *want = whole.trace.rows + 11 * k;
        ck_assert_mem_eq(row, want, 8 * sizeof *row);
        ck_assert(k >= word || (isnan(row[8]) && isnan(row[9]) && isnan(row[10])));
        same += k >= word && !memcmp(row, want, 11 * sizeof *row);
    }
    ck_assert_msg((double)word <= 1.2 * OLD && same == run.trace.length - word, "%zu rows from row %zu on are the same",
                  same, word);
    trace_free(&run.trace), trace_free(&whole.trace);
    remove(path);
}
END_TEST

START_TEST(rows_with_fewer_columns)
{
    struct trace t = {0};
    const struct keys toy = test_keys("model=toy"), tiny = test_keys(TINY "B=1");
    double rows[2][11];
    for (int i = 0; i < 22; i++)
        rows[i / 11][i % 11] = i;
    trace_begin(&t, &toy);
    ck_assert(trace_least_columns(&t) == 8 && t.columns == 11);
    ck_assert_int_eq(trace_add(&t, rows[0]), OK);
    ck_assert_int_eq(trace_fill(&t, rows[0], 2, 8), OK);
    ck_assert_uint_eq(t.length, 3);
    for (size_t k = 0; k < 33; k++) {
        const size_t row = k / 11, column = k % 11;
        const double x = t.rows[k];
        ck_assert(row == 0 ? x == (double)column : column >= 8 ? isnan(x) : x == (double)(8 * (row - 1) + column));
    }
    ck_assert_int_eq(trace_add(&t, rows[1]), OK); /* what is added behind them has its place */
    ck_assert(t.length == 4 && t.rows[33] == 11 && t.rows[43] == 21);
    trace_begin(&t, &tiny);
    ck_assert(trace_least_columns(&t) == 5 && t.columns == 10);
    trace_free(&t);
}
END_TEST

/* ---- emergence ---- */

/* A trace of two heads with two copies of the relevant token, every 100 steps; the null loss is 0.5. Ends with a loss
 * of 0. */
struct moment {
    double loss, attention[2], forecast;
};

static struct prediction read_off(const struct moment *moments)
{
    struct trace t = {0};
    struct result r = {.keys = test_keys("T=8 d=2 layers=1 heads=2 B=3 schedule=B=2@50"),
                       .null_loss = 0.5,
                       .cap = 1000,
                       .plateau = 7,
                       .predicted = prediction_none};
    trace_begin(&t, &r.keys);
    for (int i = 0; moments[i].loss > 0; i++) {
        const struct moment *m = &moments[i];
        const double said = m->forecast > 0 ? m->forecast : NAN;
        const double row[10] = {100 * i,         NAN,  m->loss, NAN,       NAN, m->attention[0],
                                m->attention[1], said, said,    said + 1.0};
        ck_assert_int_eq(trace_add(&t, row), OK);
    }
    run_forecast_finish(&t, &r);
    trace_free(&t);
    return r.predicted;
}

#define READ_OFF(...) read_off((const struct moment[]){__VA_ARGS__, {0, {0, 0}, 0}})

START_TEST(emergence)
{
    /* 2 x .1 to 2 x .4 of the attention: a half between them, at the middle */
    struct prediction p = READ_OFF({.5, {.1, .1}, 0}, {.49, {.1, .1}, 0}, {.48, {.1, .4}, 0}, {.47, {.45, .45}, 0});
    test_close(p.emergence, 150, 1e-12, 0, "attention of a head passes a half");
    p = READ_OFF({.5, {.1, .1}, 0}, {.5, {.2, .4}, 0}, {.5, {.3, .4}, 0});
    test_close(p.emergence, 50, 1e-12, 0, "the first head that passes it");
    p = READ_OFF({.5, {.1, .1}, 0}, {.5, {.3, .4}, 0});
    test_close(p.emergence, 50, 1e-12, 0, "the earlier of two between the same rows");
    p = READ_OFF({.5, {.1, .1}, 0}, {.5, {.1, .24}, 0}, {.5, {.1, .2}, 0});
    ck_assert_msg(isnan(p.emergence), "%g", p.emergence);
    /* the loss falls below 0.4, rises, and falls for good between .41 and .35 */
    p = READ_OFF({.5, {.1, .1}, 0}, {.39, {.1, .1}, 0}, {.45, {.1, .1}, 0}, {.41, {.1, .1}, 0}, {.35, {.1, .1}, 0},
                 {.3, {.1, .1}, 0});
    test_close(p.emergence, 300 + 100.0 / 6, 1e-12, 0, "the loss falls for good");
    p = READ_OFF({.5, {.1, .1}, 0}, {.39, {.1, .1}, 0}, {.45, {.1, .1}, 0});
    ck_assert_msg(isnan(p.emergence), "it rises again: %g", p.emergence);
    p = READ_OFF({.5, {.1, .1}, 0}, {.35, {.1, .1}, 0}, {.3, {.1, .4}, 0});
    test_close(p.emergence, 100 * .1 / .15, 1e-12, 0, "loss before attention");
    p = READ_OFF({.5, {.1, .1}, 0}, {.45, {.1, .4}, 0}, {.3, {.1, .4}, 0});
    test_close(p.emergence, 50, 1e-12, 0, "attention before loss");
    p = READ_OFF({.5, {.4, .4}, 0});
    ck_assert(isnan(p.emergence));
}
END_TEST

START_TEST(said_at_half)
{
    struct prediction p =
        READ_OFF({.5, {.1, .1}, 0}, {.5, {.1, .1}, 310}, {.5, {.1, .1}, 0}, {.5, {.1, .1}, 400}, {.5, {.1, .4}, 420});
    ck_assert(p.emergence == 350 && p.forecast == 310 && p.forecast_low == 310 && p.forecast_high == 311);
    ck_assert(p.forecast_words == 3);
    p = READ_OFF({.5, {.1, .1}, 0}, {.5, {.1, .1}, 310}, {.5, {.1, .1}, 0}, {.5, {.1, .1}, 0}, {.5, {.1, .1}, 0},
                 {.5, {.1, .4}, 420});
    ck_assert_msg(p.emergence == 450 && isnan(p.forecast) && p.forecast_words == 2, "silent at half: %g", p.forecast);
    p = READ_OFF({.5, {.1, .1}, 0}, {.5, {.1, .1}, 1310}, {.5, {.1, .1}, 1320}); /* no end: half of the cap, 500 */
    ck_assert(isnan(p.emergence) && p.forecast == 1320 && p.forecast_words == 2);
}
END_TEST

static const struct test tests[] = {{"the toy's forecast", &toy_plateau},
                                    {"of which runs", &of_which_runs},
                                    {"a Transformer's rows", &transformer},
                                    {"resumed", &resumed},
                                    {"older checkpoint", &older},
                                    {"rows with fewer columns", &rows_with_fewer_columns},
                                    {"emergence", &emergence},
                                    {"said at half", &said_at_half}};
TEST_MAIN("run_forecast", tests)
