#include "report.h"
#include "document.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_PICTURE = 16 << 20, CELL = 320 };

static const char *text_of(const struct text *t)
{
    return t->data ? t->data : "";
}

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

static bool is_ours(const struct claim *c)
{
    return !strncmp(c->source, "docs/", 5);
}

/* How many claims of the paper (ours: of docs/theory.md) there are of each verdict, and how many deviations are known ones. */
struct tally {
    size_t all, verdicts[3], known;
};

static struct tally count(const struct claims *claims, bool ours)
{
    struct tally t = {0};
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i];
        if (is_ours(c) != ours)
            continue;
        t.all++;
        t.verdicts[c->verdict]++;
        t.known += c->verdict == VERDICT_DEVIATES && !compare_counts(claims, c);
    }
    return t;
}

/* "3.7 times" or "0.012 %" */
static const char *miss(double error, char text[32])
{
    snprintf(text, 32, error >= 0.995 ? "%.1f times its length" : error > 0.01 ? "%.1f %%" : "%.2g %%", error >= 0.995 ? error : 100 * error);
    return text;
}

/* Are any figures of that part shown? */
static bool has_part(const struct report *r, enum figure_part part)
{
    bool any = false;
    for (size_t i = 0; i < r->n_figures; i++)
        any = any || (r->figures[i].shown && r->figures[i].figure->part == part);
    return any;
}

/* The sentences at the top: what holds, from the verdicts, and how well the time is predicted, from all runs. */
static void add_sentences(struct document *d, const struct report *r)
{
    struct tally paper = count(r->claims, false), ours = count(r->claims, true);
    double eq6, closed, quadrature, toy, largest;
    char a[32], b[32], c[32], e[32];
    size_t flows = accuracy_of(r->accuracy, ACCURACY_SINGLE, ACCURACY_quadrature, &quadrature, &largest);
    document_paragraph(d, "Of %zu statements of the paper %zu are reproduced, %zu deviate (%zu of them because of a known error, and what holds instead is "
                          "reproduced) and %zu are open at this scale. Of %zu statements of this program's own theory, %zu are reproduced.",
                       paper.all, paper.verdicts[VERDICT_REPRODUCED], paper.verdicts[VERDICT_DEVIATES], paper.known,
                       paper.verdicts[VERDICT_INCONCLUSIVE], ours.all, ours.verdicts[VERDICT_REPRODUCED]);
    accuracy_of(r->accuracy, ACCURACY_SINGLE, ACCURACY_eq6, &eq6, &largest);
    accuracy_of(r->accuracy, ACCURACY_SINGLE, ACCURACY_closed, &closed, &largest);
    if (flows)
        document_paragraph(d, "When attention emerges without repetition (%zu flows with B = 1, p = 0): the paper's Eq. 6 misses the plateau by %s in the "
                              "median, the closed form by %s, the quadrature by %s.", flows, miss(eq6, a), miss(closed, b), miss(quadrature, c));
    size_t runs = accuracy_of(r->accuracy, ACCURACY_SINGLE, ACCURACY_toy, &toy, &largest);
    if (runs)
        document_paragraph(d, "The model itself, all its parameters trained by SGD, emerges when the reduced flow from the same start says, to %s in the "
                              "median of %zu runs.", miss(toy, e), runs);
    if (!has_part(r, FIGURE_TRANSFORMER))
        document_paragraph(d, "This report does not hold the Transformers (yet): `plateau reproduce` trains them after the theory's part and then writes "
                              "it again, `plateau reproduce transformers` trains them alone.");
}

/* Statements of the paper that deviate, beside what holds. */
static void add_failures(struct document *d, const struct claims *claims)
{
    static const char *const heads[] = {"the paper says", "expected", "here", "what holds instead", "here"};
    if (!count(claims, false).verdicts[VERDICT_DEVIATES])
        return;
    document_heading(d, 3, "errata", "What does not hold, and what holds instead");
    document_table(d, heads, 5);
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i], *instead = compare_corrected(claims, c);
        if (c->verdict != VERDICT_DEVIATES || is_ours(c))
            continue;
        struct text cells[3] = {{0}};
        char says[CELL];
        snprintf(says, sizeof says, "%s%s%s%s", c->statement, *c->erratum ? " (" : "", c->erratum, *c->erratum ? ")" : "");
        compare_published(c, &cells[0]);
        compare_estimate(c, &cells[1]);
        if (instead)
            compare_estimate(instead, &cells[2]);
        document_row(d, "plain", (struct document_cell[]){{says, NULL}, {text_of(&cells[0]), NULL}, {text_of(&cells[1]), NULL},
                     {instead ? instead->statement : "-", NULL}, {text_of(&cells[2]), NULL}}, 5);
        for (int k = 0; k < 3; k++)
            text_free(&cells[k]);
    }
    document_table_end(d);
}

static void add_accuracy(struct document *d, const struct report *r)
{
    static const char *const heads[] = {"problems", "flows", "Eq. 6 (paper)", "asinh (paper)", "closed form", "quadrature", "SGD runs", "SGD"};
    document_heading(d, 3, "accuracy", "How far each prediction is off");
    document_paragraph(d, "Median error over the runs, largest in brackets. Predictions of the plateau length against the integrated flow of the stated model "
                          "from the zero start; asinh is the escape time that Eq. 6 approximates; the closed form and the quadrature are this program's "
                          "plateau law. The model trained by SGD against the flow from its own start.");
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
    struct document_cell cells[6] = {{c->id, NULL}, {verdict, NULL}, {statement, NULL}, {text_of(&published), NULL}, {text_of(&here), NULL}};
    if (with_figure)
        cells[5] = (struct document_cell){*c->figure ? c->figure : "-", *c->figure ? anchor : NULL};
    document_row(d, style, cells, with_figure ? 6 : 5);
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

static enum status add_verdicts(struct document *d, const struct claims *claims, bool ours)
{
    static const char *const heads[] = {"claim", "verdict", "statement", "expected", "here", "figure"};
    const struct claim **order = calloc(claims->n + 1, sizeof(struct claim *));
    size_t n = 0;
    if (!order)
        return error_set(ERR_MEMORY, "out of memory for %zu claims", claims->n);
    for (size_t i = 0; i < claims->n; i++) {
        if (is_ours(&claims->list[i]) == ours)
            order[n++] = &claims->list[i];
    }
    qsort(order, n, sizeof(struct claim *), by_id);
    document_heading(d, 3, ours ? "own" : "paper", ours ? "What this program's theory states" : "What the paper states");
    document_table(d, heads, 6);
    for (size_t i = 0; i < n; i++)
        add_claim(d, claims, order[i], true);
    document_table_end(d);
    free(order);
    return OK;
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
    static const char *const heads[] = {"claim", "verdict", "statement", "expected", "here"};
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
    document_heading(d, 2, "answer", "The short answer");
    add_sentences(d, r);
    add_failures(d, r->claims);
    add_accuracy(d, r);
    document_heading(d, 2, "verdicts", "Verdicts");
    document_paragraph(d, "Reproduced: the estimate is inside expected \302\261 tolerance and its 95 %% half-width is at most the tolerance; deviates: the interval misses "
                          "that band; else inconclusive. Where every one of several problems or runs counts, their range stands for the interval.");
    TRY(add_verdicts(d, r->claims, false));
    TRY(add_verdicts(d, r->claims, true));
    document_heading(d, 2, "figures", "Figures");
    for (size_t i = 0; i < r->n_figures; i++) {
        if (r->figures[i].shown)
            TRY(add_figure(d, r, &r->figures[i]));
    }
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
