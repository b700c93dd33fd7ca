/* Complete keys from a few assignments, for tests of Transformers. */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H
#include "keys.h"
#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* test_keys("d=4", "T=9", .., NULL): keys of model=transformer; the last of two assignments of one key holds. */
static inline struct keys test_keys(const char *assignment, ...)
{
    double given[KEY_COUNT];
    struct keys keys;
    va_list list;
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = MODEL_TRANSFORMER;
    va_start(list, assignment);
    for (; assignment; assignment = va_arg(list, const char *)) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(assignment, "="), assignment);
        enum key key = keys_find(name);
        ck_assert_msg(key < KEY_COUNT && keys_value(key, strchr(assignment, '=') + 1, &given[key]) == OK, "%s", error_message());
    }
    va_end(list);
    ck_assert_msg(keys_resolve(given, &keys) == OK, "%s", error_message());
    return keys;
}

#endif
