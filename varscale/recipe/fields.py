"""What each operation of a recipe says beside its inputs, and how that is read from JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from varscale.dtypes import FLOATS, as_dtype

__all__ = [
    "COMPARISONS",
    "DTYPES",
    "ELEMENTWISE",
    "FIELDS",
    "Field",
    "dtype_from_json",
    "require",
    "sizes_from_json",
    "to_json",
]

_INTEGERS = tuple(np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64))
#: Dtypes of a recipe's arrays, by name.
DTYPES: Mapping[str, np.dtype[Any]] = {
    dtype.name: dtype for dtype in (np.dtype(bool), *_INTEGERS, *FLOATS)
}
#: Elements that an array of a recipe may have: positions are 64-bit.
_MOST = 2**63


def require(condition: bool, message: str) -> None:
    """Raise ValueError with this message where a recipe is not what it must be."""
    if not condition:
        raise ValueError(f"not a recipe: {message}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an operation.

    Attributes:
        read: makes its value from JSON's, or raises ValueError.
        optional: it may be missing.
    """

    read: Callable[[Any], Any]
    optional: bool = False


def to_json(value: Any) -> Any:
    """A field's value as JSON has it; numbers that JSON has not, as text."""
    if isinstance(value, tuple):
        return [to_json(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value.name if isinstance(value, np.dtype) else value


def dtype_from_json(value: Any) -> np.dtype[Any]:
    """A dtype of its name."""
    require(isinstance(value, str) and value in DTYPES, f"there is no dtype {value!r:.80}")
    return as_dtype(value)


def sizes_from_json(value: Any) -> tuple[int, ...]:
    """A shape."""
    require(
        isinstance(value, list) and all(type(one) is int and one >= 0 for one in value),
        f"a shape must be a list of sizes, got {value!r:.80}",
    )
    require(math.prod(value) < _MOST, f"an array must have fewer than 2**63 elements, got {value}")
    require(len(value) <= 32, f"an array must have at most 32 axes, got {len(value)}")
    return tuple(value)


def _integers(value: Any) -> tuple[int, ...]:
    require(
        isinstance(value, list) and all(type(one) is int for one in value),
        f"a list of integers is wanted, got {value!r:.80}",
    )
    return tuple(value)


def _integer(value: Any) -> int:
    require(type(value) is int and value >= 0, f"a number >= 0 is wanted, got {value!r:.80}")
    return int(value)


def _truth(value: Any) -> bool:
    require(type(value) is bool, f"true or false is wanted, got {value!r:.80}")
    return bool(value)


def _number(value: Any) -> float | int | bool:
    if value in ("nan", "inf", "-inf"):
        return float(value)
    require(type(value) in (int, float, bool), f"a number is wanted, got {value!r:.80}")
    result: float | int | bool = value
    return result


def _numbers(value: Any) -> tuple[float | int | bool, ...]:
    require(isinstance(value, list), f"a list of numbers is wanted, got {value!r:.80}")
    return tuple(_number(one) for one in value)


def _floats(value: Any) -> tuple[float, ...]:
    numbers = _numbers(value)
    require(all(type(one) is float for one in numbers), f"floats are wanted, got {value!r:.80}")
    return tuple(float(one) for one in numbers)


def _pair(value: Any) -> tuple[float, ...]:
    pair = _floats(value)
    require(len(pair) == 2, f"two floats are wanted, got {value!r:.80}")
    return pair


def _distribution(value: Any) -> str:
    allowed = ("uniform", "normal", "truncated_normal")
    require(value in allowed, f"distribution must be one of {allowed}, got {value!r:.80}")
    return str(value)


def _body(value: Any) -> Any:
    return value  # a program, read by varscale.recipe.format


#: Operations on values of equal shapes, or scalars: how many inputs each has.
ELEMENTWISE: Mapping[str, int] = {
    "add": 2, "subtract": 2, "multiply": 2, "divide": 2, "maximum": 2, "minimum": 2,
    "negate": 1, "absolute": 1, "sign": 1, "sqrt": 1, "fma": 3,
    "exp": 1, "log": 1,
    "equal": 2, "not_equal": 2, "less": 2, "less_equal": 2, "greater": 2, "greater_equal": 2,
    "select": 3,
}  # fmt: skip

_SIZES, _AXES, _DTYPE = Field(sizes_from_json), Field(_integers), Field(dtype_from_json)

#: Those whose results are truth values.
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")

#: Every operation of the format and its fields; docs/recipes.md says what they mean.
FIELDS: Mapping[str, Mapping[str, Field]] = {
    "wrap": {},
    "unwrap": {},
    "split": {"shape": _SIZES},
    "fold_in": {},
    "draw": {
        "shape": _SIZES,
        "dtype": _DTYPE,
        "distribution": Field(_distribution),
        "interval": Field(_pair),
        "factors": Field(_floats),
        "clip": Field(_pair, optional=True),
        "scale": Field(_floats),
        "old_log1p": Field(_truth, optional=True),
    },
    "orthogonal": {"shape": _SIZES, "dtype": _DTYPE, "old_log1p": Field(_truth, optional=True)},
    "constant": {"shape": _SIZES, "dtype": _DTYPE, "values": Field(_numbers)},
    "reshape": {"shape": _SIZES},
    "transpose": {"axes": _AXES},
    "slice": {"start": _SIZES, "stop": _SIZES, "step": _SIZES},
    "dynamic_slice": {"shape": _SIZES},
    "reverse": {"axes": _AXES},
    "broadcast": {"shape": _SIZES, "axes": _AXES},
    "concatenate": {"axis": Field(_integer)},
    "update": {"start": _SIZES},
    "convert": {"dtype": _DTYPE},
    **{name: {} for name in ELEMENTWISE},
    "scan": {
        "length": Field(_integer),
        "reverse": Field(_truth),
        "consts": Field(_integer),
        "carry": Field(_integer),
        "body": Field(_body),
        "results": _AXES,
    },
}
