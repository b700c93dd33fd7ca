#include "models/flow_map.h"
#include "models/flow_solver.h"
#include "models/prediction.h"
#include "base/random.h"
#include "parallel/team.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { NODES = 6, BETWEEN = NODES - 1, TILES = 8, SMALLEST = 4, MOST_THREADS = 64 };
enum { DEPTH = 64 };                          /* of 4096/8 pixels, halved to 4: 7 times, 3 more each */
static const double TOLERANCE = 1e-3;         /* relative, of a pixel */
static const double INTEGRATION_ERROR = 2e-5; /* of CVODE's crossing at the default tolerances (most: p near 1), .. */
static const double LOOSEST_RTOL = 1e-8, LOOSEST_ATOL = 1e-11; /* .. which are these */

static const char *const method_names[] = {
#define AS_NAME(enumerator, name) name,
    FLOW_MAP_METHODS(AS_NAME)
#undef AS_NAME
};

/* A rectangle of pixels: columns x .. x+nx-1, rows y .. y+ny-1. */
struct tile {
    size_t x, y, nx, ny;
};

/* What the threads share, and what each has to itself. */
struct work {
    struct flow_map *map;
    const volatile int *stop;
    atomic_int failed; /* a thread gave up: the others need not go on */
};
struct worker {
    struct work *work;
    struct flow_solver *solver; /* owned: made when first needed */
    size_t integrations;
    enum status rc;
    char message[1024];
};

bool flow_map_has(enum key key)
{
    return key == KEY_T || key == KEY_d || key == KEY_B || key == KEY_p || key == KEY_threshold;
}

bool flow_map_is_geometric(enum key key)
{
    return key == KEY_T || key == KEY_d || key == KEY_B;
}

double flow_map_value(const struct flow_map_axis *axis, double i)
{
    double part = i / (double)(axis->n - 1);
    if (i == (double)(axis->n - 1))
        return axis->last;
    return flow_map_is_geometric(axis->key) ? axis->first * pow(axis->last / axis->first, part)
                                            : axis->first + part * (axis->last - axis->first);
}

const char *flow_map_method_name(enum flow_map_method method)
{
    return method_names[method];
}

/* The problem at column x and row y, which may lie between pixels. *there: the map is not empty here. */
static enum status problem_at(const struct flow_map *map, double x, double y, struct flow *f, double *threshold,
                              bool *there)
{
    struct keys at = map->keys;
    at.value[map->x.key] = flow_map_value(&map->x, x);
    at.value[map->y.key] = flow_map_value(&map->y, y);
    const double *v = at.value;
    const struct flow_start start = flow_unit_start(v[KEY_d]);
    *threshold = v[KEY_threshold];
    *there = v[KEY_B] <= v[KEY_T] - 1;
    return *there ? flow_init(v[KEY_T], v[KEY_d], v[KEY_B], v[KEY_p], (enum metric)keys_integer(&at, KEY_metric),
                              &start, f)
                  : OK;
}

/* T_pl of the integrated flow; NaN where the map is empty. */
static enum status integrate(const struct flow_map *map, struct flow_solver *solver, double x, double y,
                             double *plateau)
{
    const struct keys *k = &map->keys;
    struct flow_request q = {.loss = (enum loss)keys_integer(k, KEY_loss),
                             .method = (enum method)keys_integer(k, KEY_method),
                             .rtol = keys_real(k, KEY_rtol),
                             .atol = keys_real(k, KEY_atol)};
    struct flow_solution s;
    struct flow f;
    bool there;
    *plateau = NAN;
    enum status rc = problem_at(map, x, y, &f, &q.threshold, &there);
    if (rc != OK || !there)
        return rc;
    rc = flow_solver_solve(solver, &f, &q, &s);
    *plateau = s.plateau;
    return rc == OK ? OK : error_prefix(rc, "T=%g d=%g B=%g p=%g", f.T, f.d, f.B, f.p);
}

static void set_pixel(struct flow_map *map, size_t i, size_t j, double plateau, double error,
                      enum flow_map_method method)
{
    size_t at = i + map->x.n * j;
    map->plateau[at] = (float)plateau;
    map->error[at] = (float)error;
    map->method[at] = (unsigned char)method;
}

/* ---- interpolation ---- */

/* Chebyshev points of [0, 1]: node(k), k = 0 .. NODES-1, with both ends; node(k + 1/2) lies between two. */
static double node(double k)
{
    return 0.5 * (1 - cos(M_PI * k / (NODES - 1)));
}

