/* Figures that set the theory of Transformers, and of chains of attentions, beside their runs. Each fills the figure's
 * data from the runs of its study (figure.h). ERR_INPUT: a run has no curve; ERR_DATABASE; ERR_MEMORY; ERR_SOLVER. */
#ifndef PREDICTED_H
#define PREDICTED_H
#include "plots/figures/figure_data.h"

/* Every regression Transformer of the database that its reduced flow is about: measured against predicted length, and
 * what laws say that are fitted to the cheapest third of the study (extrapolate.h). */
enum status predicted_transformers(struct figure_data *data);
/* Forecasts of runs in progress along their time, relative to when attention arrived, and how far half of them are off,
 * beside two simple rules. */
enum status predicted_forecasts(struct figure_data *data);
/* Chains of attentions: plateau of the flow against T for each number of hops, with closed forms and SGD. */
enum status predicted_chains(struct figure_data *data);
/* Accuracy of recall along training, with one of its attentions held and without. */
enum status predicted_clamps(struct figure_data *data);

#endif
