/* SSE2, which every x86-64 has. */
#define VS_SSE2
#define VS_UNROLL 4
#define VS_TOGETHER 4
#include "body.h"

static int supported(void) {
  return 1;
}

const struct vs_isa vs_sse2 = {"sse2", VS_BLOCK, VS_RUNS, supported};
