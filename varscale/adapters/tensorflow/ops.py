"""TensorFlow's `Ops`: the reference arithmetic inside a traced graph.

Words are uint32 tensors, counters int64 tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from varscale.layout import CounterMap
from varscale.numerics.fma import fma64, refined_sqrt64, sum_to_odd
from varscale.numerics.numpy_ops import NUMPY

__all__ = ["TENSORFLOW", "TensorFlowOps"]

Tensor = Any


class TensorFlowOps:
    """Operations for `tf.function`; they also run eagerly.

    All of `Ops`, though a graph leaves complex samples and float64's logarithm to the host.
    """

    def add(self, a: Tensor | int, b: Tensor | int) -> Tensor:
        return tf.add(_word(a), _word(b))

    def xor(self, a: Tensor, b: Tensor | int) -> Tensor:
        return tf.bitwise.bitwise_xor(a, _word(b))

    def rotate_left(self, a: Tensor, count: int) -> Tensor:
        left = tf.bitwise.left_shift(a, _word(count))
        return tf.bitwise.bitwise_or(left, tf.bitwise.right_shift(a, _word(32 - count)))

    def counters(self, where: CounterMap) -> Tensor:
        total = tf.constant(where.offset, tf.int64)
        for axis, (size, stride) in enumerate(zip(where.extent, where.strides, strict=True)):
            steps = tf.range(size, dtype=tf.int64) * stride
            total = total + tf.reshape(steps, (size, *(1,) * (len(where.extent) - axis - 1)))
        return total

    def words(self, counters: Tensor) -> tuple[Tensor, Tensor]:
        low = tf.bitwise.bitwise_and(counters, tf.constant(0xFFFFFFFF, tf.int64))
        high = tf.bitwise.right_shift(counters, tf.constant(32, tf.int64))
        return tf.cast(high, tf.uint32), tf.cast(low, tf.uint32)

    def bits(self, a: Tensor, low: int, count: int) -> Tensor:
        shifted = tf.bitwise.right_shift(a, _word(low))
        return tf.bitwise.bitwise_and(shifted, _word((1 << count) - 1))

    def where(self, mask: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return tf.where(mask, a, b)

    def to_float(self, a: Tensor, dtype: np.dtype[Any]) -> Tensor:
        return tf.cast(a, dtype)

    def take(self, table: np.ndarray[Any, Any], index: Tensor) -> Tensor:
        index = tf.cast(index, tf.int32)
        if table.itemsize > 1:
            return tf.gather(tf.constant(table), index)
        # float8 has casts, and no gather.
        return tf.cast(tf.gather(tf.constant(table.astype(np.float32)), index), table.dtype)

    def fma(self, a: Tensor, b: Any, c: Any) -> Tensor:
        if a.dtype == tf.float64:
            return fma64(a, b, c, _to_odd)
        a, b, c = (_float64(value) for value in (a, b, c))
        return tf.cast(sum_to_odd(a * b, c, _to_odd), tf.float32)  # a * b is exact: 24 + 24 bits

    def sqrt(self, x: Tensor) -> Tensor:
        # Not relied upon to be correctly rounded. For float32 it need not be: the float64 root of
        # a float32 is never within an ulp of a float32 tie.
        root = tf.sqrt(tf.cast(x, tf.float64))
        return tf.cast(root, x.dtype) if x.dtype == tf.float32 else refined_sqrt64(x, root, _to_odd)

    def cast(self, x: Tensor, dtype: np.dtype[Any]) -> Tensor:
        return tf.cast(x, dtype)

    def c_library(self, function: Callable[[float], float], x: Tensor) -> Tensor:
        # TensorFlow's float64 functions differ from the C library's in the last bit.
        on_host = functools.partial(NUMPY.c_library, function)
        result = tf.numpy_function(on_host, [x], tf.float64, stateful=False)
        result.set_shape(x.shape)
        return result

    def complex(self, real: Tensor, imaginary: Tensor) -> Tensor:
        return tf.complex(real, imaginary)

    def maximum(self, x: Tensor, bound: float) -> Tensor:
        return tf.maximum(x, tf.constant(bound, x.dtype))

    def minimum(self, x: Tensor, bound: float) -> Tensor:
        return tf.minimum(x, tf.constant(bound, x.dtype))

    def frexp(self, x: Tensor) -> tuple[Tensor, Tensor]:
        bits = tf.bitcast(x, tf.uint32)
        exponent = tf.cast(self.bits(bits, 23, 9), tf.float32) - 126.0
        mantissa = tf.bitwise.bitwise_or(self.bits(bits, 0, 23), _word(0x3F000000))
        return tf.bitcast(mantissa, tf.float32), exponent

    def branch(
        self,
        mask: Tensor,
        common: Callable[[Tensor], Tensor],
        rare: Callable[[Tensor], Tensor],
        x: Tensor,
    ) -> Tensor:
        return tf.where(mask, common(x), rare(x))

    def once(self, function: Callable[..., Any], *values: Tensor | int, **options: bool) -> Any:
        if not tf.inside_function():  # a tf.Graph of its own, which the kept one would keep alive
            return function(self, *values, **options)
        tensors = [_word(value) for value in values]
        dtypes = tuple(tensor.dtype for tensor in tensors)
        return _graph(function, dtypes, tuple(options.items()))(*tensors)


@functools.cache
def _graph(
    function: Callable[..., Any], dtypes: tuple[Any, ...], options: tuple[Any, ...]
) -> Callable[..., Any]:
    """A function of tensors of any shape, traced once: most of what tracing a draw would take."""
    traced: Callable[..., Any] = tf.function(
        lambda *values: function(TENSORFLOW, *values, **dict(options)),
        input_signature=[tf.TensorSpec(None, dtype) for dtype in dtypes],
        autograph=False,
    )
    return traced


def _word(value: Tensor | int) -> Tensor:
    return tf.constant(value, tf.uint32) if isinstance(value, int) else value


def _float64(value: Tensor | float) -> Tensor:
    # TensorFlow would make a float32 of a Python float, and then cast it.
    return tf.cast(value, tf.float64) if tf.is_tensor(value) else tf.constant(value, tf.float64)


def _to_odd(value: Tensor, error: Tensor) -> Tensor:
    bits = tf.bitcast(value, tf.int64)
    inexact = tf.cast(tf.not_equal(error, 0), tf.int64)
    # Of an inexact sum the digits that are certain, one less where the signs differ; then a 1.
    signs = tf.bitwise.bitwise_xor(bits, tf.bitcast(error, tf.int64))
    certain = bits + tf.bitwise.right_shift(signs, tf.constant(63, tf.int64)) * inexact
    return tf.bitcast(tf.bitwise.bitwise_or(certain, inexact), tf.float64)


#: Stateless, so one is enough.
TENSORFLOW = TensorFlowOps()
