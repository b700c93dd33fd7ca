/* Philox4x32-10 and Box-Muller, sixteen blocks at a time, in two loops over lanes: words, then normals.
 *
 * Both exist once per instruction set and the best that the processor has is taken at run time. Integers are exact, and
 * the floating-point part is a fixed sequence of rounded operations (no contraction, no reassociation: never compile
 * this with -ffast-math), so all versions give the same bits. */
#include "base/random.h"
#include "base/clones.h"
#include <math.h>
#include <string.h>

#if WITH_CLONES
#include <immintrin.h>
#define TARGET(isa) __attribute__((target(isa)))
#endif
/* Interleave independent chains of operations: GCC leaves that to the processor, which does not see far enough
 * ahead. */
#if defined(__GNUC__) && !defined(__clang__)
#define INTERLEAVED __attribute__((optimize("schedule-insns")))
#else
#define INTERLEAVED
#endif

enum {
    LANES = RANDOM_GROUP / 4, /* blocks in a group */
    ROW1 = LANES,             /* where the second, third and fourth row of a group begin */
    ROW2 = 2 * LANES,
    ROW3 = 3 * LANES,
    CHUNK = 16 /* groups between the two loops: 4 kB, in the first cache */
};
/* Salmon et al. 2011, table 2 and section 3.3: the multipliers of a round, and what the key grows by after it. */
#define MULTIPLIER0 0xD2511F53u
#define MULTIPLIER1 0xCD9E8D57u
#define BUMP0 0x9E3779B9u
#define BUMP1 0xBB67AE85u
#define ROUNDS 10

