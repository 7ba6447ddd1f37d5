#include "fill.h"

#include <stdlib.h>
#include <string.h>

#include "threads.h"

/* From this many samples on a second thread pays for its start, and each further one again. */
#define VS_SAMPLES_PER_THREAD (INT64_C(1) << 21)
/* Tiles that a thread takes at once. */
#define VS_CHUNK 8

int64_t vs_sample_size(uint32_t kind) {
  switch (kind) {
    case VS_UNIFORM_F64:
    case VS_NORMAL_F64:
      return 8;
    case VS_TABLE_16:
      return 2;
    case VS_TABLE_8:
      return 1;
    default:
      return 4;
  }
}

/* The destination cut into tiles: the inner axes whole, the axis before them in pieces. */
struct plan {
  const struct vs_isa *isa;
  const struct vs_draw *draw;
  struct vs_map map;
  int64_t item;             /* bytes */
  int outer;                /* axes before the one that is cut */
  int64_t inner;            /* elements of one step of the axis that is cut */
  int64_t piece, pieces;    /* steps of a piece, and pieces */
  int64_t tiles;
  uint64_t span;            /* the largest relative counter of a whole tile */
  int dense;                /* a tile's memory has no gaps */
  const uint32_t *relative; /* counters of a tile's elements, from the smallest on */
};

static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t magnitude(int64_t a) { return a < 0 ? -a : a; }

static void swap(struct vs_axis *a, struct vs_axis *b) {
  struct vs_axis other = *a;
  *a = *b;
  *b = other;
}

/* Orders the axes from the largest memory stride to the smallest, all strides positive, and makes
   one of those that continue each other in memory and in the counters. */
static void in_memory_order(struct vs_map *map) {
  int axes = 0;
  for (int a = 0; a < map->axes; a++) {
    struct vs_axis axis = map->axis[a];
    if (axis.size == 1) continue;
    if (axis.memory < 0) {
      map->memory += (axis.size - 1) * axis.memory;
      map->offset += (axis.size - 1) * axis.counter;
      axis.memory = -axis.memory;
      axis.counter = -axis.counter;
    }
    map->axis[axes++] = axis;
  }
  for (int a = 1; a < axes; a++)
    for (int b = a; b && map->axis[b - 1].memory < map->axis[b].memory; b--)
      swap(&map->axis[b - 1], &map->axis[b]);
  map->axes = 0;
  for (int a = 0; a < axes; a++) {
    struct vs_axis axis = map->axis[a];
    struct vs_axis *last = map->axes ? &map->axis[map->axes - 1] : NULL;
    if (last && last->memory == axis.size * axis.memory &&
        last->counter == axis.size * axis.counter) {
      axis.size *= last->size;
      *last = axis;
    } else {
      map->axis[map->axes++] = axis;
    }
  }
}

/* Whether sizes, counters and addresses stay in 64 bits, and the counters are not negative. */
static int in_range(const struct vs_map *map) {
  int64_t size = 1, low = map->offset, high = map->offset, first = 0, last = 0;
  for (int a = 0; a < map->axes; a++) {
    const struct vs_axis *axis = &map->axis[a];
    int64_t counters, bytes;
    if (axis->size < 1 || __builtin_mul_overflow(size, axis->size, &size) ||
        __builtin_mul_overflow(axis->size, axis->counter, &counters) ||
        __builtin_mul_overflow(axis->size, axis->memory, &bytes))
      return 0;
    counters -= axis->counter;
    bytes -= axis->memory;
    if (__builtin_add_overflow(counters < 0 ? low : high, counters, counters < 0 ? &low : &high) ||
        __builtin_add_overflow(bytes < 0 ? first : last, bytes, bytes < 0 ? &first : &last))
      return 0;
  }
  return low >= 0;
}

/* Whether two positions share memory: axes must nest. For axes in memory order. */
static int overlaps(const struct vs_map *map, int64_t item) {
  int64_t span = item;
  for (int a = map->axes; a--;) {
    if (map->axis[a].memory < span) return 1;
    span += (map->axis[a].size - 1) * map->axis[a].memory;
  }
  return 0;
}

/* Whether the axes from `first` on have no gaps between their elements. */
static int is_dense(const struct vs_map *map, int first, int64_t item) {
  for (int a = map->axes; a-- > first;) {
    if (map->axis[a].memory != item) return 0;
    item *= map->axis[a].size;
  }
  return 1;
}

