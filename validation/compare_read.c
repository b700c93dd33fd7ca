/* Claims from YAML, a list of mappings, every field a plain value; and how they lead to each other. */
#include "compare.h"
#include "data.h"
#include "measure.h"
#include "monomial.h"
#include "yaml_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of an id: what is safe in a link of the report. */
#define ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"

static const struct {
    const char *name;
    enum claim_kind kind;
} quantities[] = {
#define AS_QUANTITY(name, kind, of) {#name, CLAIM_##kind},
    QUANTITIES(AS_QUANTITY)
#undef AS_QUANTITY
};

bool compare_is(const struct claim *claim, const char *name)
{
    return !strcmp(claim->quantity, name);
}

enum claim_kind compare_kind(const struct claim *claim)
{
    for (size_t i = 0; i < sizeof quantities / sizeof quantities[0]; i++) {
        if (compare_is(claim, quantities[i].name))
            return quantities[i].kind;
    }
    return CLAIM_NONE;
}

enum key compare_best(const struct claim *claim)
{
    return *claim->best ? keys_find(claim->best) : KEY_COUNT;
}

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

/* What `of` and `on` must be depends on the quantity. */
static enum status check_quantity(const struct claim *c)
{
    enum status rc = OK;
    struct monomial product;
    enum claim_kind kind = compare_kind(c);
    REQUIRE(kind != CLAIM_NONE, ERR_INPUT,
            "quantity is one of exponent, constant, r2, each, mean, speedup, gain, final, value, floor, ceiling, "
            "defaults; not '%.20s'",
            c->quantity);
    bool fits = kind == CLAIM_FIT || compare_is(c, "gain");
    REQUIRE(!fits || *c->on, ERR_INPUT, "a fit needs its regressors, as in on: d,T,B");
    REQUIRE(fits || !*c->on, ERR_INPUT, "on: is for exponent, constant, r2 and gain");
    REQUIRE(!*c->best || compare_best(c) != KEY_COUNT, ERR_INPUT, "best: %s: no such key", c->best);
    REQUIRE(kind == CLAIM_FIT || kind == CLAIM_RUNS || kind == CLAIM_PAIRS || (!*c->best && c->at == 0), ERR_INPUT,
            "best: and at: are for lengths of runs, not for %s%s", c->quantity,
            kind == CLAIM_FLOW ? "; write threshold= in where" : "");
    REQUIRE(kind != CLAIM_PAIRS || !*c->best || !*c->response, ERR_INPUT,
            "best: goes by the plateau of the test set, not by %s: leave one of them out", c->response);
    REQUIRE(*c->of || compare_is(c, "constant") || compare_is(c, "r2"), ERR_INPUT, "of: is missing");
    if (kind == CLAIM_RUNS || (kind == CLAIM_FLOW && !measure_exists(c->of))) {
        rc = monomial_parse(c->of, &product);
        if (rc != OK)
            return error_prefix(rc, kind == CLAIM_FLOW ? "of: not a measure (doc/claims.md lists them), nor a monomial"
                                                       : "of");
    }
done:
    return rc;
}

static enum status check_claim(const struct claim *c)
{
    enum status rc = OK;
    REQUIRE(*c->id, ERR_INPUT, "a claim needs an id");
    rc = check_quantity(c);
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
        REQUIRE(!*c->corrected || compare_corrected(claims, c), ERR_INPUT, "%zu: %s: corrected: %s: no such claim",
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

enum status compare_read(const char *path, struct claims *claims)
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

const struct claim *compare_corrected(const struct claims *claims, const struct claim *claim)
{
    for (size_t i = 0; i < claims->n && *claim->corrected; i++) {
        if (!strcmp(claims->list[i].id, claim->corrected))
            return &claims->list[i];
    }
    return NULL;
}

bool compare_counts(const struct claims *claims, const struct claim *claim)
{
    const struct claim *corrected = *claim->erratum ? compare_corrected(claims, claim) : NULL;
    return claim->verdict == VERDICT_DEVIATES && !*claim->choice &&
           !(corrected && corrected->verdict == VERDICT_REPRODUCED);
}

void compare_free(struct claims *claims)
{
    free(claims->list);
    *claims = (struct claims){0};
}
