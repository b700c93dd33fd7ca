#include "run/measure.h"
#include "run/train_step.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 40, LATER = 100, SAMPLES = 256 };
static const double SHIFT = 0.003;               /* the largest change of a parameter in the difference quotient */
static const double GROWTH = 1.05;               /* of the times at which lambda(t) is taken */
static const double LEAST = 2 * (FIRST + LATER); /* what emerges sooner is not on a plateau while it is measured */
static const double FALLEN = 0.8;                /* of the null loss */
static const double LONGEST = 1e12;              /* steps: what has not emerged by then never does */

struct measuring {
    const struct keys *keys;
    struct train_step step;
    struct samples twins;   /* 2 SAMPLES: each sample, then its twin */
    float *target;          /* owned: theirs, [2 SAMPLES][outputs] */
    double *V, *S;          /* owned by V: [count] each, see above */
    real *G, *h, *back, *u; /* owned by G: [count] each */
    bool fell;              /* the loss has left its plateau already */
    real *outputs;          /* owned: [2 SAMPLES][outputs] */
};

/* ---- the rates ---- */

static enum status train(struct measuring *m, const volatile int *stop)
{
    enum status rc = OK;
    const size_t count = m->step.model->count;
    struct transformer_measure measured;
    for (int i = 0; i < FIRST + LATER; i++) {
        double *sum = i < FIRST ? m->S : m->V;
        REQUIRE(!stop || !*stop, ERR_INTERRUPTED, "interrupted");
        TRY(train_step_run(&m->step, &measured));
        REQUIRE(isfinite(measured.loss), ERR_SOLVER, "the first steps diverge: a smaller lr may not");
        for (size_t k = 0; k < count; k++)
            sum[k] += (double)m->step.gradient[k] * (double)m->step.gradient[k];
    }
    const struct transformer_batch test = train_step_test(&m->step);
    TRY(transformer_evaluate(m->step.model, &test, 0, NULL, &measured, NULL));
    m->fell = measured.loss < FALLEN * m->step.task.null_loss;
    for (size_t k = 0; k < count; k++) {
        m->V[k] /= LATER;
        m->S[k] -= FIRST * m->V[k];
    }
done:
    return rc;
}

/* D(t) of entry k; 0 where there is never a gradient. */
static double rate(const struct measuring *m, size_t k, double t)
{
    const struct optimizer_state *o = &m->step.optimizer;
    if (keys_optimizer(m->keys)->time == TIME_FLOW)
        return o->lr / (1 - o->momentum);
    const double square = m->V[k] + m->S[k] / t;
    return m->V[k] > 0 && square > 0 ? o->lr / sqrt(square) : 0;
}

/* ---- the pull ---- */

static bool ends_with_relevant(const struct samples *s, size_t i)
{
    bool last = false;
    for (size_t k = 0; k < s->slots; k++)
        last = last || s->relevant[i * s->slots + k] == (int32_t)s->T - 1;
    return last;
}

/* Sample `from` of s and its twin as samples 2 i and 2 i + 1. */
static void add_twins(struct measuring *m, const struct samples *s, size_t from, size_t i)
{
    const size_t row = s->T * s->features, d = s->outputs;
    for (size_t twin = 0; twin < 2; twin++) {
        float *inputs = m->twins.inputs + (2 * i + twin) * row, *target = m->target + (2 * i + twin) * d;
        memcpy(inputs, s->inputs + from * row, row * sizeof *inputs);
        memcpy(target, s->targets + from * d, d * sizeof *target);
        for (size_t c = 0; c < d && twin; c++)
            target[c] = -target[c];
        for (size_t k = 0; k < s->slots && twin; k++) {
            const int32_t position = s->relevant[from * s->slots + k];
            for (size_t c = 0; c < d && position >= 0; c++)
                inputs[(size_t)position * s->features + c] *= -1;
        }
    }
}

static enum status draw_twins(struct measuring *m)
{
    enum status rc = OK;
    struct samples drawn = {0};
    const size_t n = 2 * (size_t)SAMPLES;
    size_t made = 0;
    TRY(task_samples(m->keys, &m->step.task, n, &m->twins));
    TRY(task_samples(m->keys, &m->step.task, SAMPLES, &drawn));
    REQUIRE(m->target = malloc(n * drawn.outputs * sizeof *m->target), ERR_MEMORY, "out of memory for %zu samples", n);
    for (uint32_t first = (uint32_t)keys_integer(m->keys, KEY_eval_size); made < SAMPLES; first += SAMPLES) {
        TRY(task_draw(&m->step.task, &(struct samples_range){.test = true, .first = first}, &drawn));
        for (size_t i = 0; i < SAMPLES && made < SAMPLES; i++) {
            if (!ends_with_relevant(&drawn, i))
                add_twins(m, &drawn, i, made++);
        }
        REQUIRE(made > 0, ERR_INPUT, "the relevant token is always the last one (position=fixed): no such measurement");
    }
done:
    samples_free(&drawn);
    return rc;
}

