/* Claims and their verdicts: the rule at its edges, every refusal of the parser, and that a wrong formula, planted in
 * the runs, changes the verdicts of the claims that ship with the program. */
#include "claims_fixture.h"

static double noisy_law(double T, double d, double B, double seed)
{
    return plain_law(T, d, B, 0) * exp(0.5 * sin(T * 1.7 + d * 2.3 + B * 3.1 + seed * 4.7));
}

static double cut_law(double T, double d, double B, double seed)
{
    double y = plain_law(T, d, B, seed);
    return y > 1000 ? NAN : y;
}

static enum verdict rule(enum quantity kind, double estimate, double low, double high, double published,
                         double tolerance)
{
    return judge_verdict(&(struct claim){
        .kind = kind, .estimate = estimate, .low = low, .high = high, .published = published, .tolerance = tolerance});
}

START_TEST(test_rule)
{
    static const struct {
        double estimate, low, high;
        enum verdict verdict;
    } cases[] = {{1, 0.95, 1.05, VERDICT_REPRODUCED},
                 {1.1, 1.05, 1.15, VERDICT_REPRODUCED}, /* on the edge */
                 {1, 1, 1, VERDICT_REPRODUCED},
                 {1, 0.9, 1.1, VERDICT_REPRODUCED}, /* half-width = tolerance */
                 {1, 0.89, 1.11, VERDICT_INCONCLUSIVE},
                 {1.11, 1.05, 1.17, VERDICT_INCONCLUSIVE}, /* outside, touches */
                 {1.15, 1.1, 1.2, VERDICT_INCONCLUSIVE},
                 {1.15, 1.11, 1.19, VERDICT_DEVIATES},
                 {0.8, 0.75, 0.89, VERDICT_DEVIATES},
                 {0.8, 0.7, 0.9, VERDICT_INCONCLUSIVE},
                 {NAN, 0.9, 1.1, VERDICT_INCONCLUSIVE},
                 {1, NAN, 1.1, VERDICT_INCONCLUSIVE},
                 {1, 0.9, NAN, VERDICT_INCONCLUSIVE},
                 {1, -INFINITY, INFINITY, VERDICT_INCONCLUSIVE},
                 {INFINITY, INFINITY, INFINITY, VERDICT_DEVIATES}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const enum verdict got =
            rule(QUANTITY_exponent, cases[i].estimate, cases[i].low, cases[i].high, 1, 0.1000000001);
        ck_assert_msg(got == cases[i].verdict, "case %zu: %s", i, claim_verdict_name(got));
    }
    ck_assert_int_eq(rule(QUANTITY_exponent, 0, 0, 0, 0, 0), VERDICT_REPRODUCED);
    ck_assert_int_eq(rule(QUANTITY_exponent, 1e-9, 1e-9, 1e-9, 0, 0), VERDICT_DEVIATES);
}
END_TEST

/* One-sided quantities; and ranges, of which no part may be outside, and which are never inconclusive. Published is 1,
 * the tolerance 0.1. */
START_TEST(test_other_rules)
{
    static const struct {
        enum quantity kind;
        double low, high;
        enum verdict verdict;
    } cases[] = {{QUANTITY_speedup, 0.9000001, 7, VERDICT_REPRODUCED},
                 {QUANTITY_speedup, 0.89, 7, VERDICT_INCONCLUSIVE},
                 {QUANTITY_gain, 0.7, 0.89, VERDICT_DEVIATES},
                 {QUANTITY_gain, NAN, NAN, VERDICT_INCONCLUSIVE},
                 {QUANTITY_r2, 1.2, 1.2, VERDICT_REPRODUCED},
                 {QUANTITY_r2, 0.89, 0.89, VERDICT_DEVIATES},
                 {QUANTITY_floor, 0.9000001, 7, VERDICT_REPRODUCED},
                 {QUANTITY_floor, 0.89, 7, VERDICT_DEVIATES},
                 {QUANTITY_ceiling, -7, 1.0999999, VERDICT_REPRODUCED},
                 {QUANTITY_ceiling, -7, 1.11, VERDICT_DEVIATES},
                 {QUANTITY_each, 0.9000001, 1.0999999, VERDICT_REPRODUCED},
                 {QUANTITY_value, 0.95, 1.11, VERDICT_DEVIATES},
                 {QUANTITY_final, 0.89, 1.05, VERDICT_DEVIATES}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const enum verdict got = rule(cases[i].kind, cases[i].high, cases[i].low, cases[i].high, 1, 0.1);
        ck_assert_msg(got == cases[i].verdict, "case %zu: %s", i, claim_verdict_name(got));
    }
}
END_TEST

