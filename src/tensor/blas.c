#include "tensor/blas.h"
#include "base/clones.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for the float copies of the factors and of the result of one product: grows, is kept. Only bf16 needs it. */
struct scratch {
    float *room[3];
    size_t size[3];
};

/* One thread, for good: an OpenBLAS that is built with OpenMP has this setting for each calling thread. */
static void stay_single(void)
{
#if HAVE_DECL_OPENBLAS_SET_NUM_THREADS
    static _Thread_local bool single;
    if (!single)
        openblas_set_num_threads(1);
    single = true;
#endif
}

static enum status worker_open(struct kernels_worker *worker)
{
    worker->data = calloc(1, sizeof(struct scratch));
    return worker->data ? OK : error_set(ERR_MEMORY, "out of memory");
}

static void worker_close(struct kernels_worker *worker)
{
    struct scratch *s = worker->data;
    for (int i = 0; s && i < 3; i++)
        free(s->room[i]);
    free(s);
}

static float *reserve(struct kernels_worker *worker, int which, size_t n)
{
    struct scratch *s = worker->data;
    if (n > s->size[which]) {
        free(s->room[which]);
        s->room[which] = kernels_allocate(n, sizeof(float));
        s->size[which] = s->room[which] ? n : 0;
        if (!s->room[which])
            kernels_fail(worker, "no memory for a product of %zu numbers", n);
    }
    return s->room[which];
}

/* x[rows][columns] as floats, with *row numbers a row: itself, or a dense copy. */
static const float *as_float(struct kernels_worker *worker, int which, int rows, int columns, const void *x, int *row)
{
    if (!ELEMENT_ROUNDS)
        return x;
    float *copy = reserve(worker, which, (size_t)rows * (size_t)columns);
    for (int i = 0; copy && i < rows; i++)
        worker->kernels->widen((size_t)columns, (const element *)x + (size_t)i * (size_t)*row,
                               copy + (size_t)i * (size_t)columns);
    *row = columns;
    return copy;
}

/* W[n] as floats, rounded as elements are: itself, or a copy. */
CLONES static void round_all(size_t n, const real *W, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = element_value(element_of(W[i]));
}

static const float *rounded(struct kernels_worker *worker, int which, size_t n, const real *W)
{
    if (!ELEMENT_ROUNDS)
        return W;
    float *copy = reserve(worker, which, n);
    if (copy)
        round_all(n, W, copy);
    return copy;
}

/* C (+)= A B + bias of one product, whose B is stored as floats with b_row numbers a row; bias[n] (NULL: none) is added
 * to every row of C. */
static void multiply_by(struct kernels_worker *worker, const struct product *p, const void *a_, const float *b,
                        int b_row, const real *bias, void *c_)
{
    int a_row = p->a_row, c_row = p->c_row;
    const float *a = as_float(worker, 0, p->a_transposed ? p->k : p->m, p->a_transposed ? p->m : p->k, a_, &a_row);
    const bool rounds = !p->to_real && ELEMENT_ROUNDS;
    float *c = rounds ? reserve(worker, 2, (size_t)p->m * (size_t)p->n) : c_;
    if (!a || !b || !c)
        return;
    stay_single();
    if (rounds)
        c_row = p->n;
    for (int i = 0; i < p->m && bias; i++) {
        float *row = c + (size_t)i * (size_t)c_row;
        for (int j = 0; j < p->n; j++)
            row[j] = bias[j] + (p->accumulate ? row[j] : 0);
    }
    cblas_sgemm(CblasRowMajor, p->a_transposed ? CblasTrans : CblasNoTrans, p->b_transposed ? CblasTrans : CblasNoTrans,
                p->m, p->n, p->k, 1.0f, a, a_row, b, b_row, bias || p->accumulate ? 1.0f : 0.0f, c, c_row);
    for (int i = 0; i < p->m && rounds; i++)
        worker->kernels->narrow((size_t)p->n, c + (size_t)i * (size_t)c_row,
                                (element *)c_ + (size_t)i * (size_t)p->c_row);
}

static void multiply(struct kernels_worker *worker, const struct product *p, const void *a, const void *b_, void *c)
{
    const size_t c_size = p->to_real ? sizeof(real) : worker->kernels->element_size;
    for (size_t i = 0; i < (size_t)p->batch; i++) {
        int b_row = p->b_row;
        const float *b = as_float(worker, 1, p->b_transposed ? p->n : p->k, p->b_transposed ? p->k : p->n,
                                  (const element *)b_ + i * p->b_next, &b_row);
        multiply_by(worker, p, (const element *)a + i * p->a_next, b, b_row, NULL, (char *)c + i * p->c_next * c_size);
    }
}

/* A weight is its parameters. */
static enum status weight_open(struct kernels_worker *worker, struct weight *W)
{
    (void)worker, (void)W;
    return OK;
}

static void weight_close(struct weight *W)
{
    W->forward = NULL;
}

static void weight_pack(struct kernels_worker *worker, struct weight *W, const real *parameters)
{
    (void)worker;
    W->forward = (void *)parameters;
}

static const float *weight_values(struct kernels_worker *worker, const struct weight *W)
{
    return rounded(worker, 1, (size_t)W->out * (size_t)W->in, W->forward);
}

static void forward(struct kernels_worker *worker, const struct weight *W, const real *bias, int rows, const void *x,
                    int x_row, void *y, int y_row, enum result_type type)
{
    const struct product p = kernels_forward_product(W, rows, x_row, y_row, type);
    multiply_by(worker, &p, x, weight_values(worker, W), W->in, bias, y);
}

static void backward(struct kernels_worker *worker, const struct weight *W, int rows, const void *dy, int dy_row,
                     void *dx, int dx_row, enum result_type type)
{
    const struct product p = kernels_backward_product(W, rows, dy_row, dx_row, type);
    multiply_by(worker, &p, dy, weight_values(worker, W), W->in, NULL, dx);
}

void ELEMENT_NAME(blas_override)(struct kernels *kernels)
{
    kernels->name = "blas";
#if HAVE_DECL_OPENBLAS_SET_NUM_THREADS
    const char *config = openblas_get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE .." */
    const size_t name = strcspn(config, " "), version = config[name] ? strcspn(config + name + 1, " ") + 1 : 0;
    snprintf(kernels->library, sizeof kernels->library, "%.*s, %s", (int)(name + version), config,
             openblas_get_corename());
#else
    snprintf(kernels->library, sizeof kernels->library, "CBLAS, %s", kernels_processor());
#endif
    kernels->worker_open = worker_open;
    kernels->worker_close = worker_close;
    kernels->weight_open = weight_open;
    kernels->weight_close = weight_close;
    kernels->weight_pack = weight_pack;
    kernels->forward = forward;
    kernels->backward = backward;
    kernels->multiply = multiply;
}

#ifndef ELEMENT_IS_BF16
const char *blas_better_core(void)
{
#if HAVE_DECL_OPENBLAS_SET_NUM_THREADS && defined(__x86_64__)
    if (strcmp(openblas_get_corename(), "Prescott") != 0)
        return NULL;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell" : NULL;
#else
    return NULL;
#endif
}
#endif
