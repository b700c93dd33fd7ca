#include "plots/report/report_summary.h"
#include <math.h>
#include <string.h>

enum { CELL = 320 };

static const char *text_of(const struct text *t)
{
    return t->data ? t->data : "";
}

/* "0.31 % (0.44 %)": median and largest, in two digits. */
static void error_cell(double median, double largest, size_t n, char cell[CELL])
{
    if (n)
        snprintf(cell, CELL, "%.*f %% (%.*f %%)",
                 median > 0.1    ? 0
                 : median > 0.01 ? 1
                                 : 3,
                 100 * median,
                 largest > 0.1    ? 0
                 : largest > 0.01 ? 1
                                  : 3,
                 100 * largest);
    else
        snprintf(cell, CELL, "-");
}

bool report_summary_is_ours(const struct claim *c)
{
    return !strncmp(c->source, "doc/", 4);
}

/* The exponents of Transformers change with the grid, and ours is another than the paper's: the deviation may come from
 * that alone. */
static bool on_own_grid(const struct claim *c)
{
    return *c->grid && !*c->erratum;
}

/* How many claims of the paper (ours: of doc/theory.md) there are of each verdict, and how many deviations are known
 * ones or on a grid of ours. */
struct tally {
    size_t all, verdicts[3], known, own_grid;
};

static struct tally count(const struct claims *claims, bool ours)
{
    struct tally t = {0};
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i];
        if (report_summary_is_ours(c) != ours || *c->choice)
            continue;
        t.all++;
        t.verdicts[c->verdict]++;
        t.known += c->verdict == VERDICT_DEVIATES && !claim_counts(claims, c);
        t.own_grid += c->verdict == VERDICT_DEVIATES && on_own_grid(c);
    }
    return t;
}

/* "3.7 times" or "0.012 %" */
static const char *miss(double error, char text[32])
{
    snprintf(text, 32,
             error >= 0.995 ? "%.1f times its length"
             : error > 0.01 ? "%.1f %%"
                            : "%.2g %%",
             error >= 0.995 ? error : 100 * error);
    return text;
}

/* One statement that deviates, beside what holds (on a grid of ours, that is not known). */
static void add_failure(struct markup *m, const struct claims *claims, const struct claim *c)
{
    const struct claim *instead = claim_corrected(claims, c);
    struct text cells[3] = {{0}};
    char says[CELL + 16];
    if (on_own_grid(c))
        snprintf(says, sizeof says, "%s: %s", c->source, c->statement);
    else
        snprintf(says, sizeof says, "%s%s%s%s", c->statement, *c->erratum ? " (" : "", c->erratum,
                 *c->erratum ? ")" : "");
    claim_published(c, &cells[0]);
    claim_estimate(c, &cells[1]);
    if (instead)
        claim_estimate(instead, &cells[2]);
    markup_row(m, "plain",
               (struct markup_cell[]){{says, NULL, 0},
                                      {text_of(&cells[0]), NULL, 0},
                                      {text_of(&cells[1]), NULL, 0},
                                      {instead ? instead->statement : "-", NULL, 0},
                                      {text_of(&cells[2]), NULL, 0}},
               on_own_grid(c) ? 3 : 5);
    for (int k = 0; k < 3; k++)
        text_free(&cells[k]);
}

/* Statements of the paper that deviate: for good, or on a grid of ours. */
static void add_failures(struct markup *m, const struct claims *claims, bool own_grid)
{
    static const char *const heads[] = {"the paper says", "expected", "here", "what holds instead", "here"};
    size_t n = 0;
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i];
        if (c->verdict != VERDICT_DEVIATES || report_summary_is_ours(c) || *c->choice || on_own_grid(c) != own_grid)
            continue;
        if (!n++) {
            markup_heading(m, 3, own_grid ? "grids" : "errata",
                           own_grid ? "What deviates on the grids here, which are not the paper's"
                                    : "What does not hold, and what holds instead");
            markup_table(m, heads, own_grid ? 3 : 5);
        }
        add_failure(m, claims, c);
    }
    if (n)
        markup_table_end(m);
}

