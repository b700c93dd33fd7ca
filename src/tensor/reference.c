#include "tensor/reference.h"
#include <math.h>
#include <stdlib.h>

static enum status worker_open(struct kernels_worker *worker)
{
    (void)worker;
    return OK;
}

static void worker_close(struct kernels_worker *worker)
{
    (void)worker;
}

/* A weight is kept once, as elements [out][in]. */
static enum status weight_open(struct kernels_worker *worker, struct weight *W)
{
    (void)worker;
    W->forward = kernels_allocate((size_t)W->out * (size_t)W->in, sizeof(element));
    return W->forward ? OK : error_set(ERR_MEMORY, "no memory for a weight of %d x %d", W->out, W->in);
}

static void weight_close(struct weight *W)
{
    free(W->forward);
    W->forward = NULL;
}

static void narrow(size_t n, const real *in, void *out)
{
    element *y = out;
    for (size_t i = 0; i < n; i++)
        y[i] = element_of(in[i]);
}

static void widen(size_t n, const void *in, real *out)
{
    const element *x = in;
    for (size_t i = 0; i < n; i++)
        out[i] = element_value(x[i]);
}

static void weight_pack(struct kernels_worker *worker, struct weight *W, const real *plain)
{
    (void)worker;
    narrow((size_t)W->out * (size_t)W->in, plain, W->forward);
}

/* One product, with bias[n] (NULL: none) added to every row of C. */
static void multiply_one(const struct product *p, const element *a, const element *b, const real *bias, void *c)
{
    const size_t a_i = p->a_transposed ? 1 : (size_t)p->a_row, a_k = p->a_transposed ? (size_t)p->a_row : 1;
    const size_t b_j = p->b_transposed ? (size_t)p->b_row : 1, b_k = p->b_transposed ? 1 : (size_t)p->b_row;
    for (size_t i = 0; i < (size_t)p->m; i++) {
        for (size_t j = 0; j < (size_t)p->n; j++) {
            const size_t at = i * (size_t)p->c_row + j;
            real sum = 0;
            for (size_t k = 0; k < (size_t)p->k; k++)
                sum += element_value(a[i * a_i + k * a_k]) * element_value(b[j * b_j + k * b_k]);
            if (bias)
                sum += bias[j];
            if (!p->to_real)
                ((element *)c)[at] = element_of(sum);
            else
                ((real *)c)[at] = sum + (p->accumulate ? ((real *)c)[at] : 0);
        }
    }
}

static void multiply(struct kernels_worker *worker, const struct product *p, const void *a, const void *b, void *c)
{
    const size_t c_size = p->to_real ? sizeof(real) : worker->kernels->element_size;
    for (size_t i = 0; i < (size_t)p->batch; i++)
        multiply_one(p, (const element *)a + i * p->a_next, (const element *)b + i * p->b_next, NULL,
                     (char *)c + i * p->c_next * c_size);
}

static void forward(struct kernels_worker *worker, const struct weight *W, const real *bias, int rows, const void *x,
                    int x_row, void *y, int y_row, enum result_type type)
{
    (void)worker;
    const struct product p = kernels_forward_product(W, rows, x_row, y_row, type);
    multiply_one(&p, x, W->forward, bias, y);
}

static void backward(struct kernels_worker *worker, const struct weight *W, int rows, const void *dy, int dy_row,
                     void *dx, int dx_row, enum result_type type)
{
    (void)worker;
    const struct product p = kernels_backward_product(W, rows, dy_row, dx_row, type);
    multiply_one(&p, dy, W->forward, NULL, dx);
}

static void sum_rows(int rows, int columns, const void *in, bool accumulate, real *out)
{
    const element *x = in;
    for (int j = 0; j < columns; j++) {
        real sum = 0;
        for (int i = 0; i < rows; i++)
            sum += element_value(x[(size_t)i * (size_t)columns + (size_t)j]);
        out[j] = sum + (accumulate ? out[j] : 0);
    }
}

static void sum_rows_real(int rows, int columns, const real *in, bool accumulate, real *out)
{
    for (int j = 0; j < columns; j++) {
        real sum = 0;
        for (int i = 0; i < rows; i++)
            sum += in[(size_t)i * (size_t)columns + (size_t)j];
        out[j] = sum + (accumulate ? out[j] : 0);
    }
}

static void copy_blocks(int count, int rows, int columns, const void *in, size_t in_next, int in_row, void *out,
                        size_t out_next, int out_row)
{
    for (int block = 0; block < count; block++) {
        const element *x = (const element *)in + (size_t)block * in_next;
        element *y = (element *)out + (size_t)block * out_next;
        for (int i = 0; i < rows; i++, x += in_row, y += out_row)
            memcpy(y, x, (size_t)columns * sizeof *y);
    }
}