#define CLAIM "- {id: A, quantity: exponent, of: T, on: 'd,T', published: 1, tolerance: .1"
START_TEST(test_refusals)
{
    static const char *const cases[][2] = {
        {"a: b", "claims are a list"},
        {"", "claims are a list"},
        {"- [", "not YAML"},
        {"- 3", "1: a claim is a mapping"},
        {"- {id: A, of: [1]}", "plain values"},
        {"- {idd: A}", "did you mean id"},
        {"- {published: x}", "not a number"},
        {"- {published: nan}", "not a number"},
        {"- {id: 12345678901234567890123456789012}", "longer than 31"},
        {"- {quantity: r2, on: d, published: 1, tolerance: 0}", "needs an id"},
        {"- {id: a<b, quantity: r2, on: d, published: 1, tolerance: 0}", "an id has letters"},
        {"- {id: A, published: 1, tolerance: 0}", "quantity is one of"},
        {"\n- {id: A, quantity: colour}", "2: A: quantity is one of"},
        {"- {id: A, quantity: r2, published: 1, tolerance: 0}", "needs its regressors"},
        {"- {id: A, quantity: exponent, on: d, published: 1, tolerance: 0}", "of: is missing"},
        {"- {id: A, quantity: value, of: rate, on: d, published: 1, tolerance: 0}", "on: is for"},
        {"- {id: A, quantity: gain, of: B=2, published: 1, tolerance: 0}", "needs its regressors"},
        {CLAIM ", best: lrr}", "best: lrr: no such key"},
        {"- {id: A, quantity: value, of: rate, at: 0.5, published: 1, tolerance: 0}", "write threshold= in where"},
        {"- {id: A, quantity: final, of: w, best: lr, published: 1, tolerance: 0}", "are for lengths of runs"},
        {"- {id: A, quantity: speedup, of: B=2, best: lr, response: loss_train, published: 1, tolerance: 0}",
         "goes by the plateau of the test set"},
        {"- {id: A, quantity: value, of: ratee, published: 1, tolerance: 0}", "not a measure"},
        {"- {id: A, quantity: each, of: plateau+1, published: 1, tolerance: 0}", "plateau+1"},
        {"- {id: A, quantity: r2, on: d, published: 1}", "a tolerance that is not negative"},
        {"- {id: A, quantity: r2, on: d, tolerance: 1}", "needs published"},
        {"- {id: A, quantity: r2, on: d, published: 1, tolerance: -1}", "not negative"},
        {CLAIM ", at: 1}", "between 0 and 1"},
        {CLAIM "}\n" CLAIM "}", "2: A: this id is taken by line 1"},
        {CLAIM ", corrected: B}", "no such claim"}};
    struct store *store = fresh_store();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct claims claims;
        enum status rc;
        read_text(cases[i][0], &claims, &rc);
        ck_assert_msg(rc == ERR_INPUT && strstr(error_message(), cases[i][1]), "'%s': %d '%s'", cases[i][0], rc,
                      error_message());
        ck_assert_msg(strstr(error_message(), claims_file), "'%s' does not name the file", error_message());
        claim_free(&claims);
    }
    clean(store);
}
END_TEST

