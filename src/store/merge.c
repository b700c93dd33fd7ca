#include "store/merge.h"
#include "store/archive.h"
#include "base/list.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The source that a row of the store was taken from, to name it in a conflict. */
struct origin {
    char *hash; /* owned */
    const char *path;
};

struct merge {
    struct store *store, *source;
    const char *path; /* of the source */
    struct merge_report *report;
    struct origin *origins; /* owned */
    size_t n_origins, allocated;
    enum status visited; /* of the last row: tells an error of the store from an error of the source */
};

/* ---- two rows of one run ---- */

static const char *value(char buffer[32], double x)
{
    return isnan(x) ? "none" : text_real(buffer, x);
}

/* Notes two numbers that differ by more than the relative tolerance. */
static void note(struct text *why, const char *name, double a, double b, double tolerance)
{
    char x[32], y[32];
    if (!store_same(a, b) && !(fabs(a - b) <= tolerance * fabs(a)))
        text_addf(why, "%s%s %s, %s", why->length ? "; " : "", name, value(x, a), value(y, b));
}

/* How far a run went. An imported run may know its plateau alone. */
static double end_of(const struct result *r)
{
    return isnan(r->cap) ? r->plateau : r->cap;
}

/* A level that was crossed before this time is in the row, because it takes two evaluations to tell. */
static double settled(const struct result *r)
{
    const double every = keys_real(&r->keys, KEY_eval_every),
                 unit = r->keys.preset == PRESET_TOY ? keys_real(&r->keys, KEY_lr) : 1;
    return end_of(r) - (isnan(every) ? 0 : 2 * every * unit);
}

/* How far the levels of two rows may be apart. Training gives the same bits whatever was asked of it. The crossings of
 * a flow depend, within its tolerance, on which of them are asked for and on where it ends. */
static double tolerance_of(const struct result *a, const struct result *b)
{
    static const enum key asked[] = {KEY_threshold, KEY_time};
    bool alike = true;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        alike = alike && keys_same(&a->keys, &b->keys, asked[i]);
    return alike || a->keys.preset != PRESET_FLOW ? 0 : keys_real(&a->keys, KEY_rtol);
}

/* A level that one run crossed at t, the other must have crossed at t too, unless it ended before. */
static void note_crossing(struct text *why, const char *name, double t_a, double t_b, const struct result *a,
                          const struct result *b)
{
    const bool a_ended = isnan(t_a) && !(t_b < settled(a)), b_ended = isnan(t_b) && !(t_a < settled(b));
    if (!a_ended && !b_ended)
        note(why, name, t_a, t_b, tolerance_of(a, b));
}

static void note_state(struct text *why, const struct result *a, const struct result *b)
{
    if (a->state != b->state)
        text_addf(why, "%sstatus %s, %s", why->length ? "; " : "", result_state_name(a->state),
                  result_state_name(b->state));
}

/* Appends to *why in what two finished rows of one run contradict each other. Rows with two thresholds may differ in
 * all that follows from the threshold. */
static void note_differences(const struct result *a, const struct result *b, struct text *why)
{
    const bool diverged = a->state == RUN_DIVERGED || b->state == RUN_DIVERGED;
    const bool one_threshold = keys_same(&a->keys, &b->keys, KEY_threshold);
    const double a_end = end_of(a), b_end = end_of(b);
    note(why, "initial_loss", a->initial_loss, b->initial_loss, 0);
    note(why, "null_loss", a->null_loss, b->null_loss, 0);
    for (int i = 0; i < result_levels(&a->keys); i++)
        note_crossing(why, result_level_name(&a->keys, i), a->crossings[i], b->crossings[i], a, b);
    if (one_threshold) {
        if (!diverged)
            note_crossing(why, "plateau", a->plateau, b->plateau, a, b);
#define NOTE(name, meaning) note(why, #name, a->predicted.name, b->predicted.name, 0);
        PREDICTIONS_FLOW(NOTE)
        PREDICTIONS_CHAIN(NOTE)
#undef NOTE
        note(why, "flow", a->flow_plateau, b->flow_plateau, 0);
    }
    if (!store_same(a_end, b_end)) {
        if ((a_end < b_end ? a : b)->state == RUN_DIVERGED) /* but the other went on */
            note_state(why, a, b);
        return;
    }
    if (one_threshold || diverged)
        note_state(why, a, b);
    note(why, "final_loss", a->final_loss, b->final_loss, tolerance_of(a, b));
    note(why, "steps_done", a->steps_done, b->steps_done, 0);
    for (int i = 0; i < RESULT_SOLVER && tolerance_of(a, b) == 0; i++)
        note(why, result_solver_name(i), (double)a->solver[i], (double)b->solver[i], 0);
}

