#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool reserve(struct text *t, size_t extra)
{
    if (t->failed)
        return false;
    if (t->data && t->length + extra + 1 <= t->allocated)
        return true;
    size_t want = t->allocated ? t->allocated : 256;
    while (want < t->length + extra + 1)
        want *= 2;
    char *data = realloc(t->data, want);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->allocated = want;
    return true;
}

void text_add_bytes(struct text *t, const char *bytes, size_t n)
{
    if (!reserve(t, n))
        return;
    if (n)
        memcpy(t->data + t->length, bytes, n);
    t->length += n;
    t->data[t->length] = '\0';
}

void text_add(struct text *t, const char *string)
{
    text_add_bytes(t, string, strlen(string));
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !reserve(t, (size_t)n))
        return;
    va_start(args, format);
    vsnprintf(t->data + t->length, (size_t)n + 1, format, args);
    va_end(args);
    t->length += (size_t)n;
}

const char *text_real(char *buffer, double value)
{
    if (isnan(value))
        return strcpy(buffer, "nan");
    if (isinf(value))
        return strcpy(buffer, value > 0 ? "inf" : "-inf");
    /* Whole numbers of moderate size are the common case (keys): no search. */
    if (value == rint(value) && fabs(value) < 1e15) {
        snprintf(buffer, 32, "%.0f", value == 0 ? 0.0 : value);
        return buffer;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    return buffer;
}

void text_add_real(struct text *t, double value)
{
    char buffer[32];
    text_add(t, isfinite(value) ? text_real(buffer, value) : "null");
}

void text_add_json(struct text *t, const char *string)
{
    text_add(t, "\"");
    for (const char *s = string; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            text_addf(t, "\\%c", c);
        else if (c < 0x20)
            text_addf(t, "\\u%04x", c);
        else
            text_add_bytes(t, s, 1);
    }
    text_add(t, "\"");
}

void text_add_html(struct text *t, const char *string)
{
    for (const char *s = string; *s; s++) {
        switch (*s) {
        case '&':
            text_add(t, "&amp;");
            break;
        case '<':
            text_add(t, "&lt;");
            break;
        case '>':
            text_add(t, "&gt;");
            break;
        case '"':
            text_add(t, "&quot;");
            break;
        default:
            text_add_bytes(t, s, 1);
        }
    }
}

void text_add_csv(struct text *t, const char *string)
{
    if (!strpbrk(string, ",\"\r\n")) {
        text_add(t, string);
        return;
    }
    text_add(t, "\"");
    for (const char *s = string; *s; s++) {
        if (*s == '"')
            text_add(t, "\"");
        text_add_bytes(t, s, 1);
    }
    text_add(t, "\"");
}

enum status text_status(const struct text *t)
{
    return t->failed ? error_set(ERR_MEMORY, "out of memory while building a text of %zu bytes", t->length) : OK;
}

void text_clear(struct text *t)
{
    t->length = 0;
    if (t->data)
        t->data[0] = '\0';
}

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

bool text_to_real(const char *string, double *value)
{
    /* strtod also takes "nan", "inf", hexadecimal and leading blanks; a key value is a plain decimal number. */
    if (!*string || strspn(string, "+-.0123456789eE") != strlen(string))
        return false;
    char *end;
    errno = 0;
    *value = strtod(string, &end);
    return *end == '\0' && end != string && isfinite(*value) && !(errno == ERANGE && fabs(*value) > 1);
}

bool text_is_utf8(const char *string)
{
    for (const unsigned char *s = (const unsigned char *)string; *s;) {
        int rest = *s < 0x80 ? 0 : *s >= 0xC2 && *s < 0xE0 ? 1 : *s >= 0xE0 && *s < 0xF0 ? 2 : *s >= 0xF0 && *s < 0xF5 ? 3 : -1;
        /* the second byte's range is narrower where the first one is the lowest or highest of its length */
        unsigned low = *s == 0xE0 ? 0xA0 : *s == 0xF0 ? 0x90 : 0x80, high = *s == 0xED ? 0x9F : *s == 0xF4 ? 0x8F : 0xBF;
        if (rest < 0)
            return false;
        for (s++; rest > 0; rest--, s++, low = 0x80, high = 0xBF) {
            if (*s < low || *s > high)
                return false;
        }
    }
    return true;
}

static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t na = strlen(a), nb = strlen(b), row[LONGEST + 1];
    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *text_nearest(const char *wrong, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t least = 2 + strlen(wrong) / 3;
    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(wrong, names[i]);
        if (distance < least) {
            least = distance;
            best = names[i];
        }
    }
    return best;
}

enum status text_read_file(const char *path, size_t limit, struct text *out)
{
    enum status rc = OK;
    FILE *file = fopen(path, "rb");
    REQUIRE(file, ERR_INPUT, "%s: %s", path, strerror(errno));
    char buffer[65536];
    size_t n, total = 0;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0) {
        REQUIRE((total += n) <= limit, ERR_INPUT, "%s: larger than %zu bytes", path, limit);
        text_add_bytes(out, buffer, n);
    }
    REQUIRE(!ferror(file), errno == EISDIR ? ERR_INPUT : ERR_IO, "%s: %s", path, strerror(errno));
    if (!out->data)
        text_add(out, "");
    TRY(text_status(out));
done:
    if (file)
        fclose(file);
    return rc;
}

enum status text_write_file(const char *path, const char *bytes, size_t n)
{
    enum status rc = OK;
    FILE *file = NULL;
    struct text aside = {0};
    text_addf(&aside, "%s.tmp.%ld", path, (long)getpid());
    TRY(text_status(&aside));
    file = fopen(aside.data, "wb");
    REQUIRE(file, ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    bool good = fwrite(bytes, 1, n, file) == n && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int why = errno;
    good = (fclose(file) == 0 || (why = errno, false)) && good;
    file = NULL;
    if (good && rename(aside.data, path) != 0) {
        why = errno;
        good = false;
    }
    if (!good) {
        unlink(aside.data);
        rc = error_set(ERR_IO, "%s: cannot write: %s", path, strerror(why));
    }
done:
    if (file)
        fclose(file);
    text_free(&aside);
    return rc;
}
