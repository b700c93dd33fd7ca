#include "plots/report/report_evidence.h"
#include "validation/dataset.h"
#include "base/list.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 380, HEIGHT = 250, LEFT = 58, RIGHT = 12, TOP = 12, BOTTOM = 44, MOST_POINTS = 400, LISTED = 8 };

/* ---- one panel ---- */

struct axis {
    double low, high;
    bool logarithmic;
    const char *label;
};
struct panel {
    struct text *out;
    struct axis x, y;
};

static void include(struct axis *a, double value)
{
    if (!isfinite(value) || (a->logarithmic && value <= 0))
        return;
    a->low = isnan(a->low) ? value : fmin(a->low, value);
    a->high = isnan(a->high) ? value : fmax(a->high, value);
}

static struct axis axis(const char *label, bool logarithmic)
{
    return (struct axis){NAN, NAN, logarithmic, label};
}

/* A little room at both ends. */
static void widen(struct axis *a)
{
    if (isnan(a->low))
        a->low = a->high = 1;
    if (a->logarithmic) {
        const double room = fmax(pow(a->high / a->low, 0.06), 1.05);
        a->low /= room, a->high *= room;
    } else {
        const double room = fmax(0.08 * (a->high - a->low), 1e-9 + 0.01 * fabs(a->high));
        a->low -= room, a->high += room;
    }
}

static double along(const struct axis *a, double value)
{
    return a->logarithmic ? log(value / a->low) / log(a->high / a->low) : (value - a->low) / (a->high - a->low);
}

static double at_x(const struct panel *p, double value)
{
    return LEFT + along(&p->x, value) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct panel *p, double value)
{
    return HEIGHT - BOTTOM - along(&p->y, value) * (HEIGHT - TOP - BOTTOM);
}

/* Round values: of a linear or short axis about four equal steps; of a logarithmic one 1, 2, 5 x 10^k, or decades if it
 * is long. */
static double next_tick(const struct axis *a, double tick)
{
    static const double steps[] = {1, 2, 5, 10};
    if (!a->logarithmic || a->high < 8 * a->low) {
        const double span = (a->high - a->low) / 4, unit = pow(10, floor(log10(span)));
        double step = 10 * unit;
        for (int i = 2; i >= 0; i--)
            step = span <= steps[i] * unit ? steps[i] * unit : step;
        return isnan(tick) ? ceil(a->low / step) * step : tick + step;
    }
    if (isnan(tick))
        tick = pow(10, floor(log10(a->low)) - 1);
    const double decade = pow(10, floor(log10(tick) + 1e-9)), most = a->high / a->low > 300 ? 10 : 2;
    for (int i = 1; i < 4; i++) {
        if (steps[i] * decade > tick * 1.001 && (most == 2 || i == 3))
            return steps[i] * decade;
    }
    return 10 * decade;
}

static void add_axis(const struct panel *p, bool vertical)
{
    const struct axis *a = vertical ? &p->y : &p->x;
    for (double t = next_tick(a, NAN); t <= a->high; t = next_tick(a, t)) {
        if (t < a->low)
            continue;
        const double value = fabs(t) < 1e-9 * (a->high - a->low) ? 0 : t;
        if (vertical)
            text_addf(
                p->out,
                "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>",
                LEFT, at_y(p, value), WIDTH - RIGHT, LEFT - 6, at_y(p, value) + 4, value);
        else
            text_addf(
                p->out,
                "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>",
                at_x(p, value), TOP, HEIGHT - BOTTOM, at_x(p, value), HEIGHT - BOTTOM + 15, value);
    }
    if (vertical)
        text_addf(p->out, "<text class=\"label\" transform=\"translate(12 %d) rotate(-90)\" text-anchor=\"middle\">",
                  (HEIGHT - BOTTOM + TOP) / 2);
    else
        text_addf(p->out, "<text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (WIDTH + LEFT - RIGHT) / 2,
                  HEIGHT - 8);
    text_add_html(p->out, a->label);
    text_add(p->out, "</text>");
}

static void begin_panel(struct panel *p, const char *title)
{
    widen(&p->x);
    widen(&p->y);
    text_addf(p->out, "<svg viewBox=\"0 0 %d %d\" role=\"img\"><title>", WIDTH, HEIGHT);
    text_add_html(p->out, title);
    text_add(p->out, "</title>");
    add_axis(p, false);
    add_axis(p, true);
}

