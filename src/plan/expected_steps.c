#include "plan/expected_steps.h"
#include "study/cost.h"
#include "base/list.h"
#include "validation/power_law.h"
#include "models/published.h"
#include "models/task.h"
#include "run/run_flow.h"
#include "run/run_reduced.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How alike the runs of a law are, from the widest class to the narrowest. */
enum width { WIDTH_TASK, WIDTH_MODEL, WIDTH_SAME, WIDTHS };
enum { FOLDS = 16, ALL = FOLDS };      /* cells fall into folds; a law leaves one of them out, or none */
static const double AICC_GAIN = 2;     /* by which an exponent has to lower AICc: less is no evidence for it */
static const double SAME_LEVEL = 1e-4; /* thresholds that are nearer than this are one */
/* The learning rates of the published laws. */
static const double ADAM_LR = 1e-4, SGD_LR = 5e-3;

/* Where a run ends, or its plateau does: a recorded level (result.h), or (-1) a threshold of its own. */
struct level {
    int index;
    double threshold;
};

struct law {
    struct keys like;
    enum width width;
    struct level level;
    unsigned fold;
    size_t runs; /* fitted to; 0: it changes nothing */
    double log_constant, exponent[POWER_LAW_MAX];
};

struct expected_steps {
    const struct history *history;
    struct law *laws; /* owned */
    size_t n, allocated;
    struct run_flow *tools; /* owned; for toys and reduced flows */
    struct reduced_length { /* of the reduced flow of a Transformer, by what it depends on, threshold included */
        struct keys keys;
        double steps;
    } * reduced; /* owned */
    size_t n_reduced, reduced_allocated;
    struct keys last;    /* toy whose flow was integrated last, */
    double plateau, end; /* and its times */
};

static const char *const source_names[] = {[EXPECTED_FLOW] = "flow",
                                           [EXPECTED_FITTED] = "fitted",
                                           [EXPECTED_REDUCED] = "reduced",
                                           [EXPECTED_PUBLISHED] = "published",
                                           [EXPECTED_GUESS] = "guess"};
static const enum key regression_keys[] = {KEY_d, KEY_T, KEY_B, KEY_lr, KEY_layers, KEY_heads};
static const enum key recall_keys[] = {KEY_pairs, KEY_vocab, KEY_B, KEY_lr, KEY_layers, KEY_heads};
static const enum key flow_keys[] = {KEY_d, KEY_T, KEY_B};
/* Part of a run's identity, and without effect on its length. */
static const enum key no_effect[] = {KEY_seed, KEY_eval_every, KEY_eval_size, KEY_precision, KEY_backend};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *expected_steps_source_name(enum expected_steps_source source)
{
    return source_names[source];
}

enum status expected_steps_create(const struct history *history, struct expected_steps **laws)
{
    *laws = calloc(1, sizeof **laws);
    if (!*laws)
        return error_set(ERR_MEMORY, "out of memory for expectations");
    (*laws)->history = history;
    return OK;
}

void expected_steps_free(struct expected_steps *e)
{
    if (!e)
        return;
    run_flow_free(e->tools);
    free(e->laws);
    free(e->reduced);
    free(e);
}

size_t expected_steps_regressors(const struct keys *keys, const enum key **regressors)
{
    *regressors = keys->preset == PRESET_RECALL       ? recall_keys
                  : keys->preset == PRESET_REGRESSION ? regression_keys
                                                      : flow_keys;
    return keys->preset == PRESET_RECALL       ? COUNT(recall_keys)
           : keys->preset == PRESET_REGRESSION ? COUNT(regression_keys)
                                               : COUNT(flow_keys);
}

static bool equal(const struct keys *a, const struct keys *b)
{
    bool all = a->preset == b->preset;
    for (int key = 0; key < KEY_COUNT && all; key++)
        all = keys_same(a, b, (enum key)key);
    return all;
}

static bool belong(const struct keys *a, const struct keys *b, enum width width)
{
    const enum key *regressors;
    const size_t n = expected_steps_regressors(a, &regressors);
    if (a->preset != b->preset || !keys_same(a, b, KEY_optimizer))
        return false;
    for (int i = 0; i < KEY_COUNT && width > WIDTH_TASK; i++) {
        const enum key key = (enum key)i;
        const bool free =
            !keys_is_hashed(key) || keys_among(key, no_effect, COUNT(no_effect)) || keys_among(key, regressors, n);
        if (!free && !(key == KEY_p && width < WIDTH_SAME) && !keys_same(a, b, key))
            return false;
    }
    return true;
}

