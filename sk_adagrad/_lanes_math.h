/* Roots, exponentials and logarithms of lanes, without function calls.
 *
 * Named as in libm, with a leading v. Accurate to a few units in the last place, and
 * finite for finite arguments.
 */
#ifndef SK_ADAGRAD_LANES_MATH_H
#define SK_ADAGRAD_LANES_MATH_H

#include <float.h>
#include <math.h>

#include "_lanes.h"

#if REAL_IS_FLOAT
#define ROUND 12582912.0f /* 1.5 * 2^23 */
#define EXP_LIMIT 87
#define EXP_TERMS {1, 0.5000000013, 0.166665052, 0.04166646493, 0.008369155668, 0.001393365}
#define ARTANH_TERMS {1, 0.3333316082, 0.2001229762, 0.1398257887, 0.1407888918}
#define SMALL_STEP 0.14f
#define LOG_TERMS {1, -0.4999952928, 0.3330609782, -0.2444009807, 0.1514136082}
#define SMALLEST 1.17549435e-38f
#define LARGEST 3.4e38f
#define LINK_LIMIT 30
#define FLOW_LIMIT 1e15f
#define KINK_WIDTH (8 * FLT_EPSILON)
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define EXPONENT_BIAS 127
#define EXPONENT_SHIFT 23
#define SCALE 2
#else
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
#define FLOW_LIMIT 1e150
#define KINK_WIDTH (8 * DBL_EPSILON)
#define LN2_HIGH 6.93145751953125e-1
#define LN2_LOW 1.42860682030941723212e-6
#define EXPONENT_BIAS 1023
#define EXPONENT_SHIFT 52
#define SCALE 16
#endif

#define LOG2_E ((real)1.4426950408889634)
#define LN2 ((real)0.6931471805599453)

/* SCALE / sqrt(v) for v > 0. Where the processor has an estimate of 12 or 14 bits, Newton
 * iteration refines it to within two units in the last place; the factor SCALE saves a
 * product per iteration. Infinity counts as the largest number, whose root is finite, so
 * that 0 times it is 0. */
static inline lanes scaled_rsqrt(lanes v) {
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
    v = vmin(splat(LARGEST), v);
    memcpy(r, &v, sizeof r);
    for (int i = 0; i < 8; i++) r[i] = SCALE / (REAL_IS_FLOAT ? sqrtf(r[i]) : sqrt(r[i]));
    memcpy(&v, r, sizeof r);
    return v;
#endif
}
static inline lanes vrsqrt(lanes v) {
    return scaled_rsqrt(v) * ((real)1 / SCALE);
}

/* sqrt(v) for v > 0, to a few units in the last place. */
static inline lanes vsqrt(lanes v) { return v * vrsqrt(v); }

/* The polynomials below, with the coefficients above, interpolate their functions at
 * Chebyshev nodes, to within 0.2 units in the last place. Taylor series would need one
 * more term for the exponential and four to eight more for the logarithm, which the next
 * row waits for and every lane computes. */
static inline lanes polynomial(const real *terms, size_t n, lanes x) {
    lanes sum = splat(terms[n - 1]);
    for (size_t i = n - 1; i > 0; i--) sum = sum * x + splat(terms[i - 1]);
    return sum;
}
#define POLYNOMIAL(terms, x) polynomial(terms, sizeof(terms) / sizeof(real), x)

/* 2^n and 2^n (e^r - 1) for |r| <= ln(2)/2. (e^r - 1) / r is a polynomial, its even and
 * odd terms evaluated side by side, and 2^n is built from its exponent; `rounded` is n +
 * ROUND, whose low bits are n. */
static inline lanes exp2_parts(lanes rounded, lanes r, lanes *power) {
    static const real terms[] = EXP_TERMS;
    size_t n_terms = sizeof terms / sizeof(real);
    lanes square = r * r, even = splat(terms[n_terms - 1]);
    lanes odd = splat(terms[n_terms - 2]);
    for (size_t i = n_terms - 3; i < n_terms; i -= 2) {
        even = even * square + splat(terms[i]);
        odd = odd * square + splat(terms[i - 1]);
    }
    whole_lanes exponent = (whole_lanes)rounded - (whole_lanes)splat(ROUND);
    *power = (lanes)((exponent + EXPONENT_BIAS) << EXPONENT_SHIFT);
    return (odd * r + even * square) * *power;
}
/* e^x by x = n ln 2 + r: sets 2^n and returns 2^n (e^r - 1). Beyond +-EXP_LIMIT it stays
 * at the limit's value, finite and above zero. */
static inline lanes exp_parts(lanes x, lanes *power) {
    x = vmin(vmax(x, splat(-EXP_LIMIT)), splat(EXP_LIMIT));
    lanes rounded = x * splat(LOG2_E) + splat(ROUND), n = rounded - splat(ROUND);
    return exp2_parts(rounded, (x - n * splat(LN2_HIGH)) - n * splat(LN2_LOW), power);
}
/* 2^x for x <= 0: x - n is exact, which saves some operations. */
static inline lanes vexp2(lanes x) {
    x = vmax(x, splat(-EXP_LIMIT * LOG2_E));
    lanes rounded = x + splat(ROUND), power, rest;
    rest = exp2_parts(rounded, (x - (rounded - splat(ROUND))) * splat(LN2), &power);
    return rest + power;
}
static inline lanes vexp(lanes x) {
    lanes power, rest = exp_parts(x, &power);
    return rest + power;
}
/* e^x - 1, accurate for small x too. */
static inline lanes vexpm1(lanes x) {
    lanes power, rest = exp_parts(x, &power);
    return rest + (power - splat(1));
}

/* log(1 + u) / u for 0 <= u <= SMALL_STEP. */
static inline lanes log1p_ratio(lanes u) {
    static const real terms[] = LOG_TERMS;
    return POLYNOMIAL(terms, u);
}

/* 2 artanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3. */
static inline lanes twice_artanh(lanes s) {
    static const real terms[] = ARTANH_TERMS;
    return splat(2) * s * POLYNOMIAL(terms, s * s);
}
/* log(1 + u) for 0 <= u <= 1. */
static inline lanes vlog1p_of_share(lanes u) { return twice_artanh(u / (splat(2) + u)); }

/* log(x) for x > 0: x = 2^n m with sqrt(1/2) <= m < sqrt(2), and log(m) as above. */
static inline lanes vlog(lanes x) {
    x = vmax(x, splat(SMALLEST));
    whole_lanes bits = (whole_lanes)x;
    whole_lanes root_of_half = (whole_lanes)splat((real)0.70710678118654752);
    whole_lanes exponent = (bits - root_of_half) >> EXPONENT_SHIFT;
    lanes m = (lanes)(bits - (exponent << EXPONENT_SHIFT));
    lanes n = (lanes)((whole_lanes)splat(ROUND) + exponent) - splat(ROUND);
    lanes log_m = twice_artanh((m - splat(1)) / (m + splat(1)));
    return n * splat(LN2_HIGH) + (log_m + n * splat(LN2_LOW));
}
/* log(1 + u) for any u >= 0, accurate for small u too. */
static inline lanes vlog1p(lanes u) {
    lanes one = splat(1);
    return select_gt(u, one, vlog(u) + vlog1p_of_share(one / u), vlog1p_of_share(u));
}

#endif
