/* Keys: the named settings of a run, all from one table (keys.def).
 *
 * keys_value   text -> value of one key, its range checked
 * keys_resolve what was given -> a complete, valid set: picks the kind of run, fills its defaults, checks the rules
 * between keys
 * keys_text    value -> text, the inverse of keys_value
 *
 * Every value is a double: integers up to 2^53 are exact, a choice is its index, a schedule or clamp the number of its
 * text (word.h). NaN means "does not apply". */
#ifndef KEYS_H
#define KEYS_H
#include "base/clamp.h"
#include "base/error.h"
#include "base/schedule.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

// clang-format off
/* Optimizers: X(enumerator, name, gradient, time, keys that it reads besides lr and decay). KEY_COUNT: no key.
 *   gradient  GRADIENT_EXACT: of the population loss, which the toy model alone has; GRADIENT_SAMPLED: of a batch
 *   time      TIME_FLOW: without momentum, steps x lr is the time of gradient flow; TIME_OWN: it is not
 * The updates are in src/run/optimizer.c. */
#define OPTIMIZERS(X) \
    X(OPTIMIZER_GD, "gd", GRADIENT_EXACT, TIME_FLOW, KEY_COUNT) \
    X(OPTIMIZER_SGD, "sgd", GRADIENT_SAMPLED, TIME_FLOW, KEY_momentum, KEY_batch, KEY_sampler) \
    X(OPTIMIZER_ADAM, "adam", GRADIENT_SAMPLED, TIME_OWN, KEY_beta1, KEY_beta2, KEY_eps, KEY_batch, KEY_sampler)
// clang-format on

/* Choices: X(enumerator, name, ..). The first list entry has index 0. */
#define CHOICES_task_name(X) X(TASK_REGRESSION, "regression") X(TASK_RECALL, "recall")
#define CHOICES_yesno(X) X(CHOICE_NO, "no") X(CHOICE_YES, "yes")
#define CHOICES_position(X) X(POSITION_RANDOM, "random") X(POSITION_FIXED, "fixed")
#define CHOICES_placement(X) X(PLACEMENT_EXACT, "exact") X(PLACEMENT_BERNOULLI, "bernoulli")
#define CHOICES_metric(X) X(METRIC_FULL, "full") X(METRIC_PAPER, "paper") X(METRIC_TIED, "tied")
#define CHOICES_loss(X) X(LOSS_TEST, "test") X(LOSS_TRAIN, "train")
#define CHOICES_method(X) X(METHOD_BDF, "bdf") X(METHOD_ADAMS, "adams")
#define CHOICES_init(X) X(INIT_ZERO, "zero") X(INIT_GAUSSIAN, "gaussian")
#define CHOICES_target(X) X(TARGET_UNIT, "unit") X(TARGET_GAUSSIAN, "gaussian")
#define CHOICES_model(X)                                                                                               \
    X(MODEL_FLOW, "flow") X(MODEL_TOY, "toy") X(MODEL_REDUCED, "reduced") X(MODEL_TRANSFORMER, "transformer")
#define CHOICES_norm(X) X(NORM_NONE, "none") X(NORM_PRE, "pre")
#define CHOICES_activation(X) X(ACTIVATION_GELU, "gelu") X(ACTIVATION_RELU, "relu")
#define CHOICES_mask(X) X(MASK_NONE, "none") X(MASK_CAUSAL, "causal")
#define CHOICES_readout(X) X(READOUT_LAST, "last") X(READOUT_MEAN, "mean")
#define CHOICES_optimizer(X) OPTIMIZERS(X)
#define CHOICES_until(X) X(UNTIL_THRESHOLD, "threshold") X(UNTIL_LEVELS, "levels") X(UNTIL_CAP, "cap")
#define CHOICES_sampler(X) X(SAMPLER_TOKENS, "tokens") X(SAMPLER_STATISTICS, "statistics")
#define CHOICES_precision(X) X(PRECISION_F32, "f32") X(PRECISION_BF16, "bf16")
// clang-format off
#define CHOICES_backend(X) \
    X(BACKEND_AUTO, "auto") X(BACKEND_REFERENCE, "reference") X(BACKEND_BLAS, "blas") X(BACKEND_ONEDNN, "onednn") \
    X(BACKEND_CUDA, "cuda")

#define CHOICE_LISTS(L) \
    L(task_name) L(yesno) L(position) L(placement) L(metric) L(loss) L(method) L(init) L(target) L(model) L(norm) \
    L(activation) L(mask) L(readout) L(optimizer) L(until) L(sampler) L(precision) L(backend)
// clang-format on

#define AS_ENUMERATOR(enumerator, ...) enumerator,
#define AS_ENUM(list) enum list { CHOICES_##list(AS_ENUMERATOR) };
CHOICE_LISTS(AS_ENUM)
#undef AS_ENUM
#undef AS_ENUMERATOR