bool expected_steps_alike(const struct keys *a, const struct keys *b)
{
    return belong(a, b, WIDTH_SAME);
}

/* ---- levels ---- */

static double level_value(const struct keys *keys, struct level level)
{
    return level.index < 0 ? level.threshold : result_level(keys, level.index);
}

static struct level level_at(const struct keys *keys, double threshold)
{
    for (int i = 0; i < result_levels(keys); i++) {
        if (fabs(result_level(keys, i) - threshold) < SAME_LEVEL)
            return (struct level){.index = i};
    }
    return (struct level){.index = -1, .threshold = threshold};
}

/* The last that the run waits for. */
static struct level last_level(const struct keys *keys)
{
    const bool rises = task_of(keys)->rises;
    const double threshold = keys_real(keys, KEY_threshold), last = rises ? 0.9 : 0.1;
    const bool beyond = rises ? threshold > last : threshold < last;
    return level_at(keys, keys_integer(keys, KEY_until) == UNTIL_LEVELS && !beyond ? last : threshold);
}

/* When a run reached the level, or where it was cut off before; false if that is not known. */
static bool read_level(const struct result *r, struct level level, double *y, bool *censored)
{
    const bool own = fabs(keys_real(&r->keys, KEY_threshold) - level_value(&r->keys, level)) < SAME_LEVEL;
    if (!own && level.index < 0)
        return false;
    *y = own ? r->plateau : r->crossings[level.index];
    *censored = isnan(*y);
    if (*censored && !own && !(r->steps_done >= keys_real(&r->keys, KEY_steps)))
        return false; /* it ended when something else was reached */
    *y = *censored ? r->cap : *y;
    return *y > 0;
}

/* ---- laws ---- */

/* Recall at the accuracy of 0.05: the published law, which is about B = 1; larger B shortens it. Half way between
 * 1/pairs and 1: a law of our own small runs. The steps go as 1/lr. */
static double base_of_recall(const double *v, double accuracy)
{
    const struct published_law *law = published_law(PUBLISHED_FIG4);
    const double *g = law->exponents, B = v[KEY_B];
    return (accuracy < 0.051 ? law->constant * pow(v[KEY_vocab], g[0]) * pow(v[KEY_pairs], g[1]) * pow(B, -1.5)
                             : 1.7 * pow(v[KEY_vocab], 1.75) * pow(v[KEY_pairs], 0.9) * pow(B, 0.4)) *
           ADAM_LR / v[KEY_lr];
}

/* The law y_0 that fits correct. Its constants are not the published ones but those of our own small runs, since it has
 * another form: on a range of sizes it is the paper's within a factor of about 1.5, but a power of T bends, and
 * T/B + T_0 does not. With one layer and one head (d = 32, T = 256) 6540, 3690, 2310, 1600, 1290 steps for B = 1 .. 16
 * lie on a line of slope 22 with T_0 = 40. So what was measured at small T carries to large.
 *
 *     Adam             y_0 = C d^1.3 (T/B + T_0) s h,   s = (lr/1e-4)^-0.7,   h = 1 + 1.5 p^4
 *     fixed positions  y_0 = 4.4 d^1.22 (T/B)^0.3 s h
 *     SGD              y_0 = 11 d^1.4 (T/B) (5e-3/lr)
 *
 * Three times the lr halves the steps of Adam, and p = 0.9 doubles them (T = 16, d 8 .. 32). The law of fixed positions
 * lies between the two that are published, of inputs with and without the feature. All are at 0.2 of the null loss; the
 * fall from 0.8 to 0.1 of it takes a third of the plateau, so that at a fraction f they take (1.1 - 0.45 f)/1.01. */
