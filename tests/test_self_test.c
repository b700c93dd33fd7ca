/* A backend that crashes, computes wrongly or hangs is found out, and training goes on with the next one.
 *
 * The faults are planted into the libraries' entry points when this program is linked (-Wl,--wrap). */
#include "tensor/kernels.h"
#include "base/keys.h"
#include "run/run_transformer.h"
#include "test.h"
#include "test_keys.h"
#include <cblas.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

static enum fault { SOUND, CRASHES, WRONG, HANGS } blas_fault, onednn_fault;

static void strike(enum fault fault)
{
    if (fault == CRASHES)
        raise(SIGSEGV);
    while (fault == HANGS) /* NOLINT(bugprone-infinite-loop) */
        ;
}

/* The linker's names. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __real_cblas_sgemm(CBLAS_LAYOUT, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, float, const float *,
                        blasint, const float *, blasint, float, float *, blasint);
void __wrap_cblas_sgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                        blasint ldc);
void __wrap_cblas_sgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                        blasint ldc)
{
    strike(blas_fault);
    __real_cblas_sgemm(order, ta, tb, m, n, k, alpha * (blas_fault == WRONG ? 1.001f : 1.0f), a, lda, b, ldb, beta, c,
                       ldc);
}

#ifdef HAVE_ONEDNN
dnnl_status_t __real_dnnl_primitive_execute(const_dnnl_primitive_t, dnnl_stream_t, int, const dnnl_exec_arg_t *);
dnnl_status_t __wrap_dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int n,
                                            const dnnl_exec_arg_t *arguments);
dnnl_status_t __wrap_dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int n,
                                            const dnnl_exec_arg_t *arguments)
{
    strike(onednn_fault);
    dnnl_status_t status = __real_dnnl_primitive_execute(primitive, stream, n, arguments);
    for (int i = 0; i < n && onednn_fault == WRONG; i++) {
        void *c;
        if (arguments[i].arg == DNNL_ARG_DST && dnnl_memory_get_data_handle(arguments[i].memory, &c) == dnnl_success)
            *(uint16_t *)((char *)c + 2) ^= 0x4; /* the first number, by 2^-5 or so, whatever its type */
    }
    return status;
}
#endif
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* What the process says on standard error while `keys` are trained, and the result. */
static void train(const char *keys, struct result *r, char said[1024])
{
    int ends[2];
    const int before = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], STDERR_FILENO);
    const struct keys k = test_keys("%s", keys);
    const enum status rc = run_transformer(&k, &(struct run_request){0}, r, NULL);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(ends[1]);
    const ssize_t n = read(ends[0], said, 1023);
    said[n > 0 ? n : 0] = '\0';
    ck_assert_msg(rc == OK, "%s", error_message());
}

static const char *const SMALL = "model=transformer T=8 d=4 width=16 head_dim=8 heads=2 steps=3 eval_size=4 batch=4";

static int lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* oneDNN fails so: BLAS takes its place, for a whole run, with one warning that says what failed how. */
static void check_onednn(enum fault fault, const char *how)
{
#ifdef HAVE_ONEDNN
    struct result r;
    char said[1024];
    const struct kernels *k;
    onednn_fault = fault;
    for (int i = 0; i < 2; i++) {
        train(SMALL, &r, said);
        ck_assert_str_eq(r.backend, "blas");
        ck_assert_ptr_null(strstr(r.library, "oneDNN"));
        ck_assert_int_eq(lines(said), 1 - i); /* said once a process */
        if (i == 0)
            ck_assert_msg(strstr(said, "plateau: warning: oneDNN") && strstr(said, how) &&
                              strstr(said, "backend=blas takes its place"),
                          "%s", said);
    }
    ck_assert_int_eq(kernels_open(BACKEND_ONEDNN, PRECISION_F32, &k), ERR_PROGRAM);
    ck_assert_msg(strstr(error_message(), "backend=onednn") && strstr(error_message(), how), "%s", error_message());
#else
    (void)fault, (void)how, (void)train, (void)lines, (void)SMALL;
#endif
}

START_TEST(onednn_crashes)
{
    check_onednn(CRASHES, "died of signal 11");
}
END_TEST

START_TEST(onednn_is_wrong)
{
    check_onednn(WRONG, "is wrong, by");
}
END_TEST

START_TEST(onednn_hangs)
{
    check_onednn(HANGS, "it hangs");
}
END_TEST

/* Both libraries fail: plain C takes their place. */
START_TEST(none_is_sound)
{
    struct result r;
    char said[1024];
    onednn_fault = blas_fault = WRONG;
    train(SMALL, &r, said);
    ck_assert_str_eq(r.backend, "reference");
    ck_assert_int_eq(lines(said), 1);
    ck_assert_msg(strstr(said, "backend=reference takes its place"), "%s", said);
    const struct kernels *k;
    ck_assert_int_eq(kernels_open(BACKEND_BLAS, PRECISION_F32, &k), ERR_PROGRAM);
    ck_assert_msg(strstr(error_message(), "backend=blas") && strstr(error_message(), "is wrong, by"), "%s",
                  error_message());
}
END_TEST

/* A part in a thousand is seen in each precision, and nothing is where nothing is planted. */
START_TEST(a_thousandth_is_seen)
{
    const struct kernels *k;
    for (enum precision p = PRECISION_F32; p <= PRECISION_BF16; p++) {
        blas_fault = WRONG;
        ck_assert_int_eq(kernels_open(BACKEND_BLAS, p, &k), ERR_PROGRAM);
    }
}
END_TEST

START_TEST(sound_ones_pass)
{
    struct result r;
    char said[1024];
    train(SMALL, &r, said);
    ck_assert_str_eq(said, "");
#ifdef HAVE_ONEDNN
    ck_assert_str_eq(r.backend, "onednn");
#else
    ck_assert_str_eq(r.backend, "blas");
#endif
}
END_TEST

static const struct test tests[] = {
    {"onednn_crashes", &onednn_crashes},
    {"onednn_is_wrong", &onednn_is_wrong},
    {"onednn_hangs", &onednn_hangs},
    {"none_is_sound", &none_is_sound},
    {"a_thousandth_is_seen", &a_thousandth_is_seen},
    {"sound_ones_pass", &sound_ones_pass},
};
TEST_MAIN("self-test", tests)
