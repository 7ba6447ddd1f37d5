/* One instruction set's vectors, as types and operations that the kernel is written with.

   Included by each isa_*.c after it has chosen one of VS_AVX512, VS_AVX2, VS_SSE2, VS_NEON.
   Fused multiply-adds are explicit everywhere, and the compiler must not contract others
   (-ffp-contract=off): that is what makes all instruction sets give the same bits. */
#ifndef VARSCALE_SIMD_H
#define VARSCALE_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(VS_AVX512)
#define VS_LANES 16
#elif defined(VS_AVX2)
#define VS_LANES 8
#else
#define VS_LANES 4
#endif
#define VS_BYTES (4 * VS_LANES)
#define VS_INLINE static inline __attribute__((always_inline))

typedef uint32_t u32v __attribute__((vector_size(VS_BYTES)));
typedef int32_t i32v __attribute__((vector_size(VS_BYTES)));
typedef float f32v __attribute__((vector_size(VS_BYTES)));
typedef uint64_t u64v __attribute__((vector_size(VS_BYTES)));
typedef int64_t i64v __attribute__((vector_size(VS_BYTES)));
typedef double f64v __attribute__((vector_size(VS_BYTES)));
/* As many 32-bit lanes as a vector has 64-bit ones. */
typedef uint32_t u32h __attribute__((vector_size(VS_BYTES / 2)));

VS_INLINE u32v vs_u32(uint32_t x) { return (u32v){0} + x; }
VS_INLINE f32v vs_f32(float x) { return x - (f32v){0}; }
VS_INLINE f64v vs_f64(double x) { return x - (f64v){0}; }

VS_INLINE u32v vs_load(const uint32_t *from) {
  u32v x;
  memcpy(&x, from, sizeof x);
  return x;
}

#if defined(VS_AVX512)
#include <immintrin.h>

typedef __mmask16 vs_mask;

