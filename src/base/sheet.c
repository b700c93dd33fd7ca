#include "base/sheet.h"
#include "base/list.h"
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const size_t LARGEST_FILE = (size_t)1 << 30;
static const char BLANKS[] = " \t\r\n";

const char *sheet_unit(const struct sheet *s)
{
    return s->array ? "record" : "line";
}

enum status sheet_blame(const struct sheet *s, size_t where, enum status rc)
{
    if (rc != ERR_INPUT)
        return rc;
    if (!where)
        return error_prefix(rc, "%.200s", s->path);
    return s->array ? error_prefix(rc, "%.200s: record %zu", s->path, where)
                    : error_prefix(rc, "%.200s:%zu", s->path, where);
}

/* The column of that name is the next one. */
static enum status add_column(struct sheet *s, const char *name)
{
    enum status rc = OK;
    REQUIRE(s->n < CSV_FIELDS, ERR_INPUT, "more than %d columns", CSV_FIELDS);
    TRY(list_room(&s->names, s->n, &s->allocated, sizeof *s->names, "columns"));
    REQUIRE(s->names[s->n] = strdup(name), ERR_MEMORY, "out of memory for the name of a column");
    s->n++;
done:
    return rc;
}

/* ---- separated values ---- */

/* What separates the names: quoted ones may have any of them inside. */
static char separator_of(const char *text)
{
    static const char all[] = ",;\t"; /* the first of those that are equally many */
    size_t count[sizeof all - 1] = {0}, most = 0;
    bool quoted = false;
    for (text += strspn(text, "\r\n"); *text && (quoted || *text != '\n'); text++) {
        const char *found = strchr(all, *text);
        quoted = quoted != (*text == '"');
        if (found && !quoted)
            count[found - all]++;
    }
    for (size_t i = 1; i < sizeof all - 1; i++)
        most = count[i] > count[most] ? i : most;
    return all[most];
}

static enum status open_csv(struct sheet *s)
{
    enum status rc = OK;
    s->csv = (struct csv){.next = s->next, .separator = separator_of(s->next), .next_line = 1};
    rc = csv_next(&s->csv);
    s->where = s->csv.line;
    if (rc != OK)
        goto done;
    REQUIRE(s->csv.n, ERR_INPUT, "the file is empty; it needs a header line with the names of the columns");
    for (size_t i = 0; i < s->csv.n; i++)
        TRY(add_column(s, s->csv.fields[i]));
done:
    return rc;
}

static enum status next_csv(struct sheet *s, bool *more)
{
    enum status rc = csv_next(&s->csv);
    s->where = s->csv.line;
    if (rc != OK)
        goto done;
    *more = s->csv.n > 0;
    REQUIRE(!*more || s->csv.n == s->n, ERR_INPUT, "%zu field%s, but the header names %zu columns", s->csv.n,
            s->csv.n == 1 ? "" : "s", s->n);
    for (size_t i = 0; i < s->csv.n; i++)
        s->cells[i] = s->csv.fields[i];
done:
    return rc;
}

/* ---- JSON ---- */

/* Python writes NaN and Infinity bare, which no parser of JSON takes: as strings they are read. */
static enum status quote_words(struct sheet *s)
{
    static const struct {
        const char *bare, *quoted;
    } words[] = {{"NaN", "\"nan\""}, {"-Infinity", "\"-inf\""}, {"Infinity", "\"inf\""}};
    enum status rc = OK;
    struct text out = {0};
    const char *done_to = s->next;
    bool quoted = false;
    for (const char *at = s->next; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        for (size_t i = 0; !quoted && i < sizeof words / sizeof words[0]; i++) {
            if (strncmp(at, words[i].bare, strlen(words[i].bare)) != 0)
                continue;
            text_add_bytes(&out, done_to, (size_t)(at - done_to));
            text_add(&out, words[i].quoted);
            at += strlen(words[i].bare) - 1;
            done_to = at + 1;
            break;
        }
    }
    if (!out.length)
        goto done;
    text_add(&out, done_to);
    TRY(text_status(&out));
    text_free(&s->file);
    s->file = out;
    s->next = out.data;
    return OK;
done:
    text_free(&out);
    return rc;
}

/* {"value": x} -> x, as Weights & Biases has it: alone, or with a "desc". */
static json_t *unwrapped(json_t *value)
{
    const size_t size = json_object_size(value); /* 0 of what is no object */
    json_t *inside = size ? json_object_get(value, "value") : NULL;
    return inside && (size == 1 || (size == 2 && json_object_get(value, "desc"))) ? inside : value;
}

