/* Figures that show when Transformers emerge: steps over a grid, with the power law fitted to it (censored runs as
 * lower bounds) and the one that the paper prints, for each series of the figure's entry (figure.h). With too few
 * emerged runs for a fit there is no line. ERR_MEMORY, ERR_SOLVER. */
#ifndef EMERGENCE_H
#define EMERGENCE_H
#include "plots/figures/figure_data.h"

/* A panel for each series, with points at the `shown` places; the laws are those of all runs of the series. */
enum status emergence_grid(struct figure_data *data);
/* Fig. 3 middle: the same, shown at the largest T where B varies. ERR_INPUT: there is no run with B > 1. */
enum status emergence_repetition(struct figure_data *data);
/* Fig. 3 right: steps to 0.8 of the null loss at every learning rate; the best one of each d and p is series `best`. */
enum status emergence_learning_rates(struct figure_data *data);
/* Fig. 4 right: a panel for each series, read at its threshold; laws of the learning rate that is best for that. */
enum status emergence_recall(struct figure_data *data);
/* Fig. 13: steps over those of the fewest layers, and of the fewest heads. */
enum status emergence_depth(struct figure_data *data);
/* Fig. 15: a panel for SGD and one for Adam, which are its series, and their ratio. */
enum status emergence_optimizers(struct figure_data *data);

#endif
