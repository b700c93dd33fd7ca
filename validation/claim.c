#include "validation/claim.h"
#include "base/data.h"
#include "validation/flow_observables.h"
#include "validation/monomial.h"
#include "study/yaml_file.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Of an id: what is safe in a link of the report. */
#define ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"

static const struct {
    const char *name, *on, *of;
    enum claim_basis basis;
    enum claim_rule rule;
    enum claim_spread spread;
} quantities[] = {
#define AS_QUANTITY(name, measured, basis, rule, spread, on, of)                                                       \
    {#name, on, of, CLAIM_##basis, CLAIM_##rule, CLAIM_##spread},
    QUANTITIES(AS_QUANTITY)
#undef AS_QUANTITY
};

enum claim_basis claim_basis(const struct claim *claim)
{
    return quantities[claim->kind].basis;
}

enum claim_rule claim_rule(const struct claim *claim)
{
    return quantities[claim->kind].rule;
}

enum claim_spread claim_spread(const struct claim *claim)
{
    return quantities[claim->kind].spread;
}

enum key claim_best(const struct claim *claim)
{
    return *claim->best ? keys_find(claim->best) : KEY_COUNT;
}

double claim_threshold(const struct claim *claim)
{
    return claim->at > 0 ? claim->at : READING_USUAL;
}

/* ---- reading ---- */

static enum status set_field(struct claim *c, const char *name, const char *value)
{
    static const char *const names[] = {
#define AS_NAME(field, size) #field,
        CLAIM_TEXTS(AS_NAME)
#undef AS_NAME
            "published",
        "tolerance", "at"};
    if (!text_is_plain(value))
        return error_set(ERR_INPUT, "%.40s: has control characters, which a terminal would act on: leave them out",
                         name);
#define AS_CASE(field, size)                                                                                           \
    if (!strcmp(name, #field))                                                                                         \
        return (size_t)snprintf(c->field, size, "%s", value) < (size)                                                  \
                   ? OK                                                                                                \
                   : error_set(ERR_INPUT, "%s: longer than %d characters", name, (size)-1);
    CLAIM_TEXTS(AS_CASE)
#undef AS_CASE
    double *number = !strcmp(name, "published")   ? &c->published
                     : !strcmp(name, "tolerance") ? &c->tolerance
                     : !strcmp(name, "at")        ? &c->at
                                                  : NULL;
    if (number)
        return text_to_real(value, number) ? OK : error_set(ERR_INPUT, "%s: %.40s is not a number", name, value);
    const char *near = text_nearest(name, names, sizeof names / sizeof names[0]);
    return error_set(ERR_INPUT, "%.40s: not a field of a claim%s%s", name, near ? "; did you mean " : "",
                     near ? near : "");
}

/* "exponent, constant, r2 and gain": the quantities, of those with regressors or of all. */
static const char *list_quantities(bool regressed, const char *last, char *list, size_t size)
{
    size_t left = 0, length = 0;
    for (int i = 0; i < QUANTITY_COUNT; i++)
        left += !regressed || *quantities[i].on;
    for (int i = 0; i < QUANTITY_COUNT && length < size; i++) {
        if (regressed && !*quantities[i].on)
            continue;
        left--;
        length += (size_t)snprintf(list + length, size - length, "%s%s", quantities[i].name,
                                   left > 1    ? ", "
                                   : left == 1 ? last
                                               : "");
    }
    return list;
}

/* Finds the quantity by its name. */
static enum status find_quantity(struct claim *c)
{
    char list[240];
    for (int i = 0; i < QUANTITY_COUNT; i++) {
        if (!strcmp(c->quantity, quantities[i].name)) {
            c->kind = (enum quantity)i;
            return OK;
        }
    }
    return error_set(ERR_INPUT, "quantity is one of %s; not '%.20s'", list_quantities(false, ", ", list, sizeof list),
                     c->quantity);
}

/* What the other fields must be depends on the quantity. */
static enum status check_fields(const struct claim *c)
{
    enum status rc = OK;
    struct monomial product;
    char list[240];
    const enum claim_basis basis = claim_basis(c);
    const bool regressed = *quantities[c->kind].on;
    REQUIRE(!regressed || *c->on, ERR_INPUT, "a fit needs its regressors, as in on: d,T,B");
    REQUIRE(regressed || !*c->on, ERR_INPUT, "on: is for %s", list_quantities(true, " and ", list, sizeof list));
    REQUIRE(!*c->best || claim_best(c) != KEY_COUNT, ERR_INPUT, "best: %s: no such key", c->best);
    REQUIRE(basis == CLAIM_FIT || basis == CLAIM_RUNS || basis == CLAIM_PAIRS || (!*c->best && c->at == 0), ERR_INPUT,
            "best: and at: are for lengths of runs, not for %s%s", c->quantity,
            basis == CLAIM_FLOW ? "; write threshold= in where" : "");
    REQUIRE(basis != CLAIM_PAIRS || !*c->best || !*c->response, ERR_INPUT,
            "best: goes by the plateau of the test set, not by %s: leave one of them out", c->response);
    REQUIRE(*c->of || !*quantities[c->kind].of, ERR_INPUT, "of: is missing");
    if (basis == CLAIM_RUNS || (basis == CLAIM_FLOW && !flow_observables_has(c->of))) {
        rc = monomial_parse(c->of, &product);
        if (rc != OK)
            return error_prefix(rc, basis == CLAIM_FLOW ? "of: not a measure (doc/claims.md lists them), nor a monomial"
                                                        : "of");
    }
done:
    return rc;
}

static enum status check_claim(struct claim *c)
{
    enum status rc = OK;
    REQUIRE(*c->id, ERR_INPUT, "a claim needs an id");
    rc = find_quantity(c);
    if (rc == OK)
        rc = check_fields(c);
    if (rc != OK)
        return error_prefix(rc, "%s", c->id);
    REQUIRE(c->id[strspn(c->id, ID_LETTERS)] == '\0', ERR_INPUT, "%s: an id has letters, digits and . _ - : only",
            c->id);
    REQUIRE(!isnan(c->published) && c->tolerance >= 0, ERR_INPUT,
            "%s: needs published, and a tolerance that is not negative", c->id);
    REQUIRE(c->at >= 0 && c->at < 1, ERR_INPUT, "%s: at: a fraction between 0 and 1", c->id);
done:
    return rc;
}

static enum status read_claim(yaml_document_t *doc, const yaml_node_t *node, struct claim *c)
{
    *c = (struct claim){
        .line = yaml_file_line(node), .published = NAN, .tolerance = NAN, .estimate = NAN, .low = NAN, .high = NAN};
    if (!node || node->type != YAML_MAPPING_NODE)
        return error_set(ERR_INPUT, "a claim is a mapping field: value");
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const char *name = yaml_file_text(yaml_document_get_node(doc, pair->key));
        const char *value = yaml_file_text(yaml_document_get_node(doc, pair->value));
        if (!name || !value)
            return error_set(ERR_INPUT, "the fields of a claim are plain values");
        enum status rc = set_field(c, name, value);
        if (rc != OK)
            return rc;
    }
    return check_claim(c);
}

/* An id is used once, and `corrected` names a claim of the list. */
static enum status check_links(const struct claims *claims)
{
    enum status rc = OK;
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i];
        for (size_t j = 0; j < i; j++)
            REQUIRE(strcmp(claims->list[j].id, c->id), ERR_INPUT, "%zu: %s: this id is taken by line %zu", c->line,
                    c->id, claims->list[j].line);
        REQUIRE(!*c->corrected || claim_corrected(claims, c), ERR_INPUT, "%zu: %s: corrected: %s: no such claim",
                c->line, c->id, c->corrected);
    }
done:
    return rc;
}

