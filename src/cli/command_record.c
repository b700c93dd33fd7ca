/* plateau record: a training run of any program into a database, from the rows that it writes while it trains. */
#include "base/csv.h"
#include "base/progress.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "parallel/stop.h"
#include "store/record.h"
#include "study/grid.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Between saves, at least, and how much of the time they may take; how long the last one waits for a lock, and once
 * a signal came. */
static const double EVERY_S = 1, SHARE = 0.05, PATIENCE_S = 600, STOPPED_S = 3;
enum { LONGEST_LINE = 1 << 20, READ = 1 << 16, PENDING = 1 << 21 };

struct record {
    const struct arguments *arguments;
    struct recording run;
    struct store *store;
    char source[160];
    int columns[CSV_FIELDS]; /* of the present header: columns of the trace */
    size_t n_columns;
    double *row;             /* owned: [trace.columns] */
    bool *told;              /* owned: [trace.columns]: the line has a value */
    struct text input;       /* what was read, from the first line that is not done */
    size_t line, saved;      /* lines done; rows in the database */
    double begun, next_save; /* progress_clock */
    bool ended;
};

/* ---- lines ---- */

static enum status read_header(struct record *r, const struct csv *csv)
{
    enum status rc = OK;
    bool step = false;
    r->n_columns = csv->n;
    for (size_t i = 0; i < csv->n; i++) {
        TRY(recording_column(&r->run, csv->fields[i], &r->columns[i]));
        for (size_t k = 0; k < i; k++)
            REQUIRE(r->columns[k] != r->columns[i], ERR_INPUT, "%.60s and %.60s are one column: leave one out",
                    csv->fields[k], csv->fields[i]);
        step = step || !strcmp(csv->fields[i], "step");
    }
    REQUIRE(step, ERR_INPUT, "no column step: a row says after how many steps it was taken");
done:
    if (rc != OK)
        r->n_columns = 0;
    return rc;
}

static enum status read_row(struct record *r, const struct csv *csv)
{
    enum status rc = OK;
    REQUIRE(r->n_columns, ERR_INPUT, "the first line must name the columns: step,loss,attention");
    REQUIRE(csv->n == r->n_columns, ERR_INPUT, "%zu fields, but the header names %zu columns", csv->n, r->n_columns);
    for (int i = 0; i < r->run.trace.columns; i++) {
        r->row[i] = NAN;
        r->told[i] = false;
    }
    for (size_t i = 0; i < csv->n; i++)
        TRY(recording_cell(csv->fields[i], &r->row[r->columns[i]], &r->told[r->columns[i]]));
    TRY(recording_row(&r->run, r->row, r->told));
done:
    return rc;
}

/* A row begins with a number (or with an empty cell), a header with a name. */
static bool is_header(const char *text)
{
    double value;
    bool told;
    return recording_cell(text, &value, &told) != OK;
}

static enum status take_line(struct record *r, char *line)
{
    enum status rc = OK;
    struct csv csv = {.next = line, .next_line = 1};
    r->line++;
    REQUIRE(!r->ended, ERR_INPUT, "a line after the end");
    TRY(csv_next(&csv));
    if (csv.n == 1 && !strcmp(csv.fields[0], "end") && r->arguments->end_mark)
        r->ended = true;
    else if (csv.n)
        TRY(is_header(csv.fields[0]) ? read_header(r, &csv) : read_row(r, &csv));
done:
    return rc == ERR_INPUT ? error_prefix(rc, "line %zu", r->line), rc : rc;
}

/* All whole lines that were read; at the end of the input the last one may lack its line end. */
static enum status take_lines(struct record *r, bool last)
{
    enum status rc = OK;
    struct text *in = &r->input;
    size_t done = 0;
    for (char *end; rc == OK && done < in->length; done = (size_t)(end - in->data) + 1) {
        end = memchr(in->data + done, '\n', in->length - done);
        if (!end && !last)
            break;
        end = end ? end : in->data + in->length;
        *end = '\0';
        rc = take_line(r, in->data + done);
    }
    if (rc == OK && done < in->length)
        memmove(in->data, in->data + done, in->length - done + 1);
    in->length = done < in->length ? in->length - done : 0;
    if (rc == OK && in->length > LONGEST_LINE)
        rc = error_set(ERR_INPUT, "line %zu: is longer than %d bytes", r->line + 1, LONGEST_LINE);
    return rc;
}

/* ---- saving ---- */

static const char *study(const struct record *r)
{
    return r->arguments->study ? r->arguments->study : "recorded";
}

/* What the database does not take at the end, because of a lock or of another run, goes into one of its own. */
static enum status rescue(const struct record *r, enum status failed)
{
    enum status rc = OK;
    struct text path = {0};
    struct store *store = NULL;
    struct result result;
    char *why = strdup(error_message());
    text_addf(&path, "%s.unsaved", r->arguments->files[0]);
    TRY(text_status(&path));
    TRY(store_open(path.data, STORE_WRITE, NULL, &store));
    TRY(record_save(store, study(r), r->source, &r->run, r->ended, &result));
    rc = error_set(failed, "%.600s; the run is in %.200s", why ? why : "", path.data);
done:
    store_close(store);
    text_free(&path);
    free(why);
    return rc;
}

