/* Runs that go, and whose they are: forgotten, superseded, or replaced by a newer version of the file that they came
 * from. */
#include "store_sql.h"

/* Runs `sql` with a text and a number as its parameters; *changed rows, if that is not NULL. */
static enum status change(struct store *s, const char *sql, const char *text, int64_t number, size_t *changed)
{
    sqlite3_stmt *statement = NULL;
    enum status rc = OK;
    TRY(store_prepare(s, sql, &statement));
    store_bind_text(statement, 1, text);
    sqlite3_bind_int64(statement, 2, number);
    TRY(store_run(s, statement, "writing"));
    if (changed)
        *changed = (size_t)sqlite3_changes(s->db);
done:
    sqlite3_finalize(statement);
    return rc;
}

enum status store_forget(struct store *store, int64_t id, const char *study, bool *last)
{
    enum status rc = OK;
    size_t gone;
    if (study)
        TRY(change(store, "DELETE FROM members WHERE study = ?1 AND run = ?2", study, id, NULL));
    TRY(change(store,
               "DELETE FROM runs WHERE id = ?2 AND (?1 IS NULL OR NOT EXISTS(SELECT 1 FROM members WHERE run = ?2))",
               study, id, &gone));
    *last = gone > 0;
done:
    return rc;
}

enum status store_supersede(struct store *store, const struct keys *keys)
{
    enum status rc = OK;
    bool there;
    char hash[33], older[33];
    keys_hash(keys, hash);
    for (int revision = KEYS_NUMERICS_REVISION; revision > 0; revision--) {
        keys_hash_at(keys, revision, older);
        store_bind_text(store->id_of, 1, older);
        TRY(store_next(store, store->id_of, &there));
        const sqlite3_int64 id = sqlite3_column_int64(store->id_of, 0);
        store_release(store->id_of);
        if (revision == KEYS_NUMERICS_REVISION && !there)
            break;
        if (revision == KEYS_NUMERICS_REVISION || !there)
            continue;
        TRY(change(store,
                   "INSERT OR IGNORE INTO members(study, run) "
                   "SELECT study, (SELECT id FROM runs WHERE hash = ?1) FROM members WHERE run = ?2",
                   hash, id, NULL));
        TRY(change(store, "DELETE FROM runs WHERE ?1 IS NULL AND id = ?2", NULL, id, NULL));
    }
done:
    store_release(store->id_of);
    return rc;
}

/* ---- where imported runs come from: a path, '' for those that are free ---- */

enum status store_disown(struct store *store, const char *path)
{
    return change(store, "UPDATE sources SET path = '' WHERE path = ?1", path, 0, NULL);
}

enum status store_own(struct store *store, const char *hash, const char *path)
{
    bool there;
    enum status rc = OK;
    store_bind_text(store->id_of, 1, hash);
    TRY(store_next(store, store->id_of, &there));
    const sqlite3_int64 id = sqlite3_column_int64(store->id_of, 0);
    TRY(change(store, "INSERT OR REPLACE INTO sources(path, run) VALUES(?1, ?2)", path, id, NULL));
done:
    store_release(store->id_of);
    return rc;
}

enum status store_drop(struct store *store, size_t *n)
{
    return change(store, "DELETE FROM runs WHERE id IN (SELECT run FROM sources WHERE path = '')", NULL, 0, n);
}

enum status store_source(struct store *store, const char *hash, struct text *path)
{
    sqlite3_stmt *statement = NULL;
    enum status rc = OK;
    bool there;
    TRY(store_prepare(store, "SELECT path FROM sources JOIN runs ON run = id WHERE hash = ?1", &statement));
    store_bind_text(statement, 1, hash);
    TRY(store_next(store, statement, &there));
    const char *text = there ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    text_add(path, text ? text : "");
    TRY(text_status(path));
done:
    sqlite3_finalize(statement);
    return rc;
}
