/* Random numbers: the generator against Random123, the normals against libm and against their law.
 *
 * Every seed is fixed, so a statistical test passes always or never; the bounds are such that a right generator with
 * another seed would fail with the stated probability. */
#include "base/random.h"
#include "test.h"
#include <Random123/philox.h>
#include <stdio.h>
#include <string.h>

static const double TOL_NORMAL = 1e-6;            /* relative, against Box-Muller in double precision */
static const double LIMIT_SIGMA = 5.0;            /* a mean, in standard errors: false alarm 6e-7 */
static const double LIMIT_KS = 2.5;               /* Kolmogorov-Smirnov, sqrt(n) D: false alarm 2 exp(-2 x^2) = 7e-6 */
static const uint64_t HASH = 0xba31f312a1573175u; /* of the numbers as they are: changes with them */
enum { MANY = 1 << 20 };

START_TEST(known_answers)
{
    /* Random123's kat_vectors for philox 4 32 10: counter, key, result. */
    static const uint32_t known[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        const uint32_t *k = known[i];
        const struct stream s = {(uint64_t)k[5] << 32 | k[4], (enum purpose)k[3], k[2], k[1]};
        uint32_t out[4];
        random_block(&s, k[0], out);
        for (int j = 0; j < 4; j++)
            ck_assert_uint_eq(out[j], k[6 + j]);
    }
}
END_TEST

/* Counters and keys from the generator itself, and small ones. */
START_TEST(equals_random123)
{
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t c[4], k[4], out[4];
        random_block(&(struct stream){.seed = 99}, i, c);
        random_block(&(struct stream){.seed = 98}, i, k);
        for (int j = 0; j < 4; j++) {
            c[j] >>= i % 3 * 12;
            k[j] >>= i % 5 * 7;
        }
        const struct stream s = {(uint64_t)k[1] << 32 | k[0], (enum purpose)c[3], c[2], c[1]};
        random_block(&s, c[0], out);
        const philox4x32_ctr_t counter = {{c[0], c[1], c[2], c[3]}};
        const philox4x32_key_t key = {{k[0], k[1]}};
        const philox4x32_ctr_t r = philox4x32(counter, key);
        for (int j = 0; j < 4; j++)
            ck_assert_uint_eq(out[j], r.v[j]);
    }
}
END_TEST

/* Element e of a stream in double precision, as random.h and random.c describe it. */
static double normal_in_double(const struct stream *s, size_t e)
{
    uint32_t word[4];
    random_block(s, (uint32_t)(e / 64 * 16 + e % 16), word);
    const size_t row = e % 64 / 16;
    const uint32_t x = word[row / 2 * 2], angle = word[row / 2 * 2 + 1];
    const float v = (float)(x >> 1) + 0.5f; /* rounded like U there, or the logarithm near 1 would differ */
    const double U = fmin(v, 0x1.fffffep30) / 0x1p31;
    const double t = acos(-1.0) / 2 * ((angle & 0x7FFFFF) + 0.5 - 0x1p22) / 0x1p23;
    const double sign = (angle & 0x80000000u) ? -1 : 1;
    const int sine = (row % 2 != 0) != ((angle & 0x40000000u) != 0);
    return sqrt(-2 * log(U)) * sign * (sine ? sin(t) : cos(t));
}

START_TEST(normal_against_libm)
{
    float *z = malloc(MANY * sizeof *z);
    const struct stream s = {12345, PURPOSE_DATA, 6, 7};
    random_normal(&s, 0, MANY, z);
    for (size_t i = 0; i < MANY; i++)
        test_close(z[i], normal_in_double(&s, i), TOL_NORMAL, 0.0, "normal %zu", i);
    free(z);
}
END_TEST

