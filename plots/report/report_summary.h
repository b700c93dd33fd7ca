/* The first chapter of the report: what holds and what does not, how well the time of emergence is predicted, for the
 * theory and for Transformers, in sentences and tables that come from the verdicts and the runs. */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H
#include "plots/report/markup.h"
#include "plots/report/report.h"

/* Appends it to the document. ERR_MEMORY. */
enum status report_summary_add(struct markup *m, const struct report *report);
/* True if the statement is this program's own (doc/), not the paper's. */
bool report_summary_is_ours(const struct claim *claim);

#endif
