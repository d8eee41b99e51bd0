/* Eight numbers as one value, and the few operations on it that Cython cannot express.
 *
 * GCC and Clang lower the vector types below to what the file is compiled for: SSE2,
 * AVX2, AVX-512 or NEON. One source serves all of them, and sums are taken in the same
 * order everywhere.
 */
#ifndef SK_ADAGRAD_LANES_H
#define SK_ADAGRAD_LANES_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* What the processor supports, to choose among the variants, which exist on x86-64. */
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

/* State arrays come from NumPy and pickles: aligned to a number, not to a vector. */
#if REAL_IS_FLOAT
typedef float real;
typedef int32_t count; /* as wide as real, so that counting is vectorised */
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t whole_lanes __attribute__((vector_size(32)));
#else
typedef double real;
typedef int64_t count;
typedef double lanes __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t whole_lanes __attribute__((vector_size(64)));
#endif

/* Treat subnormal numbers as 0 from here on: weights that a penalty has all but removed
 * would otherwise cost some 150 cycles per operation. Returns what `restore_denormals`
 * needs. On x86-64 only. */
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

#define noinline_void __attribute__((noinline)) void
#define pack(a, b, c, d, e, f, g, h) ((lanes){a, b, c, d, e, f, g, h})
#define lane(v, i) ((v)[i])

/* Parts of lanes that fill one vector register. GCC would compare wider vectors element
 * by element and keep sums of them in memory: in float64 with AVX2 the dot product of
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
#define LANES_FIT (N_PARTS == 1) /* in one register */
typedef real part __attribute__((vector_size(PART_SIZE), aligned(4), may_alias));
#if REAL_IS_FLOAT
typedef int32_t part_mask __attribute__((vector_size(PART_SIZE), may_alias));
#else
typedef int64_t part_mask __attribute__((vector_size(PART_SIZE), may_alias));
#endif
#define FOR_PARTS for (size_t i = 0; i < N_PARTS; i++)
#define PART_OF(v, i) (((part *)&(v))[i])
#define PART(v) PART_OF(v, i)

/* Prefetch the cache lines of `size` bytes, 2 KiB at most; the hardware fetches the rest.
 *
 * Where GCC does not inline this, it takes it for a function without effect and drops the
 * calls: a pass over clickbait with FTRL-proximal then takes 1.4 times as long. */
CYTHON_INLINE static void prefetch(const void *address, intptr_t size) {
    if (size > 2048) size = 2048;
    for (intptr_t offset = 0; offset < size; offset += 64)
        __builtin_prefetch((const char *)address + offset);
}

static inline lanes splat(real x) { return (lanes){x, x, x, x, x, x, x, x}; }

/* Load the first n of eight numbers of 4 or 8 bytes and nothing beyond them; the others
 * become 0 or, with `repeat`, the first. A loop that copies them costs some 15 ns more
 * per row. */
