/* plateau reproduce: studies -> runs -> verdicts -> figures -> report, all in one folder; what is there already is not
 * made again.
 *
 * The paper has two parts, the theory and the Transformers. They go the same way one after the other, and each ends
 * with the report of what is there: the theory's takes two minutes and can be read while the Transformers train.
 *
 * plateau report: the last steps alone, verdicts, figures and report of a database as it is; no run is made. */
#include "cli/cli.h"
#include "store/archive.h"
#include "base/data.h"
#include "cli/manifest.h"
#include "base/progress.h"
#include "parallel/ranks.h"
#include "plots/report/report.h"
#include "parallel/stop.h"
#include "study/sweep.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STUDIES = 64, PARTS = FIGURE_TRANSFORMER + 1 };
static const char *const part_names[PARTS] = {[FIGURE_THEORY] = "theory", [FIGURE_TRANSFORMER] = "transformers"};

struct reproduction {
    const struct arguments *a;
    const char *folder;
    enum scale scale;
    enum figure_part part; /* which is being made; those before it are done */
    double begin;          /* clock */
    bool as_it_is;         /* report: no study is run */
    struct store *store;
    struct claims claims;            /* that are shown */
    struct report_evidence evidence; /* of these */
    struct report_figure *figures;   /* owned: all of the table */
    struct report_study studies[STUDIES];
    size_t n_studies, n_run; /* the first n_run were run, the others only belong to what is shown */
    size_t n_missing;        /* runs that failed .. */
    struct text missing;     /* .. owned: "study NAME: KEYS: why", each on a line */
    struct prediction_error errors;
    enum status drawn; /* the first figure that failed, and why */
    char problem[512];
};

/* Asked for by the words of the command line: its name, that of its part, `all`, or no word. figure "": of no
 * figure. */
static bool asked(const struct reproduction *r, const char *figure, enum figure_part part)
{
    const struct figure *named;
    if (r->as_it_is)
        return true;
    for (size_t i = 0; i < r->a->n_files; i++) {
        const char *word = r->a->files[i];
        if (!strcmp(word, "all") || !strcmp(word, part_names[part]) ||
            (figure_find(word, &named) == OK && !strcmp(named->name, figure)))
            return true;
    }
    return r->a->n_files == 0;
}

static enum status check_words(const struct reproduction *r)
{
    const struct figure *figure;
    for (size_t i = 0; i < r->a->n_files; i++) {
        const char *word = r->a->files[i];
        bool group = !strcmp(word, "all") || !strcmp(word, part_names[FIGURE_THEORY]) ||
                     !strcmp(word, part_names[FIGURE_TRANSFORMER]);
        enum status rc = group ? OK : figure_find(word, &figure);
        if (rc == OK && !group && !figure->study)
            rc = error_set(ERR_INPUT, "%s: it shows the runs of any database: `plateau figure %s F.db`", word,
                           figure->name);
        if (rc != OK)
            return error_prefix(rc, "reproduce: theory, transformers or figures");
    }
    return OK;
}

/* To be made by now: asked for, and of this part or one before. */
static bool wanted(const struct reproduction *r, const char *figure, enum figure_part part)
{
    return part <= r->part && asked(r, figure, part);
}

/* Only figures that are wanted are run and drawn; the others are shown if their pictures are there from before. As it
 * is: those of which the database has the runs. */
static enum status choose_figures(struct reproduction *r)
{
    enum status rc = OK;
    for (size_t i = 0; i < figure_count(); i++) {
        char picture[DATA_PATH];
        const struct figure *f = r->figures[i].figure = figure_at(i);
        snprintf(picture, sizeof picture, "%.3900s/figures/fig%s.svg", r->folder, f->name);
        r->figures[i].shown = wanted(r, f->name, f->part) || access(picture, R_OK) == 0;
        if (r->as_it_is)
            TRY(figure_ready(r->store, f, &r->figures[i].shown));
    }
done:
    return rc;
}

/* That of its figure. Without a figure: a claim that needs no runs is the theory's. */
static enum figure_part part_of(const struct claim *c)
{
    const struct figure *figure;
    if (*c->figure && figure_find(c->figure, &figure) == OK)
        return figure->part;
    return *c->study ? FIGURE_TRANSFORMER : FIGURE_THEORY;
}

