"""exp and log as XLA computes them on a CPU, every step rounded to float32.

Source: xla/service/cpu/llvm_ir_runtime.cc (GenerateVF32Exp, GenerateVF32Log), which follow Cephes
(expf.c) and Eigen (plog); compared with jax 0.10.2, which fuses each product with its sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from varscale.numerics.arithmetic import flush, tiny
from varscale.numerics.erf_inv import log_32
from varscale.numerics.numpy_ops import NUMPY

__all__ = ["DTYPES", "exp", "log"]

Array = np.ndarray[Any, Any]

#: Dtypes that have them; of the short ones they are computed in float32 and rounded.
DTYPES = ("float16", "bfloat16", "float32")

_ONE, _HALF = np.float32(1), np.float32(0.5)
_LOG2_E = np.float32(1.44269504088896341)
#: log(2) in two parts, of which the first has so few digits that its multiples are exact.
_LOG_2_HIGH, _LOG_2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
#: Beyond these the result is 0 or infinite.
_LOW, _HIGH = np.float32(-87.8), np.float32(88.8)
#: Of exp(r) = 1 + r + r**2 p(r), the highest power first.
_P = tuple(
    np.float32(one)
    for one in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    )
)  # fmt: skip


def exp(x: Array) -> Array:
    """exp(x) of float32."""
    bounded = np.clip(x, _LOW, _HIGH)
    power = np.minimum(np.floor(_fma(bounded, _LOG2_E, _HALF)), np.float32(127))
    rest = _fma(-_LOG_2_LOW, power, _fma(-_LOG_2_HIGH, power, bounded))
    series = np.full_like(rest, _P[0])
    for coefficient in _P[1:]:
        series = _fma(series, rest, coefficient)
    result = _fma(series, rest * rest, rest) + _ONE
    biased = np.where(np.isnan(x), 127, power + 127).astype(np.int32)
    return flush(np.maximum(result * (biased << 23).view(np.float32), x))


def log(x: Array) -> Array:
    """log(x) of float32; subnormals count as 0."""
    usual = (x >= tiny(x.dtype)) & (x < np.inf)
    result = log_32(NUMPY, np.where(usual, x, _ONE))
    zero = np.abs(x) < tiny(x.dtype)
    found: Array = np.select([usual, zero, x == np.inf], [result, -np.inf, np.inf], np.nan)
    return found.astype(np.float32)


def _fma(*inputs: Any) -> Array:
    return NUMPY.fma(*np.broadcast_arrays(*inputs))
