/* How long does a step take on this machine, with as many runs at a time as the sweep has jobs?
 *
 * Shapes are what the time of a step depends on: model, sizes, optimizer, evaluation, precision, backend, threads. A
 * shape's rate comes from the runs of it that were made on this host; else a few steps of it are made, on all jobs at
 * once, and the time counts that they compute: what they take when nobody else wants the cores; else it is that of the
 * nearest shape that has one, times the ratio of work (cost.h). */
#ifndef RATE_H
#define RATE_H
#include "past.h"

enum rate_source { RATE_PAST, RATE_MEASURED, RATE_CARRIED, RATE_ASSUMED };

struct rates {
    struct rate {
        struct keys like;
        double steps, seconds; /* their ratio is the rate; none yet: 0 */
        double weight;         /* work that is planned with it */
        enum rate_source source;
        size_t runs; /* past: of how many runs */
    } * list;        /* owned */
    size_t n, allocated;
    double slowed; /* by what others do on this machine: seconds of the measurement by the clock, over those computed;
                      0: nothing was measured */
};

/* Overwrites *rates with those that past runs give; release with rate_free, also after an error. ERR_MEMORY. */
enum status rate_create(const struct past *past, struct rates *rates);
void rate_free(struct rates *rates);
/* Notes that `work` is planned on the shape of `keys`. ERR_MEMORY. */
enum status rate_want(struct rates *rates, const struct keys *keys, double work);
/* Measures what is wanted and not known, the most work first, in about `limit` seconds. ERR_INTERRUPTED; a run that
 * fails has no rate. */
enum status rate_measure(struct rates *rates, size_t jobs, double limit);
/* Seconds of a step (a flow: of the whole) when `shared` threads (at least 1) compete for a core, and where that comes
 * from. */
double rate_of(const struct rates *rates, const struct keys *keys, double shared, enum rate_source *source);

#endif
