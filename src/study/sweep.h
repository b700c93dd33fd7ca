/* A sweep: every run of a study that the store does not have yet, on worker processes, each saved as soon as it is
 * done. */
#ifndef SWEEP_H
#define SWEEP_H
#include "store/store.h"
#include "study/study.h"

struct sweep_report {
    size_t total, skipped, done, failed; /* runs of the study, or of its shard; already there; made now; failed */
    struct text missing;                 /* owned by the caller: "KEYS: why" of each failed run, on a line */
    size_t kept; /* runs already there whose rows keep another threshold: another study may ask for it, or the plateau
                    would be lost */
};

/* Checks the whole grid, takes the runs of the study's shard, skips those that the store answers, and makes the rest,
 * the longest first (run_list.h). It waits for runs that another sweep is making (lease.h); results that the store
 * cannot take yet wait in memory (save_queue.h). A run that fails is reported on stderr and does not stop the sweep. A
 * training run (toy or Transformer) that a signal stops saves itself in FILE.checkpoints/HASH.safetensors beside the
 * database, and with checkpoint_every > 0 it does so now and then; it goes on from there when the sweep is run again:
 * stopped, killed, or with a larger cap. jobs 0: one a core, on a rank of an MPI job one. ERR_INTERRUPTED or
 * ERR_REQUEUE after a signal (what finished is saved); ERR_PROGRAM if any run failed. */
enum status sweep_run(const struct study *study, struct store *store, size_t jobs, bool quiet,
                      struct sweep_report *report);
/* On the ranks of an MPI job that are not the first: works on the same study for the database at `path`, which only the
 * first opens. Status as that of the first. */
enum status sweep_serve(const struct study *study, const char *path, size_t jobs);

/* Where the sweep of the database at `database` keeps a run's checkpoint. Appended to *path. ERR_MEMORY. */
enum status sweep_checkpoint(const char *database, const struct keys *keys, struct text *path);

#endif
