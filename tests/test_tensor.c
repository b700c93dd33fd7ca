/* The kernels of every backend and precision of this build against their definitions in double precision.
 *
 * Numbers are drawn once and rounded to elements first, so what is compared is what a kernel makes of the same factors.
 */
#include "tensor/kernels.h"
#include "base/random.h"
#include "test.h"
#include <stdio.h>
#include <string.h>

/* Errors relative to the sum of absolute values behind a result; a result that is an element is rounded besides. */
static const double TOL_SUM = 2e-6, TOL_FUNCTION = 3e-7, ROUNDING_F32 = 1e-7, ROUNDING_BF16 = 4e-3;

enum { MOST = 1 << 17 };

static double rounding(const struct kernels *k)
{
    return k->precision == PRECISION_BF16 ? ROUNDING_BF16 : ROUNDING_F32;
}

/* n normals (stream `which`) as elements in `out`; their values in `value`. */
static void draw(const struct kernels *k, uint32_t which, size_t n, void *out, real *value)
{
    static real z[MOST];
    ck_assert(n <= MOST);
    random_normal(&(struct stream){.seed = 11, .sample = which}, 0, n, z);
    k->narrow(n, z, out);
    k->widen(n, out, value);
}

#ifdef HAVE_ONEDNN
enum { ONEDNN_IS_BUILT_IN = true };
#else
enum { ONEDNN_IS_BUILT_IN = false };
#endif

/* Calls `check` for each table that this build and processor can fill. */
static void for_each(void (*check)(const struct kernels *k, struct kernels_worker *w))
{
    for (enum backend backend = BACKEND_REFERENCE; backend < BACKEND_CUDA; backend++) {
        for (enum precision precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
            const struct kernels *k;
            struct kernels_worker w;
            const enum status rc = kernels_open(backend, precision, &k);
            if (rc == ERR_INPUT && backend == BACKEND_ONEDNN && (!ONEDNN_IS_BUILT_IN || precision == PRECISION_BF16))
                continue; /* in bf16 the processor may lack the instructions */
            ck_assert_msg(rc == OK, "%s", error_message());
            ck_assert_int_eq(kernels_worker_open(k, &w), OK);
            check(k, &w);
            ck_assert_msg(kernels_status(&w) == OK, "%s: %s", k->name, error_message());
            kernels_worker_close(&w);
        }
    }
}

static const struct product products[] = {
    {.batch = 1, .m = 5, .n = 7, .k = 3, .a_row = 3, .b_row = 7, .c_row = 7},
    {.batch = 1,
     .m = 33,
     .n = 64,
     .k = 65,
     .b_transposed = true,
     .a_row = 65,
     .b_row = 65,
     .c_row = 64,
     .to_real = true},
    {.batch = 1,
     .m = 65,
     .n = 40,
     .k = 17,
     .a_transposed = true,
     .a_row = 65,
     .b_row = 40,
     .c_row = 40,
     .to_real = true,
     .accumulate = true},
    {.batch = 1, .m = 1, .n = 9, .k = 31, .a_row = 40, .b_row = 12, .c_row = 10},
    {.batch = 1, .m = 8, .n = 1, .k = 1, .a_row = 1, .b_row = 1, .c_row = 1, .to_real = true},
    {.batch = 3,
     .m = 16,
     .n = 12,
     .k = 20,
     .a_row = 20,
     .b_row = 12,
     .c_row = 12,
     .a_next = 320,
     .b_next = 240,
     .c_next = 192},
    {.batch = 4,
     .m = 2,
     .n = 30,
     .k = 8,
     .b_transposed = true,
     .a_row = 8,
     .b_row = 8,
     .c_row = 30,
     .a_next = 32,
     .b_next = 240,
     .c_next = 60,
     .to_real = true},
    {.batch = 2,
     .m = 30,
     .n = 8,
     .k = 6,
     .a_transposed = true,
     .a_row = 30,
     .b_row = 8,
     .c_row = 8,
     .a_next = 180,
     .b_next = 96,
     .c_next = 240,
     .to_real = true},
    {.batch = 3,
     .m = 5,
     .n = 6,
     .k = 9,
     .a_transposed = true,
     .a_row = 15,
     .b_row = 18,
     .c_row = 6,
     .a_next = 5,
     .b_next = 6,
     .c_next = 30,
     .to_real = true},
    {.batch = 1, /* a long sum: CBLAS's for backend=onednn without AVX-512 */
     .m = 100,
     .n = 16,
     .k = 130,
     .a_transposed = true,
     .a_row = 128,
     .b_row = 16,
     .c_row = 20,
     .to_real = true,
     .accumulate = true},
};

