/* Figures: the paper's, and ours, from the runs of a database.
 *
 * A figure has a study (validation/studies/STUDY.yaml makes its runs), a data function in C that computes everything
 * shown, and a gnuplot script that draws named columns. What made a picture stays beside it: figNAME.csv, figNAME.gp,
 * common.gp; `gnuplot figNAME.gp` there draws it again. */
#ifndef FIGURE_H
#define FIGURE_H
#include "models/published.h"
#include "plots/figures/runs.h"

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

/* A name of the gnuplot script for a key. */
struct figure_name {
    const char *name;
    enum key key;
};

/* A kind of Transformers in a figure: `name` is the series of their points, NAME_law and NAME_published are those of
 * the laws at the same places. */
struct figure_series {
    const char *name;
    struct runs_setting runs; /* which of the study's; zero: all */
    enum published law;       /* the one published for them, and the regressors of the one that is fitted */
    double threshold;         /* where they are read; zero: where all of the figure are */
};

enum { FIGURE_SERIES = 3, FIGURE_NAMES = 3, FIGURE_LARGEST = 3 };

/* A figure: an entry of figures.def. What an entry leaves out is zero, and then means what is said here.
 *
 * The runs shown are those of its second study, or of its study if there is no second. */
struct figure {
    const char *name; /* "1a", "2-left", "errors"; figNAME.gp draws it */
    enum figure_part part;
    const char *study, *second; /* validation/studies/NAME.yaml; NULL: it shows any runs, it has no second study */
    const char *takes_data;     /* what the user's own points (--data) have to be: "B=1 and p=0"; NULL: it takes none */
    bool stands_alone;          /* it can be drawn without a database, and takes the FIGURE_SETTINGS */
    bool own_thresholds; /* `draw` reads the runs at thresholds of its own, else they are read at the usual one */

    /* Adds the rows of the table, and what the script needs beside lists and constants. */
    enum status (*draw)(struct figure_data *data);
    const char *columns; /* of the table figNAME.csv: "T,d,value"; NULL: `draw` makes it (figure_data.h) */

    /* Which of the shown runs are kept: those with the largest value of each key, one key after the other, since a
     * database may hold a study at several scales; of runs that differ by their seed RUNS_SEEDS. */
    struct {
        size_t n;
        enum key list[FIGURE_LARGEST];
    } largest;
    bool few_seeds;

    /* What some drawers ask for. */
    size_t curve_rows;                          /* curves.h: rows of a curve that are drawn; zero: 200 */
    struct runs_setting shown;                  /* laws.h, emergence.h: the places that get points; zero: all */
    const char *regressors;                     /* laws.h: of the law that is fitted: "T,d" */
    struct figure_series series[FIGURE_SERIES]; /* emergence.h */

    /* For the script: the values that a key has in the shown runs, and the value that it has in the first. */
    struct figure_name lists[FIGURE_NAMES], constants[FIGURE_NAMES];
    const char *title, *caption; /* plain text; the caption says what the picture shows and how to read it */
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
/* Writes figNAME.csv (and figNAME-PART.csv), .gp, .pdf, .svg, .png and common.gp into `folder` (made if missing, with
 * its parents): all of them or none, never a part of one. store: NULL for a figure that stands alone. ERR_INPUT: runs
 * or curves that it needs are missing, the figure takes no data or filter, or none of them belongs in it; ERR_PROGRAM:
 * gnuplot; ERR_IO. */
enum status figure_draw(struct store *store, const struct figure_request *request);

#endif
