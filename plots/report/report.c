#include "plots/report/report.h"
#include "base/data.h"
#include "plots/figures/folder.h"
#include "plots/report/markup.h"
#include "plots/report/report_summary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_PICTURE = 16 << 20, LARGEST_STYLE = 1 << 20, CELL = 320 };

static const char *text_of(const struct text *t)
{
    return t->data ? t->data : "";
}

/* ---- claims ---- */

/* The verdict in words, with the corrected statement's own beside a known deviation, and what would decide an open
 * one. */
static const char *verdict_cell(const struct claims *claims, const struct claim *c, char cell[CELL])
{
    const struct claim *corrected = claim_corrected(claims, c);
    const char *verdict = claim_verdict_name(c->verdict);
    if (c->verdict == VERDICT_REPRODUCED) {
        snprintf(cell, CELL, "%s", verdict);
        return "good";
    }
    if (c->verdict == VERDICT_INCONCLUSIVE) {
        snprintf(cell, CELL, "%s: %.200s", verdict, c->why);
        return "open";
    }
    if (corrected)
        snprintf(cell, CELL, "%s, known as %s; what holds instead, %s: %s", verdict, c->erratum, corrected->id,
                 claim_verdict_name(corrected->verdict));
    else
        snprintf(cell, CELL, "%s%s%.200s", verdict, *c->why ? ": " : "", c->why);
    return claim_counts(claims, c) ? "bad" : "known";
}

/* "here": the estimate and how many runs it is from; a measure of flows of its own needs none. */
static void here_cell(const struct claim *c, struct text *here)
{
    claim_estimate(c, here);
    if (c->runs)
        text_addf(here, ", %zu run%s", c->runs, c->runs == 1 ? "" : "s");
    if (c->at > 0 && *c->read_at)
        text_addf(here, ", %s", c->read_at);
}

/* Is that figure in the report? */
static bool has_figure(const struct report *r, const char *name)
{
    bool any = false;
    for (size_t i = 0; i < r->n_figures; i++)
        any = any || (r->figures[i].shown && !strcmp(r->figures[i].figure->name, name));
    return any;
}

static void add_claim(struct markup *m, const struct report *r, const struct claim *c, bool with_figure)
{
    const struct claims *claims = r->claims;
    char statement[CELL + 128], verdict[CELL], anchor[40], detail[48];
    struct text published = {0}, here = {0};
    claim_published(c, &published);
    here_cell(c, &here);
    const char *style = verdict_cell(claims, c, verdict);
    snprintf(anchor, sizeof anchor, "#fig-%s", c->figure);
    snprintf(statement, sizeof statement, "%s%s%s%s", c->statement, *c->grid ? " [own grid: " : "", c->grid,
             *c->grid ? "]" : "");
    snprintf(detail, sizeof detail, "#claim-%s", c->id);
    struct markup_cell cells[6] = {{c->id, report_evidence_of(r->evidence, c->id) ? detail : NULL, 0},
                                   {verdict, NULL, (int)strlen(claim_verdict_name(c->verdict))},
                                   {statement, NULL, 0},
                                   {text_of(&published), NULL, 0},
                                   {text_of(&here), NULL, 0}};
    if (with_figure)
        cells[5] = (struct markup_cell){*c->figure ? c->figure : "-", has_figure(r, c->figure) ? anchor : NULL, 0};
    markup_row(m, style, cells, with_figure ? 6 : 5);
    text_free(&published);
    text_free(&here);
}

/* C before E, numbers as numbers, else the order of the file. */
static int by_id(const void *a, const void *b)
{
    const struct claim *x = *(const struct claim *const *)a, *y = *(const struct claim *const *)b;
    long n = strtol(x->id + (*x->id != 0), NULL, 10), m = strtol(y->id + (*y->id != 0), NULL, 10);
    return *x->id != *y->id ? *x->id - *y->id : n != m ? (n > m) - (n < m) : (x > y) - (x < y);
}

static enum status add_verdicts(struct markup *m, const struct report *r, bool ours)
{
    const struct claims *claims = r->claims;
    static const char *const heads[] = {"claim", "verdict", "statement", "expected", "here", "figure"};
    const struct claim **order = calloc(claims->n + 1, sizeof(struct claim *));
    size_t n = 0;
    if (!order)
        return error_set(ERR_MEMORY, "out of memory for %zu claims", claims->n);
    for (size_t i = 0; i < claims->n; i++) {
        if (!*claims->list[i].choice && report_summary_is_ours(&claims->list[i]) == ours)
            order[n++] = &claims->list[i];
    }
    qsort(order, n, sizeof(struct claim *), by_id);
    markup_heading(m, 3, ours ? "own" : "paper", ours ? "What this program's theory states" : "What the paper states");
    markup_table(m, heads, 6);
    for (size_t i = 0; i < n; i++)
        add_claim(m, r, order[i], true);
    markup_table_end(m);
    free(order);
    return OK;
}

