/* Figures that show curves of single runs: losses, weights and attention against time (1a, 1b, 9, 10). Each fills its
 * data from its study's runs (figure.h). ERR_INPUT: a curve is missing. */
#ifndef CURVES_H
#define CURVES_H
#include "figure_data.h"

enum status curves_1a(struct figure_data *data);
enum status curves_1b(struct figure_data *data);
enum status curves_9(struct figure_data *data);
enum status curves_10(struct figure_data *data);

#endif
