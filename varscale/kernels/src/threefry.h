/* threefry2x32 with 20 rounds on VS_UNROLL vectors of counters in lockstep, which hides the latency
   of its chain of operations.

   Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); the schedule is
   that of varscale/threefry.py. */
#ifndef VARSCALE_THREEFRY_H
#define VARSCALE_THREEFRY_H

#include "kernel.h"
#include "simd.h"

#define VS_EACH _Pragma("GCC unroll 8") for (int u = 0; u < VS_UNROLL; u++)

#define VS_ROUND(count, between)                     \
  do {                                               \
    VS_EACH x0[u] += x1[u];                          \
    VS_EACH x1[u] = vs_rotate(x1[u], count) ^ x0[u]; \
    between;                                         \
  } while (0)

#define VS_FOUR_ROUNDS(a, b, c, d, between, i) \
  do {                                         \
    VS_ROUND(a, between(i));                   \
    VS_ROUND(b, between((i) + 1));             \
    VS_ROUND(c, between((i) + 2));             \
    VS_ROUND(d, between((i) + 3));             \
  } while (0)

#define VS_INJECT(a, b)         \
  do {                          \
    VS_EACH x0[u] += vs_u32(a); \
    VS_EACH x1[u] += vs_u32(b); \
  } while (0)

/* Encrypts the counters (high, low + relative[0 ... VS_UNROLL * VS_LANES - 1]) into x0 and x1, with
   the statement between(i) after each round i of 0 ... 19. */
#define VS_THREEFRY(between)                                                 \
  do {                                                                       \
    VS_EACH x1[u] = vs_load(relative + u * VS_LANES) + vs_u32(low + key[1]); \
    VS_EACH x0[u] = vs_u32(high + key[0]);                                   \
    VS_FOUR_ROUNDS(13, 15, 26, 6, between, 0);                               \
    VS_INJECT(key[1], key[2] + 1);                                           \
    VS_FOUR_ROUNDS(17, 29, 16, 24, between, 4);                              \
    VS_INJECT(key[2], key[0] + 2);                                           \
    VS_FOUR_ROUNDS(13, 15, 26, 6, between, 8);                               \
    VS_INJECT(key[0], key[1] + 3);                                           \
    VS_FOUR_ROUNDS(17, 29, 16, 24, between, 12);                             \
    VS_INJECT(key[1], key[2] + 4);                                           \
    VS_FOUR_ROUNDS(13, 15, 26, 6, between, 16);                              \
    VS_INJECT(key[2], key[0] + 5);                                           \
  } while (0)
#define VS_NOTHING(i) (void)0

#endif
