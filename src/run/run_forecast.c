#include "run/run_forecast.h"
#include <math.h>
#include <stdlib.h>

static const double GROWTH = 1.02, TOY_GROWTH = 1.2; /* of the time between two forecasts */
static const double EMERGED = 0.8;                   /* of the null loss */
enum { COLUMNS = 3, BLOCKS = 8, LEAST_ROWS = 16, BISECTIONS = 40, POINTS = 32 };
/* The toy's forecast: of the time that is left, and always there (measured on runs of other sizes, doc/theory.md). */
static const double TOY_MODEL_ERROR = 0.1, TOY_FLOOR = 0.03, MOST = 0.3, WIDTH_80 = 1.28;

bool run_forecast_applies(const struct keys *keys)
{
    const double *v = keys->value;
    if (keys->preset == PRESET_TOY)
        return keys_follow_flow(keys) && v[KEY_hops] == 1 && v[KEY_p] == 0 && v[KEY_schedule] == 0;
    return keys->preset == PRESET_REGRESSION && v[KEY_readout] == READOUT_LAST && v[KEY_norm] == NORM_NONE &&
           v[KEY_layers] <= 2 && v[KEY_clamp] == 0 && v[KEY_score_scale] == 1;
}

/* ---- the toy ---- */

/* Sums over rows, of which two lines follow by least squares: w over int s (1 - s w) dt, of slope kappa, and D over
 * int s (1-s) w (1 - s w) dt, of slope gamma. x and y count from the first row of the window. */
struct line_sums {
    double n, x, y, xx, xy;
};
struct toy_sums {
    struct line_sums w, D;
};

static void add_point(struct line_sums *s, double x, double y)
{
    s->n++;
    s->x += x;
    s->y += y;
    s->xx += x * x;
    s->xy += x * y;
}

/* sign -1: takes it out. */
static void add_sums(struct line_sums *s, const struct line_sums *part, double sign)
{
    s->n += sign * part->n;
    s->x += sign * part->x;
    s->y += sign * part->y;
    s->xx += sign * part->xx;
    s->xy += sign * part->xy;
}

static double slope_of(const struct line_sums *s)
{
    return (s->xy - s->x * s->y / s->n) / (s->xx - s->x * s->x / s->n);
}

static double value_at(const struct line_sums *s, double x)
{
    return s->y / s->n + slope_of(s) * (x - s->x / s->n);
}

/* A row of the window: both abscissas and both ordinates. */
struct toy_row {
    double t, I, w, K, D;
};

/* The flow from the last row on, as its integral has it: w is a function of D. */
struct toy_path {
    double b, r; /* B/(T-B); kappa/gamma */
    double w, D; /* at the last row */
};

static double path_share(const struct toy_path *p, double D)
{
    return 1 / (1 + exp(-D) / p->b);
}

static double path_w(const struct toy_path *p, double D)
{
    return sqrt(p->w * p->w + 2 * p->r * (D - p->D + p->b * (exp(D) - exp(p->D))));
}

/* D at which s w = q, by bisection; NaN: it is beyond already. */
static double path_end(const struct toy_path *p, double q)
{
    double from = p->D, to = p->D, width = 1;
    if (!(path_share(p, from) * p->w < q))
        return NAN;
    do
        from = to, to += width, width *= 2;
    while (path_share(p, to) * path_w(p, to) < q);
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = (from + to) / 2;
        if (path_share(p, middle) * path_w(p, middle) < q)
            from = middle;
        else
            to = middle;
    }
    return to;
}

/* The end of the plateau from the rates and the last row, by Simpson's rule in v, D = D_n + v^2, in which the fall is a
 * Gaussian. NaN: there is none. */
static double end_of(const struct toy_sums *sums, const struct toy_row *first, const struct toy_row *last, double b,
                     double threshold)
{
    const double kappa = slope_of(&sums->w), gamma = slope_of(&sums->D);
    const struct toy_path p = {.b = b,
                               .r = kappa / gamma,
                               .w = first->w + value_at(&sums->w, last->I - first->I),
                               .D = first->D + value_at(&sums->D, last->K - first->K)};
    if (!(kappa > 0 && gamma > 0 && p.w > 0))
        return NAN;
    const double step = sqrt(path_end(&p, 1 - sqrt(threshold)) - p.D) / POINTS;
    double sum = 0;
    for (int i = 1; i <= POINTS; i++) { /* nothing at v = 0 */
        const double v = i * step, D = p.D + v * v, s = path_share(&p, D), w = path_w(&p, D);
        sum += (i == POINTS ? 1 : i % 2 ? 4 : 2) * 2 * v / (s * (1 - s) * w * (1 - s * w));
    }
    return last->t + sum * step / (3 * gamma);
}

