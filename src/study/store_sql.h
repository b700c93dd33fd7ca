/* What the files of the store share: its columns, and SQLite's calls with our errors. Not for other modules. */
#ifndef STORE_SQL_H
#define STORE_SQL_H
#include "store.h"
#include <sqlite3.h>

/* The number columns of runs between the keys and the last texts: X(field of struct result). */
#define STORE_REALS(X)                                                                                                 \
    X(plateau) X(cap) X(initial_loss) X(null_loss) X(final_loss) X(wall_s) X(steps_done) X(tokens_per_s)
#define STORE_COUNT_ONE(name) +1
enum { STORE_REALS_COUNT = 0 STORE_REALS(STORE_COUNT_ONE) };

/* Columns of runs in order: texts that name a run, every key, numbers, texts that describe it. */
enum column {
    COLUMN_HASH, COLUMN_STUDY, COLUMN_STATUS,
    FIRST_KEY,
    FIRST_REAL = FIRST_KEY + KEY_COUNT,
    FIRST_TEXT = FIRST_REAL + STORE_REALS_COUNT,
    COLUMN_UNIT = FIRST_TEXT, COLUMN_CROSSINGS, COLUMN_PREDICTED, COLUMN_SOLVER, COLUMN_LIBRARY,
    COLUMN_VERSION, COLUMN_HOST, COLUMN_STARTED, COLUMN_FINISHED,
    COLUMNS
};
enum { SELECT_ID, SELECT_HAS_CURVE, SELECT_STUDIES, SELECT_COLUMNS }; /* a select gives these three, then the columns */

/* X(name): statements prepared once, when the file is opened. */
#define STORE_STATEMENTS(X) X(put) X(id_of) X(drop_curve) X(put_curve) X(by_hash) X(by_id) X(curve) X(join) X(studies)
struct store {
    sqlite3 *db;
    char *path; /* owned */
#define AS_FIELD(name) sqlite3_stmt *name;
    STORE_STATEMENTS(AS_FIELD)
#undef AS_FIELD
};

/* Name of column i, and its type in SQL. */
const char *store_column(int i);
const char *store_column_type(int i);
/* Where number column i (from 0) lives in a result. */
double *store_real(struct result *r, int i);
/* The list of all columns, each written in `format`: %: the name, #: the type, ?: the number of the parameter.
 * Appended. */
void store_add_columns(struct text *sql, const char *format);
/* "SELECT id, has a curve, studies, columns FROM runs". Appended. bare: without looking into the tables of curves and
 * studies. */
void store_add_select(struct text *sql, bool bare);

/* SQLite's last error as a message with the remedy; returns its status. */
enum status store_error(const struct store *s, const char *doing);
enum status store_execute(struct store *s, const char *sql, const char *doing);
enum status store_prepare(struct store *s, const char *sql, sqlite3_stmt **statement);
/* Makes a prepared statement (NULL is fine) ready for its next use; that also releases its lock. */
void store_release(sqlite3_stmt *statement);
/* Runs a statement that gives no rows, and releases it. NULL, as statements that write are in a reader:
 * ERR_DATABASE. */
enum status store_run(struct store *s, sqlite3_stmt *statement, const char *doing);
/* Next row? *there is false at the end. */
enum status store_next(struct store *s, sqlite3_stmt *statement, bool *there);
/* NULL and NaN are bound as SQL's NULL. Texts are copied. */
void store_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
void store_bind_real(sqlite3_stmt *statement, int parameter, double value);
void store_bind_key(sqlite3_stmt *statement, int parameter, enum key key, double value);
/* Doubles of this machine to little-endian, or back: the same operation. */
void store_swap_order(double *values, size_t n);

#endif
