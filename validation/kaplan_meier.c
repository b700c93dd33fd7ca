#include "validation/kaplan_meier.h"
#include <math.h>
#include <stdlib.h>

static const double Z = 1.959963984540054; /* 97.5 % of the normal distribution lies below */
static const double HALF = 0.5, ROUNDING = 1e-12;

/* By time; of equal ones those that emerge first, since the others were at risk when they did. */
static int by_time(const void *a, const void *b)
{
    const struct kaplan_meier_run *x = a, *y = b;
    return x->time != y->time ? (x->time > y->time) - (x->time < y->time) : y->emerged - x->emerged;
}

size_t kaplan_meier_curve(struct kaplan_meier_run *runs, size_t n, struct kaplan_meier_step *steps)
{
    size_t n_steps = 0;
    double survival = 1, sum = 0;
    qsort(runs, n, sizeof *runs, by_time);
    for (size_t i = 0, next; i < n; i = next) {
        size_t emerged = 0, at_risk = n - i;
        for (next = i; next < n && runs[next].time == runs[i].time; next++)
            emerged += runs[next].emerged;
        if (!emerged)
            continue;
        survival *= 1 - (double)emerged / (double)at_risk;
        sum += (double)emerged / ((double)at_risk * (double)(at_risk - emerged)); /* infinite once S = 0 */
        const double s = sqrt(sum) / fabs(log(survival)), none = at_risk == emerged ? NAN : 0;
        steps[n_steps++] = (struct kaplan_meier_step){.time = runs[i].time,
                                                      .survival = at_risk == emerged ? 0 : survival,
                                                      .low = none + pow(survival, exp(Z * s)),
                                                      .high = none + pow(survival, exp(-Z * s)),
                                                      .at_risk = at_risk,
                                                      .emerged = emerged};
    }
    return n_steps;
}

double kaplan_meier_median(const struct kaplan_meier_run *runs, size_t n, const struct kaplan_meier_step *steps,
                           size_t n_steps, bool *reached)
{
    size_t i = 0, last = n;
    *reached = true;
    while (i < n_steps && steps[i].survival > HALF + ROUNDING)
        i++;
    if (i < n_steps && steps[i].survival < HALF - ROUNDING)
        return steps[i].time;
    if (i + 1 < n_steps)
        return 0.5 * (steps[i].time + steps[i + 1].time);
    *reached = false;
    while (last > 0 && isinf(runs[last - 1].time))
        last--;
    if (!last)
        return INFINITY;
    return i < n_steps ? 0.5 * (steps[i].time + runs[last - 1].time) : runs[last - 1].time;
}
