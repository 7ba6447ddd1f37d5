"""Random bits: the generator's words at given counters, in JAX's two orders.

Source: jax/_src/random/threefry2x32.py, `_threefry_random_bits_partitionable` and
`_threefry_random_bits_original`.
"""

from __future__ import annotations

from varscale.layout import CounterMap
from varscale.numerics.ops import Counters, Ops, Words
from varscale.threefry import split_key, threefry2x32

__all__ = ["random_words"]

#: Counters that one key serves in the legacy order: `jnp.iinfo(uint32).max`, not 2**32.
_LEGACY_BLOCK = 0xFFFFFFFF


def random_words(
    ops: Ops,
    key: tuple[Words, Words],
    where: CounterMap,
    *,
    size: int,
    width: int,
    partitionable: bool,
) -> tuple[Words, Words]:
    """Random bits for the elements of a block.

    Args:
        ops: the framework's operations.
        key: two words.
        where: which elements.
        size: number of elements of the whole draw; the legacy order depends on it.
        width: bits per element: 8, 16, 32 or 64.
        partitionable: False for the legacy order.

    Returns:
        (high, low) words. Only for width 64 is `high` random; of `low`, the lowest
        min(width, 32) bits are the element's.
    """
    counters = ops.counters(where)
    if partitionable:
        x0, x1 = ops.once(_encrypted, *key, *ops.words(counters))
        return (x0, x1) if width == 64 else (x0, ops.xor(x0, x1))
    legacy = _Legacy(ops, key, -(-width * size // 32))
    low, high = where.bounds()
    if width == 64:
        first = legacy.words(counters, low, high)
        return first, legacy.words(counters + size, low + size, high + size)
    parts = 32 // width
    words = legacy.words(counters // parts, low // parts, high // parts)
    if parts == 1:
        return words, words
    # A word holds several narrow elements, the first in its lowest bits.
    element = words
    for part in range(1, parts):
        moved = ops.bits(words, part * width, width)
        element = ops.where(counters % parts == part, moved, element)
    return words, element


def _encrypted(ops: Ops, k0: Words, k1: Words, high: Words, low: Words) -> tuple[Words, Words]:
    return threefry2x32(ops, (k0, k1), (high, low))


class _Legacy:
    """The words number 0 ... count - 1 of a key in the legacy order."""

    def __init__(self, ops: Ops, key: tuple[Words, Words], count: int) -> None:
        self.ops = ops
        self.count = count
        blocks = count // _LEGACY_BLOCK
        self.keys = [key] if not blocks else split_key(ops, key, blocks + 1, partitionable=False)

    def words(self, index: Counters, low: int, high: int) -> Words:
        """The words at `index`, all of which lie in [low, high]."""
        first = low // _LEGACY_BLOCK
        result = self._in_block(index, first)
        for block in range(first + 1, high // _LEGACY_BLOCK + 1):
            later = index >= block * _LEGACY_BLOCK
            result = self.ops.where(later, self._in_block(index, block), result)
        return result

    def _in_block(self, index: Counters, block: int) -> Words:
        # A block's counters 0 ... length - 1 are cut in halves, an odd length padded by a 0; each
        # pair (first half, second half) is encrypted, and the words come out half by half.
        start = block * _LEGACY_BLOCK
        length = min(self.count - start, _LEGACY_BLOCK)
        half = (length + 1) // 2
        position = index - start
        in_first = position < half
        first = self.ops.where(in_first, position, position - half)
        second = first + half
        if length % 2:
            second = self.ops.where(second == length, second * 0, second)
        pair = (self.ops.words(first)[1], self.ops.words(second)[1])
        x0, x1 = self.ops.once(_encrypted, *self.keys[block], *pair)
        return self.ops.where(in_first, x0, x1)