static enum status read_list(yaml_document_t *doc, const yaml_node_t *root, void *context)
{
    struct claims *claims = context;
    if (!root || root->type != YAML_SEQUENCE_NODE)
        return error_set(ERR_INPUT, "1: claims are a list");
    size_t n = (size_t)(root->data.sequence.items.top - root->data.sequence.items.start);
    struct claim *more = realloc(claims->list, (claims->n + n + 1) * sizeof *more);
    if (!more)
        return error_set(ERR_MEMORY, "out of memory for %zu claims", n);
    claims->list = more;
    for (size_t i = 0; i < n; i++) {
        struct claim *c = &claims->list[claims->n++];
        enum status rc = read_claim(doc, yaml_document_get_node(doc, root->data.sequence.items.start[i]), c);
        if (rc != OK)
            return error_prefix(rc, "%zu", c->line);
    }
    return check_links(claims);
}

enum status claim_read(const char *path, struct claims *claims)
{
    static const char *const shipped[] = {"validation/claims.yaml", "validation/claims-transformer.yaml"};
    enum status rc = OK;
    char file[DATA_PATH];
    *claims = (struct claims){0};
    if (path)
        return yaml_file_read(path, read_list, claims);
    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        TRY(data_path(shipped[i], file));
        TRY(yaml_file_read(file, read_list, claims));
    }
