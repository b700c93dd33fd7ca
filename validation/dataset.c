#include "dataset.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum status parse_regressor(const char *text, struct dataset *set)
{
    size_t k = set->data.n_x;
    if (k == POWER_LAW_MAX)
        return error_set(ERR_INPUT, "regressors: at most %d", POWER_LAW_MAX);
    if (strlen(text) >= sizeof set->regressors[k].name)
        return error_set(ERR_INPUT, "%s: no such regressor", text);
    strcpy(set->regressors[k].name, text);
    char top[40], *slash;
    strcpy(top, text);
    if ((slash = strchr(top, '/')))
        *slash = '\0';
    enum key keys[2] = {keys_find(top), KEY_COUNT};
    if (keys[0] == KEY_COUNT || (slash && (keys[1] = keys_find(slash + 1)) == KEY_COUNT))
        return ERR_INPUT;
    for (int i = 0; i < (slash ? 2 : 1); i++) {
        if (keys_is_choice(keys[i]))
            return error_set(ERR_INPUT, "%s: a regressor is a number, and %s is a choice; use it as a filter", text, keys_name(keys[i]));
    }
    set->regressors[k].top = keys[0];
    set->regressors[k].bottom = keys[1];
    set->names[k] = set->regressors[k].name;
    set->data.n_x++;
    return OK;
}

enum status dataset_init(const char *regressors, double threshold, struct dataset *set)
{
    *set = (struct dataset){.threshold = threshold};
    char *list = strdup(regressors), *rest = list;
    if (!list)
        return error_set(ERR_MEMORY, "out of memory for the regressors");
    enum status rc = OK;
    for (char *item; rc == OK && (item = strsep(&rest, ","));)
        rc = parse_regressor(item, set);
    free(list);
    set->data.names = set->names;
    return rc;
}

static enum status grow(struct dataset *set)
{
    size_t want = set->allocated ? 2 * set->allocated : 256;
    double *x = realloc(set->x, want * POWER_LAW_MAX * sizeof *x);
    set->x = x ? x : set->x;
    double *y = realloc(set->y, want * sizeof *y);
    set->y = y ? y : set->y;
    bool *censored = realloc(set->censored, want * sizeof *censored);
    set->censored = censored ? censored : set->censored;
    int64_t *seeds = realloc(set->seeds, want * sizeof *seeds);
    set->seeds = seeds ? seeds : set->seeds;
    if (!x || !y || !censored || !seeds)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", want);
    set->allocated = want;
    set->data.x = x, set->data.y = y, set->data.censored = censored, set->data.cluster = seeds;
    return OK;
}

enum status dataset_add(void *context, const struct store_row *row)
{
    struct dataset *set = context;
    const struct result *r = &row->result;
    if (r->state == RUN_DIVERGED || r->state == RUN_INTERRUPTED) {
        set->left_out++;
        return OK;
    }
    bool known = true;
    double plateau = set->threshold > 0 ? result_plateau_at(r, set->threshold, &known) : r->plateau;
    if (!known)
        return error_set(ERR_INPUT, "run %lld: the loss %g of the null loss was not recorded; use 0.1, 0.2 .. 0.9", (long long)row->id, set->threshold);
    if (set->data.n == set->allocated) {
        enum status rc = grow(set);
        if (rc != OK)
            return rc;
    }
    size_t n = set->data.n++;
    for (size_t k = 0; k < set->data.n_x; k++) {
        double top = r->keys.value[set->regressors[k].top];
        double bottom = set->regressors[k].bottom == KEY_COUNT ? 1 : r->keys.value[set->regressors[k].bottom];
        if (!(top / bottom > 0))
            return error_set(ERR_INPUT, "run %lld: %s is not positive there; leave it out or filter such runs away", (long long)row->id, set->names[k]);
        set->x[n * set->data.n_x + k] = top / bottom;
    }
    set->y[n] = isnan(plateau) ? r->cap : plateau;
    set->censored[n] = isnan(plateau);
    set->seeds[n] = (int64_t)r->keys.value[KEY_seed];
    return OK;
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

void dataset_free(struct dataset *set)
{
    free(set->x);
    free(set->y);
    free(set->censored);
    free(set->seeds);
    set->x = set->y = NULL;
    set->censored = NULL;
    set->seeds = NULL;
}
