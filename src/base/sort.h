/* Sorting with a context for the comparison. GNU and BSD have a qsort_r each, with other orders of arguments, and some
 * systems have none. */
#ifndef SORT_H
#define SORT_H
#include <stddef.h>

/* As qsort, but that compare also gets the context (borrowed). Entries that compare equal come in any order. compare
 * must not sort by this function itself. */
void sort_with(void *list, size_t n, size_t size, int (*compare)(const void *, const void *, void *), void *context);

#endif
