#include "store/export.h"
#include "base/list.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One value of a row. value == NULL: a number. group: "crossings", "predicted", "solver" are objects in JSON; "keys"
 * and "" are members of the row itself. */
struct field {
    const char *group, *name, *value;
    double number;
    bool applies; /* else JSON leaves it out */
};
typedef void field_visit(struct text *out, const struct field *field, bool first);

struct exporter {
    struct store *store;
    FILE *file;
    bool with_curves;
    struct text line;            /* owned */
    char (*columns)[TRACE_NAME]; /* owned: of the curves' table */
    size_t n_columns, allocated;
};

/* Visits the fields of a row in order. Header, CSV and JSON have no other list of them. */
static void each_field(const struct store_row *row, field_visit *visit, struct text *out)
{
    const struct result *r = &row->result;
    char buffer[32];
    bool applies;
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
#define TEXT(name_, value_) visit(out, &(struct field){"", name_, (value_) ? (value_) : "", 0, true}, false)
#define REAL(group_, name_, number_) visit(out, &(struct field){group_, name_, NULL, number_, true}, false)
    visit(out, &(struct field){"", "id", NULL, (double)row->id, true}, true);
    TEXT("hash", row->hash);
    TEXT("study", row->study);
    TEXT("status", result_state_name(r->state));
    for (int i = 0; i < KEY_COUNT; i++) {
        enum key key = (enum key)i;
        const char *text = keys_is_choice(key) ? keys_text(key, r->keys.value[i], buffer) : NULL;
        visit(out, &(struct field){"keys", keys_name(key), text, r->keys.value[i], !isnan(r->keys.value[i])}, false);
    }
    REAL("", "plateau", r->plateau);
    REAL("", "plateau_low", low);
    REAL("", "plateau_high", high);
    REAL("", "cap", r->cap);
    TEXT("unit", store_unit(r));
    REAL("", "initial_loss", r->initial_loss);
    REAL("", "null_loss", r->null_loss);
    REAL("", "final_loss", r->final_loss);
    const char *level;
    for (int i = 0; (level = result_any_level_name(i)); i++) {
        double crossing = result_crossing(r, level, &applies);
        visit(out, &(struct field){"crossings", level, NULL, crossing, applies}, false);
    }
#define AS_REAL(name, meaning) REAL("predicted", #name, r->predicted.name);
    PREDICTIONS(AS_REAL)
#undef AS_REAL
    REAL("predicted", "flow", r->flow_plateau);
    for (int i = 0; i < RESULT_SOLVER; i++)
        REAL("solver", result_solver_name(i), result_solved(r) ? (double)r->solver[i] : NAN);
    REAL("", "wall_s", r->wall_s);
    REAL("", "steps_done", r->steps_done);
    REAL("", "tokens_per_s", r->tokens_per_s);
    TEXT("library", r->library);
    TEXT("version", row->version);
    TEXT("host", row->host);
    TEXT("started", row->started);
    TEXT("finished", row->finished);
#undef TEXT
#undef REAL
}

static void csv_name(struct text *out, const struct field *f, bool first)
{
    const char *prefix = !strcmp(f->group, "crossings") ? "crossing_" : !strcmp(f->group, "solver") ? "solver_" : "";
    text_addf(out, "%s%s%s", first ? "" : ",", prefix, f->name);
}

/* A spreadsheet would run a field that begins like a formula. The apostrophe makes it text. */
static void add_csv_text(struct text *out, const char *value)
{
    struct text plain = {0};
    text_add(&plain, strchr("=+-@\t\r", *value) && *value ? "'" : "");
    text_add_utf8(&plain, value);
    text_add_csv(out, plain.data ? plain.data : "");
    out->failed = out->failed || plain.failed;
    text_free(&plain);
}

static void csv_value(struct text *out, const struct field *f, bool first)
{
    char buffer[32];
    text_add(out, first ? "" : ",");
    if (f->value)
        add_csv_text(out, f->value);
    else if (!isnan(f->number))
        text_add(out, text_real(buffer, f->number));
}

void export_header(struct text *out)
{
    static const struct store_row none; /* the header needs names only */
    each_field(&none, csv_name, out);
}

void export_line(const struct store_row *row, struct text *out)
{
    each_field(row, csv_value, out);
}

/* Opens and closes the object of a group where the group changes. As in --json, what does not apply is left out. */
static void json_value(struct text *out, const struct field *f, bool first)
{
    static const char *const groups[] = {"crossings", "predicted", "solver"};
    static const char *const first_name[] = {"0.9", "eq6", "steps"};
    static const char *const last_name[] = {"midpoint", "flow", "error_test_fails"};
    int group = -1;
    for (int i = 0; i < 3; i++)
        group = !strcmp(groups[i], f->group) ? i : group;
    const bool last = group >= 0 && !strcmp(f->name, last_name[group]);
    if (!f->applies) {
        text_add(out, last ? "}" : "");
        return;
    }
    text_add(out, first ? "{" : ", ");
    if (group >= 0 && !strcmp(f->name, first_name[group])) {
        text_add_json(out, f->group);
        text_add(out, ": {");
    }
    text_add_json(out, f->name);
    text_add(out, ": ");
    if (f->value && !*f->value)
        text_add(out, "null");
    else if (f->value)
        text_add_json(out, f->value);
    else
        text_add_real(out, f->number);
    if (last)
        text_add(out, "}");
}