static enum status add_value(struct text *out, const json_t *value)
{
    char buffer[32], *dump;
    if (json_is_string(value)) {
        text_add(out, json_string_value(value));
    } else if (json_is_number(value)) {
        text_add(out, text_real(buffer, json_number_value(value)));
    } else if (json_is_boolean(value)) {
        text_add(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_array(value)) {
        if (!(dump = json_dumps(value, JSON_COMPACT)))
            return error_set(ERR_MEMORY, "out of memory for a list");
        text_add(out, dump);
        free(dump);
    }
    text_add_bytes(out, "", 1);
    return text_status(out);
}

/* One value, whose flattened name is s->name: a column where names are gathered, else a cell. */
static enum status take_value(struct sheet *s, const json_t *value)
{
    enum status rc = OK;
    const char *name = s->name.data;
    json_t *index = s->index, *known = json_object_get(index, name);
    if (s->names_only) {
        if (!known) {
            TRY(add_column(s, name));
            REQUIRE(json_object_set_new(index, name, json_integer((json_int_t)s->n - 1)) == 0, ERR_MEMORY,
                    "out of memory for the name of a column");
        }
        goto done;
    }
    const size_t column = (size_t)json_integer_value(known);
    REQUIRE(s->at[column] == SIZE_MAX, ERR_INPUT, "%.60s: is there twice, once with a dot in its name", name);
    s->at[column] = s->values.length;
    TRY(add_value(&s->values, value));
done:
    return rc;
}

/* The objects within objects, with s->name as their name so far.
 * NOLINTNEXTLINE(misc-no-recursion): jansson bounds their depth */
static enum status flatten(struct sheet *s, json_t *object)
{
    enum status rc = OK;
    const size_t prefix = s->name.length;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        text_addf(&s->name, "%s%s", prefix ? "." : "", key);
        TRY(text_status(&s->name));
        value = unwrapped(value);
        TRY(json_object_size(value) ? flatten(s, value) : take_value(s, value));
        s->name.length = prefix;
        s->name.data[prefix] = '\0';
    }
done:
    return rc;
}

static void skip(struct sheet *s, size_t n)
{
    for (; n > 0 && *s->next; n--)
        s->line += *s->next++ == '\n';
}

/* From behind the blanks that follow an object to the next one; *more is false behind the last. */
static enum status next_object(struct sheet *s, bool first, bool *more)
{
    enum status rc = OK;
    if (s->array) {
        *more = *s->next != ']';
        if (first || !*more) {
            skip(s, !*more);
        } else {
            REQUIRE(*s->next == ',', ERR_INPUT, "a comma or ] is missing between the objects of the array");
            skip(s, 1);
        }
        skip(s, strspn(s->next, BLANKS));
        REQUIRE(*more || !*s->next, ERR_INPUT, "text after the end of the array");
    } else {
        *more = *s->next != '\0';
    }
    REQUIRE(!*more || *s->next == '{', ERR_INPUT,
            *s->next ? "not an object: every run is a JSON object {..}, one a line, or all in one array"
                     : "the array is not closed");
done:
    return rc;
}

static enum status next_json(struct sheet *s, bool *more)
{
    enum status rc = OK;
    json_error_t why;
    json_t *object = NULL;
    const bool first = s->where == 0;
    skip(s, strspn(s->next, BLANKS));
    s->where = s->array ? s->where + 1 : s->line;
    TRY(next_object(s, first, more));
    if (!*more)
        goto done;
    object = json_loadb(s->next, (size_t)(s->file.data + s->file.length - s->next),
                        JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL, &why);
    REQUIRE(object, ERR_INPUT, "not JSON: %s", why.text);
    skip(s, (size_t)why.position);
    s->name.length = s->values.length = 0;
    for (size_t i = 0; i < s->n && !s->names_only; i++)
        s->at[i] = SIZE_MAX;
    TRY(flatten(s, object));
    for (size_t i = 0; i < s->n && !s->names_only; i++)
        s->cells[i] = s->at[i] == SIZE_MAX ? s->values.data + s->values.length : s->values.data + s->at[i];
done:
    json_decref(object);
    return rc;
}

static bool has_column(const struct sheet *s, const char *name)
{
    return json_object_get(s->index, name) != NULL;
}

/* Is the only object the whole table, as pandas writes it if not told otherwise? Then all columns are numbered, "T.0"
 * or "0.T", or have the names of its other forms. */
