/* Flows of chains of attentions (chain.h), and of a single one whose scores do not begin at 0. */
#include "run/run_flow.h"
#include <math.h>
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

enum status run_flow_chain_problem(const struct keys *keys, enum metric metric, const struct flow_start *start,
                                   struct chain *chain)
{
    double D[CHAIN_HOPS] = {0};
    int n = 0, which[CHAIN_HOPS] = {0};
    bool held[CHAIN_HOPS];
    run_flow_lean(keys, D);
    run_flow_held(keys, held);
    for (int i = 0; i < (int)keys_integer(keys, KEY_hops); i++) { /* e_i = 1: it leaves the chain */
        if (held[i])
            continue;
        D[n] = D[i];
        which[n++] = i;
    }
    enum status rc = chain_init(keys_real(keys, KEY_T), keys_real(keys, KEY_d), n, metric, start, D, chain);
    memcpy(chain->which, which, sizeof which);
    return rc;
}

bool run_flow_never(const struct keys *keys)
{
    if (!run_flow_is_chain(keys) || keys_integer(keys, KEY_init) != INIT_ZERO || keys_real(keys, KEY_init_scores) > 0)
        return false;
    const struct flow_start start = flow_unit_start(keys_real(keys, KEY_d));
    const double level = fmax(keys_real(keys, KEY_threshold), flow_solver_level(0));
    struct chain chain;
    return run_flow_chain_problem(keys, METRIC_FULL, &start, &chain) == OK && chain_hopeless(&chain, chain.y0, level);
}

enum status run_flow_chain_record(void *context, const struct chain *c, double t, const double *y)
{
    const double loss = chain_loss(c, y), *D = y + 2;
    double row[8 + CHAIN_HOPS - 1] = {t, loss, loss, y[0], NAN, y[1], NAN, chain_attention(c, D), NAN, NAN};
    for (int i = 0; i < c->hops; i++)
        row[c->which[i] ? 7 + c->which[i] : 6] = D[i];
    return trace_add(context, row);
}
