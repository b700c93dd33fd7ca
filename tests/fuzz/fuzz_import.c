/* CSV import. The store is replaced by one that only checks what arrives: the parser is what is tried here. */
#include "fuzz.h"
#include "store/import.h"
#include <math.h>
#include <string.h>

static bool open_transaction;
static size_t put;

enum status store_check_study(const char *name)
{
    FUZZ_CHECK(!strcmp(name, "fuzz"));
    return OK;
}

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
    FUZZ_CHECK(result->state != RUN_EMERGED || (result->plateau > 0 && result->plateau <= result->cap));
    put++;
    return OK;
}

enum status store_find(struct store *store, const char *hash, bool *there, struct result *result, bool *has_curve)
{
    (void)store, (void)hash, (void)result, (void)has_curve;
    *there = false;
    return OK;
}

enum status store_source(struct store *store, const char *hash, struct text *path)
{
    (void)store, (void)hash, (void)path;
    return OK;
}

enum status store_disown(struct store *store, const char *path)
{
    (void)store, (void)path;
    FUZZ_CHECK(open_transaction);
    return OK;
}

enum status store_own(struct store *store, const char *hash, const char *path)
{
    (void)store, (void)hash, (void)path;
    FUZZ_CHECK(open_transaction);
    return OK;
}

enum status store_drop(struct store *store, size_t *n)
{
    (void)store;
    FUZZ_CHECK(open_transaction);
    *n = 0;
    return OK;
}

enum status store_each(struct store *store, const struct store_filter *filter, store_visit *visit, void *context)
{
    (void)store, (void)filter, (void)visit, (void)context;
    FUZZ_CHECK(false); /* for dry imports alone */
    return OK;
}

const char *store_unit(const struct result *result)
{
    return result->keys.preset <= PRESET_TOY ? "time" : "steps";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double defaults[KEY_COUNT];
    struct import_report report;
    for (int i = 0; i < KEY_COUNT; i++)
        defaults[i] = NAN;
    const char *path = fuzz_file(data, size);
    const struct import_request request = {.path = path, .study = "fuzz", .defaults = defaults};
    enum status rc = import_runs(NULL, &request, &report);
    FUZZ_CHECK(!open_transaction && report.imported == (rc == OK ? put : 0));
    import_report_free(&report);
    if (rc != OK) {
        FUZZ_CHECK_REFUSAL(rc);
        FUZZ_CHECK(strstr(error_message(), path));
    }
    /* Once more, dry, as runs and as their curves. */
    const struct import_request dry = {.path = path,
                                       .study = "fuzz",
                                       .defaults = defaults,
                                       .curves = path,
                                       .map = size % 3 ? NULL : "T=a.b,loss=x,run=run",
                                       .decimal_comma = size % 2,
                                       .dry = true};
    rc = import_runs(NULL, &dry, &report);
    FUZZ_CHECK(!open_transaction && report.replaced == 0);
    import_report_free(&report);
    if (rc != OK)
        FUZZ_CHECK_REFUSAL(rc);
    return 0;
}
