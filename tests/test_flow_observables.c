/* Observables of single flows, each against an independent route: closed forms of the theory, reference values, and a
 * path integrated with Adams at 1e-11, read off with other code. flow_hessian can be planted wrong (--wrap): then the
 * claims on it must change. */
#include "validation/claim.h"
#include "validation/flow_observables.h"
#include "study/grid.h"
#include "test.h"
#include <string.h>

#define ok(call) ck_assert_msg((call) == OK, "%s", error_message())

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's --wrap makes these names */
void __real_flow_hessian(const struct flow *f, const double *y, double *H);
void __wrap_flow_hessian(const struct flow *f, const double *y, double *H);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
static double planted_DD = 1, planted_wD = 1;

void __wrap_flow_hessian(const struct flow *f, const double *y,
                         double *H) /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    __real_flow_hessian(f, y, H);
    int D = f->dim - 1;
    H[D + f->dim * D] *= planted_DD;
    for (int w = 0; w < D; w++) {
        H[w + f->dim * D] *= planted_wD;
        H[D + f->dim * w] *= planted_wD;
    }
}

static struct keys keys_of(const char *words)
{
    struct grid grid = {0};
    struct keys keys;
    char copy[200], *rest = copy;
    snprintf(copy, sizeof copy, "model=flow %s", words);
    for (char *word; (word = strsep(&rest, " "));)
        if (*word)
            ok(grid_add(&grid, word));
    ok(grid_at(&grid, 0, &keys));
    grid_free(&grid);
    return keys;
}

static double value_of(const char *name, const char *words)
{
    struct keys keys = keys_of(words);
    double value = NAN;
    ck_assert_msg(flow_observables_measure(name, &keys, &value) == OK, "%s at %s: %s", name, words, error_message());
    return value;
}

enum { STEPS = 60000 };
static struct path {
    struct flow flow;
    double plateau, t[STEPS], y[STEPS][FLOW_DIM];
    size_t n;
} one, other;

static enum status record(void *context, const struct flow *f, double t, const double *y)
{
    struct path *p = context;
    ck_assert(p->n < STEPS);
    p->t[p->n] = t;
    memcpy(p->y[p->n++], y, sizeof(double) * (size_t)f->dim);
    return OK;
}

/* Unit columns, zero start, to `time`. */
static void integrate(double T, double d, double p, double time, struct path *path)
{
    struct flow_solver *solver;
    struct flow_start start = flow_unit_start(d);
    struct flow_solution s;
    struct flow_request q = {.loss = LOSS_TEST,
                             .method = METHOD_ADAMS,
                             .rtol = 1e-11,
                             .atol = 1e-14,
                             .threshold = 0.2,
                             .time = time,
                             .step = record,
                             .context = path};
    path->n = 0;
    ok(flow_init(T, d, 1, p, METRIC_FULL, &start, &path->flow));
    ok(flow_solver_create(&solver));
    ok(flow_solver_solve(solver, &path->flow, &q, &s));
    flow_solver_free(solver);
    path->plateau = s.plateau;
}

enum what { W, W_REPEATED, W_OTHERS, ATTENTION, TEST_LOSS, TRAIN_LOSS };

static double at_step(const struct path *p, size_t i, enum what what)
{
    const double *y = p->y[i];
    bool two = p->flow.blocks == 2;
    double d = p->flow.d, beta, rest;
    flow_attention(&p->flow, y[p->flow.dim - 1], &beta, &rest);
    switch (what) {
    case W:
        return two ? (y[0] + sqrt(d - 1) * y[1]) / sqrt(d) : y[0];
    case W_REPEATED:
        return two ? y[0] : y[0] / sqrt(d);
    case W_OTHERS:
        return two ? y[1] : y[0] * sqrt((d - 1) / d);
    case ATTENTION:
        return beta;
    default:
        return flow_loss(&p->flow, y, what == TEST_LOSS ? LOSS_TEST : LOSS_TRAIN);
    }
}

