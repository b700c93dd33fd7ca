#include "plots/figures/figure.h"
#include "base/hash.h"
#include "base/data.h"
#include "plots/figures/folder.h"
#include "plots/figures/gnuplot.h"
#include "store/import.h"
#include "plots/figures/figure_data.h"
#include "run/reading.h"
#include "parallel/stop.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_VALUES = 32 }; /* in a list of the script */
static const size_t LARGEST_INPUT = 16 << 20, LARGEST_PICTURE = 256 << 20;
static const double GNUPLOT_SECONDS = 300; /* a picture takes a few */

enum status figure_ready(struct store *store, const struct figure *figure, bool *ready)
{
    const char *const studies[] = {figure->study, figure->second};
    *ready = true;
    for (int i = 0; i < 2 && *ready && studies[i]; i++) {
        const struct store_filter filter = {.study = studies[i]};
        enum status rc = store_any(store, &filter, ready);
        if (rc != OK)
            return rc;
        const bool folder = store_is_in_memory(store); /* of results, into which no sweep writes */
        if (!*ready)
            error_set(ERR_INPUT,
                      "%s has no run of the study %s; make them with `%s%s%splateau sweep "
                      "validation/studies/%s.yaml --db %s`",
                      store_path(store), studies[i], folder ? "plateau merge NEW.db " : "",
                      folder ? store_path(store) : "", folder ? " && " : "", studies[i],
                      folder ? "NEW.db" : store_path(store));
    }
    return OK;
}

/* ---- reading ---- */

/* The user's points, through the same reader as `plateau import`, by way of a database in the scratch folder. */
static enum status read_data(struct figure_data *data, const char *path, const struct folder *scratch)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct text file = {0};
    double defaults[KEY_COUNT];
    struct import_report report = {0};
    for (int key = 0; key < KEY_COUNT; key++)
        defaults[key] = NAN;
    defaults[KEY_model] = MODEL_TOY;
    text_addf(&file, "%s/data.db", scratch->path.data);
    TRY(text_status(&file));
    TRY(store_open(file.data, STORE_WRITE, NULL, &store));
    TRY(import_runs(store,
                    &(struct import_request){.path = path, .study = "data", .defaults = defaults, .fallback = true},
                    &report));
    TRY(runs_load(store, NULL, READING_USUAL, &data->own));
    REQUIRE(data->own.n, ERR_INPUT, "%s: no point to show", path);
    data->own_name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
done:
    store_close(store);
    unlinkat(scratch->fd, "data.db", 0);
    text_free(&file);
    import_report_free(&report);
    return rc;
}

/* A script that comes with the program, appended to `out`. */
static enum status read_script(const char *name, struct text *out)
{
    char file[80], path[DATA_PATH];
    snprintf(file, sizeof file, "plots/figures/%s", name);
    enum status rc = data_path(file, path);
    return rc == OK ? text_read_file(path, 1 << 20, out) : rc;
}

/* ---- writing ---- */

/* The figures of a folder share one common.gp, so each notes which one drew it; and its own script, so that one that
 * was edited is told from one of another version. */
static uint64_t sum_of(const char *bytes, size_t n)
{
    return hash_bytes(HASH_START, bytes, n);
}

static const char own_sum[] = "this: "; /* in the first line, before the sum of the others */

/* A script: its first line, to which the sum is added, and the others. */
static enum status write_script(const struct folder *scratch, const char *name, const char *first,
                                const struct text *body)
{
    struct text whole = {0};
    text_addf(&whole, "%s%s%016" PRIx64 ")\n", first, own_sum, sum_of(body->data, body->length));
    text_add_bytes(&whole, body->data, body->length);
    enum status rc = folder_write(scratch, name, &whole);
    text_free(&whole);
    return rc;
}

static bool is_edited(const struct text *script)
{
    const char *end = script->length ? strchr(script->data, '\n') : NULL,
               *sum = end ? strstr(script->data, own_sum) : NULL;
    if (!sum || sum > end)
        return false;
    return strtoull(sum + sizeof own_sum - 1, NULL, 16) !=
           sum_of(end + 1, script->length - (size_t)(end + 1 - script->data));
}

/* A script that somebody has edited is not lost: it gets another name, which is said. */
static enum status keep_edited(const struct folder *folder, const char *name)
{
    enum status rc = OK;
    struct text old = {0}, kept = {0};
    bool there;
    TRY(folder_read(folder, name, LARGEST_INPUT, &old, &there));
    if (there && is_edited(&old)) {
        TRY(folder_keep(folder, name, &kept));
        fprintf(stderr, "plateau: %s/%s was edited: it is now %s\n", folder->path.data, name, kept.data);
    }
done:
    text_free(&old);
    text_free(&kept);
    return rc;
}

