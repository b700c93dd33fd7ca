/* What the columns of an import's files mean: which are mapped, which have the right name already, which are left over.
 *
 * A map is "T=config.seq_len,d=config/dim": on the left what a column is, a key or one of the names below, on the right
 * its name in the file. A name on the right that no column has exactly fits one that differs by / for . or by ".value"
 * at the end, as Weights & Biases writes settings. A column that is mapped is what the map says and nothing else, even
 * if its own name is that of a key. "model=-" says that no column is the key, also where one has its name.
 *
 * A left-over column whose name nearly is a right one may be a slip, so it is told apart from the others. */
#ifndef IMPORT_COLUMNS_H
#define IMPORT_COLUMNS_H
#include "base/keys.h"
#include "base/sheet.h"

/* Columns of runs that are no keys have these numbers. */
enum import_column {
    IMPORT_PLATEAU = KEY_COUNT,
    IMPORT_STATUS,
    IMPORT_WALL,
    IMPORT_RUN, /* whose curve is whose */
    IMPORT_COLUMNS
};
const char *import_columns_name(int column);
/* Is it one of the names, capitals or not, of the column that names runs where none is mapped? */
bool import_columns_is_run(const char *name);
/* A line on a column, for a dry import: its name in the file, what it is, its first value. Appended. */
void import_columns_describe(const char *name, const char *what, const char *value, struct text *out);

struct import_map {
    char *text; /* owned */
    struct import_mapping {
        const char *name, *column; /* left and right of =; in `text` */
        bool used;
    } * list; /* owned */
    size_t n;
    bool curves; /* there is a file of curves, too */
};
/* text NULL: an empty map. Release with import_columns_free, also after an error. ERR_INPUT, ERR_MEMORY. */
enum status import_columns_map(const char *text, bool curves, struct import_map *map);
void import_columns_free(struct import_map *map);

enum { IMPORT_NAMED = 20 }; /* left-over columns that are named; the rest is counted */
/* Columns that nobody asked for: what to say of them. Zero-initialise; import_columns_left_free. */
struct import_left {
    struct text slips; /* owned: "seeds (did you mean seed?), .." */
    struct text names; /* owned: of the others, the first IMPORT_NAMED */
    size_t n;          /* of the others */
};
void import_columns_left_free(struct import_left *left);

/* The columns of the file of runs into from[IMPORT_COLUMNS]: a column of the file each, -1 for none. defaults: values
 * from elsewhere, NaN for none. strict: what is left over is ERR_INPUT. run: the name of the column that says in the
 * file of curves which run a row is of, which is the first looked for; NULL: there are no curves. ERR_INPUT. */
enum status import_columns_runs(struct import_map *map, const struct sheet *s, const double *defaults, bool strict,
                                const char *run, int *from, struct import_left *left);

/* The columns of the file of curves: names[n] as recording_column knows them, from[n] their columns in the file; both
 * have room for s->n + map->n. *step is the column of the step and *run that of the run, which are not among them.
 * ERR_INPUT. */
enum status import_columns_curves(struct import_map *map, const struct sheet *s, const char **names, int *from,
                                  size_t *n, int *step, int *run, struct import_left *left);

/* ERR_INPUT, with the nearest right name, if a mapping has not found its column in `s` (the file that it is about).
 * After the two above. */
enum status import_columns_found(const struct import_map *map, const struct sheet *s, bool of_curves);

#endif
