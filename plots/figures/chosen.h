/* The runs of a figure that has no study: any that key=value and --study let through, read at one threshold, with no
 * theory attached.
 *
 * Unlike those of runs_load, diverged runs are kept: they never emerge. */
#ifndef CHOSEN_H
#define CHOSEN_H
#include "plots/figures/figure_data.h"

struct chosen {
    double threshold;       /* at which they are read (reading.h) */
    const char *unit;       /* of their plateau lengths: "time" or "steps" */
    size_t unknown;         /* left out: they did not record the threshold */
    size_t interrupted;     /* left out: not finished */
    bool varies[KEY_COUNT]; /* the runs differ in this key, which makes another run; not the seed */
};

/* Fills data->runs. A run that has not emerged has plateau NaN and was cut off at cap, or diverged. ERR_INPUT: there
 * are none, some are measured in time and others in steps, or more than one threshold is asked for. */
enum status chosen_load(struct figure_data *data, struct chosen *chosen);
/* ERR_INPUT that names the keys, if the runs differ in others than keys[n]; `what` they would be mixed in: "a cell". */
enum status chosen_refuse_mixture(const struct figure_data *data, const struct chosen *chosen, const enum key *keys,
                                  size_t n, const char *what);
/* "T=256 d=16": the keys in which the runs differ, but for keys[n]; "" if in none. Appended. */
void chosen_label(const struct chosen *chosen, const struct store_row *row, const enum key *keys, size_t n,
                  struct text *out);
/* Script: `unit_label`, the name of a plateau length with its unit, and `read_at`, the threshold in words. */
void chosen_set_labels(struct figure_data *data, const struct chosen *chosen);

#endif