/* A reader that closes the pipe (head) has seen enough, and gets no message. */
static enum status write_failed(void)
{
    return errno == EPIPE ? error_set(ERR_IO, "%s", "")
                          : error_set(ERR_IO, "cannot write the export: %s", strerror(errno));
}

/* Writes the line and empties it. */
static enum status flush_line(struct exporter *e)
{
    enum status rc = text_status(&e->line);
    if (rc == OK && fwrite(e->line.data, 1, e->line.length, e->file) != e->line.length)
        rc = write_failed();
    text_clear(&e->line);
    return rc;
}

/* Adds a column to those of the curves' table, unless it is there. */
static enum status add_column(struct exporter *e, const char *name)
{
    for (size_t i = 0; i < e->n_columns; i++) {
        if (!strcmp(e->columns[i], name))
            return OK;
    }
    enum status rc = list_room(&e->columns, e->n_columns, &e->allocated, sizeof *e->columns, "names of columns");
    if (rc == OK)
        strcpy(e->columns[e->n_columns++], name);
    return rc;
}

/* The columns of a row's curve, if it has one. */
static enum status add_columns(void *context, const struct store_row *row)
{
    enum status rc = OK;
    struct trace t = {0};
    char buffer[TRACE_NAME];
    trace_begin(&t, &row->result.keys);
    for (int i = 0; i < t.columns && row->has_curve && rc == OK; i++)
        rc = add_column(context, trace_column(&t, i, buffer));
    return rc;
}

static enum status csv_curve(void *context, const struct store_row *row)
{
    struct exporter *e = context;
    enum status rc = OK;
    struct trace t = {0};
    char buffer[32];
    int *index = calloc(e->n_columns, sizeof *index);
    REQUIRE(index, ERR_MEMORY, "out of memory for the columns of a curve");
    TRY(store_curve(e->store, row->id, &t));
    for (size_t i = 0; i < e->n_columns; i++)
        index[i] = trace_find(&t, e->columns[i]);
    for (size_t k = 0; k < t.length; k++) {
        text_addf(&e->line, "%lld", (long long)row->id);
        for (size_t i = 0; i < e->n_columns; i++) {
            double value = index[i] < 0 ? NAN : t.rows[k * (size_t)t.columns + (size_t)index[i]];
            text_addf(&e->line, ",%s", isnan(value) ? "" : text_real(buffer, value));
        }
        text_add(&e->line, "\n");
        TRY(flush_line(e));
    }
done:
    free(index);
    trace_free(&t);
    return rc;
}

static enum status csv_run(void *context, const struct store_row *row)
{
    struct exporter *e = context;
    export_line(row, &e->line);
    text_add(&e->line, "\n");
    return flush_line(e);
}

static enum status json_run(void *context, const struct store_row *row)
{
    struct exporter *e = context;
    enum status rc = OK;
    struct trace t = {0};
    char name[TRACE_NAME];
    each_field(row, json_value, &e->line);
    if (e->with_curves && row->has_curve) {
        TRY(store_curve(e->store, row->id, &t));
        for (int j = 0; j < t.columns; j++) {
            text_addf(&e->line, "%s\"%s\": [", j ? "], " : ", \"curve\": {", trace_column(&t, j, name));
            for (size_t k = 0; k < t.length; k++) {
                text_add(&e->line, k ? ", " : "");
                text_add_real(&e->line, t.rows[k * (size_t)t.columns + (size_t)j]);
            }
        }
        text_add(&e->line, "]}");
    }
    text_add(&e->line, "}\n");
    TRY(flush_line(e));
done:
    trace_free(&t);
    return rc;
}

/* Writes e->line (a header or nothing), then every row. A full disk may show only when the last buffer is written. */
static enum status export_rows(struct exporter *e, const struct store_filter *filter, store_visit *visit)
{
    enum status rc = OK;
    if (e->line.length || e->line.failed)
        TRY(flush_line(e));
    TRY(store_each(e->store, filter, visit, e));
    if (fflush(e->file) != 0 || ferror(e->file))
        rc = write_failed();
done:
    return rc;
}

enum status export_csv(struct store *store, const struct store_filter *filter, bool with_curves, FILE *file)
{
    static const char *const known[] = {"step",       "time",         "loss_train", "loss_test", "w",
                                        "w_repeated", "w_orthogonal", "u",          "delta_a",   "attention"};
    enum status rc = OK;
    struct exporter e = {.store = store, .file = file, .with_curves = with_curves};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        TRY(add_column(&e, known[i]));
    if (with_curves) {
        TRY(store_each(store, filter, add_columns, &e));
        text_add(&e.line, "run");
        for (size_t i = 0; i < e.n_columns; i++)
            text_addf(&e.line, ",%s", e.columns[i]);
    } else {
        export_header(&e.line);
    }
    text_add(&e.line, "\n");
    TRY(export_rows(&e, filter, with_curves ? csv_curve : csv_run));
done:
    free(e.columns);
    text_free(&e.line);
    return rc;
}

enum status export_jsonl(struct store *store, const struct store_filter *filter, bool with_curves, FILE *file)
{
    struct exporter e = {.store = store, .file = file, .with_curves = with_curves};
    enum status rc = export_rows(&e, filter, json_run);
    text_free(&e.line);
    return rc;
}
