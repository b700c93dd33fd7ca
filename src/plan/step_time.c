#include "plan/step_time.h"
#include "study/cost.h"
#include "base/list.h"
#include "base/progress.h"
#include "run/run.h"
#include "parallel/scheduler.h"
#include "parallel/stop.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Steps of a measurement. The first ones fill caches and make plans of the libraries, so they are not timed; of three
 * the median is safe from one that the machine disturbed. */
enum { WARM_UP_STEPS = 1, LEAST_STEPS = 3, MOST_STEPS = 128 };
/* Seconds of a measurement: long against the clock's resolution, short against the patience of who waits for it. */
static const double SHORTEST_S = 0.03, LONGEST_S = 0.5;
/* The distance of two shapes is |log(work/work')|. Nearer ones of one model are not both measured: the law of work is
 * good to so much. */
static const double NEAR = 0.2;
/* Is added to the distance of another model's shape, and larger than every other distance: such a shape counts only
 * where its own model has none. */
static const double OTHER_MODEL = 100;

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
    return same(a, b, shape_keys, keys_is_trained(a) ? N_SHAPE_KEYS : 0);
}

/* The same but for sizes of the task. */
static bool same_model(const struct keys *a, const struct keys *b)
{
    return same(a, b, shape_keys + N_SIZES, keys_is_trained(a) ? N_SHAPE_KEYS - N_SIZES : 0);
}

/* The entry of the shape, made if it is not there; NULL: no memory. */
static struct step_time *entry(struct step_times *times, const struct keys *keys)
{
    for (size_t i = 0; i < times->n; i++) {
        if (same_shape(&times->list[i].like, keys))
            return &times->list[i];
    }
    if (list_room(&times->list, times->n, &times->allocated, sizeof *times->list, "rates") != OK)
        return NULL;
    times->list[times->n] = (struct step_time){.like = *keys};
    return &times->list[times->n++];
}

/* Seconds of a step of a stored run; NaN if not known. */
static double seconds_stored(const struct result *r)
{
    const struct keys *k = &r->keys;
    return r->tokens_per_s > 0 ? keys_real(k, KEY_batch) * cost_tokens(k) / r->tokens_per_s : NAN;
}

enum status step_time_create(const struct history *history, struct step_times *times)
{
    *times = (struct step_times){0};
    for (size_t i = 0; i < history->n; i++) {
        const struct result *r = &history->runs[i].result;
        const double seconds = seconds_stored(r);
        if (!history->runs[i].here || !(seconds > 0) || !(r->steps_done > 0))
            continue;
        struct step_time *shape = entry(times, &r->keys);
        if (!shape)
            return error_set(ERR_MEMORY, "out of memory for the rates of past runs");
        shape->steps += r->steps_done;
        shape->seconds += seconds * r->steps_done;
        shape->runs++;
    }
    return OK;
}

void step_time_free(struct step_times *times)
{
    free(times->list);
    *times = (struct step_times){0};
}

enum status step_time_want(struct step_times *times, const struct keys *keys, double work)
{
    struct step_time *shape = entry(times, keys);
    if (!shape)
        return error_set(ERR_MEMORY, "out of memory for rates");
    shape->weight += work;
    return OK;
}

/* ---- measuring ---- */

