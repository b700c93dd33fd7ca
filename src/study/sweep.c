#include "sweep.h"
#include "agenda.h"
#include "pool.h"
#include "progress.h"
#include "ranks.h"
#include "reading.h"
#include "run.h"
#include "work.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
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
    size_t threads;      /* most of one run */
    double work, worked; /* work.h: of the runs to do when the sweep began, and of those done since */
};

enum status sweep_checkpoint(const char *database, const struct keys *keys, struct text *path)
{
    char hash[33];
    keys_hash(keys, hash);
    text_addf(path, "%s.checkpoints/%s.safetensors", database, hash);
    return text_status(path);
}

static enum status work(void *context, size_t i, struct result *result, struct trace *trace)
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
    TRY(run_any(&s->runs, &keys, result, s->study->curves ? trace : NULL));
done:
    text_free(&checkpoint);
    return rc;
}

/* What a run that is saved needs no more. With checkpoint_every a larger cap goes on from the last one. */
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

static enum status deliver(void *context, size_t i, enum status rc, const char *message, const struct result *result,
                           const struct trace *trace)
{
    struct sweep *s = context;
    struct keys keys;
    if (rc != OK) {
        struct text which = {0};
        if (study_at(s->study, i, &keys) == OK) {
            keys_describe(&keys, &which);
            s->worked += work_run(&keys);
        }
        fprintf(stderr, "plateau: %s: run failed: %s\n", which.data ? which.data : "?", message);
        text_addf(&s->report->missing, "%s: %s\n", which.data ? which.data : "?", message);
        text_free(&which);
        s->report->failed++;
        return OK;
    }
    rc = store_put(s->store, s->study->name, NULL, result, s->study->curves ? trace : NULL);
    if (rc == OK)
        rc = drop_checkpoint(s, result);
    if (rc == OK)
        progress_show(&s->progress, ++s->report->done, s->worked += work_run(&result->keys));
    return rc;
}

/* A row holds the threshold that was asked for last, so that who reads it gets what was asked: one that answers from
 * its crossings is read there. It stays as it is where another study has it too, which may ask otherwise, and where
 * training would be lost: the plateau of an old threshold that is none of the levels recorded. */
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
    r.state = state == RUN_DIVERGED ? state : r.state; /* which a row says also of one that had emerged before */
    result_plateau_at(&r, old, &known);
    if (known || keys.preset == PRESET_FLOW)
        TRY(store_reread(s->store, s->study->name, hash, &r, &read));
    s->report->kept += !read;
done:
    return rc;
}

/* Asked again just before the run begins: another sweep may have made it since. */
static enum status wanted(void *context, size_t i, bool *yes)
{
    struct sweep *s = context;
    struct keys keys;
    char hash[33];
    bool there = false;
    enum status rc = OK;
    TRY(study_at(s->study, i, &keys));
    TRY(agenda_answered(s->study, s->store, &keys, &there, NULL));
    keys_hash(&keys, hash);
    if (there) {
        TRY(store_join(s->store, s->study->name, hash));
        TRY(read_again(s, i, hash));
    }
    *yes = !there;
    s->report->skipped += there;
done:
    return rc;
}

/* The runs still to do, the longest first; *items is the caller's. What is there already belongs to the study now. */
static enum status list_runs(struct sweep *s, size_t **items, size_t *n)
{
    enum status rc = OK;
    struct agenda agenda;
    *n = 0;
    TRY(agenda_make(s->study, &agenda));
    REQUIRE(*items = calloc(agenda.n + 1, sizeof **items), ERR_MEMORY, "out of memory for %zu runs", agenda.n);
    TRY(store_begin(s->store)); /* one transaction for all that are members now */
    TRY(agenda_look(s->study, s->store, &agenda));
    for (size_t i = 0; i < agenda.n; i++) {
        const struct agenda_run *run = &agenda.list[i];
        if (run->there) {
            TRY(store_join(s->store, s->study->name, run->hash));
            if (run->other)
                TRY(read_again(s, run->number, run->hash));
            continue;
        }
        (*items)[(*n)++] = run->number;
        s->work += run->work;
    }
    TRY(store_commit(s->store));
    s->threads = agenda.threads;
    s->report->total = agenda.n;
    s->report->skipped = agenda.there;
done:
    if (rc != OK)
        store_rollback(s->store);
    agenda_free(&agenda);
    return rc;
}

/* Every key of every run, and what else makes a result: ranks that have the same give the same (FNV-1a, 64 bits). */
static enum status hash_study(const struct sweep *s, uint64_t *hash)
{
    enum status rc = OK;
    struct keys keys;
    size_t n;
    *hash = UINT64_C(0xcbf29ce484222325) + s->study->curves;
    TRY(study_size(s->study, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(study_at(s->study, i, &keys));
        const unsigned char *byte = (const unsigned char *)keys.value;
        for (size_t k = 0; k < sizeof keys.value; k++)
            *hash = (*hash ^ byte[k]) * UINT64_C(0x100000001b3);
    }
done:
    return rc;
}

/* What a process that was killed while it wrote a checkpoint (text_write_file) has left, NAME.tmp.PID; then the folder,
 * if no checkpoint is left. */
static void clear_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *pid = strstr(entry->d_name, ".tmp.");
        if (pid && kill((pid_t)strtol(pid + 5, NULL, 10), 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static enum status begin(struct sweep *s, size_t jobs, struct pool *pool)
{
    *pool = (struct pool){.jobs = pool_jobs(jobs, s->threads),
                          .apart = true,
                          .ranks = true,
                          .work = work,
                          .deliver = deliver,
                          .wanted = wanted,
                          .context = s};
    s->runs.request.stop = pool_stop();
    text_addf(&s->folder, "%s.checkpoints", s->path);
    enum status rc = text_status(&s->folder);
    return rc == OK && ranks_count() > 1 ? hash_study(s, &pool->meaning) : rc;
}

enum status sweep_run(const struct study *study, struct store *store, size_t jobs, bool quiet,
                      struct sweep_report *report)
{
    enum status rc = OK;
    size_t *items = NULL, n = 0;
    struct pool pool;
    *report = (struct sweep_report){0};
    struct sweep s = {.study = study, .path = store_path(store), .store = store, .report = report};
    TRY(list_runs(&s, &items, &n));
    TRY(begin(&s, jobs, &pool));
    progress_begin(&s.progress, study->name, n, quiet);
    s.progress.work = s.work;
    rc = pool_run(&pool, items, n);
    progress_end(&s.progress);
    clear_folder(s.folder.data);
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
    TRY(begin(&s, jobs, &pool));
    rc = pool_serve(&pool);
done:
    run_free(&s.runs);
    text_free(&s.folder);
    return rc;
}
