/* gnuplot as a program that may fail: how long it may take, and what it may leave. A script of the shell stands in for
 * it. */
#include "plots/figures/gnuplot.h"
#include "base/progress.h"
#include "test.h"
#include "base/text.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

/* gnuplot does that. */
static void pretend(const char *commands)
{
    char path[96], script[256], search[128];
    strcpy(folder, "/tmp/plateau_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/gnuplot", folder);
    snprintf(script, sizeof script, "#!/bin/sh\n%s\n", commands);
    ck_assert(text_write_file(path, script, strlen(script)) == OK && chmod(path, 0755) == 0);
    snprintf(search, sizeof search, "%s:/usr/bin:/bin", folder);
    ck_assert(setenv("PATH", search, 1) == 0);
}

static void clean(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/gnuplot", folder);
    ck_assert(unlink(path) == 0 && rmdir(folder) == 0);
}

static void takes(const char *commands, double limit, enum status want, const char *words)
{
    const double begin = progress_clock();
    pretend(commands);
    const enum status rc = gnuplot_run(folder, "a.gp", limit);
    ck_assert_msg(rc == want && strstr(error_message(), words), "%d %s", rc, error_message());
    ck_assert_msg(progress_clock() - begin < 20, "%g s", progress_clock() - begin);
    clean();
}

START_TEST(test_limit)
{
    takes("exec sleep 60", 0.3, ERR_PROGRAM, "took more than 0.3 s to draw a.gp");
    takes("trap '' TERM; sleep 60; sleep 60", 0.3, ERR_PROGRAM, "took more than 0.3 s");
}
END_TEST

START_TEST(test_children)
{
    takes("sleep 60 &", 30, OK, "");
    takes("sleep 60 & echo 'no such terminal' >&2; exit 1", 30, ERR_PROGRAM, "no such terminal");
    takes("exec 2>&-; sleep 0.2", 30, OK, "");
}
END_TEST

/* More than a pipe holds. */
START_TEST(test_message)
{
    takes("yes 'a  warning' | head -c 300000 >&2; exit 3", 30, ERR_PROGRAM, "(exit status 3): a warning a warning");
}
END_TEST

static const struct test tests[] = {{"limit", &test_limit}, {"children", &test_children}, {"message", &test_message}};
TEST_MAIN("gnuplot", tests)
