/* The processor's limit, and how near one instruction set's loops come to it, their data in the L1
   cache. Compiled once for each, with VS_AVX512, VS_AVX2 or VS_SSE2 and VS_ISA, its struct vs_isa.

   The limit is measured: additions, rotations and exclusive ors in the cipher's proportions, on
   enough independent vectors that no latency counts. `limit` prints the times; `limit KIND BLOCKS`
   runs one loop between two breakpoints, for steps.c. See limit.py. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel.h"
#include "simd.h"

extern const struct vs_isa VS_ISA;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The cipher's operations as this instruction set has them: how many vectors fit its registers beside
   what a rotation needs, and how many operations a rotation is. */
#define EACH _Pragma("GCC unroll 12") for (int c = 0; c < CHAINS; c++)
#define ON_EACH(code) EACH __asm__ volatile(code : "+v"(x[c]) : "v"(other))
#if defined(VS_AVX512)
enum { CHAINS = 12, ROTATION = 1, SHUFFLED = 1 };
#define ADD ON_EACH("vpaddd %1, %0, %0")
#define XOR ON_EACH("vpxord %1, %0, %0")
#define ROTATE(n) ON_EACH("vprold $" #n ", %0, %0")
#define SHUFFLE ROTATE(16)
#elif defined(VS_AVX2)
enum { CHAINS = 10, ROTATION = 3, SHUFFLED = 1 };
#define ADD ON_EACH("vpaddd %1, %0, %0")
#define XOR ON_EACH("vpxor %1, %0, %0")
#define ROTATE(n)                                                                           \
  EACH {                                                                                    \
    u32v high;                                                                              \
    __asm__ volatile("vpslld $" #n ", %1, %0" : "=v"(high) : "v"(x[c]));                    \
    __asm__ volatile("vpsrld $32-" #n ", %0, %0\n\tvpor %1, %0, %0" : "+v"(x[c]) : "v"(high)); \
  }
#define SHUFFLE ON_EACH("vpshufb %1, %0, %0")
#else
enum { CHAINS = 10, ROTATION = 3, SHUFFLED = 3 };
#define ADD ON_EACH("paddd %1, %0")
#define XOR ON_EACH("pxor %1, %0")
#define ROTATE(n)                                                                         \
  EACH {                                                                                  \
    u32v high = x[c];                                                                     \
    __asm__ volatile("pslld $" #n ", %0" : "+x"(high));                                   \
    __asm__ volatile("psrld $32-" #n ", %0\n\tpor %1, %0" : "+x"(x[c]) : "x"(high));      \
  }
#define SHUFFLE ROTATE(16)
#endif

/* What is measured in turns, round after round: a neighbour on a shared core does not stay, and the
   best of each is of the core alone. */
enum { ROUNDS = 400, TRIALS = 4 };

/* Nanoseconds per operation of one vector. */
static double operation(double best) {
  enum { REPEATS = 2000, OPERATIONS = 13 + 4 * ROTATION + SHUFFLED };
  u32v x[CHAINS], other = vs_u32(0x9E3779B9u);
  EACH x[c] = vs_u32((uint32_t)c + 1);
  for (int trial = 0; trial < TRIALS; trial++) {
    double start = now();
    for (int i = 0; i < REPEATS; i++) {
      /* Five rounds, one of which rotates by whole bytes, and their share of the key. */
      ADD; ROTATE(13); XOR;
      ADD; ROTATE(15); XOR;
      ADD; ROTATE(26); XOR;
      ADD; ROTATE(6); XOR;
      ADD; SHUFFLE; XOR;
      ADD; ADD; ADD;
    }
    double taken = (now() - start) / ((double)REPEATS * CHAINS * OPERATIONS) * 1e9;
    if (taken < best) best = taken;
  }
  return best;
}

/* Clock in GHz, by a chain of multiplications of three cycles each. */
static double clock_rate(double best) {
  for (int trial = 0; trial < TRIALS; trial++) {
    uint64_t x = (uint64_t)trial + 3;
    double start = now();
    for (int i = 0; i < 100000; i++) {
      x *= x;
      __asm__ volatile("" : "+r"(x));
    }
    double rate = 3e5 / (now() - start) * 1e-9;
    if (rate > best) best = rate;
  }
  return best;
}

static uint32_t relative[VS_TILE];
static double out[VS_TILE];
static const uint16_t table[1024];

/* A loop, by its name. */
struct loop {
  const char *name;
  enum vs_kind kind;
  uint32_t mask;
  double lower, range;
};

static const struct loop loops[] = {
    {"uniform_f32", VS_UNIFORM_F32, 0, 0, 0},
    {"symmetric_f32", VS_SYMMETRIC_F32, 0, 0, 0},
    {"normal_f32", VS_NORMAL_F32, 0, -0.99999994, 2},
    {"factored_f32", VS_FACTORED_F32, 0, -0.95, 1.9},
    {"clipped_f32", VS_CLIPPED_F32, 0, -0.95, 1.9},
    {"uniform_f64", VS_UNIFORM_F64, 0, 0, 1},
    {"normal_f64", VS_NORMAL_F64, 0, -0.95, 1.9},
    {"table_128", VS_TABLE_16, 127, 0, 0},
    {"table_1024", VS_TABLE_16, 1023, 0, 0},
};
enum { LOOPS = sizeof loops / sizeof *loops };

static void run(const struct loop *loop, size_t blocks, uint32_t low) {
  struct vs_draw draw = {
      .program = {.kind = loop->kind, .shift = loop->mask == 1023 ? 22 : 25, .mask = loop->mask,
                  .lower = loop->lower, .range = loop->range, .factor = 1.41421354, .factor_2 = 1,
                  .clip_low = -2, .clip_high = 2, .scale = 0.5},
      .table = table, .key = {1, 2, 3}};
  VS_ISA.run[loop->kind](out, relative, blocks, 0, low, &draw);
}

/* Nanoseconds per sample. */
static double loop_time(const struct loop *loop, double best) {
  for (int trial = 0; trial < TRIALS; trial++) {
    double start = now();
    for (uint32_t tile = 0; tile < 4; tile++)
      run(loop, VS_TILE / VS_ISA.block, tile * VS_TILE);
    double taken = (now() - start) / (4 * VS_TILE) * 1e9;
    if (taken < best) best = taken;
  }
  return best;
}

int main(int arguments, char **argument) {
  for (uint32_t i = 0; i < VS_TILE; i++) relative[i] = i;
  if (arguments == 3) {
    const struct loop *loop = &loops[atoi(argument[1])];
    size_t blocks = strtoul(argument[2], NULL, 10);
    run(loop, blocks, 0); /* what the C library looks up once */
    __asm__ volatile("int3");
    run(loop, blocks, 0);
    __asm__ volatile("int3");
    return 0;
  }
  double clock = 0, one = 1e9, best[LOOPS];
  for (int i = 0; i < LOOPS; i++) best[i] = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    clock = clock_rate(clock);
    one = operation(one);
    for (int i = 0; i < LOOPS; i++) best[i] = loop_time(&loops[i], best[i]);
  }
  printf("clock %.3f\noperation %.5f\nblock %zu\n", clock, one, VS_ISA.block);
  for (int i = 0; i < LOOPS; i++) printf("%s %.5f\n", loops[i].name, best[i]);
  return 0;
}
