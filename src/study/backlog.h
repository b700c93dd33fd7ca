/* The way of a sweep's results into the store: saved as they come, or, while another process holds a lock on the file,
 * kept in memory and tried again, so that a slow reader stops no sweep and nothing finished is lost. */
#ifndef BACKLOG_H
#define BACKLOG_H
#include "store.h"

/* A result has been saved. */
typedef enum status backlog_saved(void *context, const struct result *result);

/* The first four are the caller's to set; the others are 0. */
struct backlog {
    struct store *store;
    const char *study;
    backlog_saved *saved;
    void *context;
    struct kept *list;   /* owned */
    size_t n, allocated; /* results in memory */
    double tried;        /* progress_clock of the last attempt */
    bool told;
};

/* Saves a result with its trace (NULL: none), or keeps a copy of both. ERR_MEMORY; ERR_DATABASE: the file failed. */
enum status backlog_put(struct backlog *b, const struct result *result, const struct trace *trace);
/* Tries those that are kept, about once a second. */
enum status backlog_retry(struct backlog *b);
/* Waits until all are saved. If the lock stays for minutes, or seconds once *stop, they go into the database
 * FILE.unsaved: ERR_DATABASE, which says so. Frees what is kept. */
enum status backlog_finish(struct backlog *b, const volatile int *stop);

#endif