static void add_accuracy(struct markup *m, const struct report *r)
{
    static const char *const heads[] = {"problems",    "flows",      "Eq. 6 (paper)", "asinh (paper)",
                                        "closed form", "quadrature", "SGD runs",      "SGD"};
    markup_heading(m, 3, "accuracy", "How far each prediction is off");
    markup_paragraph(m, "Median error over the runs, largest in brackets. Predictions of the plateau length, to 0.2 "
                        "of the null loss, against the integrated flow of the stated model from the zero start; "
                        "asinh is the escape time that "
                        "Eq. 6 approximates; the closed form and the quadrature are this program's plateau law. The "
                        "model trained by SGD against the flow from its own start.");
    markup_table(m, heads, sizeof heads / sizeof heads[0]);
    for (int g = 0; g < PREDICTION_ERROR_GROUP_COUNT; g++) {
        char cells[8][CELL];
        double median, largest;
        size_t flows = 0, column = 2;
        snprintf(cells[0], CELL, "%s", prediction_error_group_name((enum prediction_error_group)g));
        for (int c = 0; c < PREDICTION_ERROR_COLUMNS; c++) {
            size_t n = prediction_error_of(r->errors, (enum prediction_error_group)g, (enum prediction_error_column)c,
                                           &median, &largest);
            flows = c != PREDICTION_ERROR_toy && n > flows ? n : flows;
            if (c == PREDICTION_ERROR_toy)
                snprintf(cells[column++], CELL, "%zu", n);
            error_cell(median, largest, n, cells[column++]);
        }
        snprintf(cells[1], CELL, "%zu", flows);
        struct markup_cell row[8];
        for (int i = 0; i < 8; i++)
            row[i] = (struct markup_cell){cells[i], NULL, 0};
        markup_row(m, "plain", row, 8);
    }
    markup_table_end(m);
}

/* ---- Transformers ---- */

static bool is_exponent(const struct claim *c)
{
    return !strcmp(c->quantity, "exponent") && !*c->choice;
}

static bool same_law(const struct claim *a, const struct claim *b)
{
    return !strcmp(a->study, b->study) && !strcmp(a->on, b->on) && !strcmp(a->where, b->where) &&
           !strcmp(a->response, b->response) && a->at == b->at;
}

/* The exponents of the law that begins with claim `first`, here and as published; returns the number of the claim after
 * them. */
static size_t add_law(const struct claims *claims, size_t first, struct text *here, struct text *published)
{
    size_t i = first;
    for (; i < claims->n && is_exponent(&claims->list[i]) && same_law(&claims->list[first], &claims->list[i]); i++) {
        const struct claim *c = &claims->list[i];
        const char *gap = i > first ? " " : "", *open = strpbrk(c->of, "/*") ? "(" : "", *close = *open ? ")" : "";
        text_addf(published, "%s%s%s%s^%.3g", gap, open, c->of, close, c->published);
        if (!isnan(c->estimate))
            text_addf(here, "%s%s%s%s^%.2f (%.2f .. %.2f)", gap, open, c->of, close, c->estimate, c->low, c->high);
    }
    return i;
}

/* The first claim of the next law of Transformers (a claim with a study that a figure of theirs shows) from `i` on; n
 * if there is none. */
static size_t next_law(const struct report *r, size_t i)
{
    for (; i < r->claims->n; i++) {
        const struct claim *c = &r->claims->list[i];
        const struct figure *figure;
        if (is_exponent(c) && *c->figure && figure_find(c->figure, &figure) == OK && figure->part == FIGURE_TRANSFORMER)
            break;
    }
    return i;
}

/* Every law published for Transformers beside the one fitted here. */
static void add_laws(struct markup *m, const struct report *r)
{
    static const char *const heads[] = {"figure", "law of", "fitted here (95 %)", "published", "runs"};
    if (next_law(r, 0) == r->claims->n)
        return;
    markup_heading(m, 3, "laws", "Laws of Transformers: fitted here, and published");
    markup_paragraph(m, "Exponents of the steps until emergence. They change with the grid, since these laws bend; "
                        "the grids here are those of the studies below, the paper does not give its own.");
    markup_table(m, heads, 5);
    for (size_t i = next_law(r, 0), next; i < r->claims->n; i = next_law(r, next)) {
        const struct claim *c = &r->claims->list[i];
        struct text here = {0}, published = {0};
        char of[CELL], runs[32], at[32] = "";
        next = add_law(r->claims, i, &here, &published);
        if (c->at > 0)
            snprintf(at, sizeof at, ", to %g", c->at);
        snprintf(of, sizeof of, "%s%s%s%s", *c->response ? c->response : "steps", at, *c->where ? ", " : "", c->where);
        snprintf(runs, sizeof runs, "%zu", c->runs);
        markup_row(m, "figure",
                   (struct markup_cell[]){{c->figure, NULL, 0},
                                          {of, NULL, 0},
                                          {here.length ? here.data : "-", NULL, 0},
                                          {text_of(&published), NULL, 0},
                                          {runs, NULL, 0}},
                   5);
        text_free(&here);
        text_free(&published);
    }
    markup_table_end(m);
}

