/* The Transformer once more, forward only, in double precision, as transformer.h defines it: every position of every
 * layer, one sequence after the other, nothing shared with models/. Central differences of it judge gradients. */
#ifndef TRANSFORMER_ORACLE_H
#define TRANSFORMER_ORACLE_H
#include "models/transformer.h"

/* The mean loss at parameters[model->count] (in place of the model's own). outputs[sequences][outputs] and
 * attention[sequences][layers][heads][T][T] are overwritten unless NULL. */
double oracle_loss(const struct transformer *model, const struct transformer_batch *batch, const double *parameters,
                   double *outputs, double *attention);
/* d loss / d parameter number i by central differences of fourth order, step h. `parameters` is changed and put back.
 */
double oracle_slope(const struct transformer *model, const struct transformer_batch *batch, double *parameters,
                    size_t i, double h);

#endif