/* ---- figures ---- */

static enum status add_picture(struct markup *m, const struct report *r, const struct report_figure *f)
{
    enum status rc = OK;
    char png[64], pdf[64], anchor[40], path[4096];
    struct text svg = {0};
    snprintf(png, sizeof png, "figures/fig%s.png", f->figure->name);
    snprintf(pdf, sizeof pdf, "figures/fig%s.pdf", f->figure->name);
    snprintf(anchor, sizeof anchor, "fig-%s", f->figure->name);
    snprintf(path, sizeof path, "%.3900s/figures/fig%s.svg", r->folder, f->figure->name);
    if (m->html)
        TRY(text_read_file(path, LARGEST_PICTURE, &svg));
    markup_picture(m, &svg, anchor, png, pdf, f->figure->title);
done:
    text_free(&svg);
    return rc;
}

static enum status add_figure(struct markup *m, const struct report *r, const struct report_figure *f)
{
    static const char *const heads[] = {"claim", "verdict", "statement", "expected", "here"};
    char anchor[40];
    bool any = false;
    snprintf(anchor, sizeof anchor, "fig-%s", f->figure->name);
    markup_heading(m, 3, anchor, "Figure %s: %s", f->figure->name, f->figure->title);
    if (*f->problem) {
        markup_paragraph(m, "Not drawn: %s", f->problem);
    } else {
        enum status rc = add_picture(m, r, f);
        if (rc != OK)
            return rc;
    }
    markup_paragraph(m, "%s", f->figure->caption);
    if (f->notes.length)
        markup_paragraph(m, "%.*s.", (int)strcspn(f->notes.data, "\n"), f->notes.data);
    for (size_t i = 0; i < r->claims->n; i++) {
        const struct claim *c = &r->claims->list[i];
        if (strcmp(c->figure, f->figure->name))
            continue;
        if (!any)
            markup_table(m, heads, 5);
        any = true;
        add_claim(m, r, c, false);
    }
    if (any)
        markup_table_end(m);
    if (!*f->problem)
        markup_paragraph(m,
                         "Files: figures/fig%s.pdf, .svg, .png; the data are in the .csv and the drawing is in the "
                         ".gp of that name.",
                         f->figure->name);
    return OK;
}

/* ---- what the verdicts rest on ---- */

static enum status add_details(struct markup *m, const struct report *r)
{
    static const char *const heads[] = {"claim", "verdict", "statement", "expected", "here", "figure"};
    size_t n = 0;
    if (!m->html)
        return OK;
    for (size_t i = 0; i < r->claims->n; i++) {
        const struct claim *c = &r->claims->list[i];
        const char *piece = report_evidence_of(r->evidence, c->id);
        char anchor[48];
        if (!piece)
            continue;
        if (!n++) {
            markup_heading(m, 2, "details", "What the verdicts rest on");
            markup_paragraph(m, "Claim by claim: the fitted line (solid) among the runs, beside one with the "
                                "exponent that was expected (dashed), and how far each run is from the fit; or the "
                                "value of each run, and the band in which it should be. Adjusted: each run moved "
                                "along the law to the mean of the other regressors. Runs that were cut off are lower "
                                "bounds, in the colour of the dashed line. Of many runs a few hundred are drawn. "
                                "Claims on a flow or on keys are computed from these alone and rest on no run.");
        }
        snprintf(anchor, sizeof anchor, "claim-%s", c->id);
        markup_heading(m, 3, anchor, "%s", c->id);
        markup_table(m, heads, 6);
        add_claim(m, r, c, true);
        markup_table_end(m);
        markup_html(m, piece);
    }
    return OK;
}

/* ---- how it was made ---- */

