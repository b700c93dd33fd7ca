#include "models/recall.h"
#include <math.h>
#include <stdlib.h>

/* Uniform numbers of the choices stream: a coin for the repeated tokens, the query, one or `pairs` for the slots, then
 * the other keys, then the values: pairs + 1 of them at most. */
enum { COIN, QUERY, SLOTS };

struct recall {
    size_t pairs, vocab, repeated_tokens;
    bool bernoulli;
};

struct scratch {
    int32_t *slots, *keys, *values; /* [pairs], [vocab - 1], [vocab]; slots owns them all */
};

static enum status init(const struct keys *keys, struct task *task)
{
    struct recall *r = task->own = calloc(1, sizeof *r);
    if (!r)
        return error_set(ERR_MEMORY, "out of memory for a task");
    r->pairs = (size_t)keys_integer(keys, KEY_pairs);
    r->vocab = (size_t)keys_integer(keys, KEY_vocab);
    r->repeated_tokens = (size_t)keys_integer(keys, KEY_repeated_tokens);
    r->bernoulli = keys_integer(keys, KEY_placement) == PLACEMENT_BERNOULLI;
    task->test_B = 1;
    if (r->bernoulli)
        task->slots = r->pairs;
    task->null_loss = log((double)r->vocab);
    return OK;
}

static void release(struct task *task)
{
    free(task->own);
}

static int32_t draw_query(const struct recall *r, double p, const struct stream *choices)
{
    bool repeated = p > 0 && random_uniform(choices, COIN) < p;
    return (int32_t)(random_uniform(choices, QUERY) * (double)(repeated ? r->repeated_tokens : r->vocab));
}

/* Marks the query's slots in slot order: s[slot] = 1, else 0. Returns how many they are. */
static size_t draw_slots(const struct recall *r, bool bernoulli, size_t B, const struct stream *choices, int32_t *s)
{
    size_t held = 0;
    if (bernoulli) {
        for (size_t i = 0; i < r->pairs; i++)
            held += (size_t)(s[i] = random_uniform(choices, SLOTS + (uint32_t)i) * (double)r->pairs < (double)B);
        return held;
    }
    /* One slot after another, each held with the probability of what is left: every set of B slots is equally likely.
     */
    for (size_t i = 0; i < r->pairs; i++)
        held +=
            (size_t)(s[i] = random_uniform(choices, SLOTS + (uint32_t)i) * (double)(r->pairs - i) < (double)(B - held));
    return held;
}

static void draw_sample(const struct task *task, bool test, const struct stream *choices, const struct scratch *k,
                        size_t slots, int32_t *tokens, int32_t *label, int32_t *relevant)
{
    const struct recall *r = task->own;
    const int32_t query = draw_query(r, test ? 0 : task->p, choices);
    const size_t B = test ? task->test_B : task->B;
    const size_t held = draw_slots(r, r->bernoulli && !test, B, choices, k->slots), others = r->pairs - held;
    const uint32_t first = SLOTS + (uint32_t)r->pairs;
    random_distinct(choices, first, r->vocab - 1, others, k->keys);
    random_distinct(choices, first + (uint32_t)r->pairs, r->vocab, others + 1,
                    k->values); /* the first one is the query's */
    size_t other = 0, found = 0;
    for (size_t i = 0; i < r->pairs; i++) {
        bool query_here = k->slots[i];
        int32_t key = query_here ? query : k->keys[other] + (k->keys[other] >= query); /* the tokens but the query */
        other += !query_here;
        tokens[2 * i] = key;
        tokens[2 * i + 1] = k->values[query_here ? 0 : other];
        if (query_here)
            relevant[found++] = (int32_t)(2 * i + 1);
    }
    while (found < slots)
        relevant[found++] = -1;
    tokens[2 * r->pairs] = query;
    *label = k->values[0];
}

static enum status draw(const struct task *task, const struct samples_range *range, struct samples *s)
{
    const struct recall *r = task->own;
    struct scratch k = {.slots = malloc((r->pairs + 2 * r->vocab) * sizeof *k.slots)};
    if (!k.slots)
        return error_set(ERR_MEMORY, "out of memory for a vocabulary of %zu tokens", r->vocab);
    k.keys = k.slots + r->pairs;
    k.values = k.keys + r->vocab;
    for (size_t i = 0; i < s->n; i++) {
        struct stream normals, choices;
        samples_streams(task->seed, range, i, &normals, &choices);
        draw_sample(task, range->test, &choices, &k, s->slots, s->tokens + i * s->T, s->labels + i,
                    s->relevant + i * s->slots);
    }
    free(k.slots);
    return OK;
}

static double train_null(const struct task *task)
{
    return task->null_loss;
}

static void sizes(const struct keys *keys, int *T, int *inputs, int *outputs)
{
    *T = 2 * (int)keys_integer(keys, KEY_pairs) + 1;
    *inputs = *outputs = (int)keys_integer(keys, KEY_vocab);
}

static double midpoint(const struct keys *keys)
{
    return 0.5 * (1 / keys_real(keys, KEY_pairs) + 1);
}

/* Accuracies. */
static double level(const struct keys *keys, int i)
{
    const double levels[] = {0.05, midpoint(keys), 0.5, 0.9};
    return levels[i];
}

static double chance(const struct keys *keys)
{
    return 1 / keys_real(keys, KEY_vocab);
}

/* Each value to the key before it. */
static size_t values(const struct samples *s)
{
    return s->T / 2;
}

static bool value_to_key(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key)
{
    (void)s, (void)i;
    *key = (int32_t)(2 * k);
    *query = *key + 1;
    return true;
}

/* The query to each value but its own. */
static bool query_to_other(const struct samples *s, size_t i, size_t k, int32_t *query, int32_t *key)
{
    bool own = false;
    *key = (int32_t)(2 * k + 1);
    *query = (int32_t)(s->T - 1);
    for (size_t slot = 0; slot < s->slots; slot++)
        own = own || s->relevant[i * s->slots + slot] == *key;
    return !own;
}

const struct task_kind recall_task = {
    .preset = PRESET_RECALL,
    .name = TASK_RECALL,
    .regressors = "pairs,vocab,B",
    .tokens = true,
    .rises = true,
    .levels = 4,
    .level_names = {"0.05", "midpoint", "0.5", "0.9"},
    .level = level,
    .usual = midpoint,
    .chance = chance,
    .sizes = sizes,
    .init = init,
    .free = release,
    .draw = draw,
    .train_null = train_null,
    .probes = {{"copy", values, value_to_key, false},
               {"select", task_slots, task_last_to_relevant, false}, /* the query to its value, .. */
               {"contrast", values, query_to_other, true}},          /* .. over that to another value */
    .n_probes = 3,
    .needed = 1,
};
