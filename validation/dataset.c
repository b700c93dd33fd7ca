#include "validation/dataset.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum status name_column(const char *text, struct dataset_column *column)
{
    if ((size_t)snprintf(column->name, sizeof column->name, "%s", text) >= sizeof column->name)
        return error_set(ERR_INPUT, "%.40s..: longer than %zu characters", text, sizeof column->name - 1);
    return monomial_parse(text, &column->product);
}

static enum status add_regressor(const char *text, struct dataset *set)
{
    size_t k = set->data.n_x;
    if (k == POWER_LAW_MAX)
        return error_set(ERR_INPUT, "regressors: at most %d", POWER_LAW_MAX);
    enum status rc = name_column(text, &set->regressors[k]);
    if (rc != OK)
        return error_prefix(rc, "regressor %.40s", text);
    set->names[k] = set->regressors[k].name;
    set->data.n_x++;
    return OK;
}

enum status dataset_init(const char *regressors, double threshold, struct dataset *set)
{
    *set = (struct dataset){.threshold = threshold};
    enum status rc = run_flow_create(&set->tools);
    if (rc != OK)
        return rc;
    char *list = strdup(regressors), *rest = list;
    if (!list)
        return error_set(ERR_MEMORY, "out of memory for the regressors");
    for (char *item; rc == OK && (item = strsep(&rest, ","));)
        rc = add_regressor(item, set);
    free(list);
    set->data.names = set->names;
    return rc;
}

enum status dataset_factor(const char *product, struct dataset *set)
{
    if (set->n_factors == DATASET_FACTORS)
        return error_set(ERR_INPUT, "%s: at most %d factors", product, DATASET_FACTORS);
    enum status rc = monomial_parse(product, &set->factors[set->n_factors]);
    set->n_factors += rc == OK;
    return rc;
}

enum status dataset_response(const char *product, struct dataset *set)
{
    return name_column(product, &set->response);
}

/* Makes *array hold n entries of `size` bytes; it stays valid if that fails. */
static bool resize(void *array, size_t n, size_t size)
{
    void *old, *more;
    memcpy(&old, array, sizeof old);
    if ((more = realloc(old, n * size)))
        memcpy(array, &more, sizeof more);
    return more != NULL;
}

static enum status grow(struct dataset *set)
{
    size_t want = set->allocated ? 2 * set->allocated : 256, n_x = set->data.n_x ? set->data.n_x : 1;
    bool done = resize(&set->x, want * n_x, sizeof *set->x) && resize(&set->y, want, sizeof *set->y) &&
                resize(&set->low, want, sizeof *set->low) && resize(&set->high, want, sizeof *set->high) &&
                resize(&set->censored, want, sizeof *set->censored) && resize(&set->seeds, want, sizeof *set->seeds) &&
                resize(&set->ids, want, sizeof *set->ids);
    for (size_t k = 0; done && k < set->n_factors; k++)
        done = resize(&set->f[k], want, sizeof *set->f[k]);
    if (!done)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", want);
    set->allocated = want;
    set->data.low = set->low, set->data.high = set->high;
    set->data.x = set->x, set->data.y = set->y, set->data.censored = set->censored, set->data.cluster = set->seeds;
    return OK;
}

/* The plateau length or the response of run `id` into *y; censored: *y is where the run was cut off. */
static enum status take_y(const struct dataset *set, int64_t id, const struct result *r, double *y, bool *censored)
{
    enum status rc = OK;
    bool response = set->response.product.n > 0;
    struct result cut = *r;
    *censored = isnan(r->plateau) && (!response || monomial_grows_with_plateau(&set->response.product));
    cut.plateau = *censored ? r->cap : r->plateau;
    *y = response ? monomial_value(&set->response.product, &cut) : cut.plateau;
    REQUIRE(!response || *y > 0, ERR_INPUT, "run %lld: %s is not defined there; filter such runs away", (long long)id,
            set->response.name);
done:
    return rc;
}

static void note_keys(struct dataset *set, const struct keys *keys)
{
    const double *value = keys->value;
    char read_at[READING_TEXT];
    reading_text(keys, READING_OWN, read_at);
    if (set->data.n == 0) {
        memcpy(set->first, value, sizeof set->first);
        memcpy(set->read_at, read_at, sizeof read_at);
    }
    set->mixed = set->mixed || strcmp(set->read_at, read_at) != 0;
    for (int key = 0; key < KEY_COUNT; key++) {
        bool same = value[key] == set->first[key] || (isnan(value[key]) && isnan(set->first[key]));
        set->varies[key] = set->varies[key] || !same;
    }
}

static void note_revision(struct dataset *set, int revision)
{
    if (revision == 0)
        return;
    set->oldest = set->oldest == 0 || revision < set->oldest ? revision : set->oldest;
    set->newest = revision > set->newest ? revision : set->newest;
}

enum status dataset_row(struct dataset *set, const struct store_row *row, double y, bool censored)
{
    enum status rc = OK;
    const struct result *r = &row->result;
    size_t n = set->data.n, n_x = set->data.n_x;
    if (n == set->allocated)
        TRY(grow(set));
    set->y[n] = set->low[n] = set->high[n] = y;
    set->censored[n] = censored;
    for (size_t k = 0; k < n_x; k++) {
        double x = set->x[n * n_x + k] = monomial_value(&set->regressors[k].product, r);
        REQUIRE(x > 0, ERR_INPUT, "run %lld: %s is not positive there; leave it out or filter such runs away",
                (long long)row->id, set->names[k]);
    }
    for (size_t k = 0; k < set->n_factors; k++)
        set->f[k][n] = monomial_value(&set->factors[k], r);
    note_keys(set, &r->keys);
    note_revision(set, row->revision);
    set->seeds[n] = (int64_t)r->keys.value[KEY_seed];
    set->ids[n] = row->id;
    set->data.n++;
done:
    return rc;
}

