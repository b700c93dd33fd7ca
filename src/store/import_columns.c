#include "store/import_columns.h"
#include "models/task.h"
#include "run/trace.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AS_NAME(column) #column,
static const char *const extra_names[] = {"plateau", "status", "wall_s", "run"};
/* Where a file of runs, or of curves, has the name of the run, capitals or not; the first that is there. */
static const char *const run_names[] = {"run", "id", "name", "_runid"};
/* Columns of a curve but for those of attention by layer and head. */
static const char *const curve_names[] = {"step", "loss", "accuracy",
                                          TRACE_TOY(AS_NAME) TRACE_TRANSFORMER(AS_NAME) TRACE_FORECAST(AS_NAME)};
#undef AS_NAME
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *import_columns_name(int column)
{
    return column < KEY_COUNT ? keys_name((enum key)column) : extra_names[column - KEY_COUNT];
}

bool import_columns_is_run(const char *name)
{
    for (size_t i = 0; i < COUNT(run_names); i++) {
        if (!strcasecmp(name, run_names[i]))
            return true;
    }
    return false;
}

void import_columns_describe(const char *name, const char *what, const char *value, struct text *out)
{
    text_add(out, "  ");
    text_add_plain(out, *name ? name : "(without a name)");
    text_addf(out, "  ->  %s%s", what, *value ? "  =  " : "");
    text_add_plain(out, value);
    text_add(out, "\n");
}

/* Of a key or of another column of runs; -1: of none. */
static int find_column(const char *name)
{
    for (int i = 0; i < IMPORT_COLUMNS; i++) {
        if (!strcmp(name, import_columns_name(i)))
            return i;
    }
    return -1;
}

/* Is it the name of a column that the curve of some run has? */
static bool is_of_curve(const char *name)
{
    for (size_t i = 0; i < COUNT(curve_names); i++) {
        if (!strcmp(name, curve_names[i]))
            return strcmp(name, "time") != 0; /* follows from the step; as a key it is one of runs */
    }
    for (int i = 0; task_at(i); i++) {
        for (int k = 0; k < task_at(i)->n_probes; k++) {
            const char *probe = task_at(i)->probes[k].name;
            const size_t n = strlen(probe);
            if (!strncmp(name, probe, n) && !strncmp(name + n, "_l", 2) && isdigit((unsigned char)name[n + 2]))
                return true;
        }
    }
    return !strncmp(name, "delta_a_", 8);
}

static bool is_run(const char *name)
{
    return !strcmp(name, extra_names[IMPORT_RUN - KEY_COUNT]);
}

/* What is on the left of a mapping, of this file? `loss` is a key and a column of curves: where there are curves it is
 * theirs, as the key is that of a kind of run which is seldom imported. */
static bool is_of(const struct import_map *map, const char *name, bool of_curves)
{
    if (of_curves)
        return is_run(name) || is_of_curve(name);
    return find_column(name) >= 0 && !(map->curves && !strcmp(name, "loss"));
}

/* ---- the map ---- */