/* First time at which a quantity reaches `level`. */
static double reaches(const struct path *p, enum what what, double level)
{
    for (size_t i = 1; i < p->n; i++) {
        double a = at_step(p, i - 1, what), b = at_step(p, i, what);
        if (b >= level)
            return p->t[i - 1] + (p->t[i] - p->t[i - 1]) * (level - a) / (b - a);
    }
    return NAN;
}

static double at_time(const struct path *p, double t, enum what what)
{
    size_t i = 1;
    while (i < p->n - 1 && p->t[i] < t)
        i++;
    double a = at_step(p, i - 1, what), b = at_step(p, i, what);
    return a + (b - a) * (t - p->t[i - 1]) / (p->t[i] - p->t[i - 1]);
}

static double largest(const struct path *p, double from, double (*f)(const struct path *, size_t), double *when)
{
    double most = -INFINITY;
    for (size_t i = 1; i < p->n; i++) {
        double x = p->t[i] > from ? f(p, i) : -INFINITY;
        if (x > most) {
            most = x;
            *when = p->t[i];
        }
    }
    return most;
}

static double slope(const struct path *p, size_t i)
{
    return -log(at_step(p, i, TRAIN_LOSS) / at_step(p, i - 1, TRAIN_LOSS)) / (p->t[i] - p->t[i - 1]);
}

static double overshoot(const struct path *p, size_t i)
{
    return at_step(p, i, W) / sqrt(p->flow.d);
}

static double gap(const struct path *p, size_t i)
{
    double beta = at_step(p, i, ATTENTION), T = p->flow.T, d = p->flow.d;
    double w_inf = beta * sqrt(d) / (beta * beta + (1 - beta) * (1 - beta) / (T - 1));
    return fabs(at_step(p, i, W) / w_inf - 1);
}

/* Largest eigenvalue of the 2 x 2 Hessian by differences of the loss. */
static double sharpness(const struct path *p, size_t i)
{
    double H[3];
    const double h[2] = {1e-4, 1e-4};
    for (int k = 0; k < 3; k++) { /* ww, wD, DD */
        H[k] = 0;
        for (int corner = 0; corner < 4; corner++) {
            double y[2] = {p->y[i][0], p->y[i][1]}, s1 = corner & 1 ? 1 : -1, s2 = corner & 2 ? 1 : -1;
            y[k == 2] += s1 * h[k == 2];
            y[k > 0] += s2 * h[k > 0];
            H[k] += s1 * s2 * flow_loss(&p->flow, y, LOSS_TRAIN) / (4 * h[k == 2] * h[k > 0]);
        }
    }
    return (H[0] + H[2]) / 2 + hypot((H[0] - H[2]) / 2, H[1]);
}

START_TEST(test_shape)
{
    double when = NAN, plateau;
    integrate(512, 64, 0, 40000, &one);
    plateau = one.plateau;
    const char *words = "T=512 d=64";
    test_close(value_of("w_rise_10", words), reaches(&one, W, 0.1 * 8) / plateau, 1e-3, 0, "w rises");
    test_close(value_of("attention_rise_10", words), reaches(&one, ATTENTION, 0.1) / plateau, 1e-4, 0,
               "attention rises");
    test_close(value_of("half_rise_order", words), reaches(&one, W, 4) / reaches(&one, ATTENTION, 0.5), 1e-4, 0,
               "half-rise");
    double early = -log(at_time(&one, 0.201 * plateau, TRAIN_LOSS) / at_time(&one, 0.199 * plateau, TRAIN_LOSS)) /
                   (0.002 * plateau);
    test_close(value_of("steepness", words), largest(&one, 0, slope, &when) / early, 0.03, 0, "steepness");
    test_close(value_of("overshoot", words), largest(&one, 0, overshoot, &when), 1e-4, 0, "overshoot");
    test_close(value_of("equilibrium", words), largest(&one, plateau + 4 * 64, gap, &when), 0.05, 0, "equilibrium");
    largest(&one, 0.5 * plateau, sharpness, &when);
    test_close(value_of("sharpest", words), when / plateau, 2e-3, 0, "sharpest");
}
END_TEST