/* Tables and scripts into the scratch folder; `script` is the name of the figure's own. */
static enum status write_inputs(const struct figure_data *data, const struct folder *scratch, const char *script)
{
    enum status rc = OK;
    struct text text = {0}, first = {0};
    char name[80];
    for (size_t i = 0; i < data->n_tables; i++) {
        snprintf(name, sizeof name, "fig%s%s.csv", data->figure->name, data->tables[i].suffix);
        TRY(folder_write(scratch, name, &data->tables[i].text));
    }
    if (data->binary.length) {
        snprintf(name, sizeof name, "fig%s.npy", data->figure->name);
        TRY(folder_write(scratch, name, &data->binary));
    }
    TRY(read_script("common.gp", &text));
    TRY(write_script(scratch, "common.gp", "# Of all figures here (", &text));
    text_addf(&first, "# Figure %s: `gnuplot %s` draws it again from the tables beside it (common.gp: %016" PRIx64 ", ",
              data->figure->name, script, sum_of(text.data, text.length));
    TRY(text_status(&first));
    text_clear(&text);
    text_addf(&text, "name = 'fig%s'\n", data->figure->name);
    text_add_bytes(&text, data->assignments.data, data->assignments.length);
    text_add(&text, "load 'common.gp'\n\n");
    TRY(read_script(script, &text));
    TRY(text_status(&text));
    TRY(write_script(scratch, script, first.data, &text));
done:
    text_free(&text);
    text_free(&first);
    return rc;
}

/* All three are there, to their ends: gnuplot does not tell when the disk is full. */
static enum status check_pictures(const struct folder *folder, const char *name)
{
    static const struct {
        const char *form, *end;
        size_t within; /* so many bytes of the file's own end */
    } pictures[] = {{"pdf", "%%EOF", 32}, {"svg", "</svg>", 32}, {"png", "IEND\xae\x42\x60\x82", 8}};
    enum status rc = OK;
    struct text picture = {0};
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        char file[64];
        bool there;
        const size_t length = strlen(pictures[i].end);
        snprintf(file, sizeof file, "fig%s.%s", name, pictures[i].form);
        text_clear(&picture);
        TRY(folder_read(folder, file, LARGEST_PICTURE, &picture, &there));
        REQUIRE(there && picture.length, ERR_PROGRAM, "gnuplot wrote no %s; is the disk full?", file);
        const size_t from = picture.length > pictures[i].within ? picture.length - pictures[i].within : 0;
        REQUIRE(memmem(picture.data + from, picture.length - from, pictures[i].end, length), ERR_PROGRAM,
                "gnuplot wrote %s without its end; is the disk full?", file);
    }
done:
    text_free(&picture);
    return rc;
}

struct comparison {
    const struct folder *one, *other;
    bool same;
};

static bool compare_file(void *context, const char *name)
{
    struct comparison *c = context;
    struct text a = {0}, b = {0};
    bool one = false, other = false;
    c->same = folder_read(c->one, name, LARGEST_INPUT, &a, &one) == OK &&
              folder_read(c->other, name, LARGEST_INPUT, &b, &other) == OK && one && other && a.length == b.length &&
              (!a.length || !memcmp(a.data, b.data, a.length));
    text_free(&a);
    text_free(&b);
    return c->same;
}

/* True if `folder` has the pictures of these very tables and scripts: then there is nothing to draw. */
static bool is_drawn(const struct folder *scratch, const struct folder *folder, const char *name)
{
    struct comparison c = {scratch, folder, check_pictures(folder, name) == OK};
    if (c.same)
        folder_each(scratch, compare_file, &c);
    return c.same;
}

/* ---- its data ---- */

/* What the picture leaves out. */
static void add_caveats(const struct figure_data *data)
{
    const struct runs *const all[] = {&data->runs, &data->more, &data->own};
    for (size_t i = 0; data->request->notes && i < sizeof all / sizeof all[0]; i++) {
        struct text one = {0};
        runs_caveats(all[i], &one);
        if (one.length)
            text_addf(data->request->notes, "%s: runs:%s\n", data->figure->name, one.data);
        text_free(&one);
    }
}

/* The runs of its studies, and the user's points. */
static enum status load(struct figure_data *data, const struct folder *scratch)
{
    enum status rc = OK;
    const struct figure *figure = data->figure;
    const double threshold = figure->own_thresholds ? READING_OWN : READING_USUAL;
    char read_at[READING_TEXT];
    data->shown = figure->second ? &data->more : &data->runs;
    if (figure->study)
        TRY(runs_load(data->store, figure->study, threshold, &data->runs));
    if (figure->second)
        TRY(runs_load(data->store, figure->second, threshold, &data->more));
    REQUIRE(!figure->study || (data->runs.n && data->shown->n), ERR_INPUT,
            "every run of its study diverged, was interrupted or ended before the threshold that is shown; sweep it "
            "again");
    if (data->request->data)
        TRY(read_data(data, data->request->data, scratch));
    if (figure->study && !figure->own_thresholds) /* for who reads the script, and for labels */
        figure_data_set_text(data, "read_at", reading_text(&data->runs.list[0].result.keys, READING_USUAL, read_at));
    figure_data_set_text(data, "data", data->own_name ? "data" : "");
    figure_data_set_text(data, "data_name", data->own_name ? data->own_name : "");
done:
    return rc;
}

