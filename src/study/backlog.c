#include "backlog.h"
#include "list.h"
#include "progress.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double EVERY_S = 1, MOST_S = 600, STOPPED_S = 3; /* between attempts; at the end; once a signal came */

struct kept {
    struct result result;
    struct trace trace; /* owned */
    bool with_trace;
};

static enum status save(struct backlog *b, const struct result *result, const struct trace *trace)
{
    enum status rc = store_put(b->store, b->study, NULL, result, trace);
    return rc == OK ? b->saved(b->context, result) : rc;
}

static enum status keep(struct backlog *b, const struct result *result, const struct trace *trace)
{
    enum status rc = OK;
    TRY(list_room(&b->list, b->n, &b->allocated, sizeof *b->list, "results"));
    struct kept *k = &b->list[b->n];
    *k = (struct kept){.result = *result, .with_trace = trace != NULL};
    if (trace && trace->length) {
        const size_t bytes = trace->length * (size_t)trace->columns * sizeof *trace->rows;
        k->trace = *trace;
        REQUIRE(k->trace.rows = malloc(bytes), ERR_MEMORY, "out of memory for a curve of %zu rows", trace->length);
        memcpy(k->trace.rows, trace->rows, bytes);
    }
    b->n++;
    if (!b->told)
        fprintf(stderr, "plateau: %s: another process holds a lock on it: results wait in memory until it is free\n",
                store_path(b->store));
    b->told = true;
done:
    return rc;
}

enum status backlog_put(struct backlog *b, const struct result *result, const struct trace *trace)
{
    enum status rc = OK;
    TRY(backlog_retry(b));
    if (!b->n) {
        rc = save(b, result, trace);
        if (rc != ERR_DATABASE || !store_busy(b->store))
            goto done;
        b->tried = progress_clock();
    }
    rc = keep(b, result, trace);
done:
    return rc;
}

/* All that the file takes now, in the order in which they came. */
static enum status save_kept(struct backlog *b)
{
    enum status rc = OK;
    size_t saved = 0;
    for (; saved < b->n && rc == OK; saved += rc == OK) {
        struct kept *k = &b->list[saved];
        rc = save(b, &k->result, k->with_trace ? &k->trace : NULL);
        if (rc == OK)
            trace_free(&k->trace);
    }
    b->n -= saved;
    memmove(b->list, b->list + saved, b->n * sizeof *b->list);
    b->tried = progress_clock();
    return rc == ERR_DATABASE && store_busy(b->store) ? OK : rc;
}

enum status backlog_retry(struct backlog *b)
{
    return b->n && progress_clock() - b->tried >= EVERY_S ? save_kept(b) : OK;
}

static enum status rescue(struct backlog *b)
{
    enum status rc = OK;
    struct text path = {0};
    const char *file = store_path(b->store);
    struct store *store = NULL;
    text_addf(&path, "%s.unsaved", file);
    TRY(text_status(&path));
    TRY(store_open(path.data, STORE_WRITE, NULL, &store));
    for (size_t i = 0; i < b->n; i++)
        TRY(store_put(store, b->study, NULL, &b->list[i].result, b->list[i].with_trace ? &b->list[i].trace : NULL));
    rc = error_set(
        ERR_DATABASE,
        "%s: another process holds a lock on it: %zu results are in %s; when the file is free, `plateau merge "
        "%s %s` adds them",
        file, b->n, path.data, file, path.data);
done:
    store_close(store);
    text_free(&path);
    return rc;
}

enum status backlog_finish(struct backlog *b, const volatile int *stop)
{
    enum status rc = OK;
    const double begin = progress_clock();
    while (b->n && rc == OK) {
        rc = save_kept(b);
        if (b->n && rc == OK && progress_clock() - begin > (*stop ? STOPPED_S : MOST_S))
            rc = rescue(b);
        else if (b->n && rc == OK)
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    for (size_t i = 0; i < b->n; i++)
        trace_free(&b->list[i].trace);
    free(b->list);
    b->list = NULL;
    b->n = b->allocated = 0;
    return rc;
}
