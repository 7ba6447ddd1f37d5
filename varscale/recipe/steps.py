"""What each operation of a recipe does to values: keys, known arrays, tensors to be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from varscale.draws import Draw, fill
from varscale.initializers import Orthogonal
from varscale.keys import Key, fold_in, key_data, split, wrap_key_data
from varscale.layout import CounterMap
from varscale.numerics import Law
from varscale.recipe.arithmetic import converted, elementwise
from varscale.recipe.fields import COMPARISONS
from varscale.recipe.tensors import Sources, Tensor, concatenated, stacked

__all__ = ["STEPS", "Keys", "Value", "as_array", "as_tensor", "elementwise_step", "stack"]

Array: TypeAlias = np.ndarray[Any, Any]

#: Elements up to which an array that is not one number throughout is computed at once.
_SMALL = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """Keys as their words.

    Attributes:
        words: uint32 of shape (*shape, 2).
        partitionable: see `varscale.Key`.
    """

    words: Array
    partitionable: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array of keys."""
        return tuple(self.words.shape[:-1])

    def __iter__(self) -> Iterator[Key]:
        for words in self.words.reshape(-1, 2):
            yield wrap_key_data(words, partitionable=self.partitionable)

    def moved(self, words: Array) -> Keys:
        """Other keys of the same kind."""
        return Keys(words, self.partitionable)


#: Keys; an array that is known, because it is small or the same number throughout; or a tensor.
Value: TypeAlias = Keys | Array | Tensor


def as_tensor(value: Value) -> Tensor:
    """An array as a tensor; of a known one, nothing is copied."""
    if isinstance(value, np.ndarray):
        return Tensor.computed(value.shape, value.dtype, lambda _: value)
    return cast(Tensor, value)


def as_array(value: Value) -> Array:
    """An array, made now."""
    return value.values(Sources()) if isinstance(value, Tensor) else cast(Array, value)


def stack(rows: Sequence[Value]) -> Value:
    """`numpy.stack(rows)`."""
    if isinstance(rows[0], Keys):
        return rows[0].moved(np.stack([cast(Keys, row).words for row in rows]))
    if _small(rows):
        return np.stack([cast(Array, row) for row in rows])
    return stacked([as_tensor(row) for row in rows])


def elementwise_step(name: str, inputs: Sequence[Any]) -> Value:
    """An operation of `varscale.recipe.fields.ELEMENTWISE`."""
    if all(isinstance(one, np.ndarray) for one in inputs):
        return _each_once(lambda *arrays: elementwise(name, *arrays), *inputs)
    shape = next((one.shape for one in inputs if one.shape), ())
    dtype = np.dtype(bool) if name in COMPARISONS else inputs[-1].dtype
    tensors = [as_tensor(one) for one in inputs]
    return Tensor.computed(
        shape, dtype, lambda sources: elementwise(name, *(_made(sources, one) for one in tensors))
    )


def _made(sources: Sources, tensor: Tensor) -> Array:
    """The values of an operand, not copied where they were computed whole."""
    draw = tensor.whole(sources)
    if isinstance(draw, Draw):
        return fill(draw, np.empty(draw.shape, draw.dtype))
    return draw.at(CounterMap.row_major(draw.shape))


def _small(values: Sequence[Value]) -> bool:
    """Whether all are known, and few enough to be put together at once."""
    known = [one for one in values if isinstance(one, np.ndarray)]
    return len(known) == len(values) and sum(one.size for one in known) <= _SMALL


def _repeats(array: Array) -> bool:
    """Whether an array is a view of one element."""
    return bool(array.size) and not any(array.strides)


def _each_once(function: Callable[..., Array], *arrays: Array) -> Array:
    """A function of elements; of arrays that repeat one element, it is computed once."""
    if not all(map(_repeats, arrays)):
        return function(*arrays)
    shape = next((array.shape for array in arrays if array.shape), ())
    return np.broadcast_to(function(*(array[(0,) * array.ndim] for array in arrays)), shape)


def _of_each_key(keys: Keys, make: Callable[[Key], Tensor], empty: Tensor) -> Tensor:
    """What a function makes of each key, along the axes of the keys."""
    made = [make(key) for key in keys]
    if not made:
        return Tensor((*keys.shape, *empty.shape), empty.dtype, ())
    return stacked(made).reshaped((*keys.shape, *empty.shape)) if keys.shape else made[0]


def _split(fields: Mapping[str, Any], keys: Keys) -> Keys:
    shape = fields["shape"]
    words = [[key_data(child) for child in split(key, math.prod(shape))] for key in keys]
    return keys.moved(np.array(words, np.uint32).reshape(*keys.shape, *shape, 2))


def _fold_in(fields: Mapping[str, Any], keys: Keys, data: Value) -> Keys:
    numbers = as_array(data)
    shape = np.broadcast_shapes(keys.shape, numbers.shape)
    parents = keys.moved(np.broadcast_to(keys.words, (*shape, 2)))
    numbers = np.broadcast_to(numbers, shape).reshape(-1)
    words = [key_data(fold_in(*each)) for each in zip(parents, numbers, strict=True)]
    return keys.moved(np.array(words, np.uint32).reshape(*shape, 2))


def _draw(fields: Mapping[str, Any], keys: Keys) -> Value:
    law, shape = _law(fields), fields["shape"]
    empty = Tensor(shape, law.dtype, ())
    return _of_each_key(keys, lambda key: Tensor.of(Draw(key, shape, law)), empty)


