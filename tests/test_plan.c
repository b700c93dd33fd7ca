/* Planning: order and balance, laws fitted to what is there, times of steps, the schedule, and the choice of runs for a
 * budget. */
#include "run/checkpoint.h"
#include "plan/budget.h"
#include "study/cost.h"
#include "run/run_flow.h"
#include "run/run_reduced.h"
#include "run/run_transformer.h"
#include "store_fixture.h"
#include "study/sweep.h"
#include "tensor/kernels.h"
#include "test_keys.h"
#include <math.h>

/* A study of one block, as on the command line. */
static void name_study(struct study *study, const char *const *keys, size_t n)
{
    *study = (struct study){.name = "test", .n_blocks = 1};
    for (size_t i = 0; i < n; i++)
        ok(grid_add(&study->blocks[0], keys[i]));
}
#define STUDY(study, ...)                                                                                              \
    name_study(study, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const struct plan_request no_measuring = {.jobs = 2, .measure = -1};

/* A finished run of the keys with that plateau, made on this host by that library. */
static void put_of_library(struct store *store, struct keys keys, double plateau, double ms, const char *library)
{
    struct result r = {.keys = keys,
                       .state = RUN_EMERGED,
                       .plateau = plateau,
                       .initial_loss = 0.5,
                       .null_loss = 0.5,
                       .final_loss = 0.01};
    const double every = keys_real(&keys, KEY_eval_every);
    for (int i = 0; i < FLOW_LEVELS; i++)
        r.crossings[i] = plateau * (0.8 + 0.03 * i);
    r.steps_done = r.cap = (ceil(plateau / every) + 1) * every;
    r.tokens_per_s = keys_real(&keys, KEY_batch) * keys_real(&keys, KEY_T) / (1e-3 * ms);
    r.wall_s = r.steps_done * 1e-3 * ms;
    r.predicted = prediction_none;
    r.flow_plateau = NAN;
    snprintf(r.library, sizeof r.library, "%s", library);
    ok(store_put(store, "test", NULL, &r, NULL));
}

/* Of none. */
static void put(struct store *store, struct keys keys, double plateau, double ms)
{
    put_of_library(store, keys, plateau, ms, "");
}

START_TEST(run_list_is_longest_first_and_names_each_run_once)
{
    struct study study;
    struct run_list list;
    struct keys keys;
    STUDY(&study, "model=transformer", "T=16,64,32", "d=8", "seed=1,2,1");
    static const double T[] = {64, 64, 32, 32, 16, 16};
    ok(run_list_make(&study, &list));
    ck_assert_uint_eq(list.n, 6);
    for (size_t i = 0; i < list.n; i++) {
        ok(study_at(&study, list.runs[i].number, &keys));
        ck_assert_double_eq(keys_real(&keys, KEY_T), T[i]);
        ck_assert_double_eq(keys_real(&keys, KEY_seed), (double)(1 + i % 2));
        ck_assert_double_eq(list.runs[i].cost, cost_run(&keys));
    }
    run_list_free(&list);
    study.left_out = calloc(9, sizeof *study.left_out);
    study.left_out[3] = true; /* T=64, seed=1 */
    ok(run_list_make(&study, &list));
    ok(study_at(&study, list.runs[0].number, &keys));
    ck_assert(list.n == 5 && keys_real(&keys, KEY_T) == 64 && keys_real(&keys, KEY_seed) == 2);
    run_list_free(&list);
    study_free(&study);
    /* caps and thresholds are no part of a run: it is made once, the way that goes furthest */
    STUDY(&study, "model=toy", "T=16", "d=8", "steps=100,3000,200", "threshold=0.5,0.2,0.3");
    ok(run_list_make(&study, &list));
    ck_assert_uint_eq(list.n, 1);
    ok(study_at(&study, list.runs[0].number, &keys));
    ck_assert(keys_real(&keys, KEY_steps) == 3000 && keys_real(&keys, KEY_threshold) == 0.2);
    run_list_free(&list);
    study_free(&study);
}
END_TEST

/* The arithmetic of a step, counted by hand for one layer that is computed whole (readout=mean): 4 W (A + F) 2 T + ..;
 * twice the batch, twice that. */
START_TEST(work_counts_products)
{
    struct keys one, two;
    one = test_keys("model=transformer T=8 d=4 layers=1 heads=2 head_dim=16 width=32 mlp=4 readout=mean batch=32 "
                    "eval_every=1000000 eval_size=1");
    two = test_keys("model=transformer T=8 d=4 layers=1 heads=2 head_dim=16 width=32 mlp=4 readout=mean batch=64 "
                    "eval_every=1000000 eval_size=1");
    const double products = 3 * 32 * (2 * 8 * 32 * (4 * 32 + 2 * 128) + 4 * 8 * 8 * 32 + 2 * 32 * (8 * 5 + 4)),
                 step = cost_step(&two) - cost_step(&one);
    ck_assert_msg(step > products && step < 2 * products, "%g products, %g", products, step);
    two = test_keys(
        "model=transformer T=8 d=4 layers=1 heads=2 head_dim=16 width=32 mlp=4 readout=mean until=cap steps=77");
    ck_assert_double_eq(cost_steps(&two), 77);
}
END_TEST

/* An empty database: the published law, and the end of a run: one evaluation after the crossing, one to confirm it. */
START_TEST(without_runs_the_published_law_is_expected)
{
    struct history history = {0};
    struct expected_steps *laws;
    struct expectation e;
    struct keys keys;
    ok(expected_steps_create(&history, &laws));
    keys = test_keys("model=transformer T=256 d=64 until=threshold");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert(e.source == EXPECTED_PUBLISHED && e.runs == 0 && !e.censored);
    const double plateau = 0.76 * pow(64, 1.29) * pow(256, 0.80);
    ck_assert_double_eq_tol(e.plateau, plateau, 1e-6 * plateau);
    ck_assert_double_eq(e.steps, (ceil(plateau / 25) + 1) * 25);
    keys = test_keys("model=transformer T=512 d=128 until=threshold");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert(e.censored && e.steps == 50000);
    keys = test_keys("model=transformer T=256 d=64 lr=3e-4");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert_int_eq(e.source, EXPECTED_GUESS);
    /* what varies is no power law of what is published: nothing at another learning rate, another law at B > 1 */
    static const char *const runs[] = {"model=transformer T=256 d=64 lr=1e-4",
                                       "model=transformer T=64 d=8 layers=1 heads=1"};
    static const enum key varying[] = {KEY_lr, KEY_B};
    for (int i = 0; i < 2; i++) {
        struct text law = {0};
        bool varies[KEY_COUNT] = {[KEY_d] = true, [KEY_T] = true};
        keys = test_keys("%s", runs[i]);
        ok(expected_steps_law(laws, &keys, varies, &law));
        ck_assert_msg(strstr(law.data, "d^1.29 T^0.80") || i, "as published: %s", law.data);
        text_clear(&law);
        varies[varying[i]] = true;
        ok(expected_steps_law(laws, &keys, varies, &law));
        ck_assert_msg(!strstr(law.data, "nan") && !strstr(law.data, i ? "d^1.31" : "d^1.29"), "our own: %s", law.data);
        text_free(&law);
    }
    expected_steps_free(laws);
}
END_TEST

/* The toy follows the flow: theory.md's 2707.926 for T=512 d=16; half of lr, twice the steps. */
START_TEST(toys_are_expected_to_follow_the_flow)
{
    struct history history = {0};
    struct expected_steps *laws;
    struct expectation e, half;
    struct keys keys;
    ok(expected_steps_create(&history, &laws));
    keys = test_keys("model=toy T=512 d=16");
    ok(expected_steps_run(laws, &keys, false, &e));
    test_close(e.plateau, 2707.926, 1e-6, 0, "plateau");
    ck_assert(e.source == EXPECTED_FLOW && e.steps >= e.plateau && e.steps < 1.2 * e.plateau);
    keys = test_keys("model=toy T=512 d=16 lr=0.5 steps=3000");
    ok(expected_steps_run(laws, &keys, false, &half));
    test_close(half.plateau, 2 * 2707.926, 1e-6, 0, "plateau at half of lr");
    ck_assert(half.censored && half.steps == 3000);
    keys = test_keys("model=flow T=512 d=64");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert(e.steps == 0 && !e.censored);
    keys = test_keys("model=toy T=16 d=8 threshold=1e-300 steps=700"); /* which no integrator finds */
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert(e.source == EXPECTED_GUESS && e.steps == 700);
    expected_steps_free(laws);
}
END_TEST

/* A Transformer with one layer: its reduced flow, integrated here once more. Not where that flow is not known, and not
 * where runs say better. */
START_TEST(one_layer_is_expected_to_follow_its_reduced_flow)
{
#define ONE "model=transformer T=32 d=8 layers=1 heads=1 "
    static const char *const others[] = {ONE "layers=2", ONE "norm=pre", ONE "p=0.5", ONE "lr=1e-2", ONE "width=1024"};
    struct history history = {0};
    struct expected_steps *laws;
    struct expectation e;
    struct run_flow *tools;
    struct result r;
    struct keys keys;
    ok(run_flow_create(&tools));
    ok(expected_steps_create(&history, &laws));
    keys = test_keys("model=reduced T=32 d=8");
    ok(run_reduced(run_flow_ode(tools), &keys, &r, NULL));
    keys = test_keys(ONE "until=threshold seed=3");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert(e.source == EXPECTED_REDUCED && e.runs == 0 && !e.censored);
    ck_assert_str_eq(expected_steps_source_name(e.source), "reduced");
    test_close(e.plateau, r.plateau, 1e-3, 0, "plateau");
    ck_assert_double_eq(e.steps, (ceil(e.plateau / 25) + 1) * 25);
    keys = test_keys(ONE "until=threshold threshold=0.5"); /* and at another threshold that one */
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert_int_eq(e.source, EXPECTED_REDUCED);
    test_close(e.plateau, r.crossings[4], 1e-3, 0, "crossing of 0.5");
    keys = test_keys(ONE "steps=100");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert(e.source == EXPECTED_REDUCED && e.censored && e.steps == 100);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        keys = test_keys("%s", others[i]);
        ok(expected_steps_run(laws, &keys, false, &e));
        ck_assert_msg(e.source == EXPECTED_GUESS || e.source == EXPECTED_PUBLISHED, "%s: by %s", others[i],
                      expected_steps_source_name(e.source));
    }
    expected_steps_free(laws);
    run_flow_free(tools);
}
END_TEST

