#include "tensor/self_test.h"
#include "tensor/reference.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MOST = 1 << 15,    /* numbers of an operand */
    CPU_SECONDS = 5,   /* after which the child hangs */
    WALL_SECONDS = 60, /* the same, for one that sleeps */
    MESSAGE = 160
};
/* Errors relative to the largest number of a result: of sums in float, and of a result that is rounded to an element.
 */
static const double TOL_SUM = 1e-5, TOL_ELEMENT_BF16 = 1e-2;

struct check {
    const struct kernels *kernels, *reference;
    struct kernels_worker worker, plain;
    void *a, *b, *c, *d;        /* owned: elements or reals, [MOST] each */
    real *value, *got, *wanted; /* owned: [MOST] */
    char wrong[MESSAGE];        /* the first that differs, or "" */
};

/* Numbers in [-1, 1), different ones for each `which`, as elements of the precision. */
static void draw(const struct check *t, unsigned which, size_t n, void *out)
{
    uint32_t x = 2654435761u * (which + 1);
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        t->value[i] = (real)(x >> 8) / (real)(1 << 23) - 1;
    }
    t->reference->narrow(n, t->value, out);
}

/* Both results are reals, or elements. `what` is kept if they differ. */
static void compare(struct check *t, size_t n, const void *got, const void *wanted, bool reals, const char *what)
{
    const double rounding = t->kernels->precision == PRECISION_BF16 && !reals ? TOL_ELEMENT_BF16 : TOL_SUM;
    double largest = 0, error = 0;
    if (reals) {
        memcpy(t->got, got, n * sizeof(real));
        memcpy(t->wanted, wanted, n * sizeof(real));
    } else {
        t->reference->widen(n, got, t->got);
        t->reference->widen(n, wanted, t->wanted);
    }
    for (size_t i = 0; i < n; i++) {
        const double difference = fabs((double)t->got[i] - (double)t->wanted[i]);
        largest = fmax(largest, fabs((double)t->wanted[i]));
        error = difference <= error ? error : difference; /* a NaN stays */
    }
    if (!(error <= rounding * largest) && !t->wrong[0])
        snprintf(t->wrong, sizeof t->wrong, "%s is wrong, by %.1g of %.1g", what, error, largest);
}

static void check_product(struct check *t, const struct product *p)
{
    char what[MESSAGE / 2];
    const size_t n = (size_t)(p->batch - 1) * p->c_next + (size_t)p->m * (size_t)p->c_row;
    snprintf(what, sizeof what, "a product of %d x %d x %d", p->m, p->n, p->k);
    memcpy(t->c, t->value, n * sizeof(real)); /* what is added to */
    memcpy(t->d, t->value, n * sizeof(real));
    t->kernels->multiply(&t->worker, p, t->a, t->b, t->c);
    t->reference->multiply(&t->plain, p, t->a, t->b, t->d);
    compare(t, n, t->c, t->d, p->to_real, what);
}

/* What a step makes: {batch, m, n, k}, rows that lie apart by `gap`, members beside one another (as heads do) or not.
 */
static void check_products(struct check *t)
{
    static const int sizes[][4] = {{1, 5, 7, 3},  {1, 33, 64, 65}, {1, 64, 17, 130}, {1, 4, 64, 96},
                                   {1, 1, 9, 31}, {1, 8, 1, 1},    {3, 16, 16, 20},  {4, 2, 30, 8},
                                   {2, 30, 8, 6}, {1, 65, 96, 40}, {1, 6, 5, 1},     {2, 9, 1, 7}};
    draw(t, 1, MOST, t->a);
    draw(t, 2, MOST, t->b);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int batch = sizes[i][0], m = sizes[i][1], n = sizes[i][2], k = sizes[i][3];
        for (unsigned kind = 0; kind < 8; kind++) {
            const bool a_transposed = kind & 1, b_transposed = kind & 2, apart = kind & 4;
            const bool to_real = (i + kind / 2) % 2 == 0;
            const int a_width = a_transposed ? m : k, b_width = b_transposed ? k : n, gap = apart ? 3 : 1;
            check_product(t, &(struct product){.batch = batch,
                                               .m = m,
                                               .n = n,
                                               .k = k,
                                               .a_transposed = a_transposed,
                                               .b_transposed = b_transposed,
                                               .a_row = gap * a_width * (apart ? batch : 1),
                                               .b_row = gap * b_width * (apart ? batch : 1),
                                               .c_row = gap * n * (apart ? batch : 1),
                                               .a_next = (size_t)a_width * (apart          ? 1
                                                                            : a_transposed ? k
                                                                                           : m),
                                               .b_next = (size_t)b_width * (apart          ? 1
                                                                            : b_transposed ? n
                                                                                           : k),
                                               .c_next = (size_t)n * (apart ? 1 : m),
                                               .to_real = to_real,
                                               .accumulate = to_real && (a_transposed || apart)});
        }
    }
}