static double law_of_small_runs(const struct keys *keys, struct level level)
{
    const double *v = keys->value, f = level_value(keys, level);
    if (keys->preset == PRESET_RECALL)
        return base_of_recall(v, f);
    const double part = (1.1 - 0.45 * f) / 1.01, d = v[KEY_d], T = v[KEY_T] / v[KEY_B];
    const bool single = v[KEY_layers] == 1 && v[KEY_heads] == 1;
    if (keys_optimizer(keys)->time == TIME_FLOW)
        return 11 * pow(d, 1.4) * T * part * SGD_LR / v[KEY_lr];
    const double rest = part * pow(v[KEY_lr] / ADAM_LR, -0.7) * (1 + 1.5 * pow(v[KEY_p], 4));
    return v[KEY_position] == POSITION_FIXED ? 4.4 * pow(d, 1.22) * pow(T, 0.3) * rest
                                             : (single ? 0.245 : 0.22) * pow(d, 1.3) * (T + (single ? 40 : 18)) * rest;
}

/* What runs have in common that have one reduced flow. */
static const enum key reduced_keys[] = {
    KEY_T,      KEY_d,          KEY_B,       KEY_p,         KEY_schedule, KEY_feature,  KEY_position,
    KEY_target, KEY_layers,     KEY_heads,   KEY_width,     KEY_head_dim, KEY_mlp,      KEY_skip,
    KEY_norm,   KEY_activation, KEY_readout, KEY_optimizer, KEY_lr,       KEY_momentum, KEY_beta1,
    KEY_beta2,  KEY_decay,      KEY_batch,   KEY_clamp,     KEY_threshold};

/* The plateau of the reduced flow of a Transformer with one layer; NaN where it is not known. It extrapolates where a
 * fitted power law bends. */
static enum status reduced_flow(struct expected_steps *e, const struct keys *keys, struct level level, double *steps)
{
    enum status rc = OK;
    struct keys asked = *keys;
    struct prediction predicted = prediction_none;
    asked.value[KEY_threshold] = level_value(keys, level);
    *steps = NAN;
    if (keys->preset != PRESET_REGRESSION || keys_integer(keys, KEY_layers) > 1)
        return OK;
    for (size_t i = 0; i < e->n_reduced; i++) {
        bool same = true;
        for (size_t k = 0; k < COUNT(reduced_keys) && same; k++)
            same = keys_same(&e->reduced[i].keys, &asked, reduced_keys[k]);
        if (same) {
            *steps = e->reduced[i].steps;
            return OK;
        }
    }
    if (!e->tools)
        TRY(run_flow_create(&e->tools));
    TRY(run_reduced_expect(run_flow_ode(e->tools), &asked, &predicted));
    TRY(list_room(&e->reduced, e->n_reduced, &e->reduced_allocated, sizeof *e->reduced, "reduced flows"));
    *steps = predicted.reduced;
    e->reduced[e->n_reduced++] = (struct reduced_length){asked, *steps};
done:
    return rc;
}

/* y_0, which fits correct: the reduced flow where it is known, else the law of our own small runs. */
static enum status base(struct expected_steps *e, const struct keys *keys, struct level level, double *steps)
{
    enum status rc = reduced_flow(e, keys, level, steps);
    if (isnan(*steps))
        *steps = law_of_small_runs(keys, level);
    return rc;
}

/* The published law for the run as it is; NaN if there is none. */
static double published(const struct keys *keys, struct level level)
{
    const bool recall = keys->preset == PRESET_RECALL, sgd = keys_optimizer(keys)->time == TIME_FLOW;
    const bool as_there = fabs(level_value(keys, level) - (recall ? 0.05 : 0.2)) < SAME_LEVEL &&
                          fabs(keys->value[KEY_lr] / (sgd ? SGD_LR : ADAM_LR) - 1) < 1e-9;
    return as_there ? published_plateau(keys) : NAN;
}

/* A law corrects the wider ones: log_length, law_for and collect call each other, three widths deep at most.
 * NOLINTBEGIN(misc-no-recursion) */
static enum status law_for(struct expected_steps *e, const struct keys *keys, enum width width, struct level level,
                           unsigned fold, size_t *index);

