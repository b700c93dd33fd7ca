#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

/* Names and values in a message come from files: what would move the cursor of a terminal is a question mark. */
static void make_plain(char *s)
{
    for (unsigned char *c = (unsigned char *)s; *c; c++) {
        if (*c < ' ' || *c == 0x7F)
            *c = *c == '\n' || *c == '\t' ? ' ' : '?';
        else if (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) /* the same once more, in UTF-8 */
            c[0] = c[1] = '?';
    }
}

enum status error_set(enum status code, const char *format, ...)
{
    char fresh[sizeof message]; /* the arguments may point into the old message */
    va_list args;
    va_start(args, format);
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    make_plain(fresh);
    memcpy(message, fresh, sizeof message);
    return code;
}

enum status error_prefix(enum status code, const char *format, ...)
{
    char prefix[256], whole[sizeof message + sizeof prefix + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    make_plain(prefix);
    snprintf(whole, sizeof whole, "%s: %s", prefix, message);
    whole[sizeof message - 1] = '\0';
    memcpy(message, whole, sizeof message);
    return code;
}

const char *error_message(void)
{
    return message;
}

int error_exit_code(enum status code)
{
    switch (code) {
#define AS_CASE(name, exit_code, text)                                                                                 \
    case name:                                                                                                         \
        return exit_code;
        ERROR_CODES(AS_CASE)
#undef AS_CASE
    }
    return 3;
}
