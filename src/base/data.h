/* Files that come with the program: claims, studies, drawings. Named by their path in the source tree. */
#ifndef DATA_H
#define DATA_H
#include "base/error.h"

enum { DATA_PATH = 4096 };

/* data_path("validation/claims.yaml", path): where that file is. Looked for in $PLATEAU_DATA, and nowhere else if that
 * is set; else in ../share/plateau, seen from the folder of the program's own file, so that an installation can be
 * moved as a whole; else in the source tree that the program was built from, unless it is an installed one (somebody
 * else may own a folder of that name by then); else where `make install` was told to put it. ERR_INPUT with the remedy.
 */
enum status data_path(const char *name, char path[DATA_PATH]);

#endif
