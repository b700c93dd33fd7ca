/* Text: a growable string, numbers that read back to the same bits, and the nearest right name for a wrong one. */
#ifndef TEXT_H
#define TEXT_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A growable string. Zero-initialise; `data` is owned, NUL-terminated once anything was added. If memory runs out the
 * text keeps what it has and `failed` stays set, so that a writer checks once, at the end. */
struct text {
    char *data;
    size_t length, allocated;
    bool failed;
};

void text_add(struct text *t, const char *string);
void text_add_bytes(struct text *t, const char *bytes, size_t n);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The shortest decimal form that reads back to the same double; "null" for NaN and infinities (JSON has none). */
void text_add_real(struct text *t, double value);
/* A JSON string literal, quotes included; as text_add_utf8. */
void text_add_json(struct text *t, const char *string);
/* `string` with U+FFFD for every byte that is not UTF-8. */
void text_add_utf8(struct text *t, const char *string);
/* `string` with ? for every control character, and U+FFFD for bytes that are not UTF-8: for a terminal. */
void text_add_plain(struct text *t, const char *string);
/* `string` with & < > " escaped for HTML and SVG. */
void text_add_html(struct text *t, const char *string);
/* A CSV field: quoted when it holds a comma, quote or line end (RFC 4180). */
void text_add_csv(struct text *t, const char *string);
/* ERR_MEMORY if an addition failed, else OK. */
enum status text_status(const struct text *t);
/* Sets the length to 0, keeps the storage. */
void text_clear(struct text *t);
void text_free(struct text *t);

/* Writes the shortest form of `value` into buffer (at least 32 bytes); returns buffer. NaN and infinities: "nan",
 * "inf". */
const char *text_real(char *buffer, double value);
/* `value` with so many decimals into buffer (at least 32 bytes), for people: "-" for NaN, no minus before a zero.
 * Returns buffer. */
const char *text_fixed(char *buffer, int decimals, double value);
/* Whole string -> number: no leading or trailing rest, no overflow, no hexadecimal, nan or inf. Returns false if
 * not. */
bool text_to_real(const char *string, double *value);

/* No broken, overlong or surrogate sequences: what JSON and SQLite take as text. */
bool text_is_utf8(const char *string);

/* No control characters, also of those that UTF-8 has beyond ASCII: what a terminal shows as it is. */
bool text_is_plain(const char *string);

/* The entry of names[n] nearest to `wrong` in edit distance, or NULL when none is near (distance > 1 + length/3). */
const char *text_nearest(const char *wrong, const char *const *names, size_t n);
/* The same, or NULL when the distance is more than `most` (0: they differ in capitals at most). */
const char *text_within(const char *wrong, const char *const *names, size_t n, size_t most);

/* Whole file into `out` (appended). Files over `limit` bytes are refused. */
enum status text_read_file(const char *path, size_t limit, struct text *out);
/* Writes aside (path.tmp.PID), syncs, renames: `path` holds the old or the whole new content, never a part. The file
 * behind a link is written so; a device or a pipe takes the bytes itself. ERR_IO; ERR_INPUT: a
 * results database is there, and is not overwritten. */
enum status text_write_file(const char *path, const char *bytes, size_t n);
/* ERR_INPUT if text_write_file would refuse: to be asked before hours of work. */
enum status text_may_write(const char *path);
/* Makes a folder, and those above it, where they are missing. ERR_IO if it is not there afterwards. */
enum status text_make_folder(const char *path);

#endif
