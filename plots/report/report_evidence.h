/* What the verdicts rest on, claim by claim, as pieces of the report: a fit's line among its runs and their residuals,
 * or the value of each run beside what was expected; and the runs that are furthest off. HTML with SVG in it: no
 * script, nothing is loaded.
 *
 * The picture of an exponent is its partial residuals: against x_j, y prod_{k != j} (x_k/<x_k>)^-g_k, the plateau of
 * each run moved along the law to the geometric means <x_k> of the other regressors. The line through them is C prod_k
 * <x_k>^g_k x_j^g_j. */
#ifndef REPORT_EVIDENCE_H
#define REPORT_EVIDENCE_H
#include "validation/judge.h"
#include "base/text.h"

/* Zero-initialise. */
struct report_evidence {
    struct report_evidence_piece {
        char id[32]; /* of the claim */
        struct text html;
    } * list; /* owned */
    size_t n, allocated;
};

/* A judge_witness: adds a piece to a struct report_evidence. ERR_MEMORY. */
enum status report_evidence_add(void *evidence, const struct judge_evidence *found);
/* The piece of a claim; NULL if it has none. */
const char *report_evidence_of(const struct report_evidence *evidence, const char *id);
void report_evidence_free(struct report_evidence *evidence);

#endif