static void add_line(const struct panel *p, const char *style, double x0, double y0, double x1, double y1)
{
    text_addf(p->out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", style, at_x(p, x0), at_y(p, y0), at_x(p, x1),
              at_y(p, y1));
}

/* Every so many of n points: more than MOST_POINTS cannot be told apart. */
static size_t stride(size_t n)
{
    return n / MOST_POINTS + 1;
}

/* Points of one style, those with cut[i] == want. cut NULL: none is. */
static void add_points(const struct panel *p, size_t n, const double *x, const double *y, const bool *cut, bool want)
{
    size_t drawn = 0;
    for (size_t i = 0; i < n; i += stride(n)) {
        if ((cut && cut[i]) != want || !isfinite(x[i]) || !isfinite(y[i]))
            continue;
        text_addf(p->out, "%sM%.1f %.1fh0",
                  drawn++ ? ""
                  : want  ? "<path class=\"cut\" d=\""
                          : "<path class=\"points\" d=\"",
                  at_x(p, x[i]), at_y(p, y[i]));
    }
    text_add(p->out, drawn ? "\"/>" : "");
}

static void end_panel(struct panel *p)
{
    text_add(p->out, "</svg>\n");
}

/* ---- a fit ---- */

/* x, y of the panel, and what its line does. */
struct view {
    double *x, *y, *fitted, *off; /* owned; off: residual, % */
};

static void view_free(struct view *v)
{
    free(v->x);
    free(v->y);
    free(v->fitted);
    free(v->off);
}

static size_t regressor_of(const struct judge_evidence *e)
{
    size_t j = 0;
    while (j < e->set->data.n_x && strcmp(e->set->names[j], e->claim->of))
        j++;
    return e->claim->kind == QUANTITY_gain ? 0 : j;
}

static enum status view_make(const struct judge_evidence *e, size_t j, double means[POWER_LAW_MAX], struct view *v)
{
    const struct dataset *set = e->set;
    const size_t n = set->data.n, n_x = set->data.n_x;
    *v = (struct view){calloc(n + 1, sizeof(double)), calloc(n + 1, sizeof(double)), calloc(n + 1, sizeof(double)),
                       calloc(n + 1, sizeof(double))};
    if (!v->x || !v->y || !v->fitted || !v->off)
        return error_set(ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t k = 0; k < n_x; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += log(set->x[i * n_x + k]);
        means[k] = exp(sum / (double)n);
    }
    for (size_t i = 0; i < n; i++) {
        v->fitted[i] = set->y[i] * exp(-e->law->residuals[i]);
        v->off[i] = 100 * expm1(e->law->residuals[i]);
        v->x[i] = j < n_x ? set->x[i * n_x + j] : v->fitted[i];
        v->y[i] = set->y[i];
        for (size_t k = 0; k < n_x && j < n_x; k++)
            v->y[i] *= k == j ? 1 : pow(set->x[i * n_x + k] / means[k], -e->law->exponent[k].value);
    }
    return OK;
}

/* The fitted line, and through the middle of the runs one with the exponent that was expected. */
static void add_fit_panel(const struct judge_evidence *e, size_t j, const double *means, const struct view *v,
                          struct text *out)
{
    const size_t n = e->set->data.n, n_x = e->set->data.n_x;
    const char *response = *e->set->response.name            ? e->set->response.name
                           : e->claim->kind == QUANTITY_gain ? "speed-up"
                                                             : "plateau length";
    char label[128];
    struct panel p = {out, axis(j < n_x ? e->set->names[j] : "fitted", true), axis(label, true)};
    double scale = e->law->constant.value, slope = 1, middle = 0, low = INFINITY, high = 0;
    snprintf(label, sizeof label, "%s%s", response, j < n_x && n_x > 1 ? ", adjusted" : "");
    for (size_t i = 0; i < n; i++) {
        include(&p.x, v->x[i]);
        include(&p.y, v->y[i]);
        middle += log(v->x[i]) / (double)n;
        low = fmin(low, v->x[i]), high = fmax(high, v->x[i]);
    }
    for (size_t k = 0; k < n_x && j < n_x; k++)
        scale *= k == j ? 1 : pow(means[k], e->law->exponent[k].value);
    if (j < n_x)
        slope = e->law->exponent[j].value;
    else
        scale = 1;
    const bool expects = j < n_x && e->claim->kind == QUANTITY_exponent;
    const double pivot = scale * exp(middle * slope), from = pivot * pow(low / exp(middle), e->claim->published),
                 to = pivot * pow(high / exp(middle), e->claim->published);
    include(&p.y, expects ? from : NAN);
    include(&p.y, expects ? to : NAN);
    begin_panel(&p, "fitted law and runs");
    if (expects)
        add_line(&p, "expected", low, from, high, to);
    add_line(&p, "fit", low, scale * pow(low, slope), high, scale * pow(high, slope));
    add_points(&p, n, v->x, v->y, e->set->censored, false);
    add_points(&p, n, v->x, v->y, e->set->censored, true);
    end_panel(&p);
}

