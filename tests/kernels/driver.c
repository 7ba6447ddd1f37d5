/* Fills without Python: reads a packed program and its table from stdin, writes samples to stdout.
   driver ISA WORD WORD OFFSET COUNT ITEM_SIZE; without arguments, lists the instruction sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

int main(int count, char **arguments) {
  static char packed[4096 * 8];
#if defined(_WIN32)
  _setmode(_fileno(stdin), _O_BINARY);
  _setmode(_fileno(stdout), _O_BINARY);
#endif
  if (count == 1) {
    for (int i = 0; vs_isas[i]; i++)
      if (vs_isas[i]->supported()) puts(vs_isas[i]->name);
    return 0;
  }
  struct vs_draw draw;
  if (count != 7 || fread(packed, 1, sizeof packed, stdin) < sizeof draw.program) return 2;
  memcpy(&draw.program, packed, sizeof draw.program);
  draw.table = packed + sizeof draw.program;
  for (int i = 0; i < 2; i++) draw.key[i] = (uint32_t)strtoul(arguments[2 + i], NULL, 10);
  draw.key[2] = draw.key[0] ^ draw.key[1] ^ 0x1BD11BDA;
  int64_t size = strtoll(arguments[5], NULL, 10), item = strtoll(arguments[6], NULL, 10);
  struct vs_map map = {.offset = strtoll(arguments[4], NULL, 10), .axes = 1};
  map.memory = malloc((size_t)(size * item));
  map.axis[0] = (struct vs_axis){size, item, 1};
  for (int i = 0; vs_isas[i]; i++)
    if (!strcmp(vs_isas[i]->name, arguments[1])) {
      char *memory = map.memory;
      if (vs_fill(vs_isas[i], &draw, map, 1, 1) != VS_OK) return 3;
      return fwrite(memory, (size_t)item, (size_t)size, stdout) != (size_t)size;
    }
  return 4;
}
