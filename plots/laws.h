/* Figures that show plateau lengths over a grid, with fitted and predicted laws (1c, 2-left, 2-right, errors, repetition). Each
 * fills the page from its study's runs (figure.h). Rows with model other than flow (simulations, imported runs) are shown as
 * points with the spread of their seeds; the user's own (--data) likewise. ERR_INPUT: runs are missing, or no point of the user
 * belongs in the figure; ERR_SOLVER: a fit failed. */
#ifndef LAWS_H
#define LAWS_H
#include "page.h"

enum status laws_1c(struct page *page);

#endif