/* Chooses the tiles: at most VS_TILE elements whose counters lie within 2**32. */
static void cut(struct plan *plan) {
  const struct vs_map *map = &plan->map;
  int axis = map->axes;
  plan->inner = 1;
  plan->span = 0;
  for (; axis > 1; axis--) {
    const struct vs_axis *next = &map->axis[axis - 1];
    uint64_t steps = (uint64_t)(next->size - 1) * (uint64_t)magnitude(next->counter);
    if (next->size > VS_TILE / plan->inner || steps > UINT32_MAX - plan->span) break;
    plan->inner *= next->size;
    plan->span += steps;
  }
  if (!axis) { /* one element */
    plan->outer = 0;
    plan->piece = plan->pieces = plan->tiles = 1;
    plan->dense = 1;
    return;
  }
  plan->outer = axis - 1;
  const struct vs_axis *split = &map->axis[axis - 1];
  uint64_t step = (uint64_t)magnitude(split->counter);
  plan->piece = min(split->size, VS_TILE / plan->inner);
  if (step) {
    uint64_t room = (UINT32_MAX - plan->span) / step + 1;
    if (room < (uint64_t)plan->piece) plan->piece = (int64_t)room;
  }
  plan->pieces = (split->size + plan->piece - 1) / plan->piece;
  int64_t even = (split->size + plan->pieces - 1) / plan->pieces, block = (int64_t)plan->isa->block;
  if (plan->inner == 1) even = (even + block - 1) / block * block;
  plan->piece = min(even, plan->piece);
  plan->span += (uint64_t)(plan->piece - 1) * step;
  plan->tiles = plan->pieces;
  for (int a = 0; a < plan->outer; a++) plan->tiles *= map->axis[a].size;
  plan->dense = is_dense(map, plan->outer, plan->item);
}

/* 0, 1, 2, ...: the relative counters of what is contiguous in the draw. */
static const uint32_t *ascending(void) {
#define FOUR(n) n, n + 1, n + 2, n + 3
#define SIXTEEN(n) FOUR(n), FOUR(n + 4), FOUR(n + 8), FOUR(n + 12)
#define SIXTY_FOUR(n) SIXTEEN(n), SIXTEEN(n + 16), SIXTEEN(n + 32), SIXTEEN(n + 48)
#define QUARTER(n) SIXTY_FOUR(n), SIXTY_FOUR(n + 64), SIXTY_FOUR(n + 128), SIXTY_FOUR(n + 192)
#define THOUSAND(n) QUARTER(n), QUARTER(n + 256), QUARTER(n + 512), QUARTER(n + 768)
  static const uint32_t table[VS_TILE] = {THOUSAND(0), THOUSAND(1024), THOUSAND(2048),
                                          THOUSAND(3072)};
  return table;
}

/* The relative counters of a whole tile, in the order of memory. */
static void tabulate(const struct plan *plan, uint32_t table[VS_TILE]) {
  int64_t made = 1;
  table[0] = 0;
  for (int a = plan->map.axes; a-- > plan->outer;) {
    const struct vs_axis *axis = &plan->map.axis[a];
    int64_t size = a == plan->outer ? plan->piece : axis->size;
    uint32_t step = (uint32_t)magnitude(axis->counter);
    /* What the inner axes made is copied to each step; it lies at the first, which comes last. */
    for (int64_t i = size; i--;) {
      uint32_t add = step * (uint32_t)(axis->counter < 0 ? size - 1 - i : i);
      for (int64_t j = 0; j < made; j++) table[i * made + j] = table[j] + add;
    }
    made *= size;
  }
}

/* Copies a tile's samples to where they belong. */
static void scatter(const struct plan *plan, int axis, char *to, const char **from, int64_t steps) {
  const struct vs_axis *along = &plan->map.axis[axis];
  if (axis < plan->map.axes - 1) {
    for (int64_t i = 0; i < steps; i++, to += along->memory)
      scatter(plan, axis + 1, to, from, plan->map.axis[axis + 1].size);
    return;
  }
  size_t item = (size_t)plan->item, bytes = (size_t)steps * item;
  if (along->memory == plan->item) {
    memcpy(to, *from, bytes);
  } else {
#define EACH_OF(SIZE) \
  case SIZE:          \
    for (int64_t i = 0; i < steps; i++) memcpy(to + i * along->memory, *from + i * SIZE, SIZE); \
    break
    switch (item) {
      EACH_OF(1);
      EACH_OF(2);
      EACH_OF(4);
      EACH_OF(8);
    }
  }
  *from += bytes;
}

