/* What an x86-64 processor and its operating system allow. __builtin_cpu_supports would say it too,
   but finds nothing in what zig links, and some compilers want it set up first. */
#ifndef VARSCALE_CPU_H
#define VARSCALE_CPU_H

#include <cpuid.h>

/* Registers that the operating system saves: XCR0. */
static inline unsigned vs_saved_registers(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/* Whether the instructions of isa_avx2.c (avx512 = 0) or isa_avx512.c can be used. */
static inline int vs_cpu_has(int avx512) {
  unsigned a, b, c, d;
  unsigned first = bit_FMA | bit_OSXSAVE | bit_AVX | bit_POPCNT, second = bit_AVX2;
  unsigned saved = 0x6; /* XMM and YMM */
  if (avx512) {
    second |= bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    saved = 0xE6; /* and the masks and ZMM */
  }
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & first) != first) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & second) != second) return 0;
  return (vs_saved_registers() & saved) == saved;
}

#endif
