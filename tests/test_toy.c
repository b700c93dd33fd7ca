/* The toy model: its three gradients against the definition, against each other and against the reduced theory, and the
 * start that it shares with the flow.
 *
 * Equation numbers are theory.md's. Seeds are fixed: a statistical test passes always or never. */
#include "base/random.h"
#include "models/start.h"
#include "test.h"
#include "models/toy.h"
#include <stdio.h>
#include <string.h>

static const double TOL_EXACT = 1e-12;      /* the same formula, summed in another order */
static const double TOL_DIFFERENCES = 1e-8; /* central differences, step STEP */
static const double STEP = 1e-5;
static const double TOL_SAMPLED = 2e-5; /* single against double precision */
static const double TOL_TIME = 2e-6;    /* plateau lengths; the references have 6 or 7 digits */
static const double LIMIT_SIGMA = 5.0;  /* means and covariances, in standard errors: false alarm 6e-7 each */
static const double LIMIT_KS = 2.5;     /* two-sample Kolmogorov-Smirnov: false alarm 7e-6 */

struct shape {
    int T, d, B;
    double p;
};

/* Small ones, with the borders: d = 1, B = T - 1, p = 0, p = .9, p = 1. */
static const struct shape small[] = {{7, 5, 1, 0.0}, {8, 4, 3, 0.3},  {6, 1, 2, 0.9},  {5, 3, 4, 0.5},
                                     {2, 1, 1, 0.9}, {9, 17, 2, 1.0}, {30, 16, 1, 0.1}};
enum { SMALL = sizeof small / sizeof small[0] };

/* A toy at a point with no symmetry: random W, W* and a. */
static struct toy *toy_at_random(struct shape x, uint64_t seed)
{
    struct toy *toy;
    ck_assert_msg(toy_create(x.T, x.d, x.B, x.p, &toy) == OK, "%s", error_message());
    ck_assert_int_eq(toy_start(toy, true, true, seed), OK);
    float *z = malloc((size_t)x.T * sizeof *z);
    random_normal(&(struct stream){seed, PURPOSE_CHOICE, 1, 1}, 0, (size_t)x.T, z);
    for (int t = 0; t < x.T; t++)
        toy->a[t] = 0.7 * z[t];
    free(z);
    return toy;
}

static double *new_gradient(const struct toy *toy)
{
    return malloc(toy->count * sizeof(double));
}

/* softmax(a) from its definition; returns beta. */
static double softmax(const struct toy *toy, double *s)
{
    double sum = 0, beta = 0;
    for (int t = 0; t < toy->T; t++)
        sum += s[t] = exp(toy->a[t]);
    for (int t = 0; t < toy->T; t++)
        s[t] /= sum;
    for (int t = toy->T - toy->B; t < toy->T; t++)
        beta += s[t];
    return beta;
}

/* L = 1/2 [ S2/d ||W||^2 + sum_c sigma_c ||beta W_c - W*_c||^2 ], term by term. */
static double loss_by_definition(const struct toy *toy, double p)
{
    double s[64], S2 = 0, loss = 0;
    const double beta = softmax(toy, s);
    for (int t = 0; t < toy->T - toy->B; t++)
        S2 += s[t] * s[t];
    for (int i = 0; i < toy->d; i++) {
        for (int c = 0; c < toy->d; c++) {
            const double W = toy->W[i * toy->d + c], e = beta * W - toy->target[i * toy->d + c];
            loss += 0.5 * (S2 / toy->d * W * W + ((c == 0 ? p : 0) + (1 - p) / toy->d) * e * e);
        }
    }
    return loss;
}

