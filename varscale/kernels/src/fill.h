/* Where a draw goes: a strided destination, walked in the order of its memory. */
#ifndef VARSCALE_FILL_H
#define VARSCALE_FILL_H

#include "kernel.h"

enum { VS_MAX_AXES = 32 };

/* An axis of a destination. */
struct vs_axis {
  int64_t size;
  int64_t memory;  /* bytes per step */
  int64_t counter; /* counters per step */
};

/* A destination and its counters: varscale/layout.py's CounterMap and the memory's strides. */
struct vs_map {
  char *memory;   /* of the first element */
  int64_t offset; /* its counter */
  int axes;
  struct vs_axis axis[VS_MAX_AXES];
};

enum vs_status {
  VS_OK,
  VS_OVERLAP,      /* two positions share memory */
  VS_OUT_OF_RANGE, /* a counter is negative or beyond 2**63, or a size or address overflows */
};

/* Fills the destination; the result does not depend on `threads` (0: as many as pay off, at most
   `limit`). Nothing is written unless VS_OK. */
enum vs_status vs_fill(const struct vs_isa *isa, const struct vs_draw *draw, struct vs_map map,
                       int threads, int limit);

/* Size of a sample of this kind, in bytes. */
int64_t vs_sample_size(uint32_t kind);

#endif
