/* Room for what libraries allocate behind our back. */
#ifndef ROOM_H
#define ROOM_H
#include "base/error.h"

/* OpenBLAS and oneDNN work in memory of their own, and where there is none they do not say so: one waits for ever, the
 * other crashes. ERR_MEMORY unless this process could have what they take for products on so many threads at once; once
 * it could, fewer threads are not asked about again. */
enum status room_for_products(int threads);

#endif