static enum status check_left(const struct import_map *map, const struct import_mapping *m)
{
    const char *names[IMPORT_COLUMNS + COUNT(curve_names)];
    size_t n = 0;
    if (!map->curves && (is_run(m->name) || (!is_of(map, m->name, false) && is_of_curve(m->name))))
        return error_set(ERR_INPUT, "--map %.60s=%.60s: is about curves: give them with --curves-from FILE, too",
                         m->name, m->column);
    if (is_of(map, m->name, false) || (map->curves && is_of(map, m->name, true)))
        return OK;
    for (int i = 0; i < IMPORT_COLUMNS; i++)
        names[n++] = import_columns_name(i);
    for (size_t i = 0; i < COUNT(curve_names) && map->curves; i++)
        names[n++] = curve_names[i];
    const char *nearest = text_nearest(m->name, names, n);
    return error_set(
        ERR_INPUT,
        "--map %.60s=%.60s: %.60s is neither a key (`plateau keys`) nor plateau, status, wall_s%s%s%s%s; the "
        "name in the file comes behind the =",
        m->name, m->column, m->name, map->curves ? ", run or a column of a curve" : "",
        nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

enum status import_columns_map(const char *text, bool curves, struct import_map *map)
{
    enum status rc = OK;
    *map = (struct import_map){.curves = curves};
    if (!text)
        return OK;
    size_t most = 1;
    for (const char *s = text; (s = strchr(s, ',')); s++)
        most++;
    map->text = strdup(text);
    map->list = calloc(most, sizeof *map->list);
    REQUIRE(map->text && map->list, ERR_MEMORY, "out of memory for --map");
    for (char *at = map->text, *end; at; at = end) {
        struct import_mapping *m = &map->list[map->n];
        if ((end = strchr(at, ',')))
            *end++ = '\0';
        char *equals = strchr(at, '=');
        REQUIRE(
            equals && equals > at && equals[1], ERR_INPUT,
            "--map %.60s: expected KEY=COLUMN, the column's name in the file behind the =, with a comma between two "
            "of them",
            at);
        *equals = '\0';
        *m = (struct import_mapping){.name = at, .column = equals + 1};
        TRY(check_left(map, m));
        for (size_t i = 0; i < map->n; i++)
            REQUIRE(strcmp(map->list[i].name, m->name) != 0, ERR_INPUT,
                    "--map: %.60s is mapped twice, to %.60s and %.60s: leave one out", m->name, map->list[i].column,
                    m->column);
        map->n++;
    }
done:
    return rc;
}

void import_columns_free(struct import_map *map)
{
    free(map->text);
    free(map->list);
    *map = (struct import_map){0};
}

/* "-" in place of a column: none is this, whatever its name. */
static bool is_none(const struct import_mapping *m)
{
    return !strcmp(m->column, "-");
}

/* Without a ".value" at the end. */
static size_t bare_length(const char *name)
{
    static const char end[] = "value";
    const size_t n = strlen(name), m = sizeof end - 1;
    return n > m + 1 && !strcmp(name + n - m, end) && strchr("./", name[n - m - 1]) ? n - m - 1 : n;
}

/* The same name, but for / and . between its parts and a ".value" behind them? */
static bool is_like(const char *a, const char *b)
{
    const size_t n = bare_length(a);
    if (bare_length(b) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] && !(strchr("./", a[i]) && strchr("./", b[i])))
            return false;
    }
    return true;
}

/* The column that a mapping names; -1: there is none. */
static enum status find_mapped(const struct sheet *s, const struct import_mapping *m, int *column)
{
    enum status rc = OK;
    *column = -1;
    for (int exact = 1; exact >= 0 && *column < 0; exact--) {
        for (size_t i = 0; i < s->n; i++) {
            if (exact ? strcmp(s->names[i], m->column) != 0 : !is_like(s->names[i], m->column))
                continue;
            REQUIRE(*column < 0, ERR_INPUT, "--map %.60s=%.60s: fits two columns, %.60s and %.60s: leave one out",
                    m->name, m->column, s->names[*column], s->names[i]);
            *column = (int)i;
        }
    }
done:
    return rc;
}

/* ---- names ---- */

/* A column under a name that it goes by, its own or the map's. */
struct named {
    const char *name;
    int column;
};

/* What the columns go by into list[s->n + map->n]: first those that are mapped, then the others, but for a name that
 * another column has by the map. */
