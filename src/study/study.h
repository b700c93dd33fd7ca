/* Study files (YAML): a name and blocks of keys, each a grid of its own.
 *
 *     study: repetition            # optional; else the file's name
 *     curves: yes                  # optional: store the traces
 *     runs:
 *       - {model: flow, T: 4096, d: [16, 32, 64], B: [1, 2, 4], metric: [full, paper]}
 *       - {model: toy, T: 256, d: "16:64:*2", seed: [1, 2, 3]}
 * Values are what the command line takes, or lists of it. Keys on the command line replace those of every block. */
#ifndef STUDY_H
#define STUDY_H
#include "grid.h"

enum { STUDY_BLOCKS = 64 };

struct study {
    char name[64];
    bool curves;
    struct grid blocks[STUDY_BLOCKS];
    size_t n_blocks;
};

/* Reads `path` (at most 1 MiB). ERR_INPUT "path:line: ..". Release with study_free, also after an error. */
enum status study_read(const char *path, struct study *study);
/* `assignments` (key=value) replace the same keys of every block. */
enum status study_override(struct study *study, const char *const *assignments, size_t n);
void study_free(struct study *study);

#endif
