#include "run/run_reduced.h"
#include "base/progress.h"
#include "models/reduced_solver.h"
#include <math.h>
#include <string.h>

static struct reduced_setting setting_of(const struct keys *k)
{
    return (struct reduced_setting){.T = keys_real(k, KEY_T),
                                    .d = keys_real(k, KEY_d),
                                    .B = keys_real(k, KEY_B),
                                    .N = keys_real(k, KEY_width),
                                    .k = keys_real(k, KEY_head_dim),
                                    .H = keys_real(k, KEY_heads),
                                    .M = keys_real(k, KEY_mlp),
                                    .b = keys_real(k, KEY_batch),
                                    .eta = keys_real(k, KEY_lr),
                                    .beta1 = keys_real(k, KEY_beta1),
                                    .beta2 = keys_real(k, KEY_beta2),
                                    .adam = keys_integer(k, KEY_optimizer) == OPTIMIZER_ADAM,
                                    .skip = keys_integer(k, KEY_skip) == CHOICE_YES,
                                    .fixed = keys_integer(k, KEY_position) == POSITION_FIXED};
}

/* ---- a run ---- */

static enum status record(void *context, const struct reduced *r, double t, const struct reduced_state *y)
{
    struct reduced_view v;
    struct reduced_rates rate;
    reduced_look(r, y, &v);
    reduced_rates(r, t, y, &v, &rate);
    const double row[] = {t,      v.L,    v.w,    y->a,  v.s / r->setting.B, y->q2, y->k2, rate.E, rate.U, rate.O,
                          rate.V, rate.P, rate.K, rate.Q};
    return trace_add(context, row);
}

enum status run_reduced(struct ode *ode, const struct keys *keys, struct result *r, struct trace *trace)
{
    enum status rc = OK;
    const double begin = progress_clock();
    const struct reduced_setting setting = setting_of(keys);
    struct reduced reduced;
    struct reduced_solution s;
    const struct reduced_request q = {.threshold = keys_real(keys, KEY_threshold),
                                      .cap = keys_real(keys, KEY_steps),
                                      .rtol = keys_real(keys, KEY_rtol),
                                      .atol = keys_real(keys, KEY_atol),
                                      .all_crossings = true,
                                      .step = trace ? record : NULL,
                                      .context = trace};
    if (trace)
        trace_begin(trace, keys);
    TRY(reduced_init(&setting, &reduced));
    TRY(reduced_solver_solve(ode, &reduced, &q, &s));
    *r = (struct result){.keys = *keys,
                         .state = isnan(s.plateau) ? RUN_CENSORED : RUN_EMERGED,
                         .plateau = s.plateau,
                         .cap = s.final_time,
                         .initial_loss = s.initial_loss,
                         .null_loss = 1,
                         .final_loss = s.final_loss,
                         .predicted = prediction_none,
                         .flow_plateau = NAN,
                         .solver = {s.counts.steps, s.counts.rhs_evals, s.counts.jac_evals, s.counts.error_test_fails}};
    memcpy(r->crossings, s.crossings, sizeof r->crossings);
    for (size_t i = 0; i < SCHEDULE_SWITCHES; i++)
        r->switched[i] = NAN;
    r->predicted.reduced_s50 = s.s50;
    r->predicted.reduced_closed = reduced_closed(&reduced, 0).T_em;
    r->wall_s = progress_clock() - begin;
done:
    reduced_free(&reduced);
    if (rc != OK) {
        struct text which = {0};
        keys_describe(keys, &which);
        error_prefix(rc, "%.200s", which.data ? which.data : "reduced flow");
        text_free(&which);
    }
    return rc;
}

/* ---- what it predicts ---- */

/* Is the flow about such a Transformer? */
static bool is_modelled(const double *v)
{
    return v[KEY_task] == TASK_REGRESSION && v[KEY_feature] == CHOICE_YES && v[KEY_norm] == NORM_NONE &&
           v[KEY_activation] == ACTIVATION_GELU && v[KEY_readout] == READOUT_LAST && v[KEY_target] == TARGET_GAUSSIAN &&
           v[KEY_schedule] == 0 && v[KEY_clamp] == 0 && v[KEY_score_scale] == 1 && v[KEY_decay] == 0;
}