static void check_differences(struct shape x)
{
    struct toy *toy = toy_at_random(x, 3);
    double *gradient = new_gradient(toy), *scratch = new_gradient(toy), loss, up, down;
    toy_gradient_exact(toy, gradient, &loss);
    test_close(loss, loss_by_definition(toy, x.p), TOL_EXACT, 0.0, "loss");
    for (size_t i = 0; i < toy->count; i++) {
        const double at = toy->parameters[i];
        toy->parameters[i] = at + STEP;
        toy_gradient_exact(toy, scratch, &up);
        toy->parameters[i] = at - STEP;
        toy_gradient_exact(toy, scratch, &down);
        toy->parameters[i] = at;
        test_close(gradient[i], (up - down) / (2 * STEP), 0.0, TOL_DIFFERENCES, "T=%d d=%d B=%d p=%g: parameter %zu",
                   x.T, x.d, x.B, x.p, i);
    }
    free(gradient);
    free(scratch);
    toy_free(toy);
}

START_TEST(exact_gradient)
{
    for (int i = 0; i < SMALL; i++)
        check_differences(small[i]);
}
END_TEST

/* One sample in double precision from the normals that toy.c reads: those of x_rel, then the tokens' (or v's, then the
 * projections'), rows padded to a multiple of 16. Adds to gradient and loss. */
static void add_sample(const struct toy *toy, bool tokens, uint64_t seed, uint32_t step, uint32_t sample,
                       double *gradient, double *loss)
{
    const int T = toy->T, d = toy->d, others = T - toy->B, stride = (d + 15) / 16 * 16;
    const struct stream stream = {seed, PURPOSE_DATA, step, sample}, choice = {seed, PURPOSE_CHOICE, step, sample};
    const size_t n = (size_t)stride * (size_t)(T + 1) + (size_t)T;
    float *z = malloc(n * sizeof *z);
    double *s = calloc((size_t)T, sizeof *s), *g = calloc((size_t)T, sizeof *g);
    double *row = calloc(5 * (size_t)d, sizeof *row), *relevant = row, *v = row + d, *e = v + d, *q = e + d;
    double S2 = 0, qq = 0, vq = 0, sz = 0, mean = 0;
    const double beta = softmax(toy, s), root = sqrt(d);
    random_normal(&stream, 0, n, z);
    for (int t = 0; t < others; t++)
        S2 += s[t] * s[t];
    for (int c = 0; c < d; c++) {
        relevant[c] = random_uniform(&choice, 0) < toy->p ? (c == 0) : z[c] / root;
        v[c] = tokens ? 0.0 : sqrt(S2) * z[stride + c] / root;
        for (int t = 0; t < others && tokens; t++)
            v[c] += s[t] * z[(size_t)stride * (size_t)(t + 1) + (size_t)c] / root;
    }
    for (int i = 0; i < d; i++) {
        for (int c = 0; c < d; c++)
            e[i] += toy->W[i * d + c] * (beta * relevant[c] + v[c]) - toy->target[i * d + c] * relevant[c];
        *loss += 0.5 * e[i] * e[i];
    }
    for (int i = 0; i < d; i++) {
        for (int c = 0; c < d; c++) {
            q[c] += toy->W[i * d + c] * e[i];
            gradient[i * d + c] += e[i] * (beta * relevant[c] + v[c]);
        }
    }
    for (int c = 0; c < d; c++) {
        qq += q[c] * q[c];
        vq += v[c] * q[c];
    }
    for (int t = 0; t < others; t++)
        sz += s[t] * z[2 * stride + t];
    for (int t = 0; t < T; t++) {
        g[t] = t < others && !tokens ? sqrt(qq / d) * (z[2 * stride + t] - s[t] * sz / S2) + s[t] * vq / S2 : 0.0;
        for (int c = 0; c < d && (tokens || t >= others); c++)
            g[t] += q[c] * (t < others ? z[(size_t)stride * (size_t)(t + 1) + (size_t)c] / root : relevant[c]);
        mean += s[t] * g[t];
    }
    for (int t = 0; t < T; t++)
        gradient[d * d + t] += s[t] * (g[t] - mean);
    free(z);
    free(s);
    free(g);
    free(row);
}

