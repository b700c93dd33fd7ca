#include "store/import_expect.h"
#include "run/run.h"
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct expected {
    char hash[33]; /* of the keys with seed 1 and a threshold, which the hash leaves out */
    double threshold;
    struct prediction predicted;
};

static int compare(const void *a, const void *b)
{
    const struct expected *x = a, *y = b;
    const int order = strcmp(x->hash, y->hash);
    return order ? order : (x->threshold > y->threshold) - (x->threshold < y->threshold);
}

enum status import_expect_run(struct import_expect *known, struct run_flow *tools, const struct keys *keys,
                              struct result *result)
{
    enum status rc = OK;
    struct expected *e = NULL, **found;
    if (keys->preset < PRESET_REGRESSION) /* a reduced flow is no prediction of itself */
        return keys->preset == PRESET_REDUCED ? OK : run_expect(tools, keys, result);
    struct keys first = *keys;
    first.value[KEY_seed] = 1;
    REQUIRE(e = calloc(1, sizeof *e), ERR_MEMORY, "out of memory for a prediction");
    e->threshold = keys_real(keys, KEY_threshold);
    keys_hash(&first, e->hash);
    REQUIRE(found = tsearch(e, &known->tree, compare), ERR_MEMORY, "out of memory for a prediction");
    if (*found != e) {
        result->predicted = (*found)->predicted;
        goto done;
    }
    e = NULL;
    rc = run_expect(tools, keys, result);
    if (rc == OK)
        (*found)->predicted = result->predicted;
done:
    free(e);
    return rc;
}

void import_expect_free(struct import_expect *known)
{
    while (known->tree) { /* tdestroy is GNU's alone */
        struct expected *e = *(struct expected **)known->tree;
        tdelete(e, &known->tree, compare);
        free(e);
    }
}