/* Runs on a law of their own: it comes back, for sizes that were not made, and for those as if their cell had not been
 * seen; another p takes it over, with the constant of its own single run. */
START_TEST(laws_are_fitted_to_what_is_there)
{
    const bool wanted[PRESET_COUNT] = {[PRESET_REGRESSION] = true};
    struct store *store = opened(in_folder("a.db"), STORE_WRITE);
    struct history history;
    struct expected_steps *laws;
    struct expectation e;
    struct keys keys;
    for (int T = 16; T <= 64; T *= 2) {
        for (int d = 4; d <= 32; d *= 2) {
            keys = test_keys("model=transformer until=threshold T=%d d=%d", T, d);
            put(store, keys, 3 * pow(d, 1.1) * pow(T, 0.7), 10);
        }
    }
    keys = test_keys("model=transformer until=threshold T=32 d=8 p=0.5");
    put(store, keys, 2 * 3 * pow(8, 1.1) * pow(32, 0.7), 10);
    ok(history_read(store, wanted, &history));
    ck_assert_uint_eq(history.n, 13);
    ok(expected_steps_create(&history, &laws));
    keys = test_keys("model=transformer until=threshold T=48 d=12");
    ok(expected_steps_run(laws, &keys, false, &e));
    const double law = 3 * pow(12, 1.1) * pow(48, 0.7);
    ck_assert(e.source == EXPECTED_FITTED && e.runs == 12);
    ck_assert_msg(fabs(e.plateau / law - 1) < 0.05, "%g, want %g", e.plateau, law);
    keys = test_keys("model=transformer until=threshold T=64 d=32");
    ok(expected_steps_run(laws, &keys, true, &e));
    ck_assert_msg(e.runs < 12 && fabs(e.plateau / (3 * pow(32, 1.1) * pow(64, 0.7)) - 1) < 0.15, "%zu runs, %g", e.runs,
                  e.plateau);
    keys = test_keys("model=transformer until=threshold T=48 d=12 p=0.5");
    ok(expected_steps_run(laws, &keys, false, &e));
    ck_assert_msg(e.runs == 1 && fabs(e.plateau / (2 * law) - 1) < 0.1, "%zu runs, %g, want %g", e.runs, e.plateau,
                  2 * law);
    expected_steps_free(laws);
    history_free(&history);
    store_close(store);
    clean();
}
END_TEST