typedef enum status (*sampled)(struct toy *, int, uint64_t, uint32_t, double *, double *);
static const sampled sampler[] = {toy_gradient_statistics, toy_gradient_tokens};

/* Every shape and batch size by the definition: blocks of four and their remainders, padding, groups of samples. */
static void check_samples(struct shape x, int batch, bool tokens)
{
    struct toy *toy = toy_at_random(x, 5);
    double *got = new_gradient(toy), *want = calloc(toy->count, sizeof *want), loss = 0, expected = 0, largest = 0;
    ck_assert_int_eq(sampler[tokens](toy, batch, 11, 12, got, &loss), OK);
    for (int i = 0; i < batch; i++)
        add_sample(toy, tokens, 11, 12, (uint32_t)i, want, &expected);
    for (size_t i = 0; i < toy->count; i++)
        largest = fmax(largest, fabs(want[i] / batch));
    test_close(loss, expected / batch, TOL_SAMPLED, 0.0, "T=%d d=%d batch=%d: loss", x.T, x.d, batch);
    for (size_t i = 0; i < toy->count; i++)
        test_close(got[i], want[i] / batch, TOL_SAMPLED, TOL_SAMPLED * largest, "T=%d d=%d batch=%d: parameter %zu",
                   x.T, x.d, batch, i);
    free(got);
    free(want);
    toy_free(toy);
}

START_TEST(samples_by_definition)
{
    for (int tokens = 0; tokens < 2; tokens++) {
        for (int i = 0; i < SMALL; i++) {
            for (int batch = 1; batch < 10; batch++)
                check_samples(small[i], batch, tokens);
        }
        check_samples((struct shape){300, 70, 5, 0.4}, 33, tokens);
        check_samples((struct shape){4500, 64, 1, 0.0}, 3, tokens); /* a sample is larger than a group */
    }
}
END_TEST

/* The same bits for the same (seed, step), before and after other calls, also in another toy; other bits otherwise. */
static void check_bits(int how)
{
    const struct shape x = {40, 20, 3, 0.2};
    struct toy *toy = toy_at_random(x, 1), *other = toy_at_random(x, 1);
    double *first = new_gradient(toy), *second = new_gradient(toy), loss[2];
    const size_t bytes = toy->count * sizeof *first;
    ck_assert_int_eq(sampler[how](toy, 7, 1, 2, first, &loss[0]), OK);
    ck_assert_int_eq(sampler[how](other, 50, 1, 2, second, &loss[1]), OK); /* more room than needed next */
    ck_assert_int_eq(sampler[!how](other, 9, 8, 8, second, &loss[1]), OK);
    ck_assert_int_eq(sampler[how](other, 7, 1, 2, second, &loss[1]), OK);
    ck_assert_mem_eq(first, second, bytes);
    ck_assert(loss[0] == loss[1]);
    for (uint32_t k = 0; k < 2; k++) {
        ck_assert_int_eq(sampler[how](toy, 7, 1 + k, 3 - k, second, &loss[1]), OK);
        ck_assert(memcmp(first, second, bytes) != 0);
    }
    free(first);
    free(second);
    toy_free(toy);
    toy_free(other);
}

START_TEST(determinism)
{
    check_bits(0);
    check_bits(1);
}
END_TEST

