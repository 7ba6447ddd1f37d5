"""NumPy's `Ops`: the reference that every other implementation must equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from varscale.numerics.fma import fma64, sum_to_odd

if TYPE_CHECKING:
    from varscale.layout import CounterMap

__all__ = ["NUMPY", "NumpyOps"]

Array: TypeAlias = np.ndarray[Any, Any]

#: The bits of a float64 that a float32 has no room for, and the pattern of a tie among them.
_DROPPED = np.uint64(0x1FFFFFFF)
_TIE = np.uint64(0x10000000)


class NumpyOps:
    """Words are uint32 arrays, counters int64 arrays."""

    def add(self, a: Array, b: Array | int) -> Array:
        return a + (np.uint32(b) if isinstance(b, int) else b)

    def xor(self, a: Array, b: Array | int) -> Array:
        return a ^ (np.uint32(b) if isinstance(b, int) else b)

    def rotate_left(self, a: Array, count: int) -> Array:
        rotated = a << np.uint32(count)
        rotated |= a >> np.uint32(32 - count)
        return rotated

    def counters(self, where: CounterMap) -> Array:
        total = np.full((), where.offset, np.int64)
        for axis, (size, stride) in enumerate(zip(where.extent, where.strides, strict=True)):
            steps = np.arange(size, dtype=np.int64) * stride
            total = total + steps.reshape((size, *(1,) * (len(where.extent) - axis - 1)))
        # At least 1-D: NumPy's scalars warn where its arrays wrap around.
        return np.atleast_1d(total)

    def words(self, counters: Array) -> tuple[Array, Array]:
        return (counters >> 32).astype(np.uint32), counters.astype(np.uint32)

    def bits(self, a: Array, low: int, count: int) -> Array:
        shifted = a >> np.uint32(low)
        return shifted if low + count == 32 else shifted & np.uint32((1 << count) - 1)

    def where(self, mask: Array, a: Array, b: Array) -> Array:
        return np.where(mask, a, b)

    def to_float(self, a: Array, dtype: np.dtype[Any]) -> Array:
        return a.astype(dtype)

    def take(self, table: Array, index: Array) -> Array:
        return table[index]

    def fma(self, a: Array, b: Array | float, c: Array | float) -> Array:
        if a.dtype == np.float64:
            exact: Array = fma64(a, b, c, _to_odd)
            return exact
        product = a.astype(np.float64) * b  # exact: 24 + 24 bits
        total = product + c
        result = total.astype(np.float32)
        # Rounding twice goes wrong only where the first rounding gave a tie of the second.
        tied = (total.view(np.uint64) & _DROPPED) == _TIE
        if tied.any():
            addend = np.broadcast_to(np.asarray(c, np.float64), total.shape)[tied]
            result[tied] = sum_to_odd(product[tied], addend, _to_odd)
        return result

    def sqrt(self, x: Array) -> Array:
        return np.sqrt(x)

    def cast(self, x: Array, dtype: np.dtype[Any]) -> Array:
        return x.astype(dtype)

    def c_library(self, function: Callable[[float], float], x: Array) -> Array:
        # NumPy's own functions differ in the last bit; Python's are the C library's, as XLA's are.
        return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)

    def complex(self, real: Array, imaginary: Array) -> Array:
        result = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
        result.real = real
        result.imag = imaginary
        return result

    def maximum(self, x: Array, bound: Any) -> Array:
        result: Array = np.maximum(x, bound)
        return result

    def minimum(self, x: Array, bound: Any) -> Array:
        result: Array = np.minimum(x, bound)
        return result

    def frexp(self, x: Array) -> tuple[Array, Array]:
        bits = x.view(np.uint32)
        exponent = (bits >> np.uint32(23)).astype(np.float32) - np.float32(126)
        mantissa = (bits & np.uint32(0x007FFFFF)) | np.uint32(0x3F000000)
        return mantissa.view(np.float32), exponent

    def branch(
        self,
        mask: Array,
        common: Callable[[Array], Array],
        rare: Callable[[Array], Array],
        x: Array,
    ) -> Array:
        result = common(x)
        if not mask.all():
            others = ~mask
            result[others] = rare(x[others])
        return result

    def once(self, function: Callable[..., Any], *values: Array | int, **options: bool) -> Any:
        return function(self, *values, **options)


def _to_odd(value: Array, error: Array) -> Array:
    bits = value.view(np.int64)
    # The neighbour towards the error: one up in magnitude where the signs agree, else one down.
    step = np.where((error > 0) == (value > 0), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(np.float64)


#: The reference.
NUMPY = NumpyOps()
