/* Products by CBLAS (any: OpenBLAS, BLIS, ..). With bf16 the arithmetic is imitated: elements are widened to float,
 * multiplied in float and rounded; no faster than f32, but on any processor. */
#ifndef BLAS_H
#define BLAS_H
#include "tensor/kernels.h"

/* OpenBLAS, that is, and not whatever else calls itself CBLAS. */
#define BLAS_IS_FAST HAVE_DECL_OPENBLAS_SET_NUM_THREADS

/* The kernels (a value of OPENBLAS_CORETYPE) that an OpenBLAS too old to know this processor should be started with, in
 * place of those for any processor since 2004 that it takes (several times slower); NULL: it knows what it does. */
const char *blas_better_core(void);
/* Overrides the products of a table that reference_kernels_real or _bf16 has filled. */
void blas_override_real(struct kernels *kernels);
void blas_override_bf16(struct kernels *kernels);

#endif
