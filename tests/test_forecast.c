/* Forecasts: the functions that they are made of, what they say of known curves, and when they say nothing. */
#include "run/forecast.h"
#include "test.h"
#include <math.h>

enum { ROWS = 25 };
static const double EVERY = 20;

static double erfinv(double u)
{
    double x = 0;
    for (int i = 0; i < 100; i++)
        x -= (erf(x) - u) / (2 / sqrt(M_PI) * exp(-x * x));
    return x;
}

struct curve {
    double t[ROWS], s[ROWS];
};

/* Scores D(t) = start + erfinv((t - t_0)/length)^2 + bump_i */
static struct curve curve(double start, double t_0, double length, double (*bump)(int))
{
    struct curve c;
    for (int i = 0; i < ROWS; i++) {
        c.t[i] = EVERY * i;
        const double D = start + (length > 0 ? pow(erfinv((c.t[i] - t_0) / length), 2) : 0) + (bump ? bump(i) : 0);
        c.s[i] = 1 / (1 + exp(-D));
    }
    return c;
}

static struct forecast say(const struct curve *c, double D_c)
{
    double scratch[4 * ROWS];
    struct forecast f;
    forecast_head(c->t, c->s, ROWS, D_c, scratch, &f);
    return f;
}

static double ripple(int i)
{
    return .01 * sin(3 * i);
}

static double noise(int i)
{
    return .002 * cos(i);
}

static double falling(int i)
{
    return -.001 * i;
}

START_TEST(mills_ratio)
{
    test_close(forecast_mills(0, INFINITY), 1.2533141, 1e-7, 0, "M(0)");
    test_close(forecast_mills(1, INFINITY), .6556795, 1e-7, 0, "M(1)");
    test_close(forecast_mills(3, INFINITY), .3045903, 2e-7, 0, "M(3)");
    test_close(forecast_mills(-1, INFINITY), 3.4770518, 1e-7, 0, "M(-1)");
    test_close(forecast_mills(0, .4), .975361, 1e-6, 0, "M_c(0)");
    test_close(forecast_mills(1, .4), .251622, 2e-6, 0, "M_c(1)");
    test_close(forecast_mills(2, .4), .009111, 1e-4, 0, "M_c(2)");
    test_close(forecast_mills(.7, 1e4), forecast_mills(.7, INFINITY), 1e-4, 0, "M_c of a large D_c is M");
}
END_TEST

static void check(const char *name, struct curve c, double D_c, double T, double sd, double x, double lambda, double s)
{
    const struct forecast f = say(&c, D_c);
    ck_assert_msg(f.word == FORECAST_SAYS, "%s: says nothing", name);
    test_close(f.T, T, 1e-4, 0, "%s: T", name);
    test_close(f.sd, sd, 1e-4, 0, "%s: sd", name);
    test_close(f.x, x, 1e-4, 0, "%s: x", name);
    test_close(f.lambda, lambda, 1e-4, 0, "%s: lambda", name);
    test_close(f.s, s, 1e-4, 0, "%s: s", name);
    ck_assert(f.low < f.T && f.T < f.high && f.low >= c.t[ROWS - 1]);
}

START_TEST(known_curves)
{
    check("A", curve(-4, 0, 1000, NULL), INFINITY, 990.2244, .15164, .642898, .07133602, .02202857);
    check("B", curve(-4, 0, 1000, NULL), .4, 794.0105, .12724, .635396, .06788117, .02205918);
    check("C", curve(-3.5, 100, 900, NULL), INFINITY, 985.0399, .15110, .556396, .04916888, .03405262);
    check("D", curve(-4, 0, 1000, ripple), INFINITY, 983.5478, .15207, .642065, .07225845, .02204682);
}
END_TEST

START_TEST(silence)
{
    struct curve c = curve(-4, 0, 0, noise);
    ck_assert_int_eq(say(&c, INFINITY).word, FORECAST_SILENT);
    ck_assert_int_eq(say(&c, .4).word, FORECAST_SILENT);
    c = curve(-4, 0, 0, falling);
    ck_assert_int_eq(say(&c, INFINITY).word, FORECAST_SILENT);
    c = curve(-4, 0, 2500, NULL);
    const struct forecast f = say(&c, INFINITY);
    ck_assert_int_eq(f.word, FORECAST_SILENT);
    test_close(f.x, .242984, 1e-4, 0, "F: x");
    test_close(f.lambda, .02840405, 1e-4, 0, "F: lambda");
    test_close(f.s, .01851519, 1e-4, 0, "F: s");
}
END_TEST

START_TEST(arrived)
{
    struct curve c = curve(-4, 0, 1000, NULL);
    double scratch[4 * ROWS];
    struct forecast f;
    for (int i = ROWS - 3; i < ROWS; i++)
        c.s[i] = .6;
    ck_assert_int_eq(say(&c, INFINITY).word, FORECAST_ARRIVED);
    forecast_head(c.t, c.s, 5, INFINITY, scratch, &f); /* too few rows */
    ck_assert_int_eq(f.word, FORECAST_SILENT);
    forecast_head(c.t, c.s, 0, INFINITY, scratch, &f);
    ck_assert_int_eq(f.word, FORECAST_SILENT);
}
END_TEST

static const struct test tests[] = {
    {"Mills ratio", &mills_ratio}, {"known curves", &known_curves}, {"silence", &silence}, {"arrived", &arrived}};
TEST_MAIN("forecast", tests)
