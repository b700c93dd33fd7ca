#include "plan/budget.h"
#include "validation/power_law.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = POWER_LAW_MAX + 1 }; /* the constant and the exponents */
/* Standard deviations of log y that are assumed, which the plan says: between the seeds of a cell, and of cells about
 * their law. */
static const double SEED_SCATTER = 0.06, CELL_SCATTER = 0.07;
/* Variance of every coefficient before the first run: vague against any exponent. */
static const double PRIOR_VARIANCE = 100;
/* A run that keeps less of its information than this will probably be cut off by its cap. */
static const double PROBABLY_CUT = 0.5;
/* What is left of a vector that lies in the space of others is rounding, if it is no longer than this. */
static const double NO_DIRECTION = 1e-6;
/* Where a choice takes too long, the next one has at most this part of its time. */
static const double SMALLER = 0.98;

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
    size_t group, seeds, left; /* runs made or chosen; still to be chosen from */
    size_t first;              /* of plan->runs, to be made and not chosen yet; the others follow */
    double x[DIM], seconds, weight;
    bool full; /* there is no time for one more */
};

struct choice {
    struct plan *plan;
    struct group *groups; /* owned */
    struct cell *cells;   /* owned */
    size_t n_groups, n_cells;
    bool *chosen;        /* owned: of every run */
    size_t needed, more; /* runs chosen so that there is a fit; beside those */
    double limit, used;  /* seconds: of wall time, of all jobs together */
};

/* ---- information ---- */

