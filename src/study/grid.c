#include "study/grid.h"
#include "study/cost.h"
#include "base/list.h"
#include "run/run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t LARGEST_GRID = 100000000;
enum { LONGEST_AXIS = 100000 };

static enum status append(struct grid *g, enum key key, double value)
{
    size_t n = g->count[key];
    if (n >= LONGEST_AXIS)
        return error_set(ERR_INPUT, "%s: more than %d values", keys_name(key), LONGEST_AXIS);
    enum status rc = list_room(&g->values[key], n, &g->allocated[key], sizeof *g->values[key], "values of a key");
    if (rc == OK)
        g->values[key][g->count[key]++] = value;
    return rc;
}

/* "64:4096:*2": every point goes through the key's own check. Points have 15 digits, so that 0:0.5:+0.1 has the 0.3
 * that one would type (0 + 3 x 0.1 is another number); whole-number keys are rounded, repeats dropped. */
static enum status append_range(struct grid *g, enum key key, char *text)
{
    enum status rc = OK;
    const char *why = "a range is first:last:*factor or first:last:+step, first <= last, factor > 1, step > 0";
    char *second = strchr(text, ':'), *third = second ? strchr(second + 1, ':') : NULL;
    double first, last, by, previous = NAN;
    REQUIRE(third && (third[1] == '*' || third[1] == '+'), ERR_INPUT, "%s=%s: %s", keys_name(key), text, why);
    char sign = third[1];
    *second = *third = '\0';
    REQUIRE(text_to_real(text, &first) && text_to_real(second + 1, &last) && text_to_real(third + 2, &by) &&
                last >= first && (sign == '*' ? by > 1 && first > 0 : by > 0),
            ERR_INPUT, "%s=%s:%s:%s: %s", keys_name(key), text, second + 1, third + 1, why);
    for (size_t i = 0;; i++) {
        double value = sign == '*' ? first * pow(by, (double)i) : first + by * (double)i;
        if (value > last * (1 + 1e-12))
            break;
        REQUIRE(i < LONGEST_AXIS, ERR_INPUT, "%s: more than %d values: take a larger step", keys_name(key),
                LONGEST_AXIS);
        char buffer[32];
        snprintf(buffer, sizeof buffer, "%.15g", keys_is_integer(key) ? rint(value) : value);
        TRY(keys_value(key, buffer, &value));
        if (value != previous)
            TRY(append(g, key, value));
        previous = value;
    }
done:
    return rc;
}

static enum status parse_values(struct grid *g, enum key key, char *list)
{
    for (char *item = list; item;) {
        char *comma = strchr(item, ',');
        enum status rc;
        double value;
        if (comma)
            *comma = '\0';
        if (!keys_is_choice(key) && strchr(item, ':'))
            rc = append_range(g, key, item);
        else if ((rc = keys_value(key, item, &value)) == OK)
            rc = append(g, key, value);
        if (rc != OK)
            return rc;
        item = comma ? comma + 1 : NULL;
    }
    return OK;
}

enum status grid_set(struct grid *g, const char *name, const char *values)
{
    enum key key = keys_find(name);
    if (key == KEY_COUNT)
        return ERR_INPUT;
    if (!g->values[key])
        g->order[g->n_order++] = key;
    g->count[key] = 0;
    char *list = strdup(values);
    if (!list)
        return error_set(ERR_MEMORY, "out of memory for the values of %s", name);
    enum status rc = parse_values(g, key, list);
    free(list);
    if (rc != OK && !g->values[key])
        g->n_order--;
    return rc;
}

enum status grid_add(struct grid *g, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    char name[64];
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof name)
        return error_set(ERR_INPUT, "%s: expected key=value (`plateau keys` lists the keys)", assignment);
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    const enum key key = keys_find(name);
    if (key == KEY_COUNT)
        return ERR_INPUT;
    if (g->added[key])
        return error_set(ERR_INPUT, "%s: %s was given before: leave one out, or make one list of both", assignment,
                         name);
    g->added[key] = true;
    return grid_set(g, name, equals + 1);
}

enum status grid_size(const struct grid *g, size_t *size)
{
    *size = 1;
    for (size_t i = 0; i < g->n_order; i++) {
        *size *= g->count[g->order[i]];
        if (*size > LARGEST_GRID)
            return error_set(ERR_INPUT, "the grid has more than %zu runs: make it smaller", LARGEST_GRID);
    }
    return OK;
}

enum status grid_at(const struct grid *g, size_t i, struct keys *keys)
{
    double given[KEY_COUNT];
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    for (size_t axis = g->n_order; axis-- > 0;) {
        enum key key = g->order[axis];
        given[key] = g->values[key][i % g->count[key]];
        i /= g->count[key];
    }
    const bool automatic = given[KEY_eval_every] == KEYS_AUTO;
    if (automatic) /* any number: a model that is not evaluated refuses the key */
        given[KEY_eval_every] = 1;
    enum status rc = keys_resolve(given, keys);
    if (rc == OK && automatic)
        keys->value[KEY_eval_every] = cost_eval_every(keys);
    return rc;
}

enum status grid_check(const struct grid *g)
{
    size_t size;
    struct keys keys;
    enum status rc = grid_size(g, &size);
    for (size_t i = 0; rc == OK && i < size; i++) {
        rc = grid_at(g, i, &keys);
        rc = rc == OK ? run_check(&keys) : rc;
    }
    return rc;
}

void grid_describe(const struct grid *g, struct text *out)
{
    char buffer[32];
    for (size_t i = 0; i < g->n_order; i++) {
        enum key key = g->order[i];
        text_addf(out, "%s%s=", i ? " " : "", keys_name(key));
        for (size_t k = 0; k < g->count[key]; k++)
            text_addf(out, "%s%s", k ? "," : "", keys_text(key, g->values[key][k], buffer));
    }
}

void grid_free(struct grid *g)
{
    for (int key = 0; key < KEY_COUNT; key++)
        free(g->values[key]);
    *g = (struct grid){0};
}
