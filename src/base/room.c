#include "base/room.h"
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

static const size_t OF_THREAD = (size_t)144
                                << 20; /* OpenBLAS maps 128 MiB for each thread; code and scratch of oneDNN */

enum status room_for_products(int threads)
{
    static atomic_int granted; /* what the libraries have taken they keep */
    if (threads <= granted)
        return OK;
    const size_t bytes = OF_THREAD * (size_t)threads;
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return error_set(ERR_MEMORY,
                         "out of memory: the libraries that multiply matrices need %zu MB for themselves; allow more "
                         "(ulimit -v) or take fewer threads",
                         bytes >> 20);
    munmap(room, bytes);
    granted = threads;
    return OK;
}
