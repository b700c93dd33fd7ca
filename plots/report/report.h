/* The report of `plateau reproduce`: FOLDER/index.html (self-contained), FOLDER/report.md and FOLDER/manifest.json.
 *
 * Order: the short answer (how far each prediction is off), the verdicts, then figure by figure the picture, what it
 * means and the claims it bears on, what the verdicts rest on claim by claim (HTML alone), the studies, the manifest.
 * HTML and Markdown are composed once and say the same. */
#ifndef REPORT_H
#define REPORT_H
#include "validation/judge.h"
#include "validation/prediction_error.h"
#include "plots/report/report_evidence.h"
#include "plots/figures/figure.h"

/* A figure, as far as it came. */
struct report_figure {
    const struct figure *figure; /* borrowed from the table of figures */
    bool shown;                  /* else it is left out */
    char problem[256];           /* why it was not drawn; "": FOLDER/figures/figNAME.* are there */
    struct text notes;           /* owned: what it has to say of the runs that it does not show */
};
/* A study, as it was run. */
struct report_study {
    char name[64];
    size_t runs, made; /* in the database; of these made now */
    double seconds;    /* of work that making them took, now or earlier */
    struct text keys;  /* owned: its grids, "T=64,128 d=16; .." */
};
/* A line of the manifest. */
struct report_fact {
    const char *name;
    struct text value; /* owned */
};

/* Everything is borrowed. */
struct report {
    const char *folder, *scale;
    const struct claims *claims;
    const struct report_evidence *evidence; /* of the claims */
    struct prediction_error *errors;
    const struct report_figure *figures;
    size_t n_figures;
    const struct report_study *studies;
    size_t n_studies;
    const struct report_fact *facts;
    size_t n_facts;
};

/* Writes the three files, each whole or not at all. ERR_IO, ERR_MEMORY. */
enum status report_write(const struct report *report);

#endif
