"""From a draw to the constants that the compiled kernel takes, or to none where it has no loop."""

from __future__ import annotations

import enum
import math
import struct

import numpy as np

from varscale.dtypes import float_format
from varscale.numerics.arithmetic import flushed_below
from varscale.numerics.draw import Draw
from varscale.numerics.samples import narrow_table

__all__ = ["compile_draw"]


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


def compile_draw(draw: Draw) -> bytes | None:
    """`struct vs_program` and its table, whatever the key.

    Returns:
        None where only the reference can make the draw: in the legacy order of words; with a scale
        that makes subnormals or is not finite; with bounds so narrow that steps underflow.
    """
    if not draw.key.partitionable:
        return None
    shape = float_format(draw.dtype)
    if shape.narrow:
        table = narrow_table(draw)
        entries = _Kind.TABLE_16 if table.itemsize == 2 else _Kind.TABLE_8
        shift = shape.width - shape.mantissa
        return _packed(entries, draw, shift, table.size - 1) + table.tobytes()
    lower, upper = (float(bound) for bound in draw.interval)
    numbers = (lower, upper, float(draw.scale), *map(float, draw.factors_before_clip))
    if not all(map(math.isfinite, numbers)) or _makes_subnormals(draw):
        return None
    if len(draw.factors_before_clip) > 2 or upper - lower < 2.0**-60:
        return None
    kind = _kind(draw, lower, upper)
    return None if kind is None else _packed(kind, draw)


def _makes_subnormals(draw: Draw) -> bool:
    return bool(draw.scale != 0) and flushed_below(draw.dtype, draw.scale) > 0


def _kind(draw: Draw, lower: float, upper: float) -> _Kind | None:
    double = draw.dtype == np.float64
    if draw.distribution == "uniform":
        if draw.factors_before_clip or draw.clip is not None:
            return None
        if double:
            return _Kind.UNIFORM_F64
        return {(0.0, 1.0): _Kind.UNIFORM_F32, (-1.0, 1.0): _Kind.SYMMETRIC_F32}.get((lower, upper))
    if double:
        return _Kind.NORMAL_F64
    if draw.clip is not None:
        return _Kind.CLIPPED_F32 if len(draw.factors_before_clip) == 1 else None
    return _Kind.FACTORED_F32 if draw.factors_before_clip else _Kind.NORMAL_F32


def _packed(kind: _Kind, draw: Draw, shift: int = 0, mask: int = 0) -> bytes:
    lower, upper = draw.interval
    factors = (*map(float, draw.factors_before_clip), 1.0, 1.0)[:2]
    clip = (-math.inf, math.inf) if draw.clip is None else map(float, draw.clip)
    with np.errstate(all="ignore"):
        numbers = (float(lower), float(upper - lower), *factors, *clip, float(draw.scale))
    return struct.pack("=4I7d", kind, shift, mask, draw.old_log1p, *numbers)
