/* The instruction sets that this build has, best first, and those that the machine has too. */
#include "kernel.h"

extern const struct vs_isa vs_avx512, vs_avx2, vs_sse2, vs_neon;

const struct vs_isa *const vs_isas[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &vs_avx512, &vs_avx2, &vs_sse2,
#elif defined(__aarch64__) || defined(_M_ARM64)
    &vs_neon,
#endif
    NULL};

static const struct vs_isa *usable[sizeof vs_isas / sizeof *vs_isas];

void vs_find_isas(void) {
  int found = 0;
  for (int i = 0; vs_isas[i]; i++)
    if (vs_isas[i]->supported()) usable[found++] = vs_isas[i];
}

const struct vs_isa *vs_isa_at(long index) {
  for (long i = 0; usable[i]; i++)
    if (i == index) return usable[i];
  return NULL;
}
