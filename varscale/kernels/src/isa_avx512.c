/* AVX-512 (F, BW, DQ, VL). */
#define VS_AVX512
#define VS_UNROLL 8
#define VS_TOGETHER 2
#include "body.h"
#include "cpu.h"

static int supported(void) {
  return vs_cpu_has(1);
}

const struct vs_isa vs_avx512 = {"avx512", VS_BLOCK, VS_RUNS, supported};
