/* A training run that was made elsewhere, told evaluation by evaluation: its plateau length by the rule of train.h.
 *
 * A row has `step` and the columns of the trace of such a run (trace.h), all of them or some. The level column ends the
 * plateau: loss_test (the toy's loss=train: loss_train), or for recall accuracy_test. Short names stand for columns:
 *
 *     loss        the loss that ends the plateau;   accuracy    accuracy_test
 *     attention   of a Transformer: the query's attention to what it needs, of the last layer's first head
 *
 * Losses are in units of the null loss, that of knowing nothing. Where it is not given it is that of the run which
 * these keys make here, (1/2) E|y|^2 summed over the d numbers of y: whoever logs another loss (a mean of their squares
 * is 2/d of ours) gives its own.
 *
 * Between the start and a first row that comes later, the run is taken to know nothing at step 0. The key eval_every is
 * the largest distance between rows until the plateau was over, unless it was given: it says how exact the length is
 * (result_bracket). Schedules: nothing is known of when they switched. */
#ifndef RECORDING_H
#define RECORDING_H
#include "run/run_flow.h"
#include "run/train.h"

struct recording {
    struct keys keys;
    struct result result;     /* as far as it is known; recording_outcome completes it */
    struct trace trace;       /* owned: every row */
    struct training training; /* borrows the three above, so a recording stays where it began */
    int level;                /* column that ends the plateau */
    int loss;                 /* column of the loss that diverges */
    double widest;            /* distance between rows until the plateau was over */
    double step;              /* of the last row with a level */
    bool every_given;         /* the key eval_every is the user's */
};

/* Begins *r for a run of `keys` (toy or Transformer; else ERR_INPUT). null_loss: in the unit of the rows; NaN: that of
 * the keys. every_given: keys' eval_every is a statement, not a default. Release with recording_free, also after an
 * error. ERR_MEMORY, ERR_SOLVER. */
enum status recording_begin(struct recording *r, struct run_flow *tools, const struct keys *keys, double null_loss,
                            bool every_given);
void recording_free(struct recording *r);

/* The i-th of the short names; NULL behind the last. Not every run has all of them. */
const char *recording_short_name(size_t i);
/* The column of the trace that `name` stands for; ERR_INPUT with the nearest right name. */
enum status recording_column(const struct recording *r, const char *name, int *column);
/* Reads a cell of a row: *told is false where it is empty; nan and inf of any spelling are NaN that was told.
 * ERR_INPUT: another word. */
enum status recording_cell(const char *text, double *value, bool *told);
/* Takes in row[trace.columns]; NaN where nothing was measured. told[trace.columns]: a NaN there was measured, and the
 * run diverged. A row without the level's column is kept, and says nothing about the plateau. ERR_INPUT: its step does
 * not come after the last one's, or a loss is missing; ERR_MEMORY. */
enum status recording_row(struct recording *r, double *row, const bool *told);
/* The median loss of the rows before the plateau was over, over the null loss: about 1, if both have one unit. NaN:
 * there is none. ERR_MEMORY. */
enum status recording_unit(const struct recording *r, double *ratio);
/* The run as it is known now into *out, with its keys steps and eval_every; ended: else it is interrupted. */
void recording_outcome(const struct recording *r, bool ended, struct result *out);

#endif
