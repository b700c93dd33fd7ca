#include "cli/bench_parts.h"
#include "base/progress.h"
#include "run/train_step.h"
#include <math.h>

static enum status begin(struct keys *keys, struct train_step *s)
{
    double given[KEY_COUNT];
    for (int key = 0; key < KEY_COUNT; key++)
        given[key] = NAN;
    given[KEY_model] = MODEL_TRANSFORMER, given[KEY_threads] = 2;
    enum status rc = keys_resolve(given, keys);
    return rc == OK ? train_step_init(keys, s) : rc;
}

enum status bench_parts(int steps, double ms[BENCH_PARTS])
{
    enum status rc = OK;
    struct keys keys;
    struct train_step s = {.gradient = NULL};
    struct transformer_measure m;
    double seconds[PART_COUNT];
    TRY(begin(&keys, &s));
    const struct transformer_batch test = train_step_test(&s);
    TRY(train_step_run(&s, &m)); /* the library makes its code at the first call */
    TRY(transformer_evaluate(s.model, &test, 0, NULL, &m, NULL));
    transformer_spent(s.model, seconds);
    s.update_s = 0;
    for (int i = 0; i < steps; i++)
        TRY(train_step_run(&s, &m));
    transformer_spent(s.model, seconds);
    for (int part = 0; part < PART_COUNT; part++)
        ms[part] = 1e3 * seconds[part] / s.model->threads / steps; /* as long as both threads are at work */
    ms[BENCH_OPTIMIZER] = 1e3 * s.update_s / steps;
    const double begun = progress_clock();
    TRY(transformer_evaluate(s.model, &test, 0, NULL, &m, NULL));
    ms[BENCH_EVALUATION] = 1e3 * (progress_clock() - begun) / keys_real(&keys, KEY_eval_every);
done:
    train_step_free(&s);
    return rc;
}
