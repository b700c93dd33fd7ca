#include "run/trace.h"
#include "base/list.h"
#include "models/task.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AS_NAME(column) #column,
static const char *const flow_columns[] = {TRACE_FLOW(AS_NAME)};
static const char *const toy_columns[] = {TRACE_TOY(AS_NAME)};
static const char *const reduced_columns[] = {TRACE_REDUCED(AS_NAME)};
static const char *const forecast_columns[] = {TRACE_FORECAST(AS_NAME)};
static const char *const transformer_columns[] = {TRACE_TRANSFORMER(AS_NAME)};
#undef AS_NAME
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* The columns of a kind of run that are the same in all of its traces. */
static const struct kind {
    const char *const *names;
    int n;
} kinds[PRESET_COUNT] = {[PRESET_FLOW] = {flow_columns, COUNT(flow_columns)},
                         [PRESET_TOY] = {toy_columns, COUNT(toy_columns)},
                         [PRESET_REDUCED] = {reduced_columns, COUNT(reduced_columns)},
                         [PRESET_REGRESSION] = {transformer_columns, COUNT(transformer_columns)},
                         [PRESET_RECALL] = {transformer_columns, COUNT(transformer_columns)}};

/* The last columns: how many there are. */
static int forecasts(enum preset preset)
{
    return preset == PRESET_TOY || preset == PRESET_REGRESSION ? COUNT(forecast_columns) : 0;
}

int trace_least_columns(const struct trace *t)
{
    return kinds[t->preset].n;
}

void trace_begin(struct trace *t, const struct keys *keys)
{
    const enum preset preset = keys->preset;
    const bool transformer = preset >= PRESET_REGRESSION;
    t->preset = preset;
    t->layers = transformer ? (int)keys_integer(keys, KEY_layers) : 0;
    t->heads = transformer ? (int)keys_integer(keys, KEY_heads) : 0;
    t->columns = kinds[preset].n;
    if (transformer)
        t->columns += task_of(keys)->n_probes * t->layers * t->heads;
    else if (preset <= PRESET_TOY)
        t->columns += (int)keys_integer(keys, KEY_hops) - 1;
    t->columns += forecasts(preset);
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

enum status trace_fill(struct trace *t, const double *rows, size_t n, size_t columns)
{
    const size_t wide = (size_t)t->columns;
    double *all = realloc(t->rows, (t->length + n) * wide * sizeof *all + 1);
    if (!all)
        return error_set(ERR_MEMORY, "out of memory for %zu rows of a trace", n);
    t->rows = all;
    for (size_t i = 0; i < n; i++) {
        double *row = all + (t->length + i) * wide;
        memcpy(row, rows + i * columns, columns * sizeof *row);
        for (size_t k = columns; k < wide; k++)
            row[k] = NAN;
    }
    t->length += n;
    t->allocated = t->length;
    return OK;
}

const char *trace_column(const struct trace *t, int i, char *buffer)
{
    if (i < kinds[t->preset].n)
        return kinds[t->preset].names[i];
    if (i >= t->columns - forecasts(t->preset))
        return forecast_columns[i - t->columns + forecasts(t->preset)];
    if (t->preset <= PRESET_TOY) {
        snprintf(buffer, TRACE_NAME, "delta_a_%d", i - kinds[t->preset].n + 2);
        return buffer;
    }
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
