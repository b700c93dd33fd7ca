/* Figures: the paper's, and ours, from the runs of a database.
 *
 * A figure has a study (validation/studies/STUDY.yaml makes its runs), a data function in C that computes everything
 * shown, and a gnuplot script that draws named columns. What made a picture stays beside it: figNAME.csv, figNAME.gp,
 * common.gp; `gnuplot figNAME.gp` there draws it again. */
#ifndef FIGURE_H
#define FIGURE_H
#include "store.h"

struct figure_data;

/* Of which half of the paper: flows and toy models, or Transformers, which take longer. */
enum figure_part { FIGURE_THEORY, FIGURE_TRANSFORMER };

/* What may be asked of a figure that shows any runs: X(name, argument, meaning). `x=T` on the command line. */
#define FIGURE_SETTINGS(X)                                                                                             \
    X(x, "KEY[:first:last[:pixels]]",                                                                                  \
      "phase: the key along the axis; a range is for the flow's map alone, which has 1000 pixels an axis")             \
    X(y, "KEY[:first:last[:pixels]]", "phase: the same, upwards")                                                      \
    X(check, "N",                                                                                                      \
      "phase, of the flow: hold N random pixels against single integrations, and print the largest difference")

/* Zero-initialise; everything is borrowed. */
struct figure_request {
    const char *name, *folder;
    const char *data;                  /* a CSV file of the user's own points (import.h) */
    const struct store_filter *filter; /* of a figure without a study: which runs, NULL: all. A threshold is where they
                                          are read */
#define AS_FIELD(name, argument, meaning) const char *name;
    FIGURE_SETTINGS(AS_FIELD)
#undef AS_FIELD
    struct text *notes; /* what the figure has to say, line by line, is appended; NULL: it is not wanted */
};

struct figure {
    const char *name; /* "1a", "2-left", "errors" */
    enum figure_part part;
    const char *study, *second; /* the studies it shows; second: NULL if there is but one; study: NULL if it shows any
                                   runs */
    bool takes_data;            /* can show the user's own points (--data) */
    enum status (*draw)(struct figure_data *data);
    const char *title, *caption; /* plain text; the caption says what it shows and how to read it */
};

/* Those that have a study. */
size_t figure_count(void);
/* With those of any runs, which stand behind. */
size_t figure_count_all(void);
const struct figure *figure_at(size_t i);
/* Any, by its name, with or without "fig" before it. ERR_INPUT with the nearest right name. */
enum status figure_find(const char *name, const struct figure **figure);
/* *ready: the database has runs of each of its studies; if not, error_message() says which study to sweep. */
enum status figure_ready(struct store *store, const struct figure *figure, bool *ready);
/* True if it can be drawn without a database. */
bool figure_stands_alone(const struct figure *figure);
/* Writes figNAME.csv (and figNAME-PART.csv), .gp, .pdf, .svg, .png and common.gp into `folder` (made if missing, with
 * its parents): all of them or none, never a part of one. store: NULL for a figure that stands alone. ERR_INPUT: runs
 * or curves that it needs are missing, the figure takes no data or filter, or none of them belongs in it; ERR_PROGRAM:
 * gnuplot; ERR_IO. */
enum status figure_draw(struct store *store, const struct figure_request *request);

#endif
