/* What the files of the kernel share: a draw's constants, and one instruction set's functions. */
#ifndef VARSCALE_KERNEL_H
#define VARSCALE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Elements that are made at once, at most: their counters and samples stay in the L1 cache.
   Every vector loop's step divides it. */
enum { VS_TILE = 4096, VS_MAX_BLOCK = 128 };

/* How a word becomes a sample; the order is that of varscale/kernels/program.py. */
enum vs_kind {
  VS_UNIFORM_F32,   /* [0, scale) */
  VS_SYMMETRIC_F32, /* [-scale, scale) */
  VS_NORMAL_F32,    /* erf_inv(u) * scale */
  VS_FACTORED_F32,  /* erf_inv(u) * factor * factor_2 * scale */
  VS_CLIPPED_F32,   /* clip(erf_inv(u) * factor) * scale */
  VS_UNIFORM_F64,   /* u * scale */
  VS_NORMAL_F64,    /* clip(erf_inv(u) * factor * factor_2) * scale */
  VS_TABLE_16,      /* table[bits] of 16-bit values */
  VS_TABLE_8,       /* table[bits] of 8-bit values */
  VS_BETWEEN_F32,   /* [lower, lower + range) * scale */
  VS_KINDS
};

/* A draw's constants; those of float32 are float32 values. */
struct vs_program {
  uint32_t kind;      /* enum vs_kind */
  uint32_t shift;     /* of a word, to a table's index */
  uint32_t mask;      /* of a table's index: its length - 1 */
  uint32_t old_log1p; /* float64's log1p as in jaxlib <= 0.10 */
  double lower, range;
  double factor, factor_2;
  double clip_low, clip_high;
  double scale;
};

/* A draw under a key. */
struct vs_draw {
  struct vs_program program;
  const void *table; /* mask + 1 entries of the sample's size */
  uint32_t key[3];   /* two words and their parity */
};

/* Writes `blocks` blocks of samples to `out`, contiguous. The counter of sample i is
   (high, low + relative[i]), where low + relative[i] does not wrap around. */
typedef void (*vs_run)(void *out, const uint32_t *relative, size_t blocks, uint32_t high,
                       uint32_t low, const struct vs_draw *draw);

/* One instruction set. */
struct vs_isa {
  const char *name;
  size_t block; /* samples per block, at most VS_MAX_BLOCK */
  vs_run run[VS_KINDS];
  int (*supported)(void);
};

/* Every instruction set that was compiled, best first, NULL at the end. */
extern const struct vs_isa *const vs_isas[];

/* Asks the processor, once: on a virtual machine each question costs thousands of cycles. */
void vs_find_isas(void);

/* Of the instruction sets that vs_find_isas found, the best being 0; NULL where there is none. */
const struct vs_isa *vs_isa_at(long index);

#endif
