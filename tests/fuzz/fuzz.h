/* What the fuzzers share. Each feeds arbitrary bytes to one parser, under ASan and UBSan; beyond crashes it checks that
 * what was accepted is sound and that what was refused says why (FUZZ_CHECK traps otherwise). `make fuzzers` in a build
 * that was configured with CC=clang --enable-fuzzing; tests/check.sh runs them from the seeds in tests/fuzz/corpus/. */
#ifndef FUZZ_H
#define FUZZ_H
#include "base/error.h"
#include "base/keys.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For the readers, which take a path: the bytes as a file in memory, at a path that stays the same. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* Every value is one that its key admits, and reads back from its text as the same number. */
void fuzz_check_keys(const struct keys *keys);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            __builtin_trap();                                                                                          \
    } while (0)
/* A refusal is bad input (or exhausted memory), with a message. */
#define FUZZ_CHECK_REFUSAL(rc) FUZZ_CHECK(((rc) == ERR_INPUT || (rc) == ERR_MEMORY) && *error_message())
#endif
