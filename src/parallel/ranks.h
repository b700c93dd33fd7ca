/* The processes ("ranks") of an MPI job, and messages between the first and the others.
 *
 * A program that no launcher of MPI started is one rank and never initialises MPI: that takes longer than most
 * commands. A launcher is known by the environment that it gives to every process:
 *     OMPI_COMM_WORLD_SIZE   Open MPI's mpirun
 *     PMI_SIZE               MPICH's mpiexec; srun --mpi=pmi2
 *     PMIX_RANK              srun --mpi=pmix, and other launchers that speak PMIx
 *     SLURM_STEP_NUM_TASKS   any srun: alone, without one of those above, its tasks know nothing of each other
 * (SLURM_PROCID and SLURM_NTASKS say nothing: a batch script that starts plateau without srun has them too.)
 *
 * No call waits for another rank, but for the rest of a message that has begun to arrive: a rank that has nothing to do
 * can sleep. An error within MPI ends the job, as MPI does unless told otherwise. ranks_mpi.c is the only file that
 * knows of mpi.h; in a build without MPI ranks_none.c stands for it. */
#ifndef RANKS_H
#define RANKS_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

struct ranks_message {
    size_t from;
    int kind; /* as sent */
    size_t bytes;
    void *data; /* the receiver's, to be freed; aligned for any type */
};

/* Connects the processes that a launcher started. `independent`: what srun started without MPI may work side by side.
 * ERR_INPUT if processes were started that cannot reach each other. */
enum status ranks_begin(bool independent);
/* For a command that several processes must not do at once: ERR_INPUT if a launcher started several. Connects
 * nothing. */
enum status ranks_alone(void);
/* Number of ranks, 1 unless connected; and of this one: 0 is the first. */
size_t ranks_count(void);
size_t ranks_number(void);
/* How many of them are on this machine. */
size_t ranks_here(void);
/* Sends a copy of data[bytes], which arrives later: messages from one rank to another keep their order. ERR_MEMORY. */
enum status ranks_send(size_t to, int kind, const void *data, size_t bytes);
/* The next message, if *there is one. ERR_MEMORY. */
enum status ranks_receive(struct ranks_message *m, bool *there);
/* Leaves the job once all that was sent has gone, when all others do so (`together`); else at once, and then the end of
 * this process makes the launcher end the others. */
void ranks_end(bool together);

/* ---- what ranks_mpi.c or ranks_none.c does for ranks.c ---- */
enum status ranks_connect(size_t *count, size_t *number, size_t *here);
void ranks_disconnect(void);

#endif
