/* The loops of optimizer.c for one number type: included there once with REAL = double and once with REAL = float. Each
 * works on n numbers; at: where they begin in the optimizer's own blocks. */
#define LOOP(name)                                                                                                     \
    CLONES static void FOR_REAL(name)(const struct optimizer_state *o, size_t at, size_t n, const REAL *restrict g,    \
                                      REAL *restrict x)

static inline void FOR_REAL(decay)(const struct optimizer_state *o, size_t n, REAL *restrict x)
{
    const REAL keep = (REAL)(1 - o->lr * o->decay);
    if (o->decay > 0) {
        for (size_t i = 0; i < n; i++)
            x[i] *= keep;
    }
}

LOOP(plain)
{
    const REAL lr = (REAL)o->lr;
    (void)at;
    FOR_REAL(decay)(o, n, x);
    for (size_t i = 0; i < n; i++)
        x[i] -= lr * g[i];
}

LOOP(momentum)
{
    const REAL lr = (REAL)o->lr, momentum = (REAL)o->momentum;
    REAL *restrict v = (REAL *)o->first + at;
    FOR_REAL(decay)(o, n, x);
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + g[i];
        x[i] -= lr * v[i];
    }
}

LOOP(adam)
{
    REAL *restrict m = (REAL *)o->first + at, *restrict s = (REAL *)o->second + at;
    const REAL b1 = (REAL)o->beta1, b2 = (REAL)o->beta2, a1 = (REAL)(1 - o->beta1), a2 = (REAL)(1 - o->beta2),
               eps = (REAL)o->eps;
    const REAL step = (REAL)(o->lr / (1 - pow(o->beta1, (double)o->step)));
    const REAL scale = (REAL)(1 / sqrt(1 - pow(o->beta2, (double)o->step)));
    FOR_REAL(decay)(o, n, x);
    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + a1 * g[i];
        s[i] = b2 * s[i] + a2 * (g[i] * g[i]);
        x[i] -= step * m[i] / (SQRT(s[i]) * scale + eps);
    }
}
#undef LOOP
