#include "kernels.h"
#include "reference.h"
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
enum status kernels_open(enum backend backend, enum precision precision, const struct kernels **out)
{
    static struct kernels table[2];
    (void)backend;
    reference_kernels_real(&table[PRECISION_F32]);
    reference_kernels_bf16(&table[PRECISION_BF16]);
    *out = &table[precision];
    return OK;
}
#endif

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
