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
#define EXP_TERMS {1, 0.5000000013, 0.166665052, 0.04166646493, 0.008369155668, 0.001393365}
#define ARTANH_TERMS {1, 0.3333316082, 0.2001229762, 0.1398257887, 0.1407888918}
#define SMALL_STEP 0.14f
#define LOG_TERMS {1, -0.4999952928, 0.3330609782, -0.2444009807, 0.1514136082}
#define SMALLEST 1.17549435e-38f
#define LARGEST 3.4e38f
#define LINK_LIMIT 30
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
#define EXP_TERMS \
    {1, 0.5, 0.1666666666666668082, 0.04166666666666667677, 0.008333333333319589616, \
     0.001388888888887907399, 0.0001984126989007640283, 2.480158733644223786e-5, \
     2.75572408872298686e-6, 2.755726327908849691e-7, 2.511004920481865979e-8, \
     2.091813773764273643e-9}
#define ARTANH_TERMS \
    {1, 0.3333333333334128716, 0.199999999976438, 0.1428571455582858011, \
     0.1111109543067314202, 0.09091429900236955479, 0.07681838124445817129, \
     0.06795652742789946918, 0.0494039452438239312, 0.08890381913056651447}
#define SMALL_STEP 0.08
#define LOG_TERMS \
    {1, -0.499999999999849089, 0.333333333282915385, -0.249999993501542329, \
     0.199999579288385974, -0.166651305585855178, 0.142525463489631996, \
     -0.120770948090930069, 0.0810861637035062989}
#define SMALLEST 2.2250738585072014e-308
#define LARGEST 1.7e308
#define LINK_LIMIT 100
#define LN2_HIGH 6.93145751953125e-1
#define LN2_LOW 1.42860682030941723212e-6
#define EXPONENT_BIAS 1023
#define EXPONENT_SHIFT 52
#endif

/* Numbers below the smallest normal one count as 0 while a block is learned: what a
 * penalty has all but removed would otherwise take the processor some 150 cycles for each
 * operation. Returns what `restore_denormals` needs. */
