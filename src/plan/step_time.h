/* How long does a step take on this machine, with as many runs at a time as the sweep has jobs?
 *
 * The shape of a run is what the time of its step depends on: model, sizes, optimizer, evaluation, precision, backend,
 * threads. The time of a shape comes from the runs of it that were made here (history.h). Where there are none, a few
 * steps of it are made on all jobs at once; only the time counts that they compute, which is what they take when nobody
 * else wants the cores. Where that would take too long, the time is that of the nearest shape that has one, times the
 * ratio of their work (cost.h). */
#ifndef STEP_TIME_H
#define STEP_TIME_H
#include "plan/history.h"

/* Operations (cost.h) that a core is assumed to do in a second, where nothing was measured. */
#define STEP_TIME_ASSUMED_SPEED 20e9

enum step_time_source { STEP_TIME_HISTORY, STEP_TIME_MEASURED, STEP_TIME_CARRIED, STEP_TIME_ASSUMED };

struct step_times {
    struct step_time {
        struct keys like;
        double steps, seconds; /* that were timed; none yet: 0 */
        double weight;         /* work that is planned on this shape */
        enum step_time_source source;
        size_t runs; /* of how many stored runs, if it comes from these */
    } * list;        /* owned */
    size_t n, allocated;
    double slowed; /* by what others do on this machine: seconds of the measurement by the clock, over those computed;
                      0: nothing was measured */
};

/* Overwrites *times with those of stored runs; release with step_time_free, also after an error. ERR_MEMORY. */
enum status step_time_create(const struct history *history, struct step_times *times);
void step_time_free(struct step_times *times);
/* Notes that `work` is planned on the shape of `keys`. ERR_MEMORY. */
enum status step_time_want(struct step_times *times, const struct keys *keys, double work);
/* Measures what is wanted and not known, the most work first, in about `limit` seconds. ERR_INTERRUPTED; a run that
 * fails has no time. */
enum status step_time_measure(struct step_times *times, size_t jobs, double limit);
/* Seconds of a step (a flow: of the whole) when `shared` threads (at least 1) compete for a core, and where that comes
 * from. */
double step_time_of(const struct step_times *times, const struct keys *keys, double shared,
                    enum step_time_source *source);

#endif
