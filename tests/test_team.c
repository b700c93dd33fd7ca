/* Threads that wait for work: every task is done once, piece of work after piece of work, whatever the number of
 * threads. */
#include "parallel/team.h"
#include "test.h"
#include <stdatomic.h>
#include <string.h>

enum { TASKS = 1000, MOST_THREADS = 5 };

struct tally {
    atomic_int done[TASKS];
    atomic_int members[MOST_THREADS];
};

static void count(void *context, int member, int task)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->done[task], 1);
    atomic_fetch_add(&tally->members[member], 1);
}

static void check_team(struct team *team, int threads)
{
    static struct tally tally;
    memset(&tally, 0, sizeof tally);
    for (int round = 1; round <= 200; round++) {
        const int tasks = round % 7 ? 1 + round * 37 % TASKS : 0;
        for (int i = 0; i < TASKS; i++)
            tally.done[i] = 0;
        team_run(team, tasks, count, &tally);
        for (int i = 0; i < TASKS; i++)
            ck_assert_int_eq(tally.done[i], i < tasks);
    }
    for (int member = threads; member < MOST_THREADS; member++)
        ck_assert_int_eq(tally.members[member], 0);
    ck_assert_int_gt(tally.members[0], 0);
}

START_TEST(every_task_once)
{
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        struct team *team;
        ck_assert_int_eq(team_open(threads, &team), OK);
        check_team(team, threads);
        team_close(team);
    }
    check_team(NULL, 1);
    team_close(NULL);
}
END_TEST

/* The caller reads what the helpers wrote, without a race (a sum that another thread keeps to itself would be short).
 */
static void add_up(void *context, int member, int task)
{
    long *sums = context;
    (void)member;
    for (int i = 0; i < 1000; i++)
        sums[task] += task;
}

START_TEST(results_are_there)
{
    struct team *team;
    ck_assert_int_eq(team_open(3, &team), OK);
    for (int round = 0; round < 100; round++) {
        long sums[64] = {0};
        team_run(team, 64, add_up, sums);
        for (int i = 0; i < 64; i++)
            ck_assert_int_eq(sums[i], 1000 * i);
    }
    team_close(team);
    for (int threads = 1; threads <= 3; threads++) {
        long sums[64] = {0};
        ck_assert_int_eq(team_parallel_for(threads, 64, add_up, sums), OK);
        for (int i = 0; i < 64; i++)
            ck_assert_int_eq(sums[i], 1000 * i);
    }
}
END_TEST

static const struct test tests[] = {{"every task once", &every_task_once}, {"results are there", &results_are_there}};
TEST_MAIN("team", tests)
