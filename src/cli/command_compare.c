/* plateau compare: claims against the runs of a database, or of two, and what changed between these. */
#include "validation/compare_databases.h"
#include "cli/cli.h"
#include "store/archive.h"
#include "validation/judge.h"
#include "base/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_json(const struct claim *c, struct text *out)
{
    static const char *const spreads[] = {
        [CLAIM_INTERVAL] = "interval", [CLAIM_RANGE] = "range", [CLAIM_POINT] = "point"};
    const char *separator = "{";
#define AS_TEXT(field, size)                                                                                           \
    text_addf(out, "%s\"" #field "\": ", separator);                                                                   \
    text_add_json(out, c->field);                                                                                      \
    separator = ", ";
    CLAIM_TEXTS(AS_TEXT)
#undef AS_TEXT
    text_addf(out, ", \"verdict\": \"%s\", \"runs\": %zu", claim_verdict_name(c->verdict), c->runs);
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"published", c->published},
                   {"tolerance", c->tolerance},
                   {"estimate", c->estimate},
                   {"low", c->low},
                   {"high", c->high}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        text_addf(out, ", \"%s\": ", numbers[i].name);
        text_add_real(out, numbers[i].value);
    }
    text_add(out, ", \"expected\": \"");
    claim_published(c, out);
    text_addf(out, "\", \"spread\": \"%s\", \"bound\": \"%s\", \"read_at\": ", spreads[claim_spread(c)],
              claim_bound_name(c->bound));
    text_add_json(out, c->read_at);
    text_add(out, ", \"why\": ");
    text_add_json(out, c->why);
    text_add(out, "}\n");
}

/* What was published, what is here; where it is shown, what is known of it. */
static void add_claim(const struct claims *claims, const struct claim *c, struct text *out)
{
    const struct claim *corrected = claim_corrected(claims, c);
    text_addf(out, "%-15s %-12s %s\n%29sexpected ", c->id, claim_verdict_name(c->verdict), c->statement, "");
    claim_published(c, out);
    text_add(out, ", here ");
    claim_estimate(c, out);
    if (*c->source)
        text_addf(out, "; %s", c->source);
    if (c->runs)
        text_addf(out, "; %zu runs", c->runs);
    if (*c->read_at)
        text_addf(out, " read at %s", c->read_at);
    if (*c->grid)
        text_addf(out, "; own grid: %s", c->grid);
    text_add(out, "\n");
    if (corrected && c->verdict == VERDICT_DEVIATES) {
        text_addf(out, "%29sknown: %s; instead %s %s, here ", "", c->erratum, corrected->id,
                  claim_verdict_name(corrected->verdict));
        claim_estimate(corrected, out);
        text_addf(out, ": %s\n", corrected->statement);
    }
    if (*c->why)
        text_addf(out, "%29s%s\n", "", c->why);
}

static void add_summary(const struct claims *claims, const size_t *shown, size_t n, size_t unexplained,
                        struct text *out)
{
    size_t count[3] = {0}, choices = 0;
    for (size_t i = 0; i < n; i++) {
        const struct claim *c = &claims->list[shown[i]];
        choices += *c->choice != '\0';
        count[c->verdict] += !*c->choice;
    }
    text_addf(out,
              "%zu claims: %zu reproduced, %zu deviate (%zu of them as known, and what holds instead "
              "is reproduced), %zu inconclusive",
              n - choices, count[VERDICT_REPRODUCED], count[VERDICT_DEVIATES], count[VERDICT_DEVIATES] - unexplained,
              count[VERDICT_INCONCLUSIVE]);
    if (choices)
        text_addf(out, "; %zu choices that the source leaves open", choices);
    text_add(out, "\n");
}

/* ---- two databases ---- */