/* With its figure; without one, if its whole part is shown. */
static bool shown(const struct reproduction *r, const struct claim *c)
{
    bool whole = true;
    for (size_t i = 0; i < figure_count(); i++) {
        const struct report_figure *f = &r->figures[i];
        if (!strcmp(f->figure->name, c->figure))
            return f->shown;
        whole = whole && (f->shown || f->figure->part != part_of(c));
    }
    return whole && !*c->figure;
}

/* The claims that bear on the figures shown, and the corrected statements that they lead to; the user's own, all of
 * them. */
static enum status choose_claims(struct reproduction *r)
{
    size_t kept = 0;
    claim_free(&r->claims);
    enum status rc = claim_read(r->a->claims, &r->claims);
    struct claim *list = r->claims.list;
    for (size_t i = 0; i < r->claims.n; i++) {
        bool keep = r->a->claims || r->as_it_is || shown(r, &list[i]);
        for (size_t j = 0; j < r->claims.n && !keep; j++)
            keep = shown(r, &list[j]) && !strcmp(list[j].corrected, list[i].id);
        list[i].line = keep; /* the list is still whole here: mark, then drop */
    }
    for (size_t i = 0; i < r->claims.n; i++) {
        if (list[i].line)
            list[kept++] = list[i];
    }
    r->claims.n = kept;
    return rc;
}

/* What a sweep that went to its end could not make is noted, and said at the end; the others go on. */
static enum status note_missing(struct reproduction *r, struct report_study *study, const struct sweep_report *made)
{
    for (const char *line = made->missing.data; line && *line; line += strcspn(line, "\n") + 1)
        text_addf(&r->missing, "study %s: %.*s\n", study->name, (int)strcspn(line, "\n"), line);
    text_addf(&study->keys, " (%zu of these runs failed and are missing)", made->failed);
    r->n_missing += made->failed;
    return text_status(&r->missing);
}

/* Notes the study for the report; runs it if `run`. */
static enum status run_study(struct reproduction *r, const char *name, bool run)
{
    enum status rc = OK;
    struct study study = {0};
    struct sweep_report made = {0};
    char path[DATA_PATH], file[128];
    for (size_t i = 0; i < r->n_studies; i++) {
        if (!strcmp(r->studies[i].name, name))
            return OK;
    }
    if (r->n_studies == STUDIES)
        return error_set(ERR_INPUT, "%s: more than %d studies", name, STUDIES);
    struct report_study *entry = &r->studies[r->n_studies++];
    *entry = (struct report_study){0};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    snprintf(file, sizeof file, "validation/studies/%.80s.yaml", name);
    TRY(data_path(file, path));
    TRY(study_read(path, r->scale, &study));
    for (size_t b = 0; b < study.n_blocks; b++) {
        text_add(&entry->keys, b ? "; " : "");
        grid_describe(&study.blocks[b], &entry->keys);
    }
    TRY(text_status(&entry->keys));
    double begin = progress_clock();
    if (run)
        TRY(cli_plan(r->a, r->store, &study));
    if (run)
        rc = sweep_run(&study, r->store, r->a->jobs, r->a->quiet, &made);
    entry->made = made.done;
    if (run && !r->a->quiet)
        fprintf(stderr, "study %s: %zu runs, %zu made now in %.1f s\n", name, made.total, made.done,
                progress_clock() - begin);
    if (made.failed && made.done + made.skipped + made.failed == made.total)
        rc = note_missing(r, entry, &made);
    TRY(rc);
    TRY(store_total(r->store, &(struct store_filter){.study = name}, &entry->runs, &entry->seconds));
done:
    text_free(&made.missing);
    study_free(&study);
    return rc;
}

static enum status run_both(struct reproduction *r, const char *first, const char *second, bool run)
{
    enum status rc = *first ? run_study(r, first, run) : OK;
    return rc == OK && second ? run_study(r, second, run) : rc;
}

