#include "plots/figures/phase.h"
#include "plots/figures/chosen.h"
#include "plots/figures/figure.h"
#include "models/flow_map.h"
#include "validation/kaplan_meier.h"
#include "models/prediction.h"
#include "models/published.h"
#include "parallel/scheduler.h"
#include "parallel/stop.h"
#include "run/run_flow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 1000, THEORY = 61, MOST_CHECKS = 1000000, NPY_HEADER = 128 };

/* An axis of the figure. Logarithmic ones are drawn over the logarithm, since a picture has pixels of equal size. */
struct axis {
    struct flow_map_axis of; /* first and last: of the centres of its pixels or cells */
    bool ranged;             /* a range was given */
    double low, high;        /* its ends: half a pixel or cell beyond */
    bool logarithmic;
    double *values; /* owned: the cells' */
};

/* ---- what is asked for ---- */

static enum status read_axis(const char *name, const char *text, struct axis *axis)
{
    enum status rc = OK;
    static const struct {
        enum key key;
        double first, last;
    } usual[] = {{KEY_T, 2, 8192}, {KEY_d, 4, 512}, {KEY_B, 1, 64}, {KEY_p, 0, 0.9}, {KEY_threshold, 0.05, 0.95}};
    char copy[128], *part[4] = {copy}, *rest = copy;
    double n = PIXELS;
    int parts = 0;
    REQUIRE(text && strlen(text) < sizeof copy, ERR_INPUT, "%s: needs %s=KEY, such as x=T y=d (`plateau help figure`)",
            name, name);
    snprintf(copy, sizeof copy, "%s", text);
    while (parts < 4 && rest)
        part[parts++] = strsep(&rest, ":");
    *axis = (struct axis){.of = {.key = keys_find(part[0])}, .ranged = parts > 1};
    if (axis->of.key == KEY_COUNT)
        return error_prefix(ERR_INPUT, "%s=%s", name, text);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (usual[i].key == axis->of.key)
            axis->of.first = usual[i].first, axis->of.last = usual[i].last;
    }
    REQUIRE(!rest &&
                (parts == 1 || (parts >= 3 && text_to_real(part[1], &axis->of.first) &&
                                text_to_real(part[2], &axis->of.last) && (parts == 3 || text_to_real(part[3], &n)))) &&
                n >= 2 && n <= FLOW_MAP_MOST && n == floor(n),
            ERR_INPUT, "%s=%s: an axis is KEY, KEY:first:last or KEY:first:last:pixels, 2 to %d of them", name, text,
            FLOW_MAP_MOST);
    axis->of.n = (size_t)n;
done:
    return rc;
}

static double coordinate(const struct axis *axis, double value)
{
    return axis->logarithmic ? log10(value) : value;
}

/* The script's x_name, x_log, x_low, .. */
static void set_axis(struct figure_data *data, const char *name, const struct axis *axis)
{
    char variable[32];
    snprintf(variable, sizeof variable, "%s_name", name);
    figure_data_set_text(data, variable, keys_name(axis->of.key));
    snprintf(variable, sizeof variable, "%s_log", name);
    figure_data_set_real(data, variable, axis->logarithmic);
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"first", axis->of.first}, {"last", axis->of.last}, {"from", axis->low}, {"to", axis->high}};
    for (int i = 0; i < 4; i++) {
        snprintf(variable, sizeof variable, "%s_%s", name, numbers[i].name);
        figure_data_set_real(data, variable, coordinate(axis, numbers[i].value));
    }
    snprintf(variable, sizeof variable, "%s_n", name);
    figure_data_set_real(data, variable, (double)axis->of.n);
}

/* ---- theory ---- */

/* What theory says at keys that may lie between whole numbers; NaN if nothing. Where B > T - 1 there is no problem:
 * that of the largest B then, for gnuplot's contours have to go on (the script cuts them off). */
static enum status theory_at(struct prediction_workspace *work, const struct keys *keys, double *value)
{
    const double *v = keys->value;
    *value = NAN;
    if (keys->preset >= PRESET_REGRESSION) {
        *value = published_plateau(keys);
        return OK;
    }
    struct flow f;
    struct prediction p = {.quadrature = NAN};
    const struct flow_start start = flow_unit_start(v[KEY_d]);
    const enum metric metric = keys->preset == PRESET_FLOW ? (enum metric)keys_integer(keys, KEY_metric) : METRIC_FULL;
    enum status rc = flow_init(v[KEY_T], v[KEY_d], fmin(v[KEY_B], v[KEY_T] - 1), v[KEY_p], metric, &start, &f);
    if (rc == OK)
        prediction_compute(work, &f, (enum loss)keys_integer(keys, KEY_loss), v[KEY_threshold], &p);
    *value = p.quadrature;
    return rc;
}

