/* Runs from one store into another, as they stand there. */
#include "store/store_sql.h"
#include <string.h>

/* A source that cannot be read is bad input, while a target that cannot be written is a failure. */
static enum status of_source(enum status rc)
{
    return rc == ERR_DATABASE ? ERR_INPUT : rc;
}

/* Binds column i of the row that `from` stands on as parameter `to_i` of `to`. An error must not pass: the parameter
 * would be NULL without a word. */
static enum status copy_value(sqlite3_stmt *to, int to_i, sqlite3_stmt *from, int i)
{
    const int rc = sqlite3_bind_value(to, to_i, sqlite3_column_value(from, i));
    return rc == SQLITE_NOMEM || rc == SQLITE_TOOBIG ? error_set(ERR_MEMORY, "out of memory to copy a run") : OK;
}

static enum status copy_row(struct store *to, sqlite3_stmt *row, const char *hash)
{
    enum status rc = OK;
    for (int i = 0; i < COLUMNS; i++)
        TRY(copy_value(to->put, i + 1, row, SELECT_COLUMNS + i));
    store_bind_text(to->put, COLUMN_HASH + 1, hash);
    TRY(store_run(to, to->put, "saving a run"));
done:
    return rc;
}

/* The time or step of the last row of the curve that `curve` stands on, which is in the first column of every trace. */
static enum status end_of_curve(const struct store *s, sqlite3_stmt *curve, double *last)
{
    const sqlite3_int64 rows = sqlite3_column_int64(curve, 0);
    const char *data = sqlite3_column_blob(curve, 1);
    const size_t bytes = (size_t)sqlite3_column_bytes(curve, 1), row = rows > 0 ? bytes / (size_t)rows : 0;
    if (!data || row < sizeof *last || row % sizeof *last || row * (size_t)rows != bytes)
        return error_set(ERR_DATABASE, "%s: a curve has %zu bytes for %lld rows: the file is damaged; restore a copy",
                         s->path, bytes, (long long)rows);
    memcpy(last, data + bytes - row, sizeof *last);
    store_swap_order(last, 1);
    return OK;
}

/* Of two curves the one that ends later stays; if they end together, that of `to`. Their numbers of rows say less,
 * because long traces are thinned. */
static enum status copy_curve(struct store *to, sqlite3_int64 to_id, const char *hash, struct store *from)
{
    enum status rc = OK;
    bool there;
    char sum[17];
    double old = 0, new = 0;
    TRY(of_source(end_of_curve(from, from->curve, &new)));
    sqlite3_bind_int64(to->curve, 1, to_id);
    TRY(store_next(to, to->curve, &there));
    if (there) {
        TRY(end_of_curve(to, to->curve, &old));
        if (old >= new)
            goto done;
        store_release(to->curve);
        sqlite3_bind_int64(to->drop_curve, 1, to_id);
        TRY(store_run(to, to->drop_curve, "saving a curve"));
    }
    sqlite3_bind_int64(to->put_curve, 1, to_id);
    TRY(copy_value(to->put_curve, 2, from->curve, 0));
    TRY(copy_value(to->put_curve, 3, from->curve, 1));
    TRY(copy_value(to->put_curve, 4, from->curve, 2));
    if (from->schema == STORE_OLDEST) {
        store_sum_curve(hash, sqlite3_column_blob(from->curve, 1), (size_t)sqlite3_column_bytes(from->curve, 1), sum);
        store_bind_text(to->put_curve, 4, sum);
    }
    TRY(store_run(to, to->put_curve, "saving a curve"));
done:
    store_release(to->curve);
    return rc;
}

enum status store_copy(struct store *to, struct store *from, int64_t id, bool with_row)
{
    enum status rc = OK;
    bool there;
    char buffer[48];
    sqlite3_int64 to_id;
    sqlite3_bind_int64(from->by_id, 1, id);
    TRY(of_source(store_next(from, from->by_id, &there))); /* holds the source's lock until the end: row and curve are
                                                              of one time */
    if (!there)
        goto done;
    const char *hash =
        store_hash(from, (const char *)sqlite3_column_text(from->by_id, SELECT_COLUMNS + COLUMN_HASH), buffer);
    if (with_row)
        TRY(copy_row(to, from->by_id, hash));
    TRY(store_id(to, hash, &to_id, &there));
    REQUIRE(there, ERR_INPUT, "%s: no run %s", to->path, hash);
    if (with_row && from->schema == STORE_OLDEST)
        TRY(store_seal(to, to_id));
    sqlite3_bind_int64(from->curve, 1, id);
    TRY(of_source(store_next(from, from->curve, &there)));
    if (there)
        TRY(copy_curve(to, to_id, hash, from));
    sqlite3_bind_int64(from->studies, 1, id);
    for (;;) {
        TRY(of_source(store_next(from, from->studies, &there)));
        if (!there)
            break;
        TRY(store_join(to, (const char *)sqlite3_column_text(from->studies, 0), hash));
    }
done:
    store_release(from->by_id);
    store_release(from->curve);
    store_release(from->studies);
    return rc;
}
