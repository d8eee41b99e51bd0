/* Eight numbers as one value, and the few operations on it that Cython cannot say.
 *
 * GCC and Clang lower the vector types below to whatever the file is compiled
 * for: SSE2, AVX2, AVX-512 or NEON. One source therefore serves all of them, and
 * the sums are taken in the same order everywhere.
 */
#ifndef SK_ADAGRAD_LANES_H
#define SK_ADAGRAD_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* What the processor has, for the choice of a variant; the variants exist on x86-64. */
#if defined(__x86_64__)
#define HAS_AVX2() \
    (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && \
     __builtin_cpu_supports("bmi2"))
#define HAS_AVX512() \
    (HAS_AVX2() && __builtin_cpu_supports("avx512f") && \
     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && \
     __builtin_cpu_supports("avx512bw"))
#else
#define HAS_AVX2() 0
#define HAS_AVX512() 0
#endif

/* State arrays come from NumPy and from pickles: aligned to a number, not to a vector. */
#if REAL_IS_FLOAT
typedef float real;
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t whole_lanes __attribute__((vector_size(32)));
#define ROUND 12582912.0f /* 1.5 * 2^23 */
#define EXP_LIMIT 87
#define EXP_TERMS 7
#define LOG_TERMS 8
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define EXPONENT_BIAS 127
#define EXPONENT_SHIFT 23
#else
typedef double real;
typedef double lanes __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t whole_lanes __attribute__((vector_size(64)));
#define ROUND 6755399441055744.0 /* 1.5 * 2^52 */
#define EXP_LIMIT 708
#define EXP_TERMS 13
#define LOG_TERMS 17
#define LN2_HIGH 6.93145751953125e-1
#define LN2_LOW 1.42860682030941723212e-6
#define EXPONENT_BIAS 1023
#define EXPONENT_SHIFT 52
#endif

#define pack(a, b, c, d, e, f, g, h) ((lanes){a, b, c, d, e, f, g, h})
#define lane(v, i) ((v)[i])

/* Ask for the cache lines of size bytes; at most 2 KiB, what follows comes by itself. */
static inline void prefetch(const void *address, intptr_t size) {
    if (size > 2048) size = 2048;
    for (intptr_t offset = 0; offset < size; offset += 64)
        __builtin_prefetch((const char *)address + offset);
}

static inline lanes spread(real x) { return (lanes){x, x, x, x, x, x, x, x}; }

/* Read the first n of eight numbers of 4 or 8 bytes and nothing behind them; the others
 * become 0. A loop that copies them takes some 15 ns longer for each row. */
