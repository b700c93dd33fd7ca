/* Checkpoints of training runs (safetensors): everything that a run needs to go on, to the bit, as if it had never
 * stopped.
 *
 *     every parameter    under its own name, [out, in] as in PyTorch's Linear
 *     task.target        W* [d, d] (regression)
 *     optimizer.first, optimizer.second   [count], laid out as the parameter block (sgd without momentum has none)
 *     run.sums or run.state   f64: numbers of the run itself (run_transformer.c, run_toy.c)
 *     run.trace          f64 [rows, columns]: the trace so far
 *     notes              step, every key that makes the run what it is, the numerics revision, what multiplied
 * Parameters, target and optimizer are f32 for Transformers, f64 for the toy, as they are in memory.
 * Random numbers need no state: they are functions of (seed, step, sample). */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "run/optimizer.h"
#include "run/result.h"
#include "run/run_request.h"
#include "run/trace.h"
#include "models/transformer.h"

/* What is saved, or overwritten by what was saved. Everything is borrowed. */
struct checkpoint {
    const struct keys *keys;
    const struct transformer_tensor *tensor; /* [tensors]: names of the parameters, and their places in the block */
    int tensors;
    void *parameters;                  /* the block: numbers of optimizer->size bytes */
    const void *target;                /* W* [d][d] of that size, which is only written; NULL: none */
    struct optimizer_state *optimizer; /* its step is that of the run */
    const char *state_name;
    double *state; /* [states] */
    size_t states;
    struct trace *trace; /* begun with keys */
    char *library;       /* [RESULT_LIBRARY]: result.library; NULL: the toy model's */
};

/* Where the request says, in the folder that it names, if it names any. ERR_IO, ERR_MEMORY. */
enum status checkpoint_write(const struct run_request *request, const struct checkpoint *c);
/* From request->resume. ERR_INPUT if the file is not a checkpoint of a run with these keys (what only says how long a
 * run goes may differ): the message names the first key that differs. ERR_IO, ERR_MEMORY; ERR_DAMAGED:
 * checkpoint_damage. */
enum status checkpoint_read(const struct run_request *request, struct checkpoint *c);
/* A sweep finds a checkpoint by the hash in its name, so one that does not fit its run is damaged: gives ERR_DAMAGED
 * for ERR_INPUT there, and any other rc unchanged. */
enum status checkpoint_damage(const struct run_request *request, enum status rc);
/* Renames request->resume, which the last error is about, to NAME.damaged, and says so in a line on stderr. ERR_IO. */
enum status checkpoint_set_aside(const struct run_request *request);
/* The step it stands at; 0 if there is none that can be read. */
double checkpoint_step(const char *path);
/* A Transformer's weights alone, from any safetensors file that has them all, whatever else it has. ERR_INPUT, ERR_IO,
 * ERR_MEMORY. */
enum status checkpoint_read_weights(const char *path, struct transformer *model);

#endif