static void add_residual_panel(const struct judge_evidence *e, const struct view *v, struct text *out)
{
    const size_t n = e->set->data.n;
    struct panel p = {out, axis("fitted", true), axis("measured over fitted, %", false)};
    include(&p.y, 0);
    for (size_t i = 0; i < n; i++) {
        include(&p.x, v->fitted[i]);
        include(&p.y, v->off[i]);
    }
    begin_panel(&p, "residuals");
    add_line(&p, "fit", p.x.low, 0, p.x.high, 0);
    add_points(&p, n, v->fitted, v->off, e->set->censored, false);
    add_points(&p, n, v->fitted, v->off, e->set->censored, true);
    end_panel(&p);
}

/* The places of the `most` largest |off|, the largest first; returns how many. */
static size_t furthest(const double *off, size_t n, size_t *places)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = kept < LISTED ? kept++ : LISTED;
        /* cppcheck-suppress uninitvar; places[0..kept) are set, and at <= kept */
        for (; at > 0 && fabs(off[i]) > fabs(off[places[at - 1]]); at--) {
            if (at < LISTED)
                places[at] = places[at - 1];
        }
        if (at < LISTED)
            places[at] = i;
    }
    return kept;
}

static void begin_runs(size_t n, struct text *out)
{
    text_addf(out, "<details><summary>The runs behind it: %zu%s</summary>\n<table><thead><tr><th>run</th>", n,
              n > LISTED ? ", the furthest off listed" : "");
}

static void add_fit_runs(const struct judge_evidence *e, const struct view *v, struct text *out)
{
    const size_t n = e->set->data.n, n_x = e->set->data.n_x;
    size_t places[LISTED + 1], listed = furthest(v->off, n, places);
    begin_runs(n, out);
    for (size_t k = 0; k < n_x; k++) {
        text_add(out, "<th>");
        text_add_html(out, e->set->names[k]);
        text_add(out, "</th>");
    }
    text_add(out, "<th>seed</th><th>measured</th><th>fitted</th><th>off</th></tr></thead><tbody>\n");
    for (size_t r = 0; r < listed; r++) {
        const size_t i = places[r];
        text_addf(out, "<tr class=\"plain\"><td>%lld</td>", (long long)e->set->ids[i]);
        for (size_t k = 0; k < n_x; k++)
            text_addf(out, "<td>%.5g</td>", e->set->x[i * n_x + k]);
        text_addf(out, "<td>%lld</td><td>%s%.5g</td><td>%.5g</td><td>%+.2g %%</td></tr>\n", (long long)e->set->seeds[i],
                  e->set->censored[i]   ? "&gt; "
                  : e->set->low[i] == 0 ? "&le; "
                                        : "",
                  e->set->y[i], v->fitted[i], v->off[i]);
    }
    text_add(out, "</tbody></table></details>\n");
}

static enum status add_fit(const struct judge_evidence *e, struct text *out)
{
    enum status rc = OK;
    const size_t j = regressor_of(e);
    double means[POWER_LAW_MAX] = {0};
    struct view v = {0};
    char r2[32];
    TRY(view_make(e, j, means, &v));
    text_addf(out, "<p class=\"law\">%.4g", e->law->constant.value);
    for (size_t k = 0; k < e->set->data.n_x; k++) {
        text_add(out, " \302\267 ");
        text_add_html(out, e->set->names[k]);
        text_addf(out, "<sup>%.3f</sup>", e->law->exponent[k].value);
    }
    text_addf(out, " <small>%s; %s on logarithms, %zu runs, %zu censored", e->set->read_at,
              power_law_method_text(e->law->method), e->law->n, e->law->n_censored);
    if (e->law->n_coarse)
        text_addf(out, ", %zu known to a bracket alone", e->law->n_coarse);
    dataset_left_out(e->set, out);
    text_addf(out, "; R\302\262 %s, residuals %.2g %%</small></p>\n<div class=\"panels\">",
              text_fixed(r2, 4, e->law->r2), 100 * e->law->sigma);
    add_fit_panel(e, j, means, &v, out);
    add_residual_panel(e, &v, out);
    text_add(out, "</div>\n");
    add_fit_runs(e, &v, out);
done:
    view_free(&v);
    return rc;
}