/* Found only when it is measured. */
START_TEST(test_late_refusals)
{
    static const char *const cases[][2] = {
        {"- {id: A, quantity: exponent, of: B, on: 'd,T', published: 1, tolerance: .1}",
         "claim A: of: B is not among the regressors d,T"},
        {"- {id: A, quantity: r2, on: 'd,TT', published: 1, tolerance: .1}", "claim A: regressor TT"},
        {"- {id: A, quantity: r2, on: d, where: nonsense=1, published: 1, tolerance: .1}", "nonsense: no such key"},
        {"- {id: A, quantity: value, of: rate, where: T=3 B=4, published: 1, tolerance: .1}",
         "B must be smaller than T"},
        {"- {id: A, quantity: r2, on: d, where: threshold=0.5, published: 1, tolerance: .1}", "write at: 0.5"},
        {"- {id: A, quantity: defaults, of: layers, where: T=3, published: 0, tolerance: 0}", "expected key=value"}};
    struct store *store = fresh_store();
    put_grid(store, "one", "model=toy T=64,128,256 d=16,32", plain_law);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct claims claims;
        enum status rc;
        read_text(cases[i][0], &claims, &rc);
        ck_assert_msg(rc == OK, "%s", error_message());
        refused(judge_claims(store, &claims, NULL, NULL), cases[i][1]);
        claim_free(&claims);
    }
    clean(store);
}
END_TEST

#define FIT(of, published, tolerance, more)                                                                            \
    "- {id: A, quantity: exponent, of: " of ", on: 'd,T,B', published: " published ", tolerance: " tolerance more "}"
START_TEST(test_fits)
{
    struct store *store = fresh_store();
    put_grid(store, "good", "model=toy T=64,128,256 d=16,32 B=1,2,4", plain_law);
    put_grid(store, "noisy", "model=toy T=96,192,384 d=16,32 B=1,2,4", noisy_law);
    put_grid(store, "cut", "model=toy T=16,32,64,512 d=8,9 B=1,2,3", cut_law);
    struct claim c = outcome(store, FIT("B", "-1", "0.03", ", study: good"));
    ck_assert_int_eq(c.verdict, VERDICT_REPRODUCED);
    ck_assert_uint_eq(c.runs, 18);
    ck_assert(c.low < -0.999 && c.high > -1.001 && c.low < c.estimate && c.estimate < c.high);
    ck_assert_int_eq(outcome(store, FIT("B", "-0.5", "0.03", ", study: good")).verdict, VERDICT_DEVIATES);
    c = outcome(store, FIT("B", "-1", "0.03", ", study: noisy"));
    ck_assert_int_eq(c.verdict, VERDICT_INCONCLUSIVE);
    ck_assert_msg(strstr(c.why, "runs of this spread would decide, there are 18"), "%s", c.why);
    c = outcome(store, FIT("T", "1", "0.03", ", study: cut"));
    ck_assert_msg(c.verdict == VERDICT_REPRODUCED && c.runs == 24, "censored runs are used: %g, %s", c.estimate, c.why);
    c = outcome(store, FIT("T", "1", "0.03", ", study: cut, where: T=512"));
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "uncensored"), "%s", c.why);
    c = outcome(store, FIT("T", "1", "0.03", ", study: none, scale: desk"));
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "study none") && strstr(c.why, "--scale desk"),
                  "%s", c.why);
    c = outcome(store, FIT("T", "1", "0.03", ", study: good, where: B=1"));
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "regressor B has one value"), "%s", c.why);
    c = outcome(store, FIT("T", "1", "0.03", ", study: good, response: closed"));
    test_close(c.estimate, 1, 1e-9, 0, "exponent of 2 T");
    c = outcome(store,
                "- {id: A, quantity: constant, on: 'd,T,B', at: 0.1, published: 1.5, tolerance: .02, study: good}");
    ck_assert_msg(c.verdict == VERDICT_REPRODUCED, "constant %g", c.estimate);
    test_close(
        outcome(store,
                "- {id: A, quantity: constant, on: 'd,T,B', at: 0.5, published: 1.5, tolerance: .02, study: good}")
            .estimate,
        0.96 * c.estimate, 1e-9, 0, "constant at another threshold");
    ck_assert_int_eq(
        outcome(store, "- {id: A, quantity: r2, on: 'd,T,B', published: .999, tolerance: 0, study: good}").verdict,
        VERDICT_REPRODUCED);
    ck_assert_int_eq(
        outcome(store, "- {id: A, quantity: r2, on: 'd,T,B', published: .999, tolerance: 0, study: noisy}").verdict,
        VERDICT_DEVIATES);
    clean(store);
}
END_TEST