static void softmax(int rows, int columns, int first, real scale, real *score, void *out)
{
    element *p = out;
    for (int i = 0; i < rows; i++, score += columns, p += columns) {
        const int seen = first < 0 || first + i + 1 > columns ? columns : first + i + 1;
        real largest = score[0], sum = 0;
        for (int j = 1; j < seen; j++)
            largest = score[j] > largest ? score[j] : largest;
        for (int j = 0; j < seen; j++)
            sum += score[j] = (real)exp((double)(scale * (score[j] - largest)));
        for (int j = 0; j < columns; j++)
            p[j] = element_of(j < seen ? score[j] / sum : 0);
    }
}

static void softmax_backward(int rows, int columns, real scale, const void *p_, const real *dp, void *ds_)
{
    const element *p = p_;
    element *ds = ds_;
    for (int i = 0; i < rows; i++, p += columns, dp += columns, ds += columns) {
        real mean = 0;
        for (int j = 0; j < columns; j++)
            mean += element_value(p[j]) * dp[j];
        for (int j = 0; j < columns; j++)
            ds[j] = element_of(scale * element_value(p[j]) * (dp[j] - mean));
    }
}

/* GELU(u) = u P(u), GELU'(u) = P(u) + u exp(-u^2/2)/sqrt(2 pi), P(u) = (1 + erf(u/sqrt 2))/2. */
static real activation_value(enum activation activation, real u, real *slope)
{
    if (activation == ACTIVATION_RELU) {
        *slope = u > 0 ? 1 : 0;
        return u < 0 ? 0 : u;
    }
    const double x = (double)u, P = 0.5 * erfc(-x * M_SQRT1_2);
    *slope = (real)(P + x * exp(-0.5 * x * x) * (0.5 * M_2_SQRTPI * M_SQRT1_2));
    return (real)(x * P);
}

static void activate(enum activation activation, size_t n, void *u_, void *g)
{
    element *u = u_;
    for (size_t i = 0; i < n; i++) {
        real slope;
        ((element *)g)[i] = element_of(activation_value(activation, element_value(u[i]), &slope));
        u[i] = element_of(slope);
    }
}

static void activate_backward(size_t n, const void *slope, void *du_)
{
    element *du = du_;
    for (size_t i = 0; i < n; i++)
        du[i] = element_of(element_value(du[i]) * element_value(((const element *)slope)[i]));
}

static void norm(int rows, int columns, const real *x, const real *gain, const real *bias, void *z_, void *y_,
                 real *scale)
{
    element *z = z_, *y = y_;
    for (int i = 0; i < rows; i++, x += columns, z += columns, y += columns) {
        real mean = 0, variance = 0;
        for (int j = 0; j < columns; j++)
            mean += x[j];
        mean /= (real)columns;
        for (int j = 0; j < columns; j++)
            variance += (x[j] - mean) * (x[j] - mean);
        scale[i] = (real)(1.0 / sqrt((double)variance / columns + KERNELS_NORM_EPS));
        for (int j = 0; j < columns; j++) {
            z[j] = element_of((x[j] - mean) * scale[i]);
            y[j] = element_of(gain[j] * element_value(z[j]) + bias[j]);
        }
    }
}

static void norm_backward(int rows, int columns, const real *dy, const void *z_, const real *scale, const real *gain,
                          bool accumulate, real *dx, real *dgain, real *dbias)
{
    const element *z = z_;
    for (int i = 0; i < rows; i++, dy += columns, z += columns, dx += columns) {
        real mean = 0, along = 0;
        for (int j = 0; j < columns; j++) {
            mean += gain[j] * dy[j];
            along += gain[j] * dy[j] * element_value(z[j]);
        }
        mean /= (real)columns;
        along /= (real)columns;
        for (int j = 0; j < columns; j++) {
            dx[j] = scale[i] * (gain[j] * dy[j] - mean - element_value(z[j]) * along) + (accumulate ? dx[j] : 0);
            dgain[j] += dy[j] * element_value(z[j]);
            dbias[j] += dy[j];
        }
    }
}

void ELEMENT_NAME(reference_kernels)(struct kernels *kernels)
{
    *kernels = (struct kernels){
        .name = "reference",
        .library = "plain C",
        .precision = ELEMENT_ROUNDS ? PRECISION_BF16 : PRECISION_F32,
        .element_size = sizeof(element),
        .worker_open = worker_open,
        .worker_close = worker_close,
        .weight_open = weight_open,
        .weight_close = weight_close,
        .weight_pack = weight_pack,
        .forward = forward,
        .backward = backward,
        .multiply = multiply,
        .narrow = narrow,
        .widen = widen,
        .sum_rows = sum_rows,
        .sum_rows_real = sum_rows_real,
        .copy_blocks = copy_blocks,
        .softmax = softmax,
        .softmax_backward = softmax_backward,
        .activate = activate,
        .activate_backward = activate_backward,
        .norm = norm,
        .norm_backward = norm_backward,
    };
}