static double entry(const real *x, bool transposed, int row, size_t i, size_t j)
{
    return (double)(transposed ? x[j * (size_t)row + i] : x[i * (size_t)row + j]);
}

static void check_product(const struct kernels *k, struct kernels_worker *w, const struct product *p)
{
    static uint64_t a[MOST], b[MOST], c[MOST];
    static real a_value[MOST], b_value[MOST], before[MOST], after[MOST];
    draw(k, 1, MOST, a, a_value);
    draw(k, 2, MOST, b, b_value);
    draw(k, 3, MOST, c, before);
    if (p->to_real)
        memcpy(c, before, sizeof before);
    k->multiply(w, p, a, b, c);
    if (p->to_real)
        memcpy(after, c, sizeof after);
    else
        k->widen(MOST, c, after);
    for (size_t batch = 0; batch < (size_t)p->batch; batch++) {
        for (size_t i = 0; i < (size_t)p->m; i++) {
            for (size_t j = 0; j < (size_t)p->c_row; j++) {
                const size_t at = batch * p->c_next + i * (size_t)p->c_row + j;
                double sum = p->accumulate ? (double)before[at] : 0, size = fabs(sum);
                for (size_t l = 0; l < (size_t)p->k && j < (size_t)p->n; l++) {
                    const double term = entry(a_value + batch * p->a_next, p->a_transposed, p->a_row, i, l) *
                                        entry(b_value + batch * p->b_next, p->b_transposed, p->b_row, l, j);
                    sum += term;
                    size += fabs(term);
                }
                if (j >= (size_t)p->n)
                    ck_assert_msg(after[at] == before[at], "%s wrote beyond a row", k->name);
                else
                    test_close((double)after[at], sum, p->to_real ? 0.0 : rounding(k), TOL_SUM * size,
                               "%s, product %d x %d x %d, C[%zu][%zu]", k->name, p->m, p->n, p->k, i, j);
            }
        }
    }
}

static void check_products(const struct kernels *k, struct kernels_worker *w)
{
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++)
        check_product(k, w, &products[i]);
}

START_TEST(products_by_definition)
{
    for_each(check_products);
}
END_TEST

/* y = x W^T + bias and dx = dy W, each way of leaving the result, for other rows than the weight was prepared for; and
 * of two packs the second counts. */
static void check_weight(const struct kernels *k, struct kernels_worker *w, int out_, int in_, int rows_)
{
    static uint64_t x[MOST], y[MOST];
    static real x_value[MOST], W[MOST], W_value[MOST], before[MOST], after[MOST], bias[MOST];
    const size_t out = (size_t)out_, in = (size_t)in_, rows = (size_t)rows_, x_row = in + 3, y_row = out + 2;
    struct weight weight = {.out = out_, .in = in_, .rows = 48};
    ck_assert_msg(k->weight_open(w, &weight) == OK, "%s", error_message());
    draw(k, 1, rows * x_row, x, x_value);
    draw(k, 2, out * in, y, W_value);
    random_normal(&(struct stream){.seed = 12}, 0, out, bias);
    memcpy(W, W_value, sizeof W);
    k->weight_pack(w, &weight, x_value);
    k->weight_pack(w, &weight, W);
    for (enum result_type type = RESULT_ELEMENT; type <= RESULT_REAL_ADDED; type++) {
        const bool rounded = type == RESULT_ELEMENT;
        draw(k, 3, rows * y_row, y, before);
        if (!rounded)
            memcpy(y, before, sizeof before);
        k->forward(w, &weight, bias, rows_, x, (int)x_row, y, (int)y_row, type);
        if (rounded)
            k->widen(rows * y_row, y, after);
        else
            memcpy(after, y, sizeof after);
        for (size_t i = 0; i < rows * y_row; i++) {
            const size_t row = i / y_row, column = i % y_row;
            if (column >= out)
                continue;
            double sum = (double)bias[column] + (type == RESULT_REAL_ADDED ? (double)before[i] : 0), size = fabs(sum);
            for (size_t j = 0; j < in; j++) {
                const double term = (double)x_value[row * x_row + j] * (double)W_value[column * in + j];
                sum += term;
                size += fabs(term);
            }
            test_close((double)after[i], sum, rounded ? rounding(k) : 0.0, TOL_SUM * size, "%s, %zu x %zu, y[%zu]",
                       k->name, out, in, i);
        }
    }
    draw(k, 4, rows * out, y, before);
    for (int added = 0; added < 2; added++) { /* the second time to what the first left */
        k->backward(w, &weight, rows_, y, out_, after, (int)x_row, added ? RESULT_REAL_ADDED : RESULT_REAL);
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < in; j++) {
                double sum = 0, size = 0;
                for (size_t l = 0; l < out; l++) {
                    const double term = (double)before[i * out + l] * (double)W_value[l * in + j];
                    sum += term;
                    size += fabs(term);
                }
                test_close((double)after[i * x_row + j], (added + 1) * sum, 0.0, (added + 1) * TOL_SUM * size,
                           "%s, %zu x %zu, dx[%zu][%zu]", k->name, out, in, i, j);
            }
        }
    }
    k->weight_close(&weight);
}

