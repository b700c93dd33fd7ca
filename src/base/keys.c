#include "base/keys.h"
#include "base/hash.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a key's values: numbers, schedules, or one of the lists of choices. */
#define AS_TYPE(list) TYPE_##list,
enum type { TYPE_INTEGER, TYPE_REAL, TYPE_SCHEDULE, TYPE_CLAMP, CHOICE_LISTS(AS_TYPE) };
#undef AS_TYPE
enum { NO, YES, LATER };
#define NONE NULL

struct key_entry {
    enum type type;
    const char *defaults[PRESET_COUNT];
    const char *range, *unit, *group, *meaning;
    int hashed;
};

static const struct key_entry table[KEY_COUNT] = {
#define KEY(name, type, flow, toy, reduced, regression, recall, range, unit, group, hashed, meaning)                   \
    [KEY_##name] = {TYPE_##type, {flow, toy, reduced, regression, recall}, range, unit, #group, meaning, hashed},
#include "base/keys.def"
#undef KEY
};

static const char *const names[KEY_COUNT] = {
#define KEY(name, ...) [KEY_##name] = #name,
#include "base/keys.def"
#undef KEY
};

/* Choice lists, in the order of their types. */
#define AS_NAME(enumerator, name, ...) name,
#define AS_LIST(list) static const char *const choices_##list[] = {CHOICES_##list(AS_NAME)};
CHOICE_LISTS(AS_LIST)
#undef AS_LIST
#undef AS_NAME

static const struct choice_list {
    const char *name;
    const char *const *choices;
    size_t n;
} lists[] = {
#define AS_ENTRY(list) {#list, choices_##list, sizeof choices_##list / sizeof choices_##list[0]},
    CHOICE_LISTS(AS_ENTRY)
#undef AS_ENTRY
};

static const char *const preset_names[PRESET_COUNT] = {"flow", "toy", "reduced flow of a Transformer",
                                                       "regression Transformer", "recall Transformer"};

/* NULL for keys that are not one of a list. */
static const struct choice_list *key_choices(enum key key)
{
    return table[key].type > TYPE_CLAMP ? &lists[table[key].type - TYPE_CLAMP - 1] : NULL;
}

const char *keys_name(enum key key)
{
    return names[key];
}

bool keys_is_choice(enum key key)
{
    return table[key].type >= TYPE_SCHEDULE;
}

size_t keys_choices(enum key key, const char *const **choices)
{
    const struct choice_list *list = table[key].type > TYPE_CLAMP ? key_choices(key) : NULL;
    *choices = list ? list->choices : NULL;
    return list ? list->n : 0;
}

bool keys_is_integer(enum key key)
{
    return table[key].type == TYPE_INTEGER;
}

bool keys_is_hashed(enum key key)
{
    return table[key].hashed;
}

const char *keys_absent(enum key key)
{
    int kind = 0; /* the first to which the key applies */
    while (kind + 1 < PRESET_COUNT && !table[key].defaults[kind])
        kind++;
    return table[key].hashed == LATER ? table[key].defaults[kind] : NULL;
}

bool keys_applies(enum key key, enum preset preset)
{
    return table[key].defaults[preset] != NULL;
}

enum key keys_find(const char *name)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!strcmp(names[key], name))
            return (enum key)key;
    }
    const char *nearest = text_nearest(name, names, KEY_COUNT);
    if (nearest)
        error_set(ERR_INPUT, "%s: no such key; did you mean %s? (`plateau keys` lists them)", name, nearest);
    else
        error_set(ERR_INPUT, "%s: no such key (`plateau keys` lists them)", name);
    return KEY_COUNT;
}

/* "[0,1)" -> 0 and 1 */
static void ends_of(const char *range, double *low, double *high)
{
    char *end;
    *low = -INFINITY, *high = INFINITY;
    if (!*range)
        return;
    *low = strtod(range + 1, &end);
    *high = strtod(end + 1, NULL);
}

/* "[0,1)" -> is value inside? An empty range admits everything. */
static bool in_range(const char *range, double value)
{
    double low, high;
    ends_of(range, &low, &high);
    return !*range || ((*range == '[' ? value >= low : value > low) &&
                       (range[strlen(range) - 1] == ']' ? value <= high : value < high));
}

