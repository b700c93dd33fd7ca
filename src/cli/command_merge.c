/* plateau merge: several results databases in one. */
#include "cli/cli.h"
#include "store/merge.h"
#include <stdio.h>
#include <unistd.h>

enum status command_merge(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct merge_report report;
    bool fresh = false;
    REQUIRE(a->n_files >= 2, ERR_INPUT,
            "merge: needs the database to write, then those to read (`plateau help merge`)");
    const char *out = a->files[0];
    TRY(merge_check(out, a->files + 1, a->n_files - 1));
    fresh = access(out, F_OK) != 0;
    TRY(store_open(out, STORE_WRITE, a->command_line, &store));
    TRY(merge_stores(store, a->files + 1, a->n_files - 1, &report));
    fresh = false; /* from here on it is worth keeping */
    if (!a->quiet)
        fprintf(stderr, "%s: %zu runs read, %zu new, %zu that went further, %zu already there, %zu in conflict\n", out,
                report.runs, report.added, report.replaced,
                report.runs - report.added - report.replaced - report.conflicts, report.conflicts);
    REQUIRE(!report.conflicts, ERR_DATABASE,
            "%s: %zu runs differ between the databases: the first of each is kept, all others are merged", out,
            report.conflicts);
done:
    fresh = fresh && store;
    store_close(store);
    if (rc != OK && fresh)
        unlink(out); /* made for this merge, and empty */
    return rc;
}
