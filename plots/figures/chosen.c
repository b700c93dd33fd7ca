#include "plots/figures/chosen.h"
#include "plots/figures/figure.h"
#include "run/reading.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct loader {
    struct runs *runs;
    struct chosen *chosen;
    double first[KEY_COUNT]; /* value of each key in the first run to which it applies */
};

static void note_keys(struct loader *l, const struct keys *keys)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        const double value = keys->value[key];
        if (isnan(value) || key == KEY_seed || !keys_is_hashed((enum key)key))
            continue;
        if (isnan(l->first[key]))
            l->first[key] = value;
        l->chosen->varies[key] = l->chosen->varies[key] || value != l->first[key];
    }
}

static enum status add(void *context, const struct store_row *row)
{
    struct loader *l = context;
    struct store_row kept = {.id = row->id, .result = row->result, .has_curve = row->has_curve};
    struct result *r = &kept.result;
    bool known = true;
    if (r->state == RUN_INTERRUPTED) {
        l->chosen->interrupted++;
        return OK;
    }
    double threshold = reading_threshold(&r->keys, l->chosen->threshold);
    r->plateau = result_plateau_at(r, threshold, &known);
    r->keys.value[KEY_threshold] = threshold;
    if (r->state != RUN_DIVERGED)
        r->state = isnan(r->plateau) ? RUN_CENSORED : RUN_EMERGED;
    else if (!isnan(r->plateau)) /* it had emerged before */
        r->state = RUN_EMERGED;
    if (!known && r->state != RUN_DIVERGED) {
        l->chosen->unknown++;
        return OK;
    }
    const char *unit = store_unit(r);
    if (l->chosen->unit && strcmp(unit, l->chosen->unit))
        return error_set(
            ERR_INPUT, "some of these runs are measured in time, others in steps; choose with model=flow, model=toy or "
                       "model=transformer");
    l->chosen->unit = unit;
    note_keys(l, &r->keys);
    return runs_add(l->runs, &kept);
}

static enum status threshold_of(const struct store_filter *filter, double *threshold)
{
    *threshold = READING_USUAL;
    if (filter && filter->n[KEY_threshold] > 1)
        return error_set(ERR_INPUT, "threshold: runs are read at one; give a single value");
    if (filter && filter->n[KEY_threshold])
        *threshold = filter->values[KEY_threshold][0];
    return OK;
}

enum status chosen_load(struct figure_data *data, struct chosen *chosen)
{
    enum status rc = OK;
    const struct store_filter *asked = data->request->filter;
    struct store_filter filter = asked ? *asked : (struct store_filter){0};
    struct loader l = {.runs = &data->runs, .chosen = chosen};
    for (int key = 0; key < KEY_COUNT; key++)
        l.first[key] = NAN;
    *chosen = (struct chosen){0};
    TRY(threshold_of(asked, &chosen->threshold));
    filter.n[KEY_threshold] = 0; /* where to read, not which */
    TRY(store_each(data->store, &filter, add, &l));
    REQUIRE(data->runs.n, ERR_INPUT,
            "no run to show: %zu match%s, of which %zu did not record the threshold and %zu were interrupted",
            chosen->unknown + chosen->interrupted, chosen->unknown + chosen->interrupted == 1 ? "es" : "",
            chosen->unknown, chosen->interrupted);
    data->runs.unknown = chosen->unknown, data->runs.interrupted = chosen->interrupted;
done:
    return rc;
}

enum status chosen_refuse_mixture(const struct figure_data *data, const struct chosen *chosen, const enum key *keys,
                                  size_t n, const char *what)
{
    enum status rc = OK;
    char buffer[32], example[80] = "";
    struct text list = {0};
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!chosen->varies[key] || keys_among((enum key)key, keys, n))
            continue;
        text_addf(&list, "%s%s", list.length ? ", " : "", keys_name((enum key)key));
        if (!*example)
            snprintf(example, sizeof example, "%s=%s", keys_name((enum key)key),
                     keys_text((enum key)key, runs_key(&data->runs.list[0], (enum key)key), buffer));
    }
    TRY(text_status(&list));
    REQUIRE(!list.length, ERR_INPUT, "the runs of %s differ in %s; choose with key=value, such as %s", what, list.data,
            example);
done:
    text_free(&list);
    return rc;
}

void chosen_label(const struct chosen *chosen, const struct store_row *row, const enum key *keys, size_t n,
                  struct text *out)
{
    char buffer[32];
    const size_t begin = out->length;
    for (int key = 0; key < KEY_COUNT; key++) {
        const double value = runs_key(row, (enum key)key);
        if (chosen->varies[key] && !isnan(value) && !keys_among((enum key)key, keys, n))
            text_addf(out, "%s%s=%s", out->length > begin ? " " : "", keys_name((enum key)key),
                      keys_text((enum key)key, value, buffer));
    }
}

void chosen_set_labels(struct figure_data *data, const struct chosen *chosen)
{
    char text[READING_TEXT];
    const struct store_row *row = &data->runs.list[0];
    figure_data_set_text(data, "plateau_name",
                         !strcmp(chosen->unit, "time") ? "plateau length (lr × steps)" : "plateau length (steps)");
    figure_data_set_text(data, "read_at", reading_text(&row->result.keys, chosen->threshold, text));
}
