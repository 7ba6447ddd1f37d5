"""What is drawn, as plain data, and `fill`: the one primitive that carries it out."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from varscale.kernels import native
from varscale.kernels.native import Plan, advise_huge_pages
from varscale.layout import (
    AnyLayout,
    CounterMap,
    blocks,
    check_layout,
    in_memory_order,
    overlaps_itself,
)
from varscale.numerics import Draw, sampler
from varscale.numerics.numpy_ops import NUMPY

__all__ = [
    "BLOCK",
    "AnyDraw",
    "Draw",
    "Known",
    "Plan",
    "advise_huge_pages",
    "bind",
    "fill",
    "plan",
    "write",
]

#: Elements that are made at once: the scratch of a fill is about 100 bytes times this.
BLOCK = 1 << 14


@dataclass(frozen=True)
class Known:
    """Values that do not come from a counter each: constants, orthogonal matrices.

    Attributes:
        shape: of JAX's whole array.
        dtype: the values' dtype.
        make: makes the values, an array of this shape and dtype; a constant is a broadcast view
            of one element. Called when the first value is wanted: a meta tensor wants none.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Callable[[], np.ndarray[Any, Any]]

    @property
    def size(self) -> int:
        """Number of elements of the whole draw."""
        return math.prod(self.shape)

    @functools.cached_property
    def values(self) -> np.ndarray[Any, Any]:
        """The values, made once."""
        return self.make()

    def at(self, where: CounterMap) -> np.ndarray[Any, Any]:
        """The values of a block, as a view."""
        if not any(self.values.strides):
            return np.broadcast_to(self.values.reshape(-1)[:1].reshape(()), where.extent)
        flat = np.ascontiguousarray(self.values).reshape(-1)[where.offset :]
        return _strided(flat, where.extent, [stride * flat.itemsize for stride in where.strides])


#: Whatever `fill` can carry out.
AnyDraw: TypeAlias = Draw | Known


def fill(
    draw: AnyDraw,
    destination: np.ndarray[Any, Any],
    layout: AnyLayout | None = None,
    *,
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Write a draw into a strided destination, in place, without a copy of it.

    Args:
        draw: what is drawn.
        destination: a writeable array of the draw's dtype, with any strides.
        layout: where the draw's positions lie in the destination; a `Layout` names the axes, a
            `CounterMap` may also be a part (a shard, a slice). Default: row-major, whole.
        threads: how many threads the compiled kernel uses, 1 to 256; default: as many as pay off,
            from about 4 million elements on. No value depends on it.

    Returns:
        The destination.

    Raises:
        TypeError: the destination is not a NumPy array (tensors: `varscale.torch.fill`), or of
            another dtype.
        ValueError: the destination is read-only or overlaps itself, or does not fit the layout or
            the draw; or threads is out of range. Nothing has been written then.

    Example:
        >>> import numpy as np, varscale
        >>> draw = varscale.initializers.Normal(0.02).draw(0, (3, 3, 4, 8), "float32")
        >>> weight = np.empty((8, 4, 3, 3), np.float32)
        >>> _ = varscale.fill(draw, weight, varscale.Layout("OIHW", of="HWIO"))
    """
    if not isinstance(destination, np.ndarray):
        raise TypeError(f"destination must be a NumPy array, got {type(destination).__name__}")
    if destination.dtype != draw.dtype:
        raise TypeError(f"destination must be of dtype {draw.dtype}, got {destination.dtype}")
    if not destination.flags.writeable:
        raise ValueError("destination must be writeable, got a read-only array")
    if threads is not None and not 1 <= operator.index(threads) <= native.MAX_THREADS:
        raise ValueError(f"threads must be 1 to {native.MAX_THREADS}, got {threads}")
    where = bind(draw, destination.shape, layout)
    if overlaps_itself(destination.shape, destination.strides, destination.itemsize):
        raise ValueError(
            "destination must not overlap itself, got an array of shape "
            f"{destination.shape} and strides {destination.strides}"
        )
    write(draw, destination, where, threads)
    return destination


def write(
    draw: AnyDraw, destination: np.ndarray[Any, Any], where: CounterMap, threads: int | None = None
) -> None:
    """What `fill` does once all is checked: for adapters that have checked their own tensors."""
    if isinstance(draw, Known):
        if destination.size:
            destination[...] = draw.at(where)
        return
    if native.fill(draw, destination, where, threads):
        return
    where, strides = in_memory_order(where, destination.strides)
    memory = _strided(destination, where.extent, strides)
    samples = sampler(NUMPY, draw)
    with np.errstate(all="ignore"):  # an infinite scale makes NaN without a word, as in JAX
        for index, part in blocks(where, BLOCK):
            memory[index] = samples(part).reshape(part.extent)


def plan(
    draw: AnyDraw, shape: tuple[int, ...], strides: tuple[int, ...], layout: AnyLayout | None
) -> Plan | None:
    """Decide what `fill` would do with memory like this under any key.

    Args:
        draw: what is drawn, under a key of the order that later ones have.
        shape: of the destination.
        strides: of the destination, in bytes.
        layout: see `fill`.

    Returns:
        None where the compiled kernel does not do it.
    """
    if isinstance(draw, Known):
        return None
    return native.plan(draw, shape, strides, bind(draw, shape, layout))


def bind(draw: AnyDraw, shape: tuple[int, ...], layout: AnyLayout | None) -> CounterMap:
    """The counters of a destination of this shape.

    Raises:
        ValueError: the layout does not fit the shape, or the draw.
    """
    check_layout(layout)
    if isinstance(layout, CounterMap):
        _check_part(draw, shape, layout)
        return layout
    drawn = shape if layout is None else layout.drawn_shape(shape)
    if drawn != draw.shape:
        raise ValueError(
            f"destination must hold a draw of shape {draw.shape}, got shape {shape}"
            + (f" in {layout}, which holds {drawn}" if layout else "")
        )
    return CounterMap.row_major(shape) if layout is None else layout.bind(shape)


def _check_part(draw: AnyDraw, shape: tuple[int, ...], where: CounterMap) -> None:
    if where.extent != shape:
        raise ValueError(f"destination must have the layout's extent {where.extent}, got {shape}")
    if 0 in shape:
        return
    low, high = where.bounds()
    if low < 0 or high >= draw.size:
        raise ValueError(
            f"layout must stay in the draw's {draw.size} elements, got counters from {low} to "
            f"{high}"
        )


def _strided(
    array: np.ndarray[Any, Any], shape: Sequence[int], strides: Sequence[int]
) -> np.ndarray[Any, Any]:
    """A view from the array's first element on; as_strided does not know ml_dtypes' dtypes."""
    plain = array if array.dtype.isbuiltin == 1 else array.view(f"u{array.itemsize}")
    return np.lib.stride_tricks.as_strided(plain, shape, strides).view(array.dtype)
