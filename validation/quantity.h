/* How the quantities of claims are measured: one function for each, named in the table of claim.h.
 *
 * A function fills in the claim's estimate, low, high and number of runs, and says here what these rest on and which
 * runs it could not use. What that means for the claim is judge.h's to say. */
#ifndef QUANTITY_H
#define QUANTITY_H
#include "validation/claim.h"
#include "validation/dataset.h"
#include "study/grid.h"

/* Of one run, or (its id is that of the run before the change) of one pair of runs. */
struct quantity_value {
    int64_t id, seed;
    double value;
    char setting[33]; /* of `share`: the hash of the run's keys without the seed; else "" */
};

struct measurement {
    struct store *store; /* borrowed; set by the caller, who sets everything else to zero */

    /* What the estimate rests on: a fit, or the value of each run. Valid until the next claim is measured. */
    const struct power_law *law;   /* NULL: no fit */
    const struct dataset *set;     /* its data: plateau lengths, of `gain` ratios of these */
    struct quantity_value *values; /* owned */
    size_t n, allocated;

    /* How many runs, or pairs of runs, it had to leave out, and why. */
    size_t at_once;              /* over the threshold from the start */
    size_t late;                 /* past it at the first evaluation: an upper bound alone is known */
    size_t stopped;              /* ended when they had emerged, so that nothing is known of later */
    size_t unknown;              /* did not record the threshold that is asked for */
    size_t diverged;             /* before they were past it */
    size_t partners;             /* pairs of which too little is known: a run diverged, both were cut off, .. */
    size_t undefined, uncrossed; /* have no such value; and of these those that did not emerge */
    size_t silent;               /* said nothing: a forecast may */

    size_t cut;          /* used with the length at which they were cut off: the estimate is too small, if anything */
    size_t cut_after;    /* of a ratio, the run after the change: the estimate is too large, if anything */
    bool some_undefined; /* it has no value on some of the flows: there can be no verdict */
    bool
        deviation_stands; /* one run, or those that are there, can show that the claim deviates, whatever is left out */

    /* The claim in hand. */
    struct grid grid; /* owned: its `where` */
    struct store_filter filter;
    /* The last fit: claims on one law come one after the other, and a fit reads every run. */
    struct quantity_fit {
        const struct claim *of; /* NULL: none yet, or not of the runs themselves */
        struct dataset set;
        struct power_law law;
        enum status rc; /* ERR_INPUT: it cannot be made, and `why` says so */
        bool refused;   /* because of one of the runs */
        char why[200];
    } fit;
};

/* Overwrites the outcome of the claim, but for its verdict, and what `m` says of the last one. */
enum status quantity_measure(struct measurement *m, struct claim *claim);
void quantity_free(struct measurement *m);

#endif