/* log y of the run of `keys` by the law of that width; *runs: of the narrowest class that has any. */
static enum status log_length(struct expected_steps *e, const struct keys *keys, int width, struct level level,
                              unsigned fold, double *log_y, size_t *runs)
{
    enum status rc = OK;
    const enum key *regressors;
    const size_t n = expected_steps_regressors(keys, &regressors);
    double steps;
    TRY(base(e, keys, level, &steps));
    *log_y = log(steps);
    for (int w = 0; w <= width; w++) {
        size_t i;
        TRY(law_for(e, keys, (enum width)w, level, fold, &i));
        const struct law *law = &e->laws[i];
        *log_y += law->log_constant;
        for (size_t k = 0; k < n; k++)
            *log_y += law->exponent[k] == 0 ? 0 : law->exponent[k] * log(keys->value[regressors[k]]);
        *runs = law->runs ? law->runs : *runs;
    }
done:
    return rc;
}

/* The columns of a fit. */
struct columns {
    double *x, *y, *factor; /* owned */
    bool *censored;         /* owned */
    size_t n, seen;         /* rows; uncensored ones */
};

static enum status collect(struct expected_steps *e, const struct law *law, struct columns *c)
{
    enum status rc = OK;
    const enum key *regressors;
    const size_t n_x = expected_steps_regressors(&law->like, &regressors), most = e->history->n;
    c->x = calloc(most * n_x + 1, sizeof *c->x);
    c->y = calloc(most + 1, sizeof *c->y);
    c->factor = calloc(most + 1, sizeof *c->factor);
    c->censored = calloc(most + 1, sizeof *c->censored);
    REQUIRE(c->x && c->y && c->factor && c->censored, ERR_MEMORY, "out of memory for a law of %zu runs", most);
    for (size_t i = 0; i < most; i++) {
        const struct history_run *run = &e->history->runs[i];
        double log_y;
        size_t runs = 0;
        if (run->cell % FOLDS == law->fold || !belong(&law->like, &run->result.keys, law->width) ||
            !read_level(&run->result, law->level, &c->y[c->n], &c->censored[c->n]))
            continue;
        TRY(log_length(e, &run->result.keys, (int)law->width - 1, law->level, law->fold, &log_y, &runs));
        c->factor[c->n] = exp(log_y);
        for (size_t k = 0; k < n_x; k++)
            c->x[c->n * n_x + k] = run->result.keys.value[regressors[k]];
        c->seen += !c->censored[c->n++];
    }
done:
    return rc;
}

/* Fits the constant and the exponents of chosen[n] of the regressors; *aicc: of that, NaN for too few runs. False if
 * the runs do not determine them. */
static bool fit_chosen(const struct columns *c, size_t n_x, const size_t *chosen, size_t n, struct law *law,
                       double *aicc)
{
    static const char *const names[POWER_LAW_MAX] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    struct power_law fit;
    struct power_law_data data = {
        .n = c->n, .n_x = n, .names = names, .y = c->y, .factor = c->factor, .censored = c->censored};
    double *x = malloc((c->n * n + 1) * sizeof *x);
    for (size_t i = 0; x && i < c->n * n; i++)
        x[i] = c->x[i / n * n_x + chosen[i % n]];
    data.x = x;
    const bool good = x && power_law_fit(&data, 0.95, &fit) == OK;
    free(x);
    if (!good)
        return false;
    law->runs = c->n;
    law->log_constant = fit.log_constant.value;
    memset(law->exponent, 0, sizeof law->exponent);
    for (size_t k = 0; k < n; k++)
        law->exponent[chosen[k]] = fit.exponent[k].value;
    *aicc = fit.aicc;
    power_law_free(&fit);
    return true;
}

/* Adds to chosen[n] the regressor that lowers AICc most; false if none lowers it enough. */
static bool add_best(const struct columns *c, size_t n_x, size_t *chosen, size_t n, struct law *law, double *aicc)
{
    size_t found = n_x;
    for (size_t k = 0; k < n_x; k++) {
        struct law one_more = *law;
        double value;
        bool again = false;
        for (size_t i = 0; i < n; i++)
            again = again || chosen[i] == k;
        chosen[n] = k;
        if (again || !fit_chosen(c, n_x, chosen, n + 1, &one_more, &value) ||
            !(value < *aicc - (found == n_x ? AICC_GAIN : 0)))
            continue;
        *aicc = value;
        *law = one_more;
        found = k;
    }
    chosen[n] = found;
    return found < n_x;
}

