/* Quantities of claims about predictions, on rows that are made by hand: the geometric mean, the typical factor, the
 * share of settings, and how far a law carries. */
#include "claims_fixture.h"

/* A run that ended at `plateau` and said `forecast` of it at half-time (0: could not tell); closed is 100. */
static void put(struct store *store, double plateau, double forecast, const char *words)
{
    struct result r = {.keys = keys_of(words), .state = RUN_EMERGED, .plateau = plateau, .cap = 1e6};
    r.predicted = prediction_none;
    r.predicted.closed = 100;
    r.predicted.emergence = plateau;
    r.predicted.forecast = forecast > 0 ? forecast : NAN;
    r.flow_plateau = NAN;
    r.initial_loss = r.null_loss = r.final_loss = NAN; /* as an imported run's: its length is exact */
    for (int i = 0; i < FLOW_LEVELS; i++)
        r.crossings[i] = NAN;
    ok(store_put(store, "s", NULL, &r, NULL));
}

#define CLAIM(quantity, of, more) "- {id: A, quantity: " quantity ", of: " of ", study: s, " more "}"
#define BAND "published: 1, tolerance: .5"

START_TEST(geometric_mean)
{
    static const double x[] = {.5, 2, 1, 4}; /* times 1.1 in one setting, over 1.1 in the other */
    struct store *store = fresh_store();
    for (int seed = 1; seed <= 4; seed++) {
        char words[2][80];
        snprintf(words[0], sizeof words[0], "model=toy T=64 d=4 seed=%d", seed);
        snprintf(words[1], sizeof words[1], "model=toy T=128 d=4 seed=%d", seed);
        put(store, 110 * x[seed - 1], 0, words[0]);
        put(store, 100 / 1.1 * x[seed - 1], 0, words[1]);
    }
    struct claim c = outcome(store, CLAIM("gmean", "plateau/closed", BAND));
    /* logarithms -1, 1, 0, 2 in units of ln 2: mean 1/2, variance 5/3; t with 3 degrees of freedom */
    const double half = 3.18244631 * M_LN2 * sqrt(5.0 / 3 / 4);
    test_close(c.estimate, M_SQRT2, 1e-12, 0, "geometric mean");
    test_close(c.low, M_SQRT2 * exp(-half), 1e-8, 0, "low");
    test_close(c.high, M_SQRT2 * exp(half), 1e-8, 0, "high");
    ck_assert(c.runs == 8 && c.verdict == VERDICT_INCONCLUSIVE);
    c = outcome(store, CLAIM("gmean", "plateau/closed", "where: T=64 seed=1, " BAND));
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "two seeds"), "%s", c.why);
    test_close(c.estimate, .55, 1e-12, 0, "a single run");
    clean(store);
}
END_TEST

START_TEST(typical_factor)
{
    struct store *store = fresh_store();
    put(store, 100, 0, "model=toy T=64 d=4");
    put(store, 110, 0, "model=toy T=65 d=4");
    put(store, 25, 0, "model=toy T=66 d=4");
    struct claim c = outcome(store, CLAIM("typical", "plateau/closed", "published: 1, tolerance: .11"));
    test_close(c.estimate, 1.1, 1e-12, 0, "half of three");
    ck_assert(c.verdict == VERDICT_REPRODUCED && c.runs == 3 && c.low == c.high);
    ck_assert_int_eq(outcome(store, CLAIM("typical", "plateau/closed", "published: 1, tolerance: .09")).verdict,
                     VERDICT_DEVIATES);
    put(store, 50, 0, "model=toy T=67 d=4"); /* logarithms 0, ln 1.1, ln 2, ln 4: on either side alike */
    c = outcome(store, CLAIM("typical", "plateau/closed", BAND));
    test_close(c.estimate, sqrt(1.1 * 2), 1e-12, 0, "half of four");
    clean(store);
}
END_TEST

