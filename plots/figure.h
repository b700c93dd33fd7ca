/* Figures: the paper's, and two of ours, from the runs of a database.
 *
 * A figure has a study (validation/studies/STUDY.yaml makes its runs), a data function in C that computes everything
 * shown, and a gnuplot script that draws named columns. What made a picture stays beside it: figNAME.csv, figNAME.gp,
 * common.gp; `gnuplot figNAME.gp` there draws it again. */
#ifndef FIGURE_H
#define FIGURE_H
#include "store.h"

struct page;

/* Of which half of the paper: flows and toy models, or Transformers, which take longer. */
enum figure_part { FIGURE_THEORY, FIGURE_TRANSFORMER };

struct figure {
    const char *name;           /* "1a", "2-left", "errors" */
    enum figure_part part;
    const char *study, *second; /* the studies it shows; second: NULL if there is but one */
    bool takes_data;            /* can show the user's own points (--data) */
    enum status (*draw)(struct page *page);
    const char *title, *caption; /* plain text; the caption says what it shows and how to read it */
};

size_t figure_count(void);
const struct figure *figure_at(size_t i);
/* By its name, with or without "fig" before it. ERR_INPUT with the nearest right name. */
enum status figure_find(const char *name, const struct figure **figure);
/* *ready: the database has runs of each of its studies; if not, error_message() says which study to sweep. */
enum status figure_ready(struct store *store, const struct figure *figure, bool *ready);
/* Writes figNAME.csv (and figNAME-PART.csv), .gp, .pdf, .svg, .png and common.gp into `folder` (made if missing, with its parents): all
 * of them or none, never a part of one. data: a CSV file of the user's own points (import.h) or NULL. ERR_INPUT: runs
 * or curves that it needs are missing, the figure takes no data, or none of them belongs in it; ERR_PROGRAM: gnuplot;
 * ERR_IO. */
enum status figure_draw(struct store *store, const char *name, const char *folder, const char *data);

#endif
