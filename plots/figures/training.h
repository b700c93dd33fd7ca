/* Figures of training curves of Transformers (4-left, 5, 11, 12, 16, 17): losses, accuracy and attention, evaluation by
 * evaluation, a curve for each run, seeds included. Each fills its data from its study's runs (figure.h), of the widest
 * model and the largest problem if there are several. ERR_INPUT: a run has no curve. ERR_MEMORY, ERR_DATABASE. */
#ifndef TRAINING_H
#define TRAINING_H
#include "figure_data.h"

enum status training_4_left(struct figure_data *data);
enum status training_5(struct figure_data *data); /* and 16: accuracy on test and on training data */
enum status training_11(struct figure_data *data);
enum status training_12(struct figure_data *data);
enum status training_17(struct figure_data *data);

#endif