/* "1.4 times (0.9 .. 2.1) in 10 runs"; what: of which kind. */
static void add_lateness(struct markup *m, const struct report *r, enum prediction_error_law law, const char *what)
{
    double median, smallest, largest;
    size_t n = prediction_error_of_law(r->errors, law, &median, &smallest, &largest);
    if (n)
        markup_paragraph(m,
                         "%s after %.2g times the steps of the paper's published law in the median of %zu runs "
                         "(%.2g to %.2g times).",
                         what, median, n, smallest, largest);
    if (r->errors->at_once[law])
        markup_paragraph(m, "%zu more were past the threshold at the start or at their first evaluation.",
                         r->errors->at_once[law]);
}

/* When Transformers emerge, against the published laws. */
static void add_transformers(struct markup *m, const struct report *r)
{
    static const char *const figures[] = {"3-left", "4-right"}, *const what[] = {"regression", "recall"};
    add_lateness(m, r, PREDICTION_ERROR_REGRESSION,
                 "The paper's regression Transformer (2 layers, 4 heads, Adam) emerges");
    add_lateness(m, r, PREDICTION_ERROR_RECALL,
                 "The paper's recall Transformer (4 layers, 4 heads, Adam) reaches an accuracy of 5 %");
    for (size_t k = 0; k < 2; k++) {
        size_t i = next_law(r, 0);
        while (i < r->claims->n && strcmp(r->claims->list[i].figure, figures[k]))
            i = next_law(r, i + 1);
        struct text here = {0}, published = {0};
        if (i < r->claims->n)
            add_law(r->claims, i, &here, &published);
        if (here.length)
            markup_paragraph(m,
                             "Steps of the %s Transformer go as %s on our own grid (95 %% intervals in brackets); "
                             "the paper publishes %s.",
                             what[k], here.data, text_of(&published));
        text_free(&here);
        text_free(&published);
    }
}

/* The claim of that name, measured; NULL if it was not. */
static const struct claim *measured(const struct report *r, const char *id)
{
    for (size_t i = 0; i < r->claims->n; i++) {
        if (!strcmp(r->claims->list[i].id, id) && isfinite(r->claims->list[i].estimate))
            return &r->claims->list[i];
    }
    return NULL;
}

/* What theory says of Transformers: before they train, at sizes beyond those that a law was fitted to, and while they
 * train. */
static void add_theory(struct markup *m, const struct report *r)
{
    const struct claim *adam = measured(r, "T1.adam"), *sgd = measured(r, "T1.sgd"), *share = measured(r, "T1.share"),
                       *shape = measured(r, "T2"), *power = measured(r, "T2.law"), *half = measured(r, "F1.median"),
                       *never = measured(r, "F2");
    if (adam && sgd && share)
        markup_paragraph(
            m,
            "Theory predicts a Transformer of one layer from its initialisation alone: the reduced flow over "
            "the measured plateau is %.2f (%.2f to %.2f) with Adam and %.2f (%.2f to %.2f) with SGD, and %.0f "
            "%% of these settings are within 25 %%.",
            adam->estimate, adam->low, adam->high, sgd->estimate, sgd->low, sgd->high, 100 * share->estimate);
    if (shape && power)
        markup_paragraph(
            m,
            "Fitted to the cheapest third of a grid, its shape is off by a factor of %.2f on the rest, and a "
            "power law in d and T by %.2f.",
            shape->estimate, power->estimate);
    if (half && never)
        markup_paragraph(
            m,
            "While it trains, a run says from its own attention when that will arrive: at half-time, half of "
            "the forecasts are right within a factor of %.2f, and runs that cannot emerge forecast it in %.0f of "
            "their evaluations at most.",
            half->estimate, fmax(never->low, never->high));
}

/* How far the runs of a choice are from what is published: the logarithm of a ratio, the difference of an exponent. */
static double choice_distance(const struct claim *c)
{
    return c->kind == QUANTITY_exponent ? fabs(c->estimate - c->published) : fabs(log(c->estimate / c->published));
}

/* Which choices come closest to what is published: those of one law compete. */
static bool is_closest(const struct claims *claims, const struct claim *c)
{
    bool closest = !isnan(c->estimate);
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *other = &claims->list[i];
        if (*other->choice && !strcmp(other->of, c->of) && choice_distance(other) < choice_distance(c))
            closest = false;
    }
    return closest;
}

