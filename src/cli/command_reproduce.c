/* plateau reproduce: studies -> runs -> verdicts -> figures -> report, all in one folder; what is there already is not made again. */
#include "cli.h"
#include "data.h"
#include "facts.h"
#include "pool.h"
#include "progress.h"
#include "report.h"
#include "sweep.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STUDIES = 64 };

struct reproduction {
    const struct arguments *a;
    const char *folder;
    enum scale scale;
    struct store *store;
    struct claims claims;
    struct report_figure *figures; /* owned */
    size_t n_figures;
    struct report_study studies[STUDIES];
    size_t n_studies;
    struct accuracy accuracy;
};

/* No name, or `all`: everything. */
static bool wants_all(const struct reproduction *r)
{
    return r->a->n_files == 0 || (r->a->n_files == 1 && !strcmp(r->a->files[0], "all"));
}

static bool wanted(const struct reproduction *r, const char *figure)
{
    const struct figure *asked;
    for (size_t i = 0; i < r->a->n_files && !wants_all(r); i++) {
        if (figure_find(r->a->files[i], &asked) == OK && !strcmp(asked->name, figure))
            return true;
    }
    return wants_all(r);
}

/* All figures; only those asked for are run and drawn, the others are shown if their pictures are there from before. */
static enum status choose_figures(struct reproduction *r)
{
    enum status rc = OK;
    const struct figure *figure;
    for (size_t i = 0; i < r->a->n_files && !wants_all(r); i++)
        TRY(figure_find(r->a->files[i], &figure));
    r->figures = calloc(figure_count() + 1, sizeof *r->figures);
    REQUIRE(r->figures, ERR_MEMORY, "out of memory for the figures");
    for (size_t i = 0; i < figure_count(); i++) {
        char picture[DATA_PATH];
        figure = figure_at(i);
        snprintf(picture, sizeof picture, "%.3900s/figures/fig%s.svg", r->folder, figure->name);
        if (wanted(r, figure->name) || access(picture, R_OK) == 0)
            r->figures[r->n_figures++].figure = figure;
    }
done:
    return rc;
}

static bool shown(const struct reproduction *r, const char *figure)
{
    for (size_t i = 0; i < r->n_figures; i++) {
        if (!strcmp(r->figures[i].figure->name, figure))
            return true;
    }
    return r->n_figures == figure_count();
}

/* The claims that bear on the figures shown (all of them: every claim), and the corrected statements that they lead to. */
static void choose_claims(struct reproduction *r)
{
    size_t kept = 0;
    struct claim *list = r->claims.list;
    for (size_t i = 0; i < r->claims.n; i++) {
        bool keep = r->a->claims || shown(r, list[i].figure);
        for (size_t j = 0; j < r->claims.n && !keep; j++)
            keep = shown(r, list[j].figure) && !strcmp(list[j].corrected, list[i].id);
        list[i].line = keep; /* the list is still whole here: mark, then drop */
    }
    for (size_t i = 0; i < r->claims.n; i++) {
        if (list[i].line)
            list[kept++] = list[i];
    }
    r->claims.n = kept;
}

/* How many runs a study has, and what they took, whenever they were made. */
static enum status add_row(void *entry, const struct store_row *row)
{
    struct report_study *study = entry;
    study->runs++;
    study->seconds += isnan(row->result.wall_s) ? 0 : row->result.wall_s;
    return OK;
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
        rc = sweep_run(&study, r->store, r->a->jobs, r->a->quiet, &made);
    entry->made = made.done;
    if (run && !r->a->quiet)
        fprintf(stderr, "study %s: %zu runs, %zu made now in %.1f s\n", name, made.total, made.done, progress_clock() - begin);
    TRY(rc);
    TRY(store_each(r->store, &(struct store_filter){.study = name}, add_row, entry));
done:
    study_free(&study);
    return rc;
}

static enum status run_studies(struct reproduction *r, const char *first, const char *second, bool run)
{
    enum status rc = *first ? run_study(r, first, run) : OK;
    return rc == OK && second ? run_study(r, second, run) : rc;
}

/* What is asked for first, so that a study that others share is run. */
static enum status run_all(struct reproduction *r)
{
    enum status rc = OK;
    for (int run = 1; run >= 0; run--) {
        for (size_t i = 0; i < r->n_figures && rc == OK; i++) {
            const struct figure *f = r->figures[i].figure;
            if (wanted(r, f->name) == run)
                rc = run_studies(r, f->study, f->second, run);
        }
        for (size_t i = 0; i < r->claims.n && rc == OK; i++) {
            if (wanted(r, r->claims.list[i].figure) == run)
                rc = run_studies(r, r->claims.list[i].study, NULL, run);
        }
    }
    return rc;
}

