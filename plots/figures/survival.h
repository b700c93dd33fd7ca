/* Kaplan-Meier curves: the share of runs that have not emerged by a time, one curve for each group of runs that differ
 * by their seed alone (kaplan_meier.h). */
#ifndef SURVIVAL_H
#define SURVIVAL_H
#include "plots/figures/figure_data.h"

/* ERR_INPUT: no runs, or more groups than a figure has colours for; ERR_MEMORY. */
enum status survival_draw(struct figure_data *data);

#endif
