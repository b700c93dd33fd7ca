#include "validation/compare_databases.h"
#include <math.h>
#include <string.h>

static const struct {
    const char *name, *meaning;
} changes[] = {
#define AS_ENTRY(enumerator, name, meaning) {name, meaning},
    CHANGES(AS_ENTRY)
#undef AS_ENTRY
};
static const double NO_INTERVAL = 1e-6; /* of an estimate: a smaller difference is rounding */

const char *compare_databases_meaning(enum change change)
{
    return changes[change].meaning;
}

size_t compare_databases_keep(struct claims *claims, const char *study)
{
    size_t kept = 0, free_of_runs = 0;
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i];
        const enum claim_basis basis = claim_basis(c);
        const bool needs_none = basis == CLAIM_FLOW || basis == CLAIM_KEYS;
        free_of_runs += needs_none;
        if (!needs_none && (!study || !strcmp(study, c->study)))
            claims->list[kept++] = *c;
    }
    claims->n = kept;
    return free_of_runs;
}

static bool has_interval(const struct claim *c)
{
    return claim_spread(c) == CLAIM_INTERVAL && c->high > c->low;
}

static bool moved(const struct claim *a, const struct claim *b)
{
    const double difference = fabs(b->estimate - a->estimate);
    if (has_interval(a) && has_interval(b))
        return difference > hypot(a->high - a->low, b->high - b->low) / 2;
    return difference > NO_INTERVAL * fabs(a->estimate);
}

enum change compare_databases_change(const struct claim *before, const struct claim *after)
{
    const bool was = !isnan(before->estimate), is = !isnan(after->estimate);
    return !was && !is                         ? CHANGE_NOWHERE
           : was != is                         ? CHANGE_ALONE
           : before->verdict != after->verdict ? CHANGE_VERDICT
           : moved(before, after)              ? CHANGE_ESTIMATE
                                               : CHANGE_NONE;
}

void compare_databases_text(const struct claim *before, const struct claim *after, struct text *out)
{
    const bool same = before->verdict == after->verdict;
    text_addf(out, "%-15s %s%s%s  %s\n%16sexpected ", before->id, claim_verdict_name(before->verdict),
              same ? "" : " -> ", same ? "" : claim_verdict_name(after->verdict), before->statement, "");
    claim_published(before, out);
    text_add(out, ", here ");
    claim_estimate(before, out);
    text_add(out, " -> ");
    claim_estimate(after, out);
    text_addf(out, "; %zu -> %zu runs\n", before->runs, after->runs);
}

static void add_number(const char *name, double value, struct text *out)
{
    text_addf(out, ", \"%s\": ", name);
    text_add_real(out, value);
}

static void add_side(const char *name, const struct claim *c, struct text *out)
{
    text_addf(out, ", \"%s\": {\"verdict\": \"%s\", \"runs\": %zu", name, claim_verdict_name(c->verdict), c->runs);
    add_number("estimate", c->estimate, out);
    add_number("low", c->low, out);
    add_number("high", c->high, out);
    text_add(out, ", \"why\": ");
    text_add_json(out, c->why);
    text_add(out, "}");
}

void compare_databases_json(const struct claim *before, const struct claim *after, struct text *out)
{
    text_add(out, "{\"id\": ");
    text_add_json(out, before->id);
    text_addf(out, ", \"change\": \"%s\", \"statement\": ", changes[compare_databases_change(before, after)].name);
    text_add_json(out, before->statement);
    text_addf(out, ", \"quantity\": \"%s\", \"of\": ", before->quantity);
    text_add_json(out, before->of);
    add_number("published", before->published, out);
    add_number("tolerance", before->tolerance, out);
    add_side("before", before, out);
    add_side("after", after, out);
    add_number("difference", after->estimate - before->estimate, out);
    text_add(out, "}\n");
}