static double precision(size_t seeds)
{
    return seeds ? 1 / (CELL_SCATTER * CELL_SCATTER + SEED_SCATTER * SEED_SCATTER / (double)seeds) : 0;
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
static double gain(const struct choice *b, const struct cell *c)
{
    const struct group *g = &b->groups[c->group];
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
    return length > NO_DIRECTION;
}

/* One more seed of the cell: M += v x x' (Sherman and Morrison). */
static void learn(struct choice *b, struct cell *c)
{
    struct group *g = &b->groups[c->group];
    double Mx[DIM] = {0}, rest[DIM];
    const double v = added(c), q = spread(g, c->x, Mx);
    for (size_t i = 0; i < g->dim; i++) {
        for (size_t j = 0; j < g->dim; j++)
            g->inverse[i][j] -= v * Mx[i] * Mx[j] / (1 + v * q);
    }
    g->constant += v;
    c->seeds++;
    if (c->weight < PROBABLY_CUT) /* probably cut off: a fit cannot begin with it */
        return;
    g->runs++;
    if (g->rank < g->dim && new_direction(g, c->x, rest))
        memcpy(g->basis[g->rank++], rest, sizeof rest);
}

/* ---- groups and cells ---- */

/* The share of its information that a run keeps, when its cap cuts it off at z standard deviations (budget.h has the
 * equation). */
static double kept(const struct expectation *e, double cap)
{
    if (isnan(cap) || isnan(e->plateau))
        return 1;
    const double sd = sqrt(SEED_SCATTER * SEED_SCATTER + CELL_SCATTER * CELL_SCATTER), z = log(cap / e->plateau) / sd;
    const double density = exp(-z * z / 2) / sqrt(2 * M_PI), above = 0.5 * erfc(z / M_SQRT2);
    return z > 6 ? 1 : z < -6 ? 0 : 1 - above - z * density + density * density / above;
}

static enum status add_group(struct choice *b, const struct keys *keys, size_t *group)
{
    enum status rc = OK;
    for (*group = 0; *group < b->n_groups; ++*group) {
        if (expected_steps_alike(&b->groups[*group].like, keys))
            return OK;
    }
    struct group *more = realloc(b->groups, (b->n_groups + 1) * sizeof *more);
    REQUIRE(more, ERR_MEMORY, "out of memory for %zu laws", b->n_groups + 1);
    b->groups = more;
    b->groups[b->n_groups++] = (struct group){.like = *keys, .dim = 1, .constant = 1 / PRIOR_VARIANCE};
done:
    return rc;
}

/* Cells stand in the order of their first run. */
static enum status add_run(struct choice *b, size_t i)
{
    enum status rc = OK;
    const struct plan_run *run = &b->plan->runs[i];
    struct cell *c = &b->cells[run->cell];
    if (run->cell == b->n_cells) {
        b->n_cells++;
        *c = (struct cell){
            .keys = run->keys, .first = i, .weight = kept(&run->expected, keys_real(&run->keys, KEY_steps))};
        TRY(add_group(b, &run->keys, &c->group));
    }
    c->seconds = fmax(c->seconds, run->seconds); /* some may go on from checkpoints */
    c->left += !run->there;
done:
    return rc;
}

/* The exponents of each law are those of the regressors that vary over its cells. */
static void find_exponents(struct choice *b)
{
    for (size_t i = 0; i < b->n_groups; i++) {
        struct group *g = &b->groups[i];
        const enum key *regressors;
        const size_t n = expected_steps_regressors(&g->like, &regressors);
        for (size_t k = 0; k < n; k++) {
            bool varies = false;
            for (size_t j = 0; j < b->n_cells; j++)
                varies = varies || (b->cells[j].group == i &&
                                    b->cells[j].keys.value[regressors[k]] != g->like.value[regressors[k]]);
            if (varies)
                g->key[g->dim++] = regressors[k];
        }
        for (size_t k = 0; k < g->dim; k++)
            g->inverse[k][k] = PRIOR_VARIANCE;
    }
    for (size_t j = 0; j < b->n_cells; j++) {
        const struct group *g = &b->groups[b->cells[j].group];
        b->cells[j].x[0] = 1;
        for (size_t k = 1; k < g->dim; k++)
            b->cells[j].x[k] = log(b->cells[j].keys.value[g->key[k]] / g->like.value[g->key[k]]);
    }
}

static enum status begin(struct choice *b)
{
    enum status rc = OK;
    const size_t n = b->plan->n;
    b->cells = calloc(n + 1, sizeof *b->cells);
    b->chosen = calloc(n + 1, sizeof *b->chosen);
    REQUIRE(b->cells && b->chosen, ERR_MEMORY, "out of memory for %zu runs", n);
    for (size_t i = 0; i < n; i++)
        TRY(add_run(b, i));
    find_exponents(b);
    for (size_t i = 0; i < n; i++) {
        if (b->plan->runs[i].there)
            learn(b, &b->cells[b->plan->runs[i].cell]);
    }
done:
    return rc;
}

/* ---- choice ---- */

/* A run of the cell: the first that is not chosen yet. */
static void take(struct choice *b, struct cell *c)
{
    const size_t k = (size_t)(c - b->cells);
    while (b->plan->runs[c->first].cell != k || b->chosen[c->first] || b->plan->runs[c->first].there)
        c->first++;
    b->chosen[c->first] = true;
    b->used += c->seconds;
    c->left--;
    learn(b, c);
}

/* The cell whose next run adds most for a second; NULL: none is left. needed: of laws that cannot be fitted yet, and
 * what brings that nearer. */
static struct cell *best(struct choice *b, bool needed)
{
    struct cell *found = NULL;
    double most = 0, rest[DIM];
    for (size_t k = 0; k < b->n_cells; k++) {
        struct cell *c = &b->cells[k];
        const struct group *g = &b->groups[c->group];
        if (!c->left || c->full)
            continue;
        if (needed && (c->weight < PROBABLY_CUT || g->runs > g->dim ||
                       (g->rank < g->dim && g->runs >= g->rank && !new_direction(g, c->x, rest))))
            continue;
        const double worth = gain(b, c) / c->seconds;
        if (worth > most)
            most = worth, found = c;
    }
    return found;
}

static enum status too_few(const struct choice *b, double wall)
{
    return error_set(
        ERR_INPUT, "--budget: %.4g s are too few: the fit of its laws takes %zu more runs, about %.0f s with %zu jobs",
        b->limit, b->needed, wall, b->plan->jobs);
}

/* What fits every law: as many runs in as many directions as it has coefficients, and one more. */
static enum status choose_needed(struct choice *b)
{
    double longest = 0;
    for (struct cell *c; (c = best(b, true)); b->needed++) {
        longest = fmax(longest, c->seconds);
        take(b, c);
    }
    const double wall = fmax(longest, b->used / (double)b->plan->jobs);
    return wall <= b->limit ? OK : too_few(b, wall);
}

/* And then what fits into that part of the time of all jobs. */
static void choose_rest(struct choice *b, double part)
{
    const double all = part * b->limit * (double)b->plan->jobs;
    for (struct cell *c; (c = best(b, false));) {
        if (c->seconds > b->limit || b->used + c->seconds > all) {
            c->full = true;
        } else {
            take(b, c);
            b->more++;
        }
    }
}

static void mark(const struct choice *b, struct study *study)
{
    for (size_t i = 0; i < b->plan->n; i++) {
        struct plan_run *run = &b->plan->runs[i];
        run->left_out = !run->there && !b->chosen[i];
        study->left_out[run->number] = run->left_out;
    }
}

static void release(struct choice *b)
{
    free(b->groups);
    free(b->cells);
    free(b->chosen);
    *b = (struct choice){.plan = b->plan, .limit = b->limit};
}

/* Jobs do not end together: where that takes it past the budget, the choice is made anew for a smaller part of the
 * time. */
static enum status choose(struct choice *b, struct study *study)
{
    enum status rc = OK;
    double wall = INFINITY;
    for (double part = 1; wall > b->limit; part *= fmin(SMALLER, b->limit / wall)) {
        release(b);
        TRY(begin(b));
        TRY(choose_needed(b));
        choose_rest(b, part);
        mark(b, study);
        TRY(plan_wall(b->plan, &wall));
        if (wall > b->limit && !b->more)
            return too_few(b, wall);
    }
done:
    return rc;
}

/* ---- words ---- */

/* Standard errors of the exponents from what there is or is chosen, and from all runs. */
static void add_errors(struct choice *b, struct text *out)
{
    for (size_t i = 0; i < b->n_groups; i++) {
        struct group *g = &b->groups[i];
        double chosen[DIM];
        for (size_t k = 1; k < g->dim; k++)
            chosen[k] = sqrt(g->inverse[k][k]);
        for (size_t j = 0; j < b->n_cells; j++) {
            for (struct cell *c = &b->cells[j]; c->group == i && c->left; c->left--)
                learn(b, c);
        }
        for (size_t k = 1; k < g->dim && i < 4; k++)
            text_addf(out, "%s%s %.3f (%.3f)",
                      k > 1 ? ", " : "            standard errors of the exponents, and from all runs: ",
                      keys_name(g->key[k]), chosen[k], sqrt(g->inverse[k][k]));
        text_add(out, g->dim > 1 && i < 4 ? "\n" : "");
    }
}

static void add_left_out(const struct choice *b, struct text *out)
{
    size_t cells = 0, runs = 0;
    char buffer[32];
    for (size_t j = 0; j < b->n_cells; j++) {
        size_t n = 0;
        for (size_t i = 0; i < b->plan->n; i++)
            n += b->plan->runs[i].cell == j && b->plan->runs[i].left_out;
        if (n == 0)
            continue;
        runs += n;
        if (++cells > 8)
            continue;
        text_add(out, cells > 1 ? "; " : "            left out: ");
        for (int key = 0; key < KEY_COUNT; key++) {
            const double value = b->cells[j].keys.value[key];
            if (b->plan->varies[key] && key != KEY_seed && !isnan(value))
                text_addf(out, "%s=%s ", keys_name((enum key)key), keys_text((enum key)key, value, buffer));
        }
        text_addf(out, "(%zu)", n);
    }
    if (cells > 8)
        text_addf(out, "; and of %zu more cells", cells - 8);
    text_addf(out, runs ? "\n" : "            nothing is left out\n");
}

enum status budget_choose(struct plan *plan, struct study *study, double seconds, struct text *out)
{
    enum status rc = OK;
    struct choice b = {.plan = plan, .limit = seconds};
    size_t size;
    TRY(study_size(study, &size));
    free(study->left_out);
    REQUIRE(study->left_out = calloc(size + 1, sizeof *study->left_out), ERR_MEMORY, "out of memory for %zu runs",
            size);
    TRY(choose(&b, study));
    text_addf(out, "  budget    %.0f s; assumed: seeds scatter by %.0f %%, cells lie %.0f %% off their law\n", seconds,
              100 * SEED_SCATTER, 100 * CELL_SCATTER);
    add_left_out(&b, out);
    add_errors(&b, out);
    rc = text_status(out);
done:
    release(&b);
    return rc;
}

enum status budget_parse(const char *text, double *seconds)
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
