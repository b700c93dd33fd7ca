#include "run/run_forecast.h"
#include <math.h>
#include <stdlib.h>

static const double GROWTH = 1.02; /* of the time between two forecasts */
static const double EMERGED = 0.8; /* of the null loss */
enum { COLUMNS = 3, BLOCKS = 8, LEAST_ROWS = 12, MOST_STEPS = 5000 };
/* The toy's forecast: of the time that is left, and always there (measured on runs of other sizes, doc/theory.md). */
static const double TOY_MODEL_ERROR = 0.1, TOY_FLOOR = 0.03, MOST = 0.3, WIDTH_80 = 1.28;

bool run_forecast_applies(const struct keys *keys)
{
    const double *v = keys->value;
    if (keys->preset == PRESET_TOY)
        return keys_follow_flow(keys) && v[KEY_hops] == 1 && v[KEY_p] == 0 && v[KEY_schedule] == 0;
    return keys->preset == PRESET_REGRESSION && v[KEY_readout] == READOUT_LAST && v[KEY_clamp] == 0;
}

/* ---- the toy ---- */

struct toy_rows {
    const double *t, *s, *w, *D, *I, *K; /* [n]; the two integrals */
    size_t n, from, to;                  /* left out: from <= i < to */
};

/* y = a + b x by least squares over the rows that are not left out; returns b, *last: the line at the last row. */
static double line(const struct toy_rows *r, const double *x, const double *y, double *last)
{
    double n = 0, mx = 0, my = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (i >= r->from && i < r->to)
            continue;
        n++;
        mx += x[i];
        my += y[i];
    }
    mx /= n, my /= n;
    for (size_t i = 0; i < r->n; i++) {
        if (i >= r->from && i < r->to)
            continue;
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
    }
    *last = my + xy / xx * (x[r->n - 1] - mx);
    return xy / xx;
}

/* Their flow from the last row on: y = (w, D) in time since then. */
struct rates {
    double kappa, gamma, b; /* b = B/(T-B): s = 1/(1 + e^-D/b) */
};

static bool slopes(void *context, double t, const double *y, double *dy)
{
    const struct rates *r = context;
    const double s = 1 / (1 + exp(-y[1]) / r->b), rest = 1 / (1 + exp(y[1]) * r->b), lack = 1 - s * y[0];
    (void)t;
    dy[0] = r->kappa * s * lack;
    dy[1] = r->gamma * s * rest * y[0] * lack;
    return isfinite(dy[0]) && isfinite(dy[1]);
}

/* 1 - s w, which falls to sqrt(threshold) at the end of the plateau. */
static double lack_at(void *context, const double *y)
{
    const struct rates *r = context;
    return 1 - y[0] / (1 + exp(-y[1]) / r->b);
}

/* The time that is left from (w, D); NaN: the end is not reached. */
static double time_left(struct ode *ode, const struct rates *rates, double w, double D, double level)
{
    struct rates r = *rates;
    const struct ode_problem problem = {
        .dim = 2, .method = METHOD_ADAMS, .rtol = 1e-5, .atol = 1e-8, .rhs = slopes, .context = &r};
    const double start[2] = {w, D};
    double t[2] = {0, 0}, lack[2] = {lack_at(&r, start), lack_at(&r, start)}, end = NAN;
    bool found[ODE_ROOTS];
    if (lack[0] <= level)
        return 0;
    if (!(r.kappa > 0 && r.gamma > 0) || ode_begin(ode, &problem, start) != OK)
        return NAN;
    for (int i = 0; i < MOST_STEPS && lack[1] > level; i++) {
        t[0] = t[1], lack[0] = lack[1];
        if (ode_step(ode, 1, &t[1], found) != OK)
            return NAN;
        lack[1] = lack_at(&r, ode_state(ode));
    }
    return lack[1] <= level && ode_falls_to(ode, lack_at, &r, level, t, lack, &end) == OK ? end : NAN;
}

