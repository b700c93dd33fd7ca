#include "run/trace.h"
#include "base/list.h"
#include "models/task.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AS_NAME(column) #column,
static const char *const flow_columns[] = {TRACE_FLOW(AS_NAME)};
static const char *const toy_columns[] = {TRACE_TOY(AS_NAME)};
static const char *const transformer_columns[] = {TRACE_TRANSFORMER(AS_NAME)};
#undef AS_NAME
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

void trace_begin(struct trace *t, const struct keys *keys)
{
    const enum preset preset = keys->preset;
    const bool transformer = preset >= PRESET_REGRESSION;
    t->preset = preset;
    t->layers = transformer ? (int)keys_integer(keys, KEY_layers) : 0;
    t->heads = transformer ? (int)keys_integer(keys, KEY_heads) : 0;
    t->columns = preset == PRESET_FLOW  ? COUNT(flow_columns)
                 : preset == PRESET_TOY ? COUNT(toy_columns)
                                        : TRANSFORMER_PROBES + task_of(keys)->n_probes * t->layers * t->heads;
    free(t->rows);
    t->rows = NULL;
    t->length = t->allocated = 0;
}

enum status trace_add(struct trace *t, const double *row)
{
    const size_t columns = (size_t)t->columns;
    enum status rc = list_room(&t->rows, t->length, &t->allocated, columns * sizeof *t->rows, "rows of a trace");
    if (rc != OK)
        return rc;
    memcpy(t->rows + t->length++ * columns, row, columns * sizeof *row);
    return OK;
}

const char *trace_column(const struct trace *t, int i, char *buffer)
{
    if (t->preset <= PRESET_TOY)
        return t->preset == PRESET_FLOW ? flow_columns[i] : toy_columns[i];
    if (i < TRANSFORMER_PROBES)
        return transformer_columns[i];
    const int cell = i - TRANSFORMER_PROBES, cells = t->layers * t->heads;
    snprintf(buffer, TRACE_NAME, "%s_l%dh%d", task_of_preset(t->preset)->probes[cell / cells].name,
             cell % cells / t->heads + 1, cell % t->heads + 1);
    return buffer;
}

int trace_find(const struct trace *t, const char *name)
{
    char buffer[TRACE_NAME];
    for (int i = 0; i < t->columns; i++) {
        if (!strcmp(trace_column(t, i, buffer), name))
            return i;
    }
    return -1;
}

double trace_last(const struct trace *t, const char *column, size_t length)
{
    char name[TRACE_NAME];
    double most = NAN;
    for (int i = 0; i < t->columns && t->length; i++) {
        const char *own = trace_column(t, i, name);
        if (!strncmp(own, column, length) && (!own[length] || own[length] == 'h'))
            most = fmax(most, t->rows[(t->length - 1) * (size_t)t->columns + (size_t)i]);
    }
    return most;
}

void trace_csv(const struct trace *t, struct text *out)
{
    char buffer[32];
    for (int i = 0; i < t->columns; i++)
        text_addf(out, "%s%s", i ? "," : "", trace_column(t, i, buffer));
    text_add(out, "\n");
    for (size_t r = 0; r < t->length; r++) {
        for (int i = 0; i < t->columns; i++) {
            double value = t->rows[r * (size_t)t->columns + (size_t)i];
            text_addf(out, "%s%s", i ? "," : "", isnan(value) ? "" : text_real(buffer, value));
        }
        text_add(out, "\n");
    }
}

void trace_free(struct trace *t)
{
    free(t->rows);
    *t = (struct trace){0};
}
