/* A table in a file, whoever wrote it: names of columns, and records with a text for each.
 *
 * Two forms are told apart by the first character. Separated values (csv.h) have a line of names; the separator is the
 * comma, semicolon or tab, whichever that line has most of. JSON has objects, one a line (JSON Lines) or in an array;
 * the columns are the names that any of them has. Objects within objects are flattened with dots,
 *
 *     {"config": {"T": 64}}   is the column   config.T,
 *
 * and an object {"value": x}, with or without a "desc" beside it, is x, as Weights & Biases writes its settings. null
 * is an empty cell, a list is its text. NaN and Infinity, which Python writes and JSON has not, are read as the words
 * nan and inf. A byte-order mark is skipped in both forms.
 *
 * Errors begin with the place, "PATH:LINE: ..", or "PATH: record N: .." in an array, whose lines say little. */
#ifndef SHEET_H
#define SHEET_H
#include "base/csv.h"
#include "base/text.h"

struct sheet {
    size_t n;     /* columns */
    char **names; /* owned: [n] */
    char **cells; /* [n], of the record read last, "" where it has none: the sheet's until the next, the reader may
                      change their bytes */
    size_t where; /* the line at which that record begins (before the first: of the names, of JSON 0); in an array, its
                      number */
    bool json, array;

    /* The sheet's own. */
    const char *path; /* borrowed */
    bool decimal_comma;
    struct text file, name, values;
    struct csv csv;
    char *next;  /* JSON that is not read yet */
    size_t line; /* there */
    void *index; /* json_t: name -> column */
    size_t *at;  /* [n]: where in `values` the cell begins; SIZE_MAX: none */
    size_t allocated;
    bool names_only;
};

/* Reads `path` (kept by reference) and the names of its columns into *s. decimal_comma: numbers have a comma where
 * others have a point. Release with sheet_free, also after an error. ERR_INPUT: the file is missing, empty, over 1 GiB,
 * or not of these forms; ERR_IO, ERR_MEMORY. */
enum status sheet_open(const char *path, bool decimal_comma, struct sheet *s);
/* The next record into s->cells; *more is false at the end. ERR_INPUT, ERR_MEMORY. */
enum status sheet_next(struct sheet *s, bool *more);
/* Makes `cell` the text of a number as text_to_real reads it, in place, if it is one with a decimal comma. ERR_INPUT
 * where commas and points are not as sheet_open was told: they are never guessed. */
enum status sheet_number(const struct sheet *s, char *cell);
/* Puts the place `where` (a value of s->where) before the message of an ERR_INPUT; returns rc. */
enum status sheet_blame(const struct sheet *s, size_t where, enum status rc);
/* What `where` counts: "line" or "record". */
const char *sheet_unit(const struct sheet *s);
void sheet_free(struct sheet *s);

#endif
