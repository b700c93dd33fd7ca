/* plateau forecast: when attention will arrive in a run in progress, from its trace, whoever made it. */
#include "base/csv.h"
#include "base/list.h"
#include "cli/cli.h"
#include "run/run_forecast.h"
#include "study/grid.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = CSV_FIELDS };
static const size_t LARGEST_FILE = (size_t)1 << 30;

struct table {
    int time, heads[HEADS]; /* columns of the file */
    size_t n_heads, n, allocated;
    double *rows; /* owned: [n][1 + n_heads]: time, attention of each head */
    double now;   /* time of the last one */
};

/* attention, or attention_.., and step (time, where there is none). */
static enum status read_header(const struct csv *csv, struct table *t)
{
    enum status rc = OK;
    t->time = -1;
    for (size_t i = 0; i < csv->n; i++) {
        if (!strncmp(csv->fields[i], "attention", 9) && (!csv->fields[i][9] || csv->fields[i][9] == '_'))
            t->heads[t->n_heads++] = (int)i;
        if (!strcmp(csv->fields[i], "step") || (!strcmp(csv->fields[i], "time") && t->time < 0))
            t->time = (int)i;
    }
    REQUIRE(t->time >= 0, ERR_INPUT, "no column step (or time): when each row was taken");
    REQUIRE(t->n_heads > 0, ERR_INPUT,
            "no column attention (or attention_l1h1, ..): the attention of the last position to a relevant token");
done:
    return rc;
}

static enum status read_row(const struct csv *csv, struct table *t)
{
    enum status rc = OK;
    const size_t wide = 1 + t->n_heads;
    TRY(list_room(&t->rows, t->n, &t->allocated, wide * sizeof *t->rows, "rows of a trace"));
    double *row = t->rows + t->n * wide;
    for (size_t i = 0; i < wide; i++) {
        const size_t column = (size_t)(i ? t->heads[i - 1] : t->time);
        REQUIRE(column < csv->n && text_to_real(csv->fields[column], &row[i]), ERR_INPUT, "%s: not a number",
                column < csv->n ? csv->fields[column] : "a cell that is missing");
    }
    REQUIRE(t->n == 0 || row[0] > t->now, ERR_INPUT, "step %g does not come after %g", row[0], t->now);
    t->now = row[0];
    t->n++;
done:
    return rc;
}

static enum status read_table(const char *path, struct table *t)
{
    enum status rc = OK;
    struct text file = {0};
    struct csv csv = {.next_line = 1};
    TRY(text_read_file(path, LARGEST_FILE, &file));
    csv.next = file.data ? file.data : (char[1]){0};
    csv.next += strncmp(csv.next, "\xEF\xBB\xBF", 3) ? 0 : 3; /* a byte order mark */
    TRY(csv_next(&csv));
    REQUIRE(csv.n, ERR_INPUT, "the file is empty");
    TRY(read_header(&csv, t));
    while (true) {
        TRY(csv_next(&csv));
        if (!csv.n)
            break;
        TRY(read_row(&csv, t));
    }
    REQUIRE(t->n > 0, ERR_INPUT, "no rows");
done:
    text_free(&file);
    if (rc != OK && csv.line) /* 0: the file could not be read, which names it */
        error_prefix(rc, "%.200s:%zu", path, csv.line);
    return rc;
}

