#include "sweep.h"
#include "agenda.h"
#include "pool.h"
#include "progress.h"
#include "run.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sweep {
    const struct study *study;
    struct store *store;
    struct run_context runs;
    struct progress progress;
    struct sweep_report *report;
    size_t threads;                 /* most of one run */
};

/* The folder is made if missing. */
static enum status checkpoint_path(const struct sweep *s, const struct keys *keys, struct text *path)
{
    char hash[33];
    keys_hash(keys, hash);
    text_addf(path, "%s.checkpoints", store_path(s->store));
    enum status rc = text_status(path);
    if (rc == OK && mkdir(path->data, 0777) != 0 && errno != EEXIST)
        return error_set(ERR_IO, "%s: cannot make this folder for checkpoints: %s", path->data, strerror(errno));
    text_addf(path, "/%s.safetensors", hash);
    return rc == OK ? text_status(path) : rc;
}

static enum status work(void *context, size_t i, struct result *result, struct trace *trace)
{
    struct sweep *s = context;
    struct keys keys;
    struct text checkpoint = {0};
    struct run_transformer_request *request = &s->runs.request;
    enum status rc = OK;
    TRY(study_at(s->study, i, &keys));
    request->checkpoint = request->resume = NULL;
    if (keys_real(&keys, KEY_checkpoint_every) > 0) {
        TRY(checkpoint_path(s, &keys, &checkpoint));
        request->checkpoint = checkpoint.data;
        request->resume = access(checkpoint.data, F_OK) == 0 ? checkpoint.data : NULL;
    }
    TRY(run_any(&s->runs, &keys, result, s->study->curves ? trace : NULL));
    if (checkpoint.data && result->steps_done < keys_real(&keys, KEY_steps) && result->state != RUN_INTERRUPTED)
        unlink(checkpoint.data); /* a larger cap would change nothing */
done:
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
        if (study_at(s->study, i, &keys) == OK)
            keys_describe(&keys, &which);
        fprintf(stderr, "plateau: %s: run failed: %s\n", which.data ? which.data : "?", message);
        text_free(&which);
        s->report->failed++;
        return OK;
    }
    rc = store_put(s->store, s->study->name, NULL, result, s->study->curves ? trace : NULL);
    if (rc == OK)
        progress_show(&s->progress, ++s->report->done, NULL);
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
    if (there)
        TRY(store_join(s->store, s->study->name, hash));
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
        if (run->there)
            TRY(store_join(s->store, s->study->name, run->hash));
        else
            (*items)[(*n)++] = run->number;
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

enum status sweep_run(const struct study *study, struct store *store, size_t jobs, bool quiet, struct sweep_report *report)
{
    enum status rc = OK;
    size_t *items = NULL, n = 0;
    *report = (struct sweep_report){0};
    struct sweep s = {.study = study, .store = store, .report = report, .runs.request.stop = pool_stop()};
    TRY(list_runs(&s, &items, &n));
    progress_begin(&s.progress, study->name, n, quiet);
    struct pool pool = {.jobs = pool_jobs(jobs, s.threads), .work = work, .deliver = deliver, .wanted = wanted, .context = &s};
    rc = pool_run(&pool, items, n);
    progress_end(&s.progress);
    if (rc == OK && report->failed)
        rc = error_set(ERR_PROGRAM, "%zu of %zu runs failed; the others are saved", report->failed, n);
done:
    run_free(&s.runs);
    free(items);
    return rc;
}