/* e = 1 - beta -> sqrt((T-B)/(2 m t)), w -> w_inf(e) = sqrt d (1 + e), largest eigenvalue (1-e)^2/d + e^2. */
START_TEST(test_late)
{
    double t = 1e7, T = 512, d = 64, m = T / (T - 1), e = sqrt((T - 1) / (2 * m * t));
    const char *words = "T=512 d=64 time=1e7";
    test_close(value_of("final_attention", words), 1 - e, 2e-4, 0, "attention");
    test_close(value_of("final_w", words), 1 + e, 2e-4, 0, "w");
    test_close(value_of("fall", words), (1 + e) / value_of("overshoot", words), 2e-4, 0, "fall");
    test_close(value_of("late_sharpness", words), (1 - e) * (1 - e) + d * e * e, 5e-4, 0, "sharpness");
    test_close(value_of("late_loss", "T=64 d=16 time=1e7"), 1.0004, 1e-4, 0, "loss");
    test_close(value_of("late_wD", "T=64 d=16 B=4"), 1, 3e-4, 0, "L_wD");
    test_close(value_of("late_DD", "T=64 d=16 B=4"), 1, 1e-3, 0, "L_DD");
    test_close(value_of("late_DD_order", "T=64 d=16 B=4"), 2, 1e-3, 0, "order of L_DD");
    test_close(value_of("late_smallest", "T=64 d=16 B=4"), 1, 1e-3, 0, "smallest eigenvalue");
    ck_assert(isnan(value_of("late_wD", "T=64 d=16 p=0.3")));
}
END_TEST

START_TEST(test_rates)
{
    static const struct {
        const char *words;
        double B, p, rate;
    } cases[] = {{"T=64 d=6 B=4", 4, 0, 0.01090282},
                 {"T=64 d=6 B=4 p=0.3", 4, 0.3, 0.01312952},
                 {"T=64 d=6 B=8 p=0.8", 8, 0.8, 0.02782818}};
    for (int i = 0; i < 3; i++) {
        double p = cases[i].p, B = cases[i].B, paper = B * sqrt(p * p * 6 + (1 - p) * (1 - p)) / (sqrt(6) * 64),
               m = 64 / (B * (64 - B));
        double exact = sqrt(m) * sqrt((1 + p * p * 5) / 6) * B * (64 - B) / (64 * 64);
        test_close(value_of("rate_paper", cases[i].words) * paper, cases[i].rate, 1e-6, 0, "%s", cases[i].words);
        test_close(value_of("rate", cases[i].words), 1, 1e-9, 0, "%s: theory's", cases[i].words);
        test_close(value_of("rate_signal", cases[i].words) / value_of("rate_signal_exact", cases[i].words),
                   exact / paper, 1e-9, 0, "%s: quotient of the two rates", cases[i].words);
    }
    test_close(value_of("rate_signal_exact", "T=100000 d=64 p=0.1"), 1, 1e-4, 0, "no noise, long sequence");
    test_close(value_of("rate_signal", "T=100000 d=64 p=0.1"), sqrt((1 + 0.63) / (0.64 + 0.81)), 1e-4, 0,
               "the cross term");
}
END_TEST