static void check_weights(const struct kernels *k, struct kernels_worker *w)
{
    static const int size[][3] = {{8, 6, 48}, {64, 65, 48}, {96, 32, 2}, {7, 130, 1}, {130, 7, 20}, {33, 64, 50}};
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++)
        check_weight(k, w, size[i][0], size[i][1], size[i][2]);
}

START_TEST(weights_by_definition)
{
    for_each(check_weights);
}
END_TEST

static void check_softmax(const struct kernels *k, struct kernels_worker *w)
{
    enum { ROWS = 37, COLUMNS = 37, ALL = ROWS * COLUMNS };
    static real score[ROWS * COLUMNS], kept[ROWS * COLUMNS], p_value[ROWS * COLUMNS], ds_value[ROWS * COLUMNS];
    static real dp[ROWS * COLUMNS];
    static uint64_t p[ROWS * COLUMNS], ds[ROWS * COLUMNS];
    (void)w;
    random_normal(&(struct stream){.seed = 13}, 0, ALL, kept);
    random_normal(&(struct stream){.seed = 14}, 0, ALL, dp);
    for (int first = -1; first <= 0; first++) {
        memcpy(score, kept, sizeof score);
        k->softmax(ROWS, COLUMNS, first, 1.7f, score, p);
        k->widen(ALL, p, p_value);
        k->softmax_backward(ROWS, COLUMNS, 1.7f, p, dp, ds);
        k->widen(ALL, ds, ds_value);
        for (int i = 0; i < ROWS; i++) {
            const int seen = first < 0 ? COLUMNS : i + 1;
            double sum = 0, mean = 0;
            for (int j = 0; j < seen; j++)
                sum += exp((double)1.7f * (double)kept[i * COLUMNS + j]);
            for (int j = 0; j < COLUMNS; j++)
                mean += (double)p_value[i * COLUMNS + j] * (double)dp[i * COLUMNS + j];
            for (int j = 0; j < COLUMNS; j++) {
                const int at = i * COLUMNS + j;
                test_close((double)p_value[at], j < seen ? exp((double)1.7f * (double)kept[at]) / sum : 0.0,
                           rounding(k) + 1e-6, 0.0, "%s, p[%d][%d]", k->name, i, j);
                test_close((double)ds_value[at], (double)1.7f * (double)p_value[at] * ((double)dp[at] - mean),
                           rounding(k), 2e-6, "%s, ds[%d][%d]", k->name, i, j);
            }
        }
    }
}

START_TEST(softmax_by_definition)
{
    for_each(check_softmax);
}
END_TEST

static void check_activation(const struct kernels *k, struct kernels_worker *w)
{
    enum { N = 20001, HALF = N / 2 };
    static real x[N], g_value[N], slope[N], ones[N];
    static uint64_t u[N], g[N], du[N];
    (void)w;
    for (int i = 0; i < N; i++) {
        x[i] = (real)((i - HALF) * 14.0 / HALF);
        ones[i] = 1;
    }
    k->narrow(N, x, u);
    k->widen(N, u, x);
    for (enum activation activation = ACTIVATION_GELU; activation <= ACTIVATION_RELU; activation++) {
        k->narrow(N, ones, du);
        k->narrow(N, x, u);
        k->activate(activation, N, u, g);
        k->widen(N, g, g_value);
        k->activate_backward(N, u, du);
        k->widen(N, du, slope);
        for (int i = 0; i < N; i++) {
            const double v = (double)x[i], P = 0.5 * erfc(-v / sqrt(2)),
                         density = exp(-v * v / 2) / sqrt(2 * acos(-1.0));
            const bool gelu = activation == ACTIVATION_GELU;
            test_close((double)g_value[i], gelu ? v * P : fmax(v, 0), rounding(k), TOL_FUNCTION, "%s, f(%g)", k->name,
                       v);
            test_close((double)slope[i], gelu ? P + v * density : v > 0, rounding(k), TOL_FUNCTION, "%s, f'(%g)",
                       k->name, v);
        }
    }
}