/* Products with a weight that was prepared for `rows` rows, with as many and with others. */
static void check_weight(struct check *t, int out, int in, int rows)
{
    char what[MESSAGE / 2];
    struct weight packed = {.out = out, .in = in, .rows = rows}, plain = packed;
    real *W = malloc((size_t)out * (size_t)in * sizeof *W), *bias = malloc((size_t)out * sizeof *bias);
    snprintf(what, sizeof what, "a product with a weight of %d x %d", out, in);
    draw(t, 4, (size_t)out * (size_t)in, t->a);
    if (!W || !bias || t->kernels->weight_open(&t->worker, &packed) != OK ||
        t->reference->weight_open(&t->plain, &plain) != OK) {
        snprintf(t->wrong, sizeof t->wrong, "a weight of %d x %d cannot be made", out, in);
        goto done;
    }
    memcpy(W, t->value, (size_t)out * (size_t)in * sizeof *W);
    memcpy(bias, t->value, (size_t)out * sizeof *bias);
    t->kernels->weight_pack(&t->worker, &packed, W);
    t->reference->weight_pack(&t->plain, &plain, W);
    draw(t, 5, MOST, t->a);
    draw(t, 6, MOST, t->b);
    for (int few = 0; few < 2; few++) {
        const int n = few ? 1 + rows / 3 : rows, x_row = in + 5 * few, y_row = out + 7 * few;
        for (enum result_type type = RESULT_ELEMENT; type <= RESULT_REAL_ADDED; type++) {
            const bool reals = type != RESULT_ELEMENT;
            memset(t->c, 0, (size_t)n * (size_t)y_row * sizeof(real));
            memset(t->d, 0, (size_t)n * (size_t)y_row * sizeof(real));
            t->kernels->forward(&t->worker, &packed, few ? NULL : bias, n, t->a, x_row, t->c, y_row, type);
            t->reference->forward(&t->plain, &plain, few ? NULL : bias, n, t->a, x_row, t->d, y_row, type);
            compare(t, (size_t)n * (size_t)y_row, t->c, t->d, reals, what);
            memset(t->c, 0, (size_t)n * (size_t)x_row * sizeof(real));
            memset(t->d, 0, (size_t)n * (size_t)x_row * sizeof(real));
            t->kernels->backward(&t->worker, &packed, n, t->b, y_row, t->c, x_row, type);
            t->reference->backward(&t->plain, &plain, n, t->b, y_row, t->d, x_row, type);
            compare(t, (size_t)n * (size_t)x_row, t->c, t->d, reals, what);
        }
    }
done:
    t->kernels->weight_close(&packed);
    t->reference->weight_close(&plain);
    free(W);
    free(bias);
}

static void check_loops(struct check *t)
{
    enum { ROWS = 9, COLUMNS = 37, ALL = ROWS * COLUMNS };
    real x[2][ALL], gain[COLUMNS], bias[COLUMNS], scale[2][ROWS], sums[2][2 * COLUMNS] = {{0}};
    const struct kernels *k[] = {t->kernels, t->reference};
    void *out[] = {t->c, t->d};
    draw(t, 7, COLUMNS, t->a);
    memcpy(gain, t->value, sizeof gain);
    memcpy(bias, t->value, sizeof bias);
    for (int i = 0; i < 2; i++) {
        draw(t, 8, ALL, t->a);
        memcpy(x[i], t->value, sizeof x[i]);
        k[i]->norm(ROWS, COLUMNS, x[i], gain, bias, t->b, out[i], scale[i]);
    }
    compare(t, ALL, t->c, t->d, false, "a layer norm");
    for (int i = 0; i < 2; i++) {
        k[i]->norm_backward(ROWS, COLUMNS, x[i], t->b, scale[1], gain, false, out[i], sums[i], sums[i] + COLUMNS);
        k[i]->sum_rows_real(ROWS, COLUMNS, x[i], true, sums[i]);
    }
    compare(t, ALL, t->c, t->d, true, "the gradient of a layer norm");
    compare(t, sizeof sums[0] / sizeof sums[0][0], sums[0], sums[1], true, "a sum over rows");
    for (int first = -1; first < 1; first++) {
        for (int i = 0; i < 2; i++) {
            draw(t, 9, ALL, t->a);
            memcpy(x[i], t->value, sizeof x[i]);
            k[i]->softmax(ROWS, COLUMNS, first, 3, x[i], out[i]);
        }
        compare(t, ALL, t->c, t->d, false, "a softmax");
    }
    draw(t, 10, ALL, t->a);
    memcpy(x[0], t->value, sizeof x[0]);
    for (int i = 0; i < 2; i++)
        k[i]->softmax_backward(ROWS, COLUMNS, 3, t->a, x[0], out[i]);
    compare(t, ALL, t->c, t->d, false, "the gradient of a softmax");
    for (enum activation activation = ACTIVATION_GELU; activation <= ACTIVATION_RELU; activation++) {
        for (int i = 0; i < 2; i++) {
            draw(t, 11, ALL, t->a);
            draw(t, 12, ALL, t->b);
            k[i]->activate(activation, ALL, t->a, out[i]);
            k[i]->activate_backward(ALL, t->a, t->b);
            k[i]->sum_rows(ROWS, COLUMNS, t->b, false, sums[i]);
        }
        compare(t, ALL, t->c, t->d, false, "an activation");
        compare(t, COLUMNS, sums[0], sums[1], t->kernels->precision == PRECISION_F32, "the slope of an activation");
    }
}

