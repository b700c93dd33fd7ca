/* Monomials, and what `plateau fit` says of the runs of a database: its resamples. */
#include "claims_fixture.h"

START_TEST(test_monomial)
{
    struct result r = {.keys = keys_of("model=flow T=512 d=64 B=2 p=0.3"), .plateau = 10, .flow_plateau = 5};
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"T", 512},         {"T/B", 256},  {"d^0.5*T", 4096},   {"T/d^0.5/B", 32}, {"2.5*d", 160},
                 {"1/T", 1.0 / 512}, {"2^3*B", 16}, {"plateau/flow", 2}, {"B^-2", 0.25},    {"1e-2*T*T", 2621.44}};
    struct monomial m;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ok(monomial_parse(cases[i].text, &m));
        test_close(monomial_value(&m, &r), cases[i].value, 1e-14, 0, "%s", cases[i].text);
    }
    for (int level = 0; level < FLOW_LEVELS; level++)
        r.crossings[level] = 100 + level; /* of 0.9, 0.8 .. */
    static const char *const crossings[][2] = {{"leaves", "crossing_0.9"}, {"lands", "crossing_0.1"}};
    for (int i = 0; i < 2; i++) {
        ok(monomial_parse(crossings[i][0], &m)); /* the old name */
        test_close(monomial_value(&m, &r), i ? 108 : 100, 1e-14, 0, "%s", crossings[i][0]);
        ok(monomial_parse(crossings[i][1], &m));
        test_close(monomial_value(&m, &r), i ? 108 : 100, 1e-14, 0, "%s", crossings[i][1]);
    }
    ok(monomial_parse("X_paper", &m));
    test_close(monomial_value(&m, &r), 8.0 * 512 / 2 / sqrt(0.09 * 64 + 0.49), 1e-14, 0, "X_paper");
    ok(monomial_parse("X_exact", &m));
    test_close(monomial_value(&m, &r), 8.0 * 512 / 2 / sqrt(1 + 0.09 * 63), 1e-14, 0, "X_exact");
    ok(monomial_parse("pairs", &m));
    ck_assert(isnan(monomial_value(&m, &r)));
    static const char *const wrong[][2] = {{"", ""},
                                           {"T*", ""},
                                           {"*T", ""},
                                           {"TT", "did you mean T"},
                                           {"T^x", "not a number"},
                                           {"T^", "not a number"},
                                           {"T ^2", "no such key"},
                                           {"-1*T", "must be positive"},
                                           {"0*T", "must be positive"},
                                           {"metric", "is a choice"},
                                           {"T+B", "no such key"},
                                           {"T*T*T*T*T*T*T*T*T", "at most 8"},
                                           {"nan*T", "no such key"},
                                           {"0x10*T", "no such key"},
                                           {"T^1e999", "not a number"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused(monomial_parse(wrong[i][0], &m), wrong[i][1]);
}
END_TEST

/* ---- fits ---- */

/* Every replicate of the bootstrap is the fit of the rows that it draws, whole seeds with replacement: here by copying
 * them. Censored rows too, so that both are Tobit fits. */
START_TEST(test_resamples)
{
    enum { SEEDS = 6, CELLS = 12, N = SEEDS * CELLS, REPLICATES = 60 };
    double x[N], y[N], copy_x[N], copy_y[N], sum = 0, squares = 0;
    bool censored[N], copy_censored[N];
    int64_t seed[N];
    for (int i = 0; i < N; i++) {
        int s = i % SEEDS, cell = i / SEEDS;
        seed[i] = 100 - 7 * s; /* neither sorted nor from 0 */
        x[i] = 16 * pow(2, cell % 6);
        y[i] = 3 * pow(x[i], 0.9) * exp(0.2 * sin(12.9 * i) + 0.1 * sin(78.2 * s));
        censored[i] = y[i] > 250;
        y[i] = fmin(y[i], 250);
    }
    struct power_law_data data = {
        .n = N, .n_x = 1, .names = (const char *[]){"T"}, .x = x, .y = y, .censored = censored, .cluster = seed};
    struct power_law_data copy = {
        .n = N, .n_x = 1, .names = data.names, .x = copy_x, .y = copy_y, .censored = copy_censored};
    struct power_law_bootstrap boot;
    ok(power_law_bootstrap(&data, REPLICATES, 5, 0.95, &boot));
    for (uint32_t r = 0; r < REPLICATES; r++) {
        struct stream stream = {.seed = 5, .purpose = PURPOSE_BOOTSTRAP, .step = r};
        struct power_law fit;
        for (uint32_t draw = 0, to = 0; draw < SEEDS; draw++) {
            int64_t rank = (int64_t)(random_uniform(&stream, draw) * SEEDS),
                    drawn = 100 - 7 * (SEEDS - 1) + 7 * rank; /* increasing seeds */
            for (int i = 0; i < N; i++) {
                if (seed[i] == drawn)
                    copy_x[to] = x[i], copy_y[to] = y[i], copy_censored[to++] = censored[i];
            }
        }
        ok(power_law_fit(&copy, 0.95, &fit));
        sum += fit.exponent[0].value;
        squares += fit.exponent[0].value * fit.exponent[0].value;
        power_law_free(&fit);
    }
    ck_assert(boot.fitted == REPLICATES && boot.resampling == POWER_LAW_CLUSTERS && boot.n_clusters == SEEDS);
    double variance = (squares - sum * sum / REPLICATES) / (REPLICATES - 1);
    test_close(boot.exponent[0].se, sqrt(variance), 1e-6, 0, "standard deviation over replicates");
    ck_assert(sqrt(variance) > 0.005);
}
END_TEST

/* Runs of an earlier numerics revision count, and are said. */
START_TEST(test_revisions)
{
    for (int older = 0; older <= 3; older++) {
        struct store *store = fresh_store();
        struct fit fit = {.ranked = false};
        struct text text = {0};
        char hash[33], words[40];
        for (int i = 0; i < 6; i++) {
            snprintf(words, sizeof words, "model=flow T=%d d=4", 16 << i);
            struct result r = {.keys = keys_of(words),
                               .predicted = prediction_none,
                               .plateau = 10 << i,
                               .state = RUN_EMERGED,
                               .cap = 20 << i};
            keys_hash_at(&r.keys, i < older ? 1 : KEYS_NUMERICS_REVISION, hash);
            ok(store_put(store, NULL, hash, &r, NULL));
        }
        store_close(store);
        ok(store_open(database, STORE_READ, NULL, &store));
        ok(fit_run(store, &(struct store_filter){.bare = true}, &(struct fit_request){.on = "T"}, &fit));
        fit_text(&fit, &text);
        ck_assert_uint_eq(fit.law.n, 6);
        ck_assert_msg((strstr(text.data, "numerics revisions 1 to 2") != NULL) == (older > 0), "%d: %s", older,
                      text.data);
        text_free(&text);
        fit_free(&fit);
        clean(store);
    }
}
END_TEST

static const struct test tests[] = {
    {"revisions", &test_revisions}, {"monomials", &test_monomial}, {"resamples", &test_resamples}};
TEST_MAIN("fit", tests)
