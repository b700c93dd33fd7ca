#include "test.h"

int test_main(const char *name, const struct test *tests, size_t n)
{
    Suite *suite = suite_create(name);
    for (size_t i = 0; i < n; i++) {
        TCase *tc = tcase_create(tests[i].name);
        tcase_set_timeout(tc, 240); /* far above any test, also under valgrind: it stops a hang, it judges no speed */
        tcase_add_test(tc, *tests[i].function);
        suite_add_tcase(suite, tc);
    }
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    /* The TAP driver counts `not ok` lines; a non-zero exit would count once more as an ERROR. */
    srunner_free(runner);
    return 0;
}
