#include "tensor/onednn.h"
#include "tensor/blas.h"
#include "base/hash.h"
#include "tensor/onednn_version.h"
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* One thread, for good: oneDNN reads this setting of the calling thread when a primitive is made and when it runs. */
static void stay_single(void)
{
    static _Thread_local bool single;
    if (!single)
        omp_set_num_threads(1);
    single = true;
}

/* The instruction set that the library uses, which the environment may have lowered (ONEDNN_MAX_CPU_ISA). The values of
 * x86-64 are bits: a set has those of every set that it contains. */
static bool uses(dnnl_cpu_isa_t isa)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)isa) == (unsigned)isa;
}

static const char *instruction_set(void)
{
#if defined(__x86_64__)
    return uses(dnnl_cpu_isa_avx512_core_amx)    ? "amx"
           : uses(dnnl_cpu_isa_avx512_core_bf16) ? "avx512bf16"
           : uses(dnnl_cpu_isa_avx512_core)      ? "avx512"
           : uses(dnnl_cpu_isa_avx2)             ? "avx2"
                                                 : "sse4.1";
#else
    return kernels_processor();
#endif
}

/* On x86-64; elsewhere the library knows best which of its own ways to take. */
static bool lacks_avx512(void)
{
    return !strcmp(instruction_set(), "avx2") || !strcmp(instruction_set(), "sse4.1");
}

static bool lacks_bf16(void)
{
#if defined(__x86_64__)
    return lacks_avx512() || !strcmp(instruction_set(), "avx512");
#else
    return true; /* on arm64, oneDNN 2.6 cannot make a weight in bf16 */
#endif
}

bool onednn_bf16_is_slow(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_is("intel") && !strcmp(instruction_set(), "avx512bf16");
#else
    return false;
#endif
}

/* What a primitive is made for, as numbers to be compared. */
enum { RECIPE = 13 };
struct recipe {
    int64_t number[RECIPE];
};

struct primitive {
    struct recipe recipe;
    struct primitive *next; /* of the same bucket; owned */
    bool by_blas;           /* CBLAS makes this product, and the rest is empty */
    dnnl_primitive_t run;
    dnnl_memory_t a, b, bias, c, scratch; /* their addresses are set at every call; b: NULL if the weight has it */
};

enum { BUCKETS = 256, ARGUMENTS = 5 };

/* The processor, for all workers, which share weights: made once, kept to the end of the program. */
static dnnl_engine_t engine;
static dnnl_status_t engine_status;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void engine_open(void)
{
    engine_status = dnnl_engine_create(&engine, dnnl_cpu, 0);
}

struct library {
    bool packs; /* products pack both factors into blocks: bf16, and f32 with AVX-512 */
    dnnl_stream_t stream;
    struct primitive *bucket[BUCKETS]; /* owned */
    void *scratch;                     /* owned */
    size_t scratch_size;
    struct kernels_worker blas; /* for products that by_blas and has_reference name */
};

/* CBLAS's products, for each precision. */
static struct kernels blas[2];

/* A weight in the library's layout. Where that is the plain one, `packed` is at the parameters themselves. */
struct packed {
    int64_t id; /* no two weights of a process have the same */
    dnnl_memory_t plain, packed;
    dnnl_primitive_t reorder; /* NULL: no copy */
    void *room;               /* owned */
};