static enum status list_names(struct import_map *map, const struct sheet *s, bool of_curves, struct named **list,
                              size_t *n)
{
    enum status rc = OK;
    int column = -1;
    *n = 0;
    REQUIRE(*list = calloc(s->n + map->n + 1, sizeof **list), ERR_MEMORY, "out of memory for %zu columns", s->n);
    for (size_t i = 0; i < map->n; i++) {
        struct import_mapping *m = &map->list[i];
        column = -1;
        if (!is_of(map, m->name, of_curves))
            continue;
        TRY(is_none(m) ? OK : find_mapped(s, m, &column));
        if (column >= 0)
            (*list)[(*n)++] = (struct named){m->name, column};
        m->used = m->used || column >= 0 || is_none(m);
    }
    const size_t mapped = *n;
    for (size_t i = 0; i < s->n; i++) {
        bool taken = false;
        for (size_t k = 0; k < mapped; k++)
            taken = taken || (*list)[k].column == (int)i || !strcmp((*list)[k].name, s->names[i]);
        for (size_t k = 0; k < map->n; k++)
            taken = taken || (is_none(&map->list[k]) && !strcmp(map->list[k].name, s->names[i]));
        if (!taken)
            (*list)[(*n)++] = (struct named){s->names[i], (int)i};
    }
done:
    return rc;
}

/* The column with the name of the run, if none is mapped; -1: there is none. prefer: looked for first, or NULL. */
static int find_run(const struct named *list, size_t n, const char *prefer)
{
    for (size_t k = 0; k < n; k++) {
        if (is_run(list[k].name))
            return list[k].column;
    }
    for (int i = prefer ? -1 : 0; i < (int)COUNT(run_names); i++) {
        for (size_t k = 0; k < n; k++) {
            if (!strcasecmp(list[k].name, i < 0 ? prefer : run_names[i]))
                return list[k].column;
        }
    }
    return -1;
}

/* ---- what is left over ---- */

/* A name behind what Hydra, Optuna or a nested object puts before it. */
static const char *last_part(const char *name)
{
    static const char *const before[] = {"params_", "user_attrs_"};
    for (size_t i = 0; i < COUNT(before); i++) {
        if (!strncmp(name, before[i], strlen(before[i])))
            return name + strlen(before[i]);
    }
    const size_t n = bare_length(name);
    for (size_t i = n; i > 0; i--) {
        if (strchr("./", name[i - 1]))
            return name + i;
    }
    return name;
}

static void add_slip(struct import_left *left, const char *name, const char *before, const char *wanted,
                     const char *behind)
{
    text_add(&left->slips, left->slips.length ? ", " : "");
    text_add_plain(&left->slips, name);
    text_addf(&left->slips, "%s%s%s", before, wanted, behind);
}

/* A column that is not used. wanted[n]: names that nothing gives yet. */
static void leave(const char *name, const char *const *wanted, size_t n, struct import_left *left)
{
    const size_t length = strlen(name), most = length < 4 ? 0 : length < 8 ? 1 : 2;
    const char *part = last_part(name), *nearest = text_within(name, wanted, n, most);
    const bool longer = part != name || bare_length(name) < length;
    for (size_t i = 0; i < n && longer; i++) {
        const size_t m = strlen(wanted[i]);
        if (!strncmp(part, wanted[i], m) && part + m == name + bare_length(name)) {
            add_slip(left, name, " (", wanted[i], "? then say so with --map)");
            return;
        }
    }
    if (nearest && strcmp(nearest, name) != 0) {
        add_slip(left, name, " (did you mean ", nearest, "?)");
        return;
    }
    if (left->n++ < IMPORT_NAMED) {
        text_add(&left->names, left->names.length ? ", " : "");
        text_add_plain(&left->names, *name ? name : "one without a name");
    }
}

void import_columns_left_free(struct import_left *left)
{
    text_free(&left->slips);
    text_free(&left->names);
    *left = (struct import_left){0};
}

