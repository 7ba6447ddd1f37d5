"""The error function at the bounds of a truncated normal, with the roundings of XLA's CPU compiler.

Bounds are a few scalars per draw, so this is NumPy and Python only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from varscale.numerics.arithmetic import Arithmetic, flush
from varscale.numerics.numpy_ops import NUMPY

__all__ = ["RECIPROCAL_SQRT_2", "erf_of_bound"]

# Rational approximation x * P(x**2) / Q(x**2), as in XLA's and Eigen's float32 erf; highest power
# first. Read from the code that jaxlib 0.10.2 emits.
_P = (
    0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861, 0.18520832239976145,
    1.128379143519084,
)  # fmt: skip
_Q = (
    -1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885, 0.014070470171167667,
    0.11098505178285362, 0.49746925110067538, 1.0,
)  # fmt: skip
#: From here on XLA's code for scalars returns +-1 (bits 0x406F9C68).
_ONE_FROM = np.float32(3.7439213)
#: float64 1 / sqrt(2) as XLA rounds it, one ulp below the nearest (bits 0x3FE6A09E667F3BCC).
RECIPROCAL_SQRT_2 = float.fromhex("0x1.6a09e667f3bccp-1")


def erf_of_bound(bound: Any, *, folded: bool) -> Any:
    """erf(bound / sqrt(2)) in the bound's own dtype.

    Args:
        bound: a NumPy scalar of a real dtype; infinities are allowed.
        folded: the value that XLA makes at compile time, where the bounds are numbers in a jitted
            function; it differs from the eager value for most float32 bounds (not for +-2).

    Returns:
        A NumPy scalar of the same dtype.
    """
    dtype = bound.dtype
    in_dtype = Arithmetic(dtype)
    sqrt2 = in_dtype.value(math.sqrt(2))
    if dtype == np.float64:
        scaled = bound / sqrt2 if folded else bound * RECIPROCAL_SQRT_2
        return np.float64(math.erf(float(scaled)))
    if dtype == np.float32 and folded:
        return np.float32(math.erf(float(bound / sqrt2)))
    if dtype.itemsize == 1:
        # Everything about float8 goes through float16.
        scaled = in_dtype.multiply(bound, in_dtype.wide(1) / in_dtype.wide(sqrt2))
        return _erf_32(np.float32(scaled)).astype(np.float16).astype(dtype)
    # XLA multiplies by the reciprocal, which it rounds to float32 for bfloat16.
    if dtype == np.float16:
        scaled = bound * (np.float16(1) / sqrt2)
    else:
        scaled = (np.float32(bound) * (np.float32(1) / np.float32(sqrt2))).astype(dtype)
    return flush(np.asarray(_erf_32(np.float32(scaled)).astype(dtype)))[()]


def _erf_32(x: Any) -> Any:
    if np.isnan(x):
        return x
    if abs(x) >= _ONE_FROM:
        return np.copysign(np.float32(1), x)
    values = np.array([x])
    square = values * values
    top, bottom = (_horner(square, coefficients) for coefficients in (_P, _Q))
    return ((values * top) / bottom)[0]


def _horner(x: np.ndarray[Any, Any], coefficients: tuple[float, ...]) -> np.ndarray[Any, Any]:
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = NUMPY.fma(x, result, float(np.float32(coefficient)))
    return result