static enum status measure_in(const char *path, const struct arguments *a, struct claims *claims, size_t *free_of_runs)
{
    enum status rc = OK;
    struct store *store = NULL;
    TRY(claim_read(a->claims, claims));
    *free_of_runs = compare_databases_keep(claims, a->study);
    TRY(archive_open(path, &store));
    rc = judge_claims(store, claims, NULL, NULL);
    if (rc != OK)
        error_prefix(rc, "%.200s", path);
done:
    store_close(store);
    return rc;
}

static void add_changes(const struct claims *before, const struct claims *after, bool json, size_t count[CHANGE_COUNT],
                        struct text *out)
{
    for (int kind = 0; kind < CHANGE_COUNT; kind++) {
        for (size_t i = 0; i < before->n; i++) {
            const struct claim *b = &before->list[i], *f = &after->list[i];
            if ((int)compare_databases_change(b, f) != kind)
                continue;
            count[kind]++;
            if (json)
                compare_databases_json(b, f, out);
            else if (kind < CHANGE_NONE)
                compare_databases_text(b, f, out);
        }
    }
}

/* What changed from the first database to the second; the rest is counted. */
static enum status compare_two(const struct arguments *a)
{
    enum status rc = OK;
    struct claims before = {0}, after = {0};
    struct text out = {0};
    size_t count[CHANGE_COUNT] = {0}, free_of_runs;
    TRY(measure_in(a->files[0], a, &before, &free_of_runs));
    TRY(measure_in(a->files[1], a, &after, &free_of_runs));
    REQUIRE(before.n > 0 || !a->study, ERR_INPUT, "--study %s: no claim is about this study", a->study);
    add_changes(&before, &after, a->json, count, &out);
    if (!a->json) {
        text_addf(&out, "%zu claims on runs, %s -> %s: ", before.n, a->files[0], a->files[1]);
        for (int kind = 0; kind < CHANGE_COUNT; kind++)
            text_addf(&out, "%s%zu %s", kind ? ", " : "", count[kind], compare_databases_meaning((enum change)kind));
        text_addf(&out, "; %zu more claims need no runs\n", free_of_runs);
    }
    TRY(text_status(&out));
    TRY(cli_print(out.data ? out.data : "", out.length));
    REQUIRE(!a->strict || !count[CHANGE_VERDICT], ERR_DEVIATES, "%zu of %zu verdicts changed", count[CHANGE_VERDICT],
            before.n);
done:
    text_free(&out);
    claim_free(&before);
    claim_free(&after);
    return rc;
}

enum status command_compare(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct claims claims = {0};
    struct text out = {0};
    size_t deviations = 0, n = 0, *shown = NULL;
    REQUIRE(a->n_files == 1 || a->n_files == 2, ERR_INPUT,
            "compare: needs one database, or two (`plateau help compare`)");
    if (a->n_files == 2)
        return compare_two(a);
    TRY(claim_read(a->claims, &claims));
    TRY(archive_open(a->files[0], &store));
    TRY(judge_claims(store, &claims, NULL, NULL));
    REQUIRE(shown = calloc(claims.n + 1, sizeof *shown), ERR_MEMORY, "out of memory for %zu claims", claims.n);
    for (size_t i = 0; i < claims.n; i++) {
        const struct claim *c = &claims.list[i];
        if (a->study && strcmp(a->study, c->study))
            continue;
        shown[n++] = i;
        deviations += claim_counts(&claims, c);
        if (a->json)
            add_json(c, &out);
        else
            add_claim(&claims, c, &out);
    }
    REQUIRE(n > 0 || !a->study, ERR_INPUT, "--study %s: no claim is about this study", a->study);
    if (!a->json)
        add_summary(&claims, shown, n, deviations, &out);
    TRY(text_status(&out));
    if (out.length)
        TRY(cli_print(out.data, out.length));
    REQUIRE(!a->strict || !deviations, ERR_DEVIATES, "%zu of %zu claims deviate", deviations, n);
done:
    free(shown);
    text_free(&out);
    claim_free(&claims);
    store_close(store);
    return rc;
}