static inline void load_partial(void *eight, const void *source, intptr_t n, size_t size,
                              int repeat) {
#if defined(__AVX2__)
    int32_t half = 0;
    int64_t whole = 0;
    if (repeat) memcpy(size == 4 ? (void *)&half : (void *)&whole, source, size);
    __m256i halves = _mm256_set1_epi32(half), wholes = _mm256_set1_epi64x(whole);
#endif
#if defined(__AVX512VL__)
    __mmask8 first = (__mmask8)((1 << n) - 1);
    if (size == 4) {
        halves = _mm256_mask_loadu_epi32(halves, first, source);
        _mm256_storeu_si256((__m256i *)eight, halves);
    } else {
        __m512i others = _mm512_broadcast_i64x4(wholes);
        _mm512_storeu_si512(eight, _mm512_mask_loadu_epi64(others, first, source));
    }
#elif defined(__AVX2__)
    static const int64_t keep[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    __m256i low = _mm256_loadu_si256((const __m256i *)(keep + 8 - n));
    __m256i high = _mm256_loadu_si256((const __m256i *)(keep + 12 - n));
    if (size == 4) {
        low = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
        halves = _mm256_blendv_epi8(halves, _mm256_maskload_epi32(source, low), low);
        _mm256_storeu_si256((__m256i *)eight, halves);
    } else {
        const long long *numbers = (const long long *)source;
        __m256i front = _mm256_maskload_epi64(numbers, low);
        __m256i back = _mm256_maskload_epi64(numbers + 4, high);
        __m256i *out = (__m256i *)eight;
        _mm256_storeu_si256(out, _mm256_blendv_epi8(wholes, front, low));
        _mm256_storeu_si256(out + 1, _mm256_blendv_epi8(wholes, back, high));
    }
#else
    char *out = (char *)eight;
    const char *in = (const char *)source;
    if (!repeat) memset(out, 0, 8 * size);
    for (intptr_t i = 0; i < (repeat ? 8 : n); i++)
        memcpy(out + i * size, in + (i < n ? i : 0) * size, size);
#endif
}

/* Eight (w, G) pairs gathered from eight places: one read each instead of two, and one
 * write. They are held in the order that takes the fewest shuffles to deinterleave and
 * interleave: a pass over long rows takes 0.75 (float64: 0.92) of the time of GCC's own
 * code. */
#if REAL_IS_FLOAT && defined(__AVX2__)
typedef double pair __attribute__((aligned(4), may_alias));
typedef struct { __m256d outer, inner; } pairs; /* first and last two of each four */
static inline pairs pack_pairs(pair a, pair b, pair c, pair d,
                               pair e, pair f, pair g, pair h) {
    return (pairs){_mm256_setr_pd(a, b, e, f), _mm256_setr_pd(c, d, g, h)};
}
static inline pair pair_of(pairs p, int i) {
    return (i & 2 ? p.inner : p.outer)[i / 4 * 2 + (i & 1)];
}
static inline void deinterleave(pairs p, lanes *w, lanes *G) {
    *w = (lanes)_mm256_shuffle_ps((__m256)p.outer, (__m256)p.inner, 0x88);
    *G = (lanes)_mm256_shuffle_ps((__m256)p.outer, (__m256)p.inner, 0xDD);
}
static inline pairs interleave(lanes w, lanes G) {
    return (pairs){(__m256d)_mm256_unpacklo_ps((__m256)w, (__m256)G),
                   (__m256d)_mm256_unpackhi_ps((__m256)w, (__m256)G)};
}
#elif defined(__AVX2__)
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
typedef struct { __m256d of[4]; } pairs; /* of each four: 1st and 3rd, 2nd and 4th */
static inline pairs pack_pairs(pair a, pair b, pair c, pair d,
                               pair e, pair f, pair g, pair h) {
    return (pairs){{_mm256_set_m128d(c, a), _mm256_set_m128d(d, b),
                    _mm256_set_m128d(g, e), _mm256_set_m128d(h, f)}};
}
static inline pair pair_of(pairs p, int i) {
    __m256d two = p.of[i / 4 * 2 + (i & 1)];
    return i & 2 ? _mm256_extractf128_pd(two, 1) : _mm256_castpd256_pd128(two);
}
#if defined(__AVX512F__)
#define HALF(v, i) _mm512_extractf64x4_pd((__m512d)(v), i)
static inline lanes of_halves(__m256d low, __m256d high) {
    return (lanes)_mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1);
}
#else
#define HALF(v, i) ((__m256d)PART_OF(v, i))
static inline lanes of_halves(__m256d low, __m256d high) {
    lanes v;
    PART_OF(v, 0) = (part)low;
    PART_OF(v, 1) = (part)high;
    return v;
}
#endif
static inline void deinterleave(pairs p, lanes *w, lanes *G) {
    *w = of_halves(_mm256_unpacklo_pd(p.of[0], p.of[1]),
                   _mm256_unpacklo_pd(p.of[2], p.of[3]));
    *G = of_halves(_mm256_unpackhi_pd(p.of[0], p.of[1]),
                   _mm256_unpackhi_pd(p.of[2], p.of[3]));
}
static inline pairs interleave(lanes w, lanes G) {
    return (pairs){{_mm256_unpacklo_pd(HALF(w, 0), HALF(G, 0)),
                    _mm256_unpackhi_pd(HALF(w, 0), HALF(G, 0)),
                    _mm256_unpacklo_pd(HALF(w, 1), HALF(G, 1)),
                    _mm256_unpackhi_pd(HALF(w, 1), HALF(G, 1))}};
}
#else
typedef real pair __attribute__((vector_size(2 * sizeof(real)), aligned(4), may_alias));
typedef struct { pair of[8]; } pairs;
#define pack_pairs(a, b, c, d, e, f, g, h) ((pairs){{a, b, c, d, e, f, g, h}})
#define pair_of(p, i) ((p).of[i])
static inline void deinterleave(pairs p, lanes *w, lanes *G) {
    *w = (lanes){p.of[0][0], p.of[1][0], p.of[2][0], p.of[3][0],
                 p.of[4][0], p.of[5][0], p.of[6][0], p.of[7][0]};
    *G = (lanes){p.of[0][1], p.of[1][1], p.of[2][1], p.of[3][1],
                 p.of[4][1], p.of[5][1], p.of[6][1], p.of[7][1]};
}
static inline pairs interleave(lanes w, lanes G) {
    pairs both;
    for (int i = 0; i < 8; i++) both.of[i] = (pair){w[i], G[i]};
    return both;
}
#endif