static dnnl_data_type_t element_type(const struct kernels *kernels)
{
    return kernels->precision == PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* rows x columns numbers, `batch` times; stored by rows, or by columns if transposed. */
static dnnl_status_t matrix_layout(layout *l, int batch, int rows, int columns, bool transposed, int row, size_t next,
                                   dnnl_data_type_t type)
{
    const dnnl_dim_t down = transposed ? 1 : row, across = transposed ? row : 1;
    const dnnl_dims_t dims = {rows, columns}, strides = {down, across};
    const dnnl_dims_t all_dims = {batch, rows, columns}, all_strides = {(dnnl_dim_t)next, down, across};
    return batch == 1 ? layout_strided(l, 2, dims, type, strides) : layout_strided(l, 3, all_dims, type, all_strides);
}

static dnnl_status_t attributes_create(bool accumulate, dnnl_primitive_attr_t *attributes)
{
    dnnl_post_ops_t operations = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
    if (status != dnnl_success || !accumulate)
        return status;
    status = dnnl_post_ops_create(&operations);
    if (status == dnnl_success)
        status = append_sum(operations);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(*attributes, operations);
    dnnl_post_ops_destroy(operations);
    return status;
}

/* The description of product p; b = NULL: the library chooses B's layout (the result is only asked for it). */
static dnnl_status_t describe(const struct kernels *kernels, const struct product *p, layout_view b, bool bias,
                              dnnl_primitive_desc_t *out)
{
    const dnnl_data_type_t type = element_type(kernels);
    const dnnl_dims_t b_dims = {p->k, p->n}, bias_dims = {1, p->n}, bias_strides = {p->n, 1};
    layout a, any, bias_layout, c;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = matrix_layout(&a, p->batch, p->m, p->k, p->a_transposed, p->a_row, p->a_next, type);
    if (status != dnnl_success)
        return status;
    status = matrix_layout(&c, p->batch, p->m, p->n, false, p->c_row, p->c_next, p->to_real ? dnnl_f32 : type);
    if (status == dnnl_success) {
        layout_any(&any, 2, b_dims, type);
        layout_strided(&bias_layout, 2, bias_dims, dnnl_f32, bias_strides);
        status = attributes_create(p->accumulate, &attributes);
        if (status == dnnl_success)
            status = matmul_create(out, engine, view_of(&a), b ? b : view_of(&any), bias ? view_of(&bias_layout) : NULL,
                                   view_of(&c), attributes);
        dnnl_primitive_attr_destroy(attributes);
        layout_close(&any);
        layout_close(&bias_layout);
        layout_close(&c);
    }
    layout_close(&a);
    return status;
}

/* A memory object for what the description says of `what`, number `index` of it, without an address. */
static dnnl_status_t memory_for(dnnl_primitive_desc_t description, dnnl_query_t what, int index, dnnl_memory_t *memory)
{
    return dnnl_memory_create(memory, dnnl_primitive_desc_query_md(description, what, index), engine, DNNL_MEMORY_NONE);
}

static void primitive_free(struct primitive *x)
{
    dnnl_memory_t memory[] = {x->a, x->b, x->bias, x->c, x->scratch};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        if (memory[i])
            dnnl_memory_destroy(memory[i]);
    }
    if (x->run)
        dnnl_primitive_destroy(x->run);
    free(x);
}

/* Room for the scratch memory of every primitive. Its size is that of the scratchpad's descriptor: what the query
 * memory_consumption_s64 gives is the library's own scratch memory, 0 where the user brings it. */
static bool reserve(struct library *library, dnnl_primitive_desc_t description)
{
    const size_t size =
        dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0));
    if (size <= library->scratch_size)
        return true;
    free(library->scratch);
    library->scratch = kernels_allocate(size, 1);
    library->scratch_size = library->scratch ? size : 0;
    return library->scratch;
}

/* Whether CBLAS makes a product of f32, which may be one with a weight, where oneDNN has no AVX-512. There oneDNN packs
 * no blocks, but reads the factors where they are, and slowly where their rows lie 4 kB apart; OpenBLAS packs always,
 * which pays for the gradients of weights and for long sums that are added to the residual stream. (Measured inside a
 * step on Zen 3: 1.16 and 1.06 times as fast; scores of heads, 0.9 times.) */
static bool by_blas(const struct library *library, const struct product *p, bool with_weight)
{
    enum { LONG = 128 };
    return BLAS_IS_FAST && !library->packs && p->batch == 1 && p->to_real &&
           (with_weight ? p->k >= LONG : p->a_transposed);
}

/* A row or a column whose numbers lie apart. With AVX-512 oneDNN 3.7 takes them for neighbours, and computes something
 * else; the self-test found it. CBLAS makes such products. */
static bool is_apart(const struct product *p)
{
    return (p->m == 1 && p->a_transposed && p->a_row > 1) ||
           (p->n == 1 && (p->c_row > 1 || (!p->b_transposed && p->b_row > 1)));
}

/* Whether the library would make the product by its reference loops, a thousand times slower than any BLAS. With
 * AVX-512 oneDNN 2.6 does so for blocks of weights beside factors or results whose rows lie apart. */
static bool has_reference(dnnl_primitive_desc_t description)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, (void *)&name) != dnnl_success ||
           !strncmp(name, "ref", strlen("ref"));
}