/* While another process holds a lock, rows wait in memory. */
static enum status save(struct record *r, bool last, struct result *result)
{
    const double begun = progress_clock();
    r->run.result.wall_s = begun - r->begun;
    store_patience(r->store, !last ? 0 : *stop_reason() ? STOPPED_S : PATIENCE_S);
    enum status rc = record_save(r->store, study(r), r->source, &r->run, r->ended, result);
    r->next_save = progress_clock() + fmax(EVERY_S, (progress_clock() - begun) / SHARE);
    if (rc == OK)
        r->saved = r->run.trace.length;
    else if (last)
        return rescue(r, rc);
    return rc == ERR_DATABASE && store_busy(r->store) ? OK : rc;
}

/* Takes what the input has, and waits for it at most so long (milliseconds; negative: for ever). *n: bytes; 0 at its
 * end, negative if none came. */
static enum status read_some(struct record *r, int wait, ssize_t *n)
{
    enum status rc = OK;
    char buffer[READ];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    *n = -1;
    if (poll(&in, 1, wait) <= 0) /* a signal, or time to save */
        return OK;
    *n = read(STDIN_FILENO, buffer, sizeof buffer);
    if (*n < 0 && (errno == EINTR || errno == EAGAIN))
        return OK;
    REQUIRE(*n >= 0, ERR_IO, "standard input: %s", strerror(errno));
    REQUIRE(!memchr(buffer, '\0', (size_t)*n), ERR_INPUT, "standard input: not a text");
    text_add_bytes(&r->input, buffer, (size_t)*n);
    TRY(text_status(&r->input));
    TRY(take_lines(r, *n == 0));
done:
    return rc;
}

/* Rows come one by one while a run trains, and a writer whose reader waits for it pays for waking it: some 50
 * microseconds a row on a busy machine, 3 where it does not wait. A signal ends the rest. */
static void rest(ssize_t n)
{
    static const struct timespec a_while = {.tv_nsec = 20000000};
    if (n > 0 && n < READ)
        nanosleep(&a_while, NULL);
}

/* When a signal came: the rows that were on their way, which whoever wrote them takes for kept. */
static enum status take_pending(struct record *r, bool *more)
{
    enum status rc = OK;
    ssize_t n = 1;
    for (size_t taken = 0; rc == OK && n > 0 && taken < PENDING && !r->ended; taken += n > 0 ? (size_t)n : 0)
        rc = read_some(r, 0, &n);
    *more = n != 0;
    return rc;
}

static enum status record(struct record *r, struct result *result)
{
    enum status rc = OK;
    bool more = true;
    while (rc == OK && more && !r->ended && !*stop_reason()) {
        const bool waits = r->run.trace.length > r->saved;
        const double left = fmax(r->next_save - progress_clock(), 0);
        ssize_t n;
        rc = read_some(r, waits ? (int)(1000 * left) : -1, &n);
        more = n != 0;
        if (rc == OK && more && !r->ended)
            rest(n);
        if (rc == OK && r->run.trace.length > r->saved && progress_clock() >= r->next_save)
            rc = save(r, false, result);
    }
    if (rc == OK && more && *stop_reason())
        rc = take_pending(r, &more);
    if (!r->arguments->end_mark)
        r->ended = rc == OK && !more;
    /* A row that was refused ends the recording, and what was there before it stays. */
    const enum status failed = rc;
    char *why = failed != OK ? strdup(error_message()) : NULL;
    if (r->run.trace.length && rc != ERR_MEMORY)
        rc = save(r, true, result);
    if (failed != OK && rc == OK)
        rc = error_set(failed, "%.600s; the %zu rows before are kept as an interrupted run", why ? why : "", r->saved);
    free(why);
    return rc;
}

/* ---- the command ---- */

/* Keys that say what kind of run it is, and were not given: their defaults stand there. */
static void add_defaults(const struct record *r, const struct grid *grid, struct text *out)
{
    static const enum key telling[] = {KEY_T,     KEY_d,     KEY_B,         KEY_p,  KEY_pairs, KEY_vocab, KEY_layers,
                                       KEY_heads, KEY_width, KEY_optimizer, KEY_lr, KEY_batch, KEY_seed};
    char buffer[32];
    const char *separator = "";
    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++) {
        const double value = r->run.keys.value[telling[i]];
        if (isnan(value) || grid->count[telling[i]])
            continue;
        text_addf(out, "%s%s=%s", separator, keys_name(telling[i]), keys_text(telling[i], value, buffer));
        separator = " ";
    }
}

/* {"loss": "loss_test", ..}: the short names that this recording takes, for programs that check names themselves. */
static void add_short_names(const struct record *r, struct text *out)
{
    char buffer[TRACE_NAME];
    const char *separator = "", *name;
    text_add(out, "{");
    for (size_t i = 0; (name = recording_short_name(i)); i++) {
        int column;
        if (recording_column(&r->run, name, &column) != OK)
            continue;
        text_addf(out, "%s\"%s\": \"%s\"", separator, name, trace_column(&r->run.trace, column, buffer));
        separator = ", ";
    }
    text_add(out, "}");
}

