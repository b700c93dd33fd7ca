/* What earlier runs tell a plan: rows of a database, in memory. */
#ifndef PAST_H
#define PAST_H
#include "store.h"

struct past {
    struct past_run {
        struct result result;
        unsigned cell; /* the same for runs that differ in nothing but the seed */
        bool here;     /* made on this host */
    } * runs;          /* owned */
    size_t n, allocated;
};

/* The training runs of the store (NULL: none) of the kinds that are wanted; those that diverged or were interrupted
 * tell nothing. Overwrites *past; release with past_free, also after an error. */
enum status past_read(struct store *store, const bool wanted[PRESET_COUNT], struct past *past);
/* The cell of a run: a number made of all of its identity but the seed. */
unsigned past_cell(const struct keys *keys);
void past_free(struct past *past);

#endif
