"""Arguments as users give them: shapes, axes, numbers, choices; checked, with the errors of JAX."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varscale.fans import Axes, axes_tuple

__all__ = [
    "as_axes",
    "as_compiled",
    "as_path",
    "as_shape",
    "check_choice",
    "check_kind",
    "check_number",
    "is_number",
]


def as_shape(shape: Sequence[int] | int) -> tuple[int, ...]:
    """A shape as a tuple of Python integers.

    Raises:
        TypeError: not integers, or negative ones.
    """
    try:
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        result = tuple(operator.index(size) for size in sizes)
    except TypeError:
        raise TypeError(f"shape must be a sequence of integers, got {shape!r}") from None
    if any(size < 0 for size in result):
        raise TypeError(f"shape must not have negative sizes, got {result}")
    if math.prod(result) >= 2**63:
        raise NotImplementedError(f"shape must have fewer than 2**63 elements, got {result}")
    return result


def as_axes(name: str, axes: Axes) -> Axes:
    """One axis, or several as a tuple; TypeError otherwise."""
    chosen = axes_tuple(name, axes)
    return chosen if np.iterable(axes) else chosen[0]


def as_compiled(compiled: Any) -> bool | None:
    """None, True or False; TypeError for what would silently choose other values."""
    if compiled is not None and not isinstance(compiled, bool | np.bool_):
        raise TypeError(f"compiled must be None, True or False, got {compiled!r}")
    return None if compiled is None else bool(compiled)


def as_path(name: str, path: Any) -> Path:
    """The path of a file; TypeError for what is no path."""
    check_kind(name, path, str | os.PathLike, "the path of a file")
    return Path(path)


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError where the value is none of those allowed."""
    if value not in allowed:
        *first, last = (repr(one) for one in allowed)
        raise ValueError(f"{name} must be {', '.join(first)} or {last}, got {value!r}")


def check_kind(name: str, value: Any, kinds: Any, said: str) -> None:
    """Raise TypeError where the value is none of these types, which are `said` in words."""
    if not isinstance(value, kinds):
        raise TypeError(f"{name} must be {said}, got {type(value).__name__}")


def check_number(name: str, value: Any) -> None:
    """Raise TypeError where the value is not a real number."""
    if not is_number(value) or np.iscomplexobj(value):
        raise TypeError(f"{name} must be a real number, got {value!r}")


def is_number(value: Any) -> bool:
    """Whether the value is a number, or a scalar array of any framework."""
    return isinstance(value, int | float | complex | np.number | np.bool_) or (
        hasattr(value, "dtype") and getattr(value, "shape", None) == ()
    )
