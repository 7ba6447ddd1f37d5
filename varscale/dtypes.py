"""The dtypes that can be drawn, and what JAX's sampling needs to know of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

__all__ = ["COMPLEX", "FLOATS", "DTypeLike", "FloatFormat", "as_dtype", "float_format"]

#: A NumPy or ml_dtypes dtype or scalar type, or a name.
DTypeLike: TypeAlias = Any

_FLOAT8 = ("e3m4", "e4m3", "e4m3b11fnuz", "e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz")
#: Real dtypes that random initializers draw. JAX's list, less float8_e8m0fnu, which has no sign
#: and of which JAX makes nothing but NaN.
FLOATS: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(kind)
    for kind in (
        np.float16,
        np.float32,
        np.float64,
        ml_dtypes.bfloat16,
        *(getattr(ml_dtypes, f"float8_{name}") for name in _FLOAT8),
    )
)
#: Complex dtypes that random initializers draw.
COMPLEX: tuple[np.dtype[Any], ...] = (np.dtype(np.complex64), np.dtype(np.complex128))


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """How a real dtype is drawn.

    Attributes:
        dtype: the dtype.
        mantissa: explicit mantissa bits; a draw has 2**mantissa distinct uniforms.
        width: random bits per element, 8 to 64.
        narrow: shorter than float32: computed as a table of all 2**mantissa samples.
    """

    dtype: np.dtype[Any]
    mantissa: int
    width: int
    narrow: bool


@cache
def float_format(dtype: np.dtype[Any]) -> FloatFormat:
    """The format of one of `FLOATS`.

    Source: jax/_src/random/core.py, `_uniform`: as many random bits as the dtype has, but 8 where
    fewer than 8 mantissa bits are wanted.
    """
    mantissa = int(ml_dtypes.finfo(dtype).nmant)  # type: ignore[no-untyped-call]
    width = 8 if mantissa < 8 else 8 * dtype.itemsize
    return FloatFormat(dtype, mantissa, width, dtype.itemsize < 4)


def as_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """The NumPy dtype that is meant.

    Raises:
        TypeError: there is no such dtype.

    Example:
        >>> as_dtype("bfloat16")
        dtype(bfloat16)
    """
    if isinstance(dtype, str) and hasattr(ml_dtypes, dtype):
        dtype = getattr(ml_dtypes, dtype)
    try:
        return np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"dtype {dtype!r} is not a dtype: {error}") from None
