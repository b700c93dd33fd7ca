/* Chains of attentions: the reduced flow against values of another program, against gradient descent on all parameters,
 * and its closed form against the integral in closed form and the separatrix. */
#include "models/chain.h"
#include "models/start.h"
#include "models/toy.h"
#include "test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct chain chain(double T, double d, int hops, double D1, double D2)
{
    struct chain c;
    const double D[CHAIN_HOPS] = {D1, D2, D2};
    const struct flow_start start = flow_unit_start(d);
    ck_assert_msg(chain_init(T, d, hops, METRIC_FULL, &start, D, &c) == OK, "%s", error_message());
    return c;
}

static double plateau(const struct chain *c, double threshold)
{
    struct ode *ode;
    struct flow_solution s;
    const struct chain_request q = {.method = METHOD_BDF, .rtol = 1e-10, .atol = 1e-13, .threshold = threshold};
    ck_assert_int_eq(ode_create(&ode), OK);
    ck_assert_msg(chain_solve(ode, c, &q, &s) == OK, "%s", error_message());
    ode_free(ode);
    return s.plateau;
}

START_TEST(reference_values)
{
    const struct {
        double T, d;
        int hops;
        double D1, D2, threshold, flow, closed;
    } rows[] = {{64, 16, 1, 0, 0, .2, 357.466445, NAN},
                {32, 8, 2, .1, .1, .2, 1824.68643, 1737.778},
                {64, 16, 2, .1, .1, .2, 7118.13015, 6951.114},
                {256, 64, 2, .1, .1, .2, 111851.14, 111217.8},
                {256, 64, 2, .01, .01, .1, 254336.452, 253631.9},
                {1024, 16, 2, .5, .5, .2, 359198.349, 358452.0},
                {128, 512, 2, .02, .02, .2, 99852.1638, 99341.11},
                {64, 16, 2, .3, -.1, .2, 7336.20199, NAN},
                {48, 8, 3, .2, .2, .2, 221094.07, 212703.2},
                {128, 32, 3, .5, .5, .1, 618318.415, 596584.4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct chain c = chain(rows[i].T, rows[i].d, rows[i].hops, rows[i].D1, rows[i].D2);
        double closed;
        test_close(plateau(&c, rows[i].threshold), rows[i].flow, 2e-7, 0, "row %zu: flow", i + 1);
        ck_assert_msg(chain_closed(&c, &closed) == OK, "%s", error_message());
        if (!isnan(rows[i].closed))
            test_close(closed, rows[i].closed, 2e-6, 0, "row %zu: closed form", i + 1);
    }
}
END_TEST

/* G_2 = -z_0 - ln(1 - z_0), G_3 = z_0 + 2 ln(1 - z_0) + z_0/(1 - z_0) */
START_TEST(integrals)
{
    static const double at[] = {.01, .1, .5};
    double G;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        const double z = exp(-at[i]);
        struct chain c = chain(64, 16, 2, at[i], at[i]);
        ck_assert_int_eq(chain_closed_integral(&c, &G), OK);
        test_close(G, -z - log1p(-z), 1e-8, 0, "G_2(%g)", at[i]);
        c = chain(64, 16, 3, at[i], at[i]);
        ck_assert_int_eq(chain_closed_integral(&c, &G), OK);
        test_close(G, z + 2 * log1p(-z) + z / (1 - z), 1e-8, 0, "G_3(%g)", at[i]);
    }
    const struct chain c = chain(64, 16, 2, .01, .01);
    ck_assert_int_eq(chain_closed_integral(&c, &G), OK);
    test_close(G, 3.6201161856, 1e-9, 0, "G_2(.01), printed");
}
END_TEST

/* The closed form of unequal scores against the flow: its error is that of equal ones. */
START_TEST(unequal_scores)
{
    double closed;
    const struct chain c = chain(256, 64, 2, .3, -.1);
    ck_assert_int_eq(chain_closed(&c, &closed), OK);
    test_close(closed / plateau(&c, .2), 1, .015, 0, "closed form, scores .3 and -.1");
    const struct chain three = chain(128, 16, 3, -.05, .2);
    ck_assert_int_eq(chain_closed(&three, &closed), OK);
    test_close(closed / plateau(&three, .2), 1, .04, 0, "closed form, scores -.05, .2, .2");
}
END_TEST

