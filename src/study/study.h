/* Study files (YAML): a name and blocks of keys, each a grid of its own.
 *
 *     study: repetition            # optional; else the file's name
 *     curves: yes                  # optional: store the traces
 *     runs:                        # at every scale
 *       - {model: flow, T: 4096, d: [16, 32, 64], B: [1, 2, 4], metric: [full, paper]}
 *     quick:                       # optional sections smoke, quick, desk, paper: at a scale, the runs
 *       - {model: toy, T: 64, d: 64, seed: [1, 2]}             # of the largest that is not above it come on top
 *     paper:
 *       - {model: toy, T: 256, d: "64:256:*2", seed: [1, 2, 3]}
 * Values are what the command line takes, or lists of it. Keys on the command line replace those of every block. */
#ifndef STUDY_H
#define STUDY_H
#include "study/grid.h"
#include "store/store.h"

/* X(enumerator, name): seconds, for tests; minutes on two cores; up to two hours a study; the paper's sizes. */
#define SCALES(X) X(SCALE_SMOKE, "smoke") X(SCALE_QUICK, "quick") X(SCALE_DESK, "desk") X(SCALE_PAPER, "paper")
enum scale {
#define AS_ENUMERATOR(enumerator, name) enumerator,
    SCALES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        SCALE_COUNT
};

enum { STUDY_BLOCKS = 64 };

struct study {
    char name[STORE_STUDY_NAME];
    bool curves;
    struct grid blocks[STUDY_BLOCKS]; /* those of the scale */
    size_t n_blocks;
    size_t shard, shards; /* the part to make: number shard, from 1, of shards; 0 of 0: everything */
    bool *left_out;       /* owned: of each run, by its number (study_at), whether it is not to be made;
                                         NULL: all are */
};

/* "quick" -> SCALE_QUICK; ERR_INPUT names the four. */
enum status study_scale(const char *name, enum scale *scale);
const char *study_scale_name(enum scale scale);
/* "2/8" -> shard 2 of 8; ERR_INPUT with the rule. */
enum status study_shard(const char *text, struct study *study);
/* Reads `path` (at most 1 MiB) as it is at `scale`; every section is checked. ERR_INPUT "path: line: .."; a study
 * without runs at that scale is one. Release with study_free, also after an error. */
enum status study_read(const char *path, enum scale scale, struct study *study);
/* How many runs it names, block after block, and the keys of run i of them. ERR_INPUT: the grid is too large, or the
 * combination breaks a rule. */
enum status study_size(const struct study *study, size_t *size);
enum status study_at(const struct study *study, size_t i, struct keys *keys);
/* `assignments` (key=value) replace the same keys of every block. */
enum status study_override(struct study *study, const char *const *assignments, size_t n);
void study_free(struct study *study);

#endif
