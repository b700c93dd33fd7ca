/* The map of the flow: against single integrations, the same bits for any number of threads, its empty part, what it
 * refuses. */
#include "models/flow_map.h"
#include "test.h"
#include <string.h>

static struct flow_map ask(enum key x, double x0, double x1, enum key y, double y0, double y1, size_t n)
{
    struct flow_map map = {.x = {x, x0, x1, n}, .y = {y, y0, y1, n}};
    double given[KEY_COUNT];
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = MODEL_FLOW;
    given[KEY_T] = 512, given[KEY_d] = 16;
    ck_assert_int_eq(keys_resolve(given, &map.keys), OK);
    return map;
}

static void compute(struct flow_map *map, size_t threads)
{
    ck_assert_msg(flow_map_compute(map, threads, NULL) == OK, "%s", error_message());
}

/* Random pixels are within the tolerance, and each within the error that the map gives. */
static void hold_to_flow(struct flow_map *map, size_t n)
{
    struct flow_map_check check;
    ck_assert_msg(flow_map_check(map, n, 1, &check) == OK, "%s", error_message());
    for (int m = FLOW_MAP_CLOSED; m < FLOW_MAP_METHOD_COUNT; m++)
        ck_assert_msg(check.largest[m] <= (m == FLOW_MAP_INTEGRATED ? 1e-6 : 1e-3), "%s: %g",
                      flow_map_method_name((enum flow_map_method)m), check.largest[m]);
    size_t all = 0;
    for (int m = 0; m < FLOW_MAP_METHOD_COUNT; m++)
        all += check.n[m];
    ck_assert_uint_eq(all, n);
}

START_TEST(lengths)
{
    struct flow_map map = ask(KEY_T, 16, 4096, KEY_d, 4, 512, 100);
    compute(&map, 2);
    hold_to_flow(&map, 200);
    /* theory.md: T = 4096, d = 64 is a pixel of T 64..4096, d 4..64, the last of both */
    struct flow_map corner = ask(KEY_T, 64, 4096, KEY_d, 4, 64, 50);
    compute(&corner, 1);
    ck_assert_int_eq(corner.method[2499], FLOW_MAP_CLOSED);
    test_close(corner.plateau[2499], 42032.6, 1e-3, 0, "T=4096 d=64");
    ck_assert_int_eq(corner.method[0], FLOW_MAP_INTERPOLATED);
    test_close(corner.error[0], 0, 0, 1e-3, "measured error");
    flow_map_free(&map);
    flow_map_free(&corner);
}
END_TEST

START_TEST(other_axes)
{
    struct flow_map map = ask(KEY_p, 0, .9, KEY_threshold, .05, .95, 60);
    compute(&map, 2);
    hold_to_flow(&map, 100);
    flow_map_free(&map);
}
END_TEST

START_TEST(empty)
{
    struct flow_map map = ask(KEY_B, 1, 64, KEY_T, 2, 128, 60);
    compute(&map, 2);
    size_t n = 0;
    for (size_t i = 0; i < 3600; i++) {
        bool there = flow_map_value(&map.x, (double)(i % 60)) <= flow_map_value(&map.y, (double)(i / 60)) - 1;
        ck_assert_int_eq(there, map.method[i] != FLOW_MAP_EMPTY);
        ck_assert_int_eq(there, map.plateau[i] > 0);
        n += there;
    }
    ck_assert(n > 1000 && n < 3000);
    hold_to_flow(&map, 200);
    flow_map_free(&map);
}
END_TEST

START_TEST(threads)
{
    struct flow_map one = ask(KEY_T, 16, 1024, KEY_d, 4, 64, 40), three = one;
    compute(&one, 1);
    compute(&three, 3);
    ck_assert(!memcmp(one.plateau, three.plateau, 1600 * sizeof *one.plateau));
    ck_assert(!memcmp(one.error, three.error, 1600 * sizeof *one.error));
    ck_assert(!memcmp(one.method, three.method, 1600));
    ck_assert_uint_eq(one.integrations, three.integrations);
    flow_map_free(&one);
    flow_map_free(&three);
}
END_TEST

static void refused(struct flow_map map, const char *why)
{
    ck_assert_int_eq(flow_map_compute(&map, 1, NULL), ERR_INPUT);
    ck_assert_msg(strstr(error_message(), why) != NULL, "%s", error_message());
    flow_map_free(&map);
}

START_TEST(refusals)
{
    struct flow_map map = ask(KEY_T, 16, 64, KEY_d, 4, 8, 4);
    refused(ask(KEY_T, 16, 64, KEY_T, 4, 8, 4), "both axes");
    refused(ask(KEY_T, 64, 16, KEY_d, 4, 8, 4), "rises");
    refused(ask(KEY_T, 0.5, 16, KEY_d, 4, 8, 4), "T must be");
    refused(ask(KEY_p, 0, 1, KEY_d, 4, 8, 4), "p must be");
    refused(ask(KEY_rtol, 1e-9, 1e-8, KEY_d, 4, 8, 4), "mapped over");
    refused(ask(KEY_T, 16, 64, KEY_d, 4, 8, 1), "2 to");
    map.keys.value[KEY_init] = INIT_GAUSSIAN;
    refused(map, "init=zero");
    const volatile int stop = 1;
    map.keys.value[KEY_init] = INIT_ZERO;
    ck_assert_int_eq(flow_map_compute(&map, 2, &stop), ERR_INTERRUPTED);
    flow_map_free(&map);
}
END_TEST

static const struct test tests[] = {{"lengths", &lengths},
                                    {"other axes", &other_axes},
                                    {"empty", &empty},
                                    {"threads", &threads},
                                    {"refusals", &refusals}};
TEST_MAIN("flow_map", tests)