static inline unsigned flush_denormals(void) {
#if defined(__SSE2__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* flush to zero, denormals are zeros */
    return before;
#else
    return 0;
#endif
}
static inline void restore_denormals(unsigned before) {
#if defined(__SSE2__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

#define separate __attribute__((noinline)) void
#define pack(a, b, c, d, e, f, g, h) ((lanes){a, b, c, d, e, f, g, h})
#define lane(v, i) ((v)[i])

/* Parts of lanes that the processor has vectors for. GCC would compare wider ones number
 * by number and keep a sum in them in memory: in float64 with AVX2 the dot product of
 * eight lanes takes half as long by parts. */
#if defined(__AVX512F__) && !REAL_IS_FLOAT
#define PART_SIZE 64
#define PART_OP(name) _mm512_##name##_pd
#elif defined(__AVX2__) && !REAL_IS_FLOAT
#define PART_SIZE 32
#define PART_OP(name) _mm256_##name##_pd
#elif defined(__AVX2__)
#define PART_SIZE 32
#define PART_OP(name) _mm256_##name##_ps
#else
#define PART_SIZE 16
#if defined(__SSE2__) && REAL_IS_FLOAT
#define PART_OP(name) _mm_##name##_ps
#elif defined(__SSE2__)
#define PART_OP(name) _mm_##name##_pd
#endif
#endif
#define N_PARTS (sizeof(lanes) / PART_SIZE)
#define LANES_FIT (N_PARTS == 1) /* one register of the processor */
typedef real part __attribute__((vector_size(PART_SIZE), aligned(4), may_alias));
#if REAL_IS_FLOAT
typedef int32_t part_mask __attribute__((vector_size(PART_SIZE), may_alias));
#else
typedef int64_t part_mask __attribute__((vector_size(PART_SIZE), may_alias));
#endif
#define FOR_PARTS for (size_t i = 0; i < N_PARTS; i++)
#define PART(v) (((part *)&(v))[i])

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

/* Eight neighbouring (w, G), drawn from eight places: one read each instead of two, and
 * one write. What order they are held in is that in which w and G come apart, and back
 * together, with the fewest shuffles: a pass over long rows takes 0.75 of the time that
 * GCC's own way does. */
#if REAL_IS_FLOAT && defined(__AVX2__)
typedef double pair __attribute__((aligned(4), may_alias));
typedef struct { __m256d outer, inner; } pairs; /* of each four the first two, the last */
static inline pairs pack_pairs(pair a, pair b, pair c, pair d,
                               pair e, pair f, pair g, pair h) {
    return (pairs){_mm256_setr_pd(a, b, e, f), _mm256_setr_pd(c, d, g, h)};
}
static inline pair pair_of(pairs p, int i) {
    return (i & 2 ? p.inner : p.outer)[i / 4 * 2 + (i & 1)];
}
static inline void split(pairs p, lanes *w, lanes *G) {
    *w = (lanes)_mm256_shuffle_ps((__m256)p.outer, (__m256)p.inner, 0x88);
    *G = (lanes)_mm256_shuffle_ps((__m256)p.outer, (__m256)p.inner, 0xDD);
}
static inline pairs join(lanes w, lanes G) {
    return (pairs){(__m256d)_mm256_unpacklo_ps((__m256)w, (__m256)G),
                   (__m256d)_mm256_unpackhi_ps((__m256)w, (__m256)G)};
}
#else
typedef real pair __attribute__((vector_size(2 * sizeof(real)), aligned(4), may_alias));
typedef struct { pair of[8]; } pairs;
#define pack_pairs(a, b, c, d, e, f, g, h) ((pairs){{a, b, c, d, e, f, g, h}})
#define pair_of(p, i) ((p).of[i])
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

/* A running sum of lanes times x. */
typedef struct { part of[N_PARTS]; } running_sum;
static inline void clear(running_sum *sum) {
    FOR_PARTS sum->of[i] = (part){0};
}
static inline void add_times(running_sum *sum, const real *eight, real x) {
    FOR_PARTS
        sum->of[i] += ((const part *)eight)[i] * x;
}
static inline void add_to(lanes *p, const running_sum *even, const running_sum *odd) {
    FOR_PARTS
        ((part *)p)[i] += even->of[i] + odd->of[i];
}

static inline real total(lanes v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

static inline real largest(lanes v) {
    real most = v[0];
    for (int i = 1; i < 8; i++) most = v[i] > most ? v[i] : most;
    return most;
}

/* Bits that stand for x: those of the nearest float, or all of its own. */
static inline uint64_t bits_of(real x, int exact) {
    float nearest = (float)x;
    uint32_t bits;
    memcpy(&bits, &nearest, sizeof bits);
#if !REAL_IS_FLOAT
    if (exact) {
        uint64_t all;
        memcpy(&all, &x, sizeof all);
        return all;
    }
#endif
    return bits;
}

static inline lanes if_above(lanes a, lanes b, lanes yes, lanes no) {
    FOR_PARTS {
        part_mask above = PART(a) > PART(b);
        PART(no) = (part)(((part_mask)PART(yes) & above) | ((part_mask)PART(no) & ~above));
    }
    return no;
}
static inline lanes if_equal(lanes a, lanes b, lanes yes, lanes no) {
    FOR_PARTS {
        part_mask equal = PART(a) == PART(b);
        PART(no) = (part)(((part_mask)PART(yes) & equal) | ((part_mask)PART(no) & ~equal));
    }
    return no;
}
/* Whether any lane of a is above that of b. Left to itself GCC looks at one by one. */
static inline int any_above(lanes a, lanes b) {
#if defined(__AVX512F__) && !REAL_IS_FLOAT
    return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ) != 0;
#else
    part_mask above = {0};
    FOR_PARTS above |= PART(a) > PART(b);
#if defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)above, (__m256i)above);
#elif defined(__SSE2__)
    return _mm_movemask_epi8((__m128i)above) != 0;
#else
    int any = 0;
    for (size_t i = 0; i < PART_SIZE / sizeof(real); i++) any |= above[i] != 0;
    return any;
#endif
#endif
}
/* The lesser or greater one: b where either is NaN. The next row waits for the loss of
 * this one, so each operation on the way counts: one of the processor's instead of a
 * comparison and a choice. */
static inline lanes lesser(lanes a, lanes b) {
#if defined(PART_OP)
    FOR_PARTS PART(b) = (part)PART_OP(min)(PART(a), PART(b));
    return b;
#else
    return if_above(b, a, a, b);
#endif
}
static inline lanes greater(lanes a, lanes b) {
#if defined(PART_OP)
    FOR_PARTS PART(b) = (part)PART_OP(max)(PART(a), PART(b));
    return b;
#else
    return if_above(a, b, a, b);
#endif
}
static inline lanes positive(lanes x) { return greater(x, spread(0)); }
static inline lanes magnitude(lanes x) {
    whole_lanes sign = (whole_lanes)spread((real)-0.0);
    return (lanes)((whole_lanes)x & ~sign);
}
/* The magnitude of x with the sign of y. */
static inline lanes copy_sign(lanes x, lanes y) {
    whole_lanes sign = (whole_lanes)spread((real)-0.0);
    return (lanes)(((whole_lanes)x & ~sign) | ((whole_lanes)y & sign));
}
static inline int all_zero(lanes v) {
    return !any_above(magnitude(v), spread(0));
}
static inline lanes sign(lanes x) {
    lanes zero = spread(0);
    return if_above(x, zero, spread(1), if_above(zero, x, spread(-1), zero));
}

/* SCALE / sqrt(v) for v > 0. Where the processor estimates it, Newton's steps bring the
 * estimate's 12 or 14 bits to within two units of the last place; the power of two saves
 * them a product each. An infinite v counts as the largest number: its root is finite,
 * so that 0 times it is 0. */
#if REAL_IS_FLOAT
#define SCALE 2
#else
#define SCALE 16
#endif
static inline lanes scaled_inverse_root(lanes v) {
#if REAL_IS_FLOAT && defined(__AVX2__)
    v = (lanes)_mm256_min_ps((__m256)v, _mm256_set1_ps(LARGEST));
#if defined(__AVX512VL__)
    lanes r = (lanes)_mm256_rsqrt14_ps((__m256)v);
#else
    lanes r = (lanes)_mm256_rsqrt_ps((__m256)v);
#endif
    return r * (3 - v * r * r);
#elif !REAL_IS_FLOAT && defined(__AVX512F__)
    v = (lanes)_mm512_min_pd((__m512d)v, _mm512_set1_pd(LARGEST));
    lanes r = (lanes)_mm512_rsqrt14_pd((__m512d)v);
    r = r * (3 - v * r * r);
    return r * (12 - v * r * r);
#else
    real r[8];
    v = lesser(spread(LARGEST), v);
    memcpy(r, &v, sizeof r);
    for (int i = 0; i < 8; i++) r[i] = SCALE / (REAL_IS_FLOAT ? sqrtf(r[i]) : sqrt(r[i]));
    memcpy(&v, r, sizeof r);
    return v;
#endif
}
static inline lanes inverse_root(lanes v) {
    return scaled_inverse_root(v) * ((real)1 / SCALE);
}

/* The square root of v > 0, to within some units of the last place. */
static inline lanes root(lanes v) { return v * inverse_root(v); }

/* The functions below are polynomials with the terms above, which meet the function at
 * Chebyshev's points, to within 0.2 units of the last place. They have a quarter to half
 * fewer terms than the series: what the next row waits for, and what each lane computes. */
static inline lanes polynomial(const real *terms, size_t n, lanes x) {
    lanes sum = spread(terms[n - 1]);
    for (size_t i = n - 1; i > 0; i--) sum = sum * x + spread(terms[i - 1]);
    return sum;
}
#define POLYNOMIAL(terms, x) polynomial(terms, sizeof(terms) / sizeof(real), x)

/* e^x without a call: x = n ln 2 + r, |r| <= ln(2)/2, (e^r - 1) / r by a polynomial, its
 * even and odd terms side by side, 2^n by its exponent. Beyond +-EXP_LIMIT it stays at the
 * limit's value, finite and above zero. Adding the number ROUND leaves n in the last bits
 * of the sum. Gives 2^n and returns 2^n (e^r - 1). */
static inline lanes exponential_parts(lanes x, lanes *power) {
    static const real terms[] = EXP_TERMS;
    size_t n_terms = sizeof terms / sizeof(real);
    x = lesser(greater(x, spread(-EXP_LIMIT)), spread(EXP_LIMIT));
    lanes rounded = x * spread(1.4426950408889634) + spread(ROUND);
    lanes n = rounded - spread(ROUND);
    lanes r = (x - n * spread(LN2_HIGH)) - n * spread(LN2_LOW);
    lanes square = r * r, even = spread(terms[n_terms - 1]);
    lanes odd = spread(terms[n_terms - 2]);
    for (size_t i = n_terms - 3; i < n_terms; i -= 2) {
        even = even * square + spread(terms[i]);
        odd = odd * square + spread(terms[i - 1]);
    }
    whole_lanes exponent = (whole_lanes)rounded - (whole_lanes)spread(ROUND);
    *power = (lanes)((exponent + EXPONENT_BIAS) << EXPONENT_SHIFT);
    return (odd * r + even * square) * *power;
}
static inline lanes exponential(lanes x) {
    lanes power, rest = exponential_parts(x, &power);
    return rest + power;
}
/* e^x - 1, exact for small x too. */
static inline lanes exponential_minus_one(lanes x) {
    lanes power, rest = exponential_parts(x, &power);
    return rest + (power - spread(1));
}

/* log(1 + u) / u for 0 <= u <= SMALL_STEP. */
static inline lanes log_polynomial(lanes u) {
    static const real terms[] = LOG_TERMS;
    return POLYNOMIAL(terms, u);
}

/* 2 artanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3. */
static inline lanes twice_artanh(lanes s) {
    static const real terms[] = ARTANH_TERMS;
    return spread(2) * s * POLYNOMIAL(terms, s * s);
}
/* log(1 + u) for 0 <= u <= 1. */
static inline lanes log_one_plus(lanes u) { return twice_artanh(u / (spread(2) + u)); }

/* log(x) for x > 0: x = 2^n m with m between the root of 1/2 and that of 2, and log(m)
 * as above. */
static inline lanes logarithm(lanes x) {
    x = greater(x, spread(SMALLEST));
    whole_lanes bits = (whole_lanes)x;
    whole_lanes root_of_half = (whole_lanes)spread((real)0.70710678118654752);
    whole_lanes exponent = (bits - root_of_half) >> EXPONENT_SHIFT;
    lanes m = (lanes)(bits - (exponent << EXPONENT_SHIFT));
    lanes n = (lanes)((whole_lanes)spread(ROUND) + exponent) - spread(ROUND);
    lanes log_m = twice_artanh((m - spread(1)) / (m + spread(1)));
    return n * spread(LN2_HIGH) + (log_m + n * spread(LN2_LOW));
}
/* log(1 + u) for any u >= 0, exact for small u too. */
static inline lanes log_one_plus_any(lanes u) {
    lanes one = spread(1);
    return if_above(u, one, logarithm(u) + log_one_plus(one / u), log_one_plus(u));
}

/* Eight numbers from eight places of a row. */
static inline lanes gather(const real *row, const int32_t *columns) {
    return pack(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]],
                row[columns[4]], row[columns[5]], row[columns[6]], row[columns[7]]);
}

static inline void add_up(double *sums, lanes v) {
#if REAL_IS_FLOAT && defined(__AVX2__)
    /* By halves: eight doubles would be 512 bits, beside which others wait longer. */
    __m256 eight = (__m256)v;
    __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(eight));
    __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(eight, 1));
    _mm256_storeu_pd(sums, _mm256_add_pd(_mm256_loadu_pd(sums), low));
    _mm256_storeu_pd(sums + 4, _mm256_add_pd(_mm256_loadu_pd(sums + 4), high));
#else
    for (int i = 0; i < 8; i++) sums[i] += v[i];
#endif
}

#endif
