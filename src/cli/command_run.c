/* plateau flow, plateau train: a grid of runs on all cores, printed in grid order. */
#include "cli/cli.h"
#include "cli/describe.h"
#include "models/task.h"
#include "study/grid.h"
#include "study/outcome.h"
#include "base/progress.h"
#include "models/published.h"
#include "run/reading.h"
#include "run/run.h"
#include "run/run_forecast.h"
#include "parallel/scheduler.h"
#include "parallel/stop.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Results wait here until every one before them has been printed. */
struct batch {
    const struct arguments *arguments;
    struct grid grid;
    struct run_context runs;
    struct result *waiting;                  /* owned: n results */
    enum { PENDING, READY, FAILED } * state; /* owned: n */
    enum status worst;                       /* of the runs that failed: the grid goes on */
    size_t failures;
    struct keys keys; /* of the last run: of the only one if n = 1 */
    size_t n, printed, finished;
    size_t coarse, at_once; /* of those finished: evaluated too seldom for their length; past it at the start */
    bool want_trace;
    struct progress progress;
};

static enum status make_run(void *context, size_t i, struct text *outcome)
{
    struct batch *b = context;
    struct keys keys;
    enum status rc = grid_at(&b->grid, i, &keys);
    return rc == OK ? outcome_make(&b->runs, &keys, b->want_trace, outcome) : rc;
}

/* "45 s", "12 min", "3.4 h" */
static void add_duration(struct text *out, double seconds)
{
    if (seconds < 100)
        text_addf(out, "%.0f s", seconds);
    else if (seconds < 6000)
        text_addf(out, "%.0f min", seconds / 60);
    else
        text_addf(out, "%.1f h", seconds / 3600);
}

/* The line of a single Transformer run: what its own attention says of when it will arrive, and how long the steps up
 * to there, or else to the cap, will take. */
static void show_training(void *context, const struct run_transformer_report *r)
{
    struct batch *b = context;
    const struct forecast *f = &r->forecast;
    const bool says = f->word == FORECAST_SAYS;
    const double end = says && f->T > r->step ? f->T : keys_real(&b->keys, KEY_steps);
    struct text line = {0};
    text_addf(&line, "step %.0f: test loss %.3f of the null loss, ", r->step, r->loss);
    if (!isnan(r->accuracy))
        text_addf(&line, "accuracy %.3f, ", r->accuracy);
    text_addf(&line, "attention %.3f, %.3gk tokens/s; ", r->attention, r->tokens_per_s / 1e3);
    if (says)
        text_addf(&line, "attention arrives at about step %.0f (%.0f .. %.0f), in ", f->T, f->low, f->high);
    else
        text_addf(&line, "%scap of %.0f steps in ",
                  f->word == FORECAST_ARRIVED      ? "attention has arrived; "
                  : run_forecast_applies(&b->keys) ? "cannot tell yet when attention arrives; "
                                                   : "",
                  end);
    add_duration(&line, (end - r->step) * r->seconds_per_step);
    if (text_status(&line) == OK && !isnan(r->seconds_per_step))
        progress_line(&b->progress, line.data);
    text_free(&line);
}

/* Prints what is finished, in the order of the grid; up to the first gap, or (the rest) past gaps too. */
static enum status print_ready(struct batch *b, bool rest)
{
    enum status rc = OK;
    struct text out = {0};
    for (; b->printed < b->n && (b->state[b->printed] != PENDING || rest); b->printed++) {
        if (b->state[b->printed] != READY)
            continue;
        if (b->arguments->json)
            result_json(&b->waiting[b->printed], &out);
        else
            describe_run(&b->waiting[b->printed], &out);
    }
    TRY(text_status(&out));
    if (out.length)
        TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}

static enum status deliver(void *context, size_t i, enum status rc, const char *message, const void *outcome,
                           size_t bytes)
{
    struct batch *b = context;
    struct text out = {0};
    struct trace trace = {0};
    (void)bytes;
    b->state[i] = rc == OK ? READY : FAILED;
    if (rc == OK) {
        struct result *r = &b->waiting[i];
        double low, high;
        outcome_read(outcome, r, &trace);
        result_bracket(r, r->plateau, &low, &high);
        b->coarse += result_is_coarse(r->plateau, low, high);
        b->at_once += r->plateau == 0;
    } else if (b->n == 1) {
        return error_set(rc, "%s", message);
    } else {
        struct keys keys;
        if (grid_at(&b->grid, i, &keys) == OK)
            keys_describe(&keys, &out);
        const bool named = out.data && !strncmp(message, out.data, out.length); /* CVODE's messages begin so */
        fprintf(stderr, "plateau: %s: run failed: %s\n", out.data ? out.data : "?",
                named ? message + out.length + strspn(message + out.length, ": ") : message);
        text_clear(&out);
        b->worst = rc;
        b->failures++;
    }
    progress_show(&b->progress, ++b->finished, 0);
    if (b->arguments->trace) {
        trace_csv(&trace, &out);
        TRY(text_status(&out));
        TRY(text_write_file(b->arguments->trace, out.data, out.length));
        text_clear(&out);
    }
    TRY(print_ready(b, false));
done:
    text_free(&out);
    return rc;
}