/* What is there is not planned again; its rate is that of the runs made here, carried over by the work of a step. The
 * wall time is that of two jobs. */
START_TEST(a_plan_knows_what_is_there)
{
    struct study study;
    struct store *store = opened(in_folder("a.db"), STORE_WRITE);
    struct plan plan;
    struct plan_sum sum;
    struct keys keys;
    double work = 0, busy[2] = {0};
    STUDY(&study, "model=transformer", "until=threshold", "T=16,32,64", "d=4,8,16", "seed=1,2");
    for (size_t i = 0; i < 18; i += 2) { /* seed 1 */
        ok(study_at(&study, i, &keys));
        put(store, keys, 2 * keys_real(&keys, KEY_d) * (keys_real(&keys, KEY_T) + 20), 7);
    }
    ok(plan_make(&study, store, &no_measuring, &plan));
    ok(plan_sum(&plan, &sum));
    ck_assert(sum.runs == 18 && sum.there == 9 && sum.timed[STEP_TIME_HISTORY] == 9 &&
              sum.expected[EXPECTED_FITTED] == 9 && sum.censored == 0);
    ck_assert_msg(sum.compared == 9 && sum.within == 9, "%zu of %zu", sum.within, sum.compared);
    for (size_t i = 0; i < plan.n; i++) {
        const struct plan_run *run = &plan.runs[i];
        if (run->there)
            continue;
        ck_assert_double_eq_tol(run->seconds, 0.007 * run->expected.steps, 0.02);
        work += run->seconds;
        busy[busy[1] < busy[0]] += run->seconds;
    }
    ck_assert_double_eq_tol(sum.work_s, work, 1e-9);
    ck_assert_double_eq_tol(sum.wall_s, fmax(busy[0], busy[1]), 1e-9);
    plan_free(&plan);
    store_close(store);
    study_free(&study);
    clean();
}
END_TEST