/* ---- the value of each run ---- */

static int by_value(const void *a, const void *b)
{
    const struct quantity_value *p = a, *q = b;
    return p->value != q->value ? (p->value > q->value) - (p->value < q->value) : (p->id > q->id) - (p->id < q->id);
}

static void add_value_panel(const struct claim *c, size_t n, const double *rank, const double *value, struct text *out)
{
    const bool least = claim_basis(c) == CLAIM_PAIRS;
    const double from = c->published - c->tolerance, to = least ? from : c->published + c->tolerance;
    struct panel p = {out, axis("runs, by their value", false), axis(least ? "times faster" : c->of, false)};
    include(&p.x, 0);
    include(&p.x, (double)n + 1);
    include(&p.y, from);
    include(&p.y, to);
    for (size_t i = 0; i < n; i++)
        include(&p.y, value[i]);
    begin_panel(&p, "value of each run");
    text_addf(out, "<rect class=\"band\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>", LEFT, at_y(&p, to),
              WIDTH - LEFT - RIGHT, fmax(1, at_y(&p, from) - at_y(&p, to)));
    add_points(&p, n, rank, value, NULL, false);
    end_panel(&p);
}

static enum status add_values(const struct judge_evidence *e, struct text *out)
{
    enum status rc = OK;
    const size_t n = e->n;
    size_t places[LISTED + 1];
    struct quantity_value *runs = calloc(n + 1, sizeof *runs);
    double *rank = calloc(n + 1, sizeof *rank), *value = calloc(n + 1, sizeof *value),
           *off = calloc(n + 1, sizeof *off);
    REQUIRE(runs && rank && value && off, ERR_MEMORY, "out of memory for %zu runs", n);
    memcpy(runs, e->runs, n * sizeof *runs);
    qsort(runs, n, sizeof *runs, by_value);
    for (size_t i = 0; i < n; i++)
        rank[i] = (double)i + 1, value[i] = runs[i].value, off[i] = value[i] - e->claim->published;
    text_add(out, "<div class=\"panels\">");
    add_value_panel(e->claim, n, rank, value, out);
    text_add(out, "</div>\n");
    begin_runs(n, out);
    text_add(out, "<th>value</th><th>expected</th></tr></thead><tbody>\n");
    for (size_t r = 0, listed = furthest(off, n, places); r < listed; r++)
        text_addf(out, "<tr class=\"plain\"><td>%lld</td><td>%.6g</td><td>%.6g</td></tr>\n",
                  (long long)runs[places[r]].id, value[places[r]], e->claim->published);
    text_add(out, "</tbody></table></details>\n");
done:
    free(runs);
    free(rank);
    free(value);
    free(off);
    return rc;
}

/* ---- all of them ---- */

enum status report_evidence_add(void *evidence, const struct judge_evidence *found)
{
    enum status rc = OK;
    struct report_evidence *e = evidence;
    TRY(list_room(&e->list, e->n, &e->allocated, sizeof *e->list, "claims"));
    struct report_evidence_piece *piece = &e->list[e->n++];
    *piece = (struct report_evidence_piece){0};
    snprintf(piece->id, sizeof piece->id, "%s", found->claim->id);
    TRY(found->law ? add_fit(found, &piece->html) : add_values(found, &piece->html));
    TRY(text_status(&piece->html));
done:
    return rc;
}

const char *report_evidence_of(const struct report_evidence *evidence, const char *id)
{
    for (size_t i = 0; i < evidence->n; i++) {
        if (!strcmp(evidence->list[i].id, id))
            return evidence->list[i].html.data;
    }
    return NULL;
}

void report_evidence_free(struct report_evidence *evidence)
{
    for (size_t i = 0; i < evidence->n; i++)
        text_free(&evidence->list[i].html);
    free(evidence->list);
    *evidence = (struct report_evidence){0};
}