START_TEST(share_of_settings)
{
    struct store *store = fresh_store();
    put(store, 50, 0, "model=toy T=64 d=4 seed=1"); /* 1 as a mean, though each is off by 2 */
    put(store, 200, 0, "model=toy T=64 d=4 seed=2");
    put(store, 120, 0, "model=toy T=128 d=4 seed=1"); /* 1.296 */
    put(store, 140, 0, "model=toy T=128 d=4 seed=2");
    put(store, 300, 0, "model=toy T=256 d=4 seed=1"); /* 3 */
    put(store, 300, 0, "model=toy T=256 d=4 seed=2");
    put(store, 300, 0, "model=toy T=256 d=4 seed=3");
    struct claim c = outcome(store, CLAIM("share", "plateau/closed", "on: 1.5, published: .66, tolerance: 0"));
    test_close(c.estimate, 2.0 / 3, 1e-12, 0, "two of three");
    ck_assert(c.verdict == VERDICT_REPRODUCED && c.runs == 7);
    c = outcome(store, CLAIM("share", "plateau/closed", "on: 1.25, published: .66, tolerance: 0"));
    test_close(c.estimate, 1.0 / 3, 1e-12, 0, "one of three");
    ck_assert_int_eq(c.verdict, VERDICT_DEVIATES);
    for (int i = 0; i < 2; i++) {
        struct claims claims;
        enum status rc;
        read_text(i ? CLAIM("share", "plateau/closed", "on: 1, " BAND)
                    : CLAIM("share", "plateau/closed", "on: x, " BAND),
                  &claims, &rc);
        ok(rc);
        refused(judge_claims(store, &claims, NULL, NULL), "the factor, a number above 1");
        claim_free(&claims);
    }
    clean(store);
}
END_TEST

/* A run that could not tell at half-time is counted and left out, by every quantity of the others. */
START_TEST(silent_forecasts)
{
    static const char *const quantities[] = {"each", "mean", "gmean", "typical", "share"};
    struct store *store = fresh_store();
    put(store, 100, 110, "model=toy T=64 d=4 seed=1");
    put(store, 100, 110, "model=toy T=64 d=4 seed=2");
    put(store, 200, 0, "model=toy T=64 d=4 seed=3");
    put(store, 200, 0, "model=toy T=128 d=4 seed=4");
    for (size_t i = 0; i < sizeof quantities / sizeof quantities[0]; i++) {
        char text[200];
        const bool share = i == 4;
        snprintf(text, sizeof text, "- {id: A, quantity: %s, of: forecast/emergence, study: s, %s, %s}", quantities[i],
                 BAND, share ? "on: 1.2" : "statement: x");
        const struct claim c = outcome(store, text);
        ck_assert_msg(c.verdict == VERDICT_REPRODUCED && c.runs == 2 &&
                          strstr(c.why, "2 of 4 runs could not tell at half-time"),
                      "%s: %zu runs, %s", quantities[i], c.runs, c.why);
        test_close(c.estimate, share ? 1 : 1.1, 1e-12, 0, "%s", quantities[i]);
        snprintf(text, sizeof text, "- {id: A, quantity: %s, of: forecast/emergence, study: s, where: T=128, %s, %s}",
                 quantities[i], BAND, share ? "on: 1.2" : "statement: x");
        ck_assert_msg(outcome(store, text).verdict == VERDICT_INCONCLUSIVE, "%s: of silent runs alone", quantities[i]);
    }
    clean(store);
}
END_TEST

/* When attention arrives in a Transformer is no matter of the threshold that its run was asked for; of the toy, whose
 * forecast is of the plateau, it is. */
START_TEST(forecasts_at_another_threshold)
{
    struct store *store = fresh_store();
    put(store, 100, 110, "model=transformer T=64 d=4 threshold=0.5");
    put(store, 100, 110, "model=toy T=64 d=4 threshold=0.5");
    struct claim c = outcome(store, CLAIM("each", "forecast/emergence", "where: model=transformer, " BAND));
    test_close(c.estimate, 1.1, 1e-12, 0, "a Transformer's");
    ck_assert_uint_eq(outcome(store, CLAIM("each", "forecast/emergence", "where: model=toy, " BAND)).runs, 0);
    clean(store);
}
END_TEST

/* ---- how far a law carries ---- */

/* 12 settings on y = 3 T sqrt(d) (times `bend` where that is above 2000), two seeds that cancel. */
static void put_law(struct store *store, double bend)
{
    for (int T = 16; T <= 128; T *= 2) {
        for (int d = 4; d <= 64; d *= 4) {
            const double y = 3 * T * sqrt(d), there = y > 2000 ? bend * y : y;
            for (int seed = 1; seed <= 2; seed++) {
                char words[80];
                snprintf(words, sizeof words, "model=toy T=%d d=%d seed=%d", T, d, seed);
                put(store, there * (seed == 1 ? 1.25 : .8), 0, words);
            }
        }
    }
}

