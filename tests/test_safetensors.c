/* safetensors: what is written reads back, also byte by byte by the format's definition; and no file, however wrong, is
 * half-accepted. */
#include "run/safetensors.h"
#include "test.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static const char *file_path(void)
{
    snprintf(path, sizeof path, "test_safetensors.%ld", (long)getpid());
    return path;
}

/* A file from its parts: header length (-1: the right one), header, n bytes 0, 1, 2, ... */
static void write_raw(long length, const char *header, size_t n)
{
    struct text t = {0};
    uint64_t N = length < 0 ? strlen(header) : (uint64_t)length;
    for (int i = 0; i < 8; i++)
        text_add_bytes(&t, &(char){(char)(N >> 8 * i)}, 1);
    text_add(&t, header);
    for (size_t i = 0; i < n; i++)
        text_add_bytes(&t, &(char){(char)i}, 1);
    ck_assert_int_eq(text_write_file(file_path(), t.data, t.length), OK);
    text_free(&t);
}

START_TEST(round_trip)
{
    const float f[6] = {1.5f, -0.0f, 3e-45f, INFINITY, -2, 7};
    const double g[2] = {M_PI, -1e-310};
    const int32_t i[3] = {-1, 0, 2147483647};
    const struct safetensors_tensor t[] = {{"a \"b\"", SAFETENSORS_F32, 2, {2, 3}, f},
                                           {"empty", SAFETENSORS_F32, 2, {0, 3}, NULL},
                                           {"i", SAFETENSORS_I32, 1, {3}, i},
                                           {"g", SAFETENSORS_F64, 1, {2}, g},
                                           {"one", SAFETENSORS_F32, 0, {0}, f + 5}};
    const struct safetensors_note notes[] = {{"step", "12"}, {"text", "\"quoted\"\n"}};
    struct safetensors file;
    float f2[6], one;
    double g2[2];
    int32_t i2[3];
    ck_assert_int_eq(safetensors_write(file_path(), t, 5, notes, 2), OK);
    ck_assert_msg(safetensors_read(path, &file) == OK, "%s", error_message());
    ck_assert_uint_eq(file.n, 5);
    ck_assert_int_eq(safetensors_copy(&file, "a \"b\"", SAFETENSORS_F32, 2, (size_t[]){2, 3}, f2), OK);
    ck_assert_int_eq(safetensors_copy(&file, "i", SAFETENSORS_I32, 1, (size_t[]){3}, i2), OK);
    ck_assert_int_eq(safetensors_copy(&file, "g", SAFETENSORS_F64, 1, (size_t[]){2}, g2), OK);
    ck_assert_int_eq(safetensors_copy(&file, "one", SAFETENSORS_F32, 0, NULL, &one), OK);
    ck_assert_int_eq(safetensors_copy(&file, "empty", SAFETENSORS_F32, 2, (size_t[]){0, 3}, NULL), OK);
    ck_assert_mem_eq(f, f2, sizeof f);
    ck_assert_mem_eq(g, g2, sizeof g);
    ck_assert_mem_eq(i, i2, sizeof i);
    ck_assert(one == 7);
    ck_assert_str_eq(safetensors_note(&file, "step"), "12");
    ck_assert_str_eq(safetensors_note(&file, "text"), "\"quoted\"\n");
    ck_assert(!safetensors_note(&file, "none") && !safetensors_find(&file, "none"));
    ck_assert_int_eq(safetensors_copy(&file, "i", SAFETENSORS_F32, 1, (size_t[]){4}, f2), ERR_INPUT);
    ck_assert_str_eq(error_message(), "i is I32 [3], needed is F32 [4]");
    ck_assert_int_eq(safetensors_copy(&file, "none", SAFETENSORS_F32, 1, (size_t[]){4}, f2), ERR_INPUT);
    ck_assert_str_eq(error_message(), "none is missing, needed is F32 [4]");
    safetensors_free(&file);
    remove(path);
}
END_TEST

/* The bytes themselves, from the format's description. */
START_TEST(layout)
{
    struct text bytes = {0};
    const float f[2] = {1, -2};
    const struct safetensors_tensor t = {"x", SAFETENSORS_F32, 1, {2}, f};
    ck_assert_int_eq(safetensors_write(file_path(), &t, 1, NULL, 0), OK);
    ck_assert_int_eq(text_read_file(path, 1000, &bytes), OK);
    const unsigned char *b = (const unsigned char *)bytes.data;
    const size_t N = b[0] + 256u * b[1];
    static const unsigned char tail[8] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, zero[6];
    static const char header[] =
        "{\"__metadata__\": {}, \"x\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}";
    ck_assert(!memcmp(b + 2, zero, 6) && bytes.length == 16 + N && N % 8 == 0);
    ck_assert(!strncmp(bytes.data + 8, header, sizeof header - 1) &&
              strspn(bytes.data + 8 + sizeof header - 1, " ") >= N - sizeof header + 1);
    ck_assert_mem_eq(b + 8 + N, tail, 8);
    text_free(&bytes);
    remove(path);
}
END_TEST

