/* Leases: one run is one sweep's at a time; those of sweeps that are gone, or rest, are free again; the last one takes
 * the file with it. */
#include "store/lease.h"
#include "store_fixture.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void doze(double seconds)
{
    nanosleep(&(struct timespec){(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))}, NULL);
}

static struct leases *joined(const char *path, double rest_s)
{
    struct leases *l;
    ok(lease_open(path, rest_s, &l));
    return l;
}

/* A process that takes a run, says so, and is stopped from outside. */
static pid_t holder(const char *path, const char *hash)
{
    int pipes[2];
    char said;
    ck_assert_int_eq(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct leases *l = joined(path, 60);
        said = lease_take(l, hash) ? 'y' : 'n';
        _exit(write(pipes[1], &said, 1) == 1 && pause() ? 0 : 1);
    }
    close(pipes[1]);
    ck_assert(read(pipes[0], &said, 1) == 1 && said == 'y');
    close(pipes[0]);
    return child;
}

START_TEST(one_at_a_time)
{
    const char *path = in_folder("a.db"), *file = in_folder("a.db.leases");
    fill(path, 1);
    const pid_t child = holder(path, "run 1");
    struct leases *l = joined(path, 60);
    ck_assert(lease_take(l, "run 2") && lease_take(l, "run 2") && !lease_take(l, "run 1"));
    lease_return(l, "run 1"); /* is not ours to return */
    ck_assert(!lease_take(l, "run 1"));
    lease_return(l, "run 2");
    kill(child, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT); /* a zombie is gone, too */
    ck_assert(lease_take(l, "run 1"));
    waitpid(child, NULL, 0);
    ck_assert(access(file, F_OK) == 0 && lease_close(l) && access(file, F_OK) != 0);
    clean();
}
END_TEST

/* Another machine's, of which only the beat is known. */
START_TEST(elsewhere)
{
    const char *path = in_folder("a.db"), *file = in_folder("a.db.leases");
    fill(path, 1);
    struct leases *l = joined(path, 0.5);
    edit(file, "INSERT INTO sweeps VALUES('other', 'far', 1, 7); INSERT INTO leases VALUES('run 1', 'other')");
    ck_assert(!lease_take(l, "run 1"));
    for (int i = 0; i < 4; i++) {
        doze(0.3);
        edit(file, "UPDATE sweeps SET beat = beat + 1 WHERE owner = 'other'");
        ck_assert(!lease_take(l, "run 1"));
    }
    doze(0.3);
    ck_assert(!lease_take(l, "run 1"));
    ck_assert(!lease_take(l, "run 1"));
    doze(0.4);
    ck_assert(lease_take(l, "run 1"));
    edit(file, "UPDATE sweeps SET beat = beat + 1 WHERE owner = 'other'");
    ck_assert(!lease_close(l)); /* it came back to life */
    ck_assert_int_eq(unlink(file), 0);
    clean();
}
END_TEST

/* Where leases cannot be had the work goes on, and what lies there stays as it is. */
START_TEST(without)
{
    const char *path = in_folder("a.db"), *file = in_folder("a.db.leases");
    fill(path, 1);
    write_bytes(file, "mine", 4);
    struct leases *l = joined(path, 60);
    ck_assert(lease_take(l, "run 1"));
    lease_return(l, "run 1");
    ck_assert(!lease_close(l));
    struct text t = bytes_of(file);
    ck_assert_str_eq(t.data, "mine");
    text_free(&t);
    unlink(file);
    edit(file, "CREATE TABLE songs(name)");
    l = joined(path, 60);
    ck_assert(lease_take(l, "run 1") && !lease_close(l));
    unlink(file);
    ck_assert_int_eq(symlink("a.db", file), 0);
    l = joined(path, 60);
    ck_assert(lease_take(l, "run 1") && !lease_close(l));
    unlink(file);
    /* Removed while it is in use. */
    l = joined(path, 60);
    unlink(file);
    ck_assert(lease_take(l, "run 1") && !lease_close(l));
    clean();
}
END_TEST

/* Four that come and go: the file is removed and made anew amid it all. */
START_TEST(crowd)
{
    const char *path = in_folder("a.db"), *mark = in_folder("a.csv");
    int state, taken = 0;
    fill(path, 1);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            int mine = 0;
            for (int k = 0; k < 60; k++) {
                struct leases *l;
                if (lease_open(path, 60, &l) != OK)
                    _exit(255);
                if (lease_take(l, "run 1")) {
                    const int fd = open(mark, O_CREAT | O_EXCL | O_WRONLY, 0600);
                    if (fd < 0)
                        _exit(254);
                    close(fd);
                    unlink(mark);
                    lease_return(l, "run 1");
                    mine++;
                }
                lease_close(l);
            }
            _exit(mine);
        }
    }
    for (int i = 0; i < 4; i++) {
        ck_assert(wait(&state) > 0 && WIFEXITED(state));
        ck_assert_msg(WEXITSTATUS(state) <= 60, "exit %d", WEXITSTATUS(state));
        taken += WEXITSTATUS(state);
    }
    ck_assert_int_gt(taken, 0);
    clean(); /* and no file is left */
}
END_TEST

static const struct test tests[] = {
    {"one_at_a_time", &one_at_a_time},
    {"elsewhere", &elsewhere},
    {"without", &without},
    {"crowd", &crowd},
};
TEST_MAIN("lease", tests)
