/* plateau compare: claims against the runs of a database. */
#include "cli.h"
#include "compare.h"
#include "text.h"
#include <math.h>
#include <unistd.h>

/* The claims that ship with the program: installed, or in the source tree it was built from. */
static const char *default_claims(void)
{
    static const char installed[] = PLATEAU_DATADIR "/claims.yaml";
    return access(installed, R_OK) == 0 ? installed : PLATEAU_SRCDIR "/validation/claims.yaml";
}

static void add_json(const struct claim *c, struct text *out)
{
    text_add(out, "{\"id\": ");
    text_add_json(out, c->id);
    text_add(out, ", \"source\": ");
    text_add_json(out, c->source);
    text_add(out, ", \"statement\": ");
    text_add_json(out, c->statement);
    text_add(out, ", \"study\": ");
    text_add_json(out, c->study);
    text_add(out, ", \"figure\": ");
    text_add_json(out, c->figure);
    text_addf(out, ", \"verdict\": \"%s\", \"runs\": %zu", compare_verdict_name(c->verdict), c->runs);
    const struct { const char *name; double value; } numbers[] = {{"published", c->published}, {"tolerance", c->tolerance},
        {"estimate", c->estimate}, {"low", c->low}, {"high", c->high}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        text_addf(out, ", \"%s\": ", numbers[i].name);
        text_add_real(out, numbers[i].value);
    }
    text_add(out, ", \"erratum\": ");
    text_add_json(out, c->erratum);
    text_add(out, ", \"corrected\": ");
    text_add_json(out, c->corrected);
    text_add(out, ", \"why\": ");
    text_add_json(out, c->why);
    text_add(out, "}\n");
}

static void add_line(const struct claim *c, struct text *out)
{
    text_addf(out, "%-14s %-12s %s\n    published %.4g +- %.3g", c->id, compare_verdict_name(c->verdict), c->statement, c->published, c->tolerance);
    if (!isnan(c->estimate))
        text_addf(out, ", here %.4g", c->estimate);
    if (c->high > c->low)
        text_addf(out, " (95 %% %.4g .. %.4g)", c->low, c->high);
    text_addf(out, ", %zu runs; %s\n", c->runs, c->source);
    if (*c->erratum && c->verdict == VERDICT_DEVIATES)
        text_addf(out, "    known: %s, see docs/theory.md; what holds instead is %s\n", c->erratum, c->corrected);
    if (*c->why)
        text_addf(out, "    %s\n", c->why);
}

enum status command_compare(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct claims claims = {0};
    struct text out = {0};
    size_t deviations = 0;
    REQUIRE(a->n_files == 1, ERR_INPUT, "compare: needs one database (`plateau help compare`)");
    TRY(compare_read(a->claims ? a->claims : default_claims(), &claims));
    TRY(store_open(a->files[0], STORE_READ, NULL, &store));
    TRY(compare_run(store, &claims));
    for (size_t i = 0; i < claims.n; i++) {
        deviations += compare_counts(&claims, &claims.list[i]);
        if (a->json)
            add_json(&claims.list[i], &out);
        else
            add_line(&claims.list[i], &out);
    }
    TRY(text_status(&out));
    if (out.length)
        TRY(cli_print(out.data, out.length));
    REQUIRE(!a->strict || !deviations, ERR_DEVIATES, "%zu of %zu claims deviate", deviations, claims.n);
done:
    text_free(&out);
    compare_free(&claims);
    store_close(store);
    return rc;
}
