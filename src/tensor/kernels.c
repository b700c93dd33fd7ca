#include "tensor/kernels.h"
#include "tensor/blas.h"
#include "tensor/onednn.h"
#include "tensor/reference.h"
#include "tensor/self_test.h"
#include "tensor/vector.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef REAL_IS_DOUBLE
/* For the tests: the reference backend alone. */
enum status kernels_open(enum backend backend, enum precision precision, const struct kernels **out)
{
    static struct kernels reference;
    (void)backend;
    (void)precision;
    reference_kernels_real(&reference);
    *out = &reference;
    return OK;
}
#else
/* The loops and products of a backend for a precision, over the reference. */
static enum status fill(enum backend backend, enum precision precision, struct kernels *kernels)
{
    const bool bf16 = precision == PRECISION_BF16;
    (bf16 ? reference_kernels_bf16 : reference_kernels_real)(kernels);
    if (backend == BACKEND_REFERENCE)
        return OK;
    (bf16 ? vector_override_bf16 : vector_override_real)(kernels);
    if (backend == BACKEND_ONEDNN) {
#ifdef HAVE_ONEDNN
        return onednn_override(kernels);
#else
        return error_set(ERR_INPUT,
                         "backend=onednn: this program was built without oneDNN; use backend=auto, or install "
                         "libdnnl-dev and configure again");
#endif
    }
    (bf16 ? blas_override_bf16 : blas_override_real)(kernels);
    return OK;
}

/* A backend's table, filled and tested once a process. ERR_INPUT: this build or processor has not what it takes;
 * ERR_PROGRAM: it fails its test. */
static enum status open_tested(enum backend backend, enum precision precision, const struct kernels **out)
{
    static struct entry {
        bool tested;
        enum status verdict;
        char message[256];
        struct kernels kernels;
    } entries[BACKEND_CUDA][2];
    struct entry *e = &entries[backend][precision];
    if (!e->tested) {
        e->verdict = fill(backend, precision, &e->kernels);
        if (e->verdict == OK && backend != BACKEND_REFERENCE)
            e->verdict = self_test_run(&e->kernels);
        snprintf(e->message, sizeof e->message, "%s", e->verdict == OK ? "" : error_message());
        e->tested = true;
    }
    *out = &e->kernels;
    return e->verdict == OK ? OK : error_set(e->verdict, "%s", e->message);
}

/* The fastest backend that can do the precision and passes its test: oneDNN, BLAS, reference. */
static enum status open_best(enum precision precision, const struct kernels **out)
{
    static bool warned;
    enum backend backend = BACKEND_ONEDNN;
    enum status rc = open_tested(backend, precision, out);
    if (rc == ERR_INPUT && precision == PRECISION_BF16)
        return error_set(ERR_INPUT, "precision=bf16: it takes oneDNN and a processor with AVX512-BF16 or AMX, which "
                                    "this program or machine has not; use precision=f32, or backend=blas, which "
                                    "imitates bf16 without gain in speed");
#ifdef HAVE_ONEDNN
    if (rc == OK && precision == PRECISION_BF16 && onednn_bf16_is_slow())
        return open_tested(BACKEND_BLAS, precision, out) == OK ? OK : open_tested(backend, precision, out);
#endif
    char failure[256] = "";
    while (rc != OK && backend > BACKEND_REFERENCE) {
        if (rc != ERR_INPUT && !failure[0])
            snprintf(failure, sizeof failure, "%s", error_message());
        rc = open_tested(--backend, precision, out);
    }
    if (failure[0] && !warned)
        fprintf(stderr, "plateau: warning: %s; backend=%s takes its place\n", failure, (*out)->name);
    warned = warned || failure[0];
    return rc;
}

enum status kernels_open(enum backend backend, enum precision precision, const struct kernels **out)
{
    if (backend == BACKEND_CUDA)
        return error_set(ERR_INPUT, "backend=cuda: this program was built without CUDA; use backend=auto");
    if (backend == BACKEND_AUTO)
        return open_best(precision, out);
    enum status rc = open_tested(backend, precision, out);
    return rc == ERR_PROGRAM ? error_prefix(rc, "backend=%s, which backend=auto would replace", (*out)->name) : rc;
}
#endif

const char *kernels_processor(void)
{
#if defined(__x86_64__) && !defined(__clang__) /* Clang does not know the name */
    if (__builtin_cpu_supports("amx-bf16"))
        return "amx";
#endif
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16") ? "avx512bf16"
           : __builtin_cpu_supports("avx512bw") ? "avx512"
           : __builtin_cpu_supports("avx2")     ? "avx2"
                                                : "x86-64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "unknown";
#endif
}

struct product kernels_forward_product(const struct weight *W, int rows, int x_row, int y_row, enum result_type type)
{
    return (struct product){.batch = 1,
                            .m = rows,
                            .n = W->out,
                            .k = W->in,
                            .b_transposed = true,
                            .a_row = x_row,
                            .b_row = W->in,
                            .c_row = y_row,
                            .to_real = type != RESULT_ELEMENT,
                            .accumulate = type == RESULT_REAL_ADDED};
}

struct product kernels_backward_product(const struct weight *W, int rows, int dy_row, int dx_row, enum result_type type)
{
    return (struct product){.batch = 1,
                            .m = rows,
                            .n = W->in,
                            .k = W->out,
                            .a_row = dy_row,
                            .b_row = W->in,
                            .c_row = dx_row,
                            .to_real = type != RESULT_ELEMENT,
                            .accumulate = type == RESULT_REAL_ADDED};
}

enum status kernels_worker_open(const struct kernels *kernels, struct kernels_worker *worker)
{
    *worker = (struct kernels_worker){.kernels = kernels};
    return kernels->worker_open(worker);
}

void kernels_worker_close(struct kernels_worker *worker)
{
    if (worker->kernels)
        worker->kernels->worker_close(worker);
    *worker = (struct kernels_worker){0};
}

void kernels_fail(struct kernels_worker *worker, const char *format, ...)
{
    if (worker->failed[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(worker->failed, sizeof worker->failed, format, arguments);
    va_end(arguments);
}

enum status kernels_status(const struct kernels_worker *worker)
{
    return worker->failed[0] ? error_set(ERR_PROGRAM, "%s", worker->failed) : OK;
}

void *kernels_allocate(size_t n, size_t size)
{
    enum { ALIGNMENT = 64 };
    void *p = NULL;
    if (n > (SIZE_MAX - ALIGNMENT) / size)
        return NULL;
    const size_t bytes = (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!(p = aligned_alloc(ALIGNMENT, bytes > 0 ? bytes : ALIGNMENT)))
        return NULL;
    return memset(p, 0, bytes);
}
