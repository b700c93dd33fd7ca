/* Files of claims. */
#include "validation/claim.h"
#include "fuzz.h"
#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct claims claims;
    const char *path = fuzz_file(data, size);
    enum status rc = claim_read(path, &claims);
    for (size_t i = 0; rc == OK && i < claims.n; i++) {
        const struct claim *c = &claims.list[i];
        FUZZ_CHECK(*c->id && *c->quantity && isfinite(c->published) && c->tolerance >= 0);
    }
    if (rc != OK) {
        FUZZ_CHECK_REFUSAL(rc);
        FUZZ_CHECK(strstr(error_message(), path));
    }
    claim_free(&claims);
    return 0;
}
