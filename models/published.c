#include "models/published.h"
#include <math.h>
#include <string.h>

/* name, figure, R^2, regressors, constant, exponents.. */
#define LAW(name, figure, r2, regressors, constant, ...)                                                               \
    [PUBLISHED_##name] = {figure, r2, regressors, constant, {__VA_ARGS__}},
static const struct published_law laws[PUBLISHED_COUNT] = {
#include "models/published.def"
};
#undef LAW

const struct published_law *published_law(enum published which)
{
    return &laws[which];
}

double published_value(enum published which, const struct keys *keys, double (*power)(double, double))
{
    const struct published_law *law = &laws[which];
    char name[16];
    double value = law->constant;
    const char *next = law->regressors;
    for (int i = 0; *next; i++) {
        const size_t n = strcspn(next, ",");
        memcpy(name, next, n);
        name[n] = '\0';
        value *= power(keys_real(keys, keys_find(name)), law->exponents[i]);
        next += n + (next[n] == ',');
    }
    return value;
}

static enum published nearest(const struct keys *keys)
{
    const double *v = keys->value;
    const bool adam = v[KEY_optimizer] == OPTIMIZER_ADAM, one_layer = v[KEY_layers] == 1;
    if (v[KEY_p] > 0 || v[KEY_schedule] != 0 || v[KEY_clamp] != 0 || v[KEY_score_scale] != 1)
        return PUBLISHED_COUNT;
    if (keys->preset == PRESET_RECALL)
        return v[KEY_B] == 1 ? PUBLISHED_FIG4 : PUBLISHED_COUNT;
    if (keys->preset != PRESET_REGRESSION || v[KEY_task] != TASK_REGRESSION)
        return PUBLISHED_COUNT;
    if (v[KEY_position] == POSITION_FIXED)
        return !one_layer || v[KEY_B] > 1 || !adam ? PUBLISHED_COUNT
               : v[KEY_feature] == CHOICE_YES      ? PUBLISHED_FIG14_FIXED
                                                   : PUBLISHED_FIG14_UNMARKED;
    if (one_layer && v[KEY_B] == 1)
        return v[KEY_optimizer] == OPTIMIZER_SGD ? PUBLISHED_FIG15_SGD : adam ? PUBLISHED_FIG15_ADAM : PUBLISHED_COUNT;
    return adam ? PUBLISHED_FIG3 : PUBLISHED_COUNT;
}

double published_plateau(const struct keys *keys)
{
    const enum published law = nearest(keys);
    return law == PUBLISHED_COUNT ? NAN : published_value(law, keys, pow);
}

const char *published_figure(const struct keys *keys)
{
    const enum published law = nearest(keys);
    return law == PUBLISHED_COUNT ? NULL : laws[law].figure;
}