/* The mean of token gradients is the population's gradient, each parameter and the loss within its error bar. */
static void check_mean(struct shape x)
{
    enum { BATCH = 250, BATCHES = 200 };
    struct toy *toy = toy_at_random(x, 6);
    const size_t n = toy->count + 1; /* the loss is the last */
    double *exact = calloc(n, sizeof *exact), *one = calloc(n, sizeof *one);
    toy_gradient_exact(toy, exact, &exact[n - 1]);
    for (int how = 0; how < 2; how++) {
        double *sum = calloc(n, sizeof *sum), *squares = calloc(n, sizeof *squares);
        for (uint32_t k = 0; k < BATCHES; k++) {
            ck_assert_int_eq(sampler[how](toy, BATCH, 21, k, one, &one[n - 1]), OK);
            for (size_t i = 0; i < n; i++) {
                sum[i] += one[i];
                squares[i] += one[i] * one[i];
            }
        }
        for (size_t i = 0; i < n; i++) {
            const double mean = sum[i] / BATCHES, variance = squares[i] / BATCHES - mean * mean;
            test_close(mean, exact[i], 0.0, LIMIT_SIGMA * sqrt(variance / BATCHES) + 1e-7, "%s: number %zu",
                       how ? "tokens" : "statistics", i);
        }
        free(sum);
        free(squares);
    }
    free(exact);
    free(one);
    toy_free(toy);
}

START_TEST(mean_of_samples)
{
    for (int i = 0; i < SMALL; i++)
        check_mean(small[i]);
}
END_TEST

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts both; sqrt(n/2) sup |F - G| of two samples of n. */
static double two_sample(double *x, double *y, int n)
{
    int i = 0, j = 0, largest = 0;
    qsort(x, (size_t)n, sizeof *x, ascending);
    qsort(y, (size_t)n, sizeof *y, ascending);
    while (i < n && j < n) {
        *(x[i] <= y[j] ? &i : &j) += 1;
        largest = abs(i - j) > largest ? abs(i - j) : largest;
    }
    return sqrt(0.5 / n) * largest;
}

/* Gradients of single samples have one law, however they are drawn: means, all covariances, and the distributions of
 * all components and of some functions of the gradient. Independent seeds. */
START_TEST(statistics_have_the_law_of_tokens)
{
    enum { N = 40000, EXTRA = 4 };
    struct toy *toy = toy_at_random((struct shape){6, 3, 2, 0.3}, 8);
    const int n = (int)toy->count, all = n + EXTRA;
    double *g[2];
    for (int how = 0; how < 2; how++) {
        g[how] = malloc((size_t)N * (size_t)all * sizeof(double)); /* [component][sample] */
        double *one = new_gradient(toy), loss;
        for (uint32_t k = 0; k < N; k++) {
            ck_assert(sampler[how](toy, 1, 31 + (uint64_t)how, k, one, &loss) == OK);
            double norm2 = 0, largest = 0;
            for (int i = 0; i < n; i++) {
                g[how][(size_t)i * N + k] = one[i];
                norm2 += one[i] * one[i];
            }
            for (int t = 0; t < toy->T; t++)
                largest = fmax(largest, one[n - 1 - t]);
            const double extra[EXTRA] = {loss, norm2, largest, one[n - 1] * one[n - 6] * one[0]};
            for (int i = 0; i < EXTRA; i++)
                g[how][(size_t)(n + i) * N + k] = extra[i];
        }
        free(one);
    }
    for (int i = 0; i < n; i++) {
        for (int j = -1; j <= i; j++) { /* j = -1: the mean */
            double mean[2] = {0}, variance = 0;
            for (int how = 0; how < 2; how++) {
                double squares = 0;
                for (size_t k = 0; k < N; k++) {
                    const double x = g[how][(size_t)i * N + k] * (j < 0 ? 1 : g[how][(size_t)j * N + k]);
                    mean[how] += x / N;
                    squares += x * x / N;
                }
                variance += (squares - mean[how] * mean[how]) / N;
            }
            test_close(mean[0], mean[1], 0.0, LIMIT_SIGMA * sqrt(variance), "moment %d %d", i, j);
        }
    }
    for (int i = 0; i < all; i++)
        test_close(two_sample(g[0] + (size_t)i * N, g[1] + (size_t)i * N, N), 0.0, 0.0, LIMIT_KS, "component %d", i);
    free(g[0]);
    free(g[1]);
    toy_free(toy);
}
END_TEST

