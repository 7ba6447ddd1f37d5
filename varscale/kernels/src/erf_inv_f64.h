/* erf_inv of float64 as XLA's CPU compiler rounds it: varscale/numerics/erf_inv.py, fused. */
#ifndef VARSCALE_ERF_INV_F64_H
#define VARSCALE_ERF_INV_F64_H

#include "simd.h"

/* The reference takes log1p by the C library's log from this z = x * x on; in jaxlib <= 0.10 above
   the other. */
#define VS_LOG_ABOVE_F64 0x1.2bec333018868p-2
#define VS_OLD_LOG_FROM_F64 0.41421356237309503

#define VS_HORNER64(p, x, coefficients)                                        \
  do {                                                                         \
    p = vs_fma64(x, vs_f64((coefficients)[0]), vs_f64((coefficients)[1]));      \
    for (size_t i = 2; i < sizeof(coefficients) / sizeof *(coefficients); i++) \
      p = vs_fma64(p, x, vs_f64((coefficients)[i]));                           \
  } while (0)

/* log(1 + y) by Cephes' rational, for -(sqrt(2) - 1) <= y <= 0. */
VS_INLINE f64v vs_rational_f64(f64v y) {
  static const double P[] = {4.52700008624452e-05, 0.49854102823193375, 6.578732594206104,
                             29.911919328553072,   60.94966798098779,   57.11296359058554,
                             20.039553499201283};
  static const double Q[] = {1.0,
                             15.062909083469192,
                             83.04756596796722,
                             221.76239823732857,
                             309.09872225312057,
                             216.42788614495947,
                             60.11866049760384};
  f64v p, q, square = y * y;
  VS_HORNER64(p, y, P);
  VS_HORNER64(q, y, Q);
  return y + vs_fma64(square, vs_f64(-0.5), (y * square) * (p / q));
}

/* Giles' polynomials, of log = log1p(-x * x): erf_inv(x) / x. */
VS_INLINE f64v vs_central_f64(f64v log) {
  static const double C[] = {
      -3.64441206401782e-21,  -1.6850591381820166e-19, 1.28584807152564e-18,
      1.1157877678025181e-17, -1.333171662854621e-16,  2.0972767875968562e-17,
      6.637638134358324e-15,  -4.054566272975207e-14,  -8.151934197605472e-14,
      2.6335093153082323e-12, -1.2975133253453532e-11, -5.415412054294628e-11,
      1.0512122733215323e-09, -4.112633980346984e-09,  -2.9070369957882005e-08,
      4.2347877827932404e-07, -1.3654692000834679e-06, -1.3882523362786469e-05,
      0.00018673420803405714, -0.000740702534166267,   -0.006033670871430149,
      0.24015818242558962,    1.6536545626831027};
  f64v p, w = -3.125 - log;
  VS_HORNER64(p, w, C);
  return p;
}
VS_INLINE f64v vs_middle_f64(f64v log) {
  static const double C[] = {
      2.2137376921775787e-09,  9.075656193888539e-08,  -2.7517406297064545e-07,
      1.8239629214389228e-08,  1.5027403968909828e-06, -4.013867526981546e-06,
      2.9234449089955446e-06,  1.2475304481671779e-05, -4.7318229009055734e-05,
      6.828485145957318e-05,   2.4031110387097894e-05, -0.0003550375203628475,
      0.0009532893797373805,   -0.0016882755560235047, 0.002491442096107851,
      -0.003751208507569241,   0.005370914553590064,   1.0052589676941592,
      3.0838856104922208};
  f64v p, w = vs_sqrt64(-log) - 3.25;
  VS_HORNER64(p, w, C);
  return p;
}
VS_INLINE f64v vs_tail_f64(f64v log) {
  static const double C[] = {
      -2.7109920616438573e-11, -2.555641816996525e-10, 1.5076572693500548e-09,
      -3.789465440126737e-09,  7.61570120807834e-09,   -1.496002662714924e-08,
      2.914795345090108e-08,   -6.771199775845234e-08, 2.2900482228026655e-07,
      -9.9298272942317e-07,    4.526062597223154e-06,  -1.968177810553167e-05,
      7.599527703001776e-05,   -0.00021503011930044477, -0.00013871931833623122,
      1.0103004648645344,      4.849906401408584};
  f64v p, w = vs_sqrt64(-log) - 5.0;
  VS_HORNER64(p, w, C);
  return p;
}

/* erf_inv(x) for |x| <= 1, of z = x * x and log = log1p(-z). */
VS_INLINE f64v vs_erf_inv_f64(f64v x, f64v z, f64v log) {
  f64v factor = vs_central_f64(log);
  i64v tail = (i64v)(log <= -6.25);
  if (__builtin_expect(vs_count64(tail), 0)) {
    f64v other = vs_select64((i64v)(log > -16.0), vs_middle_f64(log), vs_tail_f64(log));
    factor = vs_select64(tail, other, factor);
  }
  return vs_select64((i64v)(z < 1.0), factor, vs_f64(INFINITY)) * x;
}

#endif
