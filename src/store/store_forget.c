/* How runs are removed: because they are forgotten, superseded by a later numerics revision, or no longer in the file
 * that they were imported from. */
#include "store/store_sql.h"

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
    sqlite3_int64 id;
    char hash[33], older[33];
    keys_hash(keys, hash);
    for (int revision = KEYS_NUMERICS_REVISION; revision > 0; revision--) {
        keys_hash_at(keys, revision, older);
        TRY(store_id(store, older, &id, &there));
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
    return rc;
}

/* ---- where imported runs come from: a path, or '' for runs that are free (store_disown) ---- */

enum status store_disown(struct store *store, const char *path)
{
    return change(store, "UPDATE sources SET path = '' WHERE path = ?1", path, 0, NULL);
}

enum status store_own(struct store *store, const char *hash, const char *path)
{
    bool there;
    sqlite3_int64 id;
    enum status rc = store_id(store, hash, &id, &there);
    return rc == OK ? change(store, "INSERT OR REPLACE INTO sources(path, run) VALUES(?1, ?2)", path, id, NULL) : rc;
}

enum status store_drop(struct store *store, size_t *n)
{
    return change(store, "DELETE FROM runs WHERE id IN (SELECT run FROM sources WHERE path = '')", NULL, 0, n);
}

enum status store_source(struct store *store, const char *hash, struct text *path)
{
    return store_ask(store, "SELECT path FROM sources JOIN runs ON run = id WHERE hash = ?1", hash, path);
}
