/* Reference plateau lengths of the reduced flow and its predictions: unit columns, zero start unless said. Every digit
 * holds (BDF and Adams at rtol 1e-12, and integrations of all d^2 + T parameters, agree). */
#ifndef REFERENCE_H
#define REFERENCE_H
#include "models/flow.h"

struct reference {
    double T, d, B, p;
    enum metric metric;
    enum loss loss;
    double level; /* absolute loss */
    double flow, closed, quadrature;
    double n[2], w[2], u[2]; /* n[0] = 0: unit columns */
};

static const struct reference references[] = {
    {256, 64, 1, 0, METRIC_PAPER, LOSS_TEST, .1, 2694.8230, 0, 0, {0}, {0}, {0}},
    {256, 512, 16, 0, METRIC_PAPER, LOSS_TEST, .1, 893.49502, 0, 0, {0}, {0}, {0}},
    {1024, 64, 4, 0, METRIC_PAPER, LOSS_TEST, .1, 2652.3713, 0, 0, {0}, {0}, {0}},
    {4096, 64, 1, 0, METRIC_PAPER, LOSS_TEST, .1, 42042.000, 0, 0, {0}, {0}, {0}},
    {4096, 256, 16, 0, METRIC_PAPER, LOSS_TEST, .1, 5376.4070, 0, 0, {0}, {0}, {0}},
    {128, 32, 2, 0, METRIC_FULL, LOSS_TEST, .1, 700.36980, 694.1051, 699.7961, {0}, {0}, {0}},
    {1024, 4, 1, 0, METRIC_FULL, LOSS_TEST, .1, 2817.1471, 2819.267, 2816.140, {0}, {0}, {0}},
    {16384, 512, 16, 0, METRIC_FULL, LOSS_TEST, .1, 117072.20, 116993.5, 117071.6, {0}, {0}, {0}},
    {64, 8, 40, 0, METRIC_FULL, LOSS_TEST, .1, 16.079346, 14.72389, 15.83825, {0}, {0}, {0}},
    {2048, 128, 4, 0, METRIC_TIED, LOSS_TEST, .4, 7338.1279, 7357.631, 7338.037, {0}, {0}, {0}},
    {512, 64, 1, .3, METRIC_FULL, LOSS_TEST, .1, 2155.5003, NAN, 2152.236, {0}, {0}, {0}},
    {512, 64, 1, .3, METRIC_FULL, LOSS_TRAIN, .1, 2141.2407, NAN, 2138.027, {0}, {0}, {0}},
    {512, 64, 1, .9, METRIC_FULL, LOSS_TEST, .1, 1877.7115, NAN, 1886.950, {0}, {0}, {0}},
    {512, 64, 1, .9, METRIC_FULL, LOSS_TRAIN, .1, 723.55523, NAN, 711.7180, {0}, {0}, {0}},
    {1024, 128, 4, .1, METRIC_PAPER, LOSS_TEST, .1, 2584.7630, NAN, 2584.443, {0}, {0}, {0}},
    {512, 32, 1, 0, METRIC_FULL, LOSS_TEST, .1, 4826.5049, 4838.272, 4844.264, {0}, {-.3, -.3}, {0}},
    {512, 32, 2, .2, METRIC_FULL, LOSS_TEST, .082625, 1655.7934, NAN, 1654.539, {1.2, 5}, {0}, {0}},
    {512, 32, 2, .2, METRIC_FULL, LOSS_TEST, .082625, 1732.3834, NAN, 1648.796, {1.2, 5}, {.1, -.2}, {1, 5.5}},
    {512, 64, 4, .3, METRIC_FULL, LOSS_TEST, .1, 1312.3041, NAN, 1301.8830, {0}, {0}, {0}},
    {512, 64, 1, .1, METRIC_FULL, LOSS_TEST, .1, 4181.635, NAN, 0, {0}, {0}, {0}},
    {512, 64, 1, .1, METRIC_PAPER, LOSS_TEST, .1, 4185.767, NAN, 0, {0}, {0}, {0}},
    {512, 64, 1, .5, METRIC_FULL, LOSS_TEST, .1, 1485.529, NAN, 0, {0}, {0}, {0}},
    {512, 64, 1, .5, METRIC_PAPER, LOSS_TEST, .1, 1487.020, NAN, 0, {0}, {0}, {0}},
    {4096, 64, 1, .3, METRIC_FULL, LOSS_TEST, .1, 16209.275, NAN, 0, {0}, {0}, {0}},
    {4096, 64, 1, .3, METRIC_PAPER, LOSS_TEST, .1, 16211.275, NAN, 0, {0}, {0}, {0}},
    {4096, 256, 1, .5, METRIC_FULL, LOSS_TEST, .1, 10941.931, NAN, 0, {0}, {0}, {0}},
    {4096, 256, 1, .5, METRIC_PAPER, LOSS_TEST, .1, 10943.259, NAN, 0, {0}, {0}, {0}},
    {256, 32, 4, .3, METRIC_FULL, LOSS_TEST, .1, 645.858, NAN, 0, {0}, {0}, {0}},
    {256, 32, 4, .3, METRIC_PAPER, LOSS_TEST, .1, 312.357, NAN, 0, {0}, {0}, {0}},
    {64, 16, 1, 0, METRIC_FULL, LOSS_TEST, .1, 357.4664, 0, 0, {0}, {0}, {0}},
    {64, 16, 1, 0, METRIC_PAPER, LOSS_TEST, .1, 360.3567, 0, 0, {0}, {0}, {0}},
    /* d = 16: full, paper, tied */
    {64, 16, 1, 0, METRIC_TIED, LOSS_TEST, .1, 357.466, 0, 0, {0}, {0}, {0}},
    {64, 16, 4, 0, METRIC_FULL, LOSS_TEST, .1, 192.625, 0, 0, {0}, {0}, {0}},
    {64, 16, 4, 0, METRIC_PAPER, LOSS_TEST, .1, 102.729, 0, 0, {0}, {0}, {0}},
    {64, 16, 4, 0, METRIC_TIED, LOSS_TEST, .1, 101.951, 0, 0, {0}, {0}, {0}},
    {256, 16, 8, 0, METRIC_FULL, LOSS_TEST, .1, 506.554, 0, 0, {0}, {0}, {0}},
    {256, 16, 8, 0, METRIC_PAPER, LOSS_TEST, .1, 184.606, 0, 0, {0}, {0}, {0}},
    {256, 16, 8, 0, METRIC_TIED, LOSS_TEST, .1, 184.249, 0, 0, {0}, {0}, {0}},
    {512, 16, 1, 0, METRIC_FULL, LOSS_TEST, .1, 2707.926, 0, 0, {0}, {0}, {0}},
    {512, 16, 1, 0, METRIC_PAPER, LOSS_TEST, .1, 2710.686, 0, 0, {0}, {0}, {0}},
    {512, 16, 2, 0, METRIC_FULL, LOSS_TEST, .1, 1906.430, 0, 0, {0}, {0}, {0}},
    {512, 16, 2, 0, METRIC_PAPER, LOSS_TEST, .1, 1339.730, 0, 0, {0}, {0}, {0}},
    {512, 16, 2, 0, METRIC_TIED, LOSS_TEST, .1, 1338.395, 0, 0, {0}, {0}, {0}},
    {512, 16, 4, 0, METRIC_FULL, LOSS_TEST, .1, 1356.094, 0, 0, {0}, {0}, {0}},
    {512, 16, 4, 0, METRIC_PAPER, LOSS_TEST, .1, 675.298, 0, 0, {0}, {0}, {0}},
    {512, 16, 4, 0, METRIC_TIED, LOSS_TEST, .1, 674.633, 0, 0, {0}, {0}, {0}},
};

static inline struct flow reference_flow(const struct reference *r)
{
    struct flow_start start = flow_unit_start(r->d);
    if (r->n[0] > 0)
        start.n[0] = r->n[0], start.n[1] = r->n[1];
    if (r->p == 0) { /* w is that of all columns: w_c = w n_c/n */
        double n = hypot(start.n[0], start.n[1]);
        start.w[0] = r->w[0] * start.n[0] / n, start.w[1] = r->w[1] * start.n[1] / n;
    } else {
        start.w[0] = r->w[0], start.w[1] = r->w[1], start.u[0] = r->u[0], start.u[1] = r->u[1];
    }
    struct flow f;
    if (flow_init(r->T, r->d, r->B, r->p, r->metric, &start, &f) != OK)
        abort();
    return f;
}
#endif
