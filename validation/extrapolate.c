#include "validation/extrapolate.h"
#include "base/list.h"
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum status extrapolate_begin(const char *f, const char *on, struct extrapolation *e)
{
    enum status rc = OK;
    char copy[200], *rest = copy;
    *e = (struct extrapolation){.error = NAN};
    TRY(monomial_parse(f, &e->f));
    snprintf(copy, sizeof copy, "%s", strcmp(on, "1") ? on : "");
    for (char *word; (word = strsep(&rest, ","));) {
        REQUIRE(e->n_x < POWER_LAW_MAX - 1, ERR_INPUT, "on: at most %d regressors", POWER_LAW_MAX - 1);
        if (*word)
            TRY(monomial_parse(word, &e->x[e->n_x++]));
    }
done:
    return rc;
}

enum status extrapolate_add(struct extrapolation *e, const struct result *r)
{
    struct keys keys = r->keys;
    struct extrapolation_setting new = {.log_law = NAN};
    size_t i = 0;
    keys.value[KEY_seed] = 0;
    keys_hash(&keys, new.hash);
    while (i < e->n && strcmp(e->list[i].hash, new.hash))
        i++;
    enum status rc = list_room(&e->list, e->n, &e->allocated, sizeof *e->list, "settings");
    if (rc != OK)
        return rc;
    if (i == e->n)
        e->list[e->n++] = new;
    struct extrapolation_setting *s = &e->list[i];
    const double share = 1 / (double)++s->runs;
    s->log_y += (log(r->plateau) - s->log_y) * share;
    s->log_f += (log(monomial_value(&e->f, r)) - s->log_f) * share;
    for (size_t k = 0; k < e->n_x; k++)
        s->log_x[k] += (log(monomial_value(&e->x[k], r)) - s->log_x[k]) * share;
    return OK;
}

static int by_length(const void *a, const void *b)
{
    const struct extrapolation_setting *p = a, *q = b;
    return (p->log_y > q->log_y) - (p->log_y < q->log_y);
}

/* A row of the least-squares problem: 1, ln x_1, .. */
static double factor(const struct extrapolation_setting *s, size_t k)
{
    return k ? s->log_x[k - 1] : 1;
}

/* ln C and the exponents into b[1 + n_x], by QR of the cheap settings. */
static enum status fit(const struct extrapolation *e, double *b)
{
    enum status rc = OK;
    const size_t n = e->cheap, p = 1 + e->n_x;
    gsl_matrix *A = gsl_matrix_alloc(n, p);
    gsl_vector *tau = gsl_vector_alloc(p), *y = gsl_vector_alloc(n), *x = gsl_vector_alloc(p),
               *residual = gsl_vector_alloc(n);
    REQUIRE(A && tau && y && x && residual, ERR_MEMORY, "out of memory for %zu settings", n);
    for (size_t i = 0; i < n; i++) {
        gsl_vector_set(y, i, e->list[i].log_y - e->list[i].log_f);
        for (size_t k = 0; k < p; k++)
            gsl_matrix_set(A, i, k, factor(&e->list[i], k));
    }
    gsl_linalg_QR_decomp(A, tau);
    gsl_linalg_QR_lssolve(A, tau, y, x, residual);
    for (size_t k = 0; k < p; k++)
        b[k] = gsl_vector_get(x, k);
done:
    gsl_matrix_free(A);
    gsl_vector_free(tau);
    gsl_vector_free(y);
    gsl_vector_free(x);
    gsl_vector_free(residual);
    return rc;
}

enum status extrapolate_finish(struct extrapolation *e)
{
    double b[POWER_LAW_MAX] = {0}, sum = 0;
    if (e->n)
        qsort(e->list, e->n, sizeof *e->list, by_length);
    e->cheap = (e->n + 2) / 3;
    if (e->cheap < e->n_x + 2 || e->cheap == e->n)
        return OK;
    enum status rc = fit(e, b);
    for (size_t i = 0; i < e->n && rc == OK; i++) {
        struct extrapolation_setting *s = &e->list[i];
        s->log_law = s->log_f;
        for (size_t k = 0; k <= e->n_x; k++)
            s->log_law += b[k] * factor(s, k);
        sum += i < e->cheap ? 0 : pow(s->log_y - s->log_law, 2);
    }
    e->error = rc == OK ? exp(sqrt(sum / (double)(e->n - e->cheap))) : NAN;
    return rc;
}

void extrapolate_free(struct extrapolation *e)
{
    free(e->list);
    *e = (struct extrapolation){0};
}