static bool is_table(const struct sheet *s)
{
    size_t first = 0, last = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->names[i], *part = strrchr(name, '.');
        const size_t digits = strspn(name, "0123456789");
        first += digits && name[digits] == '.';
        last += part && part[1] && !part[1 + strspn(part + 1, "0123456789")];
    }
    return first == s->n || last == s->n ||
           (has_column(s, "data") && (has_column(s, "columns") || has_column(s, "schema.pandas_version")));
}

/* Once through the file for the names, and then back to its beginning. */
static enum status open_json(struct sheet *s)
{
    enum status rc = OK;
    bool more = true;
    TRY(quote_words(s));
    skip(s, strspn(s->next, BLANKS));
    s->array = *s->next == '[';
    skip(s, s->array);
    char *const begin = s->next;
    const size_t line = s->line;
    REQUIRE(s->index = json_object(), ERR_MEMORY, "out of memory for the names of the columns");
    text_add(&s->values, ""); /* there must be some, for cells that are empty */
    TRY(text_status(&s->values));
    s->names_only = true;
    size_t objects = 0;
    for (; more; objects += more)
        TRY(next_json(s, &more));
    s->where = 0; /* what follows is of the whole file */
    REQUIRE(objects != 1 || !s->n || !is_table(s), ERR_INPUT,
            "one object holds the whole table: every run is a JSON object {..}, one a line, or all in one array "
            "(pandas: to_json(.., orient=\"records\"))");
    REQUIRE(s->n, ERR_INPUT, "no object has a value");
    s->names_only = false;
    s->next = begin;
    s->line = line;
done:
    return rc;
}

/* ---- both ---- */

static bool is_json(const char *text)
{
    text += strspn(text, BLANKS);
    if (*text != '[')
        return *text == '{';
    text += 1 + strspn(text + 1, BLANKS);
    return *text == '{' || *text == ']';
}

enum status sheet_open(const char *path, bool decimal_comma, struct sheet *s)
{
    enum status rc = OK;
    *s = (struct sheet){.path = path, .decimal_comma = decimal_comma, .line = 1};
    TRY(text_read_file(path, LARGEST_FILE, &s->file));
    REQUIRE(strlen(s->file.data) == s->file.length, ERR_INPUT, "%s: not a text file; save it as CSV in UTF-8", path);
    s->next = s->file.data + (strncmp(s->file.data, "\xef\xbb\xbf", 3) ? 0 : 3); /* as Excel writes it */
    s->json = is_json(s->next);
    rc = s->json ? open_json(s) : open_csv(s);
    if (rc != OK) {
        sheet_blame(s, s->where, rc);
        goto done;
    }
    s->cells = calloc(s->n, sizeof *s->cells);
    s->at = calloc(s->n, sizeof *s->at);
    REQUIRE(s->cells && s->at, ERR_MEMORY, "out of memory for %zu columns", s->n);
done:
    return rc;
}

enum status sheet_next(struct sheet *s, bool *more)
{
    *more = false;
    const enum status rc = s->json ? next_json(s, more) : next_csv(s, more);
    return sheet_blame(s, s->where, rc);
}

/* Digits on both sides of one comma, or at least on one, and what else a number may have. */
static bool has_decimal_comma(const char *cell)
{
    static const char digits[] = "0123456789";
    const char *first = cell + strspn(cell, "+-"), *comma = first + strspn(first, digits);
    const char *rest = comma + (*comma == ',') + strspn(comma + (*comma == ','), digits);
    if (*comma != ',' || rest - first < 2)
        return false;
    return !*rest || ((*rest == 'e' || *rest == 'E') && !rest[1 + strspn(rest + 1, "+-0123456789")]);
}

enum status sheet_number(const struct sheet *s, char *cell)
{
    double value;
    if (has_decimal_comma(cell)) {
        if (!s->decimal_comma)
            return error_set(ERR_INPUT, "%.60s: looks like a number with a decimal comma: give --decimal comma", cell);
        *strchr(cell, ',') = '.';
    } else if (s->decimal_comma && !s->json && strchr(cell, '.') && text_to_real(cell, &value)) {
        return error_set(ERR_INPUT,
                         "%.60s: has a point, but --decimal comma says that numbers of this file have commas", cell);
    }
    return OK;
}

void sheet_free(struct sheet *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->names[i]);
    free(s->names);
    free(s->cells);
    free(s->at);
    text_free(&s->file);
    text_free(&s->name);
    text_free(&s->values);
    json_decref(s->index);
    *s = (struct sheet){0};
}