/* The earliest word of the heads; arrived, where one has. copies: relevant tokens in a sequence. */
static enum status say(const struct table *t, double copies, double D_c, struct forecast *out)
{
    enum status rc = OK;
    const size_t wide = 1 + t->n_heads;
    double *room = malloc(6 * t->n * sizeof *room), *s = room + t->n;
    *out = (struct forecast){FORECAST_SILENT, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    REQUIRE(room, ERR_MEMORY, "out of memory for %zu rows", t->n);
    for (size_t head = 0; head < t->n_heads; head++) {
        struct forecast one;
        for (size_t i = 0; i < t->n; i++) {
            room[i] = t->rows[i * wide];
            s[i] = copies * t->rows[i * wide + 1 + head];
            if (s[i] >= 1 && s[i] < 1 + 1e-5) /* rounded */
                s[i] = 1 - 1e-9;
            REQUIRE(s[i] > 0 && s[i] < 1, ERR_INPUT,
                    "attention to all %g copies at step %g is %g: it must be between 0 and 1", copies, room[i], s[i]);
        }
        forecast_head(room, s, t->n, D_c, s + t->n, &one);
        forecast_join(&one, out);
    }
done:
    free(room);
    return rc;
}

/* What the forecast rests on besides the file. */
static void add_assumed(const struct keys *keys, struct text *out)
{
    char buffer[32];
    static const enum key used[] = {KEY_B, KEY_d, KEY_head_dim, KEY_optimizer};
    const size_t n = keys->preset == PRESET_TOY ? 1 : sizeof used / sizeof used[0];
    for (size_t i = 0; i < n; i++)
        text_addf(out, "%s%s=%s", i ? " " : "", keys_name(used[i]), keys_text(used[i], keys->value[used[i]], buffer));
}

static enum status print(const struct arguments *a, const char *path, const struct keys *keys, const struct forecast *f,
                         double now)
{
    static const char *const words[] = {
        [FORECAST_SILENT] = "cannot tell", [FORECAST_SAYS] = "says", [FORECAST_ARRIVED] = "arrived"};
    struct text out = {0};
    if (a->json) {
        text_add(&out, "{\"file\": ");
        text_add_json(&out, path);
        text_addf(&out, ", \"now\": %.17g, \"word\": \"%s\", \"forecast\": ", now, words[f->word]);
        text_add_real(&out, f->T);
        text_add(&out, ", \"low\": ");
        text_add_real(&out, f->low);
        text_add(&out, ", \"high\": ");
        text_add_real(&out, f->high);
        text_add(&out, ", \"assumed\": \"");
        add_assumed(keys, &out);
        text_add(&out, "\"}\n");
    } else if (f->word == FORECAST_SAYS) {
        text_addf(&out, "%s: at %g: attention arrives at about %.4g (%.4g .. %.4g), for ", path, now, f->T, f->low,
                  f->high);
        add_assumed(keys, &out);
        text_add(&out, "\n");
    } else {
        text_addf(&out, "%s: at %g: %s\n", path, now,
                  f->word == FORECAST_ARRIVED ? "attention has arrived" : "cannot tell yet when attention arrives");
    }
    enum status rc = text_status(&out);
    rc = rc == OK ? cli_print(out.data, out.length) : rc;
    text_free(&out);
    return rc;
}

enum status command_forecast(const struct arguments *a)
{
    enum status rc = OK;
    struct grid grid = {0};
    struct keys keys;
    struct table table = {0};
    size_t n;
    REQUIRE(a->n_files > 0, ERR_INPUT, "forecast: needs TRACE.csv, with columns step and attention");
    TRY(grid_set(&grid, "model", "transformer"));
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(&grid, a->assignments[i]));
    TRY(grid_size(&grid, &n));
    REQUIRE(n == 1, ERR_INPUT, "forecast: needs a single value for each key, and the grid has %zu runs", n);
    TRY(grid_at(&grid, 0, &keys));
    const bool transformer = keys.preset == PRESET_REGRESSION, toy = keys.preset == PRESET_TOY;
    REQUIRE(transformer || toy, ERR_INPUT, "forecast: is for model=transformer task=regression, and model=toy");
    REQUIRE(
        run_forecast_applies(&keys), ERR_INPUT,
        "forecast: nothing is known of such runs: at most two layers, norm=none, readout=last, no clamp; of the toy "
        "model one attention, p=0 and SGD");
    REQUIRE(keys_real(&keys, KEY_schedule) == 0, ERR_INPUT,
            "forecast: the file does not say when the schedule switched: keep its rows from the last switch on, give "
            "the B of the test set, and leave schedule out");
    const double D_c = toy ? INFINITY
                           : forecast_growth(keys_real(&keys, KEY_head_dim), keys_real(&keys, KEY_d),
                                             keys_optimizer(&keys)->time == TIME_OWN);
    for (size_t i = 0; i < a->n_files; i++) {
        struct forecast f;
        table = (struct table){0};
        TRY(read_table(a->files[i], &table));
        TRY(say(&table, keys_real(&keys, KEY_B), D_c, &f));
        TRY(print(a, a->files[i], &keys, &f, table.now));
        free(table.rows);
        table.rows = NULL;
    }
done:
    free(table.rows);
    grid_free(&grid);
    return rc;
}
