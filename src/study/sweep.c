#include "sweep.h"
#include "pool.h"
#include "progress.h"
#include "ranks.h"
#include "run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sweep {
    const struct study *study;
    const char *path;    /* of the database */
    struct store *store; /* NULL on ranks that only work */
    struct text folder;  /* owned: where checkpoints are, beside the database */
    struct run_context runs;
    struct progress progress;
    struct sweep_report *report;
    size_t first[STUDY_BLOCKS + 1]; /* number of the first run of each block */
    size_t threads;                 /* most of one run */
};

/* Run number i of the study. */
static enum status keys_of(const struct sweep *s, size_t i, struct keys *keys)
{
    size_t block = 0;
    while (i >= s->first[block + 1])
        block++;
    return grid_at(&s->study->blocks[block], i - s->first[block], keys);
}

static enum status checkpoint_path(const struct sweep *s, const struct keys *keys, struct text *path)
{
    char hash[33];
    keys_hash(keys, hash);
    text_addf(path, "%s/%s.safetensors", s->folder.data, hash);
    return text_status(path);
}

static enum status work(void *context, size_t i, struct result *result, struct trace *trace)
{
    struct sweep *s = context;
    struct keys keys;
    struct text checkpoint = {0};
    struct run_transformer_request *request = &s->runs.request;
    enum status rc = OK;
    TRY(keys_of(s, i, &keys));
    TRY(checkpoint_path(s, &keys, &checkpoint));
    request->checkpoint = checkpoint.data;
    request->folder = s->folder.data;
    request->transient = !(keys_real(&keys, KEY_checkpoint_every) > 0);
    request->resume = access(checkpoint.data, F_OK) == 0 ? checkpoint.data : NULL;
    TRY(run_any(&s->runs, &keys, result, s->study->curves ? trace : NULL));
done:
    text_free(&checkpoint);
    return rc;
}

/* What a run that is saved needs no more. With checkpoint_every a larger cap goes on from the last one. */
static enum status drop_checkpoint(const struct sweep *s, const struct result *r)
{
    struct text checkpoint = {0};
    enum status rc = checkpoint_path(s, &r->keys, &checkpoint);
    if (rc == OK && (r->steps_done < keys_real(&r->keys, KEY_steps) || !(keys_real(&r->keys, KEY_checkpoint_every) > 0)))
        unlink(checkpoint.data);
    text_free(&checkpoint);
    return rc;
}

static enum status deliver(void *context, size_t i, enum status rc, const char *message, const struct result *result,
                           const struct trace *trace)
{
    struct sweep *s = context;
    struct keys keys;
    if (rc != OK) {
        struct text which = {0};
        if (keys_of(s, i, &keys) == OK)
            keys_describe(&keys, &which);
        fprintf(stderr, "plateau: %s: run failed: %s\n", which.data ? which.data : "?", message);
        text_free(&which);
        s->report->failed++;
        return OK;
    }
    rc = store_put(s->store, s->study->name, NULL, result, s->study->curves ? trace : NULL);
    if (rc == OK)
        rc = drop_checkpoint(s, result);
    if (rc == OK)
        progress_show(&s->progress, ++s->report->done, NULL);
    return rc;
}

/* Did the stored run go as far as this one is to go? */
static bool far_enough(const struct result *old, const struct keys *keys)
{
    bool known;
    double plateau = result_plateau_at(old, keys_real(keys, KEY_threshold), &known);
    if (!known)
        return false;
    if (keys->preset == PRESET_FLOW)
        return old->cap >= keys_real(keys, KEY_time);
    if (old->state == RUN_DIVERGED || old->steps_done >= keys_real(keys, KEY_steps))
        return true;
    const double until = keys_real(keys, KEY_until); /* NaN for the toy, which waits for all levels */
    bool levels = true;
    for (int i = 0; i < result_levels(keys) && until != UNTIL_THRESHOLD; i++)
        levels = levels && !isnan(old->crossings[i]);
    return !isnan(plateau) && levels && until != UNTIL_CAP;
}

/* Does the stored run answer this one? The hash leaves out threshold and caps, so those are compared here. If so, it is a member. */
static enum status answered(struct sweep *s, const struct keys *keys, bool *yes)
{
    char hash[33];
    struct result old;
    bool has_curve;
    keys_hash(keys, hash);
    enum status rc = store_has(s->store, hash, yes, &old, &has_curve);
    if (rc != OK || !*yes)
        return rc;
    *yes = far_enough(&old, keys) && (has_curve || !s->study->curves);
    return *yes ? store_join(s->store, s->study->name, hash) : OK;
}