/* A figure that cannot be drawn is said to be missing, in the report and in the exit code; the others are drawn. */
static enum status draw_all(struct reproduction *r)
{
    enum status worst = OK;
    char folder[DATA_PATH], first[256] = "";
    size_t missing = 0;
    snprintf(folder, sizeof folder, "%.4000s/figures", r->folder);
    enum status rc = text_make_folder(folder);
    for (size_t i = 0; i < r->n_figures && rc == OK && !*pool_stop(); i++) {
        struct report_figure *f = &r->figures[i];
        if (!wanted(r, f->figure->name))
            continue;
        enum status drawn = figure_draw(r->store, f->figure->name, folder, NULL);
        if (drawn == OK)
            continue;
        snprintf(f->problem, sizeof f->problem, "%s", error_message());
        fprintf(stderr, "plateau: %s\n", f->problem); /* which begins with the figure's name */
        if (!missing++)
            snprintf(first, sizeof first, "%s", f->problem);
        worst = drawn;
    }
    if (rc == OK && *pool_stop())
        return error_set(ERR_INTERRUPTED, "interrupted: every finished run is saved in %s", r->folder);
    return missing && rc == OK ? error_set(worst, "%zu of %zu figures were not drawn: %s", missing, r->n_figures, first) : rc;
}

static enum status write_report(struct reproduction *r, double begin)
{
    enum status rc = OK;
    struct report_fact facts[FACTS];
    struct report report = {.folder = r->folder, .scale = study_scale_name(r->scale), .claims = &r->claims, .accuracy = &r->accuracy,
                            .figures = r->figures, .n_figures = r->n_figures, .studies = r->studies, .n_studies = r->n_studies, .facts = facts};
    report.n_facts = facts_collect(facts, progress_clock() - begin);
    TRY(store_each(r->store, NULL, accuracy_add, &r->accuracy));
    TRY(report_write(&report));
done:
    for (size_t i = 0; i < report.n_facts; i++)
        text_free(&facts[i].value);
    return rc;
}

static enum status prepare(struct reproduction *r)
{
    enum status rc = OK;
    char path[DATA_PATH];
    TRY(study_scale(r->a->scale ? r->a->scale : "quick", &r->scale));
    TRY(choose_figures(r)); /* before a folder is made */
    if (!r->a->claims)
        TRY(data_path("validation/claims.yaml", path));
    TRY(compare_read(r->a->claims ? r->a->claims : path, &r->claims));
    choose_claims(r);
    TRY(text_make_folder(r->folder));
    snprintf(path, sizeof path, "%.4000s/plateau.db", r->folder);
    TRY(store_open(path, STORE_WRITE, r->a->command_line, &r->store));
done:
    return rc;
}

enum status command_reproduce(const struct arguments *a)
{
    enum status rc = OK, drawn = OK;
    double begin = progress_clock();
    size_t deviations = 0;
    struct reproduction r = {.a = a, .folder = a->out ? a->out : "report"};
    char problem[512] = "";
    REQUIRE(!a->n_assignments, ERR_INPUT, "reproduce: takes figures and a scale, no keys; `plateau sweep` takes keys");
    TRY(prepare(&r));
    pool_catch_signals();
    TRY(run_all(&r));
    TRY(compare_run(r.store, &r.claims));
    drawn = draw_all(&r);
    if (drawn == ERR_INTERRUPTED)
        TRY(drawn);
    snprintf(problem, sizeof problem, "%s", drawn == OK ? "" : error_message());
    TRY(write_report(&r, begin));
    for (size_t i = 0; i < r.claims.n; i++)
        deviations += compare_counts(&r.claims, &r.claims.list[i]);
    if (!a->quiet)
        fprintf(stderr, "%s/index.html: claims %zu, figures %zu, %.0f s\n", r.folder, r.claims.n, r.n_figures, progress_clock() - begin);
    REQUIRE(drawn == OK, drawn, "%s", problem);
    REQUIRE(!a->strict || !deviations, ERR_DEVIATES, "%zu of %zu claims deviate", deviations, r.claims.n);
done:
    for (size_t i = 0; i < r.n_studies; i++)
        text_free(&r.studies[i].keys);
    free(r.figures);
    accuracy_free(&r.accuracy);
    compare_free(&r.claims);
    store_close(r.store);
    return rc;
}