/* The end of the plateau that the rows show; NaN if they show none. */
static double end_of(struct ode *ode, const struct toy_rows *r, double b, double level)
{
    double w, D;
    struct rates rates = {.b = b};
    rates.kappa = line(r, r->I, r->w, &w);
    rates.gamma = line(r, r->K, r->D, &D);
    return r->t[r->n - 1] + time_left(ode, &rates, w, D, level);
}

/* What is said at the last of n rows, w over its final value. */
static void forecast_toy(struct ode *ode, const struct toy_rows *all, double b, double level, struct forecast *out)
{
    struct toy_rows r = *all;
    const double t_n = r.t[r.n - 1];
    double e[BLOCKS], mean = 0, jk = 0;
    size_t first = 0, begin = 0;
    *out = (struct forecast){FORECAST_SILENT, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    while (first < r.n && r.t[first] < t_n / 2)
        first++;
    if (r.n - first < LEAST_ROWS)
        return;
    r.t += first, r.s += first, r.w += first, r.D += first, r.I += first, r.K += first, r.n -= first;
    out->T = end_of(ode, &r, b, level);
    if (out->T == t_n)
        out->word = FORECAST_ARRIVED;
    if (!(out->T > t_n))
        return;
    for (size_t k = 0; k < BLOCKS; k++) {
        const size_t length = r.n / BLOCKS + (k < r.n % BLOCKS);
        r.from = begin;
        r.to = begin + length < r.n ? begin + length : r.n - 1;
        begin += length;
        const double T = end_of(ode, &r, b, level);
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

static void say_toy(struct ode *ode, const struct keys *keys, const struct trace *trace, size_t first, double n,
                    double *room, struct forecast *out)
{
    const double B = keys_real(keys, KEY_B), T = keys_real(keys, KEY_T);
    const size_t rows = trace->length - first;
    const int time = trace_find(trace, "time"), attention = trace_find(trace, "attention"), w = trace_find(trace, "w"),
              D = trace_find(trace, "delta_a");
    double *t = room, *s = t + rows, *x = s + rows, *score = x + rows, *I = score + rows, *K = I + rows;
    for (size_t i = 0; i < rows; i++) {
        t[i] = at(trace, first + i, time);
        s[i] = B * at(trace, first + i, attention);
        x[i] = at(trace, first + i, w) / n;
        score[i] = at(trace, first + i, D);
        const double now = s[i] * (1 - s[i] * x[i]), pull = now * (1 - s[i]) * x[i];
        const size_t before = i > 0 ? i - 1 : 0;
        const double last = s[before] * (1 - s[before] * x[before]), half = (t[i] - t[before]) / 2;
        I[i] = i ? I[before] + half * (now + last) : 0;
        K[i] = i ? K[before] + half * (pull + last * (1 - s[before]) * x[before]) : 0;
    }
    const struct toy_rows r = {.t = t, .s = s, .w = x, .D = score, .I = I, .K = K, .n = rows};
    forecast_toy(ode, &r, B / (T - B), sqrt(keys_real(keys, KEY_threshold)), out);
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
        t[i] = at(trace, first + i, TRANSFORMER_step);
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
}

/* Has the time grown enough since the row before? A function of the times alone, so that a run that is resumed says
 * what it would have said. */
static bool is_due(double before, double now)
{
    return now > 0 && (before <= 0 || floor(log(now) / log(GROWTH)) > floor(log(before) / log(GROWTH)));
}

enum status run_forecast_note(const struct keys *keys, struct trace *trace, double since, double n, struct ode *ode,
                              double **scratch, size_t *room, struct forecast *now)
{
    const int time = keys->preset == PRESET_TOY ? trace_find(trace, "time") : TRANSFORMER_step,
              column = trace_find(trace, "forecast");
    const size_t first = first_row(trace, time, since), rows = trace->length - first, last = trace->length - 1;
    double *said = trace->rows + last * (size_t)trace->columns + (size_t)column;
    const double before = rows > 1 ? at(trace, last - 1, time) : 0;
    if (!is_due(before, at(trace, last, time))) {
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
        say_toy(ode, keys, trace, first, n, *scratch, now);
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