def _law(fields: Mapping[str, Any]) -> Law:
    dtype = fields["dtype"]

    def numbers(name: str) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return tuple(np.asarray(fields[name], np.float64).astype(dtype))

    clip = numbers("clip") if "clip" in fields else None
    scale = numbers("scale") or (dtype.type(1),)
    return Law(
        dtype,
        fields["distribution"],
        cast(tuple[Any, Any], numbers("interval")),
        scale[0],
        numbers("factors"),
        cast(tuple[Any, Any] | None, clip),
        fields.get("old_log1p", False),
    )


def _orthogonal(fields: Mapping[str, Any], keys: Keys) -> Value:
    shape, dtype = fields["shape"], fields["dtype"]
    data = Orthogonal(compiled=False if fields.get("old_log1p") else None)

    def matrix(key: Key) -> Tensor:
        return Tensor.computed(shape, dtype, lambda _: data.matrix(key, shape, dtype))

    return _of_each_key(keys, matrix, Tensor(shape, dtype, ()))


def _constant(fields: Mapping[str, Any]) -> Value:
    values, shape, dtype = fields["values"], fields["shape"], fields["dtype"]
    with np.errstate(all="ignore"):
        array = np.asarray(values, dtype if dtype.kind in "biu" else np.float64).astype(dtype)
    return np.broadcast_to(array[0], shape) if len(values) == 1 else array.reshape(shape)


def _reshape(fields: Mapping[str, Any], x: Value) -> Value:
    shape = fields["shape"]
    if isinstance(x, Tensor):
        return x.reshaped(shape)
    if isinstance(x, Keys):
        return x.moved(x.words.reshape(*shape, 2))
    return np.broadcast_to(x[(0,) * x.ndim], shape) if _repeats(x) else x.reshape(shape)


def _transpose(fields: Mapping[str, Any], x: Value) -> Value:
    axes = fields["axes"]
    if isinstance(x, Tensor):
        return x.transposed(axes)
    return x.moved(x.words.transpose(*axes, -1)) if isinstance(x, Keys) else x.transpose(axes)


def _slice(fields: Mapping[str, Any], x: Value) -> Value:
    start, stop, step = fields["start"], fields["stop"], fields["step"]
    if isinstance(x, Tensor):
        return x.sliced(start, stop, step)
    index = tuple(map(slice, start, stop, step))
    return x.moved(x.words[index]) if isinstance(x, Keys) else x[index]


def _dynamic_slice(fields: Mapping[str, Any], x: Value, *starts: Value) -> Value:
    sizes = fields["shape"]
    # An index that is too large or too small is moved to the nearest that fits, as in XLA.
    start = [
        min(max(int(as_array(one)), 0), n - size)
        for one, n, size in zip(starts, x.shape, sizes, strict=True)
    ]
    stop = [one + size for one, size in zip(start, sizes, strict=True)]
    return _slice({"start": start, "stop": stop, "step": [1] * len(start)}, x)


def _reverse(fields: Mapping[str, Any], x: Value) -> Value:
    axes = fields["axes"]
    if isinstance(x, Tensor):
        return x.reversed(axes)
    return x.moved(np.flip(x.words, axes)) if isinstance(x, Keys) else np.flip(x, axes)


def _broadcast(fields: Mapping[str, Any], x: Value) -> Value:
    shape, axes = fields["shape"], fields["axes"]
    if isinstance(x, Tensor):
        return x.broadcast(shape, axes)
    sizes = [1] * len(shape)
    for axis, n in zip(axes, x.shape, strict=True):
        sizes[axis] = n
    if isinstance(x, Keys):
        return x.moved(np.broadcast_to(x.words.reshape(*sizes, 2), (*shape, 2)))
    if _repeats(x) or x.size * math.prod(shape) <= _SMALL:
        return np.broadcast_to(x.reshape(sizes), shape)
    return as_tensor(x).broadcast(shape, axes)


def _concatenate(fields: Mapping[str, Any], *parts: Any) -> Value:
    axis = fields["axis"]
    if isinstance(parts[0], Keys):
        return parts[0].moved(np.concatenate([part.words for part in parts], axis))
    if _small(parts):
        return np.concatenate(parts, axis)
    return concatenated([as_tensor(part) for part in parts], axis)


def _update(fields: Mapping[str, Any], x: Any, part: Any) -> Value:
    start = fields["start"]
    if not isinstance(x, Keys) and not _small([x, part]):
        return as_tensor(x).updated(as_tensor(part), start)
    array, new = (x.words, part.words) if isinstance(x, Keys) else (x, part)
    array = array.copy()
    array[tuple(slice(a, a + n) for a, n in zip(start, part.shape, strict=True))] = new
    return x.moved(array) if isinstance(x, Keys) else cast(Array, array)


def _convert(fields: Mapping[str, Any], x: Any) -> Value:
    dtype = fields["dtype"]
    if isinstance(x, np.ndarray):
        return _each_once(lambda array: converted(array, dtype), x)
    return Tensor.computed(x.shape, dtype, lambda sources: converted(_made(sources, x), dtype))


#: What each operation makes of its inputs: (fields, *inputs) -> value.
STEPS: Mapping[str, Callable[..., Value]] = {
    "split": _split,
    "fold_in": _fold_in,
    "draw": _draw,
    "orthogonal": _orthogonal,
    "constant": _constant,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "reverse": _reverse,
    "broadcast": _broadcast,
    "concatenate": _concatenate,
    "update": _update,
    "convert": _convert,
}
