#include "compare.h"
#include "dataset.h"
#include "grid.h"
#include "measure.h"
#include "yaml_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CONFIDENCE = 0.95;

/* X(field): the text fields of a claim. */
#define CLAIM_TEXTS(X) X(id) X(source) X(statement) X(quantity) X(of) X(on) X(where) X(study) X(figure) X(erratum) X(corrected)

const char *compare_verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
#define AS_NAME(name, text) text,
        VERDICTS(AS_NAME)
#undef AS_NAME
    };
    return names[verdict];
}

enum verdict compare_verdict(double estimate, double low, double high, double published, double tolerance)
{
    if (isnan(estimate) || isnan(low) || isnan(high))
        return VERDICT_INCONCLUSIVE;
    double from = published - tolerance, to = published + tolerance;
    if (high < from || low > to)
        return VERDICT_DEVIATES;
    return estimate >= from && estimate <= to && (high - low) / 2 <= tolerance ? VERDICT_REPRODUCED : VERDICT_INCONCLUSIVE;
}

static enum status set_field(struct claim *c, const char *name, const char *value)
{
#define AS_CASE(field)                                                                                                 \
    if (!strcmp(name, #field))                                                                                         \
        return (size_t)snprintf(c->field, sizeof c->field, "%s", value) < sizeof c->field                              \
                   ? OK                                                                                                \
                   : error_set(ERR_INPUT, "%s: longer than %zu characters", name, sizeof c->field - 1);
    CLAIM_TEXTS(AS_CASE)
#undef AS_CASE
    double *number = !strcmp(name, "published") ? &c->published : !strcmp(name, "tolerance") ? &c->tolerance : NULL;
    if (!number)
        return error_set(ERR_INPUT, "%s: not a field of a claim", name);
    return text_to_real(value, number) ? OK : error_set(ERR_INPUT, "%s: %s is not a number", name, value);
}

static enum status check_claim(const struct claim *c)
{
    bool fit = !strcmp(c->quantity, "exponent") || !strcmp(c->quantity, "constant") || !strcmp(c->quantity, "r2");
    if (!*c->id)
        return error_set(ERR_INPUT, "a claim needs an id");
    bool reading = !strcmp(c->quantity, "value") || !strcmp(c->quantity, "floor") || !strcmp(c->quantity, "ceiling");
    if (!fit && !reading && strcmp(c->quantity, "error"))
        return error_set(ERR_INPUT, "%s: quantity is one of exponent, constant, r2, error, value, floor, ceiling", c->id);
    if (reading && !measure_exists(c->of))
        return error_set(ERR_INPUT, "%s: of: %s: no such measure (validation/measure.h lists them)", c->id, c->of);
    if (fit && !*c->on)
        return error_set(ERR_INPUT, "%s: a fit needs its regressors: on: d,T,B", c->id);
    if (isnan(c->published) || !(c->tolerance >= 0))
        return error_set(ERR_INPUT, "%s: needs published, and a tolerance that is not negative", c->id);
    return OK;
}

static enum status read_claim(yaml_document_t *doc, const yaml_node_t *node, struct claim *c)
{
    *c = (struct claim){.line = yaml_file_line(node), .published = NAN, .tolerance = NAN, .estimate = NAN, .low = NAN, .high = NAN};
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

static enum status read_list(yaml_document_t *doc, const yaml_node_t *root, void *context)
{
    struct claims *claims = context;
    if (!root || root->type != YAML_SEQUENCE_NODE)
        return error_set(ERR_INPUT, "1: claims are a list");
    size_t n = (size_t)(root->data.sequence.items.top - root->data.sequence.items.start);
    claims->list = calloc(n + 1, sizeof *claims->list);
    if (!claims->list)
        return error_set(ERR_MEMORY, "out of memory for %zu claims", n);
    for (size_t i = 0; i < n; i++) {
        struct claim *c = &claims->list[claims->n++];
        enum status rc = read_claim(doc, yaml_document_get_node(doc, root->data.sequence.items.start[i]), c);
        if (rc != OK)
            return error_prefix(rc, "%zu", c->line);
    }
    return OK;
}

enum status compare_read(const char *path, struct claims *claims)
{
    *claims = (struct claims){0};
    return yaml_file_read(path, read_list, claims);
}

/* Largest |prediction/plateau - 1|. */
struct worst {
    const char *of;
    double error;
    size_t runs;
};

static enum status visit_error(void *context, const struct store_row *row)
{
    struct worst *w = context;
    double value = NAN;
#define AS_CASE(name, meaning)                                                                                         \
    if (!strcmp(w->of, #name))                                                                                         \
        value = row->result.predicted.name;
    PREDICTIONS(AS_CASE)
#undef AS_CASE
    double error = fabs(value / row->result.plateau - 1);
    if (isnan(error))
        return OK;
    w->runs++;
    w->error = isnan(w->error) ? error : fmax(w->error, error);
    return OK;
}

static void one_sided(struct claim *c, double estimate, bool good)
{
    c->estimate = c->low = c->high = estimate;
    c->verdict = isnan(estimate) ? VERDICT_INCONCLUSIVE : good ? VERDICT_REPRODUCED : VERDICT_DEVIATES;
}

/* One flow, the one that `where` describes; deterministic, so the interval is a point. */
static enum status measure_flow(struct grid *grid, struct claim *c)
{
    enum status rc = OK;
    struct keys keys;
    size_t size;
    double value;
    TRY(grid_set(grid, "model", "flow"));
    TRY(grid_size(grid, &size));
    REQUIRE(size == 1, ERR_INPUT, "%s: where: describes one run, not %zu", c->id, size);
    TRY(grid_at(grid, 0, &keys));
    TRY(measure(c->of, &keys, &value));
    c->runs = 1;
    bool low = value < c->published - c->tolerance, high = value > c->published + c->tolerance;
    one_sided(c, value, !strcmp(c->quantity, "floor") ? !low : !strcmp(c->quantity, "ceiling") ? !high : !low && !high);
done:
    return rc;
}

static enum status measure_fit(struct store *store, const struct store_filter *filter, struct claim *c)
{
    enum status rc = OK;
    struct dataset set = {0};
    struct power_law fit = {0};
    TRY(dataset_init(c->on, 0, &set));
    TRY(store_each(store, filter, dataset_add, &set));
    c->runs = set.data.n;
    if (power_law_fit(&set.data, CONFIDENCE, &fit) != OK) { /* too few runs, a constant regressor: says what is missing */
        snprintf(c->why, sizeof c->why, "%.190s", error_message());
        goto done;
    }
    if (!strcmp(c->quantity, "r2")) {
        one_sided(c, fit.r2, fit.r2 >= c->published - c->tolerance);
        goto done;
    }
    const struct power_law_estimate *e = !strcmp(c->quantity, "constant") ? &fit.constant : NULL;
    for (size_t k = 0; k < fit.n_x && !e; k++)
        e = !strcmp(set.names[k], c->of) ? &fit.exponent[k] : NULL;
    REQUIRE(e, ERR_INPUT, "%s: of: %s is not among the regressors %s", c->id, c->of, c->on);
    c->estimate = e->value, c->low = e->low, c->high = e->high;
    c->verdict = compare_verdict(e->value, e->low, e->high, c->published, c->tolerance);
    if (c->verdict == VERDICT_INCONCLUSIVE)
        snprintf(c->why, sizeof c->why, "the interval straddles the band or is wider than it: more cells or seeds decide");
done:
    power_law_free(&fit);
    dataset_free(&set);
    return rc;
}

static enum status measure_claim(struct store *store, struct claim *c)
{
    enum status rc = OK;
    struct grid grid = {0};
    struct store_filter filter = {0};
    char where[sizeof c->where], *rest = where;
    strcpy(where, c->where);
    c->verdict = VERDICT_INCONCLUSIVE;
    for (char *word; (word = strsep(&rest, " "));) {
        if (*word)
            TRY(grid_add(&grid, word));
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        filter.values[key] = grid.values[key];
        filter.n[key] = grid.count[key];
    }
    filter.study = *c->study ? c->study : NULL;
    if (!strcmp(c->quantity, "error")) {
        struct worst w = {.of = c->of, .error = NAN};
        TRY(store_each(store, &filter, visit_error, &w));
        c->runs = w.runs;
        one_sided(c, w.error, w.error <= c->published + c->tolerance);
        if (!w.runs)
            snprintf(c->why, sizeof c->why, "no run with this prediction");
    } else if (measure_exists(c->of)) {
        TRY(measure_flow(&grid, c));
    } else {
        TRY(measure_fit(store, &filter, c));
    }
done:
    grid_free(&grid);
    return rc;
}

enum status compare_run(struct store *store, struct claims *claims)
{
    for (size_t i = 0; i < claims->n; i++) {
        enum status rc = measure_claim(store, &claims->list[i]);
        if (rc != OK)
            return error_prefix(rc, "claim %s", claims->list[i].id);
    }
    return OK;
}

bool compare_counts(const struct claims *claims, const struct claim *claim)
{
    if (claim->verdict != VERDICT_DEVIATES)
        return false;
    for (size_t i = 0; i < claims->n && *claim->erratum; i++) {
        if (!strcmp(claims->list[i].id, claim->corrected) && claims->list[i].verdict == VERDICT_REPRODUCED)
            return false;
    }
    return true;
}

void compare_free(struct claims *claims)
{
    free(claims->list);
    *claims = (struct claims){0};
}
