/* Repetition schedules: how p and B change along a run (the key `schedule`).
 *
 *     none                              both stay what their keys say
 *     p=0@attention=0.5                 p is 0 from where attention to the relevant positions reaches 0.5
 *     p=0.4@3000/p=0@loss=0.3/B=1@9000  switches in the order in which they happen: each waits for the one before
 *
 *     switch   p=VALUE@WHEN or B=VALUE@WHEN, with / between switches
 *     WHEN     TIME         of flow and toy: time; of a Transformer: step
 *              attention=A  the attention mass on all B relevant positions (beta) is at least A
 *              loss=F       the training loss is at most F of that of W = 0 at the present p
 *
 * Neither commas nor colons: a list of schedules is a grid axis as any other, and YAML takes it without quotes.
 *
 * As the value of a key it is the number of its text (word.h). */
#ifndef SCHEDULE_H
#define SCHEDULE_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

enum { SCHEDULE_SWITCHES = 8, SCHEDULE_TEXT = 512 };
enum schedule_variable { SCHEDULE_P, SCHEDULE_B };
enum schedule_when { SCHEDULE_TIME, SCHEDULE_ATTENTION, SCHEDULE_LOSS };

struct schedule_switch {
    enum schedule_variable variable;
    double value;
    enum schedule_when when;
    double at;
};
/* n = 0: none. */
struct schedule {
    size_t n;
    struct schedule_switch list[SCHEDULE_SWITCHES];
};

/* Text -> schedule. ERR_INPUT: "schedule=..: the rule, the remedy". */
enum status schedule_parse(const char *text, struct schedule *s);
/* The one text of a schedule, which schedule_parse reads back to the same numbers. text: SCHEDULE_TEXT bytes. Returns
 * text. */
char *schedule_text(const struct schedule *s, char *text);
/* Largest value of a variable along the run, and its last, that begins with `start`. */
double schedule_largest(const struct schedule *s, enum schedule_variable variable, double start);
double schedule_last(const struct schedule *s, enum schedule_variable variable, double start);
/* true if the schedule switches that variable. */
bool schedule_has(const struct schedule *s, enum schedule_variable variable);

/* Text -> number of the key (0: none). ERR_INPUT as schedule_parse; ERR_MEMORY. */
enum status schedule_value(const char *text, double *value);
/* The number of a key -> its text, borrowed for good; and its schedule. The number is one that schedule_value gave in
 * this process, or 0. */
const char *schedule_name(double value);
struct schedule schedule_of(double value);

/* Where a training run is in its schedule. What is measured there is noisy, so a switch that waits for attention or
 * loss happens at the second of two evaluations in a row that show it. Zero-initialise. */
struct schedule_state {
    size_t next; /* switches done */
    int shown;   /* evaluations in a row that show the condition of the next one */
};
/* What an evaluation measured: time or step, attention mass, training loss over that of W = 0; NaN: unknown, which
 * shows nothing. */
struct schedule_reading {
    double time, attention, loss;
};
/* The next switch if it waits for a time that has come, else NULL. Ask again until NULL. */
const struct schedule_switch *schedule_at_time(const struct schedule *s, struct schedule_state *state, double time);
/* The next switch if this evaluation, together with the one before, shows what it waits for, else NULL. Once for every
 * evaluation. */
const struct schedule_switch *schedule_at_evaluation(const struct schedule *s, struct schedule_state *state,
                                                     const struct schedule_reading *r);

#endif