/* Machines share names: a run tells the time of a step only where what multiplied is what multiplies here. Its length
 * counts in any case. */
START_TEST(another_processor_of_the_same_name_tells_no_times)
{
    struct study study;
    struct store *store = opened(in_folder("a.db"), STORE_WRITE);
    struct plan plan;
    struct plan_sum sum;
    const struct kernels *kernels;
    struct keys keys = test_keys("model=transformer until=threshold T=32 d=8");
    ok(kernels_open(BACKEND_AUTO, PRECISION_F32, &kernels));
    STUDY(&study, "model=transformer", "until=threshold", "T=32", "d=8", "seed=2");
    put_of_library(store, keys, 800, 7, "oneDNN 1.0, avx");
    ok(plan_make(&study, store, &no_measuring, &plan));
    ok(plan_sum(&plan, &sum));
    ck_assert(sum.timed[STEP_TIME_HISTORY] == 0 && sum.expected[EXPECTED_FITTED] == 1);
    plan_free(&plan);
    keys.value[KEY_seed] = 3;
    put_of_library(store, keys, 800, 7, kernels->library);
    ok(plan_make(&study, store, &no_measuring, &plan));
    ok(plan_sum(&plan, &sum));
    ck_assert(sum.timed[STEP_TIME_HISTORY] == 1);
    plan_free(&plan);
    store_close(store);
    study_free(&study);
    clean();
}
END_TEST

/* A run that was stopped takes what is left of it. A shape takes the rate of its own model, however near another's. */
START_TEST(a_plan_knows_checkpoints_and_models)
{
#define SMALL "model=transformer d=4 layers=1 heads=1 width=16 head_dim=16 batch=2 eval_size=2 until=threshold "
    struct study study;
    struct store *store = opened(in_folder("a.db"), STORE_WRITE);
    struct plan plan;
    struct keys keys;
    struct result result;
    struct text path = {0}, checkpoints = {0};
    double seconds = 0;
    put(store, test_keys(SMALL "T=16 backend=reference"), 300, 40);
    put(store, test_keys(SMALL "T=18 backend=blas"), 300, 7);
    STUDY(&study, "model=transformer", "d=4", "layers=1", "heads=1", "width=16", "head_dim=16", "batch=2",
          "eval_size=2", "until=threshold", "T=17", "backend=reference,blas");
    ok(plan_make(&study, store, &no_measuring, &plan));
    for (size_t i = 0; i < plan.n; i++) {
        const struct plan_run *run = &plan.runs[i];
        ok(study_at(&study, run->number, &keys));
        const bool reference = keys_integer(&keys, KEY_backend) == BACKEND_REFERENCE;
        ck_assert(run->timed_by == STEP_TIME_CARRIED && run->resumed == 0);
        ck_assert_double_eq_tol(run->seconds / run->expected.steps, reference ? 0.040 : 0.007, 0.004);
        seconds = reference ? run->seconds : seconds;
    }
    plan_free(&plan);
    keys = test_keys(SMALL "T=17 backend=reference steps=30 until=cap");
    text_addf(&checkpoints, "%s.checkpoints", store_path(store));
    ok(sweep_checkpoint(store_path(store), &keys, &path));
    ck_assert(checkpoint_step(path.data) == 0);
    ok(run_transformer(&keys, &(struct run_request){.checkpoint = path.data, .folder = checkpoints.data}, &result,
                       NULL));
    ck_assert(checkpoint_step(path.data) == 30);
    ok(plan_make(&study, store, &no_measuring, &plan));
    for (size_t i = 0; i < plan.n; i++) {
        const struct plan_run *run = &plan.runs[i];
        ok(study_at(&study, run->number, &keys));
        if (keys_integer(&keys, KEY_backend) != BACKEND_REFERENCE)
            continue;
        ck_assert(run->resumed == 30);
        test_close(run->seconds, 0.01 + (seconds - 0.01) * (1 - 30 / run->expected.steps), 1e-9, 0, "what is left");
    }
    plan_free(&plan);
    unlink(path.data), rmdir(checkpoints.data);
    text_free(&path), text_free(&checkpoints);
    store_close(store);
    study_free(&study);
    clean();
}
END_TEST

