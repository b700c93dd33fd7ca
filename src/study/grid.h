/* Grids: `T=64,128 d=16:64:*2 seed=1,2,3` -> every combination, as complete key sets.
 *
 * A value is one value, a comma list, or a range first:last:*factor (geometric) or first:last:+step. The last axis
 * varies fastest. */
#ifndef GRID_H
#define GRID_H
#include "base/keys.h"

struct grid {
    double *values[KEY_COUNT]; /* owned; NULL: not given */
    size_t count[KEY_COUNT], allocated[KEY_COUNT];
    enum key order[KEY_COUNT]; /* keys given, in the order given */
    size_t n_order;
    bool added[KEY_COUNT]; /* by grid_add */
};

/* Zero-initialise a grid, then add assignments, each key once. ERR_INPUT names the key and the rule. */
enum status grid_add(struct grid *g, const char *assignment);
/* The same with name and values apart; replaces the values that the key has, and may be followed by one grid_add. */
enum status grid_set(struct grid *g, const char *name, const char *values);
/* How many combinations; ERR_INPUT over a hundred million. */
enum status grid_size(const struct grid *g, size_t *size);
/* Combination i < size into *keys: defaults filled, eval_every=auto made a number, rules checked. */
enum status grid_at(const struct grid *g, size_t i, struct keys *keys);
/* Checks every combination, so that a bad one is refused before anything runs. */
enum status grid_check(const struct grid *g);
/* "model=flow T=64,128 d=16": the grid as it would be typed. Appended. */
void grid_describe(const struct grid *g, struct text *out);
void grid_free(struct grid *g);

#endif
