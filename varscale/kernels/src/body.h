/* The kernel's loops, for one instruction set: words, samples and the store, in one pass.

   Included by each isa_*.c, which says how many vectors go in lockstep (VS_UNROLL) and how many
   are turned into normal samples at once (VS_TOGETHER). */
#include "erf_inv_f32.h"
#include "erf_inv_f64.h"
#include "kernel.h"
#include "simd.h"
#include "threefry.h"

enum { VS_BLOCK = VS_UNROLL * VS_LANES };

/* A loop over blocks: SAMPLES makes `out[0 ... VS_BLOCK - 1]` of the words x0, x1. */
#define VS_RUN(NAME, TYPE, CONSTANTS, SAMPLES)                                              \
  static void NAME(void *to, const uint32_t *relative, size_t blocks, uint32_t high,        \
                   uint32_t low, const struct vs_draw *draw) {                              \
    const struct vs_program *program = &draw->program;                                      \
    const uint32_t key[3] = {draw->key[0], draw->key[1], draw->key[2]};                     \
    TYPE *out = to;                                                                         \
    (void)program;                                                                          \
    CONSTANTS;                                                                              \
    for (size_t b = 0; b < blocks; b++, out += VS_BLOCK, relative += VS_BLOCK) {            \
      u32v x0[VS_UNROLL], x1[VS_UNROLL];                                                    \
      VS_THREEFRY(VS_NOTHING);                                                              \
      SAMPLES;                                                                              \
    }                                                                                       \
  }

#define VS_STORE(value)                                        \
  do {                                                         \
    f32v sample = (value);                                     \
    memcpy(out + u * VS_LANES, &sample, sizeof sample);         \
  } while (0)

/* The 23 bits of a word that make a float32. */
#define VS_FRACTION ((i32v)((x0[u] ^ x1[u]) >> 9))

/* u = fraction * 2**-23 is exact, and so is u * 2 - 1: one product rounds. */
VS_RUN(vs_uniform_f32, float, const float step = (float)(program->scale * 0x1p-23),
       VS_EACH VS_STORE(vs_to_float(VS_FRACTION) * step))
VS_RUN(vs_symmetric_f32, float, const float step = (float)(program->scale * 0x1p-22),
       VS_EACH VS_STORE(
           vs_to_float((i32v)vs_xor3(x0[u], x1[u], vs_u32(0x80000000u)) >> 9) * step))

/* No maximum with the lower bound: rounding is monotone. */
VS_RUN(vs_between_f32, float, const f32v step = vs_f32((float)(program->range * 0x1p-23));
       const f32v lower = vs_f32((float)program->lower);
       const float scale = (float)program->scale,
       VS_EACH VS_STORE(vs_fma(vs_to_float(VS_FRACTION), step, lower) * scale))

#define VS_EACH_TOGETHER _Pragma("GCC unroll 8") for (int v = 0; v < VS_TOGETHER; v++)

/* VS_TOGETHER vectors of normal samples from their fractions; `kind` is a constant. */
VS_INLINE void vs_samples_f32(enum vs_kind kind, const struct vs_program *program,
                              const i32v *fraction, float *out) {
  f32v x[VS_TOGETHER], w[VS_TOGETHER], factor[VS_TOGETHER];
  VS_EACH_TOGETHER x[v] =
      vs_fma(vs_to_float(fraction[v]), vs_f32((float)(program->range * 0x1p-23)),
             vs_f32((float)program->lower));
  VS_EACH_TOGETHER w[v] = vs_minus_log1p_f32(x[v] * x[v]);
  VS_EACH_TOGETHER factor[v] = vs_central_f32(w[v]);
  int all_central = 1;
  VS_EACH_TOGETHER all_central &= vs_all(vs_below(w[v], VS_TAIL_F32));
  if (__builtin_expect(!all_central, 0))
    VS_EACH_TOGETHER factor[v] = vs_in_tail_f32(x[v], w[v], factor[v]);
  VS_EACH_TOGETHER x[v] *= factor[v];
  if (kind != VS_NORMAL_F32) VS_EACH_TOGETHER x[v] *= (float)program->factor;
  if (kind == VS_FACTORED_F32) VS_EACH_TOGETHER x[v] *= (float)program->factor_2;
  if (kind == VS_CLIPPED_F32)
    VS_EACH_TOGETHER x[v] = vs_clip(x[v], (float)program->clip_low, (float)program->clip_high);
  VS_EACH_TOGETHER x[v] *= (float)program->scale;
  VS_EACH_TOGETHER memcpy(out + v * VS_LANES, &x[v], sizeof x[v]);
}

