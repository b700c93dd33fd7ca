#include "report.h"
#include "document.h"
#include <math.h>
#include <string.h>

enum { LARGEST_PICTURE = 16 << 20, CELL = 320 };

/* ---- the short answer ---- */

/* "0.31 % (0.44 %)": median and largest, in two digits. */
static void error_cell(double median, double largest, size_t n, char cell[CELL])
{
    if (n)
        snprintf(cell, CELL, "%.*f %% (%.*f %%)", median > 0.1 ? 0 : median > 0.01 ? 1 : 3, 100 * median,
                 largest > 0.1 ? 0 : largest > 0.01 ? 1 : 3, 100 * largest);
    else
        snprintf(cell, CELL, "-");
}

static void add_answer(struct document *d, const struct report *r)
{
    static const char *const heads[] = {"problems", "flows", "Eq. 6 (paper)", "asinh (paper)", "closed form", "quadrature", "toy runs", "SGD against flow"};
    document_heading(d, 2, "answer", "The short answer");
    document_paragraph(d, "How far from the measured plateau length is each prediction? Median error over the runs, largest in brackets: predictions "
                          "against the integrated flow (metric=full, zero start), and the toy model trained with all its parameters against the flow from the same start.");
    document_table(d, heads, sizeof heads / sizeof heads[0]);
    for (int g = 0; g < ACCURACY_GROUP_COUNT; g++) {
        char cells[8][CELL];
        double median, largest;
        size_t flows = 0, column = 2;
        snprintf(cells[0], CELL, "%s", accuracy_group_name((enum accuracy_group)g));
        for (int c = 0; c < ACCURACY_COLUMNS; c++) {
            size_t n = accuracy_of(r->accuracy, (enum accuracy_group)g, (enum accuracy_column)c, &median, &largest);
            flows = c != ACCURACY_toy && n > flows ? n : flows;
            if (c == ACCURACY_toy)
                snprintf(cells[column++], CELL, "%zu", n);
            error_cell(median, largest, n, cells[column++]);
        }
        snprintf(cells[1], CELL, "%zu", flows);
        struct document_cell row[8];
        for (int i = 0; i < 8; i++)
            row[i] = (struct document_cell){cells[i], NULL};
        document_row(d, "plain", row, 8);
    }
    document_table_end(d);
}

/* ---- claims ---- */

/* The verdict in words, with the corrected statement's own beside a known deviation, and what would decide an open one. */
static const char *verdict_cell(const struct claims *claims, const struct claim *c, char cell[CELL])
{
    const struct claim *corrected = compare_corrected(claims, c);
    const char *verdict = compare_verdict_name(c->verdict);
    if (c->verdict == VERDICT_REPRODUCED) {
        snprintf(cell, CELL, "%s", verdict);
        return "good";
    }
    if (c->verdict == VERDICT_INCONCLUSIVE) {
        snprintf(cell, CELL, "%s: %.200s", verdict, c->why);
        return "open";
    }
    if (corrected)
        snprintf(cell, CELL, "%s, known as %s; what holds instead, %s: %s", verdict, c->erratum, corrected->id, compare_verdict_name(corrected->verdict));
    else
        snprintf(cell, CELL, "%s%s%.200s", verdict, *c->why ? ": " : "", c->why);
    return compare_counts(claims, c) ? "bad" : "known";
}

/* "here": the estimate and how many runs it is from; a measure of flows of its own needs none. */
static void here_cell(const struct claim *c, struct text *here)
{
    compare_estimate(c, here);
    if (c->runs)
        text_addf(here, ", %zu run%s", c->runs, c->runs == 1 ? "" : "s");
}

static void add_claim(struct document *d, const struct claims *claims, const struct claim *c, bool with_figure)
{
    char statement[CELL + 128], verdict[CELL], anchor[40];
    struct text published = {0}, here = {0};
    compare_published(c, &published);
    here_cell(c, &here);
    const char *style = verdict_cell(claims, c, verdict);
    snprintf(anchor, sizeof anchor, "#fig-%s", c->figure);
    snprintf(statement, sizeof statement, "%s%s%s%s", c->statement, *c->grid ? " [own grid: " : "", c->grid, *c->grid ? "]" : "");
    struct document_cell cells[6], *next = cells;
    *next++ = (struct document_cell){c->id, NULL};
    if (with_figure)
        *next++ = (struct document_cell){*c->figure ? c->figure : "-", *c->figure ? anchor : NULL};
    *next++ = (struct document_cell){statement, NULL};
    *next++ = (struct document_cell){published.data ? published.data : "", NULL};
    *next++ = (struct document_cell){here.data ? here.data : "", NULL};
    *next++ = (struct document_cell){verdict, NULL};
    document_row(d, style, cells, (size_t)(next - cells));
    text_free(&published);
    text_free(&here);
}

static void add_verdicts(struct document *d, const struct report *r)
{
    static const char *const heads[] = {"claim", "figure", "statement", "published", "here", "verdict"};
    size_t n[3] = {0}, known = 0;
    for (size_t i = 0; i < r->claims->n; i++) {
        const struct claim *c = &r->claims->list[i];
        n[c->verdict]++;
        known += c->verdict == VERDICT_DEVIATES && !compare_counts(r->claims, c);
    }
    document_heading(d, 2, "verdicts", "Verdicts");
    document_paragraph(d, "Of %zu statements %zu are reproduced, %zu deviate (%zu of them known errata of the paper whose corrected statement is reproduced) and "
                          "%zu are inconclusive. Reproduced: the estimate is inside published \302\261 tolerance and its 95 %% half-width is at most the tolerance; "
                          "deviates: the interval misses that band. Where every one of several problems or runs counts, their range stands for the interval.",
                       r->claims->n, n[VERDICT_REPRODUCED], n[VERDICT_DEVIATES], known, n[VERDICT_INCONCLUSIVE]);
    document_table(d, heads, 6);
    for (size_t i = 0; i < r->claims->n; i++)
        add_claim(d, r->claims, &r->claims->list[i], true);
    document_table_end(d);
}

