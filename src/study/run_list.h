/* The run list of a sweep: the runs of a study, or of its shard, the longest first, and which of them the store has
 * already. */
#ifndef RUN_LIST_H
#define RUN_LIST_H
#include "store/store.h"
#include "study/study.h"

struct run_list_entry {
    char hash[33];
    size_t number;        /* of the run in its study (study_at) */
    double cost;          /* cost_run */
    bool stored;          /* the store answers it .. */
    bool other_threshold; /* .. but its row holds another threshold */
};

struct run_list {
    struct run_list_entry *runs; /* owned: each run once, even if the study names it twice */
    size_t n, stored;            /* entries; those that the store answers */
    size_t threads;              /* the most that one run takes */
};

/* The runs of the study's shard (which depends on the study alone), the longest first; of equal ones, in the order of
 * the study. Checks the whole grid. No run counts as stored until run_list_look. Overwrites *list; release with
 * run_list_free, also after an error. ERR_INPUT, ERR_MEMORY. */
enum status run_list_make(const struct study *study, struct run_list *list);
/* Notes which runs the store answers. */
enum status run_list_look(const struct study *study, struct store *store, struct run_list *list);
/* Does the store answer this run, whose hash leaves out threshold and caps? Then *old is what is stored; it may be
 * NULL. */
enum status run_list_answered(const struct study *study, struct store *store, const struct keys *keys, bool *yes,
                              struct result *old);
void run_list_free(struct run_list *list);

#endif