/* The samples of one block are made between the rounds of the next one's cipher, group by group, so
   that the processor has independent work of both kinds at hand. */
#define VS_GROUP_AFTER(i) ((i) * (VS_UNROLL / VS_TOGETHER) / 20)
#define VS_SAMPLES_BETWEEN(i)                                                          \
  if (VS_GROUP_AFTER((i) + 1) != VS_GROUP_AFTER(i))                                    \
  vs_samples_f32(kind, &program, fraction + VS_GROUP_AFTER(i) * VS_TOGETHER,           \
                 out + VS_GROUP_AFTER(i) * VS_TOGETHER * VS_LANES)

VS_INLINE void vs_run_f32(enum vs_kind kind, float *out, const uint32_t *relative, size_t blocks,
                          uint32_t high, uint32_t low, const struct vs_draw *draw) {
  const struct vs_program program = draw->program;
  const uint32_t key[3] = {draw->key[0], draw->key[1], draw->key[2]};
  u32v x0[VS_UNROLL], x1[VS_UNROLL];
  i32v fraction[VS_UNROLL];
  if (!blocks) return;
  VS_THREEFRY(VS_NOTHING);
  VS_EACH fraction[u] = VS_FRACTION;
  while (--blocks) {
    relative += VS_BLOCK;
    VS_THREEFRY(VS_SAMPLES_BETWEEN);
    VS_EACH fraction[u] = VS_FRACTION;
    out += VS_BLOCK;
  }
  for (int u = 0; u < VS_UNROLL; u += VS_TOGETHER)
    vs_samples_f32(kind, &program, fraction + u, out + u * VS_LANES);
}

#define VS_RUN_F32(NAME, KIND)                                                               \
  static void NAME(void *to, const uint32_t *relative, size_t blocks, uint32_t high,         \
                   uint32_t low, const struct vs_draw *draw) {                               \
    vs_run_f32(KIND, to, relative, blocks, high, low, draw);                                 \
  }
VS_RUN_F32(vs_normal_f32, VS_NORMAL_F32)
VS_RUN_F32(vs_factored_f32, VS_FACTORED_F32)
VS_RUN_F32(vs_clipped_f32, VS_CLIPPED_F32)

/* 52 bits of the two words, as a float64 in [0, 1): the first word is the high one. */
VS_INLINE f64v vs_fraction64(const uint32_t *high, const uint32_t *low) {
  u32h first, second;
  memcpy(&first, high, sizeof first);
  memcpy(&second, low, sizeof second);
  u64v mantissa = __builtin_convertvector(first, u64v) << 20;
  mantissa |= __builtin_convertvector(second, u64v) >> 12;
  return (f64v)(mantissa | 0x3FF0000000000000u) - 1.0;
}

/* The uniforms of a block. Each word of 32 bits is half of one: they go by way of memory. */
VS_INLINE void vs_uniforms_f64(const u32v x0[VS_UNROLL], const u32v x1[VS_UNROLL],
                               const struct vs_program *program, double u64[VS_BLOCK]) {
  uint32_t high[VS_BLOCK], low[VS_BLOCK];
  VS_EACH memcpy(high + u * VS_LANES, &x0[u], sizeof x0[u]);
  VS_EACH memcpy(low + u * VS_LANES, &x1[u], sizeof x1[u]);
  for (size_t i = 0; i < VS_BLOCK; i += VS_LANES / 2) {
    f64v u = vs_fma64(vs_fraction64(high + i, low + i), vs_f64(program->range),
                      vs_f64(program->lower));
    memcpy(u64 + i, &u, sizeof u);
  }
}
VS_INLINE f64v vs_clip64(f64v x, double low, double high) {
  x = vs_select64((i64v)(x > low), x, vs_f64(low));
  return vs_select64((i64v)(x < high), x, vs_f64(high));
}

/* Where log1p(-z) is the C library's log(1 - z). */
VS_INLINE i64v vs_far_f64(const struct vs_program *program, f64v z) {
  return program->old_log1p ? (i64v)(z >= VS_OLD_LOG_FROM_F64) : (i64v)(z > VS_LOG_ABOVE_F64);
}

/* Normal samples of a block's uniforms, in place. The arguments of the C library's log are packed
   first, so that its calls come one after another. */
