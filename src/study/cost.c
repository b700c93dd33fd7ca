#include "study/cost.h"
#include "models/published.h"
#include "models/task.h"
#include <math.h>

/* The cost of other work, as the number of operations of a matrix product that take the same time: one normal number,
 * one element of a softmax or an activation with its gradient, one updated parameter (which is bound by memory), and
 * what every step costs. */
static const double NORMAL = 60, ELEMENT = 60, PARAMETER = 450, FIXED = 1e6;
static const double FLOW = 1e7, REDUCED = 5e9; /* operations of a whole flow; of a Transformer's reduced flow */
static const double PROCESS = 15e6, BLOCK = 20e6,
                    LAYER = 15e6; /* bytes: a process without a run; what a thread of a Transformer works in, with one
                                     layer, and for each more */

double cost_tokens(const struct keys *k)
{
    int T, inputs, outputs;
    task_of(k)->sizes(k, &T, &inputs, &outputs);
    return T;
}

/* Sizes of a Transformer. */
struct shape {
    double T, inputs, outputs, layers, heads, A, W, F;
    bool tokens, is_short; /* is_short: the last layer is computed for the last position only */
};

static struct shape shape_of(const struct keys *k)
{
    int T, inputs, outputs;
    const struct task_kind *task = task_of(k);
    task->sizes(k, &T, &inputs, &outputs);
    const double W = keys_real(k, KEY_width), heads = keys_real(k, KEY_heads);
    return (struct shape){.T = T,
                          .inputs = inputs,
                          .outputs = outputs,
                          .layers = keys_real(k, KEY_layers),
                          .heads = heads,
                          .A = heads * keys_real(k, KEY_head_dim),
                          .W = W,
                          .F = W * keys_real(k, KEY_mlp),
                          .tokens = task->tokens,
                          .is_short = keys_integer(k, KEY_readout) == READOUT_LAST};
}

static double parameters(const struct shape *s)
{
    return s->W * (s->inputs + s->outputs) + s->layers * s->W * (4 * s->A + 2 * s->F);
}

/* Forward pass of one sequence (transformer.h). A whole layer: q, k, v, o and the MLP for T tokens, scores and their
 * sums; a short one: those of one token, with K^T q and sum_t p_t n_t in place of keys and values. */
static double forward(const struct shape *s, bool probes)
{
    const double T = s->T, W = s->W, A = s->A, F = s->F;
    const double whole = 2 * T * W * (4 * A + 2 * F) + 4 * T * T * A + ELEMENT * T * (T * s->heads + F);
    const double last = 2 * W * (4 * A + 2 * F) + 4 * T * s->heads * W + ELEMENT * (T * s->heads + F);
    const double ends = 2 * W * ((s->tokens ? 0 : T * s->inputs) + s->outputs);
    const double looked_at = probes && s->tokens ? 2 * T * W * 2 * A + 2 * T * T * A : 0;
    return (s->layers - s->is_short) * whole + s->is_short * (last + looked_at) + ends;
}

static double transformer_step(const struct keys *k)
{
    const struct shape s = shape_of(k);
    const double batch = keys_real(k, KEY_batch), tests = keys_real(k, KEY_eval_size) / keys_real(k, KEY_eval_every);
    const double sampling = s.tokens ? 0 : NORMAL * batch * s.T * s.inputs;
    return 3 * batch * forward(&s, false) + tests * forward(&s, true) + sampling + PARAMETER * parameters(&s) + FIXED;
}

/* Samples, each a normal a number, and products with W; the loss is O(d^2 + T). */
static double toy_step(const struct keys *k)
{
    const double T = keys_real(k, KEY_T), d = keys_real(k, KEY_d), batch = keys_real(k, KEY_batch);
    if (keys_optimizer(k)->gradient == GRADIENT_EXACT)
        return 10 * (d * d + T) + FIXED / 10;
    const bool tokens = keys_integer(k, KEY_sampler) == SAMPLER_TOKENS;
    return batch * (NORMAL * (tokens ? T * d : T + 2 * d) + 6 * d * d) + 10 * (d * d + T) + FIXED / 10;
}

double cost_step(const struct keys *k)
{
    switch (k->preset) {
    case PRESET_FLOW:
        return FLOW;
    case PRESET_TOY:
        return toy_step(k);
    case PRESET_REDUCED:
        return REDUCED;
    default:
        return transformer_step(k);
    }
}

