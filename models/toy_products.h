/* The matrix products that a step of the toy model is made of, in single precision.
 *
 * Innermost loops run over neighbours in memory, so compilers vectorise them, and the order of every sum is written
 * out, so all give the same bits. A row's length is padded to a multiple of TOY_PRODUCTS_LANES where it says so. */
#ifndef TOY_PRODUCTS_H
#define TOY_PRODUCTS_H
#include <stddef.h>

enum { TOY_PRODUCTS_LANES = 16 }; /* partial sums of a product */

/* x[n] . y[n], in double: the products of floats are exact there. */
double toy_products_dot(int n, const float *restrict x, const float *restrict y);
/* out[rows][columns] = A X with A[i][k] = A[i a_row + k a_inner] and X[inner][columns]. */
void toy_products_combine(int rows, int columns, int inner, const float *restrict A, size_t a_row, size_t a_inner,
                          const float *restrict X, size_t x_row, float *restrict out, size_t out_row);
/* out[i out_row + k out_inner] += factor x[i] . X[k] with x[rows][n], X[inner][n], n a multiple of TOY_PRODUCTS_LANES.
 * */
void toy_products_project(int rows, int inner, int n, const float *restrict x, size_t x_row, const float *restrict X,
                          size_t X_row, float factor, float *restrict out, size_t out_row, size_t out_inner);

#endif
