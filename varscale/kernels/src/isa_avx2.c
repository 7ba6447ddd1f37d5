/* AVX2 with FMA. */
#define VS_AVX2
#define VS_UNROLL 8
#define VS_TOGETHER 8
#include "body.h"
#include "cpu.h"

static int supported(void) {
  return vs_cpu_has(0);
}

const struct vs_isa vs_avx2 = {"avx2", VS_BLOCK, VS_RUNS, supported};