VS_INLINE void vs_normals_f64(const struct vs_program *program, double samples[VS_BLOCK]) {
  double logs[VS_BLOCK + VS_LANES];
  int many = 0;
  for (int i = 0; i < VS_BLOCK; i += VS_LANES / 2) {
    f64v x;
    memcpy(&x, samples + i, sizeof x);
    f64v z = x * x;
    i64v far = vs_far_f64(program, z);
    vs_pack64(far, 1.0 - z, logs + many);
    many += vs_count64(far);
  }
  for (int i = 0; i < many; i++) logs[i] = log(logs[i]);
  many = 0;
  for (int i = 0; i < VS_BLOCK; i += VS_LANES / 2) {
    f64v x;
    memcpy(&x, samples + i, sizeof x);
    f64v z = x * x;
    i64v far = vs_far_f64(program, z);
    f64v log1p = vs_unpack64(far, vs_rational_f64(-z), logs + many);
    many += vs_count64(far);
    x = vs_erf_inv_f64(x, z, log1p) * program->factor * program->factor_2;
    x = vs_clip64(x, program->clip_low, program->clip_high) * program->scale;
    memcpy(samples + i, &x, sizeof x);
  }
}

VS_RUN(vs_uniform_f64, double, , {
  vs_uniforms_f64(x0, x1, program, out);
  for (size_t i = 0; i < VS_BLOCK; i++) out[i] *= program->scale;
})
VS_RUN(vs_normal_f64, double, , {
  double samples[VS_BLOCK];
  vs_uniforms_f64(x0, x1, program, samples);
  vs_normals_f64(program, samples);
  memcpy(out, samples, sizeof samples);
})

/* Samples of a short dtype: entries of a table. */
#define VS_TABLE(TYPE)                                                                  \
  uint32_t index[VS_BLOCK];                                                             \
  VS_EACH {                                                                             \
    u32v at = (x0[u] ^ x1[u]) >> program->shift & program->mask;                        \
    memcpy(index + u * VS_LANES, &at, sizeof at);                                       \
  }                                                                                     \
  for (size_t i = 0; i < VS_BLOCK; i++) out[i] = ((const TYPE *)draw->table)[index[i]];

VS_RUN(vs_any_table_16, uint16_t, , VS_TABLE(uint16_t))
VS_RUN(vs_table_8, uint8_t, , VS_TABLE(uint8_t))

#if defined(VS_AVX512)
/* The 128 samples of bfloat16 fit four vectors: two permutations and a choice by the last bit. For
   float16's 1024 samples, loads one by one are as fast. */
VS_INLINE __m512i vs_entries_128(const uint16_t *table, __m512i index) {
  const uint16_t *upper = table + 64;
  __m512i low = _mm512_permutex2var_epi16(_mm512_loadu_si512(table), index,
                                          _mm512_loadu_si512(table + 32));
  __m512i high = _mm512_permutex2var_epi16(_mm512_loadu_si512(upper), index,
                                           _mm512_loadu_si512(upper + 32));
  return _mm512_mask_blend_epi16(_mm512_test_epi16_mask(index, _mm512_set1_epi16(64)), low, high);
}
VS_INLINE __m256i vs_index_16(u32v words, uint32_t shift) {
  return _mm512_cvtepi32_epi16((__m512i)(words >> shift));
}
VS_RUN(vs_table_128, uint16_t, , for (int u = 0; u < VS_UNROLL; u += 2) {
  __m256i first = vs_index_16(x0[u] ^ x1[u], program->shift);
  __m256i second = vs_index_16(x0[u + 1] ^ x1[u + 1], program->shift);
  __m512i index = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
  _mm512_storeu_si512(out + u * VS_LANES, vs_entries_128(draw->table, index));
})
static void vs_table_16(void *to, const uint32_t *relative, size_t blocks, uint32_t high,
                        uint32_t low, const struct vs_draw *draw) {
  vs_run run = draw->program.mask == 127 ? vs_table_128 : vs_any_table_16;
  run(to, relative, blocks, high, low, draw);
}
#else
#define vs_table_16 vs_any_table_16
#endif

#define VS_RUNS                                                                      \
  {                                                                                  \
    [VS_UNIFORM_F32] = vs_uniform_f32, [VS_SYMMETRIC_F32] = vs_symmetric_f32,        \
    [VS_NORMAL_F32] = vs_normal_f32, [VS_FACTORED_F32] = vs_factored_f32,            \
    [VS_CLIPPED_F32] = vs_clipped_f32, [VS_UNIFORM_F64] = vs_uniform_f64,            \
    [VS_NORMAL_F64] = vs_normal_f64, [VS_TABLE_16] = vs_table_16,                  \
    [VS_TABLE_8] = vs_table_8,       [VS_BETWEEN_F32] = vs_between_f32,              \
  }
