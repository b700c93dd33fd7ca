#include "store/record.h"
#include <string.h>

/* Refuses to replace a run that another recording, or an import, has finished. */
static enum status check_other(struct store *store, const char *hash, const char *source)
{
    enum status rc = OK;
    struct text other = {0};
    struct result old;
    bool there, has_curve;
    TRY(store_find(store, hash, &there, &old, &has_curve));
    if (!there || old.state == RUN_INTERRUPTED)
        goto done;
    TRY(store_source(store, hash, &other));
    REQUIRE(other.length && !strcmp(other.data, source), ERR_INPUT,
            "a finished run with these keys is there already (%.200s): if this is another one, give the key in which "
            "they differ (such as seed); if it is not wanted any more, remove it with `plateau forget`",
            other.length ? other.data : "imported");
done:
    text_free(&other);
    return rc;
}

enum status record_save(struct store *store, const char *study, const char *source, const struct recording *recording,
                        bool ended, struct result *result)
{
    enum status rc = OK;
    char keys[33], hash[48];
    size_t replaced;
    bool begun = false;
    recording_outcome(recording, ended, result);
    keys_hash(&result->keys, keys);
    snprintf(hash, sizeof hash, "import:%s", keys);
    TRY(store_begin(store));
    begun = true;
    TRY(check_other(store, hash, source));
    TRY(store_disown(store, source));
    TRY(store_put(store, study, hash, result, &recording->trace));
    TRY(store_own(store, hash, source));
    TRY(store_drop(store, &replaced));
    TRY(store_commit(store));
done:
    if (rc != OK && begun)
        store_rollback(store);
    return rc;
}
