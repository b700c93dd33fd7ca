#include "store/save_queue.h"
#include "base/list.h"
#include "base/progress.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double EVERY_S = 1, MOST_S = 600, STOPPED_S = 3; /* between attempts; at the end; once a signal came */

struct kept {
    struct result result;
    struct trace trace; /* owned */
    bool with_trace;
};

static enum status save(struct save_queue *queue, const struct result *result, const struct trace *trace)
{
    enum status rc = store_put(queue->store, queue->study, NULL, result, trace);
    return rc == OK ? queue->saved(queue->context, result) : rc;
}

static enum status keep(struct save_queue *queue, const struct result *result, const struct trace *trace)
{
    enum status rc = OK;
    TRY(list_room(&queue->list, queue->n, &queue->allocated, sizeof *queue->list, "results"));
    struct kept *k = &queue->list[queue->n];
    *k = (struct kept){.result = *result, .with_trace = trace != NULL};
    if (trace && trace->length) {
        const size_t bytes = trace->length * (size_t)trace->columns * sizeof *trace->rows;
        k->trace = *trace;
        REQUIRE(k->trace.rows = malloc(bytes), ERR_MEMORY, "out of memory for a curve of %zu rows", trace->length);
        memcpy(k->trace.rows, trace->rows, bytes);
    }
    queue->n++;
    if (!queue->told)
        fprintf(stderr, "plateau: %s: another process holds a lock on it: results wait in memory until it is free\n",
                store_path(queue->store));
    queue->told = true;
done:
    return rc;
}

enum status save_queue_put(struct save_queue *queue, const struct result *result, const struct trace *trace)
{
    enum status rc = OK;
    TRY(save_queue_retry(queue));
    if (!queue->n) {
        rc = save(queue, result, trace);
        if (rc != ERR_DATABASE || !store_busy(queue->store))
            goto done;
        queue->tried = progress_clock();
    }
    rc = keep(queue, result, trace);
done:
    return rc;
}

/* All that the file takes now, in the order in which they came. */
static enum status save_kept(struct save_queue *queue)
{
    enum status rc = OK;
    size_t saved = 0;
    for (; saved < queue->n && rc == OK; saved += rc == OK) {
        struct kept *k = &queue->list[saved];
        rc = save(queue, &k->result, k->with_trace ? &k->trace : NULL);
        if (rc == OK)
            trace_free(&k->trace);
    }
    queue->n -= saved;
    memmove(queue->list, queue->list + saved, queue->n * sizeof *queue->list);
    queue->tried = progress_clock();
    return rc == ERR_DATABASE && store_busy(queue->store) ? OK : rc;
}

enum status save_queue_retry(struct save_queue *queue)
{
    return queue->n && progress_clock() - queue->tried >= EVERY_S ? save_kept(queue) : OK;
}

static enum status rescue(struct save_queue *queue)
{
    enum status rc = OK;
    struct text path = {0};
    const char *file = store_path(queue->store);
    struct store *store = NULL;
    text_addf(&path, "%s.unsaved", file);
    TRY(text_status(&path));
    TRY(store_open(path.data, STORE_WRITE, NULL, &store));
    for (size_t i = 0; i < queue->n; i++)
        TRY(store_put(store, queue->study, NULL, &queue->list[i].result,
                      queue->list[i].with_trace ? &queue->list[i].trace : NULL));
    rc = error_set(
        ERR_DATABASE,
        "%s: another process holds a lock on it: %zu results are in %s; when the file is free, `plateau merge "
        "%s %s` adds them",
        file, queue->n, path.data, file, path.data);
done:
    store_close(store);
    text_free(&path);
    return rc;
}

enum status save_queue_finish(struct save_queue *queue, const volatile int *stop)
{
    enum status rc = OK;
    const double begin = progress_clock();
    while (queue->n && rc == OK) {
        rc = save_kept(queue);
        if (queue->n && rc == OK && progress_clock() - begin > (*stop ? STOPPED_S : MOST_S))
            rc = rescue(queue);
        else if (queue->n && rc == OK)
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    for (size_t i = 0; i < queue->n; i++)
        trace_free(&queue->list[i].trace);
    free(queue->list);
    queue->list = NULL;
    queue->n = queue->allocated = 0;
    return rc;
}