/* How many of the runs are chosen for `seconds`, and what they take. */
static size_t choose(const char *const *keys, size_t n, double seconds, double *wall)
{
    struct study study;
    struct plan plan;
    struct text words = {0};
    size_t chosen = 0;
    name_study(&study, keys, n);
    ok(plan_make(&study, NULL, &no_measuring, &plan));
    ok(budget_choose(&plan, &study, seconds, &words));
    ok(plan_wall(&plan, wall));
    for (size_t i = 0; i < plan.n; i++)
        chosen += !plan.runs[i].left_out;
    ck_assert_ptr_nonnull(strstr(words.data, "standard errors"));
    struct run_list list;
    ok(run_list_make(&study, &list)); /* a sweep makes just these */
    ck_assert_uint_eq(list.n, chosen);
    run_list_free(&list);
    text_free(&words);
    plan_free(&plan);
    study_free(&study);
    return chosen;
}

START_TEST(a_budget_is_kept_and_leaves_a_fit)
{
    static const char *const keys[] = {"model=transformer", "until=threshold", "T=16,32,64,128", "d=4,8,16,32",
                                       "seed=1:3:+1"};
    struct study study;
    struct plan plan;
    struct plan_sum sum;
    struct text words = {0};
    double wall, last = 0;
    size_t before = 0;
    STUDY(&study, keys[0], keys[1], keys[2], keys[3], keys[4]);
    ok(plan_make(&study, NULL, &no_measuring, &plan));
    ok(plan_sum(&plan, &sum));
    refused(budget_choose(&plan, &study, 1e-3 * sum.wall_s, &words), ERR_INPUT, "too few");
    plan_free(&plan);
    study_free(&study);
    text_free(&words);
    for (double part = 0.05; part <= 1.01; part += 0.19) {
        const size_t n = choose(keys, 5, part * sum.wall_s, &wall);
        ck_assert_msg(wall <= part * sum.wall_s * (1 + 1e-9), "%g of %g s", wall, part * sum.wall_s);
        ck_assert_msg(n >= 4 && n >= before && wall >= last && wall > 0.5 * part * sum.wall_s, "%zu runs, %g s of %g",
                      n, wall, part * sum.wall_s);
        ck_assert_uint_eq(n, choose(keys, 5, part * sum.wall_s, &wall)); /* the same again */
        before = n, last = wall;
    }
    ck_assert_uint_eq(choose(keys, 5, 1.01 * sum.wall_s, &wall), 48);
}
END_TEST

/* Greedy, weighed against chance: at the same expense the exponents are known no worse than from runs drawn at random.
 * The information is set up here anew. */
static double log_det_of_choice(const struct plan *plan, const bool *chosen)
{
    double M[3][3] = {{0}};
    for (size_t i = 0; i < plan->n; i++) {
        struct keys keys;
        ok(study_at(plan->study, plan->runs[i].number, &keys));
        const double x[3] = {1, log(keys_real(&keys, KEY_T)), log(keys_real(&keys, KEY_d))};
        for (int k = 0; k < 9 && chosen[i]; k++)
            M[k / 3][k % 3] += x[k / 3] * x[k % 3];
    }
    const double det = M[0][0] * (M[1][1] * M[2][2] - M[1][2] * M[2][1]) -
                       M[0][1] * (M[1][0] * M[2][2] - M[1][2] * M[2][0]) +
                       M[0][2] * (M[1][0] * M[2][1] - M[1][1] * M[2][0]);
    return log(fmax(det, 1e-300) / M[0][0]);
}

