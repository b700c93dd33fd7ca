/* plateau flow, plateau train: a grid of runs on all cores, printed in grid order. */
#include "cli/cli.h"
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

/* "   closed 357.5 (+0.1 %)" */
static void add_prediction(struct text *out, const char *name, double value, double plateau)
{
    if (isnan(value)) {
        text_addf(out, "  %-12s %14s\n", name, "-");
        return;
    }
    text_addf(out, "  %-12s %14.6g", name, value);
    if (plateau > 0)
        text_addf(out, "   %+.3g %%", 100 * (value / plateau - 1));
    text_add(out, "\n");
}

/* The reduced flow from the start of a toy run. */
static void add_flow(struct text *out, const struct result *r, double plateau)
{
    add_prediction(out, "flow", r->flow_plateau, plateau);
    if (isnan(r->flow_plateau))
        text_add(out, "  (CVODE cannot integrate the flow up to this threshold; the run does not depend on it)\n");
}

static void describe_theory(const struct result *r, double plateau, struct text *out)
{
    if (r->keys.preset == PRESET_TOY)
        add_flow(out, r, plateau);
#define AS_LINE(name, meaning) add_prediction(out, #name, r->predicted.name, plateau);
    if (r->keys.value[KEY_hops] > 1) {
        PREDICTIONS_CHAIN(AS_LINE)
        return;
    }
    PREDICTIONS_FLOW(AS_LINE)
#undef AS_LINE
    if (r->keys.value[KEY_init] == INIT_GAUSSIAN)
        text_addf(out,
                  "  (w(0) counts for %+.4g of closed and quadrature, the Mills correction; they neglect the part of "
                  "W(0) across W*,\n"
                  "  which must be unlearned)\n",
                  r->predicted.start);
    if (isnan(r->predicted.quadrature))
        text_add(out,
                 "  (closed and quadrature are given where they are known to be within a factor of 2 of the flow)\n");
    else if (isnan(r->predicted.closed) && r->keys.value[KEY_p] == 0)
        text_add(out, "  (closed is given where it is within 30 % of quadrature)\n");
    const struct optimizer_kind *optimizer = keys_optimizer(&r->keys);
    if (optimizer && optimizer->time == TIME_OWN)
        text_add(out, "  (these are times of gradient flow; Adam's steps x lr is not such a time)\n");
    else if (r->keys.value[KEY_momentum] > 0)
        text_addf(out,
                  "  (these are times of gradient flow; with momentum steps x lr is %g of that, as long as steps "
                  "are small)\n",
                  1 - r->keys.value[KEY_momentum]);
    if (r->keys.value[KEY_p] > 0)
        text_add(out, "  (eq6 and asinh with p > 0: our reading of the paper, which gives them for p = 0)\n");
}

/* What is known of a Transformer before it trains, and of the lengths of its reduced flow. */
static void describe_transformer(const struct result *r, double plateau, struct text *out)
{
    const struct prediction *p = &r->predicted;
    add_prediction(out, "published", published_plateau(&r->keys), plateau);
    if (r->keys.preset == PRESET_RECALL)
        return;
    if (r->keys.preset == PRESET_REGRESSION)
        add_prediction(out, "reduced", p->reduced, plateau);
    if (!isnan(p->reduced_error))
        text_addf(out, "  (the reduced flow of %s; runs scatter about it by a factor of %.2f)\n",
                  r->keys.value[KEY_layers] > 1 ? "one layer with one head, an upper bound" : "this Transformer",
                  exp(p->reduced_error));
    add_prediction(out, "reduced_s50", p->reduced_s50, NAN);
    add_prediction(out, "reduced_closed", p->reduced_closed, NAN);
    if (!isnan(p->reduced_closed))
        text_add(out, "  (when half of the attention is on the relevant tokens; a closed form of that)\n");
    if (r->keys.value[KEY_p] > 0 && !isnan(p->reduced_closed))
        text_add(out, "  (p > 0: the closed form with a factor for p alone; no flow is known)\n");
}

