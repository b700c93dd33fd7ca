/* Complete keys from a few assignments, for tests of Transformers. */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H
#include "base/keys.h"
#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* test_keys("d=4 T=%d", T): keys of model=transformer, from words in printf style; the last of two assignments of one
 * key holds. */
__attribute__((format(printf, 1, 2))) static inline struct keys test_keys(const char *format, ...)
{
    double given[KEY_COUNT];
    struct keys keys;
    char words[500], *rest = words;
    va_list list;
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = MODEL_TRANSFORMER;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    for (char *word; (word = strsep(&rest, " "));) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        enum key key = keys_find(word);
        ck_assert_msg(key < KEY_COUNT && keys_value(key, value, &given[key]) == OK, "%s", error_message());
    }
    ck_assert_msg(keys_resolve(given, &keys) == OK, "%s", error_message());
    return keys;
}

#endif
