/* NEON, which every aarch64 has. */
#define VS_NEON
#define VS_UNROLL 4
#define VS_TOGETHER 2
#include "body.h"

static int supported(void) {
  return 1;
}

const struct vs_isa vs_neon = {"neon", VS_BLOCK, VS_RUNS, supported};
