#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    size_t room = t->allocated - t->length;
    if (t->failed)
        return;
    va_start(args, format);
    int n = vsnprintf(room ? t->data + t->length : NULL, room, format, args); /* most texts fit at once */
    va_end(args);
    if (n >= 0 && (size_t)n >= room && reserve(t, (size_t)n)) {
        va_start(args, format);
        vsnprintf(t->data + t->length, (size_t)n + 1, format, args);
        va_end(args);
    }
    if (n >= 0 && !t->failed)
        t->length += (size_t)n;
    else if (t->data)
        t->data[t->length] = '\0'; /* drop a part that was written */
}

/* number / 10^decimals in plain notation, without zeros at its end. */
static void write_decimal(char *buffer, bool negative, uint64_t number, int decimals)
{
    char digits[32], *first = digits + sizeof digits - 1;
    *first = '\0';
    for (; decimals > 0 && number % 10 == 0; decimals--)
        number /= 10;
    if (decimals > 0) {
        for (; decimals > 0; decimals--, number /= 10)
            *--first = (char)('0' + number % 10);
        *--first = '.';
    }
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    if (negative)
        *--first = '-';
    strcpy(buffer, first);
}

/* The shortest decimal form of 1e-4 <= |value| < 1e15 in exact integers: printf takes ten times as long, and grids and
 * traces are mostly numbers. With D decimals that make 17 digits, 10^D |value| = m 5^D / 2^shift, and the nearest
 * number of fewer digits reads back to value if it is off by less than half of the 5^D / 2^shift between neighbours (a
 * quarter below a power of two). false: not in that range. */