/* On either side of the separatrix: the flow emerges on one and ends, censored, on the other. */
START_TEST(separatrix)
{
    static const struct {
        int hops;
        double D1, D2;
        bool emerges;
    } rows[] = {{1, 0, 0, true},      {2, .1, .1, true},    {2, .1, -.09, true}, {2, .1, -.11, false},
                {2, -.1, -.1, false}, {2, 0, 0, false},     {3, -.05, .1, true}, {3, -.2, .1, false},
                {3, .1, -.01, false}, {3, -.1, -.1, false}, {2, 1, -.75, true},  {2, 1, -.85, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct chain c = chain(24, 4, rows[i].hops, rows[i].D1, rows[i].D2);
        ck_assert_msg(chain_emerges(&c, c.y0 + 2) == rows[i].emerges, "row %zu", i + 1);
        ck_assert_msg(!isnan(plateau(&c, .2)) == rows[i].emerges, "row %zu: the flow", i + 1);
    }
}
END_TEST

/* The differences F(D_i) - F(D_j) along the flow. */
static enum status watch(void *context, const struct chain *c, double t, const double *y)
{
    double *first = context;
    const double *D = y + 2;
    const double F = exp(D[0]) + (c->T - 2) * D[0] + (c->T - 1) * exp(-D[0]) - exp(D[1]) - (c->T - 2) * D[1] -
                     (c->T - 1) * exp(-D[1]);
    if (t == 0)
        *first = F;
    if (D[0] < 3)
        test_close(F, *first, 1e-6, 1e-7, "F(D_1) - F(D_2) at %g", t);
    return OK;
}

START_TEST(conserved)
{
    struct ode *ode;
    struct flow_solution s;
    double first;
    const struct chain c = chain(64, 8, 2, .4, -.2);
    const struct chain_request q = {
        .method = METHOD_BDF, .rtol = 1e-11, .atol = 1e-14, .threshold = .2, .step = watch, .context = &first};
    ck_assert_int_eq(ode_create(&ode), OK);
    ck_assert_msg(chain_solve(ode, &c, &q, &s) == OK, "%s", error_message());
    ode_free(ode);
}
END_TEST

/* BDF against Adams, with W(0) and W* drawn: the part across W* counts. */
START_TEST(two_methods)
{
    struct ode *ode;
    struct flow_start start;
    struct chain c;
    struct flow_solution bdf, adams;
    const double D[CHAIN_HOPS] = {.2, .1};
    struct chain_request q = {
        .method = METHOD_BDF, .rtol = 1e-10, .atol = 1e-13, .threshold = .2, .all_crossings = true};
    ck_assert_int_eq(start_reduced(8, true, true, 3, &start), OK);
    ck_assert_int_eq(chain_init(24, 8, 2, METRIC_FULL, &start, D, &c), OK);
    ck_assert_int_eq(ode_create(&ode), OK);
    ck_assert_msg(chain_solve(ode, &c, &q, &bdf) == OK, "%s", error_message());
    q.method = METHOD_ADAMS;
    ck_assert_msg(chain_solve(ode, &c, &q, &adams) == OK, "%s", error_message());
    test_close(bdf.plateau, adams.plateau, 1e-6, 0, "BDF against Adams");
    for (int i = 0; i < FLOW_LEVELS; i++)
        test_close(bdf.crossings[i], adams.crossings[i], 1e-6, 0, "level %d", i);
    ode_free(ode);
}
END_TEST

/* Gradient descent on all parameters, d^2 + hops T of them, from the start in which all wrong moves have equal scores:
 * the reduced flow, to the size of the steps. */
START_TEST(all_parameters)
{
    static const struct {
        int T, d, hops;
        double D, lr, tolerance;
    } rows[] = {
        {12, 3, 1, 0, .02, 2e-3}, {12, 4, 2, .1, .02, 5e-4}, {16, 6, 2, .02, .05, 5e-4}, {8, 3, 3, .3, .02, 5e-4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct toy *toy;
        struct toy_measure m;
        const double D[CHAIN_HOPS] = {rows[i].D, rows[i].D, rows[i].D};
        const struct chain c = chain(rows[i].T, rows[i].d, rows[i].hops, rows[i].D, rows[i].D);
        ck_assert_msg(toy_create_chain(rows[i].T, rows[i].d, rows[i].hops, &toy) == OK, "%s", error_message());
        ck_assert_int_eq(toy_start(toy, false, false, 1), OK);
        toy_start_scores(toy, 0, D, 1);
        double *gradient = malloc(toy->count * sizeof *gradient), loss, before = INFINITY, t = 0;
        const double level = .2 * chain_null_loss(&c);
        ck_assert_ptr_nonnull(gradient);
        for (loss = INFINITY; loss > level && t < 1e5; t += rows[i].lr) {
            before = loss;
            toy_gradient_exact(toy, gradient, &loss);
            for (size_t k = 0; k < toy->count && loss > level; k++)
                toy->parameters[k] -= rows[i].lr * gradient[k];
        }
        t -= rows[i].lr * (1 + (level - loss) / (before - loss)); /* the step at which it was at the level */
        test_close(t, plateau(&c, .2), rows[i].tolerance, 0, "all parameters, row %zu", i + 1);
        toy_measure(toy, &m);
        test_close(m.loss_train, loss, 1e-12, 0, "the loss, measured");
        free(gradient);
        toy_free(toy);
    }
}
END_TEST

/* The gradient of all parameters, with scores drawn, against central differences of the loss; and the mean of many
 * batches against it. The same with a hop that is held, whose scores have no gradient, neither on the whole nor of any
 * batch. */
static void check_toy_gradient(int hops, int held)
{
    const int T = 7, d = 3;
    const size_t first = (size_t)(d * d + held * T); /* of the scores that are held */
    struct toy *toy;
    const double D[CHAIN_HOPS] = {.4, .3, .2}, h = 1e-5;
    ck_assert_int_eq(toy_create_chain(T, d, hops, &toy), OK);
    ck_assert_int_eq(toy_start(toy, true, true, 5), OK);
    toy_start_scores(toy, .7, D, 5);
    if (held >= 0)
        toy->held[held] = true;
    double *exact = malloc(toy->count * sizeof *exact), *sampled = calloc(2 * toy->count, sizeof *sampled), loss;
    ck_assert(exact && sampled);
    double *mean = sampled + toy->count;
    toy_gradient_exact(toy, exact, &loss);
    for (size_t k = 0; k < toy->count; k++) {
        const double x = toy->parameters[k];
        double up, down;
        toy->parameters[k] = x + h;
        toy_gradient_exact(toy, sampled, &up);
        toy->parameters[k] = x - h;
        toy_gradient_exact(toy, sampled, &down);
        toy->parameters[k] = x;
        test_close(exact[k], (up - down) / (2 * h), 1e-7, 1e-10, "hops %d, held %d, parameter %zu", hops, held, k);
        ck_assert((exact[k] == 0) == (held >= 0 && k >= first && k < first + (size_t)T));
    }
    enum { STEPS = 40, BATCH = 2000 };
    for (int how = 0; how < 2; how++) {
        memset(mean, 0, toy->count * sizeof *mean);
        for (uint32_t step = 0; step < STEPS; step++) {
            ck_assert_int_eq(how ? toy_gradient_tokens(toy, BATCH, 9, step, sampled, &loss)
                                 : toy_gradient_statistics(toy, BATCH, 9, step, sampled, &loss),
                             OK);
            for (size_t k = 0; k < toy->count; k++)
                mean[k] += sampled[k] / STEPS;
        }
        for (size_t k = 0; k < toy->count; k++) {
            test_close(mean[k], exact[k], 0, .012, "hops %d, held %d, sampled %d, parameter %zu", hops, held, how, k);
            ck_assert(exact[k] != 0 || mean[k] == 0);
        }
    }
    free(exact);
    free(sampled);
    toy_free(toy);
}

START_TEST(toy_gradient)
{
    for (int hops = 2; hops <= TOY_CHAIN_HOPS; hops++) {
        for (int held = -1; held < hops; held++)
            check_toy_gradient(hops, held);
    }
}
END_TEST

START_TEST(refused)
{
    struct chain c;
    struct toy *toy;
    const double D[CHAIN_HOPS] = {0};
    const struct flow_start start = flow_unit_start(4);
    ck_assert_int_eq(chain_init(8, 4, 4, METRIC_FULL, &start, D, &c), ERR_INPUT);
    ck_assert_int_eq(chain_init(1, 4, 2, METRIC_FULL, &start, D, &c), ERR_INPUT);
    ck_assert_int_eq(chain_init(8, 4, 2, METRIC_FULL, &(struct flow_start){0}, D, &c), ERR_INPUT);
    ck_assert_int_eq(toy_create_chain(8, 4, 4, &toy), ERR_INPUT);
}
END_TEST

static const struct test tests[] = {{"reference values", &reference_values},
                                    {"integrals", &integrals},
                                    {"unequal scores", &unequal_scores},
                                    {"separatrix", &separatrix},
                                    {"conserved", &conserved},
                                    {"two methods", &two_methods},
                                    {"all parameters", &all_parameters},
                                    {"gradient", &toy_gradient},
                                    {"refused", &refused}};
TEST_MAIN("chain", tests)