/* The description of p, whose B is the weight's or (weight = NULL) lies as p says. */
static dnnl_status_t describe_product(const struct kernels *kernels, const struct product *p,
                                      const struct packed *weight, bool bias, dnnl_primitive_desc_t *out)
{
    layout b;
    layout_view b_view = NULL;
    if (weight) {
        const dnnl_status_t status = dnnl_memory_get_memory_desc(weight->packed, &b_view);
        return status == dnnl_success ? describe(kernels, p, b_view, bias, out) : status;
    }
    dnnl_status_t status =
        matrix_layout(&b, p->batch, p->k, p->n, p->b_transposed, p->b_row, p->b_next, element_type(kernels));
    if (status == dnnl_success) {
        status = describe(kernels, p, view_of(&b), bias, out);
        layout_close(&b);
    }
    return status;
}

/* The library's own code and memory objects for what was described. */
static bool primitive_fill(struct primitive *x, dnnl_primitive_desc_t description, bool weight, bool bias)
{
    return dnnl_primitive_create(&x->run, description) == dnnl_success &&
           memory_for(description, dnnl_query_src_md, 0, &x->a) == dnnl_success &&
           (weight || memory_for(description, dnnl_query_weights_md, 0, &x->b) == dnnl_success) &&
           (!bias || memory_for(description, dnnl_query_weights_md, 1, &x->bias) == dnnl_success) &&
           memory_for(description, dnnl_query_dst_md, 0, &x->c) == dnnl_success &&
           memory_for(description, dnnl_query_scratchpad_md, 0, &x->scratch) == dnnl_success;
}

/* weight: the B of p, or NULL. What the library cannot make, or only slowly, CBLAS makes. NULL: no memory. */
static struct primitive *primitive_create(struct kernels_worker *worker, const struct product *p,
                                          const struct packed *weight, bool bias)
{
    struct library *library = worker->data;
    dnnl_primitive_desc_t description = NULL;
    struct primitive *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->by_blas = by_blas(library, p, weight != NULL) || is_apart(p) ||
                 describe_product(worker->kernels, p, weight, bias, &description) != dnnl_success ||
                 has_reference(description);
    const bool good =
        x->by_blas || (primitive_fill(x, description, weight != NULL, bias) && reserve(library, description));
    if (description)
        dnnl_primitive_desc_destroy(description);
    if (good)
        return x;
    primitive_free(x);
    return NULL;
}

static struct recipe recipe_of(const struct product *p, const struct packed *weight, bool bias)
{
    return (struct recipe){{p->batch, p->m, p->n, p->k, p->a_row, p->b_row, p->c_row, (int64_t)p->a_next,
                            (int64_t)p->b_next, (int64_t)p->c_next, p->a_transposed + 2 * p->b_transposed,
                            p->to_real + 2 * p->accumulate + 4 * bias, weight ? weight->id : 0}};
}

static struct primitive *find(struct kernels_worker *worker, const struct product *p, const struct packed *weight,
                              bool bias)
{
    struct library *library = worker->data;
    stay_single();
    const struct recipe recipe = recipe_of(p, weight, bias);
    uint64_t hash = HASH_START;
    for (int i = 0; i < RECIPE; i++)
        hash = hash_number(hash, (uint64_t)recipe.number[i]);
    struct primitive **bucket = &library->bucket[(hash >> 32) % BUCKETS];
    for (struct primitive *x = *bucket; x; x = x->next) {
        if (!memcmp(x->recipe.number, recipe.number, sizeof recipe.number))
            return x;
    }
    struct primitive *x = primitive_create(worker, p, weight, bias);
    if (!x) {
        kernels_fail(worker, "oneDNN cannot make a product of %d x %d x %d (%d times)", p->m, p->n, p->k, p->batch);
        return NULL;
    }
    x->recipe = recipe;
    x->next = *bucket;
    return *bucket = x;
}

static void run(struct kernels_worker *worker, const struct primitive *x, const struct packed *weight, const void *a,
                const void *b, const real *bias, void *c)
{
    const struct library *library = worker->data;
    dnnl_exec_arg_t arguments[ARGUMENTS] = {
        {DNNL_ARG_SRC, x->a},     {DNNL_ARG_WEIGHTS, weight ? weight->packed : x->b},
        {DNNL_ARG_DST, x->c},     {DNNL_ARG_SCRATCHPAD, x->scratch},
        {DNNL_ARG_BIAS, x->bias},
    };
    dnnl_status_t status = dnnl_memory_set_data_handle(x->a, (void *)a);
    status |= weight ? dnnl_success : dnnl_memory_set_data_handle(x->b, (void *)b);
    status |= dnnl_memory_set_data_handle(x->c, c);
    status |= dnnl_memory_set_data_handle(x->scratch, library->scratch);
    status |= bias ? dnnl_memory_set_data_handle(x->bias, (void *)bias) : dnnl_success;
    status |= dnnl_primitive_execute(x->run, library->stream, ARGUMENTS - !bias, arguments);
    status |= dnnl_stream_wait(library->stream);
    if (status != dnnl_success)
        kernels_fail(worker, "oneDNN failed in a product (status %d)", (int)status);
}

