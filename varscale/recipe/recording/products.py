"""Operations on elements, and what XLA makes of several of them where it compiles them together.

Source: measured on jax 0.10.2 and 0.12.0.1; `record` compares every recipe with the JAX at work.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from varscale.dtypes import FLOATS
from varscale.numerics.arithmetic import Arithmetic
from varscale.recipe.exponentials import DTYPES as EXPONENTIAL
from varscale.recipe.recording.values import (
    Drawn,
    Fixed,
    Moved,
    Product,
    Stored,
    Tracing,
    Value,
    as_number,
    moved_as,
    shape_of,
)
from varscale.recipe.recording.versions import FOLDS

__all__ = ["BY_RECIPROCAL", "elementwise"]

#: Dtypes in which a division by one number for all elements is a product with its reciprocal.
BY_RECIPROCAL = tuple(np.dtype(kind) for kind in (np.float16, np.float32, np.float64))
#: Dtypes in which compiled code fuses a product and a sum.
_FUSED = (np.dtype(np.float32), np.dtype(np.float64))
#: Elements from which on exp and log are those of `varscale.recipe.exponentials`; of fewer, they
#: are where there is one or a multiple of 4. In jax 0.10.2, arrays of one axis of 3, 5, 6, 7, 11,
#: 13, 14 and 15 differ where nothing else is compiled with them.
_SURE_FROM = 16


def elementwise(tracer: Tracing, eqn: Any, name: str, inputs: list[Value]) -> Value:
    """The result of an operation on elements, by its name in a recipe.

    Raises:
        NotImplementedError: a choice among more than two arrays; exp or log of another dtype than
            those short of float64, of an accuracy that is asked for, or of few elements.
    """
    shape = eqn.outvars[0].aval.shape
    dtype = np.dtype(eqn.invars[-1].aval.dtype)
    if name == "negate":
        negated = _negated(tracer, inputs[0])
        if negated is not None:
            return negated
    if name == "divide" and dtype in BY_RECIPROCAL and _same_for_all(tracer, inputs[1], shape):
        name = "multiply"
        inputs = [inputs[0], _reciprocal(tracer, as_number(inputs[1], shape), dtype)]
    inputs = _spread(tracer, inputs, shape)
    if name == "multiply" and dtype in FLOATS:
        return _product(tracer, inputs[0], inputs[1], shape, dtype)
    if name in ("add", "subtract") and tracer.unit is not None and dtype in _FUSED:
        fused = _fused(tracer, name, inputs, shape)
        if fused is not None:
            return fused
    if name in ("exp", "log"):
        if dtype.name not in EXPONENTIAL:
            raise NotImplementedError(f"of {dtype}, only of {', '.join(EXPONENTIAL)}")
        if eqn.params.get("accuracy") is not None:
            raise NotImplementedError("it asks for another accuracy than JAX's own")
        size = math.prod(shape)
        if 1 < size < _SURE_FROM and size % 4:
            raise NotImplementedError(f"XLA may round it in another way for {size} elements")
    if name == "select" and len(inputs) != 3:
        raise NotImplementedError("it chooses among more than two")
    return _written(tracer, name, inputs, shape)


def _reciprocal(tracer: Tracing, x: Value, dtype: np.dtype[Any]) -> Value:
    in_dtype = Arithmetic(dtype)
    if isinstance(x, Fixed):
        return Fixed(np.asarray(in_dtype.divide(in_dtype.value(1), x.number)), inner=x.inner)
    return tracer.scope.add("divide", Fixed(np.ones((), dtype)), x, shape=())


def _written(tracer: Tracing, name: str, inputs: list[Value], shape: tuple[int, ...]) -> Stored:
    """An operation on elements; constants are numbers where another input has the shape."""
    return tracer.scope.add(name, *(as_number(one, shape) for one in inputs), shape=shape)


def _spread(tracer: Tracing, inputs: list[Value], shape: tuple[int, ...]) -> list[Value]:
    """The inputs, drawn numbers as arrays where no input but constants is one and the result is.

    Raises:
        NotImplementedError: XLA may compute with the factors of the number first.
    """
    if not shape or any(shape_of(as_number(one, shape)) for one in inputs):
        return inputs
    if tracer.unit is not None and any(isinstance(one, Drawn | Product) for one in inputs):
        raise NotImplementedError(
            "in compiled code, a drawn number and a constant array give an array; draw the array, "
            "or make it of the result: jnp.full(shape, number)"
        )
    fields = {"shape": shape, "axes": ()}
    return [
        one if isinstance(one, Fixed)
        else tracer.scope.add("broadcast", one, shape=shape, fields=fields)
        for one in inputs
    ]  # fmt: skip


def _negated(tracer: Tracing, x: Value) -> Value | None:
    if isinstance(x, Drawn):
        return x.negated(tracer.unit)
    if isinstance(x, Product) and x.unit is tracer.unit:
        a = tracer.scope.add("negate", x.a, shape=shape_of(x.a))
        return Product(a, x.b, x.shape, x.unit, folds=False)
    if isinstance(x, Moved):
        negated = _negated(tracer, x.source)
        if negated is not None:
            return moved_as(tracer, x, negated)
    return None


def _product(
    tracer: Tracing, a: Value, b: Value, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Value:
    """A product; of a draw and a number, still a draw.

    In compiled code, XLA may make one number of two (`versions.FOLDS`).
    """
    a, b = sorted((a, b), key=_order)
    number = as_number(b, shape)
    # A number for all elements of an array may be handed in; for one element it may not.
    inner = b.inner if isinstance(b, Fixed) and shape_of(b) == shape else shape_of(b) == ()
    if tracer.unit is not None and _is_one(number) and shape_of(a) == shape:
        return a  # XLA leaves the product out
    if isinstance(a, Moved) and inner and shape_of(number) == () and _scaled_before(tracer, a):
        product = _product(tracer, a.source, number, shape_of(a.source), dtype)
        return moved_as(tracer, a, product)
    if isinstance(a, Drawn):
        if isinstance(number, Fixed) and number.uniform:
            scaled = a.times(number.number, tracer.unit, inner=inner)
            if scaled is not None:
                return scaled
        elif a.folds and a.unit is tracer.unit and shape and shape_of(number) == ():
            last = Fixed(np.asarray(a.scale[-1]))
            number = tracer.scope.add("multiply", last, number, shape=())
            a = a.without_last()
    elif (
        isinstance(a, Product)
        and a.folds
        and a.unit is tracer.unit
        and FOLDS
        and inner
        and shape_of(a.b) == shape_of(number) == ()
        and (shape or (isinstance(a.b, Fixed) and isinstance(number, Fixed) and a.b.inner))
    ):
        number = tracer.scope.add("multiply", a.b, number, shape=())
        a = a.a
    a = as_number(a, shape)
    if tracer.unit is not None and dtype in BY_RECIPROCAL:
        return Product(a, number, shape, tracer.unit)
    return _written(tracer, "multiply", [a, number], shape)


def _order(factor: Value) -> int:
    """Draws first, constants last."""
    if isinstance(factor, Drawn):
        return 0
    return 1 if isinstance(factor, Product | Moved) else 3 if isinstance(factor, Fixed) else 2


def _scaled_before(tracer: Tracing, moved: Moved) -> bool:
    """Whether XLA makes one number of two factors, one before the move and one after it.

    Not where elements are left out, nor where what is reversed was moved before.
    """
    if not FOLDS or moved.unit is not tracer.unit or moved.name == "slice":
        return False
    return moved.name != "reverse" or not isinstance(moved.source, Moved)


def _is_one(number: Value) -> bool:
    """A constant 1 in the code being compiled."""
    return isinstance(number, Fixed) and number.inner and number.uniform and number.number == 1


def _same_for_all(tracer: Tracing, divisor: Value, shape: tuple[int, ...]) -> bool:
    """Whether XLA sees that all elements are divided by one number."""
    if tracer.unit is not None and isinstance(divisor, Fixed) and divisor.uniform:
        return shape != () or divisor.inner
    return shape != () and shape_of(divisor) == ()


def _fused(tracer: Tracing, name: str, inputs: list[Value], shape: tuple[int, ...]) -> Value | None:
    """The sum of a product and something else, rounded once."""
    scope = tracer.scope
    left, right = (_factors(tracer, one) for one in inputs)
    if left is not None:
        other = as_number(inputs[1], shape)
        if name == "subtract":
            other = scope.add("negate", other, shape=shape_of(other))
        return scope.add("fma", *left, other, shape=shape)
    if right is not None:
        a, b = right
        if name == "subtract":
            a = scope.add("negate", a, shape=shape_of(a))
        return scope.add("fma", a, b, as_number(inputs[0], shape), shape=shape)
    return None


def _factors(tracer: Tracing, value: Value) -> tuple[Value, Value] | None:
    """The factors of a product of the same compiled code."""
    if isinstance(value, Product) and value.unit is tracer.unit:
        return value.a, value.b
    if isinstance(value, Drawn) and value.scale and value.unit is tracer.unit:
        return value.without_last(), Fixed(np.asarray(value.scale[-1]))
    if isinstance(value, Moved) and value.unit is tracer.unit:
        factors = _factors(tracer, value.source)
        if factors is not None:
            before = shape_of(value.source)
            a, b = (
                moved_as(tracer, value, one)
                if shape_of(one) == before and not (before == () and isinstance(one, Fixed))
                else one
                for one in factors
            )
            return a, b
    return None
