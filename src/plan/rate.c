#include "rate.h"
#include "cost.h"
#include "list.h"
#include "progress.h"
#include "run.h"
#include "scheduler.h"
#include "stop.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 128, WARM = 1, LEAST = 3 }; /* steps timed at most, left out at the start, timed at least */
static const double NEAR = 0.2;  /* shapes of one model whose work differs by less need not both be measured */
static const double OTHER = 100; /* added to the distance of another model's shape: only where its own has none */
static const double LONGEST = 0.5, SHORTEST = 0.03; /* seconds of one measurement */
static const double ASSUMED = 20e9;                 /* operations a second, where nothing is known */

/* What the time of a step depends on. */
enum { N_SIZES = 4 }; /* the first of them */
static const enum key shape_keys[] = {
    KEY_T,          KEY_d,         KEY_pairs,   KEY_vocab,      KEY_feature, KEY_layers,  KEY_heads,     KEY_width,
    KEY_head_dim,   KEY_mlp,       KEY_norm,    KEY_activation, KEY_mask,    KEY_readout, KEY_optimizer, KEY_batch,
    KEY_eval_every, KEY_eval_size, KEY_sampler, KEY_precision,  KEY_backend, KEY_threads};
enum { N_SHAPE_KEYS = sizeof shape_keys / sizeof shape_keys[0] };

static bool same(const struct keys *a, const struct keys *b, const enum key *keys, size_t n)
{
    bool same = a->preset == b->preset;
    for (size_t i = 0; i < n && same; i++)
        same = keys_same(a, b, keys[i]);
    return same;
}

static bool same_shape(const struct keys *a, const struct keys *b)
{
    return same(a, b, shape_keys, a->preset == PRESET_FLOW ? 0 : N_SHAPE_KEYS);
}

/* The same but for sizes of the task. */
static bool same_model(const struct keys *a, const struct keys *b)
{
    return same(a, b, shape_keys + N_SIZES, a->preset == PRESET_FLOW ? 0 : N_SHAPE_KEYS - N_SIZES);
}

/* The entry of the shape, made if it is not there; NULL: no memory. */
static struct rate *entry(struct rates *rates, const struct keys *keys)
{
    for (size_t i = 0; i < rates->n; i++) {
        if (same_shape(&rates->list[i].like, keys))
            return &rates->list[i];
    }
    if (list_room(&rates->list, rates->n, &rates->allocated, sizeof *rates->list, "rates") != OK)
        return NULL;
    rates->list[rates->n] = (struct rate){.like = *keys};
    return &rates->list[rates->n++];
}

/* Seconds of a step of a stored run; NaN if not known. */
static double seconds_stored(const struct result *r)
{
    const struct keys *k = &r->keys;
    return r->tokens_per_s > 0 ? keys_real(k, KEY_batch) * cost_tokens(k) / r->tokens_per_s : NAN;
}

enum status rate_create(const struct past *past, struct rates *rates)
{
    *rates = (struct rates){0};
    for (size_t i = 0; i < past->n; i++) {
        const struct result *r = &past->runs[i].result;
        const double seconds = seconds_stored(r);
        if (!past->runs[i].here || !(seconds > 0) || !(r->steps_done > 0))
            continue;
        struct rate *rate = entry(rates, &r->keys);
        if (!rate)
            return error_set(ERR_MEMORY, "out of memory for the rates of past runs");
        rate->steps += r->steps_done;
        rate->seconds += seconds * r->steps_done;
        rate->runs++;
    }
    return OK;
}

void rate_free(struct rates *rates)
{
    free(rates->list);
    *rates = (struct rates){0};
}

enum status rate_want(struct rates *rates, const struct keys *keys, double work)
{
    struct rate *rate = entry(rates, keys);
    if (!rate)
        return error_set(ERR_MEMORY, "out of memory for rates");
    rate->weight += work;
    return OK;
}

/* ---- measuring ---- */