/* The Lagrange polynomials of the nodes at u, by the barycentric formula. */
static void basis(double u, double L[NODES])
{
    double sum = 0;
    for (int k = 0; k < NODES; k++) {
        double gap = u - node(k);
        if (gap == 0) {
            for (int i = 0; i < NODES; i++)
                L[i] = i == k;
            return;
        }
        L[k] = (k % 2 ? -1 : 1) * (k == 0 || k == NODES - 1 ? 0.5 : 1) / gap;
        sum += L[k];
    }
    for (int k = 0; k < NODES; k++)
        L[k] /= sum;
}

static double interpolate(const double z[NODES][NODES], const double Lx[NODES], const double Ly[NODES])
{
    double sum = 0;
    for (int j = 0; j < NODES; j++) {
        for (int i = 0; i < NODES; i++)
            sum += Ly[j] * Lx[i] * z[j][i];
    }
    return sum;
}

/* ln T_pl at fractions u and v of the way across a tile; NaN where the map is empty. */
static enum status solve_in(struct worker *w, const struct tile *t, double u, double v, double *z)
{
    const struct flow_map *map = w->work->map;
    enum status rc =
        integrate(map, w->solver, (double)t->x + u * (double)(t->nx - 1), (double)t->y + v * (double)(t->ny - 1), z);
    *z = log(*z);
    w->integrations++;
    return rc;
}

/* z at the nodes, and *error: twice the largest relative difference of their polynomial between them. */
static enum status fit_tile(struct worker *w, const struct tile *t, double z[NODES][NODES], double *error)
{
    enum status rc = OK;
    double Lx[NODES], Ly[NODES], flow;
    *error = 0;
    for (int j = 0; j < NODES; j++) {
        for (int i = 0; i < NODES; i++)
            TRY(solve_in(w, t, node(i), node(j), &z[j][i]));
    }
    for (int j = 0; j < BETWEEN && *error <= TOLERANCE; j++) {
        for (int i = 0; i < BETWEEN; i++) {
            TRY(solve_in(w, t, node(i + 0.5), node(j + 0.5), &flow));
            basis(node(i + 0.5), Lx);
            basis(node(j + 0.5), Ly);
            *error = fmax(*error, 2 * fabs(expm1(interpolate(z, Lx, Ly) - flow)));
        }
    }
done:
    return rc;
}

static void fill_by_polynomial(struct flow_map *map, const struct tile *t, const double z[NODES][NODES], double error)
{
    double Lx[NODES], Ly[NODES];
    for (size_t j = 0; j < t->ny; j++) {
        basis(t->ny > 1 ? (double)j / (double)(t->ny - 1) : 0, Ly);
        for (size_t i = 0; i < t->nx; i++) {
            if (map->method[t->x + i + map->x.n * (t->y + j)] != FLOW_MAP_EMPTY)
                continue;
            basis(t->nx > 1 ? (double)i / (double)(t->nx - 1) : 0, Lx);
            set_pixel(map, t->x + i, t->y + j, exp(interpolate(z, Lx, Ly)), error, FLOW_MAP_INTERPOLATED);
        }
    }
}

/* ---- tiles ---- */

static enum status fill_one_by_one(struct worker *w, const struct tile *t)
{
    struct flow_map *map = w->work->map;
    for (size_t j = t->y; j < t->y + t->ny; j++) {
        for (size_t i = t->x; i < t->x + t->nx; i++) {
            double plateau;
            if (map->method[i + map->x.n * j] != FLOW_MAP_EMPTY)
                continue;
            enum status rc = integrate(map, w->solver, (double)i, (double)j, &plateau);
            if (rc != OK)
                return rc;
            w->integrations += !isnan(plateau);
            if (!isnan(plateau))
                set_pixel(map, i, j, plateau, INTEGRATION_ERROR, FLOW_MAP_INTEGRATED);
        }
    }
    return OK;
}

