/* Products by oneDNN's C API, f32 and bf16, 2.x and 3.x; without AVX-512 some of f32 by OpenBLAS (by_blas says which).
 *
 * A product of given shape and layout is a primitive: made when it is first asked for and kept by the worker. Weights
 * are packed into the layout that the library prefers. Every call runs on the calling thread, in scratch memory of the
 * worker. */
#ifndef ONEDNN_H
#define ONEDNN_H
#include "tensor/kernels.h"

/* Whether products of bf16 are slower here than those of f32, though there are instructions for them: so it is on
 * Intel's processors with AVX512-BF16 whose AMX is switched off (a virtual machine's, say). On Sapphire and Emerald
 * Rapids a VDPBF16PS takes as long as four multiply-adds of floats and does the work of two. */
bool onednn_bf16_is_slow(void);
/* Overrides the products of a filled table; its precision says which. ERR_INPUT if that is bf16 and this processor has
 * no such instructions. */
enum status onednn_override(struct kernels *kernels);

#endif
