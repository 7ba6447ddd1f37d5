"""Where the parts of a JAX layer lie in its twin's tensors, and the counters that this means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from varscale.arguments import check_kind
from varscale.layout import CounterMap, row_major_strides
from varscale.port.layers import Index, JaxLayer, Param, Part

__all__ = ["Place", "Twin", "as_twins", "counters"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one part of a JAX parameter goes.

    Attributes:
        piece: the part's name: "kernel", "ih.f".
        to: the twin's parameter: "weight", "out_proj.weight".
        axes: a letter for each axis there, as in `layers`.
        index: where in the parameter; default: all of it.
        flip: axes along which the twin's layer runs against the direction of the others.
        view: the shape as which the part of the parameter is seen, where it has more axes by name
            than in memory; default: as it is.
        otherwise: the value where the JAX layer has no such part; None: it must have it.
        implied: the value that the part must have because the twin has no memory for it; None: it
            has. `index` is then empty.
    """

    piece: str
    to: str
    axes: str
    index: Index = ()
    flip: str = ""
    view: tuple[int, ...] | None = None
    otherwise: float | None = None
    implied: float | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """A layer of the twin: which JAX layer it is, of which sizes, and where the parts go.

    Attributes:
        kind: "dense", "conv", "attention", ...: see `Library.layer`; or the JAX layer itself,
            where no library has it.
        sizes: its arguments.
        places: where the parts go.
        constants: what is not drawn and no parameter in JAX, but must be set: running averages.
        suffix: tells apart the JAX layers of one module: "l0" of a recurrent one of many layers.
    """

    kind: str | JaxLayer
    sizes: dict[str, Any] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    constants: tuple[tuple[str, float], ...] = ()
    suffix: str = ""

    def __post_init__(self) -> None:
        check_kind("kind", self.kind, str | JaxLayer, "the name of a kind or a JaxLayer")
        check_kind("sizes", self.sizes, Mapping, "a mapping from names of arguments")
        check_kind("places", self.places, tuple | list, "a tuple of Places")
        for place in self.places:
            check_kind("each of places", place, Place, "a Place")


def as_twins(found: Any, at: str, kind: str) -> tuple[Twin, ...]:
    """What a rule returned for a layer, as a tuple.

    Args:
        found: what it returned.
        at: the layer, for the message.
        kind: its class.

    Raises:
        TypeError: neither a twin nor several.
    """
    twins = (found,) if isinstance(found, Twin) else found
    if not isinstance(twins, list | tuple) or not all(isinstance(one, Twin) for one in twins):
        raise TypeError(
            f"the rule of {kind} must return a varscale.port.Twin or a list of them, got {found!r} "
            f"for {at or 'the model'}"
        )
    return tuple(twins)


def counters(param: Param, part: Part, place: Place, shape: tuple[int, ...]) -> CounterMap:
    """The counters of a part's place.

    Args:
        param: the JAX parameter.
        part: its part.
        place: where the part goes.
        shape: of the twin's memory there, after `index` and `view`.

    Raises:
        ValueError: the two sides do not fit.
    """
    source = CounterMap.row_major(param.seen_shape).sliced(*part.index)
    axes, source = _split(param.axes, source, place.axes, shape)
    if sorted(axes) != sorted(place.axes):
        raise ValueError(f"axes {place.axes!r} are not those of JAX's {param.axes!r}")
    source = source.flipped(
        [axes.index(axis) for axis in sorted(set(param.flip) ^ set(place.flip))]
    )
    source = source.permuted([axes.index(axis) for axis in place.axes])
    if source.extent != shape:
        raise ValueError(f"shape {shape} is not that of JAX's, {source.extent} in this order")
    return source


def _split(
    axes: str, source: CounterMap, wanted: str, shape: tuple[int, ...]
) -> tuple[str, CounterMap]:
    """Inputs that were flattened from (H, W, C) in JAX, as axes of their own."""
    inner = "".join(axis for axis in "DHWC" if axis in wanted and axis not in axes)
    if "I" not in axes or "I" in wanted or not inner:
        return axes, source
    at, sizes = axes.index("I"), tuple(shape[wanted.index(axis)] for axis in inner)
    if math.prod(sizes) != source.extent[at]:
        raise ValueError(f"axes {inner!r} of sizes {sizes} are not {source.extent[at]} inputs")
    strides = tuple(source.strides[at] * step for step in row_major_strides(sizes))
    return axes[:at] + inner + axes[at + 1 :], replace(
        source,
        strides=(*source.strides[:at], *strides, *source.strides[at + 1 :]),
        extent=(*source.extent[:at], *sizes, *source.extent[at + 1 :]),
    )
