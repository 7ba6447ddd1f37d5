"""Where the positions of a draw lie in a destination: axis names, and the affine map they mean."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "AnyLayout",
    "CounterMap",
    "Layout",
    "blocks",
    "check_layout",
    "destination_shape",
    "in_memory_order",
    "overlaps_itself",
    "row_major_strides",
]


def row_major_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a row-major array."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


@dataclass(frozen=True, slots=True)
class CounterMap:
    """An affine map from positions of a destination to counters of a draw.

    The element at position p holds the draw's value number `offset + sum(p[d] * strides[d])`, its
    row-major position in the array that JAX would make.

    Attributes:
        offset: counter of the position (0, ..., 0).
        strides: counters per step along each destination axis; may be negative.
        extent: the destination's shape.
    """

    offset: int
    strides: tuple[int, ...]
    extent: tuple[int, ...]

    def __post_init__(self) -> None:
        # Python's integers: NumPy's would wrap around before `bounds` could see it.
        try:
            object.__setattr__(self, "offset", operator.index(self.offset))
            for name in ("strides", "extent"):
                object.__setattr__(self, name, tuple(map(operator.index, getattr(self, name))))
        except TypeError:
            raise TypeError(f"offset, strides and extent must be integers, got {self}") from None
        if len(self.strides) != len(self.extent) or any(n < 0 for n in self.extent):
            raise ValueError(
                f"strides and extent must be as many, and no extent negative; got {self}"
            )

    @classmethod
    def row_major(cls, shape: Sequence[int], offset: int = 0) -> CounterMap:
        """The map of a whole draw into an array of its own shape."""
        return cls(offset, row_major_strides(shape), tuple(shape))

    def permuted(self, axes: Sequence[int]) -> CounterMap:
        """The destination is `numpy.transpose(whole, axes)`; ValueError for other axes."""
        if sorted(axes) != list(range(len(self.extent))):
            raise ValueError(f"axes must order all of {len(self.extent)} axes, got {tuple(axes)}")
        return CounterMap(
            self.offset,
            tuple(self.strides[axis] for axis in axes),
            tuple(self.extent[axis] for axis in axes),
        )

    def flipped(self, axes: Sequence[int]) -> CounterMap:
        """The destination is `numpy.flip(whole, axes)`."""
        result = self
        for axis in axes:
            index = [slice(None)] * len(self.extent)
            index[axis] = slice(None, None, -1)
            result = result.sliced(*index)
        return result

    def sliced(self, *index: slice | int) -> CounterMap:
        """The destination is `whole[index]`: a part of the draw; IndexError outside it."""
        if len(index) > len(self.extent):
            raise IndexError(f"{len(index)} indices for {len(self.extent)} axes")
        offset, strides, extent = self.offset, [], []
        for axis, size in enumerate(self.extent):
            part = index[axis] if axis < len(index) else slice(None)
            stride = self.strides[axis]
            if isinstance(part, slice):
                positions = range(size)[part]
                strides.append(stride * positions.step)
                extent.append(len(positions))
                offset += stride * positions.start
            else:
                offset += stride * range(size)[part]
        return CounterMap(offset, tuple(strides), tuple(extent))

    def sharded(self, axis: int, index: int, count: int) -> CounterMap:
        """Shard `index` of `count` equal shards along `axis`; ValueError where they are not."""
        size = self.extent[axis]
        if count < 1 or size % count or not 0 <= index < count:
            raise ValueError(
                f"axis {axis} of size {size} must divide into {count} shards, of which {index} "
                "must be one"
            )
        part = size // count
        whole: list[slice | int] = [slice(None)] * len(self.extent)
        whole[axis] = slice(index * part, (index + 1) * part)
        return self.sliced(*whole)

    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest counter; the extent must not be empty."""
        steps = [(n - 1) * stride for n, stride in zip(self.extent, self.strides, strict=True)]
        low = self.offset + sum(step for step in steps if step < 0)
        high = self.offset + sum(step for step in steps if step > 0)
        return low, high


