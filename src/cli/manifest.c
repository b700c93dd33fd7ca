#include "cli/manifest.h"
#include "commit.h"
#include "models/flow_solver.h"
#include "parallel/scheduler.h"
#include <gsl/gsl_version.h>
#include <jansson.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <yaml.h>

static struct text *add(struct report_fact *facts, size_t *n, const char *name)
{
    facts[*n] = (struct report_fact){.name = name};
    return &facts[(*n)++].value;
}

/* "model name : X" of the first processor; where there is none, the machine's type. */
static void add_processor(struct text *out)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!strncmp(line, "model name", 10) && colon) {
            text_add_bytes(out, colon + 2, strcspn(colon + 2, "\n"));
            break;
        }
    }
    if (file)
        fclose(file);
    struct utsname machine;
    if (!out->length && uname(&machine) == 0)
        text_add(out, machine.machine);
}

static void add_gnuplot(struct text *out)
{
    char line[128] = "not found";
    FILE *pipe = popen("gnuplot --version 2>/dev/null", "r"); /* NOLINT(cert-env33-c): a fixed command */
    if (pipe) {
        if (!fgets(line, sizeof line, pipe))
            strcpy(line, "not found");
        pclose(pipe);
    }
    text_add_bytes(out, line, strcspn(line, "\n"));
}

size_t manifest_collect(struct report_fact *facts, double wall_s)
{
    size_t n = 0;
    char when[40], host[256] = "";
    time_t now = time(NULL);
    struct utsname machine;
    int yaml[3];
    text_add(add(facts, &n, "version"), PACKAGE_VERSION);
    text_add(add(facts, &n, "commit"), BUILD_COMMIT);
    text_addf(add(facts, &n, "compiler"), "%s, version %s", BUILD_COMPILER, __VERSION__);
    text_addf(add(facts, &n, "CVODE"), "%s", ode_version());
    text_addf(add(facts, &n, "GSL"), "%s", gsl_version);
    text_addf(add(facts, &n, "SQLite"), "%s", sqlite3_libversion());
    yaml_get_version(&yaml[0], &yaml[1], &yaml[2]);
    text_addf(add(facts, &n, "libyaml"), "%d.%d.%d", yaml[0], yaml[1], yaml[2]);
    text_addf(add(facts, &n, "jansson"), "%s", JANSSON_VERSION);
    add_gnuplot(add(facts, &n, "gnuplot"));
    add_processor(add(facts, &n, "processor"));
    text_addf(add(facts, &n, "cores"), "%zu", scheduler_cores());
    if (uname(&machine) == 0)
        text_addf(add(facts, &n, "system"), "%s %s %s", machine.sysname, machine.release, machine.machine);
    gethostname(host, sizeof host - 1);
    text_add(add(facts, &n, "host"), host);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    text_add(add(facts, &n, "finished"), when);
    text_addf(add(facts, &n, "wall seconds"), "%.1f", wall_s);
    return n;
}