static enum status refuse(const char *name)
{
    const char *names[IMPORT_RUN];
    for (int i = 0; i < IMPORT_RUN; i++)
        names[i] = import_columns_name(i);
    if (!*name)
        return error_set(ERR_INPUT,
                         "a column without a name: leave it out (pandas: to_csv(.., index=False); R: row.names=FALSE)");
    const char *nearest = text_nearest(name, names, IMPORT_RUN);
    return error_set(ERR_INPUT,
                     "%.60s: no such column%s%s%s; columns are the keys of `plateau keys`, and plateau, status, wall_s",
                     name, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* ---- the two files ---- */

enum status import_columns_runs(struct import_map *map, const struct sheet *s, const double *defaults, bool strict,
                                const char *run, int *from, struct import_left *left)
{
    enum status rc = OK;
    struct named *list = NULL;
    size_t n, n_wanted = 0;
    const char *wanted[IMPORT_COLUMNS];
    for (int i = 0; i < IMPORT_COLUMNS; i++)
        from[i] = -1;
    TRY(list_names(map, s, false, &list, &n));
    for (size_t k = 0; k < n; k++) {
        const int column = find_column(list[k].name);
        if (column < 0 || column == IMPORT_RUN)
            continue;
        REQUIRE(from[column] < 0, ERR_INPUT, "two columns are named %s; leave one out", list[k].name);
        from[column] = list[k].column;
    }
    from[IMPORT_RUN] = run ? find_run(list, n, run) : -1;
    for (int i = 0; i < IMPORT_RUN; i++) { /* summary.loss and such are seldom meant to be the keys of that name */
        if (from[i] < 0 && (i >= KEY_COUNT || isnan(defaults[i])) && i != KEY_loss && i != KEY_time)
            wanted[n_wanted++] = import_columns_name(i);
    }
    for (size_t i = 0; i < s->n; i++) {
        bool used = false;
        for (int k = 0; k < IMPORT_COLUMNS; k++)
            used = used || from[k] == (int)i;
        if (!used && strict)
            TRY(refuse(s->names[i]));
        if (!used)
            leave(s->names[i], wanted, n_wanted, left);
    }
    TRY(text_status(&left->slips));
    TRY(text_status(&left->names));
done:
    free(list);
    return rc;
}

enum status import_columns_curves(struct import_map *map, const struct sheet *s, const char **names, int *from,
                                  size_t *n, int *step, int *run, struct import_left *left)
{
    enum status rc = OK;
    struct named *list = NULL;
    size_t all;
    *step = -1;
    *n = 0;
    TRY(list_names(map, s, true, &list, &all));
    *run = find_run(list, all, NULL);
    for (size_t k = 0; k < all; k++) {
        const char *name = list[k].name;
        if (list[k].column == *run)
            continue;
        if (!is_of_curve(name)) {
            leave(name, curve_names, COUNT(curve_names), left);
            continue;
        }
        for (size_t i = 0; i < *n; i++)
            REQUIRE(strcmp(names[i], name) != 0, ERR_INPUT, "two columns are named %s; leave one out", name);
        REQUIRE(*step < 0 || strcmp(name, "step") != 0, ERR_INPUT, "two columns are named step; leave one out");
        if (!strcmp(name, "step"))
            *step = list[k].column;
        else
            names[*n] = name, from[(*n)++] = list[k].column;
    }
    TRY(text_status(&left->slips));
    TRY(text_status(&left->names));
done:
    free(list);
    return rc;
}

enum status import_columns_found(const struct import_map *map, const struct sheet *s, bool of_curves)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct import_mapping *m = &map->list[i];
        if (m->used || !is_of(map, m->name, of_curves) || (is_run(m->name) && !of_curves))
            continue;
        const char *nearest = text_nearest(m->column, (const char *const *)s->names, s->n);
        for (size_t k = 0; k < s->n; k++) {
            if (last_part(s->names[k]) != s->names[k] && !strcmp(last_part(s->names[k]), last_part(m->column)))
                nearest = s->names[k];
        }
        return error_set(ERR_INPUT, "--map %.60s=%.200s: the file has no column %.200s%s%.60s%s", m->name, m->column,
                         m->column, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    }
    return OK;
}