START_TEST(exact_law)
{
    static const char *const cases[] = {CLAIM("carries", "d^.5*T", "on: 1, published: 1, tolerance: .001"),
                                        CLAIM("carries", "T", "on: d, published: 1, tolerance: .001"),
                                        CLAIM("carries", "1", "on: 'd,T', published: 1, tolerance: .001"),
                                        CLAIM("strays", "d^.5*T", "on: 1, published: 1, tolerance: 0.000001")};
    struct store *store = fresh_store();
    put_law(store, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct claim c = outcome(store, cases[i]);
        test_close(c.estimate, 1, 1e-12, 0, "claim %zu", i);
        ck_assert_msg(c.verdict == VERDICT_REPRODUCED && c.runs == 24, "claim %zu: %s", i, c.why);
    }
    clean(store);
}
END_TEST

START_TEST(another_law)
{
    struct store *store = fresh_store();
    put_law(store, 2); /* of the twelve y, 96 to 3072, the largest alone is twice as long: sqrt(ln(2)^2/8) */
    struct claim c = outcome(store, CLAIM("carries", "d^.5*T", "on: 1, published: 1, tolerance: .27"));
    test_close(c.estimate, exp(M_LN2 / sqrt(8)), 1e-12, 0, "one of eight that is off by 2");
    ck_assert_int_eq(c.verdict, VERDICT_DEVIATES); /* 1.278 */
    c = outcome(store, CLAIM("strays", "d^.5*T", "on: 1, published: 1.27, tolerance: 0"));
    test_close(c.estimate, exp(M_LN2 / sqrt(8)), 1e-12, 0, "the same number");
    ck_assert_int_eq(c.verdict, VERDICT_REPRODUCED);
    ck_assert_int_eq(outcome(store, CLAIM("strays", "d^.5*T", "on: 1, published: 1.29, tolerance: 0")).verdict,
                     VERDICT_DEVIATES);
    clean(store);
}
END_TEST

START_TEST(too_few_settings)
{
    struct store *store = fresh_store();
    put(store, 100, 0, "model=toy T=64 d=4");
    put(store, 200, 0, "model=toy T=128 d=4");
    put(store, 300, 0, "model=toy T=256 d=4");
    put(store, 300, 0, "model=toy T=256 d=4 seed=2"); /* no other setting */
    struct claim c = outcome(store, CLAIM("carries", "T", "on: 1, " BAND));
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && isnan(c.estimate) && strstr(c.why, "3 settings are too few"),
                  "%s", c.why);
    put(store, 400, 0, "model=toy T=512 d=4"); /* a third of four is two: enough for a constant */
    c = outcome(store, CLAIM("carries", "T", "on: 1, " BAND));
    ck_assert_msg(!isnan(c.estimate), "%s", c.why);
    c = outcome(store, CLAIM("carries", "T", "on: d, " BAND));
    ck_assert_msg(isnan(c.estimate) && strstr(c.why, "4 settings are too few"), "%s", c.why);
    c = outcome(store, CLAIM("carries", "T", "on: 1, where: T=999, " BAND));
    ck_assert_msg(strstr(c.why, "no such run in study s"), "%s", c.why);
    clean(store);
}
END_TEST

/* A run that was over the threshold from the start has no length that a law could be fitted to. */
START_TEST(over_from_the_start)
{
    struct store *store = fresh_store();
    put_law(store, 1);
    put(store, 0, 0, "model=toy T=8 d=1");
    const struct claim c = outcome(store, CLAIM("carries", "d^.5*T", "on: 1, published: 1, tolerance: .001"));
    test_close(c.estimate, 1, 1e-12, 0, "of the others");
    ck_assert_msg(c.verdict == VERDICT_REPRODUCED && strstr(c.why, "1 runs were over the threshold"), "%s", c.why);
    clean(store);
}
END_TEST

static const struct test tests[] = {{"gmean", &geometric_mean},
                                    {"typical", &typical_factor},
                                    {"share", &share_of_settings},
                                    {"silent forecasts", &silent_forecasts},
                                    {"forecasts at another threshold", &forecasts_at_another_threshold},
                                    {"carries: an exact law", &exact_law},
                                    {"carries, strays: another law", &another_law},
                                    {"too few settings", &too_few_settings},
                                    {"over from the start", &over_from_the_start}};
TEST_MAIN("quantity", tests)
