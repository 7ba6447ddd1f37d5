"""Arrays that are not made yet: pieces of draws, put where they belong by shape operations alone.

A reshape, transpose, slice or stack of draws is again pieces of the same draws under other
counters, so that nothing is drawn before its destination is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from varscale.draws import AnyDraw, Draw, Known, fill
from varscale.layout import CounterMap, Layout, blocks
from varscale.recipe.pieces import Part, Piece

__all__ = ["Sources", "Tensor", "concatenated", "stacked"]


@dataclass(frozen=True, slots=True, eq=False)
class _Computed:
    """Values that are made whole when they are wanted, and not kept.

    Attributes:
        shape: of the array.
        dtype: of the values.
        make: makes the array.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Callable[[Sources], np.ndarray[Any, Any]]


class Sources:
    """What was computed for the tensor at work: shared within it, gone with it."""

    def __init__(self) -> None:
        self._made: dict[_Computed, Known] = {}

    def draw(self, source: Draw | _Computed) -> AnyDraw:
        """The source as what `varscale.fill` carries out."""
        if isinstance(source, Draw):
            return source
        if source not in self._made:
            values = source.make(self)
            self._made[source] = Known(source.shape, source.dtype, lambda: values)
        return self._made[source]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An array that is not made yet.

    Attributes:
        shape: of the array.
        dtype: of the array.
        pieces: they cover the array; where two overlap, the later one counts.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pieces: tuple[Piece[Draw | _Computed], ...]

    def __post_init__(self) -> None:
        some = tuple(piece for piece in self.pieces if 0 not in piece.where.extent)
        object.__setattr__(self, "pieces", some)

    @classmethod
    def of(cls, source: Draw | _Computed) -> Tensor:
        """The tensor that is one source, whole."""
        index = tuple(slice(0, n) for n in source.shape)
        piece = Piece(index, source, CounterMap.row_major(source.shape))
        return cls(source.shape, source.dtype, (piece,))

    @classmethod
    def computed(
        cls,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        make: Callable[[Sources], np.ndarray[Any, Any]],
    ) -> Tensor:
        """The tensor whose values a function makes; others' values it asks of the `Sources`."""
        return cls.of(_Computed(shape, dtype, make))

    def values(self, sources: Sources) -> np.ndarray[Any, Any]:
        """The array itself."""
        array = np.empty(self.shape, self.dtype)
        self.write(sources, lambda draw, index, where: fill(draw, array[(*index, ...)], where))
        return array

    def blocks(self, limit: int) -> Iterator[np.ndarray[Any, Any]]:
        """The values in row-major order, in blocks of at most `limit` elements, one at a time."""
        sources = Sources()
        whole = [slice(None)] * len(self.shape)
        for index, part in blocks(CounterMap.row_major(self.shape), limit):
            one = [slice(i, i + 1) if isinstance(i, int) else i for i in index]
            kept = [range(n)[i] for i, n in zip([*one, *whole], self.shape, strict=False)]
            yield self._kept(kept).values(sources).reshape(part.extent)

    def write(
        self,
        sources: Sources,
        write: Callable[[AnyDraw, tuple[Part, ...], CounterMap], object],
    ) -> None:
        """Hand each piece, in order, to a function of (draw, index, counters)."""
        for piece in self.pieces:
            write(sources.draw(piece.source), piece.index, piece.where)

    def whole(self, sources: Sources) -> AnyDraw:
        """The array as one draw of its own shape, whose counters are its row-major positions."""
        if len(self.pieces) == 1:
            (piece,) = self.pieces
            if piece.source.shape == self.shape and piece.where == CounterMap.row_major(self.shape):
                return sources.draw(piece.source)
        return Known(self.shape, self.dtype, lambda: self.values(sources))

    def transposed(self, axes: Sequence[int]) -> Tensor:
        """`numpy.transpose(self, axes)`."""
        shape = tuple(self.shape[axis] for axis in axes)
        return self._with(shape, (piece.transposed(axes) for piece in self.pieces))

    def reversed(self, axes: Sequence[int]) -> Tensor:
        """`numpy.flip(self, axes)`."""
        return self._with(self.shape, (piece.flipped(axes, self.shape) for piece in self.pieces))

    def arranged(self, layout: Layout) -> Tensor:
        """As it lies in a destination of this layout."""
        moved = self.transposed([layout.of.index(name) for name in layout.axes])
        return moved.reversed([layout.axes.index(name) for name in layout.flip])

    def sliced(
        self, start: Sequence[int], stop: Sequence[int], step: Sequence[int] | None = None
    ) -> Tensor:
        """`self[start:stop:step, ...]`, 0 <= start <= stop <= size and step >= 1 for each axis."""
        steps = step or [1] * len(self.shape)
        return self._kept([range(*each) for each in zip(start, stop, steps, strict=True)])

    def updated(self, part: Tensor, start: Sequence[int]) -> Tensor:
        """A copy in which `part` stands at `start`."""
        placed = (piece.placed(start) for piece in part.pieces)
        return self._with(self.shape, (*self.pieces, *placed))

    def broadcast(self, shape: tuple[int, ...], axes: Sequence[int]) -> Tensor:
        """An array of this shape, whose axes `axes` are this one's; it repeats along the others."""
        return self._with(shape, (one.broadcast(self.shape, shape, axes) for one in self.pieces))

    def reshaped(self, shape: tuple[int, ...]) -> Tensor:
        """`numpy.reshape(self, shape)`; computed where it is no pieces of the same draws."""
        if 0 in shape:
            return self._with(shape, ())
        pieces = [piece.reshaped(self.shape, shape) for piece in self.pieces]
        if None not in pieces:
            return self._with(shape, pieces)
        return Tensor.computed(
            shape, self.dtype, lambda sources: self.values(sources).reshape(shape)
        )

    def _kept(self, kept: Sequence[range]) -> Tensor:
        return self._with(tuple(map(len, kept)), (piece.sliced(kept) for piece in self.pieces))

    def _with(
        self, shape: tuple[int, ...], pieces: Iterable[Piece[Draw | _Computed] | None]
    ) -> Tensor:
        return Tensor(shape, self.dtype, tuple(one for one in pieces if one is not None))


def concatenated(tensors: Sequence[Tensor], axis: int) -> Tensor:
    """`numpy.concatenate(tensors, axis)`."""
    shape = list(tensors[0].shape)
    start = [0] * len(shape)
    pieces: list[Piece[Draw | _Computed]] = []
    for each in tensors:
        pieces += [piece.placed(start) for piece in each.pieces]
        start[axis] += each.shape[axis]
    shape[axis] = start[axis]
    return Tensor(tuple(shape), tensors[0].dtype, tuple(pieces))


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """`numpy.stack(tensors)`."""
    pieces = tuple(piece.stacked(i) for i, each in enumerate(tensors) for piece in each.pieces)
    return Tensor((len(tensors), *tensors[0].shape), tensors[0].dtype, pieces)