void keys_range(enum key key, double *low, double *high)
{
    ends_of(table[key].range, low, high);
}

static enum status choice_value(enum key key, const char *text, double *value)
{
    const struct choice_list *list = key_choices(key);
    if (!strcmp(list->name, "yesno"))
        text = !strcmp(text, "true") ? "yes" : !strcmp(text, "false") ? "no" : text;
    for (size_t i = 0; i < list->n; i++) {
        if (!strcmp(list->choices[i], text)) {
            *value = (double)i;
            return OK;
        }
    }
    struct text all = {0};
    for (size_t i = 0; i < list->n; i++)
        text_addf(&all, "%s%s", i ? ", " : "", list->choices[i]);
    const char *nearest = text_nearest(text, list->choices, list->n);
    enum status rc =
        error_set(ERR_INPUT, "%s=%s: %s is one of %s%s%s%s", names[key], text, names[key], all.data ? all.data : "",
                  nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
    text_free(&all);
    return rc;
}

enum status keys_value(enum key key, const char *text, double *value)
{
    const struct key_entry *entry = &table[key];
    if (entry->type > TYPE_CLAMP)
        return choice_value(key, text, value);
    if (entry->type == TYPE_SCHEDULE)
        return schedule_value(text, value);
    if (entry->type == TYPE_CLAMP)
        return clamp_value(text, value);
    if (key == KEY_eval_every && !strcmp(text, "auto")) {
        *value = KEYS_AUTO;
        return OK;
    }
    if (!text_to_real(text, value))
        return error_set(ERR_INPUT, "%s=%s: %s must be %s in %s", names[key], text, names[key],
                         keys_is_integer(key) ? "a whole number" : "a number", entry->range);
    if (keys_is_integer(key) && *value != rint(*value))
        return error_set(ERR_INPUT, "%s=%s: %s must be a whole number", names[key], text, names[key]);
    if (!in_range(entry->range, *value))
        return error_set(ERR_INPUT, "%s=%s: %s must be in %s", names[key], text, names[key], entry->range);
    return OK;
}

const char *keys_text(enum key key, double value, char *buffer)
{
    if (isnan(value))
        return strcpy(buffer, "");
    if (table[key].type > TYPE_CLAMP)
        return key_choices(key)->choices[(size_t)value];
    if (table[key].type == TYPE_SCHEDULE)
        return schedule_name(value);
    if (table[key].type == TYPE_CLAMP)
        return clamp_name(value);
    if (key == KEY_eval_every && value == KEYS_AUTO)
        return "auto";
    return text_real(buffer, value);
}

double keys_real(const struct keys *keys, enum key key)
{
    return keys->value[key];
}

bool keys_same(const struct keys *a, const struct keys *b, enum key key)
{
    return a->value[key] == b->value[key] || (isnan(a->value[key]) && isnan(b->value[key]));
}

bool keys_among(enum key key, const enum key *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == key)
            return true;
    }
    return false;
}

int64_t keys_integer(const struct keys *keys, enum key key)
{
    return (int64_t)keys->value[key];
}

static const struct optimizer_kind optimizers[] = {
#define AS_ENTRY(enumerator, name, gradient, time, ...)                                                                \
    {name, gradient, time, {__VA_ARGS__}, sizeof(enum key[]){__VA_ARGS__} / sizeof(enum key)},
    OPTIMIZERS(AS_ENTRY)
#undef AS_ENTRY
};
enum { N_OPTIMIZERS = sizeof optimizers / sizeof optimizers[0] };

const struct optimizer_kind *keys_optimizer(const struct keys *keys)
{
    const double optimizer = keys->value[KEY_optimizer];
    return isnan(optimizer) ? NULL : &optimizers[(int)optimizer];
}

bool keys_follow_flow(const struct keys *keys)
{
    const struct optimizer_kind *optimizer = keys_optimizer(keys);
    return !optimizer || (optimizer->time == TIME_FLOW && !(keys->value[KEY_momentum] > 0));
}

static bool reads(const struct optimizer_kind *optimizer, enum key key)
{
    return keys_among(key, optimizer->reads, optimizer->n_reads);
}