static void multiply(struct kernels_worker *worker, const struct product *p, const void *a, const void *b, void *c)
{
    struct library *library = worker->data;
    const struct primitive *x = find(worker, p, NULL, false);
    if (x && x->by_blas)
        library->blas.kernels->multiply(&library->blas, p, a, b, c);
    else if (x)
        run(worker, x, NULL, a, b, NULL, c);
}

/* The weight as CBLAS takes it: its parameters. */
static struct weight plain_weight(const struct weight *W)
{
    const struct packed *packed = W->forward;
    struct weight plain = *W;
    dnnl_memory_get_data_handle(packed->plain, &plain.forward);
    return plain;
}

static void forward(struct kernels_worker *worker, const struct weight *W, const real *bias, int rows, const void *x,
                    int x_row, void *y, int y_row, enum result_type type)
{
    struct library *library = worker->data;
    const struct product p = kernels_forward_product(W, rows, x_row, y_row, type);
    const struct primitive *primitive = find(worker, &p, W->forward, bias != NULL);
    if (primitive && primitive->by_blas) {
        const struct weight plain = plain_weight(W);
        library->blas.kernels->forward(&library->blas, &plain, bias, rows, x, x_row, y, y_row, type);
    } else if (primitive) {
        run(worker, primitive, W->forward, x, NULL, bias, y);
    }
}

static void backward(struct kernels_worker *worker, const struct weight *W, int rows, const void *dy, int dy_row,
                     void *dx, int dx_row, enum result_type type)
{
    struct library *library = worker->data;
    const struct product p = kernels_backward_product(W, rows, dy_row, dx_row, type);
    const struct primitive *primitive = find(worker, &p, W->backward, false);
    if (primitive && primitive->by_blas) {
        const struct weight plain = plain_weight(W);
        library->blas.kernels->backward(&library->blas, &plain, rows, dy, dy_row, dx, dx_row, type);
    } else if (primitive) {
        run(worker, primitive, W->backward, dy, NULL, NULL, dx);
    }
}

static void packed_free(struct packed *x)
{
    if (!x)
        return;
    if (x->reorder)
        dnnl_primitive_destroy(x->reorder);
    if (x->packed && x->packed != x->plain)
        dnnl_memory_destroy(x->packed);
    if (x->plain)
        dnnl_memory_destroy(x->plain);
    free(x->room);
    free(x);
}

/* W[out][in] as B of product p. */
static struct packed *packed_create(struct kernels_worker *worker, const struct product *p)
{
    struct library *library = worker->data;
    dnnl_primitive_desc_t description = NULL, reorder = NULL;
    layout plain;
    static atomic_int ids;
    struct packed *x = calloc(1, sizeof *x);
    if (!x || matrix_layout(&plain, 1, p->k, p->n, p->b_transposed, p->b_row, 0, dnnl_f32) != dnnl_success) {
        free(x);
        return NULL;
    }
    x->id = atomic_fetch_add(&ids, 1) + 1;
    bool good = dnnl_memory_create(&x->plain, view_of(&plain), engine, DNNL_MEMORY_NONE) == dnnl_success &&
                describe(worker->kernels, p, NULL, false, &description) == dnnl_success;
    if (good) {
        /* Where blocks are not made, the orientation with the shorter rows is the better one (see by_blas). */
        const bool by_columns = p->k < p->n;
        layout short_rows = plain;
        good = matrix_layout(&short_rows, 1, p->k, p->n, by_columns, by_columns ? p->k : p->n, 0, dnnl_f32) ==
               dnnl_success;
        layout_view best =
            library->packs ? dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0) : view_of(&short_rows);
        if (dnnl_memory_desc_equal(best, view_of(&plain))) {
            x->packed = x->plain;
        } else {
            x->room = kernels_allocate(dnnl_memory_desc_get_size(best), 1);
            good = good && x->room && dnnl_memory_create(&x->packed, best, engine, x->room) == dnnl_success &&
                   dnnl_reorder_primitive_desc_create(&reorder, view_of(&plain), engine, best, engine, NULL) ==
                       dnnl_success &&
                   dnnl_primitive_create(&x->reorder, reorder) == dnnl_success;
        }
        layout_close(&short_rows);
    }
    dnnl_primitive_desc_destroy(description);
    dnnl_primitive_desc_destroy(reorder);
    layout_close(&plain);
    if (good)
        return x;
    packed_free(x);
    return NULL;
}

