"""What a recorder knows of a traced value, and how values become a recipe's operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np

from varscale.numerics import Law
from varscale.numerics.arithmetic import Arithmetic
from varscale.recipe.fields import DTYPES
from varscale.recipe.operations import Operation
from varscale.recipe.recording.versions import FOLDS

__all__ = [
    "LARGEST_CONSTANT",
    "Drawn",
    "Fixed",
    "Moved",
    "Product",
    "Scope",
    "Stored",
    "Tracing",
    "Unit",
    "Value",
    "as_number",
    "moved_as",
    "put_elsewhere",
    "shape_of",
]

#: Elements of a constant array, not the same number throughout, that a recipe stores.
LARGEST_CONSTANT = 4096

#: Short dtypes whose products XLA leaves as they stand in compiled code.
_NEVER_FOLDED = ("bfloat16", "float8")


class Unit:
    """Code that XLA compiles as a whole: a jitted function or the body of a loop."""


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """A value that does not depend on the key.

    Attributes:
        array: the values; those of keys are their words. A constant is a broadcast view.
        is_key: keys, of shape `array.shape[:-1]`.
        inner: a constant in the code being compiled, of which XLA makes other constants; not one
            that is handed to this code.
    """

    array: np.ndarray[Any, Any]
    is_key: bool = False
    inner: bool = True

    @property
    def uniform(self) -> bool:
        """The same number throughout."""
        return not self.is_key and (self.array.size == 1 or not any(self.array.strides))

    @property
    def number(self) -> Any:
        """The number of a uniform array, as a scalar of its dtype."""
        return self.array[(0,) * self.array.ndim]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The result of an operation of the recipe."""

    scope: Scope
    number: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A draw, with the factors that it has met so far; no operation yet.

    Attributes:
        key: of the draw.
        batch: shape of the keys.
        shape: of one draw.
        law: of the draw, its scale left aside.
        scale: factors after the law's own, in order: one at most where the law clips.
        unit: where it was drawn, or last scaled.
        folds: XLA multiplies its last factor with the next one before it is used.
    """

    key: Value
    batch: tuple[int, ...]
    shape: tuple[int, ...]
    law: Law
    scale: tuple[Any, ...] = ()
    unit: Unit | None = None
    folds: bool = False

    def times(self, factor: Any, unit: Unit | None, *, inner: bool) -> Drawn | None:
        """The product with a number, or None where a draw cannot say it."""
        dtype = self.law.dtype
        folds = FOLDS and unit is not None and inner
        folds = folds and not dtype.name.startswith(_NEVER_FOLDED)
        if self.scale and folds and self.folds and unit is self.unit:
            together = Arithmetic(dtype).multiply(self.scale[-1], factor)
            return replace(self, scale=(*self.scale[:-1], together))
        if self.scale and self.law.clip is not None:
            return None
        return replace(self, scale=(*self.scale, factor), unit=unit, folds=folds)

    def negated(self, unit: Unit | None) -> Drawn:
        """The product with -1, which is exact."""
        if not self.scale:
            return replace(self, scale=(self.law.dtype.type(-1),), unit=unit)
        return replace(self, scale=(*self.scale[:-1], -self.scale[-1]), folds=False)

    def without_last(self) -> Drawn:
        """The draw before its last factor."""
        return replace(self, scale=self.scale[:-1], folds=False)


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A product in compiled code, which XLA fuses with a sum.

    Attributes:
        a: a factor.
        b: a factor, or a number for all elements.
        shape: of the product.
        unit: the code that is compiled.
        folds: XLA multiplies the number with the next one before it is used.
    """

    a: Value
    b: Value
    shape: tuple[int, ...]
    unit: Unit
    folds: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A value of compiled code whose elements were put elsewhere; no operation yet.

    Attributes:
        name: of the operation.
        source: its input.
        fields: of the operation.
        shape: of the result.
        unit: the code that is compiled.
        depth: how many moves it is away from a draw or a product.
    """

    name: str
    source: Value
    fields: Mapping[str, Any]
    shape: tuple[int, ...]
    unit: Unit
    depth: int


Value: TypeAlias = "Fixed | Stored | Drawn | Product | Moved"

#: Moves in a row that are kept in mind; what is moved more often is written.
_DEEPEST = 16


def put_elsewhere(
    tracer: Tracing, name: str, x: Value, *, shape: tuple[int, ...], fields: Mapping[str, Any]
) -> Value:
    """The result of an operation that moves elements, written now or, in compiled code, later.

    A slice of all elements and the reverse of a reverse are what they were made from.
    """
    if name == "slice" and shape_of(x) == shape:
        return x
    if name == "reverse" and isinstance(x, Moved) and (x.name, x.fields) == (name, fields):
        return x.source
    depth = 1 + (x.depth if isinstance(x, Moved) else 0)
    kept = isinstance(x, Drawn | Product | Moved) and x.unit is tracer.unit
    if kept and tracer.unit is not None and depth <= _DEEPEST:
        return Moved(name, x, fields, shape, tracer.unit, depth)
    return tracer.scope.add(name, x, shape=shape, fields=fields)


def moved_as(tracer: Tracing, other: Moved, x: Value) -> Value:
    """A value whose elements are put where another's were."""
    return put_elsewhere(tracer, other.name, x, shape=other.shape, fields=other.fields)


