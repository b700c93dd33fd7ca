/* Any bytes as a safetensors file: refused with a message, or every tensor copies its own size from inside the file. */
#include "fuzz.h"
#include "run/safetensors.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors file;
    enum status rc = safetensors_read(fuzz_file(data, size), &file);
    if (rc != OK)
        FUZZ_CHECK_REFUSAL(rc);
    for (size_t i = 0; rc == OK && i < file.n; i++) {
        const struct safetensors_tensor *t = &file.entries[i].tensor;
        if (file.entries[i].foreign)
            continue;
        size_t bytes = t->type == SAFETENSORS_F64 ? 8 : 4;
        for (int k = 0; k < t->rank; k++)
            bytes *= t->shape[k];
        FUZZ_CHECK(bytes <= size);
        void *copy = malloc(bytes + 1);
        FUZZ_CHECK(copy && safetensors_copy(&file, t->name, t->type, t->rank, t->shape, copy) == OK);
        free(copy);
    }
    safetensors_free(&file);
    return 0;
}
