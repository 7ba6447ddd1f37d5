"""The operations of a recipe as data, and what each one makes of which inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from varscale.arguments import check_kind
from varscale.dtypes import FLOATS
from varscale.linalg import DTYPES as ORTHOGONAL
from varscale.recipe.exponentials import DTYPES as EXPONENTIAL
from varscale.recipe.fields import COMPARISONS, ELEMENTWISE, FIELDS, require

__all__ = ["Kind", "Operation", "kinds_of"]

_BOOL, _WORD = np.dtype(bool), np.dtype(np.uint32)


class Kind(NamedTuple):
    """What a value is: an array of a shape and a dtype, or an array of keys (dtype None)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """A step of a recipe's program.

    Attributes:
        name: a key of `varscale.recipe.fields.FIELDS`.
        inputs: numbers of earlier values.
        fields: the operation's own, by name; the body of a scan is a tuple of operations whose
            values are numbered from its inputs on.
    """

    name: str
    inputs: tuple[int, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))


def kinds_of(program: Sequence[Operation], given: Sequence[Kind]) -> list[Kind]:
    """The kinds of all values of a program, the given ones first.

    Raises:
        ValueError: an operation has inputs that it cannot have.
    """
    kinds = list(given)
    for operation in program:
        check_kind("each of a program", operation, Operation, "an Operation")
        name, inputs = operation.name, operation.inputs
        require(name in FIELDS, f"there is no operation {name!r:.80}")
        needed = {each for each, one in FIELDS[name].items() if not one.optional}
        missing = needed - operation.fields.keys()
        require(not missing, f"operation {name!r} lacks {sorted(missing)}")
        require(
            all(type(one) is int and 0 <= one < len(kinds) for one in inputs),
            f"{name!r} asks for values {inputs} of {len(kinds)}",
        )
        arguments = [kinds[one] for one in inputs]
        try:
            results = _results(operation, arguments)
        except ValueError as error:
            found = ", ".join(_written(one) for one in arguments) or "nothing"
            raise ValueError(f"{error}; {name!r} of {found}") from None
        for one in results:
            require(math.prod(one.shape) < 2**63, f"{name!r} makes more than 2**63 elements")
        kinds += results
    return kinds


def _written(kind: Kind) -> str:
    return f"{kind.dtype or 'key'}[{','.join(map(str, kind.shape))}]"


def _results(operation: Operation, inputs: Sequence[Kind]) -> list[Kind]:
    if operation.name == "scan":
        return _scan(operation.fields, inputs)
    if operation.name in ELEMENTWISE:
        return [_elementwise(operation.name, inputs)]
    rule, count = _RULES[operation.name]
    require(
        len(inputs) == count or (count < 0 and len(inputs) >= -count),
        f"{abs(count)} inputs are wanted, got {len(inputs)}",
    )
    return [rule(operation.fields, *inputs)]


def _array(kind: Kind) -> np.dtype[Any]:
    """The dtype of what must not be keys."""
    require(kind.dtype is not None, "an array is wanted, got keys")
    assert kind.dtype is not None
    return kind.dtype


def _key(kind: Kind) -> tuple[int, ...]:
    """The shape of what must be keys."""
    require(kind.dtype is None, "keys are wanted")
    return kind.shape


def _wrap(fields: Mapping[str, Any], words: Kind) -> Kind:
    require(
        words.dtype == _WORD and words.shape[-1:] == (2,), "keys are made of uint32 words, two each"
    )
    return Kind(words.shape[:-1], None)


def _unwrap(fields: Mapping[str, Any], keys: Kind) -> Kind:
    return Kind((*_key(keys), 2), _WORD)


def _split(fields: Mapping[str, Any], keys: Kind) -> Kind:
    return Kind((*_key(keys), *fields["shape"]), None)


def _fold_in(fields: Mapping[str, Any], keys: Kind, data: Kind) -> Kind:
    require(_array(data).kind in "iu", "keys are folded with integers")
    return Kind(_together(_key(keys), data.shape), None)


def _draw(fields: Mapping[str, Any], keys: Kind) -> Kind:
    require(fields["dtype"] in FLOATS, "a draw is of floats")
    require(len(fields["scale"]) <= 1, "a draw has at most one scale")
    return Kind((*_key(keys), *fields["shape"]), fields["dtype"])


def _orthogonal(fields: Mapping[str, Any], keys: Kind) -> Kind:
    require(len(fields["shape"]) == 2, "an orthogonal matrix has two axes")
    require(fields["dtype"] in ORTHOGONAL, f"no orthogonal matrix is of {fields['dtype']}")
    return Kind((*_key(keys), *fields["shape"]), fields["dtype"])


def _constant(fields: Mapping[str, Any]) -> Kind:
    shape, dtype, values = fields["shape"], fields["dtype"], fields["values"]
    require(len(values) in (1, math.prod(shape)), "a constant has one value, or one per element")
    wanted = bool if dtype == _BOOL else int if dtype.kind in "iu" else float
    require(all(type(one) is wanted for one in values), f"a constant of {dtype} has other values")
    if wanted is int:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        require(all(low <= one <= high for one in values), f"a value does not fit {dtype}")
    return Kind(shape, dtype)


def _reshape(fields: Mapping[str, Any], x: Kind) -> Kind:
    require(math.prod(fields["shape"]) == math.prod(x.shape), "as many elements are wanted")
    return Kind(fields["shape"], x.dtype)


def _transpose(fields: Mapping[str, Any], x: Kind) -> Kind:
    axes = fields["axes"]
    require(sorted(axes) == list(range(len(x.shape))), f"axes {axes} do not order all axes")
    return Kind(tuple(x.shape[axis] for axis in axes), x.dtype)