START_TEST(activations_by_definition)
{
    for_each(check_activation);
}
END_TEST

static void check_norm(const struct kernels *k, struct kernels_worker *w)
{
    enum { ROWS = 5, COLUMNS = 43, ALL = ROWS * COLUMNS };
    static real x[ALL], gain[COLUMNS], bias[COLUMNS], scale[ROWS], z_value[ALL], y_value[ALL], dy[ALL], dx[2][ALL];
    static uint64_t z[ALL], y[ALL];
    real dgain[COLUMNS] = {0}, dbias[COLUMNS] = {0};
    (void)w;
    real *const drawn[] = {x, gain, bias, dy, dx[1]};
    const size_t length[] = {ALL, COLUMNS, COLUMNS, ALL, ALL};
    for (uint32_t i = 0; i < 5; i++)
        random_normal(&(struct stream){.seed = 15, .sample = i}, 0, length[i], drawn[i]);
    for (int i = 0; i < ALL; i++)
        x[i] = 3 + x[i];
    static real added[ALL];
    memcpy(added, dx[1], sizeof added);
    k->norm(ROWS, COLUMNS, x, gain, bias, z, y, scale);
    k->widen(ALL, z, z_value);
    k->widen(ALL, y, y_value);
    k->norm_backward(ROWS, COLUMNS, dy, z, scale, gain, false, dx[0], dgain, dbias);
    k->norm_backward(ROWS, COLUMNS, dy, z, scale, gain, true, dx[1], dgain, dbias);
    for (int i = 0; i < ROWS; i++) {
        double mean = 0, variance = 0, h = 0, along = 0;
        for (int j = i * COLUMNS; j < (i + 1) * COLUMNS; j++)
            mean += (double)x[j] / COLUMNS;
        for (int j = i * COLUMNS; j < (i + 1) * COLUMNS; j++) {
            variance += pow((double)x[j] - mean, 2) / COLUMNS;
            h += (double)gain[j % COLUMNS] * (double)dy[j] / COLUMNS;
            along += (double)gain[j % COLUMNS] * (double)dy[j] * (double)z_value[j] / COLUMNS;
        }
        test_close((double)scale[i], 1 / sqrt(variance + 1e-5), 1e-5, 0.0, "%s, scale", k->name);
        for (int j = i * COLUMNS; j < (i + 1) * COLUMNS; j++) {
            const double g = (double)gain[j % COLUMNS], z_now = (double)z_value[j];
            test_close(z_now, ((double)x[j] - mean) / sqrt(variance + 1e-5), rounding(k), 2e-6, "%s, z", k->name);
            test_close((double)y_value[j], g * z_now + (double)bias[j % COLUMNS], rounding(k), 1e-6, "%s, y", k->name);
            const double want = (double)scale[i] * (g * (double)dy[j] - h - z_now * along);
            test_close((double)dx[0][j], want, 1e-5, 1e-5, "%s, dx", k->name);
            test_close((double)dx[1][j], want + (double)added[j], 1e-5, 1e-5, "%s, dx added", k->name);
        }
    }
    for (int j = 0; j < COLUMNS; j++) {
        double gains = 0, biases = 0;
        for (int i = 0; i < ROWS; i++) {
            gains += 2 * (double)dy[i * COLUMNS + j] * (double)z_value[i * COLUMNS + j];
            biases += 2 * (double)dy[i * COLUMNS + j];
        }
        test_close((double)dgain[j], gains, 1e-5, 1e-5, "%s, dgain", k->name);
        test_close((double)dbias[j], biases, 1e-5, 1e-5, "%s, dbias", k->name);
    }
}

START_TEST(norm_by_definition)
{
    for_each(check_norm);
}
END_TEST