/* What the response would be at one end of the bracket of each length that the run gives. */
static double response_at(const struct dataset *set, const struct result *r, bool upper)
{
    struct result end = *r;
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
    end.plateau = upper ? high : low;
    for (int i = 0; i < FLOW_LEVELS; i++) {
        result_bracket(r, r->crossings[i], &low, &high);
        end.crossings[i] = upper ? high : low;
    }
    return set->response.product.n ? monomial_value(&set->response.product, &end) : end.plateau;
}

/* Of an upper bound alone it is y too. */
void dataset_between(struct dataset *set, double low, double high)
{
    const size_t i = set->data.n - 1;
    set->low[i] = low, set->high[i] = high;
    set->y[i] = low > 0 ? set->y[i] : high;
}

void dataset_bracket(struct dataset *set, const struct result *r, double length)
{
    double low, high;
    result_bracket(r, length, &low, &high);
    if (result_is_coarse(length, low, high))
        dataset_between(set, low, high);
}

/* The same of the last row's response. */
static enum status take_bracket(struct dataset *set, int64_t id, const struct result *r)
{
    enum status rc = OK;
    const size_t i = set->data.n - 1;
    const double a = response_at(set, r, false), b = response_at(set, r, true), low = fmin(a, b), high = fmax(a, b);
    if (set->censored[i] || !result_is_coarse(set->y[i], low, high))
        goto done;
    REQUIRE(isfinite(high), ERR_INPUT,
            "run %lld: %s is not known there: its first evaluation came too late; leave such "
            "runs away, or lower eval_every",
            (long long)id, set->response.name);
    dataset_between(set, low, high);
done:
    return rc;
}

/* Does a column ask what theory expects? */
static bool expects(const struct dataset *set)
{
    bool any = monomial_expects(&set->response.product);
    for (size_t k = 0; k < set->data.n_x; k++)
        any = any || monomial_expects(&set->regressors[k].product);
    for (size_t k = 0; k < set->n_factors; k++)
        any = any || monomial_expects(&set->factors[k]);
    return any;
}

enum status dataset_add(void *context, const struct store_row *row)
{
    enum status rc = OK;
    struct dataset *set = context;
    struct store_row read = *row;
    struct result *r = &read.result;
    bool known, censored;
    double y;
    if (r->state == RUN_INTERRUPTED) {
        set->left_out++;
        return OK;
    }
    TRY(reading_at(expects(set) ? set->tools : NULL, set->threshold, r, &known));
    if (r->state == RUN_DIVERGED || (known && isnan(r->plateau) && !(r->cap > 0))) {
        set->left_out++;
        set->diverged += r->state == RUN_DIVERGED;
        return OK;
    }
    if (!known) {
        set->unknown++;
        return OK;
    }
    if (r->plateau == 0) {
        set->at_once++;
        set->chance = fmax(set->chance, reading_chance(&r->keys)); /* which may be NaN */
        return OK;
    }
    TRY(take_y(set, row->id, r, &y, &censored));
    TRY(dataset_row(set, &read, y, censored));
    TRY(take_bracket(set, row->id, r));
done:
    return rc;
}

static void drop(struct dataset *set, size_t k)
{
    size_t n_x = set->data.n_x;
    for (size_t i = 0, to = 0; i < set->data.n * n_x; i++) {
        if (i % n_x != k)
            set->x[to++] = set->x[i];
    }
    for (size_t i = k + 1; i < n_x; i++) {
        set->regressors[i - 1] = set->regressors[i];
        set->names[i - 1] = set->regressors[i - 1].name;
    }
    set->data.n_x--;
}

void dataset_drop_constant(struct dataset *set)
{
    for (size_t k = set->data.n_x; k-- > 0;) {
        bool varies = false;
        for (size_t i = 1; i < set->data.n; i++)
            varies = varies || set->x[i * set->data.n_x + k] != set->x[k];
        if (!varies && set->data.n)
            drop(set, k);
    }
}

void dataset_left_out(const struct dataset *set, struct text *out)
{
    if (set->left_out)
        text_addf(out, " (%zu diverged, interrupted or cut off at once left out)", set->left_out);
    if (set->at_once)
        text_addf(out, " (%zu over the threshold from the start left out", set->at_once);
    if (set->at_once)
        text_addf(out, set->chance > 0 ? "; guessing gives 1/vocab, up to %.3g)" : ")", set->chance);
    if (set->unknown)
        text_addf(out, " (%zu without a recorded crossing of %g left out)", set->unknown, set->threshold);
}

bool dataset_mixes(const struct dataset *set, enum key key)
{
    bool held = key == KEY_seed;
    for (size_t k = 0; k < set->data.n_x; k++)
        held = held || monomial_holds(&set->regressors[k].product, key);
    return (key == KEY_threshold ? set->mixed : set->varies[key] && keys_is_hashed(key)) && !held;
}

void dataset_free(struct dataset *set)
{
    run_flow_free(set->tools);
    free(set->x);
    free(set->y);
    free(set->low);
    free(set->high);
    free(set->censored);
    free(set->seeds);
    free(set->ids);
    for (size_t k = 0; k < DATASET_FACTORS; k++)
        free(set->f[k]);
    *set = (struct dataset){0};
}