/* What the recording assumes: on stdout as JSON, or in words. */
static enum status say_begun(const struct record *r, const struct grid *grid)
{
    enum status rc = OK;
    struct text out = {0}, defaults = {0};
    char buffer[TRACE_NAME];
    add_defaults(r, grid, &defaults);
    if (r->arguments->json) {
        text_add(&out, "{\"recording\": true, \"null_loss\": ");
        text_add_real(&out, r->run.result.null_loss);
        text_add(&out, ", \"columns\": [");
        for (int i = 0; i < r->run.trace.columns; i++)
            text_addf(&out, "%s\"%s\"", i ? ", " : "", trace_column(&r->run.trace, i, buffer));
        text_add(&out, "], \"short\": ");
        add_short_names(r, &out);
        text_add(&out, ", \"by_default\": ");
        text_add_json(&out, defaults.length ? defaults.data : "");
        text_add(&out, "}\n");
        TRY(text_status(&out));
        TRY(cli_print(out.data, out.length));
    } else if (!r->arguments->quiet) {
        TRY(text_status(&defaults));
        fprintf(stderr, "recording; null loss %g%s%s\n", r->run.result.null_loss,
                defaults.length ? "; by default " : "", defaults.length ? defaults.data : "");
    }
done:
    text_free(&out);
    text_free(&defaults);
    return rc;
}

/* A loss in another unit gives a wrong length without a word: on the plateau it is about that of knowing nothing. */
static enum status warn(const struct record *r, const struct result *result)
{
    double low, high, ratio;
    enum status rc = recording_unit(&r->run, &ratio);
    if (rc != OK)
        return rc;
    if (ratio > 1.6 || ratio < 0.6)
        fprintf(
            stderr,
            "plateau: on the plateau the loss is %.3g null losses: if yours has another unit than the null loss, %g (a "
            "mean over y's d numbers is 2/d of ours), give --null-loss\n",
            ratio, result->null_loss);
    result_bracket(result, result->plateau, &low, &high);
    if (result_is_coarse(result->plateau, low, high))
        fprintf(stderr, "plateau: rows are up to %g steps apart: the plateau ended between %g and %g\n",
                result->keys.value[KEY_eval_every], low, high);
    return OK;
}

static enum status say_ended(const struct record *r, const struct result *result)
{
    enum status rc = OK;
    struct text out = {0};
    if (!r->arguments->quiet)
        TRY(warn(r, result));
    if (r->arguments->json)
        result_json(result, &out);
    else
        describe_run(result, &out);
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}

static enum status begin(struct record *r, struct run_flow *tools, struct grid *grid)
{
    enum status rc = OK;
    const struct arguments *a = r->arguments;
    struct keys keys;
    double null_loss = NAN;
    char host[64] = "";
    size_t n;
    REQUIRE(a->n_files == 1, ERR_INPUT, "record: needs one database (`plateau help record`)");
    TRY(store_check_study(study(r)));
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(grid, a->assignments[i]));
    REQUIRE(grid->count[KEY_model], ERR_INPUT, "record: no model: give model=transformer or model=toy");
    TRY(grid_size(grid, &n));
    REQUIRE(n == 1, ERR_INPUT, "record: needs a single value for each key, and the grid has %zu runs", n);
    TRY(grid_at(grid, 0, &keys));
    REQUIRE(!a->null_loss || (text_to_real(a->null_loss, &null_loss) && null_loss > 0), ERR_INPUT,
            "--null-loss %s: must be a number above 0", a->null_loss);
    TRY(recording_begin(&r->run, tools, &keys, null_loss, grid->count[KEY_eval_every] > 0));
    const size_t columns = (size_t)r->run.trace.columns;
    r->row = calloc(columns, sizeof *r->row);
    r->told = calloc(columns, sizeof *r->told);
    REQUIRE(r->row && r->told, ERR_MEMORY, "out of memory for a row");
    TRY(store_open(a->files[0], STORE_WRITE, a->command_line, &r->store));
    gethostname(host, sizeof host - 1);
    snprintf(r->source, sizeof r->source, "recorded on %s, process %ld, begun %ld", host, (long)getpid(),
             (long)time(NULL));
    TRY(say_begun(r, grid));
done:
    return rc;
}

enum status command_record(const struct arguments *a)
{
    enum status rc = OK;
    struct record r = {.arguments = a, .begun = progress_clock()};
    struct grid grid = {0};
    struct run_flow *tools = NULL;
    struct result result;
    stop_on_signals();
    TRY(run_flow_create(&tools));
    TRY(begin(&r, tools, &grid));
    TRY(record(&r, &result));
    REQUIRE(r.run.trace.length, ERR_INPUT, "no rows: nothing is recorded");
    TRY(say_ended(&r, &result));
    if (*stop_reason() && !r.ended)
        rc = stop_error("%zu rows are kept as an interrupted run", r.saved);
done:
    store_close(r.store);
    recording_free(&r.run);
    run_flow_free(tools);
    grid_free(&grid);
    text_free(&r.input);
    free(r.row);
    free(r.told);
    return rc;
}