/* What is wanted first, so that a study that others share is run. */
static enum status run_studies(struct reproduction *r)
{
    enum status rc = OK;
    while (r->n_studies > r->n_run)
        text_free(&r->studies[--r->n_studies].keys);
    for (int run = !r->as_it_is; run >= 0; run--) {
        for (size_t i = 0; i < figure_count() && rc == OK; i++) {
            const struct figure *f = r->figures[i].figure;
            if (r->figures[i].shown && (r->as_it_is || wanted(r, f->name, f->part) == run))
                rc = run_both(r, f->study, f->second, run);
        }
        for (size_t i = 0; i < r->claims.n && rc == OK; i++) {
            const struct claim *c = &r->claims.list[i];
            if (!r->as_it_is && wanted(r, c->figure, part_of(c)) == run)
                rc = run_both(r, c->study, NULL, run);
        }
        r->n_run = run ? r->n_studies : r->n_run;
    }
    return rc;
}

/* The part's figures. One that cannot be drawn is said to be missing, in the report and in the exit code; the others
 * are drawn. */
static enum status draw_figures(struct reproduction *r)
{
    char folder[DATA_PATH];
    snprintf(folder, sizeof folder, "%.4000s/figures", r->folder);
    enum status rc = text_make_folder(folder);
    for (size_t i = 0; i < figure_count() && rc == OK && !*stop_reason(); i++) {
        struct report_figure *f = &r->figures[i];
        if (r->as_it_is ? !f->shown : f->figure->part != r->part || !wanted(r, f->figure->name, r->part))
            continue;
        text_clear(&f->notes);
        enum status drawn = figure_draw(
            r->store, &(struct figure_request){.name = f->figure->name, .folder = folder, .notes = &f->notes});
        if (drawn == OK)
            continue;
        snprintf(f->problem, sizeof f->problem, "%s", error_message());
        fprintf(stderr, "plateau: %s\n", f->problem); /* which begins with the figure's name */
        if (r->drawn == OK)
            snprintf(r->problem, sizeof r->problem, "%s", f->problem);
        r->drawn = r->drawn == OK ? drawn : r->drawn;
    }
    return rc == OK && *stop_reason() ? stop_error("every finished run is saved in %s", r->folder) : rc;
}

static enum status write_report(struct reproduction *r)
{
    enum status rc = OK;
    struct report_fact facts[MANIFEST_FACTS];
    struct report report = {.folder = r->folder,
                            .scale = study_scale_name(r->scale),
                            .claims = &r->claims,
                            .evidence = &r->evidence,
                            .errors = &r->errors,
                            .figures = r->figures,
                            .n_figures = figure_count(),
                            .studies = r->studies,
                            .n_studies = r->n_studies,
                            .facts = facts};
    report.n_facts = manifest_collect(facts, progress_clock() - r->begin);
    prediction_error_free(&r->errors);
    TRY(store_each(r->store, NULL, prediction_error_add, &r->errors));
    TRY(report_write(&report));
done:
    for (size_t i = 0; i < report.n_facts; i++)
        text_free(&facts[i].value);
    return rc;
}

static enum status judge(struct reproduction *r)
{
    report_evidence_free(&r->evidence);
    return judge_claims(r->store, &r->claims, report_evidence_add, &r->evidence);
}

/* The whole pipeline, for one part of the paper. */
static enum status make_part(struct reproduction *r, enum figure_part part)
{
    enum status rc = OK;
    r->part = part;
    TRY(choose_figures(r)); /* what was asked for, .. */
    TRY(choose_claims(r));  /* .. and what bears on it */
    TRY(run_studies(r));    /* studies -> runs, in the store */
    TRY(judge(r));          /* runs -> fits -> verdicts */
    TRY(draw_figures(r));   /* runs -> figures */
    TRY(write_report(r));   /* verdicts, figures and what they rest on -> report */
done:
    return rc;
}

/* True if anything of the part is asked for. */
static bool asked_of(const struct reproduction *r, enum figure_part part)
{
    bool any = asked(r, "", part);
    for (size_t i = 0; i < figure_count(); i++)
        any = any || (figure_at(i)->part == part && asked(r, figure_at(i)->name, part));
    return any;
}

