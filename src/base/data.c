#include "base/data.h"
#include "base/program.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool there(const char *folder, const char *name, char path[DATA_PATH])
{
    return folder && *folder && snprintf(path, DATA_PATH, "%s/%s", folder, name) < DATA_PATH && access(path, R_OK) == 0;
}

/* share/plateau beside the folder that the program lies in: where `make install` puts the data, wherever the whole was
 * moved to since. false, and "", if there is no such folder. */
static bool find_beside(char folder[DATA_PATH])
{
    char self[DATA_PATH], path[DATA_PATH];
    *folder = '\0';
    for (int i = program_path(self, sizeof self) ? 0 : 2; i < 2; i++) { /* its own name, and that of its folder */
        char *last = strrchr(self, '/');
        if (!last)
            return false;
        *last = '\0';
    }
    if (!*self || !there(self, "share/plateau", path)) /* a program in /bin has its data in the fixed place */
        return false;
    memcpy(folder, path, strlen(path) + 1);
    return true;
}

/* Does the running program lie where `make install` put it? Its data may then be elsewhere (configure --datadir). */
static bool is_in_bindir(void)
{
    char self[DATA_PATH];
    return program_path(self, sizeof self) && !strncmp(self, PLATEAU_BINDIR "/", sizeof PLATEAU_BINDIR);
}

enum status data_path(const char *name, char path[DATA_PATH])
{
    const char *own = getenv("PLATEAU_DATA");
    if (own && there(own, name, path))
        return OK;
    if (own)
        return error_set(ERR_INPUT, "%s: not in the folder that PLATEAU_DATA names, %s", name, own);
    char beside[DATA_PATH];
    const bool installed = find_beside(beside) || is_in_bindir();
    const char *places[] = {beside, installed ? NULL : PLATEAU_SRCDIR, PLATEAU_DATADIR};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (there(places[i], name, path))
            return OK;
    }
    return error_set(ERR_INPUT,
                     "%s: not found in %s; install plateau, or name the folder that holds it: PLATEAU_DATA=..", name,
                     *beside ? beside : PLATEAU_DATADIR);
}
