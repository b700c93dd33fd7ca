/* The Transformer once more, forward only, in double precision, as transformer.h defines it: every position of every
 * layer, one sequence after the other, nothing shared with models/. Central differences of it judge gradients. */
#ifndef TRANSFORMER_ORACLE_H
#define TRANSFORMER_ORACLE_H
#include "models/transformer.h"

/* Attention that is held: copy, each odd position attends to the one before it; last, the last position attends to the
 * relevant ones (select and relevant in base/clamp.h); uniform, every position attends to what it may see. */
enum oracle_kind { ORACLE_COPY, ORACLE_LAST, ORACLE_UNIFORM };
struct oracle_clamp {
    enum oracle_kind kind;
    int layer, head; /* from 0; head -1: all */
};
/* Writes the rows that a clamp holds into held[sequences][layers][heads][T][T], and leaves the others.
 * relevant[sequences][slots]: positions, -1 for none. */
void oracle_hold(const struct transformer_config *c, int sequences, const struct oracle_clamp *clamp, size_t slots,
                 const int32_t *relevant, double *held);

/* The mean loss at parameters[model->count] (in place of the model's own). held[sequences][layers][heads][T][T] are
 * rows of attention that take the place of the softmax, NaN where it stays; NULL: nothing is held. (The batch's own
 * clamps are not looked at.) outputs[sequences][outputs] and attention[sequences][layers][heads][T][T] are overwritten
 * unless NULL. */
double oracle_loss(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                   const double *parameters, double *outputs, double *attention);
/* d loss / d parameter number i by central differences of fourth order, step h. `parameters` is changed and put back.
 */
double oracle_slope(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                    double *parameters, size_t i, double h);
/* The same along direction[model->count]: the scalar product of the gradient with it. */
double oracle_slope_along(const struct transformer *model, const struct transformer_batch *batch, const double *held,
                          double *parameters, const double *direction, double h);

#endif
