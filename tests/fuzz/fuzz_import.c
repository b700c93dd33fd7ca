/* CSV import. The store is replaced by one that only checks what arrives: the parser is what is tried here. */
#include "fuzz.h"
#include "import.h"
#include <math.h>
#include <string.h>

static bool open_transaction;
static size_t put;

enum status store_begin(struct store *store)
{
    (void)store;
    FUZZ_CHECK(!open_transaction);
    open_transaction = true;
    put = 0;
    return OK;
}

enum status store_commit(struct store *store)
{
    (void)store;
    FUZZ_CHECK(open_transaction);
    open_transaction = false;
    return OK;
}

void store_rollback(struct store *store)
{
    (void)store;
    FUZZ_CHECK(open_transaction);
    open_transaction = false;
}

enum status store_put(struct store *store, const char *study, const char *hash, const struct result *result,
                      const struct trace *trace)
{
    (void)store;
    FUZZ_CHECK(open_transaction && !strcmp(study, "fuzz") && *hash && !trace);
    fuzz_check_keys(&result->keys);
    FUZZ_CHECK((result->state == RUN_EMERGED) == !isnan(result->plateau));
    FUZZ_CHECK(result->state == RUN_DIVERGED || result->cap > 0);
    FUZZ_CHECK(result->state != RUN_EMERGED || result->plateau > 0);
    put++;
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double defaults[KEY_COUNT];
    size_t n;
    for (int i = 0; i < KEY_COUNT; i++)
        defaults[i] = NAN;
    const char *path = fuzz_file(data, size);
    enum status rc = import_csv(NULL, path, "fuzz", defaults, &n);
    FUZZ_CHECK(!open_transaction && n == (rc == OK ? put : 0));
    if (rc != OK) {
        FUZZ_CHECK_REFUSAL(rc);
        FUZZ_CHECK(strstr(error_message(), path));
    }
    return 0;
}