/* What is said at the last of n rows. */
static void forecast_toy(const struct toy_row *rows, size_t n, double b, double threshold, struct forecast *out)
{
    const double t_n = rows[n - 1].t;
    struct toy_sums all = {.w.n = 0}, blocks[BLOCKS] = {{.w.n = 0}};
    double e[BLOCKS], mean = 0, jk = 0;
    size_t first = 0;
    *out = (struct forecast){FORECAST_SILENT, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    while (first < n && rows[first].t < t_n / 2)
        first++;
    const struct toy_row *from = rows + first, *last = rows + n - 1;
    const size_t length = n - first;
    if (length < LEAST_ROWS)
        return;
    for (size_t i = 0; i < length; i++) {
        struct toy_sums *block = &blocks[i * BLOCKS / length];
        add_point(&block->w, from[i].I - from->I, from[i].w - from->w);
        add_point(&block->D, from[i].K - from->K, from[i].D - from->D);
    }
    for (size_t k = 0; k < BLOCKS; k++) {
        add_sums(&all.w, &blocks[k].w, 1);
        add_sums(&all.D, &blocks[k].D, 1);
    }
    out->T = end_of(&all, from, last, b, threshold);
    if (!(out->T > t_n))
        return;
    for (size_t k = 0; k < BLOCKS; k++) {
        struct toy_sums rest = all;
        add_sums(&rest.w, &blocks[k].w, -1);
        add_sums(&rest.D, &blocks[k].D, -1);
        const double T = end_of(&rest, from, last, b, threshold);
        e[k] = isfinite(T) ? log(T / out->T) : 1;
        mean += e[k] / BLOCKS;
    }
    for (size_t k = 0; k < BLOCKS; k++)
        jk += (e[k] - mean) * (e[k] - mean) * (BLOCKS - 1) / BLOCKS;
    const double left = TOY_MODEL_ERROR * (out->T - t_n) / out->T;
    out->sd = sqrt(jk + left * left + TOY_FLOOR * TOY_FLOOR);
    if (!(out->sd <= MOST))
        return;
    out->word = FORECAST_SAYS;
    out->low = fmax(out->T * exp(-WIDTH_80 * out->sd), t_n);
    out->high = out->T * exp(WIDTH_80 * out->sd);
}

/* ---- rows of a trace ---- */

static double at(const struct trace *trace, size_t row, int column)
{
    return trace->rows[row * (size_t)trace->columns + (size_t)column];
}

static size_t first_row(const struct trace *trace, int time, double since)
{
    size_t i = 0;
    while (i + 1 < trace->length && at(trace, i, time) < since)
        i++;
    return i;
}

static void say_toy(const struct keys *keys, const struct trace *trace, size_t first, double n, struct toy_row *rows,
                    struct forecast *out)
{
    const double B = keys_real(keys, KEY_B), T = keys_real(keys, KEY_T);
    const size_t length = trace->length - first;
    const int time = trace_find(trace, "time"), attention = trace_find(trace, "attention"), w = trace_find(trace, "w"),
              D = trace_find(trace, "delta_a");
    double before = 0, pull_before = 0;
    for (size_t i = 0; i < length; i++) {
        struct toy_row *row = &rows[i];
        const double s = B * at(trace, first + i, attention), x = at(trace, first + i, w) / n;
        const double now = s * (1 - s * x), pull = now * (1 - s) * x;
        *row = (struct toy_row){.t = at(trace, first + i, time), .w = x, .D = at(trace, first + i, D)};
        if (i) {
            const double half = (row->t - rows[i - 1].t) / 2;
            row->I = rows[i - 1].I + half * (now + before);
            row->K = rows[i - 1].K + half * (pull + pull_before);
        }
        before = now, pull_before = pull;
    }
    forecast_toy(rows, length, B / (T - B), keys_real(keys, KEY_threshold), out);
}

/* Relevant tokens in a sequence of the test set. */
static double copies(const struct keys *keys)
{
    const struct schedule schedule = schedule_of(keys_real(keys, KEY_schedule));
    return schedule_last(&schedule, SCHEDULE_B, keys_real(keys, KEY_B));
}

/* The earliest word of the heads that have one; arrived, where one has. */
static void say_transformer(const struct keys *keys, const struct trace *trace, size_t first, double *room,
                            struct forecast *out)
{
    const double B = copies(keys);
    const bool adam = keys_optimizer(keys)->time == TIME_OWN;
    const double D_c = forecast_growth(keys_real(keys, KEY_head_dim), keys_real(keys, KEY_d), adam);
    const size_t rows = trace->length - first;
    double *t = room, *s = t + rows;
    *out = (struct forecast){FORECAST_SILENT, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < rows; i++)
        t[i] = at(trace, first + i, TRANSFORMER_step) - at(trace, first, TRANSFORMER_step); /* it begins anew */
    for (int cell = 0; cell < trace->layers * trace->heads; cell++) {
        struct forecast head;
        bool inside = true;
        for (size_t i = 0; i < rows; i++) {
            s[i] = B * at(trace, first + i, TRANSFORMER_PROBES + cell);
            inside = inside && s[i] > 0 && s[i] < 1;
        }
        if (!inside)
            continue;
        forecast_head(t, s, rows, D_c, s + rows, &head);
        forecast_join(&head, out);
    }
    out->T += at(trace, first, TRANSFORMER_step);
    out->low += at(trace, first, TRANSFORMER_step);
    out->high += at(trace, first, TRANSFORMER_step);
}

/* Has the time grown enough since the row before? A function of the times alone, so that a run that is resumed says
 * what it would have said. */
static bool is_due(double growth, double before, double now)
{
    return now > 0 && (before <= 0 || floor(log(now) / log(growth)) > floor(log(before) / log(growth)));
}

enum status run_forecast_note(const struct keys *keys, struct trace *trace, double since, double n, double **scratch,
                              size_t *room, struct forecast *now)
{
    const int time = keys->preset == PRESET_TOY ? trace_find(trace, "time") : TRANSFORMER_step,
              column = trace_find(trace, "forecast");
    const size_t first = first_row(trace, time, since), rows = trace->length - first, last = trace->length - 1;
    double *said = trace->rows + last * (size_t)trace->columns + (size_t)column;
    const double before = rows > 1 ? at(trace, last - 1, time) : 0;
    if (!is_due(keys->preset == PRESET_TOY ? TOY_GROWTH : GROWTH, before, at(trace, last, time))) {
        for (int i = 0; i < COLUMNS; i++)
            said[i] = rows > 1 ? said[i - trace->columns] : NAN;
        return OK;
    }
    if (*room < 6 * rows) {
        free(*scratch);
        *room = 12 * rows;
        *scratch = malloc(*room * sizeof **scratch);
        if (!*scratch) {
            *room = 0;
            return error_set(ERR_MEMORY, "out of memory for the forecast from %zu rows", rows);
        }
    }
    if (keys->preset == PRESET_TOY)
        say_toy(keys, trace, first, n, (struct toy_row *)*scratch, now);
    else
        say_transformer(keys, trace, first, *scratch, now);
    const bool says = now->word == FORECAST_SAYS;
    said[0] = says ? now->T : NAN, said[1] = says ? now->low : NAN, said[2] = says ? now->high : NAN;
    return OK;
}

/* ---- at the end ---- */

/* When attention of a head passed a half, or the loss fell below 0.8 of the null loss for good, whichever came first;
 * between two rows by a straight line. NaN: neither. */
static double emergence_of(const struct trace *trace, const struct result *r)
{
    const double B = copies(&r->keys), level = EMERGED * r->null_loss;
    double first = NAN;
    for (size_t i = 1; i < trace->length; i++) {
        const double t0 = at(trace, i - 1, TRANSFORMER_step), t1 = at(trace, i, TRANSFORMER_step);
        for (int cell = 0; cell < trace->layers * trace->heads; cell++) {
            const double a = B * at(trace, i - 1, TRANSFORMER_PROBES + cell),
                         b = B * at(trace, i, TRANSFORMER_PROBES + cell);
            if (a < 0.5 && b >= 0.5)
                first = fmin(first, t0 + (t1 - t0) * (0.5 - a) / (b - a));
        }
        if (!isnan(first))
            break;
    }
    for (size_t i = trace->length; i-- > 1;) {
        const double a = at(trace, i - 1, TRANSFORMER_loss_test), b = at(trace, i, TRANSFORMER_loss_test);
        if (!(b <= level))
            break;
        const double t0 = at(trace, i - 1, TRANSFORMER_step), t1 = at(trace, i, TRANSFORMER_step);
        if (a > level)
            return fmin(first, t0 + (t1 - t0) * (a - level) / (a - b));
    }
    return first;
}

void run_forecast_finish(const struct trace *trace, struct result *r)
{
    struct prediction *p = &r->predicted;
    const int time = r->keys.preset == PRESET_TOY ? trace_find(trace, "time") : TRANSFORMER_step,
              column = trace_find(trace, "forecast");
    p->emergence = r->keys.preset == PRESET_TOY ? r->plateau : emergence_of(trace, r);
    const double half = (isnan(p->emergence) ? r->cap : p->emergence) / 2;
    p->forecast_words = 0;
    for (size_t i = 0; i < trace->length; i++) {
        const double t = at(trace, i, time), T = at(trace, i, column);
        p->forecast_words += !isnan(T);
        if (t > half)
            continue;
        p->forecast = T;
        p->forecast_low = at(trace, i, column + 1);
        p->forecast_high = at(trace, i, column + 2);
    }
}
