/* Runs that are compared: which are the same but for some keys, and of those the best. */
#ifndef SELECTION_H
#define SELECTION_H
#include "reading.h"
#include "store.h"

/* The same run but for the keys with but[key] > 0, and for what only says how long or how fast it goes? */
bool selection_twins(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT]);
/* A total order of runs in which twins are equal: < 0, 0, > 0. */
int selection_order(const struct keys *a, const struct keys *b, const size_t but[KEY_COUNT]);
/* As store_each. With a key `best` (KEY_COUNT: none), of the runs that differ in that key alone only the one with the
 * shortest plateau at the threshold `at` (reading.h) is visited: "the best learning rate of three". Runs without a
 * plateau count as longer. ERR_MEMORY. */
enum status selection_each(struct store *store, const struct store_filter *filter, enum key best, double at,
                           store_visit *visit, void *context);

#endif
