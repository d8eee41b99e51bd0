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
#define HAS_AVX2() (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
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
typedef int32_t whole;
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
#define EXP_LIMIT 87
#define EXP_TERMS 7
#define LOG_TERMS 8
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define EXPONENT_BIAS 127
#define EXPONENT_SHIFT 23
#else
typedef double real;
typedef int64_t whole;
typedef double lanes __attribute__((vector_size(64), aligned(8), may_alias));
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

static inline real total(lanes v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

static inline lanes root(lanes v) {
#if REAL_IS_FLOAT && defined(__AVX__)
    return (lanes)_mm256_sqrt_ps((__m256)v);
#elif !REAL_IS_FLOAT && defined(__AVX512F__)
    return (lanes)_mm512_sqrt_pd((__m512d)v);
#else
    real r[8];
    memcpy(r, &v, sizeof r);
    for (int i = 0; i < 8; i++) r[i] = REAL_IS_FLOAT ? sqrtf(r[i]) : sqrt(r[i]);
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

/* e^x without a call, so that a loop over lanes becomes vector code: x = n ln 2 + r,
 * |r| <= ln(2)/2, e^r by its series, 2^n by its exponent. Beyond +-EXP_LIMIT it stays
 * at the limit's value, finite and above zero. */
static inline real exponential(real x) {
    static const real inverse_factorial[] = {
        1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
        1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600,
        1.0 / 6227020800.0};
    x = x < -EXP_LIMIT ? -EXP_LIMIT : x;
    x = x > EXP_LIMIT ? EXP_LIMIT : x;
    int n = (int)(x * (real)1.4426950408889634 + (x < 0 ? (real)-0.5 : (real)0.5));
    real r = (x - n * LN2_HIGH) - n * LN2_LOW;
    real sum = inverse_factorial[EXP_TERMS];
#pragma GCC unroll 16
    for (int i = EXP_TERMS - 1; i >= 0; i--) sum = sum * r + inverse_factorial[i];
    whole bits = ((whole)n + EXPONENT_BIAS) << EXPONENT_SHIFT;
    real power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* log(1 + u) for 0 <= u <= 1: twice the inverse hyperbolic tangent of u / (2 + u). */
static inline real log_one_plus(real u) {
    real s = u / (2 + u), square = s * s, sum = (real)1 / (2 * LOG_TERMS + 1);
#pragma GCC unroll 20
    for (int i = LOG_TERMS - 1; i >= 0; i--) sum = sum * square + (real)1 / (2 * i + 1);
    return 2 * s * sum;
}

#endif