/* Point i of the grid along an axis: from the first pixel to the last, or to the ends of the cells, as far as there are
 * such problems. */
static double theory_place(const struct axis *axis, int i)
{
    static const struct {
        enum key key;
        double least, most;
    } bounds[] = {
        {KEY_T, 2, INFINITY}, {KEY_d, 1, INFINITY}, {KEY_B, 1, INFINITY}, {KEY_p, 0, .99}, {KEY_threshold, .01, .99}};
    double low = axis->values ? axis->low : axis->of.first, high = axis->values ? axis->high : axis->of.last;
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        if (bounds[b].key == axis->of.key)
            low = fmax(low, bounds[b].least), high = fmin(high, bounds[b].most);
    }
    if (i == 0 || i == THEORY - 1) /* to the bit, for beyond there is nothing */
        return i ? high : low;
    const double from = coordinate(axis, low), to = coordinate(axis, high), at = from + (to - from) * i / (THEORY - 1);
    return axis->logarithmic ? pow(10, at) : at;
}

/* A grid of it over the figure, as a table of scans with a blank line between them. */
static enum status add_theory(struct figure_data *data, const struct keys *keys, const struct axis *x,
                              const struct axis *y)
{
    enum status rc = OK;
    struct prediction_workspace *work = NULL;
    struct figure_table *table;
    struct keys at = *keys;
    const bool law = keys->preset >= PRESET_REGRESSION;
    const bool none = keys->preset == PRESET_REDUCED || run_flow_is_chain(keys) || keys->value[KEY_schedule] != 0;
    bool whole = !none && (law || (flow_map_has(x->of.key) && flow_map_has(y->of.key)));
    bool known = false; /* somewhere; gnuplot refuses a table without any value */
    TRY(figure_data_table(data, "-theory", "x,y,value", &table));
    TRY(prediction_create(&work));
    for (int j = 0; j < THEORY && whole; j++) {
        for (int i = 0; i < THEORY; i++) {
            double value, left = at.value[x->of.key] = theory_place(x, i),
                          up = at.value[y->of.key] = theory_place(y, j);
            TRY(theory_at(work, &at, &value));
            whole = whole && (!law || !isnan(value)); /* lines end where the quadrature is not known */
            known = known || !isnan(value);
            figure_data_row(
                table, &(struct figure_row){.series = "theory", .values = {{"x", left}, {"y", up}, {"value", value}}});
        }
        figure_data_gap(table);
    }
    figure_data_set_real(data, "T", keys->value[KEY_T]);
    figure_data_set_real(data, "B", keys->value[KEY_B]);
    figure_data_set_text(data, "theory",
                         !whole || !known ? ""
                         : law            ? "published law"
                         : x->values      ? "theory"
                                          : "theory (quadrature)");
done:
    prediction_free(work);
    return rc;
}

/* ---- the map of the flow ---- */

/* The keys that are not axes, from key=value. */
static enum status map_keys(const struct store_filter *filter, struct flow_map *map)
{
    enum status rc = OK;
    double given[KEY_COUNT];
    for (int key = 0; key < KEY_COUNT; key++) {
        const size_t n = filter ? filter->n[key] : 0;
        const bool axis = key == (int)map->x.key || key == (int)map->y.key;
        REQUIRE(n <= 1, ERR_INPUT, "%s: a map has one value of it; x or y=%s makes it an axis",
                keys_name((enum key)key), keys_name((enum key)key));
        REQUIRE(!n || !axis, ERR_INPUT, "%s: it is an axis, x or y=%s:first:last gives its range",
                keys_name((enum key)key), keys_name((enum key)key));
        given[key] = n ? filter->values[key][0] : NAN;
    }
    REQUIRE(isnan(given[KEY_model]) || given[KEY_model] == MODEL_FLOW, ERR_INPUT,
            "without a database it is the flow that is shown; sweep other models");
    REQUIRE(!filter || !filter->study, ERR_INPUT, "--study chooses runs of a database, and none is given");
    given[KEY_model] = MODEL_FLOW;
    if (map->x.key == KEY_T || map->y.key == KEY_T) /* so that B is judged against the longest */
        given[KEY_T] = ceil(map->x.key == KEY_T ? map->x.last : map->y.last);
    TRY(keys_resolve(given, &map->keys));
done:
    return rc;
}

