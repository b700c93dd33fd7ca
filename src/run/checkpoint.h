/* Checkpoints of a Transformer run (safetensors): everything it needs to go on, to the bit, as if it had never stopped.
 *
 *     every parameter    under its own name, [out, in] as in PyTorch's Linear
 *     task.target        W* [d, d] (regression)
 *     optimizer.first, optimizer.second   [count], laid out as the parameter block (sgd without momentum has none)
 *     run.sums           f64: sums over the steps since the last evaluation
 *     run.trace          f64 [rows, columns]: every evaluation so far; crossings and plateau are read off it again
 *     notes              step, every key that makes the run what it is, the numerics revision
 * Random numbers need no state: they are functions of (seed, step, sample). */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "optimizer.h"
#include "problem.h"
#include "trace.h"
#include "transformer.h"

enum { CHECKPOINT_SUMS = 3 };

/* What is saved, or overwritten by what was saved. Everything is borrowed. */
struct checkpoint {
    const struct keys *keys;
    const struct problem *problem;
    struct transformer *model;
    struct optimizer_state *optimizer; /* its step is that of the run */
    double *sums;                      /* [CHECKPOINT_SUMS] */
    struct trace *trace;               /* begun with keys */
};

/* ERR_IO, ERR_MEMORY. */
enum status checkpoint_write(const char *path, const struct checkpoint *c);
/* ERR_INPUT if the file is not a checkpoint of a run with these keys (what only says how long a run goes may differ):
 * the message names the first key that differs. ERR_IO, ERR_MEMORY. */
enum status checkpoint_read(const char *path, struct checkpoint *c);
/* The weights alone, from any safetensors file that has them all, whatever else it has. ERR_INPUT, ERR_IO, ERR_MEMORY.
 */
enum status checkpoint_read_weights(const char *path, struct transformer *model);

#endif