static void weight_close(struct weight *W)
{
    packed_free(W->forward);
    packed_free(W->backward);
    W->forward = W->backward = NULL;
}

static enum status weight_open(struct kernels_worker *worker, struct weight *W)
{
    const struct product forth = kernels_forward_product(W, W->rows, W->in, W->out, RESULT_ELEMENT);
    const struct product back = kernels_backward_product(W, W->rows, W->out, W->in, RESULT_ELEMENT);
    stay_single();
    W->forward = packed_create(worker, &forth);
    W->backward = packed_create(worker, &back);
    if (W->forward && W->backward)
        return OK;
    weight_close(W);
    return error_set(ERR_PROGRAM, "oneDNN cannot prepare a weight of %d x %d", W->out, W->in);
}

static void weight_pack(struct kernels_worker *worker, struct weight *W, const real *plain)
{
    const struct library *library = worker->data;
    struct packed *both[] = {W->forward, W->backward};
    stay_single();
    for (int i = 0; i < 2; i++) {
        dnnl_status_t status = dnnl_memory_set_data_handle(both[i]->plain, (void *)plain);
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, both[i]->plain}, {DNNL_ARG_TO, both[i]->packed}};
        if (both[i]->reorder)
            status |= dnnl_primitive_execute(both[i]->reorder, library->stream, 2, arguments);
        status |= dnnl_stream_wait(library->stream);
        if (status != dnnl_success)
            kernels_fail(worker, "oneDNN cannot pack a weight of %d x %d (status %d)", W->out, W->in, (int)status);
    }
}

static void worker_close(struct kernels_worker *worker)
{
    struct library *library = worker->data;
    if (!library)
        return;
    for (int i = 0; i < BUCKETS; i++) {
        for (struct primitive *x = library->bucket[i], *next; x; x = next) {
            next = x->next;
            primitive_free(x);
        }
    }
    if (library->stream)
        dnnl_stream_destroy(library->stream);
    free(library->scratch);
    kernels_worker_close(&library->blas);
    free(library);
}

static enum status worker_open(struct kernels_worker *worker)
{
    struct library *library = worker->data = calloc(1, sizeof *library);
    if (!library)
        return error_set(ERR_MEMORY, "out of memory");
    library->packs = worker->kernels->precision == PRECISION_BF16 || !lacks_avx512();
    pthread_once(&engine_once, engine_open);
    if (engine_status != dnnl_success ||
        dnnl_stream_create(&library->stream, engine, dnnl_stream_default_flags) != dnnl_success)
        return error_set(ERR_PROGRAM, "oneDNN cannot use this processor");
    return kernels_worker_open(&blas[worker->kernels->precision], &library->blas);
}

enum status onednn_override(struct kernels *kernels)
{
    if (kernels->precision == PRECISION_BF16 && lacks_bf16())
        return error_set(ERR_INPUT, "precision=bf16: this processor has no bf16 instructions (AVX512-BF16 or AMX); use "
                                    "precision=f32, or backend=blas, which imitates them without gain in speed");
    const dnnl_version_t *version = dnnl_version();
    struct kernels products = *kernels;
    (kernels->precision == PRECISION_BF16 ? blas_override_bf16 : blas_override_real)(&products);
    blas[kernels->precision] = products;
    kernels->name = "onednn";
    snprintf(kernels->library, sizeof kernels->library, "oneDNN %d.%d.%d, %s + %.30s", version->major, version->minor,
             version->patch, instruction_set(), products.library);
    kernels->worker_open = worker_open;
    kernels->worker_close = worker_close;
    kernels->weight_open = weight_open;
    kernels->weight_close = weight_close;
    kernels->weight_pack = weight_pack;
    kernels->forward = forward;
    kernels->backward = backward;
    kernels->multiply = multiply;
    return OK;
}
