/* What the tests of claims and fits share: a store in a folder of each test's own, runs with a planted law, claims from
 * text. */
#ifndef CLAIMS_FIXTURE_H
#define CLAIMS_FIXTURE_H
#include "validation/judge.h"
#include "validation/fit.h"
#include "study/grid.h"
#include "base/random.h"
#include "run/run_flow.h"
#include "test.h"
#include <string.h>
#include <unistd.h>

#define ok(call) ck_assert_msg((call) == OK, "%s", error_message())
#define refused(call, words)                                                                                           \
    do {                                                                                                               \
        enum status rc_ = (call);                                                                                      \
        ck_assert_msg(rc_ == ERR_INPUT && strstr(error_message(), words), "status %d, '%s' lacks '%s'", rc_,           \
                      error_message(), words);                                                                         \
    } while (0)

static char folder[64], database[80], claims_file[80];

static inline struct store *fresh_store(void)
{
    struct store *store;
    strcpy(folder, "/tmp/plateau_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(database, sizeof database, "%s/a.db", folder);
    snprintf(claims_file, sizeof claims_file, "%s/claims.yaml", folder);
    ok(store_open(database, STORE_WRITE, NULL, &store));
    return store;
}

static inline void clean(struct store *store)
{
    store_close(store);
    unlink(database);
    unlink(claims_file);
    ck_assert(rmdir(folder) == 0);
}

/* "key=value key=value": a grid, to be freed. */
static inline struct grid grid_of(const char *words)
{
    struct grid grid = {0};
    char copy[200], *rest = copy;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, " "));)
        ok(grid_add(&grid, word));
    return grid;
}

static inline struct keys keys_of(const char *words)
{
    struct grid grid = grid_of(words);
    struct keys keys;
    ok(grid_at(&grid, 0, &keys));
    grid_free(&grid);
    return keys;
}

/* Plateau length of a run; NaN: censored at 1000. */
typedef double law(double T, double d, double B, double seed);

/* Puts every combination of the grid, with plateau = law, flow_plateau = the same without seed 0 .. into `study`. */
static inline void put_grid(struct store *store, const char *study, const char *words, law *of)
{
    struct grid grid = grid_of(words);
    size_t size;
    ok(grid_size(&grid, &size));
    ok(store_begin(store));
    for (size_t i = 0; i < size; i++) {
        struct result r = {.state = RUN_EMERGED, .cap = 1000, .predicted = prediction_none};
        ok(grid_at(&grid, i, &r.keys));
        const double *v = r.keys.value;
        r.plateau = of(v[KEY_T], v[KEY_d], v[KEY_B], v[KEY_seed]);
        r.flow_plateau = of(v[KEY_T], v[KEY_d], v[KEY_B], 0);
        r.state = isnan(r.plateau) ? RUN_CENSORED : RUN_EMERGED;
        r.predicted.closed = 2 * v[KEY_T];
        for (int level = 0; level < FLOW_LEVELS; level++)
            r.crossings[level] = r.plateau * (1 - 0.01 * (8 - level));
        ok(store_put(store, study, NULL, &r, NULL));
    }
    ok(store_commit(store));
    grid_free(&grid);
}

static inline double wobble(double seed)
{
    return 0.02 * sin(12.9898 * seed);
}

/* With a hair of noise that depends on the cell, so that intervals are not empty. */
static inline double plain_law(double T, double d, double B, double seed)
{
    return 1.5 * T * sqrt(d) / B * (1 + 0.001 * sin(T + 3 * d + 7 * B)) * (seed == 0 ? 1 : 1 + wobble(seed));
}

static inline void read_text(const char *text, struct claims *claims, enum status *rc)
{
    ok(text_write_file(claims_file, text, strlen(text)));
    *rc = claim_read(claims_file, claims);
}

/* The outcome of the one claim in `text`. */
static inline struct claim outcome(struct store *store, const char *text)
{
    struct claims claims;
    enum status rc;
    read_text(text, &claims, &rc);
    ck_assert_msg(rc == OK, "%s", error_message());
    ck_assert_msg(judge_claims(store, &claims, NULL, NULL) == OK, "%s", error_message());
    struct claim c = claims.list[0];
    claim_free(&claims);
    return c;
}

#endif
