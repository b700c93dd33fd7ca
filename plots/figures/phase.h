/* The phase diagram: time of emergence as colour over two keys, of the reduced flow or of the runs of a database.
 *
 * Without a database the map of flow_map.h, 1000 x 1000 pixels unless asked otherwise: figphase.npy holds, for every
 * pixel, its plateau length (f4), the largest relative error known of it (f4) and how it was found (u1: flow_map.h's
 * methods), row by row from the bottom. With one, a cell for each pair of values, the median over its runs
 * (kaplan_meier.h). In both, the theory at 61 x 61 points for its contours: the quadrature for flow and toy, the
 * published law for Transformers. */
#ifndef PHASE_H
#define PHASE_H
#include "plots/figures/figure_data.h"

/* The request's x and y are needed. ERR_INPUT: they or the runs do not make a diagram; ERR_SOLVER; ERR_INTERRUPTED;
 * ERR_MEMORY. */
enum status phase_draw(struct figure_data *data);

#endif