START_TEST(test_runs)
{
    struct store *store = fresh_store();
    put_grid(store, "toy", "model=toy T=64,128 d=16,32 seed=1,2,3,4,5", plain_law);
    put_grid(store, "cut", "model=toy T=16,512 d=8 seed=1", cut_law);
    put_grid(store, "single", "model=toy T=32 d=8 seed=7", plain_law);
    double low = INFINITY, high = 0, mean = 0, square = 0;
    for (int seed = 1; seed <= 5; seed++) {
        double x = 1 + wobble(seed);
        low = fmin(low, x), high = fmax(high, x), mean += x / 5, square += x * x / 5;
    }
    struct claim c =
        outcome(store, "- {id: A, quantity: each, of: plateau/flow, published: 1, tolerance: .03, study: toy}");
    ck_assert(c.verdict == VERDICT_REPRODUCED && c.runs == 20);
    test_close(c.low, low, 1e-12, 0, "lowest");
    test_close(c.high, high, 1e-12, 0, "highest");
    ck_assert(c.estimate == c.low || c.estimate == c.high);
    ck_assert_int_eq(
        outcome(store, "- {id: A, quantity: each, of: plateau/flow, published: 1, tolerance: .01, study: toy}").verdict,
        VERDICT_DEVIATES);
    /* a seed's four runs are one observation: t with 4 degrees of freedom */
    c = outcome(store, "- {id: A, quantity: mean, of: plateau/flow, published: 1, tolerance: .05, study: toy}");
    test_close(c.estimate, mean, 1e-12, 0, "mean");
    test_close((c.high - c.low) / 2, 2.7764451 * sqrt((square - mean * mean) * 5 / 4 / 5), 1e-6, 0, "half-width");
    ck_assert_int_eq(c.verdict, VERDICT_REPRODUCED);
    c = outcome(store, "- {id: A, quantity: mean, of: plateau/flow, published: 1.016, tolerance: .001, study: toy}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "would decide"), "%s", c.why);
    ck_assert_int_eq(
        outcome(store, "- {id: A, quantity: mean, of: plateau/flow, published: 2, tolerance: .1, study: toy}").verdict,
        VERDICT_DEVIATES);
    c = outcome(store, "- {id: A, quantity: mean, of: plateau/flow, published: 1, tolerance: .1, study: single}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "two seeds"), "%s", c.why);
    c = outcome(store, "- {id: A, quantity: each, of: plateau/closed, published: 2, tolerance: 3, study: cut}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "1 of 2 runs have no plateau/closed"),
                  "a censored run is no success: %s", c.why);
    ck_assert_msg(strstr(c.why, "larger cap"), "%s", c.why);
    c = outcome(store, "- {id: A, quantity: each, of: plateau/eq6, published: 2, tolerance: 3, study: toy}");
    ck_assert_msg(strstr(c.why, "20 of 20 runs have no plateau/eq6; it is not defined"),
                  "no remedy that does not help: %s", c.why);
    c = outcome(store, "- {id: A, quantity: each, of: plateau/closed, published: 2, tolerance: 3, where: T=999}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "no run matches: T=999"), "%s", c.why);
    clean(store);
}
END_TEST

/* Run against run with the same seed: what the seeds share cancels. */
START_TEST(test_speedup)
{
    struct store *store = fresh_store();
    put_grid(store, "toy", "model=toy T=64,128 d=16 B=1,2 seed=1,2,3,4,5", plain_law);
    put_grid(store, "cut", "model=toy T=16,512 d=8 seed=1", cut_law);
    struct claim c =
        outcome(store, "- {id: A, quantity: speedup, of: B=2, where: B=1, published: 2, tolerance: 0.01, study: toy}");
    ck_assert_msg(c.verdict == VERDICT_REPRODUCED && c.runs == 10, "%g %zu", c.estimate, c.runs);
    test_close(c.estimate, 2, 2e-3, 0, "B = 1 over B = 2");
    c = outcome(
        store, "- {id: A, quantity: speedup, of: T=64, where: T=128, at: 0.5, published: 1, tolerance: 0, study: toy}");
    test_close(c.estimate, 2, 2e-3, 0, "at another threshold");
    ck_assert_int_eq(
        outcome(store, "- {id: A, quantity: speedup, of: B=1, where: B=2, published: 1, tolerance: 0, study: toy}")
            .verdict,
        VERDICT_DEVIATES);
    c = outcome(store,
                "- {id: A, quantity: speedup, of: seed=2, where: seed=1, published: 1, tolerance: 0.5, study: toy}");
    test_close(c.estimate, (1 + wobble(1)) / (1 + wobble(2)), 1e-12, 0, "one seed over another");
    c = outcome(store, "- {id: A, quantity: speedup, of: T=512, where: T=16, published: 1, tolerance: 0, study: cut}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE, "the second run was cut off");
    c = outcome(store, "- {id: A, quantity: speedup, of: T=16, where: T=512, published: 1, tolerance: 0, study: cut}");
    ck_assert_msg(c.estimate > 1 && c.runs == 1 && strstr(c.why, "two seeds"), "the first was: at least this much; %s",
                  c.why);
    c = outcome(store, "- {id: A, quantity: speedup, of: B=4, where: B=1, published: 1, tolerance: 0, study: toy}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "study toy"), "%s", c.why);
    clean(store);
}
END_TEST

START_TEST(test_curve_ends)
{
    struct store *store = fresh_store();
    struct trace t = {0};
    for (int seed = 1; seed <= 3; seed++) { /* the third was ended when it had emerged, and says nothing of the end */
        static const char *const words[] = {"model=transformer layers=1 heads=2 seed=1",
                                            "model=transformer layers=1 heads=2 seed=2",
                                            "model=transformer layers=1 heads=2 until=threshold seed=3"};
        struct result r = {.state = RUN_EMERGED, .plateau = 5, .keys = keys_of(words[seed - 1])};
        r.steps_done = seed == 3 ? 6 : keys_real(&r.keys, KEY_steps);
        trace_begin(&t, &r.keys);
        ok(trace_add(&t, (double[64]){0, 1, 1, 0, 0, 0.9, 0.9}));
        ok(trace_add(&t, (double[64]){1, 1, 0.1 * seed, 0, 0, 0.5, 0.6 + 0.1 * seed}));
        ok(store_put(store, "curves", NULL, &r, &t));
    }
    struct claim c =
        outcome(store, "- {id: A, quantity: final, of: attention_l1, published: 1, tolerance: 0.5, study: curves}");
    ck_assert_msg(c.verdict == VERDICT_REPRODUCED && c.low == 0.7 && c.high == 0.8 && c.runs == 2, "%g %g", c.low,
                  c.high);
    ck_assert_msg(strstr(c.why, "1 more runs were ended when they had emerged"), "%s", c.why);
    c = outcome(store, "- {id: A, quantity: final, of: attention_l1h1, published: 1, tolerance: 0.4, study: curves}");
    ck_assert_msg(c.verdict == VERDICT_DEVIATES && c.estimate == 0.5, "%g", c.estimate);
    c = outcome(store, "- {id: A, quantity: final, of: loss_test, published: 0.15, tolerance: 0.1, study: curves}");
    ck_assert(c.verdict == VERDICT_REPRODUCED && c.low == 0.1 && c.high == 0.2);
    ck_assert_int_eq(
        outcome(store, "- {id: A, quantity: final, of: copy_l3, published: 1, tolerance: 1, study: curves}").verdict,
        VERDICT_INCONCLUSIVE);
    trace_free(&t);
    clean(store);
}
END_TEST

/* No runs needed: an empty database will do. */
START_TEST(test_flows)
{
    struct store *store = fresh_store();
    struct claim c = outcome(
        store, "- {id: A, quantity: floor, of: speed_up, where: 'T=512 d=64 p=0.1,0.5', published: 1, tolerance: 0}");
    ck_assert(c.verdict == VERDICT_REPRODUCED && c.estimate == c.low && c.low > 1.2 && c.high > 3.5 && c.runs == 0);
    ck_assert_int_eq(
        outcome(store,
                "- {id: A, quantity: floor, of: speed_up, where: 'T=512 d=64 p=0.1,0.5', published: 1.5, tolerance: 0}")
            .verdict,
        VERDICT_DEVIATES);
    c = outcome(
        store, "- {id: A, quantity: ceiling, of: speed_up, where: 'T=512 d=64 p=0.1,0.5', published: 3, tolerance: 0}");
    ck_assert(c.verdict == VERDICT_DEVIATES && c.estimate == c.high);
    c = outcome(store,
                "- {id: A, quantity: value, of: plateau, where: 'T=64 d=16', published: 357.4664, tolerance: 1e-3}");
    ck_assert_int_eq(c.verdict, VERDICT_REPRODUCED);
    c = outcome(store, "- {id: A, quantity: value, of: closed, where: 'T=64 d=16 p=0.3', published: 1, tolerance: 1}");
    ck_assert_msg(c.verdict == VERDICT_INCONCLUSIVE && strstr(c.why, "closed is not defined there"), "%s", c.why);
    c = outcome(store, "- {id: A, quantity: defaults, of: layers=2 lr=1e-4 norm=none, where: model=transformer, "
                       "published: 0, tolerance: 0}");
    ck_assert_int_eq(c.verdict, VERDICT_REPRODUCED);
    c = outcome(store, "- {id: A, quantity: defaults, of: layers=3 lr=1e-4 norm=pre, where: model=transformer, "
                       "published: 0, tolerance: 0}");
    ck_assert_msg(c.verdict == VERDICT_DEVIATES && c.estimate == 2 && strstr(c.why, "here layers=2, norm=none"), "%s",
                  c.why);
    clean(store);
}
END_TEST

/* ---- the claims that ship with the program ---- */

static struct claims shipped(void)
{
    struct claims claims;
    ck_assert_msg(claim_read(NULL, &claims) == OK, "%s", error_message());
    return claims;
}

static const struct claim *claim_of(const struct claims *claims, const char *id)
{
    for (size_t i = 0; i < claims->n; i++) {
        if (!strcmp(claims->list[i].id, id))
            return &claims->list[i];
    }
    ck_abort_msg("no claim %s", id);
}

static void expect(const struct claims *claims, const char *id, enum verdict verdict)
{
    const struct claim *c = claim_of(claims, id);
    ck_assert_msg(c->verdict == verdict, "%s: %s, %g (%g .. %g); %s", id, claim_verdict_name(c->verdict), c->estimate,
                  c->low, c->high, c->why);
}

/* What is wrong in the runs. */
struct plant {
    enum metric metric;              /* plateaus of flows come from this one, whatever the keys say */
    double eq6, quadrature, flow, X; /* factors on predictions, on a toy's plateau, and the power of X that is added */
};

static void put_flows(struct store *store, const char *study, const char *words, const struct plant *plant)
{
    struct grid grid = grid_of(words);
    struct run_flow *tools;
    size_t size;
    ok(grid_size(&grid, &size));
    ok(run_flow_create(&tools));
    ok(store_begin(store));
    for (size_t i = 0; i < size; i++) {
        struct keys keys;
        struct result r;
        ok(grid_at(&grid, i, &keys));
        struct keys in_truth = keys;
        if (in_truth.value[KEY_metric] == METRIC_FULL)
            in_truth.value[KEY_metric] = plant->metric;
        ok(run_flow(tools, &in_truth, &r, NULL));
        r.keys = keys;
        r.plateau *= pow(monomial_X(&keys, true), plant->X);
        r.predicted.eq6 = plant->eq6 > 0 ? plant->eq6 * r.plateau : r.predicted.eq6;
        r.predicted.quadrature *= plant->quadrature;
        ok(store_put(store, study, NULL, &r, NULL));
    }
    ok(store_commit(store));
    run_flow_free(tools);
    grid_free(&grid);
}

static double toy_factor;
static double toy_law(double T, double d, double B, double seed)
{
    double mean = 1.25 * sqrt(d) * T / sqrt(B);
    return seed == 0 ? mean : mean * toy_factor * (1 + 0.2 * wobble(seed));
}

/* The studies of the claims, small, with what is wrong planted; then all verdicts. */
static struct claims judge(const struct plant *plant)
{
    struct store *store = fresh_store();
    struct claims claims = shipped();
    put_flows(store, "fig1c", "model=flow T=64:4096:*4 d=16,64,512", plant);
    put_flows(store, "fig2-left", "model=flow T=128:8192:*4 d=4:512:*4 metric=paper,full", plant);
    put_flows(store, "fig2-left", "model=flow T=4096 d=64 B=2,4,8,16,32,64 metric=paper,full", plant);
    put_flows(store, "fig2-right", "model=flow T=4096 d=16:512:*2 p=0,0.1,0.2,0.3,0.4,0.5", plant);
    toy_factor = plant->flow;
    put_grid(store, "fig9", "model=toy T=128 d=128 init=gaussian target=gaussian seed=1,2,3,4,5", toy_law);
    put_grid(store, "repetition", "model=toy T=256 d=32 B=1,2,4,8 sampler=tokens,statistics seed=1,2,3,4,5", toy_law);
    put_flows(store, "fig2-left-grid", "model=flow T=4096 d=16:256:*4 B=1:64:*2 metric=paper,full", plant);
    ck_assert_msg(judge_claims(store, &claims, NULL, NULL) == OK, "%s", error_message());
    clean(store);
    return claims;
}

static const char *const known[] = {"C3.eq6",         "C5.B.model", "C5.B.sgd", "C6.C",     "C3.limit",
                                    "C4.small",       "C19.paper",  "E1.paper", "E2.paper", "E3.wD.paper",
                                    "E3.order.paper", "C15.D",      "C7.low",   "C4.B"};

START_TEST(test_shipped)
{
    struct claims claims = judge(&(struct plant){.metric = METRIC_FULL, .quadrature = 1, .flow = 1});
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct claim *c = claim_of(&claims, known[i]);
        expect(&claims, known[i], VERDICT_DEVIATES);
        ck_assert_msg(*c->erratum && claim_corrected(&claims, c)->verdict == VERDICT_REPRODUCED, "%s: %s is %s",
                      known[i], c->corrected, claim_verdict_name(claim_corrected(&claims, c)->verdict));
        ck_assert(!claim_counts(&claims, c));
    }
    for (size_t i = 0; i < claims.n; i++) {
        const struct claim *c = &claims.list[i];
        ck_assert_msg(!claim_counts(&claims, c), "%s deviates: %g (%g .. %g)", c->id, c->estimate, c->low, c->high);
        ck_assert_msg(c->verdict != VERDICT_INCONCLUSIVE || *c->why,
                      "%s is inconclusive and does not say what would decide", c->id);
    }
    static const char *const good[] = {
        "C1",      "C2.w",           "C3.T",         "C3.d",        "C5.T",        "C5.d",
        "C5.B",    "C6.X",           "C7.temporary", "C14",         "C17",         "C18.small",
        "C19",     "C27.regression", "C27.recall",   "E4",          "E8.B",        "E8.T",
        "E8.d",    "E8.sgd.1",       "C5.B.points",  "C5.d.points", "E8.B.points", "C4.B.paper",
        "E10.law", "E9.quadrature",  "E9.asinh",     "E10",         "E10.X"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        expect(&claims, good[i], VERDICT_REPRODUCED);
    expect(&claims, "C18", VERDICT_INCONCLUSIVE);
    ck_assert(strstr(claim_of(&claims, "C18")->why, "--scale desk"));
    struct text published = {0}; /* with the digits that its tolerance is about */
    claim_published(claim_of(&claims, "E4"), &published);
    ck_assert_str_eq(published.data, "1.0004 +- 0.0002");
    text_free(&published);
    claim_free(&claims);
}
END_TEST

START_TEST(test_planted_metric)
{
    struct claims claims = judge(&(struct plant){.metric = METRIC_PAPER, .quadrature = 1, .flow = 1});
    expect(&claims, "C5.B.model", VERDICT_REPRODUCED); /* what the paper says would hold, and .. */
    expect(&claims, "E8.B", VERDICT_DEVIATES);         /* .. the erratum would not */
    ck_assert(claim_counts(&claims, claim_of(&claims, "E8.B")));
    expect(&claims, "C5.B", VERDICT_REPRODUCED);
    claim_free(&claims);
}
END_TEST

START_TEST(test_planted_predictions)
{
    struct claims claims =
        judge(&(struct plant){.metric = METRIC_FULL, .eq6 = 1.05, .quadrature = 1.02, .flow = 1.02, .X = 0.1});
    expect(&claims, "C3.eq6", VERDICT_REPRODUCED);
    expect(&claims, "E9.quadrature", VERDICT_DEVIATES);
    expect(&claims, "C18.small", VERDICT_DEVIATES);
    expect(&claims, "E8.sgd.1", VERDICT_DEVIATES);
    expect(&claims, "E8.sgd.8", VERDICT_DEVIATES);
    expect(&claims, "E10.law", VERDICT_DEVIATES);
    expect(&claims, "C6.X", VERDICT_DEVIATES);
    expect(&claims, "C3.T", VERDICT_DEVIATES);
    expect(&claims, "E10.X", VERDICT_DEVIATES);
    ck_assert(claim_counts(&claims, claim_of(&claims, "C5.B.sgd"))); /* its correction does not hold here */
    claim_free(&claims);
}
END_TEST

START_TEST(test_forms)
{
    struct store *store = fresh_store();
    struct fit fit;
    struct text text = {0};
    put_flows(store, "flows", "model=flow T=64:4096:*2 d=16:256:*4",
              &(struct plant){.metric = METRIC_FULL, .quadrature = 1});
    struct store_filter filter = {.study = "flows"};
    ok(fit_run(store, &filter, &(struct fit_request){0}, &fit));
    ck_assert(fit.ranked && fit.law.n_x == 2); /* B has one value: dropped */
    ck_assert_msg(fit.ranks[5].delta == 0 && fit.ranks[5].weight > 0.99, "quadrature is the best form");
    test_close(fit.ranks[5].constant, 1, 2e-3, 0, "its constant");
    ck_assert(fit.undefined[6] == fit.law.n && fit.undefined[4] == 0 && fit.ranks[2].delta > 100);
    test_close(fit.ranks[0].aicc, fit.law.aicc, 1e-12, 0, "the power law among the forms");
    ok(fit_residuals(&fit, store, &filter, &text));
    ck_assert(!strncmp(text.data, "id,task,T,d,B,p,", 16) && strstr(text.data, ",y,fit,residual,censored\n"));
    size_t lines = 0;
    for (const char *c = text.data; *c; c++)
        lines += *c == '\n';
    ck_assert_uint_eq(lines, fit.law.n + 1);
    text_clear(&text);
    fit_text(&fit, &text);
    ck_assert(strstr(text.data, "c quadrature") && strstr(text.data, "by bootstrap") && !strstr(text.data, " \n") &&
              !strstr(text.data, "nan"));
    ck_assert(!strstr(text.data, "note:"));
    fit_free(&fit);
    put_flows(store, "mixed", "model=flow T=64:4096:*2 d=16 B=1,2 metric=full,paper",
              &(struct plant){.metric = METRIC_FULL, .quadrature = 1});
    ok(fit_run(store, &(struct store_filter){.study = "mixed"}, &(struct fit_request){.on = "T"}, &fit));
    ck_assert(dataset_mixes(&fit.set, KEY_metric) && dataset_mixes(&fit.set, KEY_B) &&
              !dataset_mixes(&fit.set, KEY_T) && !dataset_mixes(&fit.set, KEY_d));
    text_clear(&text);
    fit_text(&fit, &text);
    ck_assert(strstr(text.data, "differ in B, metric, which is not in the fit"));
    fit_free(&fit);
    refused(fit_run(store, &(struct store_filter){.study = "none"}, &(struct fit_request){0}, &fit), "no run matches");
    fit_free(&fit);
    refused(fit_run(store, &filter, &(struct fit_request){.response = "flow"}, &fit), "not defined there");
    fit_free(&fit);
    text_free(&text);
    clean(store);
}
END_TEST

static const struct test tests[] = {
    {"verdict rule", &test_rule},
    {"one-sided, ranges", &test_other_rules},
    {"refused claims", &test_refusals},
    {"refused later", &test_late_refusals},
    {"fits", &test_fits},
    {"runs", &test_runs},
    {"speed-up", &test_speedup},
    {"ends of curves", &test_curve_ends},
    {"flows and keys", &test_flows},
    {"shipped claims", &test_shipped},
    {"planted metric", &test_planted_metric},
    {"planted predictions", &test_planted_predictions},
    {"forms of a fit", &test_forms},
};
TEST_MAIN("claim", tests)
