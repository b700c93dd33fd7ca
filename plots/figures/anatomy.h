/* Figures that take one flow apart: its loss landscape (6), the linearised flow beside it (7), the equilibrium of w and
 * the curvature along it (8). Each fills its data from its study's run (figure.h), p = 0 and zero start: the state is
 * (w, D). ERR_INPUT: a curve is missing, or the run has another state; ERR_SOLVER: GSL failed. */
#ifndef ANATOMY_H
#define ANATOMY_H
#include "plots/figures/figure_data.h"

enum status anatomy_landscape(struct figure_data *data);
enum status anatomy_linear(struct figure_data *data);
enum status anatomy_equilibrium(struct figure_data *data);

#endif
