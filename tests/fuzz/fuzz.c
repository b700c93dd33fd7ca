#include "fuzz.h"
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

void fuzz_check_keys(const struct keys *keys)
{
    char buffer[32];
    for (int i = 0; i < KEY_COUNT; i++) {
        enum key key = (enum key)i;
        double value = keys->value[i], back;
        FUZZ_CHECK(isnan(value) == !keys_applies(key, keys->preset));
        if (!isnan(value))
            FUZZ_CHECK(keys_value(key, keys_text(key, value, buffer), &back) == OK && back == value);
    }
}
