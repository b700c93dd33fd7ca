/* What the files of the store share: its columns, and SQLite's calls with our errors. Not for other modules. */
#ifndef STORE_SQL_H
#define STORE_SQL_H
#include "store/store.h"
#include <sqlite3.h>

/* The number columns of runs between the keys and the last texts: X(field of struct result). */
#define STORE_REALS(X)                                                                                                 \
    X(plateau) X(cap) X(initial_loss) X(null_loss) X(final_loss) X(wall_s) X(steps_done) X(tokens_per_s)
#define STORE_COUNT_ONE(name) +1
enum { STORE_REALS_COUNT = 0 STORE_REALS(STORE_COUNT_ONE) };

/* Columns of runs in order: texts that name a run, every key, numbers, texts that describe it. */
enum column {
    COLUMN_HASH,
    COLUMN_STUDY,
    COLUMN_STATUS,
    FIRST_KEY,
    FIRST_REAL = FIRST_KEY + KEY_COUNT,
    FIRST_TEXT = FIRST_REAL + STORE_REALS_COUNT,
    COLUMN_UNIT = FIRST_TEXT,
    COLUMN_CROSSINGS,
    COLUMN_PREDICTED,
    COLUMN_SOLVER,
    COLUMN_LIBRARY,
    COLUMN_VERSION,
    COLUMN_HOST,
    COLUMN_STARTED,
    COLUMN_FINISHED,
    COLUMN_CHECKSUM,
    COLUMNS
};
enum { SELECT_ID, SELECT_HAS_CURVE, SELECT_STUDIES, SELECT_COLUMNS }; /* a select gives these three, then the columns */

/* X(name): statements prepared once, when the file is opened. */
#define STORE_STATEMENTS(X)                                                                                            \
    X(put) X(id_of) X(seal) X(drop_curve) X(put_curve) X(by_hash) X(by_id) X(curve) X(join) X(studies) X(data_version)
struct store {
    sqlite3 *db;
    char *path;            /* owned */
    bool in_memory;        /* path says where its rows come from */
    double bytes;          /* of the file, when it was opened */
    int schema;            /* of the file */
    double operations;     /* that SQLite may still take until the file has been looked through */
    double patience;       /* seconds that it waits for a lock of another process */
    double waiting;        /* progress_clock when it began to */
    bool told, busy;       /* a line said that it waits; the last error was that it waited too long */
    bool verified;         /* every row was looked at, and those that fail are named */
    sqlite3_int64 version; /* of the file then (PRAGMA data_version: other processes change it) */
    bool unchanged;        /* .. and now: no row need be looked at again */
    int64_t *damaged;      /* owned: the ids of those that failed, ascending */
    size_t n_damaged, damaged_allocated;
    struct store_older {
        int64_t id;
        int revision;
    } * older; /* owned: the runs of earlier numerics revisions, ascending */
    size_t n_older, older_allocated;
#define AS_FIELD(name) sqlite3_stmt *name;
    STORE_STATEMENTS(AS_FIELD)
#undef AS_FIELD
};

/* Name of column i, and its type in SQL. */
const char *store_column(int i);
const char *store_column_type(int i);
/* Where number column i (from 0) is kept in a result. */
double *store_real(struct result *r, int i);
/* The list of all columns, each written in `format`: %: the name, #: the type, ?: the number of the parameter.
 * Appended. */
void store_add_columns(struct text *sql, const char *format);
/* "SELECT id, has a curve, studies, columns FROM runs". Appended. bare: without looking into the tables of curves and
 * studies. */
void store_add_select(struct text *sql, bool bare);

/* Turns SQLite's last error into a message with the remedy; returns its status. */
enum status store_error(struct store *s, const char *doing);
enum status store_execute(struct store *s, const char *sql, const char *doing);
enum status store_prepare(struct store *s, const char *sql, sqlite3_stmt **statement);
/* Makes a prepared statement (NULL is fine) ready for its next use; that also releases its lock. */
void store_release(sqlite3_stmt *statement);
/* Runs a statement that gives no rows, and releases it. NULL, as statements that write are in a reader:
 * ERR_DATABASE. */
