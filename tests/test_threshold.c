/* Runs are read at the threshold that is asked for: what they were last asked for changes nothing, and what they did
 * not record is not made up. */
#include "claims_fixture.h"

/* Runs of other programs know their own threshold (here 0.2) alone: elsewhere they are left out and counted, never
 * taken for runs that did not emerge. One that did not reach 0.2 did not reach 0.1 either. */
START_TEST(test_unknown_crossings)
{
    struct store *store = fresh_store();
    struct fit fit;
    put_grid(store, "own", "model=toy T=64,128,256 d=16,32", plain_law);
    for (int i = 0; i < 4; i++) {
        struct result r = {.keys = keys_of(i == 3  ? "model=toy T=96 d=16 seed=9"
                                           : i % 2 ? "model=toy T=96 d=16"
                                                   : "model=toy T=192 d=32"),
                           .state = i == 3 ? RUN_CENSORED : RUN_EMERGED,
                           .cap = 5000,
                           .initial_loss = NAN};
        r.plateau = i == 3 ? NAN : plain_law(r.keys.value[KEY_T], r.keys.value[KEY_d], 1, 0);
        for (int level = 0; level < FLOW_LEVELS; level++)
            r.crossings[level] = NAN;
        bool known;
        ck_assert(isnan(result_plateau_at(&r, 0.1, &known)) && known == (i == 3));
        ck_assert(isnan(result_plateau_at(&r, 0.5, &known)) && !known);
        ok(store_put(store, i == 2 ? "other" : "own", i == 2 ? "import:again" : NULL, &r, NULL));
    }
    const struct store_filter all = {.study = "own", .values = {[KEY_seed] = (double[]){1}}, .n = {[KEY_seed] = 1}};
    ok(fit_run(store, &all, &(struct fit_request){.threshold = 0.1}, &fit));
    ck_assert_msg(fit.set.unknown == 2 && fit.law.n == 6 && fit.law.n_censored == 0, "%zu %zu", fit.set.unknown,
                  fit.law.n);
    test_close(fit.law.exponent[1].value, 1, 2e-3, 0, "T exponent of the others");
    fit_free(&fit);
    ok(fit_run(store, &all, &(struct fit_request){0}, &fit));
    ck_assert(fit.set.unknown == 0 && fit.law.n == 8);
    fit_free(&fit);
    refused(fit_run(store, &(struct store_filter){.study = "other"}, &(struct fit_request){.threshold = 0.1}, &fit),
            "was not recorded");
    fit_free(&fit);
    struct claim c = outcome(store, "- {id: A, quantity: exponent, of: T, on: 'd,T', at: 0.1, where: seed=1, "
                                    "published: 1, tolerance: .05, study: own}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && c.runs == 6 && strstr(c.why, "2 more runs"), "%s", c.why);
    c = outcome(store, "- {id: A, quantity: r2, on: T, at: 0.1, published: 1, tolerance: .05, study: other}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && c.runs == 0 && isnan(c.estimate) && strstr(c.why, "1 more runs"),
                  "nothing is known, so nothing deviates: %g %s", c.estimate, c.why);
    c = outcome(
        store,
        "- {id: A, quantity: speedup, of: T=96, where: T=64 d=16, at: 0.1, published: .5, tolerance: .1, study: own}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE, "%s", c.why);
    clean(store);
}
END_TEST

/* A run that ended at its own threshold has not seen what lies beyond, which is not the same as never to reach it. */
START_TEST(test_ended)
{
    struct result r = {.keys = keys_of("model=transformer T=16 d=4 threshold=0.5 until=threshold"),
                       .state = RUN_EMERGED,
                       .plateau = 50,
                       .cap = 75};
    for (int level = 0; level < FLOW_LEVELS; level++)
        r.crossings[level] = result_level(&r.keys, level) < 0.5 ? NAN : 10.0 * level;
    bool known;
    ck_assert(result_plateau_at(&r, 0.7, &known) == 20 && known);
    ck_assert(isnan(result_plateau_at(&r, 0.2, &known)) && !known);
    r.keys.value[KEY_until] = UNTIL_LEVELS;
    ck_assert(isnan(result_plateau_at(&r, 0.2, &known)) && known);
    r.keys.value[KEY_until] = UNTIL_THRESHOLD, r.plateau = NAN, r.state = RUN_CENSORED;
    ck_assert(isnan(result_plateau_at(&r, 0.2, &known)) && known);
}
END_TEST

/* The threshold that a run was last asked for changes no verdict and no fit at a stated one, and mixed ones are noted.
 * Flows and toy models, since what is predicted for them depends on it too. */
START_TEST(test_threshold)
{
    static const char *const text[] = {
        "- {id: A, quantity: exponent, of: T, on: 'd,T', published: 1, tolerance: .1, study: flow}",
        "- {id: A, quantity: constant, on: 'd,T', response: asinh, published: 1, tolerance: .1, study: flow}",
        "- {id: A, quantity: each, of: quadrature/plateau, published: 1, tolerance: .1, study: flow}",
        "- {id: A, quantity: each, of: flow/T, published: 1, tolerance: .1, study: toy}",
        "- {id: A, quantity: speedup, of: T=64, where: T=128, published: 1, tolerance: .1, study: flow}",
        "- {id: A, quantity: exponent, of: T, on: 'd,T', at: 0.5, published: 1, tolerance: .1, study: flow}"};
    struct store *store = fresh_store();
    struct run_flow *tools;
    struct claim before[6] = {0}, after;
    struct fit fit;
    ok(run_flow_create(&tools));
    for (int asked = 0; asked < 3; asked++) { /* 0.2, 0.05, then 0.05 for some */
        for (int i = 0; i < 12; i++) {
            char words[80], flow_words[80];
            struct result r;
            snprintf(words, sizeof words, "model=%s T=%d d=%d threshold=%s", i < 9 ? "flow" : "toy", 64 << i % 3,
                     8 << i / 3 % 3, asked == 0 || (asked == 2 && i % 2) ? "0.2" : "0.05");
            snprintf(flow_words, sizeof flow_words, "model=flow %s", strchr(words, 'T'));
            struct keys keys = keys_of(words), flow = keys_of(flow_words);
            ok(run_flow(tools, &flow, &r, NULL));
            r.keys = keys;
            r.flow_plateau = i < 9 ? NAN : r.plateau;
            ok(store_put(store, i < 9 ? "flow" : "toy", NULL, &r, NULL));
        }
        for (int k = 0; k < 6; k++) {
            after = outcome(store, text[k]);
            ck_assert_msg(isfinite(after.estimate) && after.runs > 0, "%s", text[k]);
            before[k] = asked ? before[k] : after;
            test_close(after.estimate, before[k].estimate, 1e-6, 0, "%s", text[k]);
        }
        const struct store_filter at = {
            .study = "flow", .values = {[KEY_threshold] = (double[]){0.5, 0.2}}, .n = {[KEY_threshold] = 1}};
        ok(fit_run(store, &at, &(struct fit_request){0}, &fit));
        test_close(fit.law.exponent[1].value, before[5].estimate, 1e-9, 0, "fit threshold=0.5");
        ck_assert(fit.law.n == 9 && !dataset_mixes(&fit.set, KEY_threshold));
        fit_free(&fit);
        struct store_filter two = at;
        two.n[KEY_threshold] = 2;
        refused(fit_run(store, &two, &(struct fit_request){0}, &fit), "a single value");
        fit_free(&fit);
        refused(fit_run(store, &at, &(struct fit_request){.threshold = 0.1}, &fit), "give one of them");
        fit_free(&fit);
        const struct store_filter own = {.study = "flow"};
        if (asked < 2) {
            ok(fit_run(store, &own, &(struct fit_request){0}, &fit));
            ck_assert_str_eq(fit.set.read_at, asked ? "loss at 0.05 of the null loss" : "loss at 0.2 of the null loss");
        } else {
            refused(fit_run(store, &own, &(struct fit_request){0}, &fit), "a law is of one");
            ck_assert(dataset_mixes(&fit.set, KEY_threshold));
        }
        fit_free(&fit);
    }
    run_flow_free(tools);
    clean(store);
}
END_TEST

/* Recall is read half way from 1/pairs to 1, which is another accuracy for each number of pairs, and one threshold. */
START_TEST(test_half_way)
{
    struct store *store = fresh_store();
    struct fit fit;
    for (int i = 0; i < 8; i++) {
        char words[120];
        snprintf(words, sizeof words, "task=recall model=transformer pairs=%d vocab=%d threshold=%s", i < 4 ? 4 : 2,
                 64 << i % 4, i < 4 ? "0.625" : "0.75");
        struct result r = {.keys = keys_of(words), .state = RUN_EMERGED, .plateau = 100 << i % 4, .cap = 1000};
        ok(store_put(store, "recall", NULL, &r, NULL));
    }
    ok(fit_run(store, &(struct store_filter){0}, &(struct fit_request){0}, &fit));
    ck_assert_str_eq(fit.set.read_at, "half way from 1/pairs to 1");
    fit_free(&fit);
    clean(store);
}
END_TEST

static const struct test tests[] = {{"unknown crossings", &test_unknown_crossings},
                                    {"ended", &test_ended},
                                    {"threshold", &test_threshold},
                                    {"half way", &test_half_way}};
TEST_MAIN("threshold", tests)
