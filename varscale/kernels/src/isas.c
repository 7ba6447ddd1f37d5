/* The instruction sets that this build has, best first. */
#include "kernel.h"

extern const struct vs_isa vs_avx512, vs_avx2, vs_sse2, vs_neon;

const struct vs_isa *const vs_isas[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &vs_avx512, &vs_avx2, &vs_sse2,
#elif defined(__aarch64__) || defined(_M_ARM64)
    &vs_neon,
#endif
    NULL};
