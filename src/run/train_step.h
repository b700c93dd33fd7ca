/* One training step of a Transformer: a batch of the task, the gradient, the optimizer's update.
 *
 * Everything that a step needs is made from the keys; training runs (run_transformer.c) and measurements of speed
 * (bench_parts.c) make the same steps. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H
#include "run/optimizer.h"
#include "models/task.h"
#include "models/transformer.h"
#include <stdatomic.h>

struct train_step {
    struct task task;
    struct transformer *model;
    struct optimizer_state optimizer;                         /* its step is the number of updates done */
    struct clamps clamps;                                     /* of the keys, .. */
    struct transformer_clamp held[CLAMPS], held_test[CLAMPS]; /* .. as batch and test have them; those in force first */
    struct samples batch, test; /* of the last step, filled as it runs; and the test set, drawn once */
    real *gradient;             /* owned: [model->count] */
    atomic_bool failed;         /* a batch could not be drawn */
    double update_s;            /* seconds that the optimizer's updates took */
};

/* With PyTorch's start for the seed. ERR_INPUT (no Transformer), ERR_MEMORY, ERR_PROGRAM (backend). Release with
 * train_step_free, also after an error. */
enum status train_step_init(const struct keys *keys, struct train_step *s);
/* One update; measure: loss and accuracy of the batch. A loss that is not finite updates nothing. ERR_MEMORY. */
enum status train_step_run(struct train_step *s, struct transformer_measure *measure);
/* The test set, as the model reads it. */
struct transformer_batch train_step_test(struct train_step *s);
/* The clamps of a Transformer's keys that are in force behind `steps` updates, for `samples` of its task, into
 * held[CLAMPS]: how many. */
int train_step_clamps(const struct clamps *clamps, const struct task_kind *kind, int64_t steps,
                      const struct samples *samples, struct transformer_clamp *held);
void train_step_free(struct train_step *s);

#endif
