/* Kernels: what a Transformer computes, as one struct of function pointers.
 *
 * kernels_open fills every pointer with the reference backend (plain C, libm: readable, slow) and then lets the chosen
 * backend override what it does better: `blas` the loops (vector.c) and the products (CBLAS), `onednn` the loops and
 * the products (oneDNN, f32 and bf16; without AVX-512 some by OpenBLAS). So no pointer is ever empty and a new backend
 * may begin with one function.
 *
 * Matrices are row-major. `real` and `element` are explained in real.h; with precision=f32 both are float, with bf16
 * elements have two bytes and products sum in float. Per output a comment says "overwrites" or "accumulates".
 *
 * A worker is what one thread needs: library objects, scratch, and the first failure. Everything here runs on the
 * calling thread alone (library calls too), so that a sum's order never depends on the number of threads; a worker is
 * used by one thread at a time. Kernels return nothing: after a failure (kernels_worker.failed) results are undefined,
 * and who owns the worker asks once, at the end (kernels_status).
 *
 * A CUDA backend fits behind the same struct: kernels_allocate hands out managed memory (cudaMallocManaged), so that
 * every pointer here is good on both sides; a worker holds a stream and a cuBLASLt handle, a weight its bf16 copy;
 * products are cuBLASLt calls and the loops one small kernel each, queued in order; kernels_status waits for the
 * stream. Micro-batches then want to be larger than a processor cache asks for.
 *
 * What a step still does outside of this table, and a device would have to copy for: the embedding of tokens (a
 * look-up) and its gradient, the sum of positions, the losses (models/transformer_embed_readout.c), the sums of
 * accumulators (transformer_step.c), the optimizer's update (src/run/optimizer.c), and the drawing of samples. */
#ifndef KERNELS_H
#define KERNELS_H
#include "base/keys.h"
#include "tensor/real.h"
#include <stdbool.h>
#include <stddef.h>

/* C[m][n] (+)= A[m][k] B[k][n], `batch` times. */
struct product {
    int batch, m, n, k;
    bool a_transposed, b_transposed; /* A is stored [k][m], B is stored [n][k] */
    int a_row, b_row, c_row;         /* numbers from one stored row to the next */
    size_t a_next, b_next, c_next;   /* numbers from one member of the batch to the next */
    bool to_real;                    /* C is real; else element */
    bool accumulate;                 /* C += A B (only with to_real); else overwrites */
};

/* Where a product with a weight leaves its result. */
enum result_type { RESULT_ELEMENT, RESULT_REAL, RESULT_REAL_ADDED };

/* One weight matrix W[out][in], prepared for the products of a backend: made once, packed once a step. */
struct weight {
    int out, in, rows; /* `rows`: how many rows the products usually have (a hint for the layout) */
    void *forward;     /* owned by the backend: for x W^T */
    void *backward;    /* owned by the backend: for dy W (where that wants another layout) */
};

struct kernels_worker {
    const struct kernels *kernels; /* borrowed */
    void *data;                    /* owned by the backend */
    char failed[256];              /* the first failure, or "" */
};

struct kernels {
    const char *name; /* "reference", "blas", "onednn" */
    char library[80]; /* what multiplies, on what ("oneDNN 3.0.1, amx"): where this is the same, so are all bits */
    enum precision precision;
    size_t element_size; /* bytes of an element */

    enum status (*worker_open)(struct kernels_worker *worker); /* kernels and data = NULL are set */
    void (*worker_close)(struct kernels_worker *worker);

    /* weight->out, in and rows are set. ERR_MEMORY, ERR_PROGRAM (library). Release with weight_close (a zeroed one
     * too). */
    enum status (*weight_open)(struct kernels_worker *worker, struct weight *weight);
    void (*weight_close)(struct weight *weight);
    /* From W[out][in] in real, which must stay as it is until the products with it are done. */
    void (*weight_pack)(struct kernels_worker *worker, struct weight *weight, const real *W);

    /* y[rows][out] (+)= x[rows][in] W^T + bias[out] (NULL: none). x element with x_row numbers a row; y of `type`. */
    void (*forward)(struct kernels_worker *worker, const struct weight *W, const real *bias, int rows, const void *x,
                    int x_row, void *y, int y_row, enum result_type type);
    /* dx[rows][in] (+)= dy[rows][out] W. dy element; dx of `type`. */
    void (*backward)(struct kernels_worker *worker, const struct weight *W, int rows, const void *dy, int dy_row,
                     void *dx, int dx_row, enum result_type type);
    /* As struct product says; a, b element. */
    void (*multiply)(struct kernels_worker *worker, const struct product *p, const void *a, const void *b, void *c);