static enum status make_all(struct reproduction *r)
{
    enum status rc = OK;
    for (int i = 0; i < PARTS && rc == OK; i++) {
        const enum figure_part part = (enum figure_part)i;
        if (!asked_of(r, part))
            continue;
        rc = make_part(r, part);
        if (rc == OK && part == FIGURE_THEORY && asked_of(r, FIGURE_TRANSFORMER) && !r->a->quiet)
            fprintf(stderr,
                    "%s/index.html: the theory's part is there, %.0f s; the Transformers follow. "
                    "Ctrl-C keeps what is done\n",
                    r->folder, progress_clock() - r->begin);
    }
    return rc;
}

static enum status prepare(struct reproduction *r)
{
    enum status rc = OK;
    char path[DATA_PATH];
    TRY(study_scale(r->a->scale ? r->a->scale : "quick", &r->scale));
    TRY(check_words(r)); /* before a folder is made */
    TRY(claim_read(r->a->claims, &r->claims));
    REQUIRE(r->figures = calloc(figure_count(), sizeof *r->figures), ERR_MEMORY, "out of memory for the figures");
    TRY(text_make_folder(r->folder));
    snprintf(path, sizeof path, "%.4000s/plateau.db", r->folder);
    TRY(store_open(path, STORE_WRITE, r->a->command_line, &r->store));
done:
    return rc;
}

/* What came of it, in a line and in the exit code. */
static enum status conclude(const struct reproduction *r)
{
    enum status rc = OK;
    size_t deviations = 0, figures = 0, missing = 0;
    for (size_t i = 0; i < r->claims.n; i++)
        deviations += claim_counts(&r->claims, &r->claims.list[i]);
    for (size_t i = 0; i < figure_count(); i++) {
        figures += r->figures[i].shown;
        missing += *r->figures[i].problem != '\0';
    }
    if (!r->a->quiet)
        fprintf(stderr, "%s/index.html: claims %zu, figures %zu, %.0f s\n", r->folder, r->claims.n, figures,
                progress_clock() - r->begin);
    if (r->missing.length)
        fprintf(stderr, "missing runs:\n%s", r->missing.data);
    REQUIRE(!r->n_missing, ERR_PROGRAM, "%zu runs are missing, which failed; the same command makes what is missing",
            r->n_missing);
    REQUIRE(!missing, r->drawn, "%zu of %zu figures were not drawn: %s", missing, figures, r->problem);
    REQUIRE(!r->a->strict || !deviations, ERR_DEVIATES, "%zu of %zu claims deviate", deviations, r->claims.n);
done:
    return rc;
}

static void reproduction_free(struct reproduction *r)
{
    for (size_t i = 0; i < r->n_studies; i++)
        text_free(&r->studies[i].keys);
    text_free(&r->missing);
    for (size_t i = 0; r->figures && i < figure_count(); i++)
        text_free(&r->figures[i].notes);
    free(r->figures);
    prediction_error_free(&r->errors);
    report_evidence_free(&r->evidence);
    claim_free(&r->claims);
    store_close(r->store);
}

enum status command_reproduce(const struct arguments *a)
{
    enum status rc = OK;
    struct reproduction r = {.a = a, .folder = a->out ? a->out : "report", .begin = progress_clock()};
    REQUIRE(!a->n_assignments, ERR_INPUT, "reproduce: takes figures and a scale, no keys; `plateau sweep` takes keys");
    rc = ranks_alone();
    if (rc != OK)
        return error_prefix(rc, "reproduce");
    TRY(prepare(&r));
    stop_on_signals();
    TRY(make_all(&r));
    TRY(conclude(&r));
done:
    reproduction_free(&r);
    return rc;
}

enum status command_report(const struct arguments *a)
{
    enum status rc = OK;
    struct reproduction r = {.a = a,
                             .folder = a->out ? a->out : "report",
                             .begin = progress_clock(),
                             .as_it_is = true,
                             .scale = SCALE_PAPER};
    REQUIRE(a->n_files == 1, ERR_INPUT, "report: needs one database (`plateau help report`)");
    REQUIRE(r.figures = calloc(figure_count(), sizeof *r.figures), ERR_MEMORY, "out of memory for the figures");
    TRY(archive_open(a->files[0], &r.store));
    TRY(text_make_folder(r.folder));
    stop_on_signals();
    TRY(make_part(&r, FIGURE_TRANSFORMER));
    TRY(conclude(&r));
done:
    reproduction_free(&r);
    return rc;
}
