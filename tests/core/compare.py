"""Comparing arrays bit by bit, with messages that repeat the test; JAX and varscale not known."""

from __future__ import annotations

import os
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["agree", "assert_identical", "command", "patterns", "same", "steps"]

Array = np.ndarray[Any, Any]


def patterns(values: Any) -> Array:
    """The bit patterns, as unsigned integers; a complex number is two of them."""
    array = np.ascontiguousarray(values)
    if array.dtype.kind == "c":
        array = array.view(array.real.dtype)
    return array.view(f"u{array.itemsize}")


def steps(got: Any, want: Any) -> Array:
    """How many representable values lie between two real arrays (ulp); NaN equals NaN alone."""
    assert got.dtype == want.dtype, (got.dtype, want.dtype)
    ordered = []
    for values in (got, want):
        bits = patterns(values).astype(np.int64)
        sign = np.int64(1) << (8 * values.itemsize - 1)
        # The int64 image of a uint64 above 2**63 is negative: both cases are "sign bit set".
        magnitude = bits & ~sign if values.itemsize < 8 else bits & np.int64(2**63 - 1)
        negative = bits < 0 if values.itemsize == 8 else (bits & sign) != 0
        ordered.append(np.where(negative, -magnitude, magnitude))
    distance = np.abs(ordered[0] - ordered[1])
    nan = [np.isnan(values.astype(np.float64)) for values in (got, want)]
    distance = np.where(nan[0] ^ nan[1], np.int64(2**62), distance)
    return np.where(nan[0] & nan[1], np.int64(0), distance)


def command() -> str:
    """The command that repeats the running test."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]
    return f"python -m pytest '{test}'"


def same(got: Any, want: Any) -> bool:
    """Whether shape, dtype and every bit agree; one NaN is as good as another."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    return not _differing(got, want).any()


def assert_identical(got: Any, want: Any, case: str) -> None:
    """Fail unless shape, dtype and every bit agree.

    Args:
        got: what varscale made.
        want: what is expected.
        case: what was drawn, so that a person can type it.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype, f"{case}: dtype {got.dtype}, expected {want.dtype}; {command()}"
    assert got.shape == want.shape, f"{case}: shape {got.shape}, expected {want.shape}; {command()}"
    wrong = _differing(got, want)
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        pair = np.array([got[first], want[first]], got.dtype)
        raise AssertionError(
            f"{case}: {int(wrong.sum())} of {wrong.size} values differ; the first, at {first}: "
            f"got {pair[0]!r} ({_hexadecimal(pair[:1])}), "
            f"expected {pair[1]!r} ({_hexadecimal(pair[1:])}); repeat with {command()}"
        )


def agree(got: Any, want: Any, case: str, *, exact: bool) -> None:
    """The same exception type, or identical arrays; within a few ulp where JAX itself differs."""
    if isinstance(want, type) or isinstance(got, type):
        assert got is want, f"{case}: got {got}, expected {want}; repeat with {command()}"
    elif exact or got.shape != want.shape or got.dtype != want.dtype or not got.size:
        assert_identical(got, want, case)
    else:
        limit = 1 if got.itemsize < 4 else 4
        distance = int(steps(got, want).max())
        assert distance <= limit, f"{case}: {distance} ulp; repeat with {command()}"


def _differing(got: Array, want: Array) -> Array:
    parts = 2 if got.dtype.kind == "c" else 1
    bits = [patterns(values).reshape(*values.shape, parts) for values in (got, want)]
    wrong = (bits[0] != bits[1]).any(axis=-1)
    if wrong.any() and (got.dtype.kind in "fc" or _is_short(got.dtype)):
        wrong &= ~(_nan(got) & _nan(want))
    return wrong


def _is_short(dtype: np.dtype[Any]) -> bool:
    try:
        ml_dtypes.finfo(dtype)
    except ValueError:
        return False
    return True


def _nan(values: Array) -> Array:
    return np.isnan(values if values.dtype.kind == "c" else values.astype(np.float64))


def _hexadecimal(values: Array) -> str:
    return " ".join(f"{int(bits):#x}" for bits in patterns(values).ravel())
