"""Random bits against the installed JAX: each width, both orders, and counters beyond 32 bits."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import varscale
from varscale.layout import CounterMap
from varscale.numerics.bits import random_words
from varscale.numerics.numpy_ops import NUMPY

from .cases import WORDS, random_cases
from .compare import assert_identical
from .oracle import configured, jax, outcome, threefry

from hypothesis import example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

ORDERS = pytest.mark.parametrize("partitionable", [True, False], ids=["partitionable", "legacy"])
#: Each compiles JAX anew; odd, even, one word, no word, more than a block of `fill`.
SHAPES = ((), (0,), (1,), (5,), (2, 3), (7, 3), (16385,))
DTYPES = {8: "bfloat16", 16: "float16", 32: "float32", 64: "float64"}

#: Words that one legacy key serves: jax/_src/random/threefry2x32.py,
#: `_threefry_random_bits_original`.
BLOCK = 0xFFFFFFFF


def own_bits(key: varscale.Key, where: CounterMap, size: int, width: int) -> np.ndarray:
    high, low = random_words(
        NUMPY, key.words, where, size=size, width=width, partitionable=key.partitionable
    )
    if width == 64:
        return (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    return (low & np.uint32(2**width - 1)).astype(f"u{width // 8}")


@ORDERS
@pytest.mark.parametrize("width", [8, 16, 32, 64])
@random_cases(max_examples=15)
@given(pair=WORDS, shape=st.sampled_from(SHAPES))
@example(pair=(1, 2), shape=(7, 3))
def test_bits_of_each_width_are_those_of_jax(
    pair: Any, shape: tuple[int, ...], width: int, partitionable: bool
) -> None:
    with configured(x64=True, partitionable=partitionable):
        key = jax.random.wrap_key_data(np.array(pair, np.uint32), impl="threefry2x32")
        want = outcome(lambda: jax.random.bits(key, shape, f"uint{width}"))
    own = varscale.Key(pair, partitionable=partitionable)
    size = int(np.prod(shape, dtype=int))
    if not size:
        assert want.size == 0
        return
    got = own_bits(own, CounterMap.row_major(shape), size, width).reshape(shape)
    assert_identical(got, want, f"{width} bits, {own}, {shape}")


@ORDERS
@pytest.mark.parametrize("dtype", DTYPES.values())
@random_cases(max_examples=10)
@given(pair=WORDS, shape=st.sampled_from(SHAPES))
@example(pair=(0, 2**32 - 1), shape=(5,))
def test_uniforms_are_those_of_jax(
    pair: Any, shape: tuple[int, ...], dtype: str, partitionable: bool
) -> None:
    with configured(x64=True, partitionable=partitionable):
        key = jax.random.wrap_key_data(np.array(pair, np.uint32), impl="threefry2x32")
        want = outcome(lambda: jax.nn.initializers.uniform(1.0)(key, shape, dtype))
    own = varscale.Key(pair, partitionable=partitionable)
    got = varscale.numpy.uniform(1.0)(own, shape, dtype)
    assert_identical(got, want, f"uniform(1.0)({own}, {shape}, {dtype!r})")


# Beyond 32 bits no array of JAX's fits: the oracle is JAX's block cipher, and its order is here.


def partitionable_bits(pair: tuple[int, int], counters: np.ndarray, width: int) -> np.ndarray:
    high, low = (counters >> 32).astype(np.uint32), counters.astype(np.uint32)
    x0, x1 = threefry(pair, high, low)
    if width == 64:
        return (x0.astype(np.uint64) << np.uint64(32)) | x1
    return (x0 ^ x1).astype(f"u{width // 8}")


def legacy_word(pair: tuple[int, int], number: int, count: int) -> int:
    """Word `number` of `count`: keys by JAX's own split, halves as in its `threefry_2x32`."""
    blocks = count // BLOCK
    with configured(partitionable=False):
        key = jax.random.wrap_key_data(np.array(pair, np.uint32), impl="threefry2x32")
        keys = jax.random.split(key, blocks + 1) if blocks else key[None]
        block, position = divmod(number, BLOCK)
        words = tuple(int(word) for word in np.asarray(jax.random.key_data(keys[block])))
    length = min(count - block * BLOCK, BLOCK)
    half = (length + 1) // 2
    first, second = position % half, position % half + half
    second = second if second < length else 0
    answer = threefry(words, np.array([first], np.uint32), np.array([second], np.uint32))
    return int(answer[position // half][0])


def legacy_bits(pair: tuple[int, int], counters: np.ndarray, size: int, width: int) -> np.ndarray:
    count = -(-width * size // 32)
    result = []
    for i in map(int, counters):
        if width == 64:
            high = legacy_word(pair, i, count)
            result.append(high << 32 | legacy_word(pair, i + count // 2, count))
        else:
            parts = 32 // width
            word = legacy_word(pair, i // parts, count)
            result.append(word >> (i % parts * width) & (2**width - 1))
    return np.array(result, f"u{width // 8}")


def test_the_legacy_oracle_is_jax_where_jax_can_be_asked() -> None:
    for width, size in ((8, 9), (16, 5), (32, 7), (64, 3)):
        with configured(x64=True, partitionable=False):
            key = jax.random.wrap_key_data(np.array((3, 4), np.uint32), impl="threefry2x32")
            want = outcome(lambda: jax.random.bits(key, (size,), f"uint{width}"))  # noqa: B023
        assert_identical(legacy_bits((3, 4), np.arange(size), size, width), want, f"{width} bits")


@pytest.mark.parametrize("width", [8, 16, 32, 64])
@random_cases(max_examples=15)
@given(
    pair=WORDS,
    offset=st.sampled_from((2**32 - 3, 2**33 - 3, 2**40 + 1, 2**61)) | st.integers(0, 2**61),
    stride=st.sampled_from((1, -1, 2, 2**31, 2**32 + 1)),
)
@example(pair=(0, 42), offset=2**32 - 3, stride=1)
def test_counters_beyond_32_bits_use_both_words(
    pair: Any, offset: int, stride: int, width: int
) -> None:
    if offset + 6 * stride < 0:
        stride = -stride
    where = CounterMap(offset, (stride,), (7,))
    counters = offset + stride * np.arange(7, dtype=np.int64)
    got = own_bits(varscale.Key(pair), where, 2**62, width)
    want = partitionable_bits(pair, counters, width)
    assert_identical(got, want, f"{width} bits, {pair}, {where}")


#: Sizes of draws that need several legacy keys, or just do not; and where to look.
LEGACY = {
    "32 bits, one block to its end": (32, BLOCK, BLOCK - 7),
    "32 bits, the padded counter": (32, BLOCK, 2**31 - 4),
    "32 bits, the second block": (32, BLOCK + 6, BLOCK - 1),
    "32 bits, from one block to the next": (32, 2**33 + 7, BLOCK - 3),
    "32 bits, from the second to the third": (32, 3 * BLOCK, 2 * BLOCK - 3),
    "32 bits, the third block": (32, 2**33 + 7, 2 * BLOCK),
    "64 bits, words of two blocks": (64, 2**32 - 5, 2**31 - 5),
    "64 bits, across the blocks": (64, 2**32, BLOCK - 8),
    "16 bits, from one block to the next": (16, 2**33 + 1, 2 * BLOCK - 3),
    "8 bits, from one block to the next": (8, 2**34 + 3, 4 * BLOCK - 3),
}


@pytest.mark.parametrize(("width", "size", "offset"), LEGACY.values(), ids=LEGACY)
def test_a_long_legacy_draw_changes_its_key_at_each_block(
    width: int, size: int, offset: int
) -> None:
    pair = (123, 456)
    where = CounterMap(offset, (1,), (min(7, size - offset),))
    counters = offset + np.arange(where.extent[0], dtype=np.int64)
    key = varscale.Key(pair, partitionable=False)
    got = own_bits(key, where, size, width)
    assert_identical(got, legacy_bits(pair, counters, size, width), f"{width} bits, {where}")


@pytest.mark.parametrize("width", DTYPES)
def test_a_fill_at_a_high_offset_holds_the_uniforms_of_those_counters(width: int) -> None:
    dtype = np.dtype(getattr(ml_dtypes, DTYPES[width], DTYPES[width]))
    mantissa = int(ml_dtypes.finfo(dtype).nmant)
    offset = 2**32 - 100
    where = CounterMap(offset, (1,), (200,))
    draw = varscale.initializers.Uniform(1.0).draw(7, (2**20, 2**20), dtype)
    got = varscale.fill(draw, np.zeros(200, dtype), where)
    bits = partitionable_bits((0, 7), offset + np.arange(200, dtype=np.int64), width)
    want = (bits >> (width - mantissa)).astype(np.float64) * 2.0**-mantissa
    assert_identical(got, want.astype(dtype), f"uniform(1.0), {dtype}, {where}")
