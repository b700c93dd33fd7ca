/* Numbers as text: the shortest form that reads back, by another route (printf, tried with more and more digits);
 * growing texts. */
#include "base/random.h"
#include "test.h"
#include "base/text.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALUES = 100000 };

/* 15, 16 or 17 digits, the first that strtod reads back to the same bits: what text_real promises. */
static void check(double value)
{
    char expected[32], got[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(expected, sizeof expected, "%.*g", digits, value);
        if (strtod(expected, NULL) == value)
            break;
    }
    text_real(got, value);
    ck_assert_msg(strtod(got, NULL) == value, "%.17g is printed as %s, which reads back to another number", value, got);
    if (!(value == rint(value) && fabs(value) < 1e15)) /* whole numbers are written without exponent */
        ck_assert_str_eq(got, expected);
}

/* `value`, some of its neighbours, and their negatives. */
static void check_around(double value, int neighbours)
{
    double below = value, above = value;
    for (int i = 0; i <= neighbours; i++) {
        check(below), check(above), check(-below);
        below = nextafter(below, -INFINITY), above = nextafter(above, INFINITY);
    }
}

START_TEST(shortest_form)
{
    const struct stream s = {.seed = 1, .purpose = PURPOSE_DATA};
    for (int exponent = -330; exponent <= 300; exponent++)
        check_around(pow(10, exponent), exponent > -10 && exponent < 20 ? 50 : 1);
    for (int exponent = -60; exponent <= 70; exponent++)
        check_around(ldexp(1, exponent), 50);
    for (uint32_t i = 0; i < VALUES; i++) {
        uint32_t c[4];
        random_block(&s, i, c);
        const double mantissa = 1 + ldexp((double)((uint64_t)c[0] << 20 | c[1] >> 12), -52),
                     digits = c[0] % 1000000000u;
        check(ldexp(mantissa, (int)(c[2] % 70) - 15));
        check(digits / pow(10, c[2] % 13)); /* few digits, some of them zeros */
    }
    check_around(5e-324, 3);
    check_around(1.7976931348623157e308, 0);
    check_around(0, 1);
}
END_TEST

START_TEST(special_values)
{
    char buffer[32];
    ck_assert_str_eq(text_real(buffer, 64), "64");
    ck_assert_str_eq(text_real(buffer, -0.0), "0");
    ck_assert_str_eq(text_real(buffer, -1.5), "-1.5");
    ck_assert_str_eq(text_real(buffer, 1e-8), "1e-08");
    ck_assert_str_eq(text_real(buffer, 0.0001), "0.0001");
    ck_assert_str_eq(text_real(buffer, 999999999999999), "999999999999999");
    ck_assert_str_eq(text_real(buffer, (double)NAN), "nan");
    ck_assert_str_eq(text_real(buffer, -(double)INFINITY), "-inf");
}
END_TEST

/* Formatted pieces of every length, so that some fit the room there is exactly, by one byte less, and not at all. */
START_TEST(text_grows)
{
    struct text t = {0};
    size_t length = 0;
    for (int n = 0; n < 700; n++) {
        text_addf(&t, "%*d", n, 7);
        length += n ? (size_t)n : 1;
        ck_assert_uint_eq(t.length, length);
        ck_assert_uint_eq(strlen(t.data), length);
        ck_assert_int_eq(t.data[length - 1], '7');
    }
    ck_assert_int_eq(text_status(&t), OK);
    text_clear(&t);
    text_addf(&t, "%s", "");
    ck_assert_str_eq(t.data, "");
    text_free(&t);
}
END_TEST

/* A file is replaced; a link still leads to where it led, a pipe is still one. */
START_TEST(links_and_pipes)
{
    char folder[] = "/tmp/plateau_test.XXXXXX", path[4][64], buffer[8] = "";
    static const char *const names[] = {"file", "link", "dangling", "pipe"};
    struct stat info;
    struct text back = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    ck_assert(symlink("file", path[1]) == 0 && symlink("file", path[2]) == 0 && mkfifo(path[3], 0600) == 0);
    ck_assert_int_eq(text_write_file(path[2], "one", 3), OK); /* leads to nothing yet */
    ck_assert_int_eq(text_write_file(path[1], "three", 5), OK);
    ck_assert(lstat(path[1], &info) == 0 && S_ISLNK(info.st_mode) && lstat(path[2], &info) == 0 &&
              S_ISLNK(info.st_mode));
    ck_assert_int_eq(text_read_file(path[0], 100, &back), OK);
    ck_assert_str_eq(back.data, "three");
    const int reader = open(path[3], O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(text_write_file(path[3], "four", 4), OK);
    ck_assert(read(reader, buffer, 4) == 4 && !strcmp(buffer, "four"));
    ck_assert(lstat(path[3], &info) == 0 && S_ISFIFO(info.st_mode));
    ck_assert_int_eq(text_write_file(folder, "x", 1), ERR_IO);
    close(reader);
    text_free(&back);
    for (int i = 0; i < 4; i++)
        unlink(path[i]);
    ck_assert_msg(rmdir(folder) == 0, "something was left aside");
}
END_TEST

static const struct test tests[] = {{"shortest form", &shortest_form},
                                    {"special values", &special_values},
                                    {"text grows", &text_grows},
                                    {"links and pipes", &links_and_pipes}};
TEST_MAIN("text", tests)
