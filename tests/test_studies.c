/* The shipped studies and claims together: at every scale from its own on, a claim finds the runs that it is about. */
#include "claims_fixture.h"
#include "models/published.h"
#include "study/study.h"
#include <gsl/gsl_errno.h>
#include <glob.h>
#include <stdlib.h>

/* Puts what the study would make, emerged at a law of its keys, without curves. */
static void put_study(struct store *store, const char *path, enum scale scale)
{
    struct study study;
    size_t size;
    ck_assert_msg(study_read(path, scale, &study) == OK, "%s", error_message());
    ok(study_size(&study, &size));
    ok(store_begin(store));
    for (size_t i = 0; i < size; i++) {
        struct result r = {.state = RUN_EMERGED, .null_loss = 0.5, .initial_loss = 0.5};
        ok(study_at(&study, i, &r.keys));
        const double *v = r.keys.value, size_of_problem = r.keys.preset == PRESET_RECALL
                                                              ? 10 * v[KEY_pairs] * v[KEY_vocab]
                                                              : v[KEY_T] * sqrt(v[KEY_d]);
        /* (recall: beyond the first evaluation) */
        double form = 1; /* the other keys matter too, each a little */
        for (int k = 0; k < KEY_COUNT; k++)
            form += isnan(v[k]) ? 0 : 0.01 * sin(v[k] + k);
        r.plateau = r.flow_plateau = size_of_problem * form;
        r.cap = 2 * r.plateau;
        r.predicted.asinh = r.predicted.eq6 = r.predicted.closed = r.predicted.quadrature = 1.1 * r.plateau;
        r.predicted.reduced = r.predicted.emergence = r.predicted.forecast = 1.1 * size_of_problem;
        for (int level = 0; level < FLOW_LEVELS; level++)
            r.crossings[level] = r.plateau * (1 - 0.01 * (8 - level));
        ok(store_put(store, study.name, NULL, &r, NULL));
    }
    ok(store_commit(store));
    study_free(&study);
}

/* Is what the claim is about made at this scale? */
static bool due(const struct claim *c, enum scale scale)
{
    enum scale least = SCALE_QUICK;
    if (*c->scale)
        ok(study_scale(c->scale, &least));
    return *c->study && least <= scale;
}

static void every_claim_at(enum scale scale)
{
    struct claims claims;
    struct store *store = fresh_store();
    gsl_set_error_handler_off();
    char pattern[256];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/validation/studies/*.yaml", getenv("SOURCE"));
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        put_study(store, found.gl_pathv[i], scale);
    ck_assert_msg(found.gl_pathc > 20, "%zu studies in %s", found.gl_pathc, pattern);
    globfree(&found);
    ck_assert_msg(claim_read(NULL, &claims) == OK, "%s", error_message());
    ck_assert_msg(judge_claims(store, &claims, NULL, NULL) == OK, "%s", error_message());
    size_t n = 0;
    for (size_t i = 0; i < claims.n; i++) {
        const struct claim *c = &claims.list[i];
        if (!due(c, scale))
            continue;
        const bool fitted = c->kind == QUANTITY_exponent || c->kind == QUANTITY_constant || c->kind == QUANTITY_r2;
        const bool paired = c->kind == QUANTITY_speedup && !*c->response;
        ck_assert_msg(!strstr(c->why, "no such run") && !(fitted && isnan(c->estimate)) && !(paired && !c->runs),
                      "%s at %s: %s", c->id, study_scale_name(scale), c->why);
        n++;
    }
    ck_assert_msg(n > 80, "%zu claims", n);
    claim_free(&claims);
    clean(store);
}

START_TEST(quick)
{
    every_claim_at(SCALE_QUICK);
}
END_TEST

START_TEST(desk)
{
    every_claim_at(SCALE_DESK);
}
END_TEST

START_TEST(paper)
{
    every_claim_at(SCALE_PAPER);
}
END_TEST

/* What the claims say the paper publishes is what the program computes with (models/published.def). */
START_TEST(published_laws)
{
    static const struct {
        const char *claims; /* how their names begin; the first that fits counts */
        enum published law;
    } of[] = {{"C8.", PUBLISHED_FIG3},
              {"C11.", PUBLISHED_FIG4},
              {"C22.", PUBLISHED_FIG13},
              {"C23.fixed.", PUBLISHED_FIG14_FIXED},
              {"C23.none.", PUBLISHED_FIG14_UNMARKED},
              {"C23.", PUBLISHED_FIG14_RANDOM},
              {"C24.sgd.", PUBLISHED_FIG15_SGD},
              {"C24.adam.", PUBLISHED_FIG15_ADAM}};
    struct claims claims;
    size_t exponents = 0, others = 0;
    ck_assert_msg(claim_read(NULL, &claims) == OK, "%s", error_message());
    for (size_t i = 0; i < claims.n; i++) {
        const struct claim *c = &claims.list[i];
        size_t k = 0;
        while (k < sizeof of / sizeof *of && strncmp(c->id, of[k].claims, strlen(of[k].claims)) != 0)
            k++;
        if (k == sizeof of / sizeof *of)
            continue;
        const struct published_law *printed = published_law(of[k].law);
        if (c->kind == QUANTITY_r2 || (c->kind == QUANTITY_constant && !*c->response)) {
            test_close(c->published, c->kind == QUANTITY_r2 ? printed->r2 : printed->constant, 1e-12, 0, "%s", c->id);
            others++;
        }
        char names[64], *rest = names;
        snprintf(names, sizeof names, "%s", printed->regressors);
        for (int r = 0; c->kind == QUANTITY_exponent && rest; r++) {
            const char *name = strsep(&rest, ",");
            if (strcmp(name, c->of) != 0)
                continue;
            test_close(c->published, printed->exponents[r], 1e-12, 0, "%s", c->id);
            exponents++;
        }
    }
    ck_assert_msg(exponents >= 22 && others >= 9, "%zu exponents, %zu others", exponents, others);
    claim_free(&claims);
}
END_TEST

static const struct test tests[] = {
    {"published_laws", &published_laws}, {"quick", &quick}, {"desk", &desk}, {"paper", &paper}};
TEST_MAIN("studies", tests)
