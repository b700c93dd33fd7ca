/* Files that come with the program: claims, studies, drawings. Named by their path in the source tree. */
#ifndef DATA_H
#define DATA_H
#include "base/error.h"

enum { DATA_PATH = 4096 };

/* data_path("validation/claims.yaml", path): where that file is. Looked for in $PLATEAU_DATA, else in the installation
 * if this is the installed program, else in the source tree it was built from, else in the installation. ERR_INPUT with
 * the remedy. */
enum status data_path(const char *name, char path[DATA_PATH]);

#endif