/* A setting that this optimizer does not read, but another does, is refused, unless it is the default: it would be
 * half-accepted. */
static enum status check_optimizer(const struct keys *k)
{
    const struct optimizer_kind *optimizer = keys_optimizer(k);
    for (int i = 0; i < KEY_COUNT && optimizer; i++) {
        const enum key key = (enum key)i;
        const char *text = table[key].defaults[k->preset];
        double fallback, value = k->value[key];
        bool others = false;
        char buffer[32];
        for (int other = 0; other < N_OPTIMIZERS; other++)
            others = others || reads(&optimizers[other], key);
        if (!others || reads(optimizer, key) || !text || keys_value(key, text, &fallback) != OK || value == fallback)
            continue;
        return error_set(ERR_INPUT, "optimizer=%s %s=%s: %s is not read by this optimizer; leave it out",
                         optimizer->name, names[key], keys_text(key, value, buffer), names[key]);
    }
    return OK;
}

/* Every value that B takes obeys B's rule; the training loss jumps where p does, so its fall ends no plateau. */
static enum status check_schedule(const struct keys *k)
{
    const double schedule = k->value[KEY_schedule];
    const struct schedule s = schedule_of(schedule);
    const bool recall = k->preset == PRESET_RECALL;
    const double most = schedule_largest(&s, SCHEDULE_B, 0), limit = recall ? k->value[KEY_pairs] : k->value[KEY_T] - 1;
    if (most > limit)
        return error_set(ERR_INPUT, "schedule=%s: B=%.0f: B must %s %s=%.0f", schedule_name(schedule), most,
                         recall ? "not exceed" : "be smaller than", recall ? "pairs" : "T", recall ? limit : limit + 1);
    if (s.n && k->value[KEY_loss] == LOSS_TRAIN)
        return error_set(ERR_INPUT, "schedule=%s loss=train: the training loss jumps at a switch; take loss=test",
                         schedule_name(schedule));
    return OK;
}

/* Chains of attentions are solved for one copy of the relevant token and no cross-sample repetition. */
static enum status check_chain(const struct keys *k)
{
    const double *v = k->value, hops = v[KEY_hops];
    if (k->preset > PRESET_TOY)
        return OK;
    if (v[KEY_tilt] != 0 && hops != 2)
        return error_set(ERR_INPUT, "hops=%.0f tilt=%g: tilt is what two hops differ by; leave it out", hops,
                         v[KEY_tilt]);
    if ((hops > 1 || v[KEY_lean] != 0) && (v[KEY_B] > 1 || v[KEY_p] > 0 || v[KEY_schedule] != 0))
        return error_set(
            ERR_INPUT,
            "hops=%.0f lean=%g: chains of attentions, and scores at the start, are known for B=1, p=0 and no "
            "schedule; leave those out",
            hops, v[KEY_lean]);
    if (v[KEY_init_scores] > 0 && (v[KEY_B] > 1 || v[KEY_p] > 0 || v[KEY_schedule] != 0))
        return error_set(ERR_INPUT,
                         "init_scores=%g: scores at the start are for B=1, p=0 and no schedule; leave those out",
                         v[KEY_init_scores]);
    return OK;
}

/* What may be held where. */
static enum status check_clamp(const struct keys *k, const struct clamp *c, unsigned *held)
{
    const double *v = k->value;
    const char *kind = clamp_kind_name(c->kind), *all = clamp_name(v[KEY_clamp]);
    const bool toy = k->preset <= PRESET_TOY, recall = k->preset == PRESET_RECALL;
    const bool fits = c->kind == CLAMP_HOP                               ? toy
                      : toy                                              ? false
                      : c->kind == CLAMP_UNIFORM                         ? true
                      : c->kind == CLAMP_COPY || c->kind == CLAMP_SELECT ? recall
                                                                         : !recall;
    if (!fits)
        return error_set(ERR_INPUT, "clamp=%s: %s does not apply to the %s; `plateau keys clamp` lists what does", all,
                         kind, preset_names[k->preset]);
    const double layers = toy ? v[KEY_hops] : v[KEY_layers];
    if (c->layer > layers)
        return error_set(ERR_INPUT, "clamp=%s: %s@%d: %s=%.0f", all, kind, c->layer, toy ? "hops" : "layers", layers);
    if (!toy && c->head > v[KEY_heads])
        return error_set(ERR_INPUT, "clamp=%s: .h%d: heads=%.0f", all, c->head, v[KEY_heads]);
    *held |= toy ? 1u << c->layer : 0;
    return OK;
}

