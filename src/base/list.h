/* Lists that grow, doubling. */
#ifndef LIST_H
#define LIST_H
#include "base/error.h"
#include <stddef.h>

/* Makes room for entry n. list: the address of the pointer to `*allocated` entries of `size` bytes, NULL if none; what
 * it points to stays the caller's, also after an error. ERR_MEMORY: "out of memory for 128 runs", for what = "runs". */
enum status list_room(void *list, size_t n, size_t *allocated, size_t size, const char *what);

#endif