/* x^g with g rounded to quarters: the same bits on every machine, which pow does not promise. */
static double power_of_quarters(double x, double g)
{
    const double root = sqrt(sqrt(x)), quarters = rint(4 * fabs(g));
    double value = 1;
    for (double i = 0; i < quarters; i++)
        value *= root;
    return g < 0 ? 1 / value : value;
}

/* Steps to the end of the plateau. The toy: sqrt(pi/2) sqrt(d) T/sqrt(B), in time = steps x lr. Transformers: the
 * published laws, with steps in inverse proportion to the learning rate; that of SGD has no B, which counts as 1/T. */
static double plateau(const struct keys *k)
{
    static const double ADAM_LR = 1e-4, SGD_LR = 5e-3; /* published.def */
    const double lr = keys_real(k, KEY_lr), B = keys_real(k, KEY_B);
    if (k->preset == PRESET_RECALL)
        return published_value(PUBLISHED_FIG4, k, power_of_quarters) * ADAM_LR / lr;
    if (k->preset == PRESET_TOY) {
        static const double G[] = {0, 0, 1.5, 6}; /* chain.h, of the usual lean */
        const double T = keys_real(k, KEY_T), d = keys_real(k, KEY_d);
        const int hops = (int)keys_integer(k, KEY_hops);
        return (hops > 1 ? d * T + G[hops] * (hops > 2 ? T : 1) * T * T : 1.25 * sqrt(d / B) * T) / lr;
    }
    if (k->preset != PRESET_REGRESSION) /* nothing is published of it: the cap */
        return INFINITY;
    if (keys_optimizer(k)->time == TIME_OWN)
        return published_value(PUBLISHED_FIG3, k, power_of_quarters) * ADAM_LR / lr;
    return published_value(PUBLISHED_FIG15_SGD, k, power_of_quarters) / B * SGD_LR / lr;
}

double cost_steps(const struct keys *k)
{
    if (!keys_is_trained(k))
        return 1;
    const double cap = keys_real(k, KEY_steps), steps = plateau(k);
    return steps < cap && keys_real(k, KEY_until) != UNTIL_CAP ? steps : cap; /* until: NaN for the toy */
}

/* The largest of 1, 2, 5, 10, 20, .. that is not above x; at least 1. */
static double round_down(double x)
{
    double power = 1;
    while (10 * power <= x)
        power *= 10;
    return x >= 5 * power ? 5 * power : x >= 2 * power ? 2 * power : power;
}

double cost_eval_every(const struct keys *keys)
{
    static const double EVALUATIONS = 60, SHARE = 0.05, MOST = 1e6;
    struct keys often = *keys, never = *keys;
    often.value[KEY_eval_every] = 1;
    never.value[KEY_eval_every] = INFINITY;
    const double d = keys_real(keys, KEY_d), T = keys_real(keys, KEY_T); /* the toy's evaluation: O(d^2 + T) */
    const double step = cost_step(&never),
                 evaluation = keys->preset == PRESET_TOY ? 10 * (d * d + T) : cost_step(&often) - step;
    const double expected = plateau(keys), close = isfinite(expected) ? round_down(expected / EVALUATIONS) : 1;
    double cheap = 1;
    while (cheap * SHARE * step < evaluation)
        cheap = round_down(cheap * 2.5);
    return fmin(fmax(close, cheap), MOST);
}

double cost_run(const struct keys *k)
{
    return cost_steps(k) * cost_step(k);
}

double cost_memory(const struct keys *k)
{
    if (!keys_is_trained(k))
        return PROCESS;
    const double batch = keys_real(k, KEY_batch);
    if (k->preset == PRESET_TOY) {
        const double T = keys_real(k, KEY_T), d = keys_real(k, KEY_d);
        const double moments = keys_optimizer(k)->time == TIME_OWN ? 2 : 1;   /* an adaptive one keeps two */
        return PROCESS + 8 * ((5 + 2 + moments) * d * d + 4 * T) + 4 * T * d; /* with what is saved, as one block: W,
                                                                                 W*, moments */
    }
    /* Parameters, gradient in four accumulators, Adam's two moments, prepared weights; samples; what each thread works
     * in. */
    const struct shape s = shape_of(k);
    const double token = s.tokens ? 1 : s.inputs, samples = batch + keys_real(k, KEY_eval_size);
    return PROCESS + 4 * (9 * parameters(&s) + samples * s.T * token) +
           (BLOCK + LAYER * (s.layers - 1)) * keys_real(k, KEY_threads);
}
