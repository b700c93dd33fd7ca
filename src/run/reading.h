/* A stored run read at a threshold of the reader's choice.
 *
 * The threshold is a question about a run, not a part of it: the hash leaves it out, and a row is stored with whatever
 * threshold it was last asked for. So whoever compares runs (claims, fits, figures) reads them all at one: the plateau
 * length from the crossings, and for flow and toy what is predicted for that threshold. */
#ifndef READING_H
#define READING_H
#include "run/run_flow.h"

/* Thresholds that are no fraction: each run's own, and the usual one of its kind, which is 0.2 of the null loss, or for
 * recall half way between 1/pairs ("name any value in the context") and 1. */
#define READING_OWN 0.0
#define READING_USUAL -1.0

/* `threshold` for the run of these keys: a fraction as it is, else what the above stand for. */
double reading_threshold(const struct keys *keys, double threshold);
/* What guessing gives where the threshold is an accuracy, 1/vocab: at or below it a plateau means nothing. Else NaN. */
double reading_chance(const struct keys *keys);
/* What the threshold is in words: "loss at 0.2 of the null loss", "accuracy 0.05", "half way from 1/pairs to 1".
 * Returns buffer. */
enum { READING_TEXT = 48 };
const char *reading_text(const struct keys *keys, double threshold, char buffer[READING_TEXT]);
/* Makes *result that of the same run at `threshold`: plateau, state (of a run that
 * diverged: emerged, if it had before), keys, predicted and flow_plateau. *known is false
 * if the run did not record it (result_plateau_at); those are NaN then. tools NULL: who asks needs neither predicted
 * nor flow_plateau, and they may be NaN (to compute them takes longer than all else that is done with a run).
 * ERR_SOLVER. */
enum status reading_at(struct run_flow *tools, double threshold, struct result *result, bool *known);

#endif
