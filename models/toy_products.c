#include "models/toy_products.h"
#include "base/clones.h"
#include <string.h>

/* x . y, in double: the products of floats are exact there. */
CLONES double toy_products_dot(int n, const float *restrict x, const float *restrict y)
{
    enum { STEP = 8 };
    double sum[STEP] = {0}, all = 0;
    int i = 0;
    for (; i + STEP <= n; i += STEP) {
        for (int lane = 0; lane < STEP; lane++)
            sum[lane] += (double)x[i + lane] * y[i + lane];
    }
    for (; i < n; i++)
        all += (double)x[i] * y[i];
    for (int lane = 0; lane < STEP; lane++)
        all += sum[lane];
    return all;
}

/* out[rows][columns] = A X with A[i][k] = A[i a_row + k a_inner] and X[inner][columns]: eight rows of X at a time. */
CLONES void toy_products_combine(int rows, int columns, int inner, const float *restrict A, size_t a_row,
                                 size_t a_inner, const float *restrict X, size_t x_row, float *restrict out,
                                 size_t out_row)
{
    int k = 0;
    for (int i = 0; i < rows; i++)
        memset(out + (size_t)i * out_row, 0, (size_t)columns * sizeof *out);
    for (; k + 8 <= inner; k += 8, A += 8 * a_inner, X += 8 * x_row) {
        const float *x1 = X + x_row, *x2 = x1 + x_row, *x3 = x2 + x_row, *x4 = x3 + x_row, *x5 = x4 + x_row;
        const float *x6 = x5 + x_row, *x7 = x6 + x_row;
        for (int i = 0; i < rows; i++) {
            const float *a = A + (size_t)i * a_row;
            const float a0 = *a, a1 = a[a_inner], a2 = a[2 * a_inner], a3 = a[3 * a_inner], a4 = a[4 * a_inner];
            const float a5 = a[5 * a_inner], a6 = a[6 * a_inner], a7 = a[7 * a_inner];
            float *y = out + (size_t)i * out_row;
            for (int j = 0; j < columns; j++)
                y[j] += ((a0 * X[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j])) +
                        ((a4 * x4[j] + a5 * x5[j]) + (a6 * x6[j] + a7 * x7[j]));
        }
    }
    for (; k < inner; k++, A += a_inner, X += x_row) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++)
                out[(size_t)i * out_row + (size_t)j] += A[(size_t)i * a_row] * X[j];
        }
    }
}

/* The sum of TOY_PRODUCTS_LANES partial sums. */
static inline float across(const float *y)
{
    float z[TOY_PRODUCTS_LANES / 4];
    for (int i = 0; i < TOY_PRODUCTS_LANES / 4; i++)
        z[i] = (y[i] + y[i + TOY_PRODUCTS_LANES / 4]) +
               (y[i + TOY_PRODUCTS_LANES / 2] + y[i + 3 * TOY_PRODUCTS_LANES / 4]);
    return (z[0] + z[1]) + (z[2] + z[3]);
}

/* out[i out_row + k out_inner] += factor x[i] . X[k], x[rows][n], X[inner][n], n a multiple of TOY_PRODUCTS_LANES:
 * four rows of x at a time. */
CLONES void toy_products_project(int rows, int inner, int n, const float *restrict x, size_t x_row,
                                 const float *restrict X, size_t X_row, float factor, float *restrict out,
                                 size_t out_row, size_t out_inner)
{
    for (int k = 0; k < inner; k++, X += X_row, out += out_inner) {
        int i = 0;
        for (; i + 4 <= rows; i += 4) {
            const float *x0 = x + (size_t)i * x_row, *x1 = x0 + x_row, *x2 = x1 + x_row, *x3 = x2 + x_row;
            float s0[TOY_PRODUCTS_LANES] = {0}, s1[TOY_PRODUCTS_LANES] = {0}, s2[TOY_PRODUCTS_LANES] = {0},
                  s3[TOY_PRODUCTS_LANES] = {0};
            for (int j = 0; j < n; j += TOY_PRODUCTS_LANES) {
                for (int lane = 0; lane < TOY_PRODUCTS_LANES; lane++) {
                    s0[lane] += x0[j + lane] * X[j + lane];
                    s1[lane] += x1[j + lane] * X[j + lane];
                    s2[lane] += x2[j + lane] * X[j + lane];
                    s3[lane] += x3[j + lane] * X[j + lane];
                }
            }
            float *y = out + (size_t)i * out_row;
            y[0] += factor * across(s0);
            y[out_row] += factor * across(s1);
            y[2 * out_row] += factor * across(s2);
            y[3 * out_row] += factor * across(s3);
        }
        for (; i < rows; i++) {
            float s[TOY_PRODUCTS_LANES] = {0};
            for (int j = 0; j < n; j += TOY_PRODUCTS_LANES) {
                for (int lane = 0; lane < TOY_PRODUCTS_LANES; lane++)
                    s[lane] += x[(size_t)i * x_row + (size_t)(j + lane)] * X[j + lane];
            }
            out[(size_t)i * out_row] += factor * across(s);
        }
    }
}
