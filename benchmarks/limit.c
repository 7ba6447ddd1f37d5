/* The processor's limit, and how near the kernel's loops come to it, their data in the L1 cache.

   The limit is measured: additions, rotations and exclusive ors in the cipher's proportions, on
   enough independent vectors that no latency counts. See limit.py. */
#include <stdio.h>
#include <time.h>

#define VS_AVX512
#include "simd.h"
#include "kernel.h"

enum { CHAINS = 12, REPEATS = 4000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Nanoseconds per operation of one vector. */
static double operation(void) {
  double best = 1;
  u32v x[CHAINS], other = vs_u32(0x9E3779B9u);
  for (int c = 0; c < CHAINS; c++) x[c] = vs_u32((uint32_t)c + 1);
  for (int trial = 0; trial < 50; trial++) {
    double start = now();
    for (int i = 0; i < REPEATS; i++) {
      /* Like two rounds and their share of the key: 7 operations, of which 2 rotate. */
      _Pragma("GCC unroll 12") for (int c = 0; c < CHAINS; c++) {
        u32v y = x[c];
        __asm__ volatile(
            "vpaddd %1, %0, %0\n\tvprold $13, %0, %0\n\tvpxord %1, %0, %0\n\t"
            "vpaddd %1, %0, %0\n\tvprold $15, %0, %0\n\tvpxord %1, %0, %0\n\t"
            "vpaddd %1, %0, %0"
            : "+v"(y)
            : "v"(other));
        x[c] = y;
      }
    }
    double taken = (now() - start) / ((double)REPEATS * CHAINS * 7) * 1e9;
    if (taken < best) best = taken;
  }
  return best;
}

/* Clock in GHz, by a chain of multiplications of three cycles each. */
static double clock_rate(void) {
  double best = 1;
  for (int trial = 0; trial < 50; trial++) {
    uint64_t x = (uint64_t)trial + 3;
    double start = now();
    for (int i = 0; i < 100000; i++) {
      x *= x;
      __asm__ volatile("" : "+r"(x));
    }
    double taken = now() - start;
    if (taken < best) best = taken;
  }
  return 3e5 / best * 1e-9;
}

int main(void) {
  static const char *const names[] = {"uniform_f32", "symmetric_f32", "normal_f32", "factored_f32",
                                      "clipped_f32", "uniform_f64",   "normal_f64"};
  static uint32_t relative[VS_TILE];
  static double out[VS_TILE];
  static const uint16_t table[128] = {0};
  struct vs_draw draw = {{0, 1, 127, 0, -0.95, 1.9, 1.41421354, 1, -2, 2, 0.5}, table, {1, 2, 3}};
  for (uint32_t i = 0; i < VS_TILE; i++) relative[i] = i;
  printf("clock %.3f\noperation %.5f\n", clock_rate(), operation());
  for (int i = 0; vs_isas[i]; i++) {
    if (!vs_isas[i]->supported()) continue;
    for (uint32_t kind = 0; kind < VS_KINDS; kind++) {
      double best = 1;
      if (kind == VS_TABLE_8) continue;
      draw.program.kind = kind;
      draw.program.lower = kind == VS_NORMAL_F32 ? -0.99999994 : -0.95;
      draw.program.range = kind == VS_NORMAL_F32 ? 2 : 1.9;
      for (int trial = 0; trial < 60; trial++) {
        double start = now();
        for (uint32_t tile = 0; tile < 4; tile++)
          vs_isas[i]->run[kind](out, relative, VS_TILE / vs_isas[i]->block, 0, tile * VS_TILE,
                                &draw);
        double taken = now() - start;
        if (taken < best) best = taken;
      }
      printf("%s %s %.4f\n", vs_isas[i]->name, kind == VS_TABLE_16 ? "table_128" : names[kind],
             best / (4 * VS_TILE) * 1e9);
    }
  }
  return 0;
}
