#include "design.h"
#include "power_law.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = POWER_LAW_MAX + 1 };             /* the constant and the exponents */
static const double SEED = 0.06, CELL = 0.07; /* s.d. of log y: between seeds of a cell, of cells about the law */
static const double VAGUE = 100;              /* variance of every coefficient before the first run */

/* Runs that share a law. */
struct group {
    struct keys like;
    size_t dim;                         /* coefficients */
    enum key key[DIM];                  /* of each but the first */
    double first[DIM];                  /* values of the keys in the first cell */
    double inverse[DIM][DIM], constant; /* M^-1, M_00 */
    size_t rank, runs;                  /* directions and runs so far, of those that will not be cut off */
    double basis[DIM][DIM];             /* of the directions so far, orthonormal */
};

struct cell {
    struct keys keys;
    unsigned name;
    size_t group, seeds, left; /* runs made or chosen; still to be chosen from */
    size_t first;              /* of plan->runs, to be made and not chosen yet; the others follow */
    double x[DIM], seconds, weight;
    bool full; /* there is no time for one more */
};

struct design {
    struct plan *plan;
    struct group *groups; /* owned */
    struct cell *cells;   /* owned */
    size_t n_groups, n_cells;
    size_t *cell_of;     /* owned: of every run of the plan */
    bool *chosen;        /* owned: of every run */
    size_t needed, more; /* runs chosen so that there is a fit; beside those */
    double budget, used; /* seconds of all jobs together */
};

/* ---- information ---- */

static double precision(size_t seeds)
{
    return seeds ? 1 / (CELL * CELL + SEED * SEED / (double)seeds) : 0;
}

/* What one more seed adds. */
static double added(const struct cell *c)
{
    return c->weight * (precision(c->seeds + 1) - precision(c->seeds));
}

/* x'M^-1 x; M^-1 x into Mx. */
static double spread(const struct group *g, const double *x, double *Mx)
{
    double q = 0;
    for (size_t i = 0; i < g->dim; i++) {
        Mx[i] = 0;
        for (size_t j = 0; j < g->dim; j++)
            Mx[i] += g->inverse[i][j] * x[j];
        q += x[i] * Mx[i];
    }
    return q;
}

/* By how much one more seed raises log det of the information. */
static double gain(const struct design *d, const struct cell *c)
{
    const struct group *g = &d->groups[c->group];
    double Mx[DIM];
    const double v = added(c), all = log1p(v * spread(g, c->x, Mx));
    return g->dim > 1 ? all - log1p(v / g->constant) : all;
}

/* The part of x that no direction so far holds, into rest; false if there is none. */
static bool new_direction(const struct group *g, const double *x, double *rest)
{
    double length = 0;
    memcpy(rest, x, g->dim * sizeof *rest);
    for (size_t r = 0; r < g->rank; r++) {
        double along = 0;
        for (size_t i = 0; i < g->dim; i++)
            along += g->basis[r][i] * rest[i];
        for (size_t i = 0; i < g->dim; i++)
            rest[i] -= along * g->basis[r][i];
    }
    for (size_t i = 0; i < g->dim; i++)
        length += rest[i] * rest[i];
    for (size_t i = 0; i < g->dim; i++)
        rest[i] /= sqrt(length);
    return length > 1e-6;
}

/* One more seed of the cell: M += v x x' (Sherman and Morrison). */
static void learn(struct design *d, struct cell *c)
{
    struct group *g = &d->groups[c->group];
    double Mx[DIM] = {0}, rest[DIM];
    const double v = added(c), q = spread(g, c->x, Mx);
    for (size_t i = 0; i < g->dim; i++) {
        for (size_t j = 0; j < g->dim; j++)
            g->inverse[i][j] -= v * Mx[i] * Mx[j] / (1 + v * q);
    }
    g->constant += v;
    c->seeds++;
    if (c->weight < 0.5) /* probably cut off: a fit cannot begin with it */
        return;
    g->runs++;
    if (g->rank < g->dim && new_direction(g, c->x, rest))
        memcpy(g->basis[g->rank++], rest, sizeof rest);
}

/* ---- groups and cells ---- */

/* The share of its information that a run keeps, when its cap cuts it off at z s.d. */
static double kept(const struct expectation *e, double cap)
{
    if (isnan(cap) || isnan(e->plateau))
        return 1;
    const double sd = sqrt(SEED * SEED + CELL * CELL), z = log(cap / e->plateau) / sd;
    const double density = exp(-z * z / 2) / sqrt(2 * M_PI), above = 0.5 * erfc(z / M_SQRT2);
    return z > 6 ? 1 : z < -6 ? 0 : 1 - above - z * density + density * density / above;
}

