/* What earlier runs tell a plan: rows of a database, in memory. */
#ifndef HISTORY_H
#define HISTORY_H
#include "store/store.h"

struct history {
    struct history_run {
        struct result result;
        unsigned cell; /* the same for runs that differ in nothing but the seed */
        bool here;     /* made on this host, and by a Transformer with what multiplies here */
    } * runs;          /* owned */
    size_t n, allocated;
};

/* The training runs of the store (NULL: none) of the kinds that are wanted; those that diverged or were interrupted
 * tell nothing. Overwrites *history; release with history_free, also after an error. */
enum status history_read(struct store *store, const bool wanted[PRESET_COUNT], struct history *history);
/* The cell of a run: a number made of all of its identity but the seed. */
unsigned history_cell(const struct keys *keys);
void history_free(struct history *history);

#endif