/* doc/theory.md, Reduction: y = (w_1, w_r, u_1, u_r, D), the loss with given sigma, and the flow with metric=full. */
struct reduced {
    int T, d, B;
    double p, n[2];
};

static double reduced_loss(const struct reduced *r, const double y[5], double p)
{
    const double b = (double)r->B / (r->T - r->B), K = 1.0 / (r->d * (double)(r->T - r->B));
    const double beta = 1 / (1 + exp(-y[4]) / b), rest = 1 / (1 + b * exp(y[4]));
    const double sigma[2] = {p + (1 - p) / r->d, (1 - p) / r->d};
    double loss = 0;
    for (int c = 0; c < 2; c++)
        loss += 0.5 * (rest * rest * K * (y[c] * y[c] + y[2 + c] * y[2 + c]) +
                       sigma[c] * (pow(beta * y[c] - r->n[c], 2) + beta * beta * y[2 + c] * y[2 + c]));
    return loss;
}

static void reduced_rate(const struct reduced *r, const double y[5], double rate[5])
{
    const double others = r->T - r->B, b = r->B / others, K = 1 / (r->d * others), m = r->T / (r->B * others);
    const double beta = 1 / (1 + exp(-y[4]) / b), rest = 1 / (1 + b * exp(y[4]));
    const double sigma[2] = {r->p + (1 - r->p) / r->d, (1 - r->p) / r->d};
    rate[4] = 0;
    for (int c = 0; c < 2; c++) {
        const double h = rest * rest * K + beta * beta * sigma[c], w = y[c], u = y[2 + c];
        rate[c] = beta * sigma[c] * r->n[c] - h * w;
        rate[2 + c] = -h * u;
        rate[4] += m * beta * rest * (rest * K * (w * w + u * u) + sigma[c] * (w * r->n[c] - beta * (w * w + u * u)));
    }
}

START_TEST(measure_at_a_symmetric_state)
{
    static const struct shape shapes[] = {{20, 6, 1, 0.0}, {20, 6, 3, 0.3}, {7, 1, 2, 0.9}, {12, 5, 11, 0.6}};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        const struct shape x = shapes[k];
        struct toy *toy = toy_at_random(x, 40 + k);
        struct flow_start start;
        struct toy_measure m;
        ck_assert_int_eq(start_reduced(x.d, true, true, 40 + k, &start), OK);
        const double D = 1.3, y[5] = {start.w[0], start.w[1], start.u[0], start.u[1], D};
        const struct reduced r = {x.T, x.d, x.B, x.p, {start.n[0], start.n[1]}};
        for (int t = 0; t < x.T; t++)
            toy->a[t] = 0.25 + (t >= x.T - x.B ? D : 0.0);
        toy_measure(toy, &m);
        const double n = hypot(r.n[0], r.n[1]), w = (r.n[0] * y[0] + r.n[1] * y[1]) / n;
        const double N = y[0] * y[0] + y[1] * y[1] + y[2] * y[2] + y[3] * y[3];
        test_close(m.loss_train, reduced_loss(&r, y, x.p), TOL_EXACT, 0.0, "loss_train");
        test_close(m.loss_test, reduced_loss(&r, y, 0.0), TOL_EXACT, 0.0, "loss_test");
        test_close(m.loss_test, loss_by_definition(toy, 0.0), TOL_EXACT, 0.0, "loss_test by definition");
        test_close(m.w, w, TOL_EXACT, 0.0, "w");
        test_close(m.w_orthogonal * m.w_orthogonal, N - w * w, 0.0, TOL_EXACT * N, "w_orthogonal squared");
        test_close(m.delta_a[0], D, TOL_EXACT, 0.0, "delta_a");
        test_close(m.attention, 1 / ((x.T - x.B) * exp(-D) + x.B), TOL_EXACT, 0.0, "attention");
        /* Parallel to W*: what is orthogonal is rounding error of W, not of the difference of two squares. */
        for (int i = 0; i < x.d * x.d; i++)
            toy->W[i] = 1.7 * toy->target[i];
        toy_measure(toy, &m);
        test_close(m.w_orthogonal, 0.0, 0.0, 1e-15 * m.w, "w_orthogonal of a multiple of W*");
        toy_free(toy);
    }
}
END_TEST

