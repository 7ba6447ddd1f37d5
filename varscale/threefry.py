"""The block cipher threefry2x32 with 20 rounds, and key splitting, for any kind of 32-bit word.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), and
Random123's `threefry.h`; JAX's default generator is this one (jax/_src/random/threefry2x32.py).
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

__all__ = ["INTEGERS", "WordOps", "Words", "split_key", "threefry2x32"]

#: 32-bit words in whatever integer type a framework computes them; or Python integers.
Words: TypeAlias = Any

#: Skein's key-schedule parity constant, its low 32 bits (Random123: SKEIN_KS_PARITY32).
_PARITY = 0x1BD11BDA
#: Rotations of threefry2x32 (Random123: R_32x2_0_0 ... R_32x2_7_0); four rounds use one row.
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


class WordOps(Protocol):
    """Modular arithmetic on 32-bit words; the right operand may be a Python integer."""

    def add(self, a: Words, b: Words) -> Words:
        """(a + b) mod 2**32."""

    def xor(self, a: Words, b: Words) -> Words:
        """Bitwise exclusive or."""

    def rotate_left(self, a: Words, count: int) -> Words:
        """Rotate by `count` bits, 0 < count < 32."""


class _Integers:
    """Words as Python integers: the fastest way to derive a single key."""

    def add(self, a: int, b: int) -> int:
        return (a + b) & 0xFFFFFFFF

    def xor(self, a: int, b: int) -> int:
        return a ^ b

    def rotate_left(self, a: int, count: int) -> int:
        return ((a << count) | (a >> (32 - count))) & 0xFFFFFFFF


#: Word operations on Python integers in [0, 2**32).
INTEGERS: WordOps = _Integers()


def threefry2x32(
    ops: WordOps, key: tuple[Words, Words], counter: tuple[Words, Words]
) -> tuple[Words, Words]:
    """Encrypt counters under a key.

    Args:
        ops: how to add, xor and rotate 32-bit words.
        key: two words.
        counter: two words, or two arrays of words, (high, low).

    Returns:
        Two words, or two arrays of words.
    """
    k0, k1 = key
    schedule = (k0, k1, _key_ops(ops, k0).xor(_key_ops(ops, k0).xor(k0, k1), _PARITY))
    x0 = ops.add(counter[0], schedule[0])
    x1 = ops.add(counter[1], schedule[1])
    for injection in range(1, 6):
        for rotation in _ROTATIONS[(injection - 1) % 2]:
            x0 = ops.add(x0, x1)
            x1 = ops.xor(ops.rotate_left(x1, rotation), x0)
        tail = _key_ops(ops, k0).add(schedule[(injection + 1) % 3], injection)
        x0 = ops.add(x0, schedule[injection % 3])
        x1 = ops.add(x1, tail)
    return x0, x1


def split_key(
    ops: WordOps, key: tuple[Words, Words], num: int, partitionable: bool
) -> list[tuple[Words, Words]]:
    """Make `num` keys out of one.

    Source: jax/_src/random/threefry2x32.py, `_threefry_split_foldlike` (partitionable) and
    `_threefry_split_original`.
    """
    ops = _key_ops(ops, key[0])
    if partitionable:
        return [threefry2x32(ops, key, (i >> 32, i & 0xFFFFFFFF)) for i in range(num)]
    # 2 * num words from the counters 0 ... 2 * num - 1, cut in halves; each key is two neighbours.
    pairs = [threefry2x32(ops, key, (i, i + num)) for i in range(num)]
    words = [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
    return [(words[2 * i], words[2 * i + 1]) for i in range(num)]


def _key_ops(ops: WordOps, word: Words) -> WordOps:
    """A known key's words are Python integers, whatever the counters are."""
    return INTEGERS if isinstance(word, int) else ops
