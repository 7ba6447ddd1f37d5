"""What is written where, under which key: a model's initialisation, decided before it begins."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from varscale.arguments import check_kind
from varscale.draws import AnyDraw
from varscale.dtypes import DTypeLike
from varscale.initializers import Constant, Initializer
from varscale.keys import Key
from varscale.layout import CounterMap
from varscale.port.layers import Index, Param
from varscale.port.patterns import nearest
from varscale.port.places import Place, counters
from varscale.port.slots import Keyed, Slot

__all__ = ["Plan", "Row", "draws_of", "rows_of"]


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a JAX parameter, and the part of the twin's parameter that holds it.

    Attributes:
        to: the twin's parameter: "blocks.0.attention.in_proj_weight".
        index: where in it; () is all of it.
        view: as which shape this part is seen, or None: as it is.
        path: of the JAX parameter: "blocks_0/attention/query/kernel"; "" where JAX has none, and
            the twin's is constant.
        stack: which of the equal modules that JAX stacks, the outermost first; () for none.
        shape: of the JAX parameter, without the stacked axes.
        param: the JAX parameter, or None.
        where: the counters of this part in the array that is drawn.
        init: the initializer.
        key: what it is called with; None where it is not random.
        count: see `Keyed`.
    """

    to: str
    index: Index
    view: tuple[int, ...] | None
    path: str
    stack: tuple[int, ...]
    shape: tuple[int, ...]
    param: Param | None
    where: CounterMap
    init: Initializer
    key: Key | None
    count: int | None

    def draw(self, dtype: DTypeLike) -> AnyDraw:
        """What is drawn for the whole JAX parameter."""
        shape = self.where.extent if self.param is None else self.param.drawn_shape
        return self.init.draw(self.key or Key((0, 0)), shape, dtype)


@dataclass(frozen=True)
class Plan:
    """A model's initialisation.

    Attributes:
        rows: in the order in which the JAX model makes its parameters.
        constants: what is no parameter in JAX and must be set all the same: running averages.
        left: the twin's parameters that are left as they are.
        tied: other names of parameters that have several, and the first.
    """

    rows: tuple[Row, ...]
    constants: tuple[tuple[str, float], ...] = ()
    left: tuple[str, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def by_name(self) -> Mapping[str, Sequence[Row]]:
        """The rows of each parameter of the twin that is filled."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.to, []).append(row)
        return found

    def rows_of(self, name: Any) -> Sequence[Row]:
        """The rows of one parameter of the twin.

        Raises:
            TypeError: not a name.
            KeyError: no such parameter, or one that the plan does not fill.
        """
        check_kind("name", name, str, "the name of one of the twin's parameters")
        if name in self.by_name:
            return self.by_name[name]
        if name in self.left:
            raise KeyError(f"the plan leaves {name!r} as it is, and has no values for it")
        if name in self.tied:
            raise KeyError(f"{name!r} is {self.tied[name]!r} by another name: give that one")
        if name in dict(self.constants):
            raise KeyError(f"{name!r} is a constant, which fill_() without names sets")
        raise KeyError(f"the plan has no parameter {name!r}{nearest([name], self.by_name)}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The JAX parameters by path, with the stacked axes."""
        lengths: dict[str, list[int]] = {}
        for row in self.rows:
            lengths[row.path] = [
                max(pair) for pair in zip(row.stack, lengths.get(row.path, row.stack), strict=True)
            ]
        return {
            row.path: (*(last + 1 for last in lengths[row.path]), *row.shape)
            for row in self.rows
            if row.path
        }


def draws_of(name: str, rows: Sequence[Row], dtype: DTypeLike) -> list[AnyDraw]:
    """What is drawn for the rows of a parameter of the twin.

    Raises:
        ValueError: an initializer cannot draw this dtype.
    """
    try:
        return [row.draw(dtype) for row in rows]
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def rows_of(
    slot: Slot, keys: Sequence[Keyed], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[Row]:
    """The rows of one layer.

    Args:
        slot: the layer.
        keys: of its parameters, in their order.
        shapes: of the twin's parameters.

    Raises:
        ValueError: a part of one side has no place on the other, or they do not fit.
    """
    places = {place.piece: place for place in slot.twin.places}
    for param, keyed in zip(slot.layer.params, keys, strict=True):
        path = slot.path_of(param)
        for part in param.parts:
            place = places.pop(part.piece, None)
            if place is None:
                raise ValueError(
                    f"{slot.at or 'the model'}: JAX's {path} has a part {part.piece!r}, which the "
                    f"twin has no place for (it has {', '.join(sorted(places)) or 'none'})"
                )
            memory = _extent(place, shapes, slot)
            init = _shifted(param.init, part.plus, path)
            try:
                where = (
                    counters(param, part, place, memory)
                    if place.implied is None
                    else _implied(place.implied, init, memory)
                )
            except ValueError as error:
                name = slot.name_of(place)
                raise ValueError(f"{name} cannot hold JAX's {path}: {error}") from None
            yield Row(
                slot.name_of(place),
                place.index,
                place.view,
                path,
                slot.stack,
                param.shape,
                param,
                where,
                init,
                keyed.key,
                keyed.count,
            )
    for place in places.values():
        if place.otherwise is None:
            raise ValueError(
                f"{slot.at or 'the model'}: {place.to} wants {place.piece!r}, which JAX's "
                f"{slot.layer.name} does not have"
            )
        extent = _extent(place, shapes, slot)
        yield Row(
            slot.name_of(place),
            place.index,
            place.view,
            "",
            (),
            extent,
            None,
            CounterMap.row_major(extent),
            Constant(place.otherwise),
            None,
            None,
        )


def _shifted(init: Initializer, plus: float, path: str) -> Initializer:
    if not plus:
        return init
    if not isinstance(init, Constant):
        raise ValueError(
            f"{path}: the JAX layer adds {plus} to a part of it in its forward pass, which the "
            f"twin must have in memory; that is only known for a constant, got {init}"
        )
    return replace(init, value=init.value + plus)


def _implied(value: float, init: Initializer, memory: tuple[int, ...]) -> CounterMap:
    """The counters of a part without memory."""
    if not (isinstance(init, Constant) and bool(init.value == value)):
        raise ValueError(f"it has no memory for this part, which must be {value}, not {init}")
    return CounterMap.row_major(memory)


def _extent(place: Place, shapes: Mapping[str, tuple[int, ...]], slot: Slot) -> tuple[int, ...]:
    """The shape of a place's memory, after index and view."""
    name = slot.name_of(place)
    if name not in shapes:
        raise ValueError(f"the twin has no parameter {name}, where a rule puts {place.piece!r}")
    shape = shapes[name]
    ranges = [range(size)[part] for size, part in zip(shape, place.index, strict=False)]
    extent = (*map(len, ranges), *shape[len(ranges) :])
    if place.view is None:
        return extent
    if math.prod(place.view) != math.prod(extent):
        raise ValueError(f"{name} of shape {extent} cannot be seen as {place.view}")
    return place.view