void random_block(const struct stream *s, uint32_t block, uint32_t out[4])
{
    uint32_t c0 = block, c1 = s->sample, c2 = s->step, c3 = (uint32_t)s->purpose;
    uint32_t key0 = (uint32_t)s->seed, key1 = (uint32_t)(s->seed >> 32);
    for (int round = 0; round < ROUNDS; round++, key0 += BUMP0, key1 += BUMP1) {
        uint64_t product0 = (uint64_t)c0 * MULTIPLIER0, product1 = (uint64_t)c2 * MULTIPLIER1;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)product0;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* The words of `groups` groups, the first of which begins with block number `block`: out[group][word][lane]. */
static void words_plain(const struct stream *s, uint32_t block, size_t groups, uint32_t *restrict out)
{
    for (size_t g = 0; g < groups; g++, out += RANDOM_GROUP) {
        for (uint32_t lane = 0; lane < LANES; lane++) {
            uint32_t c[4];
            random_block(s, block++, c);
            for (size_t word = 0; word < 4; word++)
                out[word * LANES + lane] = c[word];
        }
    }
}

#if WITH_CLONES
/* The vector multiplication reads the low and ignores the high half of a 64-bit lane, so a block's words live in the
 * low halves, and what is left above does no harm. Blocks 0, 2, 4.. of a group are in `a`, 1, 3, 5.. in `b`; in the end
 * they interlace. GCC 12 would not find this instruction by itself: it multiplies 64 by 64 bits. */
typedef uint64_t wide8 __attribute__((vector_size(64)));

TARGET("avx512f") static inline void round_avx512(wide8 c[4], uint64_t key0, uint64_t key1)
{
    const __m512i multiplier0 = _mm512_set1_epi64(MULTIPLIER0), multiplier1 = _mm512_set1_epi64(MULTIPLIER1);
    wide8 product0 = (wide8)_mm512_mul_epu32((__m512i)c[0], multiplier0);
    wide8 product1 = (wide8)_mm512_mul_epu32((__m512i)c[2], multiplier1);
    c[0] = product1 >> 32 ^ c[1] ^ key0;
    c[1] = product1;
    c[2] = product0 >> 32 ^ c[3] ^ key1;
    c[3] = product0;
}

TARGET("avx512f")
static void words_avx512(const struct stream *s, uint32_t block, size_t groups, uint32_t *restrict out)
{
    const wide8 zero = {0}, even = {0, 2, 4, 6, 8, 10, 12, 14}, low = zero + 0xFFFFFFFFu;
    for (size_t g = 0; g < groups; g++, block += LANES, out += RANDOM_GROUP) {
        uint32_t key0 = (uint32_t)s->seed, key1 = (uint32_t)(s->seed >> 32);
        wide8 a[4] = {even + block, zero + s->sample, zero + s->step, zero + (uint64_t)s->purpose};
        wide8 b[4] = {even + (block + 1), a[1], a[2], a[3]};
#pragma GCC unroll 10
        for (int round = 0; round < ROUNDS; round++, key0 += BUMP0, key1 += BUMP1) {
            round_avx512(a, key0, key1);
            round_avx512(b, key0, key1);
        }
        for (size_t word = 0; word < 4; word++) {
            wide8 both = (a[word] & low) | b[word] << 32;
            memcpy(out + word * LANES, &both, sizeof both);
        }
    }
}

/* The same with vectors of half the length, so four of them: blocks 0, 2, 4, 6; 1, 3, 5, 7; and eight later. */
typedef uint64_t wide4 __attribute__((vector_size(32)));

TARGET("avx2") static inline void round_avx2(wide4 c[4], uint64_t key0, uint64_t key1)
{
    const __m256i multiplier0 = _mm256_set1_epi64x(MULTIPLIER0), multiplier1 = _mm256_set1_epi64x(MULTIPLIER1);
    wide4 product0 = (wide4)_mm256_mul_epu32((__m256i)c[0], multiplier0);
    wide4 product1 = (wide4)_mm256_mul_epu32((__m256i)c[2], multiplier1);
    c[0] = product1 >> 32 ^ c[1] ^ key0;
    c[1] = product1;
    c[2] = product0 >> 32 ^ c[3] ^ key1;
    c[3] = product0;
}

TARGET("avx2")
static void words_avx2(const struct stream *s, uint32_t block, size_t groups, uint32_t *restrict out)
{
    enum { PARTS = 4 };
    const wide4 zero = {0}, even = {0, 2, 4, 6}, low = zero + 0xFFFFFFFFu;
    for (size_t g = 0; g < groups; g++, block += LANES, out += RANDOM_GROUP) {
        uint32_t key0 = (uint32_t)s->seed, key1 = (uint32_t)(s->seed >> 32);
        wide4 c[PARTS][4];
        for (uint32_t part = 0; part < PARTS; part++) {
            c[part][0] = even + (block + part / 2 * (LANES / 2) + part % 2);
            c[part][1] = zero + s->sample, c[part][2] = zero + s->step, c[part][3] = zero + (uint64_t)s->purpose;
        }
#pragma GCC unroll 10
        for (int round = 0; round < ROUNDS; round++, key0 += BUMP0, key1 += BUMP1) {
#pragma GCC unroll 4
            for (int part = 0; part < PARTS; part++)
                round_avx2(c[part], key0, key1);
        }
        for (size_t word = 0; word < 4; word++) {
            for (size_t part = 0; part < PARTS; part += 2) {
                wide4 both = (c[part][word] & low) | c[part + 1][word] << 32;
                memcpy(out + word * LANES + part / 2 * (LANES / 2), &both, sizeof both);
            }
        }
    }
}
#endif

static void words(const struct stream *s, uint32_t block, size_t groups, uint32_t *restrict out)
{
#if WITH_CLONES
    if (__builtin_cpu_supports("avx512f"))
        words_avx512(s, block, groups, out);
    else if (__builtin_cpu_supports("avx2"))
        words_avx2(s, block, groups, out);
    else
#endif
        words_plain(s, block, groups, out);
}

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* sqrt(-2 ln U), U = (floor(x/2) + 1/2) / 2^31 in (0, 1): rounding must not give 1, since 0 is no radius.
 * U = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt 2); -2 ln(1 + f) = f (-2 + f (1 + f Q(f))), minimax to 3e-7. */
static inline float radius(uint32_t x)
{
    const uint32_t sqrt_half = 0x3F3504F3u, scale = 31u << 23; /* the bits of sqrt(1/2); the exponent of 2^31 */
    float v = (float)(int32_t)(x >> 1) + 0.5f;
    v = v < 0x1.fffffep30f ? v : 0x1.fffffep30f;
    uint32_t i = bits_of(v) - (sqrt_half + scale);
    float e = (float)((int32_t)i >> 23);
    float f = float_of((i & 0x7FFFFFu) + sqrt_half) - 1.0f;
    float Q = 0.20383461f;
    Q = Q * f - 0.32048774f;
    Q = Q * f + 0.34274259f;
    Q = Q * f - 0.39849007f;
    Q = Q * f + 0.49966535f;
    Q = Q * f - 0.66668493f;
    return sqrtf(e * -1.38629436f + f * (f * (f * Q + 1.0f) - 2.0f));
}