/* What a length that was read off says less than it seems to. */
static void describe_doubts(const struct result *r, struct text *out)
{
    const double every = r->keys.value[KEY_eval_every], chance = reading_chance(&r->keys);
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
    if (result_is_coarse(r->plateau, low, high))
        text_addf(out, "  (somewhere from %g to %g: evaluated every %g steps; a smaller eval_every tells)\n", low, high,
                  every);
    if (r->plateau == 0)
        text_add(out, "  (over the threshold from the start: no plateau was seen)\n");
    if (chance >= r->keys.value[KEY_threshold])
        text_addf(
            out,
            "  (guessing one of the tokens gives an accuracy of 1/vocab = %.3g, the threshold %g is not above it: "
            "give a larger one)\n",
            chance, r->keys.value[KEY_threshold]);
}

/* "switched 5912.14   (p=0@attention=0.2)": when each switch of the schedule happened. */
static void describe_switches(const struct result *r, const struct schedule *schedule, struct text *out)
{
    char text[SCHEDULE_TEXT];
    for (size_t i = 0; i < schedule->n; i++) {
        const struct schedule one = {1, {schedule->list[i]}};
        if (isnan(r->switched[i]))
            text_addf(out, "  %-12s %14s   (%s)\n", "switched", "-", schedule_text(&one, text));
        else
            text_addf(out, "  %-12s %14.8g   (%s)\n", "switched", r->switched[i], schedule_text(&one, text));
    }
}

/* The step whose loss is a Transformer's final_loss; NaN for others. Where that evaluation is the first to show a
 * level, which takes two, the run's cap is the evaluation before. */
static double last_evaluation(const struct result *r)
{
    const double every = r->keys.value[KEY_eval_every];
    return r->keys.preset >= PRESET_REGRESSION ? floor(r->steps_done / every) * every : NAN;
}

static void describe(const struct result *r, struct text *out)
{
    const char *unit = r->keys.preset <= PRESET_TOY ? "time" : "steps";
    const double threshold = r->keys.value[KEY_threshold];
    const bool late = result_is_late(r, r->plateau);
    const double known = late ? NAN : r->plateau;
    char read_at[READING_TEXT], length[32];
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
    snprintf(length, sizeof length, late ? "<= %.8g" : "%.8g", late ? high : r->plateau);
    keys_describe(&r->keys, out);
    const double evaluated = last_evaluation(r);
    if (r->state == RUN_CENSORED && r->cap < evaluated)
        text_addf(out,
                  "\n  %-12s %14s   (longer than %g steps; loss %g at step %g, the first evaluation to show a level)\n",
                  "plateau", result_state_name(r->state), r->cap, r->final_loss, evaluated);
    else if (r->state != RUN_EMERGED)
        text_addf(out, "\n  %-12s %14s   (at %s %g, loss %g; not yet %s)\n", "plateau", result_state_name(r->state),
                  unit, r->cap, r->final_loss, reading_text(&r->keys, READING_OWN, read_at));
    else if (task_of(&r->keys)->rises)
        text_addf(out, "\n  %-12s %14s   (steps; to a test accuracy of %g)\n", "plateau", length, threshold);
    else
        text_addf(out, "\n  %-12s %14s   (%s; %s loss down to %g of the null loss %g)\n", "plateau", length, unit,
                  r->keys.value[KEY_loss] == LOSS_TRAIN ? "training" : "test", threshold, r->null_loss);
    describe_doubts(r, out);
    const struct schedule schedule = schedule_of(r->keys.value[KEY_schedule]);
    describe_switches(r, &schedule, out);
    if (schedule.n && r->keys.preset == PRESET_TOY)
        add_flow(out, r, known);
    else if (schedule.n) /* the formulas are for constant p and B */
        return;
    else if (r->keys.preset <= PRESET_TOY)
        describe_theory(r, known, out);
    else
        describe_transformer(r, known, out);
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
            describe(&b->waiting[b->printed], &out);
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
