"""From random words to samples: uniform, normal, truncated normal, in every dtype.

Source: jax/_src/random/core.py, `_uniform`, `_normal_real`, `_truncated_normal`; and
jax/_src/nn/initializers.py, which scales the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from varscale.dtypes import float_format
from varscale.layout import CounterMap
from varscale.numerics.arithmetic import Arithmetic, flush, flushed_below, tiny
from varscale.numerics.bits import random_words
from varscale.numerics.complex_samples import polar
from varscale.numerics.draw import Draw, Law
from varscale.numerics.erf_inv import erf_inv
from varscale.numerics.numpy_ops import NUMPY
from varscale.numerics.ops import Floats, Ops, Words
from varscale.threefry import split_key

__all__ = ["from_fraction", "narrow_table", "sampler"]


def sampler(
    ops: Ops, draw: Draw, words: tuple[Words, Words] | None = None
) -> Callable[[CounterMap], Any]:
    """Prepare a draw: what is the same for all its blocks is computed once.

    Args:
        ops: the framework's operations.
        draw: what is drawn.
        words: the key's words where they are not known yet (inside a traced graph).

    Returns:
        A function from a block's counters to its values, an array of shape `where.extent` (at
        least 1-D) and the draw's dtype.
    """
    words = draw.key.words if words is None else words
    law = draw.law
    if isinstance(law, Law):
        return _real_sampler(ops, draw, law, words)
    first, second = (
        _real_sampler(ops, draw, law.part, child)
        for child in split_key(ops, words, 2, draw.key.partitionable)
    )

    def complex_samples(where: CounterMap) -> Any:
        real, imaginary = first(where), second(where)
        if law.distribution != "normal":
            real, imaginary = polar(ops, law, real, imaginary)
        if flushed_below(law.scale.dtype, law.scale):
            # A complex product with a real number: the zeros it adds decide the sign of a zero.
            real, imaginary = real - imaginary * 0.0, imaginary + real * 0.0
        return ops.complex(real, imaginary)

    return complex_samples


def _real_sampler(
    ops: Ops, draw: Draw, law: Law, words: tuple[Words, Words]
) -> Callable[[CounterMap], Any]:
    shape = float_format(law.dtype)
    partitionable = draw.key.partitionable
    size, width, mantissa = draw.size, shape.width, shape.mantissa
    table = narrow_table(law) if shape.narrow else None

    def samples(where: CounterMap) -> Any:
        high, low = random_words(
            ops, words, where, size=size, width=width, partitionable=partitionable
        )
        if table is not None:
            return ops.take(table, ops.bits(low, width - mantissa, mantissa))
        if width == 32:
            fraction = ops.to_float(ops.bits(low, 9, 23), law.dtype) * 2.0**-23
        else:
            upper_bits = ops.to_float(high, law.dtype) * 2.0**20
            lower_bits = ops.to_float(ops.bits(low, 12, 20), law.dtype)
            fraction = (upper_bits + lower_bits) * 2.0**-52
        return from_fraction(ops, law, fraction)

    return samples


def from_fraction(ops: Ops, law: Law, fraction: Floats) -> Floats:
    """Samples from fractions in [0, 1), float32 or float64."""
    lower, upper = law.interval
    with np.errstate(over="ignore"):
        width = Arithmetic(law.dtype).subtract(upper, lower)
    u = ops.fma(fraction, float(width), float(lower))
    x = ops.maximum(u, float(lower))
    if law.distribution != "uniform":
        double = law.dtype == np.float64
        x = ops.once(erf_inv, x, double=double, old_log1p=law.old_log1p)
    for factor in law.factors_before_clip:
        x = x * float(factor)
    if law.clip is not None:
        x = ops.minimum(ops.maximum(x, float(law.clip[0])), float(law.clip[1]))
    x = x * float(law.scale)
    smallest = _flushed_below(law, width)
    if smallest:
        x = ops.where((x < smallest) & (x > -smallest), x * 0.0, x)
    return x


def _flushed_below(law: Law, width: Any) -> float:
    """Where samples must be flushed: below the smallest normal, or never (0)."""
    smallest = tiny(law.dtype)
    # Samples between two bounds are 0 or at least 2 * mantissa + 1 bits below their difference.
    bits = 2 * float_format(law.dtype).mantissa + 2
    if law.distribution == "uniform" and width < smallest * 2.0**bits:
        return smallest
    return flushed_below(law.dtype, law.scale)


def narrow_table(law: Law) -> np.ndarray[Any, Any]:
    """All samples of a short dtype, every step rounded to it; 2**mantissa of them."""
    in_dtype, mantissa = Arithmetic(law.dtype), float_format(law.dtype).mantissa
    fraction = (np.arange(2**mantissa) * 2.0**-mantissa).astype(law.dtype)
    lower, upper = law.interval
    with np.errstate(all="ignore"):
        u = in_dtype.add(in_dtype.multiply(fraction, in_dtype.subtract(upper, lower)), lower)
        x = np.maximum(u, lower)
        if law.distribution != "uniform":
            x = flush(erf_inv(NUMPY, x.astype(np.float32), double=False).astype(law.dtype))
        for factor in law.factors_before_clip:
            x = in_dtype.multiply(x, factor)
        if law.clip is not None:
            x = np.minimum(np.maximum(x, law.clip[0]), law.clip[1])
        table: np.ndarray[Any, Any] = in_dtype.multiply(x, law.scale)
        if law.dtype.itemsize == 1:
            # One NaN: float8_e4m3fn has two, and no infinity to clip a truncated normal with.
            table[np.isnan(table)] = np.nan
        return table