static enum status add_group(struct design *d, const struct keys *keys, size_t *group)
{
    enum status rc = OK;
    for (*group = 0; *group < d->n_groups; ++*group) {
        if (expect_alike(&d->groups[*group].like, keys))
            return OK;
    }
    struct group *more = realloc(d->groups, (d->n_groups + 1) * sizeof *more);
    REQUIRE(more, ERR_MEMORY, "out of memory for %zu laws", d->n_groups + 1);
    d->groups = more;
    d->groups[d->n_groups++] = (struct group){.like = *keys, .dim = 1, .constant = 1 / VAGUE};
done:
    return rc;
}

/* Cells stand in the order of their first run. */
static enum status add_run(struct design *d, size_t i)
{
    enum status rc = OK;
    const struct plan_run *run = &d->plan->runs[i];
    const unsigned name = past_cell(&run->keys);
    size_t k;
    for (k = 0; k < d->n_cells && d->cells[k].name != name; k++)
        ;
    d->cell_of[i] = k;
    struct cell *c = &d->cells[k];
    if (k == d->n_cells) {
        d->n_cells++;
        *c = (struct cell){.keys = run->keys,
                           .name = name,
                           .first = i,
                           .weight = kept(&run->expected, keys_real(&run->keys, KEY_steps))};
        TRY(add_group(d, &run->keys, &c->group));
    }
    c->seconds = fmax(c->seconds, run->seconds); /* some may go on from checkpoints */
    c->left += !run->there;
done:
    return rc;
}

/* The exponents of each law are those of the regressors that vary over its cells. */
static void find_exponents(struct design *d)
{
    for (size_t i = 0; i < d->n_groups; i++) {
        struct group *g = &d->groups[i];
        const enum key *regressors;
        const size_t n = expect_regressors(&g->like, &regressors);
        for (size_t k = 0; k < n; k++) {
            bool varies = false;
            for (size_t j = 0; j < d->n_cells; j++)
                varies = varies || (d->cells[j].group == i &&
                                    d->cells[j].keys.value[regressors[k]] != g->like.value[regressors[k]]);
            if (varies)
                g->key[g->dim++] = regressors[k];
        }
        for (size_t k = 0; k < g->dim; k++)
            g->inverse[k][k] = VAGUE;
    }
    for (size_t j = 0; j < d->n_cells; j++) {
        const struct group *g = &d->groups[d->cells[j].group];
        d->cells[j].x[0] = 1;
        for (size_t k = 1; k < g->dim; k++)
            d->cells[j].x[k] = log(d->cells[j].keys.value[g->key[k]] / g->like.value[g->key[k]]);
    }
}

static enum status begin(struct design *d)
{
    enum status rc = OK;
    const size_t n = d->plan->n;
    d->cells = calloc(n + 1, sizeof *d->cells);
    d->cell_of = calloc(n + 1, sizeof *d->cell_of);
    d->chosen = calloc(n + 1, sizeof *d->chosen);
    REQUIRE(d->cells && d->cell_of && d->chosen, ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t i = 0; i < n; i++)
        TRY(add_run(d, i));
    find_exponents(d);
    for (size_t i = 0; i < n; i++) {
        if (d->plan->runs[i].there)
            learn(d, &d->cells[d->cell_of[i]]);
    }
done:
    return rc;
}

/* ---- choice ---- */

/* A run of the cell: the first that is not chosen yet. */
static void take(struct design *d, struct cell *c)
{
    const size_t k = (size_t)(c - d->cells);
    while (d->cell_of[c->first] != k || d->chosen[c->first] || d->plan->runs[c->first].there)
        c->first++;
    d->chosen[c->first] = true;
    d->used += c->seconds;
    c->left--;
    learn(d, c);
}

/* The cell whose next run adds most for a second; NULL: none is left. needed: of laws that cannot be fitted yet, and
 * what brings that nearer. */
static struct cell *best(struct design *d, bool needed)
{
    struct cell *found = NULL;
    double most = 0, rest[DIM];
    for (size_t k = 0; k < d->n_cells; k++) {
        struct cell *c = &d->cells[k];
        const struct group *g = &d->groups[c->group];
        if (!c->left || c->full)
            continue;
        if (needed && (c->weight < 0.5 || g->runs > g->dim ||
                       (g->rank < g->dim && g->runs >= g->rank && !new_direction(g, c->x, rest))))
            continue;
        const double worth = gain(d, c) / c->seconds;
        if (worth > most)
            most = worth, found = c;
    }
    return found;
}

static enum status too_few(const struct design *d, double wall)
{
    return error_set(
        ERR_INPUT, "--budget: %.4g s are too few: the fit of its laws takes %zu more runs, about %.0f s with %zu jobs",
        d->budget, d->needed, wall, d->plan->jobs);
}

/* What fits every law: as many runs in as many directions as it has coefficients, and one more. */
static enum status choose_needed(struct design *d)
{
    double longest = 0;
    for (struct cell *c; (c = best(d, true)); d->needed++) {
        longest = fmax(longest, c->seconds);
        take(d, c);
    }
    const double wall = fmax(longest, d->used / (double)d->plan->jobs);
    return wall <= d->budget ? OK : too_few(d, wall);
}