struct measuring {
    struct rates *rates;
    const size_t *order; /* item -> rate; each of them once for each job */
    struct run_context runs;
    size_t jobs;
    double until, each; /* clock; seconds of one measurement */
    double wall, cpu;   /* of all measurements */
    /* of the Transformer in hand */
    int stop;
    double begun, last, samples[SAMPLES]; /* the first two by the clock of tick */
    int n;
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds that this process has computed: what a step takes if nobody else wants the core. */
static double busy(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* After each step. */
static void tick(void *context, const struct run_transformer_report *report)
{
    struct measuring *m = context;
    const double now = busy();
    if (report->step == 0)
        m->begun = now, m->n = -WARM;
    else if (m->n++ >= 0)
        m->samples[m->n - 1] = now - m->last;
    m->last = now;
    m->stop = *stop_reason() || m->n == SAMPLES || (m->n >= LEAST && now - m->begun > m->each);
}

/* Steps of the run of `keys`, each with its share of an evaluation; returns the median of their times. */
static enum status time_transformer(struct measuring *m, struct keys keys, struct result *result, double *seconds)
{
    enum status rc = OK;
    const double threads = keys_real(&keys, KEY_threads);
    keys.value[KEY_eval_size] = fmax(1, rint(keys.value[KEY_eval_size] / keys.value[KEY_eval_every]));
    keys.value[KEY_eval_every] = 1;
    keys.value[KEY_checkpoint_every] = 0;
    keys.value[KEY_until] = UNTIL_CAP;
    keys.value[KEY_steps] = SAMPLES + WARM + 1;
    m->stop = m->n = 0;
    m->runs.request = (struct run_request){.stop = &m->stop, .report = tick, .context = m};
    TRY(run_any(&m->runs, &keys, result, NULL));
    qsort(m->samples, (size_t)(m->n > 0 ? m->n : 0), sizeof *m->samples, by_value);
    *seconds = m->n > 0 ? m->samples[m->n / 2] / threads : NAN;
done:
    return rc;
}

/* Two runs of different length: what their start takes cancels. */
static enum status time_toy(struct measuring *m, struct keys keys, struct result *result, double *seconds)
{
    enum status rc = OK;
    double took[2], steps[2] = {LEAST, LEAST + fmin(1e5, fmax(LEAST, rint(m->each * ASSUMED / cost_step(&keys))))};
    m->runs.request = (struct run_request){.stop = stop_reason()};
    for (int i = 0; i < 2; i++) {
        const double begin = busy();
        keys.value[KEY_steps] = steps[i];
        TRY(run_any(&m->runs, &keys, result, NULL));
        took[i] = busy() - begin;
        steps[i] = result->steps_done;
    }
    *seconds = (took[1] - took[0]) / (steps[1] - steps[0]);
done:
    return rc;
}

static enum status time_flow(struct measuring *m, const struct keys *keys, struct result *result, double *seconds)
{
    const double begin = busy();
    enum status rc = run_any(&m->runs, keys, result, NULL);
    *seconds = busy() - begin;
    return rc;
}

/* What a worker measures, in seconds: a step; the whole measurement by the clock, and what of it was computed. */
struct measured {
    double step, wall, cpu;
};

static enum status measure(void *context, size_t item, struct text *payload)
{
    struct measuring *m = context;
    struct result result;
    const struct keys *keys = &m->rates->list[m->order[item / m->jobs]].like;
    const double begin = progress_clock(), computed = busy();
    double seconds = NAN;
    enum status rc = keys->preset == PRESET_FLOW  ? time_flow(m, keys, &result, &seconds)
                     : keys->preset == PRESET_TOY ? time_toy(m, *keys, &result, &seconds)
                                                  : time_transformer(m, *keys, &result, &seconds);
    if (rc == OK && *stop_reason() && result.state == RUN_INTERRUPTED) /* by a signal, not because it was timed */
        return error_set(ERR_INTERRUPTED, "interrupted");
    const struct measured measured = {seconds, progress_clock() - begin, busy() - computed};
    text_add_bytes(payload, (const char *)&measured, sizeof measured);
    return rc;
}

static enum status take(void *context, size_t item, enum status rc, const char *message, const void *payload,
                        size_t bytes)
{
    (void)message, (void)bytes;
    struct measuring *m = context;
    struct rate *rate = &m->rates->list[m->order[item / m->jobs]];
    const struct measured *measured = payload;
    if (rc == OK && measured->step > 0) { /* of copies on several jobs, the mean */
        rate->source = RATE_MEASURED;
        rate->steps++;
        rate->seconds += measured->step;
        m->wall += measured->wall;
        m->cpu += measured->cpu;
    }
    return OK;
}

static enum status in_time(void *context, size_t item, bool *wanted)
{
    (void)item;
    const struct measuring *m = context;
    *wanted = progress_clock() < m->until;
    return OK;
}

/* Does one of order[n], or one that is known, stand for this shape? */
static bool is_near(const struct rates *rates, const struct rate *rate, const size_t *order, size_t n)
{
    for (size_t i = 0; i < rates->n; i++) {
        const struct rate *other = &rates->list[i];
        bool known = other->steps > 0;
        for (size_t k = 0; k < n; k++)
            known = known || order[k] == i;
        if (known && same_model(&other->like, &rate->like) &&
            fabs(log(cost_step(&other->like) / cost_step(&rate->like))) < NEAR)
            return true;
    }
    return false;
}

/* The shapes that are wanted and not known into order[], the most work first, without those that another stands for;
 * returns how many. */
static size_t choose(const struct rates *rates, size_t *order)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < rates->n; i++) {
        if (rates->list[i].steps > 0 || !(rates->list[i].weight > 0))
            continue;
        size_t at = n++;
        for (; at > 0 && rates->list[order[at - 1]].weight < rates->list[i].weight; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_near(rates, &rates->list[order[i]], order, kept))
            order[kept++] = order[i];
    }
    return kept;
}

