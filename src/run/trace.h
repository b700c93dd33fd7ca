/* Traces: a table of named columns, one row per recorded time. The columns are fixed by the keys of the run. */
#ifndef TRACE_H
#define TRACE_H
#include "base/keys.h"
#include "base/text.h"

/* X(column) in file order. A Transformer has one column more per probe (task.h), layer and head: attention_l1h1, .., a
 * chain of attentions (chain.h) delta_a_2, .. of its other hops. Last come those of TRACE_FORECAST, of toy and
 * regression. What is younger stands further back, so that a trace that is older than a column lacks the last ones. */
#define TRACE_FLOW(X) X(time) X(loss_train) X(loss_test) X(w) X(w_repeated) X(u) X(delta_a) X(attention)
#define TRACE_TOY(X) X(step) X(time) X(loss_train) X(loss_test) X(w) X(w_orthogonal) X(delta_a) X(attention)
#define TRACE_REDUCED(X) X(step) X(loss_test) X(w) X(delta_a) X(attention) X(q2) X(k2) TRACE_RATES(X)
#define TRACE_RATES(X) X(rate_embed) X(rate_unembed) X(rate_out) X(rate_value) X(rate_mlp) X(rate_key) X(rate_query)
#define TRACE_FORECAST(X) X(forecast) X(forecast_low) X(forecast_high)
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
/* The columns that every trace of this kind has had: a file with so many, or more, is one. The others are NaN then. */
int trace_least_columns(const struct trace *t);
/* Appends row[columns] (copied). ERR_MEMORY. */
enum status trace_add(struct trace *t, const double *row);
/* Appends rows[n][columns] (copied); where `columns` are fewer than the trace has, the others are NaN. ERR_MEMORY. */
enum status trace_fill(struct trace *t, const double *rows, size_t n, size_t columns);
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