VS_INLINE f32v vs_fma(f32v a, f32v b, f32v c) {
  return (f32v)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
VS_INLINE f32v vs_fnma(f32v a, f32v b, f32v c) {
  return (f32v)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
VS_INLINE f64v vs_fma64(f64v a, f64v b, f64v c) {
  return (f64v)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#define vs_rotate(x, count) ((u32v)_mm512_rol_epi32((__m512i)(x), count))
VS_INLINE u32v vs_xor3(u32v a, u32v b, u32v c) {
  return (u32v)_mm512_ternarylogic_epi32((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
}
VS_INLINE f32v vs_to_float(i32v x) { return (f32v)_mm512_cvtepi32_ps((__m512i)x); }
VS_INLINE f32v vs_sqrt(f32v x) { return (f32v)_mm512_sqrt_ps((__m512)x); }
VS_INLINE f64v vs_sqrt64(f64v x) { return (f64v)_mm512_sqrt_pd((__m512d)x); }
VS_INLINE f32v vs_clip(f32v x, float low, float high) {
  x = (f32v)_mm512_max_ps((__m512)x, _mm512_set1_ps(low));
  return (f32v)_mm512_min_ps((__m512)x, _mm512_set1_ps(high));
}
VS_INLINE vs_mask vs_below(f32v a, float b) {
  return _mm512_cmp_ps_mask((__m512)a, _mm512_set1_ps(b), _CMP_LT_OQ);
}
VS_INLINE int vs_all(vs_mask mask) { return mask == 0xffff; }
VS_INLINE int vs_count64(i64v mask) {
  return __builtin_popcount(_mm512_movepi64_mask((__m512i)mask));
}
VS_INLINE void vs_pack64(i64v mask, f64v x, double *to) {
  __mmask8 lanes = _mm512_movepi64_mask((__m512i)mask);
  _mm512_storeu_pd(to, _mm512_maskz_compress_pd(lanes, (__m512d)x));
}
VS_INLINE f64v vs_unpack64(i64v mask, f64v x, const double *from) {
  __mmask8 lanes = _mm512_movepi64_mask((__m512i)mask);
  return (f64v)_mm512_mask_expand_pd((__m512d)x, lanes, _mm512_loadu_pd(from));
}
VS_INLINE f32v vs_select(vs_mask mask, f32v a, f32v b) {
  return (f32v)_mm512_mask_blend_ps(mask, (__m512)b, (__m512)a);
}

#elif defined(VS_AVX2)
#include <immintrin.h>

typedef f32v vs_mask;

VS_INLINE f32v vs_fma(f32v a, f32v b, f32v c) {
  return (f32v)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
VS_INLINE f32v vs_fnma(f32v a, f32v b, f32v c) {
  return (f32v)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
VS_INLINE f64v vs_fma64(f64v a, f64v b, f64v c) {
  return (f64v)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
/* Whole bytes are rotated by a shuffle; `count` is a constant. */
VS_INLINE u32v vs_rotate(u32v x, int count) {
  if (count == 16)
    return (u32v)_mm256_shuffle_epi8(
        (__m256i)x, _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0,
                                     1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  if (count == 24)
    return (u32v)_mm256_shuffle_epi8(
        (__m256i)x, _mm256_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3,
                                     0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
  return x << count | x >> (32 - count);
}
VS_INLINE u32v vs_xor3(u32v a, u32v b, u32v c) { return a ^ b ^ c; }
VS_INLINE f32v vs_to_float(i32v x) { return (f32v)_mm256_cvtepi32_ps((__m256i)x); }
VS_INLINE f32v vs_sqrt(f32v x) { return (f32v)_mm256_sqrt_ps((__m256)x); }
VS_INLINE f64v vs_sqrt64(f64v x) { return (f64v)_mm256_sqrt_pd((__m256d)x); }
VS_INLINE f32v vs_clip(f32v x, float low, float high) {
  x = (f32v)_mm256_max_ps((__m256)x, _mm256_set1_ps(low));
  return (f32v)_mm256_min_ps((__m256)x, _mm256_set1_ps(high));
}
VS_INLINE vs_mask vs_below(f32v a, float b) {
  return (f32v)_mm256_cmp_ps((__m256)a, _mm256_set1_ps(b), _CMP_LT_OQ);
}
VS_INLINE int vs_all(vs_mask mask) { return _mm256_movemask_ps((__m256)mask) == 0xff; }
VS_INLINE int vs_count64(i64v mask) {
  return __builtin_popcount(_mm256_movemask_pd((__m256d)mask));
}
VS_INLINE f32v vs_select(vs_mask mask, f32v a, f32v b) {
  return (f32v)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
}

#else /* four lanes: SSE2 or NEON */

typedef i32v vs_mask;

#if defined(VS_NEON)
#include <arm_neon.h>

VS_INLINE f32v vs_fma(f32v a, f32v b, f32v c) {
  return (f32v)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
VS_INLINE f32v vs_fnma(f32v a, f32v b, f32v c) {
  return (f32v)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
VS_INLINE f64v vs_fma64(f64v a, f64v b, f64v c) {
  return (f64v)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
VS_INLINE f32v vs_sqrt(f32v x) { return (f32v)vsqrtq_f32((float32x4_t)x); }
VS_INLINE f64v vs_sqrt64(f64v x) { return (f64v)vsqrtq_f64((float64x2_t)x); }
VS_INLINE int vs_all(vs_mask mask) { return vminvq_u32((uint32x4_t)mask) != 0; }

#else
#include <emmintrin.h>

/* a * b + c of floats, rounded once, without such an instruction: the product is exact in double,
   and rounding the double sum once more goes wrong only where it is a tie of the second rounding.
   Source: Boldo, Melquiond (IEEE Trans. Computers 57, 2008), as in varscale/numerics/fma.py. */
static __attribute__((noinline)) float vs_fma_tie(float a, float b, float c) {
  double product = (double)a * b, sum = product + c;
  double part = sum - product, error = (product - (sum - part)) + (c - part);
  int64_t bits;
  memcpy(&bits, &sum, 8);
  if (error != 0 && !(bits & 1)) bits += (error > 0) == (sum > 0) ? 1 : -1;
  memcpy(&sum, &bits, 8);
  return (float)sum;
}
VS_INLINE f32v vs_fma(f32v a, f32v b, f32v c) {
  __m128 A = (__m128)a, B = (__m128)b, C = (__m128)c;
  __m128d low = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(A), _mm_cvtps_pd(B)), _mm_cvtps_pd(C));
  A = _mm_movehl_ps(A, A), B = _mm_movehl_ps(B, B), C = _mm_movehl_ps(C, C);
  __m128d high = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(A), _mm_cvtps_pd(B)), _mm_cvtps_pd(C));
  __m128i dropped = _mm_castps_si128(
      _mm_shuffle_ps(_mm_castpd_ps(low), _mm_castpd_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));
  __m128i tie = _mm_cmpeq_epi32(_mm_and_si128(dropped, _mm_set1_epi32(0x1fffffff)),
                                _mm_set1_epi32(0x10000000));
  f32v sum = (f32v)_mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
  if (__builtin_expect(_mm_movemask_epi8(tie), 0))
    for (int i = 0; i < 4; i++) sum[i] = vs_fma_tie(a[i], b[i], c[i]);
  return sum;
}
VS_INLINE f32v vs_fnma(f32v a, f32v b, f32v c) { return vs_fma(-a, b, c); }
VS_INLINE f64v vs_fma64(f64v a, f64v b, f64v c) {
  for (int i = 0; i < VS_LANES / 2; i++) a[i] = fma(a[i], b[i], c[i]);
  return a;
}
VS_INLINE f32v vs_sqrt(f32v x) { return (f32v)_mm_sqrt_ps((__m128)x); }
VS_INLINE f64v vs_sqrt64(f64v x) { return (f64v)_mm_sqrt_pd((__m128d)x); }
VS_INLINE int vs_all(vs_mask mask) { return _mm_movemask_ps((__m128)mask) == 0xf; }
#endif

VS_INLINE int vs_count64(i64v mask) { return (mask[0] != 0) + (mask[1] != 0); }
#define vs_rotate(x, count) ((x) << (count) | (x) >> (32 - (count)))
VS_INLINE u32v vs_xor3(u32v a, u32v b, u32v c) { return a ^ b ^ c; }
VS_INLINE f32v vs_to_float(i32v x) { return __builtin_convertvector(x, f32v); }
VS_INLINE f32v vs_select(vs_mask mask, f32v a, f32v b) {
  return (f32v)((mask & (i32v)a) | (~mask & (i32v)b));
}
VS_INLINE vs_mask vs_below(f32v a, float b) { return (vs_mask)(a < vs_f32(b)); }
VS_INLINE f32v vs_clip(f32v x, float low, float high) {
  x = vs_select((vs_mask)(x > vs_f32(low)), x, vs_f32(low));
  return vs_select((vs_mask)(x < vs_f32(high)), x, vs_f32(high));
}
#endif

#if !defined(VS_AVX512)
/* The lanes of `x` under the mask are written to `to`, one after another, with room for all. */
VS_INLINE void vs_pack64(i64v mask, f64v x, double *to) {
  for (int i = 0; i < VS_LANES / 2; i++) {
    *to = x[i];
    to += mask[i] != 0;
  }
}
/* `x` with the lanes under the mask read from `from`, one after another. */
VS_INLINE f64v vs_unpack64(i64v mask, f64v x, const double *from) {
  for (int i = 0; i < VS_LANES / 2; i++) {
    x[i] = mask[i] ? *from : x[i];
    from += mask[i] != 0;
  }
  return x;
}
#endif

VS_INLINE f64v vs_select64(i64v mask, f64v a, f64v b) {
  return (f64v)((mask & (i64v)a) | (~mask & (i64v)b));
}

#endif
