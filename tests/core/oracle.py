"""What the installed JAX makes of a call, on CPU: its arrays as NumPy's, its errors as types.

Importing this skips the importing module where JAX is not installed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")

__all__ = [
    "EAGER",
    "EXACT",
    "LAWS",
    "VERSION",
    "Law",
    "configured",
    "is_reference",
    "jax",
    "outcome",
    "threefry",
]

VERSION: tuple[int, ...] = jax.__version_info__

#: What `compiled=` must be for varscale to give this JAX's eager values.
EAGER: bool | None = None if VERSION >= (0, 11) else False

#: Whether normal and truncated normal draws of this JAX are the reference, bit for bit.
EXACT = VERSION >= (0, 10)


def is_reference(shape: tuple[int, ...], dtype: str, distribution: str) -> bool:
    """Whether this JAX's values of such a draw must equal varscale's, bit for bit.

    The arithmetic of a JAX older than 0.10 is another. Since 0.11, XLA's CPU compiler rounds some
    float32 arrays of short rows (3 to 6 elements) in another way than all other shapes: there,
    JAX's own value depends on the shape, not on key and position alone.
    """
    if "uniform" in distribution or distribution == "constant":
        return True
    row = next((side for side in reversed(shape) if side != 1), 1)
    short = VERSION >= (0, 11) and str(dtype) == "float32" and 3 <= row <= 6
    return EXACT and not short


class Law:
    """How far an older JAX's erf_inv, and all that is drawn with it, is from the reference's.

    Attributes:
        below: the first version that it does not hold for.
        equal: at least this fraction is equal of all 2**23 float32, or of 2**20 float64 values.
        ulp: and the others are at most this many values away.
    """

    def __init__(self, below: tuple[int, ...], equal: float, ulp: int) -> None:
        self.below, self.equal, self.ulp = below, equal, ulp


#: By version, oldest first; the last is the reference's own.
LAWS = (
    Law((0, 7), 0.9995, 4),
    Law((0, 10), 0.994, 3),
    Law((999,), 1.0, 0),
)
LAW = next(law for law in LAWS if law.below > VERSION)


@contextlib.contextmanager
def configured(*, x64: bool = False, partitionable: bool = True) -> Iterator[None]:
    """JAX's settings that a draw's values depend on."""
    if hasattr(jax, "enable_x64"):
        wide = jax.enable_x64(x64)
    else:
        from jax.experimental import enable_x64

        wide = enable_x64(x64)
    cpu = jax.default_device(jax.devices("cpu")[0])
    with wide, jax.threefry_partitionable(partitionable), cpu:
        yield


def outcome(call: Callable[[], Any]) -> Any:
    """A call's result as a NumPy array, or the type of the exception that it raises."""
    try:
        result = call()
    except Exception as error:
        return type(error)
    if hasattr(result, "dtype") and str(result.dtype).startswith("key<"):
        result = jax.random.key_data(result)
    return np.asarray(result)


def threefry(
    words: tuple[int, int], high: np.ndarray[Any, Any], low: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """JAX's own block cipher at explicit counters."""
    from jax.extend.random import threefry2x32_p

    with configured():
        k0, k1 = (np.full(high.shape, word, np.uint32) for word in words)
        x0, x1 = threefry2x32_p.bind(*map(jax.numpy.asarray, (k0, k1, high, low)))
        return np.asarray(x0), np.asarray(x1)
