/* Figures of training curves of Transformers (4-left, 5, 11, 12, 16, 17): losses, accuracy and attention, evaluation by
 * evaluation, a curve for each run, seeds included. Each fills the page from its study's runs (figure.h), of the widest
 * model and the largest problem if there are several. ERR_INPUT: a run has no curve. ERR_MEMORY, ERR_DATABASE. */
#ifndef TRAINING_H
#define TRAINING_H
#include "page.h"

enum status training_4_left(struct page *page);
enum status training_5(struct page *page); /* and 16: accuracy on test and on training data */
enum status training_11(struct page *page);
enum status training_12(struct page *page);
enum status training_17(struct page *page);

#endif
