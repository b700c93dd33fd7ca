#include "base/list.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

enum status list_room(void *list, size_t n, size_t *allocated, size_t size, const char *what)
{
    void *old, *more;
    if (n < *allocated)
        return OK;
    const size_t want = *allocated ? 2 * *allocated : FIRST;
    memcpy(&old, list, sizeof old); /* a pointer of any type */
    more = realloc(old, want * size);
    if (!more)
        return error_set(ERR_MEMORY, "out of memory for %zu %s", want, what);
    memcpy(list, &more, sizeof more);
    *allocated = want;
    return OK; /* cppcheck-suppress memleak; what `list` points to has it */
}