/* One Runge-Kutta step (fourth order) of parameters' = -gradient. k: 5 x count of scratch. */
static void toy_runge_kutta(struct toy *toy, double h, double *k)
{
    static const double node[4] = {0, 0.5, 0.5, 1}, weight[4] = {1. / 6, 1. / 3, 1. / 3, 1. / 6};
    const size_t n = toy->count;
    double *y = k + 4 * n, loss;
    memcpy(y, toy->parameters, n * sizeof *y);
    for (int stage = 0; stage < 4; stage++) {
        for (size_t i = 0; i < n && stage > 0; i++)
            toy->parameters[i] = y[i] - h * node[stage] * k[(size_t)(stage - 1) * n + i];
        toy_gradient_exact(toy, k + (size_t)stage * n, &loss);
    }
    for (size_t i = 0; i < n; i++) {
        toy->parameters[i] = y[i];
        for (size_t stage = 0; stage < 4; stage++)
            toy->parameters[i] -= h * weight[stage] * k[stage * n + i];
    }
}

static double test_loss(struct toy *toy)
{
    struct toy_measure m;
    toy_measure(toy, &m);
    return m.loss_test;
}

/* Time at which the gradient flow of all parameters reaches test loss `level`: steps of h, the last one bisected. */
static double toy_time(struct toy *toy, double h, double level)
{
    double *k = malloc(5 * toy->count * sizeof *k), *before = new_gradient(toy), time = 0;
    for (; test_loss(toy) > level; time += h) {
        ck_assert_msg(time < 1e5, "the toy does not emerge");
        memcpy(before, toy->parameters, toy->count * sizeof *before);
        toy_runge_kutta(toy, h, k);
    }
    double below = 0, above = h;
    while (above - below > 1e-9 * time) {
        const double middle = 0.5 * (below + above);
        memcpy(toy->parameters, before, toy->count * sizeof *before);
        toy_runge_kutta(toy, middle, k);
        *(test_loss(toy) > level ? &below : &above) = middle;
    }
    free(k);
    free(before);
    return time - h + above;
}

/* Plateau lengths of theory.md, sections 1 and 7 (zero start, unit columns, L* = .1, metric=full). */
START_TEST(plateau_of_the_theory)
{
    static const struct {
        struct shape x;
        double h, time;
    } known[] = {{{64, 16, 1, 0.0}, 0.5, 357.4664},   {{64, 16, 4, 0.0}, 0.5, 192.625},
                 {{64, 8, 40, 0.0}, 0.05, 16.079346}, {{128, 32, 2, 0.0}, 1.0, 700.36980},
                 {{256, 32, 4, 0.3}, 0.4, 645.858},   {{512, 64, 1, 0.5}, 0.6, 1485.529}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct toy *toy;
        ck_assert_int_eq(toy_create(known[i].x.T, known[i].x.d, known[i].x.B, known[i].x.p, &toy), OK);
        ck_assert_int_eq(toy_start(toy, false, false, i), OK);
        test_close(toy_time(toy, known[i].h, 0.1), known[i].time, TOL_TIME, 0.0, "T=%d d=%d B=%d p=%g", known[i].x.T,
                   known[i].x.d, known[i].x.B, known[i].x.p);
        toy_free(toy);
    }
}
END_TEST

/* From any start, the flow of all parameters is the reduced flow from start_reduced: the same state at the same time.
 */
