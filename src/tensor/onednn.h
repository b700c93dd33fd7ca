/* Products by oneDNN's C API, f32 and bf16, 2.x and 3.x; without AVX-512 some of f32 by OpenBLAS (by_blas says which).
 *
 * A product of given shape and layout is a primitive: made when it is first asked for and kept by the worker. Weights
 * are packed into the layout that the library prefers. Every call runs on the calling thread, in scratch memory of the
 * worker. */
#ifndef ONEDNN_H
#define ONEDNN_H
#include "kernels.h"

/* Overrides the products of a filled table; its precision says which. ERR_INPUT if that is bf16 and this processor has
 * no such instructions. */
enum status onednn_override(struct kernels *kernels);

#endif