static enum status check_clamps(const struct keys *k)
{
    const struct clamps clamps = clamp_of(k->value[KEY_clamp]);
    unsigned held = 0;
    for (size_t i = 0; i < clamps.n; i++) {
        enum status rc = check_clamp(k, &clamps.list[i], &held);
        if (rc != OK)
            return rc;
    }
    int hops = 0;
    for (; held; held &= held - 1)
        hops++;
    if (hops > 0 && hops >= k->value[KEY_hops])
        return error_set(ERR_INPUT, "clamp=%s hops=%.0f: at least one hop has to be free",
                         clamp_name(k->value[KEY_clamp]), k->value[KEY_hops]);
    return OK;
}

/* The equations of a Transformer's reduced flow. */
static enum status check_reduced(const struct keys *k)
{
    const double *v = k->value;
    if (k->preset != PRESET_REDUCED)
        return OK;
    if (v[KEY_p] > 0 || v[KEY_schedule] != 0)
        return error_set(ERR_INPUT,
                         "model=reduced p=%g schedule=%s: the reduced flow of a Transformer is for p=0 and no "
                         "schedule; leave them out",
                         v[KEY_p], schedule_name(v[KEY_schedule]));
    if (v[KEY_optimizer] == OPTIMIZER_ADAM && v[KEY_beta2] == 0)
        return error_set(ERR_INPUT, "model=reduced beta2=0: Adam's rates need a beta2 above 0");
    return OK;
}

/* Rules between keys. */
static enum status check_rules(const struct keys *k)
{
    const double *v = k->value;
    if (k->preset != PRESET_RECALL && !(v[KEY_B] < v[KEY_T]))
        return error_set(ERR_INPUT, "T=%.0f B=%.0f: B must be smaller than T", v[KEY_T], v[KEY_B]);
    if (k->preset == PRESET_RECALL && !(v[KEY_B] <= v[KEY_pairs]))
        return error_set(ERR_INPUT, "pairs=%.0f B=%.0f: B must not exceed pairs", v[KEY_pairs], v[KEY_B]);
    if (k->preset == PRESET_RECALL && !(v[KEY_pairs] <= v[KEY_vocab]))
        return error_set(ERR_INPUT, "pairs=%.0f vocab=%.0f: the keys are distinct, so pairs must not exceed vocab",
                         v[KEY_pairs], v[KEY_vocab]);
    if (k->preset == PRESET_RECALL && !(v[KEY_repeated_tokens] <= v[KEY_vocab]))
        return error_set(ERR_INPUT, "repeated_tokens=%.0f vocab=%.0f: repeated_tokens must not exceed vocab",
                         v[KEY_repeated_tokens], v[KEY_vocab]);
    if (v[KEY_placement] == PLACEMENT_BERNOULLI && !(v[KEY_pairs] < v[KEY_vocab]))
        return error_set(ERR_INPUT,
                         "pairs=%.0f vocab=%.0f: placement=bernoulli leaves the query out now and then, so "
                         "pairs must be smaller than vocab",
                         v[KEY_pairs], v[KEY_vocab]);
    bool draws = v[KEY_init] == INIT_GAUSSIAN || v[KEY_target] == TARGET_GAUSSIAN || k->preset == PRESET_TOY;
    if (k->preset <= PRESET_TOY && draws && v[KEY_d] > 16384)
        return error_set(ERR_INPUT, "d=%.0f: d x d numbers are drawn here, so d must not exceed 16384", v[KEY_d]);
    if (k->preset == PRESET_TOY && v[KEY_T] * v[KEY_d] > 1e8)
        return error_set(ERR_INPUT, "T=%.0f d=%.0f: the toy model holds one sample of T x d numbers, at most 1e8",
                         v[KEY_T], v[KEY_d]);
    if (k->preset == PRESET_REGRESSION && (v[KEY_T] * (v[KEY_d] + 1) > 1e8 || v[KEY_d] > 16384))
        return error_set(ERR_INPUT,
                         "T=%.0f d=%.0f: a sequence has T x d numbers, at most 1e8, and d must not exceed 16384",
                         v[KEY_T], v[KEY_d]);
    if (k->preset >= PRESET_REDUCED && keys_optimizer(k)->gradient == GRADIENT_EXACT)
        return error_set(ERR_INPUT, "optimizer=%s: the exact gradient is known for model=toy only; use sgd or adam",
                         keys_optimizer(k)->name);
    if (k->preset >= PRESET_REDUCED && fmod(v[KEY_width], 2) != 0)
        return error_set(ERR_INPUT, "width=%.0f: positions are sine and cosine pairs, so width must be even",
                         v[KEY_width]);
    enum status rc = OK;
    TRY(check_schedule(k));
    TRY(check_chain(k));
    TRY(check_clamps(k));
    TRY(check_reduced(k));
    TRY(check_optimizer(k));
done:
    return rc;
}

