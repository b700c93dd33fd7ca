#include "base/sort.h"
#include <stdlib.h>

/* What qsort cannot pass on. One for each thread. */
static _Thread_local struct {
    int (*compare)(const void *, const void *, void *);
    void *context;
} now;

static int compare_now(const void *a, const void *b)
{
    return now.compare(a, b, now.context);
}

void sort_with(void *list, size_t n, size_t size, int (*compare)(const void *, const void *, void *), void *context)
{
    if (n < 2) /* qsort may not be given a null pointer */
        return;
    now.compare = compare, now.context = context;
    qsort(list, n, size, compare_now);
}
