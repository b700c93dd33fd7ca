/* Figures that show plateau lengths over a grid, with fitted and predicted laws (1c, 2-left, 2-right, errors,
 * repetition, schedule). Each fills its data from its study's runs (figure.h). Runs of another model than the flow
 * (simulations, imported runs) are shown as points with the spread of their seeds; the user's own (--data) likewise.
 * ERR_INPUT: runs are missing, or no point of the user belongs in the figure; ERR_SOLVER: a fit or an integration
 * failed. */
#ifndef LAWS_H
#define LAWS_H
#include "figure_data.h"

enum status laws_1c(struct figure_data *data);
enum status laws_2_left(struct figure_data *data);
enum status laws_2_right(struct figure_data *data);
enum status laws_errors(struct figure_data *data);
enum status laws_repetition(struct figure_data *data);
enum status laws_schedule(struct figure_data *data);

#endif