/* A uniform direction (cosine, sine). The low 23 bits of x are t in (-1/2, 1/2), never 0, for the angle pi t/2; bit 30
 * swaps the coordinates (mirrors about the diagonal), bit 31 reverses both: four quarters that tile the circle. Minimax
 * in t^2: sine to 4e-9 relative, cosine to 4e-8. */
static inline void direction(uint32_t x, float *cosine, float *sine)
{
    float t = (float_of((x & 0x7FFFFFu) | 0x3F800000u) - 1.5f) + 0x1p-24f; /* from [1, 2); both sums are exact */
    float z = t * t;
    float s = t * (1.57079637f + z * (-0.64596349f + z * (0.07968003f + z * -0.00460165786f)));
    float c = 1.0f + z * (-1.23369801f + z * (0.253606349f + z * -0.0204262491f));
    uint32_t first = bits_of((x & 0x40000000u) ? s : c) ^ (x & 0x80000000u);
    *cosine = float_of(first);
    *sine = float_of(bits_of(s) ^ bits_of(c) ^ first); /* the other one, reversed likewise */
}

/* Words of `groups` groups to normals: rows (r0 cos, r0 sin, r1 cos, r1 sin) from words (r0, angle, r1, angle). */
CLONES INTERLEAVED static void box_muller(size_t groups, const uint32_t *restrict word, float *restrict out)
{
    for (size_t g = 0; g < groups; g++, word += RANDOM_GROUP, out += RANDOM_GROUP) {
        for (size_t lane = 0; lane < LANES; lane++) {
            /* words() fills all of it, in more steps than are followed. NOLINTNEXTLINE(clang-analyzer-core.*) */
            float r0 = radius(word[lane]), r1 = radius(word[ROW2 + lane]), cos0, sin0, cos1, sin1;
            direction(word[ROW1 + lane], &cos0, &sin0);
            direction(word[ROW3 + lane], &cos1, &sin1);
            out[lane] = r0 * cos0;
            out[ROW1 + lane] = r0 * sin0;
            out[ROW2 + lane] = r1 * cos1;
            out[ROW3 + lane] = r1 * sin1;
        }
    }
}

static void normal_groups(const struct stream *s, size_t group, size_t groups, float *out)
{
    uint32_t word[CHUNK * RANDOM_GROUP];
    while (groups > 0) {
        const size_t now = groups < CHUNK ? groups : CHUNK;
        words(s, (uint32_t)(group * LANES), now, word);
        box_muller(now, word, out);
        group += now;
        groups -= now;
        out += now * RANDOM_GROUP;
    }
}

void random_normal(const struct stream *s, size_t first, size_t n, float *out)
{
    const size_t group = first / RANDOM_GROUP, whole = n / RANDOM_GROUP, rest = n % RANDOM_GROUP;
    normal_groups(s, group, whole, out);
    if (rest > 0) {
        float last[RANDOM_GROUP];
        normal_groups(s, group + whole, 1, last);
        memcpy(out + whole * RANDOM_GROUP, last, rest * sizeof *out);
    }
}

double random_uniform(const struct stream *s, uint32_t i)
{
    uint32_t c[4];
    random_block(s, i, c);
    /* 52 random bits and a half: 2^-53 <= u <= 1 - 2^-53, both exact. */
    uint64_t bits = ((uint64_t)c[1] << 32 | c[0]) >> 12;
    return ((double)bits + 0.5) * 0x1p-52;
}

/* The first k steps of a shuffle (Fisher and Yates). */
void random_distinct(const struct stream *s, uint32_t first, size_t n, size_t k, int32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)i;
    for (size_t i = 0; i < k; i++) {
        size_t j = i + (size_t)(random_uniform(s, first + (uint32_t)i) * (double)(n - i));
        int32_t chosen = out[j];
        out[j] = out[i];
        out[i] = chosen;
    }
}
