"""Arithmetic as XLA's CPU compiler does it in each real dtype, on NumPy scalars and arrays.

Used for a draw's constants and for the tables of short dtypes: float16 and bfloat16 are computed in
float32 and rounded after each operation, float8 in float16. XLA runs with subnormals flushed to
zero, which shows in float32, float64 and (computed in float32) bfloat16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["Arithmetic", "flush", "flushed_below", "tiny"]

_FLUSHED = tuple(np.dtype(kind) for kind in (np.float32, np.float64, ml_dtypes.bfloat16))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operations whose results are rounded to one dtype.

    Attributes:
        dtype: one of `varscale.dtypes.FLOATS`.
    """

    dtype: np.dtype[Any]

    def value(self, number: Any) -> Any:
        """A number rounded to dtype, as a NumPy scalar."""
        return flush(np.asarray(number).astype(self.dtype))[()]

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self._rounded(self.wide(a) + self.wide(b))

    def subtract(self, a: Any, b: Any) -> Any:
        """a - b."""
        return self._rounded(self.wide(a) - self.wide(b))

    def multiply(self, a: Any, b: Any) -> Any:
        """a * b."""
        return self._rounded(self.wide(a) * self.wide(b))

    def divide(self, a: Any, b: Any) -> Any:
        """a / b."""
        return self._rounded(self.wide(a) / self.wide(b))

    def sqrt(self, a: Any) -> Any:
        """The square root."""
        return self._rounded(np.sqrt(self.wide(a)))

    def next_after(self, a: Any, towards: float) -> Any:
        """The neighbour of a scalar; NaN for a dtype that has no such value."""
        return flush(np.nextafter(a, self.value(towards), dtype=self.dtype))[()]

    def wide(self, a: Any) -> Any:
        """A value of dtype in the dtype that its operations are computed in."""
        a = np.asarray(a)
        if self.dtype.name == "bfloat16":
            return a.astype(np.float32)
        return a.astype(np.float16) if self.dtype.itemsize == 1 else a

    def _rounded(self, a: Any) -> Any:
        # The result is flushed in the dtype that it is computed in, and has no second chance.
        return flush(flush(np.asarray(a)).astype(self.dtype))[()]


def flushed_below(dtype: np.dtype[Any], scale: Any) -> float:
    """Where samples times `scale` must be flushed: below the smallest normal, or never (0).

    Samples are 0 or at least 2**-54 in magnitude, so that only a tiny scale makes subnormals.
    """
    smallest = tiny(dtype)
    return smallest if abs(scale) < smallest * 2.0**54 else 0.0


def tiny(dtype: np.dtype[Any]) -> float:
    """The smallest positive normal number."""
    return float(ml_dtypes.finfo(dtype).smallest_normal)  # type: ignore[no-untyped-call]


def flush(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Subnormals as zeros of their sign, for the dtypes in which XLA flushes them."""
    if x.dtype not in _FLUSHED:
        return x
    small = (x != 0) & (np.abs(x) < tiny(x.dtype))
    return np.where(small, np.copysign(np.zeros_like(x), x), x) if small.any() else x
