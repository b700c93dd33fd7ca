/* The command line's key=value words, one a line: parser, ranges, rules between keys. */
#include "fuzz.h"
#include "study/grid.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grid grid = {0};
    struct keys keys;
    size_t n;
    char *words = strndup((const char *)data, size), *rest = words;
    enum status rc = OK;
    for (char *word; rc == OK && (word = strsep(&rest, "\n"));)
        rc = grid_add(&grid, word);
    if (rc == OK)
        rc = grid_size(&grid, &n);
    if (rc == OK) {
        FUZZ_CHECK(n > 0);
        for (size_t i = 0; i < 2 && rc == OK; i++) { /* the first and the last combination */
            rc = grid_at(&grid, i ? n - 1 : 0, &keys);
            if (rc == OK)
                fuzz_check_keys(&keys);
        }
    }
    if (rc != OK)
        FUZZ_CHECK_REFUSAL(rc);
    grid_free(&grid);
    free(words);
    return 0;
}
