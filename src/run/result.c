#include "run/result.h"
#include "models/task.h"
#include <math.h>
#include <string.h>

static const char *const state_names[] = {
#define AS_NAME(name, text) text,
    RUN_STATES(AS_NAME)
#undef AS_NAME
};

const char *result_state_name(enum run_state state)
{
    return state_names[state];
}

bool result_state_find(const char *name, enum run_state *state)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (!strcmp(state_names[i], name)) {
            *state = (enum run_state)i;
            return true;
        }
    }
    return false;
}

int result_levels(const struct keys *keys)
{
    return task_of(keys)->levels;
}

const char *result_level_name(const struct keys *keys, int i)
{
    return task_of(keys)->level_names[i];
}

static bool names_level(const struct task_kind *task, const char *name)
{
    for (int i = 0; i < task->levels; i++) {
        if (!strcmp(task->level_names[i], name))
            return true;
    }
    return false;
}

/* The level names of all kinds of task, each once. */
const char *result_any_level_name(int i)
{
    const struct task_kind *task;
    for (int kind = 0; (task = task_at(kind)); kind++) {
        for (int level = 0; level < task->levels; level++) {
            bool known = false;
            for (int before = 0; before < kind; before++)
                known = known || names_level(task_at(before), task->level_names[level]);
            if (!known && i-- == 0)
                return task->level_names[level];
        }
    }
    return NULL;
}

const char *result_solver_name(int i)
{
    static const char *const names[RESULT_SOLVER] = {"steps", "rhs_evals", "jac_evals", "error_test_fails"};
    return names[i];
}

bool result_solved(const struct result *r)
{
    return r->solver[0] > 0;
}

double result_level(const struct keys *keys, int i)
{
    return task_of(keys)->level(keys, i);
}

double result_crossing(const struct result *r, const char *name, bool *applies)
{
    for (int i = 0; i < result_levels(&r->keys); i++) {
        if (!strcmp(name, result_level_name(&r->keys, i))) {
            *applies = true;
            return r->crossings[i];
        }
    }
    *applies = false;
    return NAN;
}

void result_crossings(const struct result *r, struct text *out)
{
    for (int i = 0; i < result_levels(&r->keys); i++) {
        text_addf(out, "%s\"%s\": ", i ? ", " : "{", result_level_name(&r->keys, i));
        text_add_real(out, r->crossings[i]);
    }
    text_add(out, "}");
}

static void add_field(struct text *out, const char *name, double value)
{
    text_addf(out, ", \"%s\": ", name);
    text_add_real(out, value);
}

static void add_keys(const struct keys *keys, struct text *out)
{
    char buffer[32];
    bool first = true;
    for (int key = 0; key < KEY_COUNT; key++) {
        /* A Transformer's precision and what its products ran on stand behind the outcome, as for the toy. */
        if (isnan(keys->value[key]) || key == KEY_precision || key == KEY_backend)
            continue;
        text_addf(out, "%s\"%s\": ", first ? "{" : ", ", keys_name((enum key)key));
        const char *value = keys_text((enum key)key, keys->value[key], buffer);
        if (keys_is_choice((enum key)key))
            text_add_json(out, value);
        else
            text_add(out, value);
        first = false;
    }
}

void result_bracket(const struct result *r, double length, double *low, double *high)
{
    const double steps = r->keys.value[KEY_eval_every], lr = r->keys.preset == PRESET_TOY ? r->keys.value[KEY_lr] : 1;
    *low = *high = length;
    if (!keys_is_trained(&r->keys) || isnan(r->initial_loss) || !(length > 0))
        return;
    const double number = ceil(length / (steps * lr) * (1 - 1e-12)); /* of the evaluation; lengths are rounded */
    *low = (number - 1) * steps * lr;
    *high = fmax(number * steps * lr, length);
}

bool result_is_coarse(double length, double low, double high)
{
    static const double wide = 0.05;
    return high - low > wide * length;
}

bool result_is_late(const struct result *r, double length)
{
    double low, high;
    result_bracket(r, length, &low, &high);
    return low == 0 && high > 0;
}

static void add_bracket(const struct result *r, struct text *out)
{
    double low, high;
    result_bracket(r, r->plateau, &low, &high);
    text_add(out, ", \"bracket\": ");
    if (isnan(low)) {
        text_add(out, "null");
        return;
    }
    text_add(out, "[");
    text_add_real(out, low);
    text_add(out, ", ");
    text_add_real(out, high);
    text_add(out, "]");
}

