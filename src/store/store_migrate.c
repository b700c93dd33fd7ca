/* Files of an older schema, or from before the latest keys. */
#include "store/store_sql.h"
#include <stdlib.h>
#include <string.h>

/* A reader sees the columns that the file lacks in a view, which takes no rows. */
static enum status make_views(struct store *s, const struct text *columns)
{
    enum status rc = OK;
    struct text sql = {0};
    text_addf(&sql, "CREATE TEMP VIEW runs AS SELECT *%s FROM main.runs;", columns->length ? columns->data : "");
    if (s->schema == STORE_OLDEST)
        text_add(&sql, "CREATE TEMP VIEW curves AS SELECT *, NULL AS checksum FROM main.curves;");
    TRY(text_status(&sql));
    if (columns->length)
        TRY(store_execute(s, sql.data, "reading a file without the latest columns"));
done:
    text_free(&sql);
    return rc;
}

/* Imported runs once had a row for each study that they were imported for, and counted as often. Of equal rows one
 * stays, and belongs to the studies of all. */
static enum status unite_imports(struct store *s)
{
    static const char same_run[] = "'import:' || substr(hash, -32)";
    enum status rc = OK;
    struct text sql = {0}, left = {0};
    text_addf(&sql,
              "CREATE TEMP TABLE twins AS SELECT id, first_value(id) OVER (PARTITION BY %s, status, plateau, cap, "
              "threshold ORDER BY id) AS kept FROM runs WHERE hash GLOB 'import:*';"
              "INSERT OR IGNORE INTO members SELECT study, kept FROM members JOIN twins ON run = id;"
              "DELETE FROM runs WHERE id IN (SELECT id FROM twins WHERE id != kept); DROP TABLE twins;"
              "UPDATE OR IGNORE runs SET hash = %s WHERE hash GLOB 'import:*'",
              same_run, same_run);
    TRY(text_status(&sql));
    TRY(store_execute(s, sql.data, "bringing imported runs up to date"));
    TRY(store_ask(s, "SELECT count(*) FROM runs WHERE hash GLOB 'import:*:*'", NULL, &left));
    if (strcmp(left.data, "0") != 0)
        fprintf(stderr,
                "plateau: %s: %s imported runs have the keys of another one and a different outcome; all are kept\n",
                s->path, left.data);
done:
    text_free(&sql);
    text_free(&left);
    return rc;
}

/* Gives every curve its checksum. */
static enum status seal_curves(struct store *s)
{
    enum status rc = OK;
    sqlite3_stmt *row = NULL, *set = NULL;
    char sum[17];
    TRY(store_prepare(s, "SELECT run, data, hash FROM curves JOIN runs ON run = id", &row));
    TRY(store_prepare(s, "UPDATE curves SET checksum = ?1 WHERE run = ?2", &set));
    while (store_step(s, row, &rc)) {
        store_sum_curve((const char *)sqlite3_column_text(row, 2), sqlite3_column_blob(row, 1),
                        (size_t)sqlite3_column_bytes(row, 1), sum);
        store_bind_text(set, 1, sum);
        sqlite3_bind_int64(set, 2, sqlite3_column_int64(row, 0));
        TRY(store_run(s, set, "adding checksums"));
    }
done:
    sqlite3_finalize(row);
    sqlite3_finalize(set);
    return rc;
}

/* Gives every sound row its checksum. Damaged rows stay what they are, and get none. */
static enum status seal_rows(struct store *s)
{
    enum status rc = OK;
    sqlite3_stmt *row = NULL, *set = NULL;
    struct result r;
    bool good;
    char sum[17];
    TRY(store_prepare_select(s, true, "", &row));
    TRY(store_prepare(s, "UPDATE runs SET checksum = ?1 WHERE id = ?2", &set));
    while (store_step(s, row, &rc)) {
        TRY(store_good(s, row, &r, &good, NULL));
        if (!good)
            continue;
        store_sum_row(row, sum);
        store_bind_text(set, 1, sum);
        sqlite3_bind_int64(set, 2, sqlite3_column_int64(row, SELECT_ID));
        TRY(store_run(s, set, "adding checksums"));
    }
done:
    sqlite3_finalize(row);
    sqlite3_finalize(set);
    return rc;
}

static enum status raise_schema(struct store *s)
{
    enum status rc = OK;
    struct text sql = {0};
    TRY(unite_imports(s));
    TRY(seal_rows(s));
    TRY(seal_curves(s));
    text_addf(&sql, "%s; UPDATE meta SET value = '%d' WHERE key = 'schema'; PRAGMA user_version = %d",
              store_create_sources, STORE_SCHEMA, STORE_SCHEMA);
    TRY(text_status(&sql));
    TRY(store_execute(s, sql.data, "raising the schema"));
    s->schema = STORE_SCHEMA;
done:
    text_free(&sql);
    return rc;
}

enum status store_migrate(struct store *s, enum store_mode mode)
{
    enum status rc = OK;
    struct text sql = {0}, view = {0}, answer = {0};
    char buffer[64];
    bool there;
    if (mode == STORE_WRITE) {
        TRY(store_begin(s));
        TRY(store_ask(s, "PRAGMA user_version", NULL, &answer)); /* another process may have done it since */
        s->schema = (int)strtol(answer.data, NULL, 10);
    }
    for (int i = 0; i < COLUMNS; i++) {
        const char *old = store_absent(i, buffer);
        TRY(store_has_column(s, store_column(i), &there));
        if (there || !old)
            continue;
        text_addf(&view, ", %s AS \"%s\"", old, store_column(i));
        text_addf(&sql, "ALTER TABLE runs ADD COLUMN \"%s\" %s%s%s;", store_column(i), store_column_type(i),
                  i == COLUMN_CHECKSUM ? "" : " DEFAULT ", i == COLUMN_CHECKSUM ? "" : old);
    }
    if (s->schema == STORE_OLDEST)
        text_add(&sql, "ALTER TABLE curves ADD COLUMN checksum TEXT;");
    TRY(text_status(&sql));
    if (mode == STORE_READ) {
        rc = make_views(s, &view);
        goto done;
    }
    if (sql.length)
        TRY(store_execute(s, sql.data, "adding columns"));
    if (s->schema == STORE_OLDEST)
        TRY(raise_schema(s));
    TRY(store_commit(s));
done:
    if (rc != OK)
        store_rollback(s);
    text_free(&sql);
    text_free(&view);
    text_free(&answer);
    return rc;
}