/* As many exponents as the runs ask for (AICc); a single run corrects the constant. */
static void fit_law(const struct columns *c, struct law *law)
{
    const enum key *regressors;
    size_t chosen[POWER_LAW_MAX + 1], n = 0;
    double aicc;
    const size_t n_x = expected_steps_regressors(&law->like, &regressors);
    if (fit_chosen(c, n_x, chosen, 0, law, &aicc)) {
        while (n < n_x && add_best(c, n_x, chosen, n, law, &aicc))
            n++;
        return;
    }
    for (size_t i = 0; i < c->n && c->seen == 1; i++) {
        if (!c->censored[i]) {
            law->runs = 1;
            law->log_constant = log(c->y[i] / c->factor[i]);
        }
    }
}

static bool is_law_of(const struct law *law, const struct keys *keys, enum width width, struct level level,
                      unsigned fold)
{
    return law->width == width && law->fold == fold && law->level.index == level.index &&
           law->level.threshold == level.threshold && belong(&law->like, keys, width);
}

/* laws[*index]: made if it is not there. */
static enum status law_for(struct expected_steps *e, const struct keys *keys, enum width width, struct level level,
                           unsigned fold, size_t *index)
{
    enum status rc = OK;
    struct columns columns = {0};
    struct law law = {.like = *keys, .width = width, .level = level, .fold = fold};
    for (*index = 0; *index < e->n; (*index)++) {
        if (is_law_of(&e->laws[*index], keys, width, level, fold))
            return OK;
    }
    TRY(collect(e, &law, &columns));
    fit_law(&columns, &law);
    TRY(list_room(&e->laws, e->n, &e->allocated, sizeof *e->laws, "laws"));
    *index = e->n++;
    e->laws[*index] = law;
done:
    free(columns.x);
    free(columns.y);
    free(columns.factor);
    free(columns.censored);
    return rc;
}
/* NOLINTEND(misc-no-recursion) */

/* ---- runs ---- */

static enum status expect_transformer(struct expected_steps *e, const struct keys *keys, unsigned fold,
                                      struct expectation *out)
{
    enum status rc = OK;
    double plateau, end, reduced;
    const double every = keys_real(keys, KEY_eval_every), cap = keys_real(keys, KEY_steps);
    const struct level level = level_at(keys, keys_real(keys, KEY_threshold)), last = last_level(keys);
    const double paper = published(keys, level);
    TRY(log_length(e, keys, WIDTH_SAME, last, fold, &end, &(size_t){0}));
    TRY(log_length(e, keys, WIDTH_SAME, level, fold, &plateau, &out->runs));
    TRY(reduced_flow(e, keys, level, &reduced));
    out->source = out->runs         ? EXPECTED_FITTED
                  : !isnan(reduced) ? EXPECTED_REDUCED
                  : isnan(paper)    ? EXPECTED_GUESS
                                    : EXPECTED_PUBLISHED;
    out->plateau = out->source == EXPECTED_PUBLISHED ? paper : exp(plateau);
    end = fmax(1, exp(end - plateau)) * out->plateau;
    out->censored = out->plateau > cap;
    out->steps = (ceil(end / every) + 1) * every; /* the evaluation after the crossing, and one that confirms it */
    if (keys_integer(keys, KEY_until) == UNTIL_CAP || out->steps > cap)
        out->steps = cap;
done:
    return rc;
}

/* Times at which the flow passes the threshold and 0.1 of the null loss. Seeds share a start unless it is drawn. */
static enum status integrate(struct expected_steps *e, const struct keys *keys)
{
    enum status rc = OK;
    struct keys cell = *keys;
    struct flow_solution solution;
    struct prediction predicted;
    if (keys_integer(keys, KEY_init) == INIT_ZERO && keys_integer(keys, KEY_target) == TARGET_UNIT)
        cell.value[KEY_seed] = 0;
    if (!e->tools)
        TRY(run_flow_create(&e->tools));
    else if (equal(&cell, &e->last))
        return OK;
    TRY(run_flow_expect(e->tools, keys, METRIC_FULL, &solution, &predicted));
    e->plateau = solution.plateau;
    e->end = fmax(solution.plateau, solution.crossings[FLOW_LEVELS - 1]);
    e->last = cell;
done:
    return rc;
}