/* What theory expects of that kind of run. */
static void add_predicted(const struct result *r, struct text *out)
{
    const enum preset preset = r->keys.preset;
    const char *separator = ", \"predicted\": {";
#define AS_JSON(name, meaning)                                                                                         \
    text_addf(out, "%s\"" #name "\": ", separator);                                                                    \
    text_add_real(out, r->predicted.name);                                                                             \
    separator = ", ";
    if (preset <= PRESET_TOY) {
        PREDICTIONS_FLOW(AS_JSON)
    }
    if (preset <= PRESET_TOY && r->keys.value[KEY_hops] > 1) {
        PREDICTIONS_CHAIN(AS_JSON)
    }
    if (preset > PRESET_TOY) {
        PREDICTIONS_TRANSFORMER(AS_JSON)
    }
    if (preset == PRESET_TOY)
        add_field(out, "flow", r->flow_plateau);
    if (keys_is_trained(&r->keys)) {
        PREDICTIONS_RUN(AS_JSON)
    }
#undef AS_JSON
    text_add(out, "}");
}

void result_expected_json(const struct result *r, struct text *out)
{
    add_keys(&r->keys, out);
    if (r->keys.preset != PRESET_RECALL)
        add_predicted(r, out);
}

void result_json(const struct result *r, struct text *out)
{
    enum preset preset = r->keys.preset;
    add_keys(&r->keys, out);
    add_field(out, "plateau", r->plateau);
    text_addf(out, ", \"unit\": \"%s\", \"status\": \"%s\"", preset <= PRESET_TOY ? "time" : "steps",
              state_names[r->state]);
    if (keys_is_trained(&r->keys))
        add_bracket(r, out);
    add_field(out, "initial_loss", r->initial_loss);
    add_field(out, "null_loss", r->null_loss);
    add_field(out, "final_loss", r->final_loss);
    text_add(out, ", \"crossings\": ");
    result_crossings(r, out);
    const struct schedule schedule = schedule_of(r->keys.value[KEY_schedule]);
    for (size_t i = 0; i < schedule.n; i++) {
        text_add(out, i ? ", " : ", \"switched\": [");
        text_add_real(out, r->switched[i]);
    }
    text_add(out, schedule.n ? "]" : "");
    add_field(out, "wall_s", r->wall_s);
    text_add(out, ", \"version\": \"" PACKAGE_VERSION "\"");
    if (r->keys.preset != PRESET_RECALL)
        add_predicted(r, out);
    if (!keys_is_trained(&r->keys)) {
        for (int i = 0; i < RESULT_SOLVER; i++)
            text_addf(out, "%s\"%s\": %ld", i ? ", " : ", \"solver\": {", result_solver_name(i), r->solver[i]);
        text_add(out, "}");
    } else {
        add_field(out, "steps_done", r->steps_done);
        add_field(out, "tokens_per_s", r->tokens_per_s);
        bool toy = preset == PRESET_TOY;
        text_addf(out, ", \"backend\": \"%s\"", toy ? "reference" : r->backend);
        if (!toy) {
            text_add(out, ", \"library\": ");
            text_add_json(out, r->library);
        }
        const bool exact = toy && keys_optimizer(&r->keys)->gradient == GRADIENT_EXACT; /* SGD's samples are f32 */
        text_addf(out, ", \"precision\": \"%s\"",
                  exact ? "f64"
                  : toy ? "f32"
                        : keys_text(KEY_precision, r->keys.value[KEY_precision], (char[32]){0}));
    }
    text_add(out, "}\n");
}

/* No crossing of `level`: was it never reached? A run made here notes every crossing and its losses, but for what lies
 * beyond the threshold that it ended at (until=threshold); an imported one neither. What did not reach its own
 * threshold reached none beyond. */
static bool never_reached(const struct result *r, double level)
{
    const double own = r->keys.value[KEY_threshold];
    const bool beyond = task_of(&r->keys)->rises ? level > own : level < own;
    if (isnan(r->plateau))
        return beyond || !isnan(r->initial_loss);
    return !isnan(r->initial_loss) && !(beyond && r->keys.value[KEY_until] == UNTIL_THRESHOLD);
}

double result_plateau_at(const struct result *r, double threshold, bool *known)
{
    *known = true;
    if (threshold == r->keys.value[KEY_threshold])
        return r->plateau;
    for (int i = 0; i < result_levels(&r->keys); i++) {
        if (fabs(threshold - result_level(&r->keys, i)) < 1e-9) {
            *known = !isnan(r->crossings[i]) || never_reached(r, threshold);
            return r->crossings[i];
        }
    }
    *known = false;
    return NAN;
}