/* In the child: the whole test. What is wrong goes into t->wrong. */
static void run_checks(struct check *t)
{
    void **room[] = {&t->a, &t->b, &t->c, &t->d, (void **)&t->value, (void **)&t->got, (void **)&t->wanted};
    bool good = kernels_worker_open(t->kernels, &t->worker) == OK && kernels_worker_open(t->reference, &t->plain) == OK;
    for (size_t i = 0; i < sizeof room / sizeof room[0]; i++)
        good = (*room[i] = kernels_allocate(MOST, sizeof(real))) && good;
    if (!good) {
        snprintf(t->wrong, sizeof t->wrong, "it cannot be used: %.100s", error_message());
        return;
    }
    check_products(t);
    check_weight(t, 8, 6, 48);
    check_weight(t, 96, 65, 40);
    check_weight(t, 64, 144, 4);
    check_loops(t);
    if (kernels_status(&t->worker) != OK)
        snprintf(t->wrong, sizeof t->wrong, "%.150s", error_message());
}

static void child(const struct kernels *kernels, int out)
{
    struct kernels reference;
    struct check t = {.kernels = kernels, .reference = &reference};
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS + 1});
    for (int i = 1; i < NSIG; i++) /* a handler of the program's has no business here */
        signal(i, SIG_DFL);
    (kernels->precision == PRECISION_BF16 ? reference_kernels_bf16 : reference_kernels_real)(&reference);
    run_checks(&t);
    const size_t length = strlen(t.wrong);
    _exit(write(out, t.wrong, length) == (ssize_t)length ? 0 : 1);
}

/* What the child said, or, if it died, of what. false: nothing is wrong. */
static bool read_verdict(pid_t pid, int in, char message[MESSAGE])
{
    int state = 0;
    ssize_t n = -1;
    struct pollfd ready = {.fd = in, .events = POLLIN};
    int rc;
    do
        rc = poll(&ready, 1, WALL_SECONDS * 1000);
    while (rc < 0 && errno == EINTR);
    if (rc <= 0)
        kill(pid, SIGKILL);
    else
        n = read(in, message, MESSAGE - 1);
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        ;
    message[n > 0 ? n : 0] = '\0';
    if (rc <= 0 || (WIFSIGNALED(state) && (WTERMSIG(state) == SIGXCPU || WTERMSIG(state) == SIGKILL)))
        snprintf(message, MESSAGE, "it hangs");
    else if (WIFSIGNALED(state))
        snprintf(message, MESSAGE, "it died of signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
    else if (n < 0 || WEXITSTATUS(state) != 0)
        snprintf(message, MESSAGE, "its test ended with code %d", WEXITSTATUS(state));
    return message[0];
}

enum status self_test_run(const struct kernels *kernels)
{
    int ends[2];
    char message[MESSAGE];
    if (pipe(ends) != 0)
        return error_set(ERR_PROGRAM, "%s: no pipe for its test: %s", kernels->library, strerror(errno));
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(kernels, ends[1]);
    }
    const int failure = errno;
    close(ends[1]);
    const bool wrong = pid > 0 && read_verdict(pid, ends[0], message);
    close(ends[0]);
    if (pid < 0)
        return error_set(ERR_PROGRAM, "%s: no process for its test: %s", kernels->library, strerror(failure));
    return wrong ? error_set(ERR_PROGRAM, "%s: %s", kernels->library, message) : OK;
}
