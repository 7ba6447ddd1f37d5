/* vs_fma of SSE2, which has no such instruction, against the C library's fmaf: products and sums that
   fall on a tie of the second rounding, where a sum in double alone goes wrong. */
#define VS_SSE2
#include <stdio.h>
#include <stdlib.h>

#include "simd.h"

int main(void) {
  unsigned wrong = 0, ties = 0;
  uint64_t state = 1;
  for (int i = 0; i < 4000000; i++) {
    f32v a, b, c;
    for (int j = 0; j < 4; j++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      /* Odd factors of 12 or 13 bits: products of 25 bits, a tie, and a summand far below or none. */
      a[j] = (float)((state >> 40 & 0xfff) | 0x1001);
      b[j] = (float)((state >> 52 & 0xfff) | 0x801);
      c[j] = ldexpf((float)((int)(state >> 33 & 7) - 3), -30 - (int)(state >> 36 & 15));
    }
    f32v got = vs_fma(a, b, c);
    for (int j = 0; j < 4; j++) {
      wrong += got[j] != fmaf(a[j], b[j], c[j]);
      ties += (float)((double)a[j] * b[j] + c[j]) != fmaf(a[j], b[j], c[j]);
    }
  }
  printf("%u wrong, %s\n", wrong, ties ? "ties met" : "no ties met");
  return 0;
}