static void add_little_endian(struct text *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const char bytes[] = {(char)(bits & 255), (char)(bits >> 8 & 255), (char)(bits >> 16 & 255), (char)(bits >> 24)};
    text_add_bytes(out, bytes, sizeof bytes);
}

/* NumPy's format 1.0: magic, version, length of the header, a dictionary padded with blanks, the records. */
static void write_array(const struct flow_map *map, struct text *out)
{
    char header[NPY_HEADER + 1];
    const int n = snprintf(header, sizeof header,
                           "%cNUMPY%c%c%c%c{'descr': [('plateau', '<f4'), ('error', '<f4'), ('method', '|u1')], "
                           "'fortran_order': False, 'shape': (%zu, %zu)}",
                           0x93, 1, 0, NPY_HEADER - 10, 0, map->y.n, map->x.n);
    memset(header + n, ' ', (size_t)(NPY_HEADER - n));
    header[NPY_HEADER - 1] = '\n';
    text_add_bytes(out, header, NPY_HEADER);
    for (size_t i = 0; i < map->x.n * map->y.n; i++) {
        const char method = (char)map->method[i];
        add_little_endian(out, map->plateau[i]);
        add_little_endian(out, map->error[i]);
        text_add_bytes(out, &method, 1);
    }
}

/* A row for each method: its pixels, the largest error known of them, and what random ones are off. */
static enum status summarise(struct figure_data *data, const struct flow_map *map, const struct flow_map_check *check)
{
    enum status rc = OK;
    struct figure_table *table;
    struct text *notes = data->request->notes;
    double low = INFINITY, high = 0;
    TRY(figure_data_table(data, "", "pixels,error,checked,difference", &table));
    for (int m = 0; m < FLOW_MAP_METHOD_COUNT; m++) {
        size_t n = 0;
        double error = 0;
        for (size_t i = 0; i < map->x.n * map->y.n; i++) {
            if (map->method[i] != m)
                continue;
            n++;
            error = fmax(error, map->error[i]); /* not NaN */
            low = fmin(low, map->plateau[i]);
            high = fmax(high, map->plateau[i]);
        }
        if (!n)
            continue;
        const char *name = flow_map_method_name((enum flow_map_method)m);
        figure_data_row(
            table,
            &(struct figure_row){
                .series = name,
                .values = {{"pixels", (double)n},
                           {"error", m == FLOW_MAP_EMPTY ? NAN : error},
                           {"checked", check ? (double)check->n[m] : NAN},
                           {"difference", check && check->n[m] && m != FLOW_MAP_EMPTY ? check->largest[m] : NAN}}});
        if (!notes || m == FLOW_MAP_EMPTY)
            continue;
        text_addf(notes, "phase: %zu pixels %s, error at most %.2g %%", n, name, 100 * error);
        text_addf(notes, check ? "; %zu random ones are off the integrated flow by at most %.2g %%\n" : "\n",
                  check ? check->n[m] : 0, check ? 100 * check->largest[m] : 0);
    }
    figure_data_set_real(data, "empty", memchr(map->method, FLOW_MAP_EMPTY, map->x.n * map->y.n) != NULL);
    figure_data_set_real(data, "low", low);
    figure_data_set_real(data, "high", high);
done:
    return rc;
}

static bool has_problems(const struct flow_map *map)
{
    size_t i = 0;
    while (i < map->x.n * map->y.n && map->method[i] == FLOW_MAP_EMPTY)
        i++;
    return i < map->x.n * map->y.n;
}

