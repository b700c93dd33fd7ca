#include "base/word.h"
#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

static struct entry {
    double value;
    struct entry *next; /* owned */
    char text[];
} * table; /* owned, until the end of the process */

const char *word_text(double value)
{
    const struct entry *entry = table;
    while (entry && entry->value != value)
        entry = entry->next;
    return entry ? entry->text : NULL;
}

enum status word_value(const char *key, const char *text, double *value)
{
    enum status rc = OK;
    *value = (double)((hash_text(HASH_START, text) >> 12) | 1); /* 52 bits */
    const char *old = word_text(*value);
    const size_t size = strlen(text) + 1;
    REQUIRE(!old || !strcmp(old, text), ERR_INPUT, "%s=%s: has the number of %s: change the last digit of one of them",
            key, text, old);
    if (!old) {
        struct entry *new = malloc(sizeof *new + size);
        REQUIRE(new, ERR_MEMORY, "out of memory for %s=%s", key, text);
        new->value = *value;
        new->next = table;
        memcpy(new->text, text, size);
        table = new;
    }
done:
    return rc;
}