static void add_made(struct markup *m, const struct report *r)
{
    static const char *const heads[] = {"study", "runs", "made now", "seconds of work", "keys"}, *const fact_heads[] = {
                                                                                                     "what", "value"};
    markup_heading(m, 2, "studies", "Studies (scale %s)", r->scale);
    markup_table(m, heads, 5);
    for (size_t i = 0; i < r->n_studies; i++) {
        const struct report_study *s = &r->studies[i];
        char runs[32], made[32], seconds[32];
        snprintf(runs, sizeof runs, "%zu", s->runs);
        snprintf(made, sizeof made, "%zu", s->made);
        snprintf(seconds, sizeof seconds, "%.1f", s->seconds);
        markup_row(m, "plain",
                   (struct markup_cell[]){{s->name, NULL, 0},
                                          {runs, NULL, 0},
                                          {made, NULL, 0},
                                          {seconds, NULL, 0},
                                          {s->keys.data ? s->keys.data : "", NULL, 0}},
                   5);
    }
    markup_table_end(m);
    markup_heading(m, 2, "manifest", "Manifest");
    markup_table(m, fact_heads, 2);
    for (size_t i = 0; i < r->n_facts; i++)
        markup_row(m, "plain",
                   (struct markup_cell[]){{r->facts[i].name, NULL, 0},
                                          {r->facts[i].value.data ? r->facts[i].value.data : "", NULL, 0}},
                   2);
    markup_table_end(m);
}

/* The style sheet that comes with the program. */
static enum status read_style(struct text *style)
{
    char path[DATA_PATH];
    enum status rc = data_path("plots/report/report.css", path);
    return rc == OK ? text_read_file(path, LARGEST_STYLE, style) : rc;
}

static enum status compose(const struct report *r, struct markup *m)
{
    enum status rc = OK;
    struct text style = {0};
    TRY(read_style(&style));
    markup_begin(m, "plateau: theory against simulation", text_of(&style));
    markup_heading(m, 1, NULL, "When does sparse attention emerge, and does theory say so?");
    markup_paragraph(m, "The theory of \"The emergence of sparse attention: impact of data distribution and benefits "
                        "of repetition\" (arXiv 2505.17863) against this program's integrations and trainings, claim "
                        "by claim. Numbers such as E8 are differences from the paper; doc/theory.md explains them.");
    TRY(report_summary_add(m, r));
    markup_heading(m, 2, "verdicts", "Verdicts");
    markup_paragraph(m,
                     "Reproduced: the estimate is inside expected \302\261 tolerance and its 95 %% half-width is "
                     "at most the tolerance; deviates: the interval misses that band; else inconclusive. Where "
                     "every one of several problems or runs counts, their range stands for the interval. Lengths are "
                     "read at 0.2 of the null loss (recall: half way from 1/pairs to 1) where nothing else is "
                     "said.");
    TRY(add_verdicts(m, r, false));
    TRY(add_verdicts(m, r, true));
    markup_heading(m, 2, "figures", "Figures");
    for (size_t i = 0; i < r->n_figures; i++) {
        if (r->figures[i].shown)
            TRY(add_figure(m, r, &r->figures[i]));
    }
    TRY(add_details(m, r));
    add_made(m, r);
    markup_end(m);
    rc = text_status(&m->out);
done:
    text_free(&style);
    return rc;
}

static void manifest(const struct report *r, struct text *out)
{
    text_add(out, "{\n  \"scale\": ");
    text_add_json(out, r->scale);
    for (size_t i = 0; i < r->n_facts; i++) {
        text_add(out, ",\n  ");
        text_add_json(out, r->facts[i].name);
        text_add(out, ": ");
        text_add_json(out, r->facts[i].value.data ? r->facts[i].value.data : "");
    }
    text_add(out, ",\n  \"studies\": [");
    for (size_t i = 0; i < r->n_studies; i++) {
        const struct report_study *s = &r->studies[i];
        text_add(out, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
        text_add_json(out, s->name);
        text_addf(out, ", \"runs\": %zu, \"made\": %zu, \"seconds\": %.3f, \"keys\": ", s->runs, s->made, s->seconds);
        text_add_json(out, s->keys.data ? s->keys.data : "");
        text_add(out, "}");
    }
    text_add(out, "\n  ]\n}\n");
}

enum status report_write(const struct report *r)
{
    enum status rc = OK;
    struct markup html = {.html = true}, markdown = {.html = false};
    struct text json = {0};
    struct folder folder = {.fd = -1};
    TRY(compose(r, &html));
    TRY(compose(r, &markdown));
    manifest(r, &json);
    TRY(folder_open(r->folder, &folder));
    TRY(folder_write(&folder, "manifest.json", &json));
    TRY(folder_write(&folder, "report.md", &markdown.out));
    TRY(folder_write(&folder, "index.html", &html.out));
done:
    folder_close(&folder);
    markup_free(&html);
    markup_free(&markdown);
    text_free(&json);
    return rc;
}
