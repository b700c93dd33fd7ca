/* Runs made elsewhere, told row by row: their plateau length is that of the run made here whose rows they are, to the
 * last bit; what stands for a column, what a late or a coarse first row says, divergence, and what is refused. */
#include "run/recording.h"
#include "run/run.h"
#include "test.h"
#include "test_keys.h"

#define TINY                                                                                                           \
    "T=8 d=3 layers=1 heads=2 width=16 head_dim=8 mlp=1 batch=16 eval_every=10 eval_size=32 lr=3e-3 "                  \
    "backend=reference steps=1500"

static struct run_flow *tools;
static struct recording told;

static void begin(const struct keys *keys, double null_loss)
{
    if (!tools)
        ck_assert_int_eq(run_flow_create(&tools), OK);
    ck_assert_msg(recording_begin(&told, tools, keys, null_loss, false) == OK, "%s", error_message());
}

static int column(const char *name)
{
    int i = -1;
    ck_assert_msg(recording_column(&told, name, &i) == OK, "%s", error_message());
    return i;
}

/* A row of step and loss. */
static enum status tell(double step, double loss)
{
    double row[64];
    bool measured[64] = {false};
    for (int i = 0; i < told.trace.columns; i++)
        row[i] = NAN;
    row[0] = step;
    row[column("loss")] = loss;
    measured[0] = measured[column("loss")] = true;
    return recording_row(&told, row, measured);
}

