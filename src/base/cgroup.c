#include "base/cgroup.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096, TEXT = 16384 };

/* The file's text, cut at TEXT; "" if it cannot be read. The message of the last error stays. */
static const char *read_file(const char *path, char text[TEXT])
{
    FILE *file = fopen(path, "r");
    const size_t n = file ? fread(text, 1, TEXT - 1, file) : 0;
    text[n] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* The number behind `name` and a blank at the beginning of a line; -1 if there is none. */
static double count_of(const char *path, const char *name)
{
    char text[TEXT];
    for (const char *line = read_file(path, text); line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
            return strtod(line + strlen(name), NULL);
    }
    return -1;
}

/* Is `controller` in the list "cpu,cpuacct"? The list of version 2 is empty, and stands for all. */
static bool controls(const char *list, const char *controller)
{
    const size_t n = strlen(controller);
    for (const char *word = list; *list; word = word + strcspn(word, ",") + 1) {
        if (strcspn(word, ",") == n && !strncmp(word, controller, n))
            return true;
        if (!word[strcspn(word, ",")])
            return false;
    }
    return true;
}

/* What a look at one folder of a group gives: true if no other one need be looked at. */
typedef bool look(const char *folder, double *value);

/* Looks at the folder of the group that has the controller, and at those above it: a limit there holds here, too, and
 * in a container the path may be that of outside, where only the topmost folder is to be seen. */
static void look_up(const char *root, const char *controller, look *at, double *value)
{
    char path[PATH], groups[TEXT];
    snprintf(path, sizeof path, "%.1000s/proc/self/cgroup", root);
    read_file(path, groups);
    for (char *line = groups, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL; /* "4:memory:/a/b", "0::/a/b" */
        if (!group)
            continue;
        *group++ = '\0';
        const char *const folder = list[1] ? controller : ""; /* version 2 has one tree for all */
        for (bool done = !controls(list + 1, controller); !done;) {
            snprintf(path, sizeof path, "%.1000s/sys/fs/cgroup/%s%.2000s", root, folder, group);
            char *last = strrchr(group, '/');
            done = at(path, value) || !last;
            if (last)
                *last = '\0';
        }
    }
}

/* ---- CPUs ---- */

static bool least_cpus(const char *folder, double *cpus)
{
    char path[PATH + 32], text[TEXT], *rest;
    snprintf(path, sizeof path, "%s/cpu.max", folder); /* version 2: "max 100000" (none), "150000 100000" */
    double quota = strtod(read_file(path, text), &rest), period = strtod(rest, NULL);
    if (!*text) {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder); /* version 1; -1: none */
        quota = strtod(read_file(path, text), NULL);
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        period = strtod(read_file(path, text), NULL);
    }
    if (quota > 0 && period > 0)
        *cpus = fmin(*cpus, quota / period);
    return false;
}

double cgroup_cpus(const char *root)
{
    double cpus = INFINITY;
    look_up(root, "cpu", least_cpus, &cpus);
    return cpus;
}

/* ---- memory ---- */

static bool first_count(const char *folder, double *kills)
{
    static const char *const files[] = {"memory.events", "memory.oom_control"}; /* of version 2, of version 1 */
    for (int i = 0; i < 2 && *kills < 0; i++) {
        char path[PATH + 32];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        *kills = count_of(path, "oom_kill");
    }
    return *kills >= 0;
}

long cgroup_oom_kills(const char *root)
{
    double kills = -1;
    char path[PATH];
    look_up(root, "memory", first_count, &kills);
    snprintf(path, sizeof path, "%.1000s/proc/vmstat", root);
    return (long)(kills < 0 ? count_of(path, "oom_kill") : kills);
}
