/* A CSV file in memory, taken apart in place: fields between commas (or another separator), records on lines, quotes
 * around what has either. */
#ifndef CSV_H
#define CSV_H
#include "base/error.h"
#include <stddef.h>

enum { CSV_FIELDS = 2048 }; /* of a record, at most */

struct csv {
    char *next;       /* what is not read yet; ends with NUL; changed */
    char separator;   /* 0: a comma */
    size_t line;      /* line at which the current record begins */
    size_t next_line; /* 1 at the start */
    char *fields[CSV_FIELDS];
    size_t n;
};

/* The next record that is not blank; c->n = 0 at the end of the file. ERR_INPUT. */
enum status csv_next(struct csv *c);

#endif
