/* The table of keys (keys.def) as JSON, for programs that read it: the Python package takes its keywords from here. */
#include "base/keys.h"
#include <math.h>
#include <string.h>

/* The words of the table, as they stand in it; all else is asked of keys.c. */
static const struct {
    const char *type, *defaults[PRESET_COUNT], *range, *unit, *group, *meaning;
} words[KEY_COUNT] = {
#define NONE NULL
#define KEY(name, type, flow, toy, reduced, regression, recall, range, unit, group, hashed, meaning)                   \
    [KEY_##name] = {#type, {flow, toy, reduced, regression, recall}, range, unit, #group, meaning},
#include "base/keys.def"
#undef KEY
#undef NONE
};

/* The kinds of run, in the order of their columns. */
static const char *const kinds[PRESET_COUNT] = {"flow", "toy", "reduced", "regression", "recall"};

static const char *type_of(enum key key)
{
    const char *const *names;
    if (keys_choices(key, &names))
        return "choice";
    if (keys_is_choice(key))
        return !strcmp(words[key].type, "CLAMP") ? "clamp" : "schedule";
    return keys_is_integer(key) ? "integer" : "number";
}

/* {"flow": 512, ..}: a kind of run to which the key does not apply is left out. */
static void add_defaults(enum key key, struct text *out)
{
    const char *separator = "";
    text_add(out, "{");
    for (int kind = 0; kind < PRESET_COUNT; kind++) {
        const char *text = words[key].defaults[kind];
        if (!text)
            continue;
        text_addf(out, "%s\"%s\": ", separator, kinds[kind]);
        if (keys_is_choice(key))
            text_add_json(out, text);
        else
            text_add(out, text); /* a number as the table has it is a number of JSON */
        separator = ", ";
    }
    text_add(out, "}");
}

/* [..] of the names, or null where the values are no list of names. */
static void add_choices(enum key key, struct text *out)
{
    const char *const *names;
    const size_t n = keys_choices(key, &names);
    for (size_t i = 0; i < n; i++)
        text_addf(out, "%s\"%s\"", i ? ", " : "[", names[i]);
    text_add(out, n ? "]" : "null");
}

static void add_text(struct text *out, const char *name, const char *value)
{
    text_addf(out, ", \"%s\": ", name);
    if (*value)
        text_add_json(out, value);
    else
        text_add(out, "null");
}

void keys_json(enum key only, struct text *out)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        const enum key key = (enum key)i;
        double low, high;
        if (only != KEY_COUNT && only != key)
            continue;
        keys_range(key, &low, &high);
        text_addf(out, "{\"name\": \"%s\", \"type\": \"%s\", \"default\": ", keys_name(key), type_of(key));
        add_defaults(key, out);
        add_text(out, "range", words[key].range);
        text_add(out, ", \"low\": ");
        text_add_real(out, low);
        text_add(out, ", \"high\": ");
        text_add_real(out, high);
        text_add(out, ", \"choices\": ");
        add_choices(key, out);
        add_text(out, "unit", words[key].unit);
        add_text(out, "group", words[key].group);
        text_addf(out, ", \"identity\": %s", keys_is_hashed(key) ? "true" : "false");
        add_text(out, "meaning", words[key].meaning);
        text_add(out, "}\n");
    }
}
