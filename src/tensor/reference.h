/* The reference backend: every kernel in plain C, as its definition reads. Compiled for each element type of real.h. */
#ifndef REFERENCE_H
#define REFERENCE_H
#include "tensor/kernels.h"

/* Fills every pointer, the element size and the name. */
void reference_kernels_real(struct kernels *kernels);
void reference_kernels_bf16(struct kernels *kernels);

#endif
