/* erf_inv of float32 as XLA's CPU compiler rounds it: varscale/numerics/erf_inv.py, fused.

   Everything is computed of z = x * x >= 0, where the reference has y = -z: a fused negation has the
   same roundings. */
#ifndef VARSCALE_ERF_INV_F32_H
#define VARSCALE_ERF_INV_F32_H

#include "simd.h"

/* Above this z the reference takes log1p by log: sqrt(2) - 1 as float32. */
#define VS_RATIONAL_BELOW_F32 0x1.a8279ap-2f
/* From this -log1p on, Giles' polynomial of the tail. */
#define VS_TAIL_F32 5.0f

/* -log(1 - z) by Cephes' rational, for z < sqrt(2) - 1. */
VS_INLINE f32v vs_rational_f32(f32v z) {
  f32v p = vs_fnma(vs_f32(4.52700008624452e-05f), z, vs_f32(0.49854102823193375f));
  p = vs_fnma(p, z, vs_f32(6.578732594206104f));
  p = vs_fnma(p, z, vs_f32(29.911919328553072f));
  p = vs_fnma(p, z, vs_f32(60.94966798098779f));
  p = vs_fnma(p, z, vs_f32(57.11296359058554f));
  p = vs_fnma(p, z, vs_f32(20.039553499201283f));
  f32v q = vs_f32(15.062909083469192f) - z;
  q = vs_fnma(q, z, vs_f32(83.04756596796722f));
  q = vs_fnma(q, z, vs_f32(221.76239823732857f));
  q = vs_fnma(q, z, vs_f32(309.09872225312057f));
  q = vs_fnma(q, z, vs_f32(216.42788614495947f));
  q = vs_fnma(q, z, vs_f32(60.11866049760384f));
  f32v square = z * z;
  return z + vs_fma(square, vs_f32(0.5f), (z * square) * (p / q));
}

/* -log(t) by Cephes' logf, for normal t <= 1. */
VS_INLINE f32v vs_minus_log_f32(f32v t) {
  /* t = m * 2**e with sqrt(1/2) <= m < sqrt(2): 0x3F3504F3 are the bits of sqrt(1/2). */
  u32v shifted = (u32v)t - 0x3F3504F3u;
  f32v e = vs_to_float((i32v)shifted >> 23);
  f32v m = (f32v)((shifted & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  f32v square = m * m, cube = square * m;
  f32v first = vs_fma(vs_fma(m, vs_f32(0.070376836292f), vs_f32(-0.1151461031f)), m,
                      vs_f32(0.116769987f));
  f32v second = vs_fma(vs_fma(m, vs_f32(-0.12420140846f), vs_f32(0.14249322787f)), m,
                       vs_f32(-0.16668057665f));
  f32v third = vs_fma(vs_fma(m, vs_f32(0.20000714765f), vs_f32(-0.24999993993f)), m,
                      vs_f32(0.33333331174f));
  f32v r = vs_fma(vs_fma(first, cube, second), cube, third);
  f32v correction = vs_fma(r, cube, e * -2.12194440e-4f);
  f32v rest = vs_fma(square, vs_f32(-0.5f), m) + correction;
  return vs_fnma(e, vs_f32(0.693359375f), -rest);
}

/* -log1p(-z) */
VS_INLINE f32v vs_minus_log1p_f32(f32v z) {
  return vs_select(vs_below(z, VS_RATIONAL_BELOW_F32), vs_rational_f32(z),
                   vs_minus_log_f32(1.0f - z));
}

/* Giles' polynomials, of w = -log1p(-z): erf_inv(x) / x. */
VS_INLINE f32v vs_central_f32(f32v w) {
  w -= 2.5f;
  f32v p = vs_fma(w, vs_f32(2.81022636e-08f), vs_f32(3.43273939e-07f));
  p = vs_fma(p, w, vs_f32(-3.5233877e-06f));
  p = vs_fma(p, w, vs_f32(-4.39150654e-06f));
  p = vs_fma(p, w, vs_f32(0.00021858087f));
  p = vs_fma(p, w, vs_f32(-0.00125372503f));
  p = vs_fma(p, w, vs_f32(-0.00417768164f));
  p = vs_fma(p, w, vs_f32(0.246640727f));
  return vs_fma(p, w, vs_f32(1.50140941f));
}
VS_INLINE f32v vs_tail_f32(f32v w) {
  w = vs_sqrt(w) - 3.0f;
  f32v p = vs_fma(w, vs_f32(-0.000200214257f), vs_f32(0.000100950558f));
  p = vs_fma(p, w, vs_f32(0.00134934322f));
  p = vs_fma(p, w, vs_f32(-0.00367342844f));
  p = vs_fma(p, w, vs_f32(0.00573950773f));
  p = vs_fma(p, w, vs_f32(-0.0076224613f));
  p = vs_fma(p, w, vs_f32(0.00943887047f));
  p = vs_fma(p, w, vs_f32(1.00167406f));
  return vs_fma(p, w, vs_f32(2.83297682f));
}

/* erf_inv(x) / x, given that of the central polynomial: the tail's where w reaches it, and infinity
   for x = +-1. */
VS_INLINE f32v vs_in_tail_f32(f32v x, f32v w, f32v central) {
  f32v factor = vs_select(vs_below(w, VS_TAIL_F32), central, vs_tail_f32(w));
  return vs_select(vs_below(x * x, 1.0f), factor, vs_f32((float)INFINITY));
}

#endif
