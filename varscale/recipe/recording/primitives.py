"""What JAX's primitives become in a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from varscale.recipe.recording.products import elementwise
from varscale.recipe.recording.sampling import normal_of
from varscale.recipe.recording.values import (
    Fixed,
    Stored,
    Tracing,
    Value,
    put_elsewhere,
    shape_of,
)

__all__ = ["OF_ELEMENTS", "REARRANGING", "recorded"]

#: Operations on elements: the primitive's name and the recipe's.
_ELEMENTWISE = {
    "add": "add", "add_any": "add", "sub": "subtract", "mul": "multiply", "div": "divide",
    "max": "maximum", "min": "minimum", "neg": "negate", "abs": "absolute", "sign": "sign",
    "sqrt": "sqrt", "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal",
    "exp": "exp", "log": "log", "gt": "greater", "ge": "greater_equal", "select_n": "select",
}  # fmt: skip
#: Primitives of which an array of one number is again an array of one number.
OF_ELEMENTS = frozenset(_ELEMENTWISE) | {
    "convert_element_type", "log1p", "expm1", "tanh", "logistic", "pow",
    "integer_pow", "square", "rsqrt", "erf", "erf_inv", "floor", "ceil", "round", "and", "or",
    "not", "clamp", "sin", "cos", "exp2",
}  # fmt: skip
#: Primitives that put elements elsewhere, and change none.
REARRANGING = frozenset(
    {"broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "rev", "slice",
     "tile", "copy", "copy_p"}
)  # fmt: skip
#: Primitives whose result is their input.
_NOTHING = frozenset(
    {"copy", "copy_p", "random_clone", "stop_gradient", "sharding_constraint", "device_put",
     "optimization_barrier", "name", "pvary"}
)  # fmt: skip


def recorded(tracer: Tracing, eqn: Any, inputs: list[Value]) -> list[Value] | None:
    """The results of an equation, or None where no operation is equal to it.

    Raises:
        NotImplementedError: a use of the primitive that cannot be recorded.
    """
    name = eqn.primitive.name
    if name in _NOTHING:
        return inputs
    if name in _ELEMENTWISE:
        return [elementwise(tracer, eqn, _ELEMENTWISE[name], inputs)]
    rule = _RULES.get(name)
    if rule is None:
        return None
    results = rule(tracer, eqn, *inputs)
    return results if results is None or isinstance(results, list) else [results]


def _simple(name: str, **fields: Callable[[Any], Any]) -> Callable[..., Stored]:
    """A rule: an operation of one result whose fields are made from the equation."""

    def rule(tracer: Tracing, eqn: Any, *inputs: Value) -> Stored:
        made = {each: make(eqn) for each, make in fields.items()}
        return tracer.scope.add(name, *inputs, shape=eqn.outvars[0].aval.shape, fields=made)

    return rule


def _moving(name: str, **fields: Callable[[Any], Any]) -> Callable[..., Value]:
    """A rule: an operation that puts elements elsewhere."""

    def rule(tracer: Tracing, eqn: Any, x: Value) -> Value:
        made = {each: make(eqn) for each, make in fields.items()}
        return put_elsewhere(tracer, name, x, shape=_shape(eqn), fields=made)

    return rule


def _shape(eqn: Any) -> tuple[int, ...]:
    return tuple(map(int, eqn.outvars[0].aval.shape))


def _integers(name: str) -> Callable[[Any], tuple[int, ...]]:
    return lambda eqn: tuple(int(one) for one in eqn.params[name])


def _converted(tracer: Tracing, eqn: Any, x: Value) -> Value:
    dtype = np.dtype(eqn.params["new_dtype"])
    if dtype == np.dtype(eqn.invars[0].aval.dtype):
        return x
    if dtype.kind == "c":
        raise NotImplementedError("there are no complex numbers in a recipe")
    if dtype.kind in "iu" and np.dtype(eqn.invars[0].aval.dtype).kind not in "iub":
        raise NotImplementedError("floats become no integers in a recipe")
    return tracer.scope.add("convert", x, shape=_shape(eqn), fields={"dtype": dtype})


def _reshape(tracer: Tracing, eqn: Any, x: Value, *sizes: Value) -> Value:
    if eqn.params.get("dimensions") is not None or sizes:
        raise NotImplementedError("it transposes, or has a size that is not known")
    return _reshaped(tracer, x, _shape(eqn))


def _reshaped(tracer: Tracing, x: Value, shape: tuple[int, ...]) -> Value:
    return put_elsewhere(tracer, "reshape", x, shape=shape, fields={"shape": shape})


def _slice(tracer: Tracing, eqn: Any, x: Value) -> Value:
    start, stop = _integers("start_indices")(eqn), _integers("limit_indices")(eqn)
    step = tuple(map(int, eqn.params["strides"] or (1,) * len(start)))
    fields = {"start": start, "stop": stop, "step": step}
    return put_elsewhere(tracer, "slice", x, shape=_shape(eqn), fields=fields)


def _split_array(tracer: Tracing, eqn: Any, x: Value) -> list[Value]:
    axis, offset = int(eqn.params["axis"]), 0
    start, stop = [0] * len(shape_of(x)), list(shape_of(x))
    parts: list[Value] = []
    for size, result in zip(_integers("sizes")(eqn), eqn.outvars, strict=True):
        start[axis], stop[axis] = offset, offset + size
        fields = {"start": tuple(start), "stop": tuple(stop), "step": (1,) * len(start)}
        parts.append(put_elsewhere(tracer, "slice", x, shape=result.aval.shape, fields=fields))
        offset += size
    return parts


def _dynamic_slice(tracer: Tracing, eqn: Any, x: Value, *start: Value) -> Value:
    fields = {"shape": _shape(eqn)}
    return tracer.scope.add("dynamic_slice", x, *start, shape=_shape(eqn), fields=fields)


def _dynamic_update_slice(tracer: Tracing, eqn: Any, x: Value, part: Value, *start: Value) -> Value:
    if not all(isinstance(one, Fixed) for one in start):
        raise NotImplementedError("its place depends on the key, or on the step of a loop")
    room = [n - m for n, m in zip(shape_of(x), shape_of(part), strict=True)]
    at = [int(one.number) for one in start if isinstance(one, Fixed)]
    place = tuple(min(max(a, 0), n) for a, n in zip(at, room, strict=True))
    return tracer.scope.add("update", x, part, shape=_shape(eqn), fields={"start": place})


def _scatter(tracer: Tracing, eqn: Any, x: Value, indices: Value, part: Value) -> Value:
    """`x.at[i, j].set(part)`, with numbers for i and j."""
    numbers, shape = eqn.params["dimension_numbers"], _shape(eqn)
    lead = tuple(range(len(numbers.inserted_window_dims)))
    if not (
        isinstance(indices, Fixed)
        and indices.array.shape == (len(lead),)
        and tuple(numbers.inserted_window_dims) == lead
        and tuple(numbers.scatter_dims_to_operand_dims) == lead
        and shape_of(part) == shape[len(lead) :]
    ):
        raise NotImplementedError("only x.at[i, ...].set(y) at known positions is recorded")
    at = [int(one) for one in indices.array]
    if not all(0 <= i < n for i, n in zip(at, shape, strict=False)):
        raise NotImplementedError("a position lies outside the array")
    whole = (*(1 for _ in lead), *shape_of(part))
    inner = _reshaped(tracer, part, whole)
    start = (*at, *(0 for _ in shape_of(part)))
    return tracer.scope.add("update", x, inner, shape=shape, fields={"start": start})


def _unstacked(tracer: Tracing, eqn: Any, x: Value) -> list[Value]:
    axis, shape = int(eqn.params["axis"]), shape_of(x)
    rows: list[Value] = []
    for i, result in enumerate(eqn.outvars):
        start, stop = [0] * len(shape), list(shape)
        start[axis], stop[axis] = i, i + 1
        fields = {"start": tuple(start), "stop": tuple(stop), "step": (1,) * len(shape)}
        row = (*shape[:axis], 1, *shape[axis + 1 :])
        part = put_elsewhere(tracer, "slice", x, shape=row, fields=fields)
        rows.append(_reshaped(tracer, part, tuple(map(int, result.aval.shape))))
    return rows


def _stack(tracer: Tracing, eqn: Any, *parts: Value) -> Value:
    axis, result = int(eqn.params["axis"]), _shape(eqn)
    row = (*result[:axis], 1, *result[axis + 1 :])
    rows = [_reshaped(tracer, one, row) for one in parts]
    return tracer.scope.add("concatenate", *rows, shape=result, fields={"axis": axis})


def _tile(tracer: Tracing, eqn: Any, x: Value) -> Value:
    sizes, count = shape_of(x), len(shape_of(x))
    pairs = zip(_integers("reps")(eqn), sizes, strict=True)
    wide = tuple(n for pair in pairs for n in pair)
    fields = {"shape": wide, "axes": tuple(range(1, 2 * count, 2))}
    repeated = put_elsewhere(tracer, "broadcast", x, shape=wide, fields=fields)
    return _reshaped(tracer, repeated, _shape(eqn))


def _square(tracer: Tracing, eqn: Any, x: Value) -> Value:
    return elementwise(tracer, eqn, "multiply", [x, x])


_RULES: Mapping[str, Callable[..., Any]] = {
    "random_wrap": _simple("wrap"),
    "random_unwrap": _simple("unwrap"),
    "random_split": _simple("split", shape=_integers("shape")),
    "random_fold_in": _simple("fold_in"),
    "erf_inv": normal_of,
    "reshape": _reshape,
    "squeeze": _moving("reshape", shape=_shape),
    "expand_dims": _moving("reshape", shape=_shape),
    "transpose": _moving("transpose", axes=_integers("permutation")),
    "slice": _slice,
    "split": _split_array,
    "rev": _moving("reverse", axes=_integers("dimensions")),
    "broadcast_in_dim": _moving("broadcast", shape=_shape, axes=_integers("broadcast_dimensions")),
    "concatenate": _simple("concatenate", axis=lambda eqn: int(eqn.params["dimension"])),
    "stack": _stack,
    "unstack": _unstacked,
    "tile": _tile,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "scatter": _scatter,
    "convert_element_type": _converted,
    "square": _square,
}
