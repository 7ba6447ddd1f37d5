"""TensorFlow's operations one by one, eagerly, against those of the reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.core.compare import assert_identical
from tests.tensorflow.tensors import tf
from varscale.adapters.tensorflow.ops import TENSORFLOW
from varscale.layout import CounterMap
from varscale.numerics.erf_inv import erf_inv
from varscale.numerics.numpy_ops import NUMPY

Array = np.ndarray[Any, Any]

WORDS = np.concatenate([
    np.random.default_rng(5).integers(0, 2**32, 10_000, np.uint32),
    np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], np.uint32),
])  # fmt: skip


def check(operation: Callable[[Any], Any], *values: Array, case: str) -> None:
    """TensorFlow's operation and NumPy's on the same arrays."""
    got = operation(TENSORFLOW)(*map(tf.constant, values))
    want = operation(NUMPY)(*values)
    got, want = (one if isinstance(one, tuple) else (one,) for one in (got, want))
    for one, other in zip(got, want, strict=True):
        assert_identical(one.numpy(), other, case)


def random_floats(dtype: str, count: int = 20_000) -> Array:
    """Magnitudes from 2**-60 to 2**60, of both signs."""
    generator = np.random.default_rng(1)
    numbers = generator.standard_normal(count) * 2.0 ** generator.integers(-60, 60, count)
    return numbers.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fma_rounds_once_also_near_ties(dtype: str) -> None:
    generator = np.random.default_rng(2)
    digits = 24 if dtype == "float32" else 53
    a, b = (
        generator.integers(2 ** (digits - 1), 2**digits, 20_000).astype(dtype) for _ in range(2)
    )
    products = a.astype(np.longdouble) * b
    # Addends that leave the sum half way, or a last bit beside it.
    for shift in (0, 1, 2, digits - 1, digits, digits + 1, 2 * digits):
        c = (-products + 2.0**shift * generator.choice([0.5, 1, 1.5], a.size)).astype(dtype)
        check(lambda ops: ops.fma, a, b, c, case=f"fma, {dtype}, 2**{shift}")
        tie = (2.0 ** (digits + shift) * generator.choice([0.5, 1, 1.5], a.size)).astype(dtype)
        check(lambda ops: ops.fma, a, b, tie, case=f"fma, {dtype}, tie 2**{shift}")


def test_fma_of_float32_is_exact_where_rounding_twice_is_not() -> None:
    # (1 + 2**-12)**2 is a tie of float32; the addend decides it, far below float64's last bit.
    a = tf.constant([1 + 2.0**-12, 1 + 2.0**-12], tf.float32)
    c = tf.constant([2.0**-80, -(2.0**-80)], tf.float32)
    above, below = np.float32(1 + 2.0**-11 + 2.0**-23), np.float32(1 + 2.0**-11)
    assert_identical(TENSORFLOW.fma(a, a, c).numpy(), np.array([above, below]), "fma at a tie")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_square_root_is_correctly_rounded(dtype: str) -> None:
    x = np.abs(random_floats(dtype, 200_000))
    check(lambda ops: ops.sqrt, x[x > 0], case=f"sqrt, {dtype}")
    roots = np.random.default_rng(3).integers(1, 2**26, 20_000).astype(dtype)
    squares = np.concatenate([roots * roots, np.nextafter(roots * roots, np.array(0, dtype))])
    check(lambda ops: ops.sqrt, squares, case=f"sqrt beside squares, {dtype}")


def test_functions_of_the_c_library_are_called_on_the_host() -> None:
    x = np.abs(random_floats("float64"))
    check(lambda ops: lambda x: ops.c_library(math.log, x), x[x > 0], case="log")


def test_frexp_is_that_of_the_reference() -> None:
    x = np.abs(random_floats("float32"))
    check(lambda ops: ops.frexp, x[x > 0], case="frexp")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bounds_and_choices_are_those_of_the_reference(dtype: str) -> None:
    x = random_floats(dtype)
    check(lambda ops: lambda x: ops.maximum(x, -0.5), x, case="maximum")
    check(lambda ops: lambda x: ops.minimum(x, 0.5), x, case="minimum")
    check(lambda ops: lambda x: ops.where(x > 0, x, x * 2), x, case="where")
    check(
        lambda ops: lambda x: ops.branch(x > 0, lambda y: y * 3, lambda y: y * 2, x),
        x,
        case="branch",
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erf_inv_is_that_of_the_reference(dtype: str) -> None:
    generator = np.random.default_rng(4)
    middle = generator.uniform(-1, 1, 20_000).astype(dtype)
    edge = 1 - 2.0 ** -generator.integers(1, 24 if dtype == "float32" else 53, 2000).astype(dtype)
    x = np.concatenate([middle, edge, -edge, [1, -1, 0, -0.0]]).astype(dtype)
    with np.errstate(all="ignore"):
        check(lambda ops: lambda x: erf_inv(ops, x, double=dtype == "float64"), x, case=dtype)


@pytest.mark.parametrize("other", [0, 1, 5, 2**31 - 1, 2**31, 2**32 - 1])
def test_words_are_added_to_and_mixed_with_a_number_as_in_the_reference(other: int) -> None:
    for name in ("add", "xor"):
        check(
            lambda ops, name=name: lambda a: getattr(ops, name)(a, other),
            WORDS,
            case=f"{name} {other}",
        )


def test_words_are_added_and_mixed_as_in_the_reference() -> None:
    for name in ("add", "xor"):
        check(lambda ops, name=name: getattr(ops, name), WORDS, WORDS[::-1].copy(), case=name)


@pytest.mark.parametrize("count", [1, 6, 13, 16, 24, 31])
def test_words_are_rotated_and_cut_as_in_the_reference(count: int) -> None:
    check(lambda ops: lambda a: ops.rotate_left(a, count), WORDS, case=f"rotate_left {count}")
    for low in range(33 - count):
        check(
            lambda ops, low=low: lambda a: ops.bits(a, low, count),
            WORDS,
            case=f"bits {low}, {count}",
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_words_become_unsigned_numbers(dtype: str) -> None:
    a = WORDS >> np.uint32(9) if dtype == "float32" else WORDS
    check(lambda ops: lambda a: ops.to_float(a, np.dtype(dtype)), a, case=dtype)


def test_counters_and_their_words_are_those_of_the_reference() -> None:
    for where in (
        CounterMap(0, (), ()),
        CounterMap(5, (12, -4, 1), (3, 4, 2)),
        CounterMap(2**32 - 3, (1,), (9,)),
        CounterMap(2**40, (-(2**33), 2**31), (4, 5)),
    ):
        got, want = TENSORFLOW.counters(where), NUMPY.counters(where)
        assert_identical(got.numpy().reshape(want.shape), want, str(where))
        for one, other in zip(TENSORFLOW.words(got), NUMPY.words(want), strict=True):
            assert_identical(one.numpy().reshape(other.shape), other, str(where))


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"]
)
def test_a_table_is_looked_up_as_in_the_reference(dtype: str) -> None:
    table = np.arange(-512, 512).astype(getattr(ml_dtypes, dtype, dtype))
    check(lambda ops: lambda index: ops.take(table, index), WORDS % np.uint32(1024), case=dtype)


def test_operations_are_those_of_the_reference() -> None:
    names = [{name for name in dir(ops) if not name.startswith("_")} for ops in (TENSORFLOW, NUMPY)]
    assert names[0] == names[1]
    assert (
        list(itertools.filterfalse(callable, (getattr(TENSORFLOW, name) for name in names[0])))
        == []
    )
