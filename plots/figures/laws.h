/* Figures that show plateau lengths of the flow over a grid, with fitted and predicted laws. Each fills the figure's
 * data from the runs of its study (figure.h). Runs of another model than the flow (simulations, imported runs) are
 * shown as points with the spread of their seeds, at the entry's `shown` places and `constants`; the user's own
 * (--data) likewise. ERR_INPUT: runs are missing, or no point of the user belongs in the figure; ERR_SOLVER: a fit or
 * an integration failed. */
#ifndef LAWS_H
#define LAWS_H
#include "plots/figures/figure_data.h"

/* Every flow, the law of `regressors` that is fitted to them, Eq. 6 and the closed form. */
enum status laws_grid(struct figure_data *data);
/* Fig. 2 left: the paper's metric and the model's at one T; the law of each is that of another study. */
enum status laws_metrics(struct figure_data *data);
/* Fig. 2 right: over X, the paper's and the exact one. */
enum status laws_collapse(struct figure_data *data);
/* The difference of each prediction from the flow, and of SGD from it. */
enum status laws_errors(struct figure_data *data);
/* Three metrics of the flow, and SGD on the model. */
enum status laws_repetition(struct figure_data *data);
/* The shortest plateau of each kind of schedule. */
enum status laws_schedule(struct figure_data *data);

#endif