static void check_sums_and_copies(const struct kernels *k, struct kernels_worker *w)
{
    enum { ROWS = 9, COLUMNS = 21, ALL = ROWS * COLUMNS, HEAD = 7, PART = HEAD * ROWS };
    static uint64_t x[ALL], heads[ALL], back[ALL];
    static real value[ALL], moved[ALL], sums[COLUMNS], sums_real[COLUMNS];
    (void)w;
    draw(k, 5, ALL, x, value);
    for (int pass = 0; pass < 2; pass++) {
        k->sum_rows(ROWS, COLUMNS, x, pass > 0, sums);
        k->sum_rows_real(ROWS, COLUMNS, value, pass > 0, sums_real);
    }
    for (int j = 0; j < COLUMNS; j++) {
        double sum = 0, size = 0;
        for (int i = 0; i < ROWS; i++) {
            sum += 2 * (double)value[i * COLUMNS + j];
            size += fabs((double)value[i * COLUMNS + j]);
        }
        test_close((double)sums[j], sum, 0.0, TOL_SUM * size, "%s, sum of elements", k->name);
        test_close((double)sums_real[j], sum, 0.0, TOL_SUM * size, "%s, sum", k->name);
    }
    /* Three heads of seven columns out of the rows, and back. */
    k->copy_blocks(3, ROWS, HEAD, x, HEAD, COLUMNS, heads, PART, HEAD);
    k->widen(ALL, heads, moved);
    for (int i = 0; i < ALL; i++)
        ck_assert(moved[i] == value[i / HEAD % ROWS * COLUMNS + i / PART * HEAD + i % HEAD]);
    k->copy_blocks(3, ROWS, HEAD, heads, PART, HEAD, back, HEAD, COLUMNS);
    ck_assert_mem_eq(back, x, ALL * k->element_size);
}

START_TEST(sums_and_copies)
{
    for_each(check_sums_and_copies);
}
END_TEST

/* Nearest, ties to even; infinities and NaN stay what they are. */
START_TEST(bf16_rounding)
{
    const struct kernels *k;
    const uint32_t from[] = {0x3F800000, 0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0xBF818000,
                             0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FFFFFFF, 0x7F800001, 0x80000000};
    const uint16_t to[] = {0x3F80, 0x3F80, 0x3F82, 0x3F81, 0x3F80, 0xBF82,
                           0x7F80, 0x7F80, 0xFF80, 0x7FFF, 0x7FC0, 0x8000};
    real x[12];
    uint16_t y[12];
    memcpy(x, from, sizeof x);
    for (enum backend backend = BACKEND_REFERENCE; backend <= BACKEND_BLAS; backend++) {
        ck_assert_int_eq(kernels_open(backend, PRECISION_BF16, &k), OK);
        ck_assert_uint_eq(k->element_size, 2);
        k->narrow(12, x, y);
        for (int i = 0; i < 12; i++)
            ck_assert_msg(y[i] == to[i], "%s: %08x -> %04x, not %04x", k->name, from[i], y[i], to[i]);
    }
}
END_TEST

/* A NaN must reach the loss, or a diverged run would not be noticed. */
static void check_nan(const struct kernels *k, struct kernels_worker *w)
{
    enum { N = 40 };
    static real x[N], y[N], one = 1;
    static uint64_t u[N], g[N], du[N];
    (void)w;
    for (enum activation activation = ACTIVATION_GELU; activation <= ACTIVATION_RELU; activation++) {
        for (int i = 0; i < N; i++)
            x[i] = (real)NAN;
        k->narrow(N, x, u);
        k->narrow(1, &one, du);
        k->activate(activation, N, u, g);
        k->widen(N, g, y);
        for (int i = 0; i < N; i++)
            ck_assert_msg(isnan(y[i]), "%s loses a NaN in an activation", k->name);
    }
    for (int at = 0; at < N; at++) {
        for (int i = 0; i < N; i++)
            x[i] = i == at ? (real)NAN : 1;
        k->softmax(1, N, -1, 1, x, g);
        k->widen(N, g, y);
        ck_assert_msg(isnan(y[0]) && isnan(y[N - 1]), "%s loses a NaN in softmax", k->name);
    }
}

START_TEST(nan_is_kept)
{
    for_each(check_nan);
}
END_TEST

START_TEST(what_is_absent_is_refused)
{
    const struct kernels *k;
    ck_assert_int_eq(kernels_open(BACKEND_CUDA, PRECISION_F32, &k), ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(error_message(), "backend=cuda"));
    ck_assert_int_eq(kernels_open(BACKEND_AUTO, PRECISION_F32, &k), OK);
    ck_assert_str_ne(k->name, "reference");
    printf("# %s: %s\n", k->name, k->library);
    if (kernels_open(BACKEND_AUTO, PRECISION_BF16, &k) != OK)
        ck_assert_ptr_nonnull(strstr(error_message(), "backend=blas"));
}
END_TEST

static const struct test tests[] = {
    {"products_by_definition", &products_by_definition},
    {"weights_by_definition", &weights_by_definition},
    {"softmax_by_definition", &softmax_by_definition},
    {"activations_by_definition", &activations_by_definition},
    {"norm_by_definition", &norm_by_definition},
    {"sums_and_copies", &sums_and_copies},
    {"bf16_rounding", &bf16_rounding},
    {"nan_is_kept", &nan_is_kept},
    {"what_is_absent_is_refused", &what_is_absent_is_refused},
};
TEST_MAIN("tensor", tests)
