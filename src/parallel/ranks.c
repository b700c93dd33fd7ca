#include "parallel/ranks.h"
#include <stdlib.h>

static size_t count = 1, number, here = 1;
static bool connected;

/* How many processes a launcher started, this one among them; 0 if it does not say. *mpi: they may find each other. */
static size_t started(bool *mpi)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    *mpi = getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMI_SIZE") || getenv("PMIX_RANK");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *text = getenv(sizes[i]);
        const long n = text ? strtol(text, NULL, 10) : 0;
        if (n > 0)
            return (size_t)n;
    }
    return *mpi ? 0 : 1;
}

enum status ranks_alone(void)
{
    bool mpi;
    const size_t n = started(&mpi);
    return n == 1 ? OK
                  : error_set(ERR_INPUT, "a launcher started several processes, and each would do all of this: start "
                                         "it once, without mpirun or srun; `plateau sweep` alone shares its runs "
                                         "between them");
}

enum status ranks_begin(bool independent)
{
    bool mpi;
    const size_t n = started(&mpi);
    if (n == 1 || (!mpi && independent))
        return OK;
    if (!mpi)
        return error_set(ERR_INPUT,
                         "srun started %zu tasks that cannot reach each other: use srun --mpi=pmix (srun --mpi=list "
                         "names what there is) or mpirun, or give each task its --shard i/n",
                         n);
    enum status rc = ranks_connect(&count, &number, &here);
    connected = rc == OK;
    if (rc == OK && n && n != count) {
        rc = error_set(ERR_INPUT,
                       "%zu processes were started, but MPI connects %zu: use the mpirun (or srun --mpi=..) of the MPI "
                       "that plateau was built with",
                       n, count);
        ranks_end(true);
    }
    return rc;
}

size_t ranks_count(void)
{
    return count;
}

size_t ranks_number(void)
{
    return number;
}

size_t ranks_here(void)
{
    return here;
}

void ranks_end(bool together)
{
    if (connected && together)
        ranks_disconnect();
    connected = false;
    count = here = 1;
    number = 0;
}
