#include "base/data.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool there(const char *folder, const char *name, char path[DATA_PATH])
{
    return folder && snprintf(path, DATA_PATH, "%s/%s", folder, name) < DATA_PATH && access(path, R_OK) == 0;
}

/* Does the running program lie where `make install` puts it? */
static bool is_installed(void)
{
    char self[DATA_PATH];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    return !strncmp(self, PLATEAU_BINDIR "/", sizeof PLATEAU_BINDIR);
}

enum status data_path(const char *name, char path[DATA_PATH])
{
    const char *own = getenv("PLATEAU_DATA");
    if (own && there(own, name, path))
        return OK;
    if (own)
        return error_set(ERR_INPUT, "%s: not in the folder that PLATEAU_DATA names, %s", name, own);
    const char *places[] = {is_installed() ? PLATEAU_DATADIR : NULL, PLATEAU_SRCDIR, PLATEAU_DATADIR};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (there(places[i], name, path))
            return OK;
    }
    return error_set(ERR_INPUT,
                     "%s: not found in %s; install plateau, or name the folder that holds it: PLATEAU_DATA=..", name,
                     PLATEAU_DATADIR);
}
