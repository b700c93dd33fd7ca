/* Data collapse: the curves of emerged runs against t/T_pl, each run's own plateau length, with what theory says of
 * their common shape.
 *
 * During the plateau v = e^-D falls as v'' + 1/v = 0 (prediction.h), so that sqrt D = erf^-1(t/T_pl), and while little
 * attention is on the relevant tokens
 *     attention/attention at the start -> exp( erf^-1(t/T_pl)^2 )
 * whatever T, d, B: the master curve, for T >> sqrt(d B) and d B >> 1. A curve leaves it near T/B, where all attention
 * is there. The loss becomes a step at 1; how wide it is at a finite size comes from the quadrature, at the shortest
 * and the longest plateau drawn. */
#ifndef COLLAPSE_H
#define COLLAPSE_H
#include "plots/figures/figure_data.h"

/* ERR_INPUT: no emerged run has a curve; ERR_SOLVER; ERR_DATABASE; ERR_MEMORY. */
enum status collapse_draw(struct figure_data *data);

#endif