enum status rate_measure(struct rates *rates, size_t jobs, double limit)
{
    enum status rc = OK;
    size_t *order = calloc(rates->n + 1, sizeof *order), *items = NULL;
    REQUIRE(order, ERR_MEMORY, "out of memory for rates");
    const size_t n = choose(rates, order);
    if (n == 0 || limit <= 0)
        goto done;
    REQUIRE(items = calloc(n * jobs, sizeof *items), ERR_MEMORY, "out of memory for rates");
    for (size_t i = 0; i < n * jobs; i++)
        items[i] = i;
    struct measuring m = {.rates = rates,
                          .order = order,
                          .jobs = jobs,
                          .until = progress_clock() + limit,
                          .each = fmin(LONGEST, fmax(SHORTEST, 0.5 * limit / (double)n))};
    const struct scheduler scheduler = {
        .jobs = jobs, .isolated = true, .task = measure, .deliver = take, .wanted = in_time, .context = &m};
    rc = scheduler_run(&scheduler, items, n * jobs);
    run_free(&m.runs);
    rates->slowed = m.cpu > 0 ? m.wall / m.cpu : 1;
    if (jobs > scheduler_cores()) /* they share the cores */
        rates->slowed = fmax(1, rates->slowed * (double)scheduler_cores() / (double)jobs);
done:
    free(order);
    free(items);
    return rc;
}

/* Past runs shared their cores already, those that were measured did not. */
static double seconds_step(const struct rate *rate, double shared)
{
    return rate->seconds / rate->steps * (rate->source == RATE_PAST ? 1 : shared);
}

double rate_of(const struct rates *rates, const struct keys *keys, double shared, enum rate_source *source)
{
    const struct rate *near = NULL;
    double distance = INFINITY;
    const double step = cost_step(keys);
    for (size_t i = 0; i < rates->n; i++) {
        const struct rate *r = &rates->list[i];
        const double apart = fabs(log(cost_step(&r->like) / step)) + (same_model(&r->like, keys) ? 0 : OTHER);
        if (r->like.preset != keys->preset || !(r->steps > 0))
            continue;
        if (same_shape(&r->like, keys)) {
            *source = r->source;
            return seconds_step(r, shared);
        }
        if (apart < distance)
            distance = apart, near = r;
    }
    *source = near ? RATE_CARRIED : RATE_ASSUMED;
    return near ? seconds_step(near, shared) * step / cost_step(&near->like) : shared * step / ASSUMED;
}