@dataclass(frozen=True, slots=True, init=False)
class Layout:
    """A destination's axes, by name, against those of the array that JAX draws.

    Args:
        axes: a letter for each destination axis, as in `lax.conv_general_dilated`: "OIHW".
        of: the same letters in the order of JAX's array, "HWIO". Default: the same order.
        flip: the axes along which the destination runs backwards.

    Raises:
        ValueError: the letters repeat or are not the same.

    Example:
        >>> conv = Layout("OIHW", of="HWIO")
        >>> conv.drawn_shape((32, 16, 3, 3))
        (3, 3, 16, 32)
        >>> conv.bind((32, 16, 3, 3)).strides
        (1, 32, 1536, 512)
        >>> Layout("IOHW", of="HWIO", flip="HW")  # torch's ConvTranspose2d of Flax's ConvTranspose
        Layout('IOHW', of='HWIO', flip='HW')
    """

    axes: str
    of: str
    flip: str

    def __init__(self, axes: str, of: str | None = None, flip: str = "") -> None:
        source = axes if of is None else of
        if len(set(axes)) != len(axes) or sorted(axes) != sorted(source):
            raise ValueError(
                f"axes and of must name the same axes once each, got {axes!r} and {source!r}"
            )
        if not set(flip) <= set(axes) or len(set(flip)) != len(flip):
            raise ValueError(f"flip must name axes of {axes!r} once each, got {flip!r}")
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "of", source)
        object.__setattr__(self, "flip", flip)

    def __repr__(self) -> str:
        flip = f", flip={self.flip!r}" if self.flip else ""
        return f"Layout({self.axes!r}, of={self.of!r}{flip})"

    def drawn_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of JAX's array for a destination of this shape."""
        if len(shape) != len(self.axes):
            raise ValueError(
                f"{self} is a layout of {len(self.axes)} axes, got shape {tuple(shape)}"
            )
        sizes = dict(zip(self.axes, shape, strict=True))
        return tuple(sizes[name] for name in self.of)

    def destination_shape(self, drawn: Sequence[int]) -> tuple[int, ...]:
        """The destination's shape for a JAX array of this shape."""
        if len(drawn) != len(self.of):
            raise ValueError(f"{self} is a layout of {len(self.of)} axes, got shape {tuple(drawn)}")
        sizes = dict(zip(self.of, drawn, strict=True))
        return tuple(sizes[name] for name in self.axes)

    def bind(self, shape: Sequence[int]) -> CounterMap:
        """The map of counters for a destination of this shape."""
        whole = CounterMap.row_major(self.drawn_shape(shape))
        whole = whole.flipped([self.of.index(name) for name in self.flip])
        return whole.permuted([self.of.index(name) for name in self.axes])


#: Names of axes, or the numbers themselves (which may also be a part of a draw).
AnyLayout: TypeAlias = Layout | CounterMap


def check_layout(layout: object) -> None:
    """Raise TypeError for what is not a layout; a string is the usual mistake."""
    if layout is not None and not isinstance(layout, Layout | CounterMap):
        hint = f"; write Layout({layout!r})" if isinstance(layout, str) else ""
        raise TypeError(f"layout must be a Layout or a CounterMap, got {layout!r}{hint}")


def destination_shape(drawn: Sequence[int], layout: AnyLayout | None) -> tuple[int, ...]:
    """The shape of what a layout leads to, for a JAX array of shape `drawn`.

    Raises:
        TypeError: not a layout.
        ValueError: a layout of another number of axes.
    """
    check_layout(layout)
    if isinstance(layout, Layout):
        return layout.destination_shape(drawn)
    return tuple(drawn) if layout is None else layout.extent


def in_memory_order(
    where: CounterMap, memory_strides: Sequence[int]
) -> tuple[CounterMap, tuple[int, ...]]:
    """The same positions in the order of the destination's memory, with as few axes as possible.

    Axes are taken from the largest memory stride to the smallest, and axes that continue each
    other both in memory and in the counters become one.

    Args:
        where: the counters of the destination.
        memory_strides: of the destination, one per axis, in any unit.

    Returns:
        The counters and the memory strides of a view of the destination.
    """
    axes = zip(where.extent, memory_strides, where.strides, strict=True)
    merged: list[tuple[int, int, int]] = []
    for size, memory, counter in sorted(
        (axis for axis in axes if axis[0] != 1), key=lambda axis: -abs(axis[1])
    ):
        if merged and merged[-1][1:] == (size * memory, size * counter):
            merged[-1] = (merged[-1][0] * size, memory, counter)
        else:
            merged.append((size, memory, counter))
    extent, memory_order, strides = zip(*merged, strict=True) if merged else ((), (), ())
    return CounterMap(where.offset, strides, extent), memory_order


def blocks(where: CounterMap, limit: int) -> Iterator[tuple[tuple[slice | int, ...], CounterMap]]:
    """Cut a map, in row-major order, into blocks of at most `limit` >= 1 elements.

    Yields:
        (index, part): the part of the map that `where.sliced(*index)` is.
    """
    if 0 in where.extent:
        return
    # The innermost axes that fit a block whole; the one before them is cut into pieces.
    axis = len(where.extent)
    while axis and math.prod(where.extent[axis - 1 :]) <= limit:
        axis -= 1
    if not axis:
        yield (), where
        return
    piece = max(1, limit // math.prod(where.extent[axis:]))
    for lead in itertools.product(*map(range, where.extent[: axis - 1])):
        for start in range(0, where.extent[axis - 1], piece):
            index: tuple[slice | int, ...] = (*lead, slice(start, start + piece))
            yield index, where.sliced(*index)


def overlaps_itself(extent: Sequence[int], memory_strides: Sequence[int], itemsize: int) -> bool:
    """Whether two positions of a destination may share memory.

    Axes must nest: each step must pass everything that the smaller axes span.

    Args:
        extent: the destination's shape.
        memory_strides: in the unit of itemsize.
        itemsize: size of an element.
    """
    span = itemsize
    for size, stride in sorted(
        ((n, abs(s)) for n, s in zip(extent, memory_strides, strict=True) if n > 1),
        key=operator.itemgetter(1),
    ):
        if stride < span:
            return 0 not in extent
        span += (size - 1) * stride
    return False
