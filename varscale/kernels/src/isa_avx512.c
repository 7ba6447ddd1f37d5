/* AVX-512 (F, BW, DQ, VL). */
#define VS_AVX512
#define VS_UNROLL 8
#define VS_TOGETHER 2
#include "body.h"

static int supported(void) {
  __builtin_cpu_init(); /* not done at load time by every compiler */
  return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

const struct vs_isa vs_avx512 = {"avx512", VS_BLOCK, VS_RUNS, supported};