/* Is it no further from what the flow was compared with than doc/theory.md says? */
static bool is_compared(const double *v)
{
    const bool adam = v[KEY_optimizer] == OPTIMIZER_ADAM, plain = v[KEY_skip] == CHOICE_YES;
    const bool rates = adam ? v[KEY_lr] >= 1e-5 && v[KEY_lr] <= 3e-4 && v[KEY_beta1] <= 0.9 && v[KEY_beta2] >= 0.99 &&
                                  v[KEY_eps] <= 1e-7
                            : v[KEY_optimizer] == OPTIMIZER_SGD && v[KEY_momentum] == 0 && v[KEY_lr] <= 2e-2;
    const bool problem = v[KEY_d] >= (adam ? 6 : 4) && v[KEY_d] <= 128 && v[KEY_T] >= 16 && v[KEY_T] <= 512 &&
                         16 * v[KEY_B] <= v[KEY_T] && v[KEY_p] <= 0.9 && v[KEY_threshold] >= 0.1;
    const bool sizes = v[KEY_d] <= 2 * v[KEY_head_dim] && v[KEY_head_dim] <= 128 && v[KEY_width] >= 64 &&
                       v[KEY_width] <= 512 && v[KEY_heads] <= 4 && v[KEY_mlp] <= 4 && v[KEY_batch] >= 8 &&
                       v[KEY_batch] <= 512;
    const bool parts = v[KEY_position] == POSITION_RANDOM || plain; /* not both changed */
    const bool layers = v[KEY_layers] == 1 || (v[KEY_layers] == 2 && adam && plain && v[KEY_mlp] > 0 &&
                                               v[KEY_position] == POSITION_RANDOM && v[KEY_B] == 1);
    return rates && problem && sizes && parts && layers;
}

/* Root mean square of ln(predicted/measured) over the runs that doc/theory.md lists, of the plateau length and of the
 * closed form (against attention 1/2), by the first line that fits. */
static void state_errors(const struct keys *k, struct prediction *p)
{
    const double *v = k->value;
    const struct {
        bool fits;
        double plateau, closed;
    } lines[] = {
        {v[KEY_layers] > 1, .37, .4},
        {v[KEY_optimizer] == OPTIMIZER_SGD, v[KEY_mlp] > 0 ? .18 : .21, v[KEY_mlp] > 0 ? .1 : .2},
        {v[KEY_skip] == CHOICE_NO, .16, .28},
        {v[KEY_position] == POSITION_FIXED, .14, .17},
        {v[KEY_B] > 1 || v[KEY_heads] > 1, .17, .33},
        {true, .14, .25},
    };
    int i = 0;
    while (!lines[i].fits)
        i++;
    p->reduced_error = lines[i].plateau;
    p->reduced_closed_error = lines[i].closed;
}

enum status run_reduced_expect(struct ode *ode, const struct keys *keys, struct prediction *out)
{
    enum status rc = OK;
    struct reduced_setting setting = setting_of(keys);
    struct reduced reduced = {.pbar = NULL};
    struct reduced_solution s;
    const double rtol = 1e-6, atol = 1e-8, cap = 1e9;
    const struct reduced_request q = {
        .threshold = keys_real(keys, KEY_threshold), .cap = cap, .rtol = rtol, .atol = atol};
    if (keys->preset != PRESET_REGRESSION || !is_modelled(keys->value) || !is_compared(keys->value))
        return OK;
    if (keys_integer(keys, KEY_layers) > 1)
        setting.H = 1;
    rc = reduced_init(&setting, &reduced);
    if (rc == ERR_INPUT) { /* no such flow */
        rc = OK;
        goto done;
    }
    TRY(rc);
    out->reduced_closed = reduced_closed(&reduced, keys_real(keys, KEY_p)).T_em;
    state_errors(keys, out);
    if (keys_real(keys, KEY_p) > 0) { /* the flow is for p = 0 */
        out->reduced_error = NAN;
        goto done;
    }
    rc = reduced_solver_solve(ode, &reduced, &q, &s);
    if (rc == OK) {
        out->reduced = s.plateau;
        out->reduced_s50 = s.s50;
    }
    rc = rc == ERR_SOLVER ? OK : rc;
done:
    reduced_free(&reduced);
    return rc;
}