static void add_choices(struct markup *m, const struct claims *claims)
{
    static const char *const heads[] = {"choice", "what is compared", "measured (95 %)", "published",
                                        "runs",   "closest"};
    size_t n = 0;
    for (size_t i = 0; i < claims->n; i++)
        n += *claims->list[i].choice != '\0';
    if (!n)
        return;
    markup_heading(m, 3, "choices", "What the paper leaves open");
    markup_paragraph(m, "What the runs of each choice give beside what is published, and which choice comes closest. A "
                        "law over a plateau length is 1 where the runs are on the law.");
    markup_table(m, heads, 6);
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *c = &claims->list[i];
        struct text ratio = {0};
        char published[32], runs[32];
        if (!*c->choice)
            continue;
        claim_estimate(c, &ratio);
        snprintf(published, sizeof published, "%.4g", c->published);
        snprintf(runs, sizeof runs, "%zu", c->runs);
        markup_row(m, "plain",
                   (struct markup_cell[]){{c->choice, NULL, 0},
                                          {c->statement, NULL, 0},
                                          {text_of(&ratio), NULL, 0},
                                          {published, NULL, 0},
                                          {runs, NULL, 0},
                                          {isnan(c->estimate)      ? c->why
                                           : is_closest(claims, c) ? "closest"
                                                                   : "",
                                           NULL, 0}},
                   6);
        text_free(&ratio);
    }
    markup_table_end(m);
}

/* ---- all of it ---- */

/* Are any figures of that part shown? */
static bool has_part(const struct report *r, enum figure_part part)
{
    bool any = false;
    for (size_t i = 0; i < r->n_figures; i++)
        any = any || (r->figures[i].shown && r->figures[i].figure->part == part);
    return any;
}

/* The sentences at the top: what holds, from the verdicts, and how well the time is predicted, from all runs. */
static void add_sentences(struct markup *m, const struct report *r)
{
    struct tally paper = count(r->claims, false), ours = count(r->claims, true);
    double eq6, closed, quadrature, toy, largest;
    char a[32], b[32], c[32], e[32];
    size_t flows =
        prediction_error_of(r->errors, PREDICTION_ERROR_SINGLE, PREDICTION_ERROR_quadrature, &quadrature, &largest);
    markup_paragraph(m,
                     "Of %zu statements of the paper %zu are reproduced, %zu deviate (%zu of them because of a known "
                     "error, and what holds instead is reproduced; %zu on a smaller grid than the paper's) and %zu "
                     "are open at this scale. Of %zu statements of this program's own theory, %zu are reproduced.",
                     paper.all, paper.verdicts[VERDICT_REPRODUCED], paper.verdicts[VERDICT_DEVIATES], paper.known,
                     paper.own_grid, paper.verdicts[VERDICT_INCONCLUSIVE], ours.all, ours.verdicts[VERDICT_REPRODUCED]);
    prediction_error_of(r->errors, PREDICTION_ERROR_SINGLE, PREDICTION_ERROR_eq6, &eq6, &largest);
    prediction_error_of(r->errors, PREDICTION_ERROR_SINGLE, PREDICTION_ERROR_closed, &closed, &largest);
    if (flows)
        markup_paragraph(m,
                         "When attention emerges without repetition (%zu flows with B = 1, p = 0): the paper's Eq. 6 "
                         "misses the plateau by %s in the median, the closed form by %s, the quadrature by %s.",
                         flows, miss(eq6, a), miss(closed, b), miss(quadrature, c));
    size_t runs = prediction_error_of(r->errors, PREDICTION_ERROR_SINGLE, PREDICTION_ERROR_toy, &toy, &largest);
    if (runs)
        markup_paragraph(m,
                         "The model itself, all its parameters trained by SGD, emerges when the reduced flow from "
                         "the same start says, to %s in the median of %zu runs.",
                         miss(toy, e), runs);
    add_transformers(m, r);
    add_theory(m, r);
    if (!has_part(r, FIGURE_TRANSFORMER))
        markup_paragraph(m, "This report does not hold the studies of Transformers (yet): `plateau reproduce` trains "
                            "them after the theory's part and then writes it again, `plateau reproduce transformers` "
                            "trains them alone.");
}

enum status report_summary_add(struct markup *m, const struct report *r)
{
    markup_heading(m, 2, "answer", "The short answer");
    add_sentences(m, r);
    add_failures(m, r->claims, false);
    add_accuracy(m, r);
    add_laws(m, r);
    add_failures(m, r->claims, true);
    add_choices(m, r->claims);
    return text_status(&m->out);
}