bool keys_is_trained(const struct keys *keys)
{
    return keys->preset != PRESET_FLOW && keys->preset != PRESET_REDUCED;
}

/* A task without a column of its own has the one of regression. */
enum preset keys_preset(double model, double task)
{
    static const enum preset presets[] = {[MODEL_FLOW] = PRESET_FLOW,
                                          [MODEL_TOY] = PRESET_TOY,
                                          [MODEL_REDUCED] = PRESET_REDUCED,
                                          [MODEL_TRANSFORMER] = PRESET_REGRESSION};
    enum preset preset = isnan(model) ? PRESET_REGRESSION : presets[(int)model];
    for (int i = PRESET_REGRESSION + 1; i < PRESET_COUNT && preset == PRESET_REGRESSION && !isnan(task); i++) {
        if (!strcmp(table[KEY_task].defaults[i], choices_task_name[(int)task]))
            preset = (enum preset)i;
    }
    return preset;
}

enum status keys_resolve(const double *given, struct keys *keys)
{
    keys->preset = keys_preset(given[KEY_model], given[KEY_task]);
    if (keys->preset <= PRESET_REDUCED && given[KEY_task] > TASK_REGRESSION)
        return error_set(ERR_INPUT, "task=%s: the %s knows task=regression only; %s needs model=transformer",
                         choices_task_name[(int)given[KEY_task]], preset_names[keys->preset],
                         choices_task_name[(int)given[KEY_task]]);
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *fallback = table[key].defaults[keys->preset];
        if (!fallback && !isnan(given[key]))
            return error_set(ERR_INPUT, "%s: this key does not apply to the %s; leave it out", names[key],
                             preset_names[keys->preset]);
        if (key == KEY_eval_every && given[key] == KEYS_AUTO)
            return error_set(ERR_INPUT, "eval_every=auto: is for runs that are made here; give a number");
        keys->value[key] = given[key];
        if (!fallback)
            keys->value[key] = NAN;
        else if (isnan(given[key])) {
            enum status rc = keys_value((enum key)key, fallback, &keys->value[key]);
            if (rc != OK)
                return rc;
        }
    }
    if (keys->value[KEY_hops] > 1 && isnan(given[KEY_lean])) /* the start that does not lean is a saddle */
        keys->value[KEY_lean] = 0.1;
    return check_rules(keys);
}

void keys_hash(const struct keys *keys, char hash[33])
{
    keys_hash_at(keys, KEYS_NUMERICS_REVISION, hash);
}

void keys_hash_at(const struct keys *keys, int revision, char hash[33])
{
    char line[SCHEDULE_TEXT + 32], number[32];
    uint64_t a = HASH_START, b = UINT64_C(0x84222325cbf29ce4);
    snprintf(line, sizeof line, "revision=%d\n", revision);
    a = hash_text(a, line);
    b = hash_text(b, line);
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *absent = keys_absent((enum key)key), *text = keys_text((enum key)key, keys->value[key], number);
        if (!table[key].hashed || !*text || (absent && !strcmp(absent, text)))
            continue;
        snprintf(line, sizeof line, "%s=%s\n", names[key], text);
        a = hash_text(a, line);
        b = hash_text(b, line) ^ (a >> 29);
    }
    snprintf(hash, 33, "%016" PRIx64 "%016" PRIx64, a, b);
}