/* w and D of the linearised flow for p = 0, B = 1 (theory, section 3). */
START_TEST(test_linear)
{
    double T = 512, d = 512, n = sqrt(d), f = n / (d * T), h = T / (d * T * T), k = n * (T - 1) / (d * T * T),
           m = T / (T - 1);
    double s = sqrt(h * h / 4 + m * k * k), up = -h / 2 + s, down = -h / 2 - s, off[2] = {0};
    integrate(T, d, 0, 0, &one);
    for (size_t i = 1; i < one.n; i++) {
        double t = one.t[i], w = f * exp(-h * t / 2) * sinh(s * t) / s,
               part = (0.5 / up - one.t[i - 1]) / (t - one.t[i - 1]);
        double D = T / (T - 1) * (up * expm1(down * t) - down * expm1(up * t)) / (2 * s);
        double now[2] = {fabs(one.y[i][0] / w - 1), fabs(one.y[i][1] / D - 1)};
        for (int c = 0; c < 2; c++) /* both grow: what counts is lambda_+ t = 0.5, between two steps */
            off[c] = up * t > 0.5 ? off[c] + part * (now[c] - off[c]) : now[c];
        if (up * t > 0.5)
            break;
    }
    test_close(value_of("linear_w", "T=512 d=512"), off[0], 2e-3, 0, "w");
    test_close(value_of("linear_D", "T=512 d=512"), off[1], 2e-3, 0, "D");
    test_close(off[1], 0.074, 0, 2e-4, "above 7 %% by the clock lambda_+");
}
END_TEST

START_TEST(test_repetition)
{
    integrate(512, 64, 0.9, 20000, &one);
    integrate(512, 64, 0, 20000, &other);
    const char *words = "T=512 d=64 p=0.9 time=6200";
    test_close(value_of("speed_up", words), other.plateau / one.plateau, 1e-6, 0, "plateau");
    test_close(value_of("speed_up", "T=512 d=64 p=0.5"), other.plateau / 1485.529, 1e-6, 0, "reference");
    test_close(value_of("attention_speed_up", words), reaches(&other, ATTENTION, 0.5) / reaches(&one, ATTENTION, 0.5),
               1e-3, 0, "attention");
    test_close(value_of("repeated_first", words),
               reaches(&one, W_OTHERS, 0.5 * sqrt(63)) / reaches(&one, W_REPEATED, 0.5), 2e-3, 0, "order");
    test_close(value_of("disadvantage", words), at_time(&one, 6200, TEST_LOSS) / at_time(&other, 6200, TEST_LOSS), 2e-3,
               0, "later");
    double most = 0;
    for (double t = other.plateau; t < 8000; t++)
        most = fmax(most, at_time(&one, t, TEST_LOSS) / at_time(&other, t, TEST_LOSS));
    test_close(value_of("largest_disadvantage", "T=512 d=64 p=0.9"), most, 3e-3, 0, "at its largest");
    test_close(value_of("largest_disadvantage", "T=512 d=64 p=0.9 time=5400"),
               value_of("disadvantage", "T=512 d=64 p=0.9 time=5400"), 0.2, 0,
               "until then"); /* still rising: the last step */
    test_close(value_of("disadvantage", "T=512 d=64 p=0 time=6200"), 1, 1e-12, 0, "of nothing");
}
END_TEST

START_TEST(test_derivatives)
{
    const double D = 0.5, beta = 1 / (1 + exp(D)); /* the state in the middle of the transition */
    static const struct {
        const char *words;
        double B;
    } cases[] = {{"T=512 d=64", 1}, {"T=512 d=64 B=2", 2}, {"T=64 d=8 B=4 p=0.3", 4}};
    for (int i = 0; i < 3; i++) {
        double alpha = beta / cases[i].B;
        test_close(value_of("hessian_DD", cases[i].words), 1, 1e-6, 0, "%s: L_DD", cases[i].words);
        test_close(value_of("hessian_wD", cases[i].words), 1, 1e-6, 0, "%s: L_wD", cases[i].words);
        test_close(value_of("paper_DD", cases[i].words), 1 / (alpha * (1 - beta)), 1e-5, 0, "%s: the paper's L_DD",
                   cases[i].words);
        test_close(value_of("paper_DD_corrected", cases[i].words), 1, 1e-5, 0, "%s: corrected", cases[i].words);
    }
    double n = sqrt(3), w = 0.5 * n, K = 1.0 / (4 * 7), sigma = 0.7 / 4, noise = -2 * (1 - beta) * K * w,
           signal = sigma * (2 * beta * w - n);
    test_close(value_of("paper_wD", "T=8 d=4 p=0.3"), (noise / 2 + signal) / (noise + signal), 1e-6, 0,
               "the paper's L_wD");
    test_close(value_of("eq6_gap", "T=512 d=64"), asinh(0.8 * 4096) - log(0.8 * 4096), 1e-9, 0, "Eq. 6");
}
END_TEST

