/* AVX2 with FMA. */
#define VS_AVX2
#define VS_UNROLL 8
#define VS_TOGETHER 8
#include "body.h"

static int supported(void) {
  __builtin_cpu_init(); /* not done at load time by every compiler */
  return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma");
}

const struct vs_isa vs_avx2 = {"avx2", VS_BLOCK, VS_RUNS, supported};