enum status store_run(struct store *s, sqlite3_stmt *statement, const char *doing);
/* Next row? *there is false at the end. */
enum status store_next(struct store *s, sqlite3_stmt *statement, bool *there);
/* The same for a loop over rows: true for every row; false at the end, or after an error, which is then *rc. */
bool store_step(struct store *s, sqlite3_stmt *statement, enum status *rc);
/* A SELECT of `where` (SQL, "" for all rows), as store_add_select. */
enum status store_prepare_select(struct store *s, bool bare, const char *where, sqlite3_stmt **statement);
/* The first text or number that a query gives, as text; "" if there is none. parameter: a text for ?1, or NULL. */
enum status store_ask(struct store *s, const char *sql, const char *parameter, struct text *answer);
/* The id of the run with this hash, if it is *there. */
enum status store_id(struct store *s, const char *hash, sqlite3_int64 *id, bool *there);
/* NULL and NaN are bound as SQL's NULL. Texts are copied. */
void store_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
void store_bind_real(sqlite3_stmt *statement, int parameter, double value);
void store_bind_key(sqlite3_stmt *statement, int parameter, enum key key, double value);
/* What the header of the file says: whose it is, and the version of its tables. */
enum {
    STORE_ID = 0x506c6174, /* "Plat" */
    STORE_SCHEMA = 4,      /* raise when tables or the meaning of a column change, and see store_migrate */
    STORE_OLDEST = 3       /* the oldest that is read */
};
/* The tables, as CREATE statements say it; that of runs up to its second column. */
extern const char store_create_runs[], store_create_curves[], store_create_members[], store_create_index[],
    store_create_sources[], store_create_meta[];

/* store_check.c */

/* SQLite runs nothing that the file brings along. */
void store_distrust(sqlite3 *db);
/* The same, and SQLite takes a bounded number of steps until store_check is through. */
void store_guard(struct store *s, double file_bytes);
/* Refuses a file beside the database that is not a journal of plateau: SQLite would follow a link, or delete a file
 * that a journal names. ERR_INPUT. */
enum status store_check_beside(const char *path);
/* Checks that the file is whole and of a version that is read, and that it holds the tables of plateau and nothing
 * else. Sets s->schema. ERR_DATABASE. */
enum status store_check(struct store *s, enum store_mode mode);
/* Does the table of runs have this column? */
enum status store_has_column(struct store *s, const char *name, bool *yes);
/* The value, as SQL, of rows that are older than the column; NULL for a column that no file lacks. */
const char *store_absent(int column, char buffer[64]);
/* Checks that the row that a select stands on is what was saved: that its keys make its hash and its values its
 * checksum. *revision: as in struct store_row. ERR_DATABASE with what fails. */
enum status store_verify(struct store *s, sqlite3_stmt *row, const struct result *r, int *revision);
/* To be called before rows are read. The first call looks at every row and names those that fail on stderr; later calls
 * note whether another process has written since. */
enum status store_verify_all(struct store *s);
/* The checksum of the row that a select stands on: of every value with its column and type, but for what is NULL and
 * keys with the value that older rows have, so that a column which is added changes no sum. */
void store_sum_row(sqlite3_stmt *row, char text[17]);
/* Gives the row its checksum, of what it holds. */
enum status store_seal(struct store *s, sqlite3_int64 id);
/* The checksum of a curve: of its bytes, and of the hash of its run. */
void store_sum_curve(const char *hash, const void *data, size_t bytes, char text[17]);
/* Is it the hash of an imported run? NULL is fine. */
bool store_is_import(const char *hash);
/* The hash of a row as files of this schema write it: those of imported runs once named their study. Returns `hash` or
 * buffer. */
const char *store_hash(const struct store *s, const char *hash, char buffer[48]);

/* store_migrate.c */

/* A writer brings a file of an older schema, or from before the latest keys, up to date, in one transaction; a reader,
 * which leaves the file as it is, looks at it through views. */
enum status store_migrate(struct store *s, enum store_mode mode);

/* store_read.c */

/* The row that a select stands on -> *r. ERR_DATABASE: not a row of plateau. */
enum status store_result(sqlite3_stmt *row, struct result *r);
/* The same; *good: the row can be read and is what was saved. *revision: as in struct store_row; NULL: not asked for.
 * ERR_MEMORY alone is an error. */
enum status store_good(struct store *s, sqlite3_stmt *row, struct result *r, bool *good, int *revision);

/* Doubles of this machine to little-endian, or back: the same operation. */
void store_swap_order(double *values, size_t n);

#endif
