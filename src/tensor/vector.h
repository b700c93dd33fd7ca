/* The loops between the products, for vector units: same results as the reference but for rounding (exp and GELU to
 * 1e-7).
 *
 * Written so that compilers vectorise them, once for each instruction set, chosen at run time; every sum has a fixed
 * order, so all versions give the same bits. Compiled for each element type of real.h (real = float). */
#ifndef VECTOR_H
#define VECTOR_H
#include "tensor/kernels.h"

/* Overrides the loops of a filled table, and its name. */
void vector_override_real(struct kernels *kernels);
void vector_override_bf16(struct kernels *kernels);

#endif
