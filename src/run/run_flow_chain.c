/* Flows of chains of attentions (chain.h), and of a single one whose scores do not begin at 0. */
#include "models/start.h"
#include "models/toy_chain.h"
#include "run/run_flow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool run_flow_is_chain(const struct keys *keys)
{
    const double *v = keys->value;
    return keys->preset <= PRESET_TOY && (v[KEY_hops] > 1 || v[KEY_lean] != 0 || v[KEY_init_scores] > 0);
}

void run_flow_lean(const struct keys *keys, double D[CHAIN_HOPS])
{
    const double lean = keys_real(keys, KEY_lean), tilt = keys_real(keys, KEY_tilt);
    for (int i = 0; i < CHAIN_HOPS; i++)
        D[i] = lean + (i == 0 ? 0.5 : -0.5) * tilt; /* tilt: two hops */
}

void run_flow_held(const struct keys *keys, bool held[CHAIN_HOPS])
{
    const struct clamps clamps = clamp_of(keys_real(keys, KEY_clamp));
    memset(held, 0, CHAIN_HOPS * sizeof *held);
    for (size_t i = 0; i < clamps.n; i++)
        held[clamps.list[i].layer - 1] = true;
}

/* Adds what the drawn scores of a toy lean by: the right one less the logarithm of the mean weight of the others, so
 * that the probability of the right move is that of the toy. */
static enum status add_drawn(const struct keys *keys, double D[CHAIN_HOPS])
{
    const double sd = keys_real(keys, KEY_init_scores);
    const size_t T = (size_t)keys_integer(keys, KEY_T);
    if (!(sd > 0)) /* NaN: a flow */
        return OK;
    double *a = malloc(T * sizeof *a);
    if (!a)
        return error_set(ERR_MEMORY, "out of memory for %zu scores", T);
    for (int i = 0; i < (int)keys_integer(keys, KEY_hops); i++) {
        const size_t right = keys_integer(keys, KEY_hops) > 1 ? toy_chain_right((int)T, i) : T - 1;
        double others = 0;
        start_scores((int)T, i, sd, (uint64_t)keys_integer(keys, KEY_seed), a);
        for (size_t t = 0; t < T; t++)
            others += t == right ? 0 : exp(a[t]);
        D[i] += a[right] - log(others / (double)(T - 1));
    }
    free(a);
    return OK;
}

enum status run_flow_chain_problem(const struct keys *keys, enum metric metric, const struct flow_start *start,
                                   struct chain *chain)
{
    double D[CHAIN_HOPS];
    int n = 0, which[CHAIN_HOPS] = {0};
    bool held[CHAIN_HOPS];
    run_flow_lean(keys, D);
    run_flow_held(keys, held);
    enum status rc = add_drawn(keys, D);
    for (int i = 0; i < (int)keys_integer(keys, KEY_hops); i++) { /* e_i = 1: it leaves the chain */
        if (held[i])
            continue;
        D[n] = D[i];
        which[n++] = i;
    }
    if (rc == OK)
        rc = chain_init(keys_real(keys, KEY_T), keys_real(keys, KEY_d), n, metric, start, D, chain);
    memcpy(chain->which, which, sizeof which);
    return rc;
}

enum status run_flow_chain_record(void *context, const struct chain *c, double t, const double *y)
{
    const double loss = chain_loss(c, y), *D = y + 2;
    double row[8 + CHAIN_HOPS - 1] = {t, loss, loss, y[0], NAN, y[1], NAN, chain_attention(c, D), NAN, NAN};
    for (int i = 0; i < c->hops; i++)
        row[c->which[i] ? 7 + c->which[i] : 6] = D[i];
    return trace_add(context, row);
}
