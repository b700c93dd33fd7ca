/* What theory expects of imported runs, computed once for runs that differ by their seed alone.
 *
 * The reduced flow of a Transformer takes milliseconds and knows no seed, and a file of thousands of runs has mostly
 * repetitions of a few. Flow and toy may begin where the seed says, and are computed each. */
#ifndef IMPORT_EXPECT_H
#define IMPORT_EXPECT_H
#include "run/run_flow.h"

struct import_expect {
    void *tree; /* owned: of search.h */
};
/* run_expect of the run with these keys, into *result. Zero-initialise the memory; import_expect_free. ERR_SOLVER,
 * ERR_MEMORY. */
enum status import_expect_run(struct import_expect *known, struct run_flow *tools, const struct keys *keys,
                              struct result *result);
void import_expect_free(struct import_expect *known);

#endif
