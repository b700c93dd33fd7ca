/* What every test program shares: NaN-safe comparisons and a main that speaks TAP.
 *
 *     static const struct test tests[] = {{"name", &function}, ...};
 *     TEST_MAIN("module", tests)
 * Each function is a Check test (START_TEST) and runs in its own process. */
#ifndef TEST_H
#define TEST_H
#include <check.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* |got - want| <= rtol |want| + atol; false for NaN. Failure prints both numbers and the name. */
#define test_close(got, want, rtol, atol, ...)                                                                         \
    do {                                                                                                               \
        double got_ = (got), want_ = (want), error_ = fabs(got_ - want_);                                              \
        char name_[256];                                                                                               \
        snprintf(name_, sizeof name_, __VA_ARGS__);                                                                    \
        if (!(error_ <= (rtol)*fabs(want_) + (atol)))                                                                  \
            ck_abort_msg("%s: got %.12g, want %.12g, error %.3g (rtol %.1g atol %.1g)", name_, got_, want_, error_,    \
                         (double)(rtol), (double)(atol));                                                              \
    } while (0)

struct test {
    const char *name;
    const TTest *const *function; /* &name of a START_TEST */
};

int test_main(const char *suite, const struct test *tests, size_t n);
#define TEST_MAIN(suite, tests)                                                                                        \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        return test_main(suite, tests, sizeof(tests) / sizeof((tests)[0]));                                            \
    }
#endif