def _slice(fields: Mapping[str, Any], x: Kind) -> Kind:
    start, stop, step = fields["start"], fields["stop"], fields["step"]
    require(
        len(start) == len(stop) == len(step) == len(x.shape)
        and all(a <= b <= n for a, b, n in zip(start, stop, x.shape, strict=True))
        and all(step),
        f"there is no part from {start} to {stop} by {step}",
    )
    parts = zip(start, stop, step, strict=True)
    return Kind(tuple(len(range(*part)) for part in parts), x.dtype)


def _dynamic_slice(fields: Mapping[str, Any], x: Kind, *start: Kind) -> Kind:
    sizes = fields["shape"]
    require(
        len(sizes) == len(start) == len(x.shape)
        and all(size <= n for size, n in zip(sizes, x.shape, strict=True))
        and all(one.shape == () and _array(one).kind in "iu" for one in start),
        "a start and a size per axis are wanted",
    )
    return Kind(sizes, x.dtype)


def _reverse(fields: Mapping[str, Any], x: Kind) -> Kind:
    axes = fields["axes"]
    require(
        len(set(axes)) == len(axes) and all(0 <= axis < len(x.shape) for axis in axes),
        f"there are no axes {axes}",
    )
    return x


def _broadcast(fields: Mapping[str, Any], x: Kind) -> Kind:
    shape, axes = fields["shape"], fields["axes"]
    require(
        len(axes) == len(x.shape)
        and list(axes) == sorted(set(axes))
        and all(0 <= axis < len(shape) for axis in axes)
        and all(n in (1, shape[axis]) for n, axis in zip(x.shape, axes, strict=True)),
        f"it cannot become {shape} along axes {axes}",
    )
    return Kind(shape, x.dtype)


def _concatenate(fields: Mapping[str, Any], first: Kind, *others: Kind) -> Kind:
    axis = fields["axis"]
    require(axis < len(first.shape), f"there is no axis {axis}")

    def beside(kind: Kind) -> tuple[Any, ...]:
        return (*kind.shape[:axis], None, *kind.shape[axis + 1 :], kind.dtype)

    require(all(beside(one) == beside(first) for one in others), f"they differ beside axis {axis}")
    size = sum(one.shape[axis] for one in (first, *others))
    return Kind((*first.shape[:axis], size, *first.shape[axis + 1 :]), first.dtype)


def _update(fields: Mapping[str, Any], x: Kind, part: Kind) -> Kind:
    start = fields["start"]
    require(
        x.dtype == part.dtype
        and len(start) == len(part.shape) == len(x.shape)
        and all(a + m <= n for a, m, n in zip(start, part.shape, x.shape, strict=True)),
        f"the part at {start} does not lie in it",
    )
    return x


def _convert(fields: Mapping[str, Any], x: Kind) -> Kind:
    _array(x)
    return Kind(x.shape, fields["dtype"])


def _elementwise(name: str, inputs: Sequence[Kind]) -> Kind:
    require(len(inputs) == ELEMENTWISE[name], f"{ELEMENTWISE[name]} inputs are wanted")
    dtypes = [_array(one) for one in inputs]
    shape: tuple[int, ...] = ()
    for one in inputs:
        require(() in (one.shape, shape) or one.shape == shape, "the shapes differ")
        shape = one.shape or shape
    if name == "select":
        require(dtypes.pop(0) == _BOOL, "a choice is made by truth values")
    require(len(set(dtypes)) == 1, "the dtypes differ")
    kind = dtypes[0]
    if name in COMPARISONS:
        return Kind(shape, _BOOL)
    require(name == "select" or kind != _BOOL, "there is no arithmetic of truth values")
    if name in ("divide", "sqrt"):
        require(kind in FLOATS, "floats are wanted")
    if name in ("exp", "log"):
        require(kind.name in EXPONENTIAL, f"one of {', '.join(EXPONENTIAL)} is wanted")
    if name == "fma":
        require(kind.name in ("float32", "float64"), "float32 or float64 is wanted")
    return Kind(shape, kind)


def _scan(fields: Mapping[str, Any], inputs: Sequence[Kind]) -> list[Kind]:
    consts, carry, length = fields["consts"], fields["carry"], fields["length"]
    rows = inputs[consts + carry :]
    require(consts + carry <= len(inputs), "there are fewer inputs than consts and carry")
    require(
        all(one.shape[:1] == (length,) for one in rows), f"a row for each of {length} is wanted"
    )
    given = [*inputs[: consts + carry], *(Kind(one.shape[1:], one.dtype) for one in rows)]
    kinds = kinds_of(fields["body"], given)
    require(all(0 <= one < len(kinds) for one in fields["results"]), "there are no such results")
    results = [kinds[one] for one in fields["results"]]
    require(results[:carry] == given[consts : consts + carry], "the carry changes its kind")
    return results[:carry] + [Kind((length, *one.shape), one.dtype) for one in results[carry:]]


def _together(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise ValueError(f"not a recipe: shapes {a} and {b} do not go together") from None


#: The result of an operation of its fields and inputs, and how many inputs; -n: n or more.
_RULES: Mapping[str, tuple[Callable[..., Kind], int]] = {
    "wrap": (_wrap, 1),
    "unwrap": (_unwrap, 1),
    "split": (_split, 1),
    "fold_in": (_fold_in, 2),
    "draw": (_draw, 1),
    "orthogonal": (_orthogonal, 1),
    "constant": (_constant, 0),
    "reshape": (_reshape, 1),
    "transpose": (_transpose, 1),
    "slice": (_slice, 1),
    "dynamic_slice": (_dynamic_slice, -1),
    "reverse": (_reverse, 1),
    "broadcast": (_broadcast, 1),
    "concatenate": (_concatenate, -1),
    "update": (_update, 2),
    "convert": (_convert, 1),
}
