/* The facts of a manifest: what ran, on what, with which libraries. */
#ifndef MANIFEST_H
#define MANIFEST_H
#include "plots/report/report.h"

enum { MANIFEST_FACTS = 16 };

/* Fills facts[MANIFEST_FACTS]; returns how many. Each value is the caller's, to be freed with text_free. */
size_t manifest_collect(struct report_fact *facts, double wall_s);

#endif
