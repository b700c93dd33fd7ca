/* Traces: a table of named columns, one row per recorded time. The columns are fixed by the keys of the run. */
#ifndef TRACE_H
#define TRACE_H
#include "base/keys.h"
#include "base/text.h"

/* X(column) in file order. A Transformer has one column more per probe (task.h), layer and head: attention_l1h1, ..
 */
#define TRACE_FLOW(X) X(time) X(loss_train) X(loss_test) X(w) X(w_repeated) X(u) X(delta_a) X(attention)
#define TRACE_TOY(X) X(step) X(time) X(loss_train) X(loss_test) X(w) X(w_orthogonal) X(delta_a) X(attention)
#define TRACE_TRANSFORMER(X) X(step) X(loss_train) X(loss_test) X(accuracy_train) X(accuracy_test)
/* Where a Transformer's columns are in a row: TRANSFORMER_step, .., and from TRANSFORMER_PROBES on the attention,
 * [probe][layer][head]. */
enum transformer_column {
#define AS_ENUMERATOR(column) TRANSFORMER_##column,
    TRACE_TRANSFORMER(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        TRANSFORMER_PROBES
};
enum { TRACE_NAME = 32 }; /* room for the name of a column */

struct trace {
    enum preset preset;
    int layers, heads; /* of a Transformer, else 0 */
    int columns;
    double *rows; /* owned: [length][columns]; NaN: not measured */
    size_t length, allocated;
};

/* Empties *t (zeroed or used before) and gives it the columns of a run with `keys`. */
void trace_begin(struct trace *t, const struct keys *keys);
/* Appends row[columns] (copied). ERR_MEMORY. */
enum status trace_add(struct trace *t, const double *row);
/* Name of column i; may be put into buffer[TRACE_NAME]. */
const char *trace_column(const struct trace *t, int i, char *buffer);
/* Number of the column with that name; -1 if there is none. */
int trace_find(const struct trace *t, const char *name);
/* The last value of the column whose name is the first `length` bytes of `column`, or (`copy_l3`) the largest of those
 * of a layer's heads; NaN if there is no such column or no row. */
double trace_last(const struct trace *t, const char *column, size_t length);
/* The CSV text: one header line, then the rows; NaN as an empty field. Appended. */
void trace_csv(const struct trace *t, struct text *out);
void trace_free(struct trace *t);

#endif
