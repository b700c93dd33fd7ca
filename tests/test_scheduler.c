/* The scheduler: whatever a worker dies of is said by name and costs its own run; signals, an exit code, the kernel's
 * memory limit. And what the control group allows, from folders that stand for a machine's. */
#include "base/cgroup.h"
#include "parallel/scheduler.h"
#include "test.h"
#include "base/text.h"
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ok(call) ck_assert_msg((call) == OK, "%s", error_message())

/* ---- workers that die ---- */

enum { RUNS = 8 };
struct deaths {
    int of[RUNS]; /* 0: it lives; a signal; -n: exit(n); EATER: takes memory until the kernel kills it */
    enum status rc[RUNS];
    char message[RUNS][512];
    size_t delivered;
};
enum { EATER = 1000 };

static void eat(void)
{
    enum { BITE = 1 << 20 };
    for (int i = 0; i < 4096; i++) {
        char *p = mmap(NULL, BITE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
            memset(p, 1, BITE);
    }
}

static enum status die(void *context, size_t i, struct text *payload)
{
    const struct deaths *d = context;
    const int of = d->of[i];
    text_addf(payload, "%zu%*s", i, (int)i, "");
    if (of == EATER) {
        eat();
    } else if (of > 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(of, SIG_DFL); /* a sanitizer has its own handler */
        raise(of);
    } else if (of < 0) {
        _exit(-of);
    }
    return OK;
}

static enum status take(void *context, size_t i, enum status rc, const char *message, const void *payload, size_t bytes)
{
    struct deaths *d = context;
    char expected[64];
    const size_t n = (size_t)snprintf(expected, sizeof expected, "%zu%*s", i, (int)i, "");
    d->rc[i] = rc;
    snprintf(d->message[i], sizeof d->message[i], "%s", message);
    ck_assert(rc != OK ? bytes == 0 : bytes == n && !memcmp(payload, expected, n));
    d->delivered++;
    return OK;
}

static void run_deaths(struct deaths *d, size_t n, size_t jobs)
{
    size_t items[RUNS];
    const struct scheduler scheduler = {.jobs = jobs, .isolated = true, .task = die, .deliver = take, .context = d};
    for (size_t i = 0; i < n; i++)
        items[i] = i;
    ok(scheduler_run(&scheduler, items, n));
    ck_assert_uint_eq(d->delivered, n);
}

static void died_of(const struct deaths *d, size_t i, const char *message)
{
    ck_assert_int_eq(d->rc[i], ERR_PROGRAM);
    ck_assert_str_eq(d->message[i], message);
}

START_TEST(deaths)
{
    for (size_t jobs = 1; jobs <= 3; jobs++) {
        struct deaths d = {.of = {SIGSEGV, 0, SIGKILL, -7, 0, SIGILL, SIGUSR2, 0}};
        run_deaths(&d, RUNS, jobs);
        died_of(&d, 0, "the worker process died of signal 11 (SIGSEGV)");
        died_of(&d, 2, "the worker process died of signal 9 (SIGKILL)");
        died_of(&d, 3, "the worker process ended with exit code 7");
        died_of(&d, 5, "the worker process died of signal 4 (SIGILL)");
        ck_assert_ptr_nonnull(strstr(d.message[6], "(another signal)"));
        ck_assert(d.rc[1] == OK && d.rc[4] == OK && d.rc[7] == OK);
    }
    struct deaths one = {.of = {SIGSEGV}};
    run_deaths(&one, 1, 1);
    died_of(&one, 0, "the worker process died of signal 11 (SIGSEGV)");
}
END_TEST

/* Really: in a control group of 64 MiB, where this machine lets us make one. */
START_TEST(out_of_memory)
{
    static const struct {
        const char *folder, *limit;
    } kinds[] = {{"/sys/fs/cgroup/memory/plateau_test", "memory.limit_in_bytes"},
                 {"/sys/fs/cgroup/plateau_test", "memory.max"}};
    for (size_t k = 0; k < 2; k++) {
        char folder[128], path[256];
        snprintf(folder, sizeof folder, "%s.%ld", kinds[k].folder, (long)getpid());
        snprintf(path, sizeof path, "%s/%s", folder, kinds[k].limit);
        if (mkdir(folder, 0755) != 0)
            continue;
        FILE *limit = fopen(path, "r+");
        bool limited = limit && fputs("67108864", limit) >= 0;
        limited = limit && fclose(limit) == 0 && limited;
        pid_t child = limited ? fork() : -1;
        if (child == 0) {
            struct deaths d = {.of = {0, EATER, SIGKILL, 0}};
            snprintf(path, sizeof path, "%s/cgroup.procs", folder);
            FILE *procs = fopen(path, "w");
            if (!procs || fprintf(procs, "%ld", (long)getpid()) < 0 || fclose(procs) != 0)
                _exit(77);
            run_deaths(&d, 4, 1);
            died_of(&d, 1, "the kernel killed the worker process: out of memory; use fewer --jobs, or allow more");
            died_of(&d, 2, "the worker process died of signal 9 (SIGKILL)");
            ck_assert(d.rc[0] == OK && d.rc[3] == OK);
            _exit(0);
        }
        int end = 77 << 8;
        if (child > 0)
            ck_assert_int_eq(waitpid(child, &end, 0), child);
        rmdir(folder);
        ck_assert_msg(WIFEXITED(end) && (WEXITSTATUS(end) == 0 || WEXITSTATUS(end) == 77), "%x", (unsigned)end);
        if (WEXITSTATUS(end) == 0)
            return;
    }
    fprintf(stderr, "test_scheduler: no control group can be made here; the kernel's own kill was not tried\n");
}
END_TEST

/* ---- control groups ---- */

static char root[64];

static void put(const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    *strrchr(path, '/') = '\0';
    ok(text_make_folder(path));
    snprintf(path, sizeof path, "%s/%s", root, name);
    ok(text_write_file(path, content, strlen(content)));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

/* An empty one, in the place of the one before. */
static void machine(void)
{
    if (*root)
        ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    strcpy(root, "/tmp/plateau_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

START_TEST(quotas)
{
    machine();
    ck_assert(isinf(cgroup_cpus(root)) && cgroup_oom_kills(root) == -1); /* no control groups at all */
    put("proc/vmstat", "nr_free_pages 5\noom_kill 12\n");
    ck_assert_int_eq(cgroup_oom_kills(root), 12);

    /* version 2, a nested group: the least of the quotas on the way up; its own count of kills */
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    ck_assert(isinf(cgroup_cpus(root)));
    put("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    put("sys/fs/cgroup/a/b/memory.events", "low 0\nmax 7\noom 4\noom_kill 3\noom_group_kill 9\n");
    put("sys/fs/cgroup/a/memory.events", "oom_kill 30\n");
    ck_assert_double_eq(cgroup_cpus(root), 1.5);
    put("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    ck_assert_double_eq(cgroup_cpus(root), 0.5);
    ck_assert_int_eq(cgroup_oom_kills(root), 3);

    /* version 1, in a container: the path is that of outside, only the topmost folder is there */
    machine();
    put("proc/self/cgroup",
        "9:name=systemd:/docker/x\n4:memory:/docker/x\n3:cpuset:/\n2:cpuacct,cpu:/docker/x\n0::/\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    ck_assert(isinf(cgroup_cpus(root)));
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n");
    ck_assert_double_eq(cgroup_cpus(root), 3);
    ck_assert_int_eq(cgroup_oom_kills(root), 2);

    put("proc/self/cgroup", "nonsense\n::\n\n:::::\n5:cpu\n");
    ck_assert(isinf(cgroup_cpus(root)) || cgroup_cpus(root) == 3);
    machine();
    rmdir(root);
}
END_TEST

static const struct test tests[] = {
    {"deaths", &deaths},
    {"out_of_memory", &out_of_memory},
    {"quotas", &quotas},
};
TEST_MAIN("scheduler", tests)
