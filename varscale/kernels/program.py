"""From a law to the constants that the compiled kernel takes, or to none where it has no loop."""

from __future__ import annotations

import enum
import functools
import math
import struct

import numpy as np

from varscale.dtypes import float_format
from varscale.numerics.arithmetic import flushed_below
from varscale.numerics.draw import Law
from varscale.numerics.samples import narrow_table

__all__ = ["compile_law"]


class _Kind(enum.IntEnum):
    """`enum vs_kind` of src/kernel.h."""

    UNIFORM_F32 = 0
    SYMMETRIC_F32 = 1
    NORMAL_F32 = 2
    FACTORED_F32 = 3
    CLIPPED_F32 = 4
    UNIFORM_F64 = 5
    NORMAL_F64 = 6
    TABLE_16 = 7
    TABLE_8 = 8
    BETWEEN_F32 = 9


@functools.lru_cache(maxsize=1024)
def compile_law(law: Law) -> bytes | None:
    """`struct vs_program` and its table, for any key in the partitionable order.

    Returns:
        None where only the reference can make the samples: with a scale that makes subnormals or
        is not finite; with bounds so narrow that steps underflow.
    """
    shape = float_format(law.dtype)
    if shape.narrow:
        table = narrow_table(law)
        entries = _Kind.TABLE_16 if table.itemsize == 2 else _Kind.TABLE_8
        shift = shape.width - shape.mantissa
        return _packed(entries, law, shift, table.size - 1) + table.tobytes()
    lower, upper = (float(bound) for bound in law.interval)
    numbers = (lower, upper, float(law.scale), *map(float, law.factors_before_clip))
    if not all(map(math.isfinite, numbers)) or _makes_subnormals(law):
        return None
    if len(law.factors_before_clip) > 2 or upper - lower < 2.0**-60:
        return None
    kind = _kind(law, lower, upper)
    return None if kind is None else _packed(kind, law)


def _makes_subnormals(law: Law) -> bool:
    return bool(law.scale != 0) and flushed_below(law.dtype, law.scale) > 0


def _kind(law: Law, lower: float, upper: float) -> _Kind | None:
    double = law.dtype == np.float64
    if law.distribution == "uniform":
        if law.factors_before_clip or law.clip is not None:
            return None
        if double:
            return _Kind.UNIFORM_F64
        whole = {(0.0, 1.0): _Kind.UNIFORM_F32, (-1.0, 1.0): _Kind.SYMMETRIC_F32}
        return whole.get((lower, upper), _Kind.BETWEEN_F32)
    if double:
        return _Kind.NORMAL_F64
    if law.clip is not None:
        return _Kind.CLIPPED_F32 if len(law.factors_before_clip) == 1 else None
    return _Kind.FACTORED_F32 if law.factors_before_clip else _Kind.NORMAL_F32


def _packed(kind: _Kind, law: Law, shift: int = 0, mask: int = 0) -> bytes:
    lower, upper = law.interval
    factors = (*map(float, law.factors_before_clip), 1.0, 1.0)[:2]
    clip = (-math.inf, math.inf) if law.clip is None else map(float, law.clip)
    with np.errstate(all="ignore"):
        numbers = (float(lower), float(upper - lower), *factors, *clip, float(law.scale))
    return struct.pack("=4I7d", kind, shift, mask, law.old_log1p, *numbers)
