#include "study/sweep.h"
#include "study/cost.h"
#include "base/hash.h"
#include "store/lease.h"
#include "study/outcome.h"
#include "base/progress.h"
#include "parallel/ranks.h"
#include "run/reading.h"
#include "study/run_list.h"
#include "store/save_queue.h"
#include "parallel/scheduler.h"
#include "parallel/stop.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct sweep {
    const struct study *study;
    const char *path;    /* of the database */
    struct store *store; /* NULL on ranks that only work */
    struct text folder;  /* owned: of the checkpoints, beside the database */
    struct run_context runs;
    struct progress progress;
    struct sweep_report *report;
    struct save_queue unsaved;
    struct leases *leases;  /* owned */
    size_t *later, n_later; /* owned: runs that another sweep was making when their turn came; room for all */
    char (*made)[33];       /* owned: hashes of the runs that were saved; room for all */
    size_t threads;         /* the most that one run takes */
    double cost, spent;     /* cost_run: of the runs to do when the sweep began, and of those done since */
};

enum status sweep_checkpoint(const char *database, const struct keys *keys, struct text *path)
{
    char hash[33];
    keys_hash(keys, hash);
    text_addf(path, "%s.checkpoints/%s.safetensors", database, hash);
    return text_status(path);
}

/* A worker's task: run i of the study. */
static enum status make_run(void *context, size_t i, struct text *outcome)
{
    struct sweep *s = context;
    struct keys keys;
    struct text checkpoint = {0};
    struct run_request *request = &s->runs.request;
    enum status rc = OK;
    TRY(study_at(s->study, i, &keys));
    TRY(sweep_checkpoint(s->path, &keys, &checkpoint));
    request->checkpoint = checkpoint.data;
    request->folder = s->folder.data;
    request->transient = !(keys_real(&keys, KEY_checkpoint_every) > 0);
    request->resume = access(checkpoint.data, F_OK) == 0 ? checkpoint.data : NULL;
    TRY(outcome_make(&s->runs, &keys, s->study->curves, outcome));
done:
    text_free(&checkpoint);
    return rc;
}

/* Removes the checkpoint of a saved run, unless one with a larger cap may go on from it (checkpoint_every). */
static enum status drop_checkpoint(const struct sweep *s, const struct result *r)
{
    struct text checkpoint = {0};
    enum status rc = sweep_checkpoint(s->path, &r->keys, &checkpoint);
    if (rc == OK &&
        (r->steps_done < keys_real(&r->keys, KEY_steps) || !(keys_real(&r->keys, KEY_checkpoint_every) > 0)))
        unlink(checkpoint.data);
    text_free(&checkpoint);
    return rc;
}

static enum status saved(void *context, const struct result *result)
{
    struct sweep *s = context;
    char *hash = s->made[s->report->done];
    keys_hash(&result->keys, hash);
    lease_return(s->leases, hash);
    enum status rc = drop_checkpoint(s, result);
    if (rc == OK)
        progress_show(&s->progress, ++s->report->done, s->spent += cost_run(&result->keys));
    return rc;
}

static enum status tick(void *context)
{
    struct sweep *s = context;
    lease_beat(s->leases);
    return save_queue_retry(&s->unsaved);
}

static enum status deliver(void *context, size_t i, enum status rc, const char *message, const void *outcome,
                           size_t bytes)
{
    struct sweep *s = context;
    struct keys keys;
    struct result result;
    struct trace curve;
    (void)bytes;
    if (rc != OK) {
        struct text which = {0};
        if (study_at(s->study, i, &keys) == OK) {
            keys_describe(&keys, &which);
            s->spent += cost_run(&keys);
        }
        fprintf(stderr, "plateau: %s: run failed: %s\n", which.data ? which.data : "?", message);
        text_addf(&s->report->missing, "%s: %s\n", which.data ? which.data : "?", message);
        text_free(&which);
        s->report->failed++;
        return OK;
    }
    outcome_read(outcome, &result, &curve);
    return save_queue_put(&s->unsaved, &result, s->study->curves ? &curve : NULL);
}

/* Reads a stored run at the threshold that this study asks for, if its crossings tell the plateau there: a row holds
 * the threshold that was asked for last. The row stays as it is if another study has it too, which may ask for another
 * threshold, or if training would be lost, because the old threshold is none of the levels that are recorded. */