/* The same bits from every processor, compiler and instruction set: a hash (FNV-1a, word by word) of many normals. */
START_TEST(same_bits_everywhere)
{
    float *z = malloc(MANY * sizeof *z);
    uint64_t hash = 0xcbf29ce484222325;
    random_normal(&(struct stream){1, PURPOSE_DATA, 2, 3}, 0, MANY, z);
    for (int i = 0; i < MANY; i++) {
        uint32_t bits;
        memcpy(&bits, z + i, sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3;
    }
    ck_assert_msg(hash == HASH, "hash of the normals: 0x%016llx", (unsigned long long)hash);
    free(z);
}
END_TEST

/* Any piece of a stream, from any multiple of the group on and of any length, and nothing beyond it. */
START_TEST(split_reads)
{
    enum { N = 5000 };
    static float whole[N], piece[N + 1];
    const struct stream s = {1, PURPOSE_WEIGHTS, 2, 3};
    random_normal(&s, 0, N, whole);
    for (size_t first = 0; first < N; first += RANDOM_GROUP) {
        const size_t n = (first * 37 + 11) % (N - first) + 1;
        piece[n] = 77.0f;
        random_normal(&s, first, n, piece);
        ck_assert_mem_eq(piece, whole + first, n * sizeof *piece);
        ck_assert(piece[n] == 77.0f);
    }
    random_normal(&s, 0, 0, piece);
    /* The last group there is: the block number overflows behind it only. */
    const size_t end = (size_t)1 << 34;
    random_normal(&s, end - RANDOM_GROUP, RANDOM_GROUP, piece);
    test_close(piece[RANDOM_GROUP - 1], normal_in_double(&s, end - 1), TOL_NORMAL, 0.0, "the last normal");
}
END_TEST

/* |mean - expected| <= LIMIT_SIGMA sqrt(variance / n) */
static void check_mean(double sum, double n, double expected, double variance, const char *name)
{
    test_close((sum / n - expected) / sqrt(variance / n), 0.0, 0.0, LIMIT_SIGMA, "%s, in standard errors", name);
}

START_TEST(moments)
{
    enum { N = 4 * MANY };
    float *z = malloc(N * sizeof *z);
    const struct stream s = {2, PURPOSE_DATA, 0, 0};
    random_normal(&s, 0, N, z);
    double m[7] = {0}, n = N;
    for (int i = 0; i < N; i++) {
        double power = 1;
        for (int k = 1; k <= 6; k++)
            m[k] += power *= z[i];
    }
    check_mean(m[1], n, 0, 1, "mean");
    check_mean(m[2], n, 1, 2, "variance");
    check_mean(m[3], n, 0, 15, "third moment");
    check_mean(m[4], n, 3, 105 - 9, "fourth moment");
    check_mean(m[5], n, 0, 945, "fifth moment");
    check_mean(m[6], n, 15, 10395 - 225, "sixth moment");
    free(z);
}
END_TEST

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts u[n] and compares it with the uniform law: Kolmogorov-Smirnov, and chi squared on 256 equal bins (as a normal
 * deviate, by Wilson and Hilferty). */
static void check_uniform(double *u, int n, const char *name)
{
    enum { BINS = 256 };
    double largest = 0, chi2 = 0;
    int count[BINS] = {0};
    qsort(u, (size_t)n, sizeof *u, ascending);
    ck_assert(u[0] > 0.0 && u[n - 1] < 1.0);
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, fmax((i + 1.0) / n - u[i], u[i] - (double)i / n));
        count[(int)(u[i] * BINS)]++;
    }
    for (int i = 0; i < BINS; i++)
        chi2 += pow(count[i] - (double)n / BINS, 2) * BINS / n;
    const double k = BINS - 1, deviate = (cbrt(chi2 / k) - 1 + 2 / (9 * k)) / sqrt(2 / (9 * k));
    test_close(sqrt(n) * largest, 0.0, 0.0, LIMIT_KS, "%s: Kolmogorov-Smirnov", name);
    test_close(deviate, 0.0, 0.0, LIMIT_SIGMA, "%s: chi squared", name);
}

START_TEST(normal_distribution)
{
    float *z = malloc(MANY * sizeof *z);
    double *u = malloc(MANY * sizeof *u);
    for (uint32_t seed = 1; seed <= 3; seed++) {
        random_normal(&(struct stream){seed, PURPOSE_EVALUATION, 5, 5}, 0, MANY, z);
        for (int i = 0; i < MANY; i++)
            u[i] = 0.5 * erfc(-z[i] / sqrt(2));
        check_uniform(u, MANY, "normal");
        /* Each row of a group for itself, and the squared radius of a pair, exponential. */
        for (int row = 0; row < 4; row++) {
            for (int i = 0; i < MANY / 4; i++)
                u[i] = 0.5 * erfc(-z[i / 16 * 64 + row * 16 + i % 16] / sqrt(2));
            check_uniform(u, MANY / 4, "row of normals");
        }
        for (int i = 0; i < MANY / 4; i++)
            u[i] = exp(-0.5 * (pow(z[i / 16 * 64 + i % 16], 2) + pow(z[i / 16 * 64 + 16 + i % 16], 2)));
        check_uniform(u, MANY / 4, "radius of a pair");
    }
    free(z);
    free(u);
}
END_TEST