/* The pixels whose closed form is good enough; the others become empty. Returns how many those are. */
static size_t fill_closed(struct flow_map *map, const struct tile *t)
{
    size_t left = 0;
    for (size_t j = t->y; j < t->y + t->ny; j++) {
        for (size_t i = t->x; i < t->x + t->nx; i++) {
            double threshold, error;
            struct flow f;
            bool there;
            set_pixel(map, i, j, NAN, NAN, FLOW_MAP_EMPTY);
            if (problem_at(map, (double)i, (double)j, &f, &threshold, &there) != OK || !there)
                continue;
            error = prediction_closed_error(&f, threshold);
            if (error <= TOLERANCE)
                set_pixel(map, i, j, prediction_closed(&f, (enum loss)keys_integer(&map->keys, KEY_loss), threshold),
                          error, FLOW_MAP_CLOSED);
            else
                left++;
        }
    }
    return left;
}

/* B <= T - 1 is a convex region of every pair of axes, so a tile whose four corners are inside is inside. */
static int corners_inside(const struct flow_map *map, const struct tile *t)
{
    int inside = 0;
    for (int corner = 0; corner < 4; corner++) {
        double threshold;
        struct flow f;
        bool there = false;
        const size_t x = corner % 2 ? t->x + t->nx - 1 : t->x, y = corner / 2 ? t->y + t->ny - 1 : t->y;
        inside += problem_at(map, (double)x, (double)y, &f, &threshold, &there) == OK && there;
    }
    return inside;
}

/* One rectangle: *done, or it has to be cut. */
static enum status try_tile(struct worker *w, const struct tile *t, bool *done)
{
    enum status rc = OK;
    double z[NODES][NODES], error;
    *done = true;
    if (t->nx <= SMALLEST && t->ny <= SMALLEST)
        return fill_one_by_one(w, t);
    *done = false;
    if (corners_inside(w->work->map, t) < 4)
        return OK;
    rc = fit_tile(w, t, z, &error);
    *done = rc == OK && error <= TOLERANCE;
    if (*done)
        fill_by_polynomial(w->work->map, t, z, error);
    return rc;
}

/* A rectangle, cut in four as often as need be: depth first, so that a step of it leaves three more to do. */
static enum status fill_tile(struct worker *w, const struct tile *whole)
{
    enum status rc = OK;
    struct tile left[DEPTH] = {*whole};
    bool done;
    for (size_t n = 1; n > 0 && !w->work->failed;) {
        const struct tile t = left[--n];
        const size_t nx = t.nx / 2, ny = t.ny / 2;
        REQUIRE(!w->work->stop || !*w->work->stop, ERR_INTERRUPTED, "interrupted");
        if (!t.nx || !t.ny)
            continue;
        TRY(try_tile(w, &t, &done));
        if (done)
            continue;
        left[n++] = (struct tile){t.x, t.y, nx, ny};
        left[n++] = (struct tile){t.x + nx, t.y, t.nx - nx, ny};
        left[n++] = (struct tile){t.x, t.y + ny, nx, t.ny - ny};
        left[n++] = (struct tile){t.x + nx, t.y + ny, t.nx - nx, t.ny - ny};
    }
done:
    return rc;
}

/* Tile i of the whole map, by thread number `member`, whose tiles end with its first error. */
static void fill_tile_of_map(void *workers, int member, int i)
{
    struct worker *w = (struct worker *)workers + member;
    struct flow_map *map = w->work->map;
    const size_t a = (size_t)i % TILES, b = (size_t)i / TILES, nx = map->x.n, ny = map->y.n;
    const struct tile t = {nx * a / TILES, ny * b / TILES, nx * (a + 1) / TILES - nx * a / TILES,
                           ny * (b + 1) / TILES - ny * b / TILES};
    if (w->rc != OK)
        return;
    if (!w->solver)
        w->rc = flow_solver_create(&w->solver);
    if (w->rc == OK && fill_closed(map, &t))
        w->rc = fill_tile(w, &t);
    if (w->rc != OK) {
        w->work->failed = 1;
        snprintf(w->message, sizeof w->message, "%s", error_message()); /* which is this thread's */
    }
}

/* ---- the whole ---- */

static enum status check_axis(const struct flow_map_axis *axis)
{
    enum status rc = OK;
    char text[32];
    double value;
    REQUIRE(flow_map_has(axis->key), ERR_INPUT, "%s: the flow is mapped over T, d, B, p or threshold",
            keys_name(axis->key));
    REQUIRE(axis->n >= 2 && axis->n <= FLOW_MAP_MOST, ERR_INPUT, "%s: an axis has 2 to %d pixels", keys_name(axis->key),
            FLOW_MAP_MOST);
    REQUIRE(axis->first < axis->last, ERR_INPUT, "%s:%g:%g: an axis rises from its first value to its last",
            keys_name(axis->key), axis->first, axis->last);
    const double ends[] = {axis->first, axis->last};
    for (int i = 0; i < 2; i++) /* a whole-number key may be mapped between whole numbers */
        TRY(keys_value(axis->key, text_real(text, keys_is_integer(axis->key) ? floor(ends[i]) : ends[i]), &value));
done:
    return rc;
}

