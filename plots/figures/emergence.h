/* Figures that show when Transformers emerge: steps over a grid, with the power law fitted to it (censored runs as
 * lower bounds) and the one that the paper prints (3-left, 3-middle, 3-right, 4-right, 13, 14, 15). Each fills its data
 * from its study's runs (figure.h), of the widest model if there are several. With too few emerged runs for a fit there
 * is no line. ERR_INPUT: 3-middle has no run with B > 1. ERR_MEMORY, ERR_SOLVER. */
#ifndef EMERGENCE_H
#define EMERGENCE_H
#include "figure_data.h"

enum status emergence_3_left(struct figure_data *data);
enum status emergence_3_middle(struct figure_data *data);
enum status emergence_3_right(struct figure_data *data);
enum status emergence_4_right(struct figure_data *data);
enum status emergence_13(struct figure_data *data);
enum status emergence_14(struct figure_data *data);
enum status emergence_15(struct figure_data *data);

#endif