/* A running sum of lanes. */
typedef struct { part of[N_PARTS]; } running_sum;
static inline void clear(running_sum *sum) {
    FOR_PARTS sum->of[i] = (part){0};
}
static inline void add_product(running_sum *sum, const real *eight, lanes w) {
    FOR_PARTS
        sum->of[i] += ((const part *)eight)[i] * PART(w);
}
static inline void add_times(running_sum *sum, const real *eight, real x) {
    add_product(sum, eight, splat(x));
}
static inline void add_to(lanes *p, const running_sum *even, const running_sum *odd) {
    FOR_PARTS
        ((part *)p)[i] += even->of[i] + odd->of[i];
}

static inline lanes lanes_of(const running_sum *sum) {
    lanes v;
    FOR_PARTS PART(v) = sum->of[i];
    return v;
}

static inline real hsum(lanes v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

static inline real hmax(lanes v) {
    real most = v[0];
    for (int i = 1; i < 8; i++) most = v[i] > most ? v[i] : most;
    return most;
}

/* Bits that stand for x: those of the nearest float or, if `exact`, all of its own. */
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

static inline lanes select_gt(lanes a, lanes b, lanes yes, lanes no) {
    FOR_PARTS {
        part_mask above = PART(a) > PART(b);
        PART(no) = (part)(((part_mask)PART(yes) & above) | ((part_mask)PART(no) & ~above));
    }
    return no;
}
static inline lanes select_eq(lanes a, lanes b, lanes yes, lanes no) {
    FOR_PARTS {
        part_mask equal = PART(a) == PART(b);
        PART(no) = (part)(((part_mask)PART(yes) & equal) | ((part_mask)PART(no) & ~equal));
    }
    return no;
}
/* Whether a > b in any lane. By itself GCC would test one lane after the other. */
static inline int any_gt(lanes a, lanes b) {
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
/* The lesser or greater one, b where either is NaN, in one instruction: the next row
 * waits for the loss of this one, so a comparison and a selection would add to its
 * latency. */
static inline lanes vmin(lanes a, lanes b) {
#if defined(PART_OP)
    FOR_PARTS PART(b) = (part)PART_OP(min)(PART(a), PART(b));
    return b;
#else
    return select_gt(b, a, a, b);
#endif
}
static inline lanes vmax(lanes a, lanes b) {
#if defined(PART_OP)
    FOR_PARTS PART(b) = (part)PART_OP(max)(PART(a), PART(b));
    return b;
#else
    return select_gt(a, b, a, b);
#endif
}
static inline lanes positive_part(lanes x) { return vmax(x, splat(0)); }
static inline lanes vabs(lanes x) {
    whole_lanes sign = (whole_lanes)splat((real)-0.0);
    return (lanes)((whole_lanes)x & ~sign);
}
/* The magnitude of x with the sign of y. */
static inline lanes vcopysign(lanes x, lanes y) {
    whole_lanes sign = (whole_lanes)splat((real)-0.0);
    return (lanes)(((whole_lanes)x & ~sign) | ((whole_lanes)y & sign));
}
static inline int all_zero(lanes v) {
    return !any_gt(vabs(v), splat(0));
}
static inline lanes vsign(lanes x) {
    lanes zero = splat(0);
    return select_gt(x, zero, splat(1), select_gt(zero, x, splat(-1), zero));
}

/* Eight numbers from eight places of a row. */
static inline lanes gather(const real *row, const int32_t *columns) {
    return pack(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]],
                row[columns[4]], row[columns[5]], row[columns[6]], row[columns[7]]);
}

static inline void add_up(double *sums, lanes v) {
#if REAL_IS_FLOAT && defined(__AVX2__)
    /* By halves: the eight doubles would take 512-bit instructions, which slow others. */
    __m256 eight = (__m256)v;
    __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(eight));
    __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(eight, 1));
    _mm256_storeu_pd(sums, _mm256_add_pd(_mm256_loadu_pd(sums), low));
    _mm256_storeu_pd(sums + 4, _mm256_add_pd(_mm256_loadu_pd(sums + 4), high));
#elif REAL_IS_FLOAT
    for (int i = 0; i < 8; i++) sums[i] += v[i];
#else
    FOR_PARTS /* GCC would sometimes add element by element */
        ((part *)sums)[i] += PART(v);
#endif
}

#endif