void keys_describe(const struct keys *keys, struct text *out)
{
    char buffer[32];
    bool first = true;
    for (int key = 0; key < KEY_COUNT; key++) {
        double fallback = NAN;
        const char *text = table[key].defaults[keys->preset];
        const bool chain = key == KEY_lean && keys->value[KEY_hops] > 1; /* whose default is another one */
        bool always = chain || key == KEY_model || key == KEY_T || key == KEY_d || key == KEY_pairs ||
                      key == KEY_vocab || key == KEY_seed;
        if (!text || (!always && keys_value((enum key)key, text, &fallback) == OK && fallback == keys->value[key]))
            continue;
        text_addf(out, "%s%s=%s", first ? "" : " ", names[key], keys_text((enum key)key, keys->value[key], buffer));
        first = false;
    }
}

/* Type in words: "whole number", "number", or the choices. */
static void add_type(enum key key, struct text *out)
{
    if (table[key].type == TYPE_SCHEDULE) {
        text_add(out, "none, or p|B=VALUE@TIME|attention=A|loss=F, more of them after /");
        return;
    }
    if (table[key].type == TYPE_CLAMP) {
        text_add(out, "none, or copy|select|relevant|uniform@LAYER[.hHEAD][..STEP], or hop@HOP, more of them after /");
        return;
    }
    if (!keys_is_choice(key)) {
        text_add(out, keys_is_integer(key) ? "whole number in " : "number in ");
        text_add(out, table[key].range);
        return;
    }
    const struct choice_list *list = key_choices(key);
    for (size_t i = 0; i < list->n; i++)
        text_addf(out, "%s%s", i ? "|" : "", list->choices[i]);
}

/* Defaults in words: "512" if all kinds agree, else "512 (flow, toy), 256 (regression Transformer)". */
static void add_defaults(enum key key, struct text *out)
{
    bool said[PRESET_COUNT] = {false}, one = true;
    const char *const *defaults = table[key].defaults;
    for (int i = 1; i < PRESET_COUNT; i++)
        one = one && defaults[i] && defaults[0] && !strcmp(defaults[i], defaults[0]);
    if (one) {
        text_add(out, defaults[0]);
        return;
    }
    const char *separator = "";
    for (int i = 0; i < PRESET_COUNT; i++) {
        if (!defaults[i] || said[i])
            continue;
        text_addf(out, "%s%s (%s", separator, defaults[i], preset_names[i]);
        for (int j = i + 1; j < PRESET_COUNT; j++) {
            if (defaults[j] && !strcmp(defaults[i], defaults[j])) {
                said[j] = true;
                text_addf(out, ", %s", preset_names[j]);
            }
        }
        text_add(out, ")");
        separator = ", ";
    }
}

void keys_help(enum key only, struct text *out)
{
    const char *group = "";
    for (int key = 0; key < KEY_COUNT; key++) {
        if (only != KEY_COUNT && (int)only != key)
            continue;
        if (only == KEY_COUNT && strcmp(group, table[key].group)) {
            group = table[key].group;
            text_addf(out, "\n%s\n", group);
        }
        text_addf(out, "  %-16s %s\n                   type: ", names[key], table[key].meaning);
        add_type((enum key)key, out);
        if (*table[key].unit)
            text_addf(out, "   unit: %s", table[key].unit);
        text_add(out, "   default: ");
        add_defaults((enum key)key, out);
        text_add(out, "\n");
    }
}

void keys_man(struct text *out)
{
    const char *group = "";
    for (int key = 0; key < KEY_COUNT; key++) {
        if (strcmp(group, table[key].group)) {
            group = table[key].group;
            text_addf(out, ".SS %s\n", group);
        }
        text_addf(out, ".TP\n.B %s\n%s. Type: ", names[key], table[key].meaning);
        add_type((enum key)key, out);
        if (*table[key].unit)
            text_addf(out, "; unit: %s", table[key].unit);
        text_add(out, "; default: ");
        add_defaults((enum key)key, out);
        text_add(out, ".\n");
    }
}