/* And then what fits into that part of the time of all jobs. */
static void choose_rest(struct design *d, double part)
{
    const double all = part * d->budget * (double)d->plan->jobs;
    for (struct cell *c; (c = best(d, false));) {
        if (c->seconds > d->budget || d->used + c->seconds > all) {
            c->full = true;
        } else {
            take(d, c);
            d->more++;
        }
    }
}

static void mark(const struct design *d, struct study *study)
{
    for (size_t i = 0; i < d->plan->n; i++) {
        struct plan_run *run = &d->plan->runs[i];
        run->left_out = !run->there && !d->chosen[i];
        study->left_out[run->number] = run->left_out;
    }
}

static void release(struct design *d)
{
    free(d->groups);
    free(d->cells);
    free(d->cell_of);
    free(d->chosen);
    *d = (struct design){.plan = d->plan, .budget = d->budget};
}

/* Jobs do not end together: where that takes it past the budget, the choice is made anew for a smaller part of the
 * time. */
static enum status choose(struct design *d, struct study *study)
{
    enum status rc = OK;
    double wall = INFINITY;
    for (double part = 1; wall > d->budget; part *= fmin(0.98, d->budget / wall)) {
        release(d);
        TRY(begin(d));
        TRY(choose_needed(d));
        choose_rest(d, part);
        mark(d, study);
        TRY(plan_wall(d->plan, &wall));
        if (wall > d->budget && !d->more)
            return too_few(d, wall);
    }
done:
    return rc;
}

/* ---- words ---- */

/* Standard errors of the exponents from what there is or is chosen, and from all runs. */
static void add_errors(struct design *d, struct text *out)
{
    for (size_t i = 0; i < d->n_groups; i++) {
        struct group *g = &d->groups[i];
        double chosen[DIM];
        for (size_t k = 1; k < g->dim; k++)
            chosen[k] = sqrt(g->inverse[k][k]);
        for (size_t j = 0; j < d->n_cells; j++) {
            for (struct cell *c = &d->cells[j]; c->group == i && c->left; c->left--)
                learn(d, c);
        }
        for (size_t k = 1; k < g->dim && i < 4; k++)
            text_addf(out, "%s%s %.3f (%.3f)",
                      k > 1 ? ", " : "            standard errors of the exponents, and from all runs: ",
                      keys_name(g->key[k]), chosen[k], sqrt(g->inverse[k][k]));
        text_add(out, g->dim > 1 && i < 4 ? "\n" : "");
    }
}

static void add_left_out(const struct design *d, struct text *out)
{
    size_t cells = 0, runs = 0;
    char buffer[32];
    for (size_t j = 0; j < d->n_cells; j++) {
        size_t n = 0;
        for (size_t i = 0; i < d->plan->n; i++)
            n += d->cell_of[i] == j && d->plan->runs[i].left_out;
        if (n == 0)
            continue;
        runs += n;
        if (++cells > 8)
            continue;
        text_add(out, cells > 1 ? "; " : "            left out: ");
        for (int key = 0; key < KEY_COUNT; key++) {
            const double value = d->cells[j].keys.value[key];
            if (d->plan->varies[key] && key != KEY_seed && !isnan(value))
                text_addf(out, "%s=%s ", keys_name((enum key)key), keys_text((enum key)key, value, buffer));
        }
        text_addf(out, "(%zu)", n);
    }
    if (cells > 8)
        text_addf(out, "; and of %zu more cells", cells - 8);
    text_addf(out, runs ? "\n" : "            nothing is left out\n");
}

enum status design_choose(struct plan *plan, struct study *study, double seconds, struct text *out)
{
    enum status rc = OK;
    struct design d = {.plan = plan, .budget = seconds};
    size_t size;
    TRY(study_size(study, &size));
    free(study->left_out);
    REQUIRE(study->left_out = calloc(size + 1, sizeof *study->left_out), ERR_MEMORY, "out of memory for %zu runs",
            size);
    TRY(choose(&d, study));
    text_addf(out, "  budget    %.0f s; assumed: seeds scatter by %.0f %%, cells lie %.0f %% off their law\n", seconds,
              100 * SEED, 100 * CELL);
    add_left_out(&d, out);
    add_errors(&d, out);
    rc = text_status(out);
done:
    release(&d);
    return rc;
}

enum status design_budget(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"min", 60}, {"s", 1}, {"h", 3600}, {"d", 86400}};
    char number[32];
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const size_t n = strlen(text), unit = strlen(units[i].name);
        if (n <= unit || strcmp(text + n - unit, units[i].name))
            continue;
        snprintf(number, sizeof number, "%.*s", (int)(n - unit), text);
        if (n - unit < sizeof number && text_to_real(number, seconds) && *seconds > 0) {
            *seconds *= units[i].seconds;
            return OK;
        }
    }
    return error_set(ERR_INPUT, "--budget %s: a number and a unit, s, min, h or d, such as 2h", text);
}
