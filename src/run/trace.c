#include "trace.h"
#include <stdlib.h>
#include <string.h>

#define AS_NAME(column) #column,
static const char *const flow_columns[] = {TRACE_FLOW(AS_NAME)};
static const char *const toy_columns[] = {TRACE_TOY(AS_NAME)};
#undef AS_NAME
_Static_assert(sizeof flow_columns / sizeof flow_columns[0] == TRACE_COLUMNS, "columns of the flow");
_Static_assert(sizeof toy_columns / sizeof toy_columns[0] == TRACE_COLUMNS, "columns of the toy");

enum status trace_add(struct trace *t, const double row[TRACE_COLUMNS])
{
    if (t->length == t->allocated) {
        size_t want = t->allocated ? 2 * t->allocated : 256;
        double *rows = realloc(t->rows, want * TRACE_COLUMNS * sizeof *rows);
        if (!rows)
            return error_set(ERR_MEMORY, "out of memory for a trace of %zu rows", want);
        t->rows = rows;
        t->allocated = want;
    }
    memcpy(t->rows + t->length++ * TRACE_COLUMNS, row, TRACE_COLUMNS * sizeof *row);
    return OK;
}

const char *trace_column(enum preset preset, int i)
{
    return preset == PRESET_FLOW ? flow_columns[i] : toy_columns[i];
}

void trace_csv(const struct trace *t, struct text *out)
{
    char buffer[32];
    for (int i = 0; i < TRACE_COLUMNS; i++)
        text_addf(out, "%s%s", i ? "," : "", trace_column(t->preset, i));
    text_add(out, "\n");
    for (size_t r = 0; r < t->length; r++) {
        for (int i = 0; i < TRACE_COLUMNS; i++)
            text_addf(out, "%s%s", i ? "," : "", text_real(buffer, t->rows[r * TRACE_COLUMNS + (size_t)i]));
        text_add(out, "\n");
    }
}

void trace_free(struct trace *t)
{
    free(t->rows);
    *t = (struct trace){.preset = t->preset};
}