/* Leaves those runs that its entry asks for. */
static void choose(struct figure_data *data)
{
    const struct figure *figure = data->figure;
    for (size_t i = 0; i < figure->largest.n; i++)
        runs_keep_largest(data->shown, figure->largest.list[i]);
    if (figure->few_seeds)
        runs_keep_seeds(data->shown);
}

/* The lists and constants of its entry. */
static void set_names(struct figure_data *data)
{
    const struct figure *figure = data->figure;
    const enum model model = figure->part == FIGURE_TRANSFORMER ? MODEL_TRANSFORMER : MODEL_FLOW;
    for (int i = 0; i < FIGURE_NAMES && figure->lists[i].name; i++) {
        double values[MOST_VALUES];
        const size_t n = runs_values(data->shown, model, figure->lists[i].key, values, MOST_VALUES);
        figure_data_set_list(data, figure->lists[i].name, values, n);
    }
    for (int i = 0; i < FIGURE_NAMES && figure->constants[i].name; i++)
        figure_data_set_real(data, figure->constants[i].name,
                             runs_key(&data->shown->list[0], figure->constants[i].key));
}

/* All that the script draws. */
static enum status prepare(struct figure_data *data, const struct folder *scratch)
{
    enum status rc = OK;
    const struct figure *figure = data->figure;
    struct figure_table *table;
    TRY(load(data, scratch));
    if (figure->study) /* before it is thinned out */
        add_caveats(data);
    choose(data);
    if (figure->columns)
        TRY(figure_data_table(data, "", figure->columns, &table));
    TRY(figure->draw(data));
    REQUIRE(data->tables[0].n_rows, ERR_INPUT,
            "none of the runs of its study belongs in this figure; sweep the study as shipped");
    if (!figure->study)
        add_caveats(data);
    set_names(data);
    figure_data_set_ranges(data);
    TRY(figure_data_status(data));
done:
    return rc;
}

/* ---- the whole ---- */

/* ERR_INPUT: the user's points are for figures that take them, which it names. */
static enum status check_data(const struct figure *figure)
{
    struct text names = {0};
    size_t n = 0, place = 0;
    for (size_t i = 0; i < figure_count(); i++)
        n += figure_at(i)->takes_data != NULL;
    for (size_t i = 0; i < figure_count(); i++) {
        if (figure_at(i)->takes_data && ++place)
            text_addf(&names, "%s%s", place == 1 ? "" : place == n ? " and " : ", ", figure_at(i)->name);
    }
    enum status rc = text_status(&names);
    if (rc == OK && !figure->takes_data)
        rc = error_set(ERR_INPUT, "it takes no --data; %s do", names.data);
    text_free(&names);
    return rc;
}

/* Before anything is made: is it asked for what it can show? */
static enum status check(struct store *store, const struct figure *figure, const struct figure_request *request)
{
    enum status rc = OK;
    bool ready = true, asks = false;
    if (request->data)
        TRY(check_data(figure));
    for (int key = 0; request->filter && key < KEY_COUNT; key++)
        asks = asks || request->filter->n[key];
    REQUIRE(!figure->study || !(asks || (request->filter && request->filter->study)), ERR_INPUT,
            "it shows the runs of its study, and takes no key=value");
    REQUIRE(figure->stands_alone || !(request->x || request->y || request->check), ERR_INPUT,
            "x, y and check are for the figure phase");
    REQUIRE(store || figure->stands_alone, ERR_INPUT, "needs a database");
    if (*stop_reason())
        TRY(stop_error("%s is not drawn", figure->name));
    if (figure->study)
        TRY(figure_ready(store, figure, &ready));
    rc = ready ? OK : ERR_INPUT;
done:
    return rc;
}

enum status figure_draw(struct store *store, const struct figure_request *request)
{
    enum status rc = OK;
    const struct figure *figure;
    const char *name = request->name;
    struct figure_data data = {.store = store, .request = request};
    struct folder folder = {.fd = -1}, scratch = {.fd = -1};
    char script[64];
    TRY(figure_find(name, &figure));
    name = figure->name; /* "fig1a" is 1a */
    TRY(check(store, figure, request));
    TRY(folder_open(request->folder, &folder));
    TRY(folder_make(&folder, &scratch));
    data.figure = figure;
    TRY(prepare(&data, &scratch));
    snprintf(script, sizeof script, "fig%s.gp", name);
    TRY(write_inputs(&data, &scratch, script));
    if (is_drawn(&scratch, &folder, name))
        goto done;
    TRY(gnuplot_run(scratch.path.data, script, GNUPLOT_SECONDS));
    TRY(check_pictures(&scratch, name));
    TRY(keep_edited(&folder, script));
    TRY(keep_edited(&folder, "common.gp"));
    TRY(folder_move(&scratch, &folder));
done:
    folder_remove(&folder, &scratch);
    folder_close(&folder);
    if (rc != OK)
        error_prefix(rc, "figure %s", name);
    figure_data_free(&data);
    return rc;
}