static enum status draw_map(struct figure_data *data, struct axis *x, struct axis *y)
{
    enum status rc = OK;
    const char *asked = data->request->check;
    struct flow_map map = {.x = x->of, .y = y->of};
    struct flow_map_check check;
    struct text others = {0};
    double checks = 0;
    REQUIRE(!asked || (text_to_real(asked, &checks) && checks >= 1 && checks <= MOST_CHECKS && checks == floor(checks)),
            ERR_INPUT, "check=%s: a number of pixels, 1 to %d", asked, MOST_CHECKS);
    TRY(map_keys(data->request->filter, &map));
    TRY(flow_map_compute(&map, scheduler_cores(), stop_reason()));
    if (asked)
        TRY(flow_map_check(&map, (size_t)checks, (uint64_t)keys_integer(&map.keys, KEY_seed), &check));
    struct axis *const axes[] = {x, y};
    for (int i = 0; i < 2; i++) { /* half a pixel more at both ends */
        axes[i]->logarithmic = flow_map_is_geometric(axes[i]->of.key);
        axes[i]->low = flow_map_value(&axes[i]->of, -0.5);
        axes[i]->high = flow_map_value(&axes[i]->of, (double)axes[i]->of.n - 0.5);
    }
    REQUIRE(has_problems(&map), ERR_INPUT, "no pixel of this map is a problem: B must be smaller than T");
    TRY(summarise(data, &map, asked ? &check : NULL));
    TRY(add_theory(data, &map.keys, x, y));
    write_array(&map, &data->binary);
    static const enum key shown[] = {KEY_T, KEY_d, KEY_B, KEY_p, KEY_metric, KEY_threshold};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        char buffer[32];
        const bool usual =
            shown[i] == KEY_metric && map.keys.value[KEY_B] == 1 && x->of.key != KEY_B && y->of.key != KEY_B;
        if (shown[i] != x->of.key && shown[i] != y->of.key && !usual)
            text_addf(&others, "%s{/:Italic %s} = %s", others.length ? ", " : "", keys_name(shown[i]),
                      keys_text(shown[i], map.keys.value[shown[i]], buffer));
    }
    figure_data_set_text(data, "what", others.data ? others.data : "");
    figure_data_set_text(data, "source", "map");
    figure_data_set_real(data, "header", NPY_HEADER);
    figure_data_set_text(data, "plateau_name", "plateau length (lr × steps)");
done:
    text_free(&others);
    flow_map_free(&map);
    return rc;
}

/* ---- the cells of a database ---- */

/* A run of a cell, for sorting by cell. */
struct place {
    double x, y;
    const struct result *result;
};

static int by_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return p->y != q->y ? (p->y > q->y) - (p->y < q->y) : (p->x > q->x) - (p->x < q->x);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The distinct values of the axis into axis->values, which has room for those of all runs. */
static enum status find_values(const struct figure_data *data, struct axis *axis)
{
    enum status rc = OK;
    const char *name = keys_name(axis->of.key);
    size_t n = 0;
    REQUIRE(!axis->ranged, ERR_INPUT, "%s: a range is for the flow's map; runs of a database are chosen with %s=..",
            name, name);
    REQUIRE(!keys_is_choice(axis->of.key) && axis->of.key != KEY_seed && axis->of.key != KEY_threshold, ERR_INPUT,
            "%s: the axes of a phase diagram are numbers that make another run", name);
    for (size_t i = 0; i < data->runs.n; i++) {
        axis->values[i] = runs_key(&data->runs.list[i], axis->of.key);
        REQUIRE(!isnan(axis->values[i]), ERR_INPUT,
                "%s: it does not apply to some of these runs; choose with key=value", name);
    }
    qsort(axis->values, data->runs.n, sizeof *axis->values, ascending);
    for (size_t i = 0; i < data->runs.n; i++) {
        if (!n || axis->values[i] != axis->values[n - 1])
            axis->values[n++] = axis->values[i];
    }
    REQUIRE(n > 1, ERR_INPUT, "%s: these runs have only %g, and an axis needs two values", name, axis->values[0]);
    axis->of.n = n;
    axis->of.first = axis->values[0], axis->of.last = axis->values[n - 1];
    axis->logarithmic = axis->of.first > 0 && axis->of.key != KEY_p;
done:
    return rc;
}

/* Where the cell of value i ends upwards (i + 1/2) or downwards (i - 1/2): half way to its neighbour, as far beyond the
 * last; but not beyond what the key may be. */
static double edge(const struct axis *axis, size_t i, int side)
{
    const size_t n = axis->of.n;
    const bool inner = side > 0 ? i + 1 < n : i > 0;
    const double here = coordinate(axis, axis->values[i]),
                 other = coordinate(axis, axis->values[(side > 0) == inner ? i + 1 : i - 1]);
    const double middle = here + (inner ? 0.5 : -0.5) * (other - here);
    double low, high;
    keys_range(axis->of.key, &low, &high);
    return axis->logarithmic ? pow(10, middle) : fmin(fmax(middle, low), high);
}

static size_t index_of(const struct axis *axis, double value)
{
    const double *at = bsearch(&value, axis->values, axis->of.n, sizeof value, ascending);
    return (size_t)(at - axis->values);
}