/* What the lines for people say of a run (describe_doubts), where there are none. */
static void warn(const struct batch *b)
{
    if (b->coarse)
        fprintf(
            stderr,
            "plateau: %zu of %zu runs were evaluated too seldom for their length: `bracket` is what is known of it\n",
            b->coarse, b->n);
    if (b->at_once)
        fprintf(stderr,
                "plateau: %zu of %zu runs were over the threshold from the start: their plateau is 0 (recall: guessing "
                "gives 1/vocab)\n",
                b->at_once, b->n);
}

static enum status run_grid(const struct arguments *a, const char *model)
{
    enum status rc = OK;
    struct batch b = {.arguments = a, .want_trace = a->trace != NULL};
    struct run_request *request = &b.runs.request;
    size_t *items = NULL, threads = 1;
    REQUIRE(a->n_files == 0, ERR_INPUT, "%s: expected key=value (`plateau keys` lists the keys)", a->files[0]);
    TRY(grid_set(&b.grid, "model", model));
    for (size_t i = 0; i < a->n_assignments; i++)
        TRY(grid_add(&b.grid, a->assignments[i]));
    TRY(grid_size(&b.grid, &b.n));
    REQUIRE(b.n == 1 || !a->trace, ERR_INPUT, "--trace: needs a single run, and the grid has %zu", b.n);
    REQUIRE(b.n == 1 || (!a->checkpoint && !a->resume), ERR_INPUT,
            "--checkpoint, --resume: need a single run, and the grid has %zu: give one value for each key; `plateau "
            "sweep` saves the runs of a grid",
            b.n);
    for (size_t i = 0; i < b.n; i++) {
        TRY(grid_at(&b.grid, i, &b.keys));
        TRY(run_check(&b.keys));
        bool flow = !keys_is_trained(&b.keys);
        threads =
            keys_real(&b.keys, KEY_threads) > (double)threads ? (size_t)keys_integer(&b.keys, KEY_threads) : threads;
        REQUIRE(flow == !strcmp(model, "flow"), ERR_INPUT, "model=%s: `plateau %s` runs that",
                keys_text(KEY_model, b.keys.value[KEY_model], (char[32]){0}), flow ? "flow" : "train");
    }
    if (a->checkpoint)
        TRY(text_may_write(a->checkpoint));
    if (a->trace)
        TRY(text_may_write(a->trace));
    b.waiting = calloc(b.n, sizeof *b.waiting);
    b.state = calloc(b.n, sizeof *b.state);
    items = calloc(b.n, sizeof *items);
    REQUIRE(b.waiting && b.state && items, ERR_MEMORY, "out of memory for %zu runs", b.n);
    for (size_t i = 0; i < b.n; i++)
        items[i] = i;
    stop_on_signals();
    /* One command to begin and to go on: the checkpoint is not there yet when it runs first. */
    const bool fresh = a->resume && a->checkpoint && !strcmp(a->resume, a->checkpoint) && access(a->resume, F_OK) != 0;
    *request = (struct run_request){
        .resume = fresh ? NULL : a->resume, .checkpoint = a->checkpoint, .stop = stop_reason(), .context = &b};
    if (b.n == 1)
        request->report = show_training;
    progress_begin(&b.progress, strcmp(model, "flow") ? "train" : model, b.n, a->quiet);
    const struct scheduler scheduler = {
        .jobs = scheduler_jobs(a->jobs, threads), .task = make_run, .deliver = deliver, .context = &b};
    rc = scheduler_run(&scheduler, items, b.n);
    progress_end(&b.progress);
    if (a->json)
        warn(&b);
    if ((rc == ERR_INTERRUPTED || rc == ERR_REQUEUE) && print_ready(&b, true) == OK)
        stop_error("%zu of %zu runs are finished, and printed%s", b.finished, b.n,
                   a->checkpoint ? "" : "; what had begun is lost: --checkpoint FILE --resume FILE keeps it");
    if (rc == OK && b.failures)
        rc = error_set(b.worst, "%zu of %zu runs failed; the others are printed", b.failures, b.n);
done:
    run_free(&b.runs);
    grid_free(&b.grid);
    free(b.waiting);
    free(b.state);
    free(items);
    return rc;
}

enum status command_flow(const struct arguments *a)
{
    return run_grid(a, "flow");
}

enum status command_train(const struct arguments *a)
{
    return run_grid(a, "toy");
}