/* The same, asked again just before the run begins: another sweep may have made it since. */
static enum status wanted(void *context, size_t i, bool *yes)
{
    struct sweep *s = context;
    struct keys keys;
    bool there = false;
    enum status rc = keys_of(s, i, &keys);
    if (rc == OK)
        rc = answered(s, &keys, &there);
    *yes = !there;
    s->report->skipped += there;
    return rc;
}

struct to_do {
    char hash[33];
    double length;
    size_t item;
};

static int by_hash(const void *a, const void *b)
{
    const struct to_do *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x->item > y->item) - (x->item < y->item);
}

static int by_length(const void *a, const void *b)
{
    const struct to_do *x = a, *y = b;
    return x->length != y->length ? (x->length < y->length) - (x->length > y->length) : by_hash(a, b);
}

static int by_item(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Of two runs the larger takes longer; the numbers mean nothing else. Steps: the plateau grows as T sqrt(d/B) / lr (theory). A step:
 * T tokens of d numbers, or through layers of 12 width^2 weights. Of recall's keys, pairs is the length. A flow takes no time. Products and
 * roots have the same bits on every machine, so all machines agree on the order. */
static double length(const struct keys *k)
{
    const bool transformer = k->preset >= PRESET_REGRESSION, recall = k->preset == PRESET_RECALL;
    const double tokens = keys_real(k, recall ? KEY_pairs : KEY_T), d = recall ? 1 : keys_real(k, KEY_d), width = keys_real(k, KEY_width);
    if (k->preset == PRESET_FLOW)
        return 0;
    const double token = transformer ? keys_real(k, KEY_layers) * 12 * width * width : d;
    return tokens * sqrt(d / keys_real(k, KEY_B)) / keys_real(k, KEY_lr) * keys_real(k, KEY_batch) * tokens * token;
}

/* items[n] -> list[n], with what orders them. */
static enum status list_runs(const struct sweep *s, const size_t *items, size_t n, struct to_do *list)
{
    enum status rc = OK;
    struct keys keys;
    for (size_t i = 0; i < n; i++) {
        if ((rc = keys_of(s, items[i], &keys)) != OK)
            break;
        keys_hash(&keys, list[i].hash);
        list[i].length = length(&keys);
        list[i].item = items[i];
    }
    return rc;
}

/* Of all runs, those of this shard. They are dealt out, the longest first, to shards 1 .. n, then n .. 1, and so on, so that each gets as
 * many, and as many long ones. What the study names twice goes to one. *n is lowered. */
static enum status deal(const struct sweep *s, size_t *items, size_t *n)
{
    enum status rc = OK;
    const size_t shards = s->study->shards;
    size_t kept = 0, rank = 0;
    struct to_do *list = calloc(*n + 1, sizeof *list);
    REQUIRE(list, ERR_MEMORY, "out of memory for %zu runs", *n);
    TRY(list_runs(s, items, *n, list));
    qsort(list, *n, sizeof *list, by_length);
    for (size_t i = 0; i < *n; i++) {
        rank += i && strcmp(list[i].hash, list[i - 1].hash);
        const size_t seat = rank % shards, shard = rank / shards % 2 ? shards - seat : seat + 1;
        if (shard == s->study->shard)
            items[kept++] = list[i].item;
    }
    *n = kept;
    qsort(items, kept, sizeof *items, by_item);
done:
    free(list);
    return rc;
}

/* A run that the study names twice is made once: of equal hashes the first stays. *n is lowered. */
static enum status drop_repeats(const struct sweep *s, size_t *items, size_t *n)
{
    enum status rc = OK;
    size_t kept = 0;
    struct to_do *list = calloc(*n + 1, sizeof *list);
    REQUIRE(list, ERR_MEMORY, "out of memory for %zu runs", *n);
    TRY(list_runs(s, items, *n, list));
    qsort(list, *n, sizeof *list, by_hash);
    for (size_t i = 0; i < *n; i++) {
        if (i == 0 || strcmp(list[i].hash, list[i - 1].hash))
            items[kept++] = list[i].item;
    }
    *n = kept;
    qsort(items, kept, sizeof *items, by_item);
done:
    free(list);
    return rc;
}

/* Checks every block and numbers its runs. */
static enum status number_runs(struct sweep *s)
{
    enum status rc = OK;
    for (size_t b = 0; b < s->study->n_blocks; b++) {
        size_t size;
        TRY(grid_check(&s->study->blocks[b]));
        TRY(grid_size(&s->study->blocks[b], &size));
        s->first[b + 1] = s->first[b] + size;
    }
done:
    return rc;
}

/* The numbers of the runs still to do; *items is the caller's. */
static enum status plan(struct sweep *s, size_t **items, size_t *n)
{
    enum status rc = OK;
    size_t left = 0;
    TRY(number_runs(s));
    *n = s->first[s->study->n_blocks];
    *items = calloc(*n, sizeof **items);
    REQUIRE(*items, ERR_MEMORY, "out of memory for %zu runs", *n);
    for (size_t i = 0; i < *n; i++)
        (*items)[i] = i;
    if (s->study->shards)
        TRY(deal(s, *items, n));
    TRY(store_begin(s->store)); /* one transaction for all that are members now */
    for (size_t i = 0; i < *n; i++) {
        struct keys keys;
        bool yes;
        TRY(keys_of(s, (*items)[i], &keys));
        s->threads = keys_real(&keys, KEY_threads) > (double)s->threads ? (size_t)keys_integer(&keys, KEY_threads) : s->threads; /* NaN: one */
        TRY(answered(s, &keys, &yes));
        if (!yes)
            (*items)[left++] = (*items)[i];
    }
    TRY(store_commit(s->store));
    s->report->skipped = *n - left;
    *n = left;
    TRY(drop_repeats(s, *items, n));
    s->report->total = s->report->skipped + *n;
done:
    if (rc != OK)
        store_rollback(s->store);
    return rc;
}

/* What begins last should be short, or all others wait for it. */
static enum status longest_first(const struct sweep *s, size_t *items, size_t n)
{
    struct to_do *list = calloc(n + 1, sizeof *list);
    enum status rc = list ? list_runs(s, items, n, list) : error_set(ERR_MEMORY, "out of memory for %zu runs", n);
    if (rc == OK)
        qsort(list, n, sizeof *list, by_length);
    for (size_t i = 0; i < n && rc == OK; i++)
        items[i] = list[i].item;
    free(list);
    return rc;
}

/* Every key of every run, and what else makes a result: ranks that have the same give the same (FNV-1a, 64 bits). */
static enum status hash_study(const struct sweep *s, uint64_t *hash)
{
    enum status rc = OK;
    struct keys keys;
    *hash = UINT64_C(0xcbf29ce484222325) + s->study->curves;
    for (size_t i = 0; i < s->first[s->study->n_blocks] && rc == OK; i++) {
        rc = keys_of(s, i, &keys);
        const unsigned char *byte = (const unsigned char *)keys.value;
        for (size_t k = 0; k < sizeof keys.value; k++)
            *hash = (*hash ^ byte[k]) * UINT64_C(0x100000001b3);
    }
    return rc;
}

static enum status begin(struct sweep *s, size_t jobs, struct pool *pool)
{
    *pool = (struct pool){.jobs = pool_jobs(jobs, s->threads), .work = work, .deliver = deliver, .wanted = wanted, .context = s};
    s->runs.request.stop = pool_stop();
    text_addf(&s->folder, "%s.checkpoints", s->path);
    enum status rc = text_status(&s->folder);
    return rc == OK && ranks_count() > 1 ? hash_study(s, &pool->meaning) : rc;
}

enum status sweep_run(const struct study *study, struct store *store, size_t jobs, bool quiet, struct sweep_report *report)
{
    enum status rc = OK;
    size_t *items = NULL, n = 0;
    struct pool pool;
    *report = (struct sweep_report){0};
    struct sweep s = {.study = study, .path = store_path(store), .store = store, .report = report};
    TRY(plan(&s, &items, &n));
    TRY(begin(&s, jobs, &pool));
    if (pool.jobs > 1 || ranks_count() > 1)
        TRY(longest_first(&s, items, n));
    progress_begin(&s.progress, study->name, n, quiet);
    rc = pool_run(&pool, items, n);
    progress_end(&s.progress);
    rmdir(s.folder.data); /* if no checkpoint is left */
    if (rc == OK && report->failed)
        rc = error_set(ERR_PROGRAM, "%zu of %zu runs failed; the others are saved", report->failed, n);
done:
    run_free(&s.runs);
    text_free(&s.folder);
    free(items);
    return rc;
}

enum status sweep_serve(const struct study *study, const char *path, size_t jobs)
{
    enum status rc = OK;
    struct pool pool;
    struct sweep s = {.study = study, .path = path};
    TRY(number_runs(&s));
    TRY(begin(&s, jobs, &pool));
    rc = pool_serve(&pool);
done:
    run_free(&s.runs);
    text_free(&s.folder);
    return rc;
}
