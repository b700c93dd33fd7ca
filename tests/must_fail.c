/* The negative control: a known value, perturbed. If this ever passes, the harness cannot fail and `make check` turns
 * red. */
#include "models/flow.h"
#include "test.h"

START_TEST(perturbed_value)
{
    struct flow_start start = flow_unit_start(4);
    struct flow f;
    ck_assert_int_eq(flow_init(8, 4, 1, 0, METRIC_FULL, &start, &f), OK);
    test_close(flow_null_loss(&f, LOSS_TEST), 0.5 + 1e-6, 1e-9, 0, "null loss, perturbed");
}
END_TEST

static const struct test tests[] = {{"perturbed value", &perturbed_value}};
TEST_MAIN("must_fail", tests)