START_TEST(tails)
{
    enum { CHUNK = 1 << 16, CHUNKS = 256 };
    static float z[CHUNK];
    double beyond[7][2] = {{0}}; /* [whole part of |z|][sign] */
    int bad = 0;
    for (uint32_t step = 0; step < CHUNKS; step++) {
        random_normal(&(struct stream){3, PURPOSE_DATA, step, 0}, 0, CHUNK, z);
        for (int i = 0; i < CHUNK; i++) {
            if (fabsf(z[i]) > 0.0f && fabsf(z[i]) < 7.0f) /* false for NaN */
                beyond[(int)fabsf(z[i])][z[i] > 0]++;
            else
                bad++;
        }
    }
    ck_assert_int_eq(bad, 0);
    for (int k = 5; k >= 2; k--) {
        for (int side = 0; side < 2; side++) {
            beyond[k][side] += beyond[k + 1][side];
            const double p = 0.5 * erfc(k / sqrt(2)), n = (double)CHUNK * CHUNKS; /* k = 5: 4.8 expected */
            check_mean(beyond[k][side], n, p, p * (1 - p), "tail");
        }
    }
}
END_TEST

/* The correlations of x and y, and of their squares. */
static void check_independent(const float *x, const float *y, int n, const char *name)
{
    double xy = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        xy += (double)x[i] * y[i];
        squares += ((double)x[i] * x[i] - 1) * ((double)y[i] * y[i] - 1);
    }
    check_mean(xy, n, 0, 1, name);
    check_mean(squares, n, 0, 4, name);
}

START_TEST(streams_are_independent)
{
    enum { N = 1 << 18 };
    static float x[N], y[N];
    const struct stream s = {4, PURPOSE_DATA, 10, 20};
    random_normal(&s, 0, N, x);
    for (uint32_t k = 0; k < 32; k++) {
        struct stream purpose = s, step = s, sample = s, seed = s;
        purpose.purpose = (enum purpose)(k % PURPOSE_BOOTSTRAP + (k % PURPOSE_BOOTSTRAP >= PURPOSE_DATA));
        step.step ^= 1u << k;
        sample.sample ^= 1u << k;
        seed.seed ^= (uint64_t)1 << (2 * k + k % 2);
        const struct stream *other[] = {&purpose, &step, &sample, &seed};
        const char *name[] = {"purpose", "step", "sample", "seed"};
        for (int i = 0; i < 4; i++) {
            random_normal(other[i], 0, N, y);
            check_independent(x, y, N, name[i]);
        }
    }
    for (int lag = 1; lag <= 80; lag++)
        check_independent(x, x + lag, N - 80, "elements of a stream");
}
END_TEST

START_TEST(uniform_distribution)
{
    double *u = malloc(MANY * sizeof *u);
    const struct stream s = {5, PURPOSE_CHOICE, 0, 0};
    int bad = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        u[i] = random_uniform(&s, i);
        uint32_t word[4];
        random_block(&s, i, word);
        bad += u[i] * 0x1p52 - 0.5 != (double)(((uint64_t)word[1] << 32 | word[0]) >> 12);
    }
    ck_assert_int_eq(bad, 0);
    check_uniform(u, MANY, "uniform");
    for (uint32_t i = 0; i < MANY; i++)
        u[i] = fmod(random_uniform(&s, i) * 0x1p30, 1.0);
    check_uniform(u, MANY, "low bits of uniform");
    free(u);
}
END_TEST

static const struct test tests[] = {
    {"known_answers", &known_answers},
    {"equals_random123", &equals_random123},
    {"normal_against_libm", &normal_against_libm},
    {"same_bits_everywhere", &same_bits_everywhere},
    {"split_reads", &split_reads},
    {"moments", &moments},
    {"normal_distribution", &normal_distribution},
    {"tails", &tails},
    {"streams_are_independent", &streams_are_independent},
    {"uniform_distribution", &uniform_distribution},
};
TEST_MAIN("random", tests)