static inline void load_first(void *eight, const void *source, intptr_t n, size_t size) {
#if defined(__AVX512VL__)
    __mmask8 first = (__mmask8)((1 << n) - 1);
    if (size == 4)
        _mm256_storeu_si256((__m256i *)eight, _mm256_maskz_loadu_epi32(first, source));
    else
        _mm512_storeu_si512(eight, _mm512_maskz_loadu_epi64(first, source));
#elif defined(__AVX2__)
    static const int64_t keep[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    __m256i low = _mm256_loadu_si256((const __m256i *)(keep + 8 - n));
    __m256i high = _mm256_loadu_si256((const __m256i *)(keep + 12 - n));
    if (size == 4) {
        low = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
        _mm256_storeu_si256((__m256i *)eight, _mm256_maskload_epi32(source, low));
    } else {
        const long long *numbers = (const long long *)source;
        __m256i *out = (__m256i *)eight;
        _mm256_storeu_si256(out, _mm256_maskload_epi64(numbers, low));
        _mm256_storeu_si256(out + 1, _mm256_maskload_epi64(numbers + 4, high));
    }
#else
    memset(eight, 0, 8 * size);
    for (intptr_t i = 0; i < n * (intptr_t)size; i += 4)
        memcpy((char *)eight + i, (const char *)source + i, 4);
#endif
}

/* Eight neighbouring (w, G), drawn from eight places: one read each instead of two. */
#if REAL_IS_FLOAT
typedef uint64_t pair __attribute__((aligned(4), may_alias));
typedef uint64_t pairs __attribute__((vector_size(64)));
typedef uint32_t halves __attribute__((vector_size(32)));
#define pack_pairs(a, b, c, d, e, f, g, h) ((pairs){a, b, c, d, e, f, g, h})
#define pair_of(both, i) ((both)[i])
static inline void split(pairs both, lanes *w, lanes *G) {
    *w = (lanes)__builtin_convertvector(both, halves);
    *G = (lanes)__builtin_convertvector(both >> 32, halves);
}
static inline pairs join(lanes w, lanes G) {
    return __builtin_convertvector((halves)w, pairs) |
           __builtin_convertvector((halves)G, pairs) << 32;
}
#else
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
typedef struct { pair of[8]; } pairs;
#define pack_pairs(a, b, c, d, e, f, g, h) ((pairs){{a, b, c, d, e, f, g, h}})
#define pair_of(both, i) ((both).of[i])
static inline void split(pairs p, lanes *w, lanes *G) {
    *w = (lanes){p.of[0][0], p.of[1][0], p.of[2][0], p.of[3][0],
                 p.of[4][0], p.of[5][0], p.of[6][0], p.of[7][0]};
    *G = (lanes){p.of[0][1], p.of[1][1], p.of[2][1], p.of[3][1],
                 p.of[4][1], p.of[5][1], p.of[6][1], p.of[7][1]};
}
static inline pairs join(lanes w, lanes G) {
    pairs both;
    for (int i = 0; i < 8; i++) both.of[i] = (pair){w[i], G[i]};
    return both;
}
#endif

static inline real total(lanes v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* 1 / sqrt(v) for v > 0. Where the processor estimates it, Newton's steps bring the
 * estimate's 12 or 14 bits to within two units of the last place. An infinite v counts
 * as the largest number: its root is finite, so that 0 times it is 0. */
static inline lanes inverse_root(lanes v) {
#if REAL_IS_FLOAT && defined(__AVX2__)
    v = (lanes)_mm256_min_ps((__m256)v, _mm256_set1_ps(3.4e38f));
#if defined(__AVX512VL__)
    lanes r = (lanes)_mm256_rsqrt14_ps((__m256)v);
#else
    lanes r = (lanes)_mm256_rsqrt_ps((__m256)v);
#endif
    return r * (1.5f - 0.5f * v * r * r);
#elif !REAL_IS_FLOAT && defined(__AVX512F__)
    v = (lanes)_mm512_min_pd((__m512d)v, _mm512_set1_pd(1.7e308));
    lanes r = (lanes)_mm512_rsqrt14_pd((__m512d)v);
    r = r * (1.5 - 0.5 * v * r * r);
    return r * (1.5 - 0.5 * v * r * r);
#else
    real r[8];
    memcpy(r, &v, sizeof r);
    for (int i = 0; i < 8; i++) r[i] = 1 / (REAL_IS_FLOAT ? sqrtf(r[i]) : sqrt(r[i]));
    memcpy(&v, r, sizeof r);
    return v;
#endif
}

/* 32 bits that stand for x: those of the nearest float, or all of x's folded together. */
static inline uint32_t bits_of(real x, int exact) {
    float nearest = (float)x;
    uint32_t bits;
    memcpy(&bits, &nearest, sizeof bits);
#if !REAL_IS_FLOAT
    if (exact) {
        uint64_t all;
        memcpy(&all, &x, sizeof all);
        bits = (uint32_t)all * 0x27D4EB2Fu ^ (uint32_t)(all >> 32);
    }
#endif
    return bits;
}

static inline lanes if_above(lanes a, lanes b, lanes yes, lanes no) {
    whole_lanes above = a > b;
    return (lanes)(((whole_lanes)yes & above) | ((whole_lanes)no & ~above));
}
static inline lanes if_equal(lanes a, lanes b, lanes yes, lanes no) {
    whole_lanes equal = a == b;
    return (lanes)(((whole_lanes)yes & equal) | ((whole_lanes)no & ~equal));
}
static inline lanes positive(lanes x) { return if_above(x, spread(0), x, spread(0)); }
static inline lanes magnitude(lanes x) { return if_above(x, spread(0), x, -x); }
static inline lanes sign(lanes x) {
    lanes zero = spread(0);
    return if_above(x, zero, spread(1), if_above(zero, x, spread(-1), zero));
}

/* e^x without a call: x = n ln 2 + r, |r| <= ln(2)/2, e^r by its series, 2^n by its
 * exponent. Beyond +-EXP_LIMIT it stays at the limit's value, finite and above zero.
 * Adding the number ROUND leaves n in the last bits of the sum. */
static inline lanes exponential(lanes x) {
    static const real inverse_factorial[] = {
        1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
        1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600,
        1.0 / 6227020800.0};
    x = if_above(x, spread(-EXP_LIMIT), x, spread(-EXP_LIMIT));
    x = if_above(x, spread(EXP_LIMIT), spread(EXP_LIMIT), x);
    lanes rounded = x * spread(1.4426950408889634) + spread(ROUND);
    lanes n = rounded - spread(ROUND);
    lanes r = (x - n * spread(LN2_HIGH)) - n * spread(LN2_LOW);
    lanes even = spread(inverse_factorial[EXP_TERMS - 1]), square = r * r;
    lanes odd = spread(inverse_factorial[EXP_TERMS]);
    for (int i = EXP_TERMS - 2; i > 0; i -= 2) {
        odd = odd * square + spread(inverse_factorial[i]);
        even = even * square + spread(inverse_factorial[i - 1]);
    }
    whole_lanes exponent = (whole_lanes)rounded - (whole_lanes)spread(ROUND);
    lanes power = (lanes)((exponent + EXPONENT_BIAS) << EXPONENT_SHIFT);
    return (even + odd * r) * power;
}

/* log(1 + u) for 0 <= u <= 1: twice the inverse hyperbolic tangent of u / (2 + u). */
static inline lanes log_one_plus(lanes u) {
    lanes s = u / (spread(2) + u), square = s * s;
    lanes sum = spread((real)1 / (2 * LOG_TERMS + 1));
    for (int i = LOG_TERMS - 1; i >= 0; i--)
        sum = sum * square + spread((real)1 / (2 * i + 1));
    return spread(2) * s * sum;
}

/* The first n lanes in use, 0 in the others. */
static inline lanes load_lanes(const real *numbers, int n) {
    lanes v = spread(0);
    for (int i = 0; i < n; i++) v[i] = numbers[i];
    return v;
}

static inline void add_up(double *sums, lanes v) {
    typedef double doubles __attribute__((vector_size(64), aligned(8), may_alias));
    *(doubles *)sums += __builtin_convertvector(v, doubles);
}

#endif