static enum status read_again(struct sweep *s, size_t i, const char *hash)
{
    enum status rc = OK;
    struct keys keys;
    struct result r;
    bool there, has_curve, known, read = false;
    TRY(study_at(s->study, i, &keys));
    TRY(store_has(s->store, hash, &there, &r, &has_curve));
    if (!there || keys_same(&r.keys, &keys, KEY_threshold))
        goto done;
    const double old = keys_real(&r.keys, KEY_threshold);
    const enum run_state state = r.state;
    if (!s->runs.tools)
        TRY(run_flow_create(&s->runs.tools));
    TRY(reading_at(s->runs.tools, keys_real(&keys, KEY_threshold), &r, &known));
    r.state =
        state == RUN_DIVERGED ? state : r.state; /* a run that diverged is called so even if it had emerged before */
    result_plateau_at(&r, old, &known);
    if (known || !keys_is_trained(&keys))
        TRY(store_reread(s->store, s->study->name, hash, &r, &read));
    s->report->kept += !read;
done:
    return rc;
}

/* Is the run in the store by now, because another sweep has made it? Then it belongs to this study, too. */
static enum status join_if_stored(struct sweep *s, const struct keys *keys, const char *hash, bool *there)
{
    enum status rc = run_list_answered(s->study, s->store, keys, there, NULL);
    return rc == OK && *there ? store_join(s->store, s->study->name, hash) : rc;
}

/* Is run i still to be made? This is asked just before it begins. The run is leased before the store is asked, and
 * another sweep saves a run before it returns the lease, so that each run is made once. */
static enum status wanted(void *context, size_t i, bool *yes)
{
    struct sweep *s = context;
    struct keys keys;
    char hash[33];
    bool there = false;
    enum status rc = OK;
    *yes = false;
    TRY(study_at(s->study, i, &keys));
    keys_hash(&keys, hash);
    const bool leased = lease_take(s->leases, hash);
    if (leased)
        rc = join_if_stored(s, &keys, hash, &there);
    if (rc == OK && there)
        rc = read_again(s, i, hash);
    const bool locked = rc == ERR_DATABASE && store_busy(s->store);
    if (leased && (rc != OK || there))
        lease_return(s->leases, hash);
    if (!leased || locked)
        s->later[s->n_later++] = i;
    if (locked)
        rc = OK;
    *yes = rc == OK && leased && !locked && !there;
    s->report->skipped += rc == OK && !locked && there;
done:
    return rc;
}

/* Lists the runs still to do, the longest first; *items is the caller's. Stored runs become members of the study. */
static enum status list_runs(struct sweep *s, size_t **items, size_t *n)
{
    enum status rc = OK;
    struct run_list list;
    *n = 0;
    TRY(run_list_make(s->study, &list));
    REQUIRE(*items = calloc(list.n + 1, sizeof **items), ERR_MEMORY, "out of memory for %zu runs", list.n);
    TRY(store_begin(s->store)); /* one transaction for all new members */
    TRY(run_list_look(s->study, s->store, &list));
    for (size_t i = 0; i < list.n; i++) {
        const struct run_list_entry *run = &list.runs[i];
        if (run->stored) {
            TRY(store_join(s->store, s->study->name, run->hash));
            if (run->other_threshold)
                TRY(read_again(s, run->number, run->hash));
            continue;
        }
        (*items)[(*n)++] = run->number;
        s->cost += run->cost;
    }
    TRY(store_commit(s->store));
    s->threads = list.threads;
    s->report->total = list.n;
    s->report->skipped = list.stored;
done:
    if (rc != OK)
        store_rollback(s->store);
    run_list_free(&list);
    return rc;
}

