#include "store/merge.h"
#include "store/agree.h"
#include "store/archive.h"
#include "base/list.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The source that a row of the store was taken from, to name it in a conflict. */
struct origin {
    char *hash; /* owned */
    const char *path;
};

struct merge {
    struct store *store, *source;
    const char *path; /* of the source */
    struct merge_report *report;
    struct origin *origins; /* owned */
    size_t n_origins, allocated;
    enum status visited; /* of the last row: tells an error of the store from an error of the source */
};

/* ---- the store ---- */

static enum status remember(struct merge *m, const char *hash)
{
    enum status rc = OK;
    TRY(list_room(&m->origins, m->n_origins, &m->allocated, sizeof *m->origins, "runs"));
    struct origin *o = &m->origins[m->n_origins];
    *o = (struct origin){strdup(hash), m->path};
    REQUIRE(o->hash, ERR_MEMORY, "out of memory for a list of runs");
    m->n_origins++;
done:
    return rc;
}

/* The last source that this row was taken from, or the store itself if the row was there before. */
static const char *origin_of(const struct merge *m, const char *hash)
{
    for (size_t i = m->n_origins; i-- > 0;) {
        if (!strcmp(m->origins[i].hash, hash))
            return m->origins[i].path;
    }
    return store_path(m->store);
}

static enum status report_conflict(struct merge *m, const struct store_row *row, const struct result *old,
                                   const struct text *why)
{
    struct text which = {0};
    const struct result *new = &row->result;
    keys_describe(&new->keys, &which);
    enum status rc = text_status(&which);
    if (rc == OK && strcmp(old->library, new->library))
        text_addf(&which, " (%s, %s)", old->library, new->library);
    if (rc == OK)
        fprintf(stderr, "plateau: conflict: %s: %s and %s differ: %s; the first is kept\n", which.data,
                origin_of(m, row->hash), m->path, why->data);
    m->report->conflicts++;
    text_free(&which);
    return rc;
}

static enum status merge_row(struct merge *m, const struct store_row *row)
{
    enum status rc = OK;
    struct text why = {0};
    struct result old;
    bool there, has_curve, better = true;
    m->report->runs++;
    TRY(store_find(m->store, row->hash, &there, &old, &has_curve));
    if (there) {
        TRY(agree_differences(&old, &row->result, &why));
        if (why.length) {
            rc = report_conflict(m, row, &old, &why);
            goto done;
        }
        better = agree_further(&row->result, &old);
    }
    TRY(store_copy(m->store, m->source, row->id, better));
    TRY(store_supersede(m->store, &row->result.keys));
    if (better)
        TRY(remember(m, row->hash));
    m->report->added += !there;
    m->report->replaced += there && better;
done:
    text_free(&why);
    return rc;
}

static enum status visit_row(void *context, const struct store_row *row)
{
    struct merge *m = context;
    return m->visited = merge_row(m, row);
}

/* A source that cannot be opened is bad input, not a failure of the merge. */
static enum status open_source(const char *path, struct store **source)
{
    enum status rc = archive_open(path, source);
    return rc == ERR_DATABASE ? ERR_INPUT : rc;
}

static enum status merge_one(struct merge *m)
{
    enum status rc = open_source(m->path, &m->source);
    if (rc != OK)
        return rc;
    rc = store_each(m->source, NULL, visit_row, m);
    if (rc == ERR_DATABASE && m->visited == OK)
        rc = ERR_INPUT;
    store_close(m->source);
    m->source = NULL;
    return rc;
}

static enum status check_source(const char *path)
{
    struct store *source = NULL;
    enum status rc = open_source(path, &source);
    store_close(source);
    return rc;
}

enum status merge_check(const char *out, const char *const *paths, size_t n)
{
    enum status rc = OK;
    struct stat target, info;
    const bool there = stat(out, &target) == 0;
    if (there && target.st_size > 0)
        TRY(check_source(out));
    for (size_t i = 0; i < n; i++) {
        TRY(check_source(paths[i]));
        REQUIRE(!there || stat(paths[i], &info) != 0 || info.st_dev != target.st_dev || info.st_ino != target.st_ino,
                ERR_INPUT,
                "%s: the database to merge into cannot be one of those to read; what it has is kept, leave out %s", out,
                paths[i]);
    }
done:
    return rc;
}

enum status merge_stores(struct store *store, const char *const *paths, size_t n, struct merge_report *report)
{
    enum status rc = OK;
    struct merge m = {.store = store, .report = report};
    *report = (struct merge_report){0};
    TRY(store_begin(store));
    for (size_t i = 0; i < n; i++) {
        m.path = paths[i];
        TRY(merge_one(&m));
    }
    TRY(store_commit(store));
done:
    if (rc != OK)
        store_rollback(store);
    for (size_t i = 0; i < m.n_origins; i++)
        free(m.origins[i].hash);
    free(m.origins);
    return rc;
}
