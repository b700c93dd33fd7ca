/* Roots: known ones by each way of closing in, an exact zero, and a function that fails. */
#include "models/root.h"
#include "test.h"

#define ok(call) ck_assert_msg((call) == OK, "%s", error_message())

struct counted {
    double (*f)(double);
    int calls, fails_at; /* 0: never */
};

static enum status call(void *context, double x, double *y)
{
    struct counted *c = context;
    if (++c->calls == c->fails_at)
        return error_set(ERR_SOLVER, "failed at %g", x);
    *y = c->f(x);
    return OK;
}

static double cosine(double x)
{
    return cos(x) - x;
}

static double minus_cube(double x)
{
    return 2 - x * x * x;
}

/* 1 - x exp(30 (x - 1)): flat for most of [0, 1.5], which holds the secant up */
static double steep(double x)
{
    return 1 - x * exp(30 * (x - 1));
}

static double whole(double x)
{
    return x - 3;
}

static double sign_of_sqrt2(double x)
{
    return x * x < 2 ? -1 : 1;
}

static struct root between(struct counted *c, double a, double b, int bisect)
{
    return (struct root){.f = call,
                         .context = c,
                         .a = a,
                         .fa = c->f(a),
                         .b = b,
                         .fb = c->f(b),
                         .rtol = 1e-13,
                         .bisect = bisect,
                         .most = 200};
}

START_TEST(known_roots)
{
    static const struct {
        double (*f)(double);
        double a, b, root;
    } known[] = {{cosine, 0, 2, 0.73908513321516064}, {minus_cube, 0, 3, 1.2599210498948732}, {steep, 0, 1.5, 1}};
    for (int bisect = 0; bisect <= 8; bisect++) {
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            struct counted c = {.f = known[i].f};
            struct root r = between(&c, known[i].a, known[i].b, bisect);
            ok(root_find(&r));
            test_close(r.b, known[i].root, 2e-13, 0, "root %zu, bisect %d", i, bisect);
            ck_assert(r.a <= known[i].root * (1 + 1e-15) && r.fa * known[i].f(r.a) >= 0);
            ck_assert_msg(i == 2 || bisect > 0 || c.calls < 15, "%d steps", c.calls); /* superlinearly */
        }
    }
}
END_TEST

START_TEST(ends)
{
    struct counted c = {.f = whole};
    struct root r = between(&c, 1, 7, 1); /* 4, 2.5, 3.25, .. */
    r.ftol = 0.3;
    ok(root_find(&r));
    ck_assert(r.b == 3.25 && c.calls == 3);
    r = between(&c, 0, 6, 1); /* the first middle is the root */
    ok(root_find(&r));
    ck_assert(r.b == 3);
    r = between(&c, 0, 3, 0); /* there already */
    c.calls = 0;
    ok(root_find(&r));
    ck_assert(r.b == 3 && c.calls == 0);
    c = (struct counted){.f = sign_of_sqrt2};
    r = between(&c, 1, 2, 1);
    ok(root_find(&r));
    test_close(r.b, sqrt(2), 1e-13, 0, "by signs alone");
    ck_assert(c.calls == 43 || c.calls == 44); /* 2^-43 < 1e-13 sqrt 2 */
    c = (struct counted){.f = cosine, .fails_at = 3};
    r = between(&c, 0, 2, 0);
    ck_assert_int_eq(root_find(&r), ERR_SOLVER);
    ck_assert_int_eq(c.calls, 3);
}
END_TEST

static const struct test tests[] = {
    {"known_roots", &known_roots},
    {"ends", &ends},
};
TEST_MAIN("root", tests)
