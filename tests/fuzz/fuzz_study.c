/* Study files. */
#include "fuzz.h"
#include "study/study.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct study study;
    const char *path = fuzz_file(data, size);
    enum scale scale = size ? (enum scale)(data[0] % SCALE_COUNT) : SCALE_QUICK;
    enum status rc = study_read(path, scale, &study);
    if (rc == OK) {
        FUZZ_CHECK(study.n_blocks > 0 && study.n_blocks <= STUDY_BLOCKS && *study.name);
        for (size_t b = 0; b < study.n_blocks; b++) {
            struct keys keys;
            size_t n;
            if (grid_size(&study.blocks[b], &n) == OK && grid_at(&study.blocks[b], n - 1, &keys) == OK)
                fuzz_check_keys(&keys);
        }
    } else {
        FUZZ_CHECK_REFUSAL(rc);
        FUZZ_CHECK(strstr(error_message(), path)); /* it says where */
    }
    study_free(&study);
    return 0;
}