START_TEST(reduction_from_any_start)
{
    static const struct shape shapes[] = {{40, 12, 1, 0.0}, {40, 12, 3, 0.3}, {30, 1, 2, 0.5}, {20, 9, 16, 0.7}};
    for (int k = 0; k < 12; k++) {
        const struct shape x = shapes[k / 3];
        const bool gaussian_start = k % 3 != 0, gaussian_target = k % 3 != 1;
        struct toy *toy;
        struct flow_start start;
        struct toy_measure m;
        ck_assert_int_eq(toy_create(x.T, x.d, x.B, x.p, &toy), OK);
        ck_assert_int_eq(toy_start(toy, gaussian_start, gaussian_target, (uint64_t)k), OK);
        ck_assert_int_eq(start_reduced(x.d, gaussian_start, gaussian_target, (uint64_t)k, &start), OK);
        const struct reduced r = {x.T, x.d, x.B, x.p, {start.n[0], start.n[1]}};
        double y[5] = {start.w[0], start.w[1], start.u[0], start.u[1], 0};
        double *scratch = malloc(5 * toy->count * sizeof *scratch), rate[4][5], at[5];
        for (int i = 0; i < 600; i++) {
            toy_runge_kutta(toy, 0.5, scratch);
            for (int stage = 0; stage < 4; stage++) {
                for (int j = 0; j < 5; j++)
                    at[j] = y[j] + (stage == 0 ? 0.0 : (stage < 3 ? 0.25 : 0.5) * rate[stage - 1][j]);
                reduced_rate(&r, at, rate[stage]);
            }
            for (int j = 0; j < 5; j++)
                y[j] += 0.5 / 6 * (rate[0][j] + 2 * rate[1][j] + 2 * rate[2][j] + rate[3][j]);
            if (i % 100 == 99) {
                toy_measure(toy, &m);
                test_close(m.loss_test, reduced_loss(&r, y, 0.0), TOL_TIME, 0.0, "case %d: loss_test", k);
                test_close(m.loss_train, reduced_loss(&r, y, x.p), TOL_TIME, 0.0, "case %d: loss_train", k);
                test_close(m.delta_a[0], y[4], 0.0, TOL_TIME, "case %d: delta_a", k);
                const double w = (r.n[0] * y[0] + r.n[1] * y[1]) / hypot(r.n[0], r.n[1]);
                test_close(m.w, w, 0.0, TOL_TIME, "case %d: w", k);
            }
        }
        free(scratch);
        toy_free(toy);
    }
}
END_TEST

/* <A_c, B_c> over the columns of block `block`. */
static double product(int d, int block, const double *A, const double *B)
{
    double sum = 0;
    for (int i = 0; i < d * d; i++)
        sum += (i % d > 0) == (block > 0) ? A[i] * B[i] : 0.0;
    return sum;
}

START_TEST(start_reduced_equals_the_matrices)
{
    static const int ds[] = {1, 2, 7, 64, 130};
    static double W[130 * 130], target[130 * 130], rest[130 * 130];
    for (int k = 0; k < 20; k++) {
        const int d = ds[k / 4];
        const bool gaussian_start = k & 1, gaussian_target = k & 2;
        struct flow_start start;
        ck_assert_int_eq(start_weights(d, gaussian_start, 9, W), OK);
        ck_assert_int_eq(start_target(d, gaussian_target, 9, target), OK);
        ck_assert_int_eq(start_reduced(d, gaussian_start, gaussian_target, 9, &start), OK);
        for (int c = 0; c < 2; c++) {
            const double n = sqrt(product(d, c, target, target)), w = n > 0 ? product(d, c, W, target) / n : 0;
            for (int i = 0; i < d * d; i++)
                rest[i] = W[i] - (n > 0 ? w / n : 0) * target[i];
            test_close(start.n[c], n, TOL_EXACT, 0.0, "d=%d block %d: n", d, c);
            test_close(start.w[c], w, TOL_EXACT, TOL_EXACT, "d=%d block %d: w", d, c);
            test_close(start.u[c], sqrt(product(d, c, rest, rest)), TOL_EXACT, TOL_EXACT, "d=%d block %d: u", d, c);
        }
        for (int c = 0; c < d && !gaussian_target; c++) {
            double norm2 = 0;
            for (int i = 0; i < d; i++)
                norm2 += target[i * d + c] * target[i * d + c];
            test_close(norm2, 1.0, TOL_EXACT, 0.0, "d=%d: norm of column %d", d, c);
        }
    }
}
END_TEST

