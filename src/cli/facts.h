/* The facts of a manifest: what ran, on what, with which libraries. */
#ifndef FACTS_H
#define FACTS_H
#include "report.h"

enum { FACTS = 16 };

/* Fills facts[FACTS]; returns how many. Each value is the caller's, to be freed with text_free. */
size_t facts_collect(struct report_fact *facts, double wall_s);

#endif