enum key {
#define KEY(name, ...) KEY_##name,
#include "base/keys.def"
#undef KEY
    KEY_COUNT
};

/* The kinds of run, each with its own column of defaults. Code relies on their order: flow and toy, whose time is that
 * of gradient flow, come first, and Transformers that are trained last (preset >= PRESET_REGRESSION). */
enum preset { PRESET_FLOW, PRESET_TOY, PRESET_REDUCED, PRESET_REGRESSION, PRESET_RECALL, PRESET_COUNT };

/* A complete, valid set. */
struct keys {
    double value[KEY_COUNT]; /* NaN: the key does not apply to this kind of run */
    enum preset preset;
};

/* The name of a key, as typed. */
const char *keys_name(enum key key);
/* The key called `name`; KEY_COUNT and a message with the nearest right name if there is none. */
enum key keys_find(const char *name);
/* Text -> value: parses and checks the key's own range. Choices by name (yes/no also as true/false). */
enum status keys_value(enum key key, const char *text, double *value);
/* Value -> text that keys_value reads back to the same value ("" if NaN). buffer: at least 32 bytes. Returns buffer or
 * a constant. */
const char *keys_text(enum key key, double value, char *buffer);
/* true for keys whose values are names, not numbers: choices and the schedule. */
bool keys_is_choice(enum key key);
/* The names that a key takes, in *names (constant); 0 for keys whose values are numbers. */
size_t keys_choices(enum key key, const char *const **names);
/* true for keys whose values are whole numbers. */
bool keys_is_integer(enum key key);
/* The ends of the key's range; infinite where it has none. */
void keys_range(enum key key, double *low, double *high);
/* true if the key is part of a run's identity. */
bool keys_is_hashed(enum key key);
/* The value of rows and checkpoints that were written before the key existed, its default then; NULL if the key is as
 * old as the format. */
const char *keys_absent(enum key key);
/* true if the key applies to that kind of run. */
bool keys_applies(enum key key, enum preset preset);
/* A run that takes training steps; else a flow that is integrated. */
bool keys_is_trained(const struct keys *keys);
/* The kind of run of that model and task (NaN: not given). */
enum preset keys_preset(double model, double task);
/* given[KEY_COUNT]: values, NaN where nothing was given; given[KEY_model] must be there. Fills defaults; keys that do
 * not apply, and combinations that break a rule (B < T, ..), are ERR_INPUT. */
enum status keys_resolve(const double *given, struct keys *keys);
/* The value of a key of a resolved set. Integer keys and choices: keys_integer. */
double keys_real(const struct keys *keys, enum key key);
int64_t keys_integer(const struct keys *keys, enum key key);
/* eval_every=auto as a value, which whoever makes runs replaces (study/grid.h); keys_resolve refuses it. */
#define KEYS_AUTO 0.0
enum { KEYS_READ = 6 };
struct optimizer_kind {
    const char *name;
    enum optimizer_gradient { GRADIENT_EXACT, GRADIENT_SAMPLED } gradient;
    enum optimizer_time { TIME_FLOW, TIME_OWN } time;
    enum key reads[KEYS_READ];
    size_t n_reads;
};
/* The row of OPTIMIZERS that the keys name; NULL for the flow, which has none. */
const struct optimizer_kind *keys_optimizer(const struct keys *keys);
/* The time of the run is that of gradient flow: the flow itself, or steps x lr of an optimizer that follows it. */
bool keys_follow_flow(const struct keys *keys);
/* true if both have the same value of the key, or it applies to neither. */
bool keys_same(const struct keys *a, const struct keys *b, enum key key);
/* true if the key is one of list[n]. */
bool keys_among(enum key key, const enum key *list, size_t n);
/* 128-bit hash (32 hexadecimal digits and NUL) of the identity of a run: its hashed keys and the numerics revision. */
void keys_hash(const struct keys *keys, char hash[33]);
/* The same as a version of the program with another numerics revision made it: 1 .. KEYS_NUMERICS_REVISION. */
void keys_hash_at(const struct keys *keys, int revision, char hash[33]);
/* "T=512 d=64 .." with every key that applies and differs from the default of its kind, for messages. Appended to
 * `out`. */
void keys_describe(const struct keys *keys, struct text *out);
/* The page of `plateau keys [KEY]`: type, default, range, unit, meaning. key = KEY_COUNT: the table of all.
 * Appended. */
void keys_help(enum key key, struct text *out);
/* The same for programs: an object a line for each key, with "default" of the kinds of run to which it applies. */
void keys_json(enum key key, struct text *out);
/* The same as man-page (roff) paragraphs. */
void keys_man(struct text *out);

/* Raised when results change: then old rows are no longer taken for the same run. */
enum { KEYS_NUMERICS_REVISION = 2 };

#endif