struct measuring {
    struct step_times *times;
    const size_t *order; /* item -> rate; each of them once for each job */
    struct run_context runs;
    size_t jobs;
    double until, each; /* clock; seconds of one measurement */
    double wall, cpu;   /* of all measurements */
    /* of the Transformer in hand */
    int stop;
    double begun, last, samples[MOST_STEPS]; /* the first two by the clock of tick */
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
        m->begun = now, m->n = -WARM_UP_STEPS;
    else if (m->n++ >= 0)
        m->samples[m->n - 1] = now - m->last;
    m->last = now;
    m->stop = *stop_reason() || m->n == MOST_STEPS || (m->n >= LEAST_STEPS && now - m->begun > m->each);
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
    keys.value[KEY_steps] = MOST_STEPS + WARM_UP_STEPS + 1;
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
    double took[2],
        steps[2] = {LEAST_STEPS,
                    LEAST_STEPS +
                        fmin(1e5, fmax(LEAST_STEPS, rint(m->each * STEP_TIME_ASSUMED_SPEED / cost_step(&keys))))};
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
    const struct keys *keys = &m->times->list[m->order[item / m->jobs]].like;
    const double begin = progress_clock(), computed = busy();
    double seconds = NAN;
    enum status rc = !keys_is_trained(keys)       ? time_flow(m, keys, &result, &seconds)
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
    struct step_time *shape = &m->times->list[m->order[item / m->jobs]];
    const struct measured *measured = payload;
    if (rc == OK && measured->step > 0) { /* of copies on several jobs, the mean */
        shape->source = STEP_TIME_MEASURED;
        shape->steps++;
        shape->seconds += measured->step;
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
static bool is_near(const struct step_times *times, const struct step_time *shape, const size_t *order, size_t n)
{
    for (size_t i = 0; i < times->n; i++) {
        const struct step_time *other = &times->list[i];
        bool known = other->steps > 0;
        for (size_t k = 0; k < n; k++)
            known = known || order[k] == i;
        if (known && same_model(&other->like, &shape->like) &&
            fabs(log(cost_step(&other->like) / cost_step(&shape->like))) < NEAR)
            return true;
    }
    return false;
}

/* The shapes that are wanted and not known into order[], the most work first, without those that another stands for;
 * returns how many. */
static size_t choose(const struct step_times *times, size_t *order)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < times->n; i++) {
        if (times->list[i].steps > 0 || !(times->list[i].weight > 0))
            continue;
        size_t at = n++;
        for (; at > 0 && times->list[order[at - 1]].weight < times->list[i].weight; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_near(times, &times->list[order[i]], order, kept))
            order[kept++] = order[i];
    }
    return kept;
}

enum status step_time_measure(struct step_times *times, size_t jobs, double limit)
{
    enum status rc = OK;
    size_t *order = calloc(times->n + 1, sizeof *order), *items = NULL;
    REQUIRE(order, ERR_MEMORY, "out of memory for rates");
    const size_t n = choose(times, order);
    if (n == 0 || limit <= 0)
        goto done;
    REQUIRE(items = calloc(n * jobs, sizeof *items), ERR_MEMORY, "out of memory for rates");
    for (size_t i = 0; i < n * jobs; i++)
        items[i] = i;
    struct measuring m = {.times = times,
                          .order = order,
                          .jobs = jobs,
                          .until = progress_clock() + limit,
                          .each = fmin(LONGEST_S, fmax(SHORTEST_S, 0.5 * limit / (double)n))};
    const struct scheduler scheduler = {
        .jobs = jobs, .isolated = true, .task = measure, .deliver = take, .wanted = in_time, .context = &m};
    rc = scheduler_run(&scheduler, items, n * jobs);
    run_free(&m.runs);
    times->slowed = m.cpu > 0 ? m.wall / m.cpu : 1;
    if (jobs > scheduler_cores()) /* they share the cores */
        times->slowed = fmax(1, times->slowed * (double)scheduler_cores() / (double)jobs);
done:
    free(order);
    free(items);
    return rc;
}

/* Past runs shared their cores already, those that were measured did not. */
static double seconds_step(const struct step_time *shape, double shared)
{
    return shape->seconds / shape->steps * (shape->source == STEP_TIME_HISTORY ? 1 : shared);
}

double step_time_of(const struct step_times *times, const struct keys *keys, double shared,
                    enum step_time_source *source)
{
    const struct step_time *near = NULL;
    double distance = INFINITY;
    const double step = cost_step(keys);
    for (size_t i = 0; i < times->n; i++) {
        const struct step_time *r = &times->list[i];
        const double apart = fabs(log(cost_step(&r->like) / step)) + (same_model(&r->like, keys) ? 0 : OTHER_MODEL);
        if (r->like.preset != keys->preset || !(r->steps > 0))
            continue;
        if (same_shape(&r->like, keys)) {
            *source = r->source;
            return seconds_step(r, shared);
        }
        if (apart < distance)
            distance = apart, near = r;
    }
    *source = near ? STEP_TIME_CARRIED : STEP_TIME_ASSUMED;
    return near ? seconds_step(near, shared) * step / cost_step(&near->like) : shared * step / STEP_TIME_ASSUMED_SPEED;
}