static enum status expect_toy(struct expected_steps *e, const struct keys *keys, struct expectation *out)
{
    enum status rc = OK;
    const double every = keys_real(keys, KEY_eval_every), cap = keys_real(keys, KEY_steps);
    if (keys_optimizer(keys)->time == TIME_OWN) { /* does not follow the flow */
        *out = (struct expectation){.plateau = cost_steps(keys), .steps = cost_steps(keys), .source = EXPECTED_GUESS};
        return OK;
    }
    TRY(integrate(e, keys));
    if (isnan(e->plateau)) { /* the flow cannot be integrated */
        *out = (struct expectation){.plateau = cap, .steps = cap, .source = EXPECTED_GUESS};
        return OK;
    }
    const double step = keys_real(keys, KEY_lr) / (1 - keys_real(keys, KEY_momentum));
    out->source = EXPECTED_FLOW;
    out->plateau = e->plateau / step;
    out->steps = fmin(cap, ceil(e->end / step / every) * every);
    out->censored = out->plateau > cap;
done:
    return rc;
}

enum status expected_steps_run(struct expected_steps *e, const struct keys *keys, bool unseen, struct expectation *out)
{
    *out = (struct expectation){.plateau = NAN, .source = EXPECTED_FLOW};
    if (!keys_is_trained(keys))
        return OK;
    return keys->preset == PRESET_TOY ? expect_toy(e, keys, out)
                                      : expect_transformer(e, keys, unseen ? history_cell(keys) % FOLDS : ALL, out);
}

/* Something is published for the run as it is, and one power law of all that varies: not another one at B > 1, say. */
static bool publishes(const struct keys *keys, const bool varies[KEY_COUNT], struct level level)
{
    const enum key *regressors;
    const size_t n = expected_steps_regressors(keys, &regressors);
    bool one = !isnan(published(keys, level));
    for (size_t k = 0; k < n; k++) {
        struct keys twice = *keys, more = *keys;
        twice.value[regressors[k]] *= 2;
        more.value[regressors[k]] *= 4;
        const double first = published(&twice, level) / published(keys, level),
                     second = published(&more, level) / published(&twice, level);
        one = one && (!varies[regressors[k]] || fabs(second / first - 1) < 1e-9);
    }
    return one;
}

enum status expected_steps_law(struct expected_steps *e, const struct keys *keys, const bool varies[KEY_COUNT],
                               struct text *out)
{
    enum status rc = OK;
    const enum key *regressors;
    const size_t n = expected_steps_regressors(keys, &regressors);
    double log_y, reduced, exponent[POWER_LAW_MAX];
    size_t runs = 0;
    const struct level level = level_at(keys, keys_real(keys, KEY_threshold));
    TRY(log_length(e, keys, WIDTH_SAME, level, ALL, &log_y, &runs));
    TRY(reduced_flow(e, keys, level, &reduced));
    const bool paper = !runs && isnan(reduced) && publishes(keys, varies, level);
    log_y = paper ? log(published(keys, level)) : log_y;
    for (size_t k = 0; k < n; k++) {
        struct keys other = *keys;
        double factor = 2, known;
        other.value[regressors[k]] *= factor;
        TRY(reduced_flow(e, &other, level, &known));
        if (isnan(known) != isnan(reduced)) { /* both by one kind of law */
            factor = 0.5;
            other.value[regressors[k]] = keys->value[regressors[k]] * factor;
        }
        TRY(log_length(e, &other, WIDTH_SAME, level, ALL, &exponent[k], &runs));
        exponent[k] = paper ? log(published(&other, level)) : exponent[k];
        exponent[k] = varies[regressors[k]] ? (exponent[k] - log_y) / log(factor) : 0;
    }
    for (size_t k = 0; k < n; k++)
        log_y -= exponent[k] * log(keys->value[regressors[k]]);
    text_addf(out, "%.3g", exp(log_y));
    for (size_t k = 0; k < n; k++) {
        if (exponent[k] != 0)
            text_addf(out, " %s^%.2f", keys_name(regressors[k]), exponent[k]);
    }
    rc = text_status(out);
done:
    return rc;
}