/* One run a cell, on jobs that cannot end together: the budget holds. */
START_TEST(a_budget_holds_without_seeds)
{
    static const char *const keys[] = {"model=transformer", "until=threshold", "T=16,32,64,128", "d=4,8,16,32"};
    struct study study;
    struct plan plan;
    struct plan_sum sum;
    double wall;
    name_study(&study, keys, 4);
    ok(plan_make(&study, NULL, &no_measuring, &plan));
    ok(plan_sum(&plan, &sum));
    plan_free(&plan);
    study_free(&study);
    for (double part = 0.1; part < 1; part += 0.1) {
        choose(keys, 4, part * sum.wall_s, &wall);
        ck_assert_msg(wall <= part * sum.wall_s, "%g of %g s", wall, part * sum.wall_s);
    }
}
END_TEST

START_TEST(the_choice_beats_chance)
{
    struct study study;
    struct plan plan;
    struct plan_sum sum;
    struct text words = {0};
    bool chosen[16];
    double used = 0, mine;
    unsigned state = 1, worse = 0;
    STUDY(&study, "model=transformer", "until=threshold", "T=16,32,64,128", "d=4,8,16,32");
    ok(plan_make(&study, NULL, &no_measuring, &plan));
    ok(plan_sum(&plan, &sum));
    ok(budget_choose(&plan, &study, 0.4 * sum.wall_s, &words));
    for (size_t i = 0; i < 16; i++) {
        chosen[i] = !plan.runs[i].left_out;
        used += chosen[i] ? plan.runs[i].seconds : 0;
    }
    mine = log_det_of_choice(&plan, chosen);
    for (int draw = 0; draw < 200; draw++) {
        double spent = 0;
        for (size_t i = 0; i < 16; i++) {
            state = state * 1103515245U + 12345U;
            const size_t at = (i + (state >> 16)) % 16;
            chosen[at] = (i == 0 || chosen[at]) && spent + plan.runs[at].seconds <= used;
            spent += chosen[at] ? plan.runs[at].seconds : 0;
        }
        worse += log_det_of_choice(&plan, chosen) <= mine;
    }
    ck_assert_msg(worse >= 190, "only %u of 200 are worse", worse);
    text_free(&words);
    plan_free(&plan);
    study_free(&study);
}
END_TEST

START_TEST(budgets_have_units)
{
    double seconds;
    ok(budget_parse("90s", &seconds));
    ck_assert_double_eq(seconds, 90);
    ok(budget_parse("1.5h", &seconds));
    ck_assert_double_eq(seconds, 5400);
    ok(budget_parse("15min", &seconds));
    ck_assert_double_eq(seconds, 900);
    ok(budget_parse("2d", &seconds));
    ck_assert_double_eq(seconds, 172800);
    static const char *const bad[] = {"", "2", "h", "-1h", "0s", "2 weeks", "nanh", "1e999d", "2hh"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused(budget_parse(bad[i], &seconds), ERR_INPUT, "a number and a unit");
}
END_TEST

static const struct test tests[] = {
    {"run_list_is_longest_first_and_names_each_run_once", &run_list_is_longest_first_and_names_each_run_once},
    {"work_counts_products", &work_counts_products},
    {"without_runs_the_published_law_is_expected", &without_runs_the_published_law_is_expected},
    {"toys_are_expected_to_follow_the_flow", &toys_are_expected_to_follow_the_flow},
    {"one_layer_is_expected_to_follow_its_reduced_flow", &one_layer_is_expected_to_follow_its_reduced_flow},
    {"laws_are_fitted_to_what_is_there", &laws_are_fitted_to_what_is_there},
    {"a_plan_knows_what_is_there", &a_plan_knows_what_is_there},
    {"another_processor_of_the_same_name_tells_no_times", &another_processor_of_the_same_name_tells_no_times},
    {"a_plan_knows_checkpoints_and_models", &a_plan_knows_checkpoints_and_models},
    {"a_budget_is_kept_and_leaves_a_fit", &a_budget_is_kept_and_leaves_a_fit},
    {"a_budget_holds_without_seeds", &a_budget_holds_without_seeds},
    {"the_choice_beats_chance", &the_choice_beats_chance},
    {"budgets_have_units", &budgets_have_units},
};
TEST_MAIN("plan", tests)
