/* Figures that show curves of single runs against time or steps: losses, accuracy, weights and attention. Each fills
 * the figure's data from the runs of its study (figure.h). ERR_INPUT: a run has no curve; ERR_DATABASE; ERR_MEMORY. */
#ifndef CURVES_H
#define CURVES_H
#include "plots/figures/figure_data.h"

/* The columns of the figure along every run that it shows, as series `flow`, `toy` or `run` (a Transformer): a column
 * is one of the curve, or a key of the run. `loss` is the test loss; losses of Transformers are relative to the null
 * loss. */
enum status curves_draw(struct figure_data *data);
/* Fig. 1a: these, with the end of each plateau. */
enum status curves_plateaus(struct figure_data *data);
/* Fig. 1b: weights and attention of one run, relative to their optimum. */
enum status curves_weights(struct figure_data *data);
/* Fig. 9: these, of the toy model and of the flow. */
enum status curves_toy(struct figure_data *data);
/* Fig. 10: cross-sample repetition, with the weights of each block relative to |W*| there. */
enum status curves_blocks(struct figure_data *data);
/* Fig. 4 left: recall, for one vocabulary, with the accuracy of naming any value of the context. */
enum status curves_recall(struct figure_data *data);
/* Fig. 17: attention of every head along one run. */
enum status curves_heads(struct figure_data *data);

#endif
