/* The queue of a sweep's results on their way into the store. They are saved as they come, or, while another process
 * holds a lock on the file, kept in memory and tried again: so a slow reader stops no sweep, and nothing finished is
 * lost. */
#ifndef SAVE_QUEUE_H
#define SAVE_QUEUE_H
#include "store/store.h"

/* A result has been saved. */
typedef enum status save_queue_saved(void *context, const struct result *result);

/* The caller sets the first four; the others are 0. */
struct save_queue {
    struct store *store;
    const char *study;
    save_queue_saved *saved;
    void *context;
    struct kept *list; /* owned: results in memory */
    size_t n, allocated;
    double tried; /* progress_clock of the last attempt */
    bool told;    /* a line said that they wait */
};

/* Saves a result with its trace (NULL: none), or keeps a copy of both. ERR_MEMORY; ERR_DATABASE: the file failed. */
enum status save_queue_put(struct save_queue *queue, const struct result *result, const struct trace *trace);
/* Tries those that are kept, about once a second. */
enum status save_queue_retry(struct save_queue *queue);
/* Waits until all are saved. If the lock stays for minutes, or seconds once *stop, they go into the database
 * FILE.unsaved: ERR_DATABASE, which says so. Frees what is kept. */
enum status save_queue_finish(struct save_queue *queue, const volatile int *stop);

#endif