/* grad m at the present parameters, into g[count]: with targets y + y* the gradient of the loss is that of -E[y.y*]. */
static enum status overlap_gradient(struct measuring *m, real *g)
{
    enum status rc = OK;
    const size_t n = m->twins.n * m->twins.outputs;
    double square = 0;
    struct transformer_measure measured;
    struct transformer_clamp held[CLAMPS];
    struct transformer_batch batch = {
        .sequences = (int)m->twins.n, .inputs = m->twins.inputs, .targets = m->twins.targets, .clamps = held};
    batch.n_clamps = train_step_clamps(&m->step.clamps, m->step.task.kind, m->step.optimizer.step, &m->twins, held);
    TRY(transformer_evaluate(m->step.model, &batch, 0, NULL, &measured, m->outputs));
    for (size_t i = 0; i < n; i++) {
        m->twins.targets[i] = (float)m->outputs[i] + m->target[i];
        square += (double)m->target[i] * (double)m->target[i] / (double)m->twins.n;
    }
    TRY(transformer_gradient(m->step.model, &batch, g, &measured, NULL));
    for (size_t k = 0; k < m->step.model->count; k++)
        g[k] = (real)(-(double)g[k] / square);
done:
    return rc;
}

/* Is number k of the tensor a parameter of queries or keys? */
static bool makes_scores(const struct transformer *model, const struct transformer_tensor *t, size_t k)
{
    const size_t A = (size_t)model->config.heads * (size_t)model->config.head_dim;
    const size_t in = t->rank == 2 ? (size_t)t->shape[1] : 1;
    return strstr(t->name, ".qkv.") && k < 2 * A * in;
}

/* G, u = D(inf) G, and h. */
static enum status take_gradients(struct measuring *m)
{
    enum status rc = OK;
    const struct transformer *model = m->step.model;
    real *theta = model->parameters, *saved = malloc(model->count * sizeof *saved);
    double largest = 0, e;
    REQUIRE(saved, ERR_MEMORY, "out of memory for %zu parameters", model->count);
    memcpy(saved, theta, model->count * sizeof *saved);
    TRY(overlap_gradient(m, m->G));
    for (size_t k = 0; k < model->count; k++) {
        m->u[k] = (real)(rate(m, k, INFINITY) * (double)m->G[k]);
        largest = fmax(largest, fabs((double)m->u[k]));
    }
    REQUIRE(largest > 0, ERR_SOLVER, "the overlap of output and target has no gradient");
    e = SHIFT / largest;
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (size_t k = 0; k < model->count; k++)
            theta[k] = saved[k] + (real)(sign * e) * m->u[k];
        if ((rc = overlap_gradient(m, sign > 0 ? m->h : m->back)) != OK)
            break;
    }
    memcpy(theta, saved, model->count * sizeof *saved);
    for (int i = 0; i < model->tensors && rc == OK; i++) {
        const struct transformer_tensor *t = &model->tensor[i];
        for (size_t k = 0; k < t->count; k++) {
            const size_t at = t->offset + k;
            m->h[at] = makes_scores(model, t, k) ? (real)(((double)m->h[at] - (double)m->back[at]) / (2 * e)) : 0;
        }
    }
done:
    free(saved);
    return rc;
}

static double lambda_at(const struct measuring *m, double t, double GDG)
{
    double hDh = 0, now = 0;
    for (size_t k = 0; k < m->step.model->count; k++) {
        const double D = rate(m, k, t);
        hDh += D * (double)m->h[k] * (double)m->h[k];
        now += D * (double)m->G[k] * (double)m->G[k];
    }
    return 2 * m->step.task.null_loss * sqrt(hDh * now) / GDG;
}

/* int lambda dt by trapezoids on times that grow by a constant factor. */
static void solve(const struct measuring *m, struct measure *out)
{
    double GDG = 0, t = FIRST, area, before;
    for (size_t k = 0; k < m->step.model->count; k++)
        GDG += rate(m, k, INFINITY) * (double)m->G[k] * (double)m->G[k];
    out->lambda = lambda_at(m, INFINITY, GDG);
    out->t_e = sqrt(M_PI_2) / out->lambda;
    before = lambda_at(m, FIRST, GDG);
    area = 30 * before;
    while (area < sqrt(M_PI_2) && t < LONGEST) {
        const double next = GROWTH * t, lambda = lambda_at(m, next, GDG), more = (next - t) * (lambda + before) / 2;
        if (area + more >= sqrt(M_PI_2)) {
            t += (next - t) * (sqrt(M_PI_2) - area) / more;
            break;
        }
        area += more, t = next, before = lambda;
    }
    out->T_em = t < LONGEST ? t : NAN;
    out->too_soon = m->fell || t < LEAST;
    if (out->too_soon)
        out->t_e = out->T_em = NAN;
}

enum status measure_emergence(const struct keys *keys, const volatile int *stop, struct measure *out)
{
    enum status rc = OK;
    struct measuring m = {.keys = keys};
    REQUIRE(keys->preset == PRESET_REGRESSION && keys_integer(keys, KEY_readout) == READOUT_LAST, ERR_INPUT,
            "measured are Transformers that learn task=regression with readout=last");
    TRY(train_step_init(keys, &m.step));
    const size_t count = m.step.model->count, n = 2 * (size_t)SAMPLES * (size_t)m.step.model->config.outputs;
    m.V = calloc(2 * count, sizeof *m.V);
    m.G = calloc(4 * count, sizeof *m.G);
    m.outputs = malloc(n * sizeof *m.outputs);
    REQUIRE(m.V && m.G && m.outputs, ERR_MEMORY, "out of memory for gradients of %zu numbers", count);
    m.S = m.V + count;
    m.h = m.G + count;
    m.back = m.h + count;
    m.u = m.back + count;
    TRY(train(&m, stop));
    TRY(draw_twins(&m));
    TRY(take_gradients(&m));
    solve(&m, out);
    out->steps = FIRST + LATER;
done:
    train_step_free(&m.step);
    samples_free(&m.twins);
    free(m.target);
    free(m.V);
    free(m.G);
    free(m.outputs);
    return rc;
}
