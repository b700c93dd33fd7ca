/* The agenda of a sweep: the runs of a study, or of its shard, the longest first, and which of them the store has
 * already. */
#ifndef AGENDA_H
#define AGENDA_H
#include "store.h"
#include "study.h"

struct agenda_run {
    char hash[33];
    size_t number; /* of the run in its study (study_at) */
    double work;   /* work.h */
    bool there;    /* the store answers it .. */
    bool other;    /* .. but its row holds another threshold */
};

struct agenda {
    struct agenda_run *list; /* owned: each run once, even if the study names it twice */
    size_t n, there;         /* entries; those that are there */
    size_t threads;          /* most of one run */
};

/* The runs of the study's shard (which depends on the study alone), the longest first; of equal ones, in the order of
 * the study. Checks the whole grid. There: nothing, until agenda_look. Overwrites *agenda; release with agenda_free,
 * also after an error. ERR_INPUT, ERR_MEMORY. */
enum status agenda_make(const struct study *study, struct agenda *agenda);
/* Notes which runs are there. */
enum status agenda_look(const struct study *study, struct store *store, struct agenda *agenda);
/* Does the store answer this run, whose hash leaves out threshold and caps? Then *old is what is stored; it may be
 * NULL. */
enum status agenda_answered(const struct study *study, struct store *store, const struct keys *keys, bool *yes,
                            struct result *old);
void agenda_free(struct agenda *agenda);

#endif
