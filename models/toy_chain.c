#include "models/toy_chain.h"
#include <math.h>
#include <string.h>

size_t toy_chain_right(int T, int hop)
{
    return hop == 0 ? (size_t)T - 1 : 0;
}

static void softmax(size_t T, const double *a, double *g)
{
    double largest = a[0], sum = 0;
    for (size_t o = 1; o < T; o++)
        largest = fmax(largest, a[o]);
    for (size_t o = 0; o < T; o++)
        sum += g[o] = exp(a[o] - largest);
    for (size_t o = 0; o < T; o++)
        g[o] /= sum;
}

/* out_t = sum_o g_o h_{t - o}, round the sequence. */
static void convolve(size_t T, const double *restrict g, const double *restrict h, double *restrict out)
{
    memset(out, 0, T * sizeof *out);
    for (size_t o = 0; o < T; o++) {
        for (size_t t = o; t < T; t++)
            out[t] += g[o] * h[t - o];
        for (size_t t = 0; t < o; t++)
            out[t] += g[o] * h[T + t - o];
    }
}

/* sum_t G_t h_{t - o} */
static double correlation(size_t T, size_t o, const double *restrict G, const double *restrict h)
{
    double sum = 0;
    for (size_t t = o; t < T; t++)
        sum += G[t] * h[t - o];
    for (size_t t = 0; t < o; t++)
        sum += G[t] * h[T + t - o];
    return sum;
}

void toy_chain_attention(int T, int hops, const bool *held, const double *a, double *g, double *pi, double *spare)
{
    const size_t n = (size_t)T;
    for (int i = 0; i < hops; i++) {
        softmax(n, a + (size_t)i * n, g + (size_t)i * n);
        for (size_t o = 0; o < n && held[i]; o++)
            g[(size_t)i * n + o] = o == toy_chain_right(T, i);
    }
    memcpy(pi, g, n * sizeof *pi);
    for (int i = 1; i < hops; i++) {
        memcpy(spare, pi, n * sizeof *pi);
        convolve(n, spare, g + (size_t)i * n, pi);
    }
}

void toy_chain_gradient(int T, int hops, const bool *held, const double *g, const double *G, double m, double batch,
                        double *da, double *spare)
{
    const size_t n = (size_t)T;
    double *others = spare, *before = spare + n;
    for (int i = 0; i < hops; i++) {
        int joined = 0;
        for (int j = 0; j < hops; j++) {
            if (j == i)
                continue;
            if (joined++ == 0) {
                memcpy(others, g + (size_t)j * n, n * sizeof *others);
                continue;
            }
            memcpy(before, others, n * sizeof *before);
            convolve(n, before, g + (size_t)j * n, others);
        }
        const double *own = g + (size_t)i * n;
        for (size_t o = 0; o < n; o++)
            da[(size_t)i * n + o] = held[i] ? 0 : own[o] * (correlation(n, o, G, others) - m) / batch;
    }
}
