/* A sweep: every run of a study that the store does not have yet, on worker processes, each saved as soon as it is done. */
#ifndef SWEEP_H
#define SWEEP_H
#include "store.h"
#include "study.h"

struct sweep_report {
    size_t total, skipped, done, failed; /* runs of the study, or of its shard; already there; made now; failed */
};

/* Checks the whole grid, takes the runs of the study's shard, skips what the store answers, runs the rest, the longest first (agenda.h). A run that fails is reported on stderr and does not stop
 * the sweep. With checkpoint_every > 0 a Transformer saves itself in FILE.checkpoints/HASH.safetensors beside the database and goes on
 * from there when the sweep is run again: killed, or stopped by a cap that is larger now. jobs 0: one a core. ERR_INTERRUPTED after a signal (what finished is saved); ERR_PROGRAM if any run failed. */
enum status sweep_run(const struct study *study, struct store *store, size_t jobs, bool quiet, struct sweep_report *report);

#endif