/* Second moments of the draws, over seeds: entries N(0, 1/d), W and W* independent. */
START_TEST(start_has_its_law)
{
    enum { D = 24, SEEDS = 400 };
    double sums[6] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct flow_start s;
        ck_assert_int_eq(start_reduced(D, true, true, seed, &s), OK);
        const double x[6] = {s.w[0],
                             s.w[1],
                             D * s.w[1] * s.w[1] - 1,
                             D * s.u[0] * s.u[0] - (D - 1),
                             D * s.u[1] * s.u[1] - (D * (D - 1) - 1),
                             D * s.n[0] * s.n[0] - D};
        for (int i = 0; i < 6; i++)
            sums[i] += x[i];
    }
    /* chi squared with k degrees of freedom has variance 2 k */
    const double variance[6] = {1.0 / D, 1.0 / D, 2, 2 * (D - 1), 2 * (D * (D - 1) - 1), 2 * D};
    for (int i = 0; i < 6; i++)
        test_close(sums[i] / sqrt(SEEDS * variance[i]), 0.0, 0.0, LIMIT_SIGMA, "moment %d, in standard errors", i);
}
END_TEST

START_TEST(bad_input)
{
    struct toy *toy = NULL;
    struct flow_start start;
    double x[3], loss;
    ck_assert_int_eq(toy_create(4, 3, 4, 0.0, &toy), ERR_INPUT);
    ck_assert_ptr_null(toy);
    ck_assert_int_eq(toy_create(4, 0, 1, 0.0, &toy), ERR_INPUT);
    ck_assert_int_eq(toy_create(4, 3, 0, 0.0, &toy), ERR_INPUT);
    ck_assert_int_eq(toy_create(4, 3, 1, 1.1, &toy), ERR_INPUT);
    ck_assert_int_eq(toy_create(4, 3, 1, (double)NAN, &toy), ERR_INPUT);
    ck_assert_int_eq(start_reduced(0, true, true, 1, &start), ERR_INPUT);
    ck_assert_int_eq(start_weights(0, true, 1, x), ERR_INPUT);
    ck_assert_int_eq(start_target(-1, true, 1, x), ERR_INPUT);
    ck_assert_int_eq(toy_create(2, 1, 1, 0.0, &toy), OK);
    ck_assert_int_eq(toy_gradient_tokens(toy, 0, 1, 1, x, &loss), ERR_INPUT);
    ck_assert_int_eq(toy_gradient_statistics(toy, -1, 1, 1, x, &loss), ERR_INPUT);
    toy_free(toy);
    toy_free(NULL);
}
END_TEST

static const struct test tests[] = {
    {"exact_gradient", &exact_gradient},
    {"samples_by_definition", &samples_by_definition},
    {"determinism", &determinism},
    {"mean_of_samples", &mean_of_samples},
    {"statistics_have_the_law_of_tokens", &statistics_have_the_law_of_tokens},
    {"measure_at_a_symmetric_state", &measure_at_a_symmetric_state},
    {"plateau_of_the_theory", &plateau_of_the_theory},
    {"reduction_from_any_start", &reduction_from_any_start},
    {"start_reduced_equals_the_matrices", &start_reduced_equals_the_matrices},
    {"start_has_its_law", &start_has_its_law},
    {"bad_input", &bad_input},
};
TEST_MAIN("toy", tests)