/* A hash of every key of every run, and of what else makes an outcome: ranks on which it is the same agree. */
static enum status hash_study(const struct sweep *s, uint64_t *hash)
{
    enum status rc = OK;
    struct keys keys;
    size_t n;
    *hash = HASH_START + OUTCOME_BYTES + s->study->curves;
    TRY(study_size(s->study, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(study_at(s->study, i, &keys));
        *hash = hash_bytes(*hash, keys.value, sizeof keys.value);
    }
done:
    return rc;
}

/* Removes what a sweep left that was killed while it wrote a checkpoint (text_write_file): HASH.safetensors.tmp.. */
static void clear_folder(const char *path)
{
    static const char end[] = ".safetensors.tmp.";
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const size_t hash = strspn(entry->d_name, "0123456789abcdef");
        if (hash == 32 && !strncmp(entry->d_name + hash, end, sizeof end - 1))
            unlinkat(fd, entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
}

static enum status begin(struct sweep *s, size_t jobs, struct scheduler *scheduler)
{
    *scheduler = (struct scheduler){.jobs = scheduler_jobs(jobs, s->threads),
                                    .isolated = true,
                                    .ranks = true,
                                    .task = make_run,
                                    .deliver = deliver,
                                    .wanted = wanted,
                                    .tick = tick,
                                    .context = s};
    s->runs.request.stop = stop_reason();
    text_addf(&s->folder, "%s.checkpoints", s->path);
    enum status rc = text_status(&s->folder);
    return rc == OK && ranks_count() > 1 ? hash_study(s, &scheduler->fingerprint) : rc;
}

/* Sleeps for a second, or until a signal. */
static void nap(void)
{
    static const struct timespec tenth = {.tv_nsec = 100000000};
    for (int i = 0; i < 10 && !*stop_reason(); i++)
        nanosleep(&tenth, NULL);
}

/* Makes all runs. It waits for runs that other sweeps are making, and makes those that they do not finish. After the
 * first round this is the work of this rank alone. */
static enum status run_all(struct sweep *s, struct scheduler *scheduler, size_t *items, size_t n, bool quiet)
{
    enum status rc = OK;
    for (bool told = quiet;;) {
        s->n_later = 0;
        TRY(scheduler_run(scheduler, items, n));
        const bool stuck = s->n_later == n;
        n = s->n_later;
        if (!n)
            break;
        scheduler->ranks = false;
        memcpy(items, s->later, n * sizeof *items);
        if (stuck && !told)
            fprintf(stderr, "%s: waits for other sweeps of this database, which are making %zu of its runs\n",
                    s->study->name, n);
        told = told || stuck;
        if (stuck)
            nap();
        lease_beat(s->leases);
        if (*stop_reason())
            TRY(stop_error("%zu runs that other sweeps are making are not finished", n));
        TRY(save_queue_retry(&s->unsaved));
    }
done:
    return rc;
}

/* Checks that the runs that were saved are still there: the file may have been written over while it was in use. */
static enum status check_saved(struct sweep *s)
{
    enum status rc = OK;
    size_t gone = 0;
    for (size_t i = 0; i < s->report->done; i++) {
        struct result result;
        bool there, has_curve;
        TRY(store_find(s->store, s->made[i], &there, &result, &has_curve));
        gone += !there;
    }
    REQUIRE(
        !gone, ERR_DATABASE,
        "%s: %zu of the %zu runs that were saved are no longer there: the file was copied over, or edited, while it "
        "was in use; run the same command again to make them",
        s->path, gone, s->report->done);
done:
    return rc;
}

/* Saves the results that wait, and checks that all are there. These errors come before `rc`, that of the runs. */
static enum status conclude(struct sweep *s, enum status rc)
{
    struct text why = {0};
    text_add(&why, error_message());
    enum status end = save_queue_finish(&s->unsaved, stop_reason());
    store_patience(s->store, -1);
    if (end == OK && (rc == OK || rc == (enum status) * stop_reason()))
        end = check_saved(s);
    if (end == OK && rc != OK)
        error_set(rc, "%s", why.data ? why.data : "");
    text_free(&why);
    return end == OK ? rc : end;
}

enum status sweep_run(const struct study *study, struct store *store, size_t jobs, bool quiet,
                      struct sweep_report *report)
{
    static const double REST_S = 120,
                        PATIENCE_S = 0.2; /* until a sweep without a sign of life is given up; for a lock */
    enum status rc = OK;
    size_t *items = NULL, n = 0;
    struct scheduler scheduler;
    *report = (struct sweep_report){0};
    struct sweep s = {.study = study, .path = store_path(store), .store = store, .report = report};
    TRY(list_runs(&s, &items, &n));
    TRY(begin(&s, jobs, &scheduler));
    REQUIRE((s.later = calloc(n + 1, sizeof *s.later)) && (s.made = calloc(n + 1, sizeof *s.made)), ERR_MEMORY,
            "out of memory for %zu runs", n);
    TRY(lease_open(s.path, REST_S, &s.leases));
    s.unsaved = (struct save_queue){.store = store, .study = study->name, .saved = saved, .context = &s};
    store_patience(store, PATIENCE_S);
    progress_begin(&s.progress, study->name, n, quiet);
    s.progress.work = s.cost;
    rc = conclude(&s, run_all(&s, &scheduler, items, n, quiet));
    progress_end(&s.progress);
    if (lease_close(s.leases))
        clear_folder(s.folder.data);
    rmdir(s.folder.data); /* unless a checkpoint is left */
    if (rc == OK && report->failed)
        rc = error_set(ERR_PROGRAM, "%zu of %zu runs failed; the others are saved", report->failed, n);
done:
    run_free(&s.runs);
    text_free(&s.folder);
    free(s.later);
    free(s.made);
    free(items);
    return rc;
}

enum status sweep_serve(const struct study *study, const char *path, size_t jobs)
{
    enum status rc = OK;
    struct scheduler scheduler;
    struct sweep s = {.study = study, .path = path};
    TRY(begin(&s, jobs, &scheduler));
    rc = scheduler_serve(&scheduler);
done:
    run_free(&s.runs);
    text_free(&s.folder);
    return rc;
}