    /* out[n] = in[n], rounded. Overwrites. */
    void (*narrow)(size_t n, const real *in, void *out);
    /* out[n] = in[n]. Overwrites. */
    void (*widen)(size_t n, const void *in, real *out);
    /* out[columns] (+)= sum over rows of in[rows][columns]. */
    void (*sum_rows)(int rows, int columns, const void *in, bool accumulate, real *out);
    void (*sum_rows_real)(int rows, int columns, const real *in, bool accumulate, real *out);
    /* Copies `count` blocks: block i is rows x columns elements, from `in` + i in_next with in_row elements a row, to
     * `out` likewise: heads out of and back into the rows of a matrix. Overwrites. */
    void (*copy_blocks)(int count, int rows, int columns, const void *in, size_t in_next, int in_row, void *out,
                        size_t out_next, int out_row);

    /* p[rows][columns] = softmax over a row of scale score. `first` >= 0: causal, row i sees columns 0 .. first + i,
     * and the others get 0; first < 0: all. Overwrites p (element). score is scratch afterwards. */
    void (*softmax)(int rows, int columns, int first, real scale, real *score, void *p);
    /* ds[rows][columns] = scale p (dp - sum of p dp over the row). Overwrites ds (element). */
    void (*softmax_backward)(int rows, int columns, real scale, const void *p, const real *dp, void *ds);
    /* g[n] = activation(u[n]) (overwrites), and u[n] becomes its slope, activation'(u[n]), for the way back. */
    void (*activate)(enum activation activation, size_t n, void *u, void *g);
    /* du[n] = du[n] slope[n]. In place. */
    void (*activate_backward)(size_t n, const void *slope, void *du);
    /* Per row: z = (x - mean)/sqrt(variance + eps), y = gain z + bias. Overwrites z, y (element) and scale[rows] =
     * 1/sqrt(variance + eps). */
    void (*norm)(int rows, int columns, const real *x, const real *gain, const real *bias, void *z, void *y,
                 real *scale);
    /* With h = gain dy: dx (+)= scale (h - mean of h - z mean of (h z)); dgain += sum of dy z, dbias += sum of dy. */
    void (*norm_backward)(int rows, int columns, const real *dy, const void *z, const real *scale, const real *gain,
                          bool accumulate, real *dx, real *dgain, real *dbias);
};

/* The kernels for a backend and a precision, constant and never freed, in *kernels. A library is tested when it is
 * first asked for (self_test.h). `auto` is oneDNN if it was built in and can do the precision, else BLAS for f32; where
 * the test fails, a warning on standard error says so and the next one is taken (oneDNN, BLAS, reference). bf16 is
 * BLAS's where its instructions are slow (onednn_bf16_is_slow). ERR_INPUT where the build or this processor cannot do
 * what is asked, ERR_PROGRAM where a backend that was named fails its test; the message names the remedy. Where no
 * instructions for bf16 are, backend=reference and blas imitate it. Not for several threads at once. */
enum status kernels_open(enum backend backend, enum precision precision, const struct kernels **kernels);
/* The widest instruction set of this processor that a product may use: "amx", "avx512bf16", "avx512", "avx2", .. */
const char *kernels_processor(void);
/* Layer norm's eps. */
#define KERNELS_NORM_EPS 1e-5

/* The products x W^T and dy W as struct product, B being W[out][in] without gaps. */
struct product kernels_forward_product(const struct weight *W, int rows, int x_row, int y_row, enum result_type type);
struct product kernels_backward_product(const struct weight *W, int rows, int dy_row, int dx_row,
                                        enum result_type type);
/* A worker with its own library objects; close it with kernels_worker_close (a zeroed one too). ERR_MEMORY,
 * ERR_PROGRAM. */
enum status kernels_worker_open(const struct kernels *kernels, struct kernels_worker *worker);
void kernels_worker_close(struct kernels_worker *worker);
/* Records a failure, printf style, unless there was one. */
void kernels_fail(struct kernels_worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* OK, or ERR_PROGRAM with the first failure since the worker was opened. */
enum status kernels_status(const struct kernels_worker *worker);
/* n numbers of `size` bytes, zeroed, aligned for vector instructions; NULL if there is no memory. Release with free. */
void *kernels_allocate(size_t n, size_t size);

#endif