static void retell(const struct trace *trace)
{
    double row[64];
    bool measured[64];
    for (size_t i = 0; i < trace->length; i++) {
        for (int k = 0; k < trace->columns; k++) {
            row[k] = trace->rows[i * (size_t)trace->columns + (size_t)k];
            measured[k] = !isnan(row[k]);
        }
        ck_assert_msg(recording_row(&told, row, measured) == OK, "%s", error_message());
    }
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void as_made_here(const char *words)
{
    const struct keys keys = test_keys("%s", words);
    struct run_context context = {.tools = NULL};
    struct result made, heard;
    struct trace trace = {0};
    ck_assert_msg(run_any(&context, &keys, &made, &trace) == OK, "%s", error_message());
    begin(&keys, NAN);
    retell(&trace);
    recording_outcome(&told, true, &heard);
    ck_assert_msg(same(heard.plateau, made.plateau) && heard.state == made.state && same(heard.cap, made.cap),
                  "%s: plateau %.17g, made here %.17g; %s, %s; %g, %g", words, heard.plateau, made.plateau,
                  result_state_name(heard.state), result_state_name(made.state), heard.cap, made.cap);
    for (int i = 0; i < FLOW_LEVELS; i++)
        ck_assert(same(heard.crossings[i], made.crossings[i]) || i >= result_levels(&keys));
    ck_assert(heard.null_loss == made.null_loss && heard.initial_loss == made.initial_loss &&
              heard.final_loss == made.final_loss);
    ck_assert(same(heard.predicted.reduced, made.predicted.reduced) && same(heard.flow_plateau, made.flow_plateau));
    ck_assert(keys_same(&heard.keys, &made.keys, KEY_eval_every));
    trace_free(&trace);
    recording_free(&told);
    run_free(&context);
}

START_TEST(rule)
{
    as_made_here(TINY);
    as_made_here(TINY " threshold=0.7");
    as_made_here(TINY " steps=50");
    as_made_here("task=recall pairs=2 vocab=8 layers=1 heads=1 width=16 head_dim=8 batch=8 eval_every=10 eval_size=64 "
                 "lr=1e-2 backend=reference steps=300 threshold=0.2");
    as_made_here("model=toy T=16 d=4 optimizer=gd eval_every=10");
    as_made_here("model=toy T=16 d=4 lr=.5 eval_every=25 seed=3 loss=train p=.5");
}
END_TEST

START_TEST(names)
{
    int i;
    const struct keys keys = test_keys(TINY " layers=3");
    begin(&keys, NAN);
    ck_assert_int_eq(column("step"), TRANSFORMER_step);
    ck_assert_int_eq(column("loss"), TRANSFORMER_loss_test);
    ck_assert_int_eq(column("accuracy"), TRANSFORMER_accuracy_test);
    ck_assert_int_eq(column("attention"), column("attention_l3h1"));
    ck_assert_int_eq(recording_column(&told, "atention_l1h1", &i), ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(error_message(), "did you mean attention_l1h1?"));
    recording_free(&told);
    const struct keys toy = test_keys("model=toy T=8 d=2 loss=train");
    begin(&toy, NAN);
    ck_assert_int_eq(column("loss"), column("loss_train"));
    ck_assert_int_eq(recording_column(&told, "accuracy", &i), ERR_INPUT);
    recording_free(&told);
}
END_TEST

/* In the user's unit, and with distances between rows that are not all the same. */
START_TEST(units_and_distances)
{
    const struct keys keys = test_keys(TINY);
    struct result r;
    double low, high;
    begin(&keys, 4);
    ck_assert(tell(0, 4) == OK && tell(10, 3) == OK && tell(50, 1) == OK && tell(90, .6) == OK && tell(91, .5) == OK);
    recording_outcome(&told, true, &r);
    ck_assert(recording_unit(&told, &low) == OK && low == .75);
    ck_assert(r.null_loss == 4 && r.state == RUN_EMERGED);
    test_close(r.plateau, 70, 1e-12, 0, "between 1 at 50 and .6 at 90, where the loss is .8");
    ck_assert(r.keys.value[KEY_eval_every] == 40 && r.keys.value[KEY_steps] == 91);
    result_bracket(&r, r.plateau, &low, &high);
    ck_assert(low <= 50 + 1e-9 && high >= 80);
    ck_assert(tell(400, .4) == OK); /* after the plateau nothing depends on the distance */
    recording_outcome(&told, true, &r);
    ck_assert(r.keys.value[KEY_eval_every] == 40);
    recording_free(&told);
}
END_TEST

START_TEST(late)
{
    const struct keys keys = test_keys(TINY);
    struct result r;
    begin(&keys, 1);
    ck_assert(tell(100, .1) == OK && tell(200, .05) == OK);
    recording_outcome(&told, true, &r);
    test_close(r.plateau, 100 * .8 / .9, 1e-12, 0, "from nothing known at step 0");
    ck_assert(r.initial_loss == .1 && result_is_late(&r, r.plateau));
    recording_free(&told);
}
END_TEST

START_TEST(states)
{
    const struct keys keys = test_keys(TINY);
    struct result r;
    begin(&keys, 1);
    ck_assert(tell(0, 1) == OK && tell(10, .9) == OK && tell(20, .1) == OK);
    recording_outcome(&told, true, &r);
    ck_assert_msg(r.state == RUN_CENSORED && r.cap == 10, "one evaluation is no crossing: %g", r.cap);
    recording_outcome(&told, false, &r);
    ck_assert(r.state == RUN_INTERRUPTED && isnan(r.plateau));
    ck_assert(tell(30, NAN) == OK);
    recording_outcome(&told, false, &r);
    ck_assert(r.state == RUN_DIVERGED && r.cap == 30);
    ck_assert(tell(40, .1) == OK && tell(50, .1) == OK); /* kept, but it stays what it is */
    recording_outcome(&told, true, &r);
    ck_assert(r.state == RUN_DIVERGED && r.cap == 30 && told.trace.length == 6);
    recording_free(&told);
}
END_TEST

START_TEST(refused)
{
    double row[64] = {0};
    bool measured[64] = {false};
    const struct keys flow = test_keys("model=flow T=8 d=2"), recall = test_keys("task=recall pairs=2 vocab=8"),
                      keys = test_keys(TINY);
    if (!tools)
        ck_assert_int_eq(run_flow_create(&tools), OK);
    ck_assert_int_eq(recording_begin(&told, tools, &flow, NAN, false), ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(error_message(), "record model=toy or model=transformer"));
    recording_free(&told);
    begin(&keys, NAN);
    ck_assert(tell(10, 1) == OK);
    static const struct {
        double step;
        const char *message;
    } wrong[] = {{10, "does not come after 10"},
                 {5, "does not come after 10"},
                 {-1, "a step is a number"},
                 {NAN, "a step is a number"},
                 {2e9, "from 0 to 1e9"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_int_eq(tell(wrong[i].step, 1), ERR_INPUT);
        ck_assert_msg(strstr(error_message(), wrong[i].message) != NULL, "%s", error_message());
    }
    ck_assert_uint_eq(told.trace.length, 1);
    recording_free(&told);
    begin(&recall, NAN);
    measured[TRANSFORMER_accuracy_test] = true;
    row[TRANSFORMER_loss_test] = NAN;
    ck_assert_int_eq(recording_row(&told, row, measured), ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(error_message(), "an accuracy and no loss"));
    recording_free(&told);
}
END_TEST

static const struct test tests[] = {
    {"the rule", &rule},         {"names", &names},   {"units and distances", &units_and_distances},
    {"a late first row", &late}, {"states", &states}, {"refused", &refused}};
TEST_MAIN("recording", tests)