/* Samples of the counters base + relative[i] for i < count, to `out`. */
static void samples(const struct plan *plan, char *out, const uint32_t *relative, int64_t count,
                    uint64_t base) {
  vs_run run = plan->isa->run[plan->draw->program.kind];
  size_t block = plan->isa->block, item = (size_t)plan->item;
  size_t blocks = (size_t)count / block, rest = (size_t)count % block;
  uint32_t high = (uint32_t)(base >> 32), low = (uint32_t)base;
  run(out, relative, blocks, high, low, plan->draw);
  if (rest) {
    char last[VS_MAX_BLOCK * 8];
    uint32_t padded[VS_MAX_BLOCK] = {0};
    memcpy(padded, relative + blocks * block, rest * sizeof *padded);
    run(last, padded, 1, high, low, plan->draw);
    memcpy(out + blocks * block * item, last, rest * item);
  }
}

/* The same where low + relative[i] may pass 2**32: both high words are tried. */
static void samples_across(const struct plan *plan, char *out, const uint32_t *relative,
                           int64_t count, uint64_t base) {
  char beyond[VS_TILE * 8];
  size_t item = (size_t)plan->item;
  samples(plan, out, relative, count, base);
  samples(plan, beyond, relative, count, base + (UINT64_C(1) << 32));
  for (int64_t i = 0; i < count; i++)
    if ((uint32_t)base + relative[i] < relative[i])
      memcpy(out + (size_t)i * item, beyond + (size_t)i * item, item);
}

static void fill_tile(const struct plan *plan, int64_t tile) {
  const struct vs_map *map = &plan->map;
  int64_t start = tile % plan->pieces * plan->piece;
  char *memory = map->memory;
  int64_t counter = map->offset;
  tile /= plan->pieces;
  for (int a = plan->outer; a--;) {
    int64_t index = tile % map->axis[a].size;
    tile /= map->axis[a].size;
    memory += index * map->axis[a].memory;
    counter += index * map->axis[a].counter;
  }
  int64_t steps = 1;
  const uint32_t *relative = plan->relative;
  if (map->axes) {
    const struct vs_axis *split = &map->axis[plan->outer];
    steps = min(plan->piece, split->size - start);
    memory += start * split->memory;
    counter += start * split->counter;
    if (split->counter < 0) { /* a short piece has the end of the table, from its smallest on */
      relative += (plan->piece - steps) * plan->inner;
      counter += (steps - 1) * split->counter;
    }
    for (int a = plan->outer + 1; a < map->axes; a++)
      if (map->axis[a].counter < 0) counter += (map->axis[a].size - 1) * map->axis[a].counter;
  }
  int64_t count = steps * plan->inner;
  int across = plan->span > UINT32_MAX - (uint32_t)counter;
  void (*make)(const struct plan *, char *, const uint32_t *, int64_t, uint64_t) =
      across ? samples_across : samples;
  if (plan->dense) {
    make(plan, memory, relative, count, (uint64_t)counter);
  } else {
    char made[VS_TILE * 8];
    const char *from = made;
    make(plan, made, relative, count, (uint64_t)counter);
    scatter(plan, plan->outer, memory, &from, steps);
  }
}

struct work {
  const struct plan *plan;
  int64_t next; /* the first tile that no thread has taken */
};

static void fill_chunks(void *argument) {
  struct work *work = argument;
  int64_t tiles = work->plan->tiles, first;
  while ((first = __atomic_fetch_add(&work->next, VS_CHUNK, __ATOMIC_RELAXED)) < tiles)
    for (int64_t tile = first; tile < min(first + VS_CHUNK, tiles); tile++)
      fill_tile(work->plan, tile);
}

enum vs_status vs_fill(const struct vs_isa *isa, const struct vs_draw *draw, struct vs_map map,
                       int threads, int limit) {
  for (int a = 0; a < map.axes; a++)
    if (!map.axis[a].size) return VS_OK;
  if (!in_range(&map)) return VS_OUT_OF_RANGE;
  struct plan plan = {.isa = isa, .draw = draw, .item = vs_sample_size(draw->program.kind)};
  in_memory_order(&map);
  if (overlaps(&map, plan.item)) return VS_OVERLAP;
  plan.map = map;
  cut(&plan);
  uint32_t table[VS_TILE];
  int contiguous = plan.inner == 1 && (!map.axes || map.axis[plan.outer].counter == 1);
  if (!contiguous) tabulate(&plan, table);
  plan.relative = contiguous ? ascending() : table;
  if (!threads) {
    int64_t size = plan.tiles * plan.piece * plan.inner;
    threads = (int)min(limit, size / VS_SAMPLES_PER_THREAD);
  }
  struct work work = {&plan, 0};
  vs_run_on_threads(fill_chunks, &work, (int)min(threads, (plan.tiles + VS_CHUNK - 1) / VS_CHUNK));
  return VS_OK;
}