static enum status check(const struct flow_map *map)
{
    enum status rc = OK;
    TRY(check_axis(&map->x));
    TRY(check_axis(&map->y));
    REQUIRE(map->x.key != map->y.key, ERR_INPUT, "%s: both axes have it", keys_name(map->x.key));
    REQUIRE(map->keys.preset == PRESET_FLOW && map->keys.value[KEY_init] == INIT_ZERO &&
                map->keys.value[KEY_target] == TARGET_UNIT,
            ERR_INPUT, "the flow is mapped from init=zero to target=unit; other starts are runs of a database");
    REQUIRE(map->keys.value[KEY_hops] == 1 && map->keys.value[KEY_lean] == 0, ERR_INPUT,
            "hops=%g lean=%g: the flow is mapped for one attention whose scores begin at 0; leave them out",
            map->keys.value[KEY_hops], map->keys.value[KEY_lean]);
    REQUIRE(map->keys.value[KEY_schedule] == 0, ERR_INPUT,
            "schedule: the flow is mapped at constant p and B; leave it out");
    REQUIRE(map->keys.value[KEY_rtol] <= LOOSEST_RTOL && map->keys.value[KEY_atol] <= LOOSEST_ATOL, ERR_INPUT,
            "rtol=%g atol=%g: the map states its errors, which are known up to rtol=%g atol=%g",
            map->keys.value[KEY_rtol], map->keys.value[KEY_atol], LOOSEST_RTOL, LOOSEST_ATOL);
done:
    return rc;
}

enum status flow_map_compute(struct flow_map *map, size_t threads, const volatile int *stop)
{
    enum status rc = OK;
    struct work work = {.map = map, .stop = stop};
    struct worker workers[MOST_THREADS] = {{0}};
    const size_t n = map->x.n * map->y.n;
    TRY(check(map));
    map->plateau = malloc(n * sizeof *map->plateau);
    map->error = malloc(n * sizeof *map->error);
    map->method = malloc(n);
    REQUIRE(map->plateau && map->error && map->method, ERR_MEMORY, "out of memory for %zu pixels", n);
    for (int i = 0; i < MOST_THREADS; i++)
        workers[i].work = &work;
    threads = threads < MOST_THREADS ? threads : MOST_THREADS;
    TRY(team_parallel_for((int)threads, TILES * TILES, fill_tile_of_map, workers));
    map->integrations = 0;
    for (int i = 0; i < MOST_THREADS; i++) {
        flow_solver_free(workers[i].solver);
        map->integrations += workers[i].integrations;
        if (workers[i].rc != OK)
            rc = error_set(workers[i].rc, "%s", workers[i].message);
    }
done:
    return rc;
}

void flow_map_free(struct flow_map *map)
{
    free(map->plateau);
    free(map->error);
    free(map->method);
    *map = (struct flow_map){0};
}

enum status flow_map_check(const struct flow_map *map, size_t n, uint64_t seed, struct flow_map_check *check)
{
    enum status rc = OK;
    struct flow_solver *solver = NULL;
    const struct stream stream = {.seed = seed, .purpose = PURPOSE_CHOICE};
    *check = (struct flow_map_check){0};
    TRY(flow_solver_create(&solver));
    for (uint32_t k = 0; k < n; k++) {
        const size_t i = (size_t)(random_uniform(&stream, 2 * k) * (double)map->x.n);
        const size_t j = (size_t)(random_uniform(&stream, 2 * k + 1) * (double)map->y.n), at = i + map->x.n * j;
        double plateau;
        check->n[map->method[at]]++;
        TRY(integrate(map, solver, (double)i, (double)j, &plateau));
        REQUIRE(isnan(plateau) == (map->method[at] == FLOW_MAP_EMPTY), ERR_SOLVER,
                "the map is empty where the flow is not, or the other way round");
        if (!isnan(plateau))
            check->largest[map->method[at]] =
                fmax(check->largest[map->method[at]], fabs(map->plateau[at] / plateau - 1));
    }
done:
    flow_solver_free(solver);
    return rc;
}