def as_number(value: Value, shape: tuple[int, ...]) -> Value:
    """An array of one number as this number."""
    if isinstance(value, Fixed) and value.uniform and shape:
        return Fixed(np.asarray(value.number), inner=value.inner)
    return value


def shape_of(value: Value) -> tuple[int, ...]:
    """Of keys, without their words."""
    if isinstance(value, Fixed):
        return tuple(value.array.shape[:-1] if value.is_key else value.array.shape)
    return value.batch + value.shape if isinstance(value, Drawn) else value.shape


class Scope:
    """A program in the making: a recipe's, or the body of a scan."""

    def __init__(self, given: Iterable[tuple[int, ...]]) -> None:
        self.program: list[Operation] = []
        self.given = [Stored(self, i, shape) for i, shape in enumerate(given)]
        self._count = len(self.given)
        self._numbers: dict[Value, int] = {}

    def add(
        self,
        name: str,
        *inputs: Value,
        shape: tuple[int, ...],
        fields: Mapping[str, Any] | None = None,
    ) -> Stored:
        """Write an operation of one result."""
        return self.add_many(name, *inputs, shapes=[shape], fields=fields)[0]

    def add_many(
        self,
        name: str,
        *inputs: Value,
        shapes: Sequence[tuple[int, ...]],
        fields: Mapping[str, Any] | None = None,
    ) -> list[Stored]:
        """Write an operation of several results."""
        numbers = tuple(self.number(one) for one in inputs)
        self.program.append(Operation(name, numbers, fields or {}))
        results = [Stored(self, self._count + i, shape) for i, shape in enumerate(shapes)]
        self._count += len(results)
        return results

    def number(self, value: Value) -> int:
        """The number of a value in this program, which is written now where it was not yet."""
        if isinstance(value, Stored):
            assert value.scope is self, "a value of another program"
            return value.number
        if value not in self._numbers:
            self._numbers[value] = self._written(value).number
        return self._numbers[value]

    def _written(self, value: Fixed | Drawn | Product | Moved) -> Stored:
        if isinstance(value, Product):
            return self.add("multiply", value.a, value.b, shape=value.shape)
        if isinstance(value, Moved):
            return self.add(value.name, value.source, shape=value.shape, fields=value.fields)
        if isinstance(value, Drawn):
            return self._drawn(value)
        array = value.array
        if not value.is_key:
            return self._constant(array, uniform=value.uniform)
        words = self._constant(array, uniform=False)
        return self.add("wrap", words, shape=array.shape[:-1])

    def _constant(self, array: np.ndarray[Any, Any], *, uniform: bool) -> Stored:
        if array.dtype.name not in DTYPES:
            raise NotImplementedError(f"a constant of dtype {array.dtype} cannot be recorded")
        if not uniform and array.size > LARGEST_CONSTANT:
            raise NotImplementedError(
                f"a constant of shape {array.shape} cannot be recorded: a recipe stores arrays of "
                f"at most {LARGEST_CONSTANT} elements, unless all are the same number"
            )
        values = array.reshape(-1)[:1] if uniform and array.size else array.reshape(-1)
        numbers = tuple(_plain(one) for one in values) or (_plain(array.dtype.type(0)),)
        fields = {"shape": array.shape, "dtype": array.dtype, "values": numbers}
        return self.add("constant", shape=array.shape, fields=fields)

    def _drawn(self, drawn: Drawn) -> Stored:
        law = drawn.law
        factors = tuple(map(float, law.factors_before_clip))
        scale = tuple(map(float, drawn.scale))
        fields: dict[str, Any] = {
            "shape": drawn.shape,
            "dtype": law.dtype,
            "distribution": law.distribution,
            "interval": tuple(map(float, law.interval)),
            "factors": factors if law.clip is not None else factors + scale[:-1],
            "scale": scale[-1:],
        }
        if law.clip is not None:
            fields["clip"] = tuple(map(float, law.clip))
        if law.old_log1p and law.dtype == np.float64:
            fields["old_log1p"] = True
        return self.add("draw", drawn.key, shape=drawn.batch + drawn.shape, fields=fields)


class Tracing(Protocol):
    """A walk through a traced function, as far as the rules for its primitives know it.

    Attributes:
        scope: the program in the making.
        unit: the compiled code that is walked through, or None where JAX runs each operation by
            itself.
    """

    scope: Scope
    unit: Unit | None


def _plain(number: Any) -> bool | int | float:
    """A number as JSON has it."""
    kind = np.asarray(number).dtype.kind
    return bool(number) if kind == "b" else int(number) if kind in "iu" else float(number)
