"""A JAX layer's parameters as plain data: what it draws, in which order, and what each axis means.

Axes are named as in `lax.conv_general_dilated` (I inputs, O outputs, D H W space); both sides of a
port name them, so that no table of permutations is needed. Where they go is in `places`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from varscale.initializers import Initializer

__all__ = [
    "Fork",
    "Index",
    "JaxLayer",
    "Param",
    "Part",
    "plain_axes",
    "projections",
    "spatial_axes",
    "stacked",
]

#: A part of an array: a slice for each of its first axes.
Index: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a JAX parameter that has a name of its own: one gate, one projection.

    Attributes:
        piece: the name by which the other side asks for it: "kernel", "ih.f".
        index: where it lies in the array that is drawn.
        plus: what the JAX layer adds to it in its forward pass, and the twin must have in memory.
    """

    piece: str
    index: Index = ()
    plus: float = 0.0


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a JAX layer.

    Attributes:
        path: below the layer: "kernel", "query/kernel".
        shape: of JAX's array.
        init: the library's default.
        axes: a letter for each axis of the array that is drawn, as it is `seen`.
        drawn: the shape that the initializer is called with, of the same elements in the same
            order; default: `shape`.
        seen: the shape of which `axes` names the axes, of the same elements in the same order;
            default: `drawn`.
        flip: axes along which JAX's layer runs against the direction of the others, as Flax's
            ConvTranspose does.
        parts: its parts; default: one, the whole, of which `piece` is the name.
        piece: default: the path with dots.
    """

    path: str
    shape: tuple[int, ...]
    init: Initializer
    axes: str
    drawn: tuple[int, ...] | None = None
    flip: str = ""
    parts: tuple[Part, ...] = ()
    piece: str = ""
    seen: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.drawn is None:
            object.__setattr__(self, "drawn", self.shape)
        if not self.parts:
            piece = self.piece or self.path.replace("/", ".")
            object.__setattr__(self, "parts", (Part(piece),))
        if self.seen is None:
            object.__setattr__(self, "seen", self.drawn)
        if len(self.axes) != len(self.seen_shape) or len(set(self.axes)) != len(self.axes):
            raise ValueError(f"axes must name each axis of {self.seen} once, got {self.axes!r}")
        if math.prod(self.drawn_shape) != math.prod(self.shape):
            raise ValueError(f"drawn must have the elements of {self.shape}, got {self.drawn}")
        if math.prod(self.seen_shape) != math.prod(self.shape):
            raise ValueError(f"seen must have the elements of {self.shape}, got {self.seen}")

    @property
    def drawn_shape(self) -> tuple[int, ...]:
        """`drawn`, which is never None once made."""
        assert self.drawn is not None
        return self.drawn

    @property
    def seen_shape(self) -> tuple[int, ...]:
        """`seen`, which is never None once made."""
        assert self.seen is not None
        return self.seen


@dataclass(frozen=True, slots=True)
class Fork:
    """A key that a layer takes from a stream beside those of its parameters (Flax NNX, Haiku)."""

    stream: str


@dataclass(frozen=True, slots=True)
class JaxLayer:
    """A JAX layer of known sizes.

    Attributes:
        name: its class, from which automatic names are made: "Dense".
        draws: its parameters and forks, in the order in which it is constructed.
    """

    name: str
    draws: tuple[Param | Fork, ...]

    @property
    def params(self) -> Iterator[Param]:
        """The parameters alone."""
        return (draw for draw in self.draws if isinstance(draw, Param))


def spatial_axes(count: int) -> str:
    """The names of 1 to 3 spatial axes: "W", "HW", "DHW"."""
    return "DHW"[3 - count :]


def plain_axes(count: int) -> str:
    """Names of axes that mean nothing but their order."""
    return "abcdefghijklmnop"[:count]


def projections(
    inputs: int, size: int, outputs: int, key_inputs: int | None, value_inputs: int | None
) -> tuple[tuple[str, int, int], ...]:
    """What attention is made of, in the order in which all libraries make it.

    Args:
        inputs: of the query.
        size: of all heads together.
        outputs: of the whole.
        key_inputs: default: `inputs`.
        value_inputs: default: `inputs`.

    Returns:
        The names of the projections, their inputs and outputs.
    """
    return (
        ("query", inputs, size),
        ("key", key_inputs or inputs, size),
        ("value", value_inputs or inputs, size),
        ("out", size, outputs),
    )


def stacked(pieces: Sequence[str], size: int, axis: int) -> tuple[Part, ...]:
    """Parts of equal size that follow each other along one axis."""
    before = (slice(None),) * axis
    return tuple(
        Part(piece, (*before, slice(i * size, (i + 1) * size))) for i, piece in enumerate(pieces)
    )