/* The median of one cell's runs; runs and steps have room for them. */
static void add_cell(struct figure_table *table, const struct axis *x, const struct axis *y, const struct place *cell,
                     size_t n, struct kaplan_meier_run *runs, struct kaplan_meier_step *steps)
{
    size_t emerged = 0, diverged = 0;
    bool reached;
    for (size_t i = 0; i < n; i++) {
        const struct result *r = cell[i].result;
        const bool never = r->state == RUN_DIVERGED;
        runs[i] = (struct kaplan_meier_run){never               ? INFINITY
                                            : isnan(r->plateau) ? r->cap
                                                                : r->plateau,
                                            r->state == RUN_EMERGED};
        emerged += runs[i].emerged;
        diverged += never;
    }
    size_t n_steps = kaplan_meier_curve(runs, n, steps);
    double median = kaplan_meier_median(runs, n, steps, n_steps, &reached);
    const size_t i = index_of(x, cell->x), j = index_of(y, cell->y);
    const char *series = reached ? "emerged" : 2 * diverged > n ? "diverged" : "censored";
    figure_data_row(table, &(struct figure_row){.series = series,
                                                .values = {{"x", cell->x},
                                                           {"y", cell->y},
                                                           {"value", *series == 'd' ? NAN : median},
                                                           {"x_from", edge(x, i, -1)},
                                                           {"x_to", edge(x, i, 1)},
                                                           {"y_from", edge(y, j, -1)},
                                                           {"y_to", edge(y, j, 1)},
                                                           {"runs", (double)n},
                                                           {"emerged", (double)emerged},
                                                           {"censored", (double)(n - emerged - diverged)},
                                                           {"diverged", (double)diverged}}});
}

static enum status draw_cells(struct figure_data *data, struct axis *x, struct axis *y)
{
    enum status rc = OK;
    struct chosen chosen;
    struct place *places = NULL;
    struct kaplan_meier_run *runs = NULL;
    struct kaplan_meier_step *steps = NULL;
    struct figure_table *table;
    TRY(figure_data_table(data, "", "x,y,value,x_from,x_to,y_from,y_to,runs,emerged,censored,diverged", &table));
    REQUIRE(!data->request->check, ERR_INPUT, "check: it is for the flow's map; leave it out");
    TRY(chosen_load(data, &chosen));
    const size_t n = data->runs.n;
    x->values = calloc(n, sizeof *x->values);
    y->values = calloc(n, sizeof *y->values);
    places = calloc(n, sizeof *places);
    runs = calloc(n, sizeof *runs);
    steps = calloc(n, sizeof *steps);
    REQUIRE(x->values && y->values && places && runs && steps, ERR_MEMORY, "out of memory for %zu runs", n);
    TRY(find_values(data, x));
    TRY(find_values(data, y));
    TRY(chosen_refuse_mixture(data, &chosen, (enum key[]){x->of.key, y->of.key}, 2, "a cell"));
    x->low = edge(x, 0, -1), x->high = edge(x, x->of.n - 1, 1);
    y->low = edge(y, 0, -1), y->high = edge(y, y->of.n - 1, 1);
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){runs_key(&data->runs.list[i], x->of.key), runs_key(&data->runs.list[i], y->of.key),
                                   &data->runs.list[i].result};
    qsort(places, n, sizeof *places, by_place);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i; next < n && !by_place(&places[i], &places[next]); next++)
            ;
        add_cell(table, x, y, &places[i], next - i, runs, steps);
    }
    const struct figure_column *value = figure_data_column(table, "value");
    REQUIRE(value->high > 0, ERR_INPUT, "every run of these has diverged");
    TRY(add_theory(data, &data->runs.list[0].result.keys, x, y));
    figure_data_set_real(data, "low", value->low);
    figure_data_set_real(data, "high", value->high);
    figure_data_set_text(data, "source", "cells");
    figure_data_set_real(data, "empty", 0);
    figure_data_set_real(data, "n_emerged", strstr(table->text.data, "\nemerged,") != NULL);
    figure_data_set_real(data, "n_censored", strstr(table->text.data, "\ncensored,") != NULL);
    figure_data_set_real(data, "n_diverged", strstr(table->text.data, "\ndiverged,") != NULL);
    chosen_set_labels(data, &chosen);
done:
    free(places);
    free(runs);
    free(steps);
    return rc;
}

enum status phase_draw(struct figure_data *data)
{
    enum status rc = OK;
    struct axis x = {.values = NULL}, y = {.values = NULL};
    TRY(read_axis("x", data->request->x, &x));
    TRY(read_axis("y", data->request->y, &y));
    REQUIRE(x.of.key != y.of.key, ERR_INPUT, "x and y are both %s", keys_name(x.of.key));
    TRY(data->store ? draw_cells(data, &x, &y) : draw_map(data, &x, &y));
    set_axis(data, "x", &x);
    set_axis(data, "y", &y);
done:
    free(x.values);
    free(y.values);
    return rc;
}