/* ---- the store ---- */

static enum status remember(struct merge *m, const char *hash)
{
    enum status rc = OK;
    TRY(list_room(&m->origins, m->n_origins, &m->allocated, sizeof *m->origins, "runs"));
    struct origin *o = &m->origins[m->n_origins];
    *o = (struct origin){strdup(hash), m->path};
    REQUIRE(o->hash, ERR_MEMORY, "out of memory for a list of runs");
    m->n_origins++;
done:
    return rc;
}

/* The last source that this row was taken from, or the store itself if the row was there before. */
static const char *origin_of(const struct merge *m, const char *hash)
{
    for (size_t i = m->n_origins; i-- > 0;) {
        if (!strcmp(m->origins[i].hash, hash))
            return m->origins[i].path;
    }
    return store_path(m->store);
}

static enum status report_conflict(struct merge *m, const struct store_row *row, const struct result *old,
                                   const struct text *why)
{
    struct text which = {0};
    const struct result *new = &row->result;
    keys_describe(&new->keys, &which);
    enum status rc = text_status(&which);
    if (rc == OK && strcmp(old->library, new->library))
        text_addf(&which, " (%s, %s)", old->library, new->library);
    if (rc == OK)
        fprintf(stderr, "plateau: conflict: %s: %s and %s differ: %s; the first is kept\n", which.data,
                origin_of(m, row->hash), m->path, why->data);
    m->report->conflicts++;
    text_free(&which);
    return rc;
}

static enum status merge_row(struct merge *m, const struct store_row *row)
{
    enum status rc = OK;
    struct text why = {0};
    struct result old;
    bool there, has_curve, better = true;
    m->report->runs++;
    TRY(store_find(m->store, row->hash, &there, &old, &has_curve));
    if (there) {
        const bool was = old.state != RUN_INTERRUPTED, is = row->result.state != RUN_INTERRUPTED;
        if (was && is)
            note_differences(&old, &row->result, &why);
        TRY(text_status(&why));
        if (why.length) {
            rc = report_conflict(m, row, &old, &why);
            goto done;
        }
        better = was == is ? end_of(&row->result) > end_of(&old) : is;
    }
    TRY(store_copy(m->store, m->source, row->id, better));
    TRY(store_supersede(m->store, &row->result.keys));
    if (better)
        TRY(remember(m, row->hash));
    m->report->added += !there;
    m->report->replaced += there && better;
done:
    text_free(&why);
    return rc;
}

static enum status visit_row(void *context, const struct store_row *row)
{
    struct merge *m = context;
    return m->visited = merge_row(m, row);
}

/* A source that cannot be opened is bad input, not a failure of the merge. */
static enum status open_source(const char *path, struct store **source)
{
    enum status rc = archive_open(path, source);
    return rc == ERR_DATABASE ? ERR_INPUT : rc;
}

static enum status merge_one(struct merge *m)
{
    enum status rc = open_source(m->path, &m->source);
    if (rc != OK)
        return rc;
    rc = store_each(m->source, NULL, visit_row, m);
    if (rc == ERR_DATABASE && m->visited == OK)
        rc = ERR_INPUT;
    store_close(m->source);
    m->source = NULL;
    return rc;
}

static enum status check_source(const char *path)
{
    struct store *source = NULL;
    enum status rc = open_source(path, &source);
    store_close(source);
    return rc;
}

enum status merge_check(const char *out, const char *const *paths, size_t n)
{
    enum status rc = OK;
    struct stat target, info;
    const bool there = stat(out, &target) == 0;
    if (there && target.st_size > 0)
        TRY(check_source(out));
    for (size_t i = 0; i < n; i++) {
        TRY(check_source(paths[i]));
        REQUIRE(!there || stat(paths[i], &info) != 0 || info.st_dev != target.st_dev || info.st_ino != target.st_ino,
                ERR_INPUT,
                "%s: the database to merge into cannot be one of those to read; what it has is kept, leave out %s", out,
                paths[i]);
    }
done:
    return rc;
}

enum status merge_stores(struct store *store, const char *const *paths, size_t n, struct merge_report *report)
{
    enum status rc = OK;
    struct merge m = {.store = store, .report = report};
    *report = (struct merge_report){0};
    TRY(store_begin(store));
    for (size_t i = 0; i < n; i++) {
        m.path = paths[i];
        TRY(merge_one(&m));
    }
    TRY(store_commit(store));
done:
    if (rc != OK)
        store_rollback(store);
    for (size_t i = 0; i < m.n_origins; i++)
        free(m.origins[i].hash);
    free(m.origins);
    return rc;
}