done:
    return rc;
}

void claim_free(struct claims *claims)
{
    free(claims->list);
    *claims = (struct claims){0};
}

/* ---- how claims lead to each other ---- */

const struct claim *claim_corrected(const struct claims *claims, const struct claim *claim)
{
    for (size_t i = 0; i < claims->n && *claim->corrected; i++) {
        if (!strcmp(claims->list[i].id, claim->corrected))
            return &claims->list[i];
    }
    return NULL;
}

bool claim_counts(const struct claims *claims, const struct claim *claim)
{
    const struct claim *corrected = *claim->erratum ? claim_corrected(claims, claim) : NULL;
    return claim->verdict == VERDICT_DEVIATES && !*claim->choice &&
           !(corrected && corrected->verdict == VERDICT_REPRODUCED);
}

/* ---- in words ---- */

void claim_say(struct claim *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->why, sizeof c->why, format, arguments);
    va_end(arguments);
}

void claim_add(struct claim *c, const char *format, ...)
{
    const size_t n = strlen(c->why), gap = n ? strlen("; ") : 0;
    va_list arguments;
    if (n + gap >= sizeof c->why)
        return;
    memcpy(c->why + n, "; ", gap);
    va_start(arguments, format);
    vsnprintf(c->why + n + gap, sizeof c->why - n - gap, format, arguments);
    va_end(arguments);
}

const char *claim_verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
#define AS_NAME(name, text) text,
        VERDICTS(AS_NAME)
#undef AS_NAME
    };
    return names[verdict];
}

const char *claim_bound_name(enum claim_bound bound)
{
    static const char *const names[] = {
#define AS_NAME(name, text) text,
        CLAIM_BOUNDS(AS_NAME)
#undef AS_NAME
    };
    return names[bound];
}

void claim_published(const struct claim *c, struct text *out)
{
    if (claim_rule(c) == CLAIM_AT_LEAST)
        text_addf(out, "at least %.6g", c->published - c->tolerance);
    else if (claim_rule(c) == CLAIM_AT_MOST)
        text_addf(out, "at most %.6g", c->published + c->tolerance);
    else if (claim_basis(c) == CLAIM_KEYS)
        text_addf(out, "%.6g differ", c->published);
    else
        text_addf(out, c->tolerance > 0 ? "%.6g +- %.3g" : "%.6g", c->published, c->tolerance);
}

void claim_estimate(const struct claim *c, struct text *out)
{
    char low[32], high[32];
    snprintf(low, sizeof low, "%.5g", c->low);
    snprintf(high, sizeof high, "%.5g", c->high);
    const bool range = claim_spread(c) == CLAIM_RANGE;
    if (isnan(c->estimate)) {
        text_add(out, "-");
    } else if (c->bound == CLAIM_LOWER || c->bound == CLAIM_UPPER) {
        const bool upper = c->bound == CLAIM_UPPER;
        text_addf(out, "at %s %.4g", upper ? "most" : "least", c->estimate);
        if (c->high > c->low)
            text_addf(out, " (95 %% %s %.4g)", upper ? "to" : "from", upper ? c->high : c->low);
    } else if (range && strcmp(low, high)) {
        text_addf(out, "%s .. %s", low, high);
    } else if (!range && c->high > c->low) {
        text_addf(out, "%.4g (95 %% %.4g .. %.4g)", c->estimate, c->low, c->high);
    } else {
        text_addf(out, "%.5g", c->estimate);
    }
}
