#include "study/run_list.h"
#include "models/task.h"
#include "study/cost.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run that was made here and ended before its own cap without a plateau never has one: a chain whose scores lean the
 * wrong way, a reduced flow whose queries are gone. */
static bool never_emerges(const struct result *old)
{
    const double went = old->keys.preset == PRESET_TOY ? old->steps_done : old->cap;
    return old->state == RUN_CENSORED && !isnan(old->initial_loss) &&
           (old->keys.preset == PRESET_FLOW || went < keys_real(&old->keys, KEY_steps));
}

/* Did the stored run go as far as a run of these keys would go? */
static bool far_enough(const struct result *old, const struct keys *keys)
{
    bool known;
    double plateau = result_plateau_at(old, keys_real(keys, KEY_threshold), &known);
    if (!known)
        return false;
    if (keys->preset <= PRESET_REDUCED && never_emerges(old))
        return true;
    if (keys->preset == PRESET_FLOW)
        return old->cap >= keys_real(keys, KEY_time);
    if (keys->preset == PRESET_REDUCED)
        return !isnan(plateau) || old->cap >= keys_real(keys, KEY_steps);
    if (old->state == RUN_DIVERGED || old->steps_done >= keys_real(keys, KEY_steps))
        return true;
    const double until = keys_real(keys, KEY_until); /* NaN for the toy, which waits for all levels */
    bool levels = true;
    for (int i = 0; i < result_levels(keys) && until != UNTIL_THRESHOLD; i++)
        levels = levels && !isnan(old->crossings[i]);
    return !isnan(plateau) && levels && until != UNTIL_CAP;
}

enum status run_list_answered(const struct study *study, struct store *store, const struct keys *keys, bool *yes,
                              struct result *old)
{
    char hash[33];
    struct result result;
    bool has_curve;
    keys_hash(keys, hash);
    enum status rc = store_has(store, hash, yes, &result, &has_curve);
    *yes = rc == OK && *yes && far_enough(&result, keys) && (has_curve || !study->curves);
    if (*yes && old)
        *old = result;
    return rc;
}

static int by_hash(const void *a, const void *b)
{
    const struct run_list_entry *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int longest_first(const void *a, const void *b)
{
    const struct run_list_entry *x = a, *y = b;
    return x->cost != y->cost ? (x->cost < y->cost) - (x->cost > y->cost)
                              : (x->number > y->number) - (x->number < y->number);
}

/* Two sets of keys name the same run: does a make it go further than b, or ask for more? */
static bool goes_further(const struct keys *a, const struct keys *b)
{
    const enum key cap = a->preset == PRESET_FLOW ? KEY_time : KEY_steps;
    if (a->value[cap] != b->value[cap])
        return a->value[cap] > b->value[cap];
    if (!keys_same(a, b, KEY_until))
        return a->value[KEY_until] == UNTIL_CAP || b->value[KEY_until] == UNTIL_THRESHOLD;
    return task_of(a)->rises ? a->value[KEY_threshold] > b->value[KEY_threshold]
                             : a->value[KEY_threshold] < b->value[KEY_threshold];
}

/* A run that the study names twice is made once: of equal hashes the one that goes furthest stays, else the first. Runs
 * that are left out (study.h) go, too. */
static enum status drop(const struct study *study, struct run_list *list)
{
    enum status rc = OK;
    size_t kept = 0;
    qsort(list->runs, list->n, sizeof *list->runs, by_hash);
    for (size_t i = 0, next; i < list->n; i = next) {
        struct run_list_entry *run = &list->runs[i];
        for (next = i + 1; next < list->n && !strcmp(list->runs[next].hash, run->hash); next++) {
            struct keys keys, other;
            TRY(study_at(study, run->number, &keys));
            TRY(study_at(study, list->runs[next].number, &other));
            run = goes_further(&other, &keys) ? &list->runs[next] : run;
        }
        if (!(study->left_out && study->left_out[run->number]))
            list->runs[kept++] = *run;
    }
    list->n = kept;
done:
    return rc;
}

/* Keeps the runs of the study's shard. Runs are dealt out, the longest first, to shards 1 .. n, then n .. 1, and so on:
 * each gets as many runs, and as many long ones. */
static void deal(const struct study *study, struct run_list *list)
{
    const size_t shards = study->shards;
    size_t kept = 0;
    for (size_t rank = 0; rank < list->n; rank++) {
        const size_t seat = rank % shards, shard = rank / shards % 2 ? shards - seat : seat + 1;
        if (shard == study->shard)
            list->runs[kept++] = list->runs[rank];
    }
    list->n = kept;
}

enum status run_list_make(const struct study *study, struct run_list *list)
{
    enum status rc = OK;
    *list = (struct run_list){0};
    TRY(study_size(study, &list->n));
    REQUIRE(list->runs = calloc(list->n + 1, sizeof *list->runs), ERR_MEMORY, "out of memory for %zu runs", list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct keys keys;
        TRY(study_at(study, i, &keys));
        keys_hash(&keys, list->runs[i].hash);
        list->runs[i].number = i;
        list->runs[i].cost = cost_run(&keys);
        const double threads = keys_real(&keys, KEY_threads); /* NaN for a run that always takes one */
        list->threads = threads > (double)list->threads ? (size_t)threads : list->threads;
    }
    TRY(drop(study, list));
    qsort(list->runs, list->n, sizeof *list->runs, longest_first);
    if (study->shards)
        deal(study, list);
done:
    return rc;
}

enum status run_list_look(const struct study *study, struct store *store, struct run_list *list)
{
    enum status rc = OK;
    list->stored = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct run_list_entry *run = &list->runs[i];
        struct keys keys;
        struct result old;
        TRY(study_at(study, run->number, &keys));
        TRY(run_list_answered(study, store, &keys, &run->stored, &old));
        run->other_threshold = run->stored && !keys_same(&old.keys, &keys, KEY_threshold);
        list->stored += run->stored;
    }
done:
    return rc;
}

void run_list_free(struct run_list *list)
{
    free(list->runs);
    *list = (struct run_list){0};
}