static bool write_shortest(char *buffer, double value)
{
    static const double decade[] = {1e-3, 1e-2, 1e-1, 1,   1e1,  1e2,  1e3,  1e4,  1e5,
                                    1e6,  1e7,  1e8,  1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    __extension__ typedef unsigned __int128 wide;
    const double size = fabs(value);
    if (!(size >= 1e-4 && size < 1e15))
        return false;
    int D = 20, exponent;
    uint64_t five = 95367431640625; /* 5^20 */
    for (size_t i = 0; i < sizeof decade / sizeof decade[0] && size >= decade[i]; i++)
        D--, five /= 5;
    const uint64_t m = (uint64_t)ldexp(frexp(size, &exponent), 53), power_of_two = (uint64_t)1 << 52;
    const int shift = 53 - exponent - D; /* 1 to 46 */
    const wide scaled = (wide)m * five;
    const uint64_t whole = (uint64_t)(scaled >> shift), rest = (uint64_t)scaled & (((uint64_t)1 << shift) - 1);
    int decimals = D - 2;
    for (uint64_t unit = 100;; unit /= 10, decimals++) { /* 15, 16, 17 digits */
        const uint64_t below = (whole % unit << shift) + rest, above = (unit << shift) - below;
        const bool up = above < below || (above == below && whole / unit % 2);
        if (unit == 1 || (up ? 2 * above : (m == power_of_two ? 4 : 2) * below) < five) {
            write_decimal(buffer, value < 0, whole / unit + up, decimals);
            return true;
        }
    }
}

const char *text_real(char *buffer, double value)
{
    if (isnan(value))
        return strcpy(buffer, "nan");
    if (isinf(value))
        return strcpy(buffer, value > 0 ? "inf" : "-inf");
    if (value == rint(value) && fabs(value) < 1e15) {
        write_decimal(buffer, value < 0, (uint64_t)fabs(value), 0);
        return buffer;
    }
    if (write_shortest(buffer, value))
        return buffer;
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

/* Bytes of the character of UTF-8 that begins at s; 0 if none does. */
static size_t character_bytes(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    const size_t rest = *s < 0x80                 ? 0
                        : *s >= 0xC2 && *s < 0xE0 ? 1
                        : *s >= 0xE0 && *s < 0xF0 ? 2
                        : *s >= 0xF0 && *s < 0xF5 ? 3
                                                  : SIZE_MAX;
    /* the second byte's range is narrower where the first one is the lowest or highest of its length */
    unsigned low = *s == 0xE0 ? 0xA0 : *s == 0xF0 ? 0x90 : 0x80, high = *s == 0xED ? 0x9F : *s == 0xF4 ? 0x8F : 0xBF;
    if (rest == SIZE_MAX)
        return 0;
    for (size_t i = 1; i <= rest; i++, low = 0x80, high = 0xBF) {
        if (s[i] < low || s[i] > high)
            return 0;
    }
    return rest + 1;
}

/* The character at s, or U+FFFD for a byte that begins none; returns what is behind it. */
static const char *add_character(struct text *t, const char *s)
{
    const size_t n = character_bytes(s);
    text_add_bytes(t, n ? s : "\xEF\xBF\xBD", n ? n : 3);
    return s + (n ? n : 1);
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
        else if (c < 0x80)
            text_add_bytes(t, s, 1);
        else
            s = add_character(t, s) - 1;
    }
    text_add(t, "\"");
}

void text_add_utf8(struct text *t, const char *string)
{
    for (const char *s = string; *s;)
        s = add_character(t, s);
}

void text_add_plain(struct text *t, const char *string)
{
    for (const char *s = string; *s;) {
        const unsigned char *c = (const unsigned char *)s;
        const size_t wide = *c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0 ? 2 : *c < ' ' || *c == 0x7F ? 1 : 0;
        if (wide)
            text_add(t, "?");
        s = wide ? s + wide : add_character(t, s);
    }
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

const char *text_fixed(char *buffer, int decimals, double value)
{
    if (isnan(value))
        return strcpy(buffer, "-");
    snprintf(buffer, 32, "%.*f", decimals, value);
    if (*buffer == '-' && !buffer[strspn(buffer, "-0.")])
        snprintf(buffer, 32, "%.*f", decimals, 0.0);
    return buffer;
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
    size_t n = 1;
    for (const char *s = string; *s && n; s += n)
        n = character_bytes(s);
    return n > 0;
}

bool text_is_plain(const char *string)
{
    bool plain = true;
    for (const unsigned char *s = (const unsigned char *)string; *s && plain; s++)
        plain = *s >= ' ' && *s != 0x7F && !(*s == 0xC2 && s[1] >= 0x80 && s[1] < 0xA0);
    return plain;
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

const char *text_within(const char *wrong, const char *const *names, size_t n, size_t most)
{
    const char *best = NULL;
    size_t least = most + 1;
    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(wrong, names[i]);
        if (distance < least) {
            least = distance;
            best = names[i];
        }
    }
    return best;
}

const char *text_nearest(const char *wrong, const char *const *names, size_t n)
{
    return text_within(wrong, names, n, 1 + strlen(wrong) / 3);
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

enum status text_may_write(const char *path)
{
    static const char database[] = "SQLite format 3";
    char head[sizeof database] = "";
    struct stat info;
    FILE *file = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    const bool is_one =
        file && fread(head, 1, sizeof head, file) == sizeof head && !memcmp(head, database, sizeof head);
    if (file)
        fclose(file);
    return is_one ? error_set(ERR_INPUT, "%s: is a database, which is not overwritten: give another name", path) : OK;
}

enum status text_write_file(const char *path, const char *bytes, size_t n)
{
    enum status rc = OK;
    FILE *file = NULL;
    struct text aside = {0};
    struct stat info;
    char *behind = realpath(path, NULL); /* a link stays one: what it leads to is replaced */
    const char *target = behind ? behind : path;
    /* A device or pipe, or a link that leads to nothing yet, takes the bytes itself. */
    TRY(text_may_write(target));
    const bool direct = lstat(target, &info) == 0 && !S_ISREG(info.st_mode);
    text_add(&aside, target);
    if (!direct)
        text_addf(&aside, ".tmp.%ld", (long)getpid());
    TRY(text_status(&aside));
    file = fopen(aside.data, "wb");
    REQUIRE(file, ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    bool good = fwrite(bytes, 1, n, file) == n && fflush(file) == 0 && (direct || fsync(fileno(file)) == 0);
    int why = errno;
    good = (fclose(file) == 0 || (why = errno, false)) && good;
    file = NULL;
    if (good && !direct && rename(aside.data, target) != 0) {
        why = errno;
        good = false;
    }
    if (!good && !direct)
        unlink(aside.data);
    if (!good)
        rc = error_set(ERR_IO, "%s: cannot write: %s", path, strerror(why));
done:
    if (file)
        fclose(file);
    text_free(&aside);
    free(behind);
    return rc;
}

enum status text_make_folder(const char *path)
{
    enum status rc = OK;
    struct stat info;
    struct text above = {0};
    text_add(&above, path);
    TRY(text_status(&above));
    for (char *end = *path ? above.data + 1 : NULL; end && (end = strchr(end, '/')); end++) {
        *end = '\0';
        mkdir(above.data, 0777); /* if this fails, the last one fails too */
        *end = '/';
    }
    int failed = mkdir(path, 0777) == 0 ? 0 : errno;
    REQUIRE(!failed || (failed == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)), ERR_IO,
            "%s: cannot make this folder: %s; give another with --out", path, strerror(failed));
done:
    text_free(&above);
    return rc;
}