/* ---- figures ---- */

static enum status add_picture(struct document *d, const struct report *r, const struct report_figure *f)
{
    enum status rc = OK;
    char png[64], pdf[64], path[4096];
    struct text svg = {0};
    snprintf(png, sizeof png, "figures/fig%s.png", f->figure->name);
    snprintf(pdf, sizeof pdf, "figures/fig%s.pdf", f->figure->name);
    snprintf(path, sizeof path, "%.3900s/figures/fig%s.svg", r->folder, f->figure->name);
    if (d->html)
        TRY(text_read_file(path, LARGEST_PICTURE, &svg));
    document_picture(d, &svg, png, pdf, f->figure->title);
done:
    text_free(&svg);
    return rc;
}

static enum status add_figure(struct document *d, const struct report *r, const struct report_figure *f)
{
    static const char *const heads[] = {"claim", "statement", "published", "here", "verdict"};
    char anchor[40];
    bool any = false;
    snprintf(anchor, sizeof anchor, "fig-%s", f->figure->name);
    document_heading(d, 3, anchor, "Figure %s: %s", f->figure->name, f->figure->title);
    if (*f->problem) {
        document_paragraph(d, "Not drawn: %s", f->problem);
    } else {
        enum status rc = add_picture(d, r, f);
        if (rc != OK)
            return rc;
    }
    document_paragraph(d, "%s", f->figure->caption);
    for (size_t i = 0; i < r->claims->n; i++) {
        const struct claim *c = &r->claims->list[i];
        if (strcmp(c->figure, f->figure->name))
            continue;
        if (!any)
            document_table(d, heads, 5);
        any = true;
        add_claim(d, r->claims, c, false);
    }
    if (any)
        document_table_end(d);
    if (!*f->problem)
        document_paragraph(d, "Files: figures/fig%s.pdf, .svg, .png; the data are in the .csv and the drawing is in the .gp of that name.", f->figure->name);
    return OK;
}

/* ---- how it was made ---- */

static void add_made(struct document *d, const struct report *r)
{
    static const char *const heads[] = {"study", "runs", "made now", "seconds of work", "keys"}, *const fact_heads[] = {"what", "value"};
    document_heading(d, 2, "studies", "Studies (scale %s)", r->scale);
    document_table(d, heads, 5);
    for (size_t i = 0; i < r->n_studies; i++) {
        const struct report_study *s = &r->studies[i];
        char runs[32], made[32], seconds[32];
        snprintf(runs, sizeof runs, "%zu", s->runs);
        snprintf(made, sizeof made, "%zu", s->made);
        snprintf(seconds, sizeof seconds, "%.1f", s->seconds);
        document_row(d, "plain", (struct document_cell[]){{s->name, NULL}, {runs, NULL}, {made, NULL}, {seconds, NULL}, {s->keys.data ? s->keys.data : "", NULL}}, 5);
    }
    document_table_end(d);
    document_heading(d, 2, "manifest", "Manifest");
    document_table(d, fact_heads, 2);
    for (size_t i = 0; i < r->n_facts; i++)
        document_row(d, "plain", (struct document_cell[]){{r->facts[i].name, NULL}, {r->facts[i].value.data ? r->facts[i].value.data : "", NULL}}, 2);
    document_table_end(d);
}

static enum status compose(const struct report *r, struct document *d)
{
    enum status rc = OK;
    document_begin(d, "plateau: theory against simulation");
    document_heading(d, 1, NULL, "When does sparse attention emerge, and does theory say so?");
    document_paragraph(d, "The theory of \"The emergence of sparse attention: impact of data distribution and benefits of repetition\" (arXiv 2505.17863) against "
                          "this program's integrations and trainings, claim by claim. Numbers such as E8 are differences from the paper; docs/theory.md explains them.");
    add_answer(d, r);
    add_verdicts(d, r);
    document_heading(d, 2, "figures", "Figures");
    for (size_t i = 0; i < r->n_figures; i++)
        TRY(add_figure(d, r, &r->figures[i]));
    add_made(d, r);
    document_end(d);
    rc = text_status(&d->out);
done:
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

static enum status save(const struct report *r, const char *name, const struct text *content)
{
    char path[4096];
    enum status rc = text_status(content);
    snprintf(path, sizeof path, "%.4000s/%s", r->folder, name);
    return rc == OK ? text_write_file(path, content->data, content->length) : rc;
}

enum status report_write(const struct report *r)
{
    enum status rc = OK;
    struct document html = {.html = true}, markdown = {.html = false};
    struct text json = {0};
    TRY(compose(r, &html));
    TRY(compose(r, &markdown));
    manifest(r, &json);
    TRY(save(r, "manifest.json", &json));
    TRY(save(r, "report.md", &markdown.out));
    TRY(save(r, "index.html", &html.out));
done:
    document_free(&html);
    document_free(&markdown);
    text_free(&json);
    return rc;
}
