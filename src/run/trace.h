/* Traces: a table of named columns, one row per recorded time. The columns are fixed by the kind of run. */
#ifndef TRACE_H
#define TRACE_H
#include "keys.h"
#include "text.h"

/* X(column) in file order. */
#define TRACE_FLOW(X) X(time) X(loss_train) X(loss_test) X(w) X(w_repeated) X(u) X(delta_a) X(attention)
#define TRACE_TOY(X) X(step) X(time) X(loss_train) X(loss_test) X(w) X(w_orthogonal) X(delta_a) X(attention)
enum { TRACE_COLUMNS = 8 }; /* both kinds have eight; checked in trace.c */

struct trace {
    enum preset preset;
    double *rows;     /* owned, length x TRACE_COLUMNS */
    size_t length, allocated;
};

/* Appends a row (copied). ERR_MEMORY. */
enum status trace_add(struct trace *t, const double row[TRACE_COLUMNS]);
/* Name of column i of that kind of run. */
const char *trace_column(enum preset preset, int i);
/* The CSV text: one header line, then the rows. Appended. */
void trace_csv(const struct trace *t, struct text *out);
void trace_free(struct trace *t);

#endif
