#include "base/csv.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A quoted field, from behind its opening quote; *end is left behind the closing quote. */
static enum status unquote(struct csv *c, char *read, char **end)
{
    char *write = read;
    for (;; read++) {
        if (*read == '"' && read[1] != '"')
            break;
        if (*read == '"')
            read++;
        if (!*read)
            return error_set(ERR_INPUT, "a quote is opened and never closed");
        c->next_line += *read == '\n';
        *write++ = *read;
    }
    *end = read + 1;
    *write = '\0'; /* at the closing quote at the latest, so *end is intact */
    return OK;
}

static char separator_of(const struct csv *c)
{
    return c->separator ? c->separator : ',';
}

/* What is dropped around a field: a tab is a blank, but not where it separates. */
static const char *blanks_of(const struct csv *c)
{
    return c->separator == '\t' ? " " : " \t";
}

/* A field without quotes: blanks around it are dropped; *end is left at what ends it. */
static enum status plain(const struct csv *c, char **start, char **end, char **last)
{
    char *read = *start;
    const char ends[] = {separator_of(c), '\r', '\n', '\0'};
    *end = read + strcspn(read, ends);
    *last = *end;
    while (*last > read && isblank((unsigned char)(*last)[-1]))
        --*last;
    if (memchr(read, '"', (size_t)(*end - read)))
        return error_set(ERR_INPUT, "a quote inside a field: quote the whole field and double the quotes inside");
    return OK;
}

enum status csv_next(struct csv *c)
{
    enum status rc = OK;
    c->n = 0;
    while (*c->next == '\n' || (*c->next == '\r' && c->next[1] == '\n')) {
        c->next += *c->next == '\r' ? 2 : 1;
        c->next_line++;
    }
    c->line = c->next_line;
    if (!*c->next)
        return OK;
    for (bool more = true; more;) {
        char *start = c->next + strspn(c->next, blanks_of(c)), *end = start, *last = NULL;
        REQUIRE(c->n < CSV_FIELDS, ERR_INPUT, "more than %d fields", CSV_FIELDS);
        if (*start == '"')
            TRY(unquote(c, ++start, &end));
        else
            TRY(plain(c, &start, &end, &last));
        if (!last)
            end += strspn(end, blanks_of(c));
        c->fields[c->n++] = start;
        bool line_end = *end == '\n' || (*end == '\r' && end[1] == '\n');
        REQUIRE(*end == separator_of(c) || line_end || !*end, ERR_INPUT,
                *end == '\r' ? "a carriage return without a line feed: save the file with LF or CRLF line ends"
                             : "text after a closing quote");
        more = *end == separator_of(c);
        c->next_line += line_end;
        c->next = !*end ? end : *end == '\r' ? end + 2 : end + 1;
        if (last)
            *last = '\0';
    }
done:
    return rc;
}
