#include "recall.h"
#include <math.h>
#include <stdlib.h>

/* Uniform numbers of the choices stream: a coin for the repeated tokens, the query, one or `pairs` for the slots, then
 * the other keys, then the values: pairs + 1 of them at most. */
enum { COIN, QUERY, SLOTS };

struct scratch {
    int32_t *slots, *keys, *values; /* [pairs], [vocab - 1], [vocab]; slots owns them all */
};

void recall_init(const struct keys *keys, struct recall *r)
{
    const struct schedule schedule = schedule_of(keys_real(keys, KEY_schedule));
    *r = (struct recall){.pairs = (size_t)keys_integer(keys, KEY_pairs),
                         .vocab = (size_t)keys_integer(keys, KEY_vocab),
                         .repeated_tokens = (size_t)keys_integer(keys, KEY_repeated_tokens),
                         .B = (size_t)keys_integer(keys, KEY_B),
                         .most_B = (size_t)schedule_largest(&schedule, SCHEDULE_B, keys_real(keys, KEY_B)),
                         .p = keys_real(keys, KEY_p),
                         .bernoulli = keys_integer(keys, KEY_placement) == PLACEMENT_BERNOULLI,
                         .seed = (uint64_t)keys_integer(keys, KEY_seed)};
    r->null_loss = log((double)r->vocab);
}

enum status recall_samples(const struct recall *r, size_t n, struct samples *s)
{
    return samples_init(n, 2 * r->pairs + 1, 0, 0, r->bernoulli ? r->pairs : r->most_B, s);
}

static int32_t draw_query(const struct recall *r, bool test, const struct stream *choices)
{
    bool repeated = !test && r->p > 0 && random_uniform(choices, COIN) < r->p;
    return (int32_t)(random_uniform(choices, QUERY) * (double)(repeated ? r->repeated_tokens : r->vocab));
}

/* Marks the query's slots in slot order: s[slot] = 1, else 0. Returns how many they are. */
static size_t draw_slots(const struct recall *r, bool test, const struct stream *choices, int32_t *s)
{
    size_t held = 0;
    if (r->bernoulli && !test) {
        for (size_t i = 0; i < r->pairs; i++)
            held += (size_t)(s[i] = random_uniform(choices, SLOTS + (uint32_t)i) * (double)r->pairs < (double)r->B);
        return held;
    }
    /* One slot after another, each held with the probability of what is left: every set of B slots is equally likely.
     */
    size_t B = test ? 1 : r->B;
    for (size_t i = 0; i < r->pairs; i++)
        held +=
            (size_t)(s[i] = random_uniform(choices, SLOTS + (uint32_t)i) * (double)(r->pairs - i) < (double)(B - held));
    return held;
}

static void draw_sample(const struct recall *r, bool test, const struct stream *choices, const struct scratch *k,
                        size_t slots, int32_t *tokens, int32_t *label, int32_t *relevant)
{
    const int32_t query = draw_query(r, test, choices);
    const size_t held = draw_slots(r, test, choices, k->slots), others = r->pairs - held;
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

enum status recall_draw(const struct recall *r, const struct samples_range *range, struct samples *s)
{
    struct scratch k = {.slots = malloc((r->pairs + 2 * r->vocab) * sizeof *k.slots)};
    if (!k.slots)
        return error_set(ERR_MEMORY, "out of memory for a vocabulary of %zu tokens", r->vocab);
    k.keys = k.slots + r->pairs;
    k.values = k.keys + r->vocab;
    for (size_t i = 0; i < s->n; i++) {
        struct stream normals, choices;
        samples_streams(r->seed, range, i, &normals, &choices);
        draw_sample(r, range->test, &choices, &k, s->slots, s->tokens + i * s->T, s->labels + i,
                    s->relevant + i * s->slots);
    }
    free(k.slots);
    return OK;
}