START_TEST(hostile_files)
{
#define ENTRY(type, shape, offsets)                                                                                    \
    "{\"x\": {\"dtype\": " type ", \"shape\": " shape ", \"data_offsets\": " offsets "}}"
    static const struct {
        long length;
        const char *header;
        size_t n;
        const char *message;
    } bad[] = {
        {-1, "", 0, "header"},
        {99, "{}", 0, "header does not fit"},
        {-2, "{}", 0, "header does not fit"},
        {0x7fffffffffffffff, "{}", 0, "header does not fit"},
        {-1, "[]", 0, "no JSON object"},
        {-1, "{", 0, "its header: "},
        {-1, "{\"x\": 3}", 0, "type (none)"},
        {-1, "{} x", 0, "its header: "},
        {-1, "{}", 1, "belong to no tensor"},
        {-1, ENTRY("\"F32\"", "[1]", "[0, 4]"), 3, "not inside the file"},
        {-1, ENTRY("\"F32\"", "[1]", "[0, 4]"), 5, "belong to no tensor"},
        {-1, ENTRY("\"F32\"", "[1]", "[1, 5]"), 5, "leave a hole"},
        {-1, ENTRY("\"F32\"", "[2]", "[0, 4]"), 8, "do not fit its shape"},
        {-1, ENTRY("\"F32\"", "[1]", "[4, 0]"), 8, "not inside the file"},
        {-1, ENTRY("\"F32\"", "[1]", "[-4, 0]"), 8, "not inside the file"},
        {-1, ENTRY("\"F32\"", "[1]", "[0, 99999999999999999999]"), 8, "its header: "},
        {-1, ENTRY("\"F32\"", "[1]", "[0]"), 8, "not inside the file"},
        {-1, ENTRY("\"F32\"", "[1.5]", "[0, 4]"), 4, "not a whole number"},
        {-1, ENTRY("\"F32\"", "[-1]", "[0, 4]"), 4, "not a whole number"},
        {-1, ENTRY("\"F32\"", "[4294967296, 4294967296]", "[0, 0]"), 0, "do not fit its shape"},
        {-1, ENTRY("\"F32\"", "[4611686018427387905]", "[0, 4]"), 4, "not a whole number"},
        {-1, ENTRY("\"F32\"", "3", "[0, 4]"), 4, "list of sizes"},
        {-1, ENTRY("\"BF16\"", "[2]", "[0, 9]"), 4, "not inside the file"},
        {-1, ENTRY("\"BF16\"", "[2]", "[0, 4]"), 5, "belong to no tensor"},
        {-1, ENTRY("\"BF16\"", "\"x\"", "[0, 4]"), 4, "list of sizes"},
        {-1, ENTRY("7", "[1]", "[0, 4]"), 4, "type (none)"},
        {-1, "{\"x\": {}, \"x\": {}}", 0, "its header: "},
        {-1,
         "{\"x\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}, \"y\": {\"dtype\": \"F32\", "
         "\"shape\": [1], \"data_offsets\": [0, 4]}}",
         4, "overlap"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct safetensors file;
        write_raw(bad[i].length == -2 ? 3 : bad[i].length, bad[i].header, bad[i].n);
        ck_assert_msg(safetensors_read(path, &file) == ERR_INPUT, "%zu: %s was accepted", i, bad[i].header);
        ck_assert_msg(strstr(error_message(), bad[i].message) && strstr(error_message(), path), "%zu: %s", i,
                      error_message());
        safetensors_free(&file);
    }
    struct safetensors file;
    write_raw(-1, ENTRY("\"F32\"", "[1]", "[0, 4]"), 4); /* the good one of the family */
    ck_assert_int_eq(safetensors_read(path, &file), OK);
    safetensors_free(&file);
    ck_assert_int_eq(text_write_file(path, "1234567", 7), OK);
    ck_assert_int_eq(safetensors_read(path, &file), ERR_INPUT);
    safetensors_free(&file);
    remove(path);
    ck_assert_int_eq(safetensors_read(path, &file), ERR_INPUT);
    safetensors_free(&file);
}
END_TEST

/* A file of others: what is of a type that we do not have, or has more sizes, is passed over; only what is asked for is
 * read, be the file larger than the memory. */
START_TEST(foreign_files)
{
    static const char header[] =
        "{\"a\": {\"dtype\": \"BF16\", \"shape\": [2], \"data_offsets\": [0, 4]}, "
        "\"b\": {\"dtype\": \"I32\", \"shape\": [1], \"data_offsets\": [4, 8]}, "
        "\"c\": {\"dtype\": \"I32\", \"shape\": [1, 1, 1, 1, 1], \"data_offsets\": [8, 12]}, "
        "\"d\": {\"dtype\": \"BOOL\", \"shape\": [68719476736], "
        "\"data_offsets\": [12, 68719476748]}, "
        "\"e\": {\"dtype\": \"I32\", \"shape\": [1], \"data_offsets\": [68719476748, 68719476752]}}";
    struct safetensors file;
    int32_t one = 0;
    write_raw(-1, header, 12);
    ck_assert_int_eq(safetensors_read(path, &file), ERR_INPUT); /* d is not in it */
    safetensors_free(&file);
    if (truncate(path, 8 + (off_t)(sizeof header - 1) + 68719476752) == 0) { /* now it is, as a hole */
        ck_assert_msg(safetensors_read(path, &file) == OK, "%s", error_message());
        ck_assert_int_eq(safetensors_copy(&file, "b", SAFETENSORS_I32, 1, (size_t[]){1}, &one), OK);
        ck_assert_int_eq(one, 0x07060504);
        ck_assert_int_eq(safetensors_copy(&file, "a", SAFETENSORS_F32, 1, (size_t[]){1}, &one), ERR_INPUT);
        ck_assert_str_eq(error_message(), "a is BF16 of rank 1, needed is F32 [1]");
        ck_assert_int_eq(safetensors_copy(&file, "c", SAFETENSORS_I32, 1, (size_t[]){1}, &one), ERR_INPUT);
        ck_assert_str_eq(error_message(), "c is I32 of rank 5, needed is I32 [1]");
        ck_assert(!safetensors_find(&file, "a") && safetensors_find(&file, "b"));
        ck_assert_int_eq(truncate(path, 8), 0); /* while it is open */
        ck_assert_int_eq(safetensors_copy(&file, "e", SAFETENSORS_I32, 1, (size_t[]){1}, &one), ERR_IO);
        safetensors_free(&file);
    }
    write_raw(0x7ffffff, "", 0);
    if (truncate(path, (off_t)15 << 30) == 0) { /* no header in it */
        ck_assert_int_eq(safetensors_read(path, &file), ERR_INPUT);
        ck_assert_ptr_nonnull(strstr(error_message(), "header does not fit"));
        safetensors_free(&file);
    }
    remove(path);
}
END_TEST

/* Cut at every length and with every byte of the header changed: refused or read, never a crash (the sanitizers watch).
 */
START_TEST(damaged_files)
{
    const float f[3] = {1, 2, 3};
    const struct safetensors_tensor t[] = {{"a", SAFETENSORS_F32, 2, {1, 2}, f}, {"b", SAFETENSORS_F32, 1, {1}, f}};
    struct text good = {0};
    struct safetensors file;
    ck_assert_int_eq(safetensors_write(file_path(), t, 2, &(struct safetensors_note){"n", "1"}, 1), OK);
    ck_assert_int_eq(text_read_file(path, 4096, &good), OK);
    for (size_t n = 0; n < good.length; n++) {
        ck_assert_int_eq(text_write_file(path, good.data, n), OK);
        ck_assert_msg(safetensors_read(path, &file) == ERR_INPUT, "cut at %zu", n);
        safetensors_free(&file);
    }
    for (size_t i = 0; i < good.length - 12; i++) {
        for (int k = 0; k < 3; k++) {
            const char was = good.data[i];
            good.data[i] = k == 0 ? (char)(was ^ 1) : k == 1 ? '\0' : '9';
            ck_assert_int_eq(text_write_file(path, good.data, good.length), OK);
            if (safetensors_read(path, &file) == OK)
                safetensors_copy(&file, "a", SAFETENSORS_F32, 2, (size_t[]){1, 2}, (float[2]){0});
            safetensors_free(&file);
            good.data[i] = was;
        }
    }
    text_free(&good);
    remove(path);
}
END_TEST

static const struct test tests[] = {
    {"round_trip", &round_trip},       {"layout", &layout},
    {"hostile_files", &hostile_files}, {"foreign_files", &foreign_files},
    {"damaged_files", &damaged_files},
};
TEST_MAIN("safetensors", tests)
