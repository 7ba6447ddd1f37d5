"""Arithmetic of a recipe on NumPy arrays, every operation rounded to its dtype as XLA rounds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from varscale.dtypes import FLOATS
from varscale.numerics.arithmetic import Arithmetic, flush
from varscale.numerics.numpy_ops import NUMPY
from varscale.recipe import exponentials

__all__ = ["converted", "elementwise"]

Array = np.ndarray[Any, Any]


@np.errstate(all="ignore")
def elementwise(name: str, *inputs: Array) -> Array:
    """An operation on arrays of equal shapes, or scalars.

    Args:
        name: one of `varscale.recipe.fields.ELEMENTWISE`.
        inputs: arrays of one dtype; of "select", the choice before them.
    """
    if name == "select":
        choice, on_false, on_true = inputs
        return np.asarray(np.where(choice, on_true, on_false))
    dtype = inputs[0].dtype
    if name in _FLOAT_ARITHMETIC and dtype in FLOATS:
        result = getattr(Arithmetic(dtype), name)(*inputs)
    elif name in _EXPONENTIALS:
        result = _EXPONENTIALS[name](np.atleast_1d(inputs[0].astype(np.float32)))
        result = result.reshape(inputs[0].shape)
    elif name == "fma":
        result = _fma(*inputs)
    else:
        result = _PLAIN[name](*inputs)
    kept = bool if result.dtype == bool else dtype
    return np.asarray(result).astype(kept, copy=False)


@np.errstate(all="ignore")
def converted(x: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another dtype."""
    result = x.astype(dtype)
    # JAX converts to bfloat16 by arithmetic in float32, which flushes; to float32 it does not.
    return flush(result) if dtype.name == "bfloat16" and x.dtype.kind != "b" else result


def _fma(*inputs: Array) -> Array:
    a, b, c = np.broadcast_arrays(*inputs)
    # At least 1-D: the repair of a double rounding writes into its result.
    return flush(NUMPY.fma(*map(np.atleast_1d, (a, b, c))).reshape(a.shape))


_FLOAT_ARITHMETIC = ("add", "subtract", "multiply", "divide", "sqrt")
_EXPONENTIALS = {"exp": exponentials.exp, "log": exponentials.log}
_PLAIN: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "negate": np.negative,
    "absolute": np.abs,
    "sign": np.sign,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
