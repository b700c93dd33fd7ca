/* Where a training step of the regression Transformer goes on this machine: plateau bench part_*. */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H
#include "models/transformer.h"

enum { BENCH_OPTIMIZER = PART_COUNT, BENCH_EVALUATION, BENCH_PARTS };

/* Milliseconds of each part of a step, the mean over `steps` steps of the paper's default problem on two threads: those
 * of the model, the optimizer's update, and an evaluation's share (one of eval_size sequences every eval_every steps).
 * Errors of a run. */
enum status bench_parts(int steps, double ms[BENCH_PARTS]);

#endif