/* A wrong formula in the program shows. */
START_TEST(test_planted)
{
    planted_DD = 1.01;
    test_close(value_of("hessian_DD", "T=512 d=64"), 1.01, 1e-6, 0, "a planted L_DD");
    ck_assert(fabs(value_of("late_DD", "T=64 d=16") - 1) > 5e-3);
    planted_DD = 1;
    planted_wD = 0.5;
    test_close(value_of("hessian_wD", "T=512 d=64"), 0.5, 1e-6, 0, "a planted L_wD");
    test_close(value_of("rate_paper", "T=512 d=256"), 0.468, 0.01, 0, "its growth rate");
    test_close(value_of("late_wD", "T=64 d=16"), 0.5, 1e-3, 0, "its late phase");
}
END_TEST

START_TEST(test_monomials)
{
    test_close(value_of("1.51*d^0.49*T^0.99*B^-0.99/plateau", "T=4096 d=64 metric=paper"),
               1.51 * pow(64, 0.49) * pow(4096, 0.99) / 42042.000, 1e-6, 0, "a published law over the flow");
    test_close(value_of("closed", "T=128 d=32 B=2"), 694.1051, 1e-6, 0, "a prediction");
    struct keys keys = keys_of("T=64 d=16");
    double value;
    ck_assert(flow_observables_measure("nonsense", &keys, &value) == ERR_INPUT && strstr(error_message(), "nonsense"));
    ck_assert(flow_observables_has("rate") && !flow_observables_has("plateau"));
}
END_TEST

/* A table row that begins so; the page writes | as \|. */
static void has_row(const char *page, const char *name, const char *rest)
{
    struct text row = {0};
    text_addf(&row, "\n| `%s` | ", name);
    for (; *rest; rest++)
        text_addf(&row, *rest == '|' ? "\\%c" : "%c", *rest);
    ck_assert_msg(strstr(page, row.data), "doc/claims.md lacks the row %s", row.data);
    text_free(&row);
}

/* doc/claims.md lists every observable with its meaning, and every quantity with the kind of `of` that it takes. */
START_TEST(test_documented)
{
    struct text page = {0};
    char path[4096];
    const char *source = getenv("SOURCE");
    snprintf(path, sizeof path, "%s/doc/claims.md", source ? source : "..");
    ok(text_read_file(path, 1 << 20, &page));
#define OBSERVABLE(name, value, meaning) has_row(page.data, #name, meaning);
#include "validation/flow_observables.def"
#undef OBSERVABLE
#define AS_ROW(name, measured, basis, rule, spread, on, of) has_row(page.data, #name, *(of) ? (of) : "-");
    QUANTITIES(AS_ROW)
#undef AS_ROW
    text_free(&page);
}
END_TEST

static const struct test tests[] = {
    {"shape of a run", &test_shape},     {"late phase", &test_late},
    {"growth rates", &test_rates},       {"linearised flow", &test_linear},
    {"repetition", &test_repetition},    {"derivatives", &test_derivatives},
    {"planted Hessian", &test_planted},  {"monomials of a flow", &test_monomials},
    {"documentation", &test_documented},
};
TEST_MAIN("flow observables", tests)
