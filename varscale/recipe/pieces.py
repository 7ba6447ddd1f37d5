"""Parts of an array that is not made: which positions, and which counters of which source.

Shape operations change both together, and no value; what no index and counters can say is None.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar, cast

import numpy as np

from varscale.layout import CounterMap

__all__ = ["Part", "Piece"]

#: A position along an axis, or the positions start to stop of it.
Part: TypeAlias = int | slice

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Piece(Generic[S]):
    """A part of an array that comes from one source.

    Attributes:
        index: for each axis of the array the position, or the positions, of the piece.
        source: where its values come from.
        where: their counters, one axis for each slice of the index.
    """

    index: tuple[Part, ...]
    source: S
    where: CounterMap

    @property
    def axes(self) -> list[int]:
        """The array's axes of which the piece has a slice."""
        return [axis for axis, part in enumerate(self.index) if isinstance(part, slice)]

    def transposed(self, axes: Sequence[int]) -> Piece[S]:
        """In `numpy.transpose(array, axes)`."""
        number = {axis: i for i, axis in enumerate(self.axes)}
        where = self.where.permuted([number[axis] for axis in axes if axis in number])
        return Piece(tuple(self.index[axis] for axis in axes), self.source, where)

    def flipped(self, axes: Sequence[int], shape: Sequence[int]) -> Piece[S]:
        """In `numpy.flip(array, axes)` of an array of this shape."""
        index = tuple(
            _mirrored(part, n) if axis in axes else part
            for axis, (part, n) in enumerate(zip(self.index, shape, strict=True))
        )
        turned = [i for i, axis in enumerate(self.axes) if axis in axes]
        return Piece(index, self.source, self.where.flipped(turned))

    def sliced(self, kept: Sequence[range]) -> Piece[S] | None:
        """In the array's positions `kept` of each axis; None where the piece has none of them."""
        index: list[Part] = []
        inner: list[slice] = []
        for part, positions in zip(self.index, kept, strict=True):
            if isinstance(part, int):
                if part not in positions:
                    return None
                index.append(positions.index(part))
                continue
            # The first of the kept positions at or after the part's start, and after its stop.
            start, step = positions.start, positions.step
            low = max(0, -((start - part.start) // step))
            high = min(len(positions), -((start - part.stop) // step))
            if low >= high:
                return None
            index.append(slice(low, high))
            first, last = positions[low] - part.start, positions[high - 1] - part.start
            inner.append(slice(first, last + 1, step))
        return Piece(tuple(index), self.source, self.where.sliced(*inner))

    def placed(self, start: Sequence[int]) -> Piece[S]:
        """In a larger array, in which this one begins at `start`."""
        index = tuple(_shifted(part, n) for part, n in zip(self.index, start, strict=True))
        return Piece(index, self.source, self.where)

    def stacked(self, position: int) -> Piece[S]:
        """In an array of arrays, of which this one is number `position`."""
        return Piece((position, *self.index), self.source, self.where)

    def broadcast(self, old: Sequence[int], new: Sequence[int], axes: Sequence[int]) -> Piece[S]:
        """In an array of shape `new` whose axes `axes` are those of `old`; others repeat it."""
        index: list[Part] = [slice(0, n) for n in new]
        strides = [0] * len(new)
        counters = dict(zip(self.axes, self.where.strides, strict=True))
        for before, after in enumerate(axes):
            if old[before] == new[after]:
                index[after] = self.index[before]
                strides[after] = counters.get(before, 0)
        return self._of(index, strides)

    def reshaped(self, old: Sequence[int], new: Sequence[int]) -> Piece[S] | None:
        """In `numpy.reshape(array, new)` of an array of shape `old`; neither has a size 0."""
        counters = dict(zip(self.axes, self.where.strides, strict=True))
        index: list[Part] = [slice(0, n) for n in new]
        strides = [0] * len(new)
        for before, after in _groups(old, new):
            wide = [axis for axis in before if old[axis] > 1]
            parts = [self.index[axis] for axis in wide]
            widened = [axis for axis in after if new[axis] > 1]
            if len(wide) == len(widened) == 1:  # the same axis, among others of size 1
                index[widened[0]] = parts[0]
                strides[widened[0]] = counters.get(wide[0], 0)
            elif all(part == slice(0, old[axis]) for part, axis in zip(parts, wide, strict=True)):
                steps = [(old[axis], counters[axis]) for axis in wide]
                if any(a != n * b for (_, a), (n, b) in itertools.pairwise(steps)):
                    return None
                for axis in widened:
                    inner = math.prod(new[other] for other in widened if other > axis)
                    strides[axis] = steps[-1][1] * inner
            elif all(isinstance(part, int) for part in parts):
                sizes = [old[axis] for axis in wide], [new[axis] for axis in widened]
                number = np.ravel_multi_index(cast(tuple[int, ...], tuple(parts)), sizes[0])
                for axis, position in zip(widened, np.unravel_index(number, sizes[1]), strict=True):
                    index[axis] = int(position)
            else:
                return None
        return self._of(index, strides)

    def _of(self, index: Sequence[Part], strides: Sequence[int]) -> Piece[S]:
        """A piece at an index whose slices have these strides, given for every axis."""
        slices = [
            (part, strides[axis]) for axis, part in enumerate(index) if isinstance(part, slice)
        ]
        extent = tuple(part.stop - part.start for part, _ in slices)
        where = CounterMap(self.where.offset, tuple(stride for _, stride in slices), extent)
        return Piece(tuple(index), self.source, where)


def _mirrored(part: Part, size: int) -> Part:
    if isinstance(part, int):
        return size - 1 - part
    return slice(size - part.stop, size - part.start)


def _shifted(part: Part, offset: int) -> Part:
    if isinstance(part, int):
        return part + offset
    return slice(part.start + offset, part.stop + offset)


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[range, range]]:
    """The smallest groups of old axes and new axes that hold the same elements, in order."""
    groups = []
    i = j = 0
    while i < len(old) or j < len(new):
        first, second = i, j
        left = right = 1
        if i < len(old):
            left, i = old[i], i + 1
        if j < len(new):
            right, j = new[j], j + 1
        while left != right:
            if left < right:
                left, i = left * old[i], i + 1
            else:
                right, j = right * new[j], j + 1
        groups.append((range(first, i), range(second, j)))
    return groups
